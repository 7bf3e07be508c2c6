//! What a replica knows, in the caches that ship: the objects that it has seen, the tombstones of those that are gone, and
//! what its pass has read and been told. The controllers observe it as they do in the operator.

use std::cell::RefCell;
use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::rc::Rc;
use std::sync::{Arc, LazyLock};

use jiff::Timestamp;
use jumun::cluster::members::Members;
use jumun::cluster::{EVERY as ALL, Key, transform};
use jumun::controllers::Controller;
use jumun::controllers::view::OrderViews;
use jumun::crd::{
    Delivery, DeliverySpec, Notification, Order, OrderPlatform, OrderView, Payment, Product, Store, Ticket, Wallet,
    order as crd, product, view as row, wallet,
};
use jumun::domain::delivery::Address;
use jumun::domain::effect::Outcome;
use jumun::domain::notification::{Company, Draft, Message, Untaken};
use jumun::domain::payment::{Item, Payer};
use jumun::domain::provider::{self, Token};
use jumun::domain::store::SellerNotice;
use jumun::domain::{Kind, Money, ObjectRef, Time, Version, ids, payment, platform, ticket, view};
use jumun::world::{Held, Pass, World};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, Time as Moment};
use serde_json::{Value, json};

use super::config::{Config, PRICE};
use super::mutations::Mutation;
use super::objects::{EACH, EVERY, FIRST, Fields, Id, PRODUCT, WALLET, is_row, kind, name, names, number, row as row_of, uid};
use super::state::{Cell, Flight, Slot, State};

pub const CURRENCY: &str = "KRW";
const CUSTOMER: &str = "alice";
const STORE: &str = "shop";
const PROVIDER: &str = "card";
const NAMESPACE: &str = "default";

static KEYS: LazyLock<Vec<Key>> =
    LazyLock::new(|| (0..FIRST + 2 * EACH).map(|id| Key::new(NAMESPACE, &name(id))).collect());

/// The key of an object.
pub fn key(id: Id) -> &'static Key {
    &KEYS[id]
}

/// One version of one object, as the API server gives it and the caches keep it.
#[derive(Clone)]
enum Object {
    Order(Arc<Order>),
    Payment(Arc<Payment>),
    Ticket(Arc<Ticket>),
    Delivery(Arc<Delivery>),
    Notice(Arc<Notification>),
    Product(Arc<Product>),
    Wallet(Arc<Wallet>),
}

thread_local! {
    static OBJECTS: RefCell<HashMap<(u64, Id, Slot), Object>> = RefCell::default();
    static WORLD: RefCell<Option<(u64, Rc<World>)>> = RefCell::default();
    static MEMBERS: Arc<Members> = Arc::default();
}

/// One replica, in one pass.
#[derive(Clone, Copy)]
pub struct View<'a> {
    pub config: &'a Config,
    pub state: &'a State,
    pub replica: usize,
    pub flight: &'a Flight,
}

impl View<'_> {
    pub fn now(&self) -> Time {
        self.config.now(self.state.clock, self.replica)
    }

    /// Who else sends, and under which name this replica does: where another one does, every attempt is claimed.
    pub fn company(&self) -> (Company, String) {
        let others = self.config.replicas > 1 && self.config.others.contains(&Kind::Notification);
        (if others { Company::Several } else { Company::Alone }, format!("jumun-{}", self.replica))
    }

    /// Tells one content of the caches from another.
    pub fn mark(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        (self.config.serial, self.now(), self.state.row(self.replica), self.state.store).hash(&mut hasher);
        for (number, past) in self.state.past.iter().enumerate() {
            (past.ended, self.has_read(number)).hash(&mut hasher);
        }
        hasher.finish()
    }

    /// What the shipped controller observes.
    pub fn observe<C: Controller>(&self) -> Option<C::Observed> {
        C::observe(&self.world(), key(self.flight.root), &self.pass())
    }

    /// The caches, which are filled once for what they hold.
    fn world(&self) -> Rc<World> {
        let mark = self.mark();
        if let Some((_, world)) = WORLD.with_borrow(|world| world.clone().filter(|(of, _)| *of == mark)) {
            return world;
        }
        let world = Rc::new(self.fill());
        WORLD.replace(Some((mark, world.clone())));
        world
    }

    fn fill(&self) -> World {
        let (config, now) = (self.config, self.now());
        let world = World::new(HashMap::new(), MEMBERS.with(Arc::clone));
        let old = Time::from_millis(0);
        for (id, cell) in self.state.row(self.replica).iter().enumerate() {
            match cell {
                Cell::Never => {}
                Cell::At(slot) => {
                    let at = if slot.new { now } else { old };
                    let known = (config.serial, id, Slot { new: false, ..*slot });
                    let make = || object(config, id, slot);
                    match OBJECTS.with_borrow_mut(|objects| objects.entry(known).or_insert_with(make).clone()) {
                        Object::Order(object) => drop(world.orders.deliver(object, at)),
                        Object::Payment(object) => drop(world.payments.deliver(object, at)),
                        Object::Ticket(object) => drop(world.tickets.deliver(object, at)),
                        Object::Delivery(object) => drop(world.deliveries.deliver(object, at)),
                        Object::Notice(object) => drop(world.notifications.deliver(object, at)),
                        Object::Product(object) => drop(world.products.deliver(object, at)),
                        Object::Wallet(object) => drop(world.wallets.deliver(object, at)),
                    }
                }
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
                let read = self.has_read(number(id));
                let told = match self.config.mutation {
                    // An old version of the row shows no end.
                    Mutation::RowTakenAtItsWord if !tells => Some(ended && read),
                    // An order that goes too soon is undone by its children: such a fault shows only where they do not know it.
                    Mutation::RemovedTakenForEnded | Mutation::ServeUnguarded | Mutation::OrderLetGo => Some(true),
                    _ => tells.then_some(ended),
                };
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
        self.flight.reads.iter().any(|read| read.0 == row_of(number))
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
    fn pass(&self) -> Pass {
        let (config, flight, mut pass) = (self.config, self.flight, Pass::default());
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
        for (call, reply) in &flight.replies {
            pass.keep(call.id(&provider::key(&order.uid)), Outcome::Provider(reply.clone()));
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

fn kept<K: Held>(mut object: K, id: Id, slot: &Slot) -> Arc<K> {
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
    Arc::new(object)
}

fn object(config: &Config, id: Id, slot: &Slot) -> Object {
    match &slot.body.fields {
        Fields::Order { cancel, status } => {
            let mut slot = *slot;
            if config.mutation == Mutation::ServeUnguarded {
                slot.body = slot.body.with(|body| body.guarded = true);
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
