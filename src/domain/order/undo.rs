//! The way back: whatever was done is undone, and the end says why.
//!
//! | step | ready when | undone by |
//! |---|---|---|
//! | notice | a paid order is to be cancelled and the store asks for it | the seller's Notification, taken by its endpoint |
//! | hold | told | `hold` on the decisive child, then on the other; where one is missing it is created held |
//! | refund | both are held (not paid: at once) | `cancel: true` on the Payment, then its `cancelledAt` |
//! | recall | the Payment is cancelled or declined | the Ticket's and the Delivery's own end |
//! | release | all of these | status `releasingAt`, then `Released` in every ledger of stock |
//! | end | every ledger has answered | the end state, which acknowledges the answers |
//!
//! Why it turns back, and what decides whether it still can, is in [`super::turn`]. Nothing is created behind the undo's
//! back: the Payment exists before the order ends, and where it was approved its other children too. `Cancelling` is
//! written where the undo lasts longer than a second.

use super::super::delivery::types::{self as delivery, Progress};
use super::super::product::types as product;
use super::super::store::types::Fulfilment;
use super::super::ticket::types as ticket;
use super::super::{Intent, Kind, Lookup, ObjectRef, Plan, Policy, Time, plan};
use super::carry::{
    absent_products, delivery_draft, denied_product, payment_draft, payment_missing, stall, ticket_draft, wait,
};
use super::deadlines::Decisive;
use super::facts::{Observed, PaymentFacts};
use super::report::{ended, moving};
use super::turn::{Untold, Why, is_sold};
use super::types::{Line, State, Status, Terms};

/// Reads the order, its children and its products, one of which is seen older than another.
pub(super) fn clear_up(seen: &Observed, terms: &Terms) -> Plan<Status> {
    if seen.family_afresh {
        return Plan::rest();
    }
    let order = Intent::ReadAfresh { kind: Kind::Order, name: seen.meta.name.clone() };
    let children = [Kind::Payment, Kind::Ticket, Kind::Delivery].map(|kind| read(kind, seen));
    let product = |line: &Line| Intent::ReadAfresh { kind: Kind::Product, name: line.product.clone() };
    Plan::all(std::iter::once(order).chain(children).chain(terms.items.iter().map(product)).collect())
}

/// Takes the next step back.
pub(super) fn decide(seen: &Observed, terms: &Terms, why: Why, now: Time, policy: &Policy) -> Plan<Status> {
    if seen.status.releasing_at.is_some() {
        return release(seen, terms, now, policy);
    }
    let payment = match &seen.payment {
        Lookup::Present(payment) => payment,
        Lookup::Unproven if seen.status.payment.is_some() => return Plan::only(read(Kind::Payment, seen)),
        Lookup::Gone if seen.status.payment.is_some() => return payment_missing(seen, terms, now, policy),
        Lookup::Unproven | Lookup::Gone if !seen.may_create(now, policy) => return seen.read_order(),
        Lookup::Unproven | Lookup::Gone => {
            return Plan::only(Intent::CreatePayment(payment_draft(seen, terms, true)));
        }
    };
    if is_sold(seen)
        && let Some(plan) = hold(seen, terms, &why, now, policy)
    {
        return plan;
    }
    if !payment.cancel && payment.declined.is_none() {
        return Plan::only(Intent::CancelPayment(payment.target.clone()));
    }
    refund(seen, terms, payment, why, now, policy)
}

/// The order stays as it is until the seller was told, and says so; meanwhile store and courier may go on.
pub(super) fn hold_off(
    seen: &Observed,
    untold: Untold,
    forward: Plan<Status>,
    now: Time,
    policy: &Policy,
) -> Plan<Status> {
    let state = seen.status.state.unwrap_or_default();
    let moved = forward.status.as_ref().is_some_and(|status| status.state != Some(state));
    if moved || !forward.intents.is_empty() {
        return forward;
    }
    let plan = match untold {
        Untold::Stalled(message) => stall(seen, "SellerNoticeStalled", message, now, policy),
        Untold::Waits(message) => {
            let wanted = moving(seen, seen.status.clone(), state, "WaitingForSellerNotice", message, now);
            plan::settle(&seen.status, wanted, seen.changed.after(policy.gather), now)
        }
    };
    Plan { next: [plan.next, forward.next].into_iter().flatten().min(), ..plan }
}

/// Holds the decisive child, then the other one; creates held what is missing.
fn hold(seen: &Observed, terms: &Terms, why: &Why, now: Time, policy: &Policy) -> Option<Plan<Status>> {
    let kitchen = terms.fulfilment == Fulfilment::Kitchen;
    let ticket = || if kitchen { hold_ticket(seen, terms, why, now, policy) } else { None };
    let delivery = || hold_delivery(seen, terms, why, now, policy);
    match why.decisive {
        Decisive::Delivery(_) => delivery().or_else(ticket),
        Decisive::Ticket(_) | Decisive::Payment | Decisive::Decided => ticket().or_else(delivery),
    }
}

fn hold_ticket(seen: &Observed, terms: &Terms, why: &Why, now: Time, policy: &Policy) -> Option<Plan<Status>> {
    let step = if let Decisive::Ticket(step) = why.decisive { Some(step) } else { None };
    let hold = ticket::Hold { cause: why.cause, step };
    match &seen.ticket {
        Lookup::Present(ticket) if ticket.held.is_some() || ticket.rejected() => None,
        Lookup::Present(ticket) => Some(Plan::only(Intent::HoldTicket(ticket.target.clone(), hold))),
        Lookup::Unproven if seen.status.paid_at.is_some() => Some(Plan::only(read(Kind::Ticket, seen))),
        // Recorded as handed over and gone: nobody can cook it any more.
        Lookup::Gone if seen.status.paid_at.is_some() => None,
        Lookup::Unproven | Lookup::Gone if !seen.may_create(now, policy) => Some(seen.read_order()),
        Lookup::Unproven | Lookup::Gone => {
            Some(Plan::only(Intent::CreateTicket(ticket_draft(seen, terms, Some(hold)))))
        }
    }
}

fn hold_delivery(seen: &Observed, terms: &Terms, why: &Why, now: Time, policy: &Policy) -> Option<Plan<Status>> {
    let step = if let Decisive::Delivery(step) = why.decisive { step } else { Progress::Delivered };
    let hold = delivery::Hold { cause: why.cause, step };
    let handed_over = seen.status.paid_at.is_some() && terms.fulfilment == Fulfilment::Warehouse;
    match &seen.delivery {
        Lookup::Present(delivery) if delivery.held.is_some() => None,
        Lookup::Present(delivery) => Some(Plan::only(Intent::HoldDelivery(delivery.target.clone(), hold))),
        Lookup::Unproven if seen.status.paid_at.is_some() => Some(Plan::only(read(Kind::Delivery, seen))),
        // Recorded as handed over and gone: nobody can deliver it any more.
        Lookup::Gone if handed_over => None,
        Lookup::Unproven | Lookup::Gone if !seen.may_create(now, policy) => Some(seen.read_order()),
        Lookup::Unproven | Lookup::Gone => {
            Some(Plan::only(Intent::CreateDelivery(delivery_draft(seen, terms, false, Some(hold)))))
        }
    }
}

fn read(kind: Kind, seen: &Observed) -> Intent {
    Intent::ReadAfresh { kind, name: seen.child_name() }
}

/// Waits until money, ticket and delivery are undone, then says so: from here on the stock is given back.
fn refund(
    seen: &Observed,
    terms: &Terms,
    payment: &PaymentFacts,
    why: Why,
    now: Time,
    policy: &Policy,
) -> Plan<Status> {
    if !payment.cancelled && payment.declined.is_none() {
        if let Some(trouble) = &payment.stalled {
            let message = format!("Money at risk, {}: {trouble}", terms.cost());
            return stall(seen, "RefundStalled", message, now, policy);
        }
        let message = payment.trouble.clone().unwrap_or_else(|| "The payment is given back.".to_owned());
        return cancelling(seen, why, payment, "WaitingForRefund", message, now, policy);
    }
    if payment.approved && seen.delivery == Lookup::Unproven {
        return Plan::only(read(Kind::Delivery, seen));
    }
    let cooking = seen.ticket.present().is_some_and(|ticket| !ticket.over);
    if cooking || seen.delivery.present().is_some_and(|delivery| !delivery.cancelled) {
        let message = "Ticket and delivery are called back.".to_owned();
        return cancelling(seen, why, payment, "WaitingForRecall", message, now, policy);
    }
    let message = "The stock is given back.".to_owned();
    let (state, said) = (why.outcome.state, why.outcome.message.clone());
    let status = Status { releasing_at: Some(now), ..turned(seen, why, payment, now) };
    let plan = Plan::write(moving(seen, status, State::Cancelling, "WaitingForRelease", message, now));
    match state {
        State::OutOfStock => plan.with_fact("OutOfStock", said, true),
        State::PaymentFailed => plan.with_fact("PaymentFailed", said, true),
        State::Rejected => plan.with_fact("Rejected", said, true),
        State::Expired => plan.with_fact("Expired", said, true),
        _ => plan,
    }
}

/// The status of an order that has turned: why, and the Payment that it relies on. What was approved was paid, even if a
/// crash came before the order could say so.
fn turned(seen: &Observed, why: Why, payment: &PaymentFacts, now: Time) -> Status {
    Status {
        paid_at: seen.status.paid_at.or(payment.approved.then_some(now)),
        payment: Some(ObjectRef { name: payment.target.name.clone(), uid: payment.target.uid.clone() }),
        outcome: Some(why.outcome),
        ..seen.status.clone()
    }
}

/// Says that the order is being undone, where that lasts.
fn cancelling(
    seen: &Observed,
    why: Why,
    payment: &PaymentFacts,
    reason: &str,
    message: String,
    now: Time,
    policy: &Policy,
) -> Plan<Status> {
    if seen.status.state == Some(State::Cancelling) {
        return wait(seen, State::Cancelling, reason, message, now, policy);
    }
    let wanted = moving(seen, turned(seen, why, payment, now), State::Cancelling, reason, message, now);
    plan::settle(&seen.status, wanted, seen.changed.after(policy.gather), now)
}

/// Waits until every ledger of stock has answered, then ends.
fn release(seen: &Observed, terms: &Terms, now: Time, policy: &Policy) -> Plan<Status> {
    let reads = absent_products(seen, terms);
    if !reads.is_empty() {
        return Plan::all(reads);
    }
    let open = seen
        .products
        .iter()
        .any(|product| product.present().is_some_and(|facts| facts.answer != Some(product::Answer::Released)));
    if open {
        if let Some(why) = denied_product(seen, terms) {
            return stall(seen, "LedgerDenied", why, now, policy);
        }
        let message = "The stock is given back.".to_owned();
        return wait(seen, State::Cancelling, "WaitingForRelease", message, now, policy);
    }
    match &seen.status.outcome {
        Some(outcome) => {
            let (reason, message) = (outcome.reason.clone(), outcome.message.clone());
            Plan::write(ended(seen, seen.status.clone(), outcome.state, &reason, message, now))
        }
        None => Plan::rest(),
    }
}
