//! What leaves the spec is deleted, and what somebody changes by hand is put back; both with the rights of the installation.

use jumun::crd::OrderPlatform;
use jumun::domain::order::State;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use k8s_openapi::api::core::v1::{ConfigMap, Service, ServiceAccount};
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use k8s_openapi::api::rbac::v1::{Role, RoleBinding};
use kube::Resource;
use kube::core::NamespaceResourceScope;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::harness::wait_for;
use crate::platform::{FAKE, LIVE, Platform, groups, quick};
use crate::testbed::{GATEWAY, bed};

/// Waits until an object is there, or until it is not.
async fn is<K>(platform: &Platform, name: &str, there: bool)
where
    K: Resource<Scope = NamespaceResourceScope, DynamicType = ()> + Clone + DeserializeOwned + std::fmt::Debug,
{
    let api = platform.scene.api::<K>();
    let what = format!("{} {name} to be there: {there}", K::kind(&()));
    wait_for(&what, || async { (api.get_opt(name).await.ok()?.is_some() == there).then_some(()) }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_leaves_the_spec_is_deleted() {
    let bed = bed().await;
    bed.gateway().await;
    let spec = json!({
        "image": FAKE,
        "gateway": { "className": "traefik", "hostname": "prune.example", "port": GATEWAY },
        "workloads": {
            "controllers": { "groups": groups() },
            "command": { "autoscaling": { "minReplicas": 2, "maxReplicas": 3, "cpuPercent": 50 } },
        },
    });
    let platform = Platform::new(bed, "prune", spec).await;
    platform.says("GatewayProgrammed", "True", "").await;
    let all = async |there| {
        is::<Deployment>(&platform, "jumun-view", there).await;
        is::<ServiceAccount>(&platform, "jumun-view", there).await;
        is::<Role>(&platform, "jumun-view", there).await;
        is::<RoleBinding>(&platform, "jumun-view", there).await;
        is::<HorizontalPodAutoscaler>(&platform, "jumun-command", there).await;
        is::<PodDisruptionBudget>(&platform, "jumun-command", there).await;
        wait_for(&format!("gateway and routes to be there: {there}"), || async {
            let (listed, text) = platform.scene.kubectl(&["get", "gateways,httproutes", "-o", "name"]);
            (listed && text.lines().count() == if there { 3 } else { 0 }).then_some(())
        })
        .await;
    };
    all(true).await;
    let nothing = json!({ "controllers": null, "command": null });
    platform.set(json!({ "gateway": null, "workloads": nothing })).await;
    all(false).await;
    is::<Deployment>(&platform, "jumun-controllers", true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_another_version_of_the_operator_has_built_is_deleted() {
    let platform = Platform::new(bed().await, "another-version", json!({ "image": FAKE })).await;
    platform.says("WorkloadsAvailable", "True", "").await;
    let scene = &platform.scene;
    let owner = scene.api::<OrderPlatform>().get("default").await.expect("a platform").controller_owner_ref(&());
    let labels = json!({ "app.kubernetes.io/managed-by": "jumun-operator", "app.kubernetes.io/component": "query" });
    let meta = |name: &str, owner: &Value| json!({ "name": name, "labels": labels, "ownerReferences": owner });
    // Of kinds that a platform has as long as it stands, too.
    let ours = json!([owner]);
    scene.create::<ConfigMap>(json!({ "metadata": meta("jumun-settings", &ours), "data": { "A": "1" } })).await;
    let ports = json!({ "ports": [{ "port": 80 }] });
    scene.create::<Service>(json!({ "metadata": meta("jumun-door", &ours), "spec": ports })).await;
    scene.create::<ConfigMap>(json!({ "metadata": meta("somebodys", &json!([])), "data": { "A": "1" } })).await;
    is::<ConfigMap>(&platform, "jumun-settings", false).await;
    is::<Service>(&platform, "jumun-door", false).await;
    is::<ConfigMap>(&platform, "somebodys", true).await;
    is::<Service>(&platform, "jumun-query", true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn controllers_that_are_replaced_finish_what_the_others_began() {
    let platform = Platform::new(bed().await, "replaced", json!({ "image": LIVE, "probes": quick() })).await;
    platform.says("Ready", "True", "").await;
    let scene = &platform.scene;
    scene.shop().await;
    scene.product("mug", 5_000, 10).await;
    scene.wallet("alice", 100_000).await;
    scene.orders_at_once(5, |n| (format!("before-{n}"), "mug".to_owned())).await;
    // Every process is replaced while orders are under way: two replicas, then a new version of both.
    platform.set(json!({ "workloads": { "controllers": { "replicas": 2 } } })).await;
    platform.rolled_out("jumun-controllers", 2).await;
    platform.set(json!({ "config": { "LOG_LEVEL": "debug" } })).await;
    scene.orders_at_once(5, |n| (format!("after-{n}"), "mug".to_owned())).await;
    platform.rolled_out("jumun-controllers", 2).await;
    scene.cancel("before-0").await;
    assert_eq!(scene.end_of("before-0").await, State::Cancelled);
    for order in (1..5).map(|n| format!("before-{n}")).chain((0..5).map(|n| format!("after-{n}"))) {
        let delivery = scene.delivery_of(&order).await.metadata.name.expect("a name");
        assert!(scene.deliver(&delivery).await, "the courier's steps are taken");
        assert_eq!(scene.end_of(&order).await, State::Completed);
    }
    assert_eq!(scene.settled_stock("mug").await, (1, 9));
    platform.scene.finish().await;
}
