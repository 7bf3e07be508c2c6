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

pub use types::{Draft, Funding, GIVE_UP_AFTER, Item, Kitchen, Observed, Payer, Provider, Shipment, State, Status};

use super::wallet::types as wallet;
use super::{Case, Kind, Lookup, OwnerState, Plan, Report, child};

use report::{approved, by_hand, cancelled, declined, wait};

/// What to do about a Payment.
pub fn decide(case: &Case<Observed>) -> Plan<Status> {
    if case.seen.meta.goes_with_namespace() && case.seen.is_owed() {
        return gone::last_refund(case, progress(case));
    }
    child::lifecycle(&case.seen.meta).unwrap_or_else(|| progress(case))
}

fn progress(case: &Case<Observed>) -> Plan<Status> {
    let seen = case.seen;
    let status = &seen.status;
    if let Some(read) = child::ask_row(&seen.order, seen.owner) {
        return read;
    }
    if status.is_final() {
        return gone::give_back(case);
    }
    if let OwnerState::Gone(order) = seen.owner
        && seen.owner.is_removed()
        && !seen.cancel
    {
        return gone::removed(case, order);
    }
    if status.approved_at.is_some() && !seen.cancel {
        return child::retire(case, &seen.order, seen.owner);
    }
    if seen.free {
        return nothing_to_pay(case);
    }
    if let Some(message) = &seen.unreadable {
        let report = Report::Stalled { reason: "Unreadable", message: message.clone() };
        return wait(case, if seen.cancel { State::Cancelling } else { State::Pending }, report);
    }
    match &seen.funding {
        Funding::Provider(provider) => ask::provider(case, provider),
        Funding::Wallet { name, answer, lacked } => match (answer, seen.cancel) {
            (Lookup::Unproven, _) => Plan::read(Kind::Wallet, name),
            (Lookup::Present(answer), true) => cancel(case, name, *answer),
            (Lookup::Present(answer), false) => charge(case, name, *answer, lacked.as_deref()),
            (Lookup::Gone, true) => nobody_to_refund(case, name),
            (Lookup::Gone, false) => declined(case, "WalletGone".to_owned(), format!("Wallet {name} is gone.")),
        },
    }
}

/// Nothing is taken and nothing given back: neither a wallet nor a provider is asked.
fn nothing_to_pay(case: &Case<Observed>) -> Plan<Status> {
    let seen = case.seen;
    match (seen.cancel, seen.owner) {
        (true, _) => cancelled(case, false, "NothingToPay"),
        (false, OwnerState::Open) => approved(case),
        (false, _) => child::retire(case, &seen.order, seen.owner),
    }
}

fn charge(case: &Case<Observed>, name: &str, answer: Option<wallet::Answer>, lacked: Option<&str>) -> Plan<Status> {
    match answer {
        Some(wallet::Answer::Charged) => approved(case),
        Some(wallet::Answer::Refused) => {
            let message = format!("Wallet {name} has {}.", lacked.unwrap_or("another currency"));
            declined(case, "InsufficientFunds".to_owned(), message)
        }
        _ if case.seen.owner != OwnerState::Open => child::retire(case, &case.seen.order, case.seen.owner),
        _ => {
            let message =
                format!("Wallet {name} has not answered yet; the Payment is approved once it has booked the charge.");
            wait(case, State::Pending, unanswered(case.seen, name, "WaitingForWallet", message))
        }
    }
}

fn cancel(case: &Case<Observed>, name: &str, answer: Option<wallet::Answer>) -> Plan<Status> {
    match answer {
        Some(wallet::Answer::Refunded) => cancelled(case, true, "Refunded"),
        Some(wallet::Answer::Void) => cancelled(case, false, "NotCharged"),
        _ => {
            let message =
                format!("Wallet {name} has not refunded or voided the charge yet; the Payment ends once it has.");
            wait(case, State::Cancelling, unanswered(case.seen, name, "WaitingForRefund", message))
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
fn nobody_to_refund(case: &Case<Observed>, name: &str) -> Plan<Status> {
    if case.seen.status.approved_at.is_none() {
        return cancelled(case, false, "WalletGone");
    }
    if case.seen.refunded_by_hand {
        return cancelled(case, true, "RefundedByHand");
    }
    let message = format!("Wallet {name} is gone: {}.", by_hand(case.seen));
    let report = Report::Stalled { reason: "WalletGone", message: message.clone() };
    let plan = wait(case, State::Cancelling, report);
    if plan.status.is_some() { plan.with_fact("RefundStalled", message, true) } else { plan }
}

#[cfg(test)]
mod tests;
