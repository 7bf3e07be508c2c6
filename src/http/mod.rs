//! HTTP: the operator's own listener, and the stand-in for a payment provider.

pub mod fake_provider;
pub mod live;
pub mod ops;
