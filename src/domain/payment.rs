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

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::child::{self, Fate};
use super::conditions::{self, Report};
use super::{Condition, Kind, Lookup, Meta, Money, ObjectRef, OrderRef, Plan, Policy, Time, plan, wallet};

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
    /// Given back, or never charged.
    Cancelled,
}

/// Observed state of a Payment.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Status {
    /// The generation of the spec that this status is about; -1 until a controller has looked at it.
    pub observed_generation: i64,
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
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 8))]
    pub conditions: Vec<Condition>,
}

impl Default for Status {
    fn default() -> Self {
        Self {
            observed_generation: -1,
            state: None,
            approved_at: None,
            declined_at: None,
            cancelled_at: None,
            refunded_at: None,
            conditions: Vec::new(),
        }
    }
}

impl Status {
    /// Whether it can never change again.
    pub fn is_final(&self) -> bool {
        self.declined_at.is_some() || self.cancelled_at.is_some()
    }
}

/// A Payment to create; its name follows from the order.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Draft {
    pub order: OrderRef,
    pub wallet: ObjectRef,
    pub amount: Money,
    /// Created only to stand in the way of a later one: it is never charged.
    pub cancel: bool,
}

/// What a decision about a Payment looks at.
#[derive(Clone, Debug)]
pub struct Observed {
    pub meta: Meta,
    pub order: OrderRef,
    pub wallet_name: String,
    /// The wallet that the order recorded, and its answer.
    pub wallet: Lookup<Option<wallet::Answer>>,
    pub cancel: bool,
    /// The payment office has given the money back by hand.
    pub refunded_by_hand: bool,
    pub status: Status,
    pub fate: Fate,
}

/// What to do about a Payment.
pub fn decide(seen: &Observed, now: Time, policy: &Policy) -> Plan<Status> {
    if let Some(plan) = child::gate(&seen.meta) {
        return plan;
    }
    let status = &seen.status;
    if status.is_final() || (status.approved_at.is_some() && !seen.cancel) {
        return child::retire(&seen.meta, &seen.order.name, seen.fate, now, policy);
    }
    if let Some(read) = child::prove(&seen.wallet, Kind::Wallet, &seen.wallet_name) {
        return Plan::only(read);
    }
    if seen.cancel { cancel(seen, now, policy) } else { charge(seen, now, policy) }
}

fn charge(seen: &Observed, now: Time, policy: &Policy) -> Plan<Status> {
    let mut status = seen.status.clone();
    let declined = |mut status: Status, reason: &'static str, message: String| {
        status.declined_at = Some(now);
        let report = Report::Ended { well: false, reason, message: message.clone() };
        Plan::write(finish(seen, status, State::Declined, report, now)).with_fact(reason, message, true)
    };
    match &seen.wallet {
        Lookup::Present(Some(wallet::Answer::Charged)) => {
            status.approved_at = Some(now);
            let report = Report::Ended { well: true, reason: "Approved", message: String::new() };
            Plan::write(finish(seen, status, State::Approved, report, now))
        }
        Lookup::Present(Some(wallet::Answer::Refused)) => {
            let message = format!("Wallet {} has too little money, or another currency.", seen.wallet_name);
            declined(status, "InsufficientFunds", message)
        }
        Lookup::Present(_) | Lookup::Unproven => {
            let message = format!("Wallet {} has not answered yet.", seen.wallet_name);
            let report = Report::Moving { reason: "WaitingForWallet", message };
            wait(seen, State::Pending, report, now, policy)
        }
        Lookup::Gone => declined(status, "WalletGone", format!("Wallet {} is gone.", seen.wallet_name)),
    }
}

fn cancel(seen: &Observed, now: Time, policy: &Policy) -> Plan<Status> {
    let cancelled = |refunded: bool, reason: &'static str| {
        let mut status = seen.status.clone();
        status.cancelled_at = Some(now);
        status.refunded_at = refunded.then_some(now);
        let report = Report::Ended { well: false, reason, message: String::new() };
        Plan::write(finish(seen, status, State::Cancelled, report, now))
    };
    match &seen.wallet {
        Lookup::Present(Some(wallet::Answer::Refunded)) => cancelled(true, "Refunded"),
        Lookup::Present(Some(wallet::Answer::Void)) => cancelled(false, "NotCharged"),
        Lookup::Present(_) | Lookup::Unproven => {
            let message = format!("Wallet {} has not given the money back yet.", seen.wallet_name);
            let report = Report::Moving { reason: "WaitingForRefund", message };
            wait(seen, State::Cancelling, report, now, policy)
        }
        Lookup::Gone if seen.status.approved_at.is_none() => cancelled(false, "WalletGone"),
        Lookup::Gone if seen.refunded_by_hand => cancelled(true, "RefundedByHand"),
        Lookup::Gone => {
            let message = format!(
                "Wallet {} is gone: give the money back by hand, then set spec.refundedByHand: true on this Payment.",
                seen.wallet_name
            );
            let report = Report::Stalled { reason: "WalletGone", message: message.clone() };
            let plan = wait(seen, State::Cancelling, report, now, policy);
            if plan.status.is_some() { plan.with_fact("RefundStalled", message, true) } else { plan }
        }
    }
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
