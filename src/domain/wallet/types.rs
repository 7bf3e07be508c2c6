//! What a Wallet is, what is asked of its money, and what a decision about it looks at.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::fields::is_default;
use crate::domain::ledger::types::Asked;
use crate::domain::{Condition, Generation, Meta, Money};

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
    #[serde(default, skip_serializing_if = "is_default")]
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
    #[serde(default, skip_serializing_if = "is_default")]
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
    pub asked: Asked<Ask>,
}
