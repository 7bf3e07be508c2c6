//! Rows: they never step back, they heal, they follow people's steps at once, and they tell the customer everything.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::future::join_all;
use jumun::cluster::events::Events;
use jumun::cluster::watch::Watcher;
use jumun::cluster::{Key, client};
use jumun::crd::{API_VERSION, Delivery, Order, OrderView};
use jumun::domain::order::State;
use jumun::domain::view::{Status, Wish};
use jumun::domain::{Kind, delivery};
use jumun::telemetry::metrics::Watch;
use jumun::world::watches;
use k8s_openapi::api::rbac::v1::ClusterRole;
use kube::Api;
use kube::api::{DeleteParams, PostParams};
use serde_json::{Value, json};

use crate::harness::{QUIET, Scene, wait_for};
use crate::outside::{Endpoint, platform};
use crate::systems::kitchen;

async fn kitchen_scene(name: &str, operators: usize, until: &str) -> Scene {
    let scene = Scene::new(name, operators).await;
    scene.store("shop", kitchen(until, "Customer")).await;
    scene.product("stew", 1_000, 100).await;
    scene.wallet("alice", 100_000).await;
    scene
}

async fn status_of(scene: &Scene, order: &str) -> Status {
    scene.api::<OrderView>().get(order).await.expect("a row").status.expect("a status")
}

/// Waits until the row says so, and gives how long that took.
async fn shows(scene: &Scene, order: &str, what: &str, holds: impl Fn(&Status) -> bool) -> Duration {
    let started = Instant::now();
    let rows = scene.api::<OrderView>();
    wait_for(&format!("the row of {order} to show {what}"), || async {
        holds(&rows.get(order).await.ok()?.status?).then_some(())
    })
    .await;
    started.elapsed()
}

fn moments(status: &Status) -> Vec<&str> {
    status.timeline.iter().map(|moment| moment.what.as_str()).collect()
}

/// Checks everything that was recorded but for one invariant, which the test has broken by its own hand.
async fn finish_but(mut scene: Scene, broken: &str) {
    scene.quiet_for(QUIET).await;
    let (client, namespace) = (scene.client.clone(), scene.namespace.clone());
    let log = scene.recorder.stop(&client, &namespace).await;
    let mut verdict = crate::checker::check(&log);
    verdict.violations.retain(|violation| !violation.starts_with(broken));
    verdict.assert();
}

/// Of two operators one is frozen while orders move on, and goes on with what it knew: the checker looks at every row.
#[tokio::test]
async fn an_operator_that_was_frozen_takes_no_row_back() {
    const EACH: usize = 25;
    let scene = Scene::new("frozen", 2).await;
    scene.shop().await;
    scene.product("mug", 1_000, 1_000).await;
    scene.wallet("alice", 1_000_000).await;
    for round in 0..4 {
        let names: Vec<String> = (0..EACH).map(|n| format!("order-{round}-{n}")).collect();
        scene.orders_at_once(EACH, |n| (format!("order-{round}-{n}"), "mug".to_owned())).await;
        // It has seen them, and is about to write their rows.
        wait_for("a first row", || async { scene.api::<OrderView>().get_opt(&names[0]).await.ok()? }).await;
        scene.operator(round % 2).freeze().await;
        join_all(names.iter().map(|order| scene.row(order, State::Delivering))).await;
        for order in &names {
            let delivery = scene.delivery_of(order).await.metadata.name.unwrap();
            assert!(scene.deliver(&delivery).await);
        }
        scene.operator(round % 2).thaw();
        join_all(names.iter().map(|order| scene.row(order, State::Completed))).await;
    }
    scene.finish().await;
}

#[tokio::test]
async fn whatever_is_written_into_a_row_by_hand_is_put_right() {
    let scene = kitchen_scene("forged", 1, "Delivered").await;
    scene.order("order-1", "alice", "stew", 1).await;
    scene.row("order-1", State::Paid).await;
    scene.kitchen_step("order-1", json!({ "decision": "Accept" })).await.unwrap();
    scene.row("order-1", State::Accepted).await;
    scene.quiet_for(QUIET).await;
    let before = scene.api::<OrderView>().get("order-1").await.unwrap();
    let told = |row: &OrderView| json!([row.spec, row.status]);
    let forgeries = [
        json!({ "status": { "order": "Completed", "payment": "Cancelled" } }),
        json!({ "status": { "order": "Placed", "sources": "9999999999999/9999999999999/9999999999999/-" } }),
        json!({ "status": { "order": "Cancelled", "sources": null, "timeline": [
            { "what": "Cancelled", "at": "2020-01-01T00:00:00Z" }] } }),
        json!({ "spec": { "customer": "mallory", "amount": { "amount": 1, "currency": "KRW" } } }),
        json!({ "status": { "store": "Cooked", "delivery": "Confirmed", "courier": "mallory", "cancelRequested": true } }),
        json!({ "status": null }),
        json!({ "spec": { "order": { "uid": "another" } } }),
    ];
    for forgery in forgeries {
        scene.patch::<OrderView>("order-1", forgery.clone()).await.unwrap();
        let healed = Instant::now();
        wait_for(&format!("{forgery} to be put right"), || async {
            let row = scene.api::<OrderView>().get_opt("order-1").await.ok()??;
            (told(&row) == told(&before)).then_some(())
        })
        .await;
        assert!(healed.elapsed() < Duration::from_secs(5), "{forgery} stood for {:?}", healed.elapsed());
    }
    // A mark that nobody ever wrote costs a read, not one after another.
    scene.patch::<OrderView>("order-1", json!({ "status": { "sources": "9999999999999/-/-/-" } })).await.unwrap();
    scene.quiet_for(QUIET).await;
    let calls = scene.operator(0).calls().await;
    scene.kitchen_step("order-1", json!({ "cooking": "Started" })).await.unwrap();
    scene.row("order-1", State::Cooking).await;
    scene.quiet_for(QUIET).await;
    let reads = |calls: &std::collections::BTreeMap<String, u64>| {
        calls.iter().filter(|(labels, _)| labels.contains("\"list\"")).map(|(_, count)| count).sum::<u64>()
    };
    let more = reads(&scene.operator(0).calls().await) - reads(&calls);
    assert!(more <= 2, "{more} live reads for one foreign mark");
    assert!(!status_of(&scene, "order-1").await.sources.to_string().starts_with("9999999999999"));
    finish_but(scene, "rows_never_step_back").await;
}

#[tokio::test]
async fn a_row_shows_each_step_of_a_person_within_a_second_and_is_written_once_for_it() {
    let scene = kitchen_scene("steps", 1, "Delivered").await;
    let mut times = vec![Vec::new(); 6];
    let mut writes = Vec::new();
    for n in 0..3 {
        let order = format!("order-{n}");
        let known = scene.recorder.seen();
        scene.order(&order, "alice", "stew", 1).await;
        scene.row(&order, State::Paid).await;
        let delivery = || async { scene.delivery_of(&order).await.metadata.name.unwrap() };
        let patch = async |spec: Value| {
            scene.patch::<Delivery>(&delivery().await, json!({ "spec": spec })).await.unwrap();
        };
        let mut took = Vec::new();
        scene.kitchen_step(&order, json!({ "decision": "Accept" })).await.unwrap();
        took.push(shows(&scene, &order, "accepted", |row| row.order == State::Accepted).await);
        scene.kitchen_step(&order, json!({ "cooking": "Started" })).await.unwrap();
        took.push(shows(&scene, &order, "cooking", |row| row.order == State::Cooking).await);
        scene.kitchen_step(&order, json!({ "cooking": "Finished" })).await.unwrap();
        took.push(shows(&scene, &order, "cooked", |row| row.order == State::Cooked).await);
        patch(json!({ "courier": { "name": "park", "zone": "gangnam" }, "progress": "PickedUp" })).await;
        took.push(shows(&scene, &order, "picked up", |row| row.courier.as_deref() == Some("park")).await);
        patch(json!({ "progress": "Delivered" })).await;
        took.push(shows(&scene, &order, "delivered", |row| row.delivery == Some(delivery::State::Delivered)).await);
        patch(json!({ "received": true })).await;
        took.push(shows(&scene, &order, "the end", |row| row.order == State::Completed).await);
        scene.quiet_for(QUIET).await;
        for (times, took) in times.iter_mut().zip(&took) {
            times.push(*took);
        }
        let written = scene.recorder.since(known).iter().filter(|version| version.kind == "OrderView").count();
        writes.push(written);
        println!("{took:?}, {written} writes");
        let row = status_of(&scene, &order).await;
        let wanted = [
            "Placed",
            "Paid",
            "Accepted",
            "CookingStarted",
            "CookingFinished",
            "Claimed",
            "PickedUp",
            "Delivered",
            "Completed",
        ];
        assert_eq!(moments(&row), wanted);
    }
    times.iter_mut().for_each(|times| times.sort());
    writes.sort_unstable();
    // Medians: what else the machine does may delay one of them.
    assert!(times.iter().all(|times| times[1] < Duration::from_secs(1)), "{times:?}");
    // Placed, paid, six steps.
    assert!(writes[1] <= 8, "{writes:?} writes of a row");
    scene.finish().await;
}

#[tokio::test]
async fn a_refused_wish_and_every_moment_are_in_the_row_also_after_an_outage() {
    let seller = Endpoint::start().await;
    let mut scene = Scene::new("told", 1).await;
    platform(&scene, None, None, json!({})).await;
    let mut store = kitchen("CookingStarts", "Automatic");
    store["notify"] = json!({ "url": seller.url() });
    scene.store("shop", store).await;
    scene.product("stew", 1_000, 100).await;
    scene.wallet("alice", 100_000).await;
    scene.order("order-1", "alice", "stew", 1).await;
    scene.kitchen_step("order-1", json!({ "decision": "Accept", "cooking": "Started" })).await.unwrap();
    scene.row("order-1", State::Cooking).await;
    let wish = json!({ "spec": { "cancel": { "reason": "ChangedMind", "message": "I have eaten already." } } });
    scene.patch::<Order>("order-1", wish).await.unwrap();
    shows(&scene, "order-1", "the refusal", |row| row.wish == Some(Wish::Refused)).await;
    let row = status_of(&scene, "order-1").await;
    assert_eq!(row.cancel_message.as_deref(), Some("I have eaten already."));
    let sentence = row.cancel_refused.clone().unwrap();
    assert!(sentence.contains("Cooking had started"), "{sentence}");
    let moments_now = moments(&row);
    assert!(moments_now.contains(&"CancelRequested") && moments_now.contains(&"CancelRefused"), "{moments_now:?}");
    let (_, wide) = scene.kubectl(&["get", "ov", "order-1", "-o", "wide"]);
    assert!(wide.contains("Refused") && wide.contains(&sentence), "{wide}");
    // The seller reads the customer's words as well.
    seller.told("cancel-refused").await;
    assert_eq!(seller.data("cancel-refused")["message"], "I have eaten already.");

    // What the row has seen before an outage stays, what happened meanwhile stands in the order in which it must have.
    scene.kitchen_step("order-1", json!({ "cooking": "Finished" })).await.unwrap();
    scene.row("order-1", State::Cooked).await;
    let delivery = scene.delivery_of("order-1").await.metadata.name.unwrap();
    let claim = json!({ "spec": { "courier": { "name": "park", "zone": "gangnam" }, "progress": "PickedUp" } });
    scene.patch::<Delivery>(&delivery, claim).await.unwrap();
    shows(&scene, "order-1", "the pick-up", |row| row.delivery == Some(delivery::State::PickedUp)).await;
    scene.quiet_for(QUIET).await;
    let before = status_of(&scene, "order-1").await;
    scene.order("order-2", "alice", "stew", 1).await;
    scene.row("order-2", State::Paid).await;
    scene.kill_operator(0);
    scene.patch::<Delivery>(&delivery, json!({ "spec": { "progress": "Delivered" } })).await.unwrap();
    for step in [json!({ "decision": "Accept", "cooking": "Started" }), json!({ "cooking": "Finished" })] {
        scene.kitchen_step("order-2", step).await.unwrap();
    }
    scene.start_operator(&[]);
    scene.row("order-1", State::Completed).await;
    scene.row("order-2", State::Cooked).await;
    scene.quiet_for(QUIET).await;
    let after = status_of(&scene, "order-1").await;
    assert_eq!(after.timeline[..before.timeline.len()], before.timeline[..]);
    assert_eq!(moments(&after)[before.timeline.len()..], ["Delivered", "Completed"]);
    let late = status_of(&scene, "order-2").await;
    assert_eq!(moments(&late)[1..], ["Paid", "Accepted", "CookingStarted", "CookingFinished"]);
    scene.patch::<Order>("order-2", json!({ "spec": { "cancel": { "reason": "Late" } } })).await.unwrap();
    scene.deliver(&scene.delivery_of("order-2").await.metadata.name.unwrap()).await;
    scene.row("order-2", State::Completed).await;
    scene.finish().await;
}

#[tokio::test]
async fn a_deletion_that_comes_too_late_is_a_refused_wish_in_the_row() {
    let scene = kitchen_scene("deleted-late", 1, "CookingStarts").await;
    scene.order("order-1", "alice", "stew", 1).await;
    scene.kitchen_step("order-1", json!({ "decision": "Accept", "cooking": "Started" })).await.unwrap();
    scene.row("order-1", State::Cooking).await;
    scene.orders().delete("order-1", &DeleteParams::default()).await.unwrap();
    shows(&scene, "order-1", "the refusal", |row| row.wish == Some(Wish::Refused)).await;
    scene.kitchen_step("order-1", json!({ "cooking": "Finished" })).await.unwrap();
    let delivery = scene.delivery_of("order-1").await.metadata.name.unwrap();
    let api = scene.api::<Delivery>();
    wait_for("it to be ready", || async { api.get(&delivery).await.ok()?.spec.ready.then_some(()) }).await;
    assert!(scene.deliver(&delivery).await);
    scene.patch::<Delivery>(&delivery, json!({ "spec": { "received": true } })).await.unwrap();
    let row = scene.row("order-1", State::Completed).await.status.unwrap();
    assert!(row.cancel_requested && row.cancel_refused.is_some());
    // An order that is deleted after its end was not cancelled.
    scene.order("order-2", "alice", "stew", 100).await;
    let row = scene.row("order-2", State::OutOfStock).await.status.unwrap();
    assert_eq!((row.cancel_requested, row.payment), (false, Some(jumun::domain::payment::State::NotCharged)));
    scene.quiet_for(QUIET).await;
    scene.orders().delete("order-2", &DeleteParams::default()).await.unwrap();
    wait_for("the order to go", || async { scene.orders().get_opt("order-2").await.ok()?.is_none().then_some(()) })
        .await;
    assert_eq!(status_of(&scene, "order-2").await.wish, None);
    scene.finish().await;
}

#[tokio::test]
async fn who_needs_rows_alone_needs_no_right_but_to_read_them() {
    let scene = Scene::new("rows-alone", 1).await;
    scene.shop().await;
    scene.product("mug", 1_000, 10).await;
    scene.wallet("alice", 50_000).await;
    let reads = json!({ "apiGroups": ["jumun.dev"], "resources": ["orderviews"], "verbs": ["get", "list", "watch"] });
    let role = json!({ "metadata": { "name": scene.namespace }, "rules": [reads] });
    let role: ClusterRole = serde_json::from_value(role).expect("a role");
    Api::all(scene.client.clone()).create(&PostParams::default(), &role).await.expect("the role is made");
    let config = crate::plane::config(&scene.plane.account(&scene.namespace)).await;
    let client = client::watches(&config).expect("a client");
    let rows = Arc::new(jumun::world::World::of(&[Kind::OrderView]));
    assert!(!rows.is_complete() && rows.unready().is_some_and(|why| why.ends_with(": OrderView")));
    let watcher = Arc::new(Watcher {
        client: client.clone(),
        namespace: Some(scene.namespace.clone()),
        sink: rows.clone(),
        clock: Arc::default(),
        events: Events::new(client, API_VERSION),
        metrics: jumun::telemetry::Metrics::default(),
    });
    let mut tasks = tokio::task::JoinSet::new();
    watches::watch(&mut tasks, &watcher);
    assert_eq!(tasks.len(), 1, "one watch");
    wait_for("the cache of rows", || async { rows.is_complete().then_some(()) }).await;
    scene.order("order-1", "alice", "mug", 1).await;
    let key = Key::new(&scene.namespace, "order-1");
    wait_for("the row in the cache", || async { rows.views.get(&key) }).await;
    assert_eq!(rows.unready(), None);
    let held: Vec<_> = rows.sizes().into_iter().filter(|(_, held)| *held > 0).collect();
    assert_eq!(held, [(Kind::OrderView, 1)]);
    let kinds = watcher.metrics.watch_events.clone();
    let count = |kind| kinds.get_or_create(&Watch { kind, event: "error" }).get();
    assert_eq!(Kind::ALL.map(|kind| count(kind.as_str())), [0; Kind::COUNT], "no watch was refused");
    let delivery = scene.delivery_of("order-1").await.metadata.name.expect("a name");
    assert!(scene.deliver(&delivery).await);
    assert_eq!(scene.end_of("order-1").await, State::Completed);
    scene.finish().await;
}
