//! What a kind is to its cache: keys, indexes, and whom a change of an object concerns.

use std::fmt::Debug;
use std::sync::Arc;

use kube::Resource;
use kube::core::object::HasStatus;
use serde::de::DeserializeOwned;

use crate::domain::denial::Conditioned;
use crate::domain::{Kind, Time};

/// Namespace and name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    pub namespace: Arc<str>,
    pub name: Arc<str>,
}

impl Key {
    /// The key of an object.
    pub fn of<K: Resource>(object: &K) -> Self {
        let meta = object.meta();
        Self::new(meta.namespace.as_deref().unwrap_or_default(), meta.name.as_deref().unwrap_or_default())
    }

    /// The key of `namespace/name`.
    pub fn new(namespace: &str, name: &str) -> Self {
        Self { namespace: namespace.into(), name: name.into() }
    }

    /// Another name in the same namespace.
    pub fn sibling(&self, name: &str) -> Self {
        Self { namespace: self.namespace.clone(), name: name.into() }
    }
}

impl std::fmt::Display for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

/// What an object can be found by, beside its name.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Index {
    /// Requesters whose facts ask something of the ledger with this UID.
    Asks(String),
    /// Orders that refer to the ledger with this UID and have not ended.
    Refers(String),
    /// Payments for whose money a provider of the platform may have to answer.
    AtProvider,
    /// Objects of which a write is denied, of any kind.
    Denied,
    /// Every object; never an entry of an index.
    Every,
    /// Orders that are not placed yet.
    Unplaced,
    /// Orders of this store that are not placed yet.
    UnplacedAt(String),
    /// Orders that are not placed yet and have no queue number.
    Unnumbered,
    /// Orders that are not placed yet and refer to the object of this kind and name.
    Wants(Kind, String),
    /// Orders that are placed, not paid, and not on their way back.
    InFlight,
    /// Orders that the kitchen of this store has to do with: placed, and not cooked.
    InKitchen(String),
    /// Notifications for the endpoint of this store, or, without a name, for that of customers, not attempted yet.
    Untried(Option<String>),
    /// The same, where an attempt has failed.
    Failing(Option<String>),
    /// The same, attempted or not, where an undo may wait for it; those are found here alone.
    Required(Option<String>),
}

/// Objects that are looked at again because another has changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rouse {
    /// All that the index finds.
    All(Kind, Index),
    /// The first that the index finds, by name.
    First(Kind, Index),
}

/// A kind that is cached.
pub trait Source:
    Resource<DynamicType = (), Scope = kube::core::NamespaceResourceScope>
    + HasStatus<Status: Conditioned>
    + Clone
    + Debug
    + DeserializeOwned
    + serde::Serialize
    + Send
    + Sync
    + 'static
{
    const KIND: Kind;

    /// What the object can be found by.
    fn index(&self) -> Vec<Index> {
        Vec::new()
    }

    /// Drops the fields that no decision looks at, and room that is not used: many of these are held at once.
    fn slim(&mut self) {}

    /// Whether it has come to its end, for kinds of which somebody asks this once they are gone.
    fn has_ended(&self) -> Option<bool> {
        None
    }

    /// A time that is remembered beside an index, also when the object is gone: the latest that any object gave.
    fn mark(&self) -> Option<(Index, Time)> {
        None
    }

    /// Objects that are looked at again because the object changed, found by an index.
    fn rouses(_old: Option<&Self>, _new: Option<&Self>) -> Vec<Rouse> {
        Vec::new()
    }

    /// What is to be looked at again because the object changed: kind and name, in the same namespace.
    fn wakes(name: &str, old: Option<&Self>, new: Option<&Self>) -> Vec<(Kind, String)>;
}
