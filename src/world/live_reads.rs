//! What one reconcile has read live, and been answered from outside: what it knows beside the caches.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use crate::cluster::Error;
use crate::domain::effect::Outcome;
use crate::domain::{Kind, Time, Version};
use crate::outbound::bulkhead::Permit;

/// The oldest decision, and the oldest live read, that is still acted on; twice that is well below the time for which
/// children linger.
const DECISION_LIMIT: Duration = Duration::from_secs(60);

/// Refuses to act on a decision that is too old.
pub(crate) fn too_old(decided: Instant) -> Result<(), Error> {
    let age = decided.elapsed();
    if age > DECISION_LIMIT { Err(Error::TooOld { seconds: age.as_secs() }) } else { Ok(()) }
}

/// What one reconcile knows beside the caches: live reads, with the version of the list that answered, and what was
/// answered from outside.
#[derive(Debug, Default)]
pub struct LiveReads {
    version: Option<Version>,
    /// When it first learnt something: what a process knew before it was frozen is no news when it goes on.
    since: Option<Instant>,
    reads: HashMap<(Kind, String), (Version, Time)>,
    /// The permit for its calls to a payment provider.
    pub permit: Option<Permit>,
    /// What came of calls to what is outside, by the id of the effect.
    outcomes: HashMap<String, Outcome>,
}

impl LiveReads {
    /// Whether what it learnt was learnt for this version of the object, and not long ago; where nothing was learnt
    /// yet, what comes is for this version.
    pub fn fits(&mut self, version: Option<Version>) -> bool {
        let Some(since) = self.since else {
            self.version = version;
            return true;
        };
        self.version == version && since.elapsed() <= DECISION_LIMIT
    }

    /// Notes that something was learnt from outside the caches.
    pub fn learns(&mut self) {
        self.since.get_or_insert_with(Instant::now);
    }

    /// Notes what came of a call to what is outside.
    pub fn keep(&mut self, effect: String, outcome: Outcome) {
        self.learns();
        self.outcomes.insert(effect, outcome);
    }

    /// What came of an effect, where it was tried in this reconcile.
    pub fn outcome(&self, effect: &str) -> Option<&Outcome> {
        self.outcomes.get(effect)
    }

    /// Notes a live read.
    pub fn note(&mut self, kind: Kind, name: &str, version: Version, at: Time) {
        self.learns();
        self.reads.insert((kind, name.to_owned()), (version, at));
    }

    /// The version of the live read of this name in this reconcile, where there was one.
    pub fn read(&self, kind: Kind, name: &str) -> Option<Version> {
        self.read_at(kind, name).map(|(version, _)| version)
    }

    /// The same, and when it was.
    pub fn read_at(&self, kind: Kind, name: &str) -> Option<(Version, Time)> {
        if self.reads.is_empty() {
            return None;
        }
        self.reads.get(&(kind, name.to_owned())).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_read_for_another_version_or_long_ago_counts_for_nothing() {
        let mut live = LiveReads::default();
        assert!(live.fits(Some(Version(1))), "it has learnt nothing yet");
        live.note(Kind::Wallet, "alice", Version(7), Time::from_millis(0));
        assert!(live.fits(Some(Version(1))) && !live.fits(Some(Version(2))));
        let frozen = DECISION_LIMIT + Duration::from_secs(1);
        live.since = live.since.and_then(|since| since.checked_sub(frozen));
        assert!(live.since.is_some() && !live.fits(Some(Version(1))));
    }
}
