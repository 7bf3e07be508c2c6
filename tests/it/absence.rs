//! A moment's absence is not final: what an order refers to is waited for.

use jumun::crd::{Order, OrderPlatform, Product, Store, Wallet};
use jumun::domain::order::State;
use kube::api::DeleteParams;
use serde_json::json;

use crate::harness::{World, order, wait_for};
use crate::outside::{Card, by_card, platform};

/// What an order says it waits for.
async fn waits_for(world: &World, name: &str, reason: &str) -> String {
    let orders = world.orders();
    wait_for(&format!("{name} to wait for {reason}"), || async {
        let status = orders.get(name).await.ok()?.status?;
        let found = status.conditions.into_iter().find(|c| c.reason == reason && !c.message.is_empty())?;
        Some(found.message)
    })
    .await
}

/// Deletes an object, whatever holds it, and waits until it is gone.
async fn remove<K>(world: &World, name: &str)
where
    K: kube::Resource<Scope = kube::core::NamespaceResourceScope, DynamicType = ()>
        + Clone
        + serde::de::DeserializeOwned
        + std::fmt::Debug,
{
    world.api::<K>().delete(name, &DeleteParams::default()).await.expect("deleted");
    wait_for("the object to be gone", || async { world.api::<K>().get_opt(name).await.ok()?.is_none().then_some(()) })
        .await;
}

/// Waits until the operator has noticed that an object is gone or back: an order that is created now says so.
async fn shop(world: &World, intake: &str) {
    world.store("shop", json!({ "seller": "kim", "zone": "gangnam", "intake": intake })).await;
}

#[tokio::test]
async fn a_store_that_is_deleted_and_made_anew_loses_no_waiting_order() {
    let world = World::new("store-anew", 1).await;
    shop(&world, "Hold").await;
    world.product("mug", 100, 100).await;
    world.wallet("alice", 100_000).await;
    for n in 0..5 {
        world.order(&format!("order-{n}"), "alice", "mug", 1).await;
        waits_for(&world, &format!("order-{n}"), "StoreOnHold").await;
    }
    remove::<Store>(&world, "shop").await;
    // Long enough for them to say so, short enough for nobody to be refused.
    let message = waits_for(&world, "order-4", "ReferenceNotFound").await;
    assert!(
        message.starts_with("spec.store: there is no Store named shop: create it; it is waited for until "),
        "{message}"
    );
    shop(&world, "Open").await;
    crate::books::deliver_all(&world, 5).await;
    assert_eq!(world.all_ends().await["Completed"], 5);
    crate::books::rows(&world, 5).await;
    world.finish().await;
}

#[tokio::test]
async fn an_order_may_be_applied_before_its_store_product_and_wallet() {
    let world = World::new("order-first", 1).await;
    world.order("order-1", "alice", "mug", 2).await;
    let orders = world.orders();
    wait_for("the order to be looked at", || async { orders.get("order-1").await.ok()?.status?.missing_since }).await;
    shop(&world, "Open").await;
    world.product("mug", 100, 100).await;
    world.wallet("alice", 100_000).await;
    crate::books::deliver_all(&world, 1).await;
    assert_eq!(world.end_of("order-1").await, State::Completed);
    // The same within the moment for which nothing is written at all.
    world.create::<Order>(order("order-2", "bob", "cup", 1)).await;
    let cup = json!({ "store": "shop", "price": { "amount": 5, "currency": "KRW" }, "stock": 9 });
    world.create::<Product>(json!({ "metadata": { "name": "cup" }, "spec": cup })).await;
    world.wallet("bob", 1_000).await;
    let delivery = world.delivery_of("order-2").await.metadata.name.unwrap();
    assert!(world.deliver(&delivery).await);
    assert_eq!(world.end_of("order-2").await, State::Completed);
    crate::books::rows(&world, 2).await;
    world.finish().await;
}

#[tokio::test]
async fn a_product_and_a_wallet_that_are_made_anew_are_waited_for() {
    let world = World::new("ledgers-anew", 1).await;
    shop(&world, "Hold").await;
    world.product("mug", 100, 100).await;
    world.wallet("alice", 100_000).await;
    world.order("order-1", "alice", "mug", 1).await;
    waits_for(&world, "order-1", "StoreOnHold").await;
    remove::<Product>(&world, "mug").await;
    remove::<Wallet>(&world, "alice").await;
    world.patch::<Store>("shop", json!({ "spec": { "intake": "Open" } })).await.unwrap();
    let message = waits_for(&world, "order-1", "ReferenceNotFound").await;
    assert!(message.starts_with("spec.payment.wallet: there is no Wallet named alice"), "{message}");
    world.wallet("alice", 5_000).await;
    world.product("mug", 70, 10).await;
    crate::books::deliver_all(&world, 1).await;
    assert_eq!(world.end_of("order-1").await, State::Completed);
    assert_eq!(world.money("alice").await, (4_930, 70));
    crate::books::rows(&world, 1).await;
    world.finish().await;
}

#[tokio::test]
async fn a_platform_that_is_made_anew_refuses_no_card_order_that_holds_a_number() {
    let mut world = World::new("platform-anew", 0).await;
    let card = Card::start().await;
    let intake = json!({ "intake": { "maxPending": 2 } });
    platform(&world, Some(&card), None, intake.clone()).await;
    shop(&world, "Open").await;
    world.product("mug", 100, 100).await;
    // Nobody pays yet, nor is there a Payment, which would keep the platform: the products' controller is off.
    world.start_operator(&["--controllers", "order,orderview,orderplatform,store,delivery,notification"]);
    for n in 0..6 {
        world.create::<Order>(by_card(&format!("order-{n}"), "mug", 1)).await;
    }
    let orders = world.orders();
    let numbered = wait_for("four to hold a number and wait", || async {
        let all = orders.list(&Default::default()).await.ok()?.items;
        let waits = |o: &&Order| o.status.as_ref().is_some_and(|s| s.queue_number.is_some() && s.placed_at.is_none());
        let waiting: Vec<String> = all.iter().filter(waits).filter_map(|order| order.metadata.name.clone()).collect();
        (waiting.len() == 4).then_some(waiting)
    })
    .await;
    remove::<OrderPlatform>(&world, "default").await;
    for name in &numbered {
        let message = waits_for(&world, name, "ReferenceNotFound").await;
        assert!(message.contains("there is no OrderPlatform named default"), "{message}");
    }
    platform(&world, Some(&card), None, intake).await;
    world.start_operator(&["--controllers", "product,payment"]);
    crate::books::deliver_all(&world, 6).await;
    assert_eq!(world.all_ends().await["Completed"], 6);
    assert_eq!(card.moved(), (6, 0));
    crate::books::rows(&world, 6).await;
    world.finish().await;
}
