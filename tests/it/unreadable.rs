//! A newer definition, and objects that this version cannot decode: each blocks what needs it, and nothing else.

use jumun::crd::{OrderPlatform, Product, Store, Wallet};
use jumun::domain::order::State;
use kube::api::DeleteParams;
use serde_json::{Value, json};

use crate::harness::{Scene, order, wait_for};

/// Makes the status of an object one that a later version may write, or one that this version can read.
fn write_as(scene: &Scene, kind: &str, name: &str, truth: &str) {
    let condition = json!({
        "type": "Later", "status": truth, "reason": "Later", "message": "", "observedGeneration": 1,
        "lastTransitionTime": "2026-11-01T00:00:00Z",
    });
    let patch = json!({ "status": { "conditions": [condition] } }).to_string();
    let (done, said) = scene.kubectl(&["patch", kind, name, "--subresource=status", "--type=merge", "-p", &patch]);
    assert!(done, "{said}");
}

/// The first condition of this type, of an object.
fn condition(scene: &Scene, kind: &str, name: &str, type_: &str) -> Option<Value> {
    let (_, object) = scene.kubectl(&["get", kind, name, "-o", "json"]);
    let object: Value = serde_json::from_str(&object).ok()?;
    object["status"]["conditions"].as_array()?.iter().find(|condition| condition["type"] == type_).cloned()
}

/// Waits until a condition of an object says that something cannot be read.
async fn says(scene: &Scene, kind: &str, name: &str, type_: &str, what: &str) {
    wait_for(&format!("{kind} {name} to say that {what} cannot be read"), || async {
        let said = condition(scene, kind, name, type_)?;
        let message = said["message"].as_str()?;
        (said["reason"] == "Unreadable" && message.contains(what) && message.contains("Maybe")).then_some(())
    })
    .await;
}

/// An order at this store.
async fn order_at(scene: &Scene, store: &str, name: &str, customer: &str, product: &str) {
    let mut object = order(name, customer, product, 1);
    object["spec"]["store"] = store.into();
    scene.create::<jumun::crd::Order>(object).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_read_blocks_only_what_needs_it_and_is_said_there() {
    let mut scene = Scene::apart("newer").await;
    let plane = scene.plane;
    let path = "/spec/versions/0/schema/openAPIV3Schema/properties/status/properties/conditions/items/properties/status/enum/-";
    let patch = json!([{ "op": "add", "path": path, "value": "Maybe" }]).to_string();
    for kind in ["stores", "products", "wallets", "orders", "orderplatforms"] {
        let (done, said) = scene.kubectl(&["patch", "crd", &format!("{kind}.jumun.dev"), "--type=json", "-p", &patch]);
        assert!(done, "{said}");
    }
    scene.create::<OrderPlatform>(json!({ "metadata": { "name": "default" }, "spec": {} })).await;
    scene.shop().await;
    scene.store("odd", json!({ "seller": "kim" })).await;
    for product in ["mug", "cup", "plate"] {
        scene.product(product, 1_000, 100).await;
    }
    let spec = json!({ "store": "odd", "price": { "amount": 1_000, "currency": "KRW" }, "stock": 9 });
    scene.create::<Product>(json!({ "metadata": { "name": "saucer" }, "spec": spec })).await;
    for wallet in ["alice", "bob", "carol", "dora"] {
        scene.wallet(wallet, 50_000).await;
    }
    scene.start_operator(&[]);
    scene.order("under-way", "alice", "mug", 1).await;
    scene.row("under-way", State::Delivering).await;
    wait_for("the definitions to be newer", || async {
        let (done, _) = scene.kubectl(&["patch", "store", "odd", "--subresource=status", "--type=merge", "--dry-run=server", "-p",
            r#"{"status":{"conditions":[{"type":"Later","status":"Maybe","reason":"Later","message":"","observedGeneration":1,"lastTransitionTime":"2026-11-01T00:00:00Z"}]}}"#]);
        done.then_some(())
    })
    .await;
    let unreadable = [("store", "odd"), ("product", "cup"), ("wallet", "bob"), ("ord", "under-way")];
    for (kind, name) in unreadable {
        write_as(&scene, kind, name, "Maybe");
    }
    // The second time from caches that have never seen one of them readable.
    for restart in [false, true] {
        let n = u8::from(restart);
        if restart {
            scene.kill_operator(0);
            scene.start_operator(&[]);
        }
        order_at(&scene, "odd", &format!("store-{n}"), "dora", "saucer").await;
        order_at(&scene, "shop", &format!("product-{n}"), "dora", "cup").await;
        order_at(&scene, "shop", &format!("wallet-{n}"), "bob", "plate").await;
        for (order, what) in [("store", "Store odd"), ("product", "Product cup"), ("wallet", "Wallet bob")] {
            says(&scene, "ord", &format!("{order}-{n}"), "Stalled", what).await;
        }
        says(&scene, "op", "default", "ObjectsReadable", "cannot be read").await;
    }
    let (_, metrics) = scene.operator(1).get("/metrics").await;
    assert!(metrics.contains(r#"jumun_unreadable_objects{kind="Order"} 1"#), "{metrics}");
    let (_, events) = scene.kubectl(&["get", "events", "--field-selector", "reason=Unreadable", "-o", "wide"]);
    assert!(events.to_lowercase().contains("order/under-way"), "{events}");
    // What the unreadable order may refer to stays, and says why; what it cannot refer to goes.
    for (kind, name) in [("product", "mug"), ("wallet", "alice"), ("wallet", "carol")] {
        let (done, said) = scene.kubectl(&["delete", kind, name, "--wait=false"]);
        assert!(done, "{said}");
    }
    wait_for("carol's wallet to go", || async {
        scene.api::<Wallet>().get_opt("carol").await.ok()?.is_none().then_some(())
    })
    .await;
    for (kind, name) in [("product", "mug"), ("wallet", "alice")] {
        wait_for(&format!("{kind} {name} to say what keeps it"), || async {
            let said = condition(&scene, kind, name, "Ready")?;
            (said["reason"] == "Unreadable" && said["message"].as_str()?.contains("under-way")).then_some(())
        })
        .await;
    }
    let (_, charged) = scene.kubectl(&["get", "wallet", "alice", "-o", "jsonpath={.status.charged.amount}"]);
    assert_eq!(charged, "1000", "nothing was undone for an order that cannot be read");
    // Mended, everything goes on by itself.
    for (kind, name) in unreadable {
        write_as(&scene, kind, name, "False");
    }
    let delivery = scene.delivery_of("under-way").await.metadata.name.expect("a name");
    assert!(scene.deliver(&delivery).await);
    assert_eq!(scene.end_of("under-way").await, State::Completed);
    for order in ["store-0", "store-1", "product-0", "product-1", "wallet-0", "wallet-1"] {
        scene.row(order, State::Delivering).await;
    }
    wait_for("the ledgers to go", || async {
        let product = scene.api::<Product>().get_opt("mug").await.ok()?;
        (product.is_none() && scene.api::<Wallet>().get_opt("alice").await.ok()?.is_none()).then_some(())
    })
    .await;
    // An OrderPlatform that cannot be read holds those that are not placed yet.
    write_as(&scene, "op", "default", "Maybe");
    scene.order("last", "dora", "plate", 1).await;
    says(&scene, "ord", "last", "Stalled", "OrderPlatform default").await;
    write_as(&scene, "op", "default", "False");
    scene.row("last", State::Delivering).await;
    scene.api::<Store>().delete("odd", &DeleteParams::default()).await.expect("a store goes at once");
    drop(scene);
    plane.down();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_definition_that_vanishes_is_said_and_once_it_is_back_everything_goes_on() {
    let mut scene = Scene::apart("less").await;
    let plane = scene.plane;
    scene.store("kitchen", json!({ "seller": "kim", "fulfilment": "Kitchen" })).await;
    let spec = json!({ "store": "kitchen", "price": { "amount": 1_000, "currency": "KRW" }, "stock": 9 });
    scene.create::<Product>(json!({ "metadata": { "name": "stew" }, "spec": spec })).await;
    scene.wallet("alice", 50_000).await;
    scene.start_operator(&[]);
    wait_for("readiness", || async { (scene.operator(0).get("/readyz").await.0 == 200).then_some(()) }).await;
    let (done, said) = scene.kubectl(&["delete", "crd", "tickets.jumun.dev"]);
    assert!(done, "{said}");
    order_at(&scene, "kitchen", "order-1", "alice", "stew").await;
    wait_for("the probe to name the kind", || async {
        let (status, said) = scene.operator(0).get("/readyz").await;
        (status == 503 && said.contains("Ticket") && said.contains("crds/")).then_some(())
    })
    .await;
    // One that starts without the definition names it once, and waits for it.
    scene.start_operator(&[]);
    for operator in [0, 1] {
        wait_for("the log to name the kind", || async {
            let why = "the API server does not know the kind Ticket: kubectl apply -f crds/";
            let log = scene.operator(operator).log();
            let says = |line: &&str| line.contains("a kind cannot be read") && line.contains(why);
            let count = log.lines().filter(says).count();
            assert!(count <= 1, "{log}");
            (count == 1).then_some(())
        })
        .await;
    }
    wait_for("the order to say so", || async {
        let said = condition(&scene, "ord", "order-1", "Stalled")?;
        said["message"].as_str()?.contains("does not know the kind Ticket").then_some(())
    })
    .await;
    let (done, said) = scene.kubectl(&["apply", "-f", concat!(env!("CARGO_MANIFEST_DIR"), "/crds/tickets.yaml")]);
    assert!(done, "{said}");
    scene.row("order-1", State::Accepted).await;
    for operator in [0, 1] {
        wait_for("readiness", || async { (scene.operator(operator).get("/readyz").await.0 == 200).then_some(()) })
            .await;
        let log = scene.operator(operator).log();
        assert!(log.contains("a kind that could not be read is read again"), "{log}");
    }
    drop(scene);
    plane.down();
}
