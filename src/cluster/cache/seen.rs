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
}

impl<K> Clone for Seen<K> {
    fn clone(&self) -> Self {
        Self { object: self.object.clone(), version: self.version, at: self.at, since: self.since }
    }
}

impl<K: Resource> Seen<K> {
    /// Whether it is the same object as `other`, with the same spec.
    pub fn has_spec_of(&self, other: &Self) -> bool {
        let (was, is) = (self.object.meta(), other.object.meta());
        was.uid == is.uid && was.generation == is.generation
    }

    /// When this process has first seen it, where its spec has never been another one: where that is after a list, it came then.
    pub fn came(&self) -> Option<Time> {
        (self.object.meta().generation == Some(1)).then_some(self.since)
    }
}
