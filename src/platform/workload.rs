//! The workloads that a spec asks for: one or several with controllers, and the two parts of the front door.
//!
//! Invariant: every controller is asked for in exactly one of them, whatever the groups say. While one passes to another
//! workload, both run it.

use std::collections::BTreeMap;

use crate::crd::OrderPlatformSpec;
use crate::crd::platform::{Autoscaling, FrontDoor, Resources};
use crate::domain::Kind;

/// The workload that takes orders.
pub const COMMAND: &str = "command";
/// The workload that answers questions.
pub const QUERY: &str = "query";

/// By component: the controllers that it runs while it keeps some that another is to run, in this order.
pub type Kept = BTreeMap<&'static str, Vec<Kind>>;

/// One Deployment and what belongs to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Workload<'a> {
    /// What it is called in its labels.
    pub component: &'static str,
    /// What runs in it.
    pub runs: Runs,
    /// How many pods it has, where no autoscaler says so.
    pub replicas: i32,
    pub autoscaling: Option<&'a Autoscaling>,
    pub resources: Option<&'a Resources>,
}

/// What runs in a workload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Runs {
    /// The controllers of these kinds.
    Controllers(Vec<Kind>),
    /// A part of the front door.
    FrontDoor,
}

impl Workload<'_> {
    /// The name of its Deployment, and of everything else that is there for it alone.
    pub fn name(&self) -> String {
        format!("jumun-{}", self.component)
    }

    /// Whether it takes requests.
    pub fn is_front_door(&self) -> bool {
        self.runs == Runs::FrontDoor
    }

    /// The controllers that run in it.
    pub fn kinds(&self) -> &[Kind] {
        match &self.runs {
            Runs::Controllers(kinds) => kinds,
            Runs::FrontDoor => &[],
        }
    }

    /// Runs these instead, where it keeps any.
    pub(super) fn keep(&mut self, kept: &Kept) {
        if let (Runs::Controllers(kinds), Some(all)) = (&mut self.runs, kept.get(self.component)) {
            kinds.clone_from(all);
        }
    }

    /// How many pods it can have.
    pub fn most_replicas(&self) -> i32 {
        self.autoscaling.map_or(self.replicas, |autoscaling| autoscaling.max_replicas)
    }
}

/// Every workload of a platform: controllers first, in the order of their groups.
pub fn workloads(spec: &OrderPlatformSpec) -> Vec<Workload<'_>> {
    let workloads = spec.workloads.as_ref();
    let controllers = workloads.and_then(|workloads| workloads.controllers.as_ref());
    let groups = groups(spec);
    let single = groups.len() == 1;
    let mut all: Vec<Workload<'_>> = groups
        .into_iter()
        .map(|kinds| Workload {
            component: kinds.first().filter(|_| !single).map_or("controllers", |kind| kind.word()),
            runs: Runs::Controllers(kinds),
            replicas: controllers.and_then(|controllers| controllers.replicas).unwrap_or(1),
            autoscaling: None,
            resources: controllers.and_then(|controllers| controllers.resources.as_ref()),
        })
        .collect();
    all.push(front_door(COMMAND, workloads.and_then(|workloads| workloads.command.as_ref())));
    all.push(front_door(QUERY, workloads.and_then(|workloads| workloads.query.as_ref())));
    all
}

fn front_door<'a>(component: &'static str, part: Option<&'a FrontDoor>) -> Workload<'a> {
    Workload {
        component,
        runs: Runs::FrontDoor,
        replicas: part.and_then(|part| part.replicas).unwrap_or(1),
        autoscaling: part.and_then(|part| part.autoscaling.as_ref()),
        resources: part.and_then(|part| part.resources.as_ref()),
    }
}

/// The groups of controllers: a kind that is named twice stands in the first group that names it, one that is not named
/// in the first of all.
fn groups(spec: &OrderPlatformSpec) -> Vec<Vec<Kind>> {
    let controllers = spec.workloads.as_ref().and_then(|workloads| workloads.controllers.as_ref());
    let (mut groups, mut placed) = (Vec::new(), Vec::new());
    for group in controllers.and_then(|controllers| controllers.groups.as_ref()).into_iter().flatten() {
        let mut kinds = Vec::new();
        for kind in &group.0 {
            if !placed.contains(kind) {
                placed.push(*kind);
                kinds.push(*kind);
            }
        }
        if !kinds.is_empty() {
            groups.push(kinds);
        }
    }
    let rest = Kind::ALL.into_iter().filter(|kind| !placed.contains(kind));
    match groups.first_mut() {
        Some(first) => first.extend(rest),
        None => groups.push(rest.collect()),
    }
    groups
}
