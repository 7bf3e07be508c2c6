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

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::child::{self, Fate};
use super::conditions::{self, Report};
use super::delivery::Cause;
use super::store::{Acceptance, CutOff, Deadlines};
use super::{Condition, Generation, Intent, Kind, Lookup, Meta, Money, OrderRef, Plan, Policy, Time, plan};

/// How far a Ticket is, in one word for people.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum State {
    /// Waits for the store's decision.
    Offered,
    /// Accepted; not cooked yet.
    Accepted,
    /// Being cooked.
    Cooking,
    /// Done: the courier can come.
    Cooked,
    /// Refused by the store.
    Rejected,
    /// Undone.
    Cancelled,
}

/// The store's decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum Decision {
    Accept,
    Reject,
}

/// The kitchen's progress.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub enum Cooking {
    Started,
    Finished,
}

/// Why the store refuses.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Rejection {
    /// One word for programs, such as SoldOut.
    #[schemars(length(min = 1, max = 64), regex(pattern = r"^[A-Za-z][A-Za-z0-9]*$"))]
    pub reason: String,
    /// A sentence for the customer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub message: Option<String>,
}

/// A step of the store that a hold can come too late for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum Step {
    /// The store has accepted or rejected.
    Decided,
    /// It has started to cook.
    CookingStarted,
    /// It has finished.
    CookingFinished,
}

/// Stops every step of the store, for good: the order is being undone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Hold {
    /// On whose behalf.
    pub cause: Cause,
    /// The step that decides: the hold is refused once this step is done. Absent where something else has decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<Step>,
}

/// Observed state of a Ticket.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Status {
    /// The generation of the spec that this status is about; -1 until a controller has written it.
    pub observed_generation: Generation,
    /// How far it is, in one word for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<State>,
    /// When it was seen accepted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accepted_at: Option<Time>,
    /// When it was seen rejected: final.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rejected_at: Option<Time>,
    /// When cooking was seen started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<Time>,
    /// When cooking was seen finished.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cooked_at: Option<Time>,
    /// When it was cancelled: final.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cancelled_at: Option<Time>,
    /// What is observed about it, in the standard form: how it does, and the one thing that is waited for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 8))]
    pub conditions: Vec<Condition>,
}

/// A Ticket to create; its name follows from the order.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Draft {
    pub order: OrderRef,
    pub store: String,
    pub customer: String,
    /// Products and quantities.
    pub items: Vec<(String, i64)>,
    /// What was paid.
    pub amount: Money,
    pub acceptance: Acceptance,
    pub until: CutOff,
    pub deadlines: Deadlines,
    /// Created held where the order is being undone already.
    pub hold: Option<Hold>,
}

/// What a decision about a Ticket looks at.
#[derive(Clone, Debug)]
pub struct Observed {
    pub meta: Meta,
    pub order: OrderRef,
    pub acceptance: Acceptance,
    pub held: bool,
    pub decision: Option<Decision>,
    pub rejection: Option<Rejection>,
    pub cooking: Option<Cooking>,
    pub status: Status,
    /// Whether the order's payment is cancelled or declined, which is final.
    pub unpaid: Lookup<bool>,
    pub fate: Fate,
}

/// What to do about a Ticket.
pub fn decide(seen: &Observed, now: Time, policy: &Policy) -> Plan<Status> {
    if let Some(plan) = child::gate(&seen.meta) {
        return plan;
    }
    if seen.status.rejected_at.is_some() || seen.status.cancelled_at.is_some() {
        return child::retire(&seen.meta, &seen.order.name, seen.fate, now, policy);
    }
    if seen.decision == Some(Decision::Reject) {
        return rejected(seen, now);
    }
    if seen.held && (seen.unpaid.present() == Some(&true) || matches!(seen.fate, Fate::Ended(_))) {
        let status = Status { cancelled_at: Some(now), ..marked(seen, now) };
        let report = Report::Ended { well: false, reason: "Cancelled", message: String::new() };
        return Plan::write(finish(seen, status, State::Cancelled, report, now));
    }
    match seen.fate {
        Fate::Gone(_) if seen.fate.is_removed() => {
            child::ask_row(seen.fate, &seen.order.name).unwrap_or_else(|| removed(seen, now, policy))
        }
        Fate::Gone(_) | Fate::Unproven => child::retire(&seen.meta, &seen.order.name, seen.fate, now, policy),
        Fate::Open | Fate::Ended(_) => {
            let plan = progress(seen, now, policy);
            let done = plan.status.is_none() && plan.next.is_none();
            if done { child::retire(&seen.meta, &seen.order.name, seen.fate, now, policy) } else { plan }
        }
    }
}

/// The order was removed before its end: the store is stopped, and the ticket ends once the money is back.
fn removed(seen: &Observed, now: Time, policy: &Policy) -> Plan<Status> {
    match &seen.unpaid {
        Lookup::Unproven => Plan::all(child::prove(&seen.unpaid, Kind::Payment, &seen.meta.name).into_iter().collect()),
        Lookup::Gone => child::retire(&seen.meta, &seen.order.name, seen.fate, now, policy),
        Lookup::Present(_) if !seen.held => {
            let hold = Hold { cause: Cause::OrderGone, step: None };
            Plan::only(Intent::HoldTicket(seen.meta.target(), hold))
        }
        Lookup::Present(_) => Plan::rest(),
    }
}

fn rejected(seen: &Observed, now: Time) -> Plan<Status> {
    let status = Status { rejected_at: Some(now), ..seen.status.clone() };
    let (reason, message) = match &seen.rejection {
        Some(why) => (why.reason.as_str(), why.message.clone().unwrap_or_default()),
        None => ("Rejected", String::new()),
    };
    let report = Report::Ended { well: false, reason, message };
    Plan::write(finish(seen, status, State::Rejected, report, now))
}

/// The status follows the store's steps, and says what is waited for.
fn progress(seen: &Observed, now: Time, policy: &Policy) -> Plan<Status> {
    let (state, reason, message) = match (seen.held, accepted(seen), seen.cooking) {
        (true, _, _) => {
            let state = seen.status.state.unwrap_or(State::Offered);
            (state, "WaitingForRefund", "The order is being undone: its payment is given back first.")
        }
        (_, _, Some(Cooking::Finished)) => (State::Cooked, "Cooked", ""),
        (_, _, Some(Cooking::Started)) => (State::Cooking, "WaitingForKitchen", "The store sets cooking: Finished."),
        (_, true, None) => (State::Accepted, "WaitingForKitchen", "The store sets cooking: Started."),
        (_, false, None) => (State::Offered, "WaitingForStore", "The store sets decision: Accept or Reject."),
    };
    let status = marked(seen, now);
    let report = match state {
        State::Cooked if !seen.held => Report::Ended { well: true, reason, message: message.to_owned() },
        _ => Report::Moving { reason, message: message.to_owned() },
    };
    let wanted = finish(seen, status, state, report, now);
    // A held ticket ends within that time where all goes well.
    let pause = if seen.held { policy.gather } else { policy.step };
    plan::settle(&seen.status, wanted, seen.meta.changed.after(pause), now)
}

/// The status with a time for each step that the store has taken.
fn marked(seen: &Observed, now: Time) -> Status {
    let mut status = seen.status.clone();
    let since = |at: Option<Time>, reached: bool| at.or(reached.then_some(now));
    status.accepted_at = since(status.accepted_at, accepted(seen));
    status.started_at = since(status.started_at, seen.cooking.is_some());
    status.cooked_at = since(status.cooked_at, seen.cooking == Some(Cooking::Finished));
    status
}

/// Whether the store has taken it.
fn accepted(seen: &Observed) -> bool {
    seen.acceptance == Acceptance::Automatic || seen.decision == Some(Decision::Accept)
}

fn finish(seen: &Observed, mut status: Status, state: State, report: Report<'_>, now: Time) -> Status {
    status.state = Some(state);
    status.observed_generation = seen.meta.generation;
    status.conditions = conditions::conditions(&seen.status.conditions, report, seen.meta.generation, now);
    status
}
