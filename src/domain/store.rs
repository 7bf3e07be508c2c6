//! Store: a shop's terms, and whether its seller's endpoint takes notices.

pub(super) mod types;

pub use types::{Acceptance, Confirmation, CutOff, Deadlines, Fulfilment, Intake, Observed, SellerNotice, Status};

use super::notification::circuit::Circuit;
use super::{Case, Plan, Report};

/// What to do about a Store.
pub fn decide(case: &Case<Observed>) -> Plan<Status> {
    let seen = case.seen;
    if seen.meta.deleting.is_some() {
        return Plan::rest();
    }
    let (reason, message) = match seen.intake {
        Intake::Open => ("Open", ""),
        Intake::Hold => ("OnHold", "New orders wait until spec.intake is Open."),
        Intake::Drain => ("Draining", "New and waiting orders are rejected."),
    };
    let report = Report::Ready { ready: seen.intake == Intake::Open, reason, message: message.to_owned() };
    let mut wanted = case.says(seen.status.clone(), report);
    let circuit = |circuit: &Circuit| circuit.condition(&seen.status.conditions, seen.meta.generation, case.now);
    wanted.conditions.extend(seen.circuit.as_ref().map(circuit));
    case.write(wanted)
}
