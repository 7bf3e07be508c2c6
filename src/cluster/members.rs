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
use std::time::Instant;

pub use lease::Ground;
use roster::Roster;
pub use roster::{DEAD, FROZEN, JOIN, RENEW, SETTLE, SILENT, STUCK, Standing};

use super::lock;

/// This process, and who else works beside it.
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
