//! Two wills at the same moment: exactly one wins.

use futures::future::join_all;
use jumun::crd::{Delivery, Order};
use jumun::domain::order::State;
use serde_json::json;

use crate::books::rows;
use crate::harness::Scene;

/// 30 orders, each cancelled and delivered at the same moment.
async fn cancel_and_deliver_at_once(operators: usize) {
    let scene = Scene::new(&format!("race-{operators}"), operators).await;
    scene.shop().await;
    scene.product("mug", 100, 1_000).await;
    scene.wallet("alice", 1_000_000).await;
    scene.orders_at_once(30, |n| (format!("order-{n}"), "mug".to_owned())).await;
    join_all((0..30).map(|n| {
        let (scene, name) = (&scene, format!("order-{n}"));
        async move {
            let delivery = scene.delivery_of(&name).await.metadata.name.unwrap();
            let claim = json!({ "spec": { "courier": { "name": "park", "zone": "gangnam" }, "progress": "PickedUp" } });
            let _ = scene.patch::<Delivery>(&delivery, claim).await;
            let cancel = json!({ "spec": { "cancel": { "reason": "ChangedMind" } } });
            let done = json!({ "spec": { "progress": "Delivered" } });
            let (cancelled, _) =
                tokio::join!(scene.patch::<Order>(&name, cancel), scene.patch::<Delivery>(&delivery, done));
            cancelled.expect("a wish is always taken");
        }
    }))
    .await;
    let ends = scene.all_ends().await;
    let (completed, cancelled) =
        (ends.get("Completed").copied().unwrap_or_default(), ends.get("Cancelled").copied().unwrap_or_default());
    println!("{completed} were delivered first, {cancelled} were cancelled first");
    assert_eq!(completed + cancelled, 30, "{ends:?}");
    assert_eq!(scene.money("alice").await.1, 100 * completed as i64);
    assert_eq!(scene.settled_stock("mug").await.1, completed as i64);
    rows(&scene, 30).await;
    scene.finish().await;
}

#[tokio::test]
async fn an_order_cancelled_and_delivered_at_once_is_paid_or_refunded_never_both() {
    cancel_and_deliver_at_once(1).await;
}

#[tokio::test]
async fn an_order_cancelled_and_delivered_at_once_is_paid_or_refunded_never_both_with_two_operators() {
    cancel_and_deliver_at_once(2).await;
}

/// 40 orders, each cancelled as soon as it is created: some before they are placed, some while they are being paid.
async fn cancel_while_being_paid(operators: usize) {
    let scene = Scene::new(&format!("early-{operators}"), operators).await;
    scene.shop().await;
    scene.product("mug", 100, 1_000).await;
    scene.wallet("alice", 1_000_000).await;
    join_all((0..40u64).map(|n| {
        let (scene, name) = (&scene, format!("order-{n}"));
        async move {
            scene.order(&name, "alice", "mug", 1).await;
            // Spread over the time in which an order is placed and paid.
            tokio::time::sleep(std::time::Duration::from_millis(n * 5)).await;
            scene.cancel(&name).await;
        }
    }))
    .await;
    let ends = scene.all_ends().await;
    assert_eq!((ends["Cancelled"], ends.len()), (40, 1), "nobody delivered: {ends:?}");
    assert_eq!(scene.money("alice").await, (1_000_000, 0));
    assert_eq!(scene.settled_stock("mug").await, (1_000, 0));
    rows(&scene, 40).await;
    scene.finish().await;
}

#[tokio::test]
async fn an_order_cancelled_while_it_is_being_paid_costs_nothing() {
    cancel_while_being_paid(1).await;
}

#[tokio::test]
async fn an_order_cancelled_while_it_is_being_paid_costs_nothing_with_two_operators() {
    cancel_while_being_paid(2).await;
}

#[tokio::test]
async fn of_several_couriers_one_gets_the_job() {
    let scene = Scene::new("couriers", 1).await;
    scene.shop().await;
    scene.product("mug", 100, 10).await;
    scene.wallet("alice", 1_000).await;
    scene.order("order-1", "alice", "mug", 1).await;
    let delivery = scene.delivery_of("order-1").await.metadata.name.unwrap();
    let claims = join_all((0..8).map(|n| {
        let claim = json!({ "spec": { "courier": { "name": format!("courier-{n}"), "zone": "gangnam" } } });
        scene.patch::<Delivery>(&delivery, claim)
    }))
    .await;
    assert_eq!(claims.iter().filter(|claim| claim.is_ok()).count(), 1);
    let done = json!({ "spec": { "progress": "PickedUp" } });
    scene.patch::<Delivery>(&delivery, done).await.unwrap();
    scene.patch::<Delivery>(&delivery, json!({ "spec": { "progress": "Delivered" } })).await.unwrap();
    assert_eq!(scene.end_of("order-1").await, State::Completed);
    scene.row("order-1", State::Completed).await;
    scene.finish().await;
}
