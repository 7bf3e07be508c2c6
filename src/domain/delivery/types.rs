//! What a Delivery is, and what a decision about it looks at.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::store::types::{Confirmation, Deadlines};
use crate::domain::{Condition, Generation, Lookup, Meta, OrderRef, OwnerState, Time};

/// How far a Delivery is, in one word for people.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum State {
    /// Not ready yet: the kitchen is at work.
    Waiting,
    /// Can be claimed by a courier of its zone.
    Ready,
    /// With the courier.
    PickedUp,
    /// At the customer's; to be confirmed.
    Delivered,
    /// Received.
    Confirmed,
    /// Undone.
    Cancelled,
}

/// Where to deliver.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Address {
    /// Who receives it.
    #[schemars(length(min = 1, max = 128))]
    pub recipient: String,
    /// Street and number, as the courier should read it.
    #[schemars(length(min = 1, max = 256))]
    pub address: String,
    /// The zone of the address: couriers of this zone can claim the delivery.
    #[schemars(length(min = 1, max = 63))]
    pub zone: String,
    /// A number the courier can call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 32))]
    pub phone: Option<String>,
}

/// The courier's progress.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub enum Progress {
    /// The courier has it.
    PickedUp,
    /// The customer has it.
    Delivered,
}

/// Stops every actor's step on the delivery, for good: the order is being undone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Hold {
    /// On whose behalf.
    pub cause: Cause,
    /// The step that decides: the hold is refused once this step is done.
    pub step: Progress,
}

/// On whose behalf an order is undone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum Cause {
    Customer,
    Seller,
    Deadline,
    /// The order was removed before its end.
    OrderGone,
}

/// Observed state of a Delivery.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Status {
    /// The generation of the spec that this status is about; -1 until a controller has written it.
    pub observed_generation: Generation,
    /// How far it is, once it is delivered or undone; before that, `spec.ready` and `spec.progress` tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<State>,
    /// When it was seen picked up; written only where a deadline counts from here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub picked_up_at: Option<Time>,
    /// When it was seen delivered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delivered_at: Option<Time>,
    /// When it was confirmed: final.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confirmed_at: Option<Time>,
    /// When it was cancelled: final.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cancelled_at: Option<Time>,
    /// What is observed about it, in the standard form: how it does, and the one thing that is waited for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 8))]
    pub conditions: Vec<Condition>,
}

/// A Delivery to create; its name follows from the order.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Draft {
    pub order: OrderRef,
    pub deliver_to: Address,
    pub confirmation: Confirmation,
    pub deadlines: Deadlines,
    /// Whether it can be claimed from the start.
    pub ready: bool,
    /// Created held where the order is being undone already.
    pub hold: Option<Hold>,
}

/// What a decision about a Delivery looks at.
#[derive(Clone, Debug)]
pub struct Observed {
    pub meta: Meta,
    pub order: OrderRef,
    pub confirmation: Confirmation,
    pub deadlines: Deadlines,
    pub held: bool,
    /// Who has claimed it.
    pub courier: Option<String>,
    pub progress: Option<Progress>,
    pub received: bool,
    pub status: Status,
    /// Whether the order's payment is cancelled or declined, which is final.
    pub unpaid: Lookup<bool>,
    /// Whether the order's Payment, by a provider, is still there.
    pub by_provider: bool,
    pub owner: OwnerState,
}
