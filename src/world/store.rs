//! Stores: a change of one concerns the orders that are not placed, the platform, and the notices for its endpoint.

use std::convert::Infallible;

use kube::ResourceExt;

use super::index::OrderIndex;
use super::mapping::{Found, Mapping};
use super::notification;
use crate::cluster::Watched;
use crate::crd::Store;
use crate::domain::{Kind, platform};

impl Watched for Store {
    const KIND: Kind = Kind::Store;
    type Index = Infallible;
}

impl Mapping for Store {
    fn enqueues_found(old: Option<&Self>, new: Option<&Self>) -> Vec<Found> {
        let generation = |store: Option<&Self>| store.and_then(|store| store.metadata.generation);
        let Some(name) = new.or(old).filter(|_| generation(old) != generation(new)).map(|s| s.name_any()) else {
            return Vec::new();
        };
        let mut found = vec![Found::Orders(OrderIndex::UnplacedAt(name.clone()))];
        found.extend(notification::waiting(&Some(name)));
        found
    }

    fn enqueues(name: &str, old: Option<&Self>, new: Option<&Self>) -> Vec<(Kind, String)> {
        let generation = |store: Option<&Self>| store.and_then(|store| store.metadata.generation);
        let mut enqueued = vec![(Kind::Store, name.to_owned())];
        if generation(old) != generation(new) {
            enqueued.push((Kind::OrderPlatform, platform::NAME.to_owned()));
        }
        enqueued
    }
}
