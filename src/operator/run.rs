//! Starts everything: watches, and workers that take platforms from the queue.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::FutureExt;
use kube::Config;
use tokio::task::JoinSet;

use super::context::Context;
use super::reconcile::{Outcome, reconcile};
use super::store::Store;
use super::watches;
use crate::cluster::client::{self, ClientError};
use crate::cluster::queue::Queue;
use crate::cluster::{Class, Clock, Key};
use crate::telemetry::operator::Metrics;

/// How many platforms are looked at at once.
const WORKERS: usize = 4;
/// Every platform is looked at again within this time, whatever a watch may have missed.
const RESYNC: Duration = Duration::from_secs(60);
/// For so long a kind is waited for that clusters may lack.
const OPTIONAL: Duration = Duration::from_secs(15);
/// What is denied is tried again after this long at the most: a quota that is raised tells nobody.
const DENIED: Duration = Duration::from_secs(15);

/// What to run, and how.
#[derive(Clone, Debug)]
pub struct Options {
    /// Nothing for all namespaces.
    pub namespace: Option<String>,
    /// The image of platforms that name none.
    pub image: String,
    /// When images are pulled; absent: as Kubernetes does by the tag.
    pub pull_policy: Option<String>,
}

/// A running operator; it stops when this is dropped.
pub struct Running {
    pub store: Arc<Store>,
    pub metrics: Metrics,
    queue: Arc<Queue>,
    tasks: JoinSet<()>,
}

impl Running {
    /// Stops taking up work, and gives what is under way until `limit` to finish.
    pub async fn stop(mut self, limit: Duration) {
        self.queue.close();
        let idle = async {
            let mut tick = tokio::time::interval(Duration::from_millis(10));
            while self.queue.depth().1 > 0 {
                tick.tick().await;
            }
        };
        if tokio::time::timeout(limit, idle).await.is_err() {
            tracing::warn!(?limit, "some work did not finish in time; what is left is done by the next process");
        }
        self.tasks.shutdown().await;
    }
}

/// Starts watches and workers.
///
/// # Errors
/// When no client can be made from the configuration.
pub fn start(config: &Config, options: Options) -> Result<Running, ClientError> {
    let clock = Arc::new(Clock::default());
    let (calls, watches) = (client::calls(config, clock.clone())?, client::watches(config)?);
    let context = Context {
        calls,
        watches,
        namespace: options.namespace,
        image: options.image.into(),
        pull_policy: options.pull_policy.map(Into::into),
        store: Arc::default(),
        queue: Arc::default(),
        clock,
        metrics: Metrics::default(),
        unchanged: Arc::default(),
    };
    let mut tasks = JoinSet::new();
    tasks.spawn(watches::run(context.clone()));
    tasks.spawn(work(context.clone()));
    let Context { store, queue, metrics, .. } = context;
    Ok(Running { store, metrics, queue, tasks })
}

/// Takes platforms from the queue, once everything that can be seen is seen; an optional kind is not waited for any longer
/// than it takes where all is well, since it may be somebody's who does not answer.
async fn work(context: Context) {
    let (mut tick, started) = (tokio::time::interval(Duration::from_millis(20)), Instant::now());
    loop {
        let (needed, optional) = context.store.is_complete();
        if needed && (optional || started.elapsed() > OPTIONAL) {
            tracing::info!(optional, "what is needed is listed; platforms are looked at");
            break;
        }
        tick.tick().await;
    }
    watches::enqueue_all(&context);
    let mut workers = JoinSet::new();
    for _ in 0..WORKERS {
        let context = context.clone();
        workers.spawn(async move {
            loop {
                let key = context.queue.next().await;
                look(&context, &key).await;
                context.queue.done(&key);
            }
        });
    }
    while workers.join_next().await.is_some() {}
}

/// One look at a platform, and when to look again.
async fn look(context: &Context, key: &Key) {
    let started = Instant::now();
    let outcome = AssertUnwindSafe(reconcile(context, &key.namespace)).catch_unwind().await;
    let result = match &outcome {
        Ok(Outcome { failures }) => failures.first().map_or("success", |failure| failure.label),
        Err(_) => "panic",
    };
    context.metrics.reconciled(result, started.elapsed());
    let delay = match outcome {
        Ok(Outcome { failures }) if failures.is_empty() => {
            context.queue.succeeded(key);
            RESYNC
        }
        Ok(Outcome { failures }) => {
            let backoff = context.queue.failed(key, rand::random());
            let denied = failures.iter().any(|failure| matches!(failure.class, Class::Denied | Class::Invalid));
            if denied { backoff.min(DENIED) } else { backoff }
        }
        Err(_) => {
            tracing::error!(%key, "a look at a platform panicked");
            context.queue.failed(key, rand::random())
        }
    };
    context.queue.add_after(key.clone(), delay);
}
