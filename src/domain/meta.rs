//! What a decision knows of an object beside its fields: who it is, which version was seen, whether it is going away.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Time;

/// A resourceVersion. Versions of one resource type are comparable (Kubernetes 1.35 and later).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version(pub u64);

impl Version {
    /// Reads a resourceVersion; one that is no number counts as the oldest, so it is never trusted as news.
    pub fn parse(text: &str) -> Self {
        Self(text.parse().unwrap_or(0))
    }
}

/// The generation of a spec; by default -1, which no spec ever has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
pub struct Generation(pub i64);

impl Default for Generation {
    fn default() -> Self {
        Self(-1)
    }
}

/// An object's identity and lifecycle, as one version of it shows them.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Meta {
    pub name: String,
    pub uid: String,
    pub version: Version,
    pub generation: Generation,
    pub created: Time,
    /// When this version was first seen here: how long the object has not changed.
    pub changed: Time,
    /// When its deletion was asked for.
    pub deleting: Option<Time>,
    /// Whether our finalizer is on it.
    pub has_finalizer: bool,
    /// Whether its namespace is being deleted: nothing new can be created there.
    pub namespace_terminating: bool,
}

impl Meta {
    /// An object for a test: with our finalizer, first seen in this version and at this time.
    #[cfg(test)]
    pub(super) fn sample(name: &str, version: u64, at: Time) -> Self {
        Self {
            name: name.to_owned(),
            uid: format!("uid-of-{name}"),
            version: Version(version),
            generation: Generation(1),
            created: at,
            changed: at,
            deleting: None,
            has_finalizer: true,
            namespace_terminating: false,
        }
    }

    /// The exact version a write to this object must meet.
    pub fn target(&self) -> Target {
        Target { name: self.name.clone(), uid: self.uid.clone(), version: self.version }
    }

    /// Whether nothing is left to do but to let the object go with its namespace.
    pub fn goes_with_namespace(&self) -> bool {
        self.namespace_terminating && self.deleting.is_some()
    }
}

/// One exact version of one object: what a guarded write names.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Target {
    pub name: String,
    pub uid: String,
    pub version: Version,
}

/// The order that an object belongs to.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct OrderRef {
    /// The Order's name.
    #[schemars(length(min = 1, max = 63))]
    pub name: String,
    /// The Order's UID: an order recreated under the same name is another order.
    #[schemars(length(min = 1, max = 64))]
    pub uid: String,
}

/// One object of the same namespace, by name and UID.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ObjectRef {
    /// The object's name.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
    /// The object's UID.
    #[schemars(length(min = 1, max = 64))]
    pub uid: String,
}

/// What is known of another object.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Lookup<T> {
    /// Seen, and it is the one that was meant.
    Present(T),
    /// Not in the cache, which proves nothing: read it afresh before acting on its absence.
    Unproven,
    /// Gone, or never there: a delete event or a live read said so.
    Gone,
}

impl<T> Lookup<T> {
    /// The same of what is made of the object.
    pub fn map<U>(self, with: impl FnOnce(T) -> U) -> Lookup<U> {
        match self {
            Self::Present(object) => Lookup::Present(with(object)),
            Self::Unproven => Lookup::Unproven,
            Self::Gone => Lookup::Gone,
        }
    }

    /// The object, where it was seen.
    pub fn present(&self) -> Option<&T> {
        match self {
            Self::Present(object) => Some(object),
            Self::Unproven | Self::Gone => None,
        }
    }

    /// Whether it is known to be gone.
    pub fn is_gone(&self) -> bool {
        matches!(self, Self::Gone)
    }
}

/// What is known of the order that owns an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum OwnerState {
    /// Under way.
    Open,
    /// Ended, at this time.
    Ended(Time),
    /// Gone.
    Gone(Gone),
    /// Not in the cache, which proves nothing.
    Unproven,
}

/// What is known of an order that is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Gone {
    /// When that was noticed here.
    pub noticed: Time,
    /// Whether it had come to its end before, by the delete event or by its row; nothing where that is not known.
    pub ended: Option<bool>,
    /// Whether its row was read from the API server for this very decision: what it does not tell then, nothing does.
    pub row_read: bool,
}

impl OwnerState {
    /// Whether the order is gone and not known to have ended: what it did is undone by its children.
    pub fn is_removed(self) -> bool {
        matches!(self, Self::Gone(gone) if gone.ended != Some(true))
    }
}
