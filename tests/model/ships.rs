//! What a replica knows, in the caches that ship: the objects that it has seen, the tombstones of those that are gone, and
//! what its pass has read and been told. The shipped controllers observe it as they do in the operator.

use std::sync::LazyLock;

use jiff::Timestamp;
use jumun::cluster::{EVERY as ALL, Key, transform};
use jumun::controllers::Controller;
use jumun::controllers::view::OrderViews;
use jumun::crd::{
    Delivery, DeliverySpec, Notification, Order, OrderPlatform, OrderView, Payment, Product, Store, Ticket, Wallet,
    order as crd, product, view as row, wallet,
};
use jumun::domain::delivery::Address;
use jumun::domain::effect::Outcome;
use jumun::domain::notification::{Draft, Message, Untaken};
use jumun::domain::payment::{Item, Payer};
use jumun::domain::provider::{self, Call, Token};
use jumun::domain::store::SellerNotice;
use jumun::domain::{Kind, Money, ObjectRef, Time, Version, ids, payment, platform, ticket, view};
use jumun::world::{Held, Pass, World};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, Time as Moment};
use serde_json::{Value, json};

use super::config::{Config, PRICE};
use super::objects::{
    EACH, EVERY, FIRST, Fields, Id, PRODUCT, WALLET, is_row, kind, name, names, number, row as row_of, uid,
};
use super::observe::View;
use super::state::{Cell, Slot};

const CURRENCY: &str = "KRW";
const CUSTOMER: &str = "alice";
const STORE: &str = "shop";
const PROVIDER: &str = "card";
const NAMESPACE: &str = "default";

static KEYS: LazyLock<Vec<Key>> =
    LazyLock::new(|| (0..FIRST + 2 * EACH).map(|id| Key::new(NAMESPACE, &name(id))).collect());

/// The key of an object.
fn key(id: Id) -> &'static Key {
    &KEYS[id]
}

impl View<'_> {
    /// What the shipped controller observes.
    pub fn ships<C: Controller>(&self) -> Option<C::Observed> {
        C::observe(&self.fill(), key(self.pass.root), &self.learnt())
    }

    fn fill(&self) -> World {
        let config = self.config;
        let world = World::default();
        let old = Time::from_millis(0);
        for (id, cell) in self.state.row(self.replica).iter().enumerate() {
            match cell {
                Cell::Never => {}
                Cell::At(slot) => put(&world, config, id, slot, if slot.new { self.now() } else { old }),
                Cell::Gone { nth, version, noticed, tells } => {
                    self.bury(&world, id, *nth, Version(u64::from(*version)), config.time(*noticed), *tells);
                }
            }
        }
        if self.state.store {
            world.stores.deliver(shop(config), old);
        }
        if config.provider {
            world.platforms.deliver(counter(), old);
        }
        (0..config.orders).for_each(|number| self.show(&world, number, old));
        world
    }

    /// A tombstone; that of an order tells how it stood, where its delete event did.
    fn bury(&self, world: &World, id: Id, nth: u8, version: Version, noticed: Time, tells: bool) {
        let uid = uid(id, nth);
        match kind(id) {
            Kind::Order => {
                let ended = self.state.past[number(id)].ended.is_some();
                let told = tells.then_some(ended);
                let mut gone = Order::new(&key(id).name, bought(self.config, false));
                gone.metadata.uid = Some(uid);
                gone.metadata.namespace = Some(NAMESPACE.to_owned());
                gone.metadata.resource_version = Some(version.0.to_string());
                world.orders.delete(&gone, told, noticed);
            }
            Kind::Product => world.products.bury(&uid, version, noticed),
            Kind::Wallet => world.wallets.bury(&uid, version, noticed),
            _ => {}
        }
    }

    fn has_read(&self, number: usize) -> bool {
        self.pass.reads.iter().any(|read| read.0 == row_of(number))
    }

    /// The row of an order: that of one that has ended shows it; that of one that is gone is seen once it is read.
    fn show(&self, world: &World, number: usize, at: Time) {
        let id = super::objects::order(number);
        let mut shown = match self.state.cached(self.replica, id).slot().map(|slot| &slot.body) {
            Some(body) => {
                let ends = matches!(&body.fields, Fields::Order { status, .. } if status.ended_at.is_some());
                if body.deleting.is_none() || !ends {
                    return;
                }
                let sources = OrderViews::observe(world, key(id), &Pass::default()).and_then(|seen| seen.sources);
                let Some(sources) = sources else { return };
                OrderView::from_row(&view::project(&sources, None))
            }
            None if self.config.rowless || !self.has_read(number) => return,
            None => {
                let order = self.state.past[number].ended.unwrap_or_default();
                let spec = row::OrderViewSpec {
                    order: names(number).order.clone(),
                    customer: CUSTOMER.to_owned(),
                    store: STORE.to_owned(),
                    seller: None,
                    amount: None,
                    content: String::new(),
                };
                let mut view = OrderView::new(&key(id).name, spec);
                view.status = Some(view::Status { order, ..view::Status::default() });
                view
            }
        };
        shown.metadata.namespace = Some(NAMESPACE.to_owned());
        shown.metadata.resource_version = Some("1".to_owned());
        world.views.deliver(shown, at);
    }

    /// What the pass has read and been told, beside the caches. What the model holds constant counts as read.
    fn learnt(&self) -> Pass {
        let (config, flight, mut pass) = (self.config, self.pass, Pass::default());
        let now = config.time(self.state.clock);
        pass.note(Kind::Store, STORE, Version(1), now);
        pass.note(Kind::OrderPlatform, platform::NAME, Version(1), now);
        for (id, version, clock) in &flight.reads {
            let (version, at) = (Version(u64::from(*version)), config.time(*clock));
            match *id {
                EVERY => pass.note(Kind::Order, ALL, version, at),
                id if is_row(id) => pass.note(Kind::OrderView, &names(id - row_of(0)).order.name, version, at),
                id => pass.note(kind(id), &key(id).name, version, at),
            }
        }
        if flight.root < FIRST {
            return pass;
        }
        let order = &names(number(flight.root)).order;
        // The copy knows the last reply alone, whatever was asked.
        if let Some(reply) = &flight.reply {
            pass.keep(Call::LookUp.id(&provider::key(&order.uid)), Outcome::Provider(reply.clone()));
        }
        if let Some(taken) = flight.told {
            let answer = if taken { Ok(()) } else { Err(Untaken::Failing("503".to_owned())) };
            pass.keep(Message::id(order, &key(flight.root).name), Outcome::Notice(answer));
        }
        pass
    }
}

fn moment(time: Time) -> Moment {
    Moment(Timestamp::from_millisecond(time.as_millis()).unwrap_or_default())
}

/// Puts one version of an object into its cache, as the API server gives it and the caches keep it.
fn keep<K: Held>(world: &World, mut object: K, id: Id, slot: &Slot, at: Time) {
    let body = &slot.body;
    *object.meta_mut() = ObjectMeta {
        name: Some(name(id)),
        namespace: Some(NAMESPACE.to_owned()),
        uid: Some(uid(id, slot.nth)),
        resource_version: Some(slot.version.to_string()),
        generation: Some(body.generation.0),
        creation_timestamp: Some(moment(body.created)),
        deletion_timestamp: body.deleting.map(moment),
        finalizers: body.guarded.then(|| vec![ids::FINALIZER.to_owned()]),
        ..ObjectMeta::default()
    };
    transform(&mut object);
    K::cache(world).deliver(object, at);
}

fn put(world: &World, config: &Config, id: Id, slot: &Slot, at: Time) {
    match &slot.body.fields {
        Fields::Order { cancel, status } => {
            let order = Order { status: Some(status.clone()), ..Order::new("", bought(config, *cancel)) };
            keep(world, order, id, slot, at);
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
            keep(world, payment, id, slot, at);
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
            keep(world, ticket, id, slot, at);
        }
        Fields::Delivery { hold, ready, progress, received, status } => {
            let spec = DeliverySpec {
                order: names(number(id)).order.clone(),
                deliver_to: address(),
                zone: "gangnam".to_owned(),
                confirmation: config.confirmation,
                deadlines: config.deadlines(),
                ready: *ready,
                hold: *hold,
                courier: None,
                progress: *progress,
                received: received.then_some(true),
            };
            let delivery = Delivery { status: Some(status.clone()), ..Delivery::new("", spec) };
            keep(world, delivery, id, slot, at);
        }
        Fields::Notice { content, status } => {
            let notice = Notification::from_draft(&Draft((**content).clone()));
            keep(world, Notification { status: Some(status.clone()), ..notice }, id, slot, at);
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
            keep(world, Product { status: Some(status), ..Product::new("", spec) }, id, slot, at);
        }
        Fields::Wallet { status } => {
            let spec = wallet::WalletSpec {
                owner: CUSTOMER.to_owned(),
                deposited: Money::new(config.deposited, CURRENCY),
                points: 0,
            };
            let mut status = status.clone();
            status.settled_through = mark(slot);
            keep(world, Wallet { status: Some(status), ..Wallet::new("", spec) }, id, slot, at);
        }
    }
}

/// A ledger's mark as it stands in its status.
fn mark(slot: &Slot) -> String {
    if slot.mark > 0 { slot.mark.to_string() } else { String::new() }
}

fn address() -> Address {
    Address { recipient: String::new(), address: String::new(), zone: "gangnam".to_owned(), phone: None }
}

fn bought(config: &Config, cancel: bool) -> crd::OrderSpec {
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
fn constant<K: Held>(name: &str, spec: Value) -> K {
    let metadata = json!({ "name": name, "namespace": NAMESPACE, "uid": name, "resourceVersion": "1" });
    serde_json::from_value(json!({ "metadata": metadata, "spec": spec })).expect("an object")
}

fn shop(config: &Config) -> Store {
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
fn counter() -> OrderPlatform {
    let card = json!({ "name": PROVIDER, "url": "http://pay.example" });
    constant(platform::NAME, json!({ "payment": { "providers": [card] } }))
}
