//! What a controller is, and what every reconcile needs.

use std::sync::Arc;
use std::time::Instant;

use serde::Serialize;

use super::execute::Executor;
use crate::cluster::events::Events;
use crate::cluster::{Clock, Key};
use crate::domain::{Condition, Meta, Plan, Policy, Time, Version};
use crate::telemetry::Metrics;
use crate::world::{Held, Pass, World};

/// A kind's controller: everything in which it differs from the others.
pub trait Controller: Send + Sync + 'static {
    /// The kind that it reconciles and whose status it writes.
    type Root: Held;
    type Observed: std::fmt::Debug + Send + Sync;
    type Status: Serialize + Send + Sync;

    /// Everything a decision may look at, from the caches alone; nothing where there is nothing to decide.
    fn observe(world: &World, key: &Key, pass: &Pass) -> Option<Self::Observed>;

    /// What to do.
    fn decide(observed: &Self::Observed, now: Time, policy: &Policy) -> Plan<Self::Status>;

    /// The observed object's identity and status, where the kind has a status of its own.
    fn seen(observed: &Self::Observed) -> Option<(&Meta, &Self::Status)>;

    /// The version of the object that was observed: another one makes what was read for this one old.
    fn version(observed: &Self::Observed) -> Option<Version> {
        Self::seen(observed).map(|(meta, _)| meta.version)
    }

    /// The observed object's conditions: no decision sees those that say which write was denied.
    fn conditions(observed: &mut Self::Observed) -> Option<&mut Vec<Condition>>;
}

/// What every reconcile needs.
#[derive(Clone)]
pub struct Context {
    pub world: Arc<World>,
    pub executor: Executor,
    pub clock: Arc<Clock>,
    pub events: Events,
    pub metrics: Metrics,
    pub policy: Arc<Policy>,
}

/// What is decided on.
pub struct Look<C: Controller> {
    pub observed: C::Observed,
    /// The conditions as they stand, where they say which write was denied.
    pub carried: Option<Vec<Condition>>,
    pub decided: Instant,
}

impl<C: Controller> Look<C> {
    pub fn carried(&self) -> &[Condition] {
        self.carried.as_deref().unwrap_or_default()
    }
}
