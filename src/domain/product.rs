//! Product: the ledger of its stock.
//!
//! ```text
//!  Order says      placed          paid                   releasing              ended
//!  entry       ─→  Held  ───────→  (sold, entry leaves)
//!                  Held  ─────────────────────────────→   Released  ──────────→  (entry leaves)
//!                  Refused  ──────────────────────────→   Released  ──────────→  (entry leaves)
//!                  (no entry, was sold) ──────────────→   Released, stock back
//!                  (no entry, never asked) ───────────→   Released
//! ```
//!
//! Invariants: `stock_is_conserved` (supplied = available + reserved + sold, none negative, at every version).

use std::time::Duration;

pub(super) mod types;

pub use types::{Answer, Ask, Entry, Observed, Status};

use super::ledger::{self, Book, Missing, Request, Step};
use super::{Case, Kind, Plan, Report, Time, child};
use super::{order::types as order, payment::types as payment};

/// How long a sale may stay unbooked while a wish to cancel is undecided: booked, it would have to be taken back.
const UNDECIDED: Duration = Duration::from_secs(30);

impl Ask {
    /// What the facts of an order ask, of which it wants this many, and since when; `wished`: it has a wish to cancel.
    pub fn of(order: &order::Status, wished: bool, quantity: i64) -> Option<(Self, Time)> {
        let (placed, paid) = (order.placed_at?, order.paid_at);
        let undecided = if wished { UNDECIDED } else { Duration::ZERO };
        Some(match (order.ended_at, order.releasing_at, paid) {
            (Some(ended), _, _) => (Self::Ended, ended),
            (None, Some(_), _) => (Self::Release { quantity, paid: paid.is_some() }, placed),
            (None, None, Some(paid)) => (Self::Sell, paid.after(undecided)),
            (None, None, None) => (Self::Hold(quantity), placed),
        })
    }
}

impl Ask {
    /// What the Payment of an order that was removed before its end asks: what has no entry any more was booked as sold,
    /// where the Payment was approved.
    pub fn of_removed(payment: &payment::Status, quantity: i64) -> Option<(Self, Time)> {
        if let Some(sold) = payment.sold_at {
            return Some((Self::Sell, sold));
        }
        let since = payment.releasing_at?;
        Some(match payment.released_at {
            Some(released) => (Self::Ended, released),
            None => (Self::Release { quantity, paid: payment.approved_at.is_some() }, since),
        })
    }
}

struct Stock {
    available: i64,
    reserved: i64,
    sold: i64,
}

impl Book for Stock {
    type Ask = Ask;
    type Entry = Entry;
    const REQUESTERS: Kind = Kind::Order;

    fn step(entry: Option<&Entry>, ask: &Ask) -> Step {
        use Answer::{Held, Refused, Released};
        match (entry.map(|e| e.answer), ask) {
            (None | Some(Held | Refused), Ask::Release { .. }) | (None, Ask::Hold(_)) => Step::Answer,
            (Some(Held), Ask::Sell) | (Some(_), Ask::Ended) => Step::Leave,
            (None, Ask::Sell | Ask::Ended)
            | (Some(_), Ask::Hold(_))
            | (Some(Released), Ask::Release { .. })
            | (Some(Refused | Released), Ask::Sell) => Step::Rest,
        }
    }

    fn answer(&mut self, entry: Option<&Entry>, request: &Request<Ask>) -> Entry {
        let (quantity, answer) = match request.ask {
            Ask::Release { quantity, paid } => {
                self.release(entry, quantity, paid);
                (quantity, Answer::Released)
            }
            Ask::Hold(quantity) if quantity <= self.available => {
                self.available -= quantity;
                self.reserved += quantity;
                (quantity, Answer::Held)
            }
            Ask::Hold(quantity) => (quantity, Answer::Refused),
            Ask::Sell | Ask::Ended => (1, Answer::Refused),
        };
        Entry { order: request.order.clone(), name: request.name.clone(), quantity, answer }
    }

    fn settle(&mut self, entry: &Entry) {
        if entry.answer == Answer::Held {
            self.reserved -= entry.quantity;
            self.sold += entry.quantity;
        }
    }

    fn give_back(&mut self, entry: &Entry) {
        self.release(Some(entry), entry.quantity, false);
    }

    fn holds(entry: &Entry) -> bool {
        entry.answer == Answer::Held
    }

    fn gives_back(ask: &Ask) -> bool {
        matches!(ask, Ask::Release { .. })
    }

    fn order(entry: &Entry) -> &str {
        &entry.order
    }

    fn requester(entry: &Entry) -> &str {
        &entry.name
    }
}

impl Stock {
    fn release(&mut self, entry: Option<&Entry>, quantity: i64, paid: bool) {
        match entry.map(|e| e.answer) {
            Some(Answer::Held) => {
                self.reserved -= quantity;
                self.available += quantity;
            }
            None if paid => {
                self.sold -= quantity;
                self.available += quantity;
            }
            None | Some(Answer::Refused | Answer::Released) => {}
        }
    }
}

/// What to do about a Product.
pub fn decide(case: &Case<Observed>) -> Plan<Status> {
    let seen = case.seen;
    let meta = &seen.meta;
    if let Some(plan) = child::lifecycle(meta) {
        return plan;
    }
    let mut status = seen.status.clone();
    let free = seen.stock - status.reserved - status.sold;
    let mut book = Stock { available: free, reserved: status.reserved, sold: status.sold };
    let early = |missing: &Missing| missing.waits_until(case.policy.linger).filter(|due| case.now < *due);
    let missing = |order: &str| {
        let found = seen.asked.missing(order);
        if early(&found).is_some() { Missing::Removed } else { found }
    };
    let settled = &mut status.settled_through;
    let mut served = ledger::serve(&mut book, &mut status.entries, settled, &seen.asked, missing);
    // One that is to go waits for no later write.
    served.urgent |= meta.deleting.is_some() && served.lazy_since.is_some();
    status.supplied = seen.stock;
    (status.available, status.reserved, status.sold) = (book.available, book.reserved, book.sold);
    let ready = readiness(&status, served.foreign.is_some());
    let plan = ledger::conclude(case, &seen.asked, status, ready, &served);
    plan.by(seen.asked.missing.iter().filter_map(|(_, missing)| early(missing)).min())
}

fn readiness(status: &Status, foreign: bool) -> Report<'static> {
    let (reason, message) = match status.available > 0 {
        true if foreign => ("InStock", ledger::FOREIGN),
        true => ("InStock", ""),
        false => ("SoldOut", "Raise spec.stock to take further orders."),
    };
    Report::Ready { ready: true, reason, message: message.to_owned() }
}
