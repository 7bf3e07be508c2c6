//! `make bench`: how many orders an API server carries with this operator, and how that compares with what the same
//! API server can do at all.
//!
//! On one control plane (etcd with fsync, fairness on, a service account with the operator's rights):
//! 1. *raw*: a minimal client with the operator's number of watches writes these very kinds as fast as it goes;
//! 2. *uniform* and *hot*: orders are created and delivered by scripted actors as fast as it goes, over many products
//!    and wallets, then over one;
//! 3. *half*: at half the uniform rate, the time from create to the row that shows the end;
//! 4. *live*: memory of an operator that holds many orders under way; 5. *quiet*: what is written when nothing happens.
//!
//! η = orders/s × the time that the same writes (the operator's and the actors') take at the raw rates: 1 is the limit.

mod actors;
mod meters;
#[path = "../../tests/support/plane.rs"]
mod plane;
mod raw;
mod report;

use std::time::{Duration, Instant};

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
    let quick = std::env::args().any(|argument| argument == "--quick") || std::env::var("QUICK").is_ok_and(|v| v == "1");
    let size = match quick {
        true => Size { raw: Duration::from_secs(2), orders: 300, half: 200, live: 400, quiet: Duration::from_secs(10) },
        false => Size { raw: Duration::from_secs(8), orders: 1_000, half: 1_000, live: 2_000, quiet: Duration::from_secs(120) },
    };
    // The clients share the machine with what they measure: one thread is enough for them.
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime");
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

    let operator = Operator::start(&plane, None).await;
    for (name, spread) in [("uniform", 50), ("hot", 1)] {
        say(&format!("{name}: {} orders as fast as it goes", size.orders));
        let shop = actors::Shop::open(&plane, name, spread, size.orders).await;
        operator.settle().await;
        let before = Meters::read(&plane, &operator).await;
        let done = shop.run(size.orders, None).await;
        operator.settle().await;
        report.phases.push(Phase::of(name, size.orders, &done, &before, &Meters::read(&plane, &operator).await));
    }
    let rate = report.phases[0].orders_per_second / 2.0;
    say(&format!("half: {} orders at {rate:.1}/s ({:.0} s)", size.half, size.half as f64 / rate));
    let shop = actors::Shop::open(&plane, "half", 50, size.half).await;
    operator.settle().await;
    let before = Meters::read(&plane, &operator).await;
    let done = shop.run(size.half, Some(rate)).await;
    operator.settle().await;
    report.latency = Latency::of(&done.latencies);
    report.phases.push(Phase::of("half", size.half, &done, &before, &Meters::read(&plane, &operator).await));

    say(&format!("quiet: {} s", size.quiet.as_secs()));
    let before = Meters::read(&plane, &operator).await;
    let started = Instant::now();
    tokio::time::sleep(size.quiet).await;
    let after = Meters::read(&plane, &operator).await;
    report.quiet_seconds = started.elapsed().as_secs_f64();
    report.quiet_calls = after.calls() - before.calls();
    report.quiet_revisions = after.revision - before.revision;
    report.quiet_cpu_seconds = after.operator_cpu - before.operator_cpu;
    operator.stop();

    say(&format!("live: memory with {} orders under way", size.live));
    let (empty, held) = actors::memory(&plane, size.live).await;
    report.empty_memory_kib = empty;
    report.memory_per_live_order_kb = (held.saturating_sub(empty)) as f64 * 1.024 / size.live as f64;

    report.print();
    println!("written to {}", report.save());
    plane::sh("tools/cluster down bench");
    if !report.holds() {
        std::process::exit(1);
    }
}
