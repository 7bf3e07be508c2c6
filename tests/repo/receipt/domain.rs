//! Receipt: what a customer has bought, for their books.
//!
//! ```text
//!  made ──→ Issued
//! ```

pub(super) mod types;

pub use types::{Observed, Status};

use super::{Case, Plan, Report};

/// What to do about a Receipt.
pub fn decide(case: &Case<Observed>) -> Plan<Status> {
    let report = Report::Ready { ready: true, reason: "Issued", message: String::new() };
    case.write(case.says(case.seen.status.clone(), report))
}
