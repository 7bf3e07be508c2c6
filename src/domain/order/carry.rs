//! The way forward: `Placed` → `Delivering` → `Delivered` → `Completed`.
//!
//! The Payment is created once every product is held, the Delivery once the Payment is approved. A wish to cancel is
//! tried first: it is decided by one object, the Payment while it is not approved, then the Delivery (see [`undo`]).

use super::super::{Intent, Kind, Lookup, ObjectRef, Plan, Policy, Time, child, delivery, payment, plan, product};
use super::undo::{self, Turn};
use super::{DeliveryFacts, Observed, Outcome, PaymentFacts, State, Status, Terms, ended, moving, stalled};

pub(super) fn decide(seen: &Observed, terms: &Terms, now: Time, policy: &Policy) -> Plan<Status> {
    let paid = seen.status.paid_at.is_some();
    let cause = seen.wish().or_else(|| if paid { None } else { failure(seen, terms) });
    let Some(outcome) = cause.filter(|_| seen.status.cancel_refused.is_none()) else {
        return forward(seen, terms, now, policy);
    };
    match undo::turn(seen, terms, outcome, now, policy) {
        Turn::Undo(plan) => *plan,
        Turn::TooLate => forward(seen, terms, now, policy),
    }
}

/// Why an order that is not paid cannot be carried on.
fn failure(seen: &Observed, terms: &Terms) -> Option<Outcome> {
    if let Some(reason) = seen.payment.present().and_then(|payment| payment.declined.as_ref()) {
        let message = format!("spec.payment.wallet: {} {} was declined.", terms.amount.amount, terms.amount.currency);
        return Some(Outcome::new(State::PaymentFailed, reason, message));
    }
    let short = seen.products.iter().zip(&terms.items).enumerate().find_map(|(index, (product, line))| {
        let why = match product {
            Lookup::Present(facts) if facts.answer == Some(product::Answer::Refused) => "InsufficientStock",
            Lookup::Gone => "ProductGone",
            Lookup::Present(_) | Lookup::Unproven => return None,
        };
        Some((index, line, why))
    });
    let (index, line, why) = short?;
    let message = format!("spec.items[{index}]: {} of Product {} are not in stock.", line.quantity, line.product);
    Some(Outcome::new(State::OutOfStock, why, message))
}

fn forward(seen: &Observed, terms: &Terms, now: Time, policy: &Policy) -> Plan<Status> {
    if seen.status.paid_at.is_some() {
        return deliver(seen, now, policy);
    }
    if let Lookup::Present(payment) = &seen.payment {
        return if payment.approved {
            hand_over(seen, terms, payment, now, policy)
        } else {
            await_payment(seen, now, policy)
        };
    }
    let reads = absent_products(seen, terms);
    if !reads.is_empty() {
        return Plan::all(reads);
    }
    let held = |product: &Lookup<super::ProductFacts>| {
        product.present().is_some_and(|facts| facts.answer == Some(product::Answer::Held))
    };
    if seen.products.iter().all(held) {
        if !seen.may_create(now, policy) {
            return seen.read_order();
        }
        return Plan::only(Intent::CreatePayment(payment_draft(seen, terms, false)));
    }
    let message = "Stock is asked for.".to_owned();
    wait(seen, State::Placed, "WaitingForStock", message, now, policy)
}

/// Live reads of the products whose absence is not proven.
pub(super) fn absent_products(seen: &Observed, terms: &Terms) -> Vec<Intent> {
    let lookups = seen.products.iter().zip(&terms.items);
    lookups.filter_map(|(product, line)| child::prove(product, Kind::Product, &line.product)).collect()
}

/// The order's one Payment.
pub(super) fn payment_draft(seen: &Observed, terms: &Terms, cancel: bool) -> payment::Draft {
    payment::Draft { order: seen.order_ref(), wallet: terms.wallet.clone(), amount: terms.amount.clone(), cancel }
}

/// The order's one Delivery.
pub(super) fn delivery_draft(seen: &Observed, terms: &Terms, hold: Option<delivery::Hold>) -> delivery::Draft {
    delivery::Draft {
        order: seen.order_ref(),
        deliver_to: seen.request.deliver_to.clone(),
        confirmation: terms.confirmation,
        hold,
    }
}

fn await_payment(seen: &Observed, now: Time, policy: &Policy) -> Plan<Status> {
    wait(seen, State::Placed, "WaitingForPayment", "The wallet has not answered yet.".to_owned(), now, policy)
}

/// Paid: the Delivery is created, then the order says so.
fn hand_over(seen: &Observed, terms: &Terms, payment: &PaymentFacts, now: Time, policy: &Policy) -> Plan<Status> {
    if seen.delivery.present().is_none() && !seen.may_create(now, policy) {
        return seen.read_order();
    }
    let status = Status {
        paid_at: Some(now),
        payment: Some(ObjectRef { name: payment.target.name.clone(), uid: payment.target.uid.clone() }),
        ..seen.status.clone()
    };
    let message = "A courier of the zone claims it and delivers.".to_owned();
    let status = moving(seen, status, State::Delivering, "WaitingForCourier", message, now);
    let intents = match &seen.delivery {
        Lookup::Present(_) => Vec::new(),
        Lookup::Unproven | Lookup::Gone => vec![Intent::CreateDelivery(delivery_draft(seen, terms, None))],
    };
    Plan { intents, ..Plan::write(status) }
}

fn deliver(seen: &Observed, now: Time, policy: &Policy) -> Plan<Status> {
    if let Some(read) = child::prove(&seen.delivery, Kind::Delivery, &seen.child_name()) {
        return Plan::only(read);
    }
    let Lookup::Present(delivery) = &seen.delivery else {
        let message = "The Delivery is gone: ship by hand, or cancel the order.".to_owned();
        let wanted = stalled(seen, seen.status.clone(), "DeliveryMissing", message.clone(), now);
        let plan = plan::report(&seen.status, wanted, true, seen.meta.changed, now, policy);
        return if plan.status.is_some() { plan.with_fact("Stalled", message, true) } else { plan };
    };
    let plan = progress(seen, delivery, now, policy);
    if seen.wish().is_some() && delivery.delivered && seen.status.cancel_refused.is_none() {
        return refuse(seen, plan);
    }
    plan
}

fn progress(seen: &Observed, delivery: &DeliveryFacts, now: Time, policy: &Policy) -> Plan<Status> {
    let status = seen.status.clone();
    if delivery.confirmed {
        return Plan::write(ended(seen, status, State::Completed, "Completed", String::new(), now));
    }
    if delivery.delivered && seen.status.terms.as_ref().is_some_and(|t| t.confirmation.asks_customer()) {
        let message = "The customer confirms receipt on the Delivery.".to_owned();
        let wanted = moving(seen, status, State::Delivered, "WaitingForConfirmation", message, now);
        return if wanted == seen.status { Plan::rest() } else { Plan::write(wanted) };
    }
    let message = "A courier of the zone claims it and delivers.".to_owned();
    wait(seen, State::Delivering, "WaitingForCourier", message, now, policy)
}

/// The wish came after the delivery: the order goes on and says so, with whatever else there is to write.
fn refuse(seen: &Observed, plan: Plan<Status>) -> Plan<Status> {
    let message = "Delivered before the wish to cancel could be honoured.";
    let mut status = plan.status.unwrap_or_else(|| seen.status.clone());
    status.cancel_refused = Some(message.to_owned());
    status.observed_generation = seen.meta.generation;
    Plan::write(status).with_fact("CancelRefused", message, true)
}

/// Says what the order waits for, where that takes long or the spec has changed.
pub(super) fn wait(
    seen: &Observed,
    state: State,
    reason: &str,
    message: String,
    now: Time,
    policy: &Policy,
) -> Plan<Status> {
    let wanted = moving(seen, seen.status.clone(), state, reason, message, now);
    plan::report(&seen.status, wanted, true, seen.meta.changed, now, policy)
}
