//! What the API server denies the operator, and kinds that it does not have: said with what to do, and mended without a restart.

use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::{Scene, plane, wait_for};
use crate::plane::{Plane, config};
use crate::platform::{
    PlatformOperator, available, built, condition, eventually, names, object, platform, platform_scene, says,
};

#[tokio::test]
async fn a_quota_is_said_and_lifted_the_workloads_are_made() {
    let scene = Scene::new("quota-platform", 0).await;
    let quota = "--hard=count/deployments.apps=1";
    assert!(scene.kubectl(&["create", "quota", "few", quota]).0);
    wait_for("the quota to count", || async {
        let quota = object(&scene, "quota", "few")?;
        quota["status"]["used"].as_object().filter(|used| !used.is_empty()).map(drop)
    })
    .await;
    platform(&scene, &json!({}));
    let operator = PlatformOperator::of(&scene);
    let message = says(&scene, "WorkloadsAvailable", "False", "WriteDenied").await;
    assert!(message.contains("exceeded quota: few") && message.contains("ResourceQuota"), "{message}");
    says(&scene, "RightsGranted", "True", "Granted").await;
    says(&scene, "Ready", "False", "WriteDenied").await;
    assert!(operator.looks("denied").await > 0);
    assert!(names(&scene).contains("Service jumun-query"), "the rest is made");
    assert!(scene.kubectl(&["delete", "quota", "few"]).0);
    available(&scene).await;
    // Pods that a quota keeps away are another matter: the Deployment is there.
    assert!(scene.kubectl(&["create", "quota", "none", "--hard=pods=3"]).0);
    platform(&scene, &json!({ "workloads": { "query": { "replicas": 3 } } }));
    let message = says(&scene, "WorkloadsAvailable", "False", "PodsRefused").await;
    assert!(message.contains("jumun-query") && message.contains("exceeded quota: none"), "{message}");
}

#[tokio::test]
async fn a_right_that_is_missing_is_said_and_given_everything_goes_on() {
    let scene = Scene::new("rights-platform", 0).await;
    let (_, whole) = scene.kubectl(&["get", "clusterrole", "jumun-operator", "-o", "json"]);
    let whole: Value = serde_json::from_str(&whole).expect("the role of the manifest");
    let mut less = json!({ "apiVersion": whole["apiVersion"], "kind": "ClusterRole", "rules": whole["rules"] });
    less["metadata"] = json!({ "name": scene.namespace });
    for rule in less["rules"].as_array_mut().unwrap() {
        // It may neither write Deployments nor look at autoscalers, nor grant what the controllers of wallets need.
        let verbs = rule["verbs"].clone();
        if rule["resources"] == json!(["deployments"]) {
            rule["verbs"] = json!(["get", "list", "watch"]);
        }
        let resources = rule["resources"].as_array_mut().unwrap();
        resources.retain(|name| name != "horizontalpodautoscalers" && !(name == "wallets" && verbs[0] == "patch"));
        if resources.is_empty() {
            resources.push("nothing".into());
        }
    }
    let file = format!("{}/{}-role.json", env!("CARGO_TARGET_TMPDIR"), scene.namespace);
    let give = |role: &Value| {
        std::fs::write(&file, role.to_string()).expect("written");
        let (done, said) = scene.kubectl(&["apply", "--server-side", "--force-conflicts", "-f", &file]);
        assert!(done, "{said}");
    };
    give(&less);
    let kubeconfig = scene.plane.account(&scene.namespace);
    platform(&scene, &json!({}));
    let operator = PlatformOperator::start(&kubeconfig, Some(&scene.namespace));
    let denied = |what: &'static str| {
        let scene = &scene;
        wait_for(what, move || async move {
            let said = condition(scene, "RightsGranted")?;
            let is = said["status"] == "False" && said["reason"] == "Forbidden";
            let message = said["message"].as_str()?.to_owned();
            (is && message.contains(what) && message.contains("platform-rbac.yaml")).then_some(())
        })
    };
    denied("apply Role jumun-controllers").await;
    says(&scene, "Ready", "False", "Forbidden").await;
    let wallets = json!({ "apiGroups": ["jumun.dev"], "resources": ["wallets"], "verbs": ["patch", "operate"] });
    less["rules"].as_array_mut().unwrap().push(wallets);
    give(&less);
    denied("apply Deployment jumun-controllers").await;
    let deployments =
        json!({ "apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["create", "patch", "delete"] });
    less["rules"].as_array_mut().unwrap().push(deployments);
    give(&less);
    denied("watch horizontalpodautoscalers").await;
    assert_eq!(operator.get("/readyz").await.0, 503, "what it cannot see it says there, too");
    let mut more = less.clone();
    more["rules"] = whole["rules"].clone();
    give(&more);
    says(&scene, "RightsGranted", "True", "Granted").await;
    available(&scene).await;
    assert_eq!(operator.get("/readyz").await.0, 200);
}

/// A webhook that nobody serves: the API server answers every change of a Deployment in the namespace with 500.
#[tokio::test]
async fn a_spec_that_cannot_be_applied_is_not_ready_whatever_the_answer_was() {
    let (mut scene, operator) = platform_scene("unapplied", &json!({})).await;
    available(&scene).await;
    scene.start_operator(&["--controllers", "orderplatform"]);
    says(&scene, "Ready", "True", "Serving").await;
    let webhook = json!({
        "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingWebhookConfiguration",
        "metadata": { "name": scene.namespace },
        "webhooks": [{
            "name": "nobody.test.example", "sideEffects": "None", "admissionReviewVersions": ["v1"], "failurePolicy": "Fail",
            "clientConfig": { "url": "https://127.0.0.1:1/" },
            "namespaceSelector": { "matchLabels": { "kubernetes.io/metadata.name": scene.namespace } },
            "rules": [{
                "apiGroups": ["apps"], "apiVersions": ["v1"], "operations": ["UPDATE"], "resources": ["deployments"],
            }],
        }],
    });
    apply(&scene, &[webhook]);
    wait_for("the webhook to be asked", || async {
        let label = ["label", "deploy", "jumun-query", "test=1", "--overwrite", "--dry-run=server"];
        (!scene.kubectl(&label).0).then_some(())
    })
    .await;
    platform(&scene, &json!({ "config": { "LOG_LEVEL": "debug" } }));
    let message = says(&scene, "Ready", "False", "WorkloadsOutdated").await;
    assert!(message.contains("generation 2"), "{message}");
    wait_for("the answer to be counted", || async { (operator.looks("error").await > 0).then_some(()) }).await;
    says(&scene, "Ready", "False", "WorkloadsOutdated").await;
    assert!(scene.kubectl(&["delete", "validatingwebhookconfiguration", &scene.namespace]).0);
    available(&scene).await;
    says(&scene, "Ready", "True", "Serving").await;
    scene.finish().await;
}

/// Definitions of the Gateway API as far as the operator looks at them.
fn definitions() -> Vec<Value> {
    let definition = |plural: &str, kind: &str, scope: &str| {
        let open = json!({ "type": "object", "x-kubernetes-preserve-unknown-fields": true });
        let schema = json!({ "type": "object", "properties": { "spec": open, "status": open } });
        let version = json!({
            "name": "v1", "served": true, "storage": true, "schema": { "openAPIV3Schema": schema }, "subresources": { "status": {} },
        });
        json!({
            "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
            "metadata": {
                "name": format!("{plural}.gateway.networking.k8s.io"),
                "annotations": { "api-approved.kubernetes.io": "unapproved, for a test" },
            },
            "spec": {
                "group": "gateway.networking.k8s.io", "scope": scope, "versions": [version],
                "names": { "plural": plural, "singular": kind.to_lowercase(), "kind": kind },
            },
        })
    };
    vec![
        definition("gatewayclasses", "GatewayClass", "Cluster"),
        definition("gateways", "Gateway", "Namespaced"),
        definition("httproutes", "HTTPRoute", "Namespaced"),
    ]
}

fn apply(scene: &Scene, objects: &[Value]) {
    let file = format!("{}/{}-objects.json", env!("CARGO_TARGET_TMPDIR"), scene.namespace);
    let list = json!({ "apiVersion": "v1", "kind": "List", "items": objects });
    std::fs::write(&file, list.to_string()).expect("written");
    let (done, said) = scene.kubectl(&["apply", "--server-side", "--force-conflicts", "-f", &file]);
    assert!(done, "{said}");
}

/// What a gateway's controller says of an object.
fn status(scene: &Scene, kind: &str, name: &str, status: &Value) {
    let patch = json!({ "status": status }).to_string();
    let (done, said) = scene.kubectl(&["patch", kind, name, "--subresource=status", "--type=merge", "-p", &patch]);
    assert!(done, "{said}");
}

fn yes(type_: &str) -> Value {
    json!({ "type": type_, "status": "True", "reason": type_, "message": "" })
}

/// On a control plane of its own, since definitions and an operator for all namespaces concern everybody.
#[tokio::test]
async fn a_gateway_api_that_comes_later_is_noticed_and_two_platforms_do_not_touch_each_other() {
    plane().await; // one after the other
    let plane: &'static Plane = Box::leak(Box::new(Plane::up("platforms", "")));
    let client = || async { kube::Client::try_from(config(&plane.admin).await).expect("client") };
    let one = Scene::on(plane, client().await, "one").await;
    let other = Scene::on(plane, client().await, "other").await;
    let gateway = json!({ "className": "door", "hostname": "shop.example", "cors": { "allowOrigins": ["*"] } });
    platform(&one, &json!({ "gateway": gateway }));
    platform(&other, &json!({ "config": { "LOG_LEVEL": "warn" } }));
    let operator = PlatformOperator::start(&plane.platforms, None);
    available(&other).await;
    let message = says(&one, "GatewayProgrammed", "False", "ApiMissing").await;
    assert!(message.contains("gateway.networking.k8s.io"), "{message}");
    available(&one).await;
    says(&one, "Ready", "False", "ApiMissing").await;
    let untouched =
        |scene: &Scene| built(scene).iter().map(|o| o["metadata"]["resourceVersion"].clone()).collect::<Vec<_>>();
    let before = untouched(&other);
    apply(&one, &definitions());
    says(&one, "GatewayProgrammed", "False", "ClassNotFound").await;
    let class = json!({
        "apiVersion": "gateway.networking.k8s.io/v1", "kind": "GatewayClass", "metadata": { "name": "door" },
        "spec": { "controllerName": "example.com/door" },
    });
    apply(&one, &[class]);
    says(&one, "GatewayProgrammed", "Unknown", "Pending").await;
    let route = eventually(&one, "httproute", "jumun-command", "to be made", |_| true).await;
    assert!(!route.to_string().contains("CORS"), "the class does not say that it can: {route}");
    let message = says(&one, "RoutesAccepted", "Unknown", "Pending").await;
    assert!(message.contains("HTTPRoute jumun-command"), "{message}");
    let features = json!([{ "name": "HTTPRouteCORS" }]);
    status(&one, "gatewayclass", "door", &json!({ "conditions": [yes("Accepted")], "supportedFeatures": features }));
    eventually(&one, "httproute", "jumun-command", "to leave CORS to the class", |route| {
        route.to_string().contains("CORS")
    })
    .await;
    status(&one, "gateway", "jumun", &json!({ "conditions": [yes("Accepted"), yes("Programmed")] }));
    says(&one, "GatewayProgrammed", "True", "Programmed").await;
    let refused =
        json!({ "type": "Accepted", "status": "False", "reason": "NoMatchingParent", "message": "no listener" });
    status(&one, "httproute", "jumun-query", &json!({ "parents": [{ "conditions": [refused] }] }));
    let message = says(&one, "RoutesAccepted", "False", "NoMatchingParent").await;
    assert!(message.contains("jumun-query") && message.contains("no listener"), "{message}");
    for route in ["jumun-command", "jumun-query"] {
        status(
            &one,
            "httproute",
            route,
            &json!({ "parents": [{ "conditions": [yes("Accepted"), yes("ResolvedRefs")] }] }),
        );
    }
    let message = says(&one, "RoutesAccepted", "True", "Accepted").await;
    let instead =
        "GatewayClass door lists no HTTPRouteRequestTimeout: the front door ends commands that take too long.";
    assert_eq!(message, instead, "and CORS is the class's");
    let features = json!([{ "name": "HTTPRouteCORS" }, { "name": "HTTPRouteRequestTimeout" }]);
    status(&one, "gatewayclass", "door", &json!({ "conditions": [yes("Accepted")], "supportedFeatures": features }));
    wait_for("the class to do both", || async { (condition(&one, "RoutesAccepted")?["message"] == "").then_some(()) })
        .await;
    platform(&one, &json!({ "config": { "LOG_LEVEL": "info" } }));
    for (kind, name) in [("gateway", "jumun"), ("httproute", "jumun-command"), ("httproute", "jumun-query")] {
        wait_for("what is not asked for to go", || async { object(&one, kind, name).is_none().then_some(()) }).await;
    }
    wait_for("its conditions to go", || async { condition(&one, "RoutesAccepted").is_none().then_some(()) }).await;
    assert_eq!(untouched(&other), before);
    let map = object(&other, "cm", "jumun-config").unwrap();
    assert!(map["data"]["LOG_LEVEL"] == "warn", "{map}");
    assert!(one.kubectl(&["delete", "op", "default"]).0);
    wait_for("the workloads of one to go", || async { built(&one).is_empty().then_some(()) }).await;
    assert_eq!(untouched(&other), before, "the other's stay");
    assert_eq!(operator.get("/readyz").await.0, 200);
    for definition in definitions() {
        let name = definition["metadata"]["name"].as_str().unwrap();
        assert!(one.kubectl(&["delete", "crd", name, "--timeout=60s"]).0);
    }
    tokio::time::timeout(Duration::from_secs(60), async {
        platform(&other, &json!({ "gateway": gateway }));
        says(&other, "GatewayProgrammed", "False", "ApiMissing").await;
    })
    .await
    .expect("what is taken away is noticed, too");
}
