//! A block: raw, operator, operator, raw on one fresh control plane, then half load, then the naive twin. It is void where
//! the two raw readings differ by more than a tenth: then the machine was not the same throughout.

use serde::Serialize;

use crate::bench::Bench;
use crate::phase::Phase;
use crate::plane::Plane;
use crate::raw::{self, Rates};
use crate::settings::{Layout, Settings};
use crate::shop::{Flow, Pace};
use crate::stats::{interval, median};

/// By how much two raw readings may differ.
const TOLERANCE: f64 = 0.1;

/// What came of a block.
#[derive(Serialize)]
pub struct Block {
    pub layout: Layout,
    pub readings: Vec<Rates>,
    pub uniform: Vec<Phase>,
    pub half: Phase,
    pub naive: Vec<Phase>,
    /// The mean of both readings.
    pub raw: Rates,
}

impl Block {
    pub async fn measure(plane: &Plane, settings: &Settings, layout: Layout) -> Self {
        let size = &settings.size;
        let (mut readings, mut uniform) = (Vec::new(), Vec::new());
        for step in ["raw", "operator", "operator", "raw"] {
            if step == "raw" {
                crate::say(&format!("raw rates of the API server ({} s)", size.raw.as_secs() * raw::VERBS as u64));
                readings.push(raw::measure(plane, &format!("raw-{}", readings.len()), size.raw).await);
            } else {
                crate::say(&format!("uniform: {} orders as fast as it goes", size.orders));
                let bench = Bench::open(plane, "uniform", 50, size.orders, Flow::Warehouse).await;
                uniform.push(bench.run(size.orders, Pace::Flood).await.0);
                bench.agent.stop();
            }
        }
        let rate = median(&uniform.iter().map(|phase| phase.orders_per_second).collect::<Vec<_>>()) / 2.0;
        crate::say(&format!("half: {} orders at {rate:.1}/s ({:.0} s)", size.half, size.half as f64 / rate));
        let bench = Bench::open(plane, "half", 50, size.half, Flow::Warehouse).await;
        let half = bench.run(size.half, Pace::Rate(rate)).await.0;
        bench.agent.stop();
        let raw = raw::mean(&readings);
        Self { layout, readings, uniform, half, naive: naive(plane, size.naive).await, raw }
    }

    /// By how much the time differs that this block's writes take at either raw reading.
    pub fn difference(&self) -> f64 {
        let seconds: Vec<f64> =
            self.readings.iter().map(|reading| self.uniform[0].seconds_at_raw_rates(reading)).collect();
        (seconds[0] - seconds[1]).abs() / (seconds[0] + seconds[1]) * 2.0
    }

    pub fn is_void(&self) -> bool {
        self.difference() > TOLERANCE
    }

    pub fn print(&self) {
        println!("raw rates, writes/s, before and after, layout {:?}:", self.layout);
        for (name, rate) in &self.readings[0] {
            println!("  {name:<24} {rate:>7.0} {:>7.0}", self.readings[1][name]);
        }
        let verdict = if self.is_void() {
            "VOID: the machine was not the same throughout; do not rely on η and run it again"
        } else {
            "they agree"
        };
        println!("  for this block's writes they differ by {:.1} %: {verdict}", self.difference() * 100.0);
        self.uniform.iter().chain([&self.half]).chain(&self.naive).for_each(|phase| phase.print(&self.raw));
        self.half.latency.print("create → final row at half rate", "goal p99 ≤ 200");
        for naive in &self.naive {
            let uniform = |of: fn(&Phase) -> f64| median(&self.uniform.iter().map(of).collect::<Vec<_>>());
            println!(
                "against {}: {:.2} × its orders/s (goal ≥ 2), {:.2} × its writes (goal ≤ 0.33), {:.2} × its CPU of the API server",
                naive.name,
                uniform(|phase| phase.orders_per_second) / naive.orders_per_second,
                uniform(|phase| phase.writes_per_order) / naive.writes_per_order,
                uniform(|phase| phase.api_server_cpu_ms_per_order) / naive.api_server_cpu_ms_per_order
            );
        }
    }
}

/// The naive twin, first with the admission policies that the operator brings, then without them, as a team would have it.
async fn naive(plane: &Plane, orders: usize) -> Vec<Phase> {
    let kubectl = format!("{}/kubectl --kubeconfig {}", plane.bin.display(), plane.admin.display());
    let mut phases = Vec::new();
    for name in ["naive", "naive without policies"] {
        crate::say(&format!("{name}: {orders} orders as fast as it goes"));
        if name != "naive" {
            crate::plane::sh(&format!("{kubectl} delete -f crds/admission.yaml -f crds/rights.yaml >/dev/null"));
        }
        let bench = Bench::naive(plane, name, orders, Flow::Warehouse).await;
        phases.push(bench.run(orders, Pace::Flood).await.0);
        bench.agent.stop();
    }
    crate::plane::sh(&format!("{kubectl} apply --server-side --force-conflicts -f crds/ >/dev/null"));
    phases
}

/// One figure of a block.
type Figure = (&'static str, fn(&Block) -> Vec<f64>);

const FIGURES: [Figure; 13] = [
    ("orders/s", |block| block.uniform.iter().map(|phase| phase.orders_per_second).collect()),
    ("η", |block| block.uniform.iter().map(|phase| phase.eta(&block.raw)).collect()),
    ("economy", |block| block.uniform.iter().map(|phase| phase.economy(&block.raw)).collect()),
    ("writes/order at saturation", |block| block.uniform.iter().map(|phase| phase.writes_per_order).collect()),
    ("writes/order at half load", |block| vec![block.half.writes_per_order]),
    ("API server CPU, ms/order", |block| block.uniform.iter().map(|phase| phase.api_server_cpu_ms_per_order).collect()),
    ("etcd CPU, ms/order", |block| block.uniform.iter().map(|phase| phase.etcd_cpu_ms_per_order).collect()),
    ("operator CPU, ms/order", |block| block.uniform.iter().map(|phase| phase.operator_cpu_ms_per_order).collect()),
    ("p50 at half load, ms", |block| vec![block.half.latency.p50]),
    ("p99 at half load, ms", |block| vec![block.half.latency.p99]),
    ("orders/s, × naive", |block| ratio(block, |phase| phase.orders_per_second)),
    ("writes/order, × naive", |block| ratio(block, |phase| phase.writes_per_order)),
    ("API server CPU, × naive", |block| ratio(block, |phase| phase.api_server_cpu_ms_per_order)),
];

fn ratio(block: &Block, of: fn(&Phase) -> f64) -> Vec<f64> {
    block.naive.first().map_or_else(Vec::new, |naive| block.uniform.iter().map(|phase| of(phase) / of(naive)).collect())
}

/// Medians and intervals over the blocks of a layout that are not void; a block counts with the mean of its own runs.
pub fn summarize(blocks: &[Block], layout: Layout, seed: u64) -> Vec<(&'static str, f64, (f64, f64))> {
    let valid: Vec<&Block> = blocks.iter().filter(|block| block.layout == layout && !block.is_void()).collect();
    let figure = |(name, of): &Figure| {
        let mean = |values: Vec<f64>| values.iter().sum::<f64>() / values.len() as f64;
        let values: Vec<f64> = valid.iter().map(|block| mean(of(block))).collect();
        (*name, median(&values), interval(&values, seed))
    };
    FIGURES.iter().map(figure).collect()
}
