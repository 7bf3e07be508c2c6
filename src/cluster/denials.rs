//! Writes that the API server denies: which objects carry the condition, and what could not be said on any object.

use std::collections::BTreeMap;
use std::sync::Mutex;

use super::lock;
use super::watched::{Key, Watched};
use crate::domain::denial::{self, Conditioned, Denial};
use crate::domain::{Condition, Kind};

/// The condition of an object of which a write is denied, where it carries one.
pub fn denied<K: Watched>(object: &K) -> Option<&Condition> {
    object.status().and_then(|status| denial::find(status.conditions()))
}

/// What this process was denied and is denied still, by object, so that it is said once, and so that the platform hears of
/// what cannot be written on the object itself.
#[derive(Default)]
pub struct Denials {
    entries: Mutex<BTreeMap<(Kind, Key), Denial>>,
}

impl Denials {
    /// Remembers what an object was denied; gives whether that is news.
    pub fn insert(&self, kind: Kind, key: &Key, denial: &Denial) -> bool {
        let old = lock(&self.entries).insert((kind, key.clone()), denial.clone());
        old.is_none_or(|old| old.write != denial.write || old.reason != denial.reason)
    }

    /// Forgets what an object was denied; gives whether there was anything.
    pub fn remove(&self, kind: Kind, key: &Key) -> bool {
        let mut entries = lock(&self.entries);
        !entries.is_empty() && entries.remove(&(kind, key.clone())).is_some()
    }

    /// What was denied to an object.
    pub fn what(&self, kind: Kind, key: &Key) -> Option<String> {
        let entries = lock(&self.entries);
        (!entries.is_empty()).then(|| entries.get(&(kind, key.clone())).map(Denial::what))?
    }

    /// What was denied to which objects of a namespace, apart from those that say so themselves.
    pub fn unsaid(&self, namespace: &str, says: impl Fn(Kind, &Key) -> bool) -> Vec<(Kind, Key, String)> {
        let entries = lock(&self.entries);
        let here = entries.iter().filter(|((kind, key), _)| &*key.namespace == namespace && !says(*kind, key));
        here.map(|((kind, key), denial)| (*kind, key.clone(), denial.what())).collect()
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
