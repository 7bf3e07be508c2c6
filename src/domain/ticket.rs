//! Ticket: the store's copy of a paid order.
//!
//! ```text
//!           decision: Accept, or automatic     cooking: Started       cooking: Finished
//!  Offered ──────────────────────────→ Accepted ───────────→ Cooking ───────────→ Cooked
//!     │ decision: Reject                   │                    │                    │
//!     ├──→ Rejected                        └─────────┬──────────┴────────────────────┘
//!     └──→ (held by the order) ──────────────────────┴──→ Cancelled, once the payment is seen cancelled or declined
//! ```
//!
//! The store's steps stand in the spec; the status follows them, several quick steps in one write. Invariants: each step
//! is set once and in order; none after a hold, which is never lifted; a rejection is final.

pub(super) mod types;

pub use types::{Cooking, Decision, Draft, Hold, Observed, Rejection, State, Status, Step, is_accepted};

use super::delivery::types::Cause;
use super::{Case, Intent, Kind, Lookup, OwnerState, Plan, Report, Time, child};

/// What to do about a Ticket.
pub fn decide(case: &Case<Observed>) -> Plan<Status> {
    let seen = case.seen;
    if let Some(plan) = child::lifecycle(&seen.meta) {
        return plan;
    }
    if seen.status.rejected_at.is_some() || seen.status.cancelled_at.is_some() {
        return child::retire(case, &seen.order, seen.owner);
    }
    if seen.decision == Some(Decision::Reject) {
        return rejected(case);
    }
    if seen.held && (seen.unpaid.present() == Some(&true) || matches!(seen.owner, OwnerState::Ended(_))) {
        let status = Status { state: Some(State::Cancelled), cancelled_at: Some(case.now), ..marked(case) };
        let report = Report::Ended { well: false, reason: "Cancelled", message: String::new() };
        return Plan::write(case.says(status, report));
    }
    match seen.owner {
        OwnerState::Gone(_) if seen.owner.is_removed() => {
            child::ask_row(&seen.order, seen.owner).unwrap_or_else(|| removed(case))
        }
        OwnerState::Gone(_) | OwnerState::Unproven => child::retire(case, &seen.order, seen.owner),
        OwnerState::Open | OwnerState::Ended(_) => {
            let plan = progress(case);
            let done = plan.status.is_none() && plan.next.is_none();
            if done { child::retire(case, &seen.order, seen.owner) } else { plan }
        }
    }
}

/// The order was removed before its end: the store is stopped, and the ticket ends once the money is back.
fn removed(case: &Case<Observed>) -> Plan<Status> {
    let seen = case.seen;
    match &seen.unpaid {
        Lookup::Unproven => Plan::all(child::prove(&seen.unpaid, Kind::Payment, &seen.meta.name).into_iter().collect()),
        Lookup::Gone => child::retire(case, &seen.order, seen.owner),
        Lookup::Present(_) if !seen.held => {
            let hold = Hold { cause: Cause::OrderGone, step: None };
            Plan::only(Intent::HoldTicket(seen.meta.target(), hold))
        }
        Lookup::Present(_) => Plan::rest(),
    }
}

fn rejected(case: &Case<Observed>) -> Plan<Status> {
    let status = Status { state: Some(State::Rejected), rejected_at: Some(case.now), ..case.seen.status.clone() };
    let (reason, message) = match &case.seen.rejection {
        Some(why) => (why.reason.as_str(), why.message.clone().unwrap_or_default()),
        None => ("Rejected", String::new()),
    };
    let report = Report::Ended { well: false, reason, message };
    Plan::write(case.says(status, report))
}

/// The status follows the store's steps, and says what is waited for.
fn progress(case: &Case<Observed>) -> Plan<Status> {
    let (seen, store) = (case.seen, &case.seen.store);
    let (state, reason, message) = match (seen.held, is_accepted(seen.acceptance, seen.decision), seen.cooking) {
        (true, _, _) => {
            let state = seen.status.state.unwrap_or(State::Offered);
            (state, "WaitingForRefund", child::refund_first(&seen.order))
        }
        (_, _, Some(Cooking::Finished)) => (State::Cooked, "Cooked", String::new()),
        (_, _, Some(Cooking::Started)) => {
            (State::Cooking, "WaitingForKitchen", format!("Store {store} sets cooking: Finished."))
        }
        (_, true, None) => (State::Accepted, "WaitingForKitchen", format!("Store {store} sets cooking: Started.")),
        (_, false, None) => {
            (State::Offered, "WaitingForStore", format!("Store {store} sets decision: Accept or Reject."))
        }
    };
    let status = Status { state: Some(state), ..marked(case) };
    let report = match state {
        State::Cooked if !seen.held => Report::Ended { well: true, reason, message },
        _ => Report::Moving { reason, message },
    };
    let wanted = case.says(status, report);
    // A held ticket ends within that time where all goes well.
    let pause = if seen.held { case.policy.debounce } else { case.policy.step };
    case.write_after(seen.meta.changed.after(pause), wanted)
}

/// The status with a time for each step that the store has taken.
fn marked(case: &Case<Observed>) -> Status {
    let mut status = case.seen.status.clone();
    let since = |at: Option<Time>, reached: bool| at.or(reached.then_some(case.now));
    status.accepted_at = since(status.accepted_at, is_accepted(case.seen.acceptance, case.seen.decision));
    status.started_at = since(status.started_at, case.seen.cooking.is_some());
    status.cooked_at = since(status.cooked_at, case.seen.cooking == Some(Cooking::Finished));
    status
}

#[cfg(test)]
mod tests {
    use super::super::store::types::Acceptance;
    use super::super::{Meta, OrderRef, Policy, conditions, ids};
    use super::*;

    fn says(held: bool, decision: Option<Decision>, cooking: Option<Cooking>) -> String {
        let seen = Observed {
            meta: Meta::sample("order-1-x", 1, Time::from_millis(0)),
            order: OrderRef { name: "order-1".into(), uid: "uid-1".into() },
            store: "hansot".to_owned(),
            acceptance: Acceptance::Manual,
            held,
            decision,
            rejection: None,
            cooking,
            status: Status::default(),
            unpaid: Lookup::Present(false),
            owner: OwnerState::Open,
        };
        let case = Case { seen: &seen, now: Time::from_millis(60_000), policy: &Policy::default() };
        let said = decide(&case).status.expect("a write").conditions;
        conditions::waiting_message(&said).expect("a wait").to_owned()
    }

    #[test]
    fn a_ticket_names_its_store_and_the_next_step_or_the_payment_that_goes_first() {
        let accepted = Some(Decision::Accept);
        assert_eq!(says(false, None, None), "Store hansot sets decision: Accept or Reject.");
        assert_eq!(says(false, accepted, None), "Store hansot sets cooking: Started.");
        assert_eq!(says(false, accepted, Some(Cooking::Started)), "Store hansot sets cooking: Finished.");
        let payment = ids::child_name("order-1", "uid-1");
        let wanted = format!("Order order-1 is being undone: Payment {payment} is given back first.");
        assert_eq!(says(true, accepted, None), wanted);
    }
}
