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

use crate::harness::{World, wait_for};
use crate::outside::{Card, by_card, platform};
use crate::platform::PlatformOperator;

/// A shop, and an operator whose account has these rights in its namespace and none elsewhere.
async fn shop(name: &str, rules: impl Fn(&str) -> Vec<PolicyRule>) -> World {
    let mut world = World::new(name, 0).await;
    world.shop().await;
    world.product("mug", 1_000, 100).await;
    world.wallet("alice", 50_000).await;
    let role = json!({ "metadata": { "name": "jumun" }, "rules": rules(&world.namespace) });
    let role: Role = serde_json::from_value(role).expect("a role");
    world.api::<Role>().create(&PostParams::default(), &role).await.expect("created");
    let kubeconfig = world.plane.account_of(&world.namespace, "jumun");
    world.start_operator_as(&kubeconfig);
    world
}

#[tokio::test]
async fn the_role_of_a_workload_is_enough_for_its_orders() {
    let world = shop("one-namespace", |namespace| rules(&Kind::ALL, Some(namespace))).await;
    world.order("order-1", "alice", "mug", 1).await;
    let delivery = world.delivery_of("order-1").await.metadata.name.expect("a name");
    assert!(world.deliver(&delivery).await);
    assert_eq!(world.end_of("order-1").await, State::Completed);
    world.order("order-2", "alice", "mug", 1).await;
    world.delivery_of("order-2").await;
    world.cancel("order-2").await;
    assert_eq!(world.end_of("order-2").await, State::Cancelled);
    assert!(!world.operator(0).log().contains("lacks a right"), "it has all that it asks for");
    world.finish().await;
}

#[tokio::test]
async fn a_namespace_whose_controllers_go_with_it_is_closed_by_the_operator() {
    let mut world = shop("closing", |namespace| rules(&Kind::ALL, Some(namespace))).await;
    let operator = PlatformOperator::of(&world);
    let card = Card::start().await;
    platform(&world, Some(&card), None, json!({})).await;
    world.order("by-wallet", "alice", "mug", 1).await;
    world.delivery_of("by-wallet").await;
    world.create::<Order>(by_card("by-card", "mug", 1)).await;
    world.delivery_of("by-card").await;
    assert_eq!(card.moved(), (1, 0));
    // Its pod goes before its orders do.
    world.kill_operator(0);
    let namespaces: Api<Namespace> = Api::all(world.client.clone());
    namespaces.delete(&world.namespace, &DeleteParams::default()).await.expect("deleted");
    wait_for("the namespace to be gone", || async {
        namespaces.get_opt(&world.namespace).await.ok()?.is_none().then_some(())
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
    let world = shop("lacking", without).await;
    world.order("order-1", "alice", "mug", 1).await;
    wait_for("the operator to say what it lacks", || async {
        let log = world.operator(0).log();
        (log.contains("lacks a right") && log.contains("create deliveries.jumun.dev")).then_some(())
    })
    .await;
    assert_eq!(world.operator(0).log().matches("lacks a right").count(), 1, "nothing else is lacking");
    assert!(world.api::<Delivery>().list(&Default::default()).await.expect("deliveries").items.is_empty());
    let role = world.api::<Role>();
    let mut whole = role.get("jumun").await.expect("the role");
    whole.rules = Some(rules(&Kind::ALL, Some(&world.namespace)));
    role.replace("jumun", &PostParams::default(), &whole).await.expect("replaced");
    let delivery = world.delivery_of("order-1").await.metadata.name.expect("a name");
    assert!(world.deliver(&delivery).await);
    assert_eq!(world.end_of("order-1").await, State::Completed);
    wait_for("the operator to say that it is there", || async {
        world.operator(0).log().contains("a right that was lacking is there").then_some(())
    })
    .await;
    assert!(world.api::<Order>().get("order-1").await.is_ok());
    world.finish().await;
}
