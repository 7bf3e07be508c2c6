//! Room on nodes for pods to come: placeholders hold it, and give way; where CapacityBuffers are served, nobody else does.

use kube::ResourceExt;
use serde_json::json;
use tokio::sync::OnceCell;

use crate::harness::wait_for;
use crate::plane::sh;
use crate::platform::{FAKE, Platform};
use crate::testbed::{Bed, bed};

#[tokio::test(flavor = "multi_thread")]
async fn headroom_is_held_and_given_up_to_whoever_needs_it() {
    // Placeholders hold it until somebody needs CapacityBuffers: what is asserted is in `buffers_come`.
    bed().await.buffers().await;
}

static BUFFERS: OnceCell<()> = OnceCell::const_new();

impl Bed {
    /// CapacityBuffers, defined by whoever asks first; before that pods hold the room. Nobody makes nodes for them here.
    pub async fn buffers(&'static self) {
        let define = async || {
            let folder = sh("tools/testbed karpenter-definitions");
            let definition = format!("{folder}/autoscaling.x-k8s.io_capacitybuffers.yaml");
            self.kubectl(&format!("apply --server-side -f {definition} >/dev/null"));
            self.kubectl(
                "wait --for=condition=Established crd capacitybuffers.autoscaling.x-k8s.io --timeout=30s >/dev/null",
            );
        };
        BUFFERS.get_or_init(|| buffers_come(self, define)).await;
    }
}

/// A platform with headroom, on a cluster that does not know CapacityBuffers until `define` is over.
async fn buffers_come(bed: &'static Bed, define: impl AsyncFnOnce()) {
    // A node has 32 GiB: two of these do not fit on one, and there are three nodes.
    let large = json!({ "requests": { "memory": "20Gi" } });
    let headroom = json!({ "pods": 3, "resources": large });
    let platform = Platform::new(bed, "roomy", json!({ "image": FAKE, "headroom": headroom.clone() })).await;
    platform.says("HeadroomGranted", "True", "").await;
    let held = platform.pods("headroom").await;
    assert_eq!(held.len(), 3);
    let nodes = held.iter().map(|pod| pod.spec.as_ref().and_then(|spec| spec.node_name.clone()));
    assert_eq!(nodes.collect::<std::collections::BTreeSet<_>>().len(), 3, "one on each node");
    assert!(
        held.iter().all(|pod| pod.spec.as_ref().and_then(|spec| spec.priority).is_some_and(|priority| priority < 0))
    );
    // A workload grows: it takes the place of one of them, and the platform says that there is less room.
    let large = json!({ "requests": { "memory": "20Gi" } });
    platform.set(json!({ "workloads": { "command": { "resources": large } } })).await;
    platform.rolled_out("jumun-command", 1).await;
    let message = platform.says("HeadroomGranted", "False", "NoRoom").await;
    assert!(message.contains("2 of 3"), "{message}");
    let left = held.iter().map(ResourceExt::name_any);
    let now: Vec<String> = platform.pods("headroom").await.iter().map(ResourceExt::name_any).collect();
    assert_eq!(left.filter(|name| now.contains(name)).count(), 2, "one of them gave way");
    // It is no reason not to serve, and there is room again once nobody needs it.
    platform.says("WorkloadsAvailable", "True", "").await;
    platform.set(json!({ "workloads": { "command": { "resources": null } } })).await;
    platform.says("HeadroomGranted", "True", "").await;
    platform.set(json!({ "headroom": null })).await;
    let nothing = async || {
        wait_for("no headroom", || async {
            let placeholders = platform.scene.kubectl(&["get", "deploy", "jumun-headroom"]).0;
            (!placeholders && platform.pods("headroom").await.is_empty()).then_some(())
        })
        .await;
    };
    nothing().await;

    // Once the cluster knows buffers, one takes the place of the pods.
    platform.set(json!({ "headroom": headroom })).await;
    platform.says("HeadroomGranted", "True", "").await;
    define().await;
    nothing().await;
    let (_, size) =
        platform.scene.kubectl(&["get", "capacitybuffer", "jumun-headroom", "-o", "jsonpath={.spec.replicas}"]);
    assert_eq!(size, "3");
    platform.says("WorkloadsAvailable", "True", "").await;
}
