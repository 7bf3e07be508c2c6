//! What people see with kubectl.

use jumun::crd::{Delivery, Order, Store, Ticket};
use jumun::domain::order::State;
use kube::api::DeleteParams;
use serde_json::json;

use crate::harness::{Scene, order, wait_for};

#[tokio::test]
async fn orders_are_read_waited_for_and_selected_with_kubectl() {
    let scene = Scene::new("kubectl", 1).await;
    scene.shop().await;
    scene.product("mug", 1_000, 10).await;
    scene.wallet("alice", 50_000).await;
    scene.order("order-1", "alice", "mug", 2).await;
    scene.order("order-2", "alice", "mug", 3).await;
    let run = |arguments: &[&str]| {
        let (ok, text) = scene.kubectl(arguments);
        assert!(ok, "kubectl {arguments:?}: {text}");
        text
    };
    let not_yet = scene.kubectl(&["wait", "--for=condition=Succeeded", "order.jumun.dev/order-1", "--timeout=1s"]);
    assert!(!not_yet.0, "an order under way does not pass for done");
    let delivery = scene.delivery_of("order-1").await.metadata.name.unwrap();
    assert!(scene.deliver(&delivery).await);
    run(&["wait", "--for=condition=Succeeded", "order.jumun.dev/order-1", "--timeout=30s"]);
    run(&["wait", "--for=jsonpath={.status.state}=Completed", "ord/order-1", "--timeout=30s"]);
    run(&["wait", "--for=condition=Ready", "store/shop", "product/mug", "wallet/alice", "--timeout=30s"]);
    scene.cancel("order-2").await;
    scene.row("order-2", State::Cancelled).await;
    scene.row("order-1", State::Completed).await;

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
        .args(["view", "-n", &scene.namespace, "--field-selector", "status.order=Cancelled"])
        .env("KUBECONFIG", &scene.plane.admin)
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.lines().count() == 2 && text.contains("order-2"), "{text}");
    scene.finish().await;
}

#[tokio::test]
async fn every_setting_of_a_platform_can_be_taken_back_by_a_server_side_apply() {
    let scene = Scene::new("taken-back", 0).await;
    let file = format!("{}/{}.json", env!("CARGO_TARGET_TMPDIR"), scene.namespace);
    let apply = |spec: serde_json::Value| {
        let metadata = json!({ "name": "default" });
        let platform =
            json!({ "apiVersion": "jumun.dev/v1alpha1", "kind": "OrderPlatform", "metadata": metadata, "spec": spec });
        std::fs::write(&file, platform.to_string()).unwrap();
        scene.kubectl(&["apply", "--server-side", "-f", &file])
    };
    for spec in [json!({ "intake": { "maxPending": 5 } }), json!({})] {
        let (ok, text) = apply(spec);
        assert!(ok, "{text}");
    }
    let (_, spec) = scene.kubectl(&["get", "op", "default", "-o", "jsonpath={.spec}"]);
    assert_eq!(spec, "{}");
    scene.finish().await;
}

/// The names that a query finds, in order.
fn found(scene: &Scene, kind: &str, selector: &str) -> Vec<String> {
    let path = if kind == "orderviews" { "{.items[*].metadata.name}" } else { "{.items[*].spec.order.name}" };
    let (ok, text) = scene.kubectl(&["get", kind, "--field-selector", selector, "-o", &format!("jsonpath={path}")]);
    assert!(ok, "{selector}: {text}");
    let mut names: Vec<String> = text.split_whitespace().map(str::to_owned).collect();
    names.sort();
    names
}

/// Each takes as many fields as it needs, and an absent one is the empty one.
#[tokio::test]
async fn each_query_that_people_make_is_one_exact_field_selector() {
    let scene = Scene::new("queries", 1).await;
    scene.store("shop", json!({ "seller": "kim", "confirmation": "Customer" })).await;
    scene.product("mug", 1_000, 100).await;
    scene.wallet("alice", 50_000).await;
    for name in ["free", "claimed", "delivered", "honoured"] {
        scene.order(name, "alice", "mug", 1).await;
        scene.row(name, State::Delivering).await;
    }
    let name_of = async |order: &str| scene.delivery_of(order).await.metadata.name.unwrap();
    let claim = json!({ "spec": { "courier": { "name": "park", "zone": "gangnam" } } });
    scene.patch::<Delivery>(&name_of("claimed").await, claim).await.unwrap();
    assert!(scene.deliver(&name_of("delivered").await).await);
    scene.row("delivered", State::Delivered).await;
    scene.cancel("honoured").await;
    scene.row("honoured", State::Cancelled).await;
    scene.cancel("delivered").await;
    // The next seller must be told first, and cannot be reached.
    let terms = json!({ "notify": { "url": "http://127.0.0.1:9/" }, "cancellation": { "sellerNotice": "Required" } });
    scene.change_store("shop", terms).await;
    scene.order("open", "alice", "mug", 1).await;
    scene.row("open", State::Delivering).await;
    scene
        .patch::<Delivery>(
            &name_of("open").await,
            json!({ "spec": { "courier": { "name": "lee", "zone": "gangnam" } } }),
        )
        .await
        .unwrap();
    scene.cancel("open").await;
    let wishes = |what: &str| found(&scene, "orderviews", &format!("spec.seller=kim,status.wish={what}"));
    wait_for("the wishes to be shown", || async {
        (wishes("Open") == ["open"] && wishes("Refused") == ["delivered"]).then_some(())
    })
    .await;
    assert_eq!(wishes("Honoured"), ["honoured"]);
    assert_eq!(wishes(""), ["claimed", "free"]);
    let claimable = "spec.zone=gangnam,spec.ready=true,spec.courier.name=,spec.hold.cause=";
    assert_eq!(found(&scene, "deliveries", claimable), ["free"]);
    assert_eq!(found(&scene, "deliveries", "spec.courier.name=park"), ["claimed", "delivered"]);
    assert_eq!(found(&scene, "deliveries", "spec.courier.name=lee"), ["open"]);
    assert_eq!(found(&scene, "deliveries", "spec.zone=mapo,spec.ready=true"), Vec::<String>::new());
    // The store on its way: the seller can be told after all.
    scene
        .patch::<Store>("shop", json!({ "spec": { "cancellation": { "sellerNotice": "BestEffort" } } }))
        .await
        .unwrap();
    scene.patch::<Delivery>(&name_of("open").await, json!({ "spec": { "progress": "PickedUp" } })).await.unwrap();
    scene.patch::<Delivery>(&name_of("open").await, json!({ "spec": { "progress": "Delivered" } })).await.unwrap();
    wait_for("the wish to be refused", || async { wishes("Open").is_empty().then_some(()) }).await;
    for order in ["open", "delivered"] {
        scene.patch::<Delivery>(&name_of(order).await, json!({ "spec": { "received": true } })).await.unwrap();
        scene.row(order, State::Completed).await;
    }
    scene.finish().await;
}

/// The commands of the README's walk, in order, but for those that are an alternative to another.
fn walk() -> Vec<String> {
    let readme = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).expect("the README");
    let section = readme.split("## One order, as each of its people sees it").nth(1).expect("the walk");
    let section = section.split("**Paying by card.**").next().expect("its end");
    let blocks = section.split("```").skip(1).step_by(2);
    let lines = blocks.flat_map(str::lines).filter(|line| !line.is_empty());
    lines.filter(|line| !line.contains("# only if") && !line.contains("# or this")).map(str::to_owned).collect()
}

#[tokio::test]
async fn the_readmes_commands_find_the_children_of_the_new_order_only() {
    let scene = Scene::new("walk", 1).await;
    let sample = concat!(env!("CARGO_MANIFEST_DIR"), "/manifests/samples/03-kitchen.yaml");
    let apply = || {
        let (ok, text) = scene.kubectl(&["apply", "-f", sample]);
        assert!(ok, "{text}");
    };
    // An order of this name was there before, and somebody keeps its children.
    apply();
    scene.row("dinner", State::Paid).await;
    scene.kitchen_step("dinner", json!({ "decision": "Accept" })).await.unwrap();
    let old = scene.delivery_of("dinner").await.metadata.name.unwrap();
    let kept = json!({ "metadata": { "finalizers": ["jumun.dev/undo", "jumun.test/kept"] } });
    scene.patch::<Ticket>(&old, kept.clone()).await.unwrap();
    scene.patch::<Delivery>(&old, kept).await.unwrap();
    scene.orders().delete("dinner", &DeleteParams::default()).await.unwrap();
    wait_for("the order to go", || async { scene.orders().get_opt("dinner").await.ok()?.is_none().then_some(()) })
        .await;
    apply();
    let paid = || async {
        let order: Order = scene.orders().get("dinner").await.ok()?;
        (order.status?.paid_at.is_some() && scene.api::<Ticket>().get(&old).await.is_ok()).then_some(())
    };
    wait_for("the new order to be paid", paid).await;
    scene.row("dinner", State::Paid).await;
    // Faster than people, so a step that is not allowed yet is tried again.
    let again = r#"kubectl() {
        for _ in $(seq 100); do out=$(command kubectl -n "$NS" "$@") && { echo "$out"; return; }; sleep 0.1; done
        return 1
    }
    "#;
    let script = format!("set -eu\n{again}\n{}", walk().join("\n"));
    let path = format!("{}:{}", scene.plane.bin.display(), std::env::var("PATH").unwrap_or_default());
    let mut command = std::process::Command::new("bash");
    command.args(["-c", &script]).env("PATH", path);
    command.env("KUBECONFIG", &scene.plane.admin).env("NS", &scene.namespace);
    let output = tokio::task::spawn_blocking(move || command.output()).await.unwrap().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{script}\n{text}");
    scene.row("dinner", State::Completed).await;
    let untouched: Ticket = scene.api().get(&old).await.unwrap();
    assert!(untouched.spec.cooking.is_none(), "the old one's children are left alone");
    let free = json!({ "metadata": { "finalizers": [] } });
    scene.patch::<Ticket>(&old, free.clone()).await.unwrap();
    scene.patch::<Delivery>(&old, free).await.unwrap();
    scene.finish().await;
}

/// One row of a table, by its name, as the columns of the header.
fn columns(scene: &Scene, arguments: &[&str], name: &str) -> std::collections::BTreeMap<String, String> {
    let (ok, table) = scene.kubectl(arguments);
    assert!(ok, "{table}");
    let header = table.lines().next().expect("a header").to_owned();
    let line = table.lines().find(|line| line.starts_with(name)).unwrap_or_else(|| panic!("no {name} in {table}"));
    let mut starts: Vec<usize> = vec![0];
    starts.extend(header.match_indices("   ").filter_map(|(at, _)| {
        let next = at + 3 + header[at + 3..].len() - header[at + 3..].trim_start().len();
        (!header[at..].trim().is_empty()).then_some(next)
    }));
    starts.dedup();
    let ends = starts.iter().skip(1).copied().chain([usize::MAX]);
    let cut = |text: &str, from: usize, to: usize| {
        text.chars().skip(from).take(to.saturating_sub(from)).collect::<String>().trim().to_owned()
    };
    starts.iter().zip(ends).map(|(from, to)| (cut(&header, *from, to), cut(line, *from, to))).collect()
}

#[tokio::test]
async fn nothing_that_waits_fails_or_lacks_money_is_blank_on_the_screen() {
    let scene = Scene::new("screen", 1).await;
    let endpoint = json!({ "url": "http://127.0.0.1:9/" });
    crate::outside::platform(&scene, None, None, json!({})).await;
    scene
        .store("shop", json!({ "seller": "kim", "notify": endpoint, "cancellation": { "sellerNotice": "Required" } }))
        .await;
    scene.product("mug", 1_000, 2).await;
    scene.wallet("alice", 50_000).await;
    scene.wallet("bob", 300).await;
    scene.order("waits", "alice", "mug", 1).await;
    scene.row("waits", State::Delivering).await;
    scene.cancel("waits").await;
    scene.create::<Order>(order("poor", "bob", "mug", 1)).await;
    scene.row("poor", State::PaymentFailed).await;
    scene.create::<Order>(order("out", "alice", "mug", 9)).await;
    scene.row("out", State::OutOfStock).await;
    let wide = |kind: &str, name: &str| columns(&scene, &["get", kind, "-o", "wide"], name);
    wait_for("the wait to be said", || async {
        wide("ord", "waits")["MESSAGE"].contains("the next is at").then_some(())
    })
    .await;
    // Which of the two was short, what there was and what was needed.
    for message in [&wide("ord", "poor")["MESSAGE"], &wide("ov", "poor")["MESSAGE"], &wide("pay", "poor")["MESSAGE"]] {
        assert!(message.contains("too little money (300 of 1000 KRW)"), "{message}");
    }
    let (order, row, payment) = (wide("ord", "out"), wide("ov", "out"), wide("pay", "out"));
    assert!(order["MESSAGE"].contains("not in stock"), "{order:?}");
    assert_eq!((row["PAYMENT"].as_str(), payment["STATE"].as_str()), ("NotCharged", "NotCharged"));
    let notice = wide("ntf", "waits");
    assert!(notice["NEXT"].starts_with("20") && notice["MESSAGE"].contains("Attempt"), "{notice:?}");
    let everything = ["sto", "prod", "wal", "ord", "pay", "dlv", "ntf", "ov", "op"];
    for kind in everything {
        let (_, table) = scene.kubectl(&["get", kind, "-o", "wide"]);
        assert!(!table.contains("<invalid>"), "{table}");
    }
    let delivery = wide("dlv", "waits");
    assert_eq!((delivery["READY"].as_str(), delivery["OUTCOME"].as_str()), ("true", ""), "{delivery:?}");
    // Nothing is undone before the seller knows: the courier goes on, and the wish comes too late.
    assert!(scene.deliver(&scene.delivery_of("waits").await.metadata.name.unwrap()).await);
    scene.row("waits", State::Completed).await;
    assert_eq!(wide("dlv", "waits")["OUTCOME"], "Confirmed");
    scene.finish().await;
}
