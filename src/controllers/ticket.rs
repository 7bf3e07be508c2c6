//! Ticket: watches tickets, payments that came to their end, and the end of orders.

use crate::cluster::{Key, Pass, Source, World};
use crate::crd::Ticket;
use crate::domain::payment::Kitchen;
use crate::domain::ticket::{Cooking, Decision, Observed, Status, decide};
use crate::domain::{Condition, Kind, Meta, Plan, Policy, Time};

use super::{Controller, fate_of, meta_of, unpaid};

impl Source for Ticket {
    const KIND: Kind = Kind::Ticket;

    fn slim(&mut self) {
        self.spec.items.clear();
        self.spec.items.shrink_to_fit();
        self.status.iter_mut().for_each(|status| status.conditions.shrink_to_fit());
    }

    fn wakes(name: &str, old: Option<&Self>, new: Option<&Self>) -> Vec<(Kind, String)> {
        let Some(ticket) = new.or(old) else { return Vec::new() };
        let order = ticket.spec.order.name.clone();
        let mut woken = vec![(Kind::Ticket, name.to_owned()), (Kind::Order, order.clone()), (Kind::OrderView, order)];
        // The Payment of an order that is gone waits until the store is stopped.
        let stopped = |ticket: Option<&Self>| ticket.map(|ticket| ticket.kitchen().stopped);
        if old.is_some() && stopped(old) != stopped(new) {
            woken.push((Kind::Payment, name.to_owned()));
        }
        woken
    }
}

impl Ticket {
    /// What the Payment of an order that is gone looks at.
    pub(super) fn kitchen(&self) -> Kitchen {
        let spec = &self.spec;
        Kitchen {
            stopped: spec.hold.is_some() || spec.decision == Some(Decision::Reject),
            cooked: spec.cooking == Some(Cooking::Finished),
        }
    }
}

/// The Ticket controller.
pub struct Tickets;

impl Controller for Tickets {
    type Root = Ticket;
    type Observed = Observed;
    type Status = Status;

    fn observe(world: &World, key: &Key, pass: &Pass) -> Option<Observed> {
        let seen = world.tickets.get(key)?;
        let ticket = &*seen.object;
        let (spec, order) = (&ticket.spec, ticket.spec.order.clone());
        Some(Observed {
            meta: meta_of(world, &seen),
            fate: fate_of(world, key, &order, pass),
            order,
            acceptance: spec.acceptance,
            held: spec.hold.is_some(),
            decision: spec.decision,
            rejection: spec.reject.clone(),
            cooking: spec.cooking,
            status: ticket.status.clone().unwrap_or_default(),
            unpaid: unpaid(world, key, pass),
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
