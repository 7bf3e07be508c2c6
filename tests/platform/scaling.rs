//! Replicas belong to the autoscaler of Kubernetes, which reads its metrics as on any cluster.

use std::sync::{Arc, Mutex};

use futures::StreamExt;
use k8s_openapi::api::apps::v1::Deployment;
use kube::Api;
use kube::runtime::{WatchStreamExt, watcher};
use serde_json::json;

use crate::harness::wait_for;
use crate::platform::{FAKE, Platform};
use crate::testbed::bed;

/// Every number of replicas that a Deployment is ever told, in order, each once in a row.
fn follow(deployments: Api<Deployment>, name: &str) -> Arc<Mutex<Vec<i32>>> {
    let told: Arc<Mutex<Vec<i32>>> = Arc::default();
    let (list, config) = (told.clone(), watcher::Config::default().fields(&format!("metadata.name={name}")));
    tokio::spawn(async move {
        let mut versions = std::pin::pin!(watcher(deployments, config).default_backoff().applied_objects());
        while let Some(Ok(version)) = versions.next().await {
            let replicas = version.spec.replicas.unwrap_or(1);
            let mut list = list.lock().expect("a list");
            if list.last() != Some(&replicas) {
                list.push(replicas);
            }
        }
    });
    told
}

async fn until(told: &Mutex<Vec<i32>>, replicas: i32) {
    let last = || told.lock().expect("a list").last().copied();
    wait_for(&format!("{replicas} replicas"), || async { (last() == Some(replicas)).then_some(()) }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_busy_front_door_grows_from_one_to_ten_and_back_and_the_operator_does_not_fight() {
    let bed = bed().await;
    let metrics = bed.metrics().await;
    let command = json!({
        "autoscaling": { "minReplicas": 1, "maxReplicas": 10, "cpuPercent": 20 }, "resources": { "requests": { "cpu": "100m" } },
    });
    let platform = Platform::new(bed, "busy", json!({ "image": FAKE, "workloads": { "command": command } })).await;
    let namespace = platform.scene.namespace.clone();
    metrics.cpu(&namespace, "command", 10);
    platform.rolled_out("jumun-command", 1).await;
    platform.says("Autoscaled", "True", "").await;
    let told = follow(platform.scene.api(), "jumun-command");
    until(&told, 1).await;
    // Together they use 200 millicores, of which 20 are a fifth of what one of them asks for.
    metrics.cpu(&namespace, "command", 200);
    until(&told, 10).await;
    platform.rolled_out("jumun-command", 10).await;
    // The operator applies the Deployment anew, with ten replicas that are not its own.
    platform.set(json!({ "config": { "LOG_LEVEL": "debug" } })).await;
    platform.rolled_out("jumun-command", 10).await;
    platform.says("WorkloadsAvailable", "True", "").await;
    metrics.cpu(&namespace, "command", 10);
    until(&told, 1).await;
    platform.rolled_out("jumun-command", 1).await;
    let told = told.lock().expect("a list").clone();
    let top = told.iter().position(|replicas| *replicas == 10).expect("ten");
    assert!(told[..=top].is_sorted() && told[top..].is_sorted_by(|a, b| a >= b), "{told:?}");
    println!("replicas: {told:?}");
    // Nobody but the autoscaler says how many there are.
    let deployment = platform.deployment("jumun-command").await;
    for entry in deployment.metadata.managed_fields.unwrap_or_default() {
        let fields = serde_json::to_value(&entry.fields_v1).expect("JSON");
        let says = !fields["f:spec"]["f:replicas"].is_null();
        assert!(
            !says || entry.manager.as_deref() == Some("kube-controller-manager"),
            "{:?} says replicas",
            entry.manager
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn waiting_orders_make_the_front_door_grow() {
    let bed = bed().await;
    let metrics = bed.metrics().await;
    let command = json!({ "autoscaling": { "maxReplicas": 4, "ordersWaiting": 5 } });
    let platform = Platform::new(bed, "waiting", json!({ "image": FAKE, "workloads": { "command": command } })).await;
    metrics.external(&platform.scene.namespace, "jumun_orders_waiting", 0);
    platform.says("Autoscaled", "True", "").await;
    let told = follow(platform.scene.api(), "jumun-command");
    metrics.external(&platform.scene.namespace, "jumun_orders_waiting", 17);
    until(&told, 4).await;
    platform.rolled_out("jumun-command", 4).await;
    metrics.external(&platform.scene.namespace, "jumun_orders_waiting", 0);
    until(&told, 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_metrics_api_that_is_missing_is_said_and_noticed_when_it_comes() {
    // It is missing until somebody needs it: what is asserted is in `late.rs`.
    bed().await.metrics().await;
}
