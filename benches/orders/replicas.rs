//! What several replicas carry where each may use a part of a core only: one, two and four that share the work, then four of
//! which each does all of it.
//!
//! The limit is the kernel's (a control group with a CPU quota, as a container's `limits.cpu`), so it takes root on Linux. Beside
//! each rate stands how much of its part each replica used: where that is far from all of it, something else was the
//! bottleneck (the API server, or a machine that is busy), and the rates say nothing about replicas. On a machine of few cores
//! `MILLICORES=…` makes the parts so small that the API server keeps up with four of them.

use std::path::{Path, PathBuf};
use std::time::Instant;

use serde::Serialize;

use crate::agent::{Agent, wait};
use crate::meters::cpu_seconds;
use crate::plane::Plane;
use crate::settings::Settings;
use crate::shop::{Flow, Pace, Shop};

/// How many replicas, and whether they share the work.
const RUNS: [(usize, bool); 4] = [(1, true), (2, true), (4, true), (4, false)];
/// Products, and wallets.
const SPREAD: usize = 50;
/// The kernel counts a quota in parts of this, in microseconds.
const PERIOD: u64 = 100_000;

/// What came of one of them.
#[derive(Serialize)]
pub struct Replicas {
    pub replicas: usize,
    pub shared: bool,
    pub millicores: u64,
    pub orders: usize,
    pub orders_per_second: f64,
    pub writes_per_order: f64,
    /// Writes that somebody else was faster with.
    pub conflicts: u64,
    /// How much of its part of a core each used.
    pub busy: Vec<f64>,
    /// Which part of all writes each made.
    pub share: Vec<f64>,
}

/// Where a process may use so much of a core; the folder goes with it.
struct Limit {
    folder: PathBuf,
}

impl Limit {
    /// Limits a process. Version 2 of control groups, or version 1, whichever has the CPU here. Within its limit it comes
    /// before what else the machine does.
    fn of(pid: u32, millicores: u64) -> Self {
        let root = Path::new("/sys/fs/cgroup");
        let has_cpu =
            std::fs::read_to_string(root.join("cgroup.subtree_control")).is_ok_and(|text| text.contains("cpu"));
        let (quota, name) = (millicores * PERIOD / 1_000, format!("jumun-bench-{pid}"));
        let (folder, files) = match has_cpu {
            true => (root.join(name), [("cpu.max", format!("{quota} {PERIOD}")), ("cpu.weight", "1000".to_owned())]),
            false => {
                let files = [("cpu.cfs_quota_us", quota.to_string()), ("cpu.shares", "10240".to_owned())];
                (root.join("cpu").join(name), files)
            }
        };
        let write = |(file, text): (&str, String)| std::fs::write(folder.join(file), text);
        let limited = std::fs::create_dir(&folder)
            .and_then(|()| files.into_iter().chain([("cgroup.procs", pid.to_string())]).try_for_each(write));
        limited
            .unwrap_or_else(|error| panic!("{}: {error}; a CPU quota takes root and control groups", folder.display()));
        Self { folder }
    }
}

impl Drop for Limit {
    fn drop(&mut self) {
        // The kernel lets it go once the process has.
        for _ in 0..100 {
            if std::fs::remove_dir(&self.folder).is_ok() {
                return;
            }
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
    }
}

/// All of them, in a namespace each.
pub async fn measure(plane: &Plane, settings: &Settings) -> Vec<Replicas> {
    let mut all = Vec::new();
    for (replicas, shared) in RUNS {
        all.push(one(plane, settings, replicas, shared).await);
    }
    all
}

async fn one(plane: &Plane, settings: &Settings, replicas: usize, shared: bool) -> Replicas {
    let (orders, millicores) = (settings.size.replicas, settings.millicores);
    let how = if shared { "shared" } else { "each-all" };
    crate::say(&format!("{replicas} replicas, {how}, at {millicores} millicores each: {orders} orders"));
    let shop = Shop::open(plane, &format!("replicas-{replicas}-{how}"), SPREAD, orders, Flow::Warehouse).await;
    let arguments: &[&str] = if shared { &[] } else { &["--test-unshared"] };
    let mut agents = Vec::new();
    for _ in 0..replicas {
        agents.push(Agent::operator(None, plane, &shop.namespace, arguments).await);
    }
    let limits: Vec<Limit> = agents.iter().map(|agent| Limit::of(agent.pid(), millicores)).collect();
    if shared {
        wait("the replicas to agree", || agree(&agents)).await;
    }
    for agent in &agents {
        agent.settle().await;
    }
    let before = read(&agents).await;
    let started = Instant::now();
    let done = shop.run(0, orders, Pace::Flood).await;
    let (used, seconds) = (read(&agents).await, started.elapsed().as_secs_f64());
    shop.booked().await;
    let after = read(&agents).await;
    let written: Vec<u64> = before.iter().zip(&after).map(|(before, after)| after.writes - before.writes).collect();
    let sum: u64 = written.iter().sum();
    let busy = |(before, used): (&Reading, &Reading)| (used.cpu - before.cpu) / (seconds * millicores as f64 / 1_000.0);
    let conflicts = |all: &[Reading]| all.iter().map(|reading| reading.conflicts).sum::<u64>();
    let busy = before.iter().zip(&used).map(busy).collect();
    agents.into_iter().for_each(Agent::stop);
    drop(limits);
    Replicas {
        replicas,
        shared,
        millicores,
        orders,
        orders_per_second: orders as f64 / done.seconds,
        writes_per_order: sum as f64 / orders as f64,
        conflicts: conflicts(&after) - conflicts(&before),
        busy,
        share: written.iter().map(|own| *own as f64 / sum as f64).collect(),
    }
}

/// Whether each knows of all, and each product is the work of one of them.
async fn agree(agents: &[Agent]) -> Option<()> {
    let mut own = 0;
    for agent in agents {
        let members = agent.figure("jumun_members{controller=\"Product\"}").await;
        own += agent.figure("jumun_own_objects{controller=\"Product\"}").await;
        if members != agents.len() as u64 {
            return None;
        }
    }
    (own == SPREAD as u64).then_some(())
}

/// What one replica has used and done so far.
struct Reading {
    cpu: f64,
    writes: u64,
    conflicts: u64,
}

async fn read(agents: &[Agent]) -> Vec<Reading> {
    let mut all = Vec::new();
    for agent in agents {
        let calls = agent.calls().await;
        let sum =
            |is: &dyn Fn(&str) -> bool| calls.iter().filter(|(labels, _)| is(labels)).map(|(_, count)| count).sum();
        let is_write =
            |labels: &str| !labels.contains("\"Lease\"") && !labels.contains("\"list\"") && labels.contains("\"ok\"");
        let conflicts = sum(&|labels| labels.contains("\"conflict\""));
        all.push(Reading { cpu: cpu_seconds(agent.pid()), writes: sum(&is_write), conflicts });
    }
    all
}

/// A line for each, and what they are worth beside one replica.
pub fn print(all: &[Replicas]) {
    let Some(one) = all.first() else { return };
    println!("replicas of {} millicores each, {} orders as fast as it goes", one.millicores, one.orders);
    println!(
        "| replicas | orders/s | beside one | writes/order | conflicts | of its part each used, % | of all writes each made, % |"
    );
    println!("|---|---|---|---|---|---|---|");
    for run in all {
        let percent =
            |shares: &[f64]| shares.iter().map(|share| format!("{:.0}", share * 100.0)).collect::<Vec<_>>().join(", ");
        println!(
            "| {}{} | {:.1} | {:.2} × | {:.1} | {} | {} | {} |",
            run.replicas,
            if run.shared { "" } else { ", each does all" },
            run.orders_per_second,
            run.orders_per_second / one.orders_per_second,
            run.writes_per_order,
            run.conflicts,
            percent(&run.busy),
            percent(&run.share),
        );
    }
    if one.busy[0] < 0.9 {
        println!(
            "one replica used {:.0} % of its part: it was not the bottleneck (smaller parts: MILLICORES=…)",
            one.busy[0] * 100.0
        );
    }
}
