//! Store: a shop's terms, and whether its seller's endpoint takes notices.

pub(super) mod types;

pub use types::{Acceptance, Confirmation, CutOff, Deadlines, Fulfilment, Intake, Observed, SellerNotice, Status};

use super::conditions::{self, Report};
use super::{Plan, Time};

/// What to do about a Store.
pub fn decide(seen: &Observed, now: Time) -> Plan<Status> {
    if seen.meta.deleting.is_some() {
        return Plan::rest();
    }
    let (old, generation) = (&seen.status.conditions, seen.meta.generation);
    let (reason, message) = match seen.intake {
        Intake::Open => ("Open", ""),
        Intake::Hold => ("OnHold", "New orders wait until spec.intake is Open."),
        Intake::Drain => ("Draining", "New and waiting orders are rejected."),
    };
    let report = Report::Ready { ready: seen.intake == Intake::Open, reason, message: message.to_owned() };
    let mut wanted = conditions::conditions(old, report, generation, now);
    wanted.extend(seen.circuit.as_ref().map(|circuit| circuit.condition(old, generation, now)));
    let wanted = Status { observed_generation: generation, conditions: wanted };
    if wanted == seen.status { Plan::rest() } else { Plan::write(wanted) }
}
