//! Orders that are gone, where little or nothing tells how they stood; and what waits for what they have paid.

use jumun::crd::{Delivery, Order, OrderPlatform, OrderView, Payment, Wallet};
use jumun::domain::order::State;
use kube::api::DeleteParams;
use kube::core::NamespaceResourceScope;
use kube::{Resource, ResourceExt};
use serde::de::DeserializeOwned;
use serde_json::json;

use crate::harness::{Scene, wait_for};
use crate::namespaces;
use crate::outside::{Card, by_card, platform};
use crate::protection::{children_gone, let_go, remove, shop};

/// Removes an object by force, whatever protects it.
async fn tear_out<K>(scene: &Scene, name: &str)
where
    K: Resource<Scope = NamespaceResourceScope, DynamicType = ()> + Clone + DeserializeOwned + std::fmt::Debug,
{
    let_go::<K>(scene, name).await;
    // Whoever collects garbage may have asked for it before: then it is gone by now.
    let deleted = scene.api::<K>().delete(name, &DeleteParams::default()).await;
    assert!(
        deleted.is_ok() || matches!(&deleted, Err(kube::Error::Api(status)) if status.is_not_found()),
        "{deleted:?}"
    );
}

#[tokio::test]
async fn a_charge_of_an_order_that_left_no_trace_is_a_persons_matter() {
    let mut scene = shop("no-trace", 1).await;
    scene.order("order-1", "alice", "mug", 2).await;
    let child = scene.delivery_of("order-1").await.name_any();
    scene.row("order-1", State::Delivering).await;
    assert_eq!(scene.settled_stock("mug").await, (98, 2));
    scene.kill_operator(0);
    remove(&scene, "order-1", None).await;
    tear_out::<OrderView>(&scene, "order-1").await;
    tear_out::<Delivery>(&scene, &child).await;
    let operator = scene.start_operator(&[]);
    let payments = scene.api::<Payment>();
    let said = wait_for("the payment to be stalled", || async {
        let conditions = payments.get(&child).await.ok()?.status?.conditions;
        conditions.into_iter().find(|condition| condition.type_ == "Stalled").map(|condition| condition.message)
    })
    .await;
    assert!(said.contains("Order order-1 is gone") && said.contains("spec.cancel: true"), "{said}");
    scene.quiet_for(crate::harness::QUIET).await;
    assert_eq!(scene.money("alice").await, (48_000, 2_000), "nothing is given away on a guess");
    let (_, metrics) = scene.operator(operator).get("/metrics").await;
    assert!(metrics.contains("jumun_facts_total{kind=\"Payment\",reason=\"MoneyAtRisk\"} 1"), "{metrics}");
    scene.patch::<Payment>(&child, json!({ "spec": { "cancel": true } })).await.expect("a person knows");
    children_gone(&scene, &child).await;
    assert_eq!(scene.money("alice").await, (50_000, 0));
    assert_eq!(scene.settled_stock("mug").await, (100, 0));
    scene.finish().await;
}

#[tokio::test]
async fn a_completed_order_that_is_gone_keeps_its_money_as_its_row_tells() {
    let mut scene = shop("told-by-row", 1).await;
    scene.order("order-1", "alice", "mug", 2).await;
    let child = scene.delivery_of("order-1").await.name_any();
    assert!(scene.deliver(&child).await);
    scene.row("order-1", State::Completed).await;
    assert_eq!(scene.settled_stock("mug").await, (98, 2));
    scene.kill_operator(0);
    remove(&scene, "order-1", None).await;
    // Only the row is left to tell.
    tear_out::<Delivery>(&scene, &child).await;
    scene.start_operator(&[]);
    children_gone(&scene, &child).await;
    assert_eq!(scene.money("alice").await, (48_000, 2_000));
    assert_eq!(scene.settled_stock("mug").await, (98, 2));
    assert_eq!(scene.row("order-1", State::Completed).await.status.expect("a row").reason, None, "it stays as it is");
    scene.finish().await;
}

#[tokio::test]
async fn a_deleted_wallet_stays_until_what_a_removed_order_paid_is_back() {
    let mut scene = shop("wallet-stays", 1).await;
    scene.order("order-1", "alice", "mug", 2).await;
    let child = scene.delivery_of("order-1").await.name_any();
    scene.row("order-1", State::Delivering).await;
    scene.kill_operator(0);
    remove(&scene, "order-1", None).await;
    let wallets = scene.api::<Wallet>();
    wallets.delete("alice", &DeleteParams::default()).await.expect("asked to go");
    scene.start_operator(&[]);
    children_gone(&scene, &child).await;
    wait_for("the wallet to be gone", || async { wallets.get_opt("alice").await.ok()?.is_none().then_some(()) }).await;
    let refunded = |payment: &serde_json::Value| payment["status"]["refundedAt"].is_string();
    let versions = scene.recorder.since(0);
    assert!(versions.iter().any(|version| refunded(&version.object)), "the wallet has given it back");
    assert_eq!(scene.settled_stock("mug").await, (100, 0));
    scene.finish().await;
}

#[tokio::test]
async fn a_deleted_platform_serves_and_says_what_it_waits_for_until_its_card_orders_end() {
    let scene = Scene::new("op-serves", 1).await;
    let card = Card::start().await;
    platform(&scene, Some(&card), None, json!({ "intake": { "maxPending": 2 } })).await;
    scene.shop().await;
    scene.product("mug", 1_000, 100).await;
    scene.create::<Order>(by_card("order-0", "mug", 1)).await;
    scene.row("order-0", State::Delivering).await;
    let platforms = scene.api::<OrderPlatform>();
    platforms.delete("default", &DeleteParams::default()).await.expect("asked to go");
    let said = wait_for("it to say why it stays", || async {
        let conditions = platforms.get("default").await.ok()?.status?.conditions;
        conditions
            .into_iter()
            .find(|condition| condition.reason == "WaitingForCharges")
            .map(|condition| condition.message)
    })
    .await;
    assert!(said.contains("1 object left, such as Payment order-0-"), "{said}");
    scene.create::<Order>(by_card("order-1", "mug", 1)).await;
    scene.row("order-1", State::Delivering).await;
    for order in ["order-0", "order-1"] {
        assert!(platforms.get_opt("default").await.expect("an answer").is_some(), "{order} is under way");
        assert!(scene.deliver(&scene.delivery_of(order).await.name_any()).await);
        scene.row(order, State::Completed).await;
    }
    let gone = || async { platforms.get_opt("default").await.ok()?.is_none().then_some(()) };
    wait_for("the platform to be gone", gone).await;
    assert_eq!(card.moved(), (2, 0));
    scene.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn release_takes_the_decisions_of_an_operator() {
    let card = Card::start().await;
    let mut scene = namespaces::shop("release-decides", &card, "5m", 5).await;
    let payments = scene.api::<Payment>();
    let mut children = Vec::new();
    for n in 0..5 {
        children.push(scene.payment_of(&format!("order-{n}")).await.name_any());
    }
    assert!(scene.deliver(&children[3]).await);
    scene.row("order-3", State::Completed).await;
    scene.kill_operator(0);
    // The first order lives, the second and the third are deleted; of the others nothing is left but what tells, or not.
    for n in 1..3 {
        scene.orders().delete(&format!("order-{n}"), &DeleteParams::default()).await.expect("asked to go");
    }
    for (n, child) in children.iter().enumerate().skip(3) {
        remove(&scene, &format!("order-{n}"), None).await;
        tear_out::<Delivery>(&scene, child).await;
    }
    tear_out::<OrderView>(&scene, "order-4").await;
    for child in &children {
        payments.delete(child, &DeleteParams::default()).await.expect("asked to go");
    }
    let by_hand = json!({ "spec": { "cancel": true, "refundedByHand": true } });
    scene.patch::<Payment>(&children[2], by_hand).await.expect("the payment office has done it");
    let output = namespaces::release(&scene, &[]);
    let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success(), "{said}");
    assert_eq!(said.matches("money at risk: ").count(), 1, "{said}");
    assert!(said.contains("Order order-4 is gone, and nothing tells"), "{said}");
    assert_eq!(card.moved(), (5, 1), "the provider was asked for the second alone: {said}");
    let left: Vec<String> =
        payments.list(&Default::default()).await.expect("payments").iter().map(|p| p.name_any()).collect();
    assert_eq!(left.len(), 2, "{left:?}");
    assert!(left.contains(&children[0]) && left.contains(&children[4]), "the order of the first lives: {left:?}");
    // A person says of the last that it was not brought.
    scene.patch::<Payment>(&children[4], json!({ "spec": { "cancel": true } })).await.expect("cancelled");
    assert!(namespaces::release(&scene, &[]).status.success());
    assert_eq!(card.moved(), (5, 2));
    assert!(payments.get_opt(&children[4]).await.expect("an answer").is_none());
}
