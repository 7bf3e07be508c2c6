//! What an Order is: how far it is, what was agreed, and why it is undone.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::fields::is_default;
use crate::domain::store::types::{Acceptance, Confirmation, CutOff, Deadlines, Fulfilment, SellerNotice};
use crate::domain::{Condition, Generation, Money, ObjectRef, Time};

/// How far an Order is, in one word for people.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum State {
    /// Not looked at yet.
    #[default]
    Pending,
    /// Accepted by the platform: prices are fixed, stock and payment are asked for.
    Placed,
    /// Paid; offered to the store.
    Paid,
    /// Taken by the store.
    Accepted,
    /// Being cooked.
    Cooking,
    /// Cooked; waits for a courier.
    Cooked,
    /// Handed to delivery.
    Delivering,
    /// At the customer's; to be confirmed.
    Delivered,
    /// Done.
    Completed,
    /// Being undone.
    Cancelling,
    /// Undone on somebody's wish.
    Cancelled,
    /// Refused by the store, or by its intake.
    Rejected,
    /// Undone because a step was late.
    Expired,
    /// Undone for lack of stock.
    OutOfStock,
    /// Undone for lack of money.
    PaymentFailed,
    /// Refused for bad input; nothing was done.
    Invalid,
}

impl State {
    /// Whether nothing is paid yet, as far as the order knows.
    pub fn is_before_payment(self) -> bool {
        matches!(self, Self::Pending | Self::Placed)
    }

    /// The ends: none of them ever changes again.
    pub const ENDS: [Self; 7] = [
        Self::Completed,
        Self::Cancelled,
        Self::Rejected,
        Self::Expired,
        Self::OutOfStock,
        Self::PaymentFailed,
        Self::Invalid,
    ];

    /// Whether this is an end: it never changes again.
    pub fn is_end(self) -> bool {
        Self::ENDS.contains(&self)
    }
}

/// Observed state of an Order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Status {
    /// The generation of the spec that this status is about; -1 until a controller has looked at it.
    pub observed_generation: Generation,
    /// How far it is, in one word for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<State>,
    /// Its turn, where the platform was full when it came: the number being served is on the OrderPlatform.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub queue_number: Option<i64>,
    /// Since when something that it refers to is missing, while it is not placed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub missing_since: Option<Time>,
    /// When it was placed: stock is asked for from here on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub placed_at: Option<Time>,
    /// What was agreed when it was placed; later edits of Store and Product do not touch it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub terms: Option<Terms>,
    /// The one Payment, recorded when it was first relied on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payment: Option<ObjectRef>,
    /// When it was seen paid: what was held is sold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paid_at: Option<Time>,
    /// Why it is being, or was, undone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<Outcome>,
    /// When money and delivery were undone: stock is given back from here on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub releasing_at: Option<Time>,
    /// When the wish to cancel was first seen; written with whatever is written next.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cancel_requested_at: Option<Time>,
    /// Why a wish to cancel was not honoured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub cancel_refused: Option<String>,
    /// When the wish was refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cancel_refused_at: Option<Time>,
    /// When it came to its end; nothing changes after that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<Time>,
    /// What is observed about it, in the standard form: how it does, and the one thing that is waited for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 8))]
    pub conditions: Vec<Condition>,
}

impl Status {
    /// Whether somebody wishes to cancel: by the customer's word, or by deleting an order that had not ended.
    pub fn is_wished(&self, cancel: bool, deleting: Option<Time>) -> bool {
        let before_the_end = |deleted: Time| match self.ended_at {
            None => true,
            // A wish that came before an order was completed was refused.
            Some(_) if self.state == Some(State::Completed) => self.cancel_refused.is_some(),
            Some(ended) => deleted < ended,
        };
        cancel || deleting.is_some_and(before_the_end)
    }
}

/// What was agreed when the order was placed.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Terms {
    /// Σ price × quantity.
    pub amount: Money,
    /// Σ points × quantity.
    #[serde(default, skip_serializing_if = "is_default")]
    #[schemars(range(min = 0))]
    pub points: i64,
    /// What is bought, at which price.
    #[schemars(length(min = 1, max = 20))]
    pub items: Vec<Line>,
    /// The wallet that pays.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wallet: Option<ObjectRef>,
    /// The provider that is paid through, where no wallet pays.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 63))]
    pub provider: Option<String>,
    /// The store's seller.
    #[schemars(length(max = 63))]
    pub seller: String,
    /// What the store does with the order once it is paid.
    #[serde(default, skip_serializing_if = "is_default")]
    pub fulfilment: Fulfilment,
    /// How the store accepts it.
    #[serde(default, skip_serializing_if = "is_default")]
    pub acceptance: Acceptance,
    /// Who confirms receipt.
    pub confirmation: Confirmation,
    /// The last moment at which a customer's cancel is honoured.
    #[serde(default, skip_serializing_if = "is_default")]
    pub until: CutOff,
    /// Whether the seller must have been told of a cancel before anything is undone.
    #[serde(default, skip_serializing_if = "is_default")]
    pub seller_notice: SellerNotice,
    /// How long each step may take.
    #[serde(default, skip_serializing_if = "Deadlines::is_empty")]
    pub deadlines: Deadlines,
}

/// One product of an order.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Line {
    /// The Product's name.
    #[schemars(length(max = 253))]
    pub product: String,
    /// The Product's UID: one recreated under the same name is another product.
    #[schemars(length(max = 64))]
    pub uid: String,
    /// How many.
    #[schemars(range(min = 1))]
    pub quantity: i64,
    /// Price of one, in minor units of the order's currency.
    #[schemars(range(min = 0))]
    pub price: i64,
}

/// Why an order is undone, and the end state this leads to.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Outcome {
    /// The end state.
    pub state: State,
    /// One word for programs.
    #[schemars(length(max = 64))]
    pub reason: String,
    /// One sentence for people.
    #[schemars(length(max = 256))]
    pub message: String,
}

impl Outcome {
    pub fn new(state: State, reason: &str, message: impl Into<String>) -> Self {
        Self { state, reason: reason.to_owned(), message: message.into().chars().take(256).collect() }
    }
}
