//! One watch a kind: fills the cache, and enqueues whoever a change concerns.

use std::collections::BTreeSet;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use k8s_openapi::api::core::v1::Namespace;
use kube::api::ListParams;
use kube::core::NamespaceResourceScope;
use kube::core::PartialObjectMeta;
use kube::runtime::watcher::{Config, Event};
use kube::{Api, Client, Resource, ResourceExt};
use tokio::sync::Notify;
use tokio::time::Instant;

use super::cache::{Cache, Change};
use super::clock::Clock;
use super::errors::Error;
use super::events::Events;
use super::server::Server;
use super::stream::{self, After, Pauses};
use super::unreadable::Decoded;
use super::watched::{EVERY, Key, Watched, transform};
use crate::domain::{Fact, Kind, Version};
use crate::telemetry::Metrics;
use crate::telemetry::metrics::Watch;

/// How often the API server is asked for its version, about; of each kind.
const PROBES: Duration = Duration::from_secs(60);
/// How often it is asked whether the one namespace that is watched is being deleted, about.
const NAMESPACES: Duration = Duration::from_secs(5);
/// How long it may take to answer.
const PROBE_LIMIT: Duration = Duration::from_secs(5);

/// What watches fill, whatever the kind.
pub trait Sink: Send + Sync + 'static {
    fn server(&self) -> &Server;

    /// Enqueues everything in a namespace: any of it may wait for what is known now.
    fn enqueue_namespace(&self, namespace: &str);
}

/// A kind whose watch fills a sink.
pub trait Feed: Watched {
    type Sink: Sink;

    /// The cache of the kind.
    fn cache(sink: &Self::Sink) -> &Cache<Self>;

    /// Enqueues whoever a change concerns; gives whether there was one.
    fn enqueue(sink: &Self::Sink, key: &Key, change: Change<Self>) -> bool;
}

/// The newest version that the API server has told of a kind, by its watch or in an answer.
pub fn newest<K: Feed>(sink: &K::Sink) -> Version {
    K::cache(sink).delivered().max(sink.server().history.heard(K::KIND))
}

/// The object, without what no decision looks at. One that cannot be understood is remembered; gives whether that is news.
pub fn decode<K: Feed>(sink: &K::Sink, found: Decoded<K>) -> Result<K, bool> {
    let key = Key::of(&found);
    if !found.is_known {
        sink.server().unknowns.insert(K::KIND, &found.uid().unwrap_or_default());
    }
    match found.content {
        Ok(mut object) => {
            transform(&mut object);
            Ok(object)
        }
        Err(unreadable) => Err(sink.server().unreadables.insert(K::KIND, &key, unreadable, K::IS_ASKED)),
    }
}

/// Notes that an object is understood, or gone.
pub fn understood(sink: &impl Sink, kind: Kind, key: &Key) {
    if sink.server().unreadables.remove(kind, key) {
        sink.enqueue_namespace(&key.namespace);
    }
}

/// Notes whether a namespace is being deleted; everything in one that is gets looked at again.
pub fn set_terminating(sink: &impl Sink, namespace: &str, terminating: bool) {
    if sink.server().set_terminating(namespace, terminating) {
        sink.enqueue_namespace(namespace);
    }
}

/// What every watch needs.
pub struct Watcher<S> {
    pub client: Client,
    /// Nothing for all namespaces.
    pub namespace: Option<String>,
    pub sink: Arc<S>,
    pub clock: Arc<Clock>,
    pub events: Events,
    pub metrics: Metrics,
}

/// What a list under way has of objects that cannot be understood.
#[derive(Default)]
struct Unread {
    keys: BTreeSet<Key>,
    /// The namespaces that have to hear of one.
    news: BTreeSet<Arc<str>>,
}

impl<S: Sink> Watcher<S> {
    /// Watches one kind for as long as it is polled.
    pub async fn run<K: Feed<Sink = S>>(self: Arc<Self>) {
        let suspect = Notify::new();
        tokio::join!(self.follow::<K>(&suspect), self.probe::<K>(&suspect));
    }

    fn api<T>(&self) -> Api<T>
    where
        T: Resource<Scope = NamespaceResourceScope, DynamicType = ()>,
    {
        match &self.namespace {
            Some(namespace) => Api::namespaced(self.client.clone(), namespace),
            None => Api::all(self.client.clone()),
        }
    }

    /// Takes whatever the watch delivers. A new list, and what comes after an interruption, is `suspect`.
    async fn follow<K: Feed<Sink = S>>(&self, suspect: &Notify) {
        let mut events = pin!(stream::events::<Decoded<K>>(self.api(), Config::default(), After::Resume));
        let mut unread = Unread::default();
        while let Some(event) = events.next().await {
            match event {
                Ok(event) => {
                    let whole = matches!(event, Event::InitDone);
                    self.take(event, &mut unread);
                    if whole {
                        suspect.notify_one();
                    }
                }
                Err(error) => {
                    self.count::<K>("error");
                    tracing::warn!(kind = %K::KIND, %error, "watch interrupted");
                    suspect.notify_one();
                }
            }
        }
    }

    /// Compares the version at which the API server is with what it has told: at once where that is `suspect`, and
    /// otherwise every minute. In another history a watch may wait in silence, and nothing else would notice it where
    /// none of our objects had changed.
    async fn probe<K: Feed<Sink = S>>(&self, suspect: &Notify) {
        let mut pauses = Pauses::default();
        loop {
            let pause = if self.ask::<K>().await {
                pauses = Pauses::default();
                PROBES.mul_f64(rand::random_range(0.75..1.25))
            } else {
                pauses.next(Instant::now())
            };
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = suspect.notified() => {}
            }
        }
    }

    /// Asks for the version at which the API server is; gives whether it answered.
    async fn ask<K: Feed<Sink = S>>(&self) -> bool {
        let api: Api<PartialObjectMeta<K>> = self.api();
        let before = newest::<K>(&self.sink);
        let one = ListParams::default().limit(1);
        let answer = match tokio::time::timeout(PROBE_LIMIT, api.list(&one)).await {
            Ok(answer) => answer.map_err(|error| Error::of(K::KIND, "list", EVERY, error).to_string()),
            Err(_) => Err(format!("no answer within {} s", PROBE_LIMIT.as_secs())),
        };
        self.sink.server().hears(K::KIND, answer.as_ref().map(drop).map_err(Clone::clone));
        let Ok(list) = answer else { return false };
        self.count::<K>("probe");
        let version = Version::parse(list.metadata.resource_version.as_deref().unwrap_or_default());
        self.sink.server().history.continues(K::KIND, before, version);
        true
    }

    /// Takes what the watch delivered; `unread` holds what a list under way has of objects that cannot be understood.
    fn take<K: Feed<Sink = S>>(&self, event: Event<Decoded<K>>, unread: &mut Unread) {
        let (sink, cache, now) = (&*self.sink, K::cache(&self.sink), self.clock.now());
        match event {
            Event::Init => {
                self.count::<K>("list");
                *unread = Unread::default();
                cache.list_begins();
            }
            Event::InitApply(object) => {
                let (key, uid) = (Key::of(&object), object.uid().unwrap_or_default());
                match self.decode(object) {
                    Ok(object) => cache.list_item(object, now),
                    // It is there all the same.
                    Err(news) => {
                        cache.list_keeps(key.clone(), &uid);
                        if news {
                            unread.news.insert(key.namespace.clone());
                        }
                        unread.keys.insert(key);
                    }
                }
            }
            Event::InitDone => {
                for (key, change) in cache.list_ends(now) {
                    if let Some((Some(gone), None)) = &change {
                        sink.server().unknowns.remove(K::KIND, &gone.uid().unwrap_or_default());
                    }
                    K::enqueue(sink, &key, change);
                }
                for key in sink.server().unreadables.others(K::KIND, &unread.keys) {
                    understood(sink, K::KIND, &key);
                }
                for namespace in &unread.news {
                    sink.enqueue_namespace(namespace);
                }
            }
            Event::Apply(object) => {
                self.count::<K>("apply");
                let key = Key::of(&object);
                match self.decode(object) {
                    Ok(object) => {
                        K::enqueue(sink, &key, cache.deliver(object, now));
                        understood(sink, K::KIND, &key);
                    }
                    Err(true) => sink.enqueue_namespace(&key.namespace),
                    Err(false) => {}
                }
            }
            Event::Delete(object) => {
                self.count::<K>("delete");
                let key = Key::of(&object);
                let ended = object.content.as_ref().ok().and_then(K::has_ended);
                sink.server().unknowns.remove(K::KIND, &object.uid().unwrap_or_default());
                K::enqueue(sink, &key, cache.delete(&object, ended, now));
                understood(sink, K::KIND, &key);
            }
        }
    }

    /// The object; where it cannot be understood, whether that is news, which is said once.
    fn decode<K: Feed<Sink = S>>(&self, found: Decoded<K>) -> Result<K, bool> {
        let (key, uid) = (Key::of(&found), found.uid().unwrap_or_default());
        let decoded = decode(&*self.sink, found);
        if let Err(news) = decoded {
            self.count::<K>("undecodable");
            if let Some(message) = self.sink.server().unreadables.why(K::KIND, &key).filter(|_| news) {
                tracing::error!(kind = %K::KIND, %key, "{}", message.escape_debug());
                let fact = Fact { reason: "Unreadable", message, warning: true };
                self.events.publish(K::KIND, &key.namespace, (&key.name, &uid), &fact);
            }
        }
        decoded
    }

    fn count<K: Watched>(&self, event: &'static str) {
        self.metrics.watch_events.get_or_create(&Watch { kind: K::KIND.as_str(), event }).inc();
    }

    /// Follows which namespaces are being deleted. Who watches one namespace may have rights in that alone, and those
    /// let it read the namespace by name, not watch it: so it is asked every few seconds.
    pub async fn run_namespaces(self: Arc<Self>) {
        match &self.namespace {
            Some(namespace) => self.ask_for_namespace(namespace).await,
            None => self.watch_namespaces().await,
        }
    }

    async fn ask_for_namespace(&self, name: &str) {
        let api: Api<Namespace> = Api::all(self.client.clone());
        let mut said = String::new();
        loop {
            let answer = tokio::time::timeout(PROBE_LIMIT, api.get_metadata_opt(name)).await;
            let trouble = match answer.map_err(|_| "no answer".to_owned()).and_then(|a| a.map_err(|e| e.to_string())) {
                Ok(found) => {
                    let terminating = found.is_some_and(|found| found.metadata.deletion_timestamp.is_some());
                    set_terminating(&*self.sink, name, terminating);
                    String::new()
                }
                Err(trouble) => trouble,
            };
            if !trouble.is_empty() && trouble != said {
                tracing::warn!(name, trouble, "the namespace cannot be read");
            }
            said = trouble;
            tokio::time::sleep(NAMESPACES.mul_f64(rand::random_range(0.75..1.25))).await;
        }
    }

    async fn watch_namespaces(&self) {
        let api: Api<PartialObjectMeta<Namespace>> = Api::all(self.client.clone());
        let mut events = pin!(stream::events(api, Config::default(), After::Resume));
        while let Some(event) = events.next().await {
            match event {
                Ok(Event::Apply(object) | Event::InitApply(object)) => {
                    let terminating = object.metadata.deletion_timestamp.is_some();
                    set_terminating(&*self.sink, object.metadata.name.as_deref().unwrap_or_default(), terminating);
                }
                Ok(Event::Delete(object)) => {
                    set_terminating(&*self.sink, object.metadata.name.as_deref().unwrap_or_default(), false);
                }
                Ok(Event::Init | Event::InitDone) => {}
                Err(error) => tracing::warn!(%error, "watch of namespaces interrupted"),
            }
        }
    }
}
