//! Older Kubernetes, emulated by the API server of the newest, on control planes of their own: the chart leaves out what an
//! older one lacks and says so, and everything works all the same.

use jumun::crd::Order;
use jumun::domain::order::State;
use kube::Client;
use serde_json::{Value, json};

use crate::chart::on;
use crate::harness::{Scene, order};
use crate::plane::{Plane, config};
use crate::platform::{PlatformOperator, available, object, platform, says};

/// What one minor of Kubernetes has.
struct Minor {
    version: &'static str,
    /// Whether it mutates by policy.
    mutates: bool,
}

/// How many writes the operator made to the metadata of orders: a finalizer that no policy has set.
async fn finalizers_put(scene: &Scene) -> u64 {
    let calls = scene.operator(0).calls().await;
    let is_order = |label: &str| label.contains("kind=\"Order\"") && label.contains("verb=\"patch\"");
    calls.iter().filter(|(labels, _)| is_order(labels)).map(|(_, count)| count).sum()
}

async fn everything_works_on(minor: Minor) {
    let name = format!("older-{}", minor.version.replace('.', "-"));
    let flags = format!("CLUSTER_APISERVER_FLAGS=--emulated-version={}", minor.version);
    let plane: &'static Plane = Box::leak(Box::new(Plane::bare(&name, &flags)));
    let version: Value = serde_json::from_str(&on(plane, "kubectl get --raw /version")).expect("JSON");
    assert_eq!(version["emulationMinor"], minor.version.split_once('.').expect("a minor").1, "{version}");
    on(plane, "kubectl create namespace jumun-system --dry-run=client -o yaml | kubectl apply --server-side -f -");
    let notes = on(plane, "\"$HELM\" upgrade --install jumun chart -n jumun-system 2>&1");
    assert_eq!(notes.contains("does not mutate by policy"), !minor.mutates, "{notes}");
    let policies = on(plane, "kubectl get validatingadmissionpolicies -o name");
    assert!(policies.contains("jumun.dev"), "steps are guarded on every version: {policies}");
    on(plane, "kubectl wait --for=condition=Established crd -l app.kubernetes.io/part-of=jumun --timeout=60s");
    plane.takes_orders();
    plane.account_of_the_manifest();

    let client = Client::try_from(config(&plane.admin).await).expect("client");
    let mut scene = Scene::on(plane, client, "older").await;
    scene.shop().await;
    scene.product("mug", 1_000, 10).await;
    scene.wallet("alice", 50_000).await;
    scene.start_operator(&[]);
    let (kept, cancelled) = ("kept", "cancelled");
    for name in [kept, cancelled] {
        scene.create::<Order>(order(name, "alice", "mug", 1)).await;
    }
    let delivery = scene.delivery_of(kept).await.metadata.name.expect("a name");
    assert!(scene.deliver(&delivery).await);
    assert_eq!(scene.end_of(kept).await, State::Completed);
    scene.delivery_of(cancelled).await;
    scene.cancel(cancelled).await;
    assert_eq!(scene.end_of(cancelled).await, State::Cancelled);
    assert_eq!(scene.settled_stock("mug").await.1, 1, "what was cancelled is not sold");
    let put = finalizers_put(&scene).await;
    assert_eq!(put > 0, !minor.mutates, "the policy sets finalizers, or else the controllers do: {put}");

    let operator = PlatformOperator::of(&scene);
    platform(&scene, &json!({ "workloads": { "command": { "autoscaling": { "minReplicas": 1, "maxReplicas": 3 } } } }));
    available(&scene).await;
    says(&scene, "RightsGranted", "True", "Granted").await;
    assert!(object(&scene, "hpa", "jumun-command").is_some());
    assert!(operator.terminate().await, "it stops in order");
    scene.finish().await;
    on(plane, &format!("tools/cluster down {name}"));
}

#[tokio::test]
async fn kubernetes_1_35_has_no_policies_that_mutate_and_costs_a_write_more() {
    everything_works_on(Minor { version: "1.35", mutates: false }).await;
}

#[tokio::test]
async fn kubernetes_1_36_has_all_that_is_needed() {
    everything_works_on(Minor { version: "1.36", mutates: true }).await;
}
