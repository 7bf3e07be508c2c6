//! Tickets: what is kept of one, and whom a change of it concerns.

use super::mapping::{Mapping, ON_ITS_WAY};
use crate::cluster::Watched;
use crate::crd::Ticket;
use crate::domain::Kind;
use crate::domain::payment::Kitchen;
use crate::domain::ticket::{Cooking, Decision};

impl Watched for Ticket {
    const KIND: Kind = Kind::Ticket;
    type Index = ();

    fn part_of(&self) -> Option<&str> {
        Some(&self.spec.order.uid)
    }

    fn transform(&mut self) {
        self.spec.items.clear();
        self.spec.items.shrink_to_fit();
        self.status.iter_mut().for_each(|status| status.conditions.shrink_to_fit());
    }
}

impl Mapping for Ticket {
    fn hastens(_new: Option<&Self>) -> &'static [Kind] {
        ON_ITS_WAY
    }

    fn enqueues(name: &str, old: Option<&Self>, new: Option<&Self>) -> Vec<(Kind, String)> {
        let Some(ticket) = new.or(old) else { return Vec::new() };
        let order = ticket.spec.order.name.clone();
        let mut enqueued =
            vec![(Kind::Ticket, name.to_owned()), (Kind::Order, order.clone()), (Kind::OrderView, order)];
        // The Payment of an order that is gone waits until the store is stopped.
        let stopped = |ticket: Option<&Self>| ticket.map(|ticket| ticket.kitchen().stopped);
        if old.is_some() && stopped(old) != stopped(new) {
            enqueued.push((Kind::Payment, name.to_owned()));
        }
        enqueued
    }
}

impl Ticket {
    /// What the Payment of an order that is gone looks at.
    pub(crate) fn kitchen(&self) -> Kitchen {
        let spec = &self.spec;
        Kitchen {
            stopped: spec.hold.is_some() || spec.decision == Some(Decision::Reject),
            cooked: spec.cooking == Some(Cooking::Finished),
        }
    }
}
