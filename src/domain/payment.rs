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

mod ask;
mod gone;
mod report;
pub(super) mod types;

pub use types::{Draft, GIVE_UP_AFTER, Item, Kitchen, Observed, Payer, Provider, Shipment, Source, State, Status};

use super::child::{self, Fate};
use super::conditions::Report;
use super::wallet::types as wallet;
use super::{Intent, Kind, Lookup, Plan, Policy, Time};

use report::{BY_HAND, approved, cancelled, declined, wait};

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

#[cfg(test)]
mod tests;
