//! Which processes work side by side: each has a Lease and sees those of the others.
//!
//! Invariants:
//! - Whoever says that it is alone has had a Lease that others can see for [`SETTLE`], and sees nobody else's: of two that
//!   join in one moment each knows of the other by then.
//! - A newcomer keeps still for [`JOIN`]: by then whoever was alone knows of it, and what it had begun alone is over.
//! - Who may be taken for dead keeps still before that: [`SILENT`] and the longest call to an endpoint are less than [`DEAD`].
//! - A process that was frozen knows nothing until it has listed again.
//! - Alone, nothing is renewed: a quiet system writes nothing.
//!
//! Processes count as side by side where they share a piece of work, given as words; what the words mean is nobody's matter
//! here. One that watches all namespaces has its Lease in its own namespace, and in that of each process that watches one.

mod lease;
mod roster;

use std::sync::Mutex;
use std::time::{Duration, Instant};

pub use lease::Ground;
use roster::Roster;

use super::lock;

/// A newcomer keeps still for so long: longer than a call to an endpoint and the delay of a watch.
pub const JOIN: Duration = Duration::from_secs(7);
/// Alone is who sees nobody for so long after its own Lease was made: longer than the delay of a watch.
pub const SETTLE: Duration = Duration::from_secs(3);
/// Among others, a Lease is renewed so often.
pub const RENEW: Duration = Duration::from_secs(5);
/// Who could not renew for so long keeps still.
pub const SILENT: Duration = Duration::from_secs(12);
/// A Lease that did not change for so long is that of a dead process.
pub const DEAD: Duration = Duration::from_secs(20);
/// A process that did not look at the time for so long was frozen.
pub const FROZEN: Duration = Duration::from_secs(3);
/// Where the API server does not let it know for so long, it works as one of several.
pub const STUCK: Duration = Duration::from_secs(15);

/// Who else does a piece of work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Nobody.
    Alone,
    /// Others, who know of this process.
    Several,
    /// That is not known yet; it keeps still.
    Unsure,
}

/// See the module's documentation.
pub struct Members {
    roster: Mutex<Roster>,
}

impl Default for Members {
    fn default() -> Self {
        Self::new(None, &[])
    }
}

impl Members {
    /// This process, before it has joined: what it works on, and the pod it runs in, where one process has a pod to itself.
    pub fn new(pod: Option<String>, works: &[&str]) -> Self {
        let id = format!("jumun-{:08x}{:04x}", rand::random::<u32>(), rand::random::<u16>());
        let works = works.iter().map(|work| (*work).to_owned()).collect();
        Self { roster: Mutex::new(Roster::new(id, pod, works, Instant::now())) }
    }

    /// The name of this process.
    pub fn id(&self) -> String {
        lock(&self.roster).id().to_owned()
    }

    /// Who else does this work.
    pub fn standing(&self, work: &str) -> Standing {
        lock(&self.roster).standing(work, Instant::now())
    }

    /// Whether this process does this work alone.
    pub fn alone(&self, work: &str) -> bool {
        self.standing(work) == Standing::Alone
    }

    /// Every process that does this work, this one included, in order.
    pub fn ids(&self, work: &str) -> Vec<String> {
        lock(&self.roster).ids(work)
    }
}
