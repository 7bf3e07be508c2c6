//! All talk with the API server, knowing no kind: watches, the caches they feed, work queues, and guarded writes.

pub mod cache;
pub mod calls;
pub mod client;
pub mod clock;
pub mod denials;
pub mod diff;
pub mod errors;
pub mod events;
pub mod history;
pub mod members;
pub mod queue;
pub mod rights;
pub mod server;
pub mod stream;
pub mod unknown;
pub mod unreadable;
pub mod watch;
pub mod watched;

pub use cache::{Cache, Seen};
pub use calls::Calls;
pub use clock::Clock;
pub use errors::{Class, Error, Refusal};
pub use watched::{EVERY, Key, Watched, transform};

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Locks; a panic elsewhere while the lock was held does not spread, since no critical section leaves a half-made state.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
