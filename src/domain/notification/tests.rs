//! What failures tell of an endpoint, and what they do not.

use super::*;

fn at(seconds: i64) -> Option<Time> {
    Some(Time::from_millis(seconds * 1_000))
}

/// A message that waits, created at the beginning.
fn seen() -> Observed {
    Observed {
        meta: Meta::sample("notice", 1, Time::from_millis(0)),
        content: Content::sample(false),
        has_endpoint: true,
        circuit: Circuit::default(),
        is_probe: false,
        outcome: None,
        status: Status::default(),
        fate: Fate::Open,
    }
}

#[test]
fn failures_of_several_messages_open_the_breaker_and_a_success_closes_it() {
    let failing = [(1, at(10)), (1, at(11)), (2, at(13)), (1, at(13))];
    let open = Circuit::of(failing, None);
    assert!(open.is_open() && open.last == at(13));
    assert_eq!(open.probe_at(), at(14), "a second after the last failure");
    assert!(!Circuit::of(failing, at(13)).is_open());
    assert_eq!(Circuit::of(failing, at(11)).failures, 3);
}

#[test]
fn a_message_that_an_endpoint_refuses_says_nothing_of_the_endpoint() {
    let (now, mut seen) = (Time::from_millis(0), seen());
    seen.outcome = Some(Err(Untaken::Failing("HTTP 503".into())));
    let after = |seen: &Observed| decide(seen, now, &Policy::default()).status.expect("a write");
    assert_eq!(after(&seen).answered_at(), None);
    seen.outcome = Some(Err(Untaken::Refused("HTTP 400".into())));
    seen.status = after(&seen);
    assert_eq!((seen.status.attempts, seen.status.answered_at()), (1, Some(now)));
    // It waits for its own next attempt, whatever the breaker says, even as the first in line.
    (seen.outcome, seen.is_probe, seen.circuit) = (None, true, Circuit { failures: 9, last: Some(now) });
    let decided = |seconds: i64| decide(&seen, Time::from_millis(seconds * 1_000 - 1), &Policy::default());
    assert_eq!(decided(1), Plan::wait_until(Time::from_millis(1_000)));
    assert!(matches!(&decided(2).intents[..], [Intent::SendNotice(_)]));
    // Refused again it shows nothing new; without an endpoint it looks for one now and then.
    seen.outcome = Some(Err(Untaken::Refused("HTTP 400".into())));
    let later = decide(&seen, now.after(BEHIND), &Policy::default()).status.expect("a write");
    assert_eq!((later.attempts, later.answered_at()), (2, Some(now)));
    let nowhere = Observed { has_endpoint: false, outcome: None, ..seen.clone() };
    assert!(decide(&nowhere, now.after(BEHIND), &Policy::default()).next.is_some());
    // Silence instead of a refusal is the endpoint's trouble again.
    seen.outcome = Some(Err(Untaken::Failing("HTTP 503".into())));
    assert_eq!(after(&seen).refused_at, None);
}

#[test]
fn a_required_message_is_not_sent_for_ever_for_an_order_that_may_be_gone() {
    let day = Time::from_millis(0).after(GIVE_UP);
    let mut left = seen();
    (left.content.required, left.fate) = (true, Fate::Unproven);
    let plan = |seen: &Observed| decide(seen, day, &Policy::default());
    assert!(matches!(&plan(&left).intents[..], [Intent::ReadAfresh { kind: Kind::Order, .. }]));
    left.fate = Fate::Open;
    assert!(matches!(&plan(&left).intents[..], [Intent::SendNotice(_)]), "an undo waits for it");
    left.fate = Fate::Gone(day);
    assert_eq!(plan(&left).status.expect("given up").state, Some(State::GaveUp));
}

#[test]
fn one_message_alone_opens_nothing() {
    assert!(!Circuit::of([(9, at(1_000))], None).is_open());
}
