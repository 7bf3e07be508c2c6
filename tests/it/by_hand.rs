//! What only a person can mend, mended as the manual says.

use std::process::Command;

use jumun::crd::{Payment, Wallet};
use jumun::domain::order::State;
use kube::api::{DeleteParams, ListParams};
use serde_json::json;

use crate::harness::{Scene, wait_for};
use crate::outside::{Card, by_card, platform};

const MANUAL: &str = include_str!("../../docs/states.md");

/// The commands of a section of the manual, as one script.
fn script(section: &str) -> String {
    let text = MANUAL.split(&format!("### {section}\n")).nth(1).expect("the section");
    let text = text.split("\n## ").next().expect("its end");
    text.split("```bash\n").skip(1).map(|rest| rest.split("```").next().expect("its end")).collect()
}

/// Runs a script about an order in the namespace, and gives what it printed.
fn run(scene: &Scene, order: &str, script: &str) -> String {
    let kubectl = format!("kubectl() {{ command kubectl -n {} \"$@\"; }}; set -e\n", scene.namespace);
    let path = format!("{}:{}", scene.plane.bin.display(), std::env::var("PATH").expect("a path"));
    let output = Command::new("bash")
        .args(["-c", &(kubectl + script)])
        .env("PATH", path)
        .env("KUBECONFIG", &scene.plane.admin)
        .env("ORDER", order)
        .output()
        .expect("bash");
    let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{text}");
    text
}

/// An order is cancelled whose Payment somebody has removed by force, and a person does what the manual says.
async fn close(scene: &Scene) -> String {
    scene.delivery_of("order-1").await;
    scene.row("order-1", State::Delivering).await;
    let payments = scene.api::<Payment>();
    let name = scene.payment_of("order-1").await.metadata.name.expect("a name");
    payments.delete(&name, &DeleteParams::default()).await.expect("deleted");
    wait_for("the payment to be gone", || async {
        let payment = payments.get_opt(&name).await.ok()?;
        let uid = payment.and_then(|payment| payment.metadata.uid);
        // Who means it says so: else the API server puts the finalizer back.
        let force = json!({ "metadata": { "finalizers": null, "annotations": { "jumun.dev/let-go": uid } } });
        let _ = scene.patch::<Payment>(&name, force).await;
        payments.get_opt(&name).await.ok()?.is_none().then_some(())
    })
    .await;
    scene.cancel("order-1").await;
    let orders = scene.orders();
    let said = wait_for("the order to be stalled", || async {
        let conditions = orders.get("order-1").await.ok()?.status?.conditions;
        conditions.into_iter().find(|c| c.type_ == "Stalled" && c.reason == "PaymentMissing").map(|c| c.message)
    })
    .await;
    assert!(said.contains(&name) && said.contains("cancel: true") && said.contains("docs/states.md"), "{said}");
    let script = script("A payment that is gone");
    let (create, look) = script.split_once("kubectl create -f -\n").expect("two commands");
    run(scene, "order-1", &format!("{create}kubectl create -f -\n"));
    scene.row("order-1", State::Cancelled).await;
    let of_order = ListParams::default().labels("jumun.dev/order=order-1");
    assert_eq!(payments.list(&of_order).await.expect("payments").items.len(), 1);
    run(scene, "order-1", look)
}

#[tokio::test]
async fn an_order_whose_payment_is_gone_is_closed_as_the_manual_says() {
    let scene = Scene::new("payment-gone", 1).await;
    scene.shop().await;
    scene.product("mug", 1_000, 100).await;
    scene.wallet("alice", 50_000).await;
    let order = scene.order("order-1", "alice", "mug", 2).await.metadata.uid.expect("a UID");
    scene.delivery_of("order-1").await;
    // Its entry leaves the ledger with a later write.
    scene.order("order-2", "alice", "mug", 1).await;
    scene.delivery_of("order-2").await;
    let wallets = scene.api::<Wallet>();
    wait_for("the charge to be settled", || async {
        let entries = wallets.get("alice").await.ok()?.status?.entries;
        entries.iter().all(|entry| entry.order != order).then_some(())
    })
    .await;
    let says = close(&scene).await;
    assert!(says.contains("NotCharged") && says.contains("<none>"), "{says}");
    assert_eq!(scene.settled_stock("mug").await, (99, 1));
    assert_eq!(scene.money("alice").await, (47_000, 3_000), "the wallet cannot know");
    scene.patch::<Wallet>("alice", json!({ "spec": { "deposited": { "amount": 52_000 } } })).await.expect("given back");
    wait_for("the balance", || async { (scene.money("alice").await == (49_000, 3_000)).then_some(()) }).await;
    // There were two payments, one of them removed by force: the books are not judged.
}

#[tokio::test]
async fn a_card_is_refunded_though_the_payment_is_gone() {
    let scene = Scene::new("card-payment-gone", 1).await;
    let card = Card::start().await;
    platform(&scene, Some(&card), None, json!({})).await;
    scene.shop().await;
    scene.product("mug", 1_000, 100).await;
    scene.create::<jumun::crd::Order>(by_card("order-1", "mug", 1)).await;
    let says = close(&scene).await;
    assert!(says.contains("Refunded"), "{says}");
    assert_eq!((card.moved(), scene.settled_stock("mug").await), ((1, 1), (100, 0)));
}
