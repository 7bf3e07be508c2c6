//! Whose work an object is, among the processes that do the same work: by rendezvous hashing of a UID.
//!
//! This is advice and guards nothing: any process may work on any object at any time, because every write is guarded by
//! what it was decided on. Who is wrong about the others costs time, and nothing else:
//!
//! - **No object is left alone, whatever each believes.** A process that leaves an object to another remembers when, and
//!   which version it had. Where that version stands for [`PATIENCE`] times the number of those that come before it, it
//!   looks at the object itself, and after [`LONGEST`] in any case: for each process that hears of a change, either it looks at
//!   once or it looks then. This needs no agreement on anything: two members may see different lists, a member may be
//!   frozen or hang with a Lease that it renews, and no list may be readable at all.
//! - **Who was not seen to renew its Lease gets nothing**, and nobody renews who does not work: what a crash has left behind
//!   takes no work away, nor does a newcomer that still fills its caches, for however long. A newcomer works on everything
//!   until the others have shown that they work; they leave it its share as soon as it has shown that it does.
//! - **Who was not seen for [`SILENT`](super::SILENT) gets nothing any more**, by the clock of who looks. A process that
//!   cannot see any Lease therefore works on everything after that time, as one that is alone does.
//! - **Who takes over does so at once**: with every change of the list, whatever falls to this process is enqueued
//!   (`controllers/driver/share.rs`). What it loses it does not touch again; what it has begun it ends.
//! - **All of an order is one process's**: children and the row go by the UID of their order, ledgers by their own.
//! - Where a process keeps still until others know of it (messages), they leave it nothing before that: [`View::rank`] counts
//!   established members alone.

use std::collections::HashMap;
use std::time::Duration;

use sha2::{Digest, Sha256};
use tokio::time::Instant;

use super::roster::{DEAD, Other};
use crate::cluster::Key;
use crate::domain::Version;

/// How long an object may stand while it is somebody else's before the next in line looks at it; longer than it takes
/// until the work of a dead process is everybody's.
pub const PATIENCE: Duration = DEAD;
/// Whoever is further back in the line waits no longer than this one.
const LAST_IN_LINE: usize = 3;
/// What is left to somebody else is looked at after so long even where it changes all the time.
pub const LONGEST: Duration = Duration::from_secs(120);

/// Those among whom work is shared, as this process sees them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct View {
    pub me: String,
    pub others: Vec<Other>,
}

impl View {
    /// How many come before this process for what this UID stands for: its own is what nobody comes before it for.
    /// `established`: those alone who have been there for a while.
    pub fn rank(&self, work: &str, namespace: &str, uid: &str, established: bool) -> usize {
        let mut others = self.others.iter().filter(|other| other.does(work, namespace, established)).peekable();
        if others.peek().is_none() {
            return 0;
        }
        let mine = weight(&self.me, uid);
        others.filter(|other| (weight(&other.id, uid), &other.id) > (mine, &self.me)).count()
    }

    /// Among how many this work is shared in all, this process included: those alone that have been there for a while.
    pub fn established(&self, work: &str) -> usize {
        1 + self.others.iter().filter(|other| other.established && other.works.iter().any(|own| own == work)).count()
    }
}

impl Other {
    fn does(&self, work: &str, namespace: &str, established: bool) -> bool {
        let here = self.scope.as_ref().is_none_or(|scope| scope == namespace);
        here && (self.established || !established) && self.works.iter().any(|own| own == work)
    }
}

/// What a member is worth for a UID: the same for everybody who asks, in every version of this program.
fn weight(member: &str, uid: &str) -> [u8; 32] {
    Sha256::new().chain_update(member).chain_update("/").chain_update(uid).finalize().into()
}

/// What was left to somebody else, and since when.
#[derive(Clone, Copy, Debug)]
struct Wait {
    /// When it was left at first.
    first: Instant,
    /// Since when it has this version; none where it is not there.
    since: Instant,
    version: Option<Version>,
}

/// What this process has left to others and not looked at since.
#[derive(Debug, Default)]
pub struct Left(HashMap<Key, Wait>);

impl Left {
    /// A key has come up for which so many others come first. Gives how long to leave it to them; nothing where it is to be
    /// looked at now.
    pub fn rest(&mut self, key: &Key, rank: usize, version: Option<Version>, now: Instant) -> Option<Duration> {
        if rank == 0 {
            self.0.remove(key);
            return None;
        }
        let wait = self.0.entry(key.clone()).or_insert(Wait { first: now, since: now, version });
        if wait.version != version {
            (wait.version, wait.since) = (version, now);
        }
        let due = (wait.since + PATIENCE * rank.min(LAST_IN_LINE) as u32).min(wait.first + LONGEST);
        let rest = due.saturating_duration_since(now);
        if rest.is_zero() {
            self.0.remove(key);
            return None;
        }
        Some(rest)
    }

    /// Everything that is left to others.
    pub fn keys(&self) -> impl Iterator<Item = &Key> {
        self.0.keys()
    }
}

#[cfg(test)]
mod tests;
