//! Who wrote which field is kept account of only where somebody applies: server-side apply works as it does elsewhere, and
//! nothing else pays for it.

use std::io::Write;
use std::process::{Command, Stdio};

use jumun::crd::{Order, Product, Wallet};
use jumun::domain::order::State;
use serde_json::{Value, json};

use crate::harness::{World, order};

/// `kubectl apply --server-side` as this manager; what it printed, and whether it was taken.
fn apply(world: &World, manager: &str, object: &Value) -> (bool, String) {
    let mut child = Command::new(world.plane.bin.join("kubectl"))
        .args(["--kubeconfig", &world.plane.admin.to_string_lossy(), "-n", &world.namespace])
        .args(["apply", "--server-side", "--field-manager", manager, "-f", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("kubectl");
    child.stdin.take().expect("a pipe").write_all(object.to_string().as_bytes()).expect("written");
    let output = child.wait_with_output().expect("kubectl");
    let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    (output.status.success(), text)
}

fn applied(world: &World, manager: &str, object: &Value) {
    let (taken, said) = apply(world, manager, object);
    assert!(taken, "{said}");
}

fn object(kind: &str, name: &str, spec: Value) -> Value {
    json!({ "apiVersion": "jumun.dev/v1alpha1", "kind": kind, "metadata": { "name": name }, "spec": spec })
}

fn mug(stock: i64) -> Value {
    object(
        "Product",
        "mug",
        json!({ "store": "shop", "price": { "amount": 1_000, "currency": "KRW" }, "stock": stock }),
    )
}

#[tokio::test]
async fn nothing_that_nobody_applies_is_tracked() {
    let world = World::new("untracked", 1).await;
    world.shop().await;
    world.product("mug", 1_000, 10).await;
    world.wallet("alice", 50_000).await;
    world.order("order-1", "alice", "mug", 1).await;
    let delivery = world.delivery_of("order-1").await.metadata.name.unwrap();
    assert!(world.deliver(&delivery).await);
    world.row("order-1", State::Completed).await;
    for version in world.recorder.since(0) {
        let tracked = &version.object["metadata"]["managedFields"];
        assert!(tracked.is_null(), "{} is tracked: {tracked}", version.kind);
    }
    world.finish().await;
}

#[tokio::test]
async fn what_is_applied_is_tracked_and_two_managers_share_it() {
    let world = World::new("applied", 1).await;
    world.shop().await;
    world.wallet("alice", 50_000).await;
    applied(&world, "catalogue", &mug(5));
    world.order("order-1", "alice", "mug", 3).await;
    world.row("order-1", State::Delivering).await;
    // Raised while an order runs, by the one who applied it; the other manages another field.
    applied(&world, "catalogue", &mug(8));
    let title = object("Product", "mug", json!({ "title": "Mug" }));
    applied(&world, "shop", &title);
    let (taken, said) = apply(&world, "shop", &mug(99));
    assert!(!taken && said.contains("conflict"), "{said}");
    applied(&world, "catalogue", &mug(8));
    let product = world.api::<Product>().get("mug").await.unwrap();
    assert_eq!((product.spec.stock, product.spec.title.as_deref()), (8, Some("Mug")));
    // What a manager no longer names is removed.
    applied(&world, "shop", &object("Product", "mug", json!({})));
    assert_eq!(world.api::<Product>().get("mug").await.unwrap().spec.title, None);
    world.order("order-2", "alice", "mug", 5).await;
    for name in ["order-1", "order-2"] {
        let delivery = world.delivery_of(name).await.metadata.name.unwrap();
        assert!(world.deliver(&delivery).await);
        world.row(name, State::Completed).await;
    }
    assert_eq!(world.settled_stock("mug").await, (0, 8));
    world.finish().await;
}

#[tokio::test]
async fn an_order_and_a_wallet_are_applied_again() {
    let world = World::new("again", 1).await;
    world.shop().await;
    world.product("mug", 1_000, 10).await;
    let wallet = |amount: i64| {
        object("Wallet", "alice", json!({ "owner": "alice", "deposited": { "amount": amount, "currency": "KRW" } }))
    };
    applied(&world, "office", &wallet(1_000));
    let mut wish = order("order-1", "alice", "mug", 1);
    applied(&world, "alice", &wish);
    world.row("order-1", State::Delivering).await;
    let before = world.orders().get("order-1").await.unwrap();
    applied(&world, "alice", &wish);
    let after = world.orders().get("order-1").await.unwrap();
    assert_eq!(before.metadata.resource_version, after.metadata.resource_version, "unchanged is no write");
    assert!(after.metadata.finalizers.is_some(), "what the policy has put on stays");
    applied(&world, "office", &wallet(3_000));
    wish["spec"]["cancel"] = json!({ "reason": "ChangedMind" });
    applied(&world, "alice", &wish);
    world.row("order-1", State::Cancelled).await;
    assert_eq!(world.money("alice").await, (3_000, 0));
    // Created by a plain create, then applied: tracked from then on. What was there before belongs to nobody who applies,
    // so that the first change of it is a conflict, as it is for any object.
    world
        .create::<Wallet>(json!({
            "metadata": { "name": "bob" }, "spec": { "owner": "bob", "deposited": { "amount": 1, "currency": "KRW" } },
        }))
        .await;
    let bob = object("Wallet", "bob", json!({ "owner": "bob", "deposited": { "amount": 2, "currency": "KRW" } }));
    let (taken, said) = apply(&world, "office", &bob);
    assert!(!taken && said.contains("before-first-apply"), "{said}");
    let (done, said) =
        world.kubectl(&["patch", "wallet", "bob", "--type=merge", "-p", r#"{"spec":{"deposited":{"amount":2}}}"#]);
    assert!(done, "{said}");
    applied(&world, "office", &bob);
    let tracked = world.api::<Wallet>().get("bob").await.unwrap();
    assert!(tracked.spec.deposited.amount == 2 && tracked.metadata.managed_fields.is_some());
    let order: Order = world.orders().get("order-1").await.unwrap();
    assert!(order.metadata.managed_fields.is_some(), "an order that is applied is tracked");
    world.finish().await;
}
