//! What a cache and a watch need of a kind: how its objects are found, and what is kept of them.

use std::fmt::Debug;
use std::hash::Hash;
use std::sync::Arc;

use kube::Resource;
use kube::core::NamespaceResourceScope;
use kube::core::object::HasStatus;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::domain::denial::Conditioned;
use crate::domain::{Kind, Time};

/// Stands for the name of every object of a kind.
pub const EVERY: &str = "*";

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

/// A kind that is watched and cached.
pub trait Watched:
    Resource<DynamicType = (), Scope = NamespaceResourceScope>
    + HasStatus<Status: Conditioned + Serialize>
    + Clone
    + Debug
    + DeserializeOwned
    + Serialize
    + Send
    + Sync
    + 'static
{
    const KIND: Kind;

    /// Whether the text of an object that cannot be understood is kept: somebody asks what it mentions.
    const IS_ASKED: bool = false;

    /// Whether somebody asks, by the UID of what it is part of, whether there was one that is gone.
    const ROOT_IS_ASKED: bool = false;

    /// What an object can be found by, beside its name; `()` where that is nothing.
    type Index: Clone + Debug + Eq + Hash + Send + Sync;

    /// What this object can be found by.
    fn index(&self) -> Vec<Self::Index> {
        Vec::new()
    }

    /// The UID of what it is part of, where several processes share the work: all of that is worked on by one of them. That of an
    /// order for whatever belongs to it, and otherwise its own.
    fn part_of(&self) -> Option<&str> {
        self.meta().uid.as_deref()
    }

    /// Drops the fields that no decision looks at, and room that is not used: many of these are cached at once.
    fn transform(&mut self) {}

    /// Whether it has come to its end, for kinds of which somebody asks this once they are gone.
    fn has_ended(&self) -> Option<bool> {
        None
    }

    /// A time that is remembered beside an index, also when the object is gone: the latest that any object gave.
    fn mark(&self) -> Option<(Self::Index, Time)> {
        None
    }
}

/// Drops the parts of an object that no decision looks at.
pub fn transform<K: Watched>(object: &mut K) {
    let meta = object.meta_mut();
    meta.managed_fields = None;
    meta.annotations = None;
    meta.labels = None;
    meta.owner_references = None;
    meta.generate_name = None;
    if let Some(finalizers) = &mut meta.finalizers {
        finalizers.shrink_to_fit();
    }
    object.transform();
}
