//! What is known of the objects that the operator builds and looks at, as its watches and the answers to its writes have it.
//!
//! Invariant: an older version never takes the place of a newer one of the same object.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use kube::ResourceExt;
use kube::api::DynamicObject;
use serde_json::Value;

use super::resources::{HEADROOM, Resource, all};
use crate::cluster::{Key, lock};
use crate::domain::Version;

/// The field manager of what the operator applies.
pub const MANAGER: &str = "jumun-operator";

/// An object as it was last seen.
#[derive(Clone, Debug)]
pub struct Live {
    pub key: Key,
    pub uid: String,
    pub version: Version,
    /// The UID of its controller.
    pub owner: Option<String>,
    /// Whether the operator has applied `spec.replicas`.
    pub holds_replicas: bool,
    /// The whole object, without `managedFields`.
    pub object: Value,
}

impl Live {
    /// The object of an answer or an event; a pod without its spec.
    pub fn of(resource: &Resource, mut found: DynamicObject) -> Self {
        let managed = found.metadata.managed_fields.take().unwrap_or_default();
        let holds_replicas = managed.iter().any(|entry| {
            let fields = entry.fields_v1.as_ref().map(|fields| &fields.0["f:spec"]["f:replicas"]);
            entry.manager.as_deref() == Some(MANAGER) && fields.is_some_and(|field| !field.is_null())
        });
        if resource.kind == "Pod"
            && let Some(object) = found.data.as_object_mut()
        {
            object.remove("spec");
        }
        let owner = found.owner_references().iter().find(|owner| owner.controller == Some(true));
        let mut object = serde_json::to_value(&found).unwrap_or_default();
        // The items of a list do not say what they are.
        object["apiVersion"] = resource.api_version.into();
        object["kind"] = resource.kind.into();
        Self {
            key: Key::of(&found),
            uid: found.uid().unwrap_or_default(),
            version: Version::parse(&found.resource_version().unwrap_or_default()),
            owner: owner.map(|owner| owner.uid.clone()),
            holds_replicas,
            object,
        }
    }

    /// The value of a label.
    pub fn label(&self, name: &str) -> Option<&str> {
        self.object["metadata"]["labels"][name].as_str()
    }
}

/// How a kind can be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reading {
    /// Not listed yet.
    Filling,
    /// Everything is here.
    Filled,
    /// The API server refuses to show it, and says why.
    Refused(String),
    /// The API server does not have it.
    Absent,
}

#[derive(Default)]
struct Content {
    objects: BTreeMap<(&'static str, Key), Arc<Live>>,
    readings: BTreeMap<&'static str, Reading>,
}

/// The objects.
#[derive(Default)]
pub struct Store {
    content: Mutex<Content>,
}

impl Store {
    /// Notes an object.
    pub fn put(&self, resource: &Resource, live: Live) -> Key {
        let mut content = lock(&self.content);
        let (key, id) = (live.key.clone(), (resource.kind, live.key.clone()));
        let known = content.objects.get(&id);
        if known.is_none_or(|known| known.uid != live.uid || known.version <= live.version) {
            content.objects.insert(id, Arc::new(live));
        }
        key
    }

    /// Notes that an object is gone, or no longer one of ours.
    pub fn remove(&self, resource: &Resource, gone: &Live) -> Key {
        let id = (resource.kind, gone.key.clone());
        let mut content = lock(&self.content);
        if content.objects.get(&id).is_some_and(|known| known.uid == gone.uid) {
            content.objects.remove(&id);
        }
        gone.key.clone()
    }

    /// Puts a whole list in the place of what was known; gives the namespaces that had or have objects of the kind.
    pub fn replace(&self, resource: &Resource, list: Vec<Live>) -> BTreeSet<Arc<str>> {
        let mut content = lock(&self.content);
        let kind = resource.kind;
        let (old, others): (BTreeMap<_, _>, _) =
            std::mem::take(&mut content.objects).into_iter().partition(|((known, _), _)| *known == kind);
        content.objects = others;
        let mut namespaces: BTreeSet<Arc<str>> = old.into_keys().map(|(_, key)| key.namespace).collect();
        for live in list {
            namespaces.insert(live.key.namespace.clone());
            content.objects.insert((kind, live.key.clone()), Arc::new(live));
        }
        content.readings.insert(kind, Reading::Filled);
        namespaces
    }

    /// Notes how a kind can be read; gives whether that is news. What cannot be read is not known.
    pub fn set_reading(&self, resource: &Resource, reading: Reading) -> bool {
        let mut content = lock(&self.content);
        if reading == Reading::Absent {
            content.objects.retain(|(kind, _), _| *kind != resource.kind);
        }
        content.readings.insert(resource.kind, reading.clone()) != Some(reading)
    }

    /// How a kind can be read.
    pub fn reading(&self, resource: &Resource) -> Reading {
        lock(&self.content).readings.get(resource.kind).cloned().unwrap_or(Reading::Filling)
    }

    /// Whether the API server has a kind.
    pub fn is_served(&self, resource: &Resource) -> bool {
        self.reading(resource) != Reading::Absent
    }

    /// Whether it is not known yet what there is of an optional kind, or of one that is seen together with it: such an object
    /// is neither built nor pruned until then. Nor are places kept free for others, which are built by what there is.
    pub fn is_undecided(&self, resource: &Resource, component: Option<&str>) -> bool {
        let filling = |one: &Resource| one.optional && self.reading(one) == Reading::Filling;
        let decides = |one: &Resource| match component {
            Some(HEADROOM) => one.kind == "CapacityBuffer",
            _ => resource.optional && one.api_version == resource.api_version,
        };
        all().iter().any(|one| decides(one) && filling(one))
    }

    /// What is not listed yet, or refused, in words; an optional kind that is not listed yet keeps nobody from working.
    pub fn unready(&self) -> Option<String> {
        let say = |resource: &Resource| match self.reading(resource) {
            Reading::Filling if resource.optional => None,
            Reading::Filling => Some(resource.kind.to_owned()),
            Reading::Refused(why) => Some(format!("{} ({why})", resource.kind)),
            Reading::Filled | Reading::Absent => None,
        };
        let unready: Vec<String> = all().iter().filter_map(say).collect();
        (!unready.is_empty()).then(|| format!("cannot be read yet: {}", unready.join(", ")))
    }

    /// Whether every kind has been listed, refused or found to be missing: those that all clusters have, and the others.
    pub fn is_complete(&self) -> (bool, bool) {
        let read = |optional: bool| {
            let mut kinds = all().iter().filter(|resource| resource.optional == optional);
            kinds.all(|resource| self.reading(resource) != Reading::Filling)
        };
        (read(false), read(true))
    }

    /// An object.
    pub fn get(&self, kind: &str, key: &Key) -> Option<Arc<Live>> {
        let kind = super::resources::find(kind)?.kind;
        lock(&self.content).objects.get(&(kind, key.clone())).cloned()
    }

    /// Every object of a kind in a namespace.
    pub fn of(&self, kind: &'static str, namespace: &str) -> Vec<Arc<Live>> {
        let from = (kind, Key::new(namespace, ""));
        let content = lock(&self.content);
        let here = content.objects.range(from..);
        here.take_while(|((known, key), _)| *known == kind && &*key.namespace == namespace)
            .map(|(_, live)| live.clone())
            .collect()
    }

    /// The keys of every object of a kind.
    pub fn keys(&self, kind: &str) -> Vec<Key> {
        let content = lock(&self.content);
        content.objects.keys().filter(|(known, _)| *known == kind).map(|(_, key)| key.clone()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::resources::find;
    use super::*;
    use serde_json::json;

    fn live(name: &str, uid: &str, version: u64) -> Live {
        let object = json!({
            "apiVersion": "v1", "kind": "ConfigMap",
            "metadata": { "name": name, "namespace": "shop", "uid": uid, "resourceVersion": version.to_string() },
        });
        Live::of(find("ConfigMap").unwrap(), serde_json::from_value(object).unwrap())
    }

    #[test]
    fn an_older_version_does_not_take_the_place_of_a_newer_one_and_another_object_does() {
        let (store, kind) = (Store::default(), find("ConfigMap").unwrap());
        let version = |store: &Store| store.get("ConfigMap", &Key::new("shop", "a")).map(|live| live.version.0);
        store.put(kind, live("a", "one", 9));
        store.put(kind, live("a", "one", 8));
        assert_eq!(version(&store), Some(9));
        store.remove(kind, &live("a", "another", 10));
        assert_eq!(version(&store), Some(9), "that was another object of the name");
        store.put(kind, live("a", "two", 3));
        assert_eq!(version(&store), Some(3));
        store.remove(kind, &live("a", "two", 4));
        assert_eq!(version(&store), None);
    }

    #[test]
    fn a_list_replaces_its_kind_alone_and_names_every_namespace_that_it_concerns() {
        let (store, kind) = (Store::default(), find("ConfigMap").unwrap());
        store.put(kind, live("gone", "one", 1));
        store.put(find("Service").unwrap(), live("stays", "two", 1));
        let namespaces = store.replace(kind, Vec::new());
        assert_eq!(namespaces.into_iter().collect::<Vec<_>>(), ["shop".into()]);
        assert_eq!((store.of("ConfigMap", "shop").len(), store.of("Service", "shop").len()), (0, 1));
        assert!(store.of("Service", "sho").is_empty());
    }

    #[test]
    fn an_optional_kind_that_is_not_known_yet_is_left_alone_and_keeps_nobody_waiting() {
        let (store, row) = (Store::default(), |kind: &str| find(kind).unwrap());
        for resource in all().iter().filter(|resource| !resource.optional) {
            assert!(!store.is_complete().0 && store.unready().is_some(), "{}", resource.kind);
            store.set_reading(resource, Reading::Filled);
        }
        assert_eq!((store.is_complete(), store.unready()), ((true, false), None));
        for kind in ["Gateway", "HTTPRoute"] {
            store.set_reading(row(kind), Reading::Filled);
            assert!(store.is_undecided(row(kind), Some("gateway")), "its classes say what is built");
        }
        store.set_reading(row("GatewayClass"), Reading::Filled);
        assert!(!store.is_undecided(row("Gateway"), Some("gateway")));
        assert!(!store.is_undecided(row("Deployment"), Some("command")));
        for kind in ["Deployment", "NetworkPolicy", "PodTemplate", "CapacityBuffer"] {
            assert!(store.is_undecided(row(kind), Some(HEADROOM)), "{kind}");
        }
        store.set_reading(row("CapacityBuffer"), Reading::Absent);
        assert!(!store.is_undecided(row("Deployment"), Some(HEADROOM)));
        assert_eq!(store.is_complete(), (true, true));
    }

    #[test]
    fn who_applied_the_replicas_is_known() {
        let kind = find("Deployment").unwrap();
        let with = |manager: &str, fields: Value| {
            let object = json!({
                "apiVersion": "apps/v1", "kind": "Deployment",
                "metadata": { "name": "a", "namespace": "shop", "managedFields": [{ "manager": manager, "fieldsV1": fields }] },
            });
            Live::of(kind, serde_json::from_value(object).unwrap()).holds_replicas
        };
        let fields = json!({ "f:spec": { "f:replicas": {} } });
        assert!(with(MANAGER, fields.clone()) && !with("kube-controller-manager", fields));
        assert!(!with(MANAGER, json!({ "f:spec": { "f:template": {} } })));
    }
}
