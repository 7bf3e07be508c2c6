//! The bed itself: what the small kubelet does with a live pod, and that an autoscaler reads the metrics of the tests.

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use kube::api::{DeleteParams, ListParams};
use serde_json::json;

use crate::harness::{Scene, wait_for};
use crate::testbed::bed;

/// A Deployment of one live pod, with these arguments and this path as its probes' target.
async fn deploy(scene: &Scene, arguments: &[&str], probe: &str) {
    let probe = json!({ "httpGet": { "path": probe, "port": "ops" }, "periodSeconds": 1, "failureThreshold": 2 });
    let labels = json!({ "app": "probe" });
    scene
        .create::<Deployment>(json!({
            "metadata": { "name": "probe" },
            "spec": { "selector": { "matchLabels": labels }, "template": {
                "metadata": { "labels": labels },
                "spec": { "terminationGracePeriodSeconds": 5, "containers": [{
                    "name": "jumun", "image": "testbed.invalid/live/jumun:0", "args": arguments,
                    "ports": [{ "name": "ops", "containerPort": 8081 }],
                    "env": [{ "name": "POD_IP", "valueFrom": { "fieldRef": { "fieldPath": "status.podIP" } } }],
                    "readinessProbe": probe, "livenessProbe": probe,
                }] },
            } },
        }))
        .await;
}

async fn pod(scene: &Scene, what: &str, holds: impl Fn(&Pod) -> bool) -> Pod {
    let api: Api<Pod> = scene.api();
    wait_for(what, || async {
        let pods = api.list(&ListParams::default().labels("app=probe")).await.ok()?.items;
        pods.into_iter().find(|pod| holds(pod))
    })
    .await
}

fn ready(pod: &Pod) -> bool {
    let conditions = pod.status.iter().flat_map(|status| status.conditions.iter().flatten());
    conditions.into_iter().any(|condition| condition.type_ == "Ready" && condition.status == "True")
}

fn restarts(pod: &Pod) -> i32 {
    let statuses = pod.status.iter().flat_map(|status| status.container_statuses.iter().flatten());
    statuses.map(|status| status.restart_count).sum()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_live_pod_runs_at_its_own_address_and_goes_when_it_is_deleted() {
    let scene = bed().await.scene("live").await;
    deploy(&scene, &["fake-provider", "--listen", "$(POD_IP):8081"], "/charges").await;
    let first = pod(&scene, "a pod that is ready", ready).await;
    let name = first.metadata.name.expect("a name");
    scene.api::<Pod>().delete(&name, &DeleteParams::default()).await.expect("deleted");
    pod(&scene, "another pod that is ready", |pod| ready(pod) && pod.metadata.name.as_ref() != Some(&name)).await;
    let gone = || async { scene.api::<Pod>().get_opt(&name).await.ok()?.is_none().then_some(()) };
    wait_for("the first pod to be gone", gone).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_live_pod_whose_probe_fails_is_never_ready_and_starts_again() {
    let scene = bed().await.scene("unlive").await;
    deploy(&scene, &["fake-provider", "--listen", "$(POD_IP):8082"], "/charges").await;
    let pod = pod(&scene, "two restarts", |pod| restarts(pod) >= 2).await;
    assert!(!ready(&pod));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_autoscaler_follows_the_metrics_of_the_bed() {
    let bed = bed().await;
    let metrics = bed.metrics().await;
    let scene = bed.scene("metered").await;
    let labels = json!({ "app.kubernetes.io/component": "web" });
    let resources = json!({ "requests": { "cpu": "100m" } });
    scene
        .create::<Deployment>(json!({
            "metadata": { "name": "web" },
            "spec": { "selector": { "matchLabels": labels }, "template": {
                "metadata": { "labels": labels },
                "spec": { "containers": [{ "name": "web", "image": "testbed.invalid/ready/web:0", "resources": resources }] },
            } },
        }))
        .await;
    let cpu = json!({ "name": "cpu", "target": { "type": "Utilization", "averageUtilization": 50 } });
    let waiting =
        json!({ "metric": { "name": "waiting" }, "target": { "type": "AverageValue", "averageValue": "10" } });
    scene
        .create::<HorizontalPodAutoscaler>(json!({
            "metadata": { "name": "web" },
            "spec": {
                "scaleTargetRef": { "apiVersion": "apps/v1", "kind": "Deployment", "name": "web" },
                "minReplicas": 1, "maxReplicas": 10,
                "metrics": [{ "type": "Resource", "resource": cpu }, { "type": "External", "external": waiting }],
            },
        }))
        .await;
    let replicas = async |wanted: i32| {
        let ready = || async {
            let status = scene.api::<Deployment>().get("web").await.ok()?.status?;
            (status.ready_replicas == Some(wanted) && status.replicas == Some(wanted)).then_some(())
        };
        wait_for(&format!("{wanted} replicas"), ready).await;
    };
    metrics.external(&scene.namespace, "waiting", 0);
    replicas(1).await;
    metrics.cpu(&scene.namespace, "web", 240);
    replicas(5).await;
    metrics.external(&scene.namespace, "waiting", 68);
    replicas(7).await;
    metrics.external(&scene.namespace, "waiting", 0);
    metrics.cpu(&scene.namespace, "web", 40);
    replicas(1).await;
}
