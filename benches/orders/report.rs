//! The figures: printed with their goals, and written as JSON with the shape of the machine.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::actors::{Done, Timed};
use crate::meters::Meters;
use crate::raw::Rates;

/// Writes of the operator for a finished warehouse order paid by wallet, from the design's budget.
const BUDGET: [(&str, f64); 8] = [
    ("Order patch_status", 3.0),
    ("Product patch_status", 2.0),
    ("Wallet patch_status", 1.0),
    ("Payment create", 1.0),
    ("Payment patch_status", 1.0),
    ("Delivery create", 1.0),
    ("Delivery patch_status", 1.0),
    ("OrderView create", 1.0),
];
const BUDGET_VIEW_PATCHES: f64 = 2.0;

#[derive(Serialize)]
pub struct Report {
    quick: bool,
    machine: Machine,
    pub raw: Rates,
    pub phases: Vec<Phase>,
    pub latency: Latency,
    pub quiet_seconds: f64,
    pub quiet_calls: u64,
    pub quiet_revisions: u64,
    pub quiet_leases: u64,
    pub quiet_cpu_seconds: f64,
    /// Empty, with half of the live orders, with all of them.
    pub memory_kib: [u64; 3],
    pub memory_per_live_order_kb: f64,
}

#[derive(Serialize)]
struct Machine {
    cores: usize,
    memory_gib: u64,
    cpu: String,
    kernel: String,
}

/// One run of orders to their end.
#[derive(Serialize)]
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
    /// The actors' own writes.
    creates: usize,
    patches: usize,
}

/// From the create that is sent to the row that shows the end, in milliseconds.
#[derive(Default, Serialize)]
pub struct Latency {
    pub p50: f64,
    pub p90: f64,
    pub p99: f64,
    /// In how many different seconds the slowest hundredth was sent: few mean a pause of the machine, many a habit.
    pub slow_seconds: usize,
}

impl Latency {
    pub fn of(orders: &[Timed]) -> Self {
        let millis = |order: &Timed| order.took.as_secs_f64() * 1_000.0;
        let mut sorted: Vec<f64> = orders.iter().map(millis).collect();
        sorted.sort_by(f64::total_cmp);
        let at = |share: f64| sorted[((sorted.len() as f64 * share).ceil() as usize).clamp(1, sorted.len()) - 1];
        let slow = orders.iter().filter(|order| millis(order) >= at(0.99));
        let seconds: std::collections::BTreeSet<u64> = slow.map(|order| order.sent.as_secs()).collect();
        Self { p50: at(0.5), p90: at(0.9), p99: at(0.99), slow_seconds: seconds.len() }
    }
}

impl Phase {
    pub fn of(name: &str, orders: usize, done: &Done, before: &Meters, after: &Meters) -> Self {
        let per_order = |value: f64| value / orders as f64;
        let actors = (done.creates + done.patches) as u64;
        let revisions = after.revision - before.revision;
        let mut calls = BTreeMap::new();
        for (labels, count) in &after.operator_calls {
            let made = count - before.operator_calls.get(labels).copied().unwrap_or_default();
            let label = |name: &str| labels.split(&format!("{name}=\"")).nth(1).and_then(|rest| rest.split('"').next());
            let (kind, verb, result) = (label("kind"), label("verb"), label("result"));
            if made > 0 {
                let name = [kind, verb, result].map(Option::unwrap_or_default).join(" ");
                *calls.entry(name.trim_end_matches(" ok").to_owned()).or_insert(0) += made;
            }
        }
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
            operator_cpu_ms_per_order: per_order((after.operator_cpu - before.operator_cpu) * 1_000.0),
            api_server_cpu_ms_per_order: per_order((after.api_server_cpu - before.api_server_cpu) * 1_000.0),
            etcd_cpu_ms_per_order: per_order((after.etcd_cpu - before.etcd_cpu) * 1_000.0),
            creates: done.creates,
            patches: done.patches,
        }
    }

    /// Notices made for an order.
    fn notices(&self) -> f64 {
        self.calls.get("Notification create").copied().unwrap_or_default() as f64 / self.orders as f64
    }

    /// The most writes that an order of this phase may cost.
    fn goal(&self) -> f64 {
        match self.name.as_str() {
            "kitchen" => 17.0,
            "cancelled" => 18.0,
            "told" => 13.0 + 2.0 * self.notices(),
            _ => 13.0,
        }
    }

    /// Whether the raw rates cover every kind that the phase writes.
    fn is_of_raw_kinds(&self) -> bool {
        matches!(self.name.as_str(), "uniform" | "hot")
    }

    /// Seconds that the operator's and the actors' writes of one order take at the raw rates.
    fn seconds_at_raw_rates(&self, raw: &Rates) -> f64 {
        let rate = |name: &str| {
            let kind = name.split(' ').next().unwrap_or_default();
            raw.get(name).or_else(|| raw.get(&format!("{kind} patch_status"))).copied().unwrap_or(f64::INFINITY)
        };
        let writes = self.calls.iter().filter(|(name, _)| name.split(' ').count() == 2 && !name.ends_with(" list"));
        let operator: f64 = writes.map(|(name, count)| *count as f64 / rate(name)).sum();
        let actors = self.creates as f64 / rate("Order create") + self.patches as f64 / rate("Delivery patch");
        (operator + actors) / self.orders as f64
    }

    fn eta(&self, raw: &Rates) -> f64 {
        self.orders_per_second * self.seconds_at_raw_rates(raw)
    }

    /// Seconds of the budgeted writes, over those of the writes that were made.
    fn economy(&self, raw: &Rates) -> f64 {
        let rate = |name: &str| raw.get(name).copied().unwrap_or(f64::INFINITY);
        let floor: f64 = BUDGET.iter().map(|(name, count)| count / rate(name)).sum();
        let views = BUDGET_VIEW_PATCHES / rate("OrderView patch");
        let actors = 1.0 / rate("Order create") + 2.0 / rate("Delivery patch");
        (floor + views + actors) / self.seconds_at_raw_rates(raw)
    }
}

impl Report {
    pub fn new(quick: bool) -> Self {
        Self {
            quick,
            machine: Machine::read(),
            raw: Rates::new(),
            phases: Vec::new(),
            latency: Latency::default(),
            quiet_seconds: 0.0,
            quiet_calls: 0,
            quiet_revisions: 0,
            quiet_leases: 0,
            quiet_cpu_seconds: 0.0,
            memory_kib: [0; 3],
            memory_per_live_order_kb: 0.0,
        }
    }

    /// Figures that do not depend on the machine's speed hold their goals.
    pub fn holds(&self) -> bool {
        self.phases.iter().all(|phase| phase.writes_per_order <= phase.goal() && phase.writes_that_changed_nothing <= 0)
            && self.quiet_calls == 0
    }

    /// What the phases cost, for people.
    pub fn print_phases(&self) {
        let machine = &self.machine;
        println!(
            "machine: {} cores, {} GiB, {}, Linux {}",
            machine.cores, machine.memory_gib, machine.cpu, machine.kernel
        );
        println!("raw rates, writes/s:");
        for (name, rate) in &self.raw {
            println!("  {name:<24} {rate:>7.0}");
        }
        for phase in &self.phases {
            let (eta, economy) = (phase.eta(&self.raw), phase.economy(&self.raw));
            println!("{} ({} orders in {:.1} s)", phase.name, phase.orders, phase.seconds);
            println!("  orders/s                        {:>8.1}", phase.orders_per_second);
            println!("  writes per order                {:>8.2}   goal ≤ {:.2}", phase.writes_per_order, phase.goal());
            if phase.notices() > 0.0 {
                println!("  notices per order               {:>8.2}   2 writes each", phase.notices());
            }
            println!("  requests per order              {:>8.2}", phase.requests_per_order);
            println!("  writes that changed nothing     {:>8}   goal 0", phase.writes_that_changed_nothing.max(0));
            println!("  conflicts                       {:>8}", phase.conflicts);
            if phase.is_of_raw_kinds() {
                println!("  η                               {eta:>8.2}   goal ≥ 0.75");
                println!("  economy (budget / made)         {economy:>8.2}   goal ≥ 0.95");
            }
            println!("  CPU of the operator, ms/order   {:>8.2}", phase.operator_cpu_ms_per_order);
            println!("  CPU of the API server, ms/order {:>8.2}", phase.api_server_cpu_ms_per_order);
            println!("  CPU of etcd, ms/order           {:>8.2}", phase.etcd_cpu_ms_per_order);
            let calls: Vec<String> = phase.calls.iter().map(|(name, count)| format!("{name} {count}")).collect();
            println!("  calls: {}", calls.join(", "));
        }
    }

    pub fn print(&self) {
        self.print_phases();
        let Latency { p50, p90, p99, slow_seconds } = self.latency;
        println!("create → final row at half rate, ms: p50 {p50:.0}, p90 {p90:.0}, p99 {p99:.0}   goal p99 ≤ 250");
        println!("  the slowest hundredth was sent in {slow_seconds} different seconds");
        println!(
            "quiet for {:.0} s: {} calls (goal 0), {} revisions of etcd of which {} leases, {:.2} s of CPU",
            self.quiet_seconds, self.quiet_calls, self.quiet_revisions, self.quiet_leases, self.quiet_cpu_seconds
        );
        println!(
            "memory: {:.1} MiB empty, {:.1} with all live orders, {:.2} kB for each more   goal ≤ 6.5",
            self.memory_kib[0] as f64 / 1_024.0,
            self.memory_kib[2] as f64 / 1_024.0,
            self.memory_per_live_order_kb
        );
    }

    /// Writes the report into `bench-results/` and gives the path.
    pub fn save(&self) -> String {
        let mut value = serde_json::to_value(self).expect("JSON");
        for (phase, written) in self.phases.iter().zip(value["phases"].as_array_mut().expect("phases")) {
            written["eta"] = phase.eta(&self.raw).into();
            written["economy"] = phase.economy(&self.raw).into();
        }
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("bench-results");
        std::fs::create_dir_all(&folder).expect("bench-results");
        let seconds = jiff::Timestamp::now().strftime("%Y%m%dT%H%M%SZ").to_string();
        let name = format!("{seconds}{}.json", if self.quick { "-quick" } else { "" });
        std::fs::write(folder.join(&name), serde_json::to_string_pretty(&value).expect("JSON")).expect("written");
        format!("bench-results/{name}")
    }
}

impl Machine {
    fn read() -> Self {
        let read = |path| std::fs::read_to_string(path).unwrap_or_default();
        let field = |text: &str, name: &str| {
            let line = text.lines().find(|line| line.starts_with(name)).unwrap_or_default();
            line.split_once(':').map_or_else(String::new, |(_, value)| value.trim().to_owned())
        };
        let memory = field(&read("/proc/meminfo"), "MemTotal");
        let kib: u64 = memory.split(' ').next().and_then(|value| value.parse().ok()).unwrap_or_default();
        Self {
            cores: std::thread::available_parallelism().map_or(0, usize::from),
            memory_gib: kib / 1_048_576,
            cpu: field(&read("/proc/cpuinfo"), "model name"),
            kernel: read("/proc/sys/kernel/osrelease").trim().to_owned(),
        }
    }
}
