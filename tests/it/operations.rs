//! What whoever runs the operator relies on: probes, metrics, a stop in order, one kind at a time.

use jumun::domain::order::State;

use crate::harness::{World, wait_for};

#[tokio::test]
async fn probes_and_metrics_are_served_and_labels_are_bounded() {
    let world = World::new("probes", 1).await;
    let operator = world.operator(0);
    wait_for("readiness", || async { (operator.get("/readyz").await.0 == 200).then_some(()) }).await;
    assert_eq!(operator.get("/livez").await.0, 200);
    world.shop().await;
    world.product("mug", 100, 1).await;
    world.wallet("alice", 1_000).await;
    world.order("a-name-of-its-own", "alice", "mug", 2).await;
    assert_eq!(world.end_of("a-name-of-its-own").await, State::OutOfStock);
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
    world.row("a-name-of-its-own", State::OutOfStock).await;
    world.finish().await;
}

#[tokio::test]
async fn a_stopped_operator_finishes_its_write_and_exits_well() {
    let mut world = World::new("stop", 1).await;
    world.shop().await;
    world.product("mug", 100, 100).await;
    world.wallet("alice", 10_000).await;
    world.orders_at_once(20, |n| (format!("order-{n}"), "mug".to_owned())).await;
    let pid = world.operator(0).pid().to_string();
    assert!(std::process::Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
    let status = {
        let operator = world.operator_mut(0);
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
    world.start_operator(&[]);
    crate::books::deliver_all(&world, 20).await;
    assert_eq!(world.all_ends().await["Completed"], 20);
    crate::books::rows(&world, 20).await;
    world.settled_stock("mug").await;
    world.finish().await;
}

#[tokio::test]
async fn groups_of_controllers_can_run_apart_and_views_answer_alone() {
    let mut world = World::new("groups", 0).await;
    world.shop().await;
    world.product("mug", 100, 100).await;
    world.wallet("alice", 10_000).await;
    world.start_operator(&["--controllers", "orderview"]);
    world.order("order-1", "alice", "mug", 1).await;
    world.row("order-1", State::Pending).await;
    let ledgers = world.start_operator(&["--controllers", "store,product,wallet,payment"]);
    world.start_operator(&["--controllers", "order,delivery"]);
    let delivery = world.delivery_of("order-1").await.metadata.name.unwrap();
    world.kill_operator(ledgers);
    assert!(world.deliver(&delivery).await);
    assert_eq!(world.end_of("order-1").await, State::Completed);
    world.row("order-1", State::Completed).await;
    world.start_operator(&["--controllers", "store,product,wallet,payment"]);
    world.settled_stock("mug").await;
    world.finish().await;
}
