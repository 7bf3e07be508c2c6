//! The raw rates of the API server: a minimal client writes objects of the same kinds and sizes, with the same rights and
//! as many watches as the operator has, one verb after the other, as fast as it goes.

use std::collections::{BTreeMap, HashMap};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use futures::StreamExt;
use k8s_openapi::api::core::v1::Namespace;
use kube::api::{ApiResource, DeleteParams, DynamicObject, Patch, PatchParams, PostParams};
use kube::core::GroupVersionKind;
use kube::runtime::watcher;
use kube::{Api, Client};
use serde_json::{Value, json};

use crate::plane::{Plane, config};

/// How many verbs are measured.
pub const VERBS: usize = 12;
const AT_ONCE: usize = 16;
const KINDS: [(&str, &str); 7] = [
    ("Store", "stores"),
    ("Product", "products"),
    ("Wallet", "wallets"),
    ("Order", "orders"),
    ("Payment", "payments"),
    ("Delivery", "deliveries"),
    ("OrderView", "orderviews"),
];
const UID: &str = "d1f0f2f4-0000-4000-8000-000000000001";
const AT: &str = "2026-11-21T07:10:00.123Z";

/// Writes a second by kind and verb, such as `Order replace_status`.
pub type Rates = BTreeMap<String, f64>;

struct Raw {
    client: Client,
    namespace: String,
    limit: Duration,
    rates: Rates,
    /// The version at which each object stands, by kind and number.
    versions: Mutex<HashMap<(String, usize), String>>,
}

/// Measures every verb for `limit`, in a namespace of this name.
pub async fn measure(plane: &Plane, name: &str, limit: Duration) -> Rates {
    let namespace = format!("bench-{name}");
    let admin = Client::try_from(config(&plane.admin).await).expect("client");
    let object = serde_json::from_value(json!({ "metadata": { "name": namespace } })).expect("namespace");
    Api::<Namespace>::all(admin).create(&PostParams::default(), &object).await.expect("namespace created");
    let client = Client::try_from(config(&plane.actors()).await).expect("client");
    let watches = watch_all(&client, &namespace);
    let first = Duration::from_millis(500);
    let mut raw = Raw { client, namespace, limit: first, rates: Rates::new(), versions: Mutex::default() };
    // The first requests wait for what the API server prepares for new kinds, policies and accounts.
    raw.create("Order", |number| named(order(number), "warm")).await;
    raw.limit = limit;
    let orders = raw.create("Order", order).await;
    raw.replace_status("Order", orders, order_status()).await;
    let products = raw.create("Product", product).await;
    raw.replace_status("Product", products, ledger("quantity")).await;
    let wallets = raw.create("Wallet", wallet).await;
    raw.replace_status("Wallet", wallets, ledger("amount")).await;
    let payments = raw.create("Payment", payment).await;
    raw.replace_status("Payment", payments, ended("Approved", "approvedAt", true)).await;
    let deliveries = raw.create("Delivery", delivery).await;
    let claim = json!({ "spec": { "courier": { "name": "park", "zone": "gangnam" }, "progress": "PickedUp" } });
    raw.patch("Delivery", deliveries, claim).await;
    // Of the size of a confirmed one, which only what was delivered may say.
    raw.replace_status("Delivery", deliveries, ended("Cancelled", "cancelledAt", false)).await;
    let views = raw.create("OrderView", view).await;
    raw.patch("OrderView", views, json!({ "status": row("Completed", "Confirmed") })).await;
    raw.delete("OrderView", views).await;
    watches.abort();
    raw.rates
}

/// What this reading and the one at the other end of a block have in common, as one rate for each verb.
pub fn mean(readings: &[Rates]) -> Rates {
    let names = readings.first().into_iter().flat_map(Rates::keys);
    // Rates are times upside down: their mean is the harmonic one.
    let mean = |name: &String| readings.len() as f64 / readings.iter().map(|rates| 1.0 / rates[name]).sum::<f64>();
    names.map(|name| (name.clone(), mean(name))).collect()
}

/// As many watches as an operator of one namespace has.
fn watch_all(client: &Client, namespace: &str) -> tokio::task::JoinHandle<()> {
    let streams = KINDS.map(|(kind, _)| {
        let resource = resource(kind);
        let api: Api<DynamicObject> = Api::namespaced_with(client.clone(), namespace, &resource);
        watcher::watcher(api, watcher::Config::default()).boxed()
    });
    tokio::spawn(futures::stream::select_all(streams).for_each(|_| async {}))
}

fn resource(kind: &str) -> ApiResource {
    let plural = KINDS.iter().find(|(k, _)| *k == kind).map_or("", |(_, plural)| plural);
    ApiResource::from_gvk_with_plural(&GroupVersionKind::gvk("jumun.dev", "v1alpha1", kind), plural)
}

impl Raw {
    fn api(&self, kind: &str) -> Api<DynamicObject> {
        Api::namespaced_with(self.client.clone(), &self.namespace, &resource(kind))
    }

    /// Repeats `call` with rising numbers below `most`, and the version at which that one stands, until the time is over; notes the
    /// rate, gives how many there were.
    async fn rate<F: Future<Output = kube::Result<Option<DynamicObject>>>>(
        &mut self,
        kind: &str,
        verb: &str,
        most: usize,
        call: impl Fn(usize, Option<String>) -> F,
    ) -> usize {
        let (next, started, limit, name) = (AtomicUsize::new(0), Instant::now(), self.limit, format!("{kind} {verb}"));
        let versions = || self.versions.lock().expect("versions");
        let worker = || async {
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= most || started.elapsed() > limit {
                    return;
                }
                let seen = versions().get(&(kind.to_owned(), number)).cloned();
                let now = call(number, seen).await.unwrap_or_else(|error| panic!("{name} {number}: {error}"));
                if let Some(version) = now.and_then(|object| object.metadata.resource_version) {
                    versions().insert((kind.to_owned(), number), version);
                }
            }
        };
        futures::future::join_all((0..AT_ONCE).map(|_| worker())).await;
        let count = next.load(Ordering::Relaxed) - AT_ONCE;
        let rate = count as f64 / started.elapsed().as_secs_f64();
        crate::say(&format!("  {name}: {rate:.0}/s"));
        self.rates.insert(name, rate);
        count
    }

    async fn create(&mut self, kind: &str, object: impl Fn(usize) -> Value) -> usize {
        let (api, api_version, kind_name) = (self.api(kind), "jumun.dev/v1alpha1", kind.to_owned());
        self.rate(kind, "create", usize::MAX, |number, _| {
            let mut object = object(number);
            object["apiVersion"] = json!(api_version);
            object["kind"] = json!(kind_name);
            let prefix = object["metadata"]["name"].as_str().unwrap_or("raw").to_owned();
            object["metadata"]["name"] = json!(format!("{prefix}-{number}"));
            let (api, object) = (api.clone(), serde_json::from_value(object).expect("well-formed"));
            async move { Ok(Some(api.create(&PostParams::default(), &object).await?)) }
        })
        .await
    }

    async fn patch(&mut self, kind: &str, most: usize, patch: Value) {
        let api = self.api(kind);
        self.rate(kind, "patch", most, |number, _| {
            let (api, patch, name) = (api.clone(), Patch::Merge(patch.clone()), format!("raw-{number}"));
            async move { api.patch(&name, &PatchParams::default(), &patch).await.map(Some) }
        })
        .await;
    }

    /// As the operator does: of the one version that is known, by its status alone.
    async fn replace_status(&mut self, kind: &str, most: usize, object: Value) {
        let api = self.api(kind);
        let namespace = self.namespace.clone();
        self.rate(kind, "replace_status", most, |number, version| {
            let (api, mut body, name) = (api.clone(), object.clone(), format!("raw-{number}"));
            body["apiVersion"] = json!("jumun.dev/v1alpha1");
            body["kind"] = json!(kind);
            body["metadata"] = json!({ "name": name, "namespace": namespace, "resourceVersion": version });
            async move { api.replace_subresource("status", &name, &PostParams::default(), &body).await.map(Some) }
        })
        .await;
    }

    async fn delete(&mut self, kind: &str, most: usize) {
        let api = self.api(kind);
        self.rate(kind, "delete", most, |number, _| {
            let api = api.clone();
            async move { api.delete(&format!("raw-{number}"), &DeleteParams::default()).await.map(|_| None) }
        })
        .await;
    }
}

fn address() -> Value {
    json!({ "recipient": "Alice", "address": "Teheran-ro 1", "zone": "gangnam" })
}

fn won(amount: i64) -> Value {
    json!({ "amount": amount, "currency": "KRW" })
}

fn named(mut object: Value, prefix: &str) -> Value {
    object["metadata"]["name"] = json!(prefix);
    object
}

/// A child without its owner reference, of about the same size: the garbage collector would remove it at once.
fn child(spec: Value) -> Value {
    let owner = format!("jumun.dev/v1alpha1 Order order {UID} controller");
    let annotations = json!({ "bench.jumun.dev/owner": owner });
    json!({ "metadata": { "labels": { "jumun.dev/order": "order" }, "annotations": annotations }, "spec": spec })
}

fn order(_: usize) -> Value {
    json!({ "spec": {
        "customer": "alice", "store": "shop", "items": [{ "product": "mug", "quantity": 1 }],
        "payment": { "wallet": "alice" }, "deliverTo": address(),
    }})
}

fn product(_: usize) -> Value {
    json!({ "spec": { "store": "shop", "price": won(1_000), "stock": 1_000 } })
}

fn wallet(_: usize) -> Value {
    json!({ "spec": { "owner": "alice", "deposited": won(1_000_000) } })
}

fn payment(_: usize) -> Value {
    child(
        json!({ "order": { "name": "order", "uid": UID }, "wallet": { "name": "alice", "uid": UID }, "amount": won(1_000) }),
    )
}

fn delivery(_: usize) -> Value {
    let order = json!({ "name": "order", "uid": UID });
    child(json!({ "order": order, "deliverTo": address(), "zone": "gangnam", "ready": true }))
}

fn row(order: &str, delivery: &str) -> Value {
    json!({
        "order": order, "payment": "Approved", "delivery": delivery, "cancelRequested": false, "courier": "park",
        "timeline": [{ "what": "Placed", "at": AT }, { "what": "Paid", "at": AT }, { "what": "Completed", "at": AT }],
    })
}

fn view(_: usize) -> Value {
    json!({
        "spec": {
            "order": { "name": "order", "uid": UID }, "customer": "alice", "store": "shop", "seller": "kim", "amount": won(1_000),
        },
        "status": row("Placed", "Ready"),
    })
}

fn condition(kind: &str, truth: &str) -> Value {
    let wait = "Stock is asked of Product mug; once it is held, Payment order-1-ab01cd23ef is created.";
    json!({
        "type": kind, "status": truth, "reason": "WaitingForStock", "message": if kind == "Reconciling" { wait } else { "" },
        "lastTransitionTime": AT, "observedGeneration": 1,
    })
}

fn ended(state: &str, fact: &str, well: bool) -> Value {
    let truth = if well { "True" } else { "False" };
    json!({ "status": { "observedGeneration": 1, "state": state, fact: AT, "conditions": [condition("Succeeded", truth)] } })
}

fn order_status() -> Value {
    let line = json!({ "product": "mug", "uid": UID, "quantity": 1, "price": 1_000 });
    let terms = json!({
        "amount": won(1_000), "items": [line], "wallet": { "name": "alice", "uid": UID }, "seller": "kim", "confirmation": "Automatic",
    });
    json!({ "status": {
        "observedGeneration": 1, "state": "Placed", "placedAt": AT, "terms": terms,
        "conditions": [condition("Succeeded", "Unknown"), condition("Reconciling", "True")],
    }})
}

/// A ledger's status with answers to five requests.
fn ledger(measure: &str) -> Value {
    let answer = if measure == "quantity" { "Held" } else { "Charged" };
    let entry =
        |n: usize| json!({ "order": format!("{UID}-{n}"), "name": format!("order-{n}"), measure: 1, "answer": answer });
    json!({ "status": {
        "observedGeneration": 1, "settledThrough": "1234567", "entries": (0..5).map(entry).collect::<Vec<_>>(),
        "conditions": [condition("Ready", "True")],
    }})
}
