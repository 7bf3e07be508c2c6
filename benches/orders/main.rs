//! `make bench`: how many orders an API server carries with this operator, and how that compares with what the same
//! API server can do at all.
//!
//! On one control plane (etcd with fsync, fairness on, a service account with the operator's rights):
//! 1. a *block* (`block.rs`): *raw*, where a minimal client with the operator's number of watches writes these very kinds as
//!    fast as it goes; *uniform*, twice, where orders are created and delivered by scripted actors as fast as it goes; *raw*
//!    again. Then *half*: at half of what uniform reached, the time from create to the row that shows the end, and beside
//!    it how long etcd and the API server took. Then the *naive* twin (`benches/naive/`), as fast as it goes;
//! 2. *hot*: everybody wants one product and pays from one wallet; *kitchen*, *cancelled* and *told*: orders that are
//!    accepted and cooked, that are cancelled once paid, whose customers are told of everything;
//! 3. *quiet*: what is written when nothing happens; 4. *live*: memory of an operator that holds many orders under way.
//!
//! `BLOCKS=5` runs five blocks on a fresh control plane each, free and pinned, and prints medians with their intervals.
//! `TRACE=1` shows an order at half load hop by hop. `LONG=1` is half an hour at nine tenths of the limit. `QUICK=1` is
//! smaller; `BEFORE=COMMIT` holds this commit against an earlier one; `--phase replicas` shows what 1, 2 and 4 replicas carry at a
//! quarter core each (`MILLICORES=250`); `--raw` stops after the first raw reading, `--phase cancelled` runs one phase alone, `LAYOUT=pinned` and
//! `SEED=1` are what they say.
//!
//! η = orders/s × the time that the same writes (the operator's and the actors') take at the raw rates: 1 is the limit.

mod actors;
mod agent;
mod before;
mod bench;
mod block;
mod histogram;
mod long;
mod meters;
mod phase;
#[path = "../../tests/support/plane.rs"]
mod plane;
mod raw;
mod replicas;
mod report;
mod say;
mod scale;
mod settings;
mod shop;
mod stats;
mod trace;

use std::sync::Arc;
use std::time::Instant;

use bench::Bench;
use block::Block;
use plane::Plane;
use report::{Quiet, Report};
use say::say;
use settings::{Layout, Settings};
use shop::{Flow, Pace};

/// Every phase that can be run alone: how many products and wallets it spreads over, and what becomes of its orders.
const PHASES: [(&str, usize, Flow); 5] = [
    ("uniform", 50, Flow::Warehouse),
    ("hot", 1, Flow::Warehouse),
    ("kitchen", 50, Flow::Kitchen),
    ("cancelled", 50, Flow::Cancelled),
    ("told", 50, Flow::Told),
];

/// The same of the naive twin; the first of them is part of every block.
const NAIVE: [(&str, Flow); 3] =
    [("naive", Flow::Warehouse), ("naive-kitchen", Flow::Kitchen), ("naive-cancelled", Flow::Cancelled)];

fn main() {
    let settings = Settings::read();
    // The clients share the machine with what they measure: one thread is enough for them.
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime");
    let holds = runtime.block_on(run(&settings));
    if !holds {
        std::process::exit(1);
    }
}

/// A fresh control plane, with etcd as it is in earnest.
fn fresh(layout: Layout) -> Plane {
    say(&format!("starting a fresh control plane (etcd with fsync), layout {layout:?}"));
    down();
    Plane::up("bench", &format!("CLUSTER_FSYNC=1 {}", layout.take()))
}

fn down() {
    plane::sh("tools/cluster down bench");
}

/// Measures what is asked for; says whether the goals hold that do not depend on the machine's speed.
async fn run(settings: &Settings) -> bool {
    let (mut report, first) = (Report::new(settings), settings.layouts[0]);
    if settings.raw_only {
        raw::measure(&fresh(first), "raw-0", settings.size.raw).await;
        down();
        return true;
    }
    if settings.phase.as_deref() == Some("replicas") {
        report.replicas = replicas::measure(&fresh(first), settings).await;
    } else if settings.phase.as_deref() == Some("live") {
        live(&mut report, &fresh(first), settings).await;
    } else if let Some(name) = &settings.phase {
        alone(&mut report, &fresh(first), settings, name).await;
    } else if let Some(commit) = &settings.before {
        report.turns = before::measure(settings, commit, fresh).await;
    } else if settings.trace {
        traced(&mut report, &fresh(first), settings).await;
    } else if settings.long {
        report.long = Some(long::run(&fresh(first), &settings.size).await);
    } else if settings.blocks > 1 {
        blocks(&mut report, settings).await;
    } else {
        let plane = fresh(first);
        report.blocks.push(Block::measure(&plane, settings, first).await);
        for (name, ..) in &PHASES[1..] {
            alone(&mut report, &plane, settings, name).await;
        }
        quiet(&mut report, &plane, settings).await;
        live(&mut report, &plane, settings).await;
    }
    down();
    report.print();
    println!("written to {}", report.save());
    report.holds()
}

/// Blocks until as many of each layout are valid as are wanted, or twice as many were tried.
async fn blocks(report: &mut Report, settings: &Settings) {
    for layout in &settings.layouts {
        let (mut valid, mut tried) = (0, 0);
        while valid < settings.blocks && tried < settings.blocks * 2 {
            tried += 1;
            say(&format!("block {tried}, {valid} of {} are valid so far, layout {layout:?}", settings.blocks));
            let block = Block::measure(&fresh(*layout), settings, *layout).await;
            say(&format!("the raw readings differ by {:.1} %", block.difference() * 100.0));
            valid += usize::from(!block.is_void());
            report.blocks.push(block);
            // An hour of blocks is not lost with the last of them.
            report.save();
        }
    }
}

/// One phase as fast as it goes.
async fn alone(report: &mut Report, plane: &Plane, settings: &Settings, name: &str) {
    let size = &settings.size;
    if let Some((name, flow)) = NAIVE.iter().find(|(known, _)| *known == name) {
        say(&format!("{name}: {} orders as fast as it goes", size.naive));
        let bench = Bench::naive(plane, name, size.naive, *flow).await;
        report.phases.push(bench.run(size.naive, Pace::Flood).await.0);
        return bench.agent.stop();
    }
    let known = PHASES.iter().find(|(known, ..)| *known == name);
    let (_, spread, flow) = known.unwrap_or_else(|| panic!("there is no phase {name}"));
    say(&format!("{name}: {} orders as fast as it goes", size.orders));
    let bench = Bench::open(plane, name, *spread, size.orders, *flow).await;
    report.phases.push(bench.run(size.orders, Pace::Flood).await.0);
    bench.agent.stop();
}

/// Uniform, to know the limit; then half of that, with each step of each order noted.
async fn traced(report: &mut Report, plane: &Plane, settings: &Settings) {
    alone(report, plane, settings, "uniform").await;
    let (rate, count) = (report.phases[0].orders_per_second / 2.0, settings.size.half);
    say(&format!("half, step by step: {count} orders at {rate:.1}/s ({:.0} s)", count as f64 / rate));
    let mut bench = Bench::open(plane, "half", 50, count, Flow::Warehouse).await;
    let trace = Arc::new(trace::Trace::default());
    bench.shop.trace = Some(trace.clone());
    let watches = trace.watch(&bench.shop.client, &bench.shop.namespace);
    let (phase, before, after) = bench.run(count, Pace::Rate(rate)).await;
    drop(watches);
    bench.agent.stop();
    phase.latency.print("create → final row at half rate, traced", "goal p99 ≤ 200");
    (report.hops, report.hops_of) = trace.hops(&after.resources(&before));
    report.phases.push(phase);
}

/// What is written while nothing happens.
async fn quiet(report: &mut Report, plane: &Plane, settings: &Settings) {
    let length = settings.size.quiet;
    let bench = Bench::open(plane, "quiet", 50, 100, Flow::Warehouse).await;
    bench.run(100, Pace::Flood).await;
    say(&format!("quiet: {} s", length.as_secs()));
    let (before, started) = (bench.read().await, Instant::now());
    tokio::time::sleep(length).await;
    let after = bench.read().await;
    report.quiet = Some(Quiet {
        seconds: started.elapsed().as_secs_f64(),
        calls: after.calls() - before.calls(),
        revisions: after.revision - before.revision,
        leases: after.lease_writes - before.lease_writes,
        cpu_seconds: after.agent_cpu - before.agent_cpu,
    });
    bench.agent.stop();
}

/// Resident memory of an operator that holds nothing, half of the orders under way, and all of them. What a live order costs
/// is what the second half adds: by then every connection and buffer is there.
async fn live(report: &mut Report, plane: &Plane, settings: &Settings) {
    let count = settings.size.live;
    say(&format!("live: memory with {count} orders under way"));
    let bench = Bench::open(plane, "live", 50, count, Flow::Warehouse).await;
    let mut memory = [bench.agent.memory_kib(), 0, 0];
    for (at, (from, orders)) in [(0, count / 2), (count / 2, count - count / 2)].into_iter().enumerate() {
        bench.shop.stand(from, orders).await;
        bench.agent.settle().await;
        memory[at + 1] = bench.agent.memory_kib();
    }
    bench.agent.stop();
    report.memory_kib = memory;
    report.memory_per_live_order_kb = memory[2].saturating_sub(memory[1]) as f64 * 1.024 / (count - count / 2) as f64;
}
