//! Receipt: watches receipts.

use crate::cluster::Key;
use crate::crd::Receipt;
use crate::domain::receipt::Observed;
use crate::world::{LiveReads, World};

use super::Controller;

/// The Receipt controller.
pub struct Receipts;

impl Controller for Receipts {
    type Root = Receipt;
    type Observed = Observed;

    fn observe(world: &World, key: &Key, _: &LiveReads) -> Option<Observed> {
        let seen = world.receipts.get(key)?;
        Some(Observed { meta: world.meta_of(&seen), status: seen.object.status.clone().unwrap_or_default() })
    }
}
