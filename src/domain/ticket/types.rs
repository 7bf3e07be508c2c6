//! What a Ticket is, and what a decision about it looks at.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::delivery::types::Cause;
use crate::domain::store::types::{Acceptance, CutOff, Deadlines};
use crate::domain::{Condition, Generation, Lookup, Meta, Money, OrderRef, OwnerState, Time};

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

/// Whether the store has taken the order.
pub fn is_accepted(acceptance: Acceptance, decision: Option<Decision>) -> bool {
    acceptance == Acceptance::Automatic || decision == Some(Decision::Accept)
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
    /// The store's name.
    pub store: String,
    pub acceptance: Acceptance,
    pub held: bool,
    pub decision: Option<Decision>,
    pub rejection: Option<Rejection>,
    pub cooking: Option<Cooking>,
    pub status: Status,
    /// Whether the order's payment is cancelled or declined, which is final.
    pub unpaid: Lookup<bool>,
    pub owner: OwnerState,
}
