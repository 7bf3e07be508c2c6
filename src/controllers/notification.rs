//! Notification: watches notifications, and the endpoints of stores and the platform.

use crate::cluster::members::Standing;
use crate::cluster::{Key, Seen};
use crate::crd::{Notification, Order};
use crate::domain::effect::Outcome;
use crate::domain::notification::{Audience, Company, Endpoint, Message, Observed};
use crate::domain::{Kind, Time};
use crate::outbound::egress;
use crate::world::breaker::{circuit, tried};
use crate::world::notification::NotificationIndex;
use crate::world::{LiveReads, World};

use super::Controller;

/// Whether it is the one, among the messages that wait for the endpoint, that probes it. Those that an undo may wait for
/// and the others alternate, of each the one that was attempted least often: neither keeps the other waiting.
fn is_probe(world: &World, key: &Key, store: Option<String>) -> bool {
    let required = tried(world, &key.namespace, NotificationIndex::Required(store.clone()));
    let failing = tried(world, &key.namespace, NotificationIndex::Failing(store.clone()));
    let last = |all: &[(i64, Key, Option<Time>)]| all.iter().filter_map(|(_, _, last)| *last).max();
    let others_are_next = last(&required) > last(&failing);
    let least = |all: Vec<(i64, Key, Option<Time>)>| all.into_iter().min().map(|(_, key, _)| key);
    let untried = world.notifications.first(&key.namespace, NotificationIndex::Untried(store));
    let (required, other) = (least(required), untried.or_else(|| least(failing)));
    let first = if others_are_next { other.or(required) } else { required.or(other) };
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

    const ESTABLISHED_ONLY: bool = true;

    fn observe(world: &World, key: &Key, live: &LiveReads) -> Option<Observed> {
        let seen = world.notifications.get(key)?;
        let one = &*seen.object;
        let circuit = circuit(world, &key.namespace, one.endpoint());
        Some(Observed {
            meta: world.meta_of(&seen),
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
            outcome: match live.outcome(&Message::id(&one.spec.order, &key.name)) {
                Some(Outcome::Notice(outcome)) => Some(outcome.clone()),
                _ => None,
            },
            status: one.status.clone().unwrap_or_default(),
            owner: world.owner_state(key, &one.spec.order, live),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::notification::{Content, Draft, State, Status};

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
        let cached = world.notifications.get(&Key::new("default", name)).map_or(0, |seen| seen.version.0);
        one.metadata.resource_version = Some((cached + 1).to_string());
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
    fn what_an_undo_may_wait_for_and_the_rest_alternate_as_probes() {
        let world = World::default();
        put(&world, "b", false, 2, 10, false);
        put(&world, "c", false, 1, 20, false);
        assert_eq!(probes(&world), ["c"], "the one that was tried least");
        put(&world, "a", false, 0, 0, false);
        assert_eq!(probes(&world), ["a"]);
        put(&world, "required", true, 0, 0, false);
        assert_eq!(probes(&world), ["required"]);
        put(&world, "required", true, 1, 30, false);
        assert_eq!(probes(&world), ["a"], "then the other one");
        put(&world, "a", false, 1, 40, false);
        assert_eq!(probes(&world), ["required"]);
        put(&world, "required", true, 9, 50, false);
        assert_eq!(probes(&world), ["a"], "it keeps no other waiting, however often it fails");
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
}
