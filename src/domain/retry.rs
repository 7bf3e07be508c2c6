//! How long to wait after something outside the cluster has failed: short at first, so that a restart is hardly noticed,
//! long later, so that one that stays away costs about a dozen attempts an hour.

use std::time::Duration;

/// The first pause; each further one is three times as long.
const FROM: Duration = Duration::from_secs(1);
/// The longest pause.
pub const LONGEST: Duration = Duration::from_secs(300);

/// The pause after the `attempts`-th failure in a row.
pub fn pause(attempts: i64) -> Duration {
    let doublings = u32::try_from(attempts.saturating_sub(1).clamp(0, 12)).unwrap_or(12);
    FROM.saturating_mul(3u32.saturating_pow(doublings)).min(LONGEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_that_is_away_for_an_hour_costs_few_attempts() {
        let mut elapsed = Duration::ZERO;
        let attempts = (1..).take_while(|n| {
            elapsed += pause(*n);
            elapsed < Duration::from_secs(3_600)
        });
        assert_eq!(attempts.count(), 16);
        assert_eq!(pause(1), FROM);
        assert_eq!(pause(i64::MAX), LONGEST);
    }
}
