//! Steps that are late, and orders that have been over for long.

use jumun::crd::{Delivery, Notification, Order, OrderPlatform, OrderView, Payment, Store};
use jumun::domain::order::State;
use serde_json::{Value, json};

use crate::harness::{Scene, wait_for};
use crate::outside::{Endpoint, platform};

/// A kitchen with one deadline of two seconds.
async fn kitchen(name: &str, deadline: &str) -> Scene {
    let scene = Scene::new(name, 1).await;
    let deadlines: Value = [(deadline.to_owned(), json!("2s"))].into_iter().collect();
    scene
        .store(
            "shop",
            json!({ "seller": "kim", "fulfilment": "Kitchen", "acceptance": "Manual", "confirmation": "Customer",
                    "deadlines": deadlines }),
        )
        .await;
    scene.product("stew", 1_000, 10).await;
    scene.wallet("alice", 5_000).await;
    scene.order("order-1", "alice", "stew", 1).await;
    scene
}

/// Everything is given back, and the reason names the deadline.
async fn expires(scene: Scene, reason: &str) {
    let status = scene.row("order-1", State::Expired).await.status.unwrap();
    assert_eq!(status.reason.as_deref(), Some(reason));
    assert_eq!(scene.money("alice").await, (5_000, 0));
    assert_eq!(scene.settled_stock("stew").await, (10, 0));
    scene.finish().await;
}

async fn steps(scene: &Scene, steps: &[Value]) {
    for step in steps {
        scene.kitchen_step("order-1", step.clone()).await.expect("a step of the store");
    }
}

fn claim() -> Value {
    json!({ "spec": { "courier": { "name": "park", "zone": "gangnam" }, "progress": "PickedUp" } })
}

#[tokio::test]
async fn a_store_that_does_not_decide_in_time_expires_the_order() {
    expires(kitchen("late-accept", "accept").await, "AcceptDeadline").await;
}

#[tokio::test]
async fn a_kitchen_that_does_not_cook_in_time_expires_the_order() {
    let scene = kitchen("late-cook", "cook").await;
    steps(&scene, &[json!({ "decision": "Accept", "cooking": "Started" })]).await;
    expires(scene, "CookDeadline").await;
}

#[tokio::test]
async fn a_meal_that_nobody_picks_up_in_time_expires_the_order() {
    let scene = kitchen("late-pick-up", "pickUp").await;
    steps(&scene, &[json!({ "decision": "Accept", "cooking": "Started" }), json!({ "cooking": "Finished" })]).await;
    expires(scene, "PickUpDeadline").await;
}

#[tokio::test]
async fn a_courier_who_does_not_deliver_in_time_expires_the_order_and_cannot_deliver_any_more() {
    let scene = kitchen("late-deliver", "deliver").await;
    steps(&scene, &[json!({ "decision": "Accept", "cooking": "Started" }), json!({ "cooking": "Finished" })]).await;
    let api = scene.api::<Delivery>();
    let delivery = scene.delivery_of("order-1").await.metadata.name.unwrap();
    wait_for("the delivery to be ready", || async { api.get(&delivery).await.ok()?.spec.ready.then_some(()) }).await;
    scene.patch::<Delivery>(&delivery, claim()).await.unwrap();
    scene.row("order-1", State::Expired).await;
    let late = scene.patch::<Delivery>(&delivery, json!({ "spec": { "progress": "Delivered" } })).await;
    assert!(late.unwrap_err().to_string().contains("the delivery is held"));
    expires(scene, "DeliverDeadline").await;
}

#[tokio::test]
async fn a_payment_that_does_not_come_in_time_expires_the_order() {
    let mut scene = Scene::new("late-pay", 0).await;
    scene.store("shop", json!({ "seller": "kim", "deadlines": { "pay": "2s" } })).await;
    scene.product("stew", 1_000, 10).await;
    scene.wallet("alice", 5_000).await;
    scene.start_operator(&["--controllers", "order,product,payment,delivery,orderview,store"]);
    scene.order("order-1", "alice", "stew", 1).await;
    let payments = scene.api::<Payment>();
    wait_for("the payment to be barred", || async {
        payments.list(&Default::default()).await.ok()?.items.pop()?.spec.cancel.then_some(())
    })
    .await;
    scene.start_operator(&["--controllers", "wallet"]);
    expires(scene, "PayDeadline").await;
}

#[tokio::test]
async fn a_customer_who_does_not_confirm_in_time_has_confirmed() {
    let scene = kitchen("late-confirm", "confirm").await;
    steps(&scene, &[json!({ "decision": "Accept", "cooking": "Started" }), json!({ "cooking": "Finished" })]).await;
    crate::books::deliver_all(&scene, 1).await;
    scene.row("order-1", State::Completed).await;
    assert_eq!(scene.money("alice").await, (4_000, 1_000));
    scene.finish().await;
}

#[tokio::test]
async fn orders_that_ended_long_ago_are_removed_with_all_they_own_and_the_books_stay() {
    let scene = Scene::new("retention", 1).await;
    scene.store("shop", json!({ "seller": "kim" })).await;
    scene.product("stew", 1_000, 10).await;
    scene.wallet("alice", 5_000).await;
    // A platform that keeps everything, with an endpoint for the customers.
    let endpoint = Endpoint::start().await;
    platform(&scene, None, Some(&endpoint), json!({})).await;
    scene.order("bought", "alice", "stew", 2).await;
    scene.order("cancelled", "alice", "stew", 1).await;
    let delivery = scene.delivery_of("bought").await.metadata.name.unwrap();
    assert!(scene.deliver(&delivery).await);
    scene.delivery_of("cancelled").await;
    scene.cancel("cancelled").await;
    for (order, state) in [("bought", State::Completed), ("cancelled", State::Cancelled)] {
        scene.row(order, state).await;
    }
    scene.order("open", "alice", "stew", 1).await;
    scene.row("open", State::Delivering).await;
    let notices = scene.api::<Notification>();
    let all_sent = async || {
        let all = notices.list(&Default::default()).await.ok()?.items;
        let sent = all.iter().filter(|one| one.status.as_ref().is_some_and(|status| status.sent_at.is_some()));
        (sent.count() == all.len() && endpoint.taken().iter().any(|(what, _)| what == "confirmed")).then_some(all.len())
    };
    assert!(wait_for("every notice to be sent", all_sent).await >= 6);
    // Where no retention is set everything stays; with one, what is over goes.
    let retention = json!({ "spec": { "retention": { "completed": "1s" } } });
    scene.patch::<OrderPlatform>("default", retention).await.unwrap();
    let gone = async || {
        let orders = scene.api::<Order>().list(&Default::default()).await.ok()?.items.len();
        let rows = scene.api::<OrderView>().list(&Default::default()).await.ok()?.items.len();
        let payments = scene.api::<Payment>().list(&Default::default()).await.ok()?.items.len();
        let deliveries = scene.api::<Delivery>().list(&Default::default()).await.ok()?.items.len();
        let others = notices.list(&Default::default()).await.ok()?.items;
        let others = others.iter().filter(|notice| notice.spec.order.name != "open").count();
        ((orders, rows, payments, deliveries, others) == (1, 1, 1, 1, 0)).then_some(())
    };
    wait_for("what is over to be gone", gone).await;
    assert_eq!(scene.money("alice").await, (2_000, 3_000));
    assert_eq!(scene.settled_stock("stew").await, (7, 3));
    assert!(scene.api::<OrderPlatform>().get("default").await.unwrap().status.is_some());
    assert!(scene.api::<Store>().get("shop").await.is_ok());
    scene.finish().await;
}
