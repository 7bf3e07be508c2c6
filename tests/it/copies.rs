//! Each notice reaches its endpoint once, whatever runs, dies and is deleted.

use jumun::crd::{Delivery, Notification, Order};
use kube::api::{DeleteParams, ListParams};
use serde_json::{Value, json};

use crate::harness::{Scene, wait_for};
use crate::outside::{Endpoint, platform};

/// Each tells its customer five times: placed, ready, picked up, delivered, confirmed.
const ORDERS: usize = 40;

/// A shop whose customers are told and confirm by hand.
async fn shop(name: &str, operators: usize, push: &Endpoint) -> Scene {
    let scene = Scene::new(name, operators).await;
    platform(&scene, None, Some(push), json!({})).await;
    scene.store("shop", json!({ "seller": "kim", "confirmation": "Customer" })).await;
    scene.product("mug", 10, 1_000).await;
    scene.wallet("alice", 1_000_000).await;
    scene
}

/// Waits until so many different notices have come.
async fn told(push: &Endpoint, count: usize) {
    wait_for(&format!("{count} notices"), || async { (push.copies().len() >= count).then_some(()) }).await;
}

/// The next step of every delivery.
async fn step(scene: &Scene, step: Value) {
    let deliveries = scene.api::<Delivery>();
    for delivery in deliveries.list(&ListParams::default()).await.expect("deliveries") {
        scene
            .patch::<Delivery>(&delivery.metadata.name.expect("a name"), json!({ "spec": step }))
            .await
            .expect("taken");
    }
}

/// Carries all orders to their end, step by step; between two of them `meanwhile` happens.
async fn carry_all(scene: &mut Scene, push: &Endpoint, meanwhile: impl AsyncFnOnce(&mut Scene)) {
    scene.orders_at_once(ORDERS, |n| (format!("order-{n}"), "mug".to_owned())).await;
    told(push, 2 * ORDERS).await;
    step(scene, json!({ "courier": { "name": "park", "zone": "gangnam" }, "progress": "PickedUp" })).await;
    meanwhile(scene).await;
    told(push, 3 * ORDERS).await;
    step(scene, json!({ "progress": "Delivered" })).await;
    told(push, 4 * ORDERS).await;
    step(scene, json!({ "received": true })).await;
    told(push, 5 * ORDERS).await;
    assert_eq!(scene.all_ends().await["Completed"], ORDERS);
    crate::books::rows(scene, ORDERS).await;
    scene.settled_stock("mug").await;
}

#[tokio::test]
async fn two_operators_send_each_of_200_notices_once() {
    let push = Endpoint::start().await;
    let mut scene = shop("copies", 2, &push).await;
    carry_all(&mut scene, &push, async |_| {}).await;
    scene.quiet_for(std::time::Duration::from_secs(3)).await;
    assert_eq!((push.copies().len(), push.events().len()), (200, 200));
    scene.finish().await;
}

#[tokio::test]
async fn an_operator_that_dies_costs_one_copy_of_a_notice_at_the_most() {
    let push = Endpoint::start().await;
    let mut scene = shop("copies-killed", 2, &push).await;
    carry_all(&mut scene, &push, async |scene: &mut Scene| scene.kill_operator(0)).await;
    let copies = push.copies();
    assert!(copies.len() == 200 && copies.values().all(|count| *count <= 2), "{copies:?}");
    let twice = copies.values().filter(|count| **count == 2).count();
    println!("{twice} of 200 notices came twice");
    // Whoever is left knows that it is alone again: nothing is claimed any more.
    wait_for("an attempt without a claim", || async {
        let (_, metrics) = scene.operator(1).get("/metrics").await;
        metrics.contains("jumun_members{controller=\"Notification\"} 1").then_some(())
    })
    .await;
    scene.finish().await;
}

/// An order under way is deleted after its customer was told twice.
async fn deleted(name: &str, how: DeleteParams) {
    let push = Endpoint::start().await;
    let scene = shop(name, 1, &push).await;
    scene.order("order-1", "alice", "mug", 1).await;
    scene.delivery_of("order-1").await;
    told(&push, 2).await;
    scene.orders().delete("order-1", &how).await.expect("deleted");
    wait_for("the order to be gone", || async {
        scene.api::<Order>().get_opt("order-1").await.ok()?.is_none().then_some(())
    })
    .await;
    told(&push, 3).await;
    wait_for("the notices to go after their order", || async {
        scene.api::<Notification>().list(&ListParams::default()).await.ok()?.items.is_empty().then_some(())
    })
    .await;
    let copies = push.copies();
    assert!(copies.len() == 3 && copies.values().all(|count| *count == 1), "{copies:?}");
    push.told("delivery-cancelled").await;
    scene.finish().await;
}

#[tokio::test]
async fn an_order_deleted_in_the_foreground_tells_nothing_again() {
    deleted("copies-foreground", DeleteParams::foreground()).await;
}

#[tokio::test]
async fn notices_of_an_order_whose_children_are_orphaned_go_after_it() {
    deleted("copies-orphan", DeleteParams::orphan()).await;
}

#[tokio::test]
async fn an_endpoint_that_is_dead_keeps_no_deleted_order_and_is_told_all_the_same() {
    let push = Endpoint::start().await;
    push.set_down(true);
    let scene = shop("copies-dead", 1, &push).await;
    scene.order("order-1", "alice", "mug", 1).await;
    let delivery = scene.delivery_of("order-1").await.metadata.name.expect("a name");
    assert!(scene.deliver(&delivery).await);
    scene.patch::<Delivery>(&delivery, json!({ "spec": { "received": true } })).await.expect("confirmed");
    scene.row("order-1", jumun::domain::order::State::Completed).await;
    let asked = std::time::Instant::now();
    scene.orders().delete("order-1", &DeleteParams::background()).await.expect("deleted");
    wait_for("the order to be gone", || async {
        scene.api::<Order>().get_opt("order-1").await.ok()?.is_none().then_some(())
    })
    .await;
    assert!(asked.elapsed() < std::time::Duration::from_secs(20), "it waited {:?}", asked.elapsed());
    // Its name is free.
    scene.order("order-1", "alice", "mug", 1).await;
    scene.delivery_of("order-1").await;
    push.set_down(false);
    push.told("confirmed").await;
    scene.cancel("order-1").await;
    scene.end_of("order-1").await;
    scene.row("order-1", jumun::domain::order::State::Cancelled).await;
    scene.settled_stock("mug").await;
    scene.finish().await;
}
