//! Money: whole minor units of one currency. Nothing here rounds, and nothing wraps.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The largest amount any field takes: 2^53 is where programs that read JSON numbers as floats begin to lose units.
pub const MAX_AMOUNT: i64 = 9_000_000_000_000_000;

/// An amount of money.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Money {
    /// How much, in the currency's minor unit: cents for EUR, won for KRW, which has no smaller one.
    #[schemars(range(min = 0, max = 9_000_000_000_000_000i64))]
    pub amount: i64,
    /// The currency's ISO 4217 code, such as KRW.
    #[schemars(length(min = 3, max = 3), regex(pattern = r"^[A-Z]{3}$"))]
    pub currency: String,
}

impl Money {
    /// `amount` minor units of `currency`.
    pub fn new(amount: i64, currency: impl Into<String>) -> Self {
        Self { amount, currency: currency.into() }
    }

    /// In words: money, and points where there are any.
    pub fn and_points(&self, points: i64) -> String {
        let points = if points > 0 { format!(" and {points} points") } else { String::new() };
        format!("{} {}{points}", self.amount, self.currency)
    }
}

/// Σ price × quantity, or nothing where it exceeds [`MAX_AMOUNT`].
pub fn total(lines: impl IntoIterator<Item = (i64, i64)>) -> Option<i64> {
    lines
        .into_iter()
        .try_fold(0i64, |sum, (price, quantity)| sum.checked_add(price.checked_mul(quantity)?))
        .filter(|sum| (0..=MAX_AMOUNT).contains(sum))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_add_up_and_never_wrap() {
        assert_eq!(total([(1_000, 10), (250, 4)]), Some(11_000));
        assert_eq!(total([]), Some(0));
        assert_eq!(total([(MAX_AMOUNT, 1)]), Some(MAX_AMOUNT));
        assert_eq!(total([(MAX_AMOUNT, 1), (1, 1)]), None);
        assert_eq!(total([(i64::MAX, 2)]), None);
    }
}
