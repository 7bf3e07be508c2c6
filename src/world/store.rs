//! Stores: a change of one concerns the orders that are not placed, the platform, and the notices for its endpoint.

use kube::ResourceExt;

use super::mapping::{By, Found, Mapping, spec_changed};
use super::notification;
use super::order::OrderIndex;
use crate::cluster::Watched;
use crate::crd::Store;
use crate::domain::{Kind, platform};

impl Watched for Store {
    const KIND: Kind = Kind::Store;
    type Index = ();
}

impl Mapping for Store {
    fn enqueues_found(old: Option<&Self>, new: Option<&Self>) -> Vec<Found> {
        let Some(name) = new.or(old).filter(|_| spec_changed(old, new)).map(|store| store.name_any()) else {
            return Vec::new();
        };
        let orders = Found::All(By::Order(OrderIndex::UnplacedAt(name.clone())));
        std::iter::once(orders).chain(notification::waiting(&Some(name))).collect()
    }

    fn enqueues(name: &str, old: Option<&Self>, new: Option<&Self>) -> Vec<(Kind, String)> {
        let platform = spec_changed(old, new).then(|| (Kind::OrderPlatform, platform::NAME.to_owned()));
        std::iter::once((Kind::Store, name.to_owned())).chain(platform).collect()
    }
}
