//! `make bench`: how many orders an API server carries with this operator, and how that compares with what the same
//! API server can do at all.
//!
//! On one control plane (etcd with fsync, fairness on, a service account with the operator's rights):
//! 1. *raw*: a minimal client with the operator's number of watches writes these very kinds as fast as it goes;
//! 2. *uniform* and *hot*: orders are created and delivered by scripted actors as fast as it goes, over many products
//!    and wallets, then over one; *kitchen*, *cancelled* and *told* likewise: orders that are accepted and cooked, that are
//!    cancelled once paid, whose customers are told of everything;
//! 3. *half*: at half the uniform rate, the time from create to the row that shows the end;
//! 4. *live*: memory of an operator that holds many orders under way; 5. *quiet*: what is written when nothing happens.
//!
//! `--quick` is smaller; `--raw` stops after 1, `--phase cancelled` runs that phase of 2 alone.
//!
//! η = orders/s × the time that the same writes (the operator's and the actors') take at the raw rates: 1 is the limit.

mod actors;
mod meters;
#[path = "../../tests/support/plane.rs"]
mod plane;
mod raw;
mod report;

use std::time::{Duration, Instant};

use actors::Flow;
use meters::{Meters, Operator};
use plane::Plane;
use report::{Latency, Phase, Report};

/// How much of everything.
struct Size {
    raw: Duration,
    orders: usize,
    half: usize,
    live: usize,
    quiet: Duration,
}

fn main() {
    let quick =
        std::env::args().any(|argument| argument == "--quick") || std::env::var("QUICK").is_ok_and(|v| v == "1");
    let size = match quick {
        true => Size { raw: Duration::from_secs(2), orders: 300, half: 200, live: 400, quiet: Duration::from_secs(10) },
        false => Size {
            raw: Duration::from_secs(8),
            orders: 1_000,
            half: 1_000,
            live: 2_000,
            quiet: Duration::from_secs(120),
        },
    };
    // The clients share the machine with what they measure: one thread is enough for them.
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime");
    runtime.block_on(run(&size, quick));
}

fn say(text: &str) {
    eprintln!("bench: {text}");
}

async fn run(size: &Size, quick: bool) {
    say("starting a fresh control plane (etcd with fsync)");
    plane::sh("tools/cluster down bench");
    let plane = Plane::up("bench", "CLUSTER_FSYNC=1");
    let mut report = Report::new(quick);
    let raw_seconds = size.raw.as_secs() * raw::VERBS as u64;
    say(&format!("raw rates of the API server ({raw_seconds} s)"));
    report.raw = raw::measure(&plane, size.raw).await;
    if std::env::args().any(|argument| argument == "--raw") {
        plane::sh("tools/cluster down bench");
        return;
    }

    let phases = [
        ("uniform", 50, Flow::Warehouse),
        ("hot", 1, Flow::Warehouse),
        ("kitchen", 50, Flow::Kitchen),
        ("cancelled", 50, Flow::Cancelled),
        ("told", 50, Flow::Told),
    ];
    let only = std::env::args().skip_while(|argument| argument != "--phase").nth(1);
    for (name, spread, flow) in phases {
        if only.as_ref().is_some_and(|only| only != name) {
            continue;
        }
        say(&format!("{name}: {} orders as fast as it goes", size.orders));
        let bench = Bench::open(&plane, name, spread, size.orders, flow).await;
        report.phases.push(bench.run(size.orders, None).await.0);
        bench.operator.stop();
    }
    if only.is_some() {
        report.print_phases();
        plane::sh("tools/cluster down bench");
        return;
    }
    let rate = report.phases[0].orders_per_second / 2.0;
    say(&format!("half: {} orders at {rate:.1}/s ({:.0} s)", size.half, size.half as f64 / rate));
    let bench = Bench::open(&plane, "half", 50, size.half, Flow::Warehouse).await;
    let (phase, orders) = bench.run(size.half, Some(rate)).await;
    report.phases.push(phase);
    report.latency = Latency::of(&orders);

    say(&format!("quiet: {} s", size.quiet.as_secs()));
    let before = Meters::read(&plane, &bench.operator).await;
    let started = Instant::now();
    tokio::time::sleep(size.quiet).await;
    let after = Meters::read(&plane, &bench.operator).await;
    report.quiet_seconds = started.elapsed().as_secs_f64();
    report.quiet_calls = after.calls() - before.calls();
    report.quiet_revisions = after.revision - before.revision;
    report.quiet_leases = after.lease_writes - before.lease_writes;
    report.quiet_cpu_seconds = after.operator_cpu - before.operator_cpu;
    bench.operator.stop();

    say(&format!("live: memory with {} orders under way", size.live));
    let [empty, half, all] = actors::memory(&plane, size.live).await;
    report.memory_kib = [empty, half, all];
    report.memory_per_live_order_kb = all.saturating_sub(half) as f64 * 1.024 / (size.live - size.live / 2) as f64;

    report.print();
    println!("written to {}", report.save());
    plane::sh("tools/cluster down bench");
    if !report.holds() {
        std::process::exit(1);
    }
}

/// A shop in a namespace of its own, and an operator for it: what the raw phase has left elsewhere is not its business.
struct Bench<'a> {
    plane: &'a Plane,
    name: &'a str,
    shop: actors::Shop,
    operator: Operator,
}

impl<'a> Bench<'a> {
    async fn open(plane: &'a Plane, name: &'a str, spread: usize, orders: usize, flow: Flow) -> Self {
        let shop = actors::Shop::open(plane, name, spread, orders, flow).await;
        let operator = Operator::start(plane, &shop.namespace).await;
        operator.settle().await;
        Self { plane, name, shop, operator }
    }

    /// Runs orders to their end and waits until the operator has nothing left to do.
    async fn run(&self, orders: usize, rate: Option<f64>) -> (Phase, Vec<actors::Timed>) {
        let before = Meters::read(self.plane, &self.operator).await;
        let done = self.shop.run(orders, rate).await;
        self.operator.settle().await;
        let after = Meters::read(self.plane, &self.operator).await;
        (Phase::of(self.name, orders, &done, &before, &after), done.orders)
    }
}
