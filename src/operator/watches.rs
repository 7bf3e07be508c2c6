//! One watch a kind: fills the store, and enqueues the platform that a change concerns. The watch of an optional kind runs as
//! long as the API server has the kind.

use std::collections::HashMap;
use std::pin::pin;

use futures::StreamExt;
use kube::runtime::watcher::{self, Config, Event};
use serde_json::Value;
use tokio::task::{AbortHandle, JoinSet};

use super::context::Context;
use super::discovery;
use super::resources::{self, Resource, Role};
use super::store::{Live, Reading};
use crate::cluster::stream::{After, events};
use crate::cluster::{Key, lock};
use crate::domain::platform::NAME;
use crate::platform::MANAGED_BY;

/// What the operator reads of the status of a platform.
const STATUS: [&str; 3] = ["observedGeneration", "workloads", "conditions"];

/// Runs every watch, for as long as it is polled.
pub async fn run(context: Context) {
    let mut tasks = JoinSet::new();
    for resource in resources::all().iter().filter(|resource| !resource.optional) {
        tasks.spawn(watch(context.clone(), resource));
    }
    let mut optional: HashMap<&'static str, AbortHandle> = HashMap::new();
    let mut beat = tokio::time::interval(discovery::EVERY);
    loop {
        beat.tick().await;
        for (resource, is_served) in discovery::served(&context.calls).await {
            match optional.remove(resource.kind) {
                Some(running) if is_served => drop(optional.insert(resource.kind, running)),
                None if is_served => {
                    context.store.set_reading(resource, Reading::Filling);
                    optional.insert(resource.kind, tasks.spawn(watch(context.clone(), resource)));
                }
                Some(running) => {
                    running.abort();
                    set(&context, resource, Reading::Absent);
                }
                None => set(&context, resource, Reading::Absent),
            }
        }
        while tasks.try_join_next().is_some() {}
    }
}

/// Notes how a kind can be read; where that is news, everything is looked at again.
fn set(context: &Context, resource: &Resource, reading: Reading) {
    if context.store.set_reading(resource, reading.clone()) {
        tracing::info!(kind = resource.kind, ?reading, "how a kind can be read");
        enqueue_all(context);
    }
}

/// Enqueues every platform, and every namespace in which something stands.
pub fn enqueue_all(context: &Context) {
    for key in context.store.keys("OrderPlatform") {
        enqueue(context, &key.namespace);
    }
}

fn enqueue(context: &Context, namespace: &str) {
    context.queue.add(Key::new(namespace, NAME));
}

async fn watch(context: Context, resource: &'static Resource) {
    let api = resource.api(&context.watches, context.namespace.as_deref());
    let config = match resource.role {
        Role::Platform | Role::Shared => Config::default(),
        Role::Built | Role::Made => Config::default().labels(&format!("{}={}", MANAGED_BY.0, MANAGED_BY.1)),
    };
    let mut events = pin!(events(api, config, After::List));
    let mut list = Vec::new();
    while let Some(event) = events.next().await {
        match event {
            Ok(Event::Init) => list.clear(),
            Ok(Event::InitApply(found)) => list.push(Live::of(resource, found)),
            Ok(Event::InitDone) => {
                context.metrics.watched(resource.kind, "list");
                let was = context.store.reading(resource);
                let namespaces = context.store.replace(resource, std::mem::take(&mut list));
                let is_there = |key: &Key| context.store.get(resource.kind, key).is_some();
                lock(&context.unchanged).retain(|(kind, key), _| *kind != resource.kind || is_there(key));
                if was != Reading::Filled || resource.role == Role::Shared {
                    enqueue_all(&context);
                }
                namespaces.iter().filter(|name| !name.is_empty()).for_each(|name| enqueue(&context, name));
            }
            Ok(Event::Apply(found)) => {
                context.metrics.watched(resource.kind, "apply");
                let live = Live::of(resource, found);
                let known = context.store.get(resource.kind, &live.key);
                let is_news = known.is_none_or(|known| is_news(resource, &known.object, &live.object));
                let key = context.store.put(resource, live);
                if is_news {
                    changed(&context, resource, key);
                }
            }
            Ok(Event::Delete(found)) => {
                context.metrics.watched(resource.kind, "delete");
                let key = context.store.remove(resource, &Live::of(resource, found));
                lock(&context.unchanged).remove(&(resource.kind, key.clone()));
                changed(&context, resource, key);
            }
            Err(error) => {
                context.metrics.watched(resource.kind, "error");
                tracing::warn!(kind = resource.kind, %error, "a watch was interrupted");
                if let Some(why) = refusal(&error) {
                    set(&context, resource, Reading::Refused(why));
                }
            }
        }
    }
}

/// Whether a change of an object is a reason to look. The turns of orders, which its controllers write into the status of a
/// platform many times a second, are none.
fn is_news(resource: &Resource, before: &Value, after: &Value) -> bool {
    let mine = |object: &Value| {
        let mut object = object.clone();
        if let Some(metadata) = object["metadata"].as_object_mut() {
            metadata.remove("resourceVersion");
        }
        if let Some(status) = object["status"].as_object_mut() {
            status.retain(|field, _| STATUS.contains(&&**field));
        }
        object
    };
    resource.role != Role::Platform || mine(before) != mine(after)
}

fn changed(context: &Context, resource: &Resource, key: Key) {
    match resource.role {
        Role::Shared => enqueue_all(context),
        Role::Platform | Role::Built | Role::Made => enqueue(context, &key.namespace),
    }
}

/// What the API server says where it refuses to show a kind.
fn refusal(error: &watcher::Error) -> Option<String> {
    match error {
        watcher::Error::InitialListFailed(kube::Error::Api(status))
        | watcher::Error::WatchFailed(kube::Error::Api(status))
        | watcher::Error::WatchStartFailed(kube::Error::Api(status)) => {
            matches!(status.code, 401 | 403).then(|| status.message.clone())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn turns_are_no_reason_to_look_at_a_platform_and_everything_else_is() {
        let platform = json!({
            "metadata": { "name": "default", "generation": 2, "resourceVersion": "7", "finalizers": [] }, "spec": { "config": {} },
            "status": { "observedGeneration": 2, "workloads": {}, "conditions": [], "turns": [], "serving": 1, "issued": 1 },
        });
        let find = |kind: &str| resources::find(kind).unwrap();
        let with = |path: &str, value: Value| {
            let mut changed = platform.clone();
            changed["metadata"]["resourceVersion"] = "8".into();
            *changed.pointer_mut(path).unwrap() = value;
            changed
        };
        for field in ["turns", "serving", "issued"] {
            let turn = with(&format!("/status/{field}"), json!(9));
            assert!(!is_news(find("OrderPlatform"), &platform, &turn), "{field}");
            assert!(is_news(find("Deployment"), &platform, &turn), "of another kind it is");
        }
        for path in [
            "/metadata/generation",
            "/metadata/finalizers",
            "/spec/config",
            "/status/observedGeneration",
            "/status/workloads",
            "/status/conditions",
        ] {
            assert!(is_news(find("OrderPlatform"), &platform, &with(path, json!("other"))), "{path}");
        }
        assert!(is_news(find("OrderPlatform"), &platform, &with("/status", Value::Null)));
    }
}
