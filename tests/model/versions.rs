//! One version of one object, as the API server gives it and the caches that ship keep it.

use std::sync::{Arc, LazyLock};

use jiff::Timestamp;
use jumun::cluster::{Key, transform};
use jumun::crd::delivery::Courier;
use jumun::crd::{
    Delivery, DeliverySpec, Notification, Order, OrderPlatform, Payment, Product, Store, Ticket, Wallet, order as crd,
    product, wallet,
};
use jumun::domain::delivery::Address;
use jumun::domain::notification::Draft;
use jumun::domain::payment::{Item, Payer};
use jumun::domain::provider::Token;
use jumun::domain::store::SellerNotice;
use jumun::domain::{Money, ObjectRef, Time, ids, payment, platform, ticket};
use jumun::world::Cached;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, Time as Moment};
use serde_json::{Value, json};

use super::config::{Config, PRICE};
use super::mutations::Mutation;
use super::objects::{EACH, FIRST, Fields, Id, PRODUCT, WALLET, name, names, number, uid};
use super::state::Slot;

const CURRENCY: &str = "KRW";
pub const CUSTOMER: &str = "alice";
pub const STORE: &str = "shop";
const PROVIDER: &str = "card";
const ZONE: &str = "gangnam";
pub const NAMESPACE: &str = "default";

static KEYS: LazyLock<Vec<Key>> =
    LazyLock::new(|| (0..FIRST + 2 * EACH).map(|id| Key::new(NAMESPACE, &name(id))).collect());

/// The key of an object.
pub fn key(id: Id) -> &'static Key {
    &KEYS[id]
}

/// One version of one object, as the API server gives it and the caches keep it.
#[derive(Clone)]
pub enum Object {
    Order(Arc<Order>),
    Payment(Arc<Payment>),
    Ticket(Arc<Ticket>),
    Delivery(Arc<Delivery>),
    Notice(Arc<Notification>),
    Product(Arc<Product>),
    Wallet(Arc<Wallet>),
}

pub fn moment(time: Time) -> Moment {
    Moment(Timestamp::from_millisecond(time.as_millis()).unwrap_or_default())
}

/// As a cache keeps it.
fn kept<K: Cached>(mut object: K, id: Id, slot: &Slot) -> Arc<K> {
    let body = &slot.body;
    *object.meta_mut() = ObjectMeta {
        name: Some(name(id)),
        namespace: Some(NAMESPACE.to_owned()),
        uid: Some(uid(id, slot.nth)),
        resource_version: Some(slot.version.to_string()),
        generation: Some(body.generation.0),
        creation_timestamp: Some(moment(body.created)),
        deletion_timestamp: body.deleting.map(moment),
        finalizers: body.has_finalizer.then(|| vec![ids::FINALIZER.to_owned()]),
        ..ObjectMeta::default()
    };
    transform(&mut object);
    Arc::new(object)
}

/// This version of an object.
pub fn object(config: &Config, id: Id, slot: &Slot) -> Object {
    match &slot.body.fields {
        Fields::Order { cancel, status } => {
            let mut slot = *slot;
            if config.mutation == Mutation::ServeWithoutFinalizer {
                slot.body = slot.body.with(|body| body.has_finalizer = true);
            }
            let order = Order { status: Some(status.clone()), ..Order::new("", bought(config, *cancel)) };
            Object::Order(kept(order, id, &slot))
        }
        Fields::Payment { cancel, status } => {
            let draft = payment::Draft {
                order: names(number(id)).order.clone(),
                payer: if config.provider {
                    Payer::Provider { name: PROVIDER.to_owned(), token: Token("tok".to_owned()) }
                } else {
                    Payer::Wallet(ObjectRef { name: name(WALLET), uid: uid(WALLET, 0) })
                },
                amount: Money::new(PRICE, CURRENCY),
                points: 0,
                items: vec![Item { product: name(PRODUCT), uid: uid(PRODUCT, 0), quantity: 1 }],
                cancel: *cancel,
            };
            let payment = Payment { status: Some(status.clone()), ..Payment::from_draft(&draft) };
            Object::Payment(kept(payment, id, slot))
        }
        Fields::Ticket { acceptance, hold, decision, cooking, status } => {
            let spec = jumun::crd::TicketSpec {
                order: names(number(id)).order.clone(),
                store: STORE.to_owned(),
                customer: CUSTOMER.to_owned(),
                items: Vec::new(),
                amount: Money::new(PRICE, CURRENCY),
                acceptance: *acceptance,
                until: config.until,
                deadlines: config.deadlines(),
                hold: *hold,
                decision: *decision,
                reject: (*decision == Some(ticket::Decision::Reject))
                    .then(|| ticket::Rejection { reason: "SoldOut".to_owned(), message: None }),
                cooking: *cooking,
            };
            let ticket = Ticket { status: Some(status.clone()), ..Ticket::new("", spec) };
            Object::Ticket(kept(ticket, id, slot))
        }
        Fields::Delivery { hold, ready, progress, received, status } => {
            let spec = DeliverySpec {
                order: names(number(id)).order.clone(),
                deliver_to: address(),
                zone: ZONE.to_owned(),
                confirmation: config.confirmation,
                deadlines: config.deadlines(),
                ready: *ready,
                hold: *hold,
                courier: progress.map(|_| Box::new(Courier { name: "park".to_owned(), zone: ZONE.to_owned() })),
                progress: *progress,
                received: received.then_some(true),
            };
            let delivery = Delivery { status: Some(status.clone()), ..Delivery::new("", spec) };
            Object::Delivery(kept(delivery, id, slot))
        }
        Fields::Notice { content, status } => {
            let notice = Notification::from_draft(&Draft((**content).clone()));
            Object::Notice(kept(Notification { status: Some(status.clone()), ..notice }, id, slot))
        }
        Fields::Product { status } => {
            let spec = product::ProductSpec {
                store: STORE.to_owned(),
                title: None,
                price: Money::new(PRICE, CURRENCY),
                points: 0,
                stock: config.stock,
            };
            let mut status = status.clone();
            status.settled_through = mark(slot);
            Object::Product(kept(Product { status: Some(status), ..Product::new("", spec) }, id, slot))
        }
        Fields::Wallet { status } => {
            let spec = wallet::WalletSpec {
                owner: CUSTOMER.to_owned(),
                deposited: Money::new(config.deposited, CURRENCY),
                points: 0,
            };
            let mut status = status.clone();
            status.settled_through = mark(slot);
            Object::Wallet(kept(Wallet { status: Some(status), ..Wallet::new("", spec) }, id, slot))
        }
    }
}

/// A ledger's mark as it stands in its status.
fn mark(slot: &Slot) -> String {
    if slot.mark > 0 { slot.mark.to_string() } else { String::new() }
}

fn address() -> Address {
    Address { recipient: String::new(), address: String::new(), zone: ZONE.to_owned(), phone: None }
}

pub fn bought(config: &Config, cancel: bool) -> crd::OrderSpec {
    let card = config.provider;
    crd::OrderSpec {
        customer: CUSTOMER.to_owned(),
        store: STORE.to_owned(),
        items: vec![crd::Item { product: name(PRODUCT), quantity: 1 }],
        payment: crd::PaymentMethod {
            method: if card { crd::Method::Provider } else { crd::Method::Wallet },
            wallet: (!card).then(|| name(WALLET)),
            provider: card.then(|| PROVIDER.to_owned()),
            token: card.then(|| "tok".to_owned()),
        },
        deliver_to: address(),
        agreed: None,
        cancel: cancel.then(|| Box::new(crd::Cancel { reason: "ChangedMind".to_owned(), message: None })),
    }
}

/// An object that the model holds constant.
pub fn constant<K: Cached>(name: &str, spec: Value) -> K {
    let metadata = json!({ "name": name, "namespace": NAMESPACE, "uid": name, "resourceVersion": "1" });
    serde_json::from_value(json!({ "metadata": metadata, "spec": spec })).expect("an object")
}

pub fn shop(config: &Config) -> Store {
    let notice = if config.required { SellerNotice::Required } else { SellerNotice::BestEffort };
    let notify = config.required.then(|| json!({ "url": "http://seller.example" }));
    let spec = json!({
        "seller": "kim", "fulfilment": config.fulfilment, "acceptance": config.acceptance,
        "confirmation": config.confirmation, "cancellation": { "until": config.until, "sellerNotice": notice },
        "deadlines": config.deadlines(), "notify": notify,
    });
    constant(STORE, spec)
}

/// The platform, where there is one: it knows the provider.
pub fn counter() -> OrderPlatform {
    let card = json!({ "name": PROVIDER, "url": "http://pay.example" });
    constant(platform::NAME, json!({ "payment": { "providers": [card] } }))
}
