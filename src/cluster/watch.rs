//! One watch a kind: fills the cache and wakes whoever a change concerns.

use std::collections::BTreeSet;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use k8s_openapi::api::core::v1::Namespace;
use kube::api::ListParams;
use kube::core::PartialObjectMeta;
use kube::runtime::watcher::{self, Event};
use kube::runtime::{WatchStreamExt, watcher as watch};
use kube::{Api, Client, ResourceExt};
use tokio::time::MissedTickBehavior;

use super::cache::{Key, Source};
use super::clock::Clock;
use super::events::Events;
use super::guard::{self, Guarded};
use super::world::{Held, World};
use crate::domain::{Fact, Version};
use crate::telemetry::Metrics;
use crate::telemetry::metrics::Watch;

/// How often the API server is asked for its version after an interruption, until it answers.
const PROBES: Duration = Duration::from_millis(500);
/// How long it may take to answer.
const PROBE_LIMIT: Duration = Duration::from_secs(5);

/// What every watch needs.
#[derive(Clone)]
pub struct Watcher {
    pub client: Client,
    /// Nothing for all namespaces.
    pub namespace: Option<String>,
    pub world: Arc<World>,
    pub clock: Arc<Clock>,
    pub events: Events,
    pub metrics: Metrics,
}

impl Watcher {
    /// Watches one kind for as long as it is polled.
    pub async fn run<K: Held>(self) {
        let api: Api<Guarded<K>> = match &self.namespace {
            Some(namespace) => Api::namespaced(self.client.clone(), namespace),
            None => Api::all(self.client.clone()),
        };
        let mut probes = tokio::time::interval(PROBES);
        probes.set_missed_tick_behavior(MissedTickBehavior::Delay);
        // After an interruption the API server may tell another history, in which the watch would wait in silence.
        let mut suspect = false;
        let mut unread = BTreeSet::new();
        loop {
            let mut events = pin!(watch(api.clone(), watcher::Config::default()).default_backoff());
            loop {
                let event = tokio::select! {
                    event = events.next() => event,
                    _ = probes.tick(), if suspect => {
                        suspect = !self.probe::<K>().await;
                        continue;
                    }
                };
                match event {
                    Some(Ok(event)) => self.take(event, &mut unread),
                    Some(Err(error)) => {
                        self.count::<K>("error");
                        tracing::warn!(kind = %K::KIND, %error, "watch interrupted");
                        suspect = true;
                        if expired(&error) {
                            break; // The version is too old to resume from: start anew, with a list.
                        }
                    }
                    None => break,
                }
            }
        }
    }

    /// Asks for the version at which the API server is, and compares it with what it has told; gives whether it answered.
    async fn probe<K: Held>(&self) -> bool {
        let api: Api<PartialObjectMeta<K>> = match &self.namespace {
            Some(namespace) => Api::namespaced(self.client.clone(), namespace),
            None => Api::all(self.client.clone()),
        };
        let before = K::cache(&self.world).delivered();
        let one = ListParams::default().limit(1);
        let Ok(Ok(list)) = tokio::time::timeout(PROBE_LIMIT, api.list(&one)).await else { return false };
        let version = Version::parse(list.metadata.resource_version.as_deref().unwrap_or_default());
        self.world.history.continues(K::KIND, before, version);
        true
    }

    /// Takes what the watch delivered; `unread` holds what a list under way has of objects that cannot be understood.
    fn take<K: Held>(&self, event: Event<Guarded<K>>, unread: &mut BTreeSet<Key>) {
        let (world, cache, now) = (&self.world, K::cache(&self.world), self.clock.now());
        match event {
            Event::Init => {
                self.count::<K>("list");
                unread.clear();
                cache.list_begins();
            }
            Event::InitApply(object) => {
                let (key, uid) = (Key::of(&object), object.uid().unwrap_or_default());
                match self.decode(object) {
                    Some(object) => cache.list_item(object, now),
                    // It is there all the same.
                    None => {
                        cache.list_keeps(key.clone(), &uid);
                        unread.insert(key);
                    }
                }
            }
            Event::InitDone => {
                for (key, change) in cache.list_ends(now) {
                    world.wake(&key, change);
                }
                for key in world.unreadables.others(K::KIND, unread) {
                    world.understood(K::KIND, &key);
                }
            }
            Event::Apply(object) => {
                self.count::<K>("apply");
                let key = Key::of(&object);
                if let Some(object) = self.decode(object) {
                    world.wake(&key, cache.deliver(object, now));
                    world.understood(K::KIND, &key);
                }
            }
            Event::Delete(object) => {
                self.count::<K>("delete");
                let key = Key::of(&object);
                let ended = object.content.as_ref().ok().and_then(K::has_ended);
                world.wake(&key, cache.delete(&object, ended, now));
                world.understood(K::KIND, &key);
            }
        }
    }

    /// The object, without what no decision looks at; nothing where it cannot be understood.
    fn decode<K: Held>(&self, found: Guarded<K>) -> Option<K> {
        let key = Key::of(&found);
        match found.content {
            Ok(mut object) => {
                slim(&mut object);
                Some(object)
            }
            Err(unreadable) => {
                self.count::<K>("undecodable");
                let (uid, message) = (unreadable.uid.clone(), guard::sentence(K::KIND, &key.name, &unreadable.error));
                if self.world.not_understood(K::KIND, &key, unreadable) {
                    tracing::error!(kind = %K::KIND, %key, "{}", message.escape_debug());
                    let fact = Fact { reason: "Unreadable", message, warning: true };
                    self.events.publish(K::KIND, &key.namespace, (&key.name, &uid), &fact);
                }
                None
            }
        }
    }

    fn count<K: Held>(&self, event: &'static str) {
        self.metrics.watch_events.get_or_create(&Watch { kind: K::KIND.as_str(), event }).inc();
    }

    /// Watches which namespaces are being deleted.
    pub async fn run_namespaces(self) {
        let api: Api<PartialObjectMeta<Namespace>> = Api::all(self.client.clone());
        let config = match &self.namespace {
            Some(namespace) => watcher::Config::default().fields(&format!("metadata.name={namespace}")),
            None => watcher::Config::default(),
        };
        loop {
            let mut events = pin!(watch(api.clone(), config.clone()).default_backoff());
            while let Some(event) = events.next().await {
                match event {
                    Ok(Event::Apply(object) | Event::InitApply(object)) => {
                        let terminating = object.metadata.deletion_timestamp.is_some();
                        self.world.set_terminating(object.metadata.name.as_deref().unwrap_or_default(), terminating);
                    }
                    Ok(Event::Delete(object)) => {
                        self.world.set_terminating(object.metadata.name.as_deref().unwrap_or_default(), false);
                    }
                    Ok(Event::Init | Event::InitDone) => {}
                    Err(error) => {
                        tracing::warn!(%error, "watch of namespaces interrupted");
                        if expired(&error) {
                            break; // As above.
                        }
                    }
                }
            }
        }
    }
}

/// Drops the parts of an object that no decision looks at.
pub fn slim<K: Source>(object: &mut K) {
    let meta = object.meta_mut();
    meta.managed_fields = None;
    meta.annotations = None;
    meta.labels = None;
    meta.owner_references = None;
    meta.generate_name = None;
    if let Some(finalizers) = &mut meta.finalizers {
        finalizers.shrink_to_fit();
    }
    object.slim();
}

fn expired(error: &watcher::Error) -> bool {
    let gone = |error: &kube::Error| matches!(error, kube::Error::Api(status) if status.code == 410);
    match error {
        watcher::Error::InitialListFailed(error)
        | watcher::Error::WatchStartFailed(error)
        | watcher::Error::WatchFailed(error) => gone(error),
        watcher::Error::WatchError(status) => status.code == 410,
        watcher::Error::NoResourceVersion => true,
    }
}
