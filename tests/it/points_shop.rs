//! The points shop: a warehouse, prepaid wallets, stock.

use jumun::crd::{Delivery, Payment};
use jumun::domain::order::State;
use jumun::domain::{delivery, payment};
use serde_json::json;

use crate::harness::Scene;

#[tokio::test]
async fn ten_mugs_are_paid_shipped_and_shown_and_a_cancelled_order_restores_money_and_stock() {
    the_points_shop(1).await;
}

#[tokio::test]
async fn the_points_shop_keeps_the_same_books_with_two_operators() {
    the_points_shop(2).await;
}

async fn the_points_shop(operators: usize) {
    let scene = Scene::new(&format!("points-shop-{operators}"), operators).await;
    scene.shop().await;
    scene.product("mug", 1_000, 1_000).await;
    scene.wallet("alice", 999_999).await;

    scene.order("order-1", "alice", "mug", 10).await;
    let delivery = scene.delivery_of("order-1").await;
    assert!(scene.deliver(delivery.metadata.name.as_deref().unwrap()).await);
    assert_eq!(scene.end_of("order-1").await, State::Completed);
    let row = scene.row("order-1", State::Completed).await;
    let status = row.status.unwrap();
    assert_eq!(status.payment, Some(payment::State::Approved));
    assert_eq!(status.delivery, Some(delivery::State::Confirmed));
    assert_eq!(row.spec.amount.unwrap().amount, 10_000);
    assert_eq!(status.courier.as_deref(), Some("park"));
    assert_eq!(scene.money("alice").await, (989_999, 10_000));
    assert_eq!(scene.settled_stock("mug").await, (990, 10));
    assert_eq!(scene.api::<Delivery>().list(&Default::default()).await.unwrap().items.len(), 1);

    scene.order("order-2", "alice", "mug", 7).await;
    scene.delivery_of("order-2").await;
    scene.row("order-2", State::Delivering).await;
    assert_eq!(scene.money("alice").await, (982_999, 17_000));
    scene.cancel("order-2").await;
    assert_eq!(scene.end_of("order-2").await, State::Cancelled);
    let row = scene.row("order-2", State::Cancelled).await.status.unwrap();
    assert_eq!((row.payment, row.delivery), (Some(payment::State::Cancelled), Some(delivery::State::Cancelled)));
    assert!(row.cancel_requested && row.reason.as_deref() == Some("ChangedMind"));
    let payment = scene.payment_of("order-2").await.status.unwrap();
    assert_eq!(payment.state, Some(payment::State::Cancelled));
    assert!(payment.refunded_at.is_some());
    assert_eq!(scene.money("alice").await, (989_999, 10_000));
    assert_eq!(scene.settled_stock("mug").await, (990, 10));
    scene.finish().await;
}

#[tokio::test]
async fn a_customer_who_is_asked_confirms_receipt() {
    let scene = Scene::new("confirm", 1).await;
    scene.store("shop", json!({ "seller": "kim", "confirmation": "Customer" })).await;
    scene.product("mug", 1_000, 10).await;
    scene.wallet("alice", 5_000).await;
    scene.order("order-1", "alice", "mug", 1).await;
    let delivery = scene.delivery_of("order-1").await.metadata.name.unwrap();
    let early = scene.patch::<Delivery>(&delivery, json!({ "spec": { "received": true } })).await;
    assert!(early.unwrap_err().to_string().contains("only what was delivered can be received"));
    assert!(scene.deliver(&delivery).await);
    let row = scene.row("order-1", State::Delivered).await.status.unwrap();
    assert_eq!(row.waiting_for.as_deref(), Some("WaitingForConfirmation"));
    scene.patch::<Delivery>(&delivery, json!({ "spec": { "received": true } })).await.unwrap();
    assert_eq!(scene.end_of("order-1").await, State::Completed);
    scene.row("order-1", State::Completed).await;
    scene.finish().await;
}

#[tokio::test]
async fn a_wish_after_delivery_is_refused_and_the_order_says_so() {
    let scene = Scene::new("too-late", 1).await;
    scene.store("shop", json!({ "seller": "kim", "confirmation": "Customer" })).await;
    scene.product("mug", 1_000, 10).await;
    scene.wallet("alice", 5_000).await;
    scene.order("order-1", "alice", "mug", 1).await;
    let delivery = scene.delivery_of("order-1").await.metadata.name.unwrap();
    assert!(scene.deliver(&delivery).await);
    scene.row("order-1", State::Delivered).await;
    scene.cancel("order-1").await;
    let api = scene.orders();
    let refused =
        crate::harness::wait_for("the refusal", || async { api.get("order-1").await.ok()?.status?.cancel_refused });
    assert!(refused.await.contains("before the wish"));
    scene.patch::<Delivery>(&delivery, json!({ "spec": { "received": true } })).await.unwrap();
    assert_eq!(scene.end_of("order-1").await, State::Completed);
    assert!(scene.payment_of("order-1").await.status.unwrap().refunded_at.is_none());

    // A wish after the end changes nothing but what the order has seen.
    scene.order("order-2", "alice", "mug", 1).await;
    let delivery = scene.delivery_of("order-2").await.metadata.name.unwrap();
    assert!(scene.deliver(&delivery).await);
    scene.patch::<Delivery>(&delivery, json!({ "spec": { "received": true } })).await.unwrap();
    scene.end_of("order-2").await;
    scene.cancel("order-2").await;
    let seen = crate::harness::wait_for("the late wish to be seen", || async {
        let order = api.get("order-2").await.ok()?;
        let status = order.status?;
        (Some(status.observed_generation.0) == order.metadata.generation).then_some(status)
    });
    let status = seen.await;
    assert_eq!(status.state, Some(State::Completed));
    assert!(status.cancel_refused.is_some());
    for order in ["order-1", "order-2"] {
        scene.row(order, State::Completed).await;
    }
    scene.finish().await;
}

#[tokio::test]
async fn an_order_of_several_products_holds_all_or_none() {
    let scene = Scene::new("several", 1).await;
    scene.shop().await;
    scene.product("mug", 1_000, 10).await;
    scene.product("poster", 5_000, 1).await;
    scene.wallet("alice", 100_000).await;
    let mut both = crate::harness::order("both", "alice", "mug", 2);
    both["spec"]["items"] = json!([{ "product": "mug", "quantity": 2 }, { "product": "poster", "quantity": 1 }]);
    let mut short = crate::harness::order("short", "alice", "mug", 2);
    short["spec"]["items"] = json!([{ "product": "mug", "quantity": 2 }, { "product": "poster", "quantity": 5 }]);
    scene.create::<jumun::crd::Order>(short).await;
    assert_eq!(scene.end_of("short").await, State::OutOfStock);
    scene.create::<jumun::crd::Order>(both).await;
    let delivery = scene.delivery_of("both").await.metadata.name.unwrap();
    assert!(scene.deliver(&delivery).await);
    assert_eq!(scene.end_of("both").await, State::Completed);
    assert_eq!(scene.money("alice").await, (93_000, 7_000));
    assert_eq!(scene.settled_stock("mug").await, (8, 2));
    assert_eq!(scene.settled_stock("poster").await, (0, 1));

    // The list of items is a map: written in another order, it is the same order still.
    let mut turned = crate::harness::order("turned", "alice", "mug", 3);
    turned["spec"]["items"] = json!([{ "product": "poster", "quantity": 1 }, { "product": "mug", "quantity": 3 }]);
    let restock = json!({ "spec": { "stock": 2 } });
    scene.patch::<jumun::crd::Product>("poster", restock).await.unwrap();
    scene.create::<jumun::crd::Order>(turned).await;
    scene.delivery_of("turned").await;
    let items = json!([{ "product": "mug", "quantity": 3 }, { "product": "poster", "quantity": 1 }]);
    scene.patch::<jumun::crd::Order>("turned", json!({ "spec": { "items": items } })).await.unwrap();
    scene.cancel("turned").await;
    assert_eq!(scene.end_of("turned").await, State::Cancelled);
    assert_eq!(scene.settled_stock("mug").await, (8, 2));
    assert_eq!(scene.settled_stock("poster").await, (1, 1));
    let payment: Payment = scene.payment_of("short").await;
    assert!(payment.spec.cancel && payment.status.unwrap().approved_at.is_none());
    scene.row("both", State::Completed).await;
    scene.row("short", State::OutOfStock).await;
    scene.finish().await;
}
