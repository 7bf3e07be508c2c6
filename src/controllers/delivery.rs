//! Delivery: watches deliveries, payments that came to their end, and the end of orders.

use crate::cluster::Key;
use crate::crd::Delivery;
use crate::domain::delivery::Observed;
use crate::world::{LiveReads, World};

use super::Controller;

/// The Delivery controller.
pub struct Deliveries;

impl Controller for Deliveries {
    type Root = Delivery;
    type Observed = Observed;

    fn observe(world: &World, key: &Key, live: &LiveReads) -> Option<Observed> {
        let seen = world.deliveries.get(key)?;
        let delivery = &*seen.object;
        let (spec, order) = (&delivery.spec, delivery.spec.order.clone());
        Some(Observed {
            meta: world.meta_of(&seen),
            owner: world.owner_state(key, &order, live),
            order,
            confirmation: spec.confirmation,
            deadlines: spec.deadlines,
            held: spec.hold.is_some(),
            courier: spec.courier.as_ref().map(|courier| courier.name.clone()),
            progress: spec.progress,
            received: spec.received == Some(true),
            status: delivery.status.clone().unwrap_or_default(),
            unpaid: world.unpaid(key, live),
            by_provider: world.payments.get(key).is_some_and(|payment| payment.object.spec.provider.is_some()),
        })
    }
}
