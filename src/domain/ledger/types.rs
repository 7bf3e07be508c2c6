//! What is asked of a ledger, and what is known of those who ask no more.

use std::time::Duration;

use crate::domain::{Kind, Time, Version};

/// What one requester asks of the ledger.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Request<Ask> {
    /// UID of the order; the key of the entry.
    pub order: String,
    /// Name under which its entry is kept.
    pub name: String,
    /// Kind and name of the object that asks: it is read afresh where its version may be an old one.
    pub requester: (Kind, String),
    /// The version of the requester that was seen.
    pub version: Version,
    /// The version of the list by which it was read from the API server for this very decision, where it was.
    pub read: Option<Version>,
    /// Where another object speaks for the order: a version of the order's kind at which that was gone, once one is known.
    pub gone: Option<Version>,
    /// First come, first served; ties are broken by UID.
    pub arrived: Time,
    pub ask: Ask,
}

/// What is known of an entry's requester when no request of it was seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Missing {
    /// Not in the cache: proves nothing.
    Unproven,
    /// It is there, and this version cannot understand it: its entry stays as it is.
    Unreadable,
    /// A delete event or a list of this version shows that it is gone.
    Gone(Version),
    /// It is gone, and only its row may tell whether it had ended: that is read afresh.
    RowUnseen,
    /// It was removed before its end, and its Payment has still to say what becomes of the entry.
    Removed,
    /// It was removed before its end, which was noticed at this time, and no Payment of it was seen: proves nothing.
    PaymentUnseen(Time),
    /// The same, and a live read shows that there is none. The version is one at which the order was gone.
    NeverPaid(Version, Time),
}

impl Missing {
    /// Until when a Payment of an order that is gone may still be created: nobody speaks for it before.
    pub fn waits_until(self, linger: Duration) -> Option<Time> {
        match self {
            Self::PaymentUnseen(noticed) | Self::NeverPaid(_, noticed) => Some(noticed.after(linger)),
            Self::Unproven | Self::Unreadable | Self::Gone(_) | Self::RowUnseen | Self::Removed => None,
        }
    }
}

/// What a decision about a ledger looks at beside the ledger itself.
#[derive(Clone, Debug)]
pub struct Asked<Ask> {
    pub requests: Vec<Request<Ask>>,
    /// What is known of those that have an entry and no request, by the order's UID.
    pub missing: Vec<(String, Missing)>,
    /// Whether an order that has not ended refers to the ledger.
    pub referred: bool,
    /// Whether every order was read from the API server for this very decision.
    pub orders_afresh: bool,
    /// Orders that cannot be read, and may refer to it.
    pub unreadable: Vec<String>,
}

impl<Ask> Asked<Ask> {
    /// What is known of the requester of an order's entry, which asks nothing.
    pub fn missing(&self, order: &str) -> Missing {
        self.missing.iter().find(|(uid, _)| uid == order).map_or(Missing::Unproven, |(_, missing)| *missing)
    }
}
