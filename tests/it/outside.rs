//! What is outside the cluster: an endpoint that takes notices, and a payment provider, on loopback.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::routing::post;
use jumun::http::fake_provider::{FakeProvider, Faults};
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use crate::harness::{Scene, wait_for};

/// A server on loopback; stopped when dropped.
struct Server {
    url: String,
    task: JoinHandle<()>,
}

impl Server {
    async fn start(router: Router) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let task = tokio::spawn(async move { axum::serve(listener, router).await.expect("served") });
        Self { url, task }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

#[derive(Clone, Default)]
struct Inbox {
    down: Arc<AtomicBool>,
    /// So many calls more fail.
    failures: Arc<AtomicUsize>,
    taken: Arc<Mutex<Vec<Value>>>,
    content_types: Arc<Mutex<Vec<String>>>,
}

/// An endpoint that takes CloudEvents, or answers 503 while it is down.
pub struct Endpoint {
    inbox: Inbox,
    server: Server,
}

async fn take(State(inbox): State<Inbox>, headers: HeaderMap, body: String) -> StatusCode {
    let event: Value = serde_json::from_str(&body).expect("an event");
    let fails = inbox.failures.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok();
    if fails || inbox.down.load(Ordering::SeqCst) {
        return StatusCode::SERVICE_UNAVAILABLE;
    }
    let content_type = headers[header::CONTENT_TYPE].to_str().expect("ASCII").to_owned();
    inbox.content_types.lock().expect("content types").push(content_type);
    inbox.taken.lock().expect("events").push(event);
    StatusCode::NO_CONTENT
}

impl Endpoint {
    pub async fn start() -> Self {
        let inbox = Inbox::default();
        let router = Router::new().route("/hook", post(take)).with_state(inbox.clone());
        Self { inbox, server: Server::start(router).await }
    }

    pub fn url(&self) -> String {
        format!("{}/hook", self.server.url)
    }

    /// Lets the next `count` calls fail.
    pub fn fail(&self, count: usize) {
        self.inbox.failures.store(count, Ordering::SeqCst);
    }

    pub fn set_down(&self, down: bool) {
        self.inbox.down.store(down, Ordering::SeqCst);
    }

    /// The events that it took: type without the common part, and subject.
    pub fn taken(&self) -> Vec<(String, String)> {
        let taken = self.inbox.taken.lock().expect("events");
        let text = |event: &Value, field: &str| event[field].as_str().unwrap_or_default().to_owned();
        taken.iter().map(|e| (text(e, "type").replace("dev.jumun.order.", ""), text(e, "subject"))).collect()
    }

    /// The events that it took, as they came.
    pub fn events(&self) -> Vec<Value> {
        self.inbox.taken.lock().expect("events").clone()
    }

    /// How often each event came, by its id.
    pub fn copies(&self) -> BTreeMap<String, usize> {
        let mut copies = BTreeMap::new();
        for event in self.events() {
            *copies.entry(event["id"].as_str().expect("an id").to_owned()).or_insert(0) += 1;
        }
        copies
    }

    /// The content types under which events came.
    pub fn content_types(&self) -> Vec<String> {
        self.inbox.content_types.lock().expect("content types").clone()
    }

    /// The data of the first event of this type that it took.
    pub fn data(&self, what: &str) -> Value {
        let taken = self.inbox.taken.lock().expect("events");
        let is = |event: &&Value| event["type"].as_str().is_some_and(|type_| type_.ends_with(what));
        taken.iter().find(is).map(|event| event["data"].clone()).expect("such an event")
    }

    /// Waits until it has taken an event of this type.
    pub async fn told(&self, what: &str) {
        let taken = || async { self.taken().iter().any(|(type_, _)| type_ == what).then_some(()) };
        wait_for(&format!("the notice {what}"), taken).await;
    }
}

/// A payment provider named `card`.
pub struct Card {
    pub provider: FakeProvider,
    server: Server,
}

impl Card {
    pub async fn start() -> Self {
        let provider = FakeProvider::new(Faults::default());
        let server = Server::start(provider.router()).await;
        Self { provider, server }
    }

    pub fn url(&self) -> &str {
        &self.server.url
    }

    /// How often money was taken and given back, over all keys.
    pub fn moved(&self) -> (u32, u32) {
        let entries = self.provider.entries();
        (entries.iter().map(|e| e.taken).sum(), entries.iter().map(|e| e.returned).sum())
    }
}

/// The OrderPlatform of a test: hosts on loopback may be called, the provider and the customers' endpoint are known.
pub async fn platform(scene: &Scene, card: Option<&Card>, customers: Option<&Endpoint>, more: Value) {
    let mut spec = json!({ "egress": { "allowedHosts": ["127.0.0.1"] } });
    if let Some(card) = card {
        spec["payment"] = json!({ "providers": [{ "name": "card", "url": card.url(), "timeout": "1s" }] });
    }
    if let Some(endpoint) = customers {
        spec["notifications"] = json!({ "customers": { "url": endpoint.url() } });
    }
    for (field, value) in more.as_object().expect("fields") {
        spec[field] = value.clone();
    }
    let platform = json!({ "metadata": { "name": "default" }, "spec": spec });
    scene.create::<jumun::crd::OrderPlatform>(platform).await;
}

/// An order of Alice, paid by card.
pub fn by_card(name: &str, product: &str, quantity: i64) -> Value {
    let mut order = crate::harness::order(name, "alice", product, quantity);
    order["spec"]["payment"] = json!({ "method": "Provider", "provider": "card", "token": format!("tok-{name}") });
    order
}
