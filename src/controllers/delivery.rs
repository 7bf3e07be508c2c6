//! Delivery: watches deliveries, payments that came to their end, and the end of orders.

use crate::cluster::{Key, Pass, Source, World};
use crate::crd::Delivery;
use crate::domain::delivery::{Observed, Progress, Status, decide};
use crate::domain::{Condition, Kind, Meta, Plan, Policy, Time};

use super::{Controller, fate_of, meta_of, unpaid};

impl Source for Delivery {
    const KIND: Kind = Kind::Delivery;

    fn slim(&mut self) {
        let address = &mut self.spec.deliver_to;
        (address.recipient, address.address, address.phone) = (String::new(), String::new(), None);
        // It stands in the spec beside the address, too.
        address.zone = String::new();
        self.status.iter_mut().for_each(|status| status.conditions.shrink_to_fit());
    }

    fn wakes(name: &str, old: Option<&Self>, new: Option<&Self>) -> Vec<(Kind, String)> {
        let Some(delivery) = new.or(old) else { return Vec::new() };
        let order = delivery.spec.order.name.clone();
        let mut woken = vec![(Kind::Delivery, name.to_owned()), (Kind::Order, order.clone()), (Kind::OrderView, order)];
        // The Payment of an order that is gone waits until the Delivery is held or brought.
        let settled = |delivery: Option<&Self>| {
            delivery.map(|d| (d.spec.hold.is_some(), d.spec.progress == Some(Progress::Delivered)))
        };
        if old.is_some() && settled(old) != settled(new) {
            woken.push((Kind::Payment, name.to_owned()));
        }
        woken
    }
}

/// The Delivery controller.
pub struct Deliveries;

impl Controller for Deliveries {
    type Root = Delivery;
    type Observed = Observed;
    type Status = Status;

    fn observe(world: &World, key: &Key, pass: &Pass) -> Option<Observed> {
        let seen = world.deliveries.get(key)?;
        let delivery = &*seen.object;
        let (spec, order) = (&delivery.spec, delivery.spec.order.clone());
        Some(Observed {
            meta: meta_of(world, &seen),
            fate: fate_of(world, key, &order, pass),
            order,
            confirmation: spec.confirmation,
            deadlines: spec.deadlines,
            held: spec.hold.is_some(),
            progress: spec.progress,
            received: spec.received == Some(true),
            status: delivery.status.clone().unwrap_or_default(),
            unpaid: unpaid(world, key, pass),
            by_provider: world.payments.get(key).is_some_and(|payment| payment.object.spec.provider.is_some()),
        })
    }

    fn decide(observed: &Observed, now: Time, policy: &Policy) -> Plan<Status> {
        decide(observed, now, policy)
    }

    fn seen(observed: &Observed) -> Option<(&Meta, &Status)> {
        Some((&observed.meta, &observed.status))
    }

    fn conditions(observed: &mut Observed) -> Option<&mut Vec<Condition>> {
        Some(&mut observed.status.conditions)
    }
}
