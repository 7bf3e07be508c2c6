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
        let required = self.spec.required.then(|| Index::Required(endpoint.clone()));
        let other = if self.attempts() > 0 { Index::Failing(endpoint) } else { Index::Untried(endpoint) };
        required.into_iter().chain([other]).collect()
    }

    fn slim(&mut self) {
        self.status.iter_mut().for_each(|status| status.conditions.shrink_to_fit());
    }

    fn mark(&self) -> Option<(Index, Time)> {
        Some((Index::Failing(self.endpoint()), self.status.as_ref()?.sent_at?))
    }

    fn rouses(old: Option<&Self>, new: Option<&Self>) -> Vec<Rouse> {
        if let Some(one) = old.filter(|old| !old.is_over() && new.is_none_or(Self::is_over)) {
            // A success closes the breaker, and a probe that is gone leaves its place: whoever waited behind it goes. One
            // that never waited wakes the next alone: there is no breaker, or the next one wakes the others.
            let waited = one.status.as_ref().is_some_and(|status| status.state.is_some());
            return if waited { waiting(&one.endpoint()).into() } else { next(&one.endpoint()).into() };
        }
        // The probe has failed: the next one is another.
        let failed = new.filter(|new| new.attempts() > old.map_or(0, Self::attempts));
        failed.map(|one| next(&one.endpoint()).into()).unwrap_or_default()
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

/// The next probe of an endpoint is among these.
fn next(store: &Option<String>) -> [Rouse; 3] {
    let [required, failing] = [Index::Required(store.clone()), Index::Failing(store.clone())];
    let untried = Rouse::First(Kind::Notification, Index::Untried(store.clone()));
    [Rouse::All(Kind::Notification, required), untried, Rouse::All(Kind::Notification, failing)]
}

/// The breaker of an endpoint of this namespace: a store's, or, without a name, that of customers.
pub(super) fn circuit(world: &World, key: &Key, store: Option<String>) -> Circuit {
    let at = Index::Failing(store);
    let failing = world.notifications.find(&key.namespace, at.clone());
    let seen = failing.iter().filter_map(|key| world.notifications.get(key));
    let marks = seen.filter_map(|seen| seen.object.status.as_ref()?.failing());
    Circuit::of(marks, world.notifications.marked(&key.namespace, at))
}

/// Whether it is the one, among the messages that wait for the endpoint, that probes it: those come first that an undo
/// waits for, then those that were attempted least often.
fn is_probe(world: &World, key: &Key, store: Option<String>) -> bool {
    let least_tried = |index: Index| {
        let keys = world.notifications.find(&key.namespace, index);
        let attempts = |key: &Key| world.notifications.get(key).map(|seen| seen.object.attempts());
        keys.into_iter().filter_map(|key| Some((attempts(&key)?, key))).min().map(|(_, key)| key)
    };
    let first = least_tried(Index::Required(store.clone()))
        .or_else(|| world.notifications.first(&key.namespace, Index::Untried(store.clone())))
        .or_else(|| least_tried(Index::Failing(store)));
    first.is_none_or(|first| first == *key)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::notification::{Content, Draft, State, Topic};
    use crate::domain::{Money, OrderRef};

    fn notice(status: Option<Status>) -> Notification {
        let content = Content {
            order: OrderRef { name: "order-1".into(), uid: "uid-1".into() },
            topic: Topic::CancelRequested,
            to: Audience::Seller,
            store: "shop".into(),
            subject: "kim".into(),
            customer: "alice".into(),
            amount: Money::new(1, "KRW"),
            reason: None,
            required: true,
        };
        Notification { status, ..Notification::from_draft(&Draft(content)) }
    }

    fn waits(attempts: i64) -> Notification {
        notice(Some(Status { state: Some(State::Pending), attempts, ..Status::default() }))
    }

    #[test]
    fn what_an_undo_waits_for_probes_first_then_what_was_tried_least() {
        let (world, now) = (World::default(), Time::from_millis(0));
        let key = |name: &str| Key::new("default", name);
        let add = |name: &str, required: bool, attempts: i64| {
            let mut one = waits(attempts);
            one.spec.required = required;
            one.metadata.name = Some(name.to_owned());
            one.metadata.namespace = Some("default".to_owned());
            one.metadata.resource_version = Some(format!("{}", world.notifications.len() + 1));
            world.notifications.deliver(one, now);
        };
        let probe = || {
            let keys = world.notifications.all_keys().into_iter();
            keys.filter(|key| is_probe(&world, key, Some("shop".into()))).collect::<Vec<_>>()
        };
        for (name, required, attempts) in
            [("d", false, 2), ("e", false, 1), ("c", false, 0), ("f", true, 9), ("g", true, 4)]
        {
            add(name, required, attempts);
            let expected = if required { name } else { ["d", "e", "c"][world.notifications.len() - 1] };
            assert_eq!(probe(), [key(expected)]);
        }
    }

    #[test]
    fn whoever_waits_behind_a_breaker_is_woken_when_it_closes_or_needs_another_probe() {
        let (all, another) = (waiting(&Some("shop".into())).to_vec(), next(&Some("shop".into())).to_vec());
        let sent = notice(Some(Status { sent_at: Some(Time::from_millis(1)), ..Status::default() }));
        let rouses = |old: &Notification, new: Option<&Notification>| Notification::rouses(Some(old), new);
        assert_eq!(rouses(&waits(1), Some(&sent)), all, "a probe got through");
        assert_eq!(rouses(&waits(0), None), all, "one that waited is gone");
        assert_eq!(rouses(&notice(None), Some(&sent)), another, "one that never waited got through");
        assert_eq!(rouses(&notice(None), None), another, "one that never waited is gone");
        assert_eq!(rouses(&waits(0), Some(&waits(1))), another, "a probe has failed");
        assert_eq!(rouses(&waits(1), Some(&waits(1))), []);
        assert_eq!(rouses(&sent, None), [], "it was over before");
    }
}
