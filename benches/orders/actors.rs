//! Customers and couriers, scripted: they act as soon as they can.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use futures::{StreamExt, TryStreamExt};
use jumun::crd::{Delivery, Order, OrderPlatform, OrderView, Product, Store, Ticket, Wallet};
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

/// What becomes of the orders of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    /// A warehouse's: delivered at once.
    Warehouse,
    /// A kitchen's: accepted, cooked, delivered.
    Kitchen,
    /// A warehouse's: cancelled as soon as it is paid.
    Cancelled,
    /// A warehouse's, whose customers are told of everything.
    Told,
}

/// A namespace with a store, products, wallets, and the operator's rights for nobody but the operator.
pub struct Shop {
    client: Client,
    pub namespace: String,
    spread: usize,
    flow: Flow,
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
    pub async fn open(plane: &Plane, name: &str, spread: usize, orders: usize, flow: Flow) -> Self {
        let admin = Client::try_from(config(&plane.admin).await).expect("client");
        let client = Client::try_from(config(&plane.actors()).await).expect("client");
        let shop = Self { client, namespace: format!("bench-{name}"), spread, flow };
        let namespace = serde_json::from_value(json!({ "metadata": { "name": shop.namespace } })).expect("namespace");
        let namespaces: Api<Namespace> = Api::all(admin);
        namespaces.create(&PostParams::default(), &namespace).await.expect("namespace created");
        let store = match flow {
            Flow::Kitchen => json!({ "seller": "kim", "fulfilment": "Kitchen", "acceptance": "Manual" }),
            Flow::Warehouse | Flow::Cancelled | Flow::Told => json!({ "seller": "kim" }),
        };
        shop.create::<Store>(json!({ "metadata": { "name": "shop" }, "spec": store })).await;
        if flow == Flow::Told {
            let endpoint = json!({ "customers": { "url": listener().await } });
            let spec = json!({ "egress": { "allowedHosts": ["127.0.0.1"] }, "notifications": endpoint });
            shop.create::<OrderPlatform>(json!({ "metadata": { "name": "default" }, "spec": spec })).await;
        }
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
        let mut actors = tokio::task::JoinSet::new();
        match self.flow {
            Flow::Cancelled => drop(actors.spawn(canceller(self.api(), self.api()))),
            Flow::Warehouse | Flow::Kitchen | Flow::Told => drop(actors.spawn(courier(self.api()))),
        }
        if self.flow == Flow::Kitchen {
            actors.spawn(cook(self.api()));
        }
        let sent = Arc::new(Mutex::new(HashMap::new()));
        let started = Instant::now();
        let end = if self.flow == Flow::Cancelled { State::Cancelled } else { State::Completed };
        let reader = tokio::spawn(reader(self.api(), end, count, started, sent.clone()));
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
        actors.abort_all();
        let steps = match self.flow {
            Flow::Cancelled => 1,
            Flow::Warehouse | Flow::Told => 2,
            Flow::Kitchen => 4,
        };
        Done { seconds, orders, creates: count, patches: steps * count }
    }
}

/// Claims and delivers whatever is ready.
async fn courier(api: Api<Delivery>) {
    let deliveries = watcher(api.clone(), watcher::Config::default()).default_backoff().applied_objects();
    let seen = Mutex::new(HashSet::new());
    deliveries
        .try_for_each_concurrent(AT_ONCE, |delivery| {
            let (api, name) = (api.clone(), delivery.metadata.name.unwrap_or_default());
            let open = delivery.spec.progress.is_none() && delivery.spec.hold.is_none() && delivery.spec.ready;
            let news = open && seen.lock().expect("deliveries").insert(name.clone());
            async move {
                if !news {
                    return Ok(());
                }
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

/// Accepts, cooks and finishes whatever is offered.
async fn cook(api: Api<Ticket>) {
    let tickets = watcher(api.clone(), watcher::Config::default()).default_backoff().applied_objects();
    let seen = Mutex::new(HashSet::new());
    tickets
        .try_for_each_concurrent(AT_ONCE, |ticket| {
            let (api, name) = (api.clone(), ticket.metadata.name.unwrap_or_default());
            let news = ticket.spec.hold.is_none() && seen.lock().expect("tickets").insert(name.clone());
            async move {
                if !news {
                    return Ok(());
                }
                let start = json!({ "spec": { "decision": "Accept", "cooking": "Started" } });
                let finish = json!({ "spec": { "cooking": "Finished" } });
                for step in [start, finish] {
                    api.patch(&name, &PatchParams::default(), &Patch::Merge(&step)).await.expect("a step of the store");
                }
                Ok(())
            }
        })
        .await
        .expect("the watch of tickets");
}

/// Cancels each order as soon as it has a delivery.
async fn canceller(deliveries: Api<Delivery>, orders: Api<Order>) {
    let seen = watcher(deliveries, watcher::Config::default()).default_backoff().applied_objects();
    let done = Mutex::new(HashSet::new());
    seen.try_for_each_concurrent(AT_ONCE, |delivery| {
        let (orders, name) = (orders.clone(), delivery.spec.order.name);
        let news = done.lock().expect("orders").insert(name.clone());
        async move {
            if news {
                let wish = json!({ "spec": { "cancel": { "reason": "ChangedMind" } } });
                orders.patch(&name, &PatchParams::default(), &Patch::Merge(&wish)).await.expect("a wish");
            }
            Ok(())
        }
    })
    .await
    .expect("the watch of deliveries");
}

/// An endpoint on loopback that takes every message; gives its address.
async fn listener() -> String {
    let socket = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}/", socket.local_addr().expect("an address"));
    let router = axum::Router::new().fallback(|| async { axum::http::StatusCode::NO_CONTENT });
    tokio::spawn(async move { axum::serve(socket, router).await.expect("served") });
    url
}

/// Waits until the rows of `count` orders show their end, and gives how long each took.
async fn reader(
    api: Api<OrderView>,
    end: State,
    count: usize,
    started: Instant,
    sent: Arc<Mutex<HashMap<String, Instant>>>,
) -> Vec<Timed> {
    let mut rows = watcher(api, watcher::Config::default()).default_backoff().applied_objects().boxed();
    let mut latencies = Vec::with_capacity(count);
    while let Some(row) = rows.try_next().await.expect("the watch of rows") {
        if row.status.is_none_or(|status| status.order != end) {
            continue;
        }
        let sent = sent.lock().expect("times").remove(&row.metadata.name.unwrap_or_default());
        latencies.extend(sent.map(|at| Timed { sent: at - started, took: at.elapsed() }));
        if latencies.len() % 100 == 0 && !latencies.is_empty() {
            crate::say(&format!("  {} of {count} orders have ended", latencies.len()));
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
    let shop = Shop::open(plane, "live", 50, count, Flow::Warehouse).await;
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
