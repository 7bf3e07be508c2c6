//! Starts the watches of the kinds that a world is made of.

use std::sync::Arc;

use tokio::task::JoinSet;

use super::caches::World;
use crate::cluster::watch::Watcher;
use crate::domain::Kind;
use crate::kinds::kinds;

/// Watches each of the world's kinds, for as long as the tasks live.
pub fn watch(tasks: &mut JoinSet<()>, watcher: &Arc<Watcher<World>>) {
    macro_rules! one {
        ([$which:ident $tasks:ident $watcher:ident] $($kind:ident $field:ident $module:ident::$controller:ident;)+) => {
            match $which {
                $(Kind::$kind => $tasks.spawn($watcher.clone().run::<crate::crd::$kind>()),)+
            }
        };
    }
    for kind in watcher.sink.watched() {
        kinds!(one, kind, tasks, watcher);
    }
}
