//! Which keys of a kind's queue this process works on, where several share the work: why nothing is left alone is said in
//! [`crate::cluster::members::share`].
//!
//! Every change is enqueued, whosever object it is about, and judged when it comes up: by then it is known best who else
//! works here. What is not known by a UID (an object that is gone, or was not seen yet) is everybody's.

use std::collections::HashSet;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use crate::cluster::members::{Left, View};
use crate::cluster::watch::Feed;
use crate::cluster::{Key, Watched};
use crate::controllers::controller::{Context, Controller};
use crate::telemetry::metrics;
use crate::world::World;

/// What becomes of a key that has come up.
pub(super) enum Assignment {
    Own,
    /// It is another process's, and has stood for too long.
    Instead,
    /// It is another process's for so long.
    Left(Duration),
}

/// What of a kind's work is this process's.
pub(super) struct Share<C> {
    views: watch::Receiver<Arc<View>>,
    /// Those among whom it is shared.
    view: Arc<View>,
    left: Left,
    kind: PhantomData<C>,
}

impl<C: Controller> Share<C> {
    pub fn new(world: &World) -> Self {
        let mut views = world.members.views();
        let view = views.borrow_and_update().clone();
        Self { views, view, left: Left::default(), kind: PhantomData }
    }

    /// Waits until the work is shared among others than before.
    pub async fn changed(&mut self) {
        if self.views.changed().await.is_err() {
            // Nobody can join any more.
            std::future::pending::<()>().await;
        }
    }

    /// What falls to this process by that, and did not before.
    pub fn falls_to_it(&mut self, world: &World) -> Vec<Key> {
        let before = std::mem::replace(&mut self.view, self.views.borrow_and_update().clone());
        // A row that was never written is in no cache.
        let keys: HashSet<Key> =
            C::Root::cache(world).all_keys().into_iter().chain(self.left.keys().cloned()).collect();
        let is_new = |key: &Key| rank::<C>(&self.view, world, key) == 0 && rank::<C>(&before, world, key) > 0;
        keys.into_iter().filter(is_new).collect()
    }

    /// What becomes of a key that has come up.
    pub fn assign(&mut self, context: &Context, key: &Key) -> Assignment {
        let rank = rank::<C>(&self.view, &context.world, key);
        let version = C::Root::cache(&context.world).get(key).map(|seen| seen.version);
        match self.left.rest(key, rank, version, Instant::now()) {
            Some(rest) => {
                let controller = metrics::Controller { controller: C::Root::KIND.as_str() };
                context.metrics.looks_left.get_or_create(&controller).inc();
                Assignment::Left(rest)
            }
            None if rank > 0 => Assignment::Instead,
            None => Assignment::Own,
        }
    }
}

/// How many come before this process for a key.
fn rank<C: Controller>(view: &View, world: &World, key: &Key) -> usize {
    if view.others.is_empty() {
        return 0;
    }
    let part_of = C::part_of(world, key);
    part_of.map_or(0, |uid| view.rank(C::Root::KIND.as_str(), &key.namespace, &uid, C::ESTABLISHED_ONLY))
}
