//! The Leases on the API server.

use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::StreamExt;
use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use k8s_openapi::jiff::Timestamp;
use kube::api::{DeleteParams, ObjectMeta, Patch, PatchParams, PostParams, Preconditions};
use kube::core::PartialObjectMeta;
use kube::runtime::watcher::{self, Event};
use kube::{Api, Client, ResourceExt};
use serde_json::json;
use tokio::time::MissedTickBehavior;

use super::Members;
use super::roster::{Deed, Place, Seen};
use crate::cluster::lock;
use crate::cluster::stream::{self, After, Pauses};
use crate::telemetry::Metrics;
use crate::telemetry::metrics::Call;

/// On every Lease of ours; its value is the process.
const LABEL: &str = "jumun.dev/member";
/// The words of what a process works on, joined by commas.
const WORKS: &str = "jumun.dev/works-on";
/// The one namespace that a process watches; absent where it watches all.
const SCOPE: &str = "jumun.dev/watches";
/// The pod of a process, where it has one.
const POD: &str = "jumun.dev/pod";
/// The time is looked at so often.
const TICK: Duration = Duration::from_secs(1);
/// How long a call may take.
const CALL_LIMIT: Duration = Duration::from_secs(5);

/// Where Leases are looked for, and where our first one belongs.
#[derive(Clone)]
pub struct Ground {
    pub calls: Client,
    pub watches: Client,
    /// Nothing for all namespaces.
    pub namespace: Option<String>,
    pub home: String,
    pub metrics: Metrics,
}

/// What keeps it from being known who else runs: said once each time it begins, and tried again ever more rarely.
#[derive(Default)]
struct Trouble {
    pauses: Pauses,
    until: Option<Instant>,
}

impl Trouble {
    fn note(&mut self, outcome: Result<(), String>, now: Instant) {
        match outcome {
            Ok(()) => *self = Self::default(),
            Err(error) => {
                if self.until.is_none() {
                    tracing::warn!(error, "who else runs here cannot be known: attempts to send are claimed first");
                }
                self.until = Some(now + self.pauses.next(now.into()));
            }
        }
    }

    fn rests(&self, now: Instant) -> bool {
        self.until.is_some_and(|until| now < until)
    }
}

impl Members {
    /// Joins, and follows who else there is, for as long as it is polled.
    pub async fn run(self: Arc<Self>, ground: Ground) {
        lock(&self.roster).join(&ground.home, ground.namespace.as_deref());
        let api: Api<PartialObjectMeta<Lease>> = match &ground.namespace {
            Some(namespace) => Api::namespaced(ground.watches.clone(), namespace),
            None => Api::all(ground.watches.clone()),
        };
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (mut seeing, mut calling) = (Trouble::default(), Trouble::default());
        loop {
            // Whatever interrupts it: only a new list tells who has left meanwhile.
            let config = watcher::Config::default().labels(LABEL);
            let mut events = pin!(stream::events(api.clone(), config, After::List));
            loop {
                tokio::select! {
                    event = events.next() => {
                        if matches!(event, Some(Ok(Event::InitDone))) {
                            tick.reset_immediately();
                        }
                        seeing.note(self.follow(event), Instant::now());
                        self.tell();
                    }
                    _ = tick.tick() => {
                        let now = Instant::now();
                        let deeds = lock(&self.roster).tick(now);
                        self.tell();
                        if calling.rests(now) && !deeds.contains(&Deed::List) {
                            continue;
                        }
                        let outcome = self.perform(&ground, &deeds).await;
                        if !deeds.is_empty() {
                            calling.note(outcome, Instant::now());
                        }
                        if deeds.contains(&Deed::List) {
                            break;
                        }
                    }
                }
            }
        }
    }

    /// Takes what the watch has delivered.
    fn follow(&self, event: Option<watcher::Result<Event<PartialObjectMeta<Lease>>>>) -> Result<(), String> {
        let (mut roster, now) = (lock(&self.roster), Instant::now());
        match event {
            Some(Ok(Event::Init)) => roster.list_begins(),
            Some(Ok(Event::InitApply(lease) | Event::Apply(lease))) => roster.take(place(&lease), seen(&lease), now),
            Some(Ok(Event::InitDone)) => roster.list_ends(now),
            Some(Ok(Event::Delete(lease))) => roster.gone(&place(&lease), now),
            Some(Err(error)) => {
                roster.lost(now);
                return Err(error.to_string());
            }
            None => roster.lost(now),
        }
        Ok(())
    }

    async fn perform(&self, ground: &Ground, deeds: &[Deed]) -> Result<(), String> {
        let mut outcome = Ok(());
        for deed in deeds {
            let Some(verb) = deed.verb() else { continue };
            let at = Instant::now();
            let call = tokio::time::timeout(CALL_LIMIT, self.call(&ground.calls, deed));
            let done = call.await.unwrap_or(Ok(false));
            let result = match &done {
                Ok(true) => "ok",
                Ok(false) => "lost",
                Err(_) => "error",
            };
            ground.metrics.calls.get_or_create(&Call { kind: "Lease", verb, result }).inc();
            match (done, deed) {
                (Ok(true), Deed::Renew(namespace)) => lock(&self.roster).renewed(namespace, at),
                (Ok(_), _) => {}
                (Err(error), _) => outcome = Err(error.to_string()),
            }
        }
        outcome
    }

    /// One call; gives whether it has done what it was to do.
    async fn call(&self, client: &Client, deed: &Deed) -> kube::Result<bool> {
        let leases = |namespace: &str| Api::<Lease>::namespaced(client.clone(), namespace);
        let id = self.id();
        let done = match deed {
            Deed::List => return Ok(true),
            Deed::Create(namespace) => {
                leases(namespace).create(&PostParams::default(), &self.lease()).await.map(|lease| {
                    let place = (namespace.clone(), id);
                    lock(&self.roster).take(place, seen(&lease), Instant::now());
                })
            }
            Deed::Renew(namespace) => {
                let Some(own) = lock(&self.roster).own(namespace) else { return Ok(false) };
                let body = json!({
                    "metadata": { "uid": own.uid, "resourceVersion": own.version },
                    "spec": { "renewTime": MicroTime(Timestamp::now()) },
                });
                leases(namespace).patch(&id, &PatchParams::default(), &Patch::Merge(&body)).await.map(|lease| {
                    lock(&self.roster).take((namespace.clone(), id), seen(&lease), Instant::now());
                })
            }
            Deed::Drop(namespace) => {
                let Some(own) = lock(&self.roster).own(namespace) else { return Ok(false) };
                self.delete(client, &(namespace.clone(), id), &own).await
            }
            Deed::Reap(place, seen) => self.delete(client, place, seen).await.map(|()| {
                tracing::info!(process = place.1, "it has not renewed its Lease: taken for dead");
            }),
        };
        match done {
            Ok(()) => Ok(true),
            // Somebody was faster, or it lives after all: the watch says which.
            Err(kube::Error::Api(status)) if status.is_conflict() || status.is_already_exists() => Ok(false),
            Err(kube::Error::Api(status)) if status.is_not_found() && !matches!(deed, Deed::Create(_)) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Deletes this very version of a Lease.
    async fn delete(&self, client: &Client, place: &Place, seen: &Seen) -> kube::Result<()> {
        let (uid, version) = (seen.uid.clone(), seen.version.clone());
        let preconditions = Preconditions { uid: Some(uid), resource_version: Some(version) };
        let params = DeleteParams::default().preconditions(preconditions);
        Api::<Lease>::namespaced(client.clone(), &place.0).delete(&place.1, &params).await?;
        lock(&self.roster).gone(place, Instant::now());
        Ok(())
    }

    fn lease(&self) -> Lease {
        let roster = lock(&self.roster);
        let id = roster.id().to_owned();
        let pod = roster.pod().map(|pod| (POD.to_owned(), pod.to_owned()));
        let scope = roster.scope().map(|namespace| (SCOPE.to_owned(), namespace.to_owned()));
        let works = (WORKS.to_owned(), roster.works().join(","));
        Lease {
            metadata: ObjectMeta {
                name: Some(id.clone()),
                labels: Some([(LABEL.to_owned(), id.clone())].into()),
                annotations: Some(pod.into_iter().chain(scope).chain([works]).collect()),
                ..ObjectMeta::default()
            },
            spec: Some(LeaseSpec {
                holder_identity: Some(id),
                acquire_time: Some(MicroTime(Timestamp::now())),
                ..LeaseSpec::default()
            }),
        }
    }

    /// Leaves: whoever is left need not wait until this process is taken for dead.
    pub async fn leave(&self, calls: &Client) {
        let places = lock(&self.roster).places();
        for namespace in places {
            let drop = Deed::Drop(namespace);
            if let Ok(Err(error)) = tokio::time::timeout(CALL_LIMIT, self.call(calls, &drop)).await {
                tracing::debug!(%error, "the Lease stays until somebody takes this process for dead");
            }
        }
    }
}

fn place<K: ResourceExt>(lease: &K) -> Place {
    (lease.namespace().unwrap_or_default(), lease.name_any())
}

fn seen<K: ResourceExt>(lease: &K) -> Seen {
    let said = |key: &str| lease.annotations().get(key);
    let works = said(WORKS).map(|works| works.split(',').map(str::to_owned).collect());
    Seen {
        uid: lease.uid().unwrap_or_default(),
        version: lease.resource_version().unwrap_or_default(),
        pod: said(POD).cloned(),
        works: works.unwrap_or_default(),
        scope: said(SCOPE).cloned(),
    }
}
