//! The breaker of an endpoint, read from the messages that wait for it.

use super::super::conditions::{self, Condition, Truth};
use super::super::{Generation, Time, retry};

/// So many failed attempts among the messages that wait for an endpoint open its breaker.
pub const TRIP: i64 = 5;
/// The condition of Store and OrderPlatform that shows the breaker of their endpoint.
pub const REACHABLE: &str = "EndpointReachable";

/// The breaker of one endpoint, as the Notifications that wait for it tell. What failed before the last success does not
/// count, and one message counts twice at the most: a message that a healthy endpoint refuses stops no other.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Circuit {
    /// Failures since the last success.
    pub failures: i64,
    /// At how many moments, a second apart: what fails together says no more than one of it.
    pub rounds: i64,
    /// When the last of them was.
    pub last: Option<Time>,
}

/// What fails within so long fails together.
const ROUND: std::time::Duration = std::time::Duration::from_secs(1);
/// How often one message counts.
const COUNTS: i64 = 2;

impl Circuit {
    /// The breaker of an endpoint with these messages waiting (attempts, time of the last) that last answered at `well`.
    pub fn of(waiting: impl IntoIterator<Item = (i64, Option<Time>)>, well: Option<Time>) -> Self {
        let failed = waiting.into_iter().filter_map(|(attempts, tried_at)| Some((tried_at?, attempts)));
        let mut failed: Vec<(Time, i64)> = failed.filter(|(last, _)| well.is_none_or(|well| well < *last)).collect();
        failed.sort_unstable();
        let (mut circuit, mut round) = (Self::default(), None::<Time>);
        for (last, attempts) in failed {
            circuit.failures = circuit.failures.saturating_add(attempts.min(COUNTS));
            circuit.last = Some(last);
            if round.is_none_or(|began| last.since(began) >= ROUND) {
                (circuit.rounds, round) = (circuit.rounds.saturating_add(1), Some(last));
            }
        }
        circuit
    }

    /// When the next probe is let through, where the breaker is open.
    pub fn probe_at(&self) -> Option<Time> {
        let last = self.last.filter(|_| self.is_open())?;
        Some(last.after(retry::pause((self.failures - TRIP + 1).min(self.rounds))))
    }

    /// Whether only a probe is let through.
    pub fn is_open(&self) -> bool {
        self.failures >= TRIP
    }

    /// The condition that shows it.
    pub fn condition(&self, old: &[Condition], generation: Generation, now: Time) -> Condition {
        let status = if self.is_open() { Truth::False } else { Truth::True };
        let (reason, message) = match self.is_open() {
            true => ("CircuitOpen", "Attempts have stopped; a probe is let through now and then."),
            false => ("CircuitClosed", ""),
        };
        conditions::extra(old, REACHABLE, status, reason, message, generation, now)
    }
}
