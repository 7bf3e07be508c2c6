//! Writes down every version of every object of a namespace, as plain JSON.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, LazyLock, Mutex};

use futures::StreamExt;
use kube::api::{ApiResource, DynamicObject, ListParams};
use kube::core::GroupVersionKind;
use kube::runtime::watcher::{self, Event};
use kube::{Api, Client};
use serde_json::Value;

use crate::wait::wait_for;

pub static KINDS: LazyLock<Vec<(&'static str, &'static str)>> = LazyLock::new(|| {
    let names = jumun::crd::definitions().into_iter().map(|definition| definition.spec.names);
    names.map(|names| (&*names.kind.leak(), &*names.plural.leak())).collect()
});

/// One version of one object.
#[derive(Clone, Debug)]
pub struct Version {
    pub version: u64,
    pub kind: &'static str,
    pub deleted: bool,
    pub object: Arc<Value>,
}

#[derive(Default)]
struct Log {
    versions: Vec<Version>,
    /// What stands now, by kind and name.
    standing: BTreeMap<&'static str, BTreeMap<String, Arc<Value>>>,
    /// What a watch met, by kind.
    errors: Vec<(&'static str, String)>,
}

impl Log {
    fn add(&mut self, kind: &'static str, object: &DynamicObject, deleted: bool) {
        let name = object.metadata.name.clone().expect("a name");
        let value = Arc::new(serde_json::to_value(object).expect("JSON"));
        let standing = self.standing.entry(kind).or_default();
        if deleted {
            standing.remove(&name)
        } else {
            standing.insert(name, value.clone())
        };
        self.versions.push(Version { version: version_of(object), kind, deleted, object: value });
    }
}

/// Writes down every version in a namespace from its first one on.
pub struct Recorder {
    log: Arc<Mutex<Log>>,
    tasks: tokio::task::JoinSet<()>,
}

pub fn api(client: &Client, namespace: &str, kind: &str, plural: &str) -> Api<DynamicObject> {
    let resource = ApiResource::from_gvk_with_plural(&GroupVersionKind::gvk("jumun.dev", "v1alpha1", kind), plural);
    Api::namespaced_with(client.clone(), namespace, &resource)
}

impl Recorder {
    pub async fn start(client: Client, namespace: &str) -> Self {
        let log = Arc::<Mutex<Log>>::default();
        let mut tasks = tokio::task::JoinSet::new();
        let mut begun = Vec::new();
        for &(kind, plural) in KINDS.iter() {
            let (api, log) = (api(&client, namespace, kind, plural), log.clone());
            let (begins, has_begun) = tokio::sync::oneshot::channel();
            begun.push(has_begun);
            tasks.spawn(async move {
                let mut begins = Some(begins);
                let mut events = watcher::watcher(api, watcher::Config::default().streaming_lists()).boxed();
                while let Some(event) = events.next().await {
                    let mut log = log.lock().expect("log");
                    match event {
                        Ok(Event::Init) => drop(log.standing.remove(kind)),
                        Ok(Event::Apply(object) | Event::InitApply(object)) => log.add(kind, &object, false),
                        Ok(Event::Delete(object)) => log.add(kind, &object, true),
                        Ok(Event::InitDone) => drop(begins.take().map(|begins| begins.send(()))),
                        Err(error) => log.errors.push((kind, error.to_string())),
                    }
                }
            });
        }
        futures::future::try_join_all(begun).await.expect("every watch begins");
        Self { log, tasks }
    }

    /// How many versions were seen.
    pub fn seen(&self) -> usize {
        self.log.lock().expect("log").versions.len()
    }

    /// The versions that were seen after the first `known`.
    pub fn since(&self, known: usize) -> Vec<Version> {
        self.log.lock().expect("log").versions[known..].to_vec()
    }

    /// The objects of a kind that stand now, as the watch tells: asking for them costs the API server nothing.
    pub fn standing(&self, kind: &str) -> Vec<Arc<Value>> {
        let log = self.log.lock().expect("log");
        log.standing.get(kind).map_or_else(Vec::new, |objects| objects.values().cloned().collect())
    }

    /// Waits until everything that stands was recorded, and gives the log in the order of events.
    pub async fn stop(&mut self, client: &Client, namespace: &str) -> Vec<Version> {
        for &(kind, plural) in KINDS.iter() {
            let list = api(client, namespace, kind, plural).list(&ListParams::default()).await.expect("listed");
            let standing: Vec<u64> = list.items.iter().map(version_of).collect();
            wait_for("the recorder to catch up", || async {
                let log = self.log.lock().expect("log");
                let seen: BTreeSet<u64> = log.versions.iter().filter(|v| v.kind == kind).map(|v| v.version).collect();
                standing.iter().all(|version| seen.contains(version)).then_some(())
            })
            .await;
        }
        self.tasks.abort_all();
        let mut log = self.log.lock().expect("log").versions.clone();
        log.sort_by_key(|version| version.version);
        log
    }
}

impl Drop for Recorder {
    /// A test that fails for what it did not hear of is to say what it heard.
    fn drop(&mut self) {
        let log = self.log.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if !std::thread::panicking() {
            return;
        }
        for (kind, _) in KINDS.iter() {
            let seen = log.versions.iter().filter(|version| version.kind == *kind).count();
            let errors: Vec<&str> = log.errors.iter().filter(|(of, _)| of == kind).map(|(_, error)| &**error).collect();
            println!("recorder: {seen} versions of {kind}, {} errors of its watch {:?}", errors.len(), errors.last());
        }
    }
}

fn version_of(object: &DynamicObject) -> u64 {
    object.metadata.resource_version.as_deref().and_then(|text| text.parse().ok()).expect("a version")
}
