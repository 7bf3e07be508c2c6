//! The longer tier, `make platform-long`: an autoscaler of nodes, which come and go, and metrics-server.

use k8s_openapi::api::core::v1::{Node, Pod};
use kube::api::{ListParams, Patch, PatchParams};
use kube::{Api, Client, ResourceExt};
use serde_json::json;
use tokio::sync::Mutex;

use crate::harness::wait_for;
use crate::plane::{config, sh};
use crate::platform::{FAKE, Platform};
use crate::testbed::{Bed, bed};

/// One test at a time: nobody meters the nodes that the autoscaler makes.
static ALONE: Mutex<()> = Mutex::const_new(());

/// How many nodes the autoscaler has made and not taken away.
async fn made(bed: &Bed) -> usize {
    let client = Client::try_from(config(&bed.plane.admin).await).expect("client");
    let params = ListParams::default().labels("karpenter.sh/nodepool");
    Api::<Node>::all(client).list(&params).await.expect("nodes").items.len()
}

#[tokio::test(flavor = "multi_thread")]
async fn nodes_come_for_the_headroom_and_for_the_pods_and_go_when_nobody_needs_them() {
    let (_alone, bed) = (ALONE.lock().await, bed().await);
    // A node has 16 processors: one of these fits on each of the three that are there.
    let large = json!({ "requests": { "cpu": "12" } });
    let headroom = json!({ "pods": 4, "resources": large });
    let platform = Platform::new(bed, "nodes", json!({ "image": FAKE, "headroom": headroom })).await;
    wait_for("three of four places to be kept free", || async {
        platform.says("HeadroomGranted", "False", "NoRoom").await.contains("3 of 4").then_some(())
    })
    .await;

    // An autoscaler comes that knows buffers: it takes the place of the pods that only wait.
    sh("tools/cluster autoscaler platform 2>/dev/null");
    platform.says("HeadroomGranted", "True", "Granted").await;
    wait_for("the pods that wait to go", || async { platform.pods("headroom").await.is_empty().then_some(()) }).await;
    let spare = made(bed).await;
    assert!(spare >= 1, "a fourth pod has no room on three nodes");

    // The room is used, and made again.
    platform.set(json!({ "workloads": { "command": { "replicas": 4, "resources": large } } })).await;
    platform.rolled_out("jumun-command", 4).await;
    wait_for("as much room as before", || async { (made(bed).await >= spare + 4).then_some(()) }).await;
    platform.says("HeadroomGranted", "True", "Granted").await;

    platform.set(json!({ "headroom": null, "workloads": { "command": { "replicas": 1, "resources": null } } })).await;
    wait_for("the nodes to go", || async { (made(bed).await == 0).then_some(()) }).await;
    platform.says("WorkloadsAvailable", "True", "").await;
    println!("0 -> {spare} -> {} or more -> 0 nodes", spare + 4);
}

/// All pods of the front door that are there use so much CPU from now on; others a millicore (`tools/kwok/usage.yaml`).
async fn use_cpu(platform: &Platform, cpu: Option<&str>) {
    let pods: Api<Pod> = platform.scene.api();
    let patch = Patch::Merge(json!({ "metadata": { "annotations": { "testbed.jumun.dev/cpu": cpu } } }));
    for pod in platform.pods("command").await {
        pods.patch(&pod.name_any(), &PatchParams::default(), &patch).await.expect("annotated");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_metrics_server_reads_makes_the_front_door_grow_and_shrink() {
    let (_alone, bed) = (ALONE.lock().await, bed().await);
    let command = json!({
        "autoscaling": { "minReplicas": 1, "maxReplicas": 4, "cpuPercent": 20 }, "resources": { "requests": { "cpu": "100m" } },
    });
    let platform = Platform::new(bed, "metered", json!({ "image": FAKE, "workloads": { "command": command } })).await;
    platform.rolled_out("jumun-command", 1).await;
    platform.says("Autoscaled", "False", "").await;
    sh("tools/cluster metrics platform 2>/dev/null");
    platform.says("Autoscaled", "True", "").await;
    // It uses all that it asks for: each of five would use a fifth.
    use_cpu(&platform, Some("100m")).await;
    platform.rolled_out("jumun-command", 4).await;
    let used = bed.kubectl(&format!("-n {} top pods --no-headers", platform.scene.namespace));
    assert!(used.lines().any(|line| line.contains("100m") && line.starts_with("jumun-command")), "{used}");
    use_cpu(&platform, None).await;
    platform.rolled_out("jumun-command", 1).await;
    println!("1 -> 4 -> 1 replicas of the front door");
}
