//! The metrics of the operator. Labels are bounded: kinds, verbs, results and constants, never names or error texts.
//! Names follow controller-runtime's where it has one, so that existing dashboards work.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

/// A controller and the outcome of one reconcile.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct Reconcile {
    pub controller: &'static str,
    pub result: &'static str,
}

/// One controller.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct Controller {
    pub controller: &'static str,
}

/// A call to the API server.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct Call {
    pub kind: &'static str,
    pub verb: &'static str,
    pub result: &'static str,
}

/// What a watch delivered.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct Watch {
    pub kind: &'static str,
    pub event: &'static str,
}

/// Something reported as an Event.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct Reported {
    pub kind: &'static str,
    pub reason: &'static str,
}

/// A write that the API server denied: what was to be written, how, and `Forbidden` or `Invalid`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct DeniedWrite {
    pub kind: &'static str,
    pub verb: &'static str,
    pub reason: &'static str,
}

/// A call to somebody else's endpoint: what it was for (`provider`, `notice`) and how it went.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct Outbound {
    pub target: &'static str,
    pub result: &'static str,
}

/// What is counted and measured.
#[derive(Clone, Debug)]
pub struct Metrics {
    pub reconciles: Family<Reconcile, Counter>,
    pub reconcile_seconds: Family<Controller, Histogram>,
    pub panics: Family<Controller, Counter>,
    pub calls: Family<Call, Counter>,
    pub watch_events: Family<Watch, Counter>,
    pub facts: Family<Reported, Counter>,
    pub outbound_calls: Family<Outbound, Counter>,
    pub denied_writes: Family<DeniedWrite, Counter>,
    pub histories: Counter,
    /// Keys that came up and were left to the process whose they are.
    pub looks_left: Family<Controller, Counter>,
    /// Work of others that had stood for too long and was done.
    pub taken_over: Family<Controller, Counter>,
}

impl Default for Metrics {
    fn default() -> Self {
        let seconds = || Histogram::new([0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 10.0]);
        Self {
            reconciles: Family::default(),
            reconcile_seconds: Family::new_with_constructor(seconds),
            panics: Family::default(),
            calls: Family::default(),
            watch_events: Family::default(),
            facts: Family::default(),
            outbound_calls: Family::default(),
            denied_writes: Family::default(),
            histories: Counter::default(),
            looks_left: Family::default(),
            taken_over: Family::default(),
        }
    }
}

impl Metrics {
    /// A registry with these metrics.
    pub fn registry(&self) -> Registry {
        let mut registry = Registry::default();
        let m = self.clone();
        registry.register("controller_runtime_reconcile", "Reconciles by outcome", m.reconciles);
        registry.register(
            "controller_runtime_reconcile_time_seconds",
            "How long a reconcile took",
            m.reconcile_seconds,
        );
        registry.register("controller_runtime_reconcile_panics", "Reconciles that panicked", m.panics);
        registry.register("jumun_api_calls", "Calls to the API server by kind, verb and result", m.calls);
        registry.register("jumun_watch_events", "Watch events by kind", m.watch_events);
        registry.register("jumun_facts", "What was reported as an Event, by reason", m.facts);
        registry.register("jumun_outbound_calls", "Calls to endpoints outside, by target and result", m.outbound_calls);
        registry.register("jumun_denied_writes", "Writes that the API server denied, by reason", m.denied_writes);
        let went_back = "How often the API server told another history than before, and every cache was filled anew";
        registry.register("jumun_histories_lost", went_back, m.histories);
        let left = "Keys that came up and were left to the process whose work they are";
        registry.register("jumun_looks_left", left, m.looks_left);
        let instead = "Work of another process that had stood for too long and was done in its place";
        registry.register("jumun_work_taken_over", instead, m.taken_over);
        registry
    }
}
