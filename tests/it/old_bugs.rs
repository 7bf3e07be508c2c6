//! Bugs that systems of this kind had, each as a test that carries its name.

use futures::future::join_all;
use jumun::crd::{Delivery, Order, Payment, Ticket};
use jumun::domain::order::State;
use kube::api::{DeleteParams, ListParams, PostParams, PropagationPolicy};
use serde_json::json;

use crate::harness::{Scene, order, wait_for};
use crate::outside::{Card, by_card, platform};
use crate::systems::kitchen;

async fn shop(name: &str) -> Scene {
    let scene = Scene::new(name, 1).await;
    scene.shop().await;
    scene.product("mug", 1_000, 10).await;
    scene.wallet("alice", 100_000).await;
    scene
}

/// Exactly one wins: an order is never charged and cancelled.
#[tokio::test]
async fn a_cancel_that_races_with_the_payments_success() {
    let scene = Scene::new("cancel-pay", 2).await;
    let card = Card::start().await;
    platform(&scene, Some(&card), None, json!({})).await;
    scene.shop().await;
    scene.product("mug", 1_000, 100).await;
    join_all((0..20u64).map(|n| {
        let (scene, name) = (&scene, format!("order-{n}"));
        async move {
            scene.create::<Order>(by_card(&name, "mug", 1)).await;
            let payments = scene.api::<Payment>();
            let params = ListParams::default().labels(&format!("jumun.dev/order={name}"));
            wait_for("the payment", || async { payments.list(&params).await.ok()?.items.pop() }).await;
            scene.cancel(&name).await;
        }
    }))
    .await;
    assert_eq!(scene.all_ends().await["Cancelled"], 20);
    for entry in card.provider.entries() {
        assert!(entry.taken == entry.returned && entry.taken <= 1, "{entry:?}");
    }
    assert_eq!(scene.settled_stock("mug").await, (100, 0));
    crate::books::rows(&scene, 20).await;
    scene.finish().await;
}

#[tokio::test]
async fn a_courier_completes_a_cancelled_delivery() {
    let scene = shop("ghost-courier").await;
    scene.order("order-1", "alice", "mug", 1).await;
    let delivery = scene.delivery_of("order-1").await.metadata.name.unwrap();
    let claim = json!({ "spec": { "courier": { "name": "park", "zone": "gangnam" }, "progress": "PickedUp" } });
    scene.patch::<Delivery>(&delivery, claim).await.unwrap();
    scene.cancel("order-1").await;
    scene.row("order-1", State::Cancelled).await;
    let late = scene.patch::<Delivery>(&delivery, json!({ "spec": { "progress": "Delivered" } })).await;
    assert!(late.unwrap_err().to_string().contains("the delivery is held"));
    assert_eq!(scene.money("alice").await, (100_000, 0));
    scene.finish().await;
}

#[tokio::test]
async fn two_cancels_of_one_order_refund_once() {
    let scene = shop("two-cancels").await;
    scene.order("order-1", "alice", "mug", 2).await;
    scene.delivery_of("order-1").await;
    let wish = |reason: &str| json!({ "spec": { "cancel": { "reason": reason } } });
    let (first, second) =
        (scene.patch::<Order>("order-1", wish("ChangedMind")), scene.patch::<Order>("order-1", wish("TooSlow")));
    let (first, second) = tokio::join!(first, second);
    assert!(first.is_ok() != second.is_ok(), "a wish to cancel stays as it is");
    let (deleted, _) = tokio::join!(
        async { scene.orders().delete("order-1", &DeleteParams::default()).await },
        scene.row("order-1", State::Cancelled)
    );
    deleted.unwrap();
    assert_eq!(scene.money("alice").await, (100_000, 0));
    assert_eq!(scene.settled_stock("mug").await, (10, 0));
    scene.finish().await;
}

#[tokio::test]
async fn a_refund_without_a_charge() {
    let scene = shop("no-charge").await;
    scene.order("poor", "alice", "mug", 101).await;
    assert_eq!(scene.end_of("poor").await, State::OutOfStock);
    let payment = scene.payment_of("poor").await;
    let status = payment.status.unwrap();
    assert!(payment.spec.cancel && status.cancelled_at.is_some() && status.refunded_at.is_none());
    assert_eq!(scene.money("alice").await, (100_000, 0));
    scene.row("poor", State::OutOfStock).await;
    scene.finish().await;
}

#[tokio::test]
async fn the_payment_fails_but_the_stock_drops() {
    let scene = shop("fails-drops").await;
    scene.wallet("bob", 999).await;
    scene.order("order-1", "bob", "mug", 1).await;
    assert_eq!(scene.end_of("order-1").await, State::PaymentFailed);
    assert_eq!(scene.settled_stock("mug").await, (10, 0));
    let (payments, deliveries) = (scene.api::<Payment>(), scene.api::<Delivery>());
    assert_eq!(payments.list(&Default::default()).await.unwrap().items.len(), 1);
    assert!(deliveries.list(&Default::default()).await.unwrap().items.is_empty(), "nothing was shipped");
    scene.row("order-1", State::PaymentFailed).await;
    scene.finish().await;
}

#[tokio::test]
async fn a_rejected_order_keeps_its_rider_job() {
    let scene = Scene::new("rider-job", 1).await;
    scene.store("shop", kitchen("Delivered", "Automatic")).await;
    scene.product("stew", 1_000, 10).await;
    scene.wallet("alice", 5_000).await;
    scene.order("order-1", "alice", "stew", 1).await;
    let reject = json!({ "decision": "Reject", "reject": { "reason": "TooBusy" } });
    scene.kitchen_step("order-1", reject).await.unwrap();
    scene.row("order-1", State::Rejected).await;
    let jobs = scene.kubectl(&["get", "deliveries", "-o", "name", "--field-selector=spec.ready=true"]).1;
    assert!(!jobs.contains("order-1"), "{jobs}");
    let delivery = scene.delivery_of("order-1").await.metadata.name.unwrap();
    assert!(!scene.deliver(&delivery).await);
    assert_eq!(scene.money("alice").await, (5_000, 0));
    scene.finish().await;
}

#[tokio::test]
async fn oversell_on_the_last_item() {
    let scene = Scene::new("last-item", 2).await;
    scene.shop().await;
    scene.product("mug", 1_000, 1).await;
    scene.wallet("alice", 100_000).await;
    scene.orders_at_once(10, |n| (format!("order-{n}"), "mug".to_owned())).await;
    crate::books::deliver_all(&scene, 1).await;
    let ends = scene.all_ends().await;
    assert_eq!((ends["Completed"], ends["OutOfStock"]), (1, 9), "{ends:?}");
    assert_eq!((scene.money("alice").await.1, scene.settled_stock("mug").await), (1_000, (0, 1)));
    crate::books::rows(&scene, 10).await;
    scene.finish().await;
}

/// Children and rows find their order by name and UID, so a step for one never moves another.
#[tokio::test]
async fn an_order_event_that_carries_the_wrong_id() {
    let scene = Scene::new("wrong-id", 1).await;
    scene.store("shop", kitchen("Delivered", "Automatic")).await;
    scene.product("stew", 1_000, 10).await;
    scene.wallet("alice", 9_000).await;
    scene.order("first", "alice", "stew", 1).await;
    scene.row("first", State::Paid).await;
    // Another ticket that claims to be the first order's, under another name: it is nobody's.
    let real = scene.ticket_of("first").await;
    let mut forged = serde_json::to_value(&real).unwrap();
    forged["metadata"] = json!({ "name": "forged" });
    forged["spec"]["order"] = json!({ "name": "first", "uid": "00000000-0000-4000-8000-000000000000" });
    forged["spec"]["decision"] = json!("Accept");
    forged["spec"]["hold"] = json!({ "cause": "Seller" });
    forged.as_object_mut().unwrap().remove("status");
    let tickets = scene.api::<Ticket>();
    tickets.create(&PostParams::default(), &serde_json::from_value(forged).unwrap()).await.unwrap();
    wait_for("the forged ticket to be removed", || async { tickets.get("forged").await.is_err().then_some(()) }).await;
    let status = scene.orders().get("first").await.unwrap().status.unwrap();
    assert_eq!(status.state, Some(State::Paid), "a stranger's step moves nothing");
    scene.kitchen_step("first", json!({ "decision": "Accept", "cooking": "Started" })).await.unwrap();
    scene.row("first", State::Cooking).await;
    scene.cancel("first").await;
    scene.row("first", State::Cancelled).await;
    scene.finish().await;
}

#[tokio::test]
async fn a_row_that_never_learns_of_the_cancel() {
    let mut scene = Scene::new("blind-row", 0).await;
    scene.shop().await;
    scene.product("mug", 1_000, 10).await;
    scene.wallet("alice", 9_000).await;
    scene.start_operator(&["--controllers", "order,product,wallet,payment,delivery,orderview"]);
    scene.order("order-1", "alice", "mug", 1).await;
    scene.row("order-1", State::Delivering).await;
    scene.kill_operator(0);
    // The rows' controller is down while the order is cancelled.
    scene.start_operator(&["--controllers", "order,product,wallet,payment,delivery"]);
    scene.cancel("order-1").await;
    assert_eq!(scene.end_of("order-1").await, State::Cancelled);
    scene.start_operator(&["--controllers", "orderview,store"]);
    let status = scene.row("order-1", State::Cancelled).await.status.unwrap();
    assert!(status.cancel_requested);
    scene.finish().await;
}

#[tokio::test]
async fn an_undo_in_the_wrong_order() {
    let scene = shop("undo-order").await;
    scene.order("order-1", "alice", "mug", 1).await;
    let delivery = scene.delivery_of("order-1").await;
    scene.cancel("order-1").await;
    let row = scene.row("order-1", State::Cancelled).await.status.unwrap();
    let at = |what: &str| row.timeline.iter().find(|m| m.what == what).unwrap_or_else(|| panic!("{what}")).at;
    assert!(at("Refunded") <= at("DeliveryCancelled") && at("DeliveryCancelled") <= at("Cancelled"));
    let status = scene.orders().get("order-1").await.unwrap().status.unwrap();
    assert!(status.releasing_at.unwrap() >= at("DeliveryCancelled"), "stock comes back last");
    let held = scene.api::<Delivery>().get(&delivery.metadata.name.unwrap()).await.unwrap();
    assert!(held.spec.hold.is_some());
    scene.finish().await;
}

/// Children are deleted by hand in the middle of the undo: they work on until it is done.
#[tokio::test]
async fn an_undo_that_dies_with_the_thing_it_undoes() {
    let mut scene = Scene::new("undo-dies", 0).await;
    scene.shop().await;
    scene.product("mug", 1_000, 10).await;
    scene.wallet("alice", 9_000).await;
    scene.start_operator(&["--controllers", "order,product,payment,delivery,wallet,orderview"]);
    scene.order("order-1", "alice", "mug", 1).await;
    scene.row("order-1", State::Delivering).await;
    scene.kill_operator(0);
    scene.start_operator(&["--controllers", "order,product,payment,delivery,orderview"]);
    scene.cancel("order-1").await;
    let payments = scene.api::<Payment>();
    wait_for("the refund to be asked for", || async {
        payments.list(&Default::default()).await.ok()?.items.pop()?.spec.cancel.then_some(())
    })
    .await;
    let all = DeleteParams::default();
    let everything = ListParams::default();
    payments.delete_collection(&all, &everything).await.unwrap();
    scene.api::<Delivery>().delete_collection(&all, &everything).await.unwrap();
    scene.orders().delete("order-1", &DeleteParams::foreground()).await.unwrap();
    scene.start_operator(&["--controllers", "wallet"]);
    scene.row("order-1", State::Cancelled).await;
    let gone = || async { scene.orders().get("order-1").await.is_err().then_some(()) };
    wait_for("the order to be gone", gone).await;
    assert_eq!(scene.money("alice").await, (9_000, 0));
    assert_eq!(scene.settled_stock("mug").await, (10, 0));
    scene.finish().await;
}

/// Every object of a kitchen's order, at every step, with each propagation policy; then again under the same name.
#[tokio::test]
async fn deleting_any_object_at_any_step_loses_nothing() {
    let scene = Scene::new("delete-any", 1).await;
    scene.store("shop", kitchen("Delivered", "Automatic")).await;
    scene.product("stew", 100, 1_000).await;
    scene.wallet("alice", 1_000_000).await;
    let policies = [PropagationPolicy::Foreground, PropagationPolicy::Background, PropagationPolicy::Orphan];
    let steps = [None, Some(json!({ "decision": "Accept" })), Some(json!({ "cooking": "Started" }))];
    let mut plans = Vec::new();
    for (p, policy) in policies.iter().enumerate() {
        for step in 0..steps.len() {
            for kind in ["ord", "pay", "tkt", "dlv", "ov"] {
                plans.push((format!("{kind}-{step}-{p}"), kind, step, policy.clone()));
            }
        }
    }
    let total = plans.len();
    join_all(plans.into_iter().map(|(name, kind, last, policy)| {
        let (scene, steps) = (&scene, &steps);
        async move {
            scene.order(&name, "alice", "stew", 1).await;
            scene.ticket_of(&name).await;
            for step in steps.iter().take(last + 1).flatten() {
                scene.kitchen_step(&name, step.clone()).await.expect("a step");
            }
            let how = match policy {
                PropagationPolicy::Foreground => "foreground",
                PropagationPolicy::Background => "background",
                PropagationPolicy::Orphan => "orphan",
            };
            let cascade = format!("--cascade={how}");
            let selector = format!("jumun.dev/order={name}");
            let whole = ["delete", kind, &name, &cascade, "--wait=false", "--ignore-not-found"];
            let child = ["delete", kind, "-l", &selector, &cascade, "--wait=false"];
            let (done, said) = scene.kubectl(if matches!(kind, "ord" | "ov") { &whole } else { &child });
            assert!(done, "{said}");
            if kind != "ord" {
                scene.cancel(&name).await;
            }
            scene.row(&name, State::Cancelled).await;
        }
    }))
    .await;
    assert_eq!(scene.money("alice").await, (1_000_000, 0));
    assert_eq!(scene.settled_stock("stew").await, (1_000, 0));
    println!("{total} deletions");
    scene.finish().await;
}

#[tokio::test]
async fn an_order_recreated_under_the_same_name_meets_nothing_of_the_old_one() {
    let scene = shop("same-name").await;
    for round in 0..3 {
        scene.create::<Order>(order("order-1", "alice", "mug", 1)).await;
        let delivery = scene.delivery_of("order-1").await;
        scene.orders().delete("order-1", &DeleteParams::background()).await.unwrap();
        wait_for("the order to be gone", || async { scene.orders().get("order-1").await.is_err().then_some(()) }).await;
        assert_eq!(scene.money("alice").await, (100_000, 0), "round {round}");
        let deliveries = scene.api::<Delivery>();
        let name = delivery.metadata.name.unwrap();
        wait_for("its delivery to be gone", || async { deliveries.get(&name).await.is_err().then_some(()) }).await;
    }
    assert_eq!(scene.settled_stock("mug").await, (10, 0));
    scene.finish().await;
}
