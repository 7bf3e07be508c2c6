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

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::child::{self, Fate};
use super::conditions::{self, Report};
use super::notification::is_zero;
use super::provider::{self, Call, Reply};
use super::{
    Condition, Generation, Intent, Kind, Lookup, Meta, Money, ObjectRef, OrderRef, Plan, Policy, Time, plan, retry,
    wallet,
};

/// An undo that fails for so long needs a person; it goes on trying.
const HOPELESS: std::time::Duration = std::time::Duration::from_secs(3_600);

/// What a person can do about an undo that cannot succeed.
const BY_HAND: &str = "give the money back by hand, then set spec.refundedByHand: true on this Payment";

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
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 8))]
    pub conditions: Vec<Condition>,
}

impl Status {
    /// Whether it can never change again.
    pub fn is_final(&self) -> bool {
        self.declined_at.is_some() || self.cancelled_at.is_some()
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
    /// The payment office has given the money back by hand.
    pub refunded_by_hand: bool,
    pub status: Status,
    pub fate: Fate,
}

/// What to do about a Payment.
pub fn decide(seen: &Observed, now: Time, policy: &Policy) -> Plan<Status> {
    if let Some(plan) = last_refund(seen).or_else(|| child::gate(&seen.meta)) {
        return plan;
    }
    let status = &seen.status;
    if status.is_final() || (status.approved_at.is_some() && !seen.cancel) {
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
        Source::Provider(provider) => ask_provider(seen, provider, now, policy),
        Source::Wallet { name, answer } => match (child::prove(answer, Kind::Wallet, name), seen.cancel) {
            (Some(read), _) => Plan::only(read),
            (None, true) => cancel(seen, name, answer, now, policy),
            (None, false) => charge(seen, name, answer, now, policy),
        },
    }
}

/// In a namespace that is being deleted a provider is asked once to give back what a cancelled order was charged.
fn last_refund(seen: &Observed) -> Option<Plan<Status>> {
    let Source::Provider(provider) = &seen.source else { return None };
    let owed = !seen.free && seen.meta.let_go() && seen.meta.guarded && seen.cancel && !seen.status.is_final();
    (owed && provider.known && provider.reply.is_none()).then(|| call(seen, provider, Call::Void))
}

fn call(seen: &Observed, provider: &Provider, call: Call) -> Plan<Status> {
    let key = provider::key(&seen.order.uid);
    Plan::only(Intent::CallProvider { provider: provider.name.clone(), key, call })
}

/// Nothing is taken and nothing given back: neither a wallet nor a provider is asked.
fn nothing_to_pay(seen: &Observed, now: Time, policy: &Policy) -> Plan<Status> {
    match (seen.cancel, seen.fate) {
        (true, _) => cancelled(seen, false, "NothingToPay", now),
        (false, Fate::Open) => approved(seen, now),
        (false, _) => child::retire(&seen.meta, &seen.order.name, seen.fate, now, policy),
    }
}

/// Asks the provider what has become of the charge, and only then, where it knows of none, sends one.
fn ask_provider(seen: &Observed, provider: &Provider, now: Time, policy: &Policy) -> Plan<Status> {
    if seen.cancel && seen.refunded_by_hand {
        return cancelled(seen, seen.status.approved_at.is_some(), "RefundedByHand", now);
    }
    if !provider.known {
        let way = if seen.cancel { BY_HAND } else { "cancel the order" };
        let message = format!("The OrderPlatform has no payment provider {}: add it, or {way}.", provider.name);
        let report = Report::Stalled { reason: "UnknownProvider", message };
        let state = if seen.cancel { State::Cancelling } else { State::Pending };
        return wait(seen, state, report, now, policy);
    }
    let ready = seen.fate == Fate::Open && provider.order_afresh;
    match (&provider.reply, seen.cancel) {
        (Some(Reply::Charged), false) => approved(seen, now),
        (Some(Reply::Declined { reason }), false) => {
            declined(seen, reason.clone(), format!("Declined by {}.", provider.name), now)
        }
        // The charge is refused, but one that was sent before may still be on its way: the key is bound first.
        (Some(Reply::Refused { charge: true, .. }), false) => call(seen, provider, Call::Void),
        (Some(Reply::Refused { status, .. }), _) => refused(seen, provider, *status, now),
        (Some(Reply::Voided | Reply::Refunded), false) if provider.refused.is_some() => {
            let status = provider.refused.unwrap_or_default();
            let message = format!("{} refuses the charge for good (HTTP {status}).", provider.name);
            declined(seen, "ChargeRefused".to_owned(), message, now)
        }
        (Some(Reply::Voided | Reply::Refunded), false) => {
            declined(seen, "Voided".to_owned(), format!("{} has voided the charge.", provider.name), now)
        }
        (Some(Reply::NotFound), false) if !ready => {
            Plan::only(Intent::ReadAfresh { kind: Kind::Order, name: seen.order.name.clone() })
        }
        (Some(Reply::NotFound), false) if provider.order_wishes => Plan::rest(),
        (Some(Reply::NotFound), false) => {
            call(seen, provider, Call::Charge { amount: provider.amount.clone(), token: provider.token.0.clone() })
        }
        (Some(Reply::Refunded), true) => cancelled(seen, true, "Refunded", now),
        (Some(Reply::Voided | Reply::Declined { .. }), true) if seen.status.approved_at.is_some() => {
            failed(seen, provider, "it does not know the charge that it approved", now)
        }
        (Some(Reply::Voided | Reply::Declined { .. }), true) => cancelled(seen, false, "NotCharged", now),
        (Some(Reply::Charged | Reply::NotFound), true) => failed(seen, provider, "an answer that fits no void", now),
        (Some(Reply::Unknown { why }), _) => failed(seen, provider, why, now),
        (None, wish) => match attempts(seen).retry_at.filter(|due| now < *due) {
            Some(due) => Plan::wait_until(due),
            None if wish => call(seen, provider, Call::Void),
            None if seen.fate == Fate::Open => call(seen, provider, Call::LookUp),
            None => child::retire(&seen.meta, &seen.order.name, seen.fate, now, policy),
        },
    }
}

/// The failed attempts that count: those to charge do not delay a cancel.
fn attempts(seen: &Observed) -> Status {
    let another = seen.cancel && seen.status.state != Some(State::Cancelling);
    if another { recovered(seen) } else { seen.status.clone() }
}

/// The provider's word did not come: nothing is known, and it is asked again later.
fn failed(seen: &Observed, provider: &Provider, why: &str, now: Time) -> Plan<Status> {
    unanswered(seen, provider, why, None, now)
}

/// The provider refuses to say or to undo, and will not change its mind: a person has to.
fn refused(seen: &Observed, provider: &Provider, status: u16, now: Time) -> Plan<Status> {
    let way = if seen.cancel { BY_HAND } else { "cancel the order" };
    let todo = format!("Correct url and access of {} in the OrderPlatform, or {way}.", provider.name);
    unanswered(seen, provider, &format!("HTTP {status}"), Some(todo), now)
}

fn unanswered(seen: &Observed, provider: &Provider, why: &str, todo: Option<String>, now: Time) -> Plan<Status> {
    let before = attempts(seen);
    let (attempts, since) = (before.attempts.saturating_add(1), before.failing_since.unwrap_or(now));
    let due = now.after(retry::pause(attempts));
    let (name, amount) = (&provider.name, &provider.amount);
    let risk = if seen.cancel { format!("; {} {} at risk", amount.amount, amount.currency) } else { String::new() };
    let message = format!("Attempt {attempts} at {name} failed ({why}){risk}; the next is at {due}.");
    let lasting = now.since(since) >= HOPELESS;
    let way = if seen.cancel { BY_HAND } else { "cancel the order" };
    let todo = todo.or_else(|| lasting.then(|| format!("Or {way}.")));
    let (reason, state) =
        if seen.cancel { ("RefundFailing", State::Cancelling) } else { ("ProviderFailing", State::Pending) };
    let needs_a_person = todo.is_some();
    let report = match todo {
        Some(todo) => Report::Stalled { reason, message: format!("{message} {todo}") },
        None => Report::Moving { reason, message: message.clone() },
    };
    let mut status = finish(seen, seen.status.clone(), state, report, now);
    (status.attempts, status.failing_since, status.retry_at) = (attempts, Some(since), Some(due));
    let plan = Plan { next: Some(due), ..Plan::write(status) };
    if attempts == 1 || needs_a_person { plan.with_fact(reason, message, true) } else { plan }
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
    let report = Report::Ended { well: false, reason, message: String::new() };
    Plan::write(finish(seen, status, State::Cancelled, report, now))
}

/// The status without the marks of failed attempts.
fn recovered(seen: &Observed) -> Status {
    Status { attempts: 0, failing_since: None, retry_at: None, ..seen.status.clone() }
}

fn charge(
    seen: &Observed,
    name: &str,
    answer: &Lookup<Option<wallet::Answer>>,
    now: Time,
    policy: &Policy,
) -> Plan<Status> {
    match answer {
        Lookup::Present(Some(wallet::Answer::Charged)) => approved(seen, now),
        Lookup::Present(Some(wallet::Answer::Refused)) => {
            let message = format!("Wallet {name} has too little money or points, or another currency.");
            declined(seen, "InsufficientFunds".to_owned(), message, now)
        }
        Lookup::Present(_) | Lookup::Unproven if seen.fate != Fate::Open => {
            child::retire(&seen.meta, &seen.order.name, seen.fate, now, policy)
        }
        Lookup::Present(_) | Lookup::Unproven => {
            let report =
                Report::Moving { reason: "WaitingForWallet", message: format!("Wallet {name} has not answered yet.") };
            wait(seen, State::Pending, report, now, policy)
        }
        Lookup::Gone => declined(seen, "WalletGone".to_owned(), format!("Wallet {name} is gone."), now),
    }
}

fn cancel(
    seen: &Observed,
    name: &str,
    answer: &Lookup<Option<wallet::Answer>>,
    now: Time,
    policy: &Policy,
) -> Plan<Status> {
    match answer {
        Lookup::Present(Some(wallet::Answer::Refunded)) => cancelled(seen, true, "Refunded", now),
        Lookup::Present(Some(wallet::Answer::Void)) => cancelled(seen, false, "NotCharged", now),
        Lookup::Present(_) | Lookup::Unproven => {
            let message = format!("Wallet {name} has not given the money back yet.");
            let report = Report::Moving { reason: "WaitingForRefund", message };
            wait(seen, State::Cancelling, report, now, policy)
        }
        Lookup::Gone if seen.status.approved_at.is_none() => cancelled(seen, false, "WalletGone", now),
        Lookup::Gone if seen.refunded_by_hand => cancelled(seen, true, "RefundedByHand", now),
        Lookup::Gone => {
            let message = format!("Wallet {name} is gone: {BY_HAND}.");
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

#[cfg(test)]
mod tests;
