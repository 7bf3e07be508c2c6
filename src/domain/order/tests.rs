//! What an order does next, for each thing it may see.

mod kitchen;
mod messages;
mod missing;
mod notices;
mod paid;
mod waits;

use super::*;
use crate::domain::delivery::{Address, Cause, Progress};
use crate::domain::store::{Acceptance, Confirmation, CutOff, Deadlines, Fulfilment, Intake, SellerNotice};
use crate::domain::{Generation, Kind, Lookup, Meta, Money, Policy, Target, Version, conditions, product};

fn decide(seen: &Observed, now: Time, policy: &Policy) -> Plan<Status> {
    super::decide(&Case { seen, now, policy })
}

fn now() -> Time {
    Time::from_millis(10_000_000)
}

fn target(name: &str) -> Target {
    Target { name: name.into(), uid: format!("uid-of-{name}"), version: Version(7) }
}

/// An order of two mugs that nobody has looked at yet, with everything it refers to in place.
fn fresh() -> Observed {
    Observed {
        meta: Meta { uid: "uid-1".into(), ..Meta::sample("order-1", 5, now()) },
        request: Request {
            customer: "alice".into(),
            store: "shop".into(),
            items: vec![("mug".into(), 2)],
            pay: Pay::Wallet("alice".into()),
            deliver_to: Address { recipient: "Alice".into(), address: "1".into(), zone: "gangnam".into(), phone: None },
            agreed: None,
            cancel: None,
            cancel_message: None,
        },
        status: Status::default(),
        store: Lookup::Present(store()),
        products: vec![Lookup::Present(mug(None))],
        wallet: Lookup::Present(ObservedWallet {
            uid: "uid-of-alice".into(),
            owner: "alice".into(),
            currency: "KRW".into(),
            deleting: false,
        }),
        platform: ObservedPlatform::default(),
        references_afresh: false,
        order_afresh: false,
        dependents_afresh: false,
        unreadable: None,
        payment: Lookup::Unproven,
        ticket: Lookup::Unproven,
        delivery: Lookup::Unproven,
        notices: Vec::new(),
        changed: now(),
        earlier: None,
        stepped: now(),
        owed_notice: None,
        view_shows_end: false,
    }
}

fn store() -> ObservedStore {
    ObservedStore {
        seller: "kim".into(),
        fulfilment: Fulfilment::Warehouse,
        acceptance: Acceptance::Automatic,
        confirmation: Confirmation::Automatic,
        until: CutOff::Delivered,
        seller_notice: SellerNotice::BestEffort,
        deadlines: Deadlines::default(),
        intake: Intake::Open,
        has_endpoint: false,
    }
}

fn mug(answer: Option<product::Answer>) -> ObservedProduct {
    let price = Money::new(1_000, "KRW");
    ObservedProduct {
        uid: "uid-of-mug".into(),
        store: "shop".into(),
        price,
        points: 0,
        deleting: false,
        answer,
        denied: None,
    }
}

fn plan(seen: &Observed) -> Plan<Status> {
    decide(seen, now(), &Policy::default())
}

/// The same once nothing has changed for a while.
fn later(seen: &Observed) -> Plan<Status> {
    let policy = Policy::default();
    decide(seen, now().after(policy.step), &policy)
}

fn placed() -> Observed {
    let mut seen = fresh();
    seen.status = plan(&seen).status.expect("placed");
    seen
}

fn payment() -> ObservedPayment {
    let target = target("payment");
    ObservedPayment {
        target,
        cancel: false,
        approved_at: None,
        declined: None,
        declined_why: None,
        cancelled: false,
        stalled: None,
        trouble: None,
    }
}

fn delivery() -> ObservedDelivery {
    ObservedDelivery {
        target: target("delivery"),
        held: None,
        ready: true,
        progress: None,
        picked_up_at: None,
        confirmed: false,
        cancelled: false,
    }
}

fn delivering() -> Observed {
    let mut seen = placed();
    seen.products = vec![Lookup::Present(mug(Some(product::Answer::Held)))];
    seen.payment = Lookup::Present(ObservedPayment { approved_at: Some(now()), ..payment() });
    assert!(matches!(&plan(&seen).intents[..], [Intent::CreateDelivery(draft)] if draft.hold.is_none()));
    seen.delivery = Lookup::Present(delivery());
    seen.status = later(&seen).status.expect("paid");
    seen.products = vec![Lookup::Present(mug(None))];
    seen
}

/// The notice that a wish waits for, not taken yet.
fn untaken(trouble: &str) -> ObservedNotice {
    ObservedNotice {
        topic: super::notices::Topic::CancelRequested,
        to: super::notices::Audience::Seller,
        sent: false,
        created: now(),
        trouble: Some(trouble.into()),
        stalled: None,
    }
}

fn wishes(mut seen: Observed) -> Observed {
    seen.request.cancel = Some("ChangedMind".into());
    seen.meta.generation = Generation(2);
    seen
}

#[test]
fn an_order_is_placed_with_terms_that_last() {
    let status = placed().status;
    assert_eq!((status.state, status.placed_at), (Some(State::Placed), Some(now())));
    let terms = status.terms.unwrap();
    assert_eq!((terms.amount, terms.seller.as_str()), (Money::new(2_000, "KRW"), "kim"));
    assert_eq!(terms.items[0].uid, "uid-of-mug");
}

#[test]
fn nothing_is_called_missing_before_it_was_read_afresh() {
    let mut seen = fresh();
    seen.products = vec![Lookup::Unproven];
    let intents = plan(&seen).intents;
    assert!(intents.contains(&Intent::ReadAfresh { kind: Kind::Product, name: "mug".into() }), "{intents:?}");
    seen.references_afresh = true;
    seen.products = vec![Lookup::Gone];
    seen.platform.reference_patience = Some(std::time::Duration::ZERO);
    let status = plan(&seen).status.unwrap();
    assert_eq!(status.state, Some(State::Invalid));
    assert!(status.outcome.unwrap().message.starts_with("spec.items[0].product"));
}

#[test]
fn money_is_asked_for_once_every_product_is_held() {
    let mut seen = placed();
    assert_eq!(plan(&seen).intents, []);
    seen.products = vec![Lookup::Present(mug(Some(product::Answer::Held)))];
    let intents = plan(&seen).intents;
    assert!(matches!(&intents[..], [Intent::CreatePayment(draft)] if !draft.cancel && draft.amount.amount == 2_000));
}

#[test]
fn no_delivery_without_payment() {
    let mut seen = placed();
    seen.products = vec![Lookup::Present(mug(Some(product::Answer::Held)))];
    seen.payment = Lookup::Present(payment());
    assert_eq!(plan(&seen).intents, [], "not before it is approved");
    seen.payment = Lookup::Present(ObservedPayment { approved_at: Some(now()), ..payment() });
    assert!(matches!(&plan(&seen).intents[..], [Intent::CreateDelivery(draft)] if draft.hold.is_none()));
    seen.delivery = Lookup::Present(delivery());
    assert_eq!(later(&seen).status.unwrap().state, Some(State::Delivering));
}

#[test]
fn a_confirmed_delivery_completes_the_order() {
    let mut seen = delivering();
    seen.delivery =
        Lookup::Present(ObservedDelivery { progress: Some(Progress::Delivered), confirmed: true, ..delivery() });
    let status = plan(&seen).status.unwrap();
    assert_eq!((status.state, status.ended_at), (Some(State::Completed), Some(now())));
}

#[test]
fn too_little_stock_ends_the_order_only_after_its_payment_is_barred() {
    let mut seen = placed();
    seen.products = vec![Lookup::Present(mug(Some(product::Answer::Refused)))];
    let intents = plan(&seen).intents;
    assert!(matches!(&intents[..], [Intent::CreatePayment(draft)] if draft.cancel), "{intents:?}");
    seen.payment = Lookup::Present(ObservedPayment { cancel: true, ..payment() });
    assert!(plan(&seen).status.is_none(), "the wallet has not promised yet that it never charges");
    let mut slow = seen.clone();
    slow.changed = Time::from_millis(0);
    assert_eq!(plan(&slow).status.unwrap().state, Some(State::Cancelling), "an undo that lasts is shown");
    seen.payment = Lookup::Present(ObservedPayment { cancel: true, cancelled: true, ..payment() });
    seen.status = plan(&seen).status.unwrap();
    assert!(seen.status.releasing_at.is_some() && seen.status.ended_at.is_none());
    assert!(plan(&seen).status.is_none(), "no end before every ledger has answered");
    seen.products = vec![Lookup::Present(mug(Some(product::Answer::Released)))];
    assert_eq!(plan(&seen).status.unwrap().state, Some(State::OutOfStock));
}

#[test]
fn a_paid_order_is_held_before_it_is_refunded() {
    let mut seen = wishes(delivering());
    assert!(matches!(&plan(&seen).intents[..], [Intent::HoldDelivery(..)]));
    assert!(plan(&seen).status.is_none(), "it turns only once the hold is seen");
    seen.delivery = Lookup::Present(ObservedDelivery { held: Some(Cause::Customer), ..delivery() });
    assert!(matches!(&plan(&seen).intents[..], [Intent::CancelPayment(_)]));
    seen.payment =
        Lookup::Present(ObservedPayment { approved_at: Some(now()), cancel: true, cancelled: true, ..payment() });
    assert!(plan(&seen).status.is_none(), "the delivery is still to be recalled");
    seen.delivery = Lookup::Present(ObservedDelivery { held: Some(Cause::Customer), cancelled: true, ..delivery() });
    let status = plan(&seen).status.unwrap();
    assert!(status.releasing_at.is_some() && status.state == Some(State::Cancelling));
}

#[test]
fn a_wish_that_comes_after_the_delivery_is_refused() {
    let mut seen = wishes(delivering());
    seen.delivery = Lookup::Present(ObservedDelivery { progress: Some(Progress::Delivered), ..delivery() });
    let plan = plan(&seen);
    assert_eq!(plan.intents, []);
    let status = plan.status.unwrap();
    assert!(status.cancel_refused.is_some() && status.outcome.is_none());
}

#[test]
fn a_wish_while_the_payment_is_open_bars_the_payment_first() {
    let mut seen = wishes(placed());
    seen.payment = Lookup::Present(payment());
    assert!(matches!(&plan(&seen).intents[..], [Intent::CancelPayment(_)]));
    // It was approved in the meantime: now the delivery decides, created held where there is none.
    seen.payment = Lookup::Present(ObservedPayment { approved_at: Some(now()), ..payment() });
    let intents = plan(&seen).intents;
    assert!(matches!(&intents[..], [Intent::CreateDelivery(draft)] if draft.hold.is_some()), "{intents:?}");
}

#[test]
fn an_order_that_is_not_placed_yet_is_cancelled_at_once() {
    let status = plan(&wishes(fresh())).status.unwrap();
    assert_eq!((status.state, status.placed_at), (Some(State::Cancelled), None));
}

#[test]
fn a_recorded_payment_that_is_missing_is_stalled_never_recreated() {
    let mut seen = wishes(delivering());
    seen.payment = Lookup::Gone;
    seen.changed = Time::from_millis(0);
    let plan = plan(&seen);
    assert_eq!(plan.intents, []);
    let stalled = plan.status.unwrap().conditions.into_iter().find(|c| c.type_ == "Stalled").unwrap();
    assert!(stalled.reason == "PaymentMissing" && stalled.message.contains("2000 KRW"));
}

#[test]
fn terminal_is_final() {
    let mut seen = delivering();
    seen.delivery =
        Lookup::Present(ObservedDelivery { progress: Some(Progress::Delivered), confirmed: true, ..delivery() });
    seen.status = plan(&seen).status.unwrap();
    let seen = wishes(seen);
    let status = plan(&seen).status.unwrap();
    assert_eq!((status.state, status.observed_generation), (Some(State::Completed), Generation(2)));
    let again = Observed { status, ..seen };
    assert_eq!(plan(&again), Plan::rest());
}

#[test]
fn a_deleted_order_goes_once_its_row_shows_the_end() {
    let mut seen = delivering();
    seen.delivery =
        Lookup::Present(ObservedDelivery { progress: Some(Progress::Delivered), confirmed: true, ..delivery() });
    seen.status = plan(&seen).status.unwrap();
    seen.meta.deleting = Some(now());
    assert_eq!(plan(&seen), Plan::rest());
    seen.view_shows_end = true;
    assert_eq!(plan(&seen).intents, [Intent::DropFinalizer(seen.meta.target())]);
}

#[test]
fn a_wait_is_written_down_only_once_it_has_lasted() {
    let mut seen = placed();
    seen.payment = Lookup::Present(payment());
    let quiet = plan(&seen);
    assert!(quiet.status.is_none() && quiet.next.is_some());
    seen.changed = Time::from_millis(0);
    let conditions = plan(&seen).status.unwrap().conditions;
    assert_eq!(conditions::waiting_for(&conditions), Some("WaitingForPayment"));
}

#[test]
fn an_order_says_which_product_cannot_be_written() {
    let mut seen = placed();
    let why = "patch status Product mug: status.sold must not be negative";
    seen.products = vec![Lookup::Present(ObservedProduct { denied: Some(why.into()), ..mug(None) })];
    seen.changed = Time::from_millis(0);
    let said = plan(&seen);
    let conditions = said.status.expect("it says so").conditions;
    let stalled = conditions.iter().find(|c| c.type_ == conditions::STALLED).expect("stalled");
    assert_eq!(stalled.reason, "LedgerDenied");
    assert!(stalled.message.contains("Product mug") && stalled.message.contains(why), "{}", stalled.message);
    assert_eq!(said.facts.len(), 1, "and once as an Event");
    // What was answered already needs no write of it.
    seen.products =
        vec![Lookup::Present(ObservedProduct { denied: Some(why.into()), ..mug(Some(product::Answer::Held)) })];
    assert!(matches!(plan(&seen).intents[..], [Intent::CreatePayment(_)]));
}

#[test]
fn a_provider_that_fails_is_what_an_order_waits_for_however_often_it_is_asked() {
    let mut seen = placed();
    let trouble = "Attempt 3 at card failed (HTTP 500); the next is at noon.";
    seen.payment = Lookup::Present(ObservedPayment { trouble: Some(trouble.to_owned()), ..payment() });
    seen.status.placed_at = Some(now().before(std::time::Duration::from_secs(6)));
    // The Payment was written a moment ago, as with every attempt.
    seen.changed = now();
    let conditions = plan(&seen).status.expect("it says so").conditions;
    assert_eq!(conditions::waiting_for(&conditions), Some("WaitingForPayment"));
    let wanted = format!("Payment {}: {trouble}", seen.child_name());
    assert_eq!(conditions::waiting_message(&conditions), Some(wanted.as_str()));
    seen.status.placed_at = Some(now());
    assert!(plan(&seen).status.is_none(), "a wait that passes is not written");
}

#[test]
fn an_order_says_what_its_payment_needs_a_person_for() {
    let mut seen = placed();
    let why = "The OrderPlatform has no payment provider card.";
    seen.payment = Lookup::Present(ObservedPayment { stalled: Some(why.into()), ..payment() });
    seen.changed = Time::from_millis(0);
    let conditions = plan(&seen).status.unwrap().conditions;
    let stalled = conditions.iter().find(|condition| condition.type_ == conditions::STALLED).expect("stalled");
    assert_eq!((stalled.reason.as_str(), stalled.message.as_str()), ("PaymentStalled", why));
}

#[test]
fn nothing_is_created_for_an_old_order_before_it_was_read_afresh() {
    let read = Intent::ReadAfresh { kind: Kind::Order, name: "order-1".into() };
    let mut seen = placed();
    seen.status.placed_at = Some(Time::from_millis(0));
    seen.products = vec![Lookup::Present(mug(Some(product::Answer::Held)))];
    let reads = |seen: &Observed| plan(seen).intents == std::slice::from_ref(&read);
    assert!(reads(&seen), "no payment");
    assert!(reads(&wishes(seen.clone())), "not even one to stand in the way");
    seen.payment = Lookup::Present(ObservedPayment { approved_at: Some(now()), ..payment() });
    assert!(reads(&seen), "no delivery");
    assert!(reads(&wishes(seen.clone())), "not even a held one");
    seen.order_afresh = true;
    assert!(matches!(&plan(&seen).intents[..], [Intent::CreateDelivery(_)]));
}
