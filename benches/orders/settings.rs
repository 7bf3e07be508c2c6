//! What is asked of a run: by flag, such as `--quick`, or by variable, such as `QUICK=1`, which is what make hands on.

use std::time::Duration;

/// What to measure, and how much of it.
pub struct Settings {
    pub quick: bool,
    /// The raw rates alone.
    pub raw_only: bool,
    /// One phase alone.
    pub phase: Option<String>,
    /// The commit that this one is held against, and nothing else.
    pub before: Option<String>,
    /// Hop by hop at half load, and nothing else.
    pub trace: bool,
    /// Half an hour at nine tenths of the limit, and nothing else.
    pub long: bool,
    /// How many blocks of raw, operator, operator, raw.
    pub blocks: usize,
    pub layouts: Vec<Layout>,
    /// Of everything that is drawn at random.
    pub seed: u64,
    pub size: Size,
    /// The part of a core that a replica may use where there are several.
    pub millicores: u64,
}

/// How much of everything.
pub struct Size {
    /// For each verb of a raw reading.
    pub raw: Duration,
    /// Placed as fast as they are taken (`ORDERS=5000` for a crowd).
    pub orders: usize,
    pub half: usize,
    pub naive: usize,
    pub live: usize,
    pub replicas: usize,
    pub quiet: Duration,
    /// Of the long form: the orders that are there already, how long its limit is sought, how long it runs.
    pub standing: usize,
    pub limit: Duration,
    pub long: Duration,
}

/// Which cores are whose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
pub enum Layout {
    /// Everything may run anywhere, as it will on the machine of who uses this.
    Free,
    /// The control plane on the first half of the cores, operator and actors on the other: repeatable.
    Pinned,
}

impl Layout {
    /// Puts this process, and whatever it starts, where the layout wants it; gives the prefix of a command of the control plane.
    pub fn take(self) -> String {
        let cores = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let cores = cores.lines().filter(|line| line.starts_with("processor")).count().max(1);
        let (all, half) = (format!("0-{}", cores - 1), cores.div_ceil(2));
        let (ours, theirs) = match self {
            Self::Free => (all.clone(), all),
            Self::Pinned => (format!("{}-{}", half.min(cores - 1), cores - 1), format!("0-{}", half - 1)),
        };
        crate::plane::sh(&format!("taskset -a -c -p {ours} {} >/dev/null", std::process::id()));
        format!("taskset -c {theirs}")
    }
}

impl Settings {
    pub fn read() -> Self {
        let quick = flag("quick");
        let blocks = number("blocks").unwrap_or(1).max(1) as usize;
        let mut size = if quick { Size::quick() } else { Size::full() };
        size.orders = number("orders").map_or(size.orders, |orders| orders as usize);
        let layouts = match value("layout").as_deref() {
            Some("free") => vec![Layout::Free],
            Some("pinned") => vec![Layout::Pinned],
            None if blocks == 1 => vec![Layout::Free],
            None | Some("both") => vec![Layout::Free, Layout::Pinned],
            Some(other) => panic!("LAYOUT is free, pinned or both, not {other}"),
        };
        Self {
            quick,
            raw_only: flag("raw"),
            phase: value("phase"),
            before: value("before"),
            trace: flag("trace"),
            long: flag("long"),
            blocks,
            layouts,
            seed: number("seed").unwrap_or_else(|| rand::random::<u32>().into()),
            millicores: number("millicores").unwrap_or(250),
            size,
        }
    }
}

impl Size {
    fn quick() -> Self {
        Self {
            raw: Duration::from_secs(2),
            orders: 300,
            half: 200,
            naive: 150,
            live: 400,
            replicas: 120,
            quiet: Duration::from_secs(10),
            standing: 300,
            limit: Duration::from_secs(20),
            long: Duration::from_secs(60),
        }
    }

    fn full() -> Self {
        Self {
            raw: Duration::from_secs(8),
            orders: 1_000,
            half: 1_000,
            naive: 500,
            live: 2_000,
            replicas: 600,
            quiet: Duration::from_secs(120),
            standing: 10_000,
            limit: Duration::from_secs(360),
            long: Duration::from_secs(1_800),
        }
    }
}

fn flag(name: &str) -> bool {
    std::env::args().any(|argument| argument == format!("--{name}"))
        || std::env::var(name.to_uppercase()).is_ok_and(|value| value == "1")
}

fn value(name: &str) -> Option<String> {
    let given = std::env::args().skip_while(|argument| *argument != format!("--{name}")).nth(1);
    given.or_else(|| std::env::var(name.to_uppercase()).ok()).filter(|value| !value.is_empty())
}

fn number(name: &str) -> Option<u64> {
    value(name).map(|text| text.parse().unwrap_or_else(|_| panic!("{name} is a number, not {text}")))
}
