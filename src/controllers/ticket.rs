//! Ticket: watches tickets, payments that came to their end, and the end of orders.

use crate::cluster::Key;
use crate::crd::Ticket;
use crate::domain::ticket::Observed;
use crate::world::{LiveReads, World};

use super::Controller;

/// The Ticket controller.
pub struct Tickets;

impl Controller for Tickets {
    type Root = Ticket;
    type Observed = Observed;

    fn observe(world: &World, key: &Key, live: &LiveReads) -> Option<Observed> {
        let seen = world.tickets.get(key)?;
        let ticket = &*seen.object;
        let (spec, order) = (&ticket.spec, ticket.spec.order.clone());
        Some(Observed {
            meta: world.meta_of(&seen),
            owner: world.owner_state(key, &order, live),
            order,
            store: spec.store.clone(),
            acceptance: spec.acceptance,
            held: spec.hold.is_some(),
            decision: spec.decision,
            rejection: spec.reject.clone(),
            cooking: spec.cooking,
            status: ticket.status.clone().unwrap_or_default(),
            unpaid: world.unpaid(key, live),
        })
    }
}
