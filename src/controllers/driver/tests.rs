//! No reconcile repeats itself without progress faster than its backoff: one test for each way to repeat.

use std::collections::HashMap;
use std::convert::Infallible;
use std::future::{Ready, ready};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use http::{Method, Request, Response, StatusCode};
use kube::Client;
use kube::client::Body;
use serde_json::json;

use super::*;
use crate::cluster::events::Events;
use crate::cluster::members::{Members, Other};
use crate::cluster::queue::Queue;
use crate::cluster::{self, Clock};
use crate::controllers::{Executor, Outside};
use crate::crd::{API_VERSION, Order};
use crate::domain::delivery::{Cause, Hold, Progress as Courier};
use crate::domain::payment::{Draft, Payer};
use crate::domain::provider::Call;
use crate::domain::{Condition, Effect, Generation, Meta, Money, ObjectRef, OrderRef, Policy, Target, order};
use crate::telemetry::Metrics;
use crate::world::{Access, World};

/// How long each is watched, by the clock of the test.
const WATCHED: Duration = Duration::from_secs(60);
/// Looks in that time: 200 ms, 400 ms, … with some jitter.
const LOOKS: usize = 12;

/// What is decided, each time anew.
trait Decides: Send + Sync + 'static {
    fn plan(seen: &Seen, now: Time) -> Plan<order::Status>;
}

#[derive(Debug)]
struct Seen {
    meta: Meta,
    status: order::Status,
    reads: usize,
}

struct Test<C>(std::marker::PhantomData<C>);

impl<C: Decides> Controller for Test<C> {
    type Root = Order;
    type Observed = Seen;

    fn observe(world: &World, key: &Key, live: &LiveReads) -> Option<Seen> {
        let seen = world.orders.get(key)?;
        let status = seen.object.status.clone().unwrap_or_default();
        let reads = (0..).take_while(|n| live.read(Kind::Wallet, &format!("w{n}")).is_some()).count();
        Some(Seen { meta: world.meta_of(&seen), status, reads })
    }

    fn decide(case: &Case<'_, Seen>) -> Plan<order::Status> {
        C::plan(case.seen, case.now)
    }
}

/// Each test decides by itself.
impl Observation for Seen {
    type Status = order::Status;

    fn decide(_: &Case<'_, Self>) -> Plan<order::Status> {
        Plan::rest()
    }

    fn seen(&self) -> Option<(&Meta, &order::Status)> {
        Some((&self.meta, &self.status))
    }

    fn conditions(&mut self) -> Option<&mut Vec<Condition>> {
        Some(&mut self.status.conditions)
    }
}

fn order() -> Value {
    json!({
        "apiVersion": "jumun.dev/v1alpha1", "kind": "Order",
        "metadata": { "name": "order-1", "namespace": "shop", "uid": "uid-1", "resourceVersion": "5" },
        "spec": {
            "customer": "alice", "store": "shop", "items": [{ "product": "mug", "quantity": 1 }],
            "payment": { "wallet": "alice" },
            "deliverTo": { "recipient": "Alice", "address": "Teheran-ro 1", "zone": "gangnam" },
        },
    })
}

fn failure(code: StatusCode, reason: &str, cause: Value) -> (StatusCode, Value) {
    let status = json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "message": "as the test wants it",
        "reason": reason, "details": { "causes": cause }, "code": code.as_u16(),
    });
    (code, status)
}

fn answer_with(code: StatusCode, body: &Value) -> Ready<Result<Response<Body>, Infallible>> {
    let response = Response::builder().status(code).body(Body::from(body.to_string().into_bytes()));
    ready(Ok(response.expect("an answer")))
}

/// An API server that answers writes in one way, and reads with what there is.
fn server(calls: Arc<AtomicUsize>, write: (StatusCode, Value)) -> Client {
    let answer = move |request: Request<Body>| {
        calls.fetch_add(1, Ordering::Relaxed);
        let path = request.uri().path().to_owned();
        let (code, body) = match (request.method(), path.contains("/namespaces/shop/")) {
            (&Method::GET, true) => {
                let found = if path.ends_with("/orders") { vec![order()] } else { Vec::new() };
                let list = json!({
                    "apiVersion": "jumun.dev/v1alpha1", "kind": "List", "metadata": { "resourceVersion": "9" }, "items": found,
                });
                (StatusCode::OK, list)
            }
            (&Method::GET, false) => (StatusCode::OK, json!({ "metadata": { "name": "shop" } })),
            _ => write.clone(),
        };
        answer_with(code, &body)
    };
    Client::new(tower::service_fn(answer), "shop")
}

/// What one reconciles with who works among these members, and its one order, which is enqueued.
fn stage(client: Client, members: Arc<Members>) -> (Context, Key) {
    let queue = Arc::new(Queue::default());
    let world = Arc::new(World::new(HashMap::from([(Kind::Order, queue.clone())]), members));
    let (clock, metrics) = (Arc::new(Clock::default()), Metrics::default());
    let outside = Outside::new(metrics.clone(), 1);
    let key = Key::new("shop", "order-1");
    let api = cluster::Calls { client: client.clone(), metrics: metrics.clone() };
    let access = Access { calls: api, world: world.clone(), clock: clock.clone() };
    let executor = Executor { access, outside };
    let events = Events::new(client, API_VERSION);
    let policy = Arc::new(Policy::default());
    let context = Context { world: world.clone(), executor, clock, events, metrics: metrics.clone(), policy };
    let order: Order = serde_json::from_value(order()).expect("an order");
    world.orders.deliver(order, Time::from_millis(0));
    queue.add(key.clone());
    (context, key)
}

/// How often it was looked at.
fn looks(metrics: &Metrics) -> usize {
    let mut text = String::new();
    prometheus_client::encoding::text::encode(&mut text, &metrics.registry()).expect("metrics");
    let looks = text.lines().filter(|line| line.starts_with("controller_runtime_reconcile_total{"));
    looks.filter_map(|line| line.rsplit(' ').next()?.parse::<usize>().ok()).sum()
}

/// Looks, and calls to the API server, while one order is worked on for a minute of which nothing comes.
async fn repeats<C: Decides>(write: (StatusCode, Value)) -> (usize, usize) {
    let calls = Arc::new(AtomicUsize::new(0));
    let (context, key) = stage(server(calls.clone(), write), Arc::default());
    let _taken = context.executor.outside.bulkhead.take(&key.namespace, "card");
    let metrics = context.metrics.clone();
    let _ = tokio::time::timeout(WATCHED, run::<Test<C>>(context, 1)).await;
    let looks = looks(&metrics);
    assert!(looks > 1, "it is looked at again");
    (looks, calls.load(Ordering::Relaxed))
}

fn fine() -> (StatusCode, Value) {
    (StatusCode::OK, order())
}

fn child() -> Target {
    Target { name: "order-1-abc".into(), uid: "uid-2".into(), version: Version(4) }
}

fn past(now: Time) -> Option<Time> {
    Some(Time::from_millis(now.as_millis() - 1_000))
}

fn payment() -> Intent {
    Intent::CreatePayment(Draft {
        order: OrderRef { name: "order-1".into(), uid: "uid-1".into() },
        payer: Payer::Wallet(ObjectRef { name: "alice".into(), uid: "uid-3".into() }),
        amount: Money::new(1, "KRW"),
        points: 0,
        items: Vec::new(),
        cancel: false,
    })
}

macro_rules! cause {
    ($name:ident, |$seen:ident, $now:ident| $plan:expr) => {
        struct $name;
        impl Decides for $name {
            fn plan($seen: &Seen, $now: Time) -> Plan<order::Status> {
                $plan
            }
        }
    };
}

cause!(InThePast, |_seen, now| Plan { next: past(now), ..Plan::rest() });
cause!(AnotherRead, |seen, _now| Plan::only(Intent::ReadAfresh {
    kind: Kind::Wallet,
    name: format!("w{}", seen.reads)
}));
cause!(TheSameRead, |_seen, _now| Plan::only(Intent::ReadAfresh { kind: Kind::Store, name: "shop".into() }));
cause!(AllOrders, |_seen, _now| Plan::only(Intent::ReadOrders));
cause!(Cancels, |_seen, _now| Plan::only(Intent::CancelPayment(child())));
cause!(Holds, |_seen, _now| {
    Plan::only(Intent::HoldDelivery(child(), Hold { cause: Cause::Customer, step: Courier::Delivered }))
});
cause!(Creates, |_seen, _now| Plan::only(payment()));
cause!(Writes, |seen, _now| Plan::write(order::Status { observed_generation: Generation(7), ..seen.status.clone() }));
cause!(WritesInVain, |seen, now| {
    let status = order::Status { observed_generation: Generation(7), ..seen.status.clone() };
    Plan { next: past(now), ..Plan::write(status) }
});
cause!(LetsGoInVain, |seen, now| Plan { next: past(now), ..Plan::only(Intent::AddFinalizer(seen.meta.target())) });
cause!(Calls, |_seen, _now| {
    Plan::only(Intent::CallOutside(Effect::Provider { name: "card".into(), key: "key".into(), call: Call::LookUp }))
});

#[tokio::test(start_paused = true)]
async fn a_time_that_has_passed_is_no_reason_to_look_all_the_time() {
    let (looks, calls) = repeats::<InThePast>(fine()).await;
    assert!(looks <= LOOKS && calls == 0, "{looks} looks, {calls} calls");
}

#[tokio::test(start_paused = true)]
async fn reads_that_bring_nothing_back_off() {
    let (looks, calls) = repeats::<AnotherRead>(fine()).await;
    assert!(looks <= LOOKS && calls <= LOOKS * ROUNDS, "{looks} looks, {calls} calls");
    let (looks, calls) = repeats::<TheSameRead>(fine()).await;
    assert!(looks <= LOOKS && calls <= LOOKS, "the same is not asked twice in a row: {looks} looks, {calls} calls");
    let (looks, calls) = repeats::<AllOrders>(fine()).await;
    assert!(looks <= LOOKS && calls <= LOOKS, "{looks} looks, {calls} calls");
}

#[tokio::test(start_paused = true)]
async fn conflicts_that_nothing_explains_back_off() {
    let conflict = failure(StatusCode::CONFLICT, "Conflict", json!([]));
    for (looks, calls) in [repeats::<Cancels>(conflict.clone()).await, repeats::<Writes>(conflict).await] {
        assert!(looks <= LOOKS && calls <= 2 * LOOKS * ROUNDS, "{looks} looks, {calls} calls");
    }
}

/// Writes and live reads of one reconcile whose every call meets a conflict, until a read fails; the watch has brought the newer
/// version by then, or has not.
async fn calls_after_conflicts(watch: bool) -> (usize, usize) {
    let (calls, changed) =
        (Arc::new([AtomicUsize::new(0), AtomicUsize::new(0)]), Arc::new(OnceLock::<Arc<World>>::new()));
    let (counted, world, version) = (calls.clone(), changed.clone(), AtomicUsize::new(6));
    let client = Client::new(
        tower::service_fn(move |request: Request<Body>| {
            let is_read = request.method() == Method::GET;
            counted[usize::from(is_read)].fetch_add(1, Ordering::Relaxed);
            if let (false, true, Some(world)) = (is_read, watch, world.get()) {
                let mut newer: Order = serde_json::from_value(order()).expect("an order");
                newer.metadata.resource_version = Some(version.fetch_add(1, Ordering::Relaxed).to_string());
                world.orders.deliver(newer, Time::from_millis(0));
            }
            let (code, body) = failure(StatusCode::CONFLICT, "Conflict", json!([]));
            answer_with(code, &body)
        }),
        "shop",
    );
    let (context, key) = stage(client, Arc::default());
    let _ = changed.set(context.world.clone());
    reconcile::<Test<Writes>>(&context, &key, false, &mut super::Progress::default()).await;
    (calls[0].load(Ordering::Relaxed), calls[1].load(Ordering::Relaxed))
}

#[tokio::test(start_paused = true)]
async fn what_the_watch_has_brought_by_the_time_of_a_conflict_is_not_read() {
    assert_eq!(calls_after_conflicts(true).await, (2, 1), "decided anew once without a read");
    assert_eq!(calls_after_conflicts(false).await, (1, 1), "nothing explains it");
}

#[tokio::test(start_paused = true)]
async fn refused_and_denied_writes_back_off() {
    let invalid = || failure(StatusCode::UNPROCESSABLE_ENTITY, "Invalid", json!([]));
    let denied = failure(StatusCode::FORBIDDEN, "Forbidden", json!([]));
    for (looks, calls) in [
        repeats::<Holds>(invalid()).await,
        repeats::<Writes>(invalid()).await,
        repeats::<Writes>(denied.clone()).await,
        repeats::<Creates>(denied).await,
    ] {
        assert!(looks <= LOOKS && calls <= 3 * LOOKS, "{looks} looks, {calls} calls");
    }
}

#[tokio::test(start_paused = true)]
async fn a_namespace_that_is_said_to_go_away_and_does_not_backs_off() {
    let going = failure(StatusCode::FORBIDDEN, "Forbidden", json!([{ "reason": "NamespaceTerminating" }]));
    let (looks, calls) = repeats::<Creates>(going).await;
    assert!(looks <= LOOKS && calls <= 2 * LOOKS, "{looks} looks, {calls} calls");
}

#[tokio::test(start_paused = true)]
async fn writes_that_change_nothing_back_off() {
    for (looks, calls) in [repeats::<WritesInVain>(fine()).await, repeats::<LetsGoInVain>(fine()).await] {
        assert!(looks <= LOOKS && calls <= LOOKS, "{looks} looks, {calls} calls");
    }
}

#[tokio::test(start_paused = true)]
async fn who_finds_no_place_for_a_call_looks_again_at_leisure() {
    let (looks, calls) = repeats::<Calls>(fine()).await;
    assert!(looks <= 300 && calls == 0, "{looks} looks, {calls} calls");
}

mod sharing;
