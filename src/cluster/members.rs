//! Which processes work side by side: each has a Lease and sees those of the others.
//!
//! Invariants:
//! - Whoever says that it is alone has had a Lease that others can see for [`PROBATION`], and sees nobody else's: of two that
//!   join in one moment each knows of the other by then.
//! - A newcomer keeps still for [`JOIN`]: by then whoever was alone knows of it, and what it had begun alone is over.
//! - Who may be taken for dead keeps still before that: [`SILENT`] and the longest call to an endpoint are less than [`DEAD`].
//! - A process that was frozen knows nothing until it has listed again.
//! - Alone, nothing is renewed: a quiet system writes nothing.
//!
//! Who works on what follows from it: `share.rs`.
//!
//! Processes count as side by side where they share a piece of work, given as words; what the words mean is nobody's matter
//! here. One that watches all namespaces has its Lease in its own namespace, and in that of each process that watches one.

mod lease;
mod roster;
pub mod share;

use std::sync::{Arc, Mutex};
use std::time::Instant;

use tokio::sync::watch;

pub use lease::Ground;
use roster::Roster;
pub use roster::{DEAD, FROZEN, JOIN, Other, PROBATION, RENEW, SILENT, STUCK, Standing};
pub use share::{Left, View};

use super::lock;

/// This process, and who else works beside it.
pub struct Members {
    roster: Mutex<Roster>,
    /// Those among whom work is shared.
    view: watch::Sender<Arc<View>>,
    /// Whether it is shared at all.
    shares: bool,
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
        let view = watch::Sender::new(Arc::new(View { me: id.clone(), others: Vec::new() }));
        Self { roster: Mutex::new(Roster::new(id, pod, works, Instant::now())), view, shares: true }
    }

    /// The same, working on everything whoever else there is, where `shares` is not set.
    pub fn sharing(self, shares: bool) -> Self {
        Self { shares, ..self }
    }

    /// This process works from now on, and has its share.
    pub fn begin(&self) {
        lock(&self.roster).begin();
    }

    /// This process cannot work for now; its share falls to the others.
    pub fn pause(&self) {
        lock(&self.roster).pause();
    }

    /// Those among whom work is shared; before anybody else is seen, this process alone.
    pub fn view(&self) -> Arc<View> {
        self.view.borrow().clone()
    }

    /// The same, and every change of it.
    pub fn views(&self) -> watch::Receiver<Arc<View>> {
        self.view.subscribe()
    }

    /// Tells those that share the work, where they are others than before.
    fn tell(&self) {
        if self.shares {
            self.set_others(lock(&self.roster).others(Instant::now()));
        }
    }

    /// Shares the work with these from now on.
    pub(crate) fn set_others(&self, others: Vec<Other>) {
        self.view.send_if_modified(|view| {
            let news = view.others != others;
            if news {
                *view = Arc::new(View { me: view.me.clone(), others });
            }
            news
        });
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
