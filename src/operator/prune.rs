//! Deletes what is no longer wanted: found by label and owner across every kind that is ever built.
//!
//! Invariants: a deletion names the uid and the version that was seen; controllers that are replaced by others go, with what
//! belongs to them, once those others run, since two may run side by side and none is an outage; a pod keeps its account and
//! its rights until it is gone.

use std::collections::BTreeSet;
use std::sync::Arc;

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
            let needed = RIGHTS.contains(&resource.kind) && !pods(&context.store, &live).is_empty();
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
    if deployments.iter().filter(|one| one.part == Part::Controllers).all(Deployment::runs) {
        return BTreeSet::new();
    }
    let all = context.store.of("Deployment", namespace).into_iter();
    let stale = all.filter(|live| !wanted.iter().any(|one| one.resource.kind == "Deployment" && one.key == live.key));
    let controllers =
        stale.filter(|live| super::observe::part(live.label(resources::COMPONENT)) == Some(Part::Controllers));
    controllers.map(|live| live.key.name.to_string()).collect()
}

/// The pods of the component of an object that have not come to their end. One that goes is news.
pub fn pods(store: &Store, live: &Live) -> Vec<Arc<Live>> {
    let ended = |pod: &Live| ["Succeeded", "Failed"].map(Some).contains(&pod.object["status"]["phase"].as_str());
    let mut pods = store.of("Pod", &live.key.namespace);
    pods.retain(|pod| pod.label(resources::COMPONENT) == live.label(resources::COMPONENT) && !ended(pod));
    pods
}

/// Whether a Deployment has pods beside those that it counts: of before, and going. Its own status may be seen before the
/// pods are seen to go.
pub fn has_old_pods(store: &Store, deployment: &Live) -> bool {
    let (pods, counted) = (pods(store, deployment), deployment.object["status"]["replicas"].as_u64().unwrap_or(0));
    let templates: BTreeSet<Option<&str>> = pods.iter().map(|pod| pod.label("pod-template-hash")).collect();
    pods.len() as u64 > counted || templates.len() > 1 || pods.iter().any(|pod| is_going(pod))
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

#[cfg(test)]
mod tests {
    use super::super::resources::find;
    use super::*;
    use serde_json::{Value, json};

    fn live(kind: &str, name: &str, more: &Value) -> Live {
        let resource = find(kind).unwrap();
        let mut object = json!({ "apiVersion": resource.api_version, "kind": kind, "metadata": {
            "name": name, "namespace": "shop", "uid": name, "resourceVersion": "1",
            "labels": { resources::COMPONENT: "order" },
        } });
        for (field, value) in more.as_object().unwrap() {
            if field == "deletionTimestamp" {
                object["metadata"][field] = value.clone();
            } else {
                object[field] = value.clone();
            }
        }
        Live::of(resource, serde_json::from_value(object).unwrap())
    }

    #[test]
    fn a_pod_of_before_is_seen_whether_it_is_seen_to_go_or_not() {
        let deployment = live("Deployment", "jumun-order", &json!({ "status": { "replicas": 1 } }));
        let has = |pods: &[(&str, Value)]| {
            let store = Store::default();
            let pod = find("Pod").unwrap();
            pods.iter().for_each(|(name, more)| drop(store.put(pod, live("Pod", name, more))));
            has_old_pods(&store, &deployment)
        };
        let going = json!({ "deletionTimestamp": "2026-11-26T00:00:00Z" });
        assert!(!has(&[("new", json!({}))]));
        assert!(has(&[("new", json!({})), ("old", going.clone())]), "it goes");
        assert!(has(&[("new", json!({})), ("old", json!({}))]), "its Deployment does not count it any more");
        assert!(has(&[("old", going)]), "the new one is not seen yet");
        assert!(!has(&[("new", json!({})), ("old", json!({ "status": { "phase": "Failed" } }))]), "it has ended");
        let two = live("Deployment", "jumun-order", &json!({ "status": { "replicas": 2 } }));
        let store = Store::default();
        for (name, hash) in [("new", "b"), ("old", "a")] {
            let mut pod = live("Pod", name, &json!({}));
            pod.object["metadata"]["labels"]["pod-template-hash"] = json!(hash);
            store.put(find("Pod").unwrap(), pod);
        }
        assert!(has_old_pods(&store, &two), "one of the new ones is not seen yet, and an old one not seen to go");
    }
}
