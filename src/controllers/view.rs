//! OrderView: watches orders, payments, deliveries and its own rows. A row has the name of its order.

use crate::cluster::{Key, Pass, Source, World};
use crate::crd::OrderView;
use crate::domain::view::{DeliverySource, Observed, OrderSource, PaymentSource, decide};
use crate::domain::{Kind, Meta, OrderRef, Plan, Policy, Target, Time, ids};

use super::{Controller, meta_of};

impl Source for OrderView {
    const KIND: Kind = Kind::OrderView;

    fn slim(&mut self) {
        self.status.iter_mut().for_each(|status| status.timeline.shrink_to_fit());
    }

    fn wakes(name: &str, _: Option<&Self>, new: Option<&Self>) -> Vec<(Kind, String)> {
        let ended = |view: Option<&Self>| view.and_then(|v| v.status.as_ref()).is_some_and(|s| s.order.is_end());
        let mut woken = vec![(Kind::OrderView, name.to_owned())];
        if ended(new) {
            woken.push((Kind::Order, name.to_owned()));
        }
        woken
    }
}

/// The OrderView controller.
pub struct OrderViews;

impl Controller for OrderViews {
    type Root = OrderView;
    type Observed = Observed;
    type Status = ();

    fn observe(world: &World, key: &Key, _: &Pass) -> Option<Observed> {
        let seen = world.orders.get(key)?;
        let order = &*seen.object;
        let meta = meta_of(world, &seen);
        let child = key.sibling(&ids::child_name(&meta.name, &meta.uid));
        let (paid, shipped) = (world.payments.get(&child), world.deliveries.get(&child));
        let changed = [Some(seen.at), paid.as_ref().map(|p| p.at), shipped.as_ref().map(|d| d.at)];
        let payment = paid.map(|seen| PaymentSource {
            cancel: seen.object.spec.cancel,
            status: seen.object.status.clone().unwrap_or_default(),
        });
        let delivery = shipped.map(|seen| DeliverySource {
            progress: seen.object.spec.progress,
            courier: seen.object.spec.courier.as_ref().map(|courier| courier.name.clone()),
            status: seen.object.status.clone().unwrap_or_default(),
        });
        let row = world.views.get(key).map(|seen| {
            let meta = &seen.object.metadata;
            let target =
                Target { name: key.name.to_string(), uid: meta.uid.clone().unwrap_or_default(), version: seen.version };
            (target, seen.object.to_row(), meta.deletion_timestamp.is_some())
        });
        let order = OrderSource {
            order: OrderRef { name: meta.name.clone(), uid: meta.uid.clone() },
            created: meta.created,
            customer: order.spec.customer.clone(),
            store: order.spec.store.clone(),
            cancel_requested: order.spec.cancel.is_some(),
            status: order.status.clone().unwrap_or_default(),
        };
        Some(Observed {
            order: Some(order),
            payment,
            delivery,
            row,
            changed: changed.into_iter().flatten().max().unwrap_or(seen.at),
            namespace_terminating: meta.namespace_terminating,
        })
    }

    fn decide(observed: &Observed, now: Time, _: &Policy) -> Plan<()> {
        decide(observed, now)
    }

    fn seen(_: &Observed) -> Option<(&Meta, &())> {
        None
    }
}
