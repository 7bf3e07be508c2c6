//! The decisions of the product, pure: no client, no runtime, no clock, no logging.
//!
//! Each kind has one file that decides: a total function `decide(&Case) -> Plan`, where the case is what was observed, the
//! time and the settings. Beside it `types.rs` has its `Status` (what a decision may write), its `Observed` (what it may look
//! at) and what others create or ask of it. Types use types alone, so that a plan can name those of every kind. The same
//! input gives the same plan, so a decision taken twice, late, or by two processes is the same decision; what makes a *stale*
//! one harmless is written beside it.

pub mod case;
pub mod child;
pub mod conditions;
pub mod delivery;
pub mod denial;
pub mod effect;
pub mod fields;
pub mod ids;
pub mod kind;
pub mod ledger;
pub mod meta;
pub mod money;
pub mod notification;
pub mod order;
pub mod payment;
pub mod plan;
pub mod platform;
pub mod product;
pub mod provider;
pub mod retry;
pub mod store;
pub mod ticket;
pub mod time;
pub mod view;
pub mod wallet;

pub use case::Case;
pub use conditions::{Condition, Report};
pub use effect::Effect;
pub use kind::Kind;
pub use meta::{Generation, Gone, Lookup, Meta, ObjectRef, OrderRef, OwnerState, Target, Version};
pub use money::Money;
pub use plan::{Fact, Intent, Plan, Policy};
pub use time::{Span, Time};
