//! What people see with kubectl.

use jumun::domain::order::State;

use crate::harness::World;

#[tokio::test]
async fn orders_are_read_waited_for_and_selected_with_kubectl() {
    let world = World::new("kubectl", 1).await;
    world.shop().await;
    world.product("mug", 1_000, 10).await;
    world.wallet("alice", 50_000).await;
    world.order("order-1", "alice", "mug", 2).await;
    world.order("order-2", "alice", "mug", 3).await;
    let run = |arguments: &[&str]| {
        let (ok, text) = world.kubectl(arguments);
        assert!(ok, "kubectl {arguments:?}: {text}");
        text
    };
    let not_yet = world.kubectl(&["wait", "--for=condition=Succeeded", "order.jumun.dev/order-1", "--timeout=1s"]);
    assert!(!not_yet.0, "an order under way does not pass for done");
    let delivery = world.delivery_of("order-1").await.metadata.name.unwrap();
    assert!(world.deliver(&delivery).await);
    run(&["wait", "--for=condition=Succeeded", "order.jumun.dev/order-1", "--timeout=30s"]);
    run(&["wait", "--for=jsonpath={.status.state}=Completed", "ord/order-1", "--timeout=30s"]);
    run(&["wait", "--for=condition=Ready", "store/shop", "product/mug", "wallet/alice", "--timeout=30s"]);
    world.cancel("order-2").await;
    world.row("order-2", State::Cancelled).await;
    world.row("order-1", State::Completed).await;

    let table = run(&["get", "orderviews"]);
    let header: Vec<&str> = table.lines().next().unwrap().split_whitespace().collect();
    assert_eq!(header, ["NAME", "CUSTOMER", "STORE", "AMOUNT", "ORDER", "PAYMENT", "DELIVERY", "AGE"]);
    let wide = run(&["get", "ov", "-o", "wide"]);
    assert!(wide.lines().next().unwrap().contains("WAITING-FOR"));
    let selected = |selector: &str| run(&["get", "orderviews", "--field-selector", selector, "-o", "name"]);
    assert_eq!(selected("status.cancelRequested=true").trim(), "orderview.jumun.dev/order-2");
    assert_eq!(selected("status.order=Completed,spec.customer=alice").trim(), "orderview.jumun.dev/order-1");
    assert_eq!(selected("spec.seller=kim").lines().count(), 2);
    assert_eq!(selected("status.payment=Cancelled").lines().count(), 1);
    let jobs = run(&["get", "deliveries", "--field-selector", "spec.zone=gangnam,spec.ready=true", "-o", "name"]);
    assert_eq!(jobs.lines().count(), 2);
    let explained = run(&["explain", "order.spec", "--api-version=jumun.dev/v1alpha1", "--recursive"]);
    assert!(explained.contains("deliverTo") && explained.contains("-required-"));
    let everything = run(&["get", "jumun", "-o", "name"]);
    assert!(everything.contains("order.jumun.dev/order-1") && everything.contains("wallet.jumun.dev/alice"));

    let output = std::process::Command::new(env!("CARGO_BIN_EXE_jumun"))
        .args(["view", "-n", &world.namespace, "--field-selector", "status.order=Cancelled"])
        .env("KUBECONFIG", &world.plane.admin)
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.lines().count() == 2 && text.contains("order-2"), "{text}");
    world.finish().await;
}
