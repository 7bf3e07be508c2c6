//! The cache of one kind: what its watch has delivered, and what our own calls were answered.
//!
//! Invariants:
//! - An object is only ever replaced by a newer version of it (versions of one kind are comparable).
//! - The answer to a call may come after the watch has reported the deletion: one at or below what it has delivered
//!   brings nothing back.
//! - Absence proves nothing, unless a delete event or a live read left a tombstone for that very UID; that there is no tombstone
//!   tells something only of what came after the last list ([`Cache::listed`]).

mod seen;

pub use seen::Seen;

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use kube::{Resource, ResourceExt};

use super::denials::denied;
use super::watched::{Key, Watched};
use crate::domain::{Time, Version};

mod tombstones;
pub use tombstones::Tombstone;
use tombstones::{Tombstones, ended_already};

/// Before and after of one object; nothing where the cache knew better.
pub type Change<K> = Option<(Option<Arc<K>>, Option<Arc<K>>)>;

/// The objects of one kind, and what they are found by.
pub struct Cache<K: Watched> {
    inner: RwLock<Inner<K>>,
}

/// What the objects of a namespace are found by.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Entry<I> {
    /// What their kind says.
    By(I),
    /// A write of theirs is denied.
    Denied,
}

/// An entry, and the namespace in which it finds objects.
type Place<I> = (Arc<str>, Entry<I>);

struct Inner<K: Watched> {
    objects: HashMap<Key, Seen<K>>,
    index: HashMap<Place<K::Index>, BTreeSet<Key>>,
    marks: HashMap<(Arc<str>, K::Index), Time>,
    tombstones: Tombstones,
    namespaces: HashSet<Arc<str>>,
    /// The newest version that the watch has delivered.
    delivered: Version,
    /// What a list under way has delivered so far.
    listing: Option<HashMap<Key, Seen<K>>>,
    complete: bool,
    /// When the last list was whole, or something went unknown.
    listed: Time,
}

impl<K: Watched> Default for Cache<K> {
    fn default() -> Self {
        Self {
            inner: RwLock::new(Inner {
                objects: HashMap::new(),
                index: HashMap::new(),
                marks: HashMap::new(),
                tombstones: Tombstones::default(),
                namespaces: HashSet::new(),
                delivered: Version::default(),
                listing: None,
                complete: false,
                listed: Time::from_millis(0),
            }),
        }
    }
}

impl<K: Watched> Cache<K> {
    fn read(&self) -> RwLockReadGuard<'_, Inner<K>> {
        self.inner.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Inner<K>> {
        self.inner.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// As last seen.
    pub fn get(&self, key: &Key) -> Option<Seen<K>> {
        self.read().objects.get(key).cloned()
    }

    /// The keys of the objects found by `index` in a namespace, in order.
    pub fn find(&self, namespace: &Arc<str>, index: K::Index) -> Vec<Key> {
        self.with(namespace, Entry::By(index), |keys| keys.iter().cloned().collect())
    }

    /// The first of them.
    pub fn first(&self, namespace: &Arc<str>, index: K::Index) -> Option<Key> {
        self.with(namespace, Entry::By(index), |keys| keys.first().cloned())
    }

    /// How many objects an index finds in a namespace.
    pub fn count(&self, namespace: &Arc<str>, index: K::Index) -> usize {
        self.with(namespace, Entry::By(index), BTreeSet::len)
    }

    /// How many objects of a namespace say that a write of theirs is denied, and the first of them.
    pub fn denied(&self, namespace: &Arc<str>) -> (usize, Option<Key>) {
        self.with(namespace, Entry::Denied, |keys| (keys.len(), keys.first().cloned()))
    }

    fn with<T: Default>(
        &self,
        namespace: &Arc<str>,
        entry: Entry<K::Index>,
        of: impl FnOnce(&BTreeSet<Key>) -> T,
    ) -> T {
        self.read().index.get(&(namespace.clone(), entry)).map(of).unwrap_or_default()
    }

    /// The latest mark that an object of the namespace has left at an index.
    pub fn marked(&self, namespace: &Arc<str>, index: K::Index) -> Option<Time> {
        self.read().marks.get(&(namespace.clone(), index)).copied()
    }

    /// The tombstone of a UID.
    pub fn gone(&self, uid: &str) -> Option<Tombstone> {
        self.read().tombstones.get(uid)
    }

    /// The newest version that the watch has delivered.
    pub fn delivered(&self) -> Version {
        self.read().delivered
    }

    /// How many objects are cached.
    pub fn len(&self) -> usize {
        self.read().objects.len()
    }

    /// How many of them are such as this says.
    pub fn count_where(&self, is_such: impl Fn(&Key, &K) -> bool) -> usize {
        self.read().objects.iter().filter(|(key, seen)| is_such(key, &seen.object)).count()
    }

    /// Whether nothing is cached.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether a first list has been delivered whole.
    pub fn is_complete(&self) -> bool {
        self.read().complete
    }

    /// When the last list was whole, or one went that nobody here had understood: what came and went before is not known.
    pub fn listed(&self) -> Time {
        self.read().listed
    }

    /// Every key.
    pub fn all_keys(&self) -> Vec<Key> {
        self.read().objects.keys().cloned().collect()
    }

    /// The keys in a namespace.
    pub fn keys(&self, namespace: &str) -> Vec<Key> {
        self.read().objects.keys().filter(|key| &*key.namespace == namespace).cloned().collect()
    }

    /// Takes what the watch delivered.
    pub fn deliver(&self, object: impl Into<Arc<K>>, now: Time) -> Change<K> {
        let object = object.into();
        let (mut inner, version) = (self.write(), version_of(&*object));
        inner.delivered = inner.delivered.max(version);
        inner.put(object, version, now)
    }

    /// Takes the answer to one of our calls.
    pub fn answer(&self, object: K, now: Time) -> Change<K> {
        let (mut inner, version) = (self.write(), version_of(&object));
        if version <= inner.delivered && !inner.objects.contains_key(&Key::of(&object)) {
            return None;
        }
        inner.put(object.into(), version, now)
    }

    /// Takes the deletion of an object, as the watch reported it, and whether it had ended, where that could be read.
    pub fn delete<O: Resource>(&self, object: &O, ended: Option<bool>, now: Time) -> Change<K> {
        let mut inner = self.write();
        let version = version_of(object);
        inner.delivered = inner.delivered.max(version);
        inner.tombstones.bury(object.meta().uid.clone().unwrap_or_default(), version, now, ended);
        let key = Key::of(object);
        let newer = inner.objects.get(&key).is_some_and(|seen| seen.version > version);
        if newer {
            return None;
        }
        let Some(old) = inner.take(&key) else {
            inner.miss(now);
            return None;
        };
        inner.bury_root(&old, version, now);
        Some((Some(old), None))
    }

    /// Takes the outcome of a live read that found nothing: a list of that version.
    pub fn absent(&self, key: &Key, version: Version, now: Time) -> Change<K> {
        let mut inner = self.write();
        if inner.objects.get(key).is_none_or(|seen| seen.version > version) {
            return None;
        }
        let old = inner.take(key)?;
        inner.tombstones.bury(old.meta().uid.clone().unwrap_or_default(), version, now, ended_already(&*old));
        inner.bury_root(&old, version, now);
        Some((Some(old), None))
    }

    /// Records that a UID was proven gone.
    pub fn bury(&self, uid: &str, version: Version, now: Time) {
        self.write().tombstones.bury(uid.to_owned(), version, now, None);
    }

    /// A list begins: what it delivers replaces what is cached.
    pub fn list_begins(&self) {
        self.write().listing = Some(HashMap::new());
    }

    /// One object of a list.
    pub fn list_item(&self, object: K, now: Time) {
        let mut inner = self.write();
        let version = version_of(&object);
        let key = Key::of(&object);
        let seen = match inner.objects.get(&key) {
            Some(cached) if cached.version >= version => cached.clone(),
            _ => Seen { object: Arc::new(object), version, at: now, since: now },
        };
        if let Some(listing) = &mut inner.listing {
            listing.insert(key, seen);
        }
    }

    /// One object of a list that cannot be understood: what is cached of it stays.
    pub fn list_keeps(&self, key: Key, uid: &str) {
        let mut inner = self.write();
        let same = |cached: &&Seen<K>| cached.object.meta().uid.as_deref() == Some(uid);
        let Some(cached) = inner.objects.get(&key).filter(same).cloned() else { return };
        if let Some(listing) = &mut inner.listing {
            listing.insert(key, cached);
        }
    }

    /// The list is whole: swaps it in and gives what changed. What it lacks is gone.
    pub fn list_ends(&self, now: Time) -> Vec<(Key, Change<K>)> {
        let mut inner = self.write();
        let Some(listing) = inner.listing.take() else { return Vec::new() };
        let mut changes = Vec::new();
        let missing: Vec<Key> = inner.objects.keys().filter(|key| !listing.contains_key(*key)).cloned().collect();
        for key in missing {
            if let Some(old) = inner.take(&key) {
                // The list's own version is not known here: gone for children, but no proof for a ledger.
                let (uid, ended) = (old.meta().uid.clone().unwrap_or_default(), ended_already(&*old));
                inner.tombstones.bury(uid, Version::default(), now, ended);
                inner.bury_root(&old, Version::default(), now);
                changes.push((key, Some((Some(old), None))));
            }
        }
        for (key, seen) in listing {
            inner.delivered = inner.delivered.max(seen.version);
            let change = inner.put_seen(key.clone(), seen);
            if change.is_some() {
                changes.push((key, change));
            }
        }
        (inner.complete, inner.listed) = (true, now);
        changes
    }
}

impl<K: Watched> Inner<K> {
    fn put(&mut self, object: Arc<K>, version: Version, now: Time) -> Change<K> {
        let key = Key::of(&*object);
        let seen = Seen { object, version, at: now, since: now };
        if let Some(listing) = &mut self.listing
            && listing.get(&key).is_none_or(|listed| listed.version < version)
        {
            listing.insert(key.clone(), seen.clone());
        }
        self.put_seen(key, seen)
    }

    fn put_seen(&mut self, mut key: Key, mut seen: Seen<K>) -> Change<K> {
        // One name for all objects of a namespace.
        match self.namespaces.get(&key.namespace) {
            Some(known) => key.namespace = known.clone(),
            None => drop(self.namespaces.insert(key.namespace.clone())),
        }
        let cached = self.objects.get(&key);
        if cached.is_some_and(|cached| cached.version >= seen.version) {
            return None;
        }
        seen.since = cached.filter(|cached| cached.has_spec_of(&seen)).map_or(seen.at, |cached| cached.since);
        let old = self.take(&key);
        for entry in entries(&*seen.object) {
            self.index.entry((key.namespace.clone(), entry)).or_default().insert(key.clone());
        }
        if let Some((index, at)) = seen.object.mark() {
            let mark = self.marks.entry((key.namespace.clone(), index)).or_insert(at);
            *mark = at.max(*mark);
        }
        let new = seen.object.clone();
        self.objects.insert(key, seen);
        Some((old, Some(new)))
    }

    /// Remembers what it was part of, where somebody asks whether there was such an object.
    fn bury_root(&mut self, old: &K, version: Version, now: Time) {
        if let (true, Some(root)) = (K::ROOT_IS_ASKED, old.part_of()) {
            self.tombstones.renew(root.to_owned(), version, now);
        }
    }

    /// One is gone that was never understood here: of what it was part is not known.
    fn miss(&mut self, now: Time) {
        if K::ROOT_IS_ASKED {
            self.listed = now;
        }
    }

    fn take(&mut self, key: &Key) -> Option<Arc<K>> {
        let seen = self.objects.remove(key)?;
        for entry in entries(&*seen.object) {
            let at = (key.namespace.clone(), entry);
            if let Some(keys) = self.index.get_mut(&at) {
                keys.remove(key);
                if keys.is_empty() {
                    self.index.remove(&at);
                }
            }
        }
        Some(seen.object)
    }
}

/// What an object is found by: what its kind says, and whether a write of it is denied.
fn entries<K: Watched>(object: &K) -> impl Iterator<Item = Entry<K::Index>> {
    object.index().into_iter().map(Entry::By).chain(denied(object).map(|_| Entry::Denied))
}

/// The version of an object.
pub fn version_of<K: Resource>(object: &K) -> Version {
    Version::parse(&object.resource_version().unwrap_or_default())
}

#[cfg(test)]
mod tests;
