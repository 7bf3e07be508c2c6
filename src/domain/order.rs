//! Order: carries itself through stock, payment and delivery to completion, and undoes every step on cancel.
//!
//! ```text
//!  Pending ──→ Placed ──→ Delivering ──→ Delivered ──→ Completed
//!     │           │            │
//!     │           │            │ wish, once the Delivery is seen held
//!     │           │ wish, no stock, declined: once the Payment cannot be approved any more
//!     │           └────────────┴──→ Cancelling ──→ Cancelled | OutOfStock | PaymentFailed
//!     ├──→ Invalid (bad input; nothing was done)
//!     └──→ Cancelled (a wish; nothing was done)
//! ```
//!
//! How far an order is follows from the objects that exist: there is no step pointer. What other controllers act on are
//! the facts `placedAt`, `paidAt`, `releasingAt` and `endedAt`; `state` is for people.
//!
//! Invariants: `terminal_is_final`, `one_child_per_role`, `no_delivery_without_payment`, `never_delivered_and_refunded`,
//! `every_order_ends`. [`place`] is the way in, [`carry`] the way forward, [`undo`] the way back.

pub mod carry;
pub mod place;
pub mod undo;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::conditions::{self, Report};
use super::delivery::Address;
use super::store::Confirmation;
use super::{
    Condition, Intent, Lookup, Meta, Money, ObjectRef, OrderRef, Plan, Policy, Target, Time, child, ids, product,
};

/// How far an Order is, in one word for people.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum State {
    /// Not looked at yet.
    #[default]
    Pending,
    /// Accepted by the platform: prices are fixed, stock and payment are asked for.
    Placed,
    /// Paid and handed to delivery.
    Delivering,
    /// At the customer's; to be confirmed.
    Delivered,
    /// Done.
    Completed,
    /// Being undone.
    Cancelling,
    /// Undone on somebody's wish.
    Cancelled,
    /// Undone for lack of stock.
    OutOfStock,
    /// Undone for lack of money.
    PaymentFailed,
    /// Refused for bad input; nothing was done.
    Invalid,
}

impl State {
    /// Whether this is an end: it never changes again.
    pub fn is_end(self) -> bool {
        matches!(self, Self::Completed | Self::Cancelled | Self::OutOfStock | Self::PaymentFailed | Self::Invalid)
    }
}

/// Observed state of an Order.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Status {
    /// The generation of the spec that this status is about; -1 until a controller has looked at it.
    pub observed_generation: i64,
    /// How far it is, in one word for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<State>,
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
    /// Why a wish to cancel was not honoured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub cancel_refused: Option<String>,
    /// When it came to its end; nothing changes after that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<Time>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 8))]
    pub conditions: Vec<Condition>,
}

impl Default for Status {
    fn default() -> Self {
        Self {
            observed_generation: -1,
            state: None,
            placed_at: None,
            terms: None,
            payment: None,
            paid_at: None,
            outcome: None,
            releasing_at: None,
            cancel_refused: None,
            ended_at: None,
            conditions: Vec::new(),
        }
    }
}

/// What was agreed when the order was placed.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Terms {
    /// Σ price × quantity.
    pub amount: Money,
    /// What is bought, at which price.
    #[schemars(length(min = 1, max = 20))]
    pub items: Vec<Line>,
    /// The wallet that pays.
    pub wallet: ObjectRef,
    /// The store's seller.
    #[schemars(length(max = 63))]
    pub seller: String,
    /// Who confirms receipt.
    pub confirmation: Confirmation,
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
    pub(crate) fn new(state: State, reason: &str, message: impl Into<String>) -> Self {
        Self { state, reason: reason.to_owned(), message: message.into().chars().take(256).collect() }
    }
}

/// What the customer asks for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Request {
    pub customer: String,
    pub store: String,
    /// Products and quantities.
    pub items: Vec<(String, i64)>,
    pub wallet: String,
    pub deliver_to: Address,
    /// The reason of the wish to cancel, where there is one.
    pub cancel: Option<String>,
}

/// What is read of a Store when an order is placed.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct StoreFacts {
    pub seller: String,
    pub confirmation: Confirmation,
}

/// What is read of a Product.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ProductFacts {
    pub uid: String,
    pub store: String,
    pub price: Money,
    pub deleting: bool,
    /// The ledger's answer to this order.
    pub answer: Option<product::Answer>,
}

/// What is read of a Wallet when an order is placed.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct WalletFacts {
    pub uid: String,
    pub owner: String,
    pub currency: String,
    pub deleting: bool,
}

/// What is read of the order's Payment.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PaymentFacts {
    pub target: Target,
    /// The parent's word: give it back.
    pub cancel: bool,
    pub approved: bool,
    /// Why it was declined.
    pub declined: Option<String>,
    pub cancelled: bool,
    /// What it waits for with a person's help alone.
    pub stalled: Option<String>,
}

/// What is read of the order's Delivery.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct DeliveryFacts {
    pub target: Target,
    pub held: bool,
    /// The courier says so; from here on no wish is honoured.
    pub delivered: bool,
    pub confirmed: bool,
    pub cancelled: bool,
}

/// What a decision about an Order looks at.
#[derive(Clone, Debug)]
pub struct Observed {
    pub meta: Meta,
    pub request: Request,
    pub status: Status,
    pub store: Lookup<StoreFacts>,
    /// In the order of `request.items`.
    pub products: Vec<Lookup<ProductFacts>>,
    pub wallet: Lookup<WalletFacts>,
    /// Whether store, products and wallet were all read from the API server for this very decision.
    pub references_afresh: bool,
    /// Whether the order itself was.
    pub order_afresh: bool,
    pub payment: Lookup<PaymentFacts>,
    pub delivery: Lookup<DeliveryFacts>,
    /// Whether the row of the read model shows the order's end.
    pub view_shows_end: bool,
}

impl Observed {
    fn order_ref(&self) -> OrderRef {
        OrderRef { name: self.meta.name.clone(), uid: self.meta.uid.clone() }
    }

    fn child_name(&self) -> String {
        ids::child_name(&self.meta.name, &self.meta.uid)
    }

    /// Whether children may be created from what was seen. Nobody can have removed them before the order had lingered, so
    /// until half of that time has passed since it was placed, whatever was seen is good enough; then it is read afresh.
    fn may_create(&self, now: Time, policy: &Policy) -> bool {
        let young = |placed: Time| now.since(placed) < policy.linger / 2;
        self.order_afresh || self.status.placed_at.is_some_and(young)
    }

    /// Reads the order itself from the API server, to decide again.
    fn read_order(&self) -> Plan<Status> {
        Plan::only(Intent::ReadAfresh { kind: super::Kind::Order, name: self.meta.name.clone() })
    }

    /// The wish to cancel: the customer's word, or the deletion of the order.
    fn wish(&self) -> Option<Outcome> {
        let deleted = || self.meta.deleting.map(|_| "Deleted");
        let reason = self.request.cancel.as_deref().or_else(deleted)?;
        let message =
            if self.request.cancel.is_some() { "Cancelled by the customer." } else { "The order was deleted." };
        Some(Outcome::new(State::Cancelled, reason, message))
    }
}

/// What to do about an Order.
pub fn decide(seen: &Observed, now: Time, policy: &Policy) -> Plan<Status> {
    if seen.meta.let_go() {
        return child::gate(&seen.meta).unwrap_or_default();
    }
    if seen.status.ended_at.is_some() {
        return after_the_end(seen);
    }
    if let Some(plan) = child::gate(&seen.meta) {
        return plan;
    }
    let Some(terms) = &seen.status.terms else { return place::decide(seen, now) };
    if seen.status.outcome.is_some() {
        return undo::decide(seen, terms, now, policy);
    }
    carry::decide(seen, terms, now, policy)
}

/// An ended order only answers late wishes with the reason why they are refused, and lets itself be deleted once its
/// row shows the end.
fn after_the_end(seen: &Observed) -> Plan<Status> {
    if seen.meta.deleting.is_some() {
        let free = seen.meta.guarded && seen.view_shows_end;
        return if free { Plan::only(Intent::DropFinalizer(seen.meta.target())) } else { Plan::rest() };
    }
    if seen.status.observed_generation == seen.meta.generation {
        return Plan::rest();
    }
    let mut status = seen.status.clone();
    status.observed_generation = seen.meta.generation;
    for condition in &mut status.conditions {
        condition.observed_generation = seen.meta.generation;
    }
    if seen.request.cancel.is_none() || seen.status.state == Some(State::Cancelled) {
        return Plan::write(status);
    }
    let message = "The order had come to its end before the wish.";
    status.cancel_refused.get_or_insert_with(|| message.to_owned());
    Plan::write(status).with_fact("CancelRefused", message, true)
}

/// The status of an order under way.
fn moving(seen: &Observed, mut status: Status, state: State, reason: &str, message: String, now: Time) -> Status {
    let report = Report::Moving { reason, message };
    status.state = Some(state);
    status.observed_generation = seen.meta.generation;
    status.conditions = conditions::conditions(&seen.status.conditions, report, seen.meta.generation, now);
    status
}

/// The status of an order that cannot go on without a person.
fn stalled(seen: &Observed, mut status: Status, reason: &str, message: String, now: Time) -> Status {
    let report = Report::Stalled { reason, message };
    status.observed_generation = seen.meta.generation;
    status.conditions = conditions::conditions(&seen.status.conditions, report, seen.meta.generation, now);
    status
}

/// The status of an order that has come to its end.
fn ended(seen: &Observed, mut status: Status, state: State, reason: &str, message: String, now: Time) -> Status {
    let report = Report::Ended { well: state == State::Completed, reason, message };
    status.state = Some(state);
    status.ended_at = Some(now);
    status.observed_generation = seen.meta.generation;
    status.conditions = conditions::conditions(&seen.status.conditions, report, seen.meta.generation, now);
    status
}

#[cfg(test)]
mod tests;
