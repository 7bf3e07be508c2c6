//! A scenario: what stands before the operator starts, what the actors do when they see something, and the end of each
//! order. Actors look and act again and again, so what they do must follow from what stands, not from what came before.

use std::collections::BTreeMap;
use std::sync::Arc;

use jumun::http::fake_provider::Faults;
use k8s_openapi::api::core::v1::Namespace;
use kube::api::{DeleteParams, Patch, PatchParams, PostParams};
use kube::{Api, Client};
use serde_json::{Value, json};

use crate::harness::order;
use crate::outside::by_card;
use crate::recorder::{KINDS, Version, api};

/// An actor: what it does about what it sees.
pub type Actor = fn(&Seen) -> Vec<Act>;

/// One step of an actor, by kind and name.
#[derive(Clone, Debug, PartialEq)]
pub enum Act {
    Create(Value),
    Patch(&'static str, String, Value),
    /// What whoever restores a backup writes into a status.
    Restore(&'static str, String, Value),
    Delete(&'static str, String),
    DeleteNamespace,
}

impl Act {
    /// Does it; that it is refused is part of the game.
    pub async fn perform(&self, client: &Client, namespace: &str) -> kube::Result<()> {
        let api = |kind: &str| {
            let (kind, plural) = KINDS.iter().find(|(known, _)| *known == kind).expect("one of our kinds");
            api(client, namespace, kind, plural)
        };
        match self {
            Self::Create(object) => {
                let kind = object["kind"].as_str().expect("a kind");
                let object = serde_json::from_value(object.clone()).expect("an object");
                api(kind).create(&PostParams::default(), &object).await.map(drop)
            }
            Self::Patch(kind, name, patch) => {
                api(kind).patch(name, &PatchParams::default(), &Patch::Merge(patch)).await.map(drop)
            }
            Self::Restore(kind, name, status) => {
                let patch = Patch::Merge(json!({ "status": status }));
                api(kind).patch_status(name, &PatchParams::default(), &patch).await.map(drop)
            }
            Self::Delete(kind, name) => api(kind).delete(name, &DeleteParams::background()).await.map(drop),
            Self::DeleteNamespace => {
                let api: Api<Namespace> = Api::all(client.clone());
                api.delete(namespace, &DeleteParams::background()).await.map(drop)
            }
        }
    }
}

/// What stands, as far as it was seen.
#[derive(Default)]
pub struct Seen {
    objects: BTreeMap<(&'static str, String), Arc<Value>>,
}

impl Seen {
    pub fn take(&mut self, version: Version) {
        let key = (version.kind, version.object["metadata"]["name"].as_str().unwrap_or_default().to_owned());
        if version.deleted {
            self.objects.remove(&key);
        } else {
            self.objects.insert(key, version.object);
        }
    }

    /// Every object.
    pub fn all(&self) -> impl Iterator<Item = (&'static str, &Value)> {
        self.objects.iter().map(|((kind, _), object)| (*kind, &**object))
    }

    /// Every object of a kind.
    pub fn of(&self, kind: &'static str) -> impl Iterator<Item = &Value> {
        self.all().filter(move |(known, _)| *known == kind).map(|(_, object)| object)
    }

    pub fn get(&self, kind: &'static str, name: &str) -> Option<&Value> {
        self.objects.get(&(kind, name.to_owned())).map(|object| &**object)
    }

    /// The children of an order, of one kind.
    pub fn child<'a>(&'a self, kind: &'static str, order: &'a str) -> Option<&'a Value> {
        self.of(kind).find(move |child| child["spec"]["order"]["name"] == order)
    }

    /// The state of an order.
    pub fn state(&self, order: &str) -> &str {
        self.get("Order", order).and_then(|order| order["status"]["state"].as_str()).unwrap_or_default()
    }
}

/// What is set up, what people do then, and how it should end.
#[derive(Clone, Default)]
pub struct Scenario {
    pub set_up: Vec<Act>,
    pub actors: Vec<Actor>,
    /// By order: the state in which it ends, and whether it is gone then; its row shows the end in any case.
    pub ends: Vec<(&'static str, &'static str, bool)>,
    /// The namespace is deleted, and nothing is left in it.
    pub vanishes: bool,
    /// What is outside the cluster.
    pub outside: Outside,
}

/// What is outside the cluster: `{provider}` and `{endpoint}` in the set-up become their addresses.
#[derive(Clone, Default)]
pub struct Outside {
    /// A payment provider with these faults.
    pub provider: Option<Faults>,
    /// An endpoint for notices that fails so often at first.
    pub endpoint: Option<usize>,
}

impl Scenario {
    /// A warehouse store named `shop`.
    pub fn shop() -> Self {
        Self::default().object("Store", "shop", json!({ "seller": "kim", "zone": "gangnam" }))
    }

    /// A warehouse store named `shop`, where the customer confirms receipt.
    pub fn shop_that_asks() -> Self {
        Self::default().object("Store", "shop", json!({ "seller": "kim", "confirmation": "Customer" }))
    }

    /// A kitchen named `shop` that accepts by hand, with more fields.
    pub fn kitchen(more: Value) -> Self {
        let mut spec = json!({ "seller": "kim", "fulfilment": "Kitchen", "acceptance": "Manual" });
        for (field, value) in more.as_object().expect("fields") {
            spec[field] = value.clone();
        }
        Self::default().object("Store", "shop", spec)
    }

    /// An OrderPlatform that knows the provider `card`, whose customers are told, where there is an endpoint.
    pub fn platform(mut self, outside: Outside) -> Self {
        let mut spec = json!({ "egress": { "allowedHosts": ["127.0.0.1"] } });
        if outside.provider.is_some() {
            spec["payment"] = json!({ "providers": [{ "name": "card", "url": "{provider}", "timeout": "1s" }] });
        }
        if outside.endpoint.is_some() {
            spec["notifications"] = json!({ "customers": { "url": "{endpoint}" } });
        }
        self.outside = outside;
        self.object("OrderPlatform", "default", spec)
    }

    /// An order of so many of this product, paid by card.
    pub fn by_card(self, name: &str, product: &str, quantity: i64) -> Self {
        self.first(Act::Create(by_card(name, product, quantity)))
    }

    /// An object of any kind.
    pub fn object(self, kind: &str, name: &str, spec: Value) -> Self {
        self.first(Act::Create(json!({
            "apiVersion": "jumun.dev/v1alpha1", "kind": kind, "metadata": { "name": name }, "spec": spec,
        })))
    }

    pub fn product(self, name: &str, price: i64, stock: i64) -> Self {
        let spec = json!({ "store": "shop", "price": { "amount": price, "currency": "KRW" }, "stock": stock });
        self.object("Product", name, spec)
    }

    /// The wallet of Alice, who orders everything.
    pub fn wallet(self, deposited: i64) -> Self {
        let spec = json!({ "owner": "alice", "deposited": { "amount": deposited, "currency": "KRW" } });
        self.object("Wallet", "alice", spec)
    }

    /// An order of so many of these products.
    pub fn order(self, name: &str, items: &[(&str, i64)]) -> Self {
        self.first(Act::Create(order_of(name, items)))
    }

    /// One more step before the operator starts.
    pub fn first(mut self, act: Act) -> Self {
        self.set_up.push(act);
        self
    }

    pub fn actor(mut self, actor: Actor) -> Self {
        self.actors.push(actor);
        self
    }

    /// The order ends in this state.
    pub fn ends(mut self, order: &'static str, state: &'static str) -> Self {
        self.ends.push((order, state, false));
        self
    }

    /// The order ends in this state, as its row shows, and is gone then, as are its children.
    pub fn goes(mut self, order: &'static str, state: &'static str) -> Self {
        self.ends.push((order, state, true));
        self
    }

    /// The namespace is deleted, and nothing is left in it.
    pub fn vanishes(mut self) -> Self {
        self.vanishes = true;
        self
    }

    /// Whether an order is gone at the end.
    pub fn lets_go(&self) -> bool {
        self.vanishes || self.ends.iter().any(|(_, _, goes)| *goes)
    }

    /// What is missing for the end, in words; nothing where every order has ended as expected, rows show it and no stock
    /// is reserved.
    pub fn missing(&self, seen: &Seen) -> Option<String> {
        if self.vanishes {
            return seen
                .all()
                .next()
                .map(|(kind, object)| format!("{kind} {} is still there", object["metadata"]["name"]));
        }
        for (order, state, goes) in &self.ends {
            let row =
                seen.get("OrderView", order).map_or("", |row| row["status"]["order"].as_str().unwrap_or_default());
            if row != *state {
                return Some(format!("the row of {order} shows {row:?}, not {state}"));
            }
            if *goes {
                let left = ["Payment", "Ticket", "Delivery"].into_iter().find(|kind| seen.child(kind, order).is_some());
                let left = left.or(seen.get("Order", order).map(|_| "Order"));
                if let Some(kind) = left {
                    return Some(format!("a {kind} of {order} is still there"));
                }
            } else if seen.state(order) != *state || seen.get("Order", order)?["status"]["endedAt"].is_null() {
                return Some(format!("{order} is {:?}, not {state}", seen.state(order)));
            }
        }
        let notice = seen.of("Notification").find(|notice| notice["status"]["sentAt"].is_null());
        if let Some(notice) = notice {
            return Some(format!("{} is not sent", notice["metadata"]["name"]));
        }
        let reserved = seen.of("Product").find(|product| product["status"]["reserved"] != 0);
        reserved
            .map(|product| format!("{} has {} reserved", product["metadata"]["name"], product["status"]["reserved"]))
    }
}

/// An order of Alice as JSON.
pub fn order_of(name: &str, items: &[(&str, i64)]) -> Value {
    let mut object = order(name, "alice", items[0].0, items[0].1);
    let items = items.iter().map(|(product, quantity)| json!({ "product": product, "quantity": quantity }));
    object["spec"]["items"] = items.collect();
    object
}
