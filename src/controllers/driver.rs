//! The one driver: observes, decides, and carries the plan out, one write at a time, the status last.
//!
//! Each gap between two writes is a point at which the process can die: whatever is left undone then is decided anew from
//! what stands. A plan that meets a changed object is dropped, the object read afresh and the decision taken again.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::FutureExt;
use serde::Serialize;

use crate::cluster::diff::merge_patch;
use crate::cluster::events::Events;
use crate::cluster::world::Held;
use crate::cluster::{Class, Clock, Error, Executor, Key, Pass, Source, World};
use crate::domain::{Intent, Kind, Meta, Plan, Policy, Time};
use crate::telemetry::Metrics;

/// How often one reconcile decides again after live reads before it leaves the rest to a later one.
const ROUNDS: usize = 12;
/// Everything is looked at again within this time, whatever a watch may have missed.
const RESYNC: Duration = Duration::from_secs(600);
/// The beat in which that is spread.
const BEAT: Duration = Duration::from_secs(1);
/// A write that the API server refuses as such, or that we have no right to, is tried again after this long.
const REFUSED: Duration = Duration::from_secs(30);
/// A notice that cannot be made is tried again after this long.
const UNMADE: Duration = Duration::from_secs(60);
/// A place for a call to a payment provider is looked for again after this many milliseconds.
const BUSY: std::ops::Range<u64> = 200..1_000;

/// A kind's controller: everything in which it differs from the others.
pub trait Controller: Send + Sync + 'static {
    /// The kind that it reconciles and whose status it writes.
    type Root: Held;
    type Observed: Send + Sync;
    type Status: Serialize + Send + Sync;

    /// Everything a decision may look at, from the caches alone; nothing where there is nothing to decide.
    fn observe(world: &World, key: &Key, pass: &Pass) -> Option<Self::Observed>;

    /// What to do.
    fn decide(observed: &Self::Observed, now: Time, policy: &Policy) -> Plan<Self::Status>;

    /// The observed object's identity and status, where the kind has a status of its own.
    fn seen(observed: &Self::Observed) -> Option<(&Meta, &Self::Status)>;
}

/// What every reconcile needs.
#[derive(Clone)]
pub struct Context {
    pub world: Arc<World>,
    pub executor: Executor,
    pub clock: Arc<Clock>,
    pub events: Events,
    pub metrics: Metrics,
    pub policy: Arc<Policy>,
}

/// When to look at the object again.
pub(super) enum Next {
    /// When something changes.
    Changed,
    /// After this long, or when something changes.
    After(Duration),
    /// After this long, or when something changes: no place was free for a call to a payment provider.
    Busy(Duration),
    /// After a race that was lost: with backoff.
    Lost,
    /// After a failure: with backoff.
    Failed(Error),
}

/// One reconcile of one object.
pub(super) async fn reconcile<C: Controller>(context: &Context, key: &Key) -> Next {
    let mut pass = Pass::default();
    for _ in 0..ROUNDS {
        let decided = Instant::now();
        let Some(observed) = C::observe(&context.world, key, &pass) else { return Next::Changed };
        let version = C::seen(&observed).map(|(meta, _)| meta.version);
        if !pass.fits(version) {
            // Another version of the object may rest on facts that are younger than the reads.
            pass = Pass::default();
            continue;
        }
        let now = context.clock.now();
        let plan = C::decide(&observed, now, &context.policy);
        let decides_again = plan.intents.iter().any(Intent::informs);
        match act::<C>(context, key, &observed, &plan, decided, &mut pass).await {
            Ok(_) if decides_again => {}
            Ok(again) => {
                let due = plan.next.map(|next| next.since(context.clock.now()));
                return due.into_iter().chain(again).min().map_or(Next::Changed, Next::After);
            }
            Err(error) if error.class() == Class::Conflict => {
                if let Err(error) = refresh(context, key, &error, &mut pass).await {
                    return Next::Failed(error);
                }
            }
            Err(error) => return refused(context, key, error, &plan).await,
        }
    }
    // Others are writing the same objects; what they wrote is on its way here.
    Next::After(Duration::from_millis(rand::random_range(10..60)))
}

/// Carries a plan out; gives when to look again where a part was refused that the rest does not wait for.
async fn act<C: Controller>(
    context: &Context,
    key: &Key,
    observed: &C::Observed,
    plan: &Plan<C::Status>,
    decided: Instant,
    pass: &mut Pass,
) -> Result<Option<Duration>, Error> {
    let mut again = None;
    for intent in &plan.intents {
        match (context.executor.perform::<C::Root>(key, intent, decided, pass).await, intent) {
            (Ok(()), _) => {}
            // A notice that is refused blocks nothing: what must wait for it waits until it is seen sent.
            (Err(error), Intent::CreateNotification(_)) if matches!(error.class(), Class::Invalid | Class::Denied) => {
                tracing::warn!(kind = %C::Root::KIND, %key, %error, "a notice could not be made");
                again = Some(UNMADE);
            }
            (Err(error), _) => return Err(error),
        }
    }
    let (Some(status), Some((meta, seen))) = (&plan.status, C::seen(observed)) else { return Ok(again) };
    let Some(patch) = merge_patch(&serde_json::to_value(seen)?, &serde_json::to_value(status)?) else {
        return Ok(again);
    };
    context.executor.write_status::<C::Root>(key, &meta.target(), patch, decided).await?;
    for fact in &plan.facts {
        let reported = crate::telemetry::metrics::Reported { kind: C::Root::KIND.as_str(), reason: fact.reason };
        context.metrics.facts.get_or_create(&reported).inc();
        tracing::info!(kind = %C::Root::KIND, %key, reason = fact.reason, "{}", fact.message.escape_debug());
        context.events.publish(C::Root::KIND, &key.namespace, meta, fact);
    }
    Ok(again)
}

/// Reads what has changed under a plan, so that the next decision sees it.
async fn refresh(context: &Context, key: &Key, error: &Error, pass: &mut Pass) -> Result<(), Error> {
    let Error::Conflict { kind, name, .. } = error else { return Ok(()) };
    context.executor.read_afresh(*kind, &key.sibling(name), pass).await
}

/// What follows a failure that deciding again at once may not mend. A refused hold or cancel is a race that was lost: the
/// child is read afresh, and the next decision comes soon, later where it is refused again and again.
async fn refused<S>(context: &Context, key: &Key, error: Error, plan: &Plan<S>) -> Next {
    if let Error::Busy = error {
        return Next::Busy(Duration::from_millis(rand::random_range(BUSY)));
    }
    if let Error::NamespaceTerminating { .. } = error {
        context.executor.check_namespace(&key.namespace).await;
    }
    let race = plan.intents.iter().find_map(|intent| match intent {
        Intent::HoldTicket(target, _) => Some((Kind::Ticket, target)),
        Intent::HoldDelivery(target, _) => Some((Kind::Delivery, target)),
        Intent::CancelPayment(target) => Some((Kind::Payment, target)),
        _ => None,
    });
    let Some((kind, target)) = race.filter(|_| error.class() == Class::Invalid) else { return Next::Failed(error) };
    let read = context.executor.read_afresh(kind, &key.sibling(&target.name), &mut Pass::default()).await;
    read.map_or_else(Next::Failed, |()| Next::Lost)
}

/// Takes keys from a kind's queue and reconciles them, `concurrency` at a time, for as long as it is polled.
pub(super) async fn run<C: Controller>(context: Context, concurrency: usize) {
    let kind: Kind = C::Root::KIND;
    let Some(queue) = context.world.queue(kind).cloned() else { return };
    let slots = Arc::new(tokio::sync::Semaphore::new(concurrency));
    let mut tasks = tokio::task::JoinSet::new();
    loop {
        let Ok(slot) = slots.clone().acquire_owned().await else { return };
        while tasks.try_join_next().is_some() {}
        let key = queue.next().await;
        let (context, queue) = (context.clone(), queue.clone());
        tasks.spawn(async move {
            let started = Instant::now();
            let outcome = AssertUnwindSafe(reconcile::<C>(&context, &key)).catch_unwind().await;
            Worker { context: &context, queue: &queue, kind }.finish(&key, started, outcome.ok());
            drop(slot);
        });
    }
}

/// Where the outcome of a reconcile goes.
struct Worker<'a> {
    context: &'a Context,
    queue: &'a crate::cluster::queue::Queue,
    kind: Kind,
}

impl Worker<'_> {
    /// Counts a reconcile and gives its key back to the queue; no outcome means that it panicked.
    fn finish(&self, key: &Key, started: Instant, outcome: Option<Next>) {
        use crate::telemetry::metrics::{Controller, Reconcile};
        let controller = self.kind.as_str();
        let result = match outcome {
            Some(Next::Changed) => {
                self.queue.succeeded(key);
                "success"
            }
            Some(Next::After(delay)) => {
                self.queue.succeeded(key);
                self.queue.add_after(key.clone(), delay);
                "success"
            }
            Some(Next::Busy(delay)) => {
                self.queue.succeeded(key);
                self.queue.add_after(key.clone(), delay);
                "busy"
            }
            Some(Next::Lost) => {
                let delay = self.queue.failed(key, rand::random());
                self.queue.add_after(key.clone(), delay);
                "lost_race"
            }
            Some(Next::Failed(error)) => {
                let backoff = self.queue.failed(key, rand::random());
                let refused = matches!(error.class(), Class::Invalid | Class::Denied);
                let delay = if refused { backoff.max(REFUSED) } else { backoff };
                tracing::warn!(kind = %self.kind, %key, error = %error, ?delay, "reconcile failed");
                self.queue.add_after(key.clone(), delay);
                error.label()
            }
            None => {
                self.context.metrics.panics.get_or_create(&Controller { controller }).inc();
                tracing::error!(kind = %self.kind, %key, "reconcile panicked");
                let delay = self.queue.failed(key, rand::random());
                self.queue.add_after(key.clone(), delay);
                "panic"
            }
        };
        self.context.metrics.reconciles.get_or_create(&Reconcile { controller, result }).inc();
        let seconds = self.context.metrics.reconcile_seconds.get_or_create(&Controller { controller });
        seconds.observe(started.elapsed().as_secs_f64());
        self.queue.done(key);
    }
}

/// Looks at everything again, evenly spread over [`RESYNC`], for as long as it is polled.
pub(super) async fn resync<C: Controller>(context: Context) {
    let Some(queue) = context.world.queue(C::Root::KIND).cloned() else { return };
    let beats = (RESYNC.as_secs() / BEAT.as_secs()).max(1) as usize;
    let mut beat = tokio::time::interval(BEAT);
    loop {
        let keys = C::Root::cache(&context.world).all_keys();
        let mut chunks = keys.chunks(keys.len().div_ceil(beats).max(1));
        for _ in 0..beats {
            beat.tick().await;
            for key in chunks.next().unwrap_or_default() {
                queue.add(key.clone());
            }
        }
    }
}
