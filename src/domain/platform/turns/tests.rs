//! Turns: in order of arrival, as many as there is room for, and never more.

use super::super::{NAME, Observed};
use super::*;
use crate::domain::platform::{Gate, Limits, Standing};
use crate::domain::{Case, Meta, Plan, Policy, platform};

fn decide(seen: &Observed, now: Time) -> Plan<Status> {
    platform::decide(&Case { seen, now, policy: &Policy::default() })
}

/// A platform, and the orders that come to it.
struct Intake {
    status: Status,
    backlog: Backlog,
}

fn intake(orders: usize, pending: Option<usize>, per_second: Option<usize>) -> Intake {
    let queued = |n: usize| QueuedOrder {
        order: format!("uid-{n:05}"),
        name: format!("order-{n}"),
        created: Time::from_millis(0),
        number: None,
        place: Place::Ready(0),
    };
    let backlog = Backlog {
        limits: Limits { pending, per_second },
        orders: (0..orders).map(queued).collect(),
        stores: vec![usize::MAX, 0],
        highest: Some(0),
        ..Backlog::default()
    };
    Intake { status: Status::default(), backlog }
}

impl Intake {
    /// The platform decides; gives whether it wrote anything.
    fn serve(&mut self, now: Time) -> bool {
        let (backlog, status) = (self.backlog.clone(), self.status.clone());
        let plan = decide(&Observed::sample(Meta::sample(NAME, 1, now), backlog, status), now);
        let written = plan.status.is_some();
        self.status = plan.status.unwrap_or_else(|| self.status.clone());
        written
    }

    /// Every order copies its number.
    fn copy(&mut self) {
        for queued in &mut self.backlog.orders {
            let turn = self.status.turns.iter().find(|turn| turn.order == queued.order);
            queued.number = queued.number.or(turn.map(|turn| turn.number));
        }
    }

    /// The numbers of those who are let in now and are not placed.
    fn called(&self, now: Time) -> Vec<i64> {
        let turns: HashMap<&str, &Turn> = self.status.turns.iter().map(|turn| (turn.order.as_str(), turn)).collect();
        let lets = |queued: &&QueuedOrder| {
            let waits = matches!(queued.place, Place::Ready(_) | Place::Away);
            waits && turns.get(queued.order.as_str()).is_some_and(|turn| turn.lets_in(now))
        };
        let called = self.backlog.orders.iter().filter(lets).filter_map(|queued| turns.get(queued.order.as_str()));
        let mut numbers: Vec<i64> = called.map(|turn| turn.number).collect();
        numbers.sort_unstable();
        numbers
    }

    /// Places so many of those who are let in, the lowest numbers first.
    fn place(&mut self, count: usize, now: Time) -> usize {
        let numbers: Vec<i64> = self.called(now).into_iter().take(count).collect();
        self.copy();
        let orders = self.backlog.orders.iter_mut();
        let mine = orders.filter(|queued| queued.number.is_some_and(|number| numbers.contains(&number)));
        mine.for_each(|queued| queued.place = Place::Placed { at: now, pending: true });
        numbers.len()
    }

    /// Everybody who is placed has paid.
    fn pay(&mut self) {
        for queued in &mut self.backlog.orders {
            if let Place::Placed { pending, .. } = &mut queued.place {
                *pending = false;
            }
        }
    }
}

fn at(millis: i64) -> Time {
    Time::from_millis(1_000_000 + millis)
}

#[test]
fn numbers_are_handed_out_in_order_of_arrival_in_one_write_and_as_many_are_called_as_fit() {
    let mut intake = intake(5, Some(3), None);
    intake.backlog.orders.reverse();
    intake.backlog.orders[4].created = Time::from_millis(7);
    assert!(intake.serve(at(0)));
    let turns: Vec<(&str, i64)> = intake.status.turns.iter().map(|turn| (turn.name.as_str(), turn.number)).collect();
    assert_eq!(turns, [("order-1", 1), ("order-2", 2), ("order-3", 3), ("order-4", 4), ("order-0", 5)]);
    assert_eq!((intake.called(at(0)), intake.status.serving, intake.status.issued), (vec![1, 2, 3], 3, Some(5)));
    intake.copy();
    assert!(!intake.serve(at(1)), "those who were called count until they are placed");
    intake.place(3, at(2));
    assert!(!intake.serve(at(3)), "full");
    intake.pay();
    assert!(intake.serve(at(4)));
    assert_eq!((intake.called(at(4)), intake.status.turns.len()), (vec![4, 5], 2), "the others' turns have left");
}

#[test]
fn without_limits_nobody_is_numbered_and_when_they_are_lifted_all_go() {
    let mut free = intake(5, None, None);
    free.serve(at(0));
    assert_eq!((free.status.turns.len(), free.status.issued), (0, None));
    let mut lifted = intake(5, Some(1), None);
    lifted.serve(at(0));
    lifted.backlog.limits = Limits::default();
    assert!(lifted.serve(at(1)));
    assert_eq!((lifted.status.serving, lifted.status.turns.len()), (5, 0));
    let standing = Standing { limited: false, serving: 5, turn: None };
    assert_eq!(standing.gate(Some(7), at(1)), Gate::Open(Some(7)));
}

#[test]
fn an_order_is_let_in_by_a_turn_that_is_called_and_by_nothing_else() {
    let turn = Turn { order: "u".into(), name: "o".into(), number: 3, called_at: None, away: false };
    let gate =
        |turn: Option<&Turn>, number| Standing { limited: true, serving: 9, turn: turn.cloned() }.gate(number, at(0));
    assert_eq!(gate(None, None), Gate::Unnumbered);
    assert_eq!((gate(Some(&turn), None), gate(Some(&turn), Some(3))), (Gate::Numbered(3), Gate::Waiting(3)));
    assert_eq!(gate(None, Some(3)), Gate::Waiting(3), "however high the number that is served");
    let called = Turn { called_at: Some(at(0)), ..turn };
    assert_eq!((gate(Some(&called), None), gate(Some(&called), Some(2))), (Gate::Open(Some(3)), Gate::Open(Some(2))));
    assert_eq!(gate(Some(&Turn { away: true, ..called }), Some(3)), Gate::Waiting(3));
}

#[test]
fn a_number_that_was_called_holds_its_place_for_a_moment_only_and_comes_after_the_others_then() {
    let mut intake = intake(3, Some(1), None);
    intake.serve(at(0));
    intake.copy();
    assert_eq!(intake.called(at(0)), [1]);
    let soon = at(0).after(KEPT - Duration::from_millis(1));
    assert!(!intake.serve(soon));
    for (round, expected) in [(1, 2), (2, 3), (3, 1)] {
        let late = at(0).after(KEPT * round);
        assert!(intake.serve(late));
        assert_eq!(intake.called(late), [expected], "one place");
    }
    assert_eq!(intake.status.serving, 3);
}

#[test]
fn who_was_called_and_waits_elsewhere_keeps_no_place_and_is_called_again() {
    let mut intake = intake(30, None, Some(10));
    intake.serve(at(0));
    assert_eq!(intake.called(at(0)), (1..=10).collect::<Vec<_>>());
    intake.copy();
    for queued in intake.backlog.orders.iter_mut().take(10) {
        queued.place = Place::Away;
    }
    assert!(intake.serve(at(10)));
    assert_eq!(intake.called(at(10)), (11..=20).collect::<Vec<_>>());
    assert!(intake.status.turns.iter().any(|turn| turn.number == 1 && turn.away && turn.called_at.is_some()));
    intake.place(10, at(20));
    for queued in intake.backlog.orders.iter_mut().take(10) {
        queued.place = Place::Ready(0);
    }
    assert!(!intake.serve(at(1_000)), "ten were placed within the second");
    assert!(intake.serve(at(1_020)));
    assert_eq!(intake.called(at(1_020)), (1..=10).collect::<Vec<_>>(), "first come, first served");
}

#[test]
fn so_many_a_second_and_no_more_whatever_became_of_them() {
    let mut intake = intake(100, None, Some(7));
    let mut placed: Vec<i64> = Vec::new();
    for millis in (0..6_000).step_by(50) {
        intake.serve(at(millis));
        // They come late, and pay at once.
        let count = intake.place(if millis % 300 == 0 { 5 } else { 0 }, at(millis));
        intake.pay();
        placed.extend(std::iter::repeat_n(millis, count));
        let recent = placed.iter().filter(|at| millis - **at < 1_000).count();
        assert!(recent <= 7, "{recent} at {millis}");
    }
    assert!(placed.len() >= 25, "{}", placed.len());
}

#[test]
fn a_backlog_that_is_placed_slowly_is_not_called_again_and_again() {
    let mut intake = intake(2_000, Some(500), None);
    // Three of those who were called are placed in each tenth of a second, and none is paid.
    for tenth in 0..160 {
        intake.serve(at(tenth * 100));
        intake.copy();
        intake.place(3, at(tenth * 100));
        let placed = intake.backlog.orders.iter().filter(|queued| matches!(queued.place, Place::Placed { .. })).count();
        let called = intake.called(at(tenth * 100)).len();
        assert!(called + placed <= 500, "{called} called at {tenth}");
        assert!(intake.status.turns.len() <= MOST);
    }
}

#[test]
fn no_more_are_called_than_the_kitchen_has_places() {
    let mut intake = intake(6, Some(100), None);
    intake.backlog.stores = vec![2, 0];
    intake.backlog.orders[5].place = Place::Ready(1);
    intake.serve(at(0));
    assert_eq!(intake.called(at(0)), [1, 2]);
    intake.copy();
    assert!(!intake.serve(at(1)));
}

#[test]
fn a_platform_that_was_made_anew_learns_what_its_orders_hold() {
    let mut intake = intake(3, Some(1), None);
    intake.backlog.orders[0].number = Some(41);
    intake.backlog.highest = None;
    let (backlog, status) = (intake.backlog.clone(), intake.status.clone());
    let plan = decide(&Observed::sample(Meta::sample(NAME, 1, at(0)), backlog, status), at(0));
    assert_eq!(plan.intents, [Intent::ReadOrders], "all of them, once");
    intake.backlog.highest = Some(57);
    intake.serve(at(0));
    assert_eq!((intake.status.issued, intake.called(at(0))), (Some(59), vec![41]), "who had a number comes first");
    assert_eq!(intake.status.serving, 41);
}

#[test]
fn an_order_with_a_turn_that_is_not_seen_is_read_before_anything_is_said() {
    let mut intake = intake(1, Some(1), None);
    intake.backlog.unproven = vec!["order-9".to_owned()];
    let (backlog, status) = (intake.backlog.clone(), intake.status.clone());
    let plan = decide(&Observed::sample(Meta::sample(NAME, 1, at(0)), backlog, status), at(0));
    assert_eq!(plan.intents, [Intent::ReadAfresh { kind: Kind::Order, name: "order-9".into() }]);
}

#[test]
fn a_backlog_that_waits_at_one_closed_store_keeps_nobody_from_a_number() {
    let mut intake = intake(HANDED + 40, Some(5), None);
    intake.backlog.orders.iter_mut().for_each(|queued| queued.place = Place::Away);
    let (last, now) = (HANDED + 39, Time::from_millis(0));
    intake.backlog.orders[last].place = Place::Ready(0);
    intake.serve(now);
    assert!(intake.called(now).is_empty(), "it has no number yet");
    // They wait for their store, with their numbers.
    intake.copy();
    intake.serve(now);
    assert_eq!(intake.called(now).len(), 1, "its store is open");
    assert_eq!(intake.status.turns.len(), 40, "who waits elsewhere has copied its number and needs no turn");
}

#[test]
fn many_orders_that_are_not_seen_are_read_at_once() {
    let mut intake = intake(0, Some(5), None);
    intake.backlog.unproven = (0..READS).map(|number| format!("order-{number}")).collect();
    let reads = |intake: &Intake| {
        let (backlog, status) = (intake.backlog.clone(), intake.status.clone());
        let now = Time::from_millis(0);
        decide(&Observed::sample(Meta::sample(NAME, 1, now), backlog, status), now).intents
    };
    assert_eq!(reads(&intake).len(), READS);
    intake.backlog.unproven.push("one-more".to_owned());
    assert_eq!(reads(&intake), [Intent::ReadOrders]);
}
