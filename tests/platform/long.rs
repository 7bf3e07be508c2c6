//! The longer tier, `make platform-long`: an autoscaler of nodes, which come and go.

use k8s_openapi::api::core::v1::Node;
use kube::api::ListParams;
use kube::{Api, Client};
use serde_json::json;

use crate::harness::wait_for;
use crate::plane::{config, sh};
use crate::platform::{FAKE, Platform};
use crate::testbed::{Bed, bed};

/// How many nodes the autoscaler has made and not taken away.
async fn made(bed: &Bed) -> usize {
    let client = Client::try_from(config(&bed.plane.admin).await).expect("client");
    let params = ListParams::default().labels("karpenter.sh/nodepool");
    Api::<Node>::all(client).list(&params).await.expect("nodes").items.len()
}

#[tokio::test(flavor = "multi_thread")]
async fn nodes_come_for_the_headroom_and_for_the_pods_and_go_when_nobody_needs_them() {
    let bed = bed().await;
    // A node has 16 processors: one of these fits on each of the three that are there.
    let large = json!({ "requests": { "cpu": "12" } });
    let headroom = json!({ "pods": 4, "resources": large });
    let platform = Platform::new(bed, "nodes", json!({ "image": FAKE, "headroom": headroom })).await;
    wait_for("three of four places to be held", || async {
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
