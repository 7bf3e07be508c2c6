//! Notification: watches notifications, and the endpoints of stores and the platform.

use crate::cluster::cache::Index;
use crate::cluster::{Key, Pass, Source, World};
use crate::crd::Notification;
use crate::domain::notification::{Audience, Circuit, Observed, Status, decide};
use crate::domain::{Kind, Meta, Plan, Policy, Time, platform};

use super::{Controller, fate_of, meta_of};

impl Source for Notification {
    const KIND: Kind = Kind::Notification;

    fn index(&self) -> Vec<Index> {
        let waits = !self.status.as_ref().is_some_and(Status::is_final) && self.metadata.deletion_timestamp.is_none();
        if waits { vec![Index::Waiting(self.endpoint())] } else { Vec::new() }
    }

    fn slim(&mut self) {
        self.status.iter_mut().for_each(|status| status.conditions.shrink_to_fit());
    }

    fn rouses(old: Option<&Self>, new: Option<&Self>) -> Vec<(Kind, Index)> {
        // A failure may open the breaker, a success lets the next one go: it concerns all that wait with it.
        let attempts = |one: Option<&Self>| one.and_then(|one| one.status.as_ref()).map_or(0, |s| s.attempts);
        let waits = |one: Option<&Self>| one.is_some_and(|one| !one.index().is_empty());
        let matters = attempts(old) != attempts(new) || (waits(old) && !waits(new) && attempts(old) > 0);
        let one = new.or(old).filter(|_| matters);
        one.map(|one| (Kind::Notification, Index::Waiting(one.endpoint()))).into_iter().collect()
    }

    fn wakes(name: &str, old: Option<&Self>, new: Option<&Self>) -> Vec<(Kind, String)> {
        let Some(one) = new.or(old) else { return Vec::new() };
        let owner = match one.spec.to {
            Audience::Seller => (Kind::Store, one.spec.store.clone()),
            Audience::Customer => (Kind::OrderPlatform, platform::NAME.to_owned()),
        };
        vec![(Kind::Notification, name.to_owned()), (Kind::Order, one.spec.order.name.clone()), owner]
    }
}

impl Notification {
    /// The endpoint it waits for: a store's, or, without a name, that of customers.
    fn endpoint(&self) -> Option<String> {
        (self.spec.to == Audience::Seller).then(|| self.spec.store.clone())
    }
}

/// The breaker of an endpoint of this namespace: a store's, or, without a name, that of customers.
pub(super) fn circuit(world: &World, key: &Key, store: Option<String>) -> Circuit {
    let waiting = world.notifications.find(&key.namespace, Index::Waiting(store));
    Circuit::of(waiting.iter().filter_map(|key| {
        let seen = world.notifications.get(key)?;
        let status = seen.object.status.as_ref()?;
        Some((seen.object.metadata.uid.clone()?, status.attempts, status.retry_at))
    }))
}

/// The Notification controller.
pub struct Notifications;

impl Controller for Notifications {
    type Root = Notification;
    type Observed = Observed;
    type Status = Status;

    fn observe(world: &World, key: &Key, pass: &Pass) -> Option<Observed> {
        let seen = world.notifications.get(key)?;
        let one = &*seen.object;
        let has_endpoint = match one.spec.to {
            Audience::Customer => world.platform(key).is_some_and(|p| p.object.spec.customers().is_some()),
            Audience::Seller => {
                let store = world.stores.get(&key.sibling(&one.spec.store));
                store.is_some_and(|store| store.object.spec.notify.is_some())
            }
        };
        Some(Observed {
            meta: meta_of(world, &seen),
            content: one.content(),
            has_endpoint,
            circuit: circuit(world, key, one.endpoint()),
            outcome: pass.told.clone(),
            status: one.status.clone().unwrap_or_default(),
            fate: fate_of(world, key, &one.spec.order, pass),
        })
    }

    fn decide(observed: &Observed, now: Time, policy: &Policy) -> Plan<Status> {
        decide(observed, now, policy)
    }

    fn seen(observed: &Observed) -> Option<(&Meta, &Status)> {
        Some((&observed.meta, &observed.status))
    }
}
