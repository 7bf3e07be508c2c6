//! A status is replaced as a whole where all of it is known and it may be; otherwise it is patched, and nothing is lost.

use jumun::crd::Order;
use jumun::domain::order::State;
use k8s_openapi::api::rbac::v1::ClusterRole;
use kube::Api;
use kube::api::PostParams;
use serde_json::json;

use crate::harness::{Scene, wait_for};
use crate::sharing::figure;

/// How often an operator has called so.
async fn calls(scene: &Scene, operator: usize, kind: &str, verb: &str, result: &str) -> u64 {
    let labels = format!(r#"kind="{kind}",verb="{verb}",result="{result}""#);
    figure(scene, operator, "jumun_api_calls_total", &labels).await
}

/// What a newer version has written into the status of an object.
fn later(scene: &Scene, kind: &str, name: &str) -> String {
    scene.kubectl(&["get", kind, name, "-o", "jsonpath={.status.later}"]).1
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_newer_version_has_written_into_a_status_stays() {
    let mut scene = Scene::apart("later").await;
    let plane = scene.plane;
    let path = "/spec/versions/0/schema/openAPIV3Schema/properties/status/properties/later";
    let patch = json!([{ "op": "add", "path": path, "value": { "type": "string" } }]).to_string();
    for kind in ["products", "wallets", "orders", "payments", "deliveries"] {
        let (done, said) = scene.kubectl(&["patch", "crd", &format!("{kind}.jumun.dev"), "--type=json", "-p", &patch]);
        assert!(done, "{said}");
    }
    scene.shop().await;
    scene.product("mug", 1_000, 10).await;
    scene.product("cup", 1_000, 10).await;
    for wallet in ["alice", "bob"] {
        scene.wallet(wallet, 50_000).await;
    }
    scene.start_operator(&[]);
    scene.order("order-1", "alice", "mug", 1).await;
    scene.row("order-1", State::Delivering).await;
    let payment = scene.payment_of("order-1").await.metadata.name.expect("a name");
    let delivery = scene.delivery_of("order-1").await.metadata.name.expect("a name");
    let objects = [("product", "mug"), ("wallet", "alice"), ("ord", "order-1"), ("pay", &payment), ("dlv", &delivery)];
    for kind in ["Order", "Payment", "Product", "Wallet"] {
        let (replaced, patched) =
            (calls(&scene, 0, kind, "replace_status", "ok").await, calls(&scene, 0, kind, "patch_status", "ok").await);
        assert!(replaced > 0 && patched == 0, "{kind}: {replaced} replaced, {patched} patched, though all is known");
    }
    for (kind, name) in objects {
        let patch = r#"{"status":{"observedGeneration":1,"later":"stays"}}"#;
        wait_for("the definition to be newer", || async {
            let (done, said) =
                scene.kubectl(&["patch", kind, name, "--subresource=status", "--type=merge", "-p", patch]);
            assert!(done, "{said}");
            (later(&scene, kind, name) == "stays").then_some(())
        })
        .await;
    }
    // Whoever has seen what was there before, and whoever begins with what is there.
    scene.order("order-2", "alice", "mug", 1).await;
    scene.row("order-2", State::Delivering).await;
    assert!(calls(&scene, 0, "Product", "patch_status", "ok").await > 0 && later(&scene, "product", "mug") == "stays");
    scene.kill_operator(0);
    let operator = scene.start_operator(&[]);
    assert!(scene.deliver(&delivery).await);
    scene.row("order-1", State::Completed).await;
    scene.order("order-3", "bob", "cup", 1).await;
    scene.row("order-3", State::Delivering).await;
    for (kind, name) in objects {
        assert_eq!(later(&scene, kind, name), "stays", "{kind} {name}");
    }
    assert_eq!(calls(&scene, operator, "Order", "patch_status", "ok").await, 1, "the one that is not known in full");
    assert_eq!(calls(&scene, operator, "Payment", "patch_status", "ok").await, 0, "it has nothing more to say");
    assert!(calls(&scene, operator, "Delivery", "patch_status", "ok").await == 1);
    assert!(calls(&scene, operator, "Payment", "replace_status", "ok").await > 0);
    scene.finish().await;
    plane.down();
}

#[tokio::test]
async fn a_role_of_before_lets_statuses_be_patched_and_that_is_enough() {
    let mut scene = Scene::new("whole", 0).await;
    scene.shop().await;
    scene.product("mug", 1_000, 10).await;
    scene.wallet("alice", 50_000).await;
    let roles: Api<ClusterRole> = Api::all(scene.client.clone());
    let mut less = serde_json::to_value(roles.get("jumun").await.expect("the role of the manifest")).unwrap();
    less["metadata"] = json!({ "name": scene.namespace });
    for rule in less["rules"].as_array_mut().unwrap() {
        rule["verbs"].as_array_mut().unwrap().retain(|verb| verb != "update");
    }
    roles.create(&PostParams::default(), &serde_json::from_value(less).unwrap()).await.unwrap();
    let kubeconfig = scene.plane.account(&scene.namespace);
    let operator = scene.start_operator_as(&kubeconfig);
    scene.order("order-1", "alice", "mug", 1).await;
    let delivery = scene.delivery_of("order-1").await.metadata.name.expect("a name");
    assert!(scene.deliver(&delivery).await);
    scene.row("order-1", State::Completed).await;
    assert_eq!(scene.settled_stock("mug").await, (9, 1));
    for kind in ["Order", "Payment", "Product", "Wallet", "Delivery"] {
        let denied = calls(&scene, operator, kind, "replace_status", "denied").await;
        let patched = calls(&scene, operator, kind, "patch_status", "ok").await;
        assert!(denied == 1 && patched > 0, "{kind}: {denied} denied, {patched} patched");
    }
    // Nobody is told of what was done all the same.
    let order: Order = scene.orders().get("order-1").await.expect("the order");
    let conditions = order.status.expect("a status").conditions;
    assert!(conditions.iter().all(|condition| condition.reason == "Completed"), "{conditions:?}");
    scene.finish().await;
}
