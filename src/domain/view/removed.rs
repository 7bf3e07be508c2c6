//! The row of an order that was removed before its end: it follows what the order's children make of it.

use super::super::child::Fate;
use super::super::delivery::Progress;
use super::super::{Intent, Kind, Meta, Plan, Time, order};
use super::project::{delivery_state, payment_state, ticket_state};
use super::{DeliverySource, GATHER_UNDO, Moment, PaymentSource, Row, TicketSource};

/// The reason in the row of an order that was removed.
const REASON: &str = "OrderRemoved";

/// What stands of the children of an order that is gone.
#[derive(Clone, Debug)]
pub struct Left {
    pub payment: Option<PaymentSource>,
    pub ticket: Option<TicketSource>,
    pub delivery: Option<DeliverySource>,
}

impl Left {
    /// How it ended: what was brought is bought; else it is cancelled once everything is undone.
    fn end(&self) -> Option<order::State> {
        let delivery = self.delivery.as_ref();
        if delivery.is_some_and(|delivery| delivery.progress == Some(Progress::Delivered)) {
            return Some(order::State::Completed);
        }
        let unpaid = self.payment.as_ref().is_none_or(|payment| payment.status.is_final());
        let stopped = self
            .ticket
            .as_ref()
            .is_none_or(|ticket| ticket.status.cancelled_at.is_some() || ticket.status.rejected_at.is_some());
        let recalled = delivery.is_none_or(|delivery| delivery.status.cancelled_at.is_some());
        (unpaid && stopped && recalled).then_some(order::State::Cancelled)
    }
}

/// What to do about a row that shows no end, of an order that is not there.
pub(super) fn follow(meta: &Meta, row: &Row, left: &Left, fate: Fate, now: Time) -> Plan<()> {
    let gone = match fate {
        Fate::Gone(gone) => gone,
        Fate::Unproven => {
            return Plan::only(Intent::ReadAfresh { kind: Kind::Order, name: row.spec.order.name.clone() });
        }
        Fate::Open | Fate::Ended(_) => return Plan::rest(),
    };
    let due = gone.noticed.after(GATHER_UNDO);
    if left.payment.is_none() && now < due {
        // Its children may be seen a moment later.
        return Plan::wait_until(due);
    }
    let Some(end) = left.end() else { return Plan::rest() };
    let mut shown = row.clone();
    let status = &mut shown.status;
    status.order = end;
    status.payment = left.payment.as_ref().map(payment_state).or(status.payment);
    status.store = left.ticket.as_ref().map(ticket_state).or(status.store);
    status.delivery = left.delivery.as_ref().map(delivery_state).or(status.delivery);
    status.waiting_for = None;
    status.reason = Some(REASON.to_owned());
    status.message =
        Some("The Order was removed before its end; its children have undone what was not brought.".to_owned());
    status.timeline.push(Moment { what: "Removed".to_owned(), at: gone.noticed });
    status.timeline.push(Moment { what: format!("{end:?}"), at: now });
    Plan::only(Intent::UpdateView(meta.target(), shown))
}
