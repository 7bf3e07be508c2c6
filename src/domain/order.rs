//! Order: carries itself through stock, payment and delivery to completion, and undoes every step on cancel.
//!
//! ```text
//!  Pending ─→ Placed ─→ Paid ─→ Accepted ─→ Cooking ─→ Cooked ─→ Delivering ─→ Delivered ─→ Completed
//!     │          │       │ (a warehouse order goes from Placed to Delivering at once)
//!     │          │       └─ ticket, then delivery ─────────────────────┘
//!     │          └── no stock, declined, late, wish: once the Payment cannot be approved any more ──┐
//!     │              paid: rejected, late, wish: once the decisive child is held ───────────────────┤
//!     │                                                                                             ↓
//!     │                                            Cancelling ─→ Cancelled | Rejected | OutOfStock | PaymentFailed | Expired
//!     ├──→ Invalid (bad input; nothing was done)
//!     └──→ Cancelled (a wish), Rejected (the store takes no orders): nothing was done
//! ```
//!
//! How far an order is follows from the objects that exist: there is no step pointer. What other controllers act on are
//! the facts `placedAt`, `paidAt`, `releasingAt` and `endedAt`; `state` is for people, and a state that passes within a
//! second is not written.
//!
//! Invariants: `terminal_is_final`, `one_child_per_role`, `no_delivery_without_payment`, `never_delivered_and_refunded`,
//! `every_order_ends`. [`place`] is the way in, [`carry`] the way forward, [`undo`] the way back, [`turn`] which way it
//! goes; [`deadlines`] says when
//! a step is late and [`notices`] who is told.

pub mod carry;
pub mod deadlines;
pub mod facts;
pub mod notices;
pub mod place;
mod terms;
pub mod turn;
pub mod undo;

pub use facts::{
    Agreed, DeliveryFacts, Earlier, NoticeFacts, Observed, Pay, PaymentFacts, PlatformFacts, ProductFacts, Request,
    StoreFacts, TicketFacts, WalletFacts,
};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::conditions::{self, Report};
use super::notification::is_zero;
use super::store::{Acceptance, Confirmation, CutOff, Deadlines, Fulfilment, SellerNotice};
use super::{Condition, Generation, Intent, Money, ObjectRef, Plan, Policy, Time, child};

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

/// What was agreed when the order was placed.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Terms {
    /// Σ price × quantity.
    pub amount: Money,
    /// Σ points × quantity.
    #[serde(default, skip_serializing_if = "is_zero")]
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

impl Terms {
    /// What the order costs, in words: money, and points where there are any.
    fn cost(&self) -> String {
        cost(&self.amount, self.points)
    }
}

fn cost(amount: &Money, points: i64) -> String {
    let points = if points > 0 { format!(" and {points} points") } else { String::new() };
    format!("{} {}{points}", amount.amount, amount.currency)
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
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

/// What to do about an Order.
pub fn decide(seen: &Observed, now: Time, policy: &Policy) -> Plan<Status> {
    let mut plan = step(seen, now, policy);
    if let Some(status) = &mut plan.status {
        facts::note_wish(seen, status, now);
    }
    plan
}

fn step(seen: &Observed, now: Time, policy: &Policy) -> Plan<Status> {
    if seen.meta.let_go() {
        return child::gate(&seen.meta).unwrap_or_default();
    }
    if let Some(ended) = seen.status.ended_at {
        return after_the_end(seen, ended, now);
    }
    if let Some(plan) = child::gate(&seen.meta) {
        return plan;
    }
    if let Some(message) = seen.unreadable.as_ref().filter(|_| seen.status.terms.is_some() || seen.wish().is_none()) {
        return unreadable(seen, message, now, policy);
    }
    let Some(terms) = &seen.status.terms else { return place::decide(seen, now, policy) };
    let plan = match turn::turn(seen, terms, now) {
        turn::Turn::Back(why) => match turn::untold(seen, terms, &why, now) {
            Some(untold) => undo::hold_off(seen, untold, carry::decide(seen, terms, now, policy), now, policy),
            None => undo::decide(seen, terms, why, now, policy),
        },
        turn::Turn::Unclear => undo::clear_up(seen, terms),
        turn::Turn::Forward => carry::decide(seen, terms, now, policy),
    };
    deadlines::watch(seen, terms, now, notices::with(seen, terms, plan))
}

/// An ended order only answers late wishes with the reason why they are refused, and lets itself be deleted once its
/// row shows the end. It goes by itself once the platform's retention is over.
fn after_the_end(seen: &Observed, ended: Time, now: Time) -> Plan<Status> {
    if seen.meta.deleting.is_some() {
        // What is still to be told outlives it, and holds nothing.
        let free = seen.meta.guarded && seen.view_shows_end;
        return if free { Plan::only(Intent::DropFinalizer(seen.meta.target())) } else { Plan::rest() };
    }
    let due = seen.platform.retention.map(|retention| ended.after(retention));
    if due.is_some_and(|due| due <= now) {
        return Plan::only(Intent::DeleteSelf(seen.meta.target()));
    }
    // What was denied at the end, which did not wait for it, is made now.
    let owed = notices::owed(seen);
    if !owed.is_empty() {
        return Plan { next: due, ..Plan::all(owed) };
    }
    if seen.status.observed_generation == seen.meta.generation {
        return Plan { next: due, ..Plan::rest() };
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

/// Something that the order needs cannot be read: a person is needed, and it goes on by itself after that.
fn unreadable(seen: &Observed, message: &str, now: Time, policy: &Policy) -> Plan<Status> {
    let mut wanted = stalled(seen, seen.status.clone(), "Unreadable", message.to_owned(), now);
    wanted.state.get_or_insert(State::Pending);
    let plan = super::plan::settle(&seen.status, wanted, seen.changed.after(policy.patience), now);
    if plan.status.is_some() { plan.with_fact("Unreadable", message, true) } else { plan }
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
