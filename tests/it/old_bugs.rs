//! Bugs that systems of this kind had, each as a test that carries its name.

use futures::future::join_all;
use jumun::crd::{Delivery, Order, Payment, Ticket};
use jumun::domain::order::State;
use kube::api::{DeleteParams, ListParams, PostParams, PropagationPolicy};
use serde_json::json;

use crate::harness::{World, order, wait_for};
use crate::outside::{Card, by_card, platform};
use crate::systems::kitchen;

async fn shop(name: &str) -> World {
    let world = World::new(name, 1).await;
    world.shop().await;
    world.product("mug", 1_000, 10).await;
    world.wallet("alice", 100_000).await;
    world
}

/// Exactly one wins: an order is never charged and cancelled.
#[tokio::test]
async fn a_cancel_that_races_with_the_payments_success() {
    let world = World::new("cancel-pay", 2).await;
    let card = Card::start().await;
    platform(&world, Some(&card), None, json!({})).await;
    world.shop().await;
    world.product("mug", 1_000, 100).await;
    join_all((0..20u64).map(|n| {
        let (world, name) = (&world, format!("order-{n}"));
        async move {
            world.create::<Order>(by_card(&name, "mug", 1)).await;
            let payments = world.api::<Payment>();
            let params = ListParams::default().labels(&format!("jumun.dev/order={name}"));
            wait_for("the payment", || async { payments.list(&params).await.ok()?.items.pop() }).await;
            world.cancel(&name).await;
        }
    }))
    .await;
    assert_eq!(world.all_ends().await["Cancelled"], 20);
    for entry in card.provider.entries() {
        assert!(entry.taken == entry.returned && entry.taken <= 1, "{entry:?}");
    }
    assert_eq!(world.settled_stock("mug").await, (100, 0));
    crate::books::rows(&world, 20).await;
    world.finish().await;
}

#[tokio::test]
async fn a_courier_completes_a_cancelled_delivery() {
    let world = shop("ghost-courier").await;
    world.order("order-1", "alice", "mug", 1).await;
    let delivery = world.delivery_of("order-1").await.metadata.name.unwrap();
    let claim = json!({ "spec": { "courier": { "name": "park", "zone": "gangnam" }, "progress": "PickedUp" } });
    world.patch::<Delivery>(&delivery, claim).await.unwrap();
    world.cancel("order-1").await;
    world.row("order-1", State::Cancelled).await;
    let late = world.patch::<Delivery>(&delivery, json!({ "spec": { "progress": "Delivered" } })).await;
    assert!(late.unwrap_err().to_string().contains("the delivery is held"));
    assert_eq!(world.money("alice").await, (100_000, 0));
    world.finish().await;
}

#[tokio::test]
async fn two_cancels_of_one_order_refund_once() {
    let world = shop("two-cancels").await;
    world.order("order-1", "alice", "mug", 2).await;
    world.delivery_of("order-1").await;
    let wish = |reason: &str| json!({ "spec": { "cancel": { "reason": reason } } });
    let (first, second) =
        (world.patch::<Order>("order-1", wish("ChangedMind")), world.patch::<Order>("order-1", wish("TooSlow")));
    let (first, second) = tokio::join!(first, second);
    assert!(first.is_ok() != second.is_ok(), "a wish to cancel stays as it is");
    let (deleted, _) = tokio::join!(
        async { world.orders().delete("order-1", &DeleteParams::default()).await },
        world.row("order-1", State::Cancelled)
    );
    deleted.unwrap();
    assert_eq!(world.money("alice").await, (100_000, 0));
    assert_eq!(world.settled_stock("mug").await, (10, 0));
    world.finish().await;
}

#[tokio::test]
async fn a_refund_without_a_charge() {
    let world = shop("no-charge").await;
    world.order("poor", "alice", "mug", 101).await;
    assert_eq!(world.end_of("poor").await, State::OutOfStock);
    let payment = world.payment_of("poor").await;
    let status = payment.status.unwrap();
    assert!(payment.spec.cancel && status.cancelled_at.is_some() && status.refunded_at.is_none());
    assert_eq!(world.money("alice").await, (100_000, 0));
    world.row("poor", State::OutOfStock).await;
    world.finish().await;
}

#[tokio::test]
async fn the_payment_fails_but_the_stock_drops() {
    let world = shop("fails-drops").await;
    world.wallet("bob", 999).await;
    world.order("order-1", "bob", "mug", 1).await;
    assert_eq!(world.end_of("order-1").await, State::PaymentFailed);
    assert_eq!(world.settled_stock("mug").await, (10, 0));
    let (payments, deliveries) = (world.api::<Payment>(), world.api::<Delivery>());
    assert_eq!(payments.list(&Default::default()).await.unwrap().items.len(), 1);
    assert!(deliveries.list(&Default::default()).await.unwrap().items.is_empty(), "nothing was shipped");
    world.row("order-1", State::PaymentFailed).await;
    world.finish().await;
}

#[tokio::test]
async fn a_rejected_order_keeps_its_rider_job() {
    let world = World::new("rider-job", 1).await;
    world.store("shop", kitchen("Delivered", "Automatic")).await;
    world.product("stew", 1_000, 10).await;
    world.wallet("alice", 5_000).await;
    world.order("order-1", "alice", "stew", 1).await;
    let reject = json!({ "decision": "Reject", "reject": { "reason": "TooBusy" } });
    world.kitchen_step("order-1", reject).await.unwrap();
    world.row("order-1", State::Rejected).await;
    let jobs = world.kubectl(&["get", "deliveries", "-o", "name", "--field-selector=spec.ready=true"]).1;
    assert!(!jobs.contains("order-1"), "{jobs}");
    let delivery = world.delivery_of("order-1").await.metadata.name.unwrap();
    assert!(!world.deliver(&delivery).await);
    assert_eq!(world.money("alice").await, (5_000, 0));
    world.finish().await;
}

#[tokio::test]
async fn oversell_on_the_last_item() {
    let world = World::new("last-item", 2).await;
    world.shop().await;
    world.product("mug", 1_000, 1).await;
    world.wallet("alice", 100_000).await;
    world.orders_at_once(10, |n| (format!("order-{n}"), "mug".to_owned())).await;
    crate::books::deliver_all(&world, 1).await;
    let ends = world.all_ends().await;
    assert_eq!((ends["Completed"], ends["OutOfStock"]), (1, 9), "{ends:?}");
    assert_eq!((world.money("alice").await.1, world.settled_stock("mug").await), (1_000, (0, 1)));
    crate::books::rows(&world, 10).await;
    world.finish().await;
}

/// Children and rows find their order by name and UID, so a step for one never moves another.
#[tokio::test]
async fn an_order_event_that_carries_the_wrong_id() {
    let world = World::new("wrong-id", 1).await;
    world.store("shop", kitchen("Delivered", "Automatic")).await;
    world.product("stew", 1_000, 10).await;
    world.wallet("alice", 9_000).await;
    world.order("first", "alice", "stew", 1).await;
    world.row("first", State::Paid).await;
    // Another ticket that claims to be the first order's, under another name: it is nobody's.
    let real = world.ticket_of("first").await;
    let mut forged = serde_json::to_value(&real).unwrap();
    forged["metadata"] = json!({ "name": "forged" });
    forged["spec"]["order"] = json!({ "name": "first", "uid": "00000000-0000-4000-8000-000000000000" });
    forged["spec"]["decision"] = json!("Accept");
    forged["spec"]["hold"] = json!({ "cause": "Seller" });
    forged.as_object_mut().unwrap().remove("status");
    let tickets = world.api::<Ticket>();
    tickets.create(&PostParams::default(), &serde_json::from_value(forged).unwrap()).await.unwrap();
    wait_for("the forged ticket to be removed", || async { tickets.get("forged").await.is_err().then_some(()) }).await;
    let status = world.orders().get("first").await.unwrap().status.unwrap();
    assert_eq!(status.state, Some(State::Paid), "a stranger's step moves nothing");
    world.kitchen_step("first", json!({ "decision": "Accept", "cooking": "Started" })).await.unwrap();
    world.row("first", State::Cooking).await;
    world.cancel("first").await;
    world.row("first", State::Cancelled).await;
    world.finish().await;
}

#[tokio::test]
async fn a_row_that_never_learns_of_the_cancel() {
    let mut world = World::new("blind-row", 0).await;
    world.shop().await;
    world.product("mug", 1_000, 10).await;
    world.wallet("alice", 9_000).await;
    world.start_operator(&["--controllers", "order,product,wallet,payment,delivery,orderview"]);
    world.order("order-1", "alice", "mug", 1).await;
    world.row("order-1", State::Delivering).await;
    world.kill_operator(0);
    // The rows' controller is down while the order is cancelled.
    world.start_operator(&["--controllers", "order,product,wallet,payment,delivery"]);
    world.cancel("order-1").await;
    assert_eq!(world.end_of("order-1").await, State::Cancelled);
    world.start_operator(&["--controllers", "orderview,store"]);
    let status = world.row("order-1", State::Cancelled).await.status.unwrap();
    assert!(status.cancel_requested);
    world.finish().await;
}

#[tokio::test]
async fn an_undo_in_the_wrong_order() {
    let world = shop("undo-order").await;
    world.order("order-1", "alice", "mug", 1).await;
    let delivery = world.delivery_of("order-1").await;
    world.cancel("order-1").await;
    let row = world.row("order-1", State::Cancelled).await.status.unwrap();
    let at = |what: &str| row.timeline.iter().find(|m| m.what == what).unwrap_or_else(|| panic!("{what}")).at;
    assert!(at("Refunded") <= at("DeliveryCancelled") && at("DeliveryCancelled") <= at("Cancelled"));
    let status = world.orders().get("order-1").await.unwrap().status.unwrap();
    assert!(status.releasing_at.unwrap() >= at("DeliveryCancelled"), "stock comes back last");
    let held = world.api::<Delivery>().get(&delivery.metadata.name.unwrap()).await.unwrap();
    assert!(held.spec.hold.is_some());
    world.finish().await;
}

/// Children are deleted by hand in the middle of the undo: they work on until it is done.
#[tokio::test]
async fn an_undo_that_dies_with_the_thing_it_undoes() {
    let mut world = World::new("undo-dies", 0).await;
    world.shop().await;
    world.product("mug", 1_000, 10).await;
    world.wallet("alice", 9_000).await;
    world.start_operator(&["--controllers", "order,product,payment,delivery,wallet,orderview"]);
    world.order("order-1", "alice", "mug", 1).await;
    world.row("order-1", State::Delivering).await;
    world.kill_operator(0);
    world.start_operator(&["--controllers", "order,product,payment,delivery,orderview"]);
    world.cancel("order-1").await;
    let payments = world.api::<Payment>();
    wait_for("the refund to be asked for", || async {
        payments.list(&Default::default()).await.ok()?.items.pop()?.spec.cancel.then_some(())
    })
    .await;
    let all = DeleteParams::default();
    let everything = ListParams::default();
    payments.delete_collection(&all, &everything).await.unwrap();
    world.api::<Delivery>().delete_collection(&all, &everything).await.unwrap();
    world.orders().delete("order-1", &DeleteParams::foreground()).await.unwrap();
    world.start_operator(&["--controllers", "wallet"]);
    world.row("order-1", State::Cancelled).await;
    let gone = || async { world.orders().get("order-1").await.is_err().then_some(()) };
    wait_for("the order to be gone", gone).await;
    assert_eq!(world.money("alice").await, (9_000, 0));
    assert_eq!(world.settled_stock("mug").await, (10, 0));
    world.finish().await;
}

/// Every object of a kitchen's order, at every step, with each propagation policy; then again under the same name.
#[tokio::test]
async fn deleting_any_object_at_any_step_loses_nothing() {
    let world = World::new("delete-any", 1).await;
    world.store("shop", kitchen("Delivered", "Automatic")).await;
    world.product("stew", 100, 1_000).await;
    world.wallet("alice", 1_000_000).await;
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
        let (world, steps) = (&world, &steps);
        async move {
            world.order(&name, "alice", "stew", 1).await;
            world.ticket_of(&name).await;
            for step in steps.iter().take(last + 1).flatten() {
                world.kitchen_step(&name, step.clone()).await.expect("a step");
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
            let (done, said) = world.kubectl(if matches!(kind, "ord" | "ov") { &whole } else { &child });
            assert!(done, "{said}");
            if kind != "ord" {
                world.cancel(&name).await;
            }
            world.row(&name, State::Cancelled).await;
        }
    }))
    .await;
    assert_eq!(world.money("alice").await, (1_000_000, 0));
    assert_eq!(world.settled_stock("stew").await, (1_000, 0));
    println!("{total} deletions");
    world.finish().await;
}

#[tokio::test]
async fn an_order_recreated_under_the_same_name_meets_nothing_of_the_old_one() {
    let world = shop("same-name").await;
    for round in 0..3 {
        world.create::<Order>(order("order-1", "alice", "mug", 1)).await;
        let delivery = world.delivery_of("order-1").await;
        world.orders().delete("order-1", &DeleteParams::background()).await.unwrap();
        wait_for("the order to be gone", || async { world.orders().get("order-1").await.is_err().then_some(()) }).await;
        assert_eq!(world.money("alice").await, (100_000, 0), "round {round}");
        let deliveries = world.api::<Delivery>();
        let name = delivery.metadata.name.unwrap();
        wait_for("its delivery to be gone", || async { deliveries.get(&name).await.is_err().then_some(()) }).await;
    }
    assert_eq!(world.settled_stock("mug").await, (10, 0));
    world.finish().await;
}
