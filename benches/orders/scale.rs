//! What one order costs, and what that means for many a second: the table of docs/performance.md.

use crate::phase::Phase;

/// Orders a second that the table is made for.
const RATES: [f64; 3] = [10.0, 100.0, 1_000.0];
/// How much of its cores a control plane should use at most, so that latencies stay what they are at half load.
const BUSY: f64 = 0.5;
/// What etcd's file should hold at most.
const ETCD_BYTES: f64 = 8.0 * 1_073_741_824.0;
/// How long the API server lets etcd keep old versions.
const COMPACTION_SECONDS: f64 = 300.0;

/// Prints the costs of one order at half load as rows of a table in Markdown.
pub fn print(half: &Phase, live_order_kb: f64) {
    println!("\nscale on paper, from the costs of an order at half load:\n");
    println!("| orders/s | {} |", RATES.map(|rate| format!("{rate}")).join(" | "));
    println!("|---|{}", "---|".repeat(RATES.len()));
    let row = |name: &str, of: &dyn Fn(f64) -> String| println!("| {name} | {} |", RATES.map(of).join(" | "));
    let cores = |ms: f64| move |rate: f64| format!("{:.1}", rate * ms / 1_000.0 / BUSY);
    row("writes/s of the operator", &|rate| format!("{:.0}", rate * half.writes_per_order));
    row("cores for the API server, half of them busy", &cores(half.api_server_cpu_ms_per_order));
    row("cores for etcd, likewise", &cores(half.etcd_cpu_ms_per_order));
    row("cores for the operator, likewise", &cores(half.operator_cpu_ms_per_order));
    let churn = half.etcd_bytes_per_order.max(half.object_bytes_per_order);
    row("GB in etcd of versions not yet compacted", &|rate| format!("{:.2}", rate * COMPACTION_SECONDS * churn / 1e9));
    row("GB in etcd for a day of orders kept", &|rate| {
        format!("{:.1}", rate * 86_400.0 * half.object_bytes_per_order / 1e9)
    });
    row("hours of orders that fit half of 8 GiB", &|rate| {
        format!("{:.1}", ETCD_BYTES / 2.0 / (rate * half.object_bytes_per_order) / 3_600.0)
    });
    row("MB of the operator for an hour of orders under way", &|rate| {
        format!("{:.0}", rate * 3_600.0 * live_order_kb / 1e3)
    });
}
