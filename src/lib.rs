//! Jumun: ordering on Kubernetes.
//!
//! Every controller is *gather → decide → act*: [`controllers`] gather what the caches of [`world`] hold, the pure
//! functions of [`domain`] decide, and one driver acts on the plan. ARCHITECTURE.md is the map.

pub mod cli;
pub mod cluster;
pub mod controllers;
pub mod crd;
pub mod domain;
pub mod http;
mod kinds;
pub mod operator;
pub mod outbound;
pub mod platform;
pub mod telemetry;
pub mod world;
