//! HTTP: what a process serves for its pod, the place of the front door, and the stand-in for a payment provider.

pub mod fake_provider;
pub mod front;
pub mod live;
pub mod ops;
pub mod probes;
