//! A shop and its customers: orders are placed at a pace, and watched until their rows show what they should come to.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use futures::{StreamExt, TryStreamExt};
use jumun::crd::{Order, OrderPlatform, OrderView, Product, Store, Wallet};
use jumun::domain::order::State;
use k8s_openapi::api::core::v1::Namespace;
use kube::api::{ListParams, PostParams};
use kube::core::NamespaceResourceScope;
use kube::runtime::{WatchStreamExt, watcher};
use kube::{Api, Client, Resource};
use serde_json::{Value, json};
use tokio::sync::Semaphore;

use crate::actors::{self, AT_ONCE, ZONE};
use crate::plane::{Plane, config};
use crate::trace::Trace;

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

/// How fast orders are placed.
#[derive(Clone, Copy)]
pub enum Pace {
    /// So many requests under way: as fast as orders are taken.
    Flood,
    /// So many orders a second, whatever the answers.
    Rate(f64),
    /// So many orders under way: a new one once another has ended.
    UnderWay(usize),
}

/// A namespace with a store, products, wallets, and the operator's rights for nobody but the operator.
pub struct Shop {
    pub client: Client,
    pub namespace: String,
    spread: usize,
    flow: Flow,
    /// Where each step of each order is noted, if anywhere.
    pub trace: Option<Arc<Trace>>,
}

/// What came of a run.
pub struct Done {
    pub seconds: f64,
    pub orders: Vec<Timed>,
    /// Writes of the actors themselves: orders created, steps of couriers and stores.
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

/// Orders of a run: their numbers, where they go, what they come to.
struct Batch {
    from: usize,
    count: usize,
    zone: &'static str,
    end: State,
    pace: Pace,
}

/// What placing and watching share.
struct Progress {
    started: Instant,
    sent: Mutex<HashMap<String, Instant>>,
    /// Places for orders under way.
    places: Semaphore,
}

impl Shop {
    /// Opens a shop with `spread` products and wallets that suffice for `orders` orders.
    pub async fn open(plane: &Plane, name: &str, spread: usize, orders: usize, flow: Flow) -> Self {
        let admin = Client::try_from(config(&plane.admin).await).expect("client");
        let client = Client::try_from(config(&plane.actors()).await).expect("client");
        let shop = Self { client, namespace: format!("bench-{name}"), spread, flow, trace: None };
        let namespace = serde_json::from_value(json!({ "metadata": { "name": shop.namespace } })).expect("namespace");
        let namespaces: Api<Namespace> = Api::all(admin);
        namespaces.create(&PostParams::default(), &namespace).await.expect("namespace created");
        let store = match flow {
            Flow::Kitchen => json!({ "seller": "kim", "fulfilment": "Kitchen", "acceptance": "Manual" }),
            Flow::Warehouse | Flow::Cancelled | Flow::Told => json!({ "seller": "kim" }),
        };
        shop.create::<Store>(json!({ "metadata": { "name": "shop" }, "spec": store })).await;
        if flow == Flow::Told {
            let endpoint = json!({ "customers": { "url": actors::listener().await } });
            shop.platform(json!({ "egress": { "allowedHosts": ["127.0.0.1"] }, "notifications": endpoint })).await;
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

    /// The one OrderPlatform of the namespace.
    pub async fn platform(&self, spec: Value) {
        self.create::<OrderPlatform>(json!({ "metadata": { "name": "default" }, "spec": spec })).await;
    }

    pub fn api<K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>>(&self) -> Api<K> {
        Api::namespaced(self.client.clone(), &self.namespace)
    }

    /// Waits until every sale is booked: what a ledger leaves for its next write is a write of these orders.
    pub async fn booked(&self) {
        let products: Api<Product> = self.api();
        let open = |product: &Product| product.status.as_ref().is_some_and(|status| status.reserved > 0);
        // Seldom: to look costs the API server something, too.
        let mut tick = tokio::time::interval(Duration::from_secs(2));
        while products.list(&ListParams::default()).await.expect("products").items.iter().any(open) {
            tick.tick().await;
        }
    }

    /// What the objects of a kind take as they stand, in bytes of JSON.
    pub async fn bytes(&self, plural: &str) -> usize {
        let path = format!("/apis/jumun.dev/v1alpha1/namespaces/{}/{plural}", self.namespace);
        let request = http::Request::get(path).body(Vec::new()).expect("a request");
        self.client.request_text(request).await.expect("a list").len()
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

    async fn order(&self, number: usize, zone: &str) -> Order {
        let customer = format!("customer-{}", number % self.spread);
        let spec = json!({
            "customer": customer, "store": "shop",
            "items": [{ "product": format!("product-{}", number % self.spread), "quantity": 1 }],
            "payment": { "wallet": customer },
            "deliverTo": { "recipient": "Alice", "address": "Teheran-ro 1", "zone": zone },
        });
        self.create(json!({ "metadata": { "name": format!("order-{number}") }, "spec": spec })).await
    }

    /// Runs `count` orders, numbered from `from` on, to completion.
    pub async fn run(&self, from: usize, count: usize, pace: Pace) -> Done {
        let mut people = tokio::task::JoinSet::new();
        match self.flow {
            Flow::Cancelled => drop(people.spawn(actors::canceller(self.api(), self.api()))),
            Flow::Warehouse | Flow::Kitchen | Flow::Told => drop(people.spawn(actors::courier(self.api()))),
        }
        if self.flow == Flow::Kitchen {
            people.spawn(actors::cook(self.api()));
        }
        let end = if self.flow == Flow::Cancelled { State::Cancelled } else { State::Completed };
        let done = self.place(Batch { from, count, zone: ZONE, end, pace }).await;
        people.abort_all();
        let steps = match self.flow {
            Flow::Cancelled => 1,
            Flow::Warehouse | Flow::Told => 2,
            Flow::Kitchen => 4,
        };
        Done { patches: steps * count, ..done }
    }

    /// Places orders that wait for a courier of a zone where there is none: they stay under way.
    pub async fn stand(&self, from: usize, count: usize) {
        self.place(Batch { from, count, zone: "jeju", end: State::Delivering, pace: Pace::Flood }).await;
    }

    async fn place(&self, batch: Batch) -> Done {
        let places = if let Pace::UnderWay(places) = batch.pace { places } else { Semaphore::MAX_PERMITS };
        let progress = Progress {
            started: Instant::now(),
            sent: Mutex::new(HashMap::new()),
            places: Semaphore::new(places.min(Semaphore::MAX_PERMITS / 2)),
        };
        let place = |number: usize| {
            let progress = &progress;
            async move {
                if let Pace::Rate(rate) = batch.pace {
                    let due = Duration::from_secs_f64((number - batch.from) as f64 / rate);
                    tokio::time::sleep_until((progress.started + due).into()).await;
                }
                progress.places.acquire().await.expect("never closed").forget();
                let at = Instant::now();
                progress.sent.lock().expect("times").insert(format!("order-{number}"), at);
                let order = self.order(number, batch.zone).await;
                if let (Some(trace), Some(uid)) = (&self.trace, order.metadata.uid) {
                    trace.note(&uid, "sent", at);
                    trace.note(&uid, "stored", Instant::now());
                }
            }
        };
        // An open loop does not wait for answers; a closed one keeps so many requests under way.
        let at_once = if matches!(batch.pace, Pace::Rate(_)) { batch.count } else { AT_ONCE };
        let numbers = batch.from..batch.from + batch.count;
        let placing = futures::stream::iter(numbers).for_each_concurrent(at_once, place);
        let (orders, ()) = tokio::join!(reader(self.api(), &batch, &progress), placing);
        Done { seconds: progress.started.elapsed().as_secs_f64(), orders, creates: batch.count, patches: 0 }
    }
}

/// Waits until the rows of all orders of a batch show their end, and gives how long each took.
async fn reader(api: Api<OrderView>, batch: &Batch, progress: &Progress) -> Vec<Timed> {
    let mut rows = watcher(api, watcher::Config::default()).default_backoff().applied_objects().boxed();
    let (mut latencies, tenth) = (Vec::with_capacity(batch.count), batch.count.div_ceil(10));
    while let Some(row) = rows.try_next().await.expect("the watch of rows") {
        if row.status.is_none_or(|status| status.order != batch.end) {
            continue;
        }
        let sent = progress.sent.lock().expect("times").remove(&row.metadata.name.unwrap_or_default());
        let Some(at) = sent else { continue };
        latencies.push(Timed { sent: at - progress.started, took: at.elapsed() });
        progress.places.add_permits(1);
        if latencies.len() % tenth == 0 {
            crate::say(&format!("  {} of {} orders", latencies.len(), batch.count));
        }
        if latencies.len() == batch.count {
            break;
        }
    }
    latencies
}
