//! Bad input gets an end with a reason that names the field; nothing is charged, nothing stays reserved.

use jumun::crd::{Order, Product, Store};
use jumun::domain::order::State;
use serde_json::{Value, json};

use crate::harness::{Scene, order};

fn with(mut object: Value, pointer: &str, value: Value) -> Value {
    *object.pointer_mut(pointer).expect("a field") = value;
    object
}

#[tokio::test]
async fn each_kind_of_bad_input_ends_invalid_and_names_the_field() {
    let scene = Scene::new("input", 1).await;
    // What is missing is waited for, here not for long.
    crate::outside::platform(&scene, None, None, json!({ "intake": { "referencePatience": "300ms" } })).await;
    scene.shop().await;
    scene.create::<Store>(json!({ "metadata": { "name": "other" }, "spec": { "seller": "lee" } })).await;
    scene.product("mug", 1_000, 10).await;
    scene.product("gold", 1_000_000_000_000, 1_000_000).await;
    let euro = json!({ "store": "shop", "price": { "amount": 1, "currency": "EUR" }, "stock": 5 });
    scene.create::<Product>(json!({ "metadata": { "name": "euro" }, "spec": euro })).await;
    scene.wallet("alice", 5_000).await;
    scene.wallet("bob", 5_000).await;
    let good = |name: &str| order(name, "alice", "mug", 1);
    let cases = [
        ("no-store", with(good("no-store"), "/spec/store", json!("nowhere")), "UnknownStore", "spec.store"),
        (
            "no-product",
            with(good("no-product"), "/spec/items/0/product", json!("nothing")),
            "UnknownProduct",
            "spec.items[0].product",
        ),
        (
            "elsewhere",
            with(good("elsewhere"), "/spec/store", json!("other")),
            "ProductOfAnotherStore",
            "spec.items[0].product",
        ),
        (
            "no-wallet",
            with(good("no-wallet"), "/spec/payment/wallet", json!("nobody")),
            "UnknownWallet",
            "spec.payment.wallet",
        ),
        (
            "not-hers",
            with(good("not-hers"), "/spec/payment/wallet", json!("bob")),
            "NotTheOwner",
            "spec.payment.wallet",
        ),
        (
            "currency",
            with(good("currency"), "/spec/items/0/product", json!("euro")),
            "CurrencyMismatch",
            "spec.items[0].product",
        ),
        (
            "too-large",
            with(order("too-large", "alice", "gold", 10_000), "/spec/store", json!("shop")),
            "AmountTooLarge",
            "spec.items",
        ),
    ];
    for (_, object, _, _) in &cases {
        scene.create::<Order>(object.clone()).await;
    }
    for (name, _, reason, field) in &cases {
        assert_eq!(scene.end_of(name).await, State::Invalid, "{name}");
        let status = scene.orders().get(name).await.unwrap().status.unwrap();
        let outcome = status.outcome.unwrap();
        assert_eq!(&outcome.reason, reason);
        assert!(outcome.message.starts_with(field), "{name}: {}", outcome.message);
        assert!(status.terms.is_none() && status.placed_at.is_none(), "nothing was done");
        scene.row(name, State::Invalid).await;
    }
    // The controllers go on.
    scene.create::<Order>(good("good")).await;
    let delivery = scene.delivery_of("good").await.metadata.name.unwrap();
    assert!(scene.deliver(&delivery).await);
    assert_eq!(scene.end_of("good").await, State::Completed);
    assert_eq!(scene.money("alice").await, (4_000, 1_000));
    assert_eq!(scene.settled_stock("mug").await, (9, 1));
    scene.row("good", State::Completed).await;
    scene.finish().await;
}

#[tokio::test]
async fn the_samples_applied_in_one_go_come_to_their_ends() {
    let scene = Scene::new("one-go", 1).await;
    let (ok, text) = scene.kubectl(&["apply", "-f", concat!(env!("CARGO_MANIFEST_DIR"), "/manifests/samples")]);
    assert!(ok, "{text}");
    assert_eq!(scene.end_of("two-posters").await, State::OutOfStock);
    assert_eq!(scene.end_of("too-dear").await, State::PaymentFailed);
    scene.row("mugs-for-alice", State::Delivering).await;
    scene.row("dinner", State::Paid).await;
    scene.cancel("dinner").await;
    assert_eq!(scene.end_of("dinner").await, State::Cancelled);
    scene.row("dinner", State::Cancelled).await;
    scene.cancel("second-thoughts").await;
    assert_eq!(scene.end_of("second-thoughts").await, State::Cancelled);
    for (order, state) in
        [("two-posters", State::OutOfStock), ("too-dear", State::PaymentFailed), ("second-thoughts", State::Cancelled)]
    {
        scene.row(order, state).await;
    }
    let events = wait_events(&scene).await;
    assert!(events.contains("OutOfStock") && events.contains("PaymentFailed"), "{events}");
    assert_eq!(scene.settled_stock("last-poster").await, (1, 0));
    scene.settled_stock("mug").await;
    scene.finish().await;
}

async fn wait_events(scene: &Scene) -> String {
    crate::harness::wait_for("the events", || async {
        let (_, text) = scene.kubectl(&["get", "events"]);
        (text.contains("OutOfStock") && text.contains("PaymentFailed")).then_some(text)
    })
    .await
}
