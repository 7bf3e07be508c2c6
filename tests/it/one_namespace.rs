//! Controllers with rights in one namespace alone: the Role that the platform gives them is enough, and what it lacks is said.

use jumun::crd::{Delivery, Order};
use jumun::domain::Kind;
use jumun::domain::order::State;
use jumun::platform::rights::rules;
use k8s_openapi::api::core::v1::Namespace;
use k8s_openapi::api::rbac::v1::{PolicyRule, Role};
use kube::Api;
use kube::api::{DeleteParams, PostParams};
use serde_json::json;

use crate::harness::{Scene, wait_for};
use crate::outside::{Card, by_card, platform};
use crate::platform::PlatformOperator;

/// A shop, and an operator whose account has these rights in its namespace and none elsewhere.
async fn shop(name: &str, rules: impl Fn(&str) -> Vec<PolicyRule>) -> Scene {
    let mut scene = Scene::new(name, 0).await;
    scene.shop().await;
    scene.product("mug", 1_000, 100).await;
    scene.wallet("alice", 50_000).await;
    let role = json!({ "metadata": { "name": "jumun" }, "rules": rules(&scene.namespace) });
    let role: Role = serde_json::from_value(role).expect("a role");
    scene.api::<Role>().create(&PostParams::default(), &role).await.expect("created");
    let kubeconfig = scene.plane.account_of(&scene.namespace, "jumun");
    scene.start_operator_as(&kubeconfig);
    scene
}

#[tokio::test]
async fn the_role_of_a_workload_is_enough_for_its_orders() {
    let scene = shop("one-namespace", |namespace| rules(&Kind::ALL, Some(namespace))).await;
    scene.order("order-1", "alice", "mug", 1).await;
    let delivery = scene.delivery_of("order-1").await.metadata.name.expect("a name");
    assert!(scene.deliver(&delivery).await);
    assert_eq!(scene.end_of("order-1").await, State::Completed);
    scene.order("order-2", "alice", "mug", 1).await;
    scene.delivery_of("order-2").await;
    scene.cancel("order-2").await;
    assert_eq!(scene.end_of("order-2").await, State::Cancelled);
    assert!(!scene.operator(0).log().contains("lacks a right"), "it has all that it asks for");
    scene.finish().await;
}

#[tokio::test]
async fn a_namespace_whose_controllers_go_with_it_is_closed_by_the_operator() {
    let mut scene = shop("closing", |namespace| rules(&Kind::ALL, Some(namespace))).await;
    let operator = PlatformOperator::of(&scene);
    let card = Card::start().await;
    platform(&scene, Some(&card), None, json!({})).await;
    scene.order("by-wallet", "alice", "mug", 1).await;
    scene.delivery_of("by-wallet").await;
    scene.create::<Order>(by_card("by-card", "mug", 1)).await;
    scene.delivery_of("by-card").await;
    assert_eq!(card.moved(), (1, 0));
    // Its pod goes before its orders do.
    scene.kill_operator(0);
    let namespaces: Api<Namespace> = Api::all(scene.client.clone());
    namespaces.delete(&scene.namespace, &DeleteParams::default()).await.expect("deleted");
    wait_for("the namespace to be gone", || async {
        namespaces.get_opt(&scene.namespace).await.ok()?.is_none().then_some(())
    })
    .await;
    assert_eq!(card.moved(), (1, 1), "what the provider took is given back");
    let (_, metrics) = operator.get("/metrics").await;
    let refund = "jumun_outbound_calls_total{target=\"provider\"";
    assert!(metrics.lines().any(|line| line.starts_with(refund)), "the operator counts what it does: {metrics}");
}

#[tokio::test]
async fn a_right_that_is_lacking_is_said_at_the_start_and_once_it_is_there_the_order_goes_on() {
    let without = |namespace: &str| {
        let mut all = rules(&Kind::ALL, Some(namespace));
        let is_children = |rule: &&mut PolicyRule| rule.resources.iter().flatten().any(|name| name == "deliveries");
        let rule = all.iter_mut().find(is_children).expect("a rule");
        let mut less = rule.clone();
        rule.resources.iter_mut().for_each(|names| names.retain(|name| name != "deliveries"));
        less.resources = Some(vec!["deliveries".to_owned()]);
        less.verbs.retain(|verb| verb != "create");
        all.push(less);
        all
    };
    let scene = shop("lacking", without).await;
    scene.order("order-1", "alice", "mug", 1).await;
    wait_for("the operator to say what it lacks", || async {
        let log = scene.operator(0).log();
        (log.contains("lacks a right") && log.contains("create deliveries.jumun.dev")).then_some(())
    })
    .await;
    assert_eq!(scene.operator(0).log().matches("lacks a right").count(), 1, "nothing else is lacking");
    assert!(scene.api::<Delivery>().list(&Default::default()).await.expect("deliveries").items.is_empty());
    let role = scene.api::<Role>();
    let mut whole = role.get("jumun").await.expect("the role");
    whole.rules = Some(rules(&Kind::ALL, Some(&scene.namespace)));
    role.replace("jumun", &PostParams::default(), &whole).await.expect("replaced");
    let delivery = scene.delivery_of("order-1").await.metadata.name.expect("a name");
    assert!(scene.deliver(&delivery).await);
    assert_eq!(scene.end_of("order-1").await, State::Completed);
    wait_for("the operator to say that it is there", || async {
        scene.operator(0).log().contains("a right that was lacking is there").then_some(())
    })
    .await;
    assert!(scene.api::<Order>().get("order-1").await.is_ok());
    scene.finish().await;
}
