//! What an OrderPlatform is, the turns of its queue, and what a decision about it looks at.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::notification::circuit::Circuit;
use crate::domain::{Condition, Generation, Kind, Meta, Time};

/// The one name of an OrderPlatform.
pub const NAME: &str = "default";

/// How many objects of a namespace have some trouble, and one of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Affected {
    pub objects: usize,
    pub example: String,
}

impl Affected {
    /// One object, and what its trouble is.
    pub fn one(kind: Kind, name: &str, what: &str) -> Self {
        Self { objects: 1, example: format!("{kind} {name}: {what}") }
    }

    /// Adds others.
    pub fn add(&mut self, more: Self) {
        self.objects += more.objects;
        if self.example.is_empty() {
            self.example = more.example;
        }
    }

    /// How many, in words. A backlog is not counted to the last: it would be written all the time.
    pub(super) fn count(&self) -> Option<String> {
        match self.objects {
            0 => None,
            1 => Some("1 object".to_owned()),
            few @ 2..=10 => Some(format!("{few} objects")),
            _ => Some("More than 10 objects".to_owned()),
        }
    }
}

/// Observed state of an OrderPlatform.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Status {
    /// The generation of the spec that this status is about; -1 until a controller has looked at it.
    pub observed_generation: Generation,
    /// The highest queue number that was called.
    #[serde(default)]
    #[schemars(range(min = 0))]
    pub serving: i64,
    /// When that number last moved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub served_at: Option<Time>,
    /// The last queue number that was handed out; absent where there never was a limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub issued: Option<i64>,
    /// The turns of orders that are to be placed: numbers that their orders have not copied yet, and who is let in.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 1024))]
    pub turns: Vec<Turn>,
    /// What runs of the workloads; absent where no operator builds them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workloads: Option<Workloads>,
    /// What is observed about it, in the standard form: how it does, and the one thing that is waited for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    pub conditions: Vec<Condition>,
}

/// How many of the pods that are wanted are ready, as `kubectl get op` prints it: ready/wanted. The operator writes it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Workloads {
    /// The generation of the spec from which the operator has last built everything.
    pub observed_generation: Generation,
    /// Pods with controllers, such as 1/1.
    #[schemars(length(max = 16))]
    pub controllers: String,
    /// Pods of the part of the front door that takes orders.
    #[schemars(length(max = 16))]
    pub command: String,
    /// Pods of the part of the front door that answers questions.
    #[schemars(length(max = 16))]
    pub query: String,
}

/// What a decision about an OrderPlatform looks at.
#[derive(Clone, Debug)]
pub struct Observed {
    pub meta: Meta,
    pub backlog: Backlog,
    /// Whether there is an endpoint for customers' notices, and how that does.
    pub circuit: Option<Circuit>,
    /// The writes that are denied in the namespace.
    pub denied: Affected,
    /// What cannot be read in the namespace.
    pub unreadable: Affected,
    /// Whether it names payment providers.
    pub has_providers: bool,
    /// The payments for which one of them may still have to answer; looked at while it is being deleted.
    pub owed: Affected,
    pub status: Status,
}

#[cfg(test)]
impl Observed {
    /// A platform for a test, without endpoint and providers.
    pub(super) fn sample(meta: Meta, backlog: Backlog, status: Status) -> Self {
        let (denied, unreadable, owed) = Default::default();
        Self { meta, backlog, circuit: None, denied, unreadable, has_providers: false, owed, status }
    }
}

/// The most orders that may be under way to their payment, and placed a second.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Limits {
    pub pending: Option<usize>,
    pub per_second: Option<usize>,
}

impl Limits {
    /// Whether there are none.
    pub fn are_none(self) -> bool {
        self == Self::default()
    }

    /// How many more fit now, with so many placed and not paid, and so many placed in the last second.
    pub(super) fn room(self, pending: usize, recent: usize) -> usize {
        let left = |limit: Option<usize>, used| limit.map_or(usize::MAX, |limit: usize| limit.saturating_sub(used));
        left(self.pending, pending).min(left(self.per_second, recent))
    }
}

/// How long a place is kept for an order that was called.
pub(super) const KEPT: Duration = Duration::from_secs(60);
/// One order's turn.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Turn {
    /// UID of the Order.
    #[schemars(length(max = 64))]
    pub order: String,
    /// Its name.
    #[schemars(length(max = 63))]
    pub name: String,
    /// Its number in the queue.
    #[schemars(range(min = 1))]
    pub number: i64,
    /// When it was called: from then on it may be placed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub called_at: Option<Time>,
    /// It was called and waits for something else: it keeps no place, and is called again.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub away: bool,
}

impl Turn {
    /// Whether the order may be placed now.
    pub fn lets_in(&self, now: Time) -> bool {
        !self.away && self.called_at.is_some_and(|at| now.since(at) < KEPT)
    }

    /// Whether it was called and did not come in time.
    pub(super) fn lapsed(&self, now: Time) -> bool {
        !self.away && self.called_at.is_some_and(|at| now.since(at) >= KEPT)
    }
}

/// How an order stands in the queue, as it sees the platform.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Standing {
    /// Whether the platform has limits.
    pub limited: bool,
    /// The highest number that was called.
    pub serving: i64,
    pub turn: Option<Turn>,
}

/// Whether the platform lets an order in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Gate {
    /// With this number, where it has one.
    Open(Option<i64>),
    /// It was given this number.
    Numbered(i64),
    /// It has its number and waits. Higher ones may have been called, where its store took no order.
    Waiting(i64),
    /// It is about to get one.
    Unnumbered,
}

impl Standing {
    /// Whether an order with this number, or none, is let in.
    pub fn gate(&self, number: Option<i64>, now: Time) -> Gate {
        let given = number.or(self.turn.as_ref().map(|turn| turn.number));
        if !self.limited {
            return Gate::Open(number);
        }
        match (number, given) {
            _ if self.turn.as_ref().is_some_and(|turn| turn.lets_in(now)) => Gate::Open(given),
            (Some(number), _) => Gate::Waiting(number),
            (None, Some(given)) => Gate::Numbered(given),
            (None, None) => Gate::Unnumbered,
        }
    }

    /// Whether an order with this number, or none, was called. Without limits every number is.
    pub fn has_called(&self, number: Option<i64>) -> bool {
        let called = self.turn.as_ref().is_some_and(|turn| turn.called_at.is_some());
        called || (!self.limited && number.is_some())
    }
}

/// Where an order is that has a turn or asks for one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Place {
    /// It can be placed as soon as it is called: at the store with this number in [`Backlog::stores`].
    Ready(usize),
    /// It waits for something else: its store, or something else that it refers to.
    Away,
    /// It was placed then; whether it is not paid yet, nor on its way back.
    Placed { at: Time, pending: bool },
    /// It ended without, or is gone.
    Over,
}

/// What is seen of an order that has a turn or asks for one, or that is placed and not paid.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct QueuedOrder {
    /// UID of the Order.
    pub order: String,
    pub name: String,
    pub created: Time,
    /// The number that it has copied.
    pub number: Option<i64>,
    pub place: Place,
}

/// The orders that wait, and how full the platform is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Backlog {
    pub limits: Limits,
    /// Nobody is called.
    pub paused: bool,
    pub orders: Vec<QueuedOrder>,
    /// How many orders each store takes now.
    pub stores: Vec<usize>,
    /// Names of orders that have a turn and are neither seen nor known to be gone.
    pub unproven: Vec<String>,
    /// The highest number that an order holds: looked for, in all orders read afresh, where the platform does not know
    /// how many it has handed out.
    pub highest: Option<i64>,
}
