//! What a process knows of our kinds: the caches of all of them, what is looked up in them, and what a change of one
//! enqueues. One file a kind says what its objects are found by, what is kept of them, and whom a change concerns.

pub mod access;
mod awake;
pub mod breaker;
pub mod caches;
mod delivery;
pub mod fill;
pub mod live_reads;
pub mod lookup;
pub mod mapping;
pub mod notification;
pub mod order;
pub mod payment;
mod platform;
mod product;
mod store;
mod ticket;
mod view;
mod wallet;
pub mod watches;
pub mod worlds;

pub use access::Access;
pub use caches::{Cached, World};
pub use live_reads::LiveReads;
pub use worlds::Worlds;
