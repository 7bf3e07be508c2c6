//! Controllers for namespaces that are being deleted.
//!
//! Whoever ran in such a namespace goes with it, pods, account and Role alike, and often before the orders: those keep
//! finalizers until they are undone, and nobody would be left to do that. So the operator, whose account is not of that
//! namespace, runs the controllers there itself until nothing of ours is left: nothing new can be made there.
//!
//! Invariants: a namespace is known by its UID, so that one which lives again under the name is left alone; what is gone is
//! let go, also where nobody saw it go; no more than [`AT_ONCE`] caches are filled at once.

use std::collections::{HashMap, HashSet};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use k8s_openapi::api::core::v1::Namespace;
use kube::core::PartialObjectMeta;
use kube::runtime::watcher;
use kube::runtime::watcher::Event;
use kube::{Api, Config, ResourceExt};
use tokio::sync::Semaphore;
use tokio::task::{AbortHandle, JoinSet};

use super::failure::Failure;
use crate::cluster::client;
use crate::cluster::stream::{After, events};
use crate::controllers::{Options, start};
use crate::domain::{Kind, Policy};
use crate::telemetry::Metrics;

/// How many namespaces are closed at once; the others wait until one is done.
const AT_ONCE: usize = 3;
/// How often it is looked whether anything is left.
const LOOK: Duration = Duration::from_secs(1);
/// Controllers that could not be started are tried again after this long.
const AGAIN: Duration = Duration::from_secs(30);

/// The namespaces that are being closed, by UID.
struct Closing {
    config: Config,
    metrics: Metrics,
    places: Arc<Semaphore>,
    tasks: JoinSet<()>,
    under_way: HashMap<String, AbortHandle>,
}

impl Closing {
    /// Sees a namespace as it stands.
    fn see(&mut self, namespace: &PartialObjectMeta<Namespace>) {
        let uid = namespace.uid().unwrap_or_default();
        if namespace.metadata.deletion_timestamp.is_some() && !self.under_way.contains_key(&uid) {
            let task = close(self.config.clone(), self.metrics.clone(), self.places.clone(), namespace.name_any());
            self.under_way.insert(uid, self.tasks.spawn(task));
        }
    }

    /// Lets go of all but these.
    fn keep(&mut self, stands: impl Fn(&str) -> bool) {
        self.under_way.retain(|uid, task| {
            let stays = stands(uid);
            if !stays {
                task.abort();
            }
            stays
        });
        while self.tasks.try_join_next().is_some() {}
    }
}

/// Follows which namespaces are being deleted, for as long as it is polled; of all, or of one. What it does is counted there.
///
/// # Errors
/// When the configuration cannot be used.
pub async fn run(config: Config, namespace: Option<String>, metrics: Metrics) -> Result<(), Failure> {
    let api: Api<PartialObjectMeta<Namespace>> = Api::all(client::watches(&config)?);
    let fields = namespace.map(|name| format!("metadata.name={name}"));
    let which = fields.iter().fold(watcher::Config::default(), |all, fields| all.fields(fields));
    let mut events = pin!(events(api, which, After::List));
    let places = Arc::new(Semaphore::new(AT_ONCE));
    let mut closing = Closing { config, metrics, places, tasks: JoinSet::new(), under_way: HashMap::new() };
    let mut listed = HashSet::new();
    while let Some(event) = events.next().await {
        match event {
            Ok(Event::Init) => listed.clear(),
            Ok(Event::InitApply(found)) => {
                closing.see(&found);
                listed.extend(found.uid());
            }
            Ok(Event::InitDone) => closing.keep(|uid| listed.contains(uid)),
            Ok(Event::Apply(found)) => closing.see(&found),
            Ok(Event::Delete(gone)) => closing.keep(|uid| gone.metadata.uid.as_deref() != Some(uid)),
            Err(error) => tracing::warn!(%error, "watch of namespaces interrupted"),
        }
    }
    Ok(())
}

/// Runs the controllers in one namespace until nothing of ours is left there.
async fn close(config: Config, metrics: Metrics, places: Arc<Semaphore>, namespace: String) {
    let Ok(_place) = places.acquire().await else { return };
    tracing::info!(namespace, "a namespace is being deleted: its orders are undone from here");
    let options = Options {
        namespace: Some(namespace.clone()),
        controllers: Kind::ALL.to_vec(),
        concurrency: 16,
        policy: Policy::default(),
        pod: None,
        home: namespace.clone(),
        shares: false,
    };
    let running = loop {
        match start(&config, &options, &metrics) {
            Ok(running) => break running,
            Err(error) => tracing::error!(namespace, %error, "its controllers cannot be started; trying again"),
        }
        tokio::time::sleep(AGAIN).await;
    };
    let mut look = tokio::time::interval(LOOK);
    loop {
        look.tick().await;
        let world = running.worlds.now();
        if world.is_complete() && world.sizes().iter().all(|(_, size)| *size == 0) {
            break;
        }
    }
    running.stop(Duration::from_secs(15)).await;
    tracing::info!(namespace, "nothing of ours is left in it");
}
