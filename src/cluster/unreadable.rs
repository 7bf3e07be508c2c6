//! Objects that this version cannot understand: each is decoded by itself, remembered with what is wrong, and not taken
//! for gone. It blocks whatever needs it, and nothing else.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;
use std::sync::Mutex;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::Resource;
use kube::core::object::HasStatus;
use serde::de::{DeserializeOwned, Deserializer, Error as _};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::lock;
use super::unknown::is_known;
use super::watched::Key;
use crate::domain::Kind;

/// The most that is said of what is wrong.
const SENTENCE: usize = 160;

/// An object that may not be understood. Lists and watches of it never fail as a whole.
#[derive(Clone, Debug)]
pub struct Decoded<K> {
    meta: ObjectMeta,
    /// Whether its status is what this version would write for it.
    pub is_known: bool,
    pub content: Result<K, Unreadable>,
}

/// What is known of an object that cannot be understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unreadable {
    pub uid: String,
    /// What is wrong, with the field where that is known.
    pub error: String,
    /// The object as it stands.
    raw: String,
}

impl<'de, K: Resource + HasStatus<Status: Serialize> + DeserializeOwned> Deserialize<'de> for Decoded<K> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        match K::deserialize(&value) {
            Ok(object) => {
                let (meta, is_known) = (object.meta().clone(), is_known(&object, &value));
                Ok(Self { meta, is_known, content: Ok(object) })
            }
            Err(error) => {
                let meta = ObjectMeta::deserialize(&value["metadata"]).map_err(D::Error::custom)?;
                let uid = meta.uid.clone().unwrap_or_default();
                let error = error.to_string().chars().take(SENTENCE).collect();
                let content = Err(Unreadable { uid, error, raw: value.to_string() });
                Ok(Self { meta, is_known: false, content })
            }
        }
    }
}

impl<K: Resource> Resource for Decoded<K> {
    type DynamicType = K::DynamicType;
    type Scope = K::Scope;

    fn kind(of: &Self::DynamicType) -> Cow<'_, str> {
        K::kind(of)
    }

    fn group(of: &Self::DynamicType) -> Cow<'_, str> {
        K::group(of)
    }

    fn version(of: &Self::DynamicType) -> Cow<'_, str> {
        K::version(of)
    }

    fn plural(of: &Self::DynamicType) -> Cow<'_, str> {
        K::plural(of)
    }

    fn meta(&self) -> &ObjectMeta {
        &self.meta
    }

    fn meta_mut(&mut self) -> &mut ObjectMeta {
        &mut self.meta
    }
}

/// What cannot be understood at present, by kind and name.
#[derive(Default)]
pub struct Unreadables {
    entries: Mutex<BTreeMap<(Kind, Key), Unreadable>>,
}

impl Unreadables {
    /// Remembers an object that cannot be understood; gives whether that is news. Every one is: what is forgotten here
    /// would be taken for gone. Its text is kept only where somebody asks what objects of the kind mention.
    pub fn insert(&self, kind: Kind, key: &Key, mut unreadable: Unreadable, keeps_text: bool) -> bool {
        if !keeps_text {
            unreadable.raw = String::new();
        }
        let (uid, error) = (unreadable.uid.clone(), unreadable.error.clone());
        let old = lock(&self.entries).insert((kind, key.clone()), unreadable);
        old.is_none_or(|old| (old.uid, old.error) != (uid, error))
    }

    /// Forgets one that is understood now, or gone; gives whether it was known.
    pub fn remove(&self, kind: Kind, key: &Key) -> bool {
        let mut entries = lock(&self.entries);
        !entries.is_empty() && entries.remove(&(kind, key.clone())).is_some()
    }

    /// Those of a kind that a list has not shown as such.
    pub fn others(&self, kind: Kind, shown: &BTreeSet<Key>) -> Vec<Key> {
        let entries = lock(&self.entries);
        entries
            .keys()
            .filter(|(known, key)| *known == kind && !shown.contains(key))
            .map(|(_, key)| key.clone())
            .collect()
    }

    /// What is wrong with an object and what to do, where it cannot be understood.
    pub fn why(&self, kind: Kind, key: &Key) -> Option<String> {
        let entries = lock(&self.entries);
        if entries.is_empty() {
            return None;
        }
        let unreadable = entries.get(&(kind, key.clone()))?;
        Some(sentence(kind, &key.name, &unreadable.error))
    }

    /// The objects of a kind in a namespace that may refer to this UID.
    pub fn mention(&self, kind: Kind, namespace: &str, uid: &str) -> Vec<String> {
        let entries = lock(&self.entries);
        let here = entries.iter().filter(|((known, key), _)| *known == kind && &*key.namespace == namespace);
        here.filter(|(_, one)| one.raw.contains(uid)).map(|((_, key), _)| key.name.to_string()).collect()
    }

    /// How many there are in a namespace, and what is to be said of one of them.
    pub fn of(&self, namespace: &str) -> (usize, Option<String>) {
        let entries = lock(&self.entries);
        let mut here = entries.iter().filter(|((_, key), _)| &*key.namespace == namespace);
        let first = here.next().map(|((kind, key), one)| sentence(*kind, &key.name, &one.error));
        (usize::from(first.is_some()) + here.count(), first)
    }

    /// How many of a kind there are.
    pub fn count(&self, kind: Kind) -> usize {
        lock(&self.entries).keys().filter(|(known, _)| *known == kind).count()
    }
}

/// What is wrong with an object, and what to do.
fn sentence(kind: Kind, name: &str, error: &str) -> String {
    format!("{kind} {name} cannot be read by this version ({error}): upgrade the operator, or mend the object.")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crd::Store;

    fn store(name: &str, intake: &str) -> Value {
        serde_json::json!({
            "apiVersion": "jumun.dev/v1alpha1", "kind": "Store",
            "metadata": { "name": name, "namespace": "shop", "uid": format!("uid-of-{name}") },
            "spec": { "seller": "kim", "intake": intake },
        })
    }

    #[test]
    fn a_list_is_decoded_object_by_object_and_says_what_is_wrong_with_one() {
        let list: Vec<Decoded<Store>> =
            serde_json::from_value(Value::Array(vec![store("a", "Open"), store("b", "Elsewhere")])).expect("a list");
        assert!(list[0].content.is_ok());
        let key = Key::of(&list[1]);
        let unreadable = list[1].content.clone().expect_err("this version does not know it");
        assert_eq!((&*key.name, unreadable.uid.as_str()), ("b", "uid-of-b"));
        assert!(unreadable.error.contains("Elsewhere"), "{unreadable:?}");

        let all = Unreadables::default();
        assert!(all.insert(Kind::Store, &key, unreadable.clone(), false));
        assert!(!all.insert(Kind::Store, &key, unreadable, false));
        let why = all.why(Kind::Store, &key).expect("a sentence");
        assert!(why.starts_with("Store b cannot be read") && why.contains("Elsewhere"), "{why}");
        assert!(all.why(Kind::Order, &key).is_none());
        assert_eq!((all.of("shop").0, all.of("elsewhere").0, all.count(Kind::Store)), (1, 0, 1));
        assert_eq!(all.others(Kind::Store, &BTreeSet::new()), vec![key.clone()]);
        assert!(all.others(Kind::Store, &BTreeSet::from([key.clone()])).is_empty());
        assert!(all.remove(Kind::Store, &key) && !all.remove(Kind::Store, &key));
    }

    #[test]
    fn however_many_cannot_be_read_none_is_forgotten_and_orders_are_asked_what_they_mention() {
        let all = Unreadables::default();
        let one = |n: usize| Unreadable {
            uid: format!("uid-{n}"),
            error: "no such state".to_owned(),
            raw: format!("{{\"uid\":\"uid-of-wallet-{n}\"}}"),
        };
        let key = |n: usize| Key::new("shop", &format!("order-{n}"));
        assert!((0..3_000).all(|n| all.insert(Kind::Order, &key(n), one(n), true)), "each is news once");
        assert!(
            (0..3_000)
                .all(|n| all.why(Kind::Order, &key(n)).is_some() && !all.insert(Kind::Order, &key(n), one(n), true))
        );
        assert_eq!(all.mention(Kind::Order, "shop", "uid-of-wallet-2999"), ["order-2999"]);
        assert!(all.mention(Kind::Order, "elsewhere", "uid-of-wallet-2999").is_empty());
    }
}
