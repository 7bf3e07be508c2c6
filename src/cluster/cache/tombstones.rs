//! What is kept of objects that are gone: a proof, for as long as somebody may ask.

use std::collections::HashMap;
use std::time::Duration;

use crate::cluster::watched::Watched;
use crate::domain::{Time, Version};

/// How long a tombstone is kept: longer than any child lingers after its order.
const KEPT: Duration = Duration::from_secs(3_600);

/// What is kept of an object that is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tombstone {
    /// The version that proves it gone; zero where that is not known.
    pub version: Version,
    /// When that was noticed.
    pub at: Time,
    /// Whether it had come to its end; nothing where its last version was not seen.
    pub ended: Option<bool>,
}

/// The tombstones of one kind, by UID.
#[derive(Default)]
pub(super) struct Tombstones(HashMap<String, Tombstone>);

impl Tombstones {
    pub(super) fn get(&self, uid: &str) -> Option<Tombstone> {
        self.0.get(uid).copied()
    }

    /// The last proof counts, and is kept from then on.
    pub(super) fn renew(&mut self, uid: String, version: Version, at: Time) {
        self.0.insert(uid, Tombstone { version, at, ended: None });
    }

    /// The first proof counts; what a later one knows beside it is added.
    pub(super) fn bury(&mut self, uid: String, version: Version, now: Time, ended: Option<bool>) {
        if self.0.len() % 1_024 == 1_023 {
            self.0.retain(|_, stone| now.since(stone.at) < KEPT);
        }
        let stone = self.0.entry(uid).or_insert(Tombstone { version, at: now, ended });
        stone.ended = stone.ended.or(ended);
    }
}

/// What an earlier version than the last one shows: an end stays, the lack of one proves nothing.
pub(super) fn ended_already<K: Watched>(object: &K) -> Option<bool> {
    object.has_ended().filter(|ended| *ended)
}
