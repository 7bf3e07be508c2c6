//! What the status of an order says: under way, stalled or ended.

use crate::domain::Time;
use crate::domain::conditions::{self, Report};

use super::facts::Observed;
use super::types::{State, Status};

/// The status of an order under way.
pub(super) fn moving(
    seen: &Observed,
    mut status: Status,
    state: State,
    reason: &str,
    message: String,
    now: Time,
) -> Status {
    let report = Report::Moving { reason, message };
    status.state = Some(state);
    status.observed_generation = seen.meta.generation;
    status.conditions = conditions::conditions(&seen.status.conditions, report, seen.meta.generation, now);
    status
}

/// The status of an order that cannot go on without a person.
pub(super) fn stalled(seen: &Observed, mut status: Status, reason: &str, message: String, now: Time) -> Status {
    let report = Report::Stalled { reason, message };
    status.observed_generation = seen.meta.generation;
    status.conditions = conditions::conditions(&seen.status.conditions, report, seen.meta.generation, now);
    status
}

/// The status of an order that has come to its end.
pub(super) fn ended(
    seen: &Observed,
    mut status: Status,
    state: State,
    reason: &str,
    message: String,
    now: Time,
) -> Status {
    let report = Report::Ended { well: state == State::Completed, reason, message };
    status.state = Some(state);
    status.ended_at = Some(now);
    status.observed_generation = seen.meta.generation;
    status.conditions = conditions::conditions(&seen.status.conditions, report, seen.meta.generation, now);
    status
}
