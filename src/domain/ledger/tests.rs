//! The ledger on its own: what a stale, repeated or missing view of a requester may and may not do.

use std::time::Duration;

use rand::{Rng, SeedableRng, rngs::StdRng};

use super::*;
use crate::domain::product::{self, Answer, Ask, Entry};
use crate::domain::{Generation, Meta, Policy, order};

fn now() -> Time {
    Time::from_millis(1_000_000)
}

fn policy() -> Policy {
    Policy { settle_within: Duration::ZERO, ..Policy::default() }
}

fn meta() -> Meta {
    Meta::sample("mug", 1, now())
}

fn request(order: &str, version: u64, ask: Ask) -> Request<Ask> {
    let requester = (Kind::Order, order.to_owned());
    let (order, name) = (order.to_owned(), order.to_owned());
    Request { order, name, requester, version: Version(version), read: None, gone: None, arrived: now(), ask }
}

fn asked<Ask>(requests: Vec<Request<Ask>>) -> Asked<Ask> {
    Asked { requests, missing: Vec::new(), referred: true, orders_afresh: false, unreadable: Vec::new() }
}

fn observed(stock: i64, status: product::Status, requests: Vec<Request<Ask>>) -> product::Observed {
    product::Observed { meta: meta(), stock, status, asked: asked(requests) }
}

fn on(seen: &product::Observed, now: Time, policy: &Policy) -> Plan<product::Status> {
    product::decide(&Case { seen, now, policy })
}

fn decide(stock: i64, status: &product::Status, requests: Vec<Request<Ask>>) -> Plan<product::Status> {
    on(&observed(stock, status.clone(), requests), now(), &policy())
}

/// The status after the decision; the plan must have one.
fn next(stock: i64, status: &product::Status, requests: Vec<Request<Ask>>) -> product::Status {
    decide(stock, status, requests).status.expect("a status to write")
}

fn answers(status: &product::Status) -> Vec<(&str, Answer)> {
    status.entries.iter().map(|entry| (entry.order.as_str(), entry.answer)).collect()
}

#[test]
fn one_write_answers_everything_that_waits_first_come_first_served() {
    let mut late = request("late", 7, Ask::Hold(2));
    late.arrived = Time::from_millis(2_000_000);
    let status = next(3, &Default::default(), vec![late, request("b", 5, Ask::Hold(1)), request("a", 6, Ask::Hold(1))]);
    assert_eq!(answers(&status), [("a", Answer::Held), ("b", Answer::Held), ("late", Answer::Refused)]);
    assert_eq!((status.available, status.reserved, status.sold), (1, 2, 0));
}

#[test]
fn what_was_paid_is_sold_and_leaves_and_the_mark_rises() {
    let held = next(3, &Default::default(), vec![request("a", 5, Ask::Hold(2))]);
    let sold = next(3, &held, vec![request("a", 9, Ask::Sell)]);
    assert_eq!((sold.available, sold.reserved, sold.sold), (1, 0, 2));
    assert!(sold.entries.is_empty());
    assert_eq!(sold.settled_through, "9");
}

#[test]
fn an_old_version_of_a_settled_requester_is_read_afresh_not_served_again() {
    let held = next(3, &Default::default(), vec![request("a", 5, Ask::Hold(2))]);
    let sold = next(3, &held, vec![request("a", 9, Ask::Sell)]);
    let plan = decide(3, &sold, vec![request("a", 5, Ask::Hold(2))]);
    assert_eq!(plan.intents, [Intent::ReadAfresh { kind: Kind::Order, name: "a".into() }]);
    assert!(plan.status.is_none());
    // Read afresh it says the same: then it was somebody else who settled at that version.
    let fresh = Request { read: Some(Version(30)), ..request("b", 5, Ask::Hold(1)) };
    assert_eq!(answers(&next(3, &sold, vec![fresh])), [("b", Answer::Held)]);
}

#[test]
fn a_release_gives_back_what_was_held_or_sold_and_nothing_else() {
    let release = |paid| Ask::Release { quantity: 2, paid };
    let held = next(3, &Default::default(), vec![request("a", 5, Ask::Hold(2))]);
    let released = next(3, &held, vec![request("a", 9, release(false))]);
    assert_eq!((released.available, released.reserved, released.sold), (3, 0, 0));
    assert_eq!(answers(&released), [("a", Answer::Released)]);

    let sold = next(3, &held, vec![request("a", 9, Ask::Sell)]);
    let returned = next(3, &sold, vec![request("a", 12, release(true))]);
    assert_eq!((returned.available, returned.reserved, returned.sold), (3, 0, 0));

    let never_asked = next(3, &Default::default(), vec![request("a", 5, release(false))]);
    assert_eq!((never_asked.available, answers(&never_asked)), (3, vec![("a", Answer::Released)]));

    // The answer stands until it is acknowledged, however often it is asked for.
    assert!(decide(3, &returned, vec![request("a", 12, release(true))]).status.is_none());
    let refused = next(1, &Default::default(), vec![request("a", 5, Ask::Hold(2))]);
    assert_eq!(answers(&next(1, &refused, vec![request("a", 9, release(false))])), [("a", Answer::Released)]);
}

#[test]
fn a_sale_is_booked_soon_after_it_was_paid_and_later_where_it_may_be_taken_back() {
    let seconds = |n: u64| now().after(Duration::from_secs(n));
    let held = next(3, &Default::default(), vec![request("a", 5, Ask::Hold(2))]);
    let order = |releasing_at| order::Status {
        placed_at: Some(now()),
        paid_at: Some(seconds(10)),
        releasing_at,
        ..Default::default()
    };
    let seen = |wished, releasing_at| {
        let (ask, arrived) = Ask::of(&order(releasing_at), wished, 2).expect("placed");
        observed(3, held.clone(), vec![Request { arrived, ..request("a", 9, ask) }])
    };
    for (wished, due) in [(false, 20), (true, 50)] {
        let plan = on(&seen(wished, None), seconds(due - 1), &Policy::default());
        assert_eq!(plan, Plan::wait_until(seconds(due)), "nobody waits for it");
        let plan = on(&seen(wished, None), seconds(due), &Policy::default());
        assert_eq!(plan.status.expect("a write").sold, 2);
    }
    let undone = on(&seen(true, Some(seconds(11))), seconds(11), &Policy::default());
    let undone = undone.status.expect("the order waits for this");
    assert_eq!((undone.available, undone.sold, answers(&undone)), (3, 0, vec![("a", Answer::Released)]));
}

#[test]
fn an_acknowledged_answer_leaves_with_a_later_write_alone() {
    let refused = next(0, &Default::default(), vec![request("a", 5, Ask::Hold(1))]);
    assert!(decide(0, &refused, vec![request("a", 9, Ask::Ended)]).status.is_none(), "nobody waits for that");
    let later = next(0, &refused, vec![request("a", 9, Ask::Ended), request("b", 11, Ask::Hold(1))]);
    assert_eq!((answers(&later), later.settled_through.as_str()), (vec![("b", Answer::Refused)], "9"));
}

#[test]
fn a_requester_that_is_gone_settles_its_entry_as_it_stands() {
    let held = next(3, &Default::default(), vec![request("a", 5, Ask::Hold(2))]);
    let mut seen = observed(3, held.clone(), Vec::new());
    let plan = on(&seen, now(), &policy());
    assert_eq!(plan.intents, [Intent::ReadAfresh { kind: Kind::Order, name: "a".into() }], "absence proves nothing");
    seen.asked.missing = vec![("a".into(), Missing::Gone(Version(20)))];
    let settled = on(&seen, now(), &policy()).status.expect("a write");
    assert_eq!((settled.reserved, settled.sold, settled.settled_through.as_str()), (0, 2, "20"));
}

#[test]
fn a_full_ledger_lets_requests_wait() {
    let entries = (0..CAPACITY).map(|n| {
        let order = format!("order-{n}");
        Entry { order: order.clone(), name: order, quantity: 1, answer: Answer::Held }
    });
    let full = product::Status { reserved: CAPACITY as i64, entries: entries.collect(), ..Default::default() };
    let mut requests: Vec<_> = (0..CAPACITY).map(|n| request(&format!("order-{n}"), 1, Ask::Hold(1))).collect();
    requests.push(request("one-more", 2, Ask::Hold(1)));
    let plan = decide(2_000, &full, requests.clone());
    assert!(plan.status.is_none_or(|status| status.entries.len() == CAPACITY));
    requests[0] = request("order-0", 3, Ask::Sell);
    let status = next(2_000, &full, requests);
    assert!(status.entries.iter().any(|entry| entry.order == "one-more"), "who leaves makes room");
}

/// `stock_is_conserved`: whatever many orders do, and in whatever order and however stale it is seen.
#[test]
fn stock_is_conserved() {
    let seed: u64 = rand::random();
    println!("seed {seed}");
    let mut random = StdRng::seed_from_u64(seed);
    for _ in 0..300 {
        let stock = random.random_range(0..20);
        let mut status = product::Status::default();
        // What each order says at each of its versions; the ledger sees any version, never an older one than before.
        let mut orders: Vec<Vec<(u64, Ask)>> = Vec::new();
        let mut version = 0;
        for _ in 0..120 {
            version += 1;
            if orders.len() < 6 {
                orders.push(vec![(version, Ask::Hold(random.random_range(1..5)))]);
            }
            let order = random.random_range(0..orders.len());
            let entry = status.entries.iter().find(|entry| entry.order == format!("order-{order}"));
            let history = &mut orders[order];
            let Some((_, last)) = history.last().copied() else { continue };
            let following = match (last, entry.map(|entry| entry.answer)) {
                (Ask::Hold(_), Some(Answer::Held)) if random.random_bool(0.6) => Some(Ask::Sell),
                (Ask::Hold(quantity), _) if random.random_bool(0.3) => Some(Ask::Release { quantity, paid: false }),
                (Ask::Sell, _) if random.random_bool(0.5) => {
                    let Ask::Hold(quantity) = history[0].1 else { continue };
                    Some(Ask::Release { quantity, paid: true })
                }
                (Ask::Release { .. }, Some(Answer::Released)) => Some(Ask::Ended),
                _ => None,
            };
            history.extend(following.map(|ask| (version, ask)));
            let seen = orders.iter().enumerate().map(|(number, history)| {
                let stale = random.random_range(0..history.len());
                let fresh = random.random_bool(0.5);
                let (version, ask) = if fresh { history[history.len() - 1] } else { history[stale] };
                Request {
                    read: fresh.then_some(Version(u64::MAX)),
                    ..request(&format!("order-{number}"), version, ask)
                }
            });
            let seen: Vec<_> = seen.collect();
            if let Some(next) = decide(stock, &status, seen).status {
                status = next;
            }
            assert_eq!(status.supplied, status.available + status.reserved + status.sold);
            assert!(status.available >= 0 && status.reserved >= 0 && status.sold >= 0, "{status:?}");
        }
        // Everybody is seen as they are: what is reserved and sold is what orders hold and have bought.
        let as_it_is = |number: usize, history: &Vec<(u64, Ask)>| {
            let (version, ask) = history[history.len() - 1];
            Request { read: Some(Version(u64::MAX)), ..request(&format!("order-{number}"), version, ask) }
        };
        let all = orders.iter().enumerate().map(|(number, history)| as_it_is(number, history)).collect();
        if let Some(next) = decide(stock, &status, all).status {
            status = next;
        }
        let quantity = |history: &Vec<(u64, Ask)>| match history[0].1 {
            Ask::Hold(quantity) => quantity,
            _ => 0,
        };
        let bought: i64 = orders.iter().filter(|h| matches!(h[h.len() - 1].1, Ask::Sell)).map(quantity).sum();
        assert_eq!(status.sold, bought, "seed {seed}");
    }
}

/// A product whose mark lies in the future, with one sold and one held.
fn restored(mark: u64) -> product::Status {
    let held = next(5, &Default::default(), vec![request("a", 5, Ask::Hold(2)), request("b", 6, Ask::Hold(1))]);
    let sold = next(5, &held, vec![request("a", 9, Ask::Sell), request("b", 6, Ask::Hold(1))]);
    product::Status { settled_through: mark.to_string(), ..sold }
}

#[test]
fn a_mark_in_the_future_of_a_live_read_is_replaced_and_the_requester_is_served() {
    let status = restored(9_000);
    let unread = vec![request("c", 12, Ask::Hold(1)), request("b", 6, Ask::Hold(1))];
    let plan = decide(5, &status, unread);
    assert_eq!(plan.intents, [Intent::ReadAfresh { kind: Kind::Order, name: "c".into() }], "it may be an old version");
    let read = |name, version, at| Request { read: Some(Version(at)), ..request(name, version, Ask::Hold(1)) };
    // Two reads of one reconcile, of which one is older: both are served, or they would be read again and again.
    let both = vec![read("c", 12, 20), read("d", 13, 21), request("b", 6, Ask::Hold(1))];
    let plan = decide(6, &status, both);
    let facts: Vec<_> = plan.facts.iter().map(|fact| (fact.reason, fact.warning)).collect();
    assert_eq!(facts, [("ForeignMark", true)]);
    assert!(plan.facts[0].message.contains("9000") && plan.facts[0].message.contains("21"), "{:?}", plan.facts);
    let served = plan.status.expect("a write");
    assert_eq!(served.settled_through, "21");
    assert_eq!(answers(&served), [("b", Answer::Held), ("c", Answer::Held), ("d", Answer::Held)]);
    assert_eq!((served.available, served.reserved, served.sold), (1, 3, 2));
    assert_eq!(served.conditions[0].message, FOREIGN);
    // Who comes later needs no read any more, and it is said once.
    let later = decide(9, &served, vec![request("e", 30, Ask::Hold(1))]);
    assert!(later.intents.is_empty() && later.facts.is_empty() && later.status.is_some(), "{later:?}");
}

#[test]
fn what_a_replaced_mark_stood_for_is_not_served_twice() {
    let read = Request { read: Some(Version(20)), ..request("c", 12, Ask::Hold(1)) };
    let served = decide(5, &restored(9_000), vec![read, request("b", 6, Ask::Hold(1))]).status.expect("a write");
    // The buyer whose entry has left is seen as it was before.
    let others = [request("b", 6, Ask::Hold(1)), request("c", 12, Ask::Hold(1))];
    let plan = decide(5, &served, [vec![request("a", 5, Ask::Hold(2))], others.to_vec()].concat());
    assert_eq!(plan.intents, [Intent::ReadAfresh { kind: Kind::Order, name: "a".into() }]);
    assert!(plan.status.is_none());
    // What is settled while the mark is replaced raises what takes its place, and no more.
    let read = Request { read: Some(Version(20)), ..request("c", 12, Ask::Hold(1)) };
    let both = decide(5, &restored(9_000), vec![read, request("b", 25, Ask::Sell)]).status.expect("a write");
    assert_eq!((both.settled_through.as_str(), both.sold), ("25", 3));
}

#[test]
fn a_wallets_mark_from_another_history_is_replaced_too() {
    use crate::domain::{Money, wallet};
    let ask = wallet::Ask::Charge { money: Money::new(7, "KRW"), points: 0 };
    let charge = |read| Request {
        order: "a".into(),
        name: "pay-a".into(),
        requester: (Kind::Payment, "pay-a".into()),
        version: Version(12),
        read,
        gone: None,
        arrived: now(),
        ask: ask.clone(),
    };
    let seen = |read| wallet::Observed {
        meta: Meta::sample("alice", 1, now()),
        deposited: Money::new(10, "KRW"),
        points: 0,
        status: wallet::Status { settled_through: u64::MAX.to_string(), ..Default::default() },
        asked: asked(vec![charge(read)]),
    };
    let first = wallet::decide(&Case { seen: &seen(None), now: now(), policy: &policy() });
    // Its first status is written at once, and says nothing of what was not read yet.
    assert_eq!(first.status.map(|status| status.entries.len()), Some(0));
    let plan = wallet::decide(&Case { seen: &seen(Some(Version(20))), now: now(), policy: &policy() });
    assert_eq!(plan.facts.len(), 1);
    let status = plan.status.expect("a write");
    assert_eq!((status.settled_through.as_str(), status.charged.amount), ("20", 7));
}

#[test]
fn a_backlogged_ledger_looks_into_entries_whose_requester_was_not_seen() {
    let entries = (0..=BACKLOG).map(|n| {
        let order = format!("order-{n}");
        Entry { order: order.clone(), name: order, quantity: 1, answer: Answer::Refused }
    });
    let backlogged = product::Status { entries: entries.collect(), ..Default::default() };
    let mut status = product::Status { observed_generation: Generation(1), ..backlogged };
    status = decide(0, &product::Status { observed_generation: Generation(0), ..status }, Vec::new())
        .status
        .expect("a first status");
    let mut seen = observed(0, status.clone(), Vec::new());
    assert_eq!(on(&seen, now(), &policy()).intents.len(), LOOK_INTO);
    seen.asked.missing = vec![("order-3".into(), Missing::Gone(Version(40)))];
    let settled = on(&seen, now(), &policy()).status.expect("a write");
    assert_eq!(settled.entries.len(), BACKLOG);
}

#[test]
fn a_deleted_ledger_goes_only_after_every_order_was_read() {
    let mut seen = observed(3, Default::default(), Vec::new());
    (seen.meta.deleting, seen.asked.referred) = (Some(now()), false);
    assert_eq!(on(&seen, now(), &policy()).intents, [Intent::ReadOrders]);
    seen.asked.orders_afresh = true;
    assert_eq!(on(&seen, now(), &policy()).intents, [Intent::DropFinalizer(seen.meta.target())]);
    seen.asked.referred = true;
    assert!(on(&seen, now(), &policy()).intents.is_empty());
}

#[test]
fn an_unreadable_order_keeps_a_deleted_ledger_that_it_may_refer_to_and_its_entry() {
    let mut seen = observed(3, Default::default(), Vec::new());
    (seen.meta.deleting, seen.asked.referred, seen.asked.orders_afresh) = (Some(now()), false, true);
    seen.asked.unreadable = vec!["order-1".to_owned(), "order-2".to_owned()];
    let plan = on(&seen, now(), &policy());
    let status = plan.status.expect("it says so");
    assert!(plan.intents.is_empty() && status.conditions[0].message.contains("Order order-1 and 1 more"), "{status:?}");
    seen.status = status;
    assert_eq!(on(&seen, now(), &policy()), Plan::rest());
    let held = next(3, &Default::default(), vec![request("a", 5, Ask::Hold(2))]);
    let mut seen = observed(3, held, Vec::new());
    seen.asked.missing = vec![("a".into(), Missing::Unreadable)];
    assert_eq!(on(&seen, now(), &policy()), Plan::rest(), "it is there, and its word cannot be read");
}

#[test]
fn an_entry_for_which_a_payment_speaks_leaves_with_a_mark_that_nobody_serves_below() {
    let held = next(3, &Default::default(), vec![request("a", 5, Ask::Hold(2))]);
    let speaks = |ask, gone: Option<u64>| {
        let requester = (Kind::Payment, ids::child_name("a", "a"));
        Request { requester, gone: gone.map(Version), ..request("a", 900, ask) }
    };
    let released = next(3, &held, vec![speaks(Ask::Release { quantity: 2, paid: false }, None)]);
    for (status, ask) in [(&released, Ask::Ended), (&held, Ask::Sell)] {
        let plan = decide(3, status, vec![speaks(ask, None)]);
        assert_eq!(plan.intents, [Intent::ReadAfresh { kind: Kind::Order, name: "a".into() }], "{ask:?}");
        assert!(plan.status.is_none(), "{ask:?}");
        let left = next(3, status, vec![speaks(ask, Some(30)), request("b", 31, Ask::Hold(1))]);
        assert_eq!((answers(&left), left.settled_through.as_str()), (vec![("b", Answer::Held)], "30"), "{ask:?}");
        // Who still sees the order as it was does not hold for it again.
        let plan = decide(3, &left, vec![request("a", 5, Ask::Hold(2)), request("b", 31, Ask::Hold(1))]);
        assert_eq!(plan.intents, [Intent::ReadAfresh { kind: Kind::Order, name: "a".into() }], "{ask:?}");
    }
}

#[test]
fn an_entry_of_which_only_the_row_may_tell_waits_until_that_was_read() {
    let held = next(3, &Default::default(), vec![request("a", 5, Ask::Hold(2))]);
    let mut seen = observed(3, held, Vec::new());
    seen.asked.missing = vec![("a".into(), Missing::RowUnseen)];
    let plan = on(&seen, now(), &policy());
    assert_eq!(plan.intents, [Intent::ReadAfresh { kind: Kind::OrderView, name: "a".into() }]);
    assert!(plan.status.is_none());
}
