//! What a Payment is, and what a decision about it looks at.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::fields::is_default;
use crate::domain::provider::{Reply, Token};
use crate::domain::{Condition, Generation, Lookup, Meta, Money, ObjectRef, OrderRef, OwnerState, Time};
use crate::domain::{product::types as product, wallet::types as wallet};

/// How long a provider is asked in a namespace that is being deleted, where the OrderPlatform does not say.
pub const GIVE_UP_AFTER: Duration = Duration::from_secs(300);

/// How far a Payment is, in one word for people.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum State {
    /// Not answered yet.
    #[default]
    Pending,
    /// Charged.
    Approved,
    /// Refused; nothing was charged.
    Declined,
    /// Being given back.
    Cancelling,
    /// Given back.
    Cancelled,
    /// Cancelled before anything was charged; nothing ever will be.
    NotCharged,
}

/// Observed state of a Payment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Status {
    /// The generation of the spec that this status is about; -1 until a controller has looked at it.
    pub observed_generation: Generation,
    /// How far it is, in one word for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<State>,
    /// When the charge was approved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approved_at: Option<Time>,
    /// When the charge was declined: final.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub declined_at: Option<Time>,
    /// When the cancel was done: final.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cancelled_at: Option<Time>,
    /// When the money went back; absent where nothing had been charged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refunded_at: Option<Time>,
    /// How many calls to the provider have failed in a row.
    #[serde(default, skip_serializing_if = "is_default")]
    #[schemars(range(min = 0))]
    pub attempts: i64,
    /// Since when they fail.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failing_since: Option<Time>,
    /// When the provider is called again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_at: Option<Time>,
    /// Since when the stock of an order that was removed before its end is asked back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub releasing_at: Option<Time>,
    /// When every ledger of stock had given it back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub released_at: Option<Time>,
    /// When what was bought was seen brought, though its order was removed before its end: the charge and the sale stand.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sold_at: Option<Time>,
    /// What is observed about it, in the standard form: how it does, and the one thing that is waited for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 8))]
    pub conditions: Vec<Condition>,
}

impl Status {
    /// Whether it can never change again.
    pub fn is_final(&self) -> bool {
        self.declined_at.is_some() || self.cancelled_at.is_some()
    }

    /// Whether it speaks to the ledgers of stock for an order that was removed before its end.
    pub fn speaks_for_stock(&self) -> bool {
        self.sold_at.is_some() || (self.releasing_at.is_some() && self.released_at.is_none())
    }
}

/// Who is charged.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Payer {
    Wallet(ObjectRef),
    /// A provider of the platform, by name, and its single-use token.
    Provider {
        name: String,
        token: Token,
    },
}

/// A Payment to create; its name follows from the order.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Draft {
    pub order: OrderRef,
    pub payer: Payer,
    pub amount: Money,
    /// Membership points, beside the money.
    pub points: i64,
    /// What is bought.
    pub items: Vec<Item>,
    /// Created only to stand in the way of a later one: it is never charged.
    pub cancel: bool,
}

/// Who answers for the money, and what was answered.
#[derive(Clone, Debug)]
pub enum Funding {
    /// The wallet that the order recorded, and its answer.
    Wallet {
        name: String,
        answer: Lookup<Option<wallet::Answer>>,
        /// What was lacking, where it was refused for that.
        lacked: Option<String>,
    },
    Provider(Provider),
}

/// What is known of a provider.
#[derive(Clone, Debug)]
pub struct Provider {
    pub name: String,
    pub token: Token,
    pub amount: Money,
    /// Whether the platform knows it.
    pub known: bool,
    /// What it replied for this very decision.
    pub reply: Option<Reply>,
    /// The HTTP status with which it has refused the charge for good, for this very decision.
    pub refused: Option<u16>,
    /// Whether the order was read from the API server for this very decision.
    pub order_afresh: bool,
    /// Whether the order wishes to be cancelled: then nothing is charged any more.
    pub order_wishes: bool,
    /// In a namespace that is being deleted: how long it is asked to give money back.
    pub give_up_after: Duration,
}

/// What a decision about a Payment looks at.
#[derive(Clone, Debug)]
pub struct Observed {
    pub meta: Meta,
    pub order: OrderRef,
    pub funding: Funding,
    /// There is nothing to pay.
    pub free: bool,
    pub cancel: bool,
    /// The wallet, or the platform that names the provider, where this version cannot read it: what to do.
    pub unreadable: Option<String>,
    /// Why its wallet cannot be written, where a write of that is denied.
    pub wallet_denied: Option<String>,
    /// The payment office has given the money back by hand.
    pub refunded_by_hand: bool,
    pub status: Status,
    /// What is known of the order's Delivery; looked at where the order is gone.
    pub delivery: Lookup<Shipment>,
    /// What is known of the order's Ticket; looked at where the order is gone.
    pub ticket: Lookup<Kitchen>,
    /// The answers of the ledgers of stock; looked at while the Payment asks for them. By product.
    pub stock: Vec<(String, Lookup<Option<product::Answer>>)>,
    /// Whether there is stock to give back.
    pub has_items: bool,
    pub owner: OwnerState,
}

/// What an order has bought of one product: given back should the order be removed before its end.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Item {
    /// The Product's name.
    #[schemars(length(max = 253))]
    pub product: String,
    /// The Product's UID.
    #[schemars(length(max = 64))]
    pub uid: String,
    /// How many.
    #[schemars(range(min = 1, max = 10_000))]
    pub quantity: i64,
}

/// What is known of the Delivery of an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Shipment {
    /// Whether every step of the courier is stopped.
    pub held: bool,
    /// Whether the customer has it.
    pub delivered: bool,
}

/// What is known of the Ticket of an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Kitchen {
    /// Whether every step of the store is stopped: it is held, or rejected.
    pub stopped: bool,
    /// Whether the store has finished.
    pub cooked: bool,
}

impl Observed {
    /// Whether a provider may have money of this order: what it says is waited for, also while the namespace goes away.
    pub fn is_owed(&self) -> bool {
        matches!(self.funding, Funding::Provider(_)) && !self.free && !self.status.is_final() && !self.stands()
    }

    /// Whether the charge stands for good: its order has ended with it, or what was bought was brought.
    fn stands(&self) -> bool {
        let brought = self.delivery.present().is_some_and(|delivery| delivery.delivered);
        let ended = matches!(self.owner, OwnerState::Gone(gone) if gone.ended == Some(true))
            || matches!(self.owner, OwnerState::Ended(_));
        self.status.approved_at.is_some() && !self.cancel && (ended || brought)
    }
}
