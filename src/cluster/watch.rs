//! One watch a kind: fills the cache and wakes whoever a change concerns.

use std::pin::pin;
use std::sync::Arc;

use futures::StreamExt;
use k8s_openapi::api::core::v1::Namespace;
use kube::core::{DeserializeGuard, PartialObjectMeta};
use kube::runtime::watcher::{self, Event};
use kube::runtime::{WatchStreamExt, watcher as watch};
use kube::{Api, Client, ResourceExt};

use super::cache::{Key, Source};
use super::clock::Clock;
use super::world::{Held, World};
use crate::telemetry::Metrics;
use crate::telemetry::metrics::Watch;

/// What every watch needs.
#[derive(Clone)]
pub struct Watcher {
    pub client: Client,
    /// Nothing for all namespaces.
    pub namespace: Option<String>,
    pub world: Arc<World>,
    pub clock: Arc<Clock>,
    pub metrics: Metrics,
}

impl Watcher {
    /// Watches one kind for as long as it is polled.
    pub async fn run<K: Held>(self) {
        let api: Api<DeserializeGuard<K>> = match &self.namespace {
            Some(namespace) => Api::namespaced(self.client.clone(), namespace),
            None => Api::all(self.client.clone()),
        };
        loop {
            let mut events = pin!(watch(api.clone(), watcher::Config::default()).default_backoff());
            while let Some(event) = events.next().await {
                match event {
                    Ok(event) => self.take(event),
                    Err(error) => {
                        self.count::<K>("error");
                        tracing::warn!(kind = %K::KIND, %error, "watch interrupted");
                        if expired(&error) {
                            break; // The version is too old to resume from: start anew, with a list.
                        }
                    }
                }
            }
        }
    }

    fn take<K: Held>(&self, event: Event<DeserializeGuard<K>>) {
        let (world, cache, now) = (&self.world, K::cache(&self.world), self.clock.now());
        match event {
            Event::Init => {
                self.count::<K>("list");
                cache.list_begins();
            }
            Event::InitApply(object) => {
                let (key, uid) = (Key::of(&object), object.uid().unwrap_or_default());
                match self.decode(object) {
                    Some(object) => cache.list_item(object, now),
                    // It is there all the same.
                    None => cache.list_keeps(key, &uid),
                }
            }
            Event::InitDone => {
                for (key, change) in cache.list_ends(now) {
                    world.wake(&key, change);
                }
            }
            Event::Apply(object) => {
                self.count::<K>("apply");
                if let Some(object) = self.decode(object) {
                    world.wake(&Key::of(&object), cache.deliver(object, now));
                }
            }
            Event::Delete(object) => {
                self.count::<K>("delete");
                if let Some(object) = self.decode(object) {
                    world.wake(&Key::of(&object), cache.delete(&object, now));
                }
            }
        }
    }

    /// The object, without what no decision looks at; nothing where it cannot be understood.
    fn decode<K: Held>(&self, guarded: DeserializeGuard<K>) -> Option<K> {
        match guarded.0 {
            Ok(mut object) => {
                slim(&mut object);
                Some(object)
            }
            Err(invalid) => {
                self.count::<K>("undecodable");
                let name = invalid.metadata.name.unwrap_or_default();
                tracing::error!(kind = %K::KIND, name, "an object cannot be understood and is left alone");
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
        let mut events = pin!(watch(api, config).default_backoff());
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
                Err(error) => tracing::warn!(%error, "watch of namespaces interrupted"),
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
