//! What a Store is, the terms that it sets, and what a decision about it looks at.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::notification::circuit::Circuit;
use crate::domain::time::at_least;
use crate::domain::{Condition, Generation, Meta, Span};

/// What the store does with a paid order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum Fulfilment {
    /// Delivers at once.
    #[default]
    Warehouse,
    /// Accepts, cooks, then delivers.
    Kitchen,
}

/// How the store accepts a paid order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum Acceptance {
    /// At once.
    #[default]
    Automatic,
    /// By `decision` on the Ticket.
    Manual,
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
    /// Until the kitchen has started to cook.
    CookingStarts,
}

/// Whether the seller must have been told of a cancel before anything is undone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum SellerNotice {
    /// Told where there is an endpoint; nothing waits for it.
    #[default]
    BestEffort,
    /// Nothing is undone before the seller's endpoint has taken the notice.
    Required,
}

/// What becomes of new orders.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum Intake {
    /// They are taken.
    #[default]
    Open,
    /// They wait.
    Hold,
    /// New and waiting ones are rejected.
    Drain,
}

/// How long each step of an order may take; each is optional.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Deadlines {
    /// From placed to paid.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-kubernetes-validations" = at_least("1s")))]
    pub pay: Option<Span>,
    /// From paid to the store's decision.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-kubernetes-validations" = at_least("1s")))]
    pub accept: Option<Span>,
    /// From accepted to cooked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-kubernetes-validations" = at_least("1s")))]
    pub cook: Option<Span>,
    /// From ready to picked up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-kubernetes-validations" = at_least("1s")))]
    pub pick_up: Option<Span>,
    /// From picked up to delivered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-kubernetes-validations" = at_least("1s")))]
    pub deliver: Option<Span>,
    /// From delivered to confirmed: what is missed here confirms the order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-kubernetes-validations" = at_least("1s")))]
    pub confirm: Option<Span>,
}

impl Deadlines {
    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// Observed state of a Store.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Status {
    /// The generation of the spec that this status is about; -1 until a controller has looked at it.
    pub observed_generation: Generation,
    /// What is observed about it, in the standard form: how it does, and the one thing that is waited for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 8))]
    pub conditions: Vec<Condition>,
}

/// What a decision about a Store looks at.
#[derive(Clone, Debug)]
pub struct Observed {
    pub meta: Meta,
    pub intake: Intake,
    /// Whether it has an endpoint for notices, and how that does.
    pub circuit: Option<Circuit>,
    pub status: Status,
}
