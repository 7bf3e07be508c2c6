//! What is missing is waited for, what is wrong is not; a price that nobody agreed to is not charged.

use std::time::Duration;

use super::super::*;
use super::{decide, fresh, mug, now, plan};
use crate::domain::platform::{Standing, Turn};
use crate::domain::{Kind, Lookup, Money, Policy, conditions};

const MINUTE: Duration = Duration::from_secs(60);

fn at(seen: &Observed, time: Time) -> Plan<Status> {
    decide(seen, time, &Policy::default())
}

/// The same order, each of the things that it refers to missing in turn.
fn lacking() -> Vec<(Observed, Kind, &'static str, &'static str)> {
    let with = |change: &dyn Fn(&mut Observed)| {
        let mut seen = fresh();
        change(&mut seen);
        seen
    };
    let by_card = |exists| {
        with(&|seen: &mut Observed| {
            seen.request.pay = Pay::Provider { name: "card".into(), token: crate::domain::provider::Token("t".into()) };
            seen.platform.exists = exists;
        })
    };
    let leaving = ObservedProduct { deleting: true, ..mug(None) };
    vec![
        (
            with(&|seen| seen.store = Lookup::Unproven),
            Kind::Store,
            "spec.store: there is no Store named shop: create it",
            "UnknownStore",
        ),
        (
            with(&|seen| seen.products = vec![Lookup::Unproven]),
            Kind::Product,
            "spec.items[0].product: there is no Product named mug: create it",
            "UnknownProduct",
        ),
        (
            with(&|seen| seen.products = vec![Lookup::Present(leaving.clone())]),
            Kind::Product,
            "spec.items[0].product: there is no Product named mug: create it",
            "UnknownProduct",
        ),
        (
            with(&|seen| seen.wallet = Lookup::Unproven),
            Kind::Wallet,
            "spec.payment.wallet: there is no Wallet named alice: create it",
            "UnknownWallet",
        ),
        (
            by_card(false),
            Kind::OrderPlatform,
            "spec.payment.provider: there is no OrderPlatform named default: create it",
            "UnknownProvider",
        ),
        (
            by_card(true),
            Kind::OrderPlatform,
            "spec.payment.provider: OrderPlatform default has no payment provider named card: add it to spec.payment.providers there",
            "UnknownProvider",
        ),
    ]
}

#[test]
fn what_is_missing_is_read_then_waited_for_and_only_then_refused() {
    for (mut seen, kind, what, reason) in lacking() {
        let first = plan(&seen);
        let reads = matches!(&first.intents[..], [Intent::ReadAfresh { kind: read, .. }] if *read == kind);
        let leaving = seen.products.iter().any(|product| product.present().is_some_and(|product| product.deleting));
        assert!(reads || leaving, "{what}: {first:?}");
        assert!(first.status.is_none(), "nothing is written for a moment");
        let late = now().after(Duration::from_secs(1));
        let waits = at(&seen, late);
        seen.status = waits.status.unwrap();
        assert_eq!((seen.status.state, seen.status.missing_since), (Some(State::Pending), Some(late)));
        assert_eq!(conditions::waiting_for(&seen.status.conditions), Some("ReferenceNotFound"));
        let said = conditions::waiting_message(&seen.status.conditions).unwrap();
        assert_eq!(said, format!("{what}; it is waited for until {}.", late.after(MINUTE)));
        let patient = at(&seen, late.after(MINUTE - Duration::from_millis(1)));
        assert_eq!((patient.intents, patient.status, patient.next), (vec![], None, Some(late.after(MINUTE))));
        let over = at(&seen, late.after(MINUTE));
        assert!(over.status.is_none() && over.intents.len() == 3, "everything is read once more: {over:?}");
        seen.references_afresh = true;
        let end = at(&seen, late.after(MINUTE)).status.unwrap();
        assert_eq!((end.state, end.missing_since), (Some(State::Invalid), None));
        assert_eq!(end.outcome.unwrap().reason, reason);
    }
}

#[test]
fn what_comes_back_lets_the_order_go_on_and_is_missed_anew() {
    let mut seen = fresh();
    seen.store = Lookup::Gone;
    seen.status = at(&seen, now().after(Duration::from_secs(1))).status.unwrap();
    seen.store = fresh().store;
    let status = at(&seen, now().after(Duration::from_secs(2))).status.unwrap();
    assert_eq!((status.state, status.missing_since), (Some(State::Placed), None));
}

#[test]
fn who_was_called_is_never_refused_for_what_goes_missing_later() {
    let mut seen = fresh();
    seen.platform.exists = true;
    let turn = Turn { order: "uid-1".into(), name: "order-1".into(), number: 7, called_at: Some(now()), away: true };
    seen.platform.queue = Standing { limited: true, serving: 7, turn: Some(turn) };
    seen.status.queue_number = Some(7);
    seen.store = Lookup::Gone;
    seen.references_afresh = true;
    seen.status = at(&seen, now().after(Duration::from_secs(1))).status.unwrap();
    let much_later = now().after(MINUTE * 60);
    let plan = at(&seen, much_later);
    let status = plan.status.unwrap();
    assert!(status.ended_at.is_none());
    let stalled = status.conditions.iter().find(|condition| condition.type_ == conditions::STALLED).unwrap();
    assert_eq!(stalled.message, "spec.store: there is no Store named shop: create it again, or cancel the order.");
    assert_eq!((plan.facts.len(), stalled.reason.as_str()), (1, "ReferenceNotFound"));
    seen.status = status;
    assert_eq!(at(&seen, much_later.after(MINUTE)), Plan::rest(), "said once");
    seen.platform.queue.turn = None;
    assert_eq!(at(&seen, much_later).status.unwrap().state, Some(State::Invalid), "that was not called");
}

#[test]
fn a_moment_without_the_platform_lets_nobody_in_who_waits_for_a_turn() {
    let mut seen = fresh();
    seen.status.queue_number = Some(7);
    let second = now().after(Duration::from_secs(1));
    seen.status = at(&seen, second).status.unwrap();
    assert_eq!((seen.status.placed_at, seen.status.missing_since), (None, Some(second)));
    seen.platform.exists = true;
    assert!(at(&seen, second).status.unwrap().placed_at.is_some());
}

#[test]
fn without_patience_what_is_missing_is_refused_at_once() {
    let mut seen = fresh();
    seen.platform.reference_patience = Some(Duration::ZERO);
    seen.wallet = Lookup::Gone;
    seen.references_afresh = true;
    assert_eq!(plan(&seen).status.unwrap().state, Some(State::Invalid));
}

#[test]
fn what_is_there_and_wrong_is_refused_at_once() {
    let mut seen = fresh();
    seen.products = vec![Lookup::Present(ObservedProduct { store: "other".into(), ..mug(None) })];
    assert_eq!(plan(&seen).intents.len(), 3, "once it was read");
    seen.references_afresh = true;
    assert_eq!(plan(&seen).status.unwrap().outcome.unwrap().reason, "ProductOfAnotherStore");
}

#[test]
fn while_the_intake_is_paused_nothing_is_placed_and_nothing_is_judged() {
    let mut seen = fresh();
    (seen.platform.exists, seen.platform.paused) = (true, true);
    seen.store = Lookup::Gone;
    seen.references_afresh = true;
    for later in [1, 3_600] {
        let time = now().after(Duration::from_secs(later));
        let status = at(&seen, time).status.unwrap_or_else(|| seen.status.clone());
        assert_eq!((status.state, status.missing_since), (Some(State::Pending), None));
        assert_eq!(conditions::waiting_for(&status.conditions), Some("IntakePaused"));
        seen.status = status;
    }
    seen.request.cancel = Some("ChangedMind".into());
    assert_eq!(plan(&seen).status.unwrap().state, Some(State::Cancelled), "a wish is still heard");
    seen.earlier = Some(Earlier { state: State::Completed, ended: None, afresh: true });
    assert_eq!(plan(&seen).status, None, "but not that of an order which is being restored");
    seen.meta.deleting = Some(now());
    assert_eq!(plan(&seen).status.unwrap().state, Some(State::Cancelled), "which can be deleted");
}

#[test]
fn another_total_than_the_agreed_one_is_not_charged() {
    let agreed = |amount, currency: &str, points| {
        let mut seen = fresh();
        seen.references_afresh = true;
        seen.request.agreed = Some(Agreed { amount: Money::new(amount, currency), points });
        plan(&seen).status.unwrap()
    };
    assert_eq!(agreed(2_000, "KRW", 0).state, Some(State::Placed));
    for (amount, currency, points) in [(1_999, "KRW", 0), (2_000, "EUR", 0), (2_000, "KRW", 5)] {
        let status = agreed(amount, currency, points);
        let outcome = status.outcome.unwrap();
        assert_eq!((status.state, outcome.reason.as_str()), (Some(State::Invalid), "PriceChanged"));
        assert!(status.placed_at.is_none() && outcome.message.contains("2000 KRW"), "{}", outcome.message);
    }
    let said = agreed(1_900, "KRW", 5).outcome.unwrap().message;
    assert_eq!(said, "spec.agreed: 1900 KRW and 5 points was agreed, it costs 2000 KRW now.");
}

#[test]
fn what_has_run_before_is_not_run_again() {
    let mut seen = fresh();
    let ended = Time::from_millis(5_000);
    seen.earlier = Some(Earlier { state: State::Completed, ended: Some(ended), afresh: false });
    assert_eq!(plan(&seen).intents, [Intent::ReadAfresh { kind: Kind::OrderView, name: "order-1".into() }]);
    seen.earlier = Some(Earlier { state: State::Completed, ended: Some(ended), afresh: true });
    let status = plan(&seen).status.unwrap();
    let outcome = status.outcome.unwrap();
    assert_eq!((status.state, outcome.reason.as_str()), (Some(State::Invalid), "AlreadyOrdered"));
    assert!(status.placed_at.is_none() && outcome.message.contains(&ended.to_string()), "{}", outcome.message);
    assert!(outcome.message.len() < 256, "{}", outcome.message.len());
}

/// Orders without a number are few at a time: who waits for its store, or for what is missing, copies its own.
#[test]
fn whoever_waits_copies_its_number_whatever_it_waits_for() {
    let turn = |called_at| Turn { order: "uid-1".into(), name: "order-1".into(), number: 7, called_at, away: false };
    let mut waiting: Vec<Observed> = lacking().into_iter().map(|(seen, ..)| seen).collect();
    let mut held = fresh();
    if let Lookup::Present(store) = &mut held.store {
        store.intake = crate::domain::store::Intake::Hold;
    }
    waiting.push(held.clone());
    for mut seen in waiting {
        seen.platform.exists = true;
        seen.platform.queue = Standing { limited: true, serving: 0, turn: Some(turn(None)) };
        let later = now().after(MINUTE / 2);
        seen.status = at(&seen, later).status.expect("it says that it waits");
        assert_eq!(seen.status.queue_number, Some(7));
        assert_eq!(at(&seen, later).status, None, "once");
    }
    held.platform.queue = Standing { limited: false, serving: 9, turn: Some(turn(None)) };
    let status = at(&held, now().after(MINUTE)).status.expect("it waits");
    assert_eq!(status.queue_number, None, "without limits nobody is numbered");
}
