//! `jumun explain`: what the operator makes of an order.

use jumun::domain::order::State;
use serde_json::json;

use crate::harness::{Scene, wait_for};

/// Runs it; gives whether it went well, and what it printed.
fn explain(scene: &Scene, order: &str, more: &[&str]) -> (bool, String) {
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_jumun"))
        .args(["explain", order, "-n", &scene.namespace])
        .args(more)
        .env("KUBECONFIG", &scene.plane.admin)
        .output()
        .expect("jumun explain");
    let text = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&text).into_owned())
}

#[tokio::test]
async fn an_order_that_hangs_is_explained_and_nothing_is_written() {
    let mut scene = Scene::new("explain", 0).await;
    scene.shop().await;
    scene.product("mug", 1_000, 100).await;
    scene.wallet("alice", 50_000).await;
    scene.order("order-1", "alice", "mug", 1).await;
    // No operator runs: what one would do.
    let (well, said) = explain(&scene, "order-1", &[]);
    assert!(well && said.starts_with("Order order-1"), "{said}");
    assert!(said.contains("would write") && said.contains("\"state\""), "{said}");
    assert!(said.contains("Store shop") && said.contains("Wallet alice") && said.contains("Product mug"), "{said}");

    scene.start_operator(&["--log-level", "info,jumun=debug"]);
    scene.row("order-1", State::Delivering).await;
    wait_for("the log to say what is waited for", || async {
        let waits = |line: &&str| line.contains("decided") && line.contains("WaitingForCourier: Delivery order-1-");
        scene.operator(0).log().lines().find(waits).map(drop)
    })
    .await;
    wait_for("the wait to be written down", || async {
        let (_, said) = explain(&scene, "order-1", &[]);
        (said.contains("Order order-1: Delivering") && said.contains("Reconciling WaitingForCourier: ")).then_some(())
    })
    .await;
    // One whose store is not there.
    let mut lost = crate::harness::order("lost", "alice", "mug", 1);
    lost["spec"]["store"] = json!("nowhere");
    scene.create::<jumun::crd::Order>(lost).await;
    wait_for("what is missing to be named", || async {
        let (_, said) = explain(&scene, "lost", &[]);
        (said.contains("ReferenceNotFound") && said.contains("Store nowhere: it is not there")).then_some(())
    })
    .await;
    scene.quiet_for(crate::harness::QUIET).await;
    let versions = scene.recorder.seen();
    let (well, said) = explain(&scene, "order-1", &["--facts"]);
    assert!(well && said.contains("looked at") && said.contains("Observed {"), "{said}");
    let (well, said) = explain(&scene, "never", &[]);
    assert!(!well && said.contains("there is no Order never"), "{said}");
    assert_eq!(scene.recorder.seen(), versions, "nothing was written");
    scene
        .patch::<jumun::crd::Order>("lost", json!({ "spec": { "cancel": { "reason": "ChangedMind" } } }))
        .await
        .expect("a wish");
    scene.cancel("order-1").await;
    scene.all_ends().await;
    scene.row("order-1", State::Cancelled).await;
    scene.finish().await;
}
