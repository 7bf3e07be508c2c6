//! The metrics of the operator of platforms. Labels are bounded: kinds, results and constants.

use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use super::metrics::{Controller, Reconcile, Watch};

/// How platforms are called in the metrics of controllers.
const CONTROLLER: &str = "Workloads";

/// A write about an object of a kind, and how it went.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Write {
    kind: &'static str,
    result: &'static str,
}

/// What is counted and measured.
#[derive(Clone, Debug)]
pub struct Metrics {
    reconciles: Family<Reconcile, Counter>,
    seconds: Family<Controller, Histogram>,
    applies: Family<Write, Counter>,
    prunes: Family<Write, Counter>,
    watch_events: Family<Watch, Counter>,
}

impl Default for Metrics {
    fn default() -> Self {
        let seconds = || Histogram::new([0.001, 0.005, 0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0]);
        Self {
            reconciles: Family::default(),
            seconds: Family::new_with_constructor(seconds),
            applies: Family::default(),
            prunes: Family::default(),
            watch_events: Family::default(),
        }
    }
}

impl Metrics {
    /// Counts a look at a platform by its first failure, or as a success.
    pub fn reconciled(&self, result: &'static str, took: Duration) {
        self.reconciles.get_or_create(&Reconcile { controller: CONTROLLER, result }).inc();
        self.seconds.get_or_create(&Controller { controller: CONTROLLER }).observe(took.as_secs_f64());
    }

    /// Counts a server-side apply, or the write of a status.
    pub fn applied(&self, kind: &'static str, result: &'static str) {
        self.applies.get_or_create(&Write { kind, result }).inc();
    }

    /// Counts a deletion.
    pub fn pruned(&self, kind: &'static str, result: &'static str) {
        self.prunes.get_or_create(&Write { kind, result }).inc();
    }

    /// Counts what a watch delivered.
    pub fn watched(&self, kind: &'static str, event: &'static str) {
        self.watch_events.get_or_create(&Watch { kind, event }).inc();
    }

    /// A registry with these metrics.
    pub fn registry(&self) -> Registry {
        let mut registry = Registry::default();
        let m = self.clone();
        registry.register("controller_runtime_reconcile", "Looks at platforms by outcome", m.reconciles);
        registry.register("controller_runtime_reconcile_time_seconds", "How long a look at a platform took", m.seconds);
        registry.register(
            "jumun_operator_applies",
            "Objects applied and statuses written, by kind and result",
            m.applies,
        );
        registry.register(
            "jumun_operator_prunes",
            "Objects deleted because nobody wants them, by kind and result",
            m.prunes,
        );
        registry.register("jumun_watch_events", "Watch events by kind", m.watch_events);
        registry
    }
}
