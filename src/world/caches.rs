//! The caches of our kinds, the queues of their controllers, and how a change gets from one to the other.

use std::collections::HashMap;
use std::sync::Arc;

use super::awake::Awake;
use super::mapping::{By, Found, Mapping};
use super::order::OrderIndex;
use super::payment::PaymentIndex;
use crate::cluster::cache::Change;
use crate::cluster::denials::{Denials, denied};
use crate::cluster::members::Members;
use crate::cluster::queue::Queue;
use crate::cluster::server::Server;
use crate::cluster::watch::{Feed, Sink};
use crate::cluster::{Cache, Key, Watched};
use crate::domain::platform::{self, Affected};
use crate::domain::{Kind, Time, Version};
use crate::kinds::kinds;

macro_rules! world {
    ([] $($kind:ident $field:ident $module:ident::$controller:ident;)+) => {
        /// Everything that a process knows, and the queues that a change of it fills.
        #[derive(Default)]
        pub struct World {
            $(pub $field: Cache<crate::crd::$kind>,)+
            /// What is known of the API server beside its objects.
            pub server: Server,
            /// What this process was denied and is denied still.
            pub denials: Denials,
            /// Since when this process has been awake, and alone with the rows.
            pub awake: Awake,
            /// Who else works here.
            pub members: Arc<Members>,
            watched: Kinds,
            queues: HashMap<Kind, Arc<Queue>>,
        }

        impl World {
            /// What an index finds, or the first of it, and the kind.
            fn find(&self, namespace: &Arc<str>, by: By, first: bool) -> (Kind, Vec<Key>) {
                match by {
                    $(By::$kind(index) if first => {
                        (Kind::$kind, self.$field.first(namespace, index).into_iter().collect())
                    }
                    By::$kind(index) => (Kind::$kind, self.$field.find(namespace, index)),)+
                }
            }
        }

        $(impl Feed for crate::crd::$kind {
            type Sink = World;

            fn cache(world: &World) -> &Cache<Self> {
                &world.$field
            }

            fn enqueue(world: &World, key: &Key, change: Change<Self>) -> bool {
                world.enqueue(key, change)
            }
        })+
    };
}

kinds!(world);

/// The kinds that are watched.
struct Kinds(Vec<Kind>);

impl Default for Kinds {
    fn default() -> Self {
        Self(Kind::ALL.to_vec())
    }
}

/// A kind whose cache the world holds.
pub trait Cached: Mapping + Feed<Sink = World> {}

impl<K: Mapping + Feed<Sink = World>> Cached for K {}

/// Does the same with the cache of a kind, whichever that is.
macro_rules! each_cache {
    ($world:expr, $kind:expr, |$cache:ident| $with:expr) => {
        kinds!(with_cache, ($world), ($kind), $cache, ($with))
    };
}

macro_rules! with_cache {
    ([($world:expr) ($which:expr) $cache:ident ($with:expr)] $($kind:ident $field:ident $module:ident::$controller:ident;)+) => {
        match $which {
            $(Kind::$kind => {
                let $cache = &$world.$field;
                $with
            })+
        }
    };
}

impl World {
    /// A world that fills these queues, and whose processes these are.
    pub fn new(queues: HashMap<Kind, Arc<Queue>>, members: Arc<Members>) -> Self {
        Self { queues, members, ..Self::default() }
    }

    /// A world of these kinds alone, for a process that reads and has no controllers.
    pub fn of(kinds: &[Kind]) -> Self {
        Self { watched: Kinds(kinds.to_vec()), ..Self::default() }
    }

    /// A world that follows one whose history broke for this reason.
    pub fn after(why: String, queues: HashMap<Kind, Arc<Queue>>, members: Arc<Members>) -> Self {
        Self { server: Server::after(why), ..Self::new(queues, members) }
    }

    /// The kinds that are watched.
    pub fn watched(&self) -> &[Kind] {
        &self.watched.0
    }

    /// The queue of a kind's controller, where it runs here.
    pub fn queue(&self, kind: Kind) -> Option<&Arc<Queue>> {
        self.queues.get(&kind)
    }

    /// Whether the cache of every kind that is watched has been filled once.
    pub fn is_complete(&self) -> bool {
        self.watched().iter().all(|kind| self.is_filled(*kind))
    }

    fn is_filled(&self, kind: Kind) -> bool {
        each_cache!(self, kind, |cache| cache.is_complete())
    }

    /// What keeps this world from being as things stand, in words.
    pub fn unready(&self) -> Option<String> {
        self.server.unready(self.watched().iter().map(|kind| (*kind, self.is_filled(*kind))))
    }

    /// How many objects each cache holds.
    pub fn sizes(&self) -> [(Kind, usize); Kind::COUNT] {
        Kind::ALL.map(|kind| (kind, each_cache!(self, kind, |cache| cache.len())))
    }

    /// How many objects of a kind are the work of this process, where several share it.
    pub fn own(&self, kind: Kind) -> usize {
        let view = self.members.view();
        each_cache!(self, kind, |cache| cache.count_where(|key, object| {
            object.part_of().is_none_or(|uid| view.rank(kind.as_str(), &key.namespace, uid, false) == 0)
        }))
    }

    /// The objects of a kind that are part of what has this UID, by name.
    pub fn parts(&self, kind: Kind, namespace: &str, uid: &str) -> Vec<Key> {
        let mut parts = each_cache!(self, kind, |cache| {
            let is_part = |key: &Key| cache.get(key).is_some_and(|seen| seen.object.part_of() == Some(uid));
            cache.keys(namespace).into_iter().filter(is_part).collect::<Vec<Key>>()
        });
        parts.sort();
        parts
    }

    /// The version of an object as last seen.
    pub fn version_of(&self, kind: Kind, key: &Key) -> Option<Version> {
        each_cache!(self, kind, |cache| cache.get(key).map(|seen| seen.version))
    }

    /// Notes that this process decides something now.
    pub fn looks(&self, now: Time) {
        self.awake.looks(now, self.members.alone(Kind::OrderView.as_str()));
    }

    /// Enqueues whoever a change concerns; gives whether there was one.
    pub fn enqueue<K: Cached>(&self, key: &Key, change: Change<K>) -> bool {
        let Some((old, new)) = change else { return false };
        if let (Some(old), None) = (&old, &new) {
            self.enqueue_dependents(key, old.meta().uid.as_deref().unwrap_or_default());
        }
        let is_denied = |object: &Option<Arc<K>>| object.as_deref().is_some_and(|object| denied(object).is_some());
        if is_denied(&old) != is_denied(&new) {
            self.enqueue_platform(&key.namespace);
        }
        let hastened = K::hastens(new.as_deref());
        for (kind, name) in K::enqueues(&key.name, old.as_deref(), new.as_deref()) {
            self.enqueue_as(kind, key.sibling(&name), hastened.contains(&kind));
        }
        for found in K::enqueues_found(old.as_deref(), new.as_deref()) {
            self.enqueue_found(key, found);
        }
        true
    }

    fn enqueue_found(&self, key: &Key, found: Found) {
        let (kind, keys) = match found {
            Found::Every(kind) => (kind, each_cache!(self, kind, |cache| cache.keys(&key.namespace))),
            Found::All(by) => self.find(&key.namespace, by, false),
            Found::First(by) => self.find(&key.namespace, by, true),
        };
        keys.into_iter().for_each(|key| self.enqueue_one(kind, key));
    }

    /// Enqueues who waits for a ledger that is gone.
    fn enqueue_dependents(&self, key: &Key, uid: &str) {
        self.enqueue_found(key, Found::All(By::Order(OrderIndex::Refers(uid.to_owned()))));
        self.enqueue_found(key, Found::All(By::Payment(PaymentIndex::Asks(uid.to_owned()))));
    }

    fn enqueue_one(&self, kind: Kind, key: Key) {
        self.enqueue_as(kind, key, false);
    }

    fn enqueue_as(&self, kind: Kind, key: Key, ahead: bool) {
        let Some(queue) = self.queues.get(&kind) else { return };
        if ahead { queue.add_ahead(key) } else { queue.add(key) }
    }

    /// Enqueues the OrderPlatform of a namespace: what it says of others has changed.
    pub fn enqueue_platform(&self, namespace: &str) {
        self.enqueue_one(Kind::OrderPlatform, Key::new(namespace, platform::NAME));
    }

    /// Notes that nothing is denied to an object any more.
    pub fn allowed(&self, kind: Kind, key: &Key) {
        if self.denials.remove(kind, key) {
            self.enqueue_platform(&key.namespace);
        }
    }

    /// What cannot be understood in a namespace: how many objects, and an example.
    pub fn not_readable(&self, namespace: &str) -> Affected {
        let (objects, example) = self.server.unreadables.of(namespace);
        Affected { objects, example: example.unwrap_or_default() }
    }

    /// The writes that are denied in a namespace: how many objects wait for one, and an example.
    pub fn denied(&self, namespace: &Arc<str>) -> Affected {
        let mut all = Affected::default();
        let says = |kind: Kind, key: &Key| {
            each_cache!(self, kind, |cache| cache
                .get(key)
                .and_then(|seen| Some(denied(&*seen.object)?.message.clone())))
        };
        for kind in Kind::ALL {
            let (objects, first) = each_cache!(self, kind, |cache| cache.denied(namespace));
            let example = first.and_then(|key| Some(Affected::one(kind, &key.name, &says(kind, &key)?)));
            all.add(Affected { objects, ..example.unwrap_or_default() });
        }
        for (kind, key, what) in self.denials.unsaid(namespace, |kind, key| says(kind, key).is_some()) {
            all.add(Affected::one(kind, &key.name, &what));
        }
        all
    }
}

impl Sink for World {
    fn server(&self) -> &Server {
        &self.server
    }

    fn enqueue_namespace(&self, namespace: &str) {
        for kind in Kind::ALL {
            let keys = each_cache!(self, kind, |cache| cache.keys(namespace));
            keys.into_iter().for_each(|key| self.enqueue_one(kind, key));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use serde_json::{Value, json};

    use super::*;

    /// A world in which one kind has a queue.
    fn world(kind: Kind) -> (World, Arc<Queue>) {
        let queue = Arc::new(Queue::default());
        (World::new(HashMap::from([(kind, queue.clone())]), Arc::default()), queue)
    }

    fn see<K: Cached>(world: &World, cache: impl Fn(&World) -> &Cache<K>, name: &str, version: u32, rest: Value) {
        let mut object = json!({ "metadata": {
            "name": name, "namespace": "shop", "uid": name, "resourceVersion": version.to_string(),
            "creationTimestamp": "2026-11-27T07:00:00.000Z",
        } });
        object.as_object_mut().expect("an object").extend(rest.as_object().expect("fields").clone());
        let object: K = serde_json::from_value(object).expect("an object of the kind");
        world.enqueue(&Key::new("shop", name), cache(world).deliver(object, Time::from_millis(0)));
    }

    fn order(world: &World, name: &str, version: u32, status: Value) {
        let address = json!({ "recipient": "Alice", "address": "Teheran-ro 1", "zone": "gangnam" });
        let spec = json!({ "customer": "alice", "store": "shop", "items": [], "payment": {}, "deliverTo": address });
        see(world, |world| &world.orders, name, version, json!({ "spec": spec, "status": status }));
    }

    fn placed() -> Value {
        json!({ "observedGeneration": 1, "state": "Placed", "placedAt": "2026-11-27T07:00:01.000Z" })
    }

    async fn comes(queue: &Queue, expected: &[&str]) {
        for name in expected {
            assert_eq!(&*queue.next().await.name, *name);
        }
        assert_eq!(queue.depth(), (0, expected.len()));
    }

    #[tokio::test]
    async fn that_an_order_is_done_is_shown_before_another_that_waits() {
        let (world, queue) = world(Kind::OrderView);
        let ended = json!({ "observedGeneration": 1, "state": "Rejected", "endedAt": "2026-11-27T07:00:02.000Z" });
        order(&world, "first", 1, placed());
        order(&world, "second", 2, placed());
        order(&world, "third", 3, placed());
        order(&world, "second", 4, ended.clone());
        order(&world, "third", 5, ended);
        comes(&queue, &["second", "third", "first"]).await;
    }

    #[tokio::test]
    async fn an_order_on_its_way_goes_before_those_that_are_not_placed_yet() {
        let (world, queue) = world(Kind::Order);
        let new = || json!({ "observedGeneration": -1 });
        order(&world, "new", 1, new());
        order(&world, "newer", 2, new());
        order(&world, "placed", 3, placed());
        order(&world, "paid", 4, new());
        order(&world, "held", 5, new());
        let money = json!({ "amount": 1_000, "currency": "KRW" });
        let of = json!({ "name": "paid", "uid": "paid" });
        let payment = json!({ "spec": { "order": of, "method": "Wallet", "amount": money } });
        see(&world, |world| &world.payments, "paid-1", 6, payment);
        let held = json!([{ "name": "held", "order": "held", "quantity": 1, "answer": "Held" }]);
        let status = json!({ "observedGeneration": 1, "available": 9, "entries": held });
        let product =
            json!({ "spec": { "store": "shop", "title": "stew", "price": money, "stock": 10 }, "status": status });
        see(&world, |world| &world.products, "stew", 7, product);
        comes(&queue, &["placed", "paid", "held", "new", "newer"]).await;
    }
}
