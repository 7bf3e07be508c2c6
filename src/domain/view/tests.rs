//! When a row is written, and what it keeps.

use super::super::child::Gone;
use super::*;
use crate::domain::Version;

fn at(seconds: i64) -> Time {
    Time::from_millis(seconds * 1_000)
}

/// A paid order of which nothing else is known.
fn paid() -> Sources {
    let status = order::Status { state: Some(order::State::Paid), placed_at: Some(at(1)), ..Default::default() };
    let approved =
        payment::Status { state: Some(payment::State::Approved), approved_at: Some(at(2)), ..Default::default() };
    Sources {
        order: OrderSource {
            order: OrderRef { name: "order-1".into(), uid: "uid-1".into() },
            created: at(0),
            customer: "alice".into(),
            store: "shop".into(),
            cancel_requested: false,
            deleting: None,
            content: "0123456789".into(),
            expected: None,
            retention: None,
            status,
        },
        payment: Some(PaymentSource { cancel: false, status: approved }),
        ticket: None,
        delivery: None,
    }
}

fn cancelled() -> Sources {
    let mut sources = paid();
    sources.order.status.state = Some(order::State::Cancelled);
    sources.order.status.ended_at = Some(at(9));
    if let Some(payment) = &mut sources.payment {
        (payment.cancel, payment.status.state) = (true, Some(payment::State::Cancelled));
        (payment.status.refunded_at, payment.status.cancelled_at) = (Some(at(8)), Some(at(8)));
    }
    sources
}

/// A row that shows `row`, where `sources` stand since second 10.
fn seen(row: &Sources, sources: Sources) -> Observed {
    let target = Target { name: "order-1".into(), uid: "uid-of-row".into(), version: Version(1) };
    Observed {
        sources: Some(sources),
        order_afresh: false,
        fate: Fate::Open,
        row: Some((target, project(row), false)),
        row_created: Some(at(2_000)),
        changed: at(10),
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

#[test]
fn an_undo_is_gathered_and_its_end_is_shown_at_once() {
    let mut undoing = paid();
    undoing.payment.iter_mut().for_each(|payment| payment.cancel = true);
    let under_way = seen(&paid(), undoing);
    assert_eq!(decide(&under_way, at(10)), Plan::wait_until(at(15)));
    assert_eq!(written(&under_way, at(15)).unwrap().status.payment, Some(payment::State::Cancelling));
    assert!(written(&seen(&paid(), cancelled()), at(10)).unwrap().status.order.is_end());
    // Another change of an order that goes on is gathered for a second.
    let mut wished = paid();
    wished.order.cancel_requested = true;
    assert_eq!(decide(&seen(&paid(), wished), at(10)), Plan::wait_until(at(11)));
}

#[test]
fn the_row_of_an_ended_order_keeps_what_it_shows_of_removed_children_and_follows_the_rest() {
    let mut left = Sources { payment: None, ..cancelled() };
    assert_eq!(decide(&seen(&cancelled(), left.clone()), at(99)), Plan::rest(), "nothing is lost");
    assert!(shows_end(&seen(&cancelled(), left.clone())));
    left.order.cancel_requested = true;
    let stale = seen(&cancelled(), left.clone());
    assert!(!shows_end(&stale), "a wish that came later is still to be shown");
    let row = written(&stale, at(99)).unwrap();
    assert_eq!((row.status.cancel_requested, row.status.payment), (true, Some(payment::State::Cancelled)));
    assert_eq!(row.status.timeline, project(&cancelled()).status.timeline);
    let row = Observed { row: stale.row.clone().map(|(target, _, deleting)| (target, row, deleting)), ..stale };
    assert_eq!(decide(&row, at(99)), Plan::rest(), "once");
}

#[test]
fn an_older_version_of_the_order_takes_nothing_back() {
    assert_eq!(decide(&seen(&cancelled(), paid()), at(99)), Plan::rest());
}

fn gone_at(seconds: i64) -> Fate {
    Fate::Gone(Gone { noticed: at(seconds), ended: Some(true) })
}

#[test]
fn the_row_of_an_order_that_is_gone_goes_after_its_retention_even_where_nothing_ever_happened() {
    let hour = Some(Duration::from_secs(3_600));
    let gone = |sources: &Sources, fate| Observed { sources: None, fate, retention: hour, ..seen(sources, paid()) };
    let deleted = |seen: &Observed, now| matches!(&decide(seen, now).intents[..], [Intent::DeleteView(_)]);
    let ended = gone(&cancelled(), gone_at(2_000));
    assert_eq!(decide(&ended, at(3_608)), Plan::wait_until(at(3_609)));
    assert!(deleted(&ended, at(3_609)));
    let mut nothing = paid();
    (nothing.order.status, nothing.payment) = (order::Status::default(), None);
    let never = gone(&nothing, gone_at(3_000));
    assert_eq!(decide(&never, at(3_700)), Plan::wait_until(at(5_600)));
    assert!(deleted(&never, at(5_600)));
    let unproven = decide(&gone(&nothing, Fate::Unproven), at(9_999));
    assert!(matches!(&unproven.intents[..], [Intent::ReadAfresh { .. }]), "absence proves nothing");
}

#[test]
fn a_row_says_from_the_first_moment_what_the_order_costs_and_keeps_to_it() {
    let mut waiting = paid();
    (waiting.order.status, waiting.payment) = (order::Status::default(), None);
    waiting.order.expected = Some(Money::new(700, "KRW"));
    assert_eq!(project(&waiting).spec.amount, Some(Money::new(700, "KRW")));
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
        Observed { order_afresh: true, ..seen(&first, second) }
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
