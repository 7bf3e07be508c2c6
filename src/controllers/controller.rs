//! What a controller is, and what every reconcile needs.

use std::sync::Arc;
use std::time::Instant;

use serde::Serialize;

use super::execute::Executor;
use crate::cluster::events::Events;
use crate::cluster::watch::Feed;
use crate::cluster::{Clock, Key, Watched};
use crate::domain::{Case, Condition, Meta, Plan, Policy, Version};
use crate::kinds::with_status;
use crate::telemetry::Metrics;
use crate::world::{Cached, LiveReads, World};

/// What was observed of an object, for a decision about it.
pub trait Observation: Sized + std::fmt::Debug + Send + Sync {
    type Status: Serialize + Send + Sync;

    /// What to do.
    fn decide(case: &Case<'_, Self>) -> Plan<Self::Status>;

    /// The object's identity and status, where the kind has a status of its own.
    fn seen(&self) -> Option<(&Meta, &Self::Status)>;

    /// The version of the object: another one makes what was read for this one old.
    fn version(&self) -> Option<Version> {
        self.seen().map(|(meta, _)| meta.version)
    }

    /// The object's conditions: no decision sees those that say which write was denied.
    fn conditions(&mut self) -> Option<&mut Vec<Condition>>;
}

macro_rules! observed {
    ($($kind:ident),+) => { $(
        impl Observation for crate::domain::$kind::Observed {
            type Status = crate::domain::$kind::Status;

            fn decide(case: &Case<'_, Self>) -> Plan<Self::Status> {
                crate::domain::$kind::decide(case)
            }

            fn seen(&self) -> Option<(&Meta, &Self::Status)> {
                Some((&self.meta, &self.status))
            }

            fn conditions(&mut self) -> Option<&mut Vec<Condition>> {
                Some(&mut self.status.conditions)
            }
        }
    )+ };
}

with_status!(observed);

/// What a kind's controller writes into its status.
pub type StatusOf<C> = <<C as Controller>::Observed as Observation>::Status;

/// A kind's controller: everything in which it differs from the others.
pub trait Controller: Sized + Send + Sync + 'static {
    /// The kind that it reconciles and whose status it writes.
    type Root: Cached;
    type Observed: Observation;

    /// Whether it keeps still as long as it is not known who else works here: others leave it nothing before that.
    const ESTABLISHED_ONLY: bool = false;

    /// The UID of what the object of this key is part of: it says whose work it is where several processes share it. Nothing
    /// where that is not known: then it is everybody's.
    fn part_of(world: &World, key: &Key) -> Option<String> {
        Self::Root::cache(world).get(key).and_then(|seen| seen.object.part_of().map(str::to_owned))
    }

    /// Everything a decision may look at, from the caches alone; nothing where there is nothing to decide.
    fn observe(world: &World, key: &Key, live: &LiveReads) -> Option<Self::Observed>;

    /// What to do.
    fn decide(case: &Case<'_, Self::Observed>) -> Plan<StatusOf<Self>> {
        Self::Observed::decide(case)
    }
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
    pub conditions: Option<Vec<Condition>>,
    pub decided: Instant,
    /// Whether it is another process's work, which had stood for too long.
    pub instead: bool,
}
