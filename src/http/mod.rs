//! HTTP: the operator's own listener.

pub mod ops;
