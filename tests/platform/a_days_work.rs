//! A namespace in which everything happens that rights are granted for: the test of rights holds what was granted against
//! what all tests have used, and most of them never wait until an order is forgotten.

use axum::Router;
use axum::http::StatusCode;
use jumun::crd::{Delivery, Notification, Order, OrderPlatform, OrderView, Payment, Product, Store, Ticket, Wallet};
use jumun::domain::order::State;
use jumun::domain::ticket;
use k8s_openapi::api::coordination::v1::Lease;
use kube::Resource;
use kube::api::{DeleteParams, ListParams};
use kube::core::NamespaceResourceScope;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::harness::{Scene, order, wait_for};
use crate::platform::{LIVE, Platform, groups, quick};
use crate::testbed::bed;

/// An endpoint that takes every message, where pods can reach it; gives its address.
async fn endpoint() -> String {
    let listener = tokio::net::TcpListener::bind("10.96.0.1:0").await.expect("a port");
    let url = format!("http://{}/hook", listener.local_addr().expect("an address"));
    let router = Router::new().fallback(|| async { StatusCode::NO_CONTENT });
    tokio::spawn(async move { axum::serve(listener, router).await.expect("served") });
    url
}

/// How many objects of a kind an order has.
async fn of_order<K>(scene: &Scene, order: &str) -> usize
where
    K: Resource<Scope = NamespaceResourceScope, DynamicType = ()> + Clone + DeserializeOwned + std::fmt::Debug,
{
    let params = ListParams::default().labels(&format!("jumun.dev/order={order}"));
    scene.api::<K>().list(&params).await.expect("a list").items.len()
}

/// A kitchen and a warehouse, each with something to sell, and a customer.
async fn shops(scene: &Scene, url: &str) {
    let kitchen = json!({
        "seller": "kim", "fulfilment": "Kitchen", "notify": { "url": url }, "cancellation": { "sellerNotice": "Required" },
    });
    scene.store("shop", kitchen).await;
    scene.store("depot", json!({ "seller": "lee", "cancellation": { "until": "Delivered" } })).await;
    for (store, name) in [("shop", "stew"), ("depot", "mug")] {
        let spec = json!({ "store": store, "price": { "amount": 1_000, "currency": "KRW" }, "stock": 100 });
        scene.create::<Product>(json!({ "metadata": { "name": name }, "spec": spec })).await;
    }
    scene.wallet("alice", 100_000).await;
}

/// Waits until the collector of garbage knows our kinds: before that it would take an order's children for garbage once the
/// order is gone, and not let go of them first. It looks for kinds every half minute.
async fn garbage_is_collected(scene: &Scene) {
    let owner = json!({ "apiVersion": "v1", "kind": "ConfigMap", "name": "absent", "uid": "d1f0f2f4-0000-4000-8000-00000000000f" });
    let metadata = json!({ "name": "stray", "ownerReferences": [owner] });
    scene.create::<Store>(json!({ "metadata": metadata, "spec": { "seller": "kim" } })).await;
    wait_for("a store whose owner is not there to be collected", || async {
        scene.api::<Store>().get_opt("stray").await.ok()?.is_none().then_some(())
    })
    .await;
}

/// The kitchen's part of an order.
async fn cook(scene: &Scene, order: &str, steps: &[Value]) {
    for step in steps {
        scene.kitchen_step(order, step.clone()).await.expect("a step of the kitchen");
    }
}

/// Brings what is cooked.
async fn bring(scene: &Scene, order: &str) {
    let delivery = scene.delivery_of(order).await.metadata.name.expect("a name");
    wait_for(&format!("the courier of {order}"), || async { scene.deliver(&delivery).await.then_some(()) }).await;
    assert_eq!(scene.end_of(order).await, State::Completed);
    scene.row(order, State::Completed).await;
}

fn cooked() -> [Value; 3] {
    [json!({ "decision": "Accept" }), json!({ "cooking": "Started" }), json!({ "cooking": "Finished" })]
}

/// An admission policy of the namespace that refuses writes of some resources whose name begins with a word.
struct Refusal<'a> {
    scene: &'a Scene,
    name: String,
    file: String,
}

impl<'a> Refusal<'a> {
    /// Refuses them from now on.
    async fn of(scene: &'a Scene, word: &str, resources: &[&str]) -> Self {
        let name = format!("{}-{word}-{:04x}", scene.namespace, rand::random::<u16>());
        let rule = |group: &str, version: &str, resources: &[&str]| {
            json!({
                "apiGroups": [group], "apiVersions": [version], "operations": ["CREATE", "UPDATE"], "resources": resources,
            })
        };
        // A ConfigMap of its name that nobody makes tells whether it is in force: of several policies that refuse one object
        // the API server names one.
        let rules = [rule("jumun.dev", "v1alpha1", resources), rule("", "v1", &["configmaps"])];
        let expression = format!("!object.metadata.name.startsWith('{word}') && object.metadata.name != '{name}'");
        let policy = json!({
            "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingAdmissionPolicy",
            "metadata": { "name": name },
            "spec": {
                "matchConstraints": { "resourceRules": rules },
                "validations": [{ "expression": expression, "message": format!("refused by {name}") }],
            },
        });
        let here = json!({ "matchLabels": { "kubernetes.io/metadata.name": scene.namespace } });
        let binding = json!({
            "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingAdmissionPolicyBinding",
            "metadata": { "name": name },
            "spec": { "policyName": name, "validationActions": ["Deny"], "matchResources": { "namespaceSelector": here } },
        });
        let file = format!("{}/{name}.json", env!("CARGO_TARGET_TMPDIR"));
        let list = json!({ "apiVersion": "v1", "kind": "List", "items": [policy, binding] });
        std::fs::write(&file, list.to_string()).expect("written");
        let refusal = Self { scene, name, file };
        refusal.kubectl("apply");
        wait_for("the policy to be in force", || async { refusal.refuses().then_some(()) }).await;
        refusal
    }

    fn kubectl(&self, verb: &str) {
        let (done, said) = self.scene.kubectl(&[verb, "-f", &self.file]);
        assert!(done, "{said}");
    }

    fn refuses(&self) -> bool {
        let (_, said) = self.scene.kubectl(&["create", "configmap", &self.name, "--dry-run=server"]);
        said.contains(&format!("refused by {}", self.name))
    }

    async fn lift(self) {
        self.kubectl("delete");
        wait_for("the policy to be out of force", || async { (!self.refuses()).then_some(()) }).await;
    }
}

/// Puts the status of an object in other words than this version would: it is patched from then on, and replaced no more.
fn reword(scene: &Scene, kind: &str, name: &str) {
    let first = "jsonpath={.status.conditions[0].type}";
    let (done, condition) = scene.kubectl(&["get", kind, name, "-o", first]);
    assert!(done, "{condition}");
    let (type_, patch) = if condition.is_empty() {
        ("--type=merge", json!({ "status": { "observedGeneration": 0, "conditions": [] } }))
    } else {
        let path = "/status/conditions/0/lastTransitionTime";
        ("--type=json", json!([{ "op": "replace", "path": path, "value": "2026-11-01T00:00:00.5Z" }]))
    };
    let (done, said) = scene.kubectl(&["patch", kind, name, "--subresource=status", type_, "-p", &patch.to_string()]);
    assert!(done, "{said}");
}

/// How often each refused write was told as an Event: by the kind that it is about, and a word of its note.
async fn told(scene: &Scene, kind: &str, word: &str, times: usize) {
    wait_for(&format!("{times} Events of a {kind} about {word}"), || async {
        let selector = format!("reason=WriteDenied,regarding.kind={kind}");
        let arguments = ["get", "events.events.k8s.io", "--field-selector", &selector, "-o", "json"];
        let list: Value = serde_json::from_str(&scene.kubectl(&arguments).1).ok()?;
        let about = |event: &&Value| event["note"].as_str().is_some_and(|note| note.contains(word));
        let count = |event: &Value| event["series"]["count"].as_u64().unwrap_or(1) as usize;
        let most = list["items"].as_array()?.iter().filter(about).map(count).max();
        (most.unwrap_or(0) >= times).then_some(())
    })
    .await;
}

/// Changes the objects, so that what was refused is tried again at once and not half a minute later.
fn touch(scene: &Scene, resources: &str) {
    let touched = format!("touched={:08x}", rand::random::<u32>());
    let (done, said) = scene.kubectl(&["annotate", resources, "--all", "--overwrite", &touched]);
    assert!(done, "{said}");
}

/// Writes are refused, told as Events, and told again: of an order, of its children, and of another's row, whose Event is
/// about the order, too.
async fn refusals(scene: &Scene) {
    let children = ["tickets/status", "notifications/status"];
    let orders = Refusal::of(scene, "denied", &["orders/status"]).await;
    let statuses = Refusal::of(scene, "denied", &children).await;
    let rows = Refusal::of(scene, "unseen", &["orderviews"]).await;
    for name in ["denied-1", "denied-2", "unseen"] {
        scene.order(name, "alice", "stew", 1).await;
    }
    told(scene, "Order", "Order denied-1", 1).await;
    told(scene, "Order", "OrderView unseen", 1).await;
    orders.lift().await;
    touch(scene, "orders");
    told(scene, "Ticket", "Ticket denied-2", 1).await;
    told(scene, "Notification", "Notification denied-1", 1).await;
    statuses.lift().await;
    rows.lift().await;
    touch(scene, "orders,tickets,notifications");
    for name in ["denied-1", "denied-2", "unseen"] {
        scene.kitchen_step(name, json!({ "decision": "Accept" })).await.expect("accepted");
        scene.row(name, State::Accepted).await;
        // Only once it was written is a refusal another one.
        wait_for(&format!("the Ticket of {name} to say so"), || async {
            (scene.ticket_of(name).await.status?.state == Some(ticket::State::Accepted)).then_some(())
        })
        .await;
    }
    let statuses = Refusal::of(scene, "denied", &["orders/status", "tickets/status"]).await;
    let rows = Refusal::of(scene, "unseen", &["orderviews"]).await;
    scene.cancel("denied-1").await;
    scene.cancel("unseen").await;
    cook(scene, "denied-2", &[json!({ "cooking": "Started" })]).await;
    told(scene, "Order", "Order denied-1", 2).await;
    told(scene, "Ticket", "Ticket denied-2", 2).await;
    told(scene, "Order", "OrderView unseen", 2).await;
    statuses.lift().await;
    rows.lift().await;
    touch(scene, "orders,tickets");
    for name in ["denied-1", "unseen"] {
        assert_eq!(scene.end_of(name).await, State::Cancelled);
    }
    cook(scene, "denied-2", &[json!({ "cooking": "Finished" })]).await;
    bring(scene, "denied-2").await;
}

/// Waits until the namespace has as many Leases; where there are others to tell that it lives, each is renewed.
async fn leases(scene: &Scene, count: usize, renewed: bool) {
    wait_for(&format!("{count} Leases, renewed: {renewed}"), || async {
        let leases = scene.api::<Lease>().list(&ListParams::default()).await.ok()?.items;
        let again = |lease: &Lease| lease.spec.as_ref().is_some_and(|spec| spec.renew_time.is_some());
        (leases.len() == count && (!renewed || leases.iter().all(again))).then_some(())
    })
    .await;
}

/// Orders of every way, from the platform's first to the last that is remembered of them; by one process, as another would
/// do what is refused to it, and tell it in its own Event.
async fn at_work(name: &str, controllers: Value) {
    let url = endpoint().await;
    let spec = json!({
        "image": LIVE, "probes": quick(), "config": { "JUMUN_LINGER_SECONDS": "120" },
        "notifications": { "customers": { "url": url } },
        "payment": { "providers": [{ "name": "card", "url": "http://pay.example" }] },
        "workloads": { "controllers": controllers },
    });
    let platform = Platform::new(bed().await, name, spec).await;
    platform.says("Ready", "True", "").await;
    let scene = &platform.scene;
    shops(scene, &url).await;
    // Orphaned by whoever deletes their order, what is left of it goes by itself, two minutes later.
    for name in ["orphaned", "served"] {
        scene.order(name, "alice", "stew", 1).await;
        cook(scene, name, &cooked()).await;
        bring(scene, name).await;
    }
    garbage_is_collected(scene).await;
    scene.api::<Order>().delete("orphaned", &DeleteParams::orphan()).await.expect("deleted");
    // A wish before the meal is cooked, and one while the courier is asked for.
    scene.order("early", "alice", "stew", 1).await;
    scene.ticket_of("early").await;
    scene.cancel("early").await;
    let mut late = order("late", "alice", "mug", 1);
    late["spec"]["store"] = "depot".into();
    scene.create::<Order>(late).await;
    let delivery = scene.delivery_of("late").await.metadata.name.expect("a name");
    let payment = scene.payment_of("late").await.metadata.name.expect("a name");
    let worded = [
        ("product", "mug"),
        ("wallet", "alice"),
        ("pay", &payment),
        ("dlv", &delivery),
        ("store", "depot"),
        ("op", "default"),
    ];
    worded.iter().for_each(|(kind, name)| reword(scene, kind, name));
    scene.cancel("late").await;
    scene.change_store("depot", json!({ "intake": "Hold" })).await;
    for name in ["early", "late"] {
        assert_eq!(scene.end_of(name).await, State::Cancelled);
        scene.row(name, State::Cancelled).await;
    }
    refusals(scene).await;
    // Retention takes what is over, and a row once its order's Payment is gone; then the ledgers are let go of by hand.
    let retention = json!({ "retention": { "completed": "1s", "rows": "2s" } });
    scene.patch::<OrderPlatform>("default", json!({ "spec": retention })).await.expect("taken");
    wait_for("what was orphaned to go", || async {
        let left = of_order::<Payment>(scene, "orphaned").await + of_order::<Ticket>(scene, "orphaned").await;
        let left = left + of_order::<Delivery>(scene, "orphaned").await;
        (left + of_order::<Notification>(scene, "orphaned").await == 0).then_some(())
    })
    .await;
    wait_for("orders and rows to be forgotten", || async {
        let orders = scene.api::<Order>().list(&ListParams::default()).await.ok()?.items.len();
        let rows = scene.api::<OrderView>().list(&ListParams::default()).await.ok()?.items.len();
        (orders + rows == 0).then_some(())
    })
    .await;
    scene.api::<Product>().delete("mug", &DeleteParams::default()).await.expect("deleted");
    scene.api::<Wallet>().delete("alice", &DeleteParams::default()).await.expect("deleted");
    wait_for("the ledgers to go", || async {
        let product = scene.api::<Product>().get_opt("mug").await.ok()?;
        let wallet = scene.api::<Wallet>().get_opt("alice").await.ok()?;
        (product.is_none() && wallet.is_none()).then_some(())
    })
    .await;

    // Each of two processes renews its Lease; one that leaves takes its own away.
    let alone = scene.api::<Lease>().list(&ListParams::default()).await.expect("Leases").items.len();
    platform.set(json!({ "workloads": { "controllers": { "replicas": 2 } } })).await;
    leases(scene, 2 * alone, true).await;
    platform.set(json!({ "workloads": { "controllers": { "replicas": 1 } } })).await;
    leases(scene, alone, false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn all_that_rights_are_granted_for_happens_in_one_process() {
    at_work("work", json!({ "replicas": 1 })).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn all_that_rights_are_granted_for_happens_in_processes_with_rights_of_their_own() {
    at_work("divided-work", json!({ "replicas": 1, "groups": groups() })).await;
}
