//! Autoscaling by the CPU that pods really use: the front door under load, and after it.

use serde_json::{Value, json};

use crate::cluster::{Place, attempt, condition, setting, sh, wait_for};

/// Installs metrics-server where the cluster has none.
fn metrics_server() {
    if attempt("kubectl get apiservice v1beta1.metrics.k8s.io").0 {
        return;
    }
    let image = setting("METRICS_IMAGE", "jumun-metrics-server:e2e");
    sh(&format!("sed 's|METRICS_IMAGE|{image}|' tests/e2e/metrics-server.yaml | kubectl apply --server-side -f -"));
}

/// Waits until the Deployment has this many available pods, or another number that will do.
async fn available(place: &Place, what: &str, enough: impl Fn(i64) -> bool) -> i64 {
    wait_for(what, || async {
        let count = place.get("deployment jumun-command")["status"]["availableReplicas"].as_i64()?;
        enough(count).then_some(count)
    })
    .await
}

fn autoscaled(place: &Place) -> Option<Value> {
    condition(&place.get("orderplatform default"), "Autoscaled").cloned()
}

#[tokio::test]
async fn the_front_door_grows_with_the_cpu_that_it_uses_and_shrinks_again() {
    metrics_server();
    let autoscaling = json!({ "minReplicas": 1, "maxReplicas": 4, "cpuPercent": 20 });
    let command = json!({ "autoscaling": autoscaling, "resources": { "requests": { "cpu": "50m" } } });
    let place = Place::new("scaling", &json!({ "workloads": { "command": command } })).await;
    wait_for("the autoscaler to read its metric", || async {
        let said = autoscaled(&place)?;
        (said["status"] == "True" && said["reason"] == "Active").then_some(())
    })
    .await;
    available(&place, "a single pod", |count| count == 1).await;
    place.call("caller", "jumun-command").await;
    let most = available(&place, "more pods under load", |count| count >= 2).await;
    place.kubectl("delete pod caller --wait=false");
    available(&place, "a single pod once it is calm", |count| count == 1).await;
    println!("1 -> {most} -> 1 by the CPU that was used");
    place.finish();
}
