//! What a Product is, what is asked of its stock, and what a decision about it looks at.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::ledger::types::Asked;
use crate::domain::{Condition, Generation, Meta};

/// Observed state of a Product.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Status {
    /// The generation of the spec that this status is about; -1 until a controller has looked at it.
    pub observed_generation: Generation,
    /// Everything ever supplied, as last seen in spec.stock. Always available + reserved + sold.
    #[serde(default)]
    #[schemars(range(min = 0))]
    pub supplied: i64,
    /// How many can still be ordered.
    #[serde(default)]
    #[schemars(range(min = 0))]
    pub available: i64,
    /// How many are held for orders that are not paid yet.
    #[serde(default)]
    #[schemars(range(min = 0))]
    pub reserved: i64,
    /// How many were sold, and not given back by a cancelled order.
    #[serde(default)]
    #[schemars(range(min = 0))]
    pub sold: i64,
    /// The newest version of an Order whose entry has left: one seen at or below it is read afresh before it is served.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schemars(length(max = 32))]
    pub settled_through: String,
    /// Answers to orders that are under way.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 1024))]
    pub entries: Vec<Entry>,
    /// What is observed about it, in the standard form: how it does, and the one thing that is waited for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 8))]
    pub conditions: Vec<Condition>,
}

impl Status {
    /// The ledger's answer to the order with this UID.
    pub fn answer_to(&self, order: &str) -> Option<Answer> {
        self.entries.iter().find(|entry| entry.order == order).map(|entry| entry.answer)
    }
}

/// The ledger's answer to one order.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Entry {
    /// UID of the Order.
    #[schemars(length(max = 64))]
    pub order: String,
    /// Name of the Order.
    #[schemars(length(max = 63))]
    pub name: String,
    /// How many the order asked for.
    #[schemars(range(min = 1))]
    pub quantity: i64,
    pub answer: Answer,
}

/// What became of an order's request for stock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum Answer {
    /// Reserved for the order until it is paid or undone.
    Held,
    /// There was too little.
    Refused,
    /// Given back.
    Released,
}

/// What an Order's facts ask of the ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Ask {
    /// Placed: hold this many.
    Hold(i64),
    /// Paid: what was held is sold.
    Sell,
    /// Being undone: give back what was held, or, where it was paid for, what was sold.
    Release { quantity: i64, paid: bool },
    /// Ended: every answer is acknowledged.
    Ended,
}

/// What a decision about a Product looks at.
#[derive(Clone, Debug)]
pub struct Observed {
    pub meta: Meta,
    /// spec.stock
    pub stock: i64,
    pub status: Status,
    pub asked: Asked<Ask>,
}
