//! What one run of orders to their end has cost.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::histogram::{Owner, label};
use crate::meters::Meters;
use crate::raw::Rates;
use crate::shop::{Done, Timed};
use crate::stats::quantile;

/// Writes of the operator for a finished warehouse order paid by wallet, from the design's budget.
const BUDGET: [(&str, f64); 8] = [
    ("Order replace_status", 3.0),
    ("Product replace_status", 2.0),
    ("Wallet replace_status", 1.0),
    ("Payment create", 1.0),
    ("Payment replace_status", 1.0),
    ("Delivery create", 1.0),
    ("Delivery replace_status", 1.0),
    ("OrderView create", 1.0),
];
const BUDGET_VIEW_PATCHES: f64 = 2.0;
/// Four times as many as are sent at once, and as the operator works on at once.
const MOST_OVERTAKEN: usize = 64;

/// One run of orders to their end.
#[derive(Clone, Serialize)]
pub struct Phase {
    pub name: String,
    pub orders: usize,
    pub seconds: f64,
    pub orders_per_second: f64,
    pub writes_per_order: f64,
    pub requests_per_order: f64,
    /// Writes that the API server took without changing anything.
    pub writes_that_changed_nothing: i64,
    pub conflicts: u64,
    pub calls: BTreeMap<String, u64>,
    pub operator_cpu_ms_per_order: f64,
    pub api_server_cpu_ms_per_order: f64,
    pub etcd_cpu_ms_per_order: f64,
    /// By how much etcd's live pages grew, with every version of every object until the next compaction.
    pub etcd_bytes_per_order: f64,
    /// What the objects of an order take as they stand, in bytes of JSON.
    pub object_bytes_per_order: f64,
    pub latency: Latency,
    /// By how many places 99 of 100 orders at most came later at their end than they were sent.
    pub overtaken: usize,
    /// The actors' own writes.
    creates: usize,
    patches: usize,
}

/// From the create that is sent to the row that shows the end, in milliseconds.
#[derive(Clone, Default, Serialize)]
pub struct Latency {
    pub p50: f64,
    pub p90: f64,
    pub p99: f64,
    /// In how many different seconds the slowest hundredth was sent: few mean a pause of the machine, many a habit.
    pub slow_seconds: usize,
    /// How long etcd and the API server took meanwhile.
    pub owners: Vec<Owner>,
}

impl Latency {
    pub fn of<'a>(orders: impl IntoIterator<Item = &'a Timed>, owners: Vec<Owner>) -> Self {
        let orders: Vec<&Timed> = orders.into_iter().collect();
        let millis: Vec<f64> = orders.iter().map(|order| order.took.as_secs_f64() * 1_000.0).collect();
        let at = |share: f64| quantile(&millis, share);
        let (p50, p90, p99) = (at(0.5), at(0.9), at(0.99));
        let slow = orders.iter().filter(|order| order.took.as_secs_f64() * 1_000.0 >= p99);
        let seconds: std::collections::BTreeSet<u64> = slow.map(|order| order.sent.as_secs()).collect();
        Self { p50, p90, p99, slow_seconds: seconds.len(), owners }
    }

    /// The latency, and beside it whose time it was.
    pub fn print(&self, what: &str, goal: &str) {
        let Self { p50, p90, p99, slow_seconds, owners } = self;
        println!("{what}, ms: p50 {p50:.0}, p90 {p90:.0}, p99 {p99:.0}   {goal}");
        println!("  the slowest hundredth was sent in {slow_seconds} different seconds");
        owners.iter().for_each(Owner::print);
    }
}

impl Phase {
    pub fn of(name: &str, done: &Done, bytes: usize, before: &Meters, after: &Meters) -> Self {
        let orders = done.orders.len();
        let per_order = |value: f64| value / orders as f64;
        let actors = (done.creates + done.patches) as u64;
        let revisions = after.revision - before.revision;
        let calls = calls(before, after);
        Self {
            name: name.to_owned(),
            orders,
            seconds: done.seconds,
            orders_per_second: orders as f64 / done.seconds,
            writes_per_order: per_order((revisions - actors) as f64),
            requests_per_order: per_order((after.calls() - before.calls()) as f64),
            writes_that_changed_nothing: (after.api_writes - before.api_writes) as i64 - revisions as i64,
            conflicts: calls.iter().filter(|(name, _)| name.ends_with("conflict")).map(|(_, count)| count).sum(),
            calls,
            operator_cpu_ms_per_order: per_order((after.agent_cpu - before.agent_cpu) * 1_000.0),
            api_server_cpu_ms_per_order: per_order((after.api_server_cpu - before.api_server_cpu) * 1_000.0),
            etcd_cpu_ms_per_order: per_order((after.etcd_cpu - before.etcd_cpu) * 1_000.0),
            etcd_bytes_per_order: per_order(after.db_in_use as f64 - before.db_in_use as f64),
            object_bytes_per_order: per_order(bytes as f64),
            latency: Latency::of(&done.orders, after.owners(before)),
            overtaken: overtaken(&done.orders),
            creates: done.creates,
            patches: done.patches,
        }
    }

    /// Notices made for an order.
    fn notices(&self) -> f64 {
        self.calls.get("Notification create").copied().unwrap_or_default() as f64 / self.orders as f64
    }

    /// The most writes that an order of this phase may cost; nothing where it is not the operator's.
    fn goal(&self) -> Option<f64> {
        match self.name.as_str() {
            naive if naive.starts_with("naive") => None,
            "kitchen" => Some(13.0),
            "cancelled" => Some(16.0),
            "told" => Some(10.0 + 2.0 * self.notices()),
            "half" => Some(11.5),
            _ => Some(10.0),
        }
    }

    /// Live reads that no conflict asked for. Where nobody waits for a product or a wallet, nothing needs one.
    fn reads(&self) -> u64 {
        if !matches!(self.name.as_str(), "uniform" | "half") {
            return 0;
        }
        let reads = self.calls.iter().filter(|(name, _)| name.ends_with(" list")).map(|(_, count)| count);
        reads.sum::<u64>().saturating_sub(self.conflicts)
    }

    /// Whether what does not depend on the machine's speed is as it should be.
    pub fn holds(&self) -> bool {
        let Some(goal) = self.goal() else { return true };
        let in_turn = self.most_overtaken().is_none_or(|most| self.overtaken <= most);
        self.writes_per_order <= goal && self.writes_that_changed_nothing <= 0 && self.reads() == 0 && in_turn
    }

    /// By how many others an order may be overtaken where all are alike and come at once: by those that are sent and worked
    /// on beside it.
    fn most_overtaken(&self) -> Option<usize> {
        (self.name == "uniform").then_some(MOST_OVERTAKEN)
    }

    /// Whether the raw rates cover every kind that the phase writes, and the machine was kept busy.
    fn is_of_raw_kinds(&self) -> bool {
        matches!(self.name.as_str(), "uniform" | "hot")
    }

    /// Seconds that the operator's and the actors' writes of one order take at the raw rates.
    pub fn seconds_at_raw_rates(&self, raw: &Rates) -> f64 {
        let rate = |name: &str| {
            let kind = name.split(' ').next().unwrap_or_default();
            raw.get(name).or_else(|| raw.get(&format!("{kind} replace_status"))).copied().unwrap_or(f64::INFINITY)
        };
        let writes = self.calls.iter().filter(|(name, _)| name.split(' ').count() == 2 && !name.ends_with(" list"));
        let operator: f64 = writes.map(|(name, count)| *count as f64 / rate(name)).sum();
        let actors = self.creates as f64 / rate("Order create") + self.patches as f64 / rate("Delivery patch");
        (operator + actors) / self.orders as f64
    }

    pub fn eta(&self, raw: &Rates) -> f64 {
        self.orders_per_second * self.seconds_at_raw_rates(raw)
    }

    /// Seconds of the budgeted writes, over those of the writes that were made.
    pub fn economy(&self, raw: &Rates) -> f64 {
        let rate = |name: &str| raw.get(name).copied().unwrap_or(f64::INFINITY);
        let floor: f64 = BUDGET.iter().map(|(name, count)| count / rate(name)).sum();
        let views = BUDGET_VIEW_PATCHES / rate("OrderView patch");
        let actors = 1.0 / rate("Order create") + 2.0 / rate("Delivery patch");
        (floor + views + actors) / self.seconds_at_raw_rates(raw)
    }

    /// What it cost, for people.
    pub fn print(&self, raw: &Rates) {
        println!("{} ({} orders in {:.1} s)", self.name, self.orders, self.seconds);
        println!("  orders/s                        {:>8.1}", self.orders_per_second);
        let goal = self.goal().map_or_else(String::new, |goal| format!("   goal ≤ {goal:.2}"));
        println!("  writes per order                {:>8.2}{goal}", self.writes_per_order);
        if self.notices() > 0.0 {
            println!("  notices per order               {:>8.2}   2 writes each", self.notices());
        }
        println!("  requests per order              {:>8.2}", self.requests_per_order);
        let goal = self.most_overtaken().map_or_else(String::new, |most| format!("   goal ≤ {most}"));
        println!("  overtaken by, 99 of 100 at most {:>8}{goal}", self.overtaken);
        if self.goal().is_some() {
            println!("  writes that changed nothing     {:>8}   goal 0", self.writes_that_changed_nothing.max(0));
            if self.reads() > 0 {
                println!("  live reads without a conflict   {:>8}   goal 0", self.reads());
            }
            println!("  conflicts                       {:>8}", self.conflicts);
        }
        if self.is_of_raw_kinds() && !raw.is_empty() {
            println!("  η                               {:>8.2}   goal ≥ 0.85", self.eta(raw));
            println!("  economy (budget / made)         {:>8.2}   goal ≥ 0.95", self.economy(raw));
        }
        println!("  CPU of what carries it, ms/order{:>8.2}", self.operator_cpu_ms_per_order);
        println!("  CPU of the API server, ms/order {:>8.2}", self.api_server_cpu_ms_per_order);
        println!("  CPU of etcd, ms/order           {:>8.2}", self.etcd_cpu_ms_per_order);
        println!("  kB an order in etcd, all written{:>8.1}", self.etcd_bytes_per_order / 1_000.0);
        println!("  kB an order, as it stands       {:>8.1}", self.object_bytes_per_order / 1_000.0);
        let calls: Vec<String> = self.calls.iter().map(|(name, count)| format!("{name} {count}")).collect();
        println!("  calls: {}", calls.join(", "));
    }
}

/// By how many places 99 of 100 orders at most came later at their end than they were sent, of orders in the order of
/// their ends.
fn overtaken(ended: &[Timed]) -> usize {
    let mut sent: Vec<usize> = (0..ended.len()).collect();
    sent.sort_by_key(|&place| ended[place].sent);
    let behind: Vec<f64> = sent.iter().enumerate().map(|(sent, &end)| end.saturating_sub(sent) as f64).collect();
    quantile(&behind, 0.99) as usize
}

/// The calls of the agent between two readings: `Kind verb`, and its result where it failed; the twin's by method and code.
fn calls(before: &Meters, after: &Meters) -> BTreeMap<String, u64> {
    let mut calls = BTreeMap::new();
    for (labels, count) in &after.agent_calls {
        let made = count - before.agent_calls.get(labels).copied().unwrap_or_default();
        let named = |names: &[&str]| names.iter().filter_map(|name| label(labels, name)).collect::<Vec<_>>().join(" ");
        if made > 0 {
            let name = named(&["kind", "verb", "result", "method", "code"]);
            *calls.entry(name.trim_end_matches(" ok").to_owned()).or_insert(0) += made;
        }
    }
    calls
}
