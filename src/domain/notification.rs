//! Notification: one message to one endpoint about one fact.
//!
//! ```text
//!             2xx
//!  Pending ────────→ Sent
//!     │ no 2xx for a day, and nothing waits for it
//!     └────────────→ GaveUp
//! ```
//!
//! Where several processes may send the same message, an attempt is claimed by a guarded write before the call; whoever
//! else sees it looks again when the claim is over. The end of an order, and that a wish was refused, are told once the
//! order says so: the message is made before, so that a crash loses none, and waits.
//!
//! The breaker of an endpoint is no state of its own: it is read from the Notifications that wait for the endpoint, so
//! every replica sees the same one. Closed, each attempts by itself, with growing pauses. Once the failures since the last
//! success add up to [`TRIP`], it is open: all wait but one at a time, the probe: those that an undo may wait for and the
//! others alternate, of each the one with the fewest attempts. A probe that gets through closes it, and so does one that
//! the endpoint, well again, refuses as such. What it has refused waits for nobody and nobody for it.

use std::time::Duration;

mod attempt;
pub(super) mod circuit;
pub(super) mod types;

pub use circuit::{Circuit, REACHABLE, TRIP};
pub use types::{Audience, Claim, Company, Content, Draft, Endpoint, Message, Observed, State, Status, Topic, Untaken};

use super::{Case, Intent, Kind, OwnerState, Plan, Report, Time, child, retry};

/// A message that nothing waits for is given up after so long.
const GIVE_UP: Duration = Duration::from_secs(24 * 3_600);
/// A message behind an open breaker is looked at when the probe got through or has failed; and, should that be missed,
/// after so long.
const BEHIND: Duration = Duration::from_secs(60);

/// What to do about a Notification.
pub fn decide(case: &Case<Observed>) -> Plan<Status> {
    let seen = case.seen;
    if seen.meta.deleting.is_some() || seen.meta.namespace_terminating {
        return Plan::rest();
    }
    if seen.status.is_final() {
        // It stays for as long as its order does.
        let left = matches!(seen.owner, OwnerState::Gone(_) | OwnerState::Unproven);
        return if left { child::retire(case, &seen.content.order, seen.owner) } else { Plan::rest() };
    }
    match &seen.outcome {
        Some(Ok(())) => return end(case, State::Sent, "Sent", String::new()),
        Some(Err(why)) => return failed(case, why),
        None => {}
    }
    let expired = case.now.since(seen.meta.created) >= GIVE_UP;
    if expired && seen.content.required && seen.owner == OwnerState::Unproven {
        return Plan::read(Kind::Order, &seen.content.order.name);
    }
    let waited_for = seen.content.required && seen.owner == OwnerState::Open;
    if expired && !waited_for {
        let message = format!("The {} has not taken it for a day: it is not sent any more.", seen.content.endpoint());
        return end(case, State::GaveUp, "GaveUp", message.clone()).with_fact("GaveUp", message, true);
    }
    if !attempt::is_so(seen) {
        let order = Intent::read(Kind::Order, &seen.content.order.name);
        return if seen.owner == OwnerState::Unproven { Plan::only(order) } else { Plan::rest() };
    }
    if let Some((reason, message)) = attempt::unreachable(seen) {
        let report = Report::Stalled { reason, message };
        let due = seen.meta.changed.after(case.policy.debounce);
        let plan = case.write_after(due, wait(case, report));
        // Whoever waits behind a breaker is enqueued when the endpoint is back; a refused message looks for itself.
        let again = seen.status.refused_at.map(|_| case.now.after(BEHIND));
        return Plan { next: plan.next.or(again), ..plan };
    }
    // A message that was refused is no matter of the breaker: the endpoint is well.
    match seen.circuit.probe_at().filter(|_| seen.status.refused_at.is_none()) {
        Some(at) if case.now < at || !seen.is_probe => return blocked(case, at),
        Some(_) => {}
        None => {
            if let Some(due) = seen.status.retry_at.filter(|due| case.now < *due) {
                return Plan::wait_until(due);
            }
        }
    }
    attempt::attempt(case)
}

/// The endpoint did not take it: the next attempt comes later.
fn failed(case: &Case<Observed>, why: &Untaken) -> Plan<Status> {
    let attempts = case.seen.status.attempts.saturating_add(1);
    let due = case.now.after(retry::pause(attempts));
    let (refused_at, reason, why) = match why {
        Untaken::Failing(why) => (None, "EndpointFailing", why),
        Untaken::Refused(why) => (case.seen.status.refused_at.or(Some(case.now)), "MessageRefused", why),
    };
    let message =
        format!("Attempt {attempts} at the {} failed ({why}); the next is at {due}.", case.seen.content.endpoint());
    let report = Report::Moving { reason, message };
    let mut status = wait(case, report);
    (status.attempts, status.retry_at, status.refused_at, status.claim) = (attempts, Some(due), refused_at, None);
    Plan { next: Some(due), ..Plan::write(status) }
}

/// The breaker is open. It is said once when the next probe is; those that follow are shown where the endpoint is.
fn blocked(case: &Case<Observed>, probe: Time) -> Plan<Status> {
    let next = if case.seen.is_probe { probe } else { probe.max(case.now.after(BEHIND)) };
    let said = case.seen.status.conditions.iter().any(|condition| condition.reason == "CircuitOpen");
    if said {
        return Plan::wait_until(next);
    }
    let (endpoint, due) = (case.seen.content.endpoint(), probe.max(case.now));
    let message = format!("The {endpoint} keeps failing: attempts have stopped, it is probed again at {due}.");
    let wanted = wait(case, Report::Moving { reason: "CircuitOpen", message });
    case.write_after(case.seen.meta.changed.after(case.policy.debounce), wanted)
}

fn wait(case: &Case<Observed>, report: Report<'_>) -> Status {
    case.says(Status { state: Some(State::Pending), ..case.seen.status.clone() }, report)
}

fn end(case: &Case<Observed>, state: State, reason: &str, message: String) -> Plan<Status> {
    let mut status = Status { state: Some(state), retry_at: None, claim: None, ..case.seen.status.clone() };
    match state {
        State::Sent => status.sent_at = Some(case.now),
        State::GaveUp | State::Pending => status.gave_up_at = Some(case.now),
    }
    Plan::write(case.says(status, Report::Ended { well: state == State::Sent, reason, message }))
}

#[cfg(test)]
mod tests;
