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

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::conditions::{self, Report};
use super::ledger::{self, Book, Missing, Request, Step};
use super::notification::is_zero;
use super::{Condition, Generation, Kind, Meta, Money, Plan, Policy, Time, Version, child};

/// Observed state of a Wallet.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Status {
    /// The generation of the spec that this status is about; -1 until a controller has looked at it.
    pub observed_generation: Generation,
    /// Everything ever paid in, as last seen in spec.deposited. Always balance + charged.
    #[serde(default)]
    pub deposited: Amount,
    /// What can still be spent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub balance: Option<Money>,
    /// Points that can still be spent.
    #[serde(default)]
    #[schemars(range(min = 0))]
    pub points: i64,
    /// What payments have taken and not given back.
    #[serde(default)]
    pub charged: Amount,
    /// The newest version of a Payment whose entry has left: one seen at or below it is read afresh before it is served.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schemars(length(max = 32))]
    pub settled_through: String,
    /// Answers to payments that are under way.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 1024))]
    pub entries: Vec<Entry>,
    /// What is observed about it, in the standard form: how it does, and the one thing that is waited for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 8))]
    pub conditions: Vec<Condition>,
}

/// A sum of money in the wallet's currency, and of points.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Amount {
    /// In the currency's minor unit.
    #[schemars(range(min = 0))]
    pub amount: i64,
    /// Membership points.
    #[serde(default, skip_serializing_if = "is_zero")]
    #[schemars(range(min = 0))]
    pub points: i64,
}

/// The ledger's answer to one payment.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Entry {
    /// UID of the Order that is paid for.
    #[schemars(length(max = 64))]
    pub order: String,
    /// Name of the Payment.
    #[schemars(length(max = 253))]
    pub name: String,
    /// How much, in the currency's minor unit.
    #[schemars(range(min = 0))]
    pub amount: i64,
    /// How many points.
    #[serde(default, skip_serializing_if = "is_zero")]
    #[schemars(range(min = 0))]
    pub points: i64,
    /// What became of the request.
    pub answer: Answer,
    /// What there was, where it was refused because that is too little.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub had: Option<Amount>,
}

impl Entry {
    /// What was lacking, in words, where it was refused for that: had and needed.
    pub fn lacked(&self, currency: &str) -> Option<String> {
        let had = self.had.as_ref()?;
        let money = format!("too little money ({} of {} {currency})", had.amount, self.amount);
        let points = format!("too few points ({} of {})", had.points, self.points);
        let lacked = [(self.amount > had.amount, money), (self.points > had.points, points)];
        let lacked: Vec<String> = lacked.into_iter().filter_map(|(lacks, what)| lacks.then_some(what)).collect();
        (!lacked.is_empty()).then(|| lacked.join(" and "))
    }
}

/// What became of a payment's request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum Answer {
    /// Taken from the balance.
    Charged,
    /// There was too little, or the currency is another one.
    Refused,
    /// Charged before, and given back.
    Refunded,
    /// Not charged, and it never will be.
    Void,
}

/// What a Payment's facts ask of the ledger.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Ask {
    Charge {
        money: Money,
        points: i64,
    },
    /// The charge is acknowledged.
    Approved,
    /// Give back what was taken, or promise that nothing will be.
    Cancel {
        amount: i64,
        points: i64,
        approved: bool,
    },
    /// Declined or cancelled: every answer is acknowledged.
    Ended,
}

/// What a decision about a Wallet looks at.
#[derive(Clone, Debug)]
pub struct Observed {
    pub meta: Meta,
    /// spec.deposited
    pub deposited: Money,
    /// spec.points
    pub points: i64,
    pub status: Status,
    pub requests: Vec<Request<Ask>>,
    /// What is known of payments that have an entry and no request, by the order's UID.
    pub missing: Vec<(String, Missing)>,
    /// Whether an order that has not ended refers to this wallet.
    pub referred: bool,
    /// Whether every order was read from the API server for this very decision.
    pub orders_afresh: bool,
    /// Orders that cannot be read, and may refer to it.
    pub unreadable: Vec<String>,
}

struct Purse {
    currency: String,
    balance: i64,
    points: i64,
    charged: Amount,
}

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

    /// The totals say already what an answer says.
    fn settle(&mut self, _: &Entry) {}

    /// Only the word of its Payment gives money back.
    fn give_back(&mut self, _: &Entry) {}

    fn holds(_: &Entry) -> bool {
        false
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
pub fn decide(seen: &Observed, now: Time, policy: &Policy) -> Plan<Status> {
    let meta = &seen.meta;
    if let Some(plan) = child::gate(meta) {
        return plan;
    }
    let mut status = seen.status.clone();
    let Money { amount: deposited, currency } = seen.deposited.clone();
    let charged = status.charged.clone();
    let (balance, points) = (deposited - charged.amount, seen.points - charged.points);
    let mut purse = Purse { currency, balance, points, charged };
    let mut mark = Version::parse(&status.settled_through);
    let missing = |order: &str| {
        seen.missing.iter().find(|(uid, _)| uid == order).map_or(Missing::Unproven, |(_, missing)| *missing)
    };
    let served = ledger::serve(&mut purse, &mut status.entries, &mut mark, seen.requests.clone(), missing);
    status.deposited = Amount { amount: deposited, points: seen.points };
    status.charged = purse.charged;
    status.points = purse.points;
    status.balance = Some(Money::new(purse.balance, purse.currency));
    if mark > Version::default() {
        status.settled_through = mark.0.to_string();
    }
    status.observed_generation = meta.generation;
    let said = served.foreign.map_or_else(String::new, |_| ledger::FOREIGN.to_owned());
    let detained = child::detained(meta, &seen.unreadable);
    let is_detained = detained.is_some();
    let ready = detained.unwrap_or(Report::Ready { ready: true, reason: "Open", message: said });
    status.conditions = conditions::conditions(&seen.status.conditions, ready, meta.generation, now);
    if is_detained && !served.urgent && (status.conditions != seen.status.conditions || !seen.referred) {
        let wanted = Status { conditions: status.conditions, ..seen.status.clone() };
        return if wanted == seen.status { Plan::rest() } else { Plan::write(wanted) };
    }
    if meta.deleting.is_some() && !seen.referred {
        return child::release(meta, seen.orders_afresh);
    }
    let deposited_anew = seen.status.observed_generation != meta.generation;
    ledger::plan(&seen.status, status, &served, deposited_anew, now, policy)
}
