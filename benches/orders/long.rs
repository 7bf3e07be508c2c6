//! The long form: half an hour at nine tenths of the limit, with many orders under way already and retention on. What
//! grows without end shows between the first fifth and the last.

use std::time::{Duration, Instant};

use serde::Serialize;
use serde_json::json;

use crate::agent::Agent;
use crate::histogram::Owner;
use crate::meters::{Meters, Status, part_memory_kib};
use crate::phase::Latency;
use crate::plane::Plane;
use crate::settings::Size;
use crate::shop::{Done, Flow, Pace, Shop, Timed};

/// Orders under way while the limit is sought.
const UNDER_WAY: usize = 64;
/// How much of the limit is asked for.
const SHARE: f64 = 0.9;
/// Retention: an order goes this long after its end, its row a little later. Its children stay as long as `LINGER` says.
const KEPT: (&str, &str) = ("20s", "60s");
const LINGER: &str = "120";
/// How often memory and sizes are read.
const SAMPLES: u32 = 60;

/// What came of it.
#[derive(Serialize)]
pub struct Long {
    standing: usize,
    limit_per_second: f64,
    asked_per_second: f64,
    orders: usize,
    reached_per_second: f64,
    first: Stretch,
    last: Stretch,
    /// How long etcd and the API server took over the whole time.
    owners: Vec<Owner>,
    samples: Vec<Sample>,
}

/// A fifth of the time.
#[derive(Serialize)]
struct Stretch {
    latency: Latency,
    operator_mib: f64,
    api_server_mib: f64,
    db_mib: f64,
    db_in_use_mib: f64,
}

/// Memory and sizes at one moment.
#[derive(Clone, Copy, Serialize)]
struct Sample {
    at_seconds: f64,
    operator_mib: f64,
    api_server_mib: f64,
    db_mib: f64,
    db_in_use_mib: f64,
}

/// Seeks the limit, then runs at nine tenths of it.
pub async fn run(plane: &Plane, size: &Size) -> Long {
    let shop = Shop::open(plane, "long", 50, 1_000_000, Flow::Warehouse).await;
    shop.platform(json!({ "retention": { "completed": KEPT.0, "rows": KEPT.1 } })).await;
    let operator = Agent::operator(None, plane, &shop.namespace, &["--linger-seconds", LINGER]).await;
    crate::say(&format!("{} orders that stay under way", size.standing));
    shop.stand(0, size.standing).await;
    let mut next = size.standing;

    let probe = 300;
    crate::say(&format!("the limit: {probe} orders, to know how many are enough"));
    let rate = probe as f64 / shop.run(next, probe, Pace::UnderWay(UNDER_WAY)).await.seconds;
    next += probe;
    // Removal is slower than creation: fewer orders fill the time than the first of them promise.
    let count = (rate * size.limit.as_secs_f64() * 0.7) as usize;
    crate::say(&format!("the limit: {count} orders, {UNDER_WAY} at a time, while those that have ended are removed"));
    let limit = rate_of_later_half(&shop.run(next, count, Pace::UnderWay(UNDER_WAY)).await);
    next += count;

    let asked = limit * SHARE;
    let count = (asked * size.long.as_secs_f64()) as usize;
    crate::say(&format!("{count} orders at {asked:.1}/s ({:.0} s)", size.long.as_secs_f64()));
    let before = Meters::read(plane, &operator).await;
    let (sampler, running) = (sample(plane, &operator, size.long / SAMPLES), shop.run(next, count, Pace::Rate(asked)));
    tokio::pin!(running);
    let (samples, done) = sampler.until(running).await;
    let after = Meters::read(plane, &operator).await;
    operator.stop();
    let fifth = size.long / 5;
    Long {
        standing: size.standing,
        limit_per_second: limit,
        asked_per_second: asked,
        orders: count,
        reached_per_second: count as f64 / done.seconds,
        first: stretch(&done, &samples, Duration::ZERO, fifth),
        last: stretch(&done, &samples, size.long - fifth, size.long * 2),
        owners: after.owners(&before),
        samples,
    }
}

/// Orders a second that ended in the later half of a run: by then what ended earlier is being removed.
fn rate_of_later_half(done: &Done) -> f64 {
    let (half, ended) = (done.seconds / 2.0, |order: &&Timed| (order.sent + order.took).as_secs_f64());
    done.orders.iter().filter(|order| ended(order) >= half).count() as f64 / half
}

/// Reads memory and sizes again and again.
struct Sampler<'a> {
    plane: &'a Plane,
    operator: &'a Agent,
    every: Duration,
}

fn sample<'a>(plane: &'a Plane, operator: &'a Agent, every: Duration) -> Sampler<'a> {
    Sampler { plane, operator, every }
}

impl Sampler<'_> {
    async fn until(&self, mut running: std::pin::Pin<&mut impl Future<Output = Done>>) -> (Vec<Sample>, Done) {
        let (mut samples, started, mut tick) = (Vec::new(), Instant::now(), tokio::time::interval(self.every));
        loop {
            tokio::select! {
                done = &mut running => return (samples, done),
                _ = tick.tick() => samples.push(self.read(started).await),
            }
        }
    }

    async fn read(&self, started: Instant) -> Sample {
        let status = Status::read(self.plane).await;
        let mib = |bytes: u64| bytes as f64 / 1_048_576.0;
        Sample {
            at_seconds: started.elapsed().as_secs_f64(),
            operator_mib: mib(self.operator.memory_kib() * 1_024),
            api_server_mib: mib(part_memory_kib(self.plane, "kube-apiserver") * 1_024),
            db_mib: mib(status.size),
            db_in_use_mib: mib(status.in_use),
        }
    }
}

fn stretch(done: &Done, samples: &[Sample], from: Duration, to: Duration) -> Stretch {
    let orders = done.orders.iter().filter(|order| order.sent >= from && order.sent < to);
    let within = |sample: &&Sample| sample.at_seconds >= from.as_secs_f64() && sample.at_seconds < to.as_secs_f64();
    let most = |of: fn(&Sample) -> f64| samples.iter().filter(within).map(of).fold(0.0, f64::max);
    Stretch {
        latency: Latency::of(orders, Vec::new()),
        operator_mib: most(|sample| sample.operator_mib),
        api_server_mib: most(|sample| sample.api_server_mib),
        db_mib: most(|sample| sample.db_mib),
        db_in_use_mib: most(|sample| sample.db_in_use_mib),
    }
}

impl Long {
    pub fn print(&self) {
        println!(
            "long: {} orders at {:.1}/s with {} under way already; the limit was {:.1}/s with retention on, reached {:.1}/s",
            self.orders, self.asked_per_second, self.standing, self.limit_per_second, self.reached_per_second
        );
        for (name, stretch) in [("first fifth", &self.first), ("last fifth", &self.last)] {
            stretch.latency.print(&format!("create → final row, {name}"), "goal p99 ≤ 1000");
            println!(
                "  at most: operator {:.1} MiB, API server {:.0} MiB, database {:.0} MiB of which {:.0} in use",
                stretch.operator_mib, stretch.api_server_mib, stretch.db_mib, stretch.db_in_use_mib
            );
        }
        println!("over the whole time, ms:");
        self.owners.iter().for_each(Owner::print);
    }
}
