//! What the status of an order says: under way, stalled or ended.

use crate::domain::{Case, Report, Time};

use super::observed::Observed;
use super::types::{State, Status};

/// The status of an order under way.
pub(super) fn moving(case: &Case<Observed>, status: Status, state: State, reason: &str, message: String) -> Status {
    case.says(Status { state: Some(state), ..status }, Report::Moving { reason, message })
}

/// The status of an order that cannot go on without a person.
pub(super) fn stalled(case: &Case<Observed>, status: Status, reason: &str, message: String) -> Status {
    case.says(status, Report::Stalled { reason, message })
}

/// The status of an order that has come to its end.
pub(super) fn ended(case: &Case<Observed>, status: Status, state: State, reason: &str, message: String) -> Status {
    let report = Report::Ended { well: state == State::Completed, reason, message };
    case.says(Status { state: Some(state), ended_at: Some(case.now), ..status }, report)
}

/// Whether children may be created from what was seen. Nobody can have removed them before the order had lingered, so until
/// half of that time has passed since it was placed, whatever was seen is good enough; then it is read afresh.
pub(super) fn may_create(case: &Case<Observed>) -> bool {
    let young = |placed: Time| case.now.since(placed) < case.policy.linger / 2;
    case.seen.order_afresh || case.seen.status.placed_at.is_some_and(young)
}
