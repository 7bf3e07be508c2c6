//! All talk with the API server: one watch a kind, the caches it feeds, the work queues it wakes, and guarded writes.

pub mod breaker;
pub mod cache;
pub mod client;
pub mod clock;
pub mod denials;
pub mod diff;
pub mod errors;
pub mod events;
pub mod execute;
pub mod fill;
pub mod guard;
pub mod history;
pub mod members;
pub mod outside;
pub mod queue;
pub mod slots;
pub mod source;
pub mod stream;
pub mod watch;
pub mod world;

pub use cache::{Cache, Key, Seen, Source};
pub use clock::Clock;
pub use errors::{Class, Error};
pub use execute::Executor;
pub use history::Worlds;
pub use world::{Pass, World};

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Locks; a panic elsewhere while the lock was held does not spread, since no critical section leaves a half-made state.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
