//! OrderPlatforms: a change of one concerns everything in its namespace, and a turn that is given concerns its order.

use super::mapping::{Found, Mapping, answered, spec_changed};
use crate::cluster::Watched;
use crate::crd::OrderPlatform;
use crate::domain::Kind;
use crate::domain::platform::Turn;

impl Watched for OrderPlatform {
    const KIND: Kind = Kind::OrderPlatform;
    type Index = ();
}

impl Mapping for OrderPlatform {
    fn enqueues_found(old: Option<&Self>, new: Option<&Self>) -> Vec<Found> {
        if !spec_changed(old, new) {
            return Vec::new();
        }
        // Providers, endpoints and retention concern them all, and change rarely.
        [Kind::Order, Kind::OrderView, Kind::Payment, Kind::Notification].map(Found::Every).into()
    }

    fn enqueues(name: &str, old: Option<&Self>, new: Option<&Self>) -> Vec<(Kind, String)> {
        let given = answered(turns(old), turns(new)).into_iter().map(|turn| (Kind::Order, turn.name.clone()));
        std::iter::once((Kind::OrderPlatform, name.to_owned())).chain(given).collect()
    }
}

fn turns(platform: Option<&OrderPlatform>) -> &[Turn] {
    platform.and_then(|platform| platform.status.as_ref()).map_or(&[], |status| &status.turns)
}
