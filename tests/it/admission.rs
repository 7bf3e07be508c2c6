//! What can never be valid is refused by the API server, with a message that names the field.

use jumun::crd::{Delivery, Order, OrderPlatform, Payment, Product, Store, Wallet};
use jumun::domain::order::State;
use kube::api::{Patch, PatchParams, PostParams};
use serde_json::{Value, json};

use crate::harness::{Scene, order, wait_for};
use crate::recorder;

async fn refuses<K>(scene: &Scene, object: Value, part: &str)
where
    K: kube::Resource<Scope = kube::core::NamespaceResourceScope, DynamicType = ()>
        + Clone
        + serde::de::DeserializeOwned
        + serde::Serialize
        + std::fmt::Debug,
{
    let Ok(parsed) = serde_json::from_value::<K>(object.clone()) else {
        panic!("not even well-formed: {object}");
    };
    let refused = scene.api::<K>().create(&PostParams::default(), &parsed).await.expect_err("it is refused");
    assert!(refused.to_string().contains(part), "{refused}");
}

#[tokio::test]
async fn what_can_never_be_valid_is_not_taken() {
    let scene = Scene::new("admission", 0).await;
    let money = |amount: i64, currency: &str| json!({ "amount": amount, "currency": currency });
    for (spec, part) in [
        (json!({ "owner": "a", "deposited": money(-1, "KRW") }), "spec.deposited.amount"),
        (json!({ "owner": "a", "deposited": money(1, "won") }), "spec.deposited.currency"),
        (json!({ "owner": "", "deposited": money(1, "KRW") }), "spec.owner"),
    ] {
        refuses::<Wallet>(&scene, json!({ "metadata": { "name": "x" }, "spec": spec }), part).await;
    }
    for (spec, part) in [
        (json!({ "store": "shop", "price": money(-5, "KRW"), "stock": 1 }), "spec.price.amount"),
        (json!({ "store": "shop", "price": money(5, "KRW"), "stock": -1 }), "spec.stock"),
    ] {
        refuses::<Product>(&scene, json!({ "metadata": { "name": "x" }, "spec": spec }), part).await;
    }
    for deadline in ["pay", "accept", "cook", "pickUp", "deliver", "confirm"] {
        let spec = json!({ "seller": "kim", "deadlines": { deadline: "0s" } });
        refuses::<Store>(&scene, json!({ "metadata": { "name": "x" }, "spec": spec }), "at least 1s").await;
    }
    let provider = json!({ "providers": [{ "name": "card", "url": "http://pay.example", "timeout": "0s" }] });
    for spec in [json!({ "retention": { "completed": "0s" } }), json!({ "payment": provider })] {
        refuses::<OrderPlatform>(&scene, json!({ "metadata": { "name": "x" }, "spec": spec }), "at least").await;
    }
    for (pointer, value, part) in [
        ("/spec/items", json!([]), "spec.items"),
        ("/spec/items/0/quantity", json!(0), "spec.items[0].quantity"),
        ("/spec/items/0/quantity", json!(10_001), "spec.items[0].quantity"),
        (
            "/spec/items",
            json!([{ "product": "mug", "quantity": 1 }, { "product": "mug", "quantity": 2 }]),
            "Duplicate value",
        ),
        ("/spec/items/0/product", json!("kimchi,stew"), "spec.items[0].product"),
        ("/spec/payment/wallet", json!("a=b"), "spec.payment.wallet"),
        ("/spec/customer", json!(""), "spec.customer"),
        ("/metadata/name", json!("x".repeat(64)), "at most 63 characters"),
    ] {
        let mut object = order("x", "alice", "mug", 1);
        *object.pointer_mut(pointer).unwrap() = value;
        refuses::<Order>(&scene, object, part).await;
    }
    scene.finish().await;
}

#[tokio::test]
async fn an_order_cannot_be_changed_nor_uncancelled() {
    let scene = Scene::new("immutable", 0).await;
    scene.order("order-1", "alice", "mug", 1).await;
    for (patch, part) in [
        (json!({ "spec": { "items": [{ "product": "mug", "quantity": 2 }] } }), "cancel it and place another"),
        (json!({ "spec": { "customer": "bob" } }), "cancel it and place another"),
        (json!({ "spec": { "deliverTo": { "zone": "seocho" } } }), "cancel it and place another"),
    ] {
        let refused = scene.patch::<Order>("order-1", patch).await.expect_err("it is refused");
        assert!(refused.to_string().contains(part), "{refused}");
    }
    scene.cancel("order-1").await;
    for patch in [json!({ "spec": { "cancel": null } }), json!({ "spec": { "cancel": { "reason": "Other" } } })] {
        let refused = scene.patch::<Order>("order-1", patch).await.expect_err("it is refused");
        assert!(refused.to_string().contains("a wish to cancel stays"), "{refused}");
    }
    scene.wallet("alice", 100).await;
    let other = scene.patch::<Wallet>("alice", json!({ "spec": { "deposited": { "currency": "EUR" } } })).await;
    assert!(other.unwrap_err().to_string().contains("currency cannot be changed"));
    let other = scene.patch::<Wallet>("alice", json!({ "spec": { "owner": "bob" } })).await;
    assert!(other.unwrap_err().to_string().contains("owner cannot be changed"));
}

#[tokio::test]
async fn steps_of_a_delivery_come_once_and_in_order_and_none_after_a_hold() {
    let scene = Scene::new("steps", 1).await;
    scene.shop().await;
    scene.product("mug", 100, 10).await;
    scene.wallet("alice", 1_000).await;
    scene.order("order-1", "alice", "mug", 1).await;
    let name = scene.delivery_of("order-1").await.metadata.name.unwrap();
    let refused = async |spec: Value, part: &str| {
        let error = scene.patch::<Delivery>(&name, json!({ "spec": spec })).await.expect_err("it is refused");
        assert!(error.to_string().contains(part), "{error}");
    };
    let park = json!({ "name": "park", "zone": "gangnam" });
    refused(json!({ "progress": "PickedUp" }), "claim it first").await;
    refused(json!({ "courier": { "name": "park", "zone": "seocho" } }), "a courier of its zone").await;
    refused(json!({ "courier": park, "progress": "Delivered" }), "picked up before it is delivered").await;
    scene.patch::<Delivery>(&name, json!({ "spec": { "courier": park, "progress": "PickedUp" } })).await.unwrap();
    refused(json!({ "courier": { "name": "choi", "zone": "gangnam" } }), "claimed already").await;
    refused(json!({ "courier": null }), "claim").await;
    refused(json!({ "progress": null }), "progress does not go back").await;
    refused(json!({ "ready": false }), "ready").await;
    refused(json!({ "zone": "seocho" }), "cannot be changed").await;
    let hold = json!({ "hold": { "cause": "Customer", "step": "Delivered" } });
    refused(json!({ "hold": hold["hold"], "progress": "Delivered" }), "held").await;

    scene.order("order-2", "alice", "mug", 1).await;
    let other = scene.delivery_of("order-2").await.metadata.name.unwrap();
    scene.cancel("order-2").await;
    assert_eq!(scene.end_of("order-2").await, State::Cancelled);
    let late = json!({ "spec": { "courier": park } });
    let error = scene.patch::<Delivery>(&other, late).await.expect_err("held");
    assert!(error.to_string().contains("the delivery is held"), "{error}");
    let lifted = scene.patch::<Delivery>(&other, json!({ "spec": { "hold": null } })).await.expect_err("never lifted");
    assert!(lifted.to_string().contains("a hold is never lifted"), "{lifted}");

    scene.patch::<Delivery>(&name, json!({ "spec": { "progress": "Delivered" } })).await.unwrap();
    refused(hold, "too late for a hold").await;
    refused(json!({ "progress": "PickedUp" }), "progress does not go back").await;
    assert_eq!(scene.end_of("order-1").await, State::Completed);

    // Ends are final, whoever writes.
    let forged = json!({ "status": { "state": "Cancelled" } });
    let (params, patch) = (PatchParams::default(), Patch::Merge(&forged));
    let error = scene.orders().patch_status("order-1", &params, &patch).await.expect_err("final");
    assert!(error.to_string().contains("never changes its state again"), "{error}");
    let payment = scene.payment_of("order-2").await.metadata.name.unwrap();
    let forged = json!({ "status": { "state": "Approved" } });
    let error =
        scene.api::<Payment>().patch_status(&payment, &params, &Patch::Merge(&forged)).await.expect_err("final");
    assert!(error.to_string().contains("never changes its state again"), "{error}");
    let reopened = json!({ "status": { "cancelledAt": null } });
    let error =
        scene.api::<Payment>().patch_status(&payment, &params, &Patch::Merge(&reopened)).await.expect_err("final");
    assert!(error.to_string().contains("never changes its state again"), "{error}");
    let another = json!({ "spec": { "provider": "card", "token": "tok_1" } });
    let error = scene.patch::<Payment>(&payment, another).await.expect_err("it was paid from a wallet");
    assert!(error.to_string().contains("method Wallet takes wallet alone"), "{error}");
    let uncancelled =
        scene.patch::<Payment>(&payment, json!({ "spec": { "cancel": false } })).await.expect_err("stays");
    assert!(uncancelled.to_string().contains("stays cancelled"), "{uncancelled}");
    scene.row("order-1", State::Completed).await;
    scene.row("order-2", State::Cancelled).await;
    scene.settled_stock("mug").await;
    scene.finish().await;
}

/// A rule about one part of an object stands there, since no write changes both. No operator runs.
#[tokio::test]
async fn no_write_changes_both_a_spec_and_a_state() {
    let scene = Scene::new("both", 0).await;
    let of = json!({ "name": "order-1", "uid": "1" });
    let amount = json!({ "amount": 1_000, "currency": "KRW" });
    let address = json!({ "recipient": "alice", "address": "Teheran-ro 1", "zone": "gangnam" });
    let hold = json!({ "cause": "Customer", "step": "PickedUp" });
    let payment =
        json!({ "order": of, "amount": amount, "method": "Wallet", "wallet": { "name": "alice", "uid": "2" } });
    let delivery = json!({ "order": of, "deliverTo": address, "zone": "gangnam", "ready": true, "hold": hold });
    let ticket = json!({ "order": of, "store": "shop", "customer": "alice", "amount": amount, "decision": "Accept",
        "items": [{ "product": "stew", "quantity": 1 }], "acceptance": "Manual", "until": "Delivered" });
    for (kind, plural, spec, change, state, part) in [
        (
            "Order",
            "orders",
            order("x", "alice", "mug", 1)["spec"].take(),
            json!({ "customer": "bob" }),
            "Paid",
            "place another",
        ),
        ("Payment", "payments", payment, json!({ "points": 5 }), "Approved", "cannot be changed"),
        ("Delivery", "deliveries", delivery, json!({ "hold": null }), "Ready", "a hold is never lifted"),
        ("Ticket", "tickets", ticket, json!({ "decision": null }), "Accepted", "decision"),
    ] {
        let api = recorder::api(&scene.client, &scene.namespace, kind, plural);
        let object =
            json!({ "apiVersion": "jumun.dev/v1alpha1", "kind": kind, "metadata": { "name": "x" }, "spec": spec });
        let made = api.create(&PostParams::default(), &serde_json::from_value(object).unwrap()).await.unwrap();
        let (params, both) =
            (PatchParams::default(), Patch::Merge(json!({ "spec": change, "status": { "state": state } })));
        let refused = api.patch("x", &params, &both).await.expect_err("it is refused");
        assert!(refused.to_string().contains(part), "{kind}: {refused}");
        let written = api.patch_status("x", &params, &both).await.unwrap();
        assert_eq!(
            (&written.data["spec"], &written.data["status"]["state"]),
            (&made.data["spec"], &json!(state)),
            "{kind}"
        );
    }
}

#[tokio::test]
async fn a_step_is_not_taken_in_the_write_that_first_allows_it() {
    let scene = Scene::new("at-once", 1).await;
    scene.store("shop", json!({ "seller": "kim", "fulfilment": "Kitchen", "confirmation": "Customer" })).await;
    scene.product("stew", 100, 10).await;
    scene.wallet("alice", 1_000).await;
    scene.order("order-1", "alice", "stew", 1).await;
    let name = scene.delivery_of("order-1").await.metadata.name.unwrap();
    let refused = async |spec: Value, part: &str| {
        let error = scene.patch::<Delivery>(&name, json!({ "spec": spec })).await.expect_err("it is refused");
        assert!(error.to_string().contains(part), "{error}");
    };
    let park = json!({ "name": "park", "zone": "gangnam" });
    refused(json!({ "ready": true, "courier": park }), "only a ready delivery can be claimed").await;
    scene.kitchen_step("order-1", json!({ "cooking": "Started" })).await.unwrap();
    scene.kitchen_step("order-1", json!({ "cooking": "Finished" })).await.unwrap();
    let deliveries = scene.api::<Delivery>();
    wait_for("the delivery to be ready", || async { deliveries.get(&name).await.ok()?.spec.ready.then_some(()) }).await;
    scene.patch::<Delivery>(&name, json!({ "spec": { "courier": park, "progress": "PickedUp" } })).await.unwrap();
    refused(json!({ "progress": "Delivered", "received": true }), "only what was delivered can be received").await;
    scene.patch::<Delivery>(&name, json!({ "spec": { "progress": "Delivered" } })).await.unwrap();
    scene.patch::<Delivery>(&name, json!({ "spec": { "received": true } })).await.unwrap();
    scene.row("order-1", State::Completed).await;
    scene.finish().await;
}

#[tokio::test]
async fn orders_get_the_finalizer_from_the_policy_and_from_the_controller_where_it_is_missing() {
    let mut scene = Scene::new("finalizer", 0).await;
    scene.shop().await;
    scene.product("mug", 100, 10).await;
    scene.wallet("alice", 1_000).await;
    let by_policy = scene.order("order-1", "alice", "mug", 1).await;
    assert_eq!(by_policy.metadata.finalizers.as_deref(), Some(&["jumun.dev/undo".to_owned()][..]));
    let mut another = order("order-2", "alice", "mug", 1);
    another["metadata"]["finalizers"] = json!(["example.com/audit"]);
    let both = scene.create::<Order>(another).await.metadata.finalizers.unwrap_or_default();
    assert_eq!(both, ["example.com/audit", "jumun.dev/undo"]);
    scene.cancel("order-2").await;
    crate::protection::let_go::<Order>(&scene, "order-1").await;
    scene.start_operator(&[]);
    scene.delivery_of("order-1").await;
    let order = scene.orders().get("order-1").await.unwrap();
    assert_eq!(order.metadata.finalizers.unwrap_or_default(), ["jumun.dev/undo"]);
    assert!(order.metadata.annotations.is_none(), "what lets it go is taken back");
    scene.cancel("order-1").await;
    scene.row("order-1", State::Cancelled).await;
    scene.row("order-2", State::Cancelled).await;
    scene.finish().await;
}

#[tokio::test]
async fn what_never_happens_cannot_be_written_into_a_status() {
    let scene = Scene::new("lies", 1).await;
    scene.shop().await;
    scene.product("mug", 1_000, 100).await;
    scene.wallet("alice", 50_000).await;
    scene.order("order-1", "alice", "mug", 1).await;
    scene.row("order-1", State::Delivering).await;
    let name = scene.delivery_of("order-1").await.metadata.name.unwrap();
    let at = "2026-11-25T20:00:00Z";
    let (params, lie) = (PatchParams::default(), |status: Value| Patch::Merge(json!({ "status": status })));
    let payments = scene.api::<Payment>();
    for (status, part) in [
        (json!({ "state": "Declined", "declinedAt": at }), "an approved payment is not declined"),
        (json!({ "state": "Cancelled", "cancelledAt": at, "refundedAt": at }), "only where spec.cancel asks for it"),
    ] {
        let error = payments.patch_status(&name, &params, &lie(status)).await.expect_err("a lie").to_string();
        assert!(error.contains(part), "{error}");
    }
    let confirmed = lie(json!({ "state": "Confirmed", "confirmedAt": at }));
    let error = scene.api::<Delivery>().patch_status(&name, &params, &confirmed).await.expect_err("a lie").to_string();
    assert!(error.contains("only what was delivered is confirmed"), "{error}");
    assert!(scene.deliver(&name).await);
    assert_eq!(scene.end_of("order-1").await, State::Completed);
    scene.row("order-1", State::Completed).await;
    scene.finish().await;
}
