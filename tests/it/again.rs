//! Work that ended does not run again: what retention removed is known by its row, a paused intake places nothing, and the
//! commands of `docs/backup-restore-gitops.md` do what the page says.

use jumun::crd::{Delivery, Order, OrderPlatform, OrderView, Payment};
use jumun::domain::order::State;
use kube::api::DeleteParams;
use serde_json::json;

use crate::harness::{Scene, order, wait_for};
use crate::outside::platform;

async fn shop(scene: &Scene, spec: serde_json::Value) {
    platform(scene, None, None, spec).await;
    scene.shop().await;
    scene.product("mug", 100, 100).await;
    scene.wallet("alice", 10_000).await;
}

async fn gone(scene: &Scene, name: &str) {
    let orders = scene.orders();
    wait_for(&format!("{name} to be gone"), || async { orders.get_opt(name).await.ok()?.is_none().then_some(()) })
        .await;
}

async fn completes(scene: &Scene, name: &str, deliveries: usize) {
    wait_for("the delivery", || async {
        let ready = scene.recorder.standing("Delivery").len();
        (ready >= deliveries).then_some(())
    })
    .await;
    let delivery = scene.delivery_of(name).await.metadata.name.unwrap();
    assert!(scene.deliver(&delivery).await);
    assert_eq!(scene.end_of(name).await, State::Completed);
}

#[tokio::test]
async fn what_retention_removed_is_not_ordered_again_by_the_same_manifest() {
    let scene = Scene::new("again", 1).await;
    shop(&scene, json!({ "retention": { "completed": "1s", "rows": "1h" } })).await;
    scene.order("order-1", "alice", "mug", 2).await;
    completes(&scene, "order-1", 1).await;
    let row = scene.row("order-1", State::Completed).await;
    gone(&scene, "order-1").await;
    for _ in 0..2 {
        // What a GitOps tool does: the same manifest, again and again.
        scene.order("order-1", "alice", "mug", 2).await;
        assert_eq!(scene.end_of("order-1").await, State::Invalid);
        let outcome = scene.orders().get("order-1").await.unwrap().status.unwrap().outcome.unwrap();
        assert_eq!(outcome.reason, "AlreadyOrdered");
        assert!(outcome.message.contains("ended as Completed at "), "{}", outcome.message);
        // It goes like any other, by hand or by retention.
        scene.orders().delete("order-1", &DeleteParams::default()).await.unwrap();
        gone(&scene, "order-1").await;
    }
    let stays = scene.api::<OrderView>().get("order-1").await.unwrap();
    assert_eq!((stays.metadata.uid, json!(stays.status)), (row.metadata.uid, json!(row.status)));
    assert_eq!(scene.money("alice").await, (9_800, 200));
    let children = || async { scene.recorder.standing("Delivery").is_empty().then_some(()) };
    wait_for("the first delivery to go", children).await;
    // Another content under the old name is another order.
    scene.order("order-1", "alice", "mug", 3).await;
    completes(&scene, "order-1", 1).await;
    assert_eq!(scene.money("alice").await, (9_500, 500));
    scene.row("order-1", State::Completed).await;
    scene.finish().await;
}

#[tokio::test]
async fn what_somebody_deleted_may_be_ordered_again() {
    let scene = Scene::new("again-by-hand", 1).await;
    shop(&scene, json!({ "retention": { "completed": "1h", "rows": "2h" } })).await;
    for round in 1..=2 {
        scene.order("order-1", "alice", "mug", 1).await;
        completes(&scene, "order-1", 1).await;
        assert_eq!(scene.money("alice").await.1, round * 100);
        scene.orders().delete("order-1", &DeleteParams::default()).await.unwrap();
        gone(&scene, "order-1").await;
        let status = scene.api::<OrderView>().get("order-1").await.unwrap().status.unwrap();
        assert!(status.deleted && status.order == State::Completed);
        let children = || async { scene.recorder.standing("Delivery").is_empty().then_some(()) };
        wait_for("the delivery to go", children).await;
    }
    scene.finish().await;
}

#[tokio::test]
async fn a_row_that_would_not_outlive_its_order_is_not_taken() {
    let scene = Scene::new("rows", 0).await;
    platform(&scene, None, None, json!({ "retention": { "completed": "1h", "rows": "90m" } })).await;
    let shorter = json!({ "spec": { "retention": { "rows": "59m" } } });
    let refused = scene.patch::<OrderPlatform>("default", shorter).await.unwrap_err().to_string();
    assert!(refused.contains("a row outlives its order"), "{refused}");
}

#[tokio::test]
async fn a_paused_intake_places_nothing_new_and_everything_under_way_goes_on() {
    let scene = Scene::new("paused", 1).await;
    shop(&scene, json!({})).await;
    for name in ["under-way", "second-thoughts"] {
        scene.order(name, "alice", "mug", 1).await;
        scene.delivery_of(name).await;
    }
    let pause = |state: &str| json!({ "spec": { "intake": { "state": state } } });
    scene.patch::<OrderPlatform>("default", pause("Paused")).await.unwrap();
    let platforms = scene.api::<OrderPlatform>();
    wait_for("the platform to say so", || async {
        let status = platforms.get("default").await.ok()?.status?;
        status.conditions.iter().any(|condition| condition.reason == "IntakePaused").then_some(())
    })
    .await;
    for name in ["new", "never-mind"] {
        scene.create::<Order>(order(name, "alice", "mug", 1)).await;
        let row = || async {
            let row = scene.recorder.standing("OrderView").into_iter().find(|row| row["metadata"]["name"] == name)?;
            (row["status"]["waitingFor"] == "IntakePaused" && row["spec"]["amount"]["amount"] == 100).then_some(())
        };
        wait_for("the row to say what it waits for, and what it costs", row).await;
    }
    scene.cancel("second-thoughts").await;
    assert_eq!(scene.end_of("second-thoughts").await, State::Cancelled);
    scene.cancel("never-mind").await;
    assert_eq!(scene.end_of("never-mind").await, State::Cancelled);
    let delivery = scene.delivery_of("under-way").await.metadata.name.unwrap();
    assert!(scene.deliver(&delivery).await);
    assert_eq!(scene.end_of("under-way").await, State::Completed);
    assert!(scene.orders().get("new").await.unwrap().status.unwrap().placed_at.is_none());
    scene.patch::<OrderPlatform>("default", pause("Open")).await.unwrap();
    let delivery = scene.delivery_of("new").await.metadata.name.unwrap();
    assert!(scene.deliver(&delivery).await);
    assert_eq!(scene.end_of("new").await, State::Completed);
    crate::books::rows(&scene, 4).await;
    scene.finish().await;
}

/// The commands of the page, without their fences: those of the section with this heading.
fn commands(heading: &str) -> String {
    let page = include_str!("../../docs/backup-restore-gitops.md");
    let section = page.split("\n## ").find(|section| section.starts_with(heading)).expect("the section");
    section.split("```sh\n").skip(1).filter_map(|part| part.split("```").next()).collect()
}

/// Runs the commands of a section in a shell, with the namespace of `scene` as the context's.
fn run(scene: &Scene, heading: &str, folder: &std::path::Path) {
    let script =
        format!("set -euo pipefail\nkubectl() {{ command kubectl -n \"$NS\" \"$@\"; }}\n{}", commands(heading));
    let path = format!("{}:{}", scene.plane.bin.display(), std::env::var("PATH").expect("a PATH"));
    let output = std::process::Command::new("bash")
        .args(["-c", &script])
        .current_dir(folder)
        .env("PATH", path)
        .env("NS", &scene.namespace)
        .env("KUBECONFIG", &scene.plane.admin)
        .output()
        .expect("a shell");
    let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{heading}: {said}");
}

#[tokio::test]
async fn what_is_restored_with_its_statuses_is_not_paid_or_delivered_again() {
    let folder =
        std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("backup-{:08x}", rand::random::<u32>()));
    std::fs::create_dir_all(&folder).expect("a folder");
    let mut before = Scene::new("backup", 1).await;
    shop(&before, json!({ "retention": { "completed": "1h", "rows": "2h" } })).await;
    before.order("done", "alice", "mug", 2).await;
    completes(&before, "done", 1).await;
    before.order("undone", "alice", "mug", 1).await;
    before.delivery_of("undone").await;
    before.cancel("undone").await;
    assert_eq!(before.end_of("undone").await, State::Cancelled);
    before.patch::<OrderPlatform>("default", json!({ "spec": { "intake": { "state": "Paused" } } })).await.unwrap();
    before.order("waiting", "alice", "mug", 4).await;
    before.row("waiting", State::Pending).await;
    before.row("done", State::Completed).await;
    before.row("undone", State::Cancelled).await;
    before.quiet_for(crate::harness::QUIET).await;
    run(&before, "Back up", &folder);
    before.kill_operator(0);

    let after = Scene::new("restored", 1).await;
    run(&after, "Restore", &folder);
    after.quiet_for(crate::harness::QUIET).await;
    for (name, state) in [("done", State::Completed), ("undone", State::Cancelled)] {
        let status = after.orders().get(name).await.unwrap().status.unwrap();
        assert!(status.ended_at.is_some() && status.state == Some(state), "{name}: {status:?}");
    }
    assert_eq!((after.money("alice").await, after.settled_stock("mug").await), ((9_800, 200), (98, 2)));
    let payments = after.api::<Payment>().list(&Default::default()).await.unwrap().items;
    let deliveries = after.api::<Delivery>().list(&Default::default()).await.unwrap().items;
    assert!(payments.is_empty() && deliveries.is_empty(), "{payments:?} {deliveries:?}");
    // Opened again, what had waited is placed, once, and nothing else is.
    run(&after, "Open again", &folder);
    completes(&after, "waiting", 1).await;
    assert_eq!((after.money("alice").await, after.settled_stock("mug").await), ((9_400, 600), (94, 6)));
    after.row("waiting", State::Completed).await;
}
