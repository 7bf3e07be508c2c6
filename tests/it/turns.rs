//! Turns are turns: numbers in order of arrival, each once, and never more orders under way than the limits say, whatever
//! the load and however many operators there are.

use std::collections::BTreeMap;
use std::sync::Arc;

use jumun::crd::{OrderPlatform, Store};
use jumun::domain::Time;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::harness::{Scene, wait_for};
use crate::outside::platform;
use crate::recorder::Version;

async fn shop(scene: &Scene, intake: Value) {
    platform(scene, None, None, json!({ "intake": intake })).await;
    scene.shop().await;
    scene.product("mug", 10, 10_000).await;
    scene.wallet("alice", 1_000_000).await;
}

fn text(object: &Value, path: &str) -> Option<String> {
    object.pointer(path).and_then(Value::as_str).map(str::to_owned)
}

/// The most orders that were placed, not paid and not on their way back at any one moment.
fn most_pending(log: &[Version]) -> usize {
    let mut orders: BTreeMap<String, Arc<Value>> = BTreeMap::new();
    let mut most = 0;
    for version in log.iter().filter(|version| version.kind == "Order") {
        orders.insert(text(&version.object, "/metadata/uid").expect("a UID"), version.object.clone());
        let has = |order: &Value, field: &str| !order["status"][field].is_null();
        let pending = |order: &&Arc<Value>| has(order, "placedAt") && !has(order, "paidAt") && !has(order, "outcome");
        most = most.max(orders.values().filter(pending).count());
    }
    most
}

/// The most orders that were placed within one second.
fn most_a_second(orders: &[Arc<Value>]) -> usize {
    let placed = |order: &Arc<Value>| Time::deserialize(&order["status"]["placedAt"]).ok().map(Time::as_millis);
    let mut times: Vec<i64> = orders.iter().filter_map(placed).collect();
    times.sort_unstable();
    let within = |from: i64| times.iter().filter(|at| (from..from + 1_000).contains(*at)).count();
    times.iter().map(|at| within(*at)).max().unwrap_or(0)
}

/// Numbers are unique, everybody who was placed has one, and who came a second earlier has a lower one. Orders that are sent at
/// once may be stored in another order than their times say, so those of neighbouring seconds are not compared.
fn assert_in_order(orders: &[Arc<Value>]) {
    let arrival = |order: &Arc<Value>| {
        let number = order["status"]["queueNumber"].as_i64().expect("a number");
        (text(order, "/metadata/creationTimestamp").expect("a time"), number)
    };
    let mut arrivals: Vec<(String, i64)> = orders.iter().map(arrival).collect();
    arrivals.sort();
    let numbers: std::collections::BTreeSet<i64> = arrivals.iter().map(|(_, number)| *number).collect();
    assert_eq!(numbers.len(), orders.len(), "each number once: {arrivals:?}");
    let seconds = |time: &str| time.parse::<jiff::Timestamp>().expect("a time").as_second();
    for (time, number) in &arrivals {
        let later = arrivals.iter().filter(|(other, _)| seconds(other) > seconds(time) + 1);
        assert!(later.map(|(_, other)| other).all(|other| other > number), "in order of arrival: {arrivals:?}");
    }
}

#[tokio::test]
async fn thirty_orders_at_three_a_second_are_placed_three_a_second_in_order_of_arrival() {
    let scene = Scene::new("a-second", 1).await;
    shop(&scene, json!({ "maxPerSecond": 3 })).await;
    for batch in 0..3 {
        scene.orders_at_once(10, |n| (format!("order-{batch}-{n}"), "mug".to_owned())).await;
    }
    crate::books::deliver_all(&scene, 30).await;
    assert_eq!(scene.all_ends().await["Completed"], 30);
    let orders = scene.recorder.standing("Order");
    let most = most_a_second(&orders);
    assert!(most <= 5, "{most} were placed within a second");
    assert_in_order(&orders);
    crate::books::rows(&scene, 30).await;
    scene.finish().await;
}

#[tokio::test]
async fn two_operators_keep_a_burst_of_sixty_within_the_limit() {
    let scene = Scene::new("burst", 2).await;
    shop(&scene, json!({ "maxPending": 5 })).await;
    let known = scene.recorder.seen();
    scene.orders_at_once(60, |n| (format!("order-{n}"), "mug".to_owned())).await;
    crate::books::deliver_all(&scene, 60).await;
    assert_eq!(scene.all_ends().await["Completed"], 60);
    let most = most_pending(&scene.recorder.since(known));
    assert!((1..=7).contains(&most), "{most} were under way at once");
    assert_in_order(&scene.recorder.standing("Order"));
    // The turns leave once nobody needs them, and then nothing is written any more.
    let api = scene.api::<OrderPlatform>();
    wait_for("the turns to leave", || async {
        let status = api.get("default").await.ok()?.status?;
        (status.turns.is_empty() && status.issued == Some(60)).then_some(())
    })
    .await;
    crate::books::rows(&scene, 60).await;
    scene.finish().await;
}

#[tokio::test]
async fn limits_that_change_while_many_wait_hold_from_then_on() {
    let scene = Scene::new("limits", 1).await;
    shop(&scene, json!({ "maxPerSecond": 1 })).await;
    scene.orders_at_once(40, |n| (format!("order-{n}"), "mug".to_owned())).await;
    let placed = |count: usize| {
        let recorder = &scene.recorder;
        move || async move {
            let placed = recorder.standing("Order").iter().filter(|o| !o["status"]["placedAt"].is_null()).count();
            (placed >= count).then_some(placed)
        }
    };
    wait_for("the first to be placed", placed(2)).await;
    let more = json!({ "spec": { "intake": { "maxPerSecond": 10 } } });
    scene.patch::<OrderPlatform>("default", more).await.unwrap();
    wait_for("half of them", placed(20)).await;
    let most = most_a_second(&scene.recorder.standing("Order"));
    assert!(most <= 12, "{most} were placed within a second");
    // Without limits everybody goes at once.
    scene.patch::<OrderPlatform>("default", json!({ "spec": { "intake": null } })).await.unwrap();
    crate::books::deliver_all(&scene, 40).await;
    assert_eq!(scene.all_ends().await["Completed"], 40);
    let status = scene.api::<OrderPlatform>().get("default").await.unwrap().status.unwrap();
    assert_eq!((Some(status.serving), status.turns.len()), (status.issued, 0));
    crate::books::rows(&scene, 40).await;
    scene.finish().await;
}

#[tokio::test]
async fn orders_of_a_store_on_hold_keep_nobodys_place_and_are_called_when_it_opens() {
    let scene = Scene::new("hold-turns", 1).await;
    shop(&scene, json!({ "maxPending": 2 })).await;
    scene.store("closed", json!({ "seller": "lee", "intake": "Hold" })).await;
    let cup = json!({ "store": "closed", "price": { "amount": 5, "currency": "KRW" }, "stock": 90 });
    scene.create::<jumun::crd::Product>(json!({ "metadata": { "name": "cup" }, "spec": cup })).await;
    let held = |n: usize| {
        let mut order = crate::harness::order(&format!("held-{n}"), "alice", "cup", 1);
        order["spec"]["store"] = json!("closed");
        order
    };
    for n in 0..6 {
        scene.create::<jumun::crd::Order>(held(n)).await;
    }
    scene.orders_at_once(6, |n| (format!("order-{n}"), "mug".to_owned())).await;
    crate::books::deliver_all(&scene, 6).await;
    wait_for("the open store's orders to end", || async {
        let orders = scene.recorder.standing("Order");
        let ended = orders.iter().filter(|order| order["status"]["state"] == "Completed");
        (ended.count() == 6).then_some(())
    })
    .await;
    let orders = scene.orders();
    for n in 0..6 {
        wait_for("its number", || async { orders.get(&format!("held-{n}")).await.ok()?.status?.queue_number }).await;
    }
    let known = scene.recorder.seen();
    scene.patch::<Store>("closed", json!({ "spec": { "intake": "Open" } })).await.unwrap();
    crate::books::deliver_all(&scene, 12).await;
    assert_eq!(scene.all_ends().await["Completed"], 12);
    let most = most_pending(&scene.recorder.since(known));
    assert!(most <= 4, "{most} were under way at once");
    assert_in_order(&scene.recorder.standing("Order"));
    crate::books::rows(&scene, 12).await;
    scene.finish().await;
}
