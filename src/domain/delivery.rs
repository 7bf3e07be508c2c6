//! Delivery: one shipment.
//!
//! ```text
//!           cooked        courier claims, picks up       delivers           received, nobody is asked, or in time
//!  Waiting ───────→ Ready ───────────────────────→ PickedUp ─────→ Delivered ──────────────────────────────────→ Confirmed
//!    │ held by the order │ held                        │ held
//!    └───────────────────┴──────────┬──────────────────┘
//!                                   └──→ (held) ──→ Cancelled, once the payment is seen cancelled or declined
//! ```
//!
//! A Delivery whose order was removed before its end holds itself.
//!
//! Waiting, Ready and PickedUp stand in the spec alone; the status is written when the delivery is done (and when it is
//! picked up, where a deadline counts from there). Invariants: the schema lets a hold or the courier's decisive step win, never both; a hold is never lifted; so
//! `never_delivered_and_refunded`.

use std::time::Duration;

pub(super) mod types;

pub use types::{Address, Cause, Draft, Hold, Observed, Progress, State, Status};

use super::store::types::Confirmation;
use super::{Case, Intent, Kind, Lookup, OwnerState, Plan, Report, child};

/// A held delivery says what it waits for once that has lasted so long; its order does so before.
const LASTS: Duration = Duration::from_secs(30);

/// What to do about a Delivery.
pub fn decide(case: &Case<Observed>) -> Plan<Status> {
    let seen = case.seen;
    // A Payment by a provider goes first, also in a namespace that goes away: it looks at the Delivery to know what it owes,
    // and while it gives the money back the courier must stay stopped.
    let plan = if seen.by_provider { child::ensure_finalizer(&seen.meta) } else { child::lifecycle(&seen.meta) };
    if let Some(plan) = plan {
        return plan;
    }
    if seen.status.confirmed_at.is_some() || seen.status.cancelled_at.is_some() {
        return leave(case);
    }
    match seen.owner {
        OwnerState::Gone(_) if seen.owner.is_removed() => {
            return child::ask_row(&seen.order, seen.owner).unwrap_or_else(|| removed(case));
        }
        OwnerState::Gone(_) => return leave(case),
        OwnerState::Unproven if !seen.held => {
            return child::retire(case, &seen.order, seen.owner);
        }
        OwnerState::Unproven | OwnerState::Open | OwnerState::Ended(_) => {}
    }
    if seen.progress == Some(Progress::Delivered) {
        return arrived(case);
    }
    if seen.progress == Some(Progress::PickedUp) && seen.deadlines.deliver.is_some() && !seen.held {
        return picked_up(case);
    }
    if seen.held && (seen.unpaid.present() == Some(&true) || matches!(seen.owner, OwnerState::Ended(_))) {
        return cancelled(case);
    }
    if seen.held && seen.owner == OwnerState::Open {
        return held(case);
    }
    if seen.owner == OwnerState::Unproven { child::retire(case, &seen.order, seen.owner) } else { Plan::rest() }
}

fn cancelled(case: &Case<Observed>) -> Plan<Status> {
    let status = Status { state: Some(State::Cancelled), cancelled_at: Some(case.now), ..case.seen.status.clone() };
    let report = Report::Ended { well: false, reason: "Cancelled", message: String::new() };
    Plan::write(case.says(status, report))
}

/// Nothing is left to do. Where the order is gone, the Payment goes first: it looks at the Delivery to know what it owes.
fn leave(case: &Case<Observed>) -> Plan<Status> {
    let seen = case.seen;
    if matches!(seen.owner, OwnerState::Gone(_)) && seen.unpaid.present().is_some() {
        return Plan::rest();
    }
    child::retire(case, &seen.order, seen.owner)
}

/// The order was removed before its end: what was not brought yet is stopped, and ends once the money is back.
fn removed(case: &Case<Observed>) -> Plan<Status> {
    let seen = case.seen;
    let name = seen.meta.name.as_str();
    match (&seen.unpaid, seen.progress) {
        (Lookup::Unproven, _) => Plan::all(child::prove(&seen.unpaid, Kind::Payment, name).into_iter().collect()),
        (Lookup::Gone, _) => child::retire(case, &seen.order, seen.owner),
        (Lookup::Present(_), Some(Progress::Delivered)) => arrived(case),
        (Lookup::Present(_), _) if !seen.held => {
            let hold = Hold { cause: Cause::OrderGone, step: Progress::Delivered };
            Plan::only(Intent::HoldDelivery(seen.meta.target(), hold))
        }
        (Lookup::Present(true), _) => cancelled(case),
        (Lookup::Present(false), _) => Plan::rest(),
    }
}

/// Waits for the payment to be given back. The Order says so sooner.
fn held(case: &Case<Observed>) -> Plan<Status> {
    let message = child::refund_first(&case.seen.order);
    let report = Report::Moving { reason: "WaitingForRefund", message };
    let wanted = case.says(case.seen.status.clone(), report);
    case.write_after(case.seen.meta.changed.after(LASTS), wanted)
}

/// On its way, with a deadline that counts from here.
fn picked_up(case: &Case<Observed>) -> Plan<Status> {
    if case.seen.status.picked_up_at.is_some() {
        return Plan::rest();
    }
    let status = Status { picked_up_at: Some(case.now), ..case.seen.status.clone() };
    let courier = case.seen.courier.as_deref().unwrap_or("who has it");
    let message = format!("Courier {courier} brings it and sets progress: Delivered.");
    let report = Report::Moving { reason: "WaitingForCourier", message };
    Plan::write(case.says(status, report))
}

/// The courier has delivered it.
fn arrived(case: &Case<Observed>) -> Plan<Status> {
    let seen = case.seen;
    let delivered_at = seen.status.delivered_at.or(Some(case.now));
    let due = seen.status.delivered_at.zip(seen.deadlines.confirm).map(|(at, span)| at.after(span.duration()));
    let in_time = due.is_some_and(|due| due <= case.now);
    if seen.received || seen.confirmation == Confirmation::Automatic || in_time {
        let status =
            Status { state: Some(State::Confirmed), delivered_at, confirmed_at: Some(case.now), ..seen.status.clone() };
        let reason = if in_time && !seen.received { "ConfirmationDeadline" } else { "Confirmed" };
        let report = Report::Ended { well: true, reason, message: String::new() };
        return Plan::write(case.says(status, report));
    }
    let status = Status { state: Some(State::Delivered), delivered_at, ..seen.status.clone() };
    let message = format!("The customer of Order {} sets received: true.", seen.order.name);
    let report = Report::Moving { reason: "WaitingForConfirmation", message };
    let wanted = case.says(status, report);
    let plan = case.write(wanted);
    Plan { next: due, ..plan }
}

#[cfg(test)]
mod tests {
    use super::super::store::types::Deadlines;
    use super::super::{Meta, OrderRef, Policy, Span, Time, conditions};
    use super::*;

    fn says(held: bool, progress: Progress) -> String {
        let seen = Observed {
            meta: Meta::sample("order-1-x", 1, Time::from_millis(0)),
            order: OrderRef { name: "order-1".into(), uid: "uid-1".into() },
            confirmation: Confirmation::Customer,
            deadlines: Deadlines { deliver: Some(Span::from_millis(3_600_000)), ..Deadlines::default() },
            held,
            courier: Some("park".to_owned()),
            progress: Some(progress),
            received: false,
            status: Status::default(),
            unpaid: Lookup::Present(false),
            by_provider: false,
            owner: OwnerState::Open,
        };
        let case = Case { seen: &seen, now: Time::from_millis(60_000), policy: &Policy::default() };
        let status = decide(&case).status.expect("a write");
        conditions::waiting_message(&status.conditions).expect("a wait").to_owned()
    }

    #[test]
    fn a_delivery_names_its_next_step_or_the_payment_that_goes_first() {
        assert_eq!(says(false, Progress::PickedUp), "Courier park brings it and sets progress: Delivered.");
        assert_eq!(says(false, Progress::Delivered), "The customer of Order order-1 sets received: true.");
        let payment = super::super::ids::child_name("order-1", "uid-1");
        assert_eq!(
            says(true, Progress::PickedUp),
            format!("Order order-1 is being undone: Payment {payment} is given back first.")
        );
    }
}
