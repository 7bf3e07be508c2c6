//! Steps that are late, and orders that have been over for long.

use jumun::crd::{Delivery, Notification, Order, OrderPlatform, OrderView, Payment, Store};
use jumun::domain::order::State;
use serde_json::{Value, json};

use crate::harness::{World, wait_for};
use crate::outside::{Endpoint, platform};

/// A kitchen with one deadline of two seconds.
async fn kitchen(name: &str, deadline: &str) -> World {
    let world = World::new(name, 1).await;
    let deadlines: Value = [(deadline.to_owned(), json!("2s"))].into_iter().collect();
    world
        .store(
            "shop",
            json!({ "seller": "kim", "fulfilment": "Kitchen", "acceptance": "Manual", "confirmation": "Customer",
                    "deadlines": deadlines }),
        )
        .await;
    world.product("stew", 1_000, 10).await;
    world.wallet("alice", 5_000).await;
    world.order("order-1", "alice", "stew", 1).await;
    world
}

/// Everything is given back, and the reason names the deadline.
async fn expires(world: World, reason: &str) {
    let status = world.row("order-1", State::Expired).await.status.unwrap();
    assert_eq!(status.reason.as_deref(), Some(reason));
    assert_eq!(world.money("alice").await, (5_000, 0));
    assert_eq!(world.settled_stock("stew").await, (10, 0));
    world.finish().await;
}

async fn steps(world: &World, steps: &[Value]) {
    for step in steps {
        world.kitchen_step("order-1", step.clone()).await.expect("a step of the store");
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
    let world = kitchen("late-cook", "cook").await;
    steps(&world, &[json!({ "decision": "Accept", "cooking": "Started" })]).await;
    expires(world, "CookDeadline").await;
}

#[tokio::test]
async fn a_meal_that_nobody_picks_up_in_time_expires_the_order() {
    let world = kitchen("late-pick-up", "pickUp").await;
    steps(&world, &[json!({ "decision": "Accept", "cooking": "Started" }), json!({ "cooking": "Finished" })]).await;
    expires(world, "PickUpDeadline").await;
}

#[tokio::test]
async fn a_courier_who_does_not_deliver_in_time_expires_the_order_and_cannot_deliver_any_more() {
    let world = kitchen("late-deliver", "deliver").await;
    steps(&world, &[json!({ "decision": "Accept", "cooking": "Started" }), json!({ "cooking": "Finished" })]).await;
    let api = world.api::<Delivery>();
    let delivery = world.delivery_of("order-1").await.metadata.name.unwrap();
    wait_for("the delivery to be ready", || async { api.get(&delivery).await.ok()?.spec.ready.then_some(()) }).await;
    world.patch::<Delivery>(&delivery, claim()).await.unwrap();
    world.row("order-1", State::Expired).await;
    let late = world.patch::<Delivery>(&delivery, json!({ "spec": { "progress": "Delivered" } })).await;
    assert!(late.unwrap_err().to_string().contains("the delivery is held"));
    expires(world, "DeliverDeadline").await;
}

#[tokio::test]
async fn a_payment_that_does_not_come_in_time_expires_the_order() {
    let mut world = World::new("late-pay", 0).await;
    world.store("shop", json!({ "seller": "kim", "deadlines": { "pay": "2s" } })).await;
    world.product("stew", 1_000, 10).await;
    world.wallet("alice", 5_000).await;
    world.start_operator(&["--controllers", "order,product,payment,delivery,orderview,store"]);
    world.order("order-1", "alice", "stew", 1).await;
    let payments = world.api::<Payment>();
    wait_for("the payment to be barred", || async {
        payments.list(&Default::default()).await.ok()?.items.pop()?.spec.cancel.then_some(())
    })
    .await;
    world.start_operator(&["--controllers", "wallet"]);
    expires(world, "PayDeadline").await;
}

#[tokio::test]
async fn a_customer_who_does_not_confirm_in_time_has_confirmed() {
    let world = kitchen("late-confirm", "confirm").await;
    steps(&world, &[json!({ "decision": "Accept", "cooking": "Started" }), json!({ "cooking": "Finished" })]).await;
    crate::books::deliver_all(&world, 1).await;
    world.row("order-1", State::Completed).await;
    assert_eq!(world.money("alice").await, (4_000, 1_000));
    world.finish().await;
}

#[tokio::test]
async fn orders_that_ended_long_ago_are_removed_with_all_they_own_and_the_books_stay() {
    let world = World::new("retention", 1).await;
    world.store("shop", json!({ "seller": "kim" })).await;
    world.product("stew", 1_000, 10).await;
    world.wallet("alice", 5_000).await;
    // A platform that keeps everything, with an endpoint for the customers.
    let endpoint = Endpoint::start().await;
    platform(&world, None, Some(&endpoint), json!({})).await;
    world.order("bought", "alice", "stew", 2).await;
    world.order("cancelled", "alice", "stew", 1).await;
    let delivery = world.delivery_of("bought").await.metadata.name.unwrap();
    assert!(world.deliver(&delivery).await);
    world.delivery_of("cancelled").await;
    world.cancel("cancelled").await;
    for (order, state) in [("bought", State::Completed), ("cancelled", State::Cancelled)] {
        world.row(order, state).await;
    }
    world.order("open", "alice", "stew", 1).await;
    world.row("open", State::Delivering).await;
    let notices = world.api::<Notification>();
    let all_sent = async || {
        let all = notices.list(&Default::default()).await.ok()?.items;
        let sent = all.iter().filter(|one| one.status.as_ref().is_some_and(|status| status.sent_at.is_some()));
        (sent.count() == all.len() && endpoint.taken().iter().any(|(what, _)| what == "confirmed")).then_some(all.len())
    };
    assert!(wait_for("every notice to be sent", all_sent).await >= 6);
    // Where no retention is set everything stays; with one, what is over goes.
    let retention = json!({ "spec": { "retention": { "completed": "1s" } } });
    world.patch::<OrderPlatform>("default", retention).await.unwrap();
    let gone = async || {
        let orders = world.api::<Order>().list(&Default::default()).await.ok()?.items.len();
        let rows = world.api::<OrderView>().list(&Default::default()).await.ok()?.items.len();
        let payments = world.api::<Payment>().list(&Default::default()).await.ok()?.items.len();
        let deliveries = world.api::<Delivery>().list(&Default::default()).await.ok()?.items.len();
        let others = notices.list(&Default::default()).await.ok()?.items;
        let others = others.iter().filter(|notice| notice.spec.order.name != "open").count();
        ((orders, rows, payments, deliveries, others) == (1, 1, 1, 1, 0)).then_some(())
    };
    wait_for("what is over to be gone", gone).await;
    assert_eq!(world.money("alice").await, (2_000, 3_000));
    assert_eq!(world.settled_stock("stew").await, (7, 3));
    assert!(world.api::<OrderPlatform>().get("default").await.unwrap().status.is_some());
    assert!(world.api::<Store>().get("shop").await.is_ok());
    world.finish().await;
}
