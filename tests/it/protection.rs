//! What protects an order is kept by the API server; and where it was taken off all the same, by hand and on purpose,
//! the order's children undo what it did.

use futures::future::join_all;
use jumun::crd::{Delivery, Order, Payment, Product, Ticket, Wallet};
use jumun::domain::ids::{FINALIZER, LET_GO, ORDER_LABEL};
use jumun::domain::order::State;
use kube::api::DeleteParams;
use kube::core::NamespaceResourceScope;
use kube::{Resource, ResourceExt};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::harness::{Scene, order, wait_for};
use crate::outside::{Card, by_card, platform};
use crate::systems::kitchen;

/// Takes our finalizer off as somebody does who means it: with the annotation without which it is put back.
pub async fn let_go<K>(scene: &Scene, name: &str)
where
    K: Resource<Scope = NamespaceResourceScope, DynamicType = ()> + Clone + DeserializeOwned + std::fmt::Debug,
{
    let uid = scene.api::<K>().get(name).await.expect("an object").meta().uid.clone();
    let patch = json!({ "metadata": { "finalizers": null, "annotations": { LET_GO: uid } } });
    scene.patch::<K>(name, patch).await.expect("let go");
}

/// Removes an order before its controller can look, as if there were no policies: the operator, where one runs, is frozen
/// meanwhile.
pub async fn remove(scene: &Scene, order: &str, operator: Option<usize>) {
    let operator = operator.map(|index| scene.operator(index));
    if let Some(operator) = operator {
        operator.freeze().await;
    }
    let_go::<Order>(scene, order).await;
    scene.orders().delete(order, &DeleteParams::default()).await.expect("removed");
    let gone = || async { scene.orders().get_opt(order).await.ok()?.is_none().then_some(()) };
    wait_for("the order to be gone", gone).await;
    if let Some(operator) = operator {
        operator.thaw();
    }
}

pub async fn shop(name: &str, operators: usize) -> Scene {
    let scene = Scene::new(name, operators).await;
    scene.shop().await;
    scene.product("mug", 1_000, 100).await;
    scene.wallet("alice", 50_000).await;
    scene
}

/// Writes an object as `kubectl replace` does: a plain PUT of a manifest that knows nothing of finalizers and labels.
async fn replace<K>(scene: &Scene, name: &str) -> K
where
    K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>
        + Clone
        + DeserializeOwned
        + Serialize
        + std::fmt::Debug,
{
    let api = scene.api::<K>();
    let mut value: Value = serde_json::to_value(api.get(name).await.expect("an object")).expect("JSON");
    let version = value["metadata"]["resourceVersion"].take();
    value["metadata"] = json!({ "name": name, "resourceVersion": version });
    let object: K = serde_json::from_value(value).expect("an object");
    api.replace(name, &Default::default(), &object).await.expect("replaced")
}

#[tokio::test]
async fn a_plain_put_takes_no_protection_off() {
    let scene = shop("plain-put", 1).await;
    let names: Vec<String> = (0..20).map(|n| format!("order-{n}")).collect();
    join_all(names.iter().map(|name| scene.order(name, "alice", "mug", 1))).await;
    // A PUT that meets a change is refused: nothing is about to be written any more.
    join_all(names.iter().map(|name| scene.row(name, State::Delivering))).await;
    assert_eq!(scene.settled_stock("mug").await, (80, 20));
    let child = scene.delivery_of("order-0").await.name_any();
    let kept = |meta: &kube::core::ObjectMeta| meta.finalizers.as_deref() == Some(&[FINALIZER.to_owned()][..]);
    assert!(kept(&replace::<Product>(&scene, "mug").await.metadata));
    assert!(kept(&replace::<Wallet>(&scene, "alice").await.metadata));
    for meta in [replace::<Payment>(&scene, &child).await.metadata, replace::<Delivery>(&scene, &child).await.metadata]
    {
        assert!(kept(&meta) && meta.labels.expect("labels").contains_key(ORDER_LABEL));
    }
    let nulled: Order = scene.patch("order-1", json!({ "metadata": { "finalizers": null } })).await.unwrap();
    assert!(kept(&nulled.metadata), "a merge patch is a write like any other");
    // Back to back, before anybody can look.
    let file = format!("{}/{}.yaml", env!("CARGO_TARGET_TMPDIR"), scene.namespace);
    for name in &names {
        std::fs::write(&file, order(name, "alice", "mug", 1).to_string()).unwrap();
        let (done, said) = scene.kubectl(&["replace", "-f", &file]);
        assert!(done, "{said}");
        let (done, said) = scene.kubectl(&["delete", "ord", name, "--wait=false"]);
        assert!(done, "{said}");
    }
    for name in &names {
        scene.row(name, State::Cancelled).await;
    }
    assert_eq!(scene.money("alice").await, (50_000, 0));
    assert_eq!(scene.settled_stock("mug").await, (100, 0));
    scene.finish().await;
}

#[tokio::test]
async fn a_put_on_an_order_that_is_being_deleted_does_not_let_it_go() {
    let mut scene = shop("put-deleting", 1).await;
    scene.order("order-1", "alice", "mug", 2).await;
    scene.row("order-1", State::Delivering).await;
    scene.kill_operator(0);
    scene.orders().delete("order-1", &DeleteParams::default()).await.unwrap();
    let put = replace::<Order>(&scene, "order-1").await;
    assert!(put.metadata.deletion_timestamp.is_some() && put.metadata.finalizers.is_some());
    let nulled: Order = scene.patch("order-1", json!({ "metadata": { "finalizers": [] } })).await.unwrap();
    assert!(nulled.metadata.finalizers.is_some());
    scene.start_operator(&[]);
    scene.row("order-1", State::Cancelled).await;
    assert_eq!(scene.money("alice").await, (50_000, 0));
    assert_eq!(scene.settled_stock("mug").await, (100, 0));
    scene.finish().await;
}

/// Waits until a child of a removed order is gone.
pub async fn children_gone(scene: &Scene, child: &str) {
    wait_for("the children to be gone", || async {
        let payment = scene.api::<Payment>().get_opt(child).await.ok()?.is_none();
        let ticket = scene.api::<Ticket>().get_opt(child).await.ok()?.is_none();
        let delivery = scene.api::<Delivery>().get_opt(child).await.ok()?.is_none();
        (payment && ticket && delivery).then_some(())
    })
    .await;
}

#[tokio::test]
async fn children_of_an_order_that_was_removed_before_its_end_undo_it() {
    let scene = shop("removed", 1).await;
    for name in ["waits", "carried", "brought"] {
        scene.order(name, "alice", "mug", 2).await;
    }
    let mut children = Vec::new();
    for name in ["waits", "carried", "brought"] {
        children.push(scene.delivery_of(name).await.name_any());
        scene.row(name, State::Delivering).await;
    }
    // Nothing of it is reserved any more: it counts as sold.
    assert_eq!(scene.settled_stock("mug").await, (94, 6));
    let claim = json!({ "spec": { "courier": { "name": "park", "zone": "gangnam" }, "progress": "PickedUp" } });
    scene.patch::<Delivery>(&children[1], claim).await.unwrap();
    scene.patch::<Delivery>(&children[2], json!({ "metadata": { "labels": null } })).await.unwrap();
    for name in ["waits", "carried"] {
        remove(&scene, name, Some(0)).await;
    }
    children_gone(&scene, &children[0]).await;
    children_gone(&scene, &children[1]).await;
    for name in ["waits", "carried"] {
        let row = scene.row(name, State::Cancelled).await.status.unwrap();
        assert_eq!(row.reason.as_deref(), Some("OrderRemoved"), "the row says so");
    }
    assert!(scene.deliver(&children[2]).await, "the third is brought before it is removed");
    remove(&scene, "brought", Some(0)).await;
    children_gone(&scene, &children[2]).await;
    assert_eq!(scene.money("alice").await, (48_000, 2_000));
    assert_eq!(scene.settled_stock("mug").await, (98, 2));
    let (_, metrics) = scene.operator(0).get("/metrics").await;
    assert!(metrics.contains("jumun_facts_total{kind=\"Payment\",reason=\"OrderRemoved\"} 2"), "{metrics}");
    scene.finish().await;
}

#[tokio::test]
async fn an_order_that_is_removed_while_nobody_looks_is_undone_afterwards() {
    let mut scene = Scene::new("removed-unseen", 1).await;
    scene.store("shop", kitchen("Delivered", "Automatic")).await;
    scene.product("stew", 1_000, 100).await;
    scene.wallet("alice", 50_000).await;
    for name in ["offered", "cooking"] {
        scene.order(name, "alice", "stew", 3).await;
        scene.row(name, State::Paid).await;
    }
    scene.kitchen_step("cooking", json!({ "decision": "Accept", "cooking": "Started" })).await.unwrap();
    let children = [scene.ticket_of("offered").await.name_any(), scene.delivery_of("cooking").await.name_any()];
    scene.row("cooking", State::Cooking).await;
    scene.kill_operator(0);
    for name in ["offered", "cooking"] {
        remove(&scene, name, None).await;
    }
    scene.start_operator(&[]);
    for child in &children {
        children_gone(&scene, child).await;
    }
    assert_eq!(scene.money("alice").await, (50_000, 0));
    assert_eq!(scene.settled_stock("stew").await, (100, 0));
    scene.finish().await;
}

#[tokio::test]
async fn an_order_that_is_removed_before_it_is_paid_gives_its_stock_back() {
    let mut scene = shop("removed-unpaid", 0).await;
    // Nobody pays: the wallet's controller is off.
    scene.start_operator(&["--controllers", "order,product,payment,delivery,ticket,orderview"]);
    scene.order("order-1", "alice", "mug", 5).await;
    let payments = scene.api::<Payment>();
    wait_for("a payment", || async { payments.list(&Default::default()).await.ok()?.items.pop() }).await;
    remove(&scene, "order-1", Some(0)).await;
    scene.start_operator(&["--controllers", "wallet,store,notification,orderplatform"]);
    wait_for("the payment to be gone", || async {
        payments.list(&Default::default()).await.ok()?.items.is_empty().then_some(())
    })
    .await;
    assert_eq!(scene.money("alice").await, (50_000, 0));
    assert_eq!(scene.settled_stock("mug").await, (100, 0));
    scene.finish().await;
}

#[tokio::test]
async fn an_order_by_card_that_is_removed_is_voided_by_its_payment() {
    let scene = Scene::new("removed-card", 1).await;
    let card = Card::start().await;
    platform(&scene, Some(&card), None, json!({})).await;
    scene.shop().await;
    scene.product("mug", 1_000, 100).await;
    scene.create::<Order>(by_card("order-1", "mug", 1)).await;
    let child = scene.delivery_of("order-1").await.name_any();
    scene.row("order-1", State::Delivering).await;
    remove(&scene, "order-1", Some(0)).await;
    children_gone(&scene, &child).await;
    assert_eq!(card.moved(), (1, 1));
    assert_eq!(scene.settled_stock("mug").await, (100, 0));
    scene.finish().await;
}
