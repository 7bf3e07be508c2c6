//! What the fake provider remembers of every key, and the promises of the contract.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Tokens that begin like this are always declined.
const BAD_TOKEN: &str = "decline";

/// The body of a charge.
#[derive(Clone, Debug, Deserialize)]
pub struct Charge {
    /// In the currency's minor unit.
    pub amount: i64,
    pub currency: String,
    pub token: String,
}

/// Where a key stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    Charged,
    Declined,
    Refunded,
    Voided,
}

/// Everything that was done under one key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    pub key: String,
    pub status: Status,
    /// What was asked for; absent where the key was voided before any charge.
    pub amount: Option<i64>,
    pub currency: Option<String>,
    /// How often money was really taken.
    pub taken: u32,
    /// How often it was really given back.
    pub returned: u32,
    /// How many charges under this key were carried out or answered, the late ones included.
    pub charges: u32,
}

/// The answer to one call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    Status(&'static str, Option<&'static str>),
    Unknown,
    OtherAmount,
}

impl std::fmt::Display for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Status(status, _) => status,
            Self::Unknown => "unknown",
            Self::OtherAmount => "conflict",
        })
    }
}

/// Every charge that the provider knows, by its key.
#[derive(Debug, Default)]
pub struct Book {
    entries: BTreeMap<String, Entry>,
}

impl Book {
    pub fn entries(&self) -> Vec<Entry> {
        self.entries.values().cloned().collect()
    }

    pub fn look_up(&self, key: &str) -> Answer {
        self.entries.get(key).map_or(Answer::Unknown, answer)
    }

    /// Takes money unless the key is known: then the answer is the one it had.
    pub fn charge(&mut self, key: &str, charge: &Charge, decline: bool) -> Answer {
        if let Some(entry) = self.entries.get_mut(key) {
            let other = entry.amount.is_some_and(|amount| amount != charge.amount)
                || entry.currency.as_ref().is_some_and(|currency| *currency != charge.currency);
            entry.charges += 1;
            return if other { Answer::OtherAmount } else { answer(entry) };
        }
        let declined = decline || charge.token.starts_with(BAD_TOKEN);
        let entry = Entry {
            key: key.to_owned(),
            status: if declined { Status::Declined } else { Status::Charged },
            amount: Some(charge.amount),
            currency: Some(charge.currency.clone()),
            taken: u32::from(!declined),
            returned: 0,
            charges: 1,
        };
        let said = answer(&entry);
        self.entries.insert(key.to_owned(), entry);
        said
    }

    /// Gives back what was taken; a key that is not known is bound, so that a charge that comes later takes nothing.
    pub fn void(&mut self, key: &str) -> Answer {
        let bound = || Entry {
            key: key.to_owned(),
            status: Status::Voided,
            amount: None,
            currency: None,
            taken: 0,
            returned: 0,
            charges: 0,
        };
        let entry = self.entries.entry(key.to_owned()).or_insert_with(bound);
        if entry.status == Status::Charged {
            entry.status = Status::Refunded;
            entry.returned += 1;
        }
        answer(entry)
    }
}

fn answer(entry: &Entry) -> Answer {
    match entry.status {
        Status::Charged => Answer::Status("charged", None),
        Status::Declined => Answer::Status("declined", Some("CardDeclined")),
        Status::Refunded => Answer::Status("refunded", None),
        Status::Voided => Answer::Status("voided", None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn charge(amount: i64, token: &str) -> Charge {
        Charge { amount, currency: "KRW".to_owned(), token: token.to_owned() }
    }

    #[test]
    fn a_key_is_charged_and_refunded_once() {
        let mut book = Book::default();
        for _ in 0..3 {
            assert_eq!(book.charge("k", &charge(9_000, "tok"), false), Answer::Status("charged", None));
        }
        assert_eq!(book.charge("k", &charge(1, "tok"), false), Answer::OtherAmount);
        for _ in 0..3 {
            assert_eq!(book.void("k"), Answer::Status("refunded", None));
        }
        assert_eq!(book.charge("k", &charge(9_000, "tok"), false), Answer::Status("refunded", None));
        let entry = &book.entries()[0];
        assert_eq!((entry.taken, entry.returned, entry.charges), (1, 1, 5));
    }

    #[test]
    fn a_void_binds_what_comes_later_and_a_decline_stays_one() {
        let mut book = Book::default();
        assert_eq!(book.look_up("k"), Answer::Unknown);
        assert_eq!(book.void("k"), Answer::Status("voided", None));
        assert_eq!(book.charge("k", &charge(9_000, "tok"), false), Answer::Status("voided", None));
        let declined = Answer::Status("declined", Some("CardDeclined"));
        assert_eq!(book.charge("d", &charge(9_000, "decline-1"), false), declined);
        assert_eq!(book.charge("d", &charge(9_000, "decline-1"), false), declined);
        assert_eq!(book.void("d"), declined);
        assert!(book.entries().iter().all(|entry| entry.taken == 0 && entry.returned == 0));
    }
}
