//! Who calls the driver: takes keys from a kind's queue, and gives each back with what came of it.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::FutureExt;
use tracing::Instrument;

use super::share::{Assignment, Share};
use super::{Next, Progress, reconcile};
use crate::cluster::watch::Feed;
use crate::cluster::{Class, Key, Watched};
use crate::controllers::controller::{Context, Controller};
use crate::domain::Kind;

/// Everything is looked at again within this time, whatever a watch may have missed.
const RESYNC: Duration = Duration::from_secs(600);
/// The beat in which that is spread.
const BEAT: Duration = Duration::from_secs(1);
/// A write that the API server refuses as such, or that we have no right to, is tried again after this long.
const REFUSED: Duration = Duration::from_secs(30);
/// Others are writing the same objects: what they wrote is on its way here, in so many milliseconds.
const CONTENDED: std::ops::Range<u64> = 10..60;

/// Takes keys from a kind's queue and reconciles them, `concurrency` at a time, for as long as it is polled.
pub(in crate::controllers) async fn run<C: Controller>(context: Context, concurrency: usize) {
    let kind: Kind = C::Root::KIND;
    let Some(queue) = context.world.queue(kind).cloned() else { return };
    let permits = Arc::new(tokio::sync::Semaphore::new(concurrency));
    let mut tasks = tokio::task::JoinSet::new();
    let mut share = Share::<C>::new(&context.world);
    loop {
        let Ok(permit) = permits.clone().acquire_owned().await else { return };
        while tasks.try_join_next().is_some() {}
        let key = tokio::select! {
            biased; // Whose a key is, is judged by what is known by now.
            () = share.changed() => {
                share.falls_to_it(&context.world).into_iter().for_each(|key| queue.add(key));
                continue;
            }
            key = queue.next() => key,
        };
        let assignment = share.assign(&context, &key);
        if let Assignment::Left(rest) = assignment {
            queue.leave(&key, rest);
            continue;
        }
        let instead = matches!(assignment, Assignment::Instead);
        let (context, queue) = (context.clone(), queue.clone());
        tasks.spawn(async move {
            let started = Instant::now();
            let mut progress = Progress::default();
            let span = tracing::debug_span!("reconcile", %kind, %key);
            let reconcile = reconcile::<C>(&context, &key, instead, &mut progress).instrument(span);
            let outcome = AssertUnwindSafe(reconcile).catch_unwind().await;
            let worker = Worker { context: &context, queue: &queue, kind, instead };
            worker.finish(&key, started, outcome.ok(), progress.made);
            drop(permit);
        });
    }
}

/// Where the outcome of a reconcile goes.
struct Worker<'a> {
    context: &'a Context,
    queue: &'a crate::cluster::queue::Queue,
    kind: Kind,
    /// Whether it is another process's work, which had stood for too long.
    instead: bool,
}

impl Worker<'_> {
    /// Counts a reconcile and gives its key back to the queue; no outcome means that it panicked.
    fn finish(&self, key: &Key, started: Instant, outcome: Option<Next>, progress: bool) {
        use crate::telemetry::metrics::{Controller, Reconcile};
        let controller = self.kind.as_str();
        let (result, delay) = self.follow(key, outcome, progress);
        if let Some(delay) = delay {
            self.queue.add_after(key.clone(), delay);
        }
        if self.instead && progress {
            self.context.metrics.taken_over.get_or_create(&Controller { controller }).inc();
        }
        self.context.metrics.reconciles.get_or_create(&Reconcile { controller, result }).inc();
        let seconds = self.context.metrics.reconcile_seconds.get_or_create(&Controller { controller });
        seconds.observe(started.elapsed().as_secs_f64());
        self.queue.done(key);
    }

    /// A word for what came of a reconcile, and how long until its key is due again.
    fn follow(&self, key: &Key, outcome: Option<Next>, progress: bool) -> (&'static str, Option<Duration>) {
        let (queue, jitter) = (self.queue, rand::random());
        match outcome {
            Some(Next::Changed) => {
                queue.succeeded(key);
                ("success", None)
            }
            Some(Next::After(delay)) => ("success", Some(queue.pace(key, delay, progress, jitter))),
            Some(Next::Busy(delay)) => ("busy", Some(queue.pace(key, delay, progress, jitter))),
            Some(Next::Unsettled) => {
                let soon = if progress { rand::random_range(CONTENDED) } else { 0 };
                ("unsettled", Some(queue.pace(key, Duration::from_millis(soon), progress, jitter)))
            }
            Some(Next::Lost) => ("lost_race", Some(queue.failed(key, jitter))),
            Some(Next::Failed(error)) => {
                let backoff = queue.failed(key, jitter);
                let refused = matches!(error.class(), Class::Invalid | Class::Denied);
                let delay = if refused { backoff.max(REFUSED) } else { backoff };
                tracing::warn!(kind = %self.kind, %key, error = %error, ?delay, "reconcile failed");
                (error.label(), Some(delay))
            }
            None => {
                let controller = crate::telemetry::metrics::Controller { controller: self.kind.as_str() };
                self.context.metrics.panics.get_or_create(&controller).inc();
                tracing::error!(kind = %self.kind, %key, "reconcile panicked");
                ("panic", Some(queue.failed(key, jitter)))
            }
        }
    }
}

/// Looks at everything again, evenly spread over [`RESYNC`], for as long as it is polled.
pub(in crate::controllers) async fn resync<C: Controller>(context: Context) {
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
