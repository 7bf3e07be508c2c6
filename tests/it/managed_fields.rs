//! Who wrote which field is kept account of only where somebody applies: server-side apply works as it does elsewhere, and
//! nothing else pays for it.

use std::io::Write;
use std::process::{Command, Stdio};

use jumun::crd::{Order, Product, Wallet};
use jumun::domain::order::State;
use serde_json::{Value, json};

use crate::harness::{Scene, order};

/// `kubectl apply --server-side` as this manager; what it printed, and whether it was taken.
fn apply(scene: &Scene, manager: &str, object: &Value) -> (bool, String) {
    let mut child = Command::new(scene.plane.bin.join("kubectl"))
        .args(["--kubeconfig", &scene.plane.admin.to_string_lossy(), "-n", &scene.namespace])
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

fn applied(scene: &Scene, manager: &str, object: &Value) {
    let (taken, said) = apply(scene, manager, object);
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
    let scene = Scene::new("untracked", 1).await;
    scene.shop().await;
    scene.product("mug", 1_000, 10).await;
    scene.wallet("alice", 50_000).await;
    scene.order("order-1", "alice", "mug", 1).await;
    let delivery = scene.delivery_of("order-1").await.metadata.name.unwrap();
    assert!(scene.deliver(&delivery).await);
    scene.row("order-1", State::Completed).await;
    for version in scene.recorder.since(0) {
        let tracked = &version.object["metadata"]["managedFields"];
        assert!(tracked.is_null(), "{} is tracked: {tracked}", version.kind);
    }
    scene.finish().await;
}

#[tokio::test]
async fn what_is_applied_is_tracked_and_two_managers_share_it() {
    let scene = Scene::new("applied", 1).await;
    scene.shop().await;
    scene.wallet("alice", 50_000).await;
    applied(&scene, "catalogue", &mug(5));
    scene.order("order-1", "alice", "mug", 3).await;
    scene.row("order-1", State::Delivering).await;
    // Raised while an order runs, by the one who applied it; the other manages another field.
    applied(&scene, "catalogue", &mug(8));
    let title = object("Product", "mug", json!({ "title": "Mug" }));
    applied(&scene, "shop", &title);
    let (taken, said) = apply(&scene, "shop", &mug(99));
    assert!(!taken && said.contains("conflict"), "{said}");
    applied(&scene, "catalogue", &mug(8));
    let product = scene.api::<Product>().get("mug").await.unwrap();
    assert_eq!((product.spec.stock, product.spec.title.as_deref()), (8, Some("Mug")));
    // What a manager no longer names is removed.
    applied(&scene, "shop", &object("Product", "mug", json!({})));
    assert_eq!(scene.api::<Product>().get("mug").await.unwrap().spec.title, None);
    scene.order("order-2", "alice", "mug", 5).await;
    for name in ["order-1", "order-2"] {
        let delivery = scene.delivery_of(name).await.metadata.name.unwrap();
        assert!(scene.deliver(&delivery).await);
        scene.row(name, State::Completed).await;
    }
    assert_eq!(scene.settled_stock("mug").await, (0, 8));
    scene.finish().await;
}

#[tokio::test]
async fn an_order_and_a_wallet_are_applied_again() {
    let scene = Scene::new("again", 1).await;
    scene.shop().await;
    scene.product("mug", 1_000, 10).await;
    let wallet = |amount: i64| {
        object("Wallet", "alice", json!({ "owner": "alice", "deposited": { "amount": amount, "currency": "KRW" } }))
    };
    applied(&scene, "office", &wallet(1_000));
    let mut wish = order("order-1", "alice", "mug", 1);
    applied(&scene, "alice", &wish);
    scene.row("order-1", State::Delivering).await;
    let before = scene.orders().get("order-1").await.unwrap();
    applied(&scene, "alice", &wish);
    let after = scene.orders().get("order-1").await.unwrap();
    assert_eq!(before.metadata.resource_version, after.metadata.resource_version, "unchanged is no write");
    assert!(after.metadata.finalizers.is_some(), "what the policy has put on stays");
    applied(&scene, "office", &wallet(3_000));
    wish["spec"]["cancel"] = json!({ "reason": "ChangedMind" });
    applied(&scene, "alice", &wish);
    scene.row("order-1", State::Cancelled).await;
    assert_eq!(scene.money("alice").await, (3_000, 0));
    // Created by a plain create, then applied: tracked from then on. What was there before belongs to nobody who applies,
    // so that the first change of it is a conflict, as it is for any object.
    scene
        .create::<Wallet>(json!({
            "metadata": { "name": "bob" }, "spec": { "owner": "bob", "deposited": { "amount": 1, "currency": "KRW" } },
        }))
        .await;
    let bob = object("Wallet", "bob", json!({ "owner": "bob", "deposited": { "amount": 2, "currency": "KRW" } }));
    let (taken, said) = apply(&scene, "office", &bob);
    assert!(!taken && said.contains("before-first-apply"), "{said}");
    let (done, said) =
        scene.kubectl(&["patch", "wallet", "bob", "--type=merge", "-p", r#"{"spec":{"deposited":{"amount":2}}}"#]);
    assert!(done, "{said}");
    applied(&scene, "office", &bob);
    let tracked = scene.api::<Wallet>().get("bob").await.unwrap();
    assert!(tracked.spec.deposited.amount == 2 && tracked.metadata.managed_fields.is_some());
    let order: Order = scene.orders().get("order-1").await.unwrap();
    assert!(order.metadata.managed_fields.is_some(), "an order that is applied is tracked");
    scene.finish().await;
}
