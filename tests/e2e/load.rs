//! Load: callers in a pod of their own, and customers who order while couriers deliver.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use jumun::crd::{Delivery, Order};
use kube::Api;
use kube::api::{ListParams, Patch, PatchParams, PostParams};
use serde_json::json;
use tokio::task::JoinHandle;

use crate::cluster::{Place, setting, wait_for};

/// How many calls were answered, how many were not, and why the last one was not.
#[derive(Clone, Debug)]
pub struct Calls {
    pub answered: u64,
    pub failed: u64,
    pub why: String,
}

impl Place {
    /// Starts a pod that calls a Service from eight clients over and over.
    pub async fn call(&self, name: &str, service: &str) {
        let host = format!("{service}.{}.svc:8080", self.namespace);
        self.calls_to(name, &[&host, "8"]).await;
    }

    /// Starts a pod that calls this host through the gateway from eight clients over and over.
    pub async fn call_through_gateway(&self, name: &str, host: &str) {
        self.calls_to(name, &[crate::gateway::ADDRESS, "8", host]).await;
    }

    async fn calls_to(&self, name: &str, arguments: &[&str]) {
        let image = setting("CALLER_IMAGE", "jumun-caller:e2e");
        let pod = json!({ "apiVersion": "v1", "kind": "Pod", "metadata": { "name": name },
            "spec": { "restartPolicy": "Never", "automountServiceAccountToken": false, "terminationGracePeriodSeconds": 0,
                "securityContext": { "runAsNonRoot": true, "runAsUser": 65532, "seccompProfile": { "type": "RuntimeDefault" } },
                "containers": [{ "name": "caller", "image": image, "imagePullPolicy": "IfNotPresent", "args": arguments,
                    "securityContext": { "allowPrivilegeEscalation": false, "readOnlyRootFilesystem": true, "capabilities": { "drop": ["ALL"] } } }] } });
        self.kubectl(&format!("apply -f - <<'JSON'\n{pod}\nJSON"));
        wait_for("calls that are answered", || async { (self.calls(name)?.answered > 100).then_some(()) }).await;
    }

    /// What the callers have counted so far.
    pub fn calls(&self, name: &str) -> Option<Calls> {
        let (well, text) = crate::cluster::attempt(&format!("kubectl -n {} logs {name} --tail=1", self.namespace));
        let words: Vec<&str> = text.splitn(5, ' ').collect();
        match (well, &words[..]) {
            (true, ["answered", answered, "failed", failed, why @ ..]) => Some(Calls {
                answered: answered.parse().ok()?,
                failed: failed.parse().ok()?,
                why: why.first().copied().unwrap_or_default().to_owned(),
            }),
            _ => None,
        }
    }

    /// Waits until so many more calls were answered, and gives the count.
    pub async fn more_calls(&self, name: &str, more: u64) -> Calls {
        let before = self.calls(name).map_or(0, |calls| calls.answered);
        wait_for("more calls", || async { self.calls(name).filter(|calls| calls.answered >= before + more) }).await
    }
}

/// Customers and couriers at work until they are told to stop.
pub struct Trade {
    stop: Arc<AtomicBool>,
    placed: Arc<AtomicUsize>,
    customer: JoinHandle<()>,
    courier: JoinHandle<()>,
}

impl Trade {
    /// Opens a shop; a customer orders five times a second and changes her mind every fifth time, a courier delivers whatever is ready.
    pub async fn start(place: &Place) -> Self {
        place.kubectl("apply -f manifests/samples/01-shop.yaml");
        place.kubectl("wait --for=condition=Ready product/mug wallet/alice --timeout=60s");
        let (stop, placed) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let customer =
            tokio::spawn(order(Api::namespaced(place.client.clone(), &place.namespace), stop.clone(), placed.clone()));
        let courier = tokio::spawn(deliver(Api::namespaced(place.client.clone(), &place.namespace)));
        Self { stop, placed, customer, courier }
    }

    /// How many orders were taken.
    pub fn placed(&self) -> usize {
        self.placed.load(Ordering::Relaxed)
    }

    /// Waits until so many more orders were taken.
    pub async fn more(&self, more: usize) {
        let before = self.placed();
        wait_for("more orders", || async { (self.placed() >= before + more).then_some(()) }).await;
    }

    /// The customer stops; the courier goes on until every order that was taken is there and has come to its end.
    pub async fn finish(self, place: &Place) -> usize {
        self.stop.store(true, Ordering::Relaxed);
        self.customer.await.expect("the customer");
        let placed = self.placed.load(Ordering::Relaxed);
        let orders: Api<Order> = Api::namespaced(place.client.clone(), &place.namespace);
        wait_for("every order to come to its end", || async {
            let all = orders.list(&ListParams::default()).await.ok()?.items;
            assert!(all.len() >= placed, "{placed} orders were taken, {} are there", all.len());
            let ended = |order: &Order| order.status.as_ref().is_some_and(|status| status.ended_at.is_some());
            all.iter().all(ended).then_some(())
        })
        .await;
        self.courier.abort();
        placed
    }
}

async fn order(orders: Api<Order>, stop: Arc<AtomicBool>, placed: Arc<AtomicUsize>) {
    let mut tick = tokio::time::interval(Duration::from_millis(200));
    let mut number = 0;
    while !stop.load(Ordering::Relaxed) {
        tick.tick().await;
        number += 1;
        let order = json!({ "apiVersion": "jumun.dev/v1alpha1", "kind": "Order", "metadata": { "name": format!("order-{number}") },
            "spec": { "customer": "alice", "store": "pointshop", "items": [{ "product": "mug", "quantity": 1 }],
                "payment": { "method": "Wallet", "wallet": "alice" },
                "deliverTo": { "recipient": "Alice", "address": "Teheran-ro 1", "zone": "gangnam", "phone": "010-0000-0000" } } });
        let order = serde_json::from_value(order).expect("an Order");
        if orders.create(&PostParams::default(), &order).await.is_err() {
            continue;
        }
        placed.fetch_add(1, Ordering::Relaxed);
        if number % 5 == 0 {
            let wish = json!({ "spec": { "cancel": { "reason": "ChangedMind" } } });
            // A wish that is lost is no wish: the order is delivered.
            let _ = orders.patch(&format!("order-{number}"), &PatchParams::default(), &Patch::Merge(&wish)).await;
        }
    }
}

async fn deliver(deliveries: Api<Delivery>) {
    let mut tick = tokio::time::interval(Duration::from_millis(500));
    let ready = ListParams::default().fields("spec.ready=true,spec.hold.cause=");
    loop {
        tick.tick().await;
        let Ok(list) = deliveries.list(&ready).await else { continue };
        for delivery in list.items {
            let spec = serde_json::to_value(&delivery.spec).expect("JSON");
            let name = delivery.metadata.name.unwrap_or_default();
            let claim = json!({ "spec": { "courier": { "name": "park", "zone": "gangnam" }, "progress": "PickedUp" } });
            let done = json!({ "spec": { "progress": "Delivered" } });
            let steps = match spec["progress"].as_str() {
                Some("Delivered") => vec![],
                Some(_) => vec![done],
                None => vec![claim, done],
            };
            for step in steps {
                // A step that is refused or lost is taken again with the next list.
                let _ = deliveries.patch(&name, &PatchParams::default(), &Patch::Merge(&step)).await;
            }
        }
    }
}
