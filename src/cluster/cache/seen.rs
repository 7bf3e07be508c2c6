//! One cached version of an object, and since when it is so.

use std::sync::Arc;

use kube::Resource;

use crate::domain::{Time, Version};

/// One cached version of an object.
#[derive(Debug)]
pub struct Seen<K> {
    pub object: Arc<K>,
    pub version: Version,
    /// When this version was first seen here.
    pub at: Time,
    /// When its spec was first seen here as it is: what a person did last, at the earliest.
    pub since: Time,
    /// When this process has seen it come, where it has: the watch brought it, after a list that did not have it.
    pub born: Option<Time>,
}

impl<K> Clone for Seen<K> {
    fn clone(&self) -> Self {
        let Self { version, at, since, born, .. } = *self;
        Self { object: self.object.clone(), version, at, since, born }
    }
}

impl<K: Resource> Seen<K> {
    /// Whether it is a version of the same object as `other`.
    pub fn is_one_with(&self, other: &Self) -> bool {
        self.object.meta().uid == other.object.meta().uid
    }

    /// Whether it is the same object as `other`, with the same spec.
    pub fn has_spec_of(&self, other: &Self) -> bool {
        self.is_one_with(other) && self.object.meta().generation == other.object.meta().generation
    }
}
