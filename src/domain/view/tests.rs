//! When a row is written, from what, and what it keeps.

mod appear;

use super::super::child::Gone;
use super::*;
use crate::domain::{Condition, Lookup, Meta, Money, OrderRef, Policy, Version, conditions, delivery, payment, ticket};

fn decide(seen: &Observed, now: Time) -> Plan<()> {
    super::decide(&Case { seen, now, policy: &Policy::default() })
}

fn at(seconds: i64) -> Time {
    Time::from_millis(seconds * 1_000)
}

/// A paid order of which nothing else is known.
fn paid() -> Sources {
    let status = order::Status { state: Some(order::State::Paid), placed_at: Some(at(1)), ..Default::default() };
    let state = Some(payment::State::Approved);
    let approved = payment::Status { state, approved_at: Some(at(2)), ..Default::default() };
    Sources {
        order: OrderSource {
            order: OrderRef { name: "order-1".into(), uid: "uid-1".into() },
            version: Version(20),
            created: at(0),
            customer: "alice".into(),
            store: "shop".into(),
            cancel: false,
            cancel_message: None,
            deleting: None,
            content: "0123456789".into(),
            expected: None,
            retention: None,
            status,
        },
        payment: Some(PaymentSource { version: Version(30), cancel: false, status: approved }),
        ticket: None,
        delivery: None,
    }
}

fn cancelled() -> Sources {
    let mut sources = paid();
    sources.order.version = Version(40);
    sources.order.status.state = Some(order::State::Cancelled);
    sources.order.status.ended_at = Some(at(9));
    if let Some(payment) = &mut sources.payment {
        (payment.version, payment.cancel, payment.status.state) = (Version(39), true, Some(payment::State::Cancelled));
        (payment.status.refunded_at, payment.status.cancelled_at) = (Some(at(8)), Some(at(8)));
    }
    sources
}

/// An order of a warehouse whose courier is this far, seen so since this second.
fn shipped(progress: Option<delivery::Progress>, since: i64) -> Sources {
    let mut sources = paid();
    sources.order.status.state = Some(order::State::Delivering);
    sources.order.status.paid_at = Some(at(3));
    sources.delivery = Some(DeliverySource {
        version: Version(50 + u64::try_from(since).unwrap_or_default()),
        since: at(since),
        ready: true,
        progress,
        received: false,
        courier: progress.map(|_| "park".to_owned()),
        timed: false,
        status: delivery::Status::default(),
    });
    sources
}

/// A row that shows `row`, where `sources` stand since second 10.
fn seen(row: &Sources, sources: Sources) -> Observed {
    Observed {
        sources: Some(sources),
        left: None,
        afresh: [false; 4],
        is_first: false,
        owner: OwnerState::Open,
        row: Some((Meta::sample("order-1", 1, at(2_000)), project(row, None))),
        changed: at(10),
        stepped: at(10),
        retention: None,
        namespace_terminating: false,
    }
}

fn written(seen: &Observed, now: Time) -> Option<Row> {
    decide(seen, now).intents.into_iter().find_map(|intent| match intent {
        Intent::UpdateView(_, row) => Some(row),
        _ => None,
    })
}

fn reads(plan: &Plan<()>) -> Vec<Kind> {
    let read = |intent: &Intent| if let Intent::ReadAfresh { kind, .. } = intent { Some(*kind) } else { None };
    plan.intents.iter().filter_map(read).collect()
}

fn what(row: &Row) -> Vec<(&str, i64)> {
    row.status.timeline.iter().map(|moment| (moment.what.as_str(), moment.at.as_millis() / 1_000)).collect()
}

#[test]
fn an_undo_is_debounced_and_its_end_is_shown_at_once() {
    let mut undoing = paid();
    undoing.payment.iter_mut().for_each(|payment| payment.cancel = true);
    let under_way = seen(&paid(), undoing);
    assert_eq!(decide(&under_way, at(10)), Plan::wait_until(at(15)));
    assert_eq!(written(&under_way, at(15)).unwrap().status.payment, Some(payment::State::Cancelling));
    assert!(written(&seen(&paid(), cancelled()), at(10)).unwrap().status.order.is_end());
    // Another change of an order that goes on is debounced for a second, and for less where a person waits to see it.
    let mut waits = paid();
    waits.order.status.cancel_refused = Some("Too late.".into());
    assert_eq!(decide(&seen(&paid(), waits), at(10)), Plan::wait_until(at(11)));
    let mut wished = paid();
    wished.order.cancel = true;
    assert_eq!(decide(&seen(&paid(), wished), at(10)), Plan::wait_until(at(10).after(STEP)));
}

#[test]
fn a_persons_step_is_shown_soon_after_it_whatever_follows_from_it() {
    let mut step = seen(&shipped(None, 8), shipped(Some(delivery::Progress::PickedUp), 12));
    (step.stepped, step.changed) = (at(12), at(12).after(STEP));
    assert!(written(&step, at(12)).is_none(), "what follows at once is shown with it");
    let row = written(&step, at(12).after(STEP)).unwrap();
    assert_eq!((row.status.delivery, row.status.courier.as_deref()), (Some(delivery::State::PickedUp), Some("park")));
}

#[test]
fn the_row_of_an_ended_order_keeps_what_it_shows_of_removed_children_and_follows_the_rest() {
    let mut left = Sources { payment: None, ..cancelled() };
    assert_eq!(decide(&seen(&cancelled(), left.clone()), at(99)), Plan::rest(), "nothing is lost");
    assert!(shows_end(&seen(&cancelled(), left.clone())));
    left.order.cancel = true;
    let stale = seen(&cancelled(), left.clone());
    assert!(!shows_end(&stale), "a wish that came later is still to be shown");
    let row = written(&stale, at(99)).unwrap();
    assert_eq!((row.status.cancel_requested, row.status.payment), (true, Some(payment::State::Cancelled)));
    assert_eq!(row.status.timeline, project(&cancelled(), None).status.timeline);
    assert_eq!(row.status.sources, project(&cancelled(), None).status.sources);
    let row = Observed { row: stale.row.clone().map(|(meta, _)| (meta, row)), ..stale };
    assert_eq!(decide(&row, at(99)), Plan::rest(), "once");
}

#[test]
fn a_row_is_never_written_from_what_is_older_than_it_shows() {
    // In every state, not only at the end: each source that is behind is read, and nothing is written.
    assert_eq!(reads(&decide(&seen(&cancelled(), paid()), at(99))), [Kind::Order, Kind::Payment]);
    let (before, after) = (shipped(None, 8), shipped(Some(delivery::Progress::PickedUp), 12));
    assert_eq!(reads(&decide(&seen(&after, before), at(99))), [Kind::Delivery]);
    assert_eq!(reads(&decide(&seen(&after, paid()), at(99))), [Kind::Delivery], "a child that is not seen is behind");
    // Marks alone are no reason to write, or to read.
    let mut touched = paid();
    touched.order.version = Version(99);
    assert_eq!(decide(&seen(&paid(), touched.clone()), at(99)), Plan::rest());
    assert_eq!(decide(&seen(&touched, paid()), at(99)), Plan::rest());
}

#[test]
fn whatever_somebody_wrote_into_a_row_is_put_right_from_what_was_read() {
    let mut forged = seen(&paid(), paid());
    forged.row.iter_mut().for_each(|(_, row)| {
        row.status.order = order::State::Completed;
        row.status.sources.order = Some(Version(u64::MAX));
        row.spec.customer = "mallory".into();
        row.status.timeline.push(Moment { what: "Completed".into(), at: at(5) });
    });
    assert_eq!(reads(&decide(&forged, at(99))), [Kind::Order]);
    assert!(foreign(&forged).is_none(), "that is not proven yet");
    forged.afresh = [true, false, false, false];
    assert!(foreign(&forged).is_some(), "no version that was ever read is newer than the newest");
    assert_eq!(written(&forged, at(99)).unwrap(), project(&paid(), None));
}

#[test]
fn the_moments_of_a_courier_are_those_at_which_they_were_first_seen() {
    let picked_up = Some(delivery::Progress::PickedUp);
    let row = project(&shipped(picked_up, 12), None);
    assert_eq!(what(&row)[2..], [("Claimed", 12), ("PickedUp", 12)]);
    // Seen again by a process that has just started: nothing changes.
    let again = project(&shipped(picked_up, 5_000), Some(&row));
    assert_eq!(what(&again), what(&row));
    // Delivered: both stay, and a row that was deleted says what is known.
    let mut done = shipped(Some(delivery::Progress::Delivered), 6_000);
    done.delivery.iter_mut().for_each(|delivery| delivery.status.delivered_at = Some(at(6_000)));
    assert_eq!(what(&project(&done, Some(&row)))[2..], [("Claimed", 12), ("PickedUp", 12), ("Delivered", 6_000)]);
    assert_eq!(what(&project(&done, None))[2..], [("Claimed", 6_000), ("PickedUp", 6_000), ("Delivered", 6_000)]);
    // Where a deadline counts from it, the Delivery itself says when; and no hand puts it before the order.
    done.delivery.iter_mut().for_each(|delivery| delivery.status.picked_up_at = Some(at(13)));
    assert_eq!(what(&project(&done, None))[3], ("PickedUp", 13));
    let mut forged = row.clone();
    forged.status.timeline.iter_mut().for_each(|moment| moment.at = at(-1));
    assert_eq!(what(&project(&shipped(picked_up, 5_000), Some(&forged)))[2], ("Claimed", 5_000));
}

#[test]
fn what_was_seen_late_had_happened_before_what_follows_from_it() {
    let mut sources = shipped(Some(delivery::Progress::Delivered), 20);
    let status = &mut sources.order.status;
    (status.state, status.ended_at) = (Some(order::State::Completed), Some(at(21)));
    sources.delivery.iter_mut().for_each(|delivery| delivery.status.delivered_at = Some(at(20)));
    // The store's controller was down, and says all of it an hour later.
    let late = Some(at(3_600));
    sources.ticket = Some(TicketSource {
        version: Version(60),
        accepted: true,
        rejected: false,
        cooking: Some(ticket::Cooking::Finished),
        status: ticket::Status { accepted_at: late, started_at: late, cooked_at: late, ..Default::default() },
    });
    let row = project(&sources, None);
    let names: Vec<&str> = what(&row).into_iter().map(|(what, _)| what).collect();
    let order = ["Placed", "Paid", "Accepted", "CookingStarted", "CookingFinished", "Claimed", "PickedUp", "Delivered"];
    assert_eq!(names[..8], order);
    assert_eq!(what(&row).last(), Some(&("Completed", 21)), "{:?}", what(&row));
}

#[test]
fn a_wish_its_refusal_and_the_words_that_came_with_it_are_in_the_row() {
    let mut sources = paid();
    assert_eq!(project(&sources, None).status.wish, None);
    sources.order.cancel = true;
    sources.order.cancel_message = Some("I am not hungry any more.".into());
    sources.order.status.cancel_requested_at = Some(at(4));
    let row = project(&sources, None);
    assert_eq!((row.status.wish, row.status.cancel_requested), (Some(Wish::Open), true));
    assert_eq!(row.status.cancel_message.as_deref(), Some("I am not hungry any more."));
    assert_eq!(what(&row).last(), Some(&("CancelRequested", 4)));
    sources.order.status.cancel_refused = Some("Cooking had started.".into());
    sources.order.status.cancel_refused_at = Some(at(5));
    let row = project(&sources, None);
    assert_eq!(row.status.wish, Some(Wish::Refused));
    assert_eq!(row.status.message, row.status.cancel_refused);
    assert_eq!(what(&row).last(), Some(&("CancelRefused", 5)));
    // The deletion of an order is the same wish, but not after its end.
    let mut deleted = cancelled();
    deleted.order.deleting = Some(at(7));
    assert_eq!(project(&deleted, None).status.wish, Some(Wish::Honoured));
    deleted.order.deleting = Some(at(60));
    assert_eq!(project(&deleted, None).status.wish, None);
}

#[test]
fn what_only_a_person_can_do_is_the_message_of_the_row() {
    let mut sources = paid();
    let report = conditions::Report::Stalled { reason: "PaymentMissing", message: "Give it back by hand.".into() };
    let conditions: Vec<Condition> = conditions::conditions(&[], report, Default::default(), at(1));
    sources.order.status.conditions = conditions;
    let row = project(&sources, None);
    assert_eq!(row.status.message.as_deref(), Some("Give it back by hand."));
    assert_eq!(row.status.waiting_for.as_deref(), Some("PaymentMissing"));
}

/// No child is left.
fn none() -> Left {
    Left { payment: Lookup::Gone, ticket: Lookup::Gone, delivery: Lookup::Gone }
}

fn approved() -> PaymentSource {
    paid().payment.expect("it is paid")
}

fn gone_at(seconds: i64) -> OwnerState {
    OwnerState::Gone(Gone { noticed: at(seconds), ended: Some(true), row_read: false })
}

#[test]
fn the_row_of_an_order_that_is_gone_goes_after_its_retention_even_where_nothing_ever_happened() {
    let hour = Some(Duration::from_secs(3_600));
    let left = Some(none());
    let gone = |sources: &Sources, owner| Observed {
        sources: None,
        left: left.clone(),
        owner,
        retention: hour,
        ..seen(sources, paid())
    };
    let deleted = |seen: &Observed, now| matches!(&decide(seen, now).intents[..], [Intent::DeleteView(_)]);
    let ended = gone(&cancelled(), gone_at(2_000));
    assert_eq!(decide(&ended, at(3_608)), Plan::wait_until(at(3_609)));
    assert!(deleted(&ended, at(3_609)));
    for (payment, then) in [(Lookup::Unproven, vec![Kind::Payment]), (Lookup::Present(approved()), Vec::new())] {
        let owed = Observed { left: Some(Left { payment, ..none() }), ..ended.clone() };
        let plan = decide(&owed, at(3_609));
        assert_eq!(reads(&plan), then, "the row tells the Payment how the order stood, for as long as there is one");
        assert!(!deleted(&owed, at(3_609)));
    }
    let mut nothing = paid();
    (nothing.order.status, nothing.payment) = (order::Status::default(), None);
    let never = gone(&nothing, gone_at(3_000));
    let row = written(&never, at(3_700)).expect("it never came to an end").status;
    assert_eq!((row.order, row.deleted), (order::State::Cancelled, true), "the same may be ordered again");
    let never = Observed { row: never.row.clone().map(|(meta, old)| (meta, Row { status: row, ..old })), ..never };
    assert_eq!(decide(&never, at(3_701)), Plan::wait_until(at(7_300)));
    assert!(deleted(&never, at(7_300)));
    let unproven = decide(&gone(&nothing, OwnerState::Unproven), at(9_999));
    assert!(matches!(&unproven.intents[..], [Intent::ReadAfresh { .. }]), "absence proves nothing");
}

#[test]
fn a_row_says_from_the_first_moment_what_the_order_costs_and_keeps_to_it() {
    let mut waiting = paid();
    (waiting.order.status, waiting.payment) = (order::Status::default(), None);
    waiting.order.expected = Some(Money::new(700, "KRW"));
    assert_eq!(project(&waiting, None).spec.amount, Some(Money::new(700, "KRW")));
    let mut dearer = waiting.clone();
    dearer.order.expected = Some(Money::new(900, "KRW"));
    dearer.order.content = "fedcba9876".into();
    assert_eq!(decide(&seen(&waiting, dearer), at(99)), Plan::rest(), "what was said once stays");
}

#[test]
fn a_row_remembers_what_retention_removed_and_not_what_somebody_deleted() {
    let day = Some(Duration::from_secs(86_400));
    let again = |deleting: Option<Time>, content: &str| {
        let mut first = cancelled();
        (first.order.deleting, first.order.retention) = (deleting, day);
        let mut second = paid();
        (second.order.status, second.payment) = (order::Status::default(), None);
        second.order.order.uid = "uid-2".into();
        second.order.content = content.into();
        Observed { afresh: [true, false, false, false], ..seen(&first, second) }
    };
    let due = at(9).after(Duration::from_secs(86_400));
    let mut remembers = again(Some(due), "0123456789");
    assert_eq!(decide(&remembers, at(99)), Plan::rest(), "the row of the first one stays");
    assert!(!shows_end(&remembers), "the second one has not ended yet");
    if let Some(sources) = &mut remembers.sources {
        (sources.order.status.state, sources.order.status.ended_at) = (Some(order::State::Invalid), Some(at(98)));
    }
    assert!(shows_end(&remembers), "its end needs no row of its own");
    for (deleting, content) in [(Some(at(10)), "0123456789"), (Some(due), "fedcba9876"), (Some(due), "")] {
        let replaced = decide(&again(deleting, content), at(99)).intents;
        assert!(matches!(&replaced[..], [Intent::DeleteView(_)]), "{deleting:?} {content}");
    }
}

#[test]
fn the_row_of_a_removed_order_shows_what_its_children_made_of_it() {
    let owner = OwnerState::Gone(Gone { noticed: at(20), ended: Some(false), row_read: false });
    let removed = |left: &Sources| {
        let there = |found: Option<_>| found.map_or(Lookup::Gone, Lookup::Present);
        let delivery = left.delivery.clone().map_or(Lookup::Gone, Lookup::Present);
        let left = Left { payment: there(left.payment.clone()), delivery, ..none() };
        Observed { sources: None, left: Some(left), owner, ..seen(&shipped(None, 8), paid()) }
    };
    let mut left = shipped(None, 8);
    assert_eq!(decide(&removed(&left), at(99)), Plan::rest(), "nothing is undone yet");
    left.payment.iter_mut().for_each(|payment| payment.status.cancelled_at = Some(at(21)));
    assert_eq!(decide(&removed(&left), at(99)), Plan::rest(), "the courier is not stopped yet");
    left.delivery.iter_mut().for_each(|delivery| delivery.status.cancelled_at = Some(at(22)));
    let row = written(&removed(&left), at(99)).expect("a row").status;
    assert_eq!((row.order, row.reason.as_deref()), (order::State::Cancelled, Some("OrderRemoved")));
    assert!(row.deleted && !row.shows_end_of_order(), "what is undone by children is no end of the order's own");
    let mut unseen = removed(&left);
    unseen.left.iter_mut().for_each(|left| left.payment = Lookup::Unproven);
    assert_eq!(reads(&decide(&unseen, at(99))), [Kind::Payment], "nor is a child that is not seen undone");
    let brought = shipped(Some(delivery::Progress::Delivered), 9);
    let row = written(&removed(&brought), at(99)).expect("a row").status;
    assert!(row.order == order::State::Completed && row.shows_end_of_order(), "what was brought stays bought");
    let unproven = Observed { owner: OwnerState::Unproven, ..removed(&left) };
    assert_eq!(reads(&decide(&unproven, at(99))), [Kind::Order], "absence proves nothing");
}

#[test]
fn a_row_that_somebody_set_back_after_its_order_was_gone_is_left_alone() {
    let mut set_back = seen(&cancelled(), paid());
    set_back.row.iter_mut().for_each(|(_, row)| {
        row.status.order = order::State::Delivering;
        row.status.timeline.push(Moment { what: "Cancelled".into(), at: at(9) });
    });
    let owner = OwnerState::Gone(Gone { noticed: at(20), ended: None, row_read: false });
    let mut gone = Observed { sources: None, left: Some(none()), owner, retention: None, ..set_back };
    assert_eq!(
        decide(&gone, at(99)),
        Plan::rest(),
        "its timeline tells of an end, and no child is left that knows better"
    );
    gone.retention = Some(Duration::from_secs(60));
    assert!(matches!(&decide(&gone, at(99)).intents[..], [Intent::DeleteView(_)]), "it goes as any other");
}

#[test]
fn an_end_is_not_taken_back_before_the_order_was_read() {
    // Whatever its marks say: somebody has taken them out, or an earlier version wrote none.
    let mut ended = seen(&cancelled(), paid());
    ended.row.iter_mut().for_each(|(_, row)| row.status.sources = Marks::default());
    assert_eq!(reads(&decide(&ended, at(99))), [Kind::Order]);
    ended.afresh = [true, false, false, false];
    assert!(written(&ended, at(99)).is_some());
}
