//! What keeps an order waiting: the store's side is down, the platform is full, the kitchen is full, the store is closed.

use jumun::crd::{Order, Store, Ticket};
use jumun::domain::order::State;
use jumun::domain::ticket;
use serde_json::json;

use crate::harness::{Scene, order, wait_for};
use crate::outside::platform;
use crate::systems::kitchen;

/// S1 and S4: orders are taken while the store's side is down, and what was missed is caught up.
#[tokio::test]
async fn fifty_orders_are_placed_and_paid_while_the_store_side_is_down_and_caught_up() {
    let mut scene = Scene::new("catch-up", 0).await;
    scene.start_operator(&["--controllers", "order,product,wallet,payment,orderview"]);
    scene.store("shop", kitchen("Delivered", "Automatic")).await;
    scene.product("stew", 100, 100).await;
    scene.wallet("alice", 100_000).await;
    scene.orders_at_once(50, |n| (format!("order-{n}"), "stew".to_owned())).await;
    let orders = scene.orders();
    wait_for("50 paid orders", || async {
        let paid = orders.list(&Default::default()).await.ok()?.items;
        let paid = paid.iter().filter(|o| o.status.as_ref().is_some_and(|s| s.paid_at.is_some()));
        (paid.count() == 50).then_some(())
    })
    .await;
    assert_eq!(scene.money("alice").await.1, 5_000);
    let tickets = scene.api::<Ticket>().list(&Default::default()).await.unwrap().items;
    assert!(tickets.len() == 50 && tickets.iter().all(|t| t.status.as_ref().is_none_or(|s| s.state.is_none())));
    scene.start_operator(&["--controllers", "store,ticket,delivery,notification,orderplatform"]);
    for n in 0..50 {
        let order = format!("order-{n}");
        scene.kitchen_step(&order, json!({ "decision": "Accept", "cooking": "Started" })).await.unwrap();
        scene.kitchen_step(&order, json!({ "cooking": "Finished" })).await.unwrap();
    }
    crate::books::deliver_all(&scene, 50).await;
    assert_eq!(scene.all_ends().await["Completed"], 50);
    wait_for("every ticket to say so", || async {
        let tickets = scene.api::<Ticket>().list(&Default::default()).await.ok()?.items;
        let cooked = |t: &Ticket| t.status.as_ref().and_then(|s| s.state) == Some(ticket::State::Cooked);
        tickets.iter().all(cooked).then_some(())
    })
    .await;
    crate::books::rows(&scene, 50).await;
    scene.finish().await;
}

/// When too many orders come, creation is delayed, visibly, first come, first served, and nothing is lost.
#[tokio::test]
async fn above_the_platforms_limit_orders_wait_their_turn_with_a_number() {
    let mut scene = Scene::new("queue", 0).await;
    platform(&scene, None, None, json!({ "intake": { "maxPending": 3 } })).await;
    scene.shop().await;
    scene.product("mug", 100, 100).await;
    scene.wallet("alice", 100_000).await;
    // Nobody pays: the wallet's controller is off.
    scene.start_operator(&["--controllers", "order,product,payment,delivery,orderview,orderplatform"]);
    for n in 0..8 {
        scene.create::<Order>(order(&format!("order-{n}"), "alice", "mug", 1)).await;
        let orders = scene.orders();
        let name = format!("order-{n}");
        wait_for("the order to be placed or queued", || async {
            let status = orders.get(&name).await.ok()?.status?;
            (status.placed_at.is_some() || status.queue_number.is_some()).then_some(())
        })
        .await;
    }
    let numbers = |orders: Vec<Order>| -> Vec<Option<i64>> {
        let mut orders = orders;
        orders.sort_by_key(|order| order.metadata.name.clone());
        orders.into_iter().map(|order| order.status.and_then(|status| status.queue_number)).collect()
    };
    let all = scene.orders().list(&Default::default()).await.unwrap().items;
    let placed = all.iter().filter(|order| order.status.as_ref().is_some_and(|status| status.placed_at.is_some()));
    assert_eq!(placed.count(), 3, "three are let in");
    assert_eq!(numbers(all), (1..=8).map(Some).collect::<Vec<_>>(), "all have numbers, in order");
    let rows = scene.api::<jumun::crd::OrderView>();
    wait_for("the row to say what it waits for", || async {
        let status = rows.get("order-7").await.ok()?.status?;
        (status.waiting_for.as_deref() == Some("WaitingForTurn") && status.order == State::Pending).then_some(())
    })
    .await;
    // With the wallet's controller back, all are served.
    scene.start_operator(&["--controllers", "wallet"]);
    crate::books::deliver_all(&scene, 8).await;
    assert_eq!(scene.all_ends().await["Completed"], 8);
    let served: jumun::crd::OrderPlatform = scene.api().get("default").await.unwrap();
    assert_eq!(served.status.unwrap().serving, 8);
    crate::books::rows(&scene, 8).await;
    scene.finish().await;
}

#[tokio::test]
async fn a_full_kitchen_takes_the_next_order_when_one_is_cooked_first_come_first_served() {
    let scene = Scene::new("kitchen-full", 1).await;
    let mut store = kitchen("Delivered", "Automatic");
    store["maxOpenTickets"] = json!(2);
    scene.store("shop", store).await;
    scene.product("stew", 100, 100).await;
    scene.wallet("alice", 100_000).await;
    for n in 0..2 {
        scene.order(&format!("order-{n}"), "alice", "stew", 1).await;
        scene.ticket_of(&format!("order-{n}")).await;
    }
    for n in 2..5 {
        scene.order(&format!("order-{n}"), "alice", "stew", 1).await;
        let row = scene.row(&format!("order-{n}"), State::Pending).await.status.unwrap();
        assert!(row.waiting_for.is_none_or(|reason| reason == "KitchenFull"));
    }
    let cook = async |order: &str| {
        scene.kitchen_step(order, json!({ "decision": "Accept", "cooking": "Started" })).await.unwrap();
        scene.kitchen_step(order, json!({ "cooking": "Finished" })).await.unwrap();
        scene.row(order, State::Cooked).await;
    };
    // Whoever leaves the line is not waited for.
    scene.cancel("order-2").await;
    assert_eq!(scene.end_of("order-2").await, State::Cancelled);
    cook("order-0").await;
    scene.row("order-3", State::Paid).await;
    let waiting: Order = scene.orders().get("order-4").await.unwrap();
    assert!(waiting.status.unwrap().placed_at.is_none(), "one place, one order");
    cook("order-1").await;
    scene.row("order-4", State::Paid).await;
    cook("order-3").await;
    cook("order-4").await;
    crate::books::deliver_all(&scene, 4).await;
    assert_eq!(scene.all_ends().await["Completed"], 4);
    crate::books::rows(&scene, 5).await;
    scene.finish().await;
}

#[tokio::test]
async fn a_store_on_hold_lets_orders_wait_and_one_that_drains_rejects_them() {
    let scene = Scene::new("hold-drain", 1).await;
    scene.store("shop", json!({ "seller": "kim", "intake": "Hold" })).await;
    scene.product("mug", 100, 100).await;
    scene.wallet("alice", 100_000).await;
    for n in 0..3 {
        scene.order(&format!("order-{n}"), "alice", "mug", 1).await;
    }
    let orders = scene.orders();
    wait_for("the reason of the wait", || async {
        let status = orders.get("order-0").await.ok()?.status?;
        status.conditions.iter().any(|condition| condition.reason == "StoreOnHold").then_some(())
    })
    .await;
    // A wish while it waits costs nothing.
    scene.cancel("order-0").await;
    assert_eq!(scene.end_of("order-0").await, State::Cancelled);
    scene.patch::<Store>("shop", json!({ "spec": { "intake": "Open" } })).await.unwrap();
    for n in 1..3 {
        scene.delivery_of(&format!("order-{n}")).await;
    }
    scene.change_store("shop", json!({ "intake": "Hold" })).await;
    scene.order("waiting", "alice", "mug", 1).await;
    scene.row("waiting", State::Pending).await;
    scene.change_store("shop", json!({ "intake": "Drain" })).await;
    scene.order("new", "alice", "mug", 1).await;
    for name in ["waiting", "new"] {
        assert_eq!(scene.end_of(name).await, State::Rejected);
        let reason = scene.row(name, State::Rejected).await.status.unwrap().reason;
        assert_eq!(reason.as_deref(), Some("StoreDraining"));
    }
    // What was taken before is carried to its end.
    crate::books::deliver_all(&scene, 2).await;
    assert_eq!(scene.all_ends().await["Completed"], 2);
    crate::books::rows(&scene, 5).await;
    scene.finish().await;
}
