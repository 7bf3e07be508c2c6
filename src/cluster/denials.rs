//! Writes that the API server denies: which objects carry the condition, and what could not be said on any object.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use super::cache::{Cache, Index, Key, Source};
use super::lock;
use crate::domain::denial::{self, Conditioned, Denial};
use crate::domain::platform::Affected;
use crate::domain::{Condition, Kind};

/// The condition of an object of which a write is denied, where it carries one.
pub(super) fn denied<K: Source>(object: &K) -> Option<&Condition> {
    object.status().and_then(|status| denial::find(status.conditions()))
}

/// What an object is found by: what its kind says, and whether a write of it is denied.
pub(super) fn indexes<K: Source>(object: &K) -> impl Iterator<Item = Index> {
    object.index().into_iter().chain(denied(object).map(|_| Index::Denied))
}

impl<K: Source> Cache<K> {
    /// How many objects of a namespace say that a write of theirs is denied, and the first of them.
    pub fn denied(&self, kind: Kind, namespace: &Arc<str>) -> Affected {
        let count = self.count(namespace, Index::Denied);
        let first = self.first(namespace, Index::Denied).and_then(|key| Some((self.get(&key)?.object, key)));
        let example = first.and_then(|(object, key)| Some(Affected::one(kind, &key.name, &denied(&*object)?.message)));
        Affected { objects: count, ..example.unwrap_or_default() }
    }
}

/// What this process was denied and is denied still, by object, so that it is said once, and so that the platform hears of
/// what cannot be written on the object itself.
#[derive(Default)]
pub struct Denials {
    held: Mutex<BTreeMap<(Kind, Key), Denial>>,
}

impl Denials {
    /// Remembers what an object was denied; gives whether that is news.
    pub fn insert(&self, kind: Kind, key: &Key, denial: &Denial) -> bool {
        let old = lock(&self.held).insert((kind, key.clone()), denial.clone());
        old.is_none_or(|old| old.write != denial.write || old.reason != denial.reason)
    }

    /// Forgets what an object was denied; gives whether there was anything.
    pub fn remove(&self, kind: Kind, key: &Key) -> bool {
        let mut held = lock(&self.held);
        !held.is_empty() && held.remove(&(kind, key.clone())).is_some()
    }

    /// What was denied to an object.
    pub fn what(&self, kind: Kind, key: &Key) -> Option<String> {
        let held = lock(&self.held);
        (!held.is_empty()).then(|| held.get(&(kind, key.clone())).map(Denial::what))?
    }

    /// What was denied in a namespace, apart from objects that say so themselves.
    pub fn unsaid(&self, namespace: &str, says: impl Fn(Kind, &Key) -> bool) -> Vec<Affected> {
        let held = lock(&self.held);
        let here = held.iter().filter(|((kind, key), _)| &*key.namespace == namespace && !says(*kind, key));
        here.map(|((kind, key), denial)| Affected::one(*kind, &key.name, &denial.what())).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_denied_is_news_once_and_again_after_it_went_through() {
        let denials = Denials::default();
        let (key, other) = (Key::new("shop", "order-1"), Key::new("elsewhere", "order-1"));
        let denial = |write: &str, sentence: &str| Denial {
            reason: "Forbidden",
            write: write.to_owned(),
            sentence: sentence.to_owned(),
            blocks: true,
            bars: false,
        };
        assert!(denials.insert(Kind::Order, &key, &denial("create Payment p", "used: 1")));
        assert!(!denials.insert(Kind::Order, &key, &denial("create Payment p", "used: 2")), "in other words");
        assert!(denials.insert(Kind::Order, &key, &denial("create Ticket p", "used: 2")), "another write");
        assert!(denials.insert(Kind::OrderView, &other, &denial("create OrderView p", "no")));
        assert_eq!(denials.unsaid("shop", |_, _| false).len(), 1);
        assert_eq!(denials.unsaid("shop", |kind, _| kind == Kind::Order).len(), 0, "it says so itself");
        assert!(denials.remove(Kind::Order, &key) && !denials.remove(Kind::Order, &key));
        assert!(denials.insert(Kind::Order, &key, &denial("create Payment p", "used: 1")));
    }
}
