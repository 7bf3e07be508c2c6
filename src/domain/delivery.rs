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

use super::child::{self, Fate};
use super::conditions::{self, Report};
use super::store::types::Confirmation;
use super::{Intent, Kind, Lookup, Plan, Policy, Time, plan};

/// A held delivery says what it waits for once that has lasted so long; its order does so before.
const LASTS: Duration = Duration::from_secs(30);

/// What to do about a Delivery.
pub fn decide(seen: &Observed, now: Time, policy: &Policy) -> Plan<Status> {
    // A Payment by a provider goes first, also in a namespace that goes away: it looks at the Delivery to know what it owes,
    // and while it gives the money back the courier must stay stopped.
    let gate = if seen.by_provider { child::guard(&seen.meta) } else { child::gate(&seen.meta) };
    if let Some(plan) = gate {
        return plan;
    }
    if seen.status.confirmed_at.is_some() || seen.status.cancelled_at.is_some() {
        return leave(seen, now, policy);
    }
    match seen.fate {
        Fate::Gone(_) if seen.fate.is_removed() => {
            return child::ask_row(seen.fate, &seen.order.name).unwrap_or_else(|| removed(seen, now, policy));
        }
        Fate::Gone(_) => return leave(seen, now, policy),
        Fate::Unproven if !seen.held => {
            return child::retire(&seen.meta, &seen.order.name, seen.fate, now, policy);
        }
        Fate::Unproven | Fate::Open | Fate::Ended(_) => {}
    }
    if seen.progress == Some(Progress::Delivered) {
        return arrived(seen, now);
    }
    if seen.progress == Some(Progress::PickedUp) && seen.deadlines.deliver.is_some() && !seen.held {
        return picked_up(seen, now);
    }
    if seen.held && (seen.unpaid.present() == Some(&true) || matches!(seen.fate, Fate::Ended(_))) {
        return cancelled(seen, now);
    }
    if seen.held && seen.fate == Fate::Open {
        return held(seen, now);
    }
    if seen.fate == Fate::Unproven {
        child::retire(&seen.meta, &seen.order.name, seen.fate, now, policy)
    } else {
        Plan::rest()
    }
}

fn cancelled(seen: &Observed, now: Time) -> Plan<Status> {
    let status = Status { cancelled_at: Some(now), ..seen.status.clone() };
    let report = Report::Ended { well: false, reason: "Cancelled", message: String::new() };
    Plan::write(finish(seen, status, State::Cancelled, report, now))
}

/// Nothing is left to do. Where the order is gone, the Payment goes first: it looks at the Delivery to know what it owes.
fn leave(seen: &Observed, now: Time, policy: &Policy) -> Plan<Status> {
    if matches!(seen.fate, Fate::Gone(_)) && seen.unpaid.present().is_some() {
        return Plan::rest();
    }
    child::retire(&seen.meta, &seen.order.name, seen.fate, now, policy)
}

/// The order was removed before its end: what was not brought yet is stopped, and ends once the money is back.
fn removed(seen: &Observed, now: Time, policy: &Policy) -> Plan<Status> {
    let name = seen.meta.name.as_str();
    match (&seen.unpaid, seen.progress) {
        (Lookup::Unproven, _) => Plan::all(child::prove(&seen.unpaid, Kind::Payment, name).into_iter().collect()),
        (Lookup::Gone, _) => child::retire(&seen.meta, &seen.order.name, seen.fate, now, policy),
        (Lookup::Present(_), Some(Progress::Delivered)) => arrived(seen, now),
        (Lookup::Present(_), _) if !seen.held => {
            let hold = Hold { cause: Cause::OrderGone, step: Progress::Delivered };
            Plan::only(Intent::HoldDelivery(seen.meta.target(), hold))
        }
        (Lookup::Present(true), _) => cancelled(seen, now),
        (Lookup::Present(false), _) => Plan::rest(),
    }
}

/// Waits for the payment to be given back. The Order says so sooner.
fn held(seen: &Observed, now: Time) -> Plan<Status> {
    let message = "The order is being undone: its payment is given back first.".to_owned();
    let report = Report::Moving { reason: "WaitingForRefund", message };
    let mut wanted = finish(seen, seen.status.clone(), State::Ready, report, now);
    wanted.state = seen.status.state;
    plan::settle(&seen.status, wanted, seen.meta.changed.after(LASTS), now)
}

/// On its way, with a deadline that counts from here.
fn picked_up(seen: &Observed, now: Time) -> Plan<Status> {
    if seen.status.picked_up_at.is_some() {
        return Plan::rest();
    }
    let status = Status { picked_up_at: Some(now), ..seen.status.clone() };
    let message = "The courier brings it.".to_owned();
    let report = Report::Moving { reason: "WaitingForCourier", message };
    let mut wanted = finish(seen, status, State::PickedUp, report, now);
    wanted.state = seen.status.state;
    Plan::write(wanted)
}

/// The courier has delivered it.
fn arrived(seen: &Observed, now: Time) -> Plan<Status> {
    let delivered_at = seen.status.delivered_at.or(Some(now));
    let due = seen.status.delivered_at.zip(seen.deadlines.confirm).map(|(at, span)| at.after(span.duration()));
    let in_time = due.is_some_and(|due| due <= now);
    if seen.received || seen.confirmation == Confirmation::Automatic || in_time {
        let status = Status { delivered_at, confirmed_at: Some(now), ..seen.status.clone() };
        let reason = if in_time && !seen.received { "ConfirmationDeadline" } else { "Confirmed" };
        let report = Report::Ended { well: true, reason, message: String::new() };
        return Plan::write(finish(seen, status, State::Confirmed, report, now));
    }
    let status = Status { delivered_at, ..seen.status.clone() };
    let message = "The customer confirms by received: true.".to_owned();
    let report = Report::Moving { reason: "WaitingForConfirmation", message };
    let wanted = finish(seen, status, State::Delivered, report, now);
    let plan = if wanted == seen.status { Plan::rest() } else { Plan::write(wanted) };
    Plan { next: due, ..plan }
}

fn finish(seen: &Observed, mut status: Status, state: State, report: Report<'_>, now: Time) -> Status {
    status.state = Some(state);
    status.observed_generation = seen.meta.generation;
    status.conditions = conditions::conditions(&seen.status.conditions, report, seen.meta.generation, now);
    status
}
