//! Writes that the API server denies: what is said of them, where, and that everything goes on once they are allowed.

use jumun::crd::{Order, OrderPlatform};
use jumun::domain::order::State;
use k8s_openapi::api::admissionregistration::v1::{ValidatingAdmissionPolicy, ValidatingAdmissionPolicyBinding};
use k8s_openapi::api::core::v1::ResourceQuota;
use k8s_openapi::api::rbac::v1::ClusterRole;
use kube::Api;
use kube::api::{DeleteParams, PostParams};
use serde_json::{Value, json};

use crate::harness::{Scene, wait_for};

/// A shop with a platform, and an operator.
async fn shop(name: &str, operators: usize) -> Scene {
    let scene = Scene::new(name, operators).await;
    scene.create::<OrderPlatform>(json!({ "metadata": { "name": "default" }, "spec": {} })).await;
    scene.shop().await;
    scene.product("mug", 1_000, 100).await;
    scene.wallet("alice", 50_000).await;
    scene
}

/// The condition of this type, of an object.
async fn condition(scene: &Scene, kind: &str, name: &str, type_: &str) -> Option<Value> {
    let (_, object) = scene.kubectl(&["get", kind, name, "-o", "json"]);
    let object: Value = serde_json::from_str(&object).ok()?;
    object["status"]["conditions"].as_array()?.iter().find(|condition| condition["type"] == type_).cloned()
}

/// Waits until the order says what was denied and that it cannot go on; gives the sentence of the wait.
async fn stalled(scene: &Scene, order: &str, what: &str) -> String {
    wait_for(&format!("{order} to say that {what} is denied"), || async {
        let denied = condition(scene, "ord", order, "WriteDenied").await?;
        let stalled = condition(scene, "ord", order, "Stalled").await?;
        let message = stalled["message"].as_str()?.to_owned();
        let said = message.starts_with(denied["message"].as_str()?) && message.contains(what);
        (said && stalled["reason"] == "WriteDenied").then_some(message)
    })
    .await
}

/// Waits until the order says that a person is needed, and for what; gives the sentence.
async fn needs_a_person(scene: &Scene, order: &str, what: &str) -> String {
    wait_for(&format!("{order} to say that {what}"), || async {
        let stalled = condition(scene, "ord", order, "Stalled").await?;
        stalled["message"].as_str().filter(|message| message.contains(what)).map(str::to_owned)
    })
    .await
}

/// Waits until the platform says that writes are denied.
async fn platform_says(scene: &Scene, what: &str) {
    wait_for("the platform to say so", || async {
        let said = condition(scene, "op", "default", "WritesAllowed").await?;
        (said["status"] == "False" && said["message"].as_str()?.contains(what)).then_some(())
    })
    .await;
}

/// Waits until nobody says any more that a write is denied.
async fn nobody_says_so(scene: &Scene) {
    wait_for("the conditions to go", || async {
        let (_, all) = scene.kubectl(&["get", "jumun", "-o", "json"]);
        (!all.contains("WriteDenied")).then_some(())
    })
    .await;
}

/// How many Events say that a write of an object was denied.
fn events(scene: &Scene, order: &str) -> usize {
    let selector = format!("reason=WriteDenied,regarding.name={order},type=Warning");
    let (_, events) = scene.kubectl(&["get", "events.events.k8s.io", "--field-selector", &selector, "-o", "name"]);
    events.lines().filter(|line| line.starts_with("event")).count()
}

/// A quota that lets no Payment be made. One that was made before the quota controller knew the kind is looked at again
/// in minutes only: then it is made anew.
async fn no_payments(quotas: &Api<ResourceQuota>) {
    let quota = json!({ "metadata": { "name": "few" }, "spec": { "hard": { "count/payments.jumun.dev": "0" } } });
    let quota: ResourceQuota = serde_json::from_value(quota).unwrap();
    let made = std::cell::Cell::new(None::<std::time::Instant>);
    wait_for("the quota to count", || async {
        if made.get().is_none_or(|made| made.elapsed().as_secs() >= 5) {
            made.set(Some(std::time::Instant::now()));
            quotas.delete("few", &DeleteParams::default()).await.ok();
            quotas.create(&PostParams::default(), &quota).await.ok()?;
        }
        quotas.get("few").await.ok()?.status?.used
    })
    .await;
}

#[tokio::test]
async fn a_quota_that_is_in_the_way_is_said_and_lifted_everything_goes_on() {
    let scene = shop("quota", 1).await;
    let quotas: Api<ResourceQuota> = Api::namespaced(scene.client.clone(), &scene.namespace);
    no_payments(&quotas).await;
    for order in ["order-1", "order-2", "order-3"] {
        scene.order(order, "alice", "mug", 1).await;
        let message = stalled(&scene, order, "create Payment").await;
        assert!(message.contains("exceeded quota: few") && message.contains("ResourceQuota"), "{message}");
    }
    platform_says(&scene, "exceeded quota: few").await;
    wait_for("the row to say so", || async {
        let (_, row) = scene.kubectl(&["get", "ov", "order-1", "-o", "jsonpath={.status.waitingFor}"]);
        (row == "WriteDenied").then_some(())
    })
    .await;
    // A wish and a delete wait for the Payment that bars a late one, and say so.
    scene.cancel("order-2").await;
    scene.orders().delete("order-3", &DeleteParams::background()).await.unwrap();
    for order in ["order-2", "order-3"] {
        let message = stalled(&scene, order, "Nothing is undone before it is made").await;
        assert!(message.contains("exceeded quota: few"), "{message}");
        assert_eq!(events(&scene, order), 1, "said once");
    }
    let (_, metrics) = scene.operator(0).get("/metrics").await;
    let counted = r#"jumun_denied_writes_total{kind="Payment",verb="create",reason="Forbidden"}"#;
    assert!(metrics.contains(counted), "{metrics}");
    quotas.delete("few", &DeleteParams::default()).await.unwrap();
    assert_eq!(scene.end_of("order-2").await, State::Cancelled);
    wait_for("order-3 to go", || async { scene.orders().get_opt("order-3").await.ok()?.is_none().then_some(()) }).await;
    let delivery = scene.delivery_of("order-1").await.metadata.name.unwrap();
    assert!(scene.deliver(&delivery).await);
    assert_eq!(scene.end_of("order-1").await, State::Completed);
    nobody_says_so(&scene).await;
    assert_eq!((scene.money("alice").await, scene.settled_stock("mug").await), ((49_000, 1_000), (99, 1)));
    scene.row("order-1", State::Completed).await;
    scene.row("order-2", State::Cancelled).await;
    scene.row("order-3", State::Cancelled).await;
    scene.finish().await;
}

#[tokio::test]
async fn a_right_that_is_missing_is_said_and_given_everything_goes_on() {
    let mut scene = shop("rights", 0).await;
    let roles: Api<ClusterRole> = Api::all(scene.client.clone());
    let whole = roles.get("jumun").await.expect("the role of the manifest");
    let mut less = serde_json::to_value(&whole).unwrap();
    less["metadata"] = json!({ "name": scene.namespace });
    for rule in less["rules"].as_array_mut().unwrap() {
        let resources = rule["resources"].as_array_mut().unwrap();
        resources.retain(|resource| resource != "deliveries");
    }
    let reads = json!({ "apiGroups": ["jumun.dev"], "resources": ["deliveries"], "verbs": ["get", "list", "watch"] });
    less["rules"].as_array_mut().unwrap().push(reads);
    let role: ClusterRole = serde_json::from_value(less).unwrap();
    roles.create(&PostParams::default(), &role).await.unwrap();
    let kubeconfig = scene.plane.account(&scene.namespace);
    scene.start_operator_as(&kubeconfig);
    scene.order("order-1", "alice", "mug", 1).await;
    let message = stalled(&scene, "order-1", "create Delivery").await;
    assert!(message.contains("cannot create resource") && message.contains("rbac.yaml"), "{message}");
    platform_says(&scene, "cannot create resource").await;
    assert_eq!(events(&scene, "order-1"), 1);
    scene.order("order-2", "alice", "mug", 1).await;
    stalled(&scene, "order-2", "create Delivery").await;
    scene.cancel("order-2").await;
    stalled(&scene, "order-2", "Nothing is undone before it is made").await;
    let rules = json!({ "rules": serde_json::to_value(&whole).unwrap()["rules"] });
    roles.patch(&scene.namespace, &Default::default(), &kube::api::Patch::Merge(&rules)).await.unwrap();
    let delivery = scene.delivery_of("order-1").await.metadata.name.unwrap();
    assert!(scene.deliver(&delivery).await);
    assert_eq!(scene.end_of("order-1").await, State::Completed);
    assert_eq!(scene.end_of("order-2").await, State::Cancelled);
    nobody_says_so(&scene).await;
    assert_eq!(scene.money("alice").await, (49_000, 1_000));
    scene.row("order-2", State::Cancelled).await;
    scene.row("order-1", State::Completed).await;
    scene.finish().await;
}

#[tokio::test]
async fn what_a_policy_refuses_is_said_and_is_no_race() {
    let scene = shop("policy", 1).await;
    let name = scene.namespace.clone();
    let rule = json!({
        "apiGroups": ["jumun.dev"], "apiVersions": ["*"], "operations": ["UPDATE"], "resources": ["deliveries"],
    });
    let refuses = json!({ "expression": "!has(object.spec.hold)", "message": "no holds here" });
    let policy = json!({
        "metadata": { "name": name },
        "spec": { "matchConstraints": { "resourceRules": [rule] }, "validations": [refuses], "failurePolicy": "Fail" },
    });
    let selector = json!({ "matchLabels": { "kubernetes.io/metadata.name": name } });
    let binding = json!({
        "metadata": { "name": name },
        "spec": { "policyName": name, "validationActions": ["Deny"], "matchResources": { "namespaceSelector": selector } },
    });
    let policies: Api<ValidatingAdmissionPolicy> = Api::all(scene.client.clone());
    let bindings: Api<ValidatingAdmissionPolicyBinding> = Api::all(scene.client.clone());
    policies.create(&PostParams::default(), &serde_json::from_value(policy).unwrap()).await.unwrap();
    bindings.create(&PostParams::default(), &serde_json::from_value(binding).unwrap()).await.unwrap();
    scene.order("probe", "alice", "mug", 1).await;
    let probe = scene.delivery_of("probe").await.metadata.name.unwrap();
    let hold = json!({ "spec": { "hold": { "cause": "Customer", "step": "Delivered" } } });
    let dry = kube::api::PatchParams { dry_run: true, ..Default::default() };
    wait_for("the policy to hold", || async {
        let patch = kube::api::Patch::Merge(&hold);
        let tried = scene.api::<jumun::crd::Delivery>().patch(&probe, &dry, &patch).await;
        tried.err()?.to_string().contains("no holds here").then_some(())
    })
    .await;
    scene.order("order-1", "alice", "mug", 1).await;
    scene.delivery_of("order-1").await;
    scene.row("order-1", State::Delivering).await;
    scene.cancel("order-1").await;
    let message = stalled(&scene, "order-1", "patch Delivery").await;
    assert!(message.contains("no holds here") && message.contains("policy"), "{message}");
    platform_says(&scene, "no holds here").await;
    bindings.delete(&name, &DeleteParams::default()).await.unwrap();
    policies.delete(&name, &DeleteParams::default()).await.unwrap();
    assert_eq!(scene.end_of("order-1").await, State::Cancelled);
    assert!(scene.deliver(&probe).await);
    assert_eq!(scene.end_of("probe").await, State::Completed);
    nobody_says_so(&scene).await;
    assert_eq!(scene.money("alice").await, (49_000, 1_000));
    let order: Order = scene.orders().get("order-1").await.unwrap();
    assert_eq!(order.status.unwrap().state, Some(State::Cancelled));
    scene.row("order-1", State::Cancelled).await;
    scene.row("probe", State::Completed).await;
    scene.finish().await;
}

#[tokio::test]
async fn a_ledger_that_cannot_be_written_is_said_on_every_order_that_waits_for_it() {
    let scene = shop("ledger", 1).await;
    for order in ["order-1", "order-2"] {
        scene.order(order, "alice", "mug", 1).await;
        scene.row(order, State::Delivering).await;
    }
    // Somebody writes other books: what is to be booked next would be less than nothing.
    let forge = |kind: &str, name: &str, status: serde_json::Value| {
        let patch = json!({ "status": status }).to_string();
        let (done, said) = scene.kubectl(&["patch", kind, name, "--subresource=status", "--type=merge", "-p", &patch]);
        assert!(done, "{said}");
    };
    let wallet = |charged: i64| json!({ "charged": { "amount": charged }, "balance": { "amount": 50_000 - charged, "currency": "KRW" } });
    forge("wallet", "alice", wallet(0));
    scene.cancel("order-1").await;
    let message = needs_a_person(&scene, "order-1", "Wallet alice cannot be written").await;
    assert!(message.contains("1000 KRW"), "{message}");
    forge("wallet", "alice", wallet(2_000));
    assert_eq!(scene.end_of("order-1").await, State::Cancelled);
    assert_eq!(scene.settled_stock("mug").await, (99, 1));
    forge("product", "mug", json!({ "sold": 0, "available": 100 }));
    scene.cancel("order-2").await;
    needs_a_person(&scene, "order-2", "Product mug cannot be written").await;
    forge("product", "mug", json!({ "sold": 1, "available": 99 }));
    assert_eq!(scene.end_of("order-2").await, State::Cancelled);
    nobody_says_so(&scene).await;
    assert_eq!((scene.money("alice").await, scene.settled_stock("mug").await), ((50_000, 0), (100, 0)));
    for order in ["order-1", "order-2"] {
        scene.row(order, State::Cancelled).await;
    }
    scene.finish().await;
}
