//! Customers and couriers, scripted: they act as soon as they can.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use futures::{StreamExt, TryStreamExt};
use jumun::crd::{Delivery, Order, OrderView, Product, Store, Wallet};
use jumun::domain::order::State;
use k8s_openapi::api::core::v1::Namespace;
use kube::api::{ListParams, Patch, PatchParams, PostParams};
use kube::core::NamespaceResourceScope;
use kube::runtime::{WatchStreamExt, watcher};
use kube::{Api, Client, Resource};
use serde_json::{Value, json};

use crate::meters::{Operator, wait};
use crate::plane::{Plane, config};

/// Requests that one actor has under way at once.
const AT_ONCE: usize = 16;

/// A namespace with a store, products, wallets, and the operator's rights for nobody but the operator.
pub struct Shop {
    client: Client,
    pub namespace: String,
    spread: usize,
}

/// What came of a run.
pub struct Done {
    pub seconds: f64,
    pub orders: Vec<Timed>,
    /// Writes of the actors themselves: orders created, courier's steps.
    pub creates: usize,
    pub patches: usize,
}

/// How long an order took.
pub struct Timed {
    /// When it was sent, from the start of the run.
    pub sent: Duration,
    /// From the create that is sent to the row that shows the end.
    pub took: Duration,
}

impl Shop {
    /// Opens a shop with `spread` products and wallets that suffice for `orders` orders.
    pub async fn open(plane: &Plane, name: &str, spread: usize, orders: usize) -> Self {
        let admin = Client::try_from(config(&plane.admin).await).expect("client");
        let client = Client::try_from(config(&plane.actors()).await).expect("client");
        let shop = Self { client, namespace: format!("bench-{name}"), spread };
        let namespace = serde_json::from_value(json!({ "metadata": { "name": shop.namespace } })).expect("namespace");
        let namespaces: Api<Namespace> = Api::all(admin);
        namespaces.create(&PostParams::default(), &namespace).await.expect("namespace created");
        shop.create::<Store>(json!({ "metadata": { "name": "shop" }, "spec": { "seller": "kim" } })).await;
        for n in 0..spread {
            let price = json!({ "amount": 1_000, "currency": "KRW" });
            let spec = json!({ "store": "shop", "price": price, "stock": orders * 10 });
            shop.create::<Product>(json!({ "metadata": { "name": format!("product-{n}") }, "spec": spec })).await;
            let deposited = json!({ "amount": orders * 100_000, "currency": "KRW" });
            let spec = json!({ "owner": format!("customer-{n}"), "deposited": deposited });
            shop.create::<Wallet>(json!({ "metadata": { "name": format!("customer-{n}") }, "spec": spec })).await;
        }
        shop
    }

    fn api<K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>>(&self) -> Api<K> {
        Api::namespaced(self.client.clone(), &self.namespace)
    }

    async fn create<K>(&self, object: Value) -> K
    where
        K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>
            + Clone
            + std::fmt::Debug
            + serde::Serialize
            + serde::de::DeserializeOwned,
    {
        let object: K = serde_json::from_value(object).expect("well-formed");
        self.api().create(&PostParams::default(), &object).await.expect("created")
    }

    async fn order(&self, number: usize) -> Order {
        let customer = format!("customer-{}", number % self.spread);
        let spec = json!({
            "customer": customer, "store": "shop",
            "items": [{ "product": format!("product-{}", number % self.spread), "quantity": 1 }],
            "payment": { "wallet": customer },
            "deliverTo": { "recipient": "Alice", "address": "Teheran-ro 1", "zone": "gangnam" },
        });
        self.create(json!({ "metadata": { "name": format!("order-{number}") }, "spec": spec })).await
    }

    /// Runs `count` orders to completion: as fast as it goes, or at `rate` orders a second.
    pub async fn run(&self, count: usize, rate: Option<f64>) -> Done {
        let courier = tokio::spawn(courier(self.api()));
        let sent = Arc::new(Mutex::new(HashMap::new()));
        let started = Instant::now();
        let reader = tokio::spawn(reader(self.api(), count, started, sent.clone()));
        let place = |number: usize| {
            let sent = sent.clone();
            async move {
                if let Some(rate) = rate {
                    tokio::time::sleep_until((started + Duration::from_secs_f64(number as f64 / rate)).into()).await;
                }
                sent.lock().expect("times").insert(format!("order-{number}"), Instant::now());
                self.order(number).await;
            }
        };
        // An open loop does not wait for answers; a closed one keeps so many requests under way.
        let at_once = if rate.is_some() { count } else { AT_ONCE };
        futures::stream::iter(0..count).for_each_concurrent(at_once, place).await;
        let orders = reader.await.expect("the reader lives");
        let seconds = started.elapsed().as_secs_f64();
        courier.abort();
        Done { seconds, orders, creates: count, patches: 2 * count }
    }
}

/// Claims and delivers whatever is ready.
async fn courier(api: Api<Delivery>) {
    let deliveries = watcher(api.clone(), watcher::Config::default()).default_backoff().applied_objects();
    deliveries
        .try_for_each_concurrent(AT_ONCE, |delivery| {
            let api = api.clone();
            async move {
                if delivery.spec.progress.is_some() || delivery.spec.hold.is_some() {
                    return Ok(());
                }
                let name = delivery.metadata.name.unwrap_or_default();
                let claim =
                    json!({ "spec": { "courier": { "name": "park", "zone": "gangnam" }, "progress": "PickedUp" } });
                let done = json!({ "spec": { "progress": "Delivered" } });
                for step in [claim, done] {
                    api.patch(&name, &PatchParams::default(), &Patch::Merge(&step)).await.expect("a courier's step");
                }
                Ok(())
            }
        })
        .await
        .expect("the watch of deliveries");
}

/// Waits until the rows of `count` orders show their end, and gives how long each took.
async fn reader(
    api: Api<OrderView>,
    count: usize,
    started: Instant,
    sent: Arc<Mutex<HashMap<String, Instant>>>,
) -> Vec<Timed> {
    let mut rows = watcher(api, watcher::Config::default()).default_backoff().applied_objects().boxed();
    let mut latencies = Vec::with_capacity(count);
    while let Some(row) = rows.try_next().await.expect("the watch of rows") {
        if row.status.is_none_or(|status| status.order != State::Completed) {
            continue;
        }
        let sent = sent.lock().expect("times").remove(&row.metadata.name.unwrap_or_default());
        latencies.extend(sent.map(|at| Timed { sent: at - started, took: at.elapsed() }));
        if latencies.len() % 100 == 0 && !latencies.is_empty() {
            crate::say(&format!("  {} of {count} orders completed", latencies.len()));
        }
        if latencies.len() == count {
            break;
        }
    }
    latencies
}

/// Resident memory in KiB of an operator that holds nothing, half of `count` orders under way, and all of them. What a
/// live order costs is what the second half adds: by then every connection and buffer is there.
pub async fn memory(plane: &Plane, count: usize) -> [u64; 3] {
    let shop = Shop::open(plane, "live", 50, count).await;
    let operator = Operator::start(plane, &shop.namespace).await;
    operator.settle().await;
    let mut memory = vec![operator.memory_kib()];
    for (from, to) in [(0, count / 2), (count / 2, count)] {
        let place = |number| {
            let shop = &shop;
            async move { drop(shop.order(number).await) }
        };
        futures::stream::iter(from..to).for_each_concurrent(AT_ONCE, place).await;
        let views: Api<OrderView> = shop.api();
        wait("the orders to be under way", || async {
            let rows = views.list(&ListParams::default()).await.ok()?.items;
            let open = rows.iter().filter(|row| row.status.as_ref().is_some_and(|s| s.order == State::Delivering));
            (open.count() == to).then_some(())
        })
        .await;
        operator.settle().await;
        memory.push(operator.memory_kib());
    }
    operator.stop();
    [memory[0], memory[1], memory[2]]
}
