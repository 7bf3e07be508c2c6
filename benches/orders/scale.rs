//! What one order costs, and what that means for many a second: the table of docs/performance.md.

use crate::block::Block;
use crate::phase::Phase;
use crate::stats::median;

/// Orders a second that the table is made for.
const RATES: [f64; 3] = [10.0, 100.0, 1_000.0];
/// How much of its cores a control plane should use at most, so that latencies stay what they are at half load.
const BUSY: f64 = 0.5;
/// What etcd's file should hold at most.
const ETCD_BYTES: f64 = 8.0 * 1_073_741_824.0;
/// How long the API server lets etcd keep old versions.
const COMPACTION_SECONDS: f64 = 300.0;

/// Prints the costs of one order as rows of a table in Markdown: writes and bytes at half load, where fewer share a write;
/// CPU at saturation, where what a control plane costs that does nothing is spread over most orders.
pub fn print(block: &Block, live_order_kb: f64) {
    println!("\nscale on paper, from the costs of an order:\n");
    println!("| orders/s | {} |", RATES.map(|rate| format!("{rate}")).join(" | "));
    println!("|---|{}", "---|".repeat(RATES.len()));
    let row = |name: &str, of: &dyn Fn(f64) -> String| println!("| {name} | {} |", RATES.map(of).join(" | "));
    let cost = |of: fn(&Phase) -> f64| median(&block.uniform.iter().map(of).collect::<Vec<_>>());
    let cores = |ms: f64| move |rate: f64| format!("{:.1}", rate * ms / 1_000.0 / BUSY);
    let half = &block.half;
    row("writes/s of the operator", &|rate| format!("{:.0}", rate * half.writes_per_order));
    row("cores for the API server, half of them busy", &cores(cost(|phase| phase.api_server_cpu_ms_per_order)));
    row("cores for etcd, likewise", &cores(cost(|phase| phase.etcd_cpu_ms_per_order)));
    row("cores for the operator, likewise", &cores(cost(|phase| phase.operator_cpu_ms_per_order)));
    let (churn, stands) = (half.etcd_bytes_per_order, half.object_bytes_per_order);
    row("GB in etcd of versions not yet compacted", &|rate| format!("{:.2}", rate * COMPACTION_SECONDS * churn / 1e9));
    row("GB in etcd for each hour that ended orders stay", &|rate| format!("{:.2}", rate * 3_600.0 * stands / 1e9));
    row("hours that ended orders may stay in half of 8 GiB", &|rate| {
        format!("{:.1}", ETCD_BYTES / 2.0 / (rate * stands) / 3_600.0)
    });
    row("MB of the operator for an hour of orders under way", &|rate| {
        format!("{:.0}", rate * 3_600.0 * live_order_kb / 1e3)
    });
}
