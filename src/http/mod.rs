//! HTTP: the operator's own listener.

pub mod live;
pub mod ops;
