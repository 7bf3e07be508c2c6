//! Store: watches stores, and the notices that wait for their endpoint.

use crate::cluster::Key;
use crate::crd::Store;
use crate::domain::store::Observed;
use crate::world::breaker::circuit;
use crate::world::{LiveReads, World};

use super::Controller;

/// The Store controller.
pub struct Stores;

impl Controller for Stores {
    type Root = Store;
    type Observed = Observed;

    fn observe(world: &World, key: &Key, _: &LiveReads) -> Option<Observed> {
        let seen = world.stores.get(key)?;
        let spec = &seen.object.spec;
        let breaker = |_| circuit(world, &key.namespace, Some(key.name.to_string()));
        Some(Observed {
            meta: world.meta_of(&seen),
            intake: spec.intake,
            circuit: spec.notify.as_ref().map(breaker),
            status: seen.object.status.clone().unwrap_or_default(),
        })
    }
}
