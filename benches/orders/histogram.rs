//! Histograms of etcd and of the API server, as both show them in their metrics: what lies between two readings.

use std::collections::BTreeMap;

use serde::Serialize;

/// One histogram at one moment, in seconds.
#[derive(Clone, Default)]
pub struct Histogram {
    sum: f64,
    count: f64,
    /// Upper bounds and how many lie at or below each; the bound without an end is infinite.
    buckets: Vec<(f64, f64)>,
}

/// Histograms by name.
pub type Histograms = BTreeMap<String, Histogram>;

/// Whose time it was: how long something took inside etcd or the API server, in milliseconds.
#[derive(Clone, Serialize)]
pub struct Owner {
    pub name: String,
    pub count: u64,
    pub mean: f64,
    pub p50: f64,
    pub p99: f64,
}

impl Owner {
    pub fn print(&self) {
        let Self { name, count, mean, p50, p99 } = self;
        println!("  {name:<24} mean {mean:>6.1}, p50 {p50:>6.1}, p99 {p99:>6.1}   {count} times");
    }
}

/// The value of a label in a line of metrics.
pub fn label<'a>(line: &'a str, name: &str) -> Option<&'a str> {
    line.split(&format!("{name}=\"")).nth(1).and_then(|rest| rest.split('"').next())
}

/// Reads every histogram called `metric`; those to which `name` gives the same name are summed.
pub fn read(metrics: &str, metric: &str, name: impl Fn(&str) -> Option<String>) -> Histograms {
    let mut found = Histograms::new();
    for line in metrics.lines().filter_map(|line| line.strip_prefix(metric)) {
        let (Some(name), Some((labels, value))) = (name(line), line.rsplit_once(' ')) else { continue };
        let Ok(value) = value.parse::<f64>() else { continue };
        let histogram = found.entry(name).or_default();
        if labels.starts_with("_sum") {
            histogram.sum += value;
        } else if labels.starts_with("_count") {
            histogram.count += value;
        } else if labels.starts_with("_bucket") {
            let bound = label(labels, "le").map_or(f64::INFINITY, |text| text.parse().unwrap_or(f64::INFINITY));
            match histogram.buckets.iter_mut().find(|(known, _)| *known == bound) {
                Some((_, count)) => *count += value,
                None => histogram.buckets.push((bound, value)),
            }
        }
    }
    found.values_mut().for_each(|histogram| histogram.buckets.sort_by(|a, b| a.0.total_cmp(&b.0)));
    found
}

impl Histogram {
    fn since(&self, before: &Self) -> Self {
        let earlier = |bound: f64| before.buckets.iter().find(|(known, _)| *known == bound).map_or(0.0, |(_, n)| *n);
        let buckets = self.buckets.iter().map(|(bound, count)| (*bound, count - earlier(*bound))).collect();
        Self { sum: self.sum - before.sum, count: self.count - before.count, buckets }
    }

    /// In milliseconds, evenly spread within its bucket.
    fn quantile(&self, share: f64) -> f64 {
        let (wanted, mut low, mut below) = (self.count * share, 0.0, 0.0);
        for (bound, count) in &self.buckets {
            if *count >= wanted && bound.is_finite() {
                let inside = if *count > below { (wanted - below) / (count - below) } else { 1.0 };
                return (low + (bound - low) * inside) * 1_000.0;
            }
            (low, below) = if bound.is_finite() { (*bound, *count) } else { (low, below) };
        }
        low * 1_000.0
    }
}

/// What came between two readings, leaving out what did not happen.
pub fn between(before: &Histograms, after: &Histograms) -> Vec<Owner> {
    let nothing = Histogram::default();
    let owner = |(name, histogram): (&String, &Histogram)| {
        let between = histogram.since(before.get(name).unwrap_or(&nothing));
        (between.count > 0.0).then(|| Owner {
            name: name.clone(),
            count: between.count as u64,
            mean: between.sum / between.count * 1_000.0,
            p50: between.quantile(0.5),
            p99: between.quantile(0.99),
        })
    };
    after.iter().filter_map(owner).collect()
}
