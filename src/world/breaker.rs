//! The breakers of endpoints, as the cached messages tell: one reading for whoever decides by it, and whoever shows it.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::caches::World;
use super::notification::NotificationIndex as Index;
use crate::cluster::Key;
use crate::domain::Time;
use crate::domain::notification::{Audience, Circuit, Status};

/// The messages that an index finds: how often they were attempted, and when last.
pub fn tried(world: &World, namespace: &Arc<str>, index: Index) -> Vec<(i64, Key, Option<Time>)> {
    let attempts = |key: Key| {
        let seen = world.notifications.get(&key)?;
        let status = seen.object.status.as_ref();
        Some((status.map_or(0, |status| status.attempts), key, status.and_then(Status::tried_at)))
    };
    world.notifications.find(namespace, index).into_iter().filter_map(attempts).collect()
}

/// The breaker of an endpoint of this namespace: a store's, or, without a name, that of customers.
pub fn circuit(world: &World, namespace: &Arc<str>, store: Option<String>) -> Circuit {
    let well = world.notifications.marked(namespace, Index::Failing(store.clone()));
    let waiting = [Index::Required(store.clone()), Index::Failing(store)].map(|index| tried(world, namespace, index));
    Circuit::of(waiting.into_iter().flatten().map(|(attempts, _, last)| (attempts, last)), well)
}

/// The breakers of all endpoints for which messages wait, by audience.
pub fn circuits(world: &World) -> [(Audience, Vec<Circuit>); 2] {
    [Audience::Seller, Audience::Customer].map(|to| {
        let waits = |key: Key| {
            let seen = world.notifications.get(&key).filter(|seen| seen.object.spec.to == to)?;
            let over = seen.object.status.as_ref().is_some_and(Status::is_final);
            let store = (to == Audience::Seller).then(|| seen.object.spec.store.clone());
            (!over).then_some((key.namespace, store))
        };
        let endpoints: BTreeSet<_> = world.notifications.all_keys().into_iter().filter_map(waits).collect();
        (to, endpoints.into_iter().map(|(namespace, store)| circuit(world, &namespace, store)).collect())
    })
}
