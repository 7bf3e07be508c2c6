//! The moment in which an order is paid and does not say so yet.

use super::super::*;
use super::kitchen::{accepted, kitchen, offered};
use super::{decide, delivering, delivery, later, mug, now, payment, plan, store, wishes};
use crate::domain::delivery::Cause;
use crate::domain::store::SellerNotice;
use crate::domain::ticket::Cooking;
use crate::domain::{Kind, Lookup, Policy, Span, conditions, product};

/// Handed over to couriers, and not written as paid yet.
fn handed_over() -> Observed {
    let seen = delivering();
    let status = Status { paid_at: None, payment: None, state: Some(State::Placed), ..seen.status.clone() };
    Observed { status, products: vec![Lookup::Present(mug(Some(product::Answer::Held)))], ..seen }
}

#[test]
fn that_it_is_paid_is_written_with_the_steps_that_follow_at_once() {
    let mut seen = handed_over();
    assert_eq!(plan(&seen), Plan::wait_until(now().after(Policy::default().step)));
    let paid = later(&seen).status.expect("it lasts");
    assert_eq!((paid.state, paid.paid_at.is_some(), paid.payment.is_some()), (Some(State::Delivering), true, true));
    let counted =
        Observed { platform: ObservedPlatform { counts_unpaid: true, ..seen.platform.clone() }, ..seen.clone() };
    assert_eq!(plan(&counted).status.expect("others wait for it").paid_at, Some(now()));
    let approved_at = Some(Time::from_millis(now().as_millis() - 11_000));
    let stepping = Observed { payment: Lookup::Present(ObservedPayment { approved_at, ..payment() }), ..seen.clone() };
    assert!(plan(&stepping).status.expect("long enough").paid_at.is_some(), "whoever goes on stepping");
    seen.delivery = Lookup::Present(ObservedDelivery { confirmed: true, ..delivery() });
    let ended = plan(&seen).status.expect("the end");
    assert_eq!((ended.state, ended.paid_at, ended.ended_at), (Some(State::Completed), Some(now()), Some(now())));
    assert!(ended.payment.is_some(), "{ended:?}");
}

#[test]
fn what_is_handed_over_is_not_paid_twice_and_needs_no_product_any_more() {
    let mut seen = handed_over();
    seen.products = vec![Lookup::Gone];
    assert_eq!(plan(&seen).intents, [], "what was paid goes on");
    seen.products = vec![Lookup::Present(mug(Some(product::Answer::Held)))];
    seen.payment = Lookup::Unproven;
    assert!(matches!(&plan(&seen).intents[..], [Intent::ReadAfresh { kind: Kind::Payment, .. }]));
    seen.payment = Lookup::Gone;
    let policy = Policy::default();
    let plan = decide(&seen, now().after(policy.patience), &policy);
    assert!(
        plan.intents.is_empty() && plan.status.expect("said").conditions.iter().any(|c| c.reason == "PaymentMissing")
    );
}

#[test]
fn a_payment_that_is_gone_once_handed_over_is_never_made_again_whatever_ends_the_order() {
    let mut seen = handed_over();
    seen.status.terms.as_mut().unwrap().deadlines.pay = Some(Span::from_millis(1));
    seen.payment = Lookup::Unproven;
    let reads = [Intent::read(Kind::Payment, &seen.child_name())];
    for seen in [seen.clone(), wishes(seen.clone())] {
        assert_eq!(later(&seen).intents, reads, "late for nothing: it was paid");
        let gone = Observed { payment: Lookup::Gone, changed: Time::from_millis(0), ..seen };
        let said = later(&gone);
        assert!(said.intents.is_empty(), "{said:?}");
        assert!(said.status.expect("said").conditions.iter().any(|c| c.reason == "PaymentMissing"));
    }
    // Made anew by hand, as the message says: the delivery is held before anything else.
    seen.payment = Lookup::Present(ObservedPayment { cancel: true, ..payment() });
    seen.dependents_afresh = true;
    assert!(matches!(&later(&seen).intents[..], [Intent::HoldDelivery(..)]), "{:?}", later(&seen));
    // And no seller who must be told first is passed over.
    let mut told = wishes(handed_over());
    told.status.terms.as_mut().unwrap().seller_notice = SellerNotice::Required;
    told.store = Lookup::Present(ObservedStore { has_endpoint: true, ..store() });
    told.payment = Lookup::Gone;
    assert!(matches!(&later(&told).intents[..], [Intent::CreateNotification(draft)] if draft.0.required));
}

#[test]
fn that_it_is_paid_is_written_though_the_next_step_cannot_be_made() {
    let mut seen = offered(kitchen());
    seen.ticket = Lookup::Present(accepted());
    let status = Status { paid_at: None, payment: None, state: Some(State::Placed), ..seen.status.clone() };
    seen.status = status;
    assert!(
        matches!(&later(&seen).intents[..], [Intent::CreateDelivery(_)]),
        "first what is to be done, though it is late"
    );
    let policy = Policy::default();
    let denied = |seen: &Observed| decide(seen, now().after(policy.patience), &policy).status.expect("overdue");
    assert_eq!(denied(&seen).paid_at, Some(now().after(policy.patience)));
    seen.ticket = Lookup::Present(ObservedTicket { cooking: Some(Cooking::Finished), ..accepted() });
    let conditions = denied(&seen).conditions;
    let wanted = format!("Delivery {} is about to be created.", seen.child_name());
    assert_eq!(conditions::waiting_message(&conditions), Some(wanted.as_str()), "no courier can have it");
    seen.platform.counts_unpaid = true;
    assert!(plan(&seen).status.expect("others wait for it").paid_at.is_some());
}

#[test]
fn an_order_that_turns_back_at_once_was_paid_when_its_payment_was_approved() {
    let mut seen = wishes(handed_over());
    let approved_at = Some(Time::from_millis(now().as_millis() - 200));
    seen.delivery = Lookup::Present(ObservedDelivery { held: Some(Cause::Customer), cancelled: true, ..delivery() });
    seen.payment = Lookup::Present(ObservedPayment { approved_at, cancel: true, cancelled: true, ..payment() });
    assert_eq!(plan(&seen).status.expect("released").paid_at, approved_at);
}
