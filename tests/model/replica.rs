//! What a replica knows, in the caches that ship: the objects that it has seen, the tombstones of those that are gone, and
//! what its reconcile has read and been told. The controllers observe it as they do in the operator.

use std::cell::RefCell;
use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::rc::Rc;
use std::sync::Arc;

use jumun::cluster::EVERY as ALL;
use jumun::cluster::members::Members;
use jumun::controllers::Controller;
use jumun::controllers::view::OrderViews;
use jumun::crd::{Order, OrderPlatform, OrderView, Store, view as row};
use jumun::domain::effect::Outcome;
use jumun::domain::notification::{Company, Message, Untaken};
use jumun::domain::{Kind, Time, Version, platform, provider, view};
use jumun::world::{LiveReads, World};

use super::config::Config;
use super::mutations::Mutation;
use super::objects::{EVERY, FIRST, Fields, Id, is_row, kind, names, number, order, row as row_of, uid};
use super::state::{Cell, Flight, Slot, State};
use super::versions::{CUSTOMER, NAMESPACE, Object, STORE, bought, counter, key, object, shop};

thread_local! {
    static OBJECTS: RefCell<HashMap<(u64, Id, Slot), Object>> = RefCell::default();
    static WORLD: RefCell<Option<(u64, Rc<World>)>> = RefCell::default();
    static SHOPS: RefCell<HashMap<u64, Store>> = RefCell::default();
    static COUNTER: OrderPlatform = counter();
    static MEMBERS: Arc<Members> = Arc::default();
}

/// Caches that hold nothing yet.
pub fn empty() -> World {
    World::new(HashMap::new(), MEMBERS.with(Arc::clone))
}

/// A cache takes this version of an object, as its watch would bring it.
pub fn deliver(world: &World, config: &Config, id: Id, slot: &Slot, at: Time) {
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

/// The same of a row.
pub fn deliver_row(world: &World, mut row: OrderView, at: Time) {
    row.metadata.namespace = Some(NAMESPACE.to_owned());
    row.metadata.resource_version = Some("1".to_owned());
    world.views.deliver(row, at);
}

/// One replica, in one reconcile.
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
        C::observe(&self.world(), key(self.flight.root), &self.live_reads())
    }

    /// The caches, which are filled once for what they hold. To observe may bury an order that was read and is gone; the step
    /// that read it has made the cell `Gone`, so that it was buried when they were filled.
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
        let (world, old) = (empty(), Time::from_millis(0));
        for (id, cell) in self.state.row(self.replica).iter().enumerate() {
            match cell {
                Cell::Never => {}
                Cell::At(slot) => deliver(&world, config, id, slot, if slot.new { now } else { old }),
                Cell::Gone { nth, version, noticed, tells } => {
                    self.bury(&world, id, *nth, Version(u64::from(*version)), config.time(*noticed), *tells);
                }
            }
        }
        if self.state.store {
            let shop =
                SHOPS.with_borrow_mut(|shops| shops.entry(config.serial).or_insert_with(|| shop(config)).clone());
            world.stores.deliver(shop, old);
        }
        if config.provider {
            world.platforms.deliver(COUNTER.with(OrderPlatform::clone), old);
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
                    Mutation::RemovedTakenForEnded | Mutation::ServeWithoutFinalizer | Mutation::OrderLetGo => {
                        Some(true)
                    }
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
        let id = order(number);
        let shown = match self.state.cached(self.replica, id).slot().map(|slot| &slot.body) {
            Some(body) => {
                let ends = matches!(&body.fields, Fields::Order { status, .. } if status.ended_at.is_some());
                if body.deleting.is_none() || !ends {
                    return;
                }
                let sources = OrderViews::observe(world, key(id), &LiveReads::default()).and_then(|seen| seen.sources);
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
        deliver_row(world, shown, at);
    }

    /// What the reconcile has read and been told, beside the caches. What the model holds constant counts as read.
    fn live_reads(&self) -> LiveReads {
        let (config, flight, mut live) = (self.config, self.flight, LiveReads::default());
        let now = config.time(self.state.clock);
        live.note(Kind::Store, STORE, Version(1), now);
        live.note(Kind::OrderPlatform, platform::NAME, Version(1), now);
        for (id, version, clock) in &flight.reads {
            let (version, at) = (Version(u64::from(*version)), config.time(*clock));
            match *id {
                EVERY => live.note(Kind::Order, ALL, version, at),
                id if is_row(id) => live.note(Kind::OrderView, &names(id - row_of(0)).order.name, version, at),
                id => live.note(kind(id), &key(id).name, version, at),
            }
        }
        if flight.root < FIRST {
            return live;
        }
        let order = &names(number(flight.root)).order;
        for (call, reply) in &flight.replies {
            live.keep(call.id(&provider::key(&order.uid)), Outcome::Provider(reply.clone()));
        }
        if let Some(taken) = flight.told {
            let answer = if taken { Ok(()) } else { Err(Untaken::Failing("503".to_owned())) };
            live.keep(Message::id(order, &key(flight.root).name), Outcome::Notice(answer));
        }
        live
    }
}
