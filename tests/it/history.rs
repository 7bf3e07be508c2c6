//! Versions of another history: marks that were restored, or set by hand, and what is read of them.

use jumun::crd::{Product, Wallet};
use jumun::domain::order::State;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::Api;
use kube::api::{Patch, PatchParams, PostParams};
use serde_json::{Value, json};

use crate::books::{deliver_all, rows};
use crate::harness::{Scene, wait_for};
use crate::plane::sh;

/// Far in the future of any cluster of a test.
const FUTURE: &str = "99999999999";

/// Puts a status in place as whoever restores a backup does.
async fn restore<K>(scene: &Scene, name: &str, status: Value)
where
    K: kube::Resource<Scope = kube::core::NamespaceResourceScope, DynamicType = ()>
        + Clone
        + serde::de::DeserializeOwned
        + std::fmt::Debug,
{
    let patch = Patch::Merge(json!({ "status": status }));
    scene.api::<K>().patch_status(name, &PatchParams::default(), &patch).await.expect("restored");
}

/// How many lists the operator has asked for.
async fn lists(scene: &Scene) -> u64 {
    let calls = scene.operator(0).calls().await;
    calls.iter().filter(|(labels, _)| labels.contains("verb=\"list\"")).map(|(_, count)| count).sum()
}

/// Ten orders, delivered, after the marks were made: all are served, and few lists are needed.
async fn ten_orders_are_served(scene: &Scene) {
    let before = lists(scene).await;
    scene.orders_at_once(10, |n| (format!("order-{n}"), "mug".to_owned())).await;
    deliver_all(scene, 10).await;
    assert_eq!(scene.all_ends().await["Completed"], 10);
    rows(scene, 10).await;
    let lists = lists(scene).await - before;
    assert!(lists <= 60, "{lists} lists for ten orders");
}

/// Whether the ledger has said so, and its mark is of this cluster.
async fn is_replaced(scene: &Scene, kind: &str, name: &str) {
    wait_for("the Event", || async {
        let (_, events) = scene.kubectl(&["get", "events", "--field-selector", "reason=ForeignMark", "-o", "wide"]);
        events.lines().any(|line| line.to_lowercase().contains(&format!("{kind}/{name}"))).then_some(())
    })
    .await;
    let (_, mark) = scene.kubectl(&["get", kind, name, "-o", "jsonpath={.status.settledThrough}"]);
    assert!(mark != FUTURE && !mark.is_empty(), "{mark}");
}

#[tokio::test]
async fn a_mark_set_too_high_by_hand_is_replaced_and_said() {
    let scene = Scene::new("mark-by-hand", 1).await;
    scene.shop().await;
    scene.product("mug", 1_000, 100).await;
    scene.wallet("alice", 50_000).await;
    scene.money("alice").await;
    scene.settled_stock("mug").await;
    restore::<Product>(&scene, "mug", json!({ "settledThrough": FUTURE })).await;
    restore::<Wallet>(&scene, "alice", json!({ "settledThrough": FUTURE })).await;
    ten_orders_are_served(&scene).await;
    is_replaced(&scene, "product", "mug").await;
    is_replaced(&scene, "wallet", "alice").await;
    assert_eq!((scene.money("alice").await, scene.settled_stock("mug").await), ((40_000, 10_000), (90, 10)));
    scene.finish().await;
}

/// A shop that was open elsewhere: its ledgers and an ended order come with their statuses, as a backup of the namespace
/// gives them back; the entries of orders that were under way there name orders that are nowhere.
#[tokio::test]
async fn ledgers_restored_with_their_statuses_go_on() {
    let mut scene = Scene::new("restored", 0).await;
    scene.shop().await;
    scene.product("mug", 1_000, 100).await;
    scene.wallet("alice", 50_000).await;
    let gone = "00000000-0000-4000-8000-000000000001";
    let held = json!([{ "order": gone, "name": "elsewhere", "quantity": 2, "answer": "Held" }]);
    let stock = json!({
        "observedGeneration": 1, "supplied": 100, "available": 93, "reserved": 2, "sold": 5,
        "settledThrough": FUTURE, "entries": held,
    });
    restore::<Product>(&scene, "mug", stock).await;
    let money = json!({
        "observedGeneration": 1, "deposited": { "amount": 50_000 }, "balance": { "amount": 45_000, "currency": "KRW" },
        "charged": { "amount": 5_000 }, "points": 0, "settledThrough": FUTURE,
    });
    restore::<Wallet>(&scene, "alice", money).await;
    scene.order("old", "alice", "mug", 1).await;
    let (at, state) = ("2026-11-01T00:00:00Z", "Completed");
    let ended = json!({ "observedGeneration": 1, "state": state, "placedAt": at, "endedAt": at });
    restore::<jumun::crd::Order>(&scene, "old", ended).await;
    scene.start_operator(&[]);
    ten_orders_are_served_beside(&scene).await;
    assert_eq!(scene.money("alice").await, (35_000, 15_000), "what was charged before stays charged");
    assert_eq!(scene.settled_stock("mug").await, (83, 17), "the two that an order held that is gone count as sold");
    assert_eq!(scene.orders().get("old").await.unwrap().status.unwrap().state, Some(State::Completed));
    scene.row("old", State::Completed).await;
    // What was restored is in no order's books: they are compared above, and not by the checker.
}

/// The same where an order stands that has ended before.
async fn ten_orders_are_served_beside(scene: &Scene) {
    let before = lists(scene).await;
    scene.orders_at_once(10, |n| (format!("order-{n}"), "mug".to_owned())).await;
    for n in 0..10 {
        let delivery = scene.delivery_of(&format!("order-{n}")).await.metadata.name.expect("a name");
        assert!(scene.deliver(&delivery).await);
        assert_eq!(scene.end_of(&format!("order-{n}")).await, State::Completed);
    }
    let lists = lists(scene).await - before;
    assert!(lists <= 60, "{lists} lists for ten orders");
}

/// A figure without labels, of the operator's metrics.
async fn figure(scene: &Scene, name: &str) -> u64 {
    let (_, metrics) = scene.operator(0).get("/metrics").await;
    let line = metrics.lines().find(|line| line.starts_with(&format!("{name} ")));
    line.and_then(|line| line.rsplit(' ').next()?.parse().ok()).expect("a figure")
}

/// Calls to the API server that have met another version than they were meant for.
async fn conflicts(scene: &Scene) -> u64 {
    let calls = scene.operator(0).calls().await;
    calls.iter().filter(|(labels, _)| labels.contains("result=\"conflict\"")).map(|(_, count)| count).sum()
}

/// A control plane of its own: etcd is put back under a running operator.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cluster_that_is_put_back_is_noticed_and_everything_goes_on_without_a_restart() {
    let mut scene = Scene::apart("put-back").await;
    let plane = scene.plane;
    scene.start_operator(&[]);
    scene.shop().await;
    scene.product("mug", 1_000, 100).await;
    scene.wallet("alice", 50_000).await;
    let complete = async |scene: &Scene, order: &str| {
        let delivery = scene.delivery_of(order).await.metadata.name.expect("a name");
        assert!(scene.deliver(&delivery).await);
        assert_eq!(scene.end_of(order).await, State::Completed);
    };
    // Two orders are under way when the copy is made, and five more come after it.
    for order in ["before-1", "before-2"] {
        scene.order(order, "alice", "mug", 1).await;
        scene.row(order, State::Delivering).await;
    }
    sh(&format!("tools/cluster snapshot {}", plane.name()));
    for n in 0..5 {
        let order = format!("after-{n}");
        wait_for("the API server", || async { scene.orders().list(&Default::default()).await.ok() }).await;
        scene.order(&order, "alice", "mug", 2).await;
        scene.delivery_of(&order).await;
    }
    complete(&scene, "before-1").await;
    complete(&scene, "after-0").await;
    assert_eq!(figure(&scene, "jumun_histories_lost_total").await, 0, "away for a moment is no other history");
    let before = conflicts(&scene).await;
    let address = scene.operator(0).address().await;
    let probes = tokio::spawn(async move {
        let mut said = std::collections::BTreeSet::new();
        while !said.iter().any(|body: &String| body.contains("another history")) {
            said.insert(crate::program::get(&address, "/readyz").await.1);
        }
    });
    let put_back = plane.name();
    tokio::task::spawn_blocking(move || sh(&format!("tools/cluster restore {put_back}"))).await.expect("put back");
    wait_for("it to be noticed", || async { probes.is_finished().then_some(()) }).await;
    wait_for("readiness", || async { (scene.operator(0).get("/readyz").await.0 == 200).then_some(()) }).await;
    // What was ordered since is gone, the others are where they were; a new one goes through.
    scene.order("new", "alice", "mug", 3).await;
    for order in ["new", "before-1", "before-2"] {
        complete(&scene, order).await;
        scene.row(order, State::Completed).await;
    }
    assert_eq!((scene.money("alice").await, scene.settled_stock("mug").await), ((45_000, 5_000), (95, 5)));
    let conflicts = conflicts(&scene).await - before;
    assert!(conflicts <= 50, "{conflicts} conflicting writes");
    assert_eq!(figure(&scene, "jumun_histories_lost_total").await, 1, "once, and not again and again");
    // Once more, where nothing of ours has changed since the copy: no version of ours goes back.
    wait_for("quiet", || async { (scene.open_orders().await == 0).then_some(()) }).await;
    sh(&format!("tools/cluster snapshot {}", plane.name()));
    let api: Api<ConfigMap> = scene.api();
    for n in 0..200 {
        let map = json!({ "metadata": { "name": format!("other-{n}") }, "data": { "n": n.to_string() } });
        wait_for("the API server", || async {
            let map = serde_json::from_value(map.clone()).expect("a ConfigMap");
            api.create(&PostParams::default(), &map).await.ok()
        })
        .await;
    }
    sh(&format!("tools/cluster restore {}", plane.name()));
    wait_for("the API server", || async { scene.orders().list(&Default::default()).await.ok() }).await;
    scene.order("newest", "alice", "mug", 1).await;
    complete(&scene, "newest").await;
    scene.row("newest", State::Completed).await;
    drop(scene);
    plane.down();
}
