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
//! Why it turns back, and what decides whether it still can, is in [`super::direction`]. Nothing is created behind the
//! undo's back: the Payment exists before the order ends, and where it was approved its other children too. `Cancelling`
//! is written where the undo lasts longer than a second.

use super::super::delivery::types::{self as delivery, Progress};
use super::super::store::types::Fulfilment;
use super::super::{Case, Intent, Kind, Lookup, ObjectRef, Plan};
use super::super::{product::types as product, ticket::types as ticket};
use super::deadlines::Decisive;
use super::direction::{AwaitedNotice, Why};
use super::forward::{
    absent_products, delivery_draft, denied_product, payment_draft, payment_missing, stall, ticket_draft, wait,
};
use super::messages;
use super::observed::{Observed, ObservedPayment};
use super::report::{ended, may_create, moving};
use super::types::{Line, State, Status, Terms};

/// Reads the order, its children and its products, one of which is seen older than another.
pub(super) fn clear_up(seen: &Observed, terms: &Terms) -> Plan<Status> {
    if seen.dependents_afresh {
        return Plan::rest();
    }
    let order = Intent::read(Kind::Order, &seen.meta.name);
    let children = [Kind::Payment, Kind::Ticket, Kind::Delivery].map(|kind| read(kind, seen));
    let product = |line: &Line| Intent::read(Kind::Product, &line.product);
    Plan::all(std::iter::once(order).chain(children).chain(terms.items.iter().map(product)).collect())
}

/// Takes the next step back.
pub(super) fn decide(case: &Case<Observed>, terms: &Terms, why: Why) -> Plan<Status> {
    let seen = case.seen;
    if seen.status.releasing_at.is_some() {
        return release(case, terms);
    }
    let payment = match &seen.payment {
        Lookup::Present(payment) => payment,
        // A second one may only stand for a first that never was.
        Lookup::Unproven if seen.status.payment.is_some() || seen.is_sold() => {
            return Plan::only(read(Kind::Payment, seen));
        }
        Lookup::Gone if seen.status.payment.is_some() || seen.is_sold() => return payment_missing(case, terms),
        Lookup::Unproven | Lookup::Gone if !may_create(case) => return seen.read_order(),
        Lookup::Unproven | Lookup::Gone => {
            return Plan::only(Intent::CreatePayment(payment_draft(seen, terms, true)));
        }
    };
    if seen.is_sold()
        && let Some(plan) = hold(case, terms, &why)
    {
        return plan;
    }
    if !payment.cancel && payment.declined.is_none() {
        return Plan::only(Intent::CancelPayment(payment.target.clone()));
    }
    refund(case, terms, payment, why)
}

/// The order stays as it is until the seller was told, and says so; meanwhile store and courier may go on.
pub(super) fn await_seller_notice(case: &Case<Observed>, notice: AwaitedNotice, forward: Plan<Status>) -> Plan<Status> {
    let state = case.seen.status.state.unwrap_or_default();
    let moved = forward.status.as_ref().is_some_and(|status| status.state != Some(state));
    if moved || !forward.intents.is_empty() {
        return forward;
    }
    let plan = match notice {
        AwaitedNotice::Stalled(message) => stall(case, "SellerNoticeStalled", message),
        AwaitedNotice::Waits(message) => {
            let wanted = moving(case, case.seen.status.clone(), state, "WaitingForSellerNotice", message);
            case.write_after(case.seen.changed.after(case.policy.debounce), wanted)
        }
    };
    plan.by(forward.next)
}

/// Holds the decisive child, then the other one; creates held what is missing.
fn hold(case: &Case<Observed>, terms: &Terms, why: &Why) -> Option<Plan<Status>> {
    let kitchen = terms.fulfilment == Fulfilment::Kitchen;
    let ticket = || if kitchen { hold_ticket(case, terms, why) } else { None };
    let delivery = || hold_delivery(case, terms, why);
    match why.decisive {
        Decisive::Delivery(_) => delivery().or_else(ticket),
        Decisive::Ticket(_) | Decisive::Payment | Decisive::Decided => ticket().or_else(delivery),
    }
}

fn hold_ticket(case: &Case<Observed>, terms: &Terms, why: &Why) -> Option<Plan<Status>> {
    let seen = case.seen;
    let step = if let Decisive::Ticket(step) = why.decisive { Some(step) } else { None };
    let hold = ticket::Hold { cause: why.cause, step };
    match &seen.ticket {
        Lookup::Present(ticket) if ticket.held.is_some() || ticket.rejected() => None,
        Lookup::Present(ticket) => Some(Plan::only(Intent::HoldTicket(ticket.target.clone(), hold))),
        Lookup::Unproven if seen.status.paid_at.is_some() => Some(Plan::only(read(Kind::Ticket, seen))),
        // Recorded as handed over and gone: nobody can cook it any more.
        Lookup::Gone if seen.status.paid_at.is_some() => None,
        Lookup::Unproven | Lookup::Gone if !may_create(case) => Some(seen.read_order()),
        Lookup::Unproven | Lookup::Gone => {
            Some(Plan::only(Intent::CreateTicket(ticket_draft(seen, terms, Some(hold)))))
        }
    }
}

fn hold_delivery(case: &Case<Observed>, terms: &Terms, why: &Why) -> Option<Plan<Status>> {
    let seen = case.seen;
    let step = if let Decisive::Delivery(step) = why.decisive { step } else { Progress::Delivered };
    let hold = delivery::Hold { cause: why.cause, step };
    let handed_over = seen.status.paid_at.is_some() && terms.fulfilment == Fulfilment::Warehouse;
    match &seen.delivery {
        Lookup::Present(delivery) if delivery.held.is_some() => None,
        Lookup::Present(delivery) => Some(Plan::only(Intent::HoldDelivery(delivery.target.clone(), hold))),
        Lookup::Unproven if seen.status.paid_at.is_some() => Some(Plan::only(read(Kind::Delivery, seen))),
        // Recorded as handed over and gone: nobody can deliver it any more.
        Lookup::Gone if handed_over => None,
        Lookup::Unproven | Lookup::Gone if !may_create(case) => Some(seen.read_order()),
        Lookup::Unproven | Lookup::Gone => {
            Some(Plan::only(Intent::CreateDelivery(delivery_draft(seen, terms, false, Some(hold)))))
        }
    }
}

fn read(kind: Kind, seen: &Observed) -> Intent {
    Intent::read(kind, &seen.child_name())
}

/// Waits until money, ticket and delivery are undone, then says so: from here on the stock is given back.
fn refund(case: &Case<Observed>, terms: &Terms, payment: &ObservedPayment, why: Why) -> Plan<Status> {
    let seen = case.seen;
    if !payment.cancelled && payment.declined.is_none() {
        if let Some(trouble) = &payment.stalled {
            let message = format!("Money at risk, {}: {trouble}", terms.amount.and_points(terms.points));
            return stall(case, "RefundStalled", message);
        }
        let message =
            payment.trouble.as_ref().map_or_else(|| messages::refund(seen), |said| messages::trouble(seen, said));
        return cancelling(case, why, payment, "WaitingForRefund", message);
    }
    if seen.is_sold() && seen.delivery == Lookup::Unproven {
        return Plan::only(read(Kind::Delivery, seen));
    }
    let cooking = seen.ticket.present().is_some_and(|ticket| !ticket.over);
    if cooking || seen.delivery.present().is_some_and(|delivery| !delivery.cancelled) {
        return cancelling(case, why, payment, "WaitingForRecall", messages::recall(seen, terms));
    }
    let (state, said) = (why.outcome.state, why.outcome.message.clone());
    let status = Status { releasing_at: Some(case.now), ..turned(case, why, payment) };
    let plan = Plan::write(moving(case, status, State::Cancelling, "WaitingForRelease", messages::release(terms)));
    match state {
        State::OutOfStock => plan.with_fact("OutOfStock", said, true),
        State::PaymentFailed => plan.with_fact("PaymentFailed", said, true),
        State::Rejected => plan.with_fact("Rejected", said, true),
        State::Expired => plan.with_fact("Expired", said, true),
        _ => plan,
    }
}

/// The status of an order that has turned: why, and the Payment that it relies on. What was approved was paid, even if the
/// order did not come to say so.
fn turned(case: &Case<Observed>, why: Why, payment: &ObservedPayment) -> Status {
    let seen = case.seen;
    let sold = payment.approved_at.or(seen.is_sold().then_some(case.now));
    Status {
        paid_at: seen.status.paid_at.or(sold),
        payment: Some(ObjectRef { name: payment.target.name.clone(), uid: payment.target.uid.clone() }),
        outcome: Some(why.outcome),
        ..seen.status.clone()
    }
}

/// Says that the order is being undone, where that lasts.
fn cancelling(
    case: &Case<Observed>,
    why: Why,
    payment: &ObservedPayment,
    reason: &str,
    message: String,
) -> Plan<Status> {
    if case.seen.status.state == Some(State::Cancelling) {
        return wait(case, State::Cancelling, reason, message);
    }
    let wanted = moving(case, turned(case, why, payment), State::Cancelling, reason, message);
    case.write_after(case.seen.changed.after(case.policy.debounce), wanted)
}

/// Waits until every ledger of stock has answered, then ends.
fn release(case: &Case<Observed>, terms: &Terms) -> Plan<Status> {
    let seen = case.seen;
    let reads = absent_products(seen, terms);
    if !reads.is_empty() {
        return Plan::all(reads);
    }
    let open = seen
        .products
        .iter()
        .any(|product| product.present().is_some_and(|product| product.answer != Some(product::Answer::Released)));
    if open {
        if let Some(why) = denied_product(seen, terms) {
            return stall(case, "LedgerDenied", why);
        }
        return wait(case, State::Cancelling, "WaitingForRelease", messages::release(terms));
    }
    match &seen.status.outcome {
        Some(outcome) => {
            let (reason, message) = (outcome.reason.clone(), outcome.message.clone());
            Plan::write(ended(case, seen.status.clone(), outcome.state, &reason, message))
        }
        None => Plan::rest(),
    }
}
