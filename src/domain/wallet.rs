//! Wallet: the ledger of a customer's prepaid money.
//!
//! ```text
//!  Payment says    (asks)        approved              cancel                          declined or cancelled
//!  entry       ─→  Charged  ──→  (entry leaves)
//!                  Charged  ────────────────────────→  Refunded, money back  ──────→   (entry leaves)
//!                  Refused  ───────────────────────────────────────────────────────→   (entry leaves)
//!                  Refused  ────────────────────────→  Void  ──────────────────────→   (entry leaves)
//!                  (no entry, approved) ────────────→  Refunded, money back
//!                  (no entry, not approved) ────────→  Void: not charged, and never will be
//! ```
//!
//! Invariants: `money_is_conserved` (deposited = balance + charged, none negative, at every version),
//! `charged_at_most_once`, `refunded_at_most_once`.

pub(super) mod types;

pub use types::{Amount, Answer, Ask, Entry, Observed, Status};

use super::ledger::{self, Book, Request, Step};
use super::{Case, Kind, Money, Plan, Report, child};

struct Purse {
    currency: String,
    balance: i64,
    points: i64,
    charged: Amount,
}

/// The totals say already what an answer says, and only the word of its Payment gives money back: an entry that leaves moves
/// nothing.
impl Book for Purse {
    type Ask = Ask;
    type Entry = Entry;
    const REQUESTERS: Kind = Kind::Payment;

    fn step(entry: Option<&Entry>, ask: &Ask) -> Step {
        use Answer::{Charged, Refunded, Refused, Void};
        match (entry.map(|e| e.answer), ask) {
            (None, Ask::Charge { .. }) | (None | Some(Charged | Refused), Ask::Cancel { .. }) => Step::Answer,
            (Some(Charged), Ask::Approved) | (Some(_), Ask::Ended) => Step::Leave,
            (None, Ask::Approved | Ask::Ended)
            | (Some(_), Ask::Charge { .. })
            | (Some(Refused | Refunded | Void), Ask::Approved)
            | (Some(Refunded | Void), Ask::Cancel { .. }) => Step::Rest,
        }
    }

    fn answer(&mut self, entry: Option<&Entry>, request: &Request<Ask>) -> Entry {
        let ((amount, points), answer, had) = match &request.ask {
            Ask::Charge { money, points } => {
                let had = Amount { amount: self.balance, points: self.points };
                let answer = self.charge(money, *points);
                let too_little = answer == Answer::Refused && money.currency == self.currency;
                ((money.amount, *points), answer, too_little.then_some(had))
            }
            Ask::Cancel { amount, points, approved } => {
                ((*amount, *points), self.cancel(entry, *amount, *points, *approved), None)
            }
            Ask::Approved | Ask::Ended => ((0, 0), Answer::Void, None),
        };
        Entry { order: request.order.clone(), name: request.name.clone(), amount, points, answer, had }
    }

    fn gives_back(ask: &Ask) -> bool {
        matches!(ask, Ask::Cancel { .. })
    }

    fn order(entry: &Entry) -> &str {
        &entry.order
    }

    fn requester(entry: &Entry) -> &str {
        &entry.name
    }
}

impl Purse {
    /// Takes money and points, both or neither.
    fn charge(&mut self, money: &Money, points: i64) -> Answer {
        if money.currency != self.currency || money.amount > self.balance || points > self.points {
            return Answer::Refused;
        }
        self.balance -= money.amount;
        self.points -= points;
        self.charged.amount += money.amount;
        self.charged.points += points;
        Answer::Charged
    }

    fn cancel(&mut self, entry: Option<&Entry>, amount: i64, points: i64, approved: bool) -> Answer {
        let charged = entry.map_or(approved, |e| e.answer == Answer::Charged);
        if !charged {
            return Answer::Void;
        }
        self.charged.amount -= amount;
        self.charged.points -= points;
        self.balance += amount;
        self.points += points;
        Answer::Refunded
    }
}

/// What to do about a Wallet.
pub fn decide(case: &Case<Observed>) -> Plan<Status> {
    let seen = case.seen;
    let meta = &seen.meta;
    if let Some(plan) = child::lifecycle(meta) {
        return plan;
    }
    let mut status = seen.status.clone();
    let Money { amount: deposited, currency } = seen.deposited.clone();
    let charged = status.charged.clone();
    let (balance, points) = (deposited - charged.amount, seen.points - charged.points);
    let mut purse = Purse { currency, balance, points, charged };
    let (settled, missing) = (&mut status.settled_through, |order: &str| seen.asked.missing(order));
    let served = ledger::serve(&mut purse, &mut status.entries, settled, &seen.asked, missing);
    status.deposited = Amount { amount: deposited, points: seen.points };
    status.charged = purse.charged;
    status.points = purse.points;
    status.balance = Some(Money::new(purse.balance, purse.currency));
    let message = served.foreign.map_or_else(String::new, |_| ledger::FOREIGN.to_owned());
    let ready = Report::Ready { ready: true, reason: "Open", message };
    ledger::conclude(case, &seen.asked, status, ready, &served)
}
