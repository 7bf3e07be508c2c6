//! Notification: watches notifications, and the endpoints of stores and the platform.

use crate::cluster::breaker::{circuit, tried};
use crate::cluster::cache::{Index, Rouse};
use crate::cluster::members::Standing;
use crate::cluster::{Key, Pass, Seen, Source, World};
use crate::crd::{Notification, Order};
use crate::domain::notification::{Audience, Company, Endpoint, Observed, Status, decide};
use crate::domain::{Condition, Kind, Meta, Plan, Policy, Time, platform};
use crate::outbound::egress;

use super::{Controller, fate_of, meta_of};

impl Source for Notification {
    const KIND: Kind = Kind::Notification;

    fn index(&self) -> Vec<Index> {
        if self.is_over() {
            return Vec::new();
        }
        let endpoint = self.endpoint();
        match self.attempts() {
            _ if self.refused_at().is_some() => Vec::new(),
            _ if self.spec.required => vec![Index::Required(endpoint)],
            0 => vec![Index::Untried(endpoint)],
            _ => vec![Index::Failing(endpoint)],
        }
    }

    fn slim(&mut self) {
        self.status.iter_mut().for_each(|status| status.conditions.shrink_to_fit());
    }

    fn mark(&self) -> Option<(Index, Time)> {
        Some((Index::Failing(self.endpoint()), self.status.as_ref()?.answered_at()?))
    }

    fn rouses(old: Option<&Self>, new: Option<&Self>) -> Vec<Rouse> {
        if let Some(one) = old.filter(|old| !old.is_over() && new.is_none_or(Self::is_over)) {
            // A success closes the breaker, and a probe that is gone leaves its place: whoever waited behind it goes. One
            // that never waited wakes the next alone: there is no breaker, or the next one wakes the others.
            let waited = one.status.as_ref().is_some_and(|status| status.state.is_some());
            return if waited { waiting(&one.endpoint()).into() } else { next(&one.endpoint()).into() };
        }
        let Some(one) = new.filter(|new| new.attempts() > old.map_or(0, Self::attempts)) else { return Vec::new() };
        match (one.refused_at(), old.and_then(Self::refused_at)) {
            // The probe has failed: the next one is another.
            (None, _) => next(&one.endpoint()).into(),
            // It was refused, which shows that the endpoint is well.
            (Some(_), None) => waiting(&one.endpoint()).into(),
            (Some(_), Some(_)) => Vec::new(),
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

    fn refused_at(&self) -> Option<Time> {
        self.status.as_ref()?.refused_at
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
pub(super) fn waiting(store: &Option<String>) -> [Rouse; 3] {
    [Index::Required(store.clone()), Index::Untried(store.clone()), Index::Failing(store.clone())]
        .map(|index| Rouse::All(Kind::Notification, index))
}

/// The next probe of an endpoint is among these.
fn next(store: &Option<String>) -> [Rouse; 3] {
    let [required, _, failing] = waiting(store);
    [required, Rouse::First(Kind::Notification, Index::Untried(store.clone())), failing]
}

/// Whether it is the one, among the messages that wait for the endpoint, that probes it. Those that an undo may wait for
/// and the others take turns, of each the one that was attempted least often: neither keeps the other from its turn.
fn is_probe(world: &World, key: &Key, store: Option<String>) -> bool {
    let required = tried(world, &key.namespace, Index::Required(store.clone()));
    let failing = tried(world, &key.namespace, Index::Failing(store.clone()));
    let last = |all: &[(i64, Key, Option<Time>)]| all.iter().filter_map(|(_, _, last)| *last).max();
    let turn_of_others = last(&required) > last(&failing);
    let least = |all: Vec<(i64, Key, Option<Time>)>| all.into_iter().min().map(|(_, key, _)| key);
    let untried = world.notifications.first(&key.namespace, Index::Untried(store));
    let (required, other) = (least(required), untried.or_else(|| least(failing)));
    let first = if turn_of_others { other.or(required) } else { required.or(other) };
    first.is_none_or(|first| first == *key)
}

/// Where a message is to go, and whether it may.
fn endpoint(world: &World, key: &Key, one: &Notification) -> Endpoint {
    let platform = world.platform(key);
    let spec = platform.as_ref().map(|seen| &seen.object.spec);
    let url = match one.spec.to {
        Audience::Customer => spec.and_then(|spec| spec.customers()).map(str::to_owned),
        Audience::Seller => {
            let Some(store) = world.stores.get(&key.sibling(&one.spec.store)) else { return Endpoint::StoreGone };
            store.object.spec.notify.as_ref().map(|notify| notify.url.clone())
        }
    };
    let Some(url) = url else { return Endpoint::Absent };
    let judged = egress::judge(&url, spec.and_then(|spec| spec.allowed_hosts()));
    judged.map_or_else(|why| Endpoint::Barred(why.to_string()), |_| Endpoint::Ready)
}

/// Whether the order says that its customer's wish came too late.
fn wish_refused(world: &World, key: &Key, one: &Notification) -> bool {
    let order = world.orders.get(&key.sibling(&one.spec.order.name));
    let same = |seen: &Seen<Order>| seen.object.metadata.uid.as_deref() == Some(&one.spec.order.uid);
    let status = order.filter(same).and_then(|seen| seen.object.status.clone());
    status.is_some_and(|status| status.cancel_refused.is_some())
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
        let circuit = circuit(world, &key.namespace, one.endpoint());
        Some(Observed {
            meta: meta_of(world, &seen),
            content: one.content(),
            endpoint: endpoint(world, key, one),
            company: match world.members.standing(Kind::Notification.as_str()) {
                Standing::Alone => Company::Alone,
                Standing::Several => Company::Several,
                Standing::Unsure => Company::Unsure,
            },
            me: world.members.id(),
            wish_refused: wish_refused(world, key, one),
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

    fn conditions(observed: &mut Observed) -> Option<&mut Vec<Condition>> {
        Some(&mut observed.status.conditions)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::notification::{Content, Draft, State};

    fn notice(status: Option<Status>) -> Notification {
        Notification { status, ..Notification::from_draft(&Draft(Content::sample(true))) }
    }

    fn waits(attempts: i64) -> Notification {
        notice(Some(Status { state: Some(State::Pending), attempts, ..Status::default() }))
    }

    /// Puts a message into the cache that was last attempted so many seconds after the beginning.
    fn put(world: &World, name: &str, required: bool, attempts: i64, tried_at: i64, refused: bool) {
        let mut one = waits(attempts);
        if let Some(status) = &mut one.status {
            let at = Time::from_millis(tried_at * 1_000);
            status.retry_at = (attempts > 0).then(|| at.after(crate::domain::retry::pause(attempts)));
            status.refused_at = refused.then_some(at);
        }
        one.spec.required = required;
        one.metadata.name = Some(name.to_owned());
        one.metadata.namespace = Some("default".to_owned());
        let held = world.notifications.get(&Key::new("default", name)).map_or(0, |seen| seen.version.0);
        one.metadata.resource_version = Some((held + 1).to_string());
        world.notifications.deliver(one, Time::from_millis(0));
    }

    fn probes(world: &World) -> Vec<String> {
        let keys = world.notifications.all_keys().into_iter();
        let probes = keys.filter(|key| is_probe(world, key, Some("shop".into())));
        let mut names: Vec<String> = probes.map(|key| key.name.to_string()).collect();
        names.sort();
        names
    }

    #[test]
    fn what_an_undo_may_wait_for_and_the_rest_take_turns_as_probes() {
        let world = World::default();
        put(&world, "b", false, 2, 10, false);
        put(&world, "c", false, 1, 20, false);
        assert_eq!(probes(&world), ["c"], "the one that was tried least");
        put(&world, "a", false, 0, 0, false);
        assert_eq!(probes(&world), ["a"]);
        put(&world, "required", true, 0, 0, false);
        assert_eq!(probes(&world), ["required"]);
        put(&world, "required", true, 1, 30, false);
        assert_eq!(probes(&world), ["a"], "its turn is over");
        put(&world, "a", false, 1, 40, false);
        assert_eq!(probes(&world), ["required"]);
        put(&world, "required", true, 9, 50, false);
        assert_eq!(probes(&world), ["a"], "it keeps no other from its turn, however often it fails");
    }

    #[test]
    fn a_refused_message_is_nobodys_probe_and_shows_that_the_endpoint_is_well() {
        let (world, key) = (World::default(), Key::new("default", "b"));
        for (name, at) in [("a", 10), ("b", 11), ("c", 12)] {
            put(&world, name, name == "a", 2, at, false);
        }
        let shop = || Some("shop".to_owned());
        assert!(circuit(&world, &key.namespace, shop()).is_open());
        put(&world, "a", true, 3, 20, true);
        assert!(!circuit(&world, &key.namespace, shop()).is_open());
        // What fails after that counts again; the refused one does not.
        put(&world, "b", false, 3, 30, false);
        put(&world, "c", false, 3, 31, false);
        put(&world, "d", false, 1, 32, false);
        assert!(circuit(&world, &key.namespace, shop()).is_open());
        assert_eq!(probes(&world), ["d"]);
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
        let mut refused = waits(1);
        refused.status.iter_mut().for_each(|status| status.refused_at = Some(Time::from_millis(1)));
        assert_eq!(rouses(&waits(0), Some(&refused)), all, "a probe was refused: the endpoint is well");
        let mut again = refused.clone();
        again.status.iter_mut().for_each(|status| status.attempts += 1);
        assert_eq!(rouses(&refused, Some(&again)), [], "refused again shows nothing new");
        assert_eq!(rouses(&waits(1), Some(&waits(1))), []);
        assert_eq!(rouses(&sent, None), [], "it was over before");
    }
}
