//! What failures tell of an endpoint, and what they do not.

use super::*;

fn at(seconds: i64) -> Option<Time> {
    Some(Time::from_millis(seconds * 1_000))
}

#[test]
fn failures_of_several_messages_open_the_breaker_and_a_success_closes_it() {
    let failing = [(1, at(11)), (1, at(12)), (2, at(16)), (1, at(14))];
    let open = Circuit::of(failing, None);
    assert!(open.is_open() && open.last == at(13));
    assert_eq!(open.probe_at(), at(14), "a second after the last failure");
    assert!(!Circuit::of(failing, at(13)).is_open());
    assert_eq!(Circuit::of(failing, at(11)).failures, 3);
}

#[test]
fn a_message_that_an_endpoint_refuses_says_nothing_of_the_endpoint() {
    let now = Time::from_millis(0);
    let content = Content {
        order: OrderRef { name: "order-1".into(), uid: "uid-1".into() },
        topic: Topic::DeliveryCancelled,
        to: Audience::Seller,
        store: "shop".into(),
        subject: "kim".into(),
        customer: "alice".into(),
        amount: Money::new(1, "KRW"),
        reason: None,
        required: false,
    };
    let mut seen = Observed {
        meta: Meta::sample("notice", 1, now),
        content,
        has_endpoint: true,
        circuit: Circuit::default(),
        is_probe: false,
        outcome: Some(Err(Untaken::Failing("HTTP 503".into()))),
        status: Status::default(),
        fate: Fate::Open,
    };
    let after = |seen: &Observed| decide(seen, now, &Policy::default()).status.expect("a write");
    assert_eq!(after(&seen).failing(), Some((1, at(1))));
    seen.outcome = Some(Err(Untaken::Refused("HTTP 400".into())));
    let refused = after(&seen);
    assert_eq!((refused.attempts, refused.failing()), (1, None));
    // Nor does waiting behind the breaker make it count.
    let circuit = Circuit { failures: 9, last: Some(now) };
    let behind = Observed { outcome: None, status: refused, circuit, ..seen };
    assert!(decide(&behind, now.after(Duration::from_secs(2)), &Policy::default()).status.is_none());
}

#[test]
fn one_message_alone_opens_nothing() {
    assert!(!Circuit::of([(9, at(1_000))], None).is_open());
}
