//! One order hop by hop: when each write that the next one depends on was first seen by a client that watches, and how long
//! the API server itself took for writes of that kind.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use futures::TryStreamExt;
use jumun::crd::{Delivery, Order, OrderView, Payment, Product, Wallet};
use jumun::domain::delivery::Progress;
use kube::core::NamespaceResourceScope;
use kube::runtime::{WatchStreamExt, watcher};
use kube::{Api, Client, Resource};
use serde::Serialize;

use crate::histogram::Owner;
use crate::stats::quantile;

/// The chain of a warehouse order paid by wallet: a fact, the write that makes it, and whose write it is. Each hop is from
/// the fact before it.
const CHAIN: [(&str, &str, &str); 12] = [
    ("stored", "POST orders", "customer"),
    ("placed", "PATCH orders/status", "operator"),
    ("held", "PATCH products/status", "operator"),
    ("payment made", "POST payments", "operator"),
    ("charged", "PATCH wallets/status", "operator"),
    ("approved", "PATCH payments/status", "operator"),
    ("delivery made", "POST deliveries", "operator"),
    ("picked up", "PATCH deliveries", "courier"),
    ("delivered", "PATCH deliveries", "courier"),
    ("confirmed", "PATCH deliveries/status", "operator"),
    ("completed", "PATCH orders/status", "operator"),
    ("row shows it", "POST orderviews", "operator"),
];

/// When each fact of each order was first seen, by the order's UID.
#[derive(Default)]
pub struct Trace(Mutex<HashMap<String, HashMap<&'static str, Instant>>>);

/// One hop, in milliseconds.
#[derive(Serialize)]
pub struct Hop {
    pub to: String,
    pub write: String,
    pub writer: String,
    pub p50: f64,
    pub p99: f64,
    /// What the API server itself took for writes of this kind.
    pub inside: Option<Owner>,
}

impl Trace {
    /// Notes when a fact was seen, unless it was seen before.
    pub fn note(&self, order: &str, fact: &'static str, at: Instant) {
        let mut seen = self.0.lock().expect("facts");
        seen.entry(order.to_owned()).or_default().entry(fact).or_insert(at);
    }

    /// Watches everything that an order of this namespace depends on.
    pub fn watch(self: &Arc<Self>, client: &Client, namespace: &str) -> tokio::task::JoinSet<()> {
        let mut watches = tokio::task::JoinSet::new();
        watches.spawn(follow(Api::<Order>::namespaced(client.clone(), namespace), self.clone(), |order, note| {
            let (uid, status) = (order.metadata.uid.unwrap_or_default(), order.status.unwrap_or_default());
            if status.placed_at.is_some() {
                note(&uid, "placed");
            }
            if status.ended_at.is_some() {
                note(&uid, "completed");
            }
        }));
        watches.spawn(follow(Api::<Product>::namespaced(client.clone(), namespace), self.clone(), |product, note| {
            product.status.unwrap_or_default().entries.iter().for_each(|entry| note(&entry.order, "held"));
        }));
        watches.spawn(follow(Api::<Wallet>::namespaced(client.clone(), namespace), self.clone(), |wallet, note| {
            wallet.status.unwrap_or_default().entries.iter().for_each(|entry| note(&entry.order, "charged"));
        }));
        watches.spawn(follow(Api::<Payment>::namespaced(client.clone(), namespace), self.clone(), |payment, note| {
            let order = &payment.spec.order.uid;
            note(order, "payment made");
            if payment.status.is_some_and(|status| status.approved_at.is_some()) {
                note(order, "approved");
            }
        }));
        watches.spawn(follow(
            Api::<Delivery>::namespaced(client.clone(), namespace),
            self.clone(),
            |delivery, note| {
                let order = &delivery.spec.order.uid;
                note(order, "delivery made");
                if delivery.spec.progress.is_some() {
                    note(order, "picked up");
                }
                if delivery.spec.progress == Some(Progress::Delivered) {
                    note(order, "delivered");
                }
                if delivery.status.is_some_and(|status| status.confirmed_at.is_some()) {
                    note(order, "confirmed");
                }
            },
        ));
        watches.spawn(follow(Api::<OrderView>::namespaced(client.clone(), namespace), self.clone(), |row, note| {
            if row.status.is_some_and(|status| status.order.is_end()) {
                note(&row.spec.order.uid, "row shows it");
            }
        }));
        watches
    }

    /// The hops of all orders that were seen whole, and how many those are.
    pub fn hops(&self, resources: &[Owner]) -> (Vec<Hop>, usize) {
        let seen = self.0.lock().expect("facts");
        let whole: Vec<_> = seen.values().filter(|facts| CHAIN.iter().all(|(to, ..)| facts.contains_key(to))).collect();
        let mut from = "sent";
        let hop = |&(to, write, writer): &(&'static str, &str, &str)| {
            // Watches of different kinds are not in step: what was seen before its cause took no time.
            let took = |facts: &&HashMap<&str, Instant>| facts[to].saturating_duration_since(facts[from]).as_secs_f64();
            let millis: Vec<f64> = whole.iter().map(|facts| took(facts) * 1_000.0).collect();
            from = to;
            let inside = resources.iter().find(|owner| owner.name == write).cloned();
            let (p50, p99) = (quantile(&millis, 0.5), quantile(&millis, 0.99));
            Hop { to: to.to_owned(), write: write.to_owned(), writer: writer.to_owned(), p50, p99, inside }
        };
        (CHAIN.iter().map(hop).collect(), whole.len())
    }
}

/// Prints hops as a table.
pub fn print(hops: &[Hop], orders: usize) {
    println!("hops of {orders} orders, ms; inside is what the API server itself took for writes of that kind");
    println!(
        "  {:<14} {:<24} {:<9} {:>7} {:>7}   {:>11} {:>7}",
        "to", "by", "of the", "median", "p99", "inside mean", "p99"
    );
    for hop in hops {
        let inside =
            |value: fn(&Owner) -> f64| hop.inside.as_ref().map_or("-".to_owned(), |o| format!("{:.1}", value(o)));
        println!(
            "  {:<14} {:<24} {:<9} {:>7.1} {:>7.1}   {:>11} {:>7}",
            hop.to,
            hop.write,
            hop.writer,
            hop.p50,
            hop.p99,
            inside(|owner| owner.mean),
            inside(|owner| owner.p99)
        );
    }
    let sum = |of: &dyn Fn(&Hop) -> bool| hops.iter().filter(|hop| of(hop)).map(|hop| hop.p50).sum::<f64>();
    println!(
        "  medians added: {:.1}, of which the operator's hops {:.1}",
        sum(&|_| true),
        sum(&|hop| hop.writer == "operator")
    );
    if let Some(longest) = hops.iter().max_by(|a, b| a.p50.total_cmp(&b.p50)) {
        println!("  the longest: {} ({:.1} ms)", longest.to, longest.p50);
    }
}

async fn follow<K>(api: Api<K>, trace: Arc<Trace>, look: impl Fn(K, &dyn Fn(&str, &'static str)))
where
    K: Resource<Scope = NamespaceResourceScope, DynamicType = ()> + Clone,
    K: std::fmt::Debug + serde::de::DeserializeOwned + Send + 'static,
{
    let objects = watcher(api, watcher::Config::default()).default_backoff().applied_objects();
    let note = |order: &str, fact: &'static str| trace.note(order, fact, Instant::now());
    objects
        .try_for_each(|object| {
            look(object, &note);
            futures::future::ready(Ok(()))
        })
        .await
        .expect("the watch");
}
