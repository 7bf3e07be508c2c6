//! Everything the controllers can see: the caches of all kinds, and the queues that a change wakes.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use crate::crd::OrderPlatform;
use crate::domain::ledger::Missing;
use crate::domain::notification::Untaken;
use crate::domain::platform::{self, Affected};
use crate::domain::provider::Reply;
use crate::domain::{Kind, Lookup, Time, Version};
use crate::kinds::kinds;

use super::cache::{Cache, Change, Index, Key, Rouse, Seen, Source};
use super::denials::{Denials, denied};
use super::execute::DECISION_LIMIT;
use super::guard::{Unreadable, Unreadables};
use super::history::History;
use super::members::Members;
use super::queue::Queue;
use super::slots::Slot;

macro_rules! world {
    ([] $($kind:ident $field:ident $module:ident::$controller:ident;)+) => {
        /// See the module's documentation.
        #[derive(Default)]
        pub struct World {
            $(pub $field: Cache<crate::crd::$kind>,)+
            /// What this process was denied and is denied still.
            pub denials: Denials,
            /// What cannot be understood.
            pub unreadables: Unreadables,
            /// The history from which all this is filled.
            pub history: History,
            /// Who else works here.
            pub members: Arc<Members>,
            /// Which kinds cannot be read at present, since when, and why.
            silent: RwLock<BTreeMap<Kind, (Instant, String)>>,
            terminating: RwLock<HashSet<Arc<str>>>,
            queues: HashMap<Kind, Arc<Queue>>,
        }

        $(impl Held for crate::crd::$kind {
            fn cache(world: &World) -> &Cache<Self> {
                &world.$field
            }
        })+
    };
}

kinds!(world);

/// Stands for the name of every object of a kind in a [`Pass`].
pub const EVERY: &str = "*";

/// A kind that cannot be read for so long is no matter of a moment.
const SILENCE: Duration = Duration::from_secs(15);

/// A kind whose cache the world holds.
pub trait Held: Source {
    /// The cache of the kind.
    fn cache(world: &World) -> &Cache<Self>;
}

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

/// What one pass of one reconcile has learnt beside the caches: live reads, with the version of the list that answered,
/// and what was said from outside.
#[derive(Debug, Default)]
pub struct Pass {
    version: Option<Version>,
    /// When it first learnt something: what a process knew before it was frozen is no news when it goes on.
    since: Option<Instant>,
    reads: HashMap<(Kind, String), (Version, Time)>,
    /// The place for its calls to a payment provider.
    pub slot: Option<Slot>,
    /// What the payment provider replied.
    pub reply: Option<Reply>,
    /// The HTTP status with which it has refused the charge for good.
    pub refused: Option<u16>,
    /// What the endpoint of a notice said.
    pub told: Option<Result<(), Untaken>>,
}

impl Pass {
    /// Whether what it learnt was learnt for this version of the object, and not long ago; a new pass becomes one about
    /// this version.
    pub fn fits(&mut self, version: Option<Version>) -> bool {
        let Some(since) = self.since else {
            self.version = version;
            return true;
        };
        self.version == version && since.elapsed() <= DECISION_LIMIT
    }

    /// Notes that something was learnt from outside the caches.
    pub fn learns(&mut self) {
        self.since.get_or_insert_with(Instant::now);
    }

    /// Notes a live read.
    pub fn note(&mut self, kind: Kind, name: &str, version: Version, at: Time) {
        self.learns();
        self.reads.insert((kind, name.to_owned()), (version, at));
    }

    /// The version of the live read of this name in this pass, where there was one.
    pub fn read(&self, kind: Kind, name: &str) -> Option<Version> {
        self.read_at(kind, name).map(|(version, _)| version)
    }

    /// The same, and when it was.
    pub fn read_at(&self, kind: Kind, name: &str) -> Option<(Version, Time)> {
        if self.reads.is_empty() {
            return None;
        }
        self.reads.get(&(kind, name.to_owned())).copied()
    }
}

impl World {
    /// A world that wakes these queues, and whose processes these are.
    pub fn new(queues: HashMap<Kind, Arc<Queue>>, members: Arc<Members>) -> Self {
        Self { queues, members, ..Self::default() }
    }

    /// A world that follows one whose history broke for this reason.
    pub fn after(why: String, queues: HashMap<Kind, Arc<Queue>>, members: Arc<Members>) -> Self {
        Self { history: History::after(why), ..Self::new(queues, members) }
    }

    /// The queue of a kind's controller, where it runs here.
    pub fn queue(&self, kind: Kind) -> Option<&Arc<Queue>> {
        self.queues.get(&kind)
    }

    /// Whether every cache has been filled once.
    pub fn is_complete(&self) -> bool {
        Kind::ALL.into_iter().all(|kind| each_cache!(self, kind, |cache| cache.is_complete()))
    }

    /// How many objects each cache holds.
    pub fn sizes(&self) -> [(Kind, usize); Kind::COUNT] {
        Kind::ALL.map(|kind| (kind, each_cache!(self, kind, |cache| cache.len())))
    }

    /// The OrderPlatform that counts in the namespace of `key`.
    pub fn platform(&self, key: &Key) -> Option<Seen<OrderPlatform>> {
        self.platforms.get(&key.sibling(platform::NAME))
    }

    /// Wakes whoever a change concerns; gives whether there was one.
    pub fn wake<K: Source>(&self, key: &Key, change: Change<K>) -> bool {
        let Some((old, new)) = change else { return false };
        if let (Some(old), None) = (&old, &new) {
            self.wake_dependants(key, old.meta().uid.as_deref().unwrap_or_default());
        }
        let is_denied = |object: &Option<Arc<K>>| object.as_deref().is_some_and(|object| denied(object).is_some());
        if is_denied(&old) != is_denied(&new) {
            self.wake_platform(&key.namespace);
        }
        for (kind, name) in K::wakes(&key.name, old.as_deref(), new.as_deref()) {
            self.wake_one(kind, key.sibling(&name));
        }
        for rouse in K::rouses(old.as_deref(), new.as_deref()) {
            let (kind, found) = match rouse {
                Rouse::All(kind, index) => (kind, self.find(kind, key, index)),
                Rouse::First(kind, index) => (kind, self.first(kind, key, index).into_iter().collect()),
            };
            found.into_iter().for_each(|found| self.wake_one(kind, found));
        }
        true
    }

    /// The objects of a kind that an index finds.
    fn find(&self, kind: Kind, key: &Key, index: Index) -> Vec<Key> {
        match (kind, index) {
            (Kind::Order, Index::Every) => self.orders.keys(&key.namespace),
            (Kind::OrderView, Index::Every) => self.views.keys(&key.namespace),
            (Kind::Payment, Index::Every) => self.payments.keys(&key.namespace),
            (Kind::Notification, Index::Every) => self.notifications.keys(&key.namespace),
            (Kind::Order, index) => self.orders.find(&key.namespace, index),
            (Kind::Payment, index) => self.payments.find(&key.namespace, index),
            (Kind::Notification, index) => self.notifications.find(&key.namespace, index),
            _ => Vec::new(),
        }
    }

    /// The first of them, without looking at the others.
    fn first(&self, kind: Kind, key: &Key, index: Index) -> Option<Key> {
        match kind {
            Kind::Order => self.orders.first(&key.namespace, index),
            Kind::Payment => self.payments.first(&key.namespace, index),
            Kind::Notification => self.notifications.first(&key.namespace, index),
            _ => None,
        }
    }

    /// Wakes who waits for a ledger that is gone.
    fn wake_dependants(&self, key: &Key, uid: &str) {
        for order in self.orders.find(&key.namespace, Index::Refers(uid.to_owned())) {
            self.wake_one(Kind::Order, order);
        }
        for payment in self.payments.find(&key.namespace, Index::Asks(uid.to_owned())) {
            self.wake_one(Kind::Payment, payment);
        }
    }

    fn wake_one(&self, kind: Kind, key: Key) {
        if let Some(queue) = self.queues.get(&kind) {
            queue.add(key);
        }
    }

    /// Wakes the OrderPlatform of a namespace: what it says of others has changed.
    pub fn wake_platform(&self, namespace: &str) {
        self.wake_one(Kind::OrderPlatform, Key::new(namespace, platform::NAME));
    }

    /// The newest version that the API server has told of a kind, by its watch or in an answer.
    pub fn newest<K: Held>(&self) -> Version {
        K::cache(self).delivered().max(self.history.heard(K::KIND))
    }

    /// Notes whether a kind can be read, or why not.
    pub fn hears(&self, kind: Kind, outcome: Result<(), String>) {
        let mut silent = self.silent.write().unwrap_or_else(PoisonError::into_inner);
        match outcome {
            Ok(()) => drop(silent.remove(&kind)),
            Err(why) => silent.entry(kind).or_insert_with(|| (Instant::now(), String::new())).1 = why,
        }
    }

    /// What keeps this world from being as things stand, in words: a cache that is not filled, or a kind that could not be
    /// read for a while.
    pub fn unready(&self) -> Option<String> {
        let silent = self.silent.read().unwrap_or_else(PoisonError::into_inner);
        let (mut empty, mut old) = (Vec::new(), Vec::new());
        for kind in Kind::ALL {
            let why = silent.get(&kind);
            if !each_cache!(self, kind, |cache| cache.is_complete()) {
                empty.push(why.map_or_else(|| kind.to_string(), |(_, why)| format!("{kind} ({why})")));
            } else if let Some((since, why)) = why.filter(|(since, _)| since.elapsed() > SILENCE) {
                old.push(format!("{kind} for {} s ({why})", since.elapsed().as_secs()));
            }
        }
        match (empty.is_empty(), old.is_empty()) {
            (true, true) => None,
            (true, false) => Some(format!("cannot be read: {}", old.join(", "))),
            (false, _) => Some(format!("the caches are not filled yet: {}", empty.join(", "))),
        }
    }

    /// Notes that an object cannot be understood; gives whether that is news, of which everything in the namespace is to
    /// hear.
    pub fn not_understood(&self, kind: Kind, key: &Key, unreadable: Unreadable) -> bool {
        self.unreadables.insert(kind, key, unreadable)
    }

    /// Notes that an object is understood, or gone.
    pub fn understood(&self, kind: Kind, key: &Key) {
        if self.unreadables.remove(kind, key) {
            self.wake_all(&key.namespace);
        }
    }

    /// Wakes everything in a namespace: any of it may have waited.
    pub fn wake_all(&self, namespace: &str) {
        for kind in Kind::ALL {
            let keys = each_cache!(self, kind, |cache| cache.keys(namespace));
            keys.into_iter().for_each(|key| self.wake_one(kind, key));
        }
    }

    /// Notes that nothing is denied to an object any more.
    pub fn allowed(&self, kind: Kind, key: &Key) {
        if self.denials.remove(kind, key) {
            self.wake_platform(&key.namespace);
        }
    }

    /// The version of an object as last seen.
    pub fn version_of(&self, kind: Kind, key: &Key) -> Option<Version> {
        each_cache!(self, kind, |cache| cache.get(key).map(|seen| seen.version))
    }

    /// The writes that are denied in a namespace: how many objects wait for one, and an example.
    pub fn denied(&self, namespace: &Arc<str>) -> Affected {
        let mut all = Affected::default();
        for kind in Kind::ALL {
            all.add(each_cache!(self, kind, |cache| cache.denied(kind, namespace)));
        }
        let says = |kind, key: &Key| {
            each_cache!(self, kind, |cache| cache.get(key).is_some_and(|seen| denied(&*seen.object).is_some()))
        };
        self.denials.unsaid(namespace, says).into_iter().for_each(|one| all.add(one));
        all
    }

    /// Takes the answer to one of our calls; gives whether it was news.
    pub fn answer<K: Held>(&self, object: K, now: Time) -> bool {
        let key = Key::of(&object);
        self.wake(&key, K::cache(self).answer(object, now))
    }

    /// What the API server said where a write of this object is denied, as the object says or as this process knows.
    pub fn why_denied<K: Held>(&self, key: &Key) -> Option<String> {
        let said = K::cache(self).get(key).and_then(|seen| denied(&*seen.object).map(|found| found.message.clone()));
        said.or_else(|| self.denials.what(K::KIND, key))
    }

    /// Whether the namespace is being deleted.
    pub fn is_terminating(&self, namespace: &str) -> bool {
        self.terminating.read().unwrap_or_else(PoisonError::into_inner).contains(namespace)
    }

    /// Notes whether a namespace is being deleted; everything in one that is gets looked at again.
    pub fn set_terminating(&self, namespace: &str, terminating: bool) {
        let mut all = self.terminating.write().unwrap_or_else(PoisonError::into_inner);
        let news = if terminating { all.insert(namespace.into()) } else { all.remove(namespace) };
        drop(all);
        if news && terminating {
            self.wake_all(namespace);
        }
    }

    /// Looks an object up by name and, where it was recorded, by UID. Another object under the same name proves the
    /// recorded one gone only when it was read from the API server in this pass.
    pub fn lookup<K: Held>(&self, key: &Key, uid: Option<&str>, pass: &Pass) -> Lookup<Seen<K>> {
        let cache = K::cache(self);
        let seen = cache.get(key).filter(|seen| uid.is_none_or(|uid| seen.object.meta().uid.as_deref() == Some(uid)));
        match seen {
            Some(seen) => Lookup::Present(seen),
            None if self.unreadables.why(K::KIND, key).is_some() => Lookup::Unproven,
            None if pass.read(K::KIND, &key.name).is_some() => Lookup::Gone,
            None if uid.is_some_and(|uid| cache.gone(uid).is_some()) => Lookup::Gone,
            None => Lookup::Unproven,
        }
    }

    /// What is known of a requester that was not seen.
    pub fn missing<K: Held>(&self, key: &Key, uid: Option<&str>, pass: &Pass) -> Missing {
        if self.unreadables.why(K::KIND, key).is_some() {
            return Missing::Unreadable;
        }
        if let Some(version) = pass.read(K::KIND, &key.name) {
            return Missing::Gone(version);
        }
        let gone = uid.and_then(|uid| K::cache(self).gone(uid));
        gone.filter(|stone| stone.version > Version::default())
            .map_or(Missing::Unproven, |stone| Missing::Gone(stone.version))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn what_was_read_for_another_version_or_long_ago_counts_for_nothing() {
        let mut pass = Pass::default();
        assert!(pass.fits(Some(Version(1))), "it has learnt nothing yet");
        pass.note(Kind::Wallet, "alice", Version(7), Time::from_millis(0));
        assert!(pass.fits(Some(Version(1))) && !pass.fits(Some(Version(2))));
        let frozen = DECISION_LIMIT + Duration::from_secs(1);
        pass.since = pass.since.and_then(|since| since.checked_sub(frozen));
        assert!(pass.since.is_some() && !pass.fits(Some(Version(1))));
    }
}
