//! The figures: printed with their goals, and written as JSON with the shape of the machine.

use serde::Serialize;
use serde_json::json;

use crate::before::{self, Turn};
use crate::block::{Block, summarize};
use crate::long::Long;
use crate::phase::Phase;
use crate::raw::Rates;
use crate::replicas::{self, Replicas};
use crate::scale;
use crate::settings::Settings;
use crate::trace::{self, Hop};

#[derive(Serialize)]
pub struct Report {
    /// The file in `bench-results/`.
    #[serde(skip)]
    name: String,
    quick: bool,
    seed: u64,
    machine: Machine,
    pub blocks: Vec<Block>,
    pub phases: Vec<Phase>,
    /// Before and after, in turn.
    pub turns: Vec<Turn>,
    pub hops: Vec<Hop>,
    pub hops_of: usize,
    pub quiet: Option<Quiet>,
    /// Empty, with half of the live orders, with all of them.
    pub memory_kib: [u64; 3],
    pub memory_per_live_order_kb: f64,
    pub long: Option<Long>,
    /// One, two and four replicas.
    pub replicas: Vec<Replicas>,
}

/// What is written when nothing happens.
#[derive(Serialize)]
pub struct Quiet {
    pub seconds: f64,
    pub calls: u64,
    pub revisions: u64,
    pub leases: u64,
    pub cpu_seconds: f64,
}

#[derive(Serialize)]
struct Machine {
    cores: usize,
    memory_gib: u64,
    cpu: String,
    kernel: String,
    /// Processes that wanted to run in the last minute before the run: what is above 0.5 was not quiet.
    load: String,
}

impl Report {
    pub fn new(settings: &Settings) -> Self {
        let started = jiff::Timestamp::now().strftime("%Y%m%dT%H%M%SZ");
        Self {
            name: format!("{started}{}.json", if settings.quick { "-quick" } else { "" }),
            quick: settings.quick,
            seed: settings.seed,
            machine: Machine::read(),
            blocks: Vec::new(),
            phases: Vec::new(),
            turns: Vec::new(),
            hops: Vec::new(),
            hops_of: 0,
            quiet: None,
            memory_kib: [0; 3],
            memory_per_live_order_kb: 0.0,
            long: None,
            replicas: Vec::new(),
        }
    }

    /// Figures that do not depend on the machine's speed hold their goals.
    pub fn holds(&self) -> bool {
        let of_blocks = self.blocks.iter().flat_map(|block| block.uniform.iter().chain([&block.half]));
        of_blocks.chain(&self.phases).all(Phase::holds) && self.quiet.as_ref().is_none_or(|quiet| quiet.calls == 0)
    }

    /// Everything that was measured, for people.
    pub fn print(&self) {
        let Machine { cores, memory_gib, cpu, kernel, load } = &self.machine;
        println!("machine: {cores} cores, {memory_gib} GiB, {cpu}, Linux {kernel}; load before the run {load}");
        println!("seed: {}", self.seed);
        self.blocks.iter().for_each(Block::print);
        let raw = self.blocks.last().map_or_else(Rates::new, |block| block.raw.clone());
        self.phases.iter().for_each(|phase| phase.print(&raw));
        if !self.turns.is_empty() {
            before::print(&self.turns);
        }
        if !self.hops.is_empty() {
            trace::print(&self.hops, self.hops_of);
        }
        if let Some(quiet) = &self.quiet {
            println!(
                "quiet for {:.0} s: {} calls (goal 0), {} revisions of etcd of which {} leases, {:.2} s of CPU",
                quiet.seconds, quiet.calls, quiet.revisions, quiet.leases, quiet.cpu_seconds
            );
        }
        if self.memory_kib[0] > 0 {
            let mib = self.memory_kib.map(|kib| kib as f64 / 1_024.0);
            println!(
                "memory: {:.1} MiB empty (goal ≤ 24), {:.1} with all live orders, {:.2} kB for each more   goal ≤ 6.5",
                mib[0], mib[2], self.memory_per_live_order_kb
            );
        }
        if let Some(long) = &self.long {
            long.print();
        }
        replicas::print(&self.replicas);
        if self.blocks.len() > 1 {
            self.print_summary();
        }
        if let (Some(block), true) = (self.blocks.last(), self.memory_kib[0] > 0) {
            scale::print(block, self.memory_per_live_order_kb);
        }
    }

    fn print_summary(&self) {
        for layout in self.layouts() {
            let of_layout = self.blocks.iter().filter(|block| block.layout == layout);
            let void = of_layout.clone().filter(|block| block.is_void()).count();
            println!(
                "layout {layout:?}: medians of {} blocks, {void} more were void; 95 % intervals",
                of_layout.count() - void
            );
            for (name, median, (low, high)) in summarize(&self.blocks, layout, self.seed) {
                println!("  {name:<28} {median:>8.2}   [{low:.2}, {high:.2}]");
            }
        }
    }

    fn layouts(&self) -> Vec<crate::settings::Layout> {
        let mut layouts: Vec<_> = self.blocks.iter().map(|block| block.layout).collect();
        layouts.dedup();
        layouts
    }

    /// Writes what there is so far into `bench-results/`, over what was written before, and gives the path.
    pub fn save(&self) -> String {
        let mut value = serde_json::to_value(self).expect("JSON");
        for (block, written) in self.blocks.iter().zip(value["blocks"].as_array_mut().expect("blocks")) {
            written["difference"] = block.difference().into();
            written["void"] = block.is_void().into();
            for (phase, written) in block.uniform.iter().zip(written["uniform"].as_array_mut().expect("phases")) {
                written["eta"] = phase.eta(&block.raw).into();
                written["economy"] = phase.economy(&block.raw).into();
            }
        }
        let figures = |layout| -> Vec<serde_json::Value> {
            let figures = summarize(&self.blocks, layout, self.seed).into_iter();
            figures
                .map(|(name, median, interval)| json!({ "name": name, "median": median, "interval": interval }))
                .collect()
        };
        let summaries = self.layouts().into_iter();
        value["summary"] = summaries.map(|layout| json!({ "layout": layout, "figures": figures(layout) })).collect();
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("bench-results");
        std::fs::create_dir_all(&folder).expect("bench-results");
        std::fs::write(folder.join(&self.name), serde_json::to_string_pretty(&value).expect("JSON")).expect("written");
        format!("bench-results/{}", self.name)
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
            load: read("/proc/loadavg").split(' ').next().unwrap_or_default().to_owned(),
        }
    }
}
