//! OrderPlatform: watches platforms, and the orders that wait for their turn.

use crate::cluster::cache::{Index, Rouse};
use crate::cluster::{Key, Pass, Source, World};
use crate::crd::OrderPlatform;
use crate::domain::platform::{Crowd, Limits, Observed, Status, decide};
use crate::domain::{Kind, Meta, Plan, Policy, Time};

use super::{Controller, meta_of, notification};

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
            roused.extend([Kind::Order, Kind::OrderView, Kind::Payment].map(|kind| Rouse::All(kind, Index::Every)));
            roused.extend(notification::waiting(&None));
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
        called_from: status.map_or(0, |status| status.called_from),
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
    let number = |order| world.orders.get(order)?.object.status.as_ref()?.queue_number;
    let mut waiting: Vec<i64> = unplaced.iter().filter_map(number).collect();
    waiting.sort_unstable();
    let placed = |order| world.orders.get(order)?.object.status.as_ref()?.placed_at;
    let in_flight = || world.orders.find(&key.namespace, Index::InFlight);
    Crowd {
        waiting,
        in_flight: world.orders.count(&key.namespace, Index::InFlight),
        placed: match served.limits.per_second {
            Some(_) => in_flight().iter().filter_map(placed).collect(),
            None => Vec::new(),
        },
        ..served
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
            circuit: spec.customers().map(|_| notification::circuit(world, key, None)),
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
