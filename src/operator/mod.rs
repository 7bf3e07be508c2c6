//! The operator of platforms: makes the workloads of every OrderPlatform real, and says on it what is effective.
//!
//! It watches OrderPlatforms and what it builds from them, in all namespaces or in one, and never looks at an order. Any
//! number of processes may run at once: server-side apply of the same fields is idempotent, deletions and statuses name the
//! version that was seen, so there is no leader to elect.
//!
//! Invariants: an object is applied only where it lacks something that is wanted, so a quiet system writes nothing, and what
//! others edit or delete is put back at once; replicas belong to the autoscaler where there is one; nothing is taken over
//! that belongs to somebody else.

mod apply;
mod compare;
mod context;
mod discovery;
mod failure;
mod handover;
mod judge;
mod observe;
mod pods;
mod prune;
mod reconcile;
mod resources;
mod run;
mod status;
mod store;
mod watches;

pub use run::{Options, Running, start};
