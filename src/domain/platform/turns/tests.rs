//! Turns: in order of arrival, as many as there is room for, and never more.

use super::super::{NAME, Observed};
use super::*;
use crate::domain::platform::{Gate, Limits, Standing};
use crate::domain::{Case, Meta, Plan, Policy, platform};

fn decide(seen: &Observed, now: Time) -> Plan<Status> {
    platform::decide(&Case { seen, now, policy: &Policy::default() })
}

/// A platform, and the orders that come to it.
struct Hall {
    status: Status,
    crowd: Crowd,
}

fn hall(orders: usize, pending: Option<usize>, per_second: Option<usize>) -> Hall {
    let guest = |n: usize| Guest {
        order: format!("uid-{n:05}"),
        name: format!("order-{n}"),
        created: Time::from_millis(0),
        number: None,
        place: Place::Ready(0),
    };
    let crowd = Crowd {
        limits: Limits { pending, per_second },
        guests: (0..orders).map(guest).collect(),
        stores: vec![usize::MAX, 0],
        highest: Some(0),
        ..Crowd::default()
    };
    Hall { status: Status::default(), crowd }
}

impl Hall {
    /// The platform decides; gives whether it wrote anything.
    fn serve(&mut self, now: Time) -> bool {
        let (crowd, status) = (self.crowd.clone(), self.status.clone());
        let plan = decide(&Observed::sample(Meta::sample(NAME, 1, now), crowd, status), now);
        let written = plan.status.is_some();
        self.status = plan.status.unwrap_or_else(|| self.status.clone());
        written
    }

    /// Every order copies its number.
    fn copy(&mut self) {
        for guest in &mut self.crowd.guests {
            let turn = self.status.turns.iter().find(|turn| turn.order == guest.order);
            guest.number = guest.number.or(turn.map(|turn| turn.number));
        }
    }

    /// The numbers of those who are let in now and are not placed.
    fn called(&self, now: Time) -> Vec<i64> {
        let turns: HashMap<&str, &Turn> = self.status.turns.iter().map(|turn| (turn.order.as_str(), turn)).collect();
        let lets = |guest: &&Guest| {
            let waits = matches!(guest.place, Place::Ready(_) | Place::Away);
            waits && turns.get(guest.order.as_str()).is_some_and(|turn| turn.lets_in(now))
        };
        let called = self.crowd.guests.iter().filter(lets).filter_map(|guest| turns.get(guest.order.as_str()));
        let mut numbers: Vec<i64> = called.map(|turn| turn.number).collect();
        numbers.sort_unstable();
        numbers
    }

    /// Places so many of those who are let in, the lowest numbers first.
    fn place(&mut self, count: usize, now: Time) -> usize {
        let numbers: Vec<i64> = self.called(now).into_iter().take(count).collect();
        self.copy();
        let guests = self.crowd.guests.iter_mut();
        let mine = guests.filter(|guest| guest.number.is_some_and(|number| numbers.contains(&number)));
        mine.for_each(|guest| guest.place = Place::Placed { at: now, pending: true });
        numbers.len()
    }

    /// Everybody who is placed has paid.
    fn pay(&mut self) {
        for guest in &mut self.crowd.guests {
            if let Place::Placed { pending, .. } = &mut guest.place {
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
    let mut hall = hall(5, Some(3), None);
    hall.crowd.guests.reverse();
    hall.crowd.guests[4].created = Time::from_millis(7);
    assert!(hall.serve(at(0)));
    let turns: Vec<(&str, i64)> = hall.status.turns.iter().map(|turn| (turn.name.as_str(), turn.number)).collect();
    assert_eq!(turns, [("order-1", 1), ("order-2", 2), ("order-3", 3), ("order-4", 4), ("order-0", 5)]);
    assert_eq!((hall.called(at(0)), hall.status.serving, hall.status.issued), (vec![1, 2, 3], 3, Some(5)));
    hall.copy();
    assert!(!hall.serve(at(1)), "those who were called count until they are placed");
    hall.place(3, at(2));
    assert!(!hall.serve(at(3)), "full");
    hall.pay();
    assert!(hall.serve(at(4)));
    assert_eq!((hall.called(at(4)), hall.status.turns.len()), (vec![4, 5], 2), "the others' turns have left");
}

#[test]
fn without_limits_nobody_is_numbered_and_when_they_are_lifted_all_go() {
    let mut free = hall(5, None, None);
    free.serve(at(0));
    assert_eq!((free.status.turns.len(), free.status.issued), (0, None));
    let mut lifted = hall(5, Some(1), None);
    lifted.serve(at(0));
    lifted.crowd.limits = Limits::default();
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
    let mut hall = hall(3, Some(1), None);
    hall.serve(at(0));
    hall.copy();
    assert_eq!(hall.called(at(0)), [1]);
    let soon = at(0).after(KEPT - Duration::from_millis(1));
    assert!(!hall.serve(soon));
    for (round, expected) in [(1, 2), (2, 3), (3, 1)] {
        let late = at(0).after(KEPT * round);
        assert!(hall.serve(late));
        assert_eq!(hall.called(late), [expected], "one place");
    }
    assert_eq!(hall.status.serving, 3);
}

#[test]
fn who_was_called_and_waits_elsewhere_keeps_no_place_and_is_called_again() {
    let mut hall = hall(30, None, Some(10));
    hall.serve(at(0));
    assert_eq!(hall.called(at(0)), (1..=10).collect::<Vec<_>>());
    hall.copy();
    for guest in hall.crowd.guests.iter_mut().take(10) {
        guest.place = Place::Away;
    }
    assert!(hall.serve(at(10)));
    assert_eq!(hall.called(at(10)), (11..=20).collect::<Vec<_>>());
    assert!(hall.status.turns.iter().any(|turn| turn.number == 1 && turn.away && turn.called_at.is_some()));
    hall.place(10, at(20));
    for guest in hall.crowd.guests.iter_mut().take(10) {
        guest.place = Place::Ready(0);
    }
    assert!(!hall.serve(at(1_000)), "ten were placed within the second");
    assert!(hall.serve(at(1_020)));
    assert_eq!(hall.called(at(1_020)), (1..=10).collect::<Vec<_>>(), "first come, first served");
}

#[test]
fn so_many_a_second_and_no_more_whatever_became_of_them() {
    let mut hall = hall(100, None, Some(7));
    let mut placed: Vec<i64> = Vec::new();
    for millis in (0..6_000).step_by(50) {
        hall.serve(at(millis));
        // They come late, and pay at once.
        let count = hall.place(if millis % 300 == 0 { 5 } else { 0 }, at(millis));
        hall.pay();
        placed.extend(std::iter::repeat_n(millis, count));
        let recent = placed.iter().filter(|at| millis - **at < 1_000).count();
        assert!(recent <= 7, "{recent} at {millis}");
    }
    assert!(placed.len() >= 25, "{}", placed.len());
}

#[test]
fn a_crowd_that_is_placed_slowly_is_not_called_again_and_again() {
    let mut hall = hall(2_000, Some(500), None);
    // Three of those who were called are placed in each tenth of a second, and none is paid.
    for tenth in 0..160 {
        hall.serve(at(tenth * 100));
        hall.copy();
        hall.place(3, at(tenth * 100));
        let placed = hall.crowd.guests.iter().filter(|guest| matches!(guest.place, Place::Placed { .. })).count();
        let called = hall.called(at(tenth * 100)).len();
        assert!(called + placed <= 500, "{called} called at {tenth}");
        assert!(hall.status.turns.len() <= MOST);
    }
}

#[test]
fn no_more_are_called_than_the_kitchen_has_places() {
    let mut hall = hall(6, Some(100), None);
    hall.crowd.stores = vec![2, 0];
    hall.crowd.guests[5].place = Place::Ready(1);
    hall.serve(at(0));
    assert_eq!(hall.called(at(0)), [1, 2]);
    hall.copy();
    assert!(!hall.serve(at(1)));
}

#[test]
fn a_platform_that_was_made_anew_learns_what_its_orders_hold() {
    let mut hall = hall(3, Some(1), None);
    hall.crowd.guests[0].number = Some(41);
    hall.crowd.highest = None;
    let (crowd, status) = (hall.crowd.clone(), hall.status.clone());
    let plan = decide(&Observed::sample(Meta::sample(NAME, 1, at(0)), crowd, status), at(0));
    assert_eq!(plan.intents, [Intent::ReadOrders], "all of them, once");
    hall.crowd.highest = Some(57);
    hall.serve(at(0));
    assert_eq!((hall.status.issued, hall.called(at(0))), (Some(59), vec![41]), "who held a number comes first");
    assert_eq!(hall.status.serving, 41);
}

#[test]
fn an_order_with_a_turn_that_is_not_seen_is_read_before_anything_is_said() {
    let mut hall = hall(1, Some(1), None);
    hall.crowd.unproven = vec!["order-9".to_owned()];
    let (crowd, status) = (hall.crowd.clone(), hall.status.clone());
    let plan = decide(&Observed::sample(Meta::sample(NAME, 1, at(0)), crowd, status), at(0));
    assert_eq!(plan.intents, [Intent::ReadAfresh { kind: Kind::Order, name: "order-9".into() }]);
}

#[test]
fn a_crowd_that_waits_at_one_closed_store_keeps_nobody_from_a_number() {
    let mut hall = hall(HANDED + 40, Some(5), None);
    hall.crowd.guests.iter_mut().for_each(|guest| guest.place = Place::Away);
    let (last, now) = (HANDED + 39, Time::from_millis(0));
    hall.crowd.guests[last].place = Place::Ready(0);
    hall.serve(now);
    assert!(hall.called(now).is_empty(), "it has no number yet");
    // They wait for their store, with their numbers.
    hall.copy();
    hall.serve(now);
    assert_eq!(hall.called(now).len(), 1, "its store is open");
    assert_eq!(hall.status.turns.len(), 40, "who waits elsewhere has copied its number and needs no turn");
}

#[test]
fn many_orders_that_are_not_seen_are_read_at_once() {
    let mut hall = hall(0, Some(5), None);
    hall.crowd.unproven = (0..READS).map(|number| format!("order-{number}")).collect();
    let reads = |hall: &Hall| {
        let (crowd, status) = (hall.crowd.clone(), hall.status.clone());
        let now = Time::from_millis(0);
        decide(&Observed::sample(Meta::sample(NAME, 1, now), crowd, status), now).intents
    };
    assert_eq!(reads(&hall).len(), READS);
    hall.crowd.unproven.push("one-more".to_owned());
    assert_eq!(reads(&hall), [Intent::ReadOrders]);
}
