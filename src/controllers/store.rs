//! Store: watches stores.

use crate::cluster::{Key, Pass, Source, World};
use crate::crd::Store;
use crate::domain::store::{Observed, Status, decide};
use crate::domain::{Kind, Meta, Plan, Policy, Time};

use super::{Controller, meta_of};

impl Source for Store {
    const KIND: Kind = Kind::Store;

    fn wakes(name: &str, _: Option<&Self>, _: Option<&Self>) -> Vec<(Kind, String)> {
        vec![(Kind::Store, name.to_owned())]
    }
}

/// The Store controller.
pub struct Stores;

impl Controller for Stores {
    type Root = Store;
    type Observed = Observed;
    type Status = Status;

    fn observe(world: &World, key: &Key, _: &Pass) -> Option<Observed> {
        let seen = world.stores.get(key)?;
        Some(Observed { meta: meta_of(world, &seen), status: seen.object.status.clone().unwrap_or_default() })
    }

    fn decide(observed: &Observed, now: Time, _: &Policy) -> Plan<Status> {
        decide(observed, now)
    }

    fn seen(observed: &Observed) -> Option<(&Meta, &Status)> {
        Some((&observed.meta, &observed.status))
    }
}
