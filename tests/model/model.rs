//! Every interleaving of small configurations: the shipped decisions, run by replicas with caches that lag, against an API
//! server, with actors, crashes, requests that arrive late, and a clock.
//!
//! A step of a process is: decide from the cache, and carry the next write or call out. That is all the interleaving there
//! is: deciding earlier from the same cache is the same decision, and a write that was overtaken meets another version.
//! A cache holds what the API server held at some earlier moment, each object for itself; a watch that loses events or
//! delivers them together jumps to the newest. The real cache drops older versions, so none is ever delivered again.
//! `make model` explores with larger budgets, each configuration breadth first as far as the memory goes.

mod checks;
mod config;
mod configs;
mod counters;
mod decide;
mod deeds;
mod explore;
mod fair;
mod faults;
mod mutations;
mod objects;
mod replica;
mod rows;
mod server;
mod state;
mod steps;
mod town;
mod turns;
mod versions;

use std::collections::BTreeMap;
use std::io::Write;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use explore::Explored;
use stateright::{Checker, HasDiscoveries, Model};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// More states, repeated ones counted, than any configuration of `make test` has, and far more than any fault needs. What
/// `make model` explores ends where the memory would: a unique state takes about a kilobyte.
const ENOUGH: usize = 400_000_000;
const ENOUGH_DEEP: usize = 24_000_000;
const ENOUGH_FOR_A_FAULT: usize = 4_000_000;

/// The names of the invariants, as the guarantees say them.
const INVARIANTS: [&str; 20] = [
    "money_is_conserved",
    "stock_is_conserved",
    "charged_at_most_once",
    "refunded_at_most_once",
    "refund_never_exceeds_charge",
    "no_delivery_without_payment",
    "never_delivered_and_refunded",
    "completed_means_delivered",
    "terminal_is_final",
    "one_child_per_role",
    "hold_is_never_lifted",
    "nothing_undone_before_the_required_notice",
    "undone_in_order",
    "what_is_missing_is_waited_for",
    "told_after_it_is_so",
    "each_notice_once",
    "quiet_is_silent",
    "every_order_ends",
    "view_converges",
    "rows_never_step_back",
];

/// What an exploration came to.
struct Outcome {
    /// Unique states.
    states: usize,
    /// Whether the limit came before the last state.
    cut_short: bool,
    /// What does not hold, and how it came to that.
    failure: Option<(&'static str, String)>,
}

fn explore(config: &config::Config, threads: usize, limit: usize) -> Outcome {
    let model = Explored::new(config);
    let checker = model.clone().checker().threads(threads).target_state_count(limit);
    let checker = checker.finish_when(HasDiscoveries::AnyFailures).spawn_bfs().join();
    let failure = checker.discoveries().into_values().next().map(|path| {
        let violated = model.violated(path.last_state()).unwrap_or("a property that holds now");
        let actions: Vec<String> = path.into_actions().iter().map(|action| format!("  {action:?}")).collect();
        (violated, actions.join("\n"))
    });
    Outcome { states: checker.unique_state_count(), cut_short: checker.state_count() >= limit, failure }
}

#[test]
fn every_interleaving_keeps_every_invariant() {
    let deep = std::env::var("JUMUN_MODEL").is_ok_and(|depth| depth == "deep");
    let only = std::env::var("JUMUN_MODEL_ONLY").unwrap_or_default();
    let (mut total, started) = (0, Instant::now());
    println!("invariants: {}", INVARIANTS.join(", "));
    for config in configs::all(deep).iter().filter(|config| config.name.contains(&only)) {
        let before = Instant::now();
        let Outcome { states, cut_short, failure } = explore(config, 2, if deep { ENOUGH_DEEP } else { ENOUGH });
        total += states;
        let whole = if cut_short { "the first ones" } else { "whole" };
        println!("{:42} {states:>10} states {:>7.1} s  {whole}", config.name, before.elapsed().as_secs_f64());
        assert!(deep || !cut_short, "{} is not explored whole", config.name);
        if let Some((violated, trace)) = failure {
            panic!("{}: {violated} does not hold after\n{trace}", config.name);
        }
    }
    println!("{:42} {total:>10} states {:>7.1} s", "in total", started.elapsed().as_secs_f64());
    for race in counters::RACES {
        println!("{:42} {:>10} times", format!("{race:?}"), counters::met(race));
        assert!(!only.is_empty() || counters::met(race) > 0, "{race:?} was never met");
    }
    assert!(!only.is_empty() || total >= 1_000_000, "only {total} states");
    let path = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("summary.jsonl");
    let mut file = std::fs::OpenOptions::new().create(true).append(true).open(path).expect("the summary");
    writeln!(file, "{{\"model_states\":{total}}}").expect("a line of the summary");
}

#[test]
fn every_fault_is_caught() {
    let only = std::env::var("JUMUN_MODEL_ONLY").unwrap_or_default();
    let configs: Vec<_> = faults::all().into_iter().filter(|config| config.name.contains(&only)).collect();
    let (next, caught) = (AtomicUsize::new(0), Mutex::new(BTreeMap::new()));
    // One thread finds always the same trace first; two faults are looked for at once.
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                loop {
                    let place = next.fetch_add(1, Ordering::Relaxed);
                    let Some(config) = configs.get(place) else { break };
                    let outcome = explore(config, 1, ENOUGH_FOR_A_FAULT);
                    caught.lock().expect("what was caught").insert(place, outcome);
                }
            });
        }
    });
    let mut escaped = Vec::new();
    println!("{:24} {:32} {:44} {:>9}", "fault", "in", "caught by", "states");
    for (place, Outcome { states, failure, .. }) in caught.into_inner().expect("what was caught") {
        let config = &configs[place];
        let (fault, violated) = (format!("{:?}", config.mutation), failure.map_or("-", |(violated, _)| violated));
        println!("{fault:24} {:32} {violated:44} {states:>9}", config.name);
        if violated == "-" {
            escaped.push(fault);
        }
    }
    assert!(escaped.is_empty(), "not caught: {escaped:?}");
}
