//! Calls to endpoints that are not ours: payment providers and the receivers of notices.
//!
//! What is sent and how an answer is read is pure (`charge`, `notice`); where a call may go is judged by `egress`; one
//! client (`client`) makes every call, bounded in time and in what it reads. Nothing an endpoint says leaves this layer
//! unless it is one of the contract's words.

pub mod bulkhead;
mod charge;
mod client;
mod connect;
pub mod egress;
pub mod notice;

pub use client::{DEFAULT_TIMEOUT, MAX_ANSWER, MAX_TIMEOUT, Outbound};
pub use notice::{Event, Undelivered};
