//! Store: watches stores, and the notices that wait for their endpoint.

use kube::ResourceExt;

use crate::cluster::breaker::circuit;
use crate::cluster::cache::{Index, Rouse};
use crate::cluster::{Key, Pass, Source, World};
use crate::crd::Store;
use crate::domain::store::{Observed, Status, decide};
use crate::domain::{Condition, Kind, Meta, Plan, Policy, Time, platform};

use super::{Controller, meta_of, notification};

impl Source for Store {
    const KIND: Kind = Kind::Store;

    fn rouses(old: Option<&Self>, new: Option<&Self>) -> Vec<Rouse> {
        let generation = |store: Option<&Self>| store.and_then(|store| store.metadata.generation);
        let Some(name) = new.or(old).filter(|_| generation(old) != generation(new)).map(|s| s.name_any()) else {
            return Vec::new();
        };
        let mut roused = vec![Rouse::All(Kind::Order, Index::UnplacedAt(name.clone()))];
        roused.extend(notification::waiting(&Some(name)));
        roused
    }

    fn wakes(name: &str, old: Option<&Self>, new: Option<&Self>) -> Vec<(Kind, String)> {
        let generation = |store: Option<&Self>| store.and_then(|store| store.metadata.generation);
        let mut woken = vec![(Kind::Store, name.to_owned())];
        if generation(old) != generation(new) {
            woken.push((Kind::OrderPlatform, platform::NAME.to_owned()));
        }
        woken
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
        let spec = &seen.object.spec;
        let breaker = |_| circuit(world, &key.namespace, Some(key.name.to_string()));
        Some(Observed {
            meta: meta_of(world, &seen),
            intake: spec.intake,
            circuit: spec.notify.as_ref().map(breaker),
            status: seen.object.status.clone().unwrap_or_default(),
        })
    }

    fn decide(observed: &Observed, now: Time, _: &Policy) -> Plan<Status> {
        decide(observed, now)
    }

    fn seen(observed: &Observed) -> Option<(&Meta, &Status)> {
        Some((&observed.meta, &observed.status))
    }

    fn conditions(observed: &mut Observed) -> Option<&mut Vec<Condition>> {
        Some(&mut observed.status.conditions)
    }
}
