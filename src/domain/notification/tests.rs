//! What failures tell of an endpoint, and what they do not.

use super::super::child::Gone;
use super::*;
use crate::domain::{Effect, Meta, Policy, conditions};

fn decide(seen: &Observed, now: Time, policy: &Policy) -> Plan<Status> {
    super::decide(&Case { seen, now, policy })
}

fn at(seconds: i64) -> Option<Time> {
    Some(Time::from_millis(seconds * 1_000))
}

/// A message that waits, created at the beginning.
fn seen() -> Observed {
    Observed {
        meta: Meta::sample("notice", 1, Time::from_millis(0)),
        content: Content::sample(false),
        endpoint: Endpoint::Ready,
        company: Company::Alone,
        me: "jumun-1".into(),
        wish_refused: false,
        circuit: Circuit::default(),
        is_probe: false,
        outcome: None,
        status: Status::default(),
        owner: OwnerState::Open,
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
fn messages_that_fail_together_put_the_next_probe_off_as_one_does() {
    let together = (0..14).map(|n| (1, Some(Time::from_millis(10_000 + n * 30))));
    let open = Circuit::of(together.clone(), None);
    assert_eq!((open.failures, open.rounds, open.probe_at()), (14, 1, Some(Time::from_millis(11_390))));
    // Each probe that fails after it puts the next one off further.
    let probed = Circuit::of(together.chain([(1, at(12)), (1, at(16))]), None);
    assert_eq!((probed.rounds, probed.probe_at()), (3, at(16).map(|last| last.after(retry::pause(3)))));
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
    (seen.outcome, seen.is_probe, seen.circuit) = (None, true, Circuit { failures: 9, rounds: 9, last: Some(now) });
    let decided = |seconds: i64| decide(&seen, Time::from_millis(seconds * 1_000 - 1), &Policy::default());
    assert_eq!(decided(1), Plan::wait_until(Time::from_millis(1_000)));
    assert!(matches!(&decided(2).intents[..], [Intent::CallOutside(_)]));
    // Refused again it shows nothing new; without an endpoint it looks for one now and then.
    seen.outcome = Some(Err(Untaken::Refused("HTTP 400".into())));
    let later = decide(&seen, now.after(BEHIND), &Policy::default()).status.expect("a write");
    assert_eq!((later.attempts, later.answered_at()), (2, Some(now)));
    let nowhere = Observed { endpoint: Endpoint::Absent, outcome: None, ..seen.clone() };
    assert!(decide(&nowhere, now.after(BEHIND), &Policy::default()).next.is_some());
    // Silence instead of a refusal is the endpoint's trouble again.
    seen.outcome = Some(Err(Untaken::Failing("HTTP 503".into())));
    assert_eq!(after(&seen).refused_at, None);
}

#[test]
fn a_required_message_is_not_sent_for_ever_for_an_order_that_may_be_gone() {
    let day = Time::from_millis(0).after(GIVE_UP);
    let mut left = seen();
    (left.content.required, left.owner) = (true, OwnerState::Unproven);
    let plan = |seen: &Observed| decide(seen, day, &Policy::default());
    assert!(matches!(&plan(&left).intents[..], [Intent::ReadAfresh { kind: Kind::Order, .. }]));
    left.owner = OwnerState::Open;
    assert!(matches!(&plan(&left).intents[..], [Intent::CallOutside(_)]), "an undo waits for it");
    left.owner = OwnerState::Gone(Gone { noticed: day, ended: None, row_read: false });
    let given_up = plan(&left).status.expect("given up");
    assert_eq!(given_up.state, Some(State::GaveUp));
    let wanted = "The notify.url of Store shop has not taken it for a day: it is not sent any more.";
    assert!(given_up.conditions.iter().any(|condition| condition.message == wanted), "{given_up:?}");
}

#[test]
fn one_message_alone_opens_nothing() {
    assert!(!Circuit::of([(9, at(1_000))], None).is_open());
}

fn among_several(at: Time, claim: Option<Claim>) -> Plan<Status> {
    let status = Status { claim, ..Status::default() };
    decide(&Observed { company: Company::Several, status, ..seen() }, at, &Policy::default())
}

#[test]
fn where_others_may_send_an_attempt_is_claimed_first() {
    let now = Time::from_millis(1_000);
    let plan = among_several(now, None);
    assert_eq!(plan.next, Some(now), "it goes on in the same reconcile");
    let claim = plan.status.expect("a claim").claim.expect("a claim");
    assert!(plan.intents.is_empty() && claim.by == "jumun-1" && claim.until == now.after(Duration::from_secs(30)));
    let sent = among_several(now, Some(claim.clone()));
    let [Intent::CallOutside(Effect::Notice(message))] = &sent.intents[..] else { panic!("{sent:?}") };
    assert_eq!(message.by, Some(now.after(Duration::from_secs(15))), "the call is over long before the claim is");
    // Later than that it is claimed anew.
    let late = among_several(now.after(Duration::from_secs(16)), Some(claim.clone()));
    assert!(late.intents.is_empty() && late.status.is_some_and(|status| status.claim != Some(claim)));
}

#[test]
fn what_another_has_claimed_is_left_to_it_until_its_claim_is_over() {
    let now = Time::from_millis(1_000);
    let claim = Claim { by: "jumun-2".into(), until: now.after(Duration::from_secs(30)) };
    assert_eq!(among_several(now, Some(claim.clone())), Plan::wait_until(claim.until));
    let taken_over = among_several(claim.until, Some(claim.clone())).status.expect("a claim");
    assert_eq!(taken_over.claim.map(|claim| claim.by), Some("jumun-1".into()));
    // One that is alone by now waits, too.
    let status = Status { claim: Some(claim.clone()), ..Status::default() };
    let alone = Observed { status, ..seen() };
    assert_eq!(decide(&alone, now, &Policy::default()), Plan::wait_until(claim.until));
    let sent = decide(&alone, claim.until, &Policy::default());
    assert!(matches!(&sent.intents[..], [Intent::CallOutside(Effect::Notice(message))] if message.by.is_none()));
}

#[test]
fn a_claim_goes_with_the_outcome() {
    let claim = Some(Claim { by: "jumun-1".into(), until: Time::from_millis(30_000) });
    for outcome in [Ok(()), Err(Untaken::Failing("HTTP 503".into()))] {
        let status = Status { claim: claim.clone(), ..Status::default() };
        let seen = Observed { outcome: Some(outcome), status, company: Company::Several, ..seen() };
        assert_eq!(decide(&seen, Time::from_millis(0), &Policy::default()).status.expect("a write").claim, None);
    }
}

#[test]
fn one_that_does_not_know_who_else_there_is_keeps_still() {
    let unsure = Observed { company: Company::Unsure, ..seen() };
    let plan = decide(&unsure, Time::from_millis(0), &Policy::default());
    assert!(plan.intents.is_empty() && plan.status.is_none() && plan.next.is_some());
}

#[test]
fn what_tells_of_an_end_waits_for_it() {
    let about = |topic, owner, wish_refused| {
        let mut seen = Observed { owner, wish_refused, ..seen() };
        seen.content.topic = topic;
        decide(&seen, Time::from_millis(0), &Policy::default())
    };
    let sends = |plan: &Plan<Status>| matches!(&plan.intents[..], [Intent::CallOutside(_)]);
    let over = OwnerState::Ended(Time::from_millis(0));
    for topic in [Topic::DeliveryCancelled, Topic::Undone, Topic::CancelRefused] {
        assert_eq!(about(topic, OwnerState::Open, false), Plan::rest(), "{topic:?}");
        assert!(sends(&about(topic, over, false)), "{topic:?}");
        assert!(
            sends(&about(
                topic,
                OwnerState::Gone(Gone { noticed: Time::from_millis(0), ended: Some(true), row_read: false }),
                false
            )),
            "its order is gone: {topic:?}"
        );
        assert!(matches!(&about(topic, OwnerState::Unproven, false).intents[..], [Intent::ReadAfresh { .. }]));
    }
    assert!(sends(&about(Topic::CancelRefused, OwnerState::Open, true)));
    assert!(sends(&about(Topic::CancelRequested, OwnerState::Open, false)));
}

#[test]
fn what_only_a_person_can_mend_is_said_with_what_to_do() {
    for (endpoint, reason, cure) in [
        (Endpoint::StoreGone, "StoreGone", "create it again"),
        (Endpoint::Absent, "NoEndpoint", "set it"),
        (Endpoint::Barred("host not allowed: a".into()), "EndpointNotAllowed", "egress.allowedHosts"),
    ] {
        let seen = Observed { endpoint, ..seen() };
        let status = decide(&seen, Time::from_millis(9_000), &Policy::default()).status.expect("a write");
        let said = status.conditions.iter().find(|c| c.type_ == conditions::STALLED).expect("stalled");
        assert!(said.reason == reason && said.message.contains(cure) && said.message.contains("shop"), "{said:?}");
    }
}

#[test]
fn an_endpoint_that_fails_is_named_by_the_field_that_says_where_it_is() {
    let said = |seen: &Observed| {
        let status = decide(seen, Time::from_millis(9_000), &Policy::default()).status.expect("a write");
        conditions::waiting_message(&status.conditions).expect("a wait").to_owned()
    };
    for (to, endpoint) in [
        (Audience::Seller, "notify.url of Store shop"),
        (Audience::Customer, "notifications.customers.url of the OrderPlatform"),
    ] {
        let mut seen = seen();
        seen.content.to = to;
        let circuit = Circuit { failures: 9, rounds: 9, last: at(8) };
        let behind = said(&Observed { circuit, ..seen.clone() });
        let wanted = format!("The {endpoint} keeps failing: attempts have stopped, it is probed again at ");
        assert!(behind.starts_with(&wanted), "{behind}");
        seen.outcome = Some(Err(Untaken::Failing("HTTP 503".into())));
        let wanted = format!("Attempt 1 at the {endpoint} failed (HTTP 503); the next is at ");
        assert!(said(&seen).starts_with(&wanted), "{}", said(&seen));
        (seen.outcome, seen.endpoint) = (None, Endpoint::Barred("host not allowed: a".into()));
        let wanted = format!("The {endpoint} may not be called (host not allowed: a): ");
        assert!(said(&seen).starts_with(&wanted), "{}", said(&seen));
    }
}
