//! What a payment by a provider does next, for each thing that may be known.

use std::time::Duration;

use super::report::HOPELESS;
use super::*;
use crate::domain::child::Gone;
use crate::domain::provider::{self, Call, Reply};
use crate::domain::{Effect, Intent, Meta, Money, OrderRef, Policy, Time, conditions, product};

fn decide(seen: &Observed, now: Time, policy: &Policy) -> Plan<Status> {
    super::decide(&Case { seen, now, policy })
}

fn now() -> Time {
    Time::from_millis(10_000_000)
}

fn seen(reply: Option<Reply>) -> Observed {
    Observed {
        meta: Meta::sample("order-1-pay", 9, now()),
        order: OrderRef { name: "order-1".into(), uid: "uid-1".into() },
        funding: Funding::Provider(Provider {
            name: "card".into(),
            token: provider::Token("tok".into()),
            amount: Money::new(2_000, "KRW"),
            known: true,
            reply,
            refused: None,
            order_afresh: false,
            order_wishes: false,
            give_up_after: GIVE_UP_AFTER,
        }),
        free: false,
        cancel: false,
        unreadable: None,
        wallet_denied: None,
        refunded_by_hand: false,
        status: Status::default(),
        delivery: Lookup::Unproven,
        ticket: Lookup::Gone,
        stock: Vec::new(),
        has_items: true,
        owner: OwnerState::Open,
    }
}

fn provider(seen: &mut Observed) -> &mut Provider {
    match &mut seen.funding {
        Funding::Provider(provider) => provider,
        Funding::Wallet { .. } => unreachable!("it is paid by card"),
    }
}

fn plan(seen: &Observed) -> Plan<Status> {
    decide(seen, now(), &Policy::default())
}

fn asks(seen: &Observed) -> Option<Call> {
    match &plan(seen).intents[..] {
        [Intent::CallOutside(Effect::Provider { call, .. })] => Some(call.clone()),
        _ => None,
    }
}

fn cancelling(reply: Option<Reply>) -> Observed {
    Observed { cancel: true, ..seen(reply) }
}

#[test]
fn money_is_charged_only_where_a_look_up_found_nothing_and_nobody_wishes_to_cancel() {
    assert_eq!(asks(&seen(None)), Some(Call::LookUp));
    let mut unsure = seen(Some(Reply::NotFound));
    assert!(matches!(&plan(&unsure).intents[..], [Intent::ReadAfresh { kind: Kind::Order, .. }]));
    provider(&mut unsure).order_afresh = true;
    assert!(matches!(asks(&unsure), Some(Call::Charge { .. })));
    provider(&mut unsure).order_wishes = true;
    assert_eq!(plan(&unsure), Plan::rest());
}

#[test]
fn silence_decides_nothing() {
    let silent = plan(&seen(Some(Reply::Unknown { why: "HTTP 503".into() }))).status.unwrap();
    assert_eq!((silent.state, silent.attempts), (Some(State::Pending), 1));
    assert!(silent.approved_at.is_none() && silent.declined_at.is_none() && silent.retry_at > Some(now()));
}

#[test]
fn a_charge_that_is_refused_for_good_is_declined_once_its_key_is_bound() {
    let refused = seen(Some(Reply::Refused { charge: true, status: 422 }));
    assert_eq!(asks(&refused), Some(Call::Void), "an earlier one may be on its way");
    for bound in [Reply::Voided, Reply::Refunded, Reply::Declined { reason: "Lost".into() }] {
        let mut seen = seen(Some(bound));
        provider(&mut seen).refused = Some(422);
        let status = plan(&seen).status.unwrap();
        assert!(status.declined_at.is_some() && status.state == Some(State::Declined));
    }
    let mut unsure = seen(Some(Reply::Unknown { why: "HTTP 503".into() }));
    provider(&mut unsure).refused = Some(422);
    let status = plan(&unsure).status.unwrap();
    assert!(status.declined_at.is_none() && status.retry_at.is_some(), "nothing is known");
}

#[test]
fn a_look_up_or_a_void_that_is_refused_for_good_needs_a_person_at_once() {
    let refused = || Some(Reply::Refused { charge: false, status: 403 });
    for (seen, way) in [(seen(refused()), "cancel the order"), (cancelling(refused()), "refundedByHand")] {
        let status = plan(&seen).status.unwrap();
        assert!(!status.is_final() && status.retry_at.is_some(), "it is tried again");
        let said = status.conditions.iter().find(|condition| condition.type_ == conditions::STALLED).unwrap();
        assert!(said.message.contains("HTTP 403") && said.message.contains(way), "{}", said.message);
        assert!(said.message.contains("Correct url and access of card in the OrderPlatform"), "{}", said.message);
    }
}

#[test]
fn a_charge_that_is_not_answered_for_an_hour_needs_a_person() {
    let mut silent = seen(Some(Reply::Unknown { why: "HTTP 409".into() }));
    (silent.status.attempts, silent.status.failing_since) = (50, Some(now().before(HOPELESS)));
    let conditions = plan(&silent).status.unwrap().conditions;
    let said = conditions.iter().find(|condition| condition.type_ == conditions::STALLED).unwrap();
    assert!(said.message.contains("cancel the order"), "{}", said.message);
}

#[test]
fn nothing_is_approved_and_cancelled_without_asking_anybody() {
    let mut free = Observed { free: true, ..seen(None) };
    provider(&mut free).known = false;
    let approved = plan(&free);
    assert!(approved.intents.is_empty() && approved.status.as_ref().unwrap().approved_at.is_some());
    free.status = approved.status.unwrap();
    free.cancel = true;
    let cancelled = plan(&free);
    let status = cancelled.status.unwrap();
    assert!(cancelled.intents.is_empty() && status.cancelled_at.is_some() && status.refunded_at.is_none());
    free.status = Status::default();
    assert!(plan(&free).status.unwrap().cancelled_at.is_some(), "nor where it was never approved");
    let wallet = Funding::Wallet { name: "alice".into(), answer: Lookup::Gone, lacked: None };
    let by_wallet = Observed { funding: wallet, cancel: false, ..free };
    assert!(plan(&by_wallet).status.unwrap().approved_at.is_some());
}

#[test]
fn a_void_that_denies_an_approved_charge_is_no_refund() {
    let mut approved = cancelling(Some(Reply::Voided));
    approved.status.approved_at = Some(now());
    let failing = plan(&approved).status.unwrap();
    assert_eq!((failing.state, failing.cancelled_at, failing.attempts), (Some(State::Cancelling), None, 1));
    assert!(failing.conditions.iter().any(|c| c.message.contains("2000 KRW at risk")), "{failing:?}");
    provider(&mut approved).reply = Some(Reply::Refunded);
    let refunded = plan(&approved).status.unwrap();
    assert!(refunded.cancelled_at.is_some() && refunded.refunded_at.is_some());
    let never_charged = plan(&cancelling(Some(Reply::Voided))).status.unwrap();
    assert!(never_charged.cancelled_at.is_some() && never_charged.refunded_at.is_none());
}

#[test]
fn a_cancel_does_not_wait_for_the_next_attempt_to_charge() {
    let mut late = seen(None);
    let due = now().after(Duration::from_secs(300));
    (late.status.state, late.status.attempts, late.status.retry_at) = (Some(State::Pending), 9, Some(due));
    assert_eq!(plan(&late), Plan::wait_until(due));
    late.cancel = true;
    assert_eq!(asks(&late), Some(Call::Void));
    provider(&mut late).reply = Some(Reply::Unknown { why: "HTTP 503".into() });
    let first = plan(&late).status.unwrap();
    assert_eq!((first.state, first.attempts), (Some(State::Cancelling), 1), "its own attempts count from one");
    provider(&mut late).reply = None;
    late.status = first;
    assert_eq!(asks(&late), None, "from then on its own pauses count");
}

#[test]
fn a_namespace_that_goes_away_asks_for_the_refund_it_owes() {
    let mut leaving = cancelling(None);
    leaving.status.approved_at = Some(now());
    (leaving.meta.deleting, leaving.meta.namespace_terminating) = (Some(now()), true);
    assert_eq!(asks(&leaving), Some(Call::Void));
    provider(&mut leaving).reply = Some(Reply::Refunded);
    assert_eq!(asks(&leaving), None, "once");
}

#[test]
fn what_a_person_can_do_is_said_where_only_a_person_can() {
    let stalled = |seen: &Observed| {
        let mut seen = seen.clone();
        seen.meta.changed = Time::from_millis(0);
        let conditions = plan(&seen).status.expect("it is said").conditions;
        conditions.into_iter().find(|condition| condition.type_ == conditions::STALLED).expect("stalled").message
    };
    let mut unknown = seen(None);
    provider(&mut unknown).known = false;
    assert!(stalled(&unknown).contains("cancel the order"));
    unknown.cancel = true;
    assert!(stalled(&unknown).contains("refundedByHand: true on Payment order-1-pay"));
    let mut hopeless = cancelling(Some(Reply::Unknown { why: "HTTP 503".into() }));
    hopeless.status = Status {
        state: Some(State::Cancelling),
        attempts: 99,
        failing_since: Some(now().before(HOPELESS)),
        ..Status::default()
    };
    assert!(stalled(&hopeless).contains("refundedByHand: true on Payment order-1-pay"));
}

#[test]
fn a_payment_whose_order_is_gone_waits_for_no_wallet() {
    let answer = |answer| Funding::Wallet { name: "alice".into(), answer: Lookup::Present(answer), lacked: None };
    let mut left = Observed { funding: answer(None), owner: OwnerState::Unproven, ..seen(None) };
    assert!(matches!(&plan(&left).intents[..], [Intent::ReadAfresh { kind: Kind::Order, .. }]));
    left.owner = removed(Some(false));
    assert_eq!(plan(&left).intents, [Intent::CancelPayment(left.meta.target())], "it bars itself");
    left.cancel = true;
    left.funding = answer(Some(wallet::Answer::Refunded));
    let status = plan(&left).status.expect("cancelled");
    assert!(status.refunded_at.is_some() && status.releasing_at.is_some(), "the stock is asked back, too");
}

#[test]
fn a_payment_that_waits_names_its_wallet_and_what_follows() {
    let funding = Funding::Wallet { name: "alice".into(), answer: Lookup::Present(None), lacked: None };
    let mut waits = Observed { funding, ..seen(None) };
    waits.meta.changed = Time::from_millis(0);
    for (cancel, wanted) in [
        (false, "Wallet alice has not answered yet; the Payment is approved once it has booked the charge."),
        (true, "Wallet alice has not refunded or voided the charge yet; the Payment ends once it has."),
    ] {
        waits.cancel = cancel;
        let conditions = plan(&waits).status.expect("it says so").conditions;
        assert_eq!(conditions::waiting_message(&conditions), Some(wanted));
    }
}

#[test]
fn a_payment_says_that_its_wallet_cannot_be_written() {
    let funding = Funding::Wallet { name: "alice".into(), answer: Lookup::Present(None), lacked: None };
    let mut barred = Observed { funding, wallet_denied: Some("patch status Wallet alice: no".into()), ..seen(None) };
    barred.meta.changed = Time::from_millis(0);
    for cancel in [false, true] {
        barred.cancel = cancel;
        let conditions = plan(&barred).status.expect("it says so").conditions;
        let stalled = conditions.iter().find(|c| c.type_ == conditions::STALLED).expect("stalled");
        let message = &stalled.message;
        assert!(message.contains("Wallet alice cannot be written") && message.contains(": no"), "{message}");
    }
    barred.funding =
        Funding::Wallet { name: "alice".into(), answer: Lookup::Present(Some(wallet::Answer::Refunded)), lacked: None };
    assert!(plan(&barred).status.is_some_and(|status| status.refunded_at.is_some()), "it is answered already");
}

fn removed(ended: Option<bool>) -> OwnerState {
    OwnerState::Gone(Gone { noticed: Time::from_millis(0), ended, row_read: true })
}

/// An approved payment of an order that is gone.
fn paid(ended: Option<bool>, delivery: Lookup<Shipment>) -> Observed {
    let status = Status { approved_at: Some(now()), ..Status::default() };
    Observed { status, delivery, owner: removed(ended), ..seen(None) }
}

#[test]
fn the_payment_of_an_order_that_was_removed_goes_back_once_no_courier_can_bring_what_was_bought() {
    let shipment = |held, delivered| Lookup::Present(Shipment { held, delivered });
    let cancels = |seen: &Observed| plan(seen).intents == [Intent::CancelPayment(seen.meta.target())];
    for ended in [None, Some(false)] {
        assert_eq!(plan(&paid(ended, shipment(false, false))), Plan::rest(), "the Delivery holds itself first");
        assert!(cancels(&paid(ended, shipment(true, false))));
        for stopped in [false, true] {
            let ticket = Lookup::Present(Kitchen { stopped, cooked: false });
            let seen = Observed { ticket, ..paid(ended, shipment(true, false)) };
            assert_eq!(cancels(&seen), stopped, "the store is stopped");
        }
        let mut brought = paid(ended, shipment(false, true));
        brought.status.sold_at = plan(&brought).status.expect("it was brought: charge and sale stand").sold_at;
        brought.stock = vec![("mug".to_owned(), Lookup::Present(Some(product::Answer::Held)))];
        assert!(plan(&brought).next.is_some() && plan(&brought).intents.is_empty(), "until the ledger has booked it");
        brought.stock = vec![("mug".to_owned(), Lookup::Present(None))];
        assert_eq!(plan(&brought).intents, [Intent::DeleteSelf(brought.meta.target())]);
        let unseen = plan(&paid(ended, Lookup::Unproven)).intents;
        assert!(matches!(&unseen[..], [Intent::ReadAfresh { kind: Kind::Delivery, .. }]));
        let mut late = paid(ended, Lookup::Gone);
        assert_eq!(cancels(&late), ended.is_some(), "what nothing tells of is no proof");
        late.owner = OwnerState::Gone(Gone { noticed: now(), ended, row_read: true });
        assert_eq!(plan(&late), Plan::wait_until(now().after(Policy::default().linger)), "one may be on its way");
    }
    assert!(!cancels(&paid(Some(true), shipment(true, false))), "an order that had ended owes nothing");
}

#[test]
fn a_charge_of_which_nothing_tells_whether_its_order_ended_is_neither_given_back_nor_let_go() {
    let mut lost = paid(None, Lookup::Gone);
    lost.owner = OwnerState::Gone(Gone { noticed: Time::from_millis(0), ended: None, row_read: false });
    let row = [Intent::ReadAfresh { kind: Kind::OrderView, name: "order-1".into() }];
    assert_eq!(plan(&lost).intents, row, "its row may be there");
    for is_final in [true, false] {
        lost.status.cancelled_at = is_final.then_some(now());
        assert_eq!(plan(&lost).intents, row, "whether stock is to be asked back is told by the row, too");
    }
    lost.owner = removed(None);
    lost.meta.changed = Time::from_millis(0);
    let stalled = plan(&lost);
    assert!(stalled.intents.is_empty(), "{stalled:?}");
    assert_eq!((stalled.facts[0].reason, stalled.facts[0].warning), ("MoneyAtRisk", true));
    lost.status = stalled.status.expect("it says so");
    let said = lost.status.conditions.iter().find(|c| c.type_ == conditions::STALLED).expect("stalled");
    assert!(
        said.message.contains("spec.cancel: true on Payment order-1-pay") && said.message.contains("docs/states.md"),
        "{said:?}"
    );
    lost.meta.deleting = Some(now());
    assert_eq!(plan(&lost), Plan::rest(), "whoever deletes it: the collector of garbage does");
    // What was not even cooked was not brought.
    for (cooked, proven) in [(true, false), (false, true)] {
        let ticket = Lookup::Present(Kitchen { stopped: true, cooked });
        let seen = Observed { ticket, ..paid(None, Lookup::Gone) };
        assert_eq!(plan(&seen).intents == [Intent::CancelPayment(seen.meta.target())], proven, "{cooked}");
    }
    // A person has said so.
    let cancelled = Observed { cancel: true, ..lost };
    assert_eq!(asks(&cancelled), Some(Call::Void));
}

#[test]
fn stock_is_asked_back_once_and_only_where_the_order_is_known_not_to_have_ended() {
    let mut cancelled = paid(Some(false), Lookup::Gone);
    (cancelled.cancel, cancelled.status.cancelled_at) = (true, Some(now()));
    assert!(plan(&cancelled).status.expect("it asks").speaks_for_stock(), "the order died between refund and release");
    for ended in [None, Some(true)] {
        let over = Observed { owner: removed(ended), ..cancelled.clone() };
        assert!(plan(&over).status.is_none(), "an order that ended has given its stock back: {ended:?}");
    }
    cancelled.status.releasing_at = Some(now());
    let answers = |answer| Observed { stock: vec![("mug".to_owned(), answer)], ..cancelled.clone() };
    assert_eq!(plan(&answers(Lookup::Present(None))), Plan::rest());
    assert_eq!(plan(&answers(Lookup::Present(Some(product::Answer::Held)))), Plan::rest());
    for done in [Lookup::Gone, Lookup::Present(Some(product::Answer::Released))] {
        assert!(plan(&answers(done)).status.expect("acknowledged").released_at.is_some());
    }
    assert!(matches!(&plan(&answers(Lookup::Unproven)).intents[..], [Intent::ReadAfresh { kind: Kind::Product, .. }]));
}

#[test]
fn in_a_namespace_that_goes_away_a_provider_is_asked_for_a_bounded_time() {
    let mut left = paid(Some(false), Lookup::Gone);
    (left.meta.namespace_terminating, left.meta.deleting) = (true, Some(now()));
    // Just now: a Delivery that is not there cannot be on its way, and children linger as long as a provider is asked.
    left.owner = OwnerState::Gone(Gone { noticed: now(), ended: Some(false), row_read: false });
    assert_eq!(plan(&left).intents, [Intent::CancelPayment(left.meta.target())]);
    left.cancel = true;
    assert_eq!(asks(&left), Some(Call::Void));
    provider(&mut left).reply = Some(Reply::Unknown { why: "HTTP 503".into() });
    assert!(plan(&left).status.expect("an attempt").attempts == 1, "real attempts, with backoff");
    let over = now().after(GIVE_UP_AFTER);
    let last = decide(&left, over, &Policy::default());
    assert_eq!(last.intents, [Intent::DropFinalizer(left.meta.target())]);
    let fact = &last.facts[0];
    assert_eq!(fact.reason, "MoneyAtRisk");
    assert!(fact.message.contains("2000 KRW at card under key jumun-uid-1"), "{}", fact.message);
    let let_go = |seen: &Observed| plan(seen).intents == [Intent::DropFinalizer(seen.meta.target())];
    left.status.cancelled_at = Some(now());
    assert!(let_go(&left), "the provider has answered");
    let mut ended = paid(Some(true), Lookup::Gone);
    (ended.meta.namespace_terminating, ended.meta.deleting) = (true, Some(now()));
    assert!(let_go(&ended), "what was bought was brought");
    ended.owner = removed(Some(false));
    let answer = Lookup::Present(Some(wallet::Answer::Charged));
    ended.funding = Funding::Wallet { name: "alice".into(), answer, lacked: None };
    assert!(let_go(&ended), "the wallet goes with the namespace");
}
