//! What the status of a payment says: its ends, and what it waits for.

use std::time::Duration;

use crate::domain::{Case, Plan, Report};

use super::types::{Observed, State, Status};

/// An undo that fails for so long needs a person; it goes on trying.
pub(super) const HOPELESS: Duration = Duration::from_secs(3_600);

/// What a person can do about an undo that cannot succeed; the order repeats it, so that the Payment is named.
pub(super) fn by_hand(seen: &Observed) -> String {
    format!("give the money back by hand, then set spec.refundedByHand: true on Payment {}", seen.meta.name)
}

pub(super) fn approved(case: &Case<Observed>) -> Plan<Status> {
    let status = Status { state: Some(State::Approved), approved_at: Some(case.now), ..recovered(case.seen) };
    let report = Report::Ended { well: true, reason: "Approved", message: String::new() };
    Plan::write(case.says(status, report))
}

pub(super) fn declined(case: &Case<Observed>, reason: String, message: String) -> Plan<Status> {
    let status = Status { state: Some(State::Declined), declined_at: Some(case.now), ..recovered(case.seen) };
    let report = Report::Ended { well: false, reason: &reason, message: message.clone() };
    Plan::write(case.says(status, report)).with_fact("Declined", message, true)
}

pub(super) fn cancelled(case: &Case<Observed>, refunded: bool, reason: &'static str) -> Plan<Status> {
    let seen = case.seen;
    let removed = seen.owner.is_removed();
    let status = Status {
        state: Some(if refunded { State::Cancelled } else { State::NotCharged }),
        cancelled_at: Some(case.now),
        refunded_at: refunded.then_some(case.now),
        releasing_at: (removed && seen.has_items && !seen.meta.goes_with_namespace()).then_some(case.now),
        ..recovered(seen)
    };
    let message = match removed {
        true => format!("Order {} was removed before its end: what it did is undone.", seen.order.name),
        false => String::new(),
    };
    let report = Report::Ended { well: false, reason, message: message.clone() };
    let plan = Plan::write(case.says(status, report));
    if removed { plan.with_fact("OrderRemoved", message, true) } else { plan }
}

/// The status without the marks of failed attempts.
pub(super) fn recovered(seen: &Observed) -> Status {
    Status { attempts: 0, failing_since: None, retry_at: None, ..seen.status.clone() }
}

pub(super) fn wait(case: &Case<Observed>, state: State, report: Report<'_>) -> Plan<Status> {
    let wanted = case.says(Status { state: Some(state), ..case.seen.status.clone() }, report);
    case.write_wait(case.seen.meta.changed, wanted)
}
