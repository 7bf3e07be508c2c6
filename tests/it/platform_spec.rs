//! What an OrderPlatform says of its workloads: refused with a message that names the field where it can never be valid, and
//! built into objects that a real API server takes, with pods that the standard `restricted` lets in.

use std::collections::BTreeSet;

use jumun::crd::OrderPlatform;
use jumun::platform::{Built, Inputs, Served, build};
use k8s_openapi::api::core::v1::{Namespace, Pod};
use kube::api::{ApiResource, DynamicObject, Patch, PatchParams, PostParams};
use kube::core::GroupVersionKind;
use kube::{Api, ResourceExt};
use serde_json::{Value, json};

use crate::harness::Scene;

#[tokio::test]
async fn a_spec_that_can_never_be_built_is_refused_and_the_field_is_named() {
    let scene = Scene::new("platform-spec", 0).await;
    let command = |part: Value| json!({ "workloads": { "command": part } });
    let groups = |groups: Value| json!({ "workloads": { "controllers": { "groups": groups } } });
    let gateway = |more: Value| {
        let mut gateway = json!({ "className": "any" });
        gateway.as_object_mut().expect("fields").extend(more.as_object().expect("fields").clone());
        json!({ "gateway": gateway })
    };
    let both = json!({ "replicas": 1, "autoscaling": { "maxReplicas": 2 } });
    let cpu = json!({ "resources": { "requests": { "cpu": "2" }, "limits": { "cpu": "1500m" } } });
    let memory = json!({ "resources": { "requests": { "memory": "1Gi" }, "limits": { "memory": "512Mi" } } });
    let cases = [
        (command(json!({ "autoscaling": { "minReplicas": 5, "maxReplicas": 2 } })), "command.autoscaling.minReplicas"),
        (command(json!({ "autoscaling": { "minReplicas": 5 } })), "command.autoscaling.maxReplicas"),
        (command(json!({ "autoscaling": { "maxReplicas": 2, "cpuPercent": 101 } })), "autoscaling.cpuPercent"),
        (command(json!({ "autoscaling": { "maxReplicas": 2, "cpuPercent": 0 } })), "autoscaling.cpuPercent"),
        (command(json!({ "autoscaling": { "maxReplicas": 101 } })), "autoscaling.maxReplicas"),
        (command(json!({ "replicas": -1 })), "command.replicas"),
        (command(both), "replicas belong to the autoscaler: set replicas or autoscaling, not both"),
        (command(cpu), "resources.requests.cpu is not above resources.limits.cpu"),
        (command(memory), "resources.requests.memory is not above resources.limits.memory"),
        (command(json!({ "resources": { "requests": { "cpu": "lots" } } })), "command.resources.requests.cpu"),
        (command(json!({ "resources": { "requests": { "cpu": 0 } } })), "command.resources.requests.cpu"),
        (command(json!({ "resources": { "limits": { "memory": "1 Gi" } } })), "command.resources.limits.memory"),
        (groups(json!([["order"], ["order"]])), "workloads.controllers.groups: a kind stands in one group at most"),
        (groups(json!([["order", "order"]])), "Duplicate value"),
        (groups(json!([["orders"]])), "workloads.controllers.groups[0][0]"),
        (groups(json!([["Order"]])), "workloads.controllers.groups[0][0]"),
        (groups(json!([[]])), "workloads.controllers.groups[0]"),
        (groups(json!([])), "workloads.controllers.groups"),
        (json!({ "probes": { "liveness": { "timeoutSeconds": 0 } } }), "probes.liveness.timeoutSeconds"),
        (json!({ "probes": { "liveness": { "periodSeconds": 0 } } }), "probes.liveness.periodSeconds"),
        (json!({ "probes": { "startup": { "failureThreshold": 0 } } }), "probes.startup.failureThreshold"),
        (json!({ "probes": { "readiness": { "initialDelaySeconds": -1 } } }), "probes.readiness.initialDelaySeconds"),
        (json!({ "probes": { "readiness": { "port": 65_536 } } }), "probes.readiness.port"),
        (json!({ "config": { "1A": "b" } }), "config: a key is the name of an environment variable"),
        (json!({ "config": { "a-b": "c" } }), "config: a key is the name of an environment variable"),
        (json!({ "config": { "JUMUN_NAMESPACE": "other" } }), "are set by the operator and the cluster"),
        (json!({ "config": { "POD_NAME": "other" } }), "are set by the operator and the cluster"),
        (json!({ "config": { "KUBERNETES_SERVICE_HOST": "other" } }), "are set by the operator and the cluster"),
        (json!({ "image": "two words" }), "spec.image"),
        (json!({ "headroom": { "pods": 0 } }), "headroom.pods"),
        (gateway(json!({ "hostname": "-shop.example" })), "gateway.hostname"),
        (gateway(json!({ "hostname": "Shop.example" })), "gateway.hostname"),
        (gateway(json!({ "port": 0 })), "gateway.port"),
        (gateway(json!({ "cors": { "allowOrigins": ["shop.example"] } })), "gateway.cors.allowOrigins[0]"),
        (gateway(json!({ "cors": { "allowOrigins": ["*", "https://a.example"] } })), "* stands alone"),
    ];
    let platforms = dynamic(&scene, &ApiResource::erase::<OrderPlatform>(&()));
    for (spec, part) in cases {
        let object = json!({ "apiVersion": "jumun.dev/v1alpha1", "kind": "OrderPlatform",
            "metadata": { "name": "default" }, "spec": spec });
        let object: DynamicObject = serde_json::from_value(object).expect("an object");
        let said = platforms.create(&PostParams::default(), &object).await.expect_err(part).to_string();
        assert!(said.contains(part), "{spec}: {said}");
    }
    scene.finish().await;
}

#[tokio::test]
async fn every_golden_platform_is_taken_and_the_api_server_takes_what_it_becomes() {
    let scene = Scene::new("built", 0).await;
    let namespaces: Api<Namespace> = Api::all(scene.client.clone());
    let restricted = json!({ "metadata": { "labels": { "pod-security.kubernetes.io/enforce": "restricted" } } });
    namespaces.patch(&scene.namespace, &PatchParams::default(), &Patch::Merge(&restricted)).await.expect("labelled");
    let mut kinds = BTreeSet::new();
    for file in std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/src/platform/golden")).expect("golden files") {
        let path = file.expect("a file").path();
        if !path.to_string_lossy().ends_with(".in.yaml") {
            continue;
        }
        let given: Value = serde_saphyr::from_str(&std::fs::read_to_string(&path).expect("text")).expect("YAML");
        let platform: OrderPlatform = scene.create(given).await;
        let features = BTreeSet::new();
        let inputs = Inputs {
            platform: &platform,
            image: "example/jumun:1.2.3",
            pull_policy: None,
            served: Served::default(),
            features: &features,
        };
        for built in build(&inputs) {
            applies(&scene, &built).await;
            kinds.insert(built.type_.kind);
        }
        // Other files' kinds that every API server has: templates stand beside buffers.
        let served = Served { capacity_buffer: true, ..Served::default() };
        let all = build(&Inputs { served, ..inputs });
        for template in all.iter().filter(|built| built.type_.kind == "PodTemplate") {
            applies(&scene, template).await;
            kinds.insert(template.type_.kind);
        }
        scene.api::<OrderPlatform>().delete("default", &Default::default()).await.expect("deleted");
        crate::harness::wait_for("the platform to go", || async {
            scene.api::<OrderPlatform>().get_opt("default").await.expect("an answer").is_none().then_some(())
        })
        .await;
    }
    assert_eq!(kinds.len(), 10, "{kinds:?}");
    scene.finish().await;
}

/// The API server takes an object as it would be applied, and the pods of its template, where it has one.
async fn applies(scene: &Scene, built: &Built) {
    let (group, version) = built.type_.api_version.split_once('/').unwrap_or(("", built.type_.api_version));
    let kind = GroupVersionKind::gvk(group, version, built.type_.kind);
    let resource = ApiResource::from_gvk_with_plural(&kind, built.type_.plural);
    let params = PatchParams { dry_run: true, ..PatchParams::apply("jumun-operator") };
    let taken = dynamic(scene, &resource).patch(&built.name, &params, &Patch::Apply(&built.object)).await;
    let taken = taken.unwrap_or_else(|error| panic!("{} {}: {error}", built.type_.kind, built.name));
    assert_eq!(taken.name_any(), built.name);
    for path in ["/spec/template", "/template"] {
        let Some(template) = built.object.pointer(path) else { continue };
        let mut spec = template["spec"].clone();
        // The account and the class are not there: everything else is applied as a rehearsal.
        spec.as_object_mut()
            .expect("a spec")
            .retain(|field, _| !["serviceAccountName", "priorityClassName"].contains(&field.as_str()));
        let mut metadata = template["metadata"].clone();
        metadata["name"] = json!("rehearsal");
        let pod: Pod = serde_json::from_value(json!({ "metadata": metadata, "spec": spec })).expect("a pod");
        let params = PostParams { dry_run: true, ..PostParams::default() };
        let taken = scene.api::<Pod>().create(&params, &pod).await;
        taken.unwrap_or_else(|error| panic!("a pod of {}: {error}", built.name));
    }
}

/// Objects of a kind in the namespace, as JSON.
fn dynamic(scene: &Scene, resource: &ApiResource) -> Api<DynamicObject> {
    Api::namespaced_with(scene.client.clone(), &scene.namespace, resource)
}
