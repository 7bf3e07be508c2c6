//! Starts everything: watches, controllers, and the word whether they are ready.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use kube::{Client, Config};
use tokio::task::JoinSet;

use crate::cluster::client::{self, ClientError};
use crate::cluster::events::Events;
use crate::cluster::members::{Ground, Members};
use crate::cluster::queue::Queue;
use crate::cluster::watch::Watcher;
use crate::cluster::{Calls, Clock, Watched};
use crate::crd::API_VERSION;
use crate::domain::{Kind, Policy};
use crate::kinds::kinds;
use crate::telemetry::Metrics;
use crate::world::{Access, World, Worlds, watches};

use super::controller::{Context, Controller};
use super::driver;
use super::execute::Executor;
use super::outside::Outside;

/// Rows written at once: when the API server is busy they queue up here, and several changes become one write.
const VIEWS_AT_ONCE: usize = 4;

/// A world that has lasted so long was no part of a struggle between API servers.
const CALM: Duration = Duration::from_secs(600);

/// What to run, and how.
#[derive(Clone, Debug)]
pub struct Options {
    /// Nothing for all namespaces.
    pub namespace: Option<String>,
    /// The controllers to run.
    pub controllers: Vec<Kind>,
    /// How many objects of one kind are reconciled at once.
    pub concurrency: usize,
    pub policy: Policy,
    /// The pod it runs in, where it is the only one there.
    pub pod: Option<String>,
    /// The namespace of this process, where it watches all of them.
    pub home: String,
    /// Whether it leaves work to others that do the same; without it each does all of it.
    pub shares: bool,
}

/// Running controllers; they stop when this is dropped.
pub struct Running {
    pub worlds: Worlds,
    calls: Client,
    tasks: JoinSet<()>,
}

impl Running {
    /// Stops taking up work, and gives what is under way until `limit` to finish its write.
    pub async fn stop(mut self, limit: Duration) {
        let world = self.worlds.now();
        let idle = async {
            let mut tick = tokio::time::interval(Duration::from_millis(10));
            while Kind::ALL.iter().filter_map(|kind| world.queue(*kind)).any(|queue| queue.depth().1 > 0) {
                tick.tick().await;
            }
        };
        for kind in Kind::ALL {
            if let Some(queue) = world.queue(kind) {
                queue.close();
            }
        }
        if tokio::time::timeout(limit, idle).await.is_err() {
            tracing::warn!(?limit, "some reconciles did not finish in time; whatever they left undone is decided anew");
        }
        self.tasks.shutdown().await;
        world.members.leave(&self.calls).await;
    }
}

/// Starts watches and controllers; what they do is counted in `metrics`.
///
/// # Errors
/// When no client can be made from the configuration.
pub fn start(config: &Config, options: &Options, metrics: &Metrics) -> Result<Running, ClientError> {
    let clock = Arc::new(Clock::default());
    let (calls, watches) = (client::calls(config, clock.clone())?, client::watches(config)?);
    let worlds = Worlds::new(World::new(queues(&options.controllers), members(options)));
    let parts = Parts { calls: calls.clone(), watches, clock, metrics: metrics.clone(), options: options.clone() };
    let mut tasks = JoinSet::new();
    tasks.spawn(work(parts, worlds.clone()));
    Ok(Running { worlds, calls, tasks })
}

/// What outlives a world.
struct Parts {
    calls: Client,
    watches: Client,
    clock: Arc<Clock>,
    metrics: Metrics,
    options: Options,
}

/// Works in one world until the API server tells another history; then in a new one, as a new process would.
async fn work(parts: Parts, worlds: Worlds) {
    let mut broken = 0;
    loop {
        let (world, since) = (worlds.now(), Instant::now());
        let why = tokio::select! {
            () = live(&parts, &world) => return,
            why = world.server.history.broken() => why,
        };
        tracing::error!(why, "the API server tells another history: every cache is dropped and filled anew");
        parts.metrics.histories.inc();
        worlds.replace(World::after(why, queues(&parts.options.controllers), members(&parts.options)));
        // Once is a restore. API servers that contradict each other are asked ever more rarely.
        broken = if since.elapsed() > CALM { 0 } else { broken + 1 };
        if broken > 0 {
            tokio::time::sleep(crate::domain::retry::pause(broken)).await;
        }
    }
}

/// Watches and controllers of one world; they stop when this is dropped.
async fn live(parts: &Parts, world: &Arc<World>) {
    let Parts { calls, watches, clock, metrics, options } = parts;
    let events = Events::new(calls.clone(), API_VERSION);
    let outside = Outside::new(metrics.clone(), options.concurrency / 2);
    let calls_of_ours = Calls { client: calls.clone(), metrics: metrics.clone() };
    let access = Access { calls: calls_of_ours, world: world.clone(), clock: clock.clone() };
    let ground = Ground {
        calls: calls.clone(),
        watches: watches.clone(),
        namespace: options.namespace.clone(),
        home: options.namespace.clone().unwrap_or_else(|| options.home.clone()),
        metrics: metrics.clone(),
    };
    let watcher = Arc::new(Watcher {
        client: watches.clone(),
        namespace: options.namespace.clone(),
        sink: world.clone(),
        clock: clock.clone(),
        events: events.clone(),
        metrics: metrics.clone(),
    });
    let context = Context {
        world: world.clone(),
        executor: Executor { access, outside },
        clock: clock.clone(),
        events,
        metrics: metrics.clone(),
        policy: Arc::new(options.policy.clone()),
    };
    learn_the_time(&context).await;
    let mut tasks = JoinSet::new();
    watches::watch(&mut tasks, &watcher);
    tasks.spawn(watcher.run_namespaces());
    tasks.spawn(world.members.clone().run(ground));
    // No controller decides before every cache is whole.
    let mut tick = tokio::time::interval(Duration::from_millis(5));
    while !world.is_complete() {
        tick.tick().await;
    }
    tracing::info!("caches are filled; controllers start");
    world.members.begin();
    tasks.spawn(keep_share(world.clone()));
    macro_rules! all {
        ([$context:ident $options:ident] $($kind:ident $field:ident $module:ident::$controller:ident;)+) => {
            tokio::join!($(control::<super::$module::$controller>(&$context, $options)),+)
        };
    }
    kinds!(all, context, options);
}

/// Who cannot see everything that it decides on has no share of the work until it can again.
async fn keep_share(world: Arc<World>) {
    let (mut tick, mut works) = (tokio::time::interval(Duration::from_secs(1)), true);
    loop {
        tick.tick().await;
        let sees = world.unready().is_none();
        match (works, sees) {
            (true, false) => world.members.pause(),
            (false, true) => world.members.begin(),
            _ => {}
        }
        works = sees;
    }
}

/// Any answer of the API server carries its time; nothing is judged by the clock before one has come.
async fn learn_the_time(context: &Context) {
    let mut pause = tokio::time::interval(Duration::from_secs(1));
    loop {
        pause.tick().await;
        match context.executor.access.calls.client.apiserver_version().await {
            Ok(version) => return tracing::info!(version = version.git_version, "the API server answers"),
            Err(error) => tracing::warn!(%error, "the API server does not answer; trying again every second"),
        }
    }
}

async fn control<C: Controller>(context: &Context, options: &Options) {
    let concurrency = match C::Root::KIND {
        Kind::OrderView => options.concurrency.min(VIEWS_AT_ONCE),
        _ => options.concurrency,
    };
    tokio::join!(driver::run::<C>(context.clone(), concurrency), driver::resync::<C>(context.clone()));
}

/// Who else runs these controllers.
fn members(options: &Options) -> Arc<Members> {
    let works: Vec<&str> = options.controllers.iter().map(|kind| kind.as_str()).collect();
    Arc::new(Members::new(options.pod.clone(), &works).sharing(options.shares))
}

fn queues(kinds: &[Kind]) -> HashMap<Kind, Arc<Queue>> {
    kinds.iter().map(|kind| (*kind, Arc::new(Queue::default()))).collect()
}
