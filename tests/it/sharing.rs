//! Several processes share the work, and nothing rests on their agreeing about it.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jumun::crd::Order;
use k8s_openapi::api::rbac::v1::ClusterRole;
use kube::Api;
use kube::api::{ListParams, PostParams};
use serde_json::json;

use crate::books::rows;
use crate::harness::{Scene, order, wait_for};
use crate::outside::{Card, Endpoint, by_card, platform};

/// Products and wallets that the orders of a test are spread over.
const SPREAD: usize = 8;

/// A warehouse whose seller is told of every wish, products and wallets.
pub async fn open(scene: &Scene, seller: &Endpoint, card: &Card) {
    platform(scene, Some(card), None, json!({})).await;
    let cancellation = json!({ "sellerNotice": "Required" });
    let store = json!({ "seller": "kim", "notify": { "url": seller.url() }, "cancellation": cancellation });
    scene.store("shop", store).await;
    for n in 0..SPREAD {
        scene.product(&format!("product-{n}"), 10, 10_000).await;
        scene.wallet(&format!("customer-{n}"), 1_000_000).await;
    }
}

/// Places `count` orders at once; one of four is paid by card.
pub async fn place(scene: &Scene, batch: &str, count: usize) {
    let placed = (0..count).map(|n| {
        let (name, product) = (format!("{batch}-{n}"), format!("product-{}", n % SPREAD));
        scene.create::<Order>(match n % 4 {
            3 => by_card(&name, &product, 1),
            _ => order(&name, &format!("customer-{}", (n / 2) % SPREAD), &product, 1),
        })
    });
    futures::future::join_all(placed).await;
}

/// Whether the customer of this order takes it back instead of receiving it.
fn is_cancelled(order: &str) -> bool {
    let number = order.rsplit_once('-').and_then(|(_, number)| number.parse::<usize>().ok());
    number.expect("a number").is_multiple_of(5)
}

/// Couriers deliver, and customers cancel, until every order has ended.
pub async fn carry(scene: &Scene) {
    // What was placed a moment ago the recorder may not have heard of.
    let placed = scene.orders().list(&ListParams::default()).await.expect("orders").items.len();
    let done = RefCell::new(BTreeSet::new());
    wait_for("the end of every order", || async {
        let deliveries = scene.recorder.standing("Delivery");
        let names = deliveries.iter().filter(|delivery| delivery["spec"]["ready"] == true);
        let names = names.filter_map(|delivery| delivery["metadata"]["name"].as_str());
        let open: Vec<&str> = names.filter(|name| !done.borrow().contains(*name)).collect();
        futures::future::join_all(open.into_iter().map(|name| {
            let (done, order) = (&done, name.rsplit_once('-').expect("a hash").0);
            async move {
                if is_cancelled(order) {
                    scene.cancel(order).await;
                    done.borrow_mut().insert(name.to_owned());
                } else if scene.deliver(name).await {
                    done.borrow_mut().insert(name.to_owned());
                }
            }
        }))
        .await;
        let orders = scene.recorder.standing("Order");
        let ended = orders.iter().filter(|order| order["status"]["endedAt"].is_string()).count();
        (ended == placed).then_some(())
    })
    .await;
}

/// The sum of a metric over its labels, where they contain this text.
pub async fn figure(scene: &Scene, operator: usize, metric: &str, labels: &str) -> u64 {
    let (_, metrics) = scene.operator(operator).get("/metrics").await;
    let lines = metrics.lines().filter(|line| line.starts_with(&format!("{metric}{{")) && line.contains(labels));
    lines.map(|line| line.rsplit_once(' ').expect("a sample").1.parse::<u64>().expect("a count")).sum()
}

/// Waits until each of these operators leaves a share to all others, and each ledger is the work of exactly one of them.
pub async fn agree(scene: &Scene, operators: &[usize]) {
    wait_for("the replicas to agree", || async {
        let mut own = 0;
        for operator in operators {
            let sharing = figure(scene, *operator, "jumun_sharing_members", "\"Product\"").await;
            if sharing != operators.len() as u64 {
                return None;
            }
            own += figure(scene, *operator, "jumun_own_objects", "\"Product\"").await;
        }
        (own == SPREAD as u64).then_some(())
    })
    .await;
}

/// What operators wrote while orders were carried.
struct Written {
    /// Statuses of orders, by operator.
    orders: Vec<u64>,
    conflicts: u64,
    writes: u64,
}

impl Written {
    /// What came of calls between two readings.
    fn between(before: &[BTreeMap<String, u64>], after: &[BTreeMap<String, u64>]) -> Self {
        let sum = |at: usize, is: &dyn Fn(&str) -> bool| -> u64 {
            let grown = |(labels, count): (&String, &u64)| count - before[at].get(labels).copied().unwrap_or_default();
            after[at].iter().filter(|(labels, _)| is(labels)).map(grown).sum()
        };
        let all = |is: &dyn Fn(&str) -> bool| -> u64 { (0..after.len()).map(|at| sum(at, is)).sum() };
        let ours = |labels: &str| !labels.contains("\"Lease\"") && !labels.contains("\"list\"");
        let order = |labels: &str| {
            labels.contains("\"Order\"") && labels.contains("replace_status") && labels.contains("\"ok\"")
        };
        Self {
            orders: (0..after.len()).map(|at| sum(at, &order)).collect(),
            conflicts: all(&|labels| labels.contains("\"conflict\"")),
            writes: all(&|labels| ours(labels) && labels.contains("\"ok\"")),
        }
    }

    /// Each operator wrote about as many orders as the others.
    fn assert_shared(&self) {
        let sum: u64 = self.orders.iter().sum();
        let fair = sum / self.orders.len() as u64;
        assert!(self.orders.iter().all(|own| (fair / 4..fair * 2).contains(own)), "{:?}", self.orders);
    }
}

async fn calls(scene: &Scene, operators: &[usize]) -> Vec<BTreeMap<String, u64>> {
    futures::future::join_all(operators.iter().map(|operator| scene.operator(*operator).calls())).await
}

/// What four operators write for a batch of orders.
async fn four_carry(name: &str, arguments: &[&str]) -> Written {
    const ORDERS: usize = 80;
    let (seller, card) = (Endpoint::start().await, Card::start().await);
    let mut scene = Scene::new(name, 0).await;
    open(&scene, &seller, &card).await;
    let operators: Vec<usize> = (0..4).map(|_| scene.start_operator(arguments)).collect();
    if arguments.is_empty() {
        agree(&scene, &operators).await;
    }
    for operator in &operators {
        wait_for("the caches", || async { (scene.operator(*operator).get("/readyz").await.0 == 200).then_some(()) })
            .await;
    }
    let before = calls(&scene, &operators).await;
    place(&scene, "order", ORDERS).await;
    carry(&scene).await;
    rows(&scene, ORDERS).await;
    let written = Written::between(&before, &calls(&scene, &operators).await);
    println!("{name}: {} conflicts beside {} writes, orders {:?}", written.conflicts, written.writes, written.orders);
    assert_eq!(card.moved(), (ORDERS as u32 / 4, ORDERS as u32 / 20));
    assert!(seller.copies().values().all(|count| *count == 1), "{:?}", seller.copies());
    scene.finish().await;
    written
}

#[tokio::test]
async fn four_replicas_have_a_share_each_and_hardly_meet() {
    let shared = four_carry("shared", &[]).await;
    shared.assert_shared();
    let unshared = four_carry("unshared", &["--test-unshared"]).await;
    assert!(shared.conflicts * 20 <= shared.writes, "{} of {}", shared.conflicts, shared.writes);
    assert!(shared.conflicts * 5 <= unshared.conflicts, "{} and {}", shared.conflicts, unshared.conflicts);
}

#[tokio::test]
async fn replicas_that_die_join_and_freeze_under_load_lose_nothing_and_share_again() {
    const EACH: usize = 60;
    let (seller, card) = (Endpoint::start().await, Card::start().await);
    let mut scene = Scene::new("replicas", 4).await;
    open(&scene, &seller, &card).await;
    agree(&scene, &[0, 1, 2, 3]).await;
    let under_way = async |scene: &Scene, known: usize| {
        wait_for("orders under way", || async { (scene.recorder.standing("Payment").len() > known).then_some(()) })
            .await;
    };

    place(&scene, "killed", EACH).await;
    under_way(&scene, 5).await;
    scene.kill_operator(0);
    scene.kill_operator(1);
    carry(&scene).await;

    place(&scene, "joined", EACH).await;
    under_way(&scene, EACH + 5).await;
    let operators = [2, 3, scene.start_operator(&[]), scene.start_operator(&[])];
    carry(&scene).await;

    place(&scene, "frozen", EACH).await;
    scene.operator(2).freeze().await;
    carry(&scene).await;
    place(&scene, "thawed", EACH).await;
    scene.operator(2).thaw();
    carry(&scene).await;

    agree(&scene, &operators).await;
    let before = calls(&scene, &operators).await;
    place(&scene, "calm", EACH).await;
    carry(&scene).await;
    let written = Written::between(&before, &calls(&scene, &operators).await);
    println!(
        "in the end: {} conflicts beside {} writes, orders {:?}",
        written.conflicts, written.writes, written.orders
    );
    written.assert_shared();

    let (all, cancelled) = (5 * EACH, 5 * EACH / 5);
    let ends = scene.all_ends().await;
    assert_eq!((ends["Completed"], ends["Cancelled"], ends.len()), (all - cancelled, cancelled, 2), "{ends:?}");
    assert_eq!(card.moved(), (all as u32 / 4, all as u32 / 20), "each card was charged once and refunded once");
    let copies = seller.copies();
    assert!(copies.values().all(|count| *count <= 2), "{copies:?}");
    let twice = copies.values().filter(|count| **count == 2).count();
    assert!(twice <= 3, "one copy more for each that died or was frozen in the middle of a call: {twice}");
    rows(&scene, all).await;
    let mut sold = 0;
    for n in 0..SPREAD {
        sold += scene.settled_stock(&format!("product-{n}")).await.1;
    }
    assert_eq!(sold, (all - cancelled) as i64);
    scene.finish().await;
}

#[tokio::test]
async fn a_member_that_cannot_renew_its_lease_costs_nothing_but_time() {
    let (seller, card) = (Endpoint::start().await, Card::start().await);
    let mut scene = Scene::new("no-renewal", 1).await;
    open(&scene, &seller, &card).await;
    let roles: Api<ClusterRole> = Api::all(scene.client.clone());
    let mut less = serde_json::to_value(roles.get("jumun").await.expect("the role of the manifest")).unwrap();
    less["metadata"] = json!({ "name": scene.namespace });
    for rule in less["rules"].as_array_mut().unwrap() {
        if rule["resources"] == json!(["leases"]) {
            rule["verbs"] = json!(["get", "list", "watch", "create", "delete"]);
        }
    }
    roles.create(&PostParams::default(), &serde_json::from_value(less).unwrap()).await.unwrap();
    let kubeconfig = scene.plane.account(&scene.namespace);
    let mute = scene.start_operator_as(&kubeconfig);
    let denied = || figure(&scene, mute, "jumun_api_calls_total", "kind=\"Lease\",verb=\"patch\",result=\"error\"");
    wait_for("a renewal that is denied", || async { (denied().await > 0).then_some(()) }).await;
    for batch in ["first", "second", "third"] {
        place(&scene, batch, 20).await;
        carry(&scene).await;
        // By the next batch it has been taken for dead, or is about to be.
        scene.quiet_for(Duration::from_secs(6)).await;
    }
    rows(&scene, 60).await;
    assert_eq!(card.moved(), (15, 3));
    assert!(seller.copies().values().all(|count| *count == 1), "{:?}", seller.copies());
    scene.finish().await;
}
