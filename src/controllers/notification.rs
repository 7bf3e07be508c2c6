//! Notification: watches notifications, and the endpoints of stores and the platform.

use crate::cluster::cache::{Index, Rouse};
use crate::cluster::{Key, Pass, Source, World};
use crate::crd::Notification;
use crate::domain::notification::{Audience, Circuit, Observed, Status, decide};
use crate::domain::{Kind, Meta, Plan, Policy, Time, platform};

use super::{Controller, fate_of, meta_of};

impl Source for Notification {
    const KIND: Kind = Kind::Notification;

    fn index(&self) -> Vec<Index> {
        if self.is_over() {
            return Vec::new();
        }
        let endpoint = self.endpoint();
        vec![if self.attempts() > 0 { Index::Failing(endpoint) } else { Index::Untried(endpoint) }]
    }

    fn slim(&mut self) {
        self.status.iter_mut().for_each(|status| status.conditions.shrink_to_fit());
    }

    fn mark(&self) -> Option<(Index, Time)> {
        Some((Index::Failing(self.endpoint()), self.status.as_ref()?.sent_at?))
    }

    fn rouses(old: Option<&Self>, new: Option<&Self>) -> Vec<Rouse> {
        let waited = |one: &&Self| !one.is_over() && one.status.as_ref().is_some_and(|status| status.state.is_some());
        if let Some(one) = old.filter(waited)
            && new.is_none_or(Self::is_over)
        {
            // A success after failures closes the breaker: whoever waited behind it goes.
            return waiting(&one.endpoint()).into();
        }
        match new.filter(|new| new.attempts() > old.map_or(0, Self::attempts)) {
            // The probe has failed: the next one is another.
            Some(new) => {
                let failing = Rouse::All(Kind::Notification, Index::Failing(new.endpoint()));
                vec![Rouse::First(Kind::Notification, Index::Untried(new.endpoint())), failing]
            }
            None => Vec::new(),
        }
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
    /// Whether it waits for nothing any more.
    fn is_over(&self) -> bool {
        self.status.as_ref().is_some_and(Status::is_final) || self.metadata.deletion_timestamp.is_some()
    }

    fn attempts(&self) -> i64 {
        self.status.as_ref().map_or(0, |status| status.attempts)
    }

    /// The endpoint it waits for: a store's, or, without a name, that of customers.
    fn endpoint(&self) -> Option<String> {
        (self.spec.to == Audience::Seller).then(|| self.spec.store.clone())
    }
}

/// All that wait for an endpoint: a store's, or, without a name, that of customers.
pub(super) fn waiting(store: &Option<String>) -> [Rouse; 2] {
    [Index::Untried(store.clone()), Index::Failing(store.clone())].map(|index| Rouse::All(Kind::Notification, index))
}

/// The breaker of an endpoint of this namespace: a store's, or, without a name, that of customers.
pub(super) fn circuit(world: &World, key: &Key, store: Option<String>) -> Circuit {
    let at = Index::Failing(store);
    let failing = world.notifications.find(&key.namespace, at.clone());
    let seen = failing.iter().filter_map(|key| world.notifications.get(key));
    let marks = seen.filter_map(|seen| {
        let status = seen.object.status.as_ref()?;
        Some((status.attempts, status.retry_at))
    });
    Circuit::of(marks, world.notifications.marked(&key.namespace, at))
}

/// Whether it is the one, among the messages that wait for the endpoint, that was attempted least often.
fn is_probe(world: &World, key: &Key, store: Option<String>) -> bool {
    if let Some(first) = world.notifications.first(&key.namespace, Index::Untried(store.clone())) {
        return first == *key;
    }
    let failing = world.notifications.find(&key.namespace, Index::Failing(store));
    let attempts = |key: &Key| world.notifications.get(key).map(|seen| seen.object.attempts());
    let first = failing.iter().filter_map(|key| Some((attempts(key)?, key))).min();
    first.is_none_or(|(_, first)| first == key)
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
        let circuit = circuit(world, key, one.endpoint());
        Some(Observed {
            meta: meta_of(world, &seen),
            content: one.content(),
            has_endpoint,
            is_probe: circuit.is_open() && is_probe(world, key, one.endpoint()),
            circuit,
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
