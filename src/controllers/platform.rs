//! OrderPlatform: watches platforms, and the orders that wait for their turn.

use std::collections::HashMap;

use crate::cluster::breaker::circuit;
use crate::cluster::cache::{Index, Rouse};
use crate::cluster::{Key, Pass, Source, World};
use crate::crd::{Order, OrderPlatform};
use crate::domain::platform::{Crowd, Limits, Observed, Status, decide};
use crate::domain::store::{Fulfilment, Intake};
use crate::domain::{Kind, Meta, Plan, Policy, Time};

use super::{Controller, meta_of};

impl Source for OrderPlatform {
    const KIND: Kind = Kind::OrderPlatform;

    fn rouses(old: Option<&Self>, new: Option<&Self>) -> Vec<Rouse> {
        let serving = |platform: Option<&Self>| platform.and_then(|p| Some(p.status.as_ref()?.serving));
        let generation = |platform: Option<&Self>| platform.and_then(|p| p.metadata.generation);
        let mut roused = Vec::new();
        if serving(old) != serving(new) || generation(old) != generation(new) {
            roused.push(Rouse::All(Kind::Order, Index::Unplaced));
        }
        if generation(old) != generation(new) {
            // Providers, endpoints and retention concern them all, and change rarely.
            let all = [Kind::Order, Kind::OrderView, Kind::Payment, Kind::Notification];
            roused.extend(all.map(|kind| Rouse::All(kind, Index::Every)));
        }
        roused
    }

    fn wakes(name: &str, _: Option<&Self>, _: Option<&Self>) -> Vec<(Kind, String)> {
        vec![(Kind::OrderPlatform, name.to_owned())]
    }
}

/// The limits of this namespace's platform and whom it serves; nobody waits where there is none.
pub(super) fn served(world: &World, key: &Key) -> Crowd {
    let Some(found) = world.platform(key) else { return Crowd::default() };
    let status = found.object.status.as_ref();
    Crowd {
        limits: found.object.spec.limits(),
        serving: status.map_or(0, |status| status.serving),
        served_at: status.and_then(|status| status.served_at),
        ..Crowd::default()
    }
}

/// The same, and how full it is.
pub(super) fn crowd(world: &World, key: &Key) -> Crowd {
    let served = served(world, key);
    if served.limits == Limits::default() {
        return served;
    }
    let unplaced = world.orders.find(&key.namespace, Index::Unplaced);
    let unplaced: Vec<_> = unplaced.iter().filter_map(|order| world.orders.get(order)).collect();
    let number = |order: &Order| order.status.as_ref()?.queue_number;
    let mut waiting: Vec<i64> = unplaced.iter().filter_map(|seen| number(&seen.object)).collect();
    waiting.sort_unstable();
    let mut called: HashMap<&str, usize> = HashMap::new();
    for seen in unplaced.iter().filter(|seen| number(&seen.object).is_some_and(|number| number <= served.serving)) {
        *called.entry(&seen.object.spec.store).or_default() += 1;
    }
    let parked = called.iter().map(|(store, called)| called.saturating_sub(free(world, &key.sibling(store)))).sum();
    let placed = |order| world.orders.get(order)?.object.status.as_ref()?.placed_at;
    let in_flight = || world.orders.find(&key.namespace, Index::InFlight);
    Crowd {
        waiting,
        parked,
        in_flight: world.orders.count(&key.namespace, Index::InFlight),
        placed: match served.limits.per_second {
            Some(_) => in_flight().iter().filter_map(placed).collect(),
            None => Vec::new(),
        },
        ..served
    }
}

/// How many orders more a store takes now: none on hold, and no more than its kitchen has places free.
fn free(world: &World, store: &Key) -> usize {
    let Some(seen) = world.stores.get(store) else { return usize::MAX };
    let spec = &seen.object.spec;
    let cooks = spec.fulfilment == Fulfilment::Kitchen;
    let places = spec.max_open_tickets.filter(|_| cooks).and_then(|places| usize::try_from(places).ok());
    let taken = || world.orders.count(&store.namespace, Index::InKitchen(store.name.to_string()));
    match spec.intake {
        Intake::Hold => 0,
        Intake::Open | Intake::Drain => places.map_or(usize::MAX, |places| places.saturating_sub(taken())),
    }
}

/// The OrderPlatform controller.
pub struct OrderPlatforms;

impl Controller for OrderPlatforms {
    type Root = OrderPlatform;
    type Observed = Observed;
    type Status = Status;

    fn observe(world: &World, key: &Key, _: &Pass) -> Option<Observed> {
        let seen = world.platforms.get(key)?;
        let spec = &seen.object.spec;
        Some(Observed {
            meta: meta_of(world, &seen),
            crowd: crowd(world, key),
            circuit: spec.customers().map(|_| circuit(world, &key.namespace, None)),
            status: seen.object.status.clone().unwrap_or_default(),
        })
    }

    fn decide(observed: &Observed, now: Time, _: &Policy) -> Plan<Status> {
        decide(observed, now)
    }

    fn seen(observed: &Observed) -> Option<(&Meta, &Status)> {
        Some((&observed.meta, &observed.status))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crd::Store;

    fn put<K: crate::cluster::world::Held>(world: &World, object: serde_json::Value) {
        K::cache(world).deliver(serde_json::from_value(object).expect("an object"), Time::from_millis(0));
    }

    fn meta(name: &str) -> serde_json::Value {
        serde_json::json!({ "name": name, "namespace": "default", "uid": format!("uid-of-{name}"), "resourceVersion": "1" })
    }

    #[test]
    fn who_was_called_and_finds_its_store_closed_or_its_kitchen_full_is_counted_apart() {
        let world = World::default();
        let (version, kind) = ("jumun.dev/v1alpha1", "Store");
        for (name, rest) in [
            ("open", "{}"),
            ("closed", r#"{"intake":"Hold"}"#),
            ("kitchen", r#"{"maxOpenTickets":2,"fulfilment":"Kitchen"}"#),
            ("warehouse", r#"{"maxOpenTickets":1}"#),
        ] {
            let mut spec: serde_json::Value = serde_json::from_str(rest).expect("JSON");
            spec["seller"] = "kim".into();
            put::<Store>(
                &world,
                serde_json::json!({ "apiVersion": version, "kind": kind, "metadata": meta(name), "spec": spec }),
            );
        }
        let order = |name: &str, store: &str, status: serde_json::Value| {
            put::<Order>(
                &world,
                serde_json::json!({
                    "apiVersion": version, "kind": "Order", "metadata": meta(name), "status": status,
                    "spec": {
                        "customer": "alice", "store": store, "items": [{ "product": "stew", "quantity": 1 }],
                        "payment": { "wallet": "alice" },
                        "deliverTo": { "recipient": "Alice", "address": "Teheran-ro 1", "zone": "gangnam" },
                    },
                }),
            );
        };
        let stores = ["open", "closed", "kitchen", "kitchen", "kitchen", "warehouse", "nowhere", "closed"];
        for (number, store) in (1..).zip(stores) {
            let status = serde_json::json!({ "observedGeneration": 1, "queueNumber": number });
            order(&format!("order-{number}"), store, status);
        }
        let terms = serde_json::json!({
            "seller": "kim", "fulfilment": "Kitchen", "confirmation": "Automatic", "items": [],
            "amount": { "amount": 1, "currency": "KRW" },
        });
        let status = serde_json::json!({
            "observedGeneration": 1, "state": "Cooking", "placedAt": "2026-11-21T00:00:00Z", "terms": terms,
        });
        let mut leaving = status.clone();
        leaving["outcome"] = serde_json::json!({ "state": "Expired", "reason": "NotPaidInTime", "message": "" });
        order("cooking", "kitchen", status);
        order("on-its-way-back", "warehouse", leaving);
        put::<OrderPlatform>(
            &world,
            serde_json::json!({
                "apiVersion": version, "kind": "OrderPlatform", "metadata": meta("default"),
                "spec": { "intake": { "maxPending": 9 } }, "status": { "observedGeneration": 1, "serving": 7 },
            }),
        );
        let crowd = crowd(&world, &Key::new("default", "default"));
        assert_eq!((crowd.waiting, crowd.parked, crowd.in_flight), ((1..=8).collect(), 3, 1));
    }
}
