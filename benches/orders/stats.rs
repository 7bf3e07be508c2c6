//! Medians, quantiles, and how sure one may be of a median of few values.

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

/// How often the values are drawn anew for an interval.
const DRAWS: usize = 10_000;

/// The value below which this share of all lies.
pub fn quantile(values: &[f64], share: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    match sorted.len() {
        0 => f64::NAN,
        count => sorted[((count as f64 * share).ceil() as usize).clamp(1, count) - 1],
    }
}

/// The middle value; of an even number the mean of the two in the middle.
pub fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    match sorted.len() {
        0 => f64::NAN,
        count if count % 2 == 1 => sorted[count / 2],
        count => (sorted[count / 2 - 1] + sorted[count / 2]) / 2.0,
    }
}

/// The 95 % interval of the median, by bootstrap.
pub fn interval(values: &[f64], seed: u64) -> (f64, f64) {
    if values.is_empty() {
        return (f64::NAN, f64::NAN);
    }
    let mut random = StdRng::seed_from_u64(seed);
    let draw = |random: &mut StdRng| {
        let drawn: Vec<f64> = values.iter().map(|_| values[random.random_range(0..values.len())]).collect();
        median(&drawn)
    };
    let medians: Vec<f64> = (0..DRAWS).map(|_| draw(&mut random)).collect();
    (quantile(&medians, 0.025), quantile(&medians, 0.975))
}
