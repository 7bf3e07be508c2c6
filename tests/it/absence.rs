//! A moment's absence is not final: what an order refers to is waited for.

use jumun::crd::{Order, OrderPlatform, Product, Store, Wallet};
use jumun::domain::order::State;
use kube::api::DeleteParams;
use serde_json::json;

use crate::harness::{Scene, order, wait_for};
use crate::outside::{Card, by_card, platform};

/// What an order says it waits for.
async fn waits_for(scene: &Scene, name: &str, reason: &str) -> String {
    let orders = scene.orders();
    wait_for(&format!("{name} to wait for {reason}"), || async {
        let status = orders.get(name).await.ok()?.status?;
        let found = status.conditions.into_iter().find(|c| c.reason == reason && !c.message.is_empty())?;
        Some(found.message)
    })
    .await
}

/// Deletes an object, whatever holds it, and waits until it is gone.
async fn remove<K>(scene: &Scene, name: &str)
where
    K: kube::Resource<Scope = kube::core::NamespaceResourceScope, DynamicType = ()>
        + Clone
        + serde::de::DeserializeOwned
        + std::fmt::Debug,
{
    scene.api::<K>().delete(name, &DeleteParams::default()).await.expect("deleted");
    wait_for("the object to be gone", || async { scene.api::<K>().get_opt(name).await.ok()?.is_none().then_some(()) })
        .await;
}

/// Waits until the operator has noticed that an object is gone or back: an order that is created now says so.
async fn shop(scene: &Scene, intake: &str) {
    scene.store("shop", json!({ "seller": "kim", "zone": "gangnam", "intake": intake })).await;
}

#[tokio::test]
async fn a_store_that_is_deleted_and_made_anew_loses_no_waiting_order() {
    let scene = Scene::new("store-anew", 1).await;
    shop(&scene, "Hold").await;
    scene.product("mug", 100, 100).await;
    scene.wallet("alice", 100_000).await;
    for n in 0..5 {
        scene.order(&format!("order-{n}"), "alice", "mug", 1).await;
        waits_for(&scene, &format!("order-{n}"), "StoreOnHold").await;
    }
    remove::<Store>(&scene, "shop").await;
    // Long enough for them to say so, short enough for nobody to be refused.
    let message = waits_for(&scene, "order-4", "ReferenceNotFound").await;
    assert!(
        message.starts_with("spec.store: there is no Store named shop: create it; it is waited for until "),
        "{message}"
    );
    shop(&scene, "Open").await;
    crate::books::deliver_all(&scene, 5).await;
    assert_eq!(scene.all_ends().await["Completed"], 5);
    crate::books::rows(&scene, 5).await;
    scene.finish().await;
}

#[tokio::test]
async fn an_order_may_be_applied_before_its_store_product_and_wallet() {
    let scene = Scene::new("order-first", 1).await;
    scene.order("order-1", "alice", "mug", 2).await;
    let orders = scene.orders();
    wait_for("the order to be looked at", || async { orders.get("order-1").await.ok()?.status?.missing_since }).await;
    shop(&scene, "Open").await;
    scene.product("mug", 100, 100).await;
    scene.wallet("alice", 100_000).await;
    crate::books::deliver_all(&scene, 1).await;
    assert_eq!(scene.end_of("order-1").await, State::Completed);
    // The same within the moment for which nothing is written at all.
    scene.create::<Order>(order("order-2", "bob", "cup", 1)).await;
    let cup = json!({ "store": "shop", "price": { "amount": 5, "currency": "KRW" }, "stock": 9 });
    scene.create::<Product>(json!({ "metadata": { "name": "cup" }, "spec": cup })).await;
    scene.wallet("bob", 1_000).await;
    let delivery = scene.delivery_of("order-2").await.metadata.name.unwrap();
    assert!(scene.deliver(&delivery).await);
    assert_eq!(scene.end_of("order-2").await, State::Completed);
    crate::books::rows(&scene, 2).await;
    scene.finish().await;
}

#[tokio::test]
async fn a_product_and_a_wallet_that_are_made_anew_are_waited_for() {
    let scene = Scene::new("ledgers-anew", 1).await;
    shop(&scene, "Hold").await;
    scene.product("mug", 100, 100).await;
    scene.wallet("alice", 100_000).await;
    scene.order("order-1", "alice", "mug", 1).await;
    waits_for(&scene, "order-1", "StoreOnHold").await;
    remove::<Product>(&scene, "mug").await;
    remove::<Wallet>(&scene, "alice").await;
    scene.patch::<Store>("shop", json!({ "spec": { "intake": "Open" } })).await.unwrap();
    let message = waits_for(&scene, "order-1", "ReferenceNotFound").await;
    assert!(message.starts_with("spec.payment.wallet: there is no Wallet named alice"), "{message}");
    scene.wallet("alice", 5_000).await;
    scene.product("mug", 70, 10).await;
    crate::books::deliver_all(&scene, 1).await;
    assert_eq!(scene.end_of("order-1").await, State::Completed);
    assert_eq!(scene.money("alice").await, (4_930, 70));
    crate::books::rows(&scene, 1).await;
    scene.finish().await;
}

#[tokio::test]
async fn a_platform_that_is_made_anew_refuses_no_card_order_that_holds_a_number() {
    let mut scene = Scene::new("platform-anew", 0).await;
    let card = Card::start().await;
    let intake = json!({ "intake": { "maxPending": 2 } });
    platform(&scene, Some(&card), None, intake.clone()).await;
    shop(&scene, "Open").await;
    scene.product("mug", 100, 100).await;
    // Nobody pays yet, nor is there a Payment, which would keep the platform: the products' controller is off.
    scene.start_operator(&["--controllers", "order,orderview,orderplatform,store,delivery,notification"]);
    for n in 0..6 {
        scene.create::<Order>(by_card(&format!("order-{n}"), "mug", 1)).await;
    }
    let orders = scene.orders();
    let numbered = wait_for("four to hold a number and wait", || async {
        let all = orders.list(&Default::default()).await.ok()?.items;
        let waits = |o: &&Order| o.status.as_ref().is_some_and(|s| s.queue_number.is_some() && s.placed_at.is_none());
        let waiting: Vec<String> = all.iter().filter(waits).filter_map(|order| order.metadata.name.clone()).collect();
        (waiting.len() == 4).then_some(waiting)
    })
    .await;
    remove::<OrderPlatform>(&scene, "default").await;
    for name in &numbered {
        let message = waits_for(&scene, name, "ReferenceNotFound").await;
        assert!(message.contains("there is no OrderPlatform named default"), "{message}");
    }
    platform(&scene, Some(&card), None, intake).await;
    scene.start_operator(&["--controllers", "product,payment"]);
    crate::books::deliver_all(&scene, 6).await;
    assert_eq!(scene.all_ends().await["Completed"], 6);
    assert_eq!(card.moved(), (6, 0));
    crate::books::rows(&scene, 6).await;
    scene.finish().await;
}
