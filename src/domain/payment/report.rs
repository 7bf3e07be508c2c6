//! What the status of a payment says: its ends, and what it waits for.

use std::time::Duration;

use crate::domain::conditions::{self, Report};
use crate::domain::{Plan, Policy, Time, plan};

use super::types::{Observed, State, Status};

/// An undo that fails for so long needs a person; it goes on trying.
pub(super) const HOPELESS: Duration = Duration::from_secs(3_600);
/// What a person can do about an undo that cannot succeed.
pub(super) const BY_HAND: &str = "give the money back by hand, then set spec.refundedByHand: true on this Payment";

pub(super) fn approved(seen: &Observed, now: Time) -> Plan<Status> {
    let status = Status { approved_at: Some(now), ..recovered(seen) };
    let report = Report::Ended { well: true, reason: "Approved", message: String::new() };
    Plan::write(finish(seen, status, State::Approved, report, now))
}

pub(super) fn declined(seen: &Observed, reason: String, message: String, now: Time) -> Plan<Status> {
    let status = Status { declined_at: Some(now), ..recovered(seen) };
    let report = Report::Ended { well: false, reason: &reason, message: message.clone() };
    Plan::write(finish(seen, status, State::Declined, report, now)).with_fact("Declined", message, true)
}

pub(super) fn cancelled(seen: &Observed, refunded: bool, reason: &'static str, now: Time) -> Plan<Status> {
    let mut status = recovered(seen);
    status.cancelled_at = Some(now);
    status.refunded_at = refunded.then_some(now);
    let removed = seen.fate.is_removed();
    status.releasing_at = (removed && seen.has_items && !seen.meta.let_go()).then_some(now);
    let message = match removed {
        true => format!("Order {} was removed before its end: what it did is undone.", seen.order.name),
        false => String::new(),
    };
    let report = Report::Ended { well: false, reason, message: message.clone() };
    let state = if refunded { State::Cancelled } else { State::NotCharged };
    let plan = Plan::write(finish(seen, status, state, report, now));
    if removed { plan.with_fact("OrderRemoved", message, true) } else { plan }
}

/// The status without the marks of failed attempts.
pub(super) fn recovered(seen: &Observed) -> Status {
    Status { attempts: 0, failing_since: None, retry_at: None, ..seen.status.clone() }
}

pub(super) fn finish(seen: &Observed, mut status: Status, state: State, report: Report<'_>, now: Time) -> Status {
    status.state = Some(state);
    status.observed_generation = seen.meta.generation;
    status.conditions = conditions::conditions(&seen.status.conditions, report, seen.meta.generation, now);
    status
}

pub(super) fn wait(seen: &Observed, state: State, report: Report<'_>, now: Time, policy: &Policy) -> Plan<Status> {
    let wanted = finish(seen, seen.status.clone(), state, report, now);
    plan::report(&seen.status, wanted, true, seen.meta.changed, now, policy)
}
