//! What somebody edits or deletes of what is built stands again, and how soon: shared with tests/platform, whose cluster has
//! the kinds that others lack.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::harness::{Scene, wait_for};

/// An edit or a deletion is undone within this, on a machine that runs a dozen tests besides.
const STANDS_WITHIN: Duration = Duration::from_secs(20);

/// What somebody changes of an object of this kind, and where.
fn edit(kind: &str) -> (&'static str, Value) {
    match kind {
        "ConfigMap" => ("/data/LOG_LEVEL", json!("trace")),
        "ServiceAccount" => ("/automountServiceAccountToken", json!(true)),
        "Role" => ("/rules/0/verbs", json!(["deletecollection"])),
        "RoleBinding" => ("/subjects", json!([])),
        "NetworkPolicy" => ("/spec/ingress", json!([{}])),
        "Service" => ("/spec/selector", json!({ "app": "another" })),
        "Deployment" => ("/spec/template/spec/containers/0/image", json!("another:2")),
        "PodDisruptionBudget" => ("/spec/maxUnavailable", json!(9)),
        "HorizontalPodAutoscaler" => ("/spec/maxReplicas", json!(50)),
        "Gateway" => ("/spec/listeners/0/port", json!(9_999)),
        "HTTPRoute" => ("/spec/hostnames", json!(["another.example"])),
        "PodTemplate" => ("/template/spec/containers/0/image", json!("another:2")),
        "CapacityBuffer" => ("/spec/replicas", json!(50)),
        other => panic!("nobody has said what to edit of a {other}"),
    }
}

/// An object without what the API server and other controllers say of it.
fn essence(object: &Value) -> Value {
    let mut essence = object.clone();
    for field in ["resourceVersion", "uid", "creationTimestamp", "generation", "managedFields", "selfLink"] {
        essence["metadata"].as_object_mut().expect("metadata").remove(field);
    }
    let annotations = essence["metadata"]["annotations"].as_object_mut().expect("annotations");
    annotations.retain(|name, _| name.starts_with("jumun.dev/"));
    let fields = essence.as_object_mut().expect("an object");
    fields.remove("status");
    fields.remove("secrets");
    if let Some(spec) = fields.get_mut("spec").and_then(Value::as_object_mut) {
        ["clusterIP", "clusterIPs"].into_iter().for_each(|field| drop(spec.remove(field)));
    }
    essence
}

/// Everything of these kinds, as kubectl takes them, that the operator has built in the namespace.
pub fn built(scene: &Scene, kinds: &str) -> Vec<Value> {
    let label = "app.kubernetes.io/managed-by=jumun-operator";
    let (done, text) = scene.kubectl(&["get", kinds, "-l", label, "-o", "json"]);
    assert!(done, "{text}");
    let list: Value = serde_json::from_str(&text).expect("JSON");
    list["items"].as_array().expect("a list").clone()
}

/// Waits until an object stands as it did, in time.
async fn stands(scene: &Scene, before: &Value, (kind, name): (&str, &str), what: &str) {
    let began = Instant::now();
    let words = format!("{kind} {name} to stand again after {what}");
    let again = wait_for(&words, || async {
        let (done, text) = scene.kubectl(&["get", kind, name, "-o", "json"]);
        let now: Value = serde_json::from_str(&text).ok().filter(|_| done)?;
        let is = essence(&now) == essence(before) && now["metadata"]["deletionTimestamp"].is_null();
        is.then_some(now)
    });
    let again = tokio::time::timeout(STANDS_WITHIN, again).await;
    let now = again.unwrap_or_else(|_| panic!("{kind} {name} does not stand again {STANDS_WITHIN:?} after {what}"));
    let took = began.elapsed();
    assert!(took <= STANDS_WITHIN, "{kind} {name} stood again only {took:?} after {what}");
    assert_ne!(now["metadata"]["resourceVersion"], before["metadata"]["resourceVersion"], "{kind} was not touched");
    println!("{kind} {name} stands again {} ms after {what}", took.as_millis());
}

/// Edits and then deletes each object of these kinds that is built, one after the other; each stands again in time. Gives
/// the kinds of which there was one.
pub async fn each_stands_again(scene: &Scene, kinds: &str) -> BTreeSet<String> {
    let word = |field: &Value| field.as_str().expect("text").to_owned();
    let mut seen = BTreeSet::new();
    for before in built(scene, kinds) {
        let (kind, name) = (word(&before["kind"]), word(&before["metadata"]["name"]));
        let (path, value) = edit(&kind);
        let patch = json!([{ "op": "add", "path": path, "value": value }]).to_string();
        let (done, said) = scene.kubectl(&["patch", &kind, &name, "--type=json", "-p", &patch]);
        assert!(done, "{kind} {name}: {said}");
        stands(scene, &before, (&kind, &name), "an edit").await;
        seen.insert(kind);
    }
    for before in built(scene, kinds) {
        let (kind, name) = (word(&before["kind"]), word(&before["metadata"]["name"]));
        let (done, said) = scene.kubectl(&["delete", &kind, &name, "--wait=false"]);
        assert!(done, "{kind} {name}: {said}");
        stands(scene, &before, (&kind, &name), "its deletion").await;
    }
    seen
}
