//! The way back: whatever was done is undone, and the end says why.
//!
//! | step | ready when | undone by |
//! |---|---|---|
//! | turn | the Payment cannot be approved any more, or the Delivery is held | status `Cancelling` |
//! | refund | the order is Cancelling | `cancel: true` on the Payment, then its `cancelledAt` |
//! | recall | the Payment is cancelled or declined | the Delivery's own `cancelledAt` |
//! | release | both | status `releasingAt`, then `Released` in every ledger of stock |
//! | end | every ledger has answered | the end state, which acknowledges the answers |
//!
//! One object decides between going on and turning back: the Payment as long as it is not approved (a cancel that was
//! accepted at a version that was not approved is never followed by an approval), afterwards the Delivery (the schema
//! refuses a hold once it is delivered, and a delivery once it is held). Nothing is created behind the undo's back: the
//! Payment exists before the order turns, and where it was approved the Delivery too.

use super::super::delivery::{Cause, Hold, Progress};
use super::super::{Intent, Kind, Lookup, ObjectRef, Plan, Policy, Time, plan, product};
use super::carry::{absent_products, delivery_draft, payment_draft, wait};
use super::{Observed, Outcome, PaymentFacts, State, Status, Terms, ended, moving, stalled};

/// Whether the order can still turn back.
pub(super) enum Turn {
    /// It turns, or takes the step that decides.
    Undo(Box<Plan<Status>>),
    /// What decides went the other way: the order goes on.
    TooLate,
}

fn undo(plan: Plan<Status>) -> Turn {
    Turn::Undo(Box::new(plan))
}

/// Takes the step that decides, or, where it is taken, turns the order to `Cancelling`.
pub(super) fn turn(seen: &Observed, terms: &Terms, outcome: Outcome, now: Time, policy: &Policy) -> Turn {
    let paid = seen.status.paid_at.is_some();
    let payment = match &seen.payment {
        Lookup::Present(payment) => payment,
        Lookup::Unproven if paid => return undo(Plan::only(read(Kind::Payment, seen))),
        Lookup::Unproven | Lookup::Gone if !paid && !seen.may_create(now, policy) => return undo(seen.read_order()),
        Lookup::Unproven | Lookup::Gone if !paid => {
            return undo(Plan::only(Intent::CreatePayment(payment_draft(seen, terms, true))));
        }
        Lookup::Unproven | Lookup::Gone => return without_payment(seen, terms, now, policy),
    };
    if payment.approved || paid {
        let hold = Hold { cause: Cause::Customer, step: Progress::Delivered };
        match &seen.delivery {
            Lookup::Present(delivery) if delivery.held => {}
            Lookup::Present(delivery) if delivery.delivered => return Turn::TooLate,
            Lookup::Present(delivery) => {
                return undo(Plan::only(Intent::HoldDelivery(delivery.target.clone(), hold)));
            }
            Lookup::Unproven if paid => return undo(Plan::only(read(Kind::Delivery, seen))),
            // Recorded as handed over and gone: nobody can deliver it any more.
            Lookup::Gone if paid => {}
            Lookup::Unproven | Lookup::Gone if !seen.may_create(now, policy) => return undo(seen.read_order()),
            Lookup::Unproven | Lookup::Gone => {
                let draft = delivery_draft(seen, terms, Some(hold));
                return undo(Plan::only(Intent::CreateDelivery(draft)));
            }
        }
    } else if !payment.cancel && payment.declined.is_none() {
        return undo(Plan::only(Intent::CancelPayment(payment.target.clone())));
    }
    undo(cancelling(seen, payment, outcome, now))
}

/// A paid order whose recorded Payment is gone cannot be given back by itself. Delivered, it goes on to its end.
fn without_payment(seen: &Observed, terms: &Terms, now: Time, policy: &Policy) -> Turn {
    if seen.delivery.present().is_some_and(|delivery| delivery.delivered) {
        return Turn::TooLate;
    }
    undo(payment_missing(seen, terms, now, policy))
}

fn payment_missing(seen: &Observed, terms: &Terms, now: Time, policy: &Policy) -> Plan<Status> {
    let message = format!("The Payment is gone: {} may have to be given back by hand.", amount(terms));
    stall(seen, "PaymentMissing", message, now, policy)
}

fn cancelling(seen: &Observed, payment: &PaymentFacts, outcome: Outcome, now: Time) -> Plan<Status> {
    let status = Status {
        payment: Some(ObjectRef { name: payment.target.name.clone(), uid: payment.target.uid.clone() }),
        outcome: Some(outcome.clone()),
        ..seen.status.clone()
    };
    let plan = Plan::write(moving(seen, status, State::Cancelling, "WaitingForRefund", outcome.message.clone(), now));
    match outcome.state {
        State::OutOfStock => plan.with_fact("OutOfStock", outcome.message, true),
        State::PaymentFailed => plan.with_fact("PaymentFailed", outcome.message, true),
        _ => plan,
    }
}

fn read(kind: Kind, seen: &Observed) -> Intent {
    Intent::ReadAfresh { kind, name: seen.child_name() }
}

/// Undoes the next step of an order that has turned.
pub(super) fn decide(seen: &Observed, terms: &Terms, now: Time, policy: &Policy) -> Plan<Status> {
    if seen.status.releasing_at.is_some() {
        return release(seen, terms, now, policy);
    }
    let payment = match &seen.payment {
        Lookup::Present(payment) => payment,
        Lookup::Unproven => return Plan::only(read(Kind::Payment, seen)),
        Lookup::Gone => return payment_missing(seen, terms, now, policy),
    };
    if !payment.cancel && payment.declined.is_none() {
        return Plan::only(Intent::CancelPayment(payment.target.clone()));
    }
    if !payment.cancelled && payment.declined.is_none() {
        return match &payment.stalled {
            Some(why) => stall(seen, "RefundStalled", format!("Money at risk, {}: {why}", amount(terms)), now, policy),
            None => wait(seen, State::Cancelling, "WaitingForRefund", "The payment is given back.".into(), now, policy),
        };
    }
    if payment.approved && seen.delivery == Lookup::Unproven {
        return Plan::only(read(Kind::Delivery, seen));
    }
    if seen.delivery.present().is_some_and(|delivery| !delivery.cancelled) {
        let message = "The delivery is called back.".to_owned();
        return wait(seen, State::Cancelling, "WaitingForRecall", message, now, policy);
    }
    let status = Status { releasing_at: Some(now), ..seen.status.clone() };
    let message = "The stock is given back.".to_owned();
    Plan::write(moving(seen, status, State::Cancelling, "WaitingForRelease", message, now))
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

fn stall(seen: &Observed, reason: &'static str, message: String, now: Time, policy: &Policy) -> Plan<Status> {
    let wanted = stalled(seen, seen.status.clone(), reason, message.clone(), now);
    let plan = plan::report(&seen.status, wanted, true, seen.meta.changed, now, policy);
    if plan.status.is_some() { plan.with_fact("Stalled", message, true) } else { plan }
}

fn amount(terms: &Terms) -> String {
    format!("{} {}", terms.amount.amount, terms.amount.currency)
}
