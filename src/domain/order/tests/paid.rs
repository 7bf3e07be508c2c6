//! The moment in which an order is paid and does not say so yet.

use super::super::*;
use super::{decide, delivering, delivery, later, mug, now, plan};
use crate::domain::{Kind, Lookup, Policy, product};

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
    let counted = Observed { platform: PlatformFacts { counts_unpaid: true, ..seen.platform.clone() }, ..seen.clone() };
    assert_eq!(plan(&counted).status.expect("others wait for it").paid_at, Some(now()));
    seen.delivery = Lookup::Present(DeliveryFacts { confirmed: true, ..delivery() });
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
