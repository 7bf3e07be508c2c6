//! The controllers: one driver, and one short file a kind with what it observes.

mod controller;
pub mod delivery;
mod denial;
pub mod driver;
pub mod execute;
pub mod explain;
mod ledger;
pub mod notification;
mod observed;
pub mod order;
mod outside;
pub mod payment;
pub mod platform;
pub mod product;
pub mod run;
pub mod store;
pub mod ticket;
pub mod view;
pub mod wallet;

pub use controller::{Context, Controller};
pub use execute::Executor;
pub use outside::Outside;
pub use run::{Options, Running, start};

#[cfg(test)]
mod tests;
