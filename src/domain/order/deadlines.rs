//! When a step is late: each deadline counts from a time that is in a status, and is decided by the object whose step it
//! waits for. A missed `confirm` confirms, which the Delivery does by itself.

use super::super::delivery::types::Progress;
use super::super::store::types::Fulfilment;
use super::super::ticket::types as ticket;
use super::super::{Case, Plan, Span, Time};
use super::observed::{Observed, ObservedDelivery, ObservedTicket};
use super::types::{Status, Terms};

/// What decides whether the order can still turn back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Decisive {
    /// Nothing is paid yet.
    Payment,
    /// A step of the store.
    Ticket(ticket::Step),
    /// A step of the courier.
    Delivery(Progress),
    /// It is decided: a step that is never taken back, or a hold that is in place.
    Decided,
}

/// The deadline of the step that an order waits for now.
pub(super) struct Deadline {
    pub at: Time,
    /// The reason of the end that a missed one leads to.
    pub reason: &'static str,
    pub message: &'static str,
    pub decisive: Decisive,
}

/// The deadline that counts now, where there is one.
pub(super) fn current(seen: &Observed, terms: &Terms) -> Option<Deadline> {
    if seen.status.paid_at.is_none() {
        let since = seen.status.placed_at.filter(|_| !seen.is_sold());
        return due(since, terms.deadlines.pay, "PayDeadline", "It was not paid in time.", Decisive::Payment);
    }
    let delivery = seen.delivery.present();
    match (terms.fulfilment, seen.ticket.present()) {
        (Fulfilment::Warehouse, _) => courier(terms, delivery?, seen.status.paid_at),
        (Fulfilment::Kitchen, Some(ticket)) if !ticket.finished() => kitchen(seen, terms, ticket),
        (Fulfilment::Kitchen, ticket) => courier(terms, delivery?, ticket?.cooked_at),
    }
}

fn kitchen(seen: &Observed, terms: &Terms, ticket: &ObservedTicket) -> Option<Deadline> {
    let limits = &terms.deadlines;
    if ticket.accepted() {
        let decisive = Decisive::Ticket(ticket::Step::CookingFinished);
        return due(ticket.accepted_at, limits.cook, "CookDeadline", "It was not cooked in time.", decisive);
    }
    let decisive = Decisive::Ticket(ticket::Step::Decided);
    due(seen.status.paid_at, limits.accept, "AcceptDeadline", "The store had not decided in time.", decisive)
}

fn courier(terms: &Terms, delivery: &ObservedDelivery, ready_at: Option<Time>) -> Option<Deadline> {
    let limits = &terms.deadlines;
    match delivery.progress {
        None => {
            let decisive = Decisive::Delivery(Progress::PickedUp);
            due(ready_at, limits.pick_up, "PickUpDeadline", "No courier had picked it up in time.", decisive)
        }
        Some(Progress::PickedUp) => {
            let (since, decisive) = (delivery.picked_up_at, Decisive::Delivery(Progress::Delivered));
            due(since, limits.deliver, "DeliverDeadline", "It was not delivered in time.", decisive)
        }
        Some(Progress::Delivered) => None,
    }
}

fn due(
    since: Option<Time>,
    span: Option<Span>,
    reason: &'static str,
    message: &'static str,
    decisive: Decisive,
) -> Option<Deadline> {
    Some(Deadline { at: since?.after(span?.duration()), reason, message, decisive })
}

/// The same plan, and a look when the deadline that counts has come.
pub(super) fn watch(case: &Case<Observed>, terms: &Terms, plan: Plan<Status>) -> Plan<Status> {
    let waits = plan.status.is_none();
    let deadline = current(case.seen, terms).filter(|deadline| waits && deadline.at > case.now);
    plan.by(deadline.map(|deadline| deadline.at))
}
