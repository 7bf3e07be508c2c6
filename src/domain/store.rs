//! Store: a shop's terms. It has nothing to do but to say that it was read.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::conditions::{self, Report};
use super::{Condition, Meta, Plan, Time};

/// What the store does with a paid order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum Fulfilment {
    /// Delivers at once.
    #[default]
    Warehouse,
}

/// How the store accepts a paid order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum Acceptance {
    /// At once.
    #[default]
    Automatic,
}

/// Who confirms that a delivery was received.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum Confirmation {
    /// The customer, by `received: true` on the Delivery.
    Customer,
    /// Nobody: delivered is confirmed.
    #[default]
    Automatic,
}

impl Confirmation {
    /// Whether the order waits for the customer's word.
    pub fn asks_customer(self) -> bool {
        self == Self::Customer
    }
}

/// The last moment at which a customer's cancel is honoured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum CutOff {
    /// Until the courier has delivered.
    #[default]
    Delivered,
}

/// Observed state of a Store.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Status {
    /// The generation of the spec that this status is about; -1 until a controller has looked at it.
    pub observed_generation: i64,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 8))]
    pub conditions: Vec<Condition>,
}

impl Default for Status {
    fn default() -> Self {
        Self { observed_generation: -1, conditions: Vec::new() }
    }
}

/// What a decision about a Store looks at.
#[derive(Clone, Debug)]
pub struct Observed {
    pub meta: Meta,
    pub status: Status,
}

/// What to do about a Store.
pub fn decide(seen: &Observed, now: Time) -> Plan<Status> {
    if seen.status.observed_generation == seen.meta.generation || seen.meta.deleting.is_some() {
        return Plan::rest();
    }
    let report = Report::Ready { ready: true, reason: "Open", message: String::new() };
    Plan::write(Status {
        observed_generation: seen.meta.generation,
        conditions: conditions::conditions(&seen.status.conditions, report, seen.meta.generation, now),
    })
}
