//! OrderPlatform: watches platforms, and the orders that wait for their turn.

use std::collections::{HashMap, HashSet};

use crate::cluster::{EVERY, Key, Seen};
use crate::crd::order::Item;
use crate::crd::{Order, OrderPlatform};
use crate::domain::platform::{Affected, Backlog, Observed, Place, QueuedOrder, Turn};
use crate::domain::store::{Fulfilment, Intake};
use crate::domain::{Kind, Lookup, Time};
use crate::world::breaker::circuit;
use crate::world::lookup::created;
use crate::world::order::OrderIndex;
use crate::world::payment::PaymentIndex;
use crate::world::{LiveReads, World};

use super::Controller;

/// The orders that wait, and how full the platform is. Where nobody asks for a number and there is no room, the former are
/// not looked at.
fn backlog(world: &World, key: &Key, platform: &OrderPlatform, live: &LiveReads) -> Backlog {
    let (limits, paused) = (platform.spec.limits(), platform.spec.is_paused());
    let mut backlog = Backlog { limits, paused, ..Backlog::default() };
    if limits.are_none() {
        return backlog;
    }
    let status = platform.status.clone().unwrap_or_default();
    if status.issued.is_none() && live.read(Kind::Order, EVERY).is_some() {
        backlog.highest = Some(highest(world, key));
    }
    let mut collector = Collector { world, platform, stores: HashMap::new(), backlog };
    let mut known = HashSet::new();
    for turn in &status.turns {
        let found = world.lookup::<Order>(&key.sibling(&turn.name), Some(&turn.order), live);
        known.insert(turn.order.clone());
        match found {
            Lookup::Present(seen) => collector.take(&seen),
            Lookup::Gone => collector.gone(turn),
            Lookup::Unproven if collector.cannot_read(&key.sibling(&turn.name)) => {
                collector.backlog.orders.push(away(turn))
            }
            // What a list of all orders lacks is not there.
            Lookup::Unproven if live.read(Kind::Order, EVERY).is_some() => collector.gone(turn),
            Lookup::Unproven => collector.backlog.unproven.push(turn.name.clone()),
        }
    }
    let in_flight = world.orders.find(&key.namespace, OrderIndex::InFlight);
    let asked = world.orders.count(&key.namespace, OrderIndex::Unnumbered) > 0;
    let full = limits.pending.is_some_and(|limit| in_flight.len() >= limit);
    let waiting = if full && !asked { Vec::new() } else { world.orders.find(&key.namespace, OrderIndex::Unplaced) };
    // Nothing is known of what cannot be read: it gets no number, and a place only where it was placed before.
    let waiting = waiting.iter().filter(|order| world.unreadable(Kind::Order, order).is_none());
    for order in waiting.chain(&in_flight) {
        let seen = world.orders.get(order);
        let new = |seen: &Seen<Order>| seen.object.metadata.uid.as_ref().is_some_and(|uid| !known.contains(uid));
        seen.filter(new).iter().for_each(|seen| collector.take(seen));
    }
    collector.backlog
}

/// The highest number that an order of the namespace holds.
fn highest(world: &World, key: &Key) -> i64 {
    let keys = world.orders.keys(&key.namespace);
    let orders = keys.iter().filter_map(|order| world.orders.get(order));
    orders.filter_map(|seen| seen.object.status.as_ref()?.queue_number).max().unwrap_or(0)
}

/// Collects the orders that count, and how many each of their stores takes.
struct Collector<'a> {
    world: &'a World,
    platform: &'a OrderPlatform,
    /// The number of each store.
    stores: HashMap<String, usize>,
    backlog: Backlog,
}

impl Collector<'_> {
    fn take(&mut self, seen: &Seen<Order>) {
        let order = &*seen.object;
        let (status, place) = (order.status.as_ref(), self.place(order));
        self.backlog.orders.push(QueuedOrder {
            order: order.metadata.uid.clone().unwrap_or_default(),
            name: order.metadata.name.clone().unwrap_or_default(),
            created: created(seen),
            number: status.and_then(|status| status.queue_number),
            place,
        });
    }

    fn gone(&mut self, turn: &Turn) {
        self.backlog.orders.push(QueuedOrder { place: Place::Over, ..away(turn) });
    }

    fn cannot_read(&self, order: &Key) -> bool {
        self.world.unreadable(Kind::Order, order).is_some()
    }

    fn place(&mut self, order: &Order) -> Place {
        let status = order.status.clone().unwrap_or_default();
        if let Some(at) = status.placed_at {
            let pending = status.paid_at.is_none() && status.outcome.is_none() && status.ended_at.is_none();
            return Place::Placed { at, pending };
        }
        if status.ended_at.is_some() {
            return Place::Over;
        }
        if self.cannot_read(&Key::of(order)) {
            return Place::Away;
        }
        let key = Key::of(order).sibling(&order.spec.store);
        let open = self.world.stores.get(&key).is_some_and(|seen| seen.object.spec.intake == Intake::Open);
        // What is missing is said by the order itself once it has lasted; until then it is looked for.
        let misses = status.missing_since.is_some() || (status.queue_number.is_none() && !self.has_all(order, &key));
        if misses || !open { Place::Away } else { Place::Ready(self.store(&key)) }
    }

    fn store(&mut self, key: &Key) -> usize {
        if let Some(store) = self.stores.get(&*key.name) {
            return *store;
        }
        let store = self.backlog.stores.len();
        self.backlog.stores.push(free(self.world, key));
        self.stores.insert(key.name.to_string(), store);
        store
    }

    /// Whether what the order refers to is seen.
    fn has_all(&self, order: &Order, key: &Key) -> bool {
        let spec = &order.spec;
        let product = |item: &Item| stays(self.world.products.get(&key.sibling(&item.product)));
        let wallet = |wallet: &String| stays(self.world.wallets.get(&key.sibling(wallet)));
        let provider = |name: &String| self.platform.spec.provider(name).is_some();
        let payment = &spec.payment;
        spec.items.iter().all(product)
            && payment.wallet.as_ref().is_none_or(wallet)
            && payment.provider.as_ref().is_none_or(provider)
    }
}

/// An order that has a turn, and of which nothing else is known: it does not come now.
fn away(turn: &Turn) -> QueuedOrder {
    let (order, name, created) = (turn.order.clone(), turn.name.clone(), Time::from_millis(0));
    QueuedOrder { order, name, created, number: None, place: Place::Away }
}

/// Whether an object is seen, and not on its way out.
fn stays<K: kube::Resource>(seen: Option<Seen<K>>) -> bool {
    seen.is_some_and(|seen| seen.object.meta().deletion_timestamp.is_none())
}

/// How many orders more a store takes now: none where it is missing, on hold or drains, and no more than its kitchen has
/// places free.
fn free(world: &World, store: &Key) -> usize {
    let Some(seen) = world.stores.get(store) else { return 0 };
    let spec = &seen.object.spec;
    let cooks = spec.fulfilment == Fulfilment::Kitchen;
    let places = spec.max_open_tickets.filter(|_| cooks).and_then(|places| usize::try_from(places).ok());
    let taken = || world.orders.count(&store.namespace, OrderIndex::InKitchen(store.name.to_string()));
    match spec.intake {
        Intake::Hold | Intake::Drain => 0,
        Intake::Open => places.map_or(usize::MAX, |places| places.saturating_sub(taken())),
    }
}

/// The payments for which a provider may still have to answer.
fn owed(world: &World, key: &Key, live: &LiveReads) -> Affected {
    let mut all = Affected::default();
    let payments = world.payments.find(&key.namespace, PaymentIndex::AtProvider);
    for payment in payments.iter().filter(|payment| super::payment::owed(world, payment, live)) {
        all.add(Affected::one(Kind::Payment, &payment.name, "its order has not ended, or its provider not answered"));
    }
    all
}

/// The OrderPlatform controller.
pub struct OrderPlatforms;

impl Controller for OrderPlatforms {
    type Root = OrderPlatform;
    type Observed = Observed;

    fn observe(world: &World, key: &Key, live: &LiveReads) -> Option<Observed> {
        let seen = world.platforms.get(key)?;
        let spec = &seen.object.spec;
        Some(Observed {
            meta: world.meta_of(&seen),
            backlog: backlog(world, key, &seen.object, live),
            circuit: spec.customers().map(|_| circuit(world, &key.namespace, None)),
            denied: world.denied(&key.namespace),
            unreadable: world.not_readable(&key.namespace),
            has_providers: spec.payment.as_ref().is_some_and(|payment| !payment.providers.is_empty()),
            owed: match seen.object.metadata.deletion_timestamp {
                Some(_) => owed(world, key, live),
                None => Affected::default(),
            },
            status: seen.object.status.clone().unwrap_or_default(),
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::controllers::tests::{garble, key, object, put};
    use crate::crd::Store;

    fn platform(world: &World, status: Value) {
        put::<OrderPlatform>(
            world,
            object("default", json!({ "spec": { "intake": { "maxPending": 9 } }, "status": status })),
        );
    }

    #[test]
    fn who_would_find_its_store_closed_or_its_kitchen_full_is_not_called() {
        let world = World::default();
        for (name, mut spec) in [
            ("open", json!({})),
            ("closed", json!({ "intake": "Hold" })),
            ("kitchen", json!({ "maxOpenTickets": 2, "fulfilment": "Kitchen" })),
            ("warehouse", json!({ "maxOpenTickets": 1 })),
        ] {
            spec["seller"] = "kim".into();
            put::<Store>(&world, object(name, json!({ "spec": spec })));
        }
        let order = |name: &str, store: &str, status: Value| {
            let spec = json!({
                "customer": "alice", "store": store, "items": [{ "product": "stew", "quantity": 1 }],
                "payment": { "wallet": "alice" },
                "deliverTo": { "recipient": "Alice", "address": "Teheran-ro 1", "zone": "gangnam" },
            });
            put::<Order>(&world, object(name, json!({ "spec": spec, "status": status })));
        };
        let stores = ["open", "closed", "kitchen", "kitchen", "kitchen", "warehouse", "nowhere", "closed"];
        for (number, store) in (1..).zip(stores) {
            let status = json!({ "observedGeneration": 1, "queueNumber": number });
            order(&format!("order-{number}"), store, status);
        }
        let terms = json!({
            "seller": "kim", "fulfilment": "Kitchen", "confirmation": "Automatic", "items": [],
            "amount": { "amount": 1, "currency": "KRW" },
        });
        let status = json!({
            "observedGeneration": 1, "state": "Cooking", "placedAt": "2026-11-21T00:00:00Z", "terms": terms,
        });
        let mut leaving = status.clone();
        leaving["outcome"] = json!({ "state": "Expired", "reason": "NotPaidInTime", "message": "" });
        order("cooking", "kitchen", status);
        order("on-its-way-back", "warehouse", leaving);
        platform(&world, json!({ "observedGeneration": 1, "serving": 7 }));
        let key = key("default");
        let seen = world.platforms.get(&key).expect("the platform");
        let mut backlog = backlog(&world, &key, &seen.object, &LiveReads::default());
        backlog.orders.sort_by_key(|queued| (queued.number, queued.name.clone()));
        let places: Vec<_> = backlog.orders.iter().map(|queued| (queued.number, queued.place)).collect();
        let Place::Ready(open) = places[1].1 else { panic!("{places:?}") };
        let Place::Ready(kitchen) = places[3].1 else { panic!("{places:?}") };
        let Place::Ready(warehouse) = places[6].1 else { panic!("{places:?}") };
        assert!(matches!(places[0].1, Place::Placed { pending: true, .. }), "cooking");
        assert_eq!((places[4].1, places[5].1), (Place::Ready(kitchen), Place::Ready(kitchen)));
        assert_eq!([places[2].1, places[7].1, places[8].1], [Place::Away; 3], "closed, missing");
        assert_eq!([open, kitchen, warehouse].map(|store| backlog.stores[store]), [usize::MAX, 1, usize::MAX]);
    }

    #[test]
    fn what_a_list_of_all_orders_lacks_is_gone_and_what_cannot_be_read_does_not_come() {
        let world = World::default();
        let turns = ["gone", "garbled"].map(|name| json!({ "order": name, "name": name, "number": 1 }));
        platform(&world, json!({ "observedGeneration": 1, "issued": 2, "turns": turns }));
        let key = key("default");
        garble(&world, Kind::Order, "garbled");
        let seen = world.platforms.get(&key).expect("the platform");
        let mut live = LiveReads::default();
        let places = |backlog: &Backlog| backlog.orders.iter().map(|queued| queued.place).collect::<Vec<_>>();
        let unread = backlog(&world, &key, &seen.object, &live);
        assert_eq!((places(&unread), unread.unproven), (vec![Place::Away], vec!["gone".to_owned()]));
        live.note(Kind::Order, EVERY, crate::domain::Version(9), Time::from_millis(0));
        let read = backlog(&world, &key, &seen.object, &live);
        assert_eq!((read.unproven.len(), places(&read)), (0, vec![Place::Over, Place::Away]));
    }
}
