//! Deliveries: what is kept of one, and whom a change of it concerns.

use super::mapping::{Mapping, ON_ITS_WAY};
use crate::cluster::Watched;
use crate::crd::Delivery;
use crate::domain::Kind;
use crate::domain::delivery::Progress;

impl Watched for Delivery {
    const KIND: Kind = Kind::Delivery;
    type Index = ();

    fn part_of(&self) -> Option<&str> {
        Some(&self.spec.order.uid)
    }

    fn transform(&mut self) {
        let address = &mut self.spec.deliver_to;
        (address.recipient, address.address, address.phone) = (String::new(), String::new(), None);
        // It stands in the spec beside the address, too.
        address.zone = String::new();
        self.status.iter_mut().for_each(|status| status.conditions.shrink_to_fit());
    }
}

impl Mapping for Delivery {
    fn hastens(_new: Option<&Self>) -> &'static [Kind] {
        ON_ITS_WAY
    }

    fn enqueues(name: &str, old: Option<&Self>, new: Option<&Self>) -> Vec<(Kind, String)> {
        let Some(delivery) = new.or(old) else { return Vec::new() };
        let order = delivery.spec.order.name.clone();
        let mut enqueued =
            vec![(Kind::Delivery, name.to_owned()), (Kind::Order, order.clone()), (Kind::OrderView, order)];
        // The Payment of an order that is gone waits until the Delivery is held or brought.
        let decided = |delivery: Option<&Self>| {
            delivery.map(|d| (d.spec.hold.is_some(), d.spec.progress == Some(Progress::Delivered)))
        };
        if old.is_some() && decided(old) != decided(new) {
            enqueued.push((Kind::Payment, name.to_owned()));
        }
        enqueued
    }
}
