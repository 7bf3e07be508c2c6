//! Payment: one charge of one order.
//!
//! ```text
//!            wallet: Charged                 cancel, wallet: Refunded
//!  Pending ─────────────────→ Approved ──→ (Cancelling) ─────────────→ Cancelled
//!     │      wallet: Refused
//!     ├─────────────────────→ Declined
//!     │      cancel, wallet: Void or Refunded
//!     └─────────────────────→ Cancelled
//! ```
//!
//! Invariants: Approved, Declined and Cancelled are acknowledgements of the wallet's answer, never guesses; a Payment
//! that was asked to cancel before it was approved waits for `Void`, because a missing entry proves nothing.
//!
//! A provider is asked over HTTP, with a key derived from the order: what has become of a charge is looked up before one
//! is sent, a cancel is a void that also binds a charge which arrives later, and an unknown outcome is never read as "not
//! charged". A failed attempt is written down, with the time of the next one.
//!
//! A Payment whose order was removed before its end undoes it (`payment/gone.rs`): it cancels itself, then asks the ledgers of
//! stock to give back what the order held or had bought. In a namespace that is being deleted it keeps its finalizer
//! while a provider has still to answer, for a bounded time.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::child::{self, Fate};
use super::conditions::{self, Report};
use super::notification::is_zero;
use super::provider::{self, Reply};
use super::{
    Condition, Generation, Intent, Kind, Lookup, Meta, Money, ObjectRef, OrderRef, Plan, Policy, Time, plan, product,
    wallet,
};

/// An undo that fails for so long needs a person; it goes on trying.
const HOPELESS: Duration = Duration::from_secs(3_600);
/// How long a provider is asked in a namespace that is being deleted, where the OrderPlatform does not say.
pub const GIVE_UP_AFTER: Duration = Duration::from_secs(300);

/// What a person can do about an undo that cannot succeed.
const BY_HAND: &str = "give the money back by hand, then set spec.refundedByHand: true on this Payment";

mod ask;
mod gone;

pub use gone::{Item, Kitchen, Shipment};

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
    #[serde(default, skip_serializing_if = "is_zero")]
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
        token: provider::Token,
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
pub enum Source {
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
    pub token: provider::Token,
    pub amount: Money,
    /// Whether the platform knows it.
    pub known: bool,
    /// What it replied in this very pass.
    pub reply: Option<Reply>,
    /// The HTTP status with which it has refused the charge for good, in this very pass.
    pub refused: Option<u16>,
    /// Whether the order was read from the API server in this very pass.
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
    pub source: Source,
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
    pub fate: Fate,
}

/// What to do about a Payment.
pub fn decide(seen: &Observed, now: Time, policy: &Policy) -> Plan<Status> {
    if seen.meta.let_go() && seen.is_owed() {
        return gone::last_refund(seen, now, progress(seen, now, policy));
    }
    child::gate(&seen.meta).unwrap_or_else(|| progress(seen, now, policy))
}

fn progress(seen: &Observed, now: Time, policy: &Policy) -> Plan<Status> {
    let status = &seen.status;
    if let Some(read) = child::ask_row(seen.fate, &seen.order.name) {
        return read;
    }
    if status.is_final() {
        return gone::give_back(seen, now, policy);
    }
    if let Fate::Gone(order) = seen.fate
        && seen.fate.is_removed()
        && !seen.cancel
    {
        return gone::removed(seen, order, now, policy);
    }
    if status.approved_at.is_some() && !seen.cancel {
        return child::retire(&seen.meta, &seen.order.name, seen.fate, now, policy);
    }
    if seen.free {
        return nothing_to_pay(seen, now, policy);
    }
    if let Some(message) = &seen.unreadable {
        let report = Report::Stalled { reason: "Unreadable", message: message.clone() };
        return wait(seen, if seen.cancel { State::Cancelling } else { State::Pending }, report, now, policy);
    }
    match &seen.source {
        Source::Provider(provider) => ask::provider(seen, provider, now, policy),
        Source::Wallet { name, answer, lacked } => match (answer, seen.cancel) {
            (Lookup::Unproven, _) => Plan::only(Intent::ReadAfresh { kind: Kind::Wallet, name: name.clone() }),
            (Lookup::Present(answer), true) => cancel(seen, name, *answer, now, policy),
            (Lookup::Present(answer), false) => charge(seen, name, *answer, lacked.as_deref(), now, policy),
            (Lookup::Gone, true) => nobody_to_refund(seen, name, now, policy),
            (Lookup::Gone, false) => declined(seen, "WalletGone".to_owned(), format!("Wallet {name} is gone."), now),
        },
    }
}

/// Nothing is taken and nothing given back: neither a wallet nor a provider is asked.
fn nothing_to_pay(seen: &Observed, now: Time, policy: &Policy) -> Plan<Status> {
    match (seen.cancel, seen.fate) {
        (true, _) => cancelled(seen, false, "NothingToPay", now),
        (false, Fate::Open) => approved(seen, now),
        (false, _) => child::retire(&seen.meta, &seen.order.name, seen.fate, now, policy),
    }
}

fn approved(seen: &Observed, now: Time) -> Plan<Status> {
    let status = Status { approved_at: Some(now), ..recovered(seen) };
    let report = Report::Ended { well: true, reason: "Approved", message: String::new() };
    Plan::write(finish(seen, status, State::Approved, report, now))
}

fn declined(seen: &Observed, reason: String, message: String, now: Time) -> Plan<Status> {
    let status = Status { declined_at: Some(now), ..recovered(seen) };
    let report = Report::Ended { well: false, reason: &reason, message: message.clone() };
    Plan::write(finish(seen, status, State::Declined, report, now)).with_fact("Declined", message, true)
}

fn cancelled(seen: &Observed, refunded: bool, reason: &'static str, now: Time) -> Plan<Status> {
    let mut status = recovered(seen);
    status.cancelled_at = Some(now);
    status.refunded_at = refunded.then_some(now);
    let removed = seen.fate.is_removed();
    status.releasing_at = (removed && seen.has_items && !seen.meta.let_go()).then_some(now);
    let message = match removed {
        true => format!("Order {} was removed before its end: what it did is undone.", seen.order.name),
        false => String::new(),
    };
    let report = Report::Ended { well: false, reason, message: message.clone() };
    let state = if refunded { State::Cancelled } else { State::NotCharged };
    let plan = Plan::write(finish(seen, status, state, report, now));
    if removed { plan.with_fact("OrderRemoved", message, true) } else { plan }
}

/// The status without the marks of failed attempts.
fn recovered(seen: &Observed) -> Status {
    Status { attempts: 0, failing_since: None, retry_at: None, ..seen.status.clone() }
}

fn charge(
    seen: &Observed,
    name: &str,
    answer: Option<wallet::Answer>,
    lacked: Option<&str>,
    now: Time,
    policy: &Policy,
) -> Plan<Status> {
    match answer {
        Some(wallet::Answer::Charged) => approved(seen, now),
        Some(wallet::Answer::Refused) => {
            let message = format!("Wallet {name} has {}.", lacked.unwrap_or("another currency"));
            declined(seen, "InsufficientFunds".to_owned(), message, now)
        }
        _ if seen.fate != Fate::Open => child::retire(&seen.meta, &seen.order.name, seen.fate, now, policy),
        _ => {
            let message = format!("Wallet {name} has not answered yet.");
            wait(seen, State::Pending, unanswered(seen, name, "WaitingForWallet", message), now, policy)
        }
    }
}

fn cancel(seen: &Observed, name: &str, answer: Option<wallet::Answer>, now: Time, policy: &Policy) -> Plan<Status> {
    match answer {
        Some(wallet::Answer::Refunded) => cancelled(seen, true, "Refunded", now),
        Some(wallet::Answer::Void) => cancelled(seen, false, "NotCharged", now),
        _ => {
            let message = format!("Wallet {name} has not given the money back yet.");
            wait(seen, State::Cancelling, unanswered(seen, name, "WaitingForRefund", message), now, policy)
        }
    }
}

/// The wallet has not answered: it will, unless it cannot be written.
fn unanswered<'a>(seen: &Observed, wallet: &str, reason: &'a str, message: String) -> Report<'a> {
    match &seen.wallet_denied {
        None => Report::Moving { reason, message },
        Some(why) => {
            let message = format!("Wallet {wallet} cannot be written, and nothing is booked until it can: {why}");
            Report::Stalled { reason: "LedgerDenied", message }
        }
    }
}

/// The wallet that was charged is gone.
fn nobody_to_refund(seen: &Observed, name: &str, now: Time, policy: &Policy) -> Plan<Status> {
    if seen.status.approved_at.is_none() {
        return cancelled(seen, false, "WalletGone", now);
    }
    if seen.refunded_by_hand {
        return cancelled(seen, true, "RefundedByHand", now);
    }
    let message = format!("Wallet {name} is gone: {BY_HAND}.");
    let report = Report::Stalled { reason: "WalletGone", message: message.clone() };
    let plan = wait(seen, State::Cancelling, report, now, policy);
    if plan.status.is_some() { plan.with_fact("RefundStalled", message, true) } else { plan }
}

fn finish(seen: &Observed, mut status: Status, state: State, report: Report<'_>, now: Time) -> Status {
    status.state = Some(state);
    status.observed_generation = seen.meta.generation;
    status.conditions = conditions::conditions(&seen.status.conditions, report, seen.meta.generation, now);
    status
}

fn wait(seen: &Observed, state: State, report: Report<'_>, now: Time, policy: &Policy) -> Plan<Status> {
    let wanted = finish(seen, seen.status.clone(), state, report, now);
    plan::report(&seen.status, wanted, true, seen.meta.changed, now, policy)
}

#[cfg(test)]
mod tests;
