//! What a payment by a provider does next, for each thing that may be known.

use std::time::Duration;

use super::*;

fn now() -> Time {
    Time::from_millis(10_000_000)
}

fn seen(reply: Option<Reply>) -> Observed {
    Observed {
        meta: Meta::sample("order-1-pay", 9, now()),
        order: OrderRef { name: "order-1".into(), uid: "uid-1".into() },
        source: Source::Provider(Provider {
            name: "card".into(),
            token: provider::Token("tok".into()),
            amount: Money::new(2_000, "KRW"),
            known: true,
            reply,
            refused: None,
            order_afresh: false,
            order_wishes: false,
        }),
        free: false,
        cancel: false,
        unreadable: None,
        refunded_by_hand: false,
        status: Status::default(),
        fate: Fate::Open,
    }
}

fn provider(seen: &mut Observed) -> &mut Provider {
    match &mut seen.source {
        Source::Provider(provider) => provider,
        Source::Wallet { .. } => unreachable!("it is paid by card"),
    }
}

fn plan(seen: &Observed) -> Plan<Status> {
    decide(seen, now(), &Policy::default())
}

fn asks(seen: &Observed) -> Option<Call> {
    match &plan(seen).intents[..] {
        [Intent::CallProvider { call, .. }] => Some(call.clone()),
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
    let wallet = Source::Wallet { name: "alice".into(), answer: Lookup::Gone };
    let by_wallet = Observed { source: wallet, cancel: false, ..free };
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
    assert!(stalled(&unknown).contains("refundedByHand"));
    let mut hopeless = cancelling(Some(Reply::Unknown { why: "HTTP 503".into() }));
    hopeless.status = Status {
        state: Some(State::Cancelling),
        attempts: 99,
        failing_since: Some(now().before(HOPELESS)),
        ..Status::default()
    };
    assert!(stalled(&hopeless).contains("refundedByHand"));
}

#[test]
fn a_payment_whose_order_is_gone_waits_for_no_wallet() {
    let answer = |answer| Source::Wallet { name: "alice".into(), answer: Lookup::Present(answer) };
    let mut left = Observed { source: answer(None), fate: Fate::Unproven, ..seen(None) };
    assert!(matches!(&plan(&left).intents[..], [Intent::ReadAfresh { kind: Kind::Order, .. }]));
    left.fate = Fate::Gone(Time::from_millis(0));
    assert_eq!(plan(&left).intents, [Intent::DeleteSelf(left.meta.target())]);
    left.source = answer(Some(wallet::Answer::Charged));
    assert!(plan(&left).status.unwrap().approved_at.is_some(), "what was taken before is not forgotten");
}
