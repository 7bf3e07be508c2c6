//! Deletes what is no longer wanted: found by label and owner across every kind that is ever built.
//!
//! Invariants: a deletion names the uid and the version that was seen; controllers that are replaced by others go, with what
//! belongs to them, once those others run, since two may run side by side and none is an outage; a pod keeps its account and
//! its rights until it is gone.

use std::collections::BTreeSet;

use kube::api::{DeleteParams, Preconditions};

use super::apply::Wanted;
use super::context::Context;
use super::failure::{Failure, limited};
use super::resources::{self, Resource, Role};
use super::store::{Live, Store};
use crate::cluster::Class;
use crate::domain::platform::effective::{Deployment, Part};

/// What a pod needs to the end: until it is gone it finishes what it has begun.
const RIGHTS: [&str; 3] = ["ServiceAccount", "Role", "RoleBinding"];

/// Deletes the objects of these kinds that are not wanted; gives what could not be deleted.
pub async fn prune(
    context: &Context,
    namespace: &str,
    platform: &str,
    wanted: &[Wanted<'_>],
    kinds: impl Fn(&str) -> bool,
    stays: &BTreeSet<String>,
) -> Vec<Failure> {
    let mut failures = Vec::new();
    let all: Vec<&'static Resource> = resources::all().iter().filter(|resource| resource.role == Role::Built).collect();
    // What depends on others goes before them.
    for resource in all.into_iter().rev().filter(|resource| kinds(resource.kind)) {
        for live in context.store.of(resource.kind, namespace) {
            let is_wanted = wanted.iter().any(|one| one.resource.kind == resource.kind && one.key == live.key);
            let stays = stays.contains(&*live.key.name);
            let needed = RIGHTS.contains(&resource.kind) && has_pods(&context.store, &live, |_| true);
            let undecided = context.store.is_undecided(resource, live.label(resources::COMPONENT));
            if is_wanted || stays || needed || undecided || live.owner.as_deref() != Some(platform) || is_going(&live) {
                continue;
            }
            failures.extend(delete(context, resource, &live).await.err());
        }
    }
    failures
}

/// The names of the controllers that are no longer wanted and go on until those that are wanted run.
pub fn stays(
    context: &Context,
    namespace: &str,
    wanted: &[Wanted<'_>],
    deployments: &[Deployment],
) -> BTreeSet<String> {
    let runs = |one: &Deployment| one.rolled_out && one.available >= one.wanted;
    if deployments.iter().filter(|one| one.part == Part::Controllers).all(runs) {
        return BTreeSet::new();
    }
    let all = context.store.of("Deployment", namespace).into_iter();
    let stale = all.filter(|live| !wanted.iter().any(|one| one.resource.kind == "Deployment" && one.key == live.key));
    let controllers =
        stale.filter(|live| super::observe::part(live.label(resources::COMPONENT)) == Some(Part::Controllers));
    controllers.map(|live| live.key.name.to_string()).collect()
}

/// Whether there are such pods of the component of an object which have not come to their end. One that goes is news.
pub fn has_pods(store: &Store, live: &Live, is_such: impl Fn(&Live) -> bool) -> bool {
    let ended = |pod: &Live| ["Succeeded", "Failed"].map(Some).contains(&pod.object["status"]["phase"].as_str());
    let pods = store.of("Pod", &live.key.namespace);
    let of_it = pods.iter().filter(|pod| pod.label(resources::COMPONENT) == live.label(resources::COMPONENT));
    of_it.filter(|pod| !ended(pod)).any(|pod| is_such(pod))
}

/// Whether an object is being deleted.
pub fn is_going(live: &Live) -> bool {
    !live.object["metadata"]["deletionTimestamp"].is_null()
}

async fn delete(context: &Context, resource: &Resource, live: &Live) -> Result<(), Failure> {
    let (kind, name) = (resource.kind, &*live.key.name);
    let version = live.object["metadata"]["resourceVersion"].as_str().map(str::to_owned);
    let preconditions = Preconditions { uid: Some(live.uid.clone()), resource_version: version };
    let params = DeleteParams::background().preconditions(preconditions);
    let api = resource.api(&context.calls, Some(&live.key.namespace));
    let answer = limited("delete", kind, name, api.delete(name, &params)).await;
    context.metrics.pruned(kind, answer.as_ref().map_or_else(|failure| failure.label, |_| "ok"));
    match &answer {
        Ok(_) => tracing::info!(namespace = &*live.key.namespace, kind, name, "pruned"),
        Err(failure) if failure.class == Class::Conflict => {}
        Err(failure) => tracing::warn!(namespace = &*live.key.namespace, %failure, "an object cannot be pruned"),
    }
    answer.map(drop)
}
