//! What whoever runs the operator relies on: probes, metrics, a stop in order, one kind at a time.

use jumun::domain::order::State;

use crate::harness::{Scene, wait_for};

#[tokio::test]
async fn probes_and_metrics_are_served_and_labels_are_bounded() {
    let scene = Scene::new("probes", 1).await;
    let operator = scene.operator(0);
    wait_for("readiness", || async { (operator.get("/readyz").await.0 == 200).then_some(()) }).await;
    assert_eq!(operator.get("/livez").await.0, 200);
    scene.shop().await;
    scene.product("mug", 100, 1).await;
    scene.wallet("alice", 1_000).await;
    scene.order("a-name-of-its-own", "alice", "mug", 2).await;
    assert_eq!(scene.end_of("a-name-of-its-own").await, State::OutOfStock);
    let (code, metrics) = operator.get("/metrics").await;
    assert_eq!(code, 200);
    for name in [
        "controller_runtime_reconcile_total{",
        "controller_runtime_reconcile_time_seconds_bucket{",
        "workqueue_depth{",
        "jumun_api_calls_total{",
        "jumun_cached_objects{",
        "jumun_facts_total{kind=\"Order\",reason=\"OutOfStock\"} 1",
    ] {
        assert!(metrics.contains(name), "{name} is missing:\n{metrics}");
    }
    assert!(!metrics.contains("a-name-of-its-own"), "no object's name is a label");
    scene.row("a-name-of-its-own", State::OutOfStock).await;
    scene.finish().await;
}

#[tokio::test]
async fn a_stopped_operator_finishes_its_write_and_exits_well() {
    let mut scene = Scene::new("stop", 1).await;
    scene.shop().await;
    scene.product("mug", 100, 100).await;
    scene.wallet("alice", 10_000).await;
    scene.orders_at_once(20, |n| (format!("order-{n}"), "mug".to_owned())).await;
    let pid = scene.operator(0).pid().to_string();
    assert!(std::process::Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
    let status = {
        let operator = scene.operator_mut(0);
        let deadline = std::time::Instant::now() + crate::wait::PATIENCE;
        let mut tick = tokio::time::interval(std::time::Duration::from_millis(20));
        loop {
            tick.tick().await;
            if let Some(status) = operator.exit() {
                break status;
            }
            assert!(std::time::Instant::now() < deadline, "it does not stop");
        }
    };
    assert!(status.success(), "{status}");
    scene.start_operator(&[]);
    crate::books::deliver_all(&scene, 20).await;
    assert_eq!(scene.all_ends().await["Completed"], 20);
    crate::books::rows(&scene, 20).await;
    scene.settled_stock("mug").await;
    scene.finish().await;
}

#[tokio::test]
async fn groups_of_controllers_can_run_apart_and_views_answer_alone() {
    let mut scene = Scene::new("groups", 0).await;
    scene.shop().await;
    scene.product("mug", 100, 100).await;
    scene.wallet("alice", 10_000).await;
    scene.start_operator(&["--controllers", "orderview"]);
    scene.order("order-1", "alice", "mug", 1).await;
    scene.row("order-1", State::Pending).await;
    let ledgers = scene.start_operator(&["--controllers", "store,product,wallet,payment"]);
    scene.start_operator(&["--controllers", "order,delivery"]);
    let delivery = scene.delivery_of("order-1").await.metadata.name.unwrap();
    scene.kill_operator(ledgers);
    assert!(scene.deliver(&delivery).await);
    assert_eq!(scene.end_of("order-1").await, State::Completed);
    scene.row("order-1", State::Completed).await;
    scene.start_operator(&["--controllers", "store,product,wallet,payment"]);
    scene.settled_stock("mug").await;
    scene.finish().await;
}
