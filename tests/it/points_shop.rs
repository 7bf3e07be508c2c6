//! The points shop: a warehouse, prepaid wallets, stock.

use jumun::crd::{Delivery, Payment};
use jumun::domain::order::State;
use jumun::domain::{delivery, payment};
use serde_json::json;

use crate::harness::World;

#[tokio::test]
async fn ten_mugs_are_paid_shipped_and_shown_and_a_cancelled_order_restores_money_and_stock() {
    the_points_shop(1).await;
}

#[tokio::test]
async fn the_points_shop_keeps_the_same_books_with_two_operators() {
    the_points_shop(2).await;
}

async fn the_points_shop(operators: usize) {
    let world = World::new(&format!("points-shop-{operators}"), operators).await;
    world.shop().await;
    world.product("mug", 1_000, 1_000).await;
    world.wallet("alice", 999_999).await;

    world.order("order-1", "alice", "mug", 10).await;
    let delivery = world.delivery_of("order-1").await;
    assert!(world.deliver(delivery.metadata.name.as_deref().unwrap()).await);
    assert_eq!(world.end_of("order-1").await, State::Completed);
    let row = world.row("order-1", State::Completed).await;
    let status = row.status.unwrap();
    assert_eq!(status.payment, Some(payment::State::Approved));
    assert_eq!(status.delivery, Some(delivery::State::Confirmed));
    assert_eq!(row.spec.amount.unwrap().amount, 10_000);
    assert_eq!(status.courier.as_deref(), Some("park"));
    assert_eq!(world.money("alice").await, (989_999, 10_000));
    assert_eq!(world.settled_stock("mug").await, (990, 10));
    assert_eq!(world.api::<Delivery>().list(&Default::default()).await.unwrap().items.len(), 1);

    world.order("order-2", "alice", "mug", 7).await;
    world.delivery_of("order-2").await;
    world.row("order-2", State::Delivering).await;
    assert_eq!(world.money("alice").await, (982_999, 17_000));
    world.cancel("order-2").await;
    assert_eq!(world.end_of("order-2").await, State::Cancelled);
    let row = world.row("order-2", State::Cancelled).await.status.unwrap();
    assert_eq!((row.payment, row.delivery), (Some(payment::State::Cancelled), Some(delivery::State::Cancelled)));
    assert!(row.cancel_requested && row.reason.as_deref() == Some("ChangedMind"));
    let payment = world.payment_of("order-2").await.status.unwrap();
    assert_eq!(payment.state, Some(payment::State::Cancelled));
    assert!(payment.refunded_at.is_some());
    assert_eq!(world.money("alice").await, (989_999, 10_000));
    assert_eq!(world.settled_stock("mug").await, (990, 10));
    world.finish().await;
}

#[tokio::test]
async fn a_customer_who_is_asked_confirms_receipt() {
    let world = World::new("confirm", 1).await;
    world.store("shop", json!({ "seller": "kim", "confirmation": "Customer" })).await;
    world.product("mug", 1_000, 10).await;
    world.wallet("alice", 5_000).await;
    world.order("order-1", "alice", "mug", 1).await;
    let delivery = world.delivery_of("order-1").await.metadata.name.unwrap();
    let early = world.patch::<Delivery>(&delivery, json!({ "spec": { "received": true } })).await;
    assert!(early.unwrap_err().to_string().contains("only what was delivered can be received"));
    assert!(world.deliver(&delivery).await);
    let row = world.row("order-1", State::Delivered).await.status.unwrap();
    assert_eq!(row.waiting_for.as_deref(), Some("WaitingForConfirmation"));
    world.patch::<Delivery>(&delivery, json!({ "spec": { "received": true } })).await.unwrap();
    assert_eq!(world.end_of("order-1").await, State::Completed);
    world.row("order-1", State::Completed).await;
    world.finish().await;
}

#[tokio::test]
async fn a_wish_after_delivery_is_refused_and_the_order_says_so() {
    let world = World::new("too-late", 1).await;
    world.store("shop", json!({ "seller": "kim", "confirmation": "Customer" })).await;
    world.product("mug", 1_000, 10).await;
    world.wallet("alice", 5_000).await;
    world.order("order-1", "alice", "mug", 1).await;
    let delivery = world.delivery_of("order-1").await.metadata.name.unwrap();
    assert!(world.deliver(&delivery).await);
    world.row("order-1", State::Delivered).await;
    world.cancel("order-1").await;
    let api = world.orders();
    let refused =
        crate::harness::wait_for("the refusal", || async { api.get("order-1").await.ok()?.status?.cancel_refused });
    assert!(refused.await.contains("before the wish"));
    world.patch::<Delivery>(&delivery, json!({ "spec": { "received": true } })).await.unwrap();
    assert_eq!(world.end_of("order-1").await, State::Completed);
    assert!(world.payment_of("order-1").await.status.unwrap().refunded_at.is_none());

    // A wish after the end changes nothing but what the order has seen.
    world.order("order-2", "alice", "mug", 1).await;
    let delivery = world.delivery_of("order-2").await.metadata.name.unwrap();
    assert!(world.deliver(&delivery).await);
    world.patch::<Delivery>(&delivery, json!({ "spec": { "received": true } })).await.unwrap();
    world.end_of("order-2").await;
    world.cancel("order-2").await;
    let seen = crate::harness::wait_for("the late wish to be seen", || async {
        let order = api.get("order-2").await.ok()?;
        let status = order.status?;
        (Some(status.observed_generation.0) == order.metadata.generation).then_some(status)
    });
    let status = seen.await;
    assert_eq!(status.state, Some(State::Completed));
    assert!(status.cancel_refused.is_some());
    for order in ["order-1", "order-2"] {
        world.row(order, State::Completed).await;
    }
    world.finish().await;
}

#[tokio::test]
async fn an_order_of_several_products_holds_all_or_none() {
    let world = World::new("several", 1).await;
    world.shop().await;
    world.product("mug", 1_000, 10).await;
    world.product("poster", 5_000, 1).await;
    world.wallet("alice", 100_000).await;
    let mut both = crate::harness::order("both", "alice", "mug", 2);
    both["spec"]["items"] = json!([{ "product": "mug", "quantity": 2 }, { "product": "poster", "quantity": 1 }]);
    let mut short = crate::harness::order("short", "alice", "mug", 2);
    short["spec"]["items"] = json!([{ "product": "mug", "quantity": 2 }, { "product": "poster", "quantity": 5 }]);
    world.create::<jumun::crd::Order>(short).await;
    assert_eq!(world.end_of("short").await, State::OutOfStock);
    world.create::<jumun::crd::Order>(both).await;
    let delivery = world.delivery_of("both").await.metadata.name.unwrap();
    assert!(world.deliver(&delivery).await);
    assert_eq!(world.end_of("both").await, State::Completed);
    assert_eq!(world.money("alice").await, (93_000, 7_000));
    assert_eq!(world.settled_stock("mug").await, (8, 2));
    assert_eq!(world.settled_stock("poster").await, (0, 1));

    // The list of items is a map: written in another order, it is the same order still.
    let mut turned = crate::harness::order("turned", "alice", "mug", 3);
    turned["spec"]["items"] = json!([{ "product": "poster", "quantity": 1 }, { "product": "mug", "quantity": 3 }]);
    let restock = json!({ "spec": { "stock": 2 } });
    world.patch::<jumun::crd::Product>("poster", restock).await.unwrap();
    world.create::<jumun::crd::Order>(turned).await;
    world.delivery_of("turned").await;
    let items = json!([{ "product": "mug", "quantity": 3 }, { "product": "poster", "quantity": 1 }]);
    world.patch::<jumun::crd::Order>("turned", json!({ "spec": { "items": items } })).await.unwrap();
    world.cancel("turned").await;
    assert_eq!(world.end_of("turned").await, State::Cancelled);
    assert_eq!(world.settled_stock("mug").await, (8, 2));
    assert_eq!(world.settled_stock("poster").await, (1, 1));
    let payment: Payment = world.payment_of("short").await;
    assert!(payment.spec.cancel && payment.status.unwrap().approved_at.is_none());
    world.row("both", State::Completed).await;
    world.row("short", State::OutOfStock).await;
    world.finish().await;
}
