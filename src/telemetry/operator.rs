//! The metrics of the operator of platforms. Labels are bounded: kinds, results and constants.

use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
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
#[derive(Clone, Debug, Default)]
pub struct Metrics {
    /// What every controller counts: looks at platforms, and the orders of namespaces that are being deleted.
    pub controllers: super::metrics::Metrics,
    applies: Family<Write, Counter>,
    prunes: Family<Write, Counter>,
}

impl Metrics {
    /// Counts a look at a platform by its first failure, or as a success.
    pub fn reconciled(&self, result: &'static str, took: Duration) {
        self.controllers.reconciles.get_or_create(&Reconcile { controller: CONTROLLER, result }).inc();
        let seconds = &self.controllers.reconcile_seconds;
        seconds.get_or_create(&Controller { controller: CONTROLLER }).observe(took.as_secs_f64());
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
        self.controllers.watch_events.get_or_create(&Watch { kind, event }).inc();
    }

    /// A registry with these metrics.
    pub fn registry(&self) -> Registry {
        let mut registry = self.controllers.registry();
        registry.register(
            "jumun_operator_applies",
            "Objects applied and statuses written, by kind and result",
            self.applies.clone(),
        );
        registry.register(
            "jumun_operator_prunes",
            "Objects deleted because nobody wants them, by kind and result",
            self.prunes.clone(),
        );
        registry
    }
}
