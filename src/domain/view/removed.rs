//! The row of an order that was removed before its end: it follows what the order's children make of it.
//!
//! While an order exists its row is put right, whatever somebody writes into it. Once it is gone there is nothing to put it
//! right from: the row stays as it is, but for an end that its children still come to.

use std::time::Duration;

use super::super::delivery::types::Progress;
use super::super::order::types as order;
use super::super::{Intent, Kind, Lookup, Meta, OwnerState, Plan, Time, child, ids};
use super::project::{delivery_state, payment_state, ticket_state};
use super::types::{Left, MOMENT, Moment, PaymentSource, Row};

/// A change of an order that is being undone waits this long for others to be written with it: that is many changes in a
/// row, of which the last is shown at once.
pub(super) const DEBOUNCE_UNDO: Duration = Duration::from_secs(5);

/// The reason in the row of an order that was removed.
const REASON: &str = "OrderRemoved";

impl Left {
    /// Whether a row without an end can be that of an order that was removed before it came to one: a child is left to tell,
    /// or nothing in the row tells of an end. Where neither is so somebody has set the row back, and it is left alone.
    pub(super) fn may_follow(&self, row: &Row) -> bool {
        let child =
            self.payment.present().is_some() || self.ticket.present().is_some() || self.delivery.present().is_some();
        child || !row.tells_of_an_end()
    }

    /// How it ended: what was brought is bought; else it is cancelled once everything is undone.
    fn end(&self) -> Option<order::State> {
        let delivery = self.delivery.present();
        if delivery.is_some_and(|delivery| delivery.progress == Some(Progress::Delivered)) {
            return Some(order::State::Completed);
        }
        let unpaid = self.payment.present().is_none_or(|payment| payment.status.is_final());
        let stopped = self
            .ticket
            .present()
            .is_none_or(|ticket| ticket.status.cancelled_at.is_some() || ticket.status.rejected_at.is_some());
        let recalled = delivery.is_none_or(|delivery| delivery.status.cancelled_at.is_some());
        (unpaid && stopped && recalled).then_some(order::State::Cancelled)
    }

    /// Live reads of the children that are not seen.
    fn unproven(&self, child: &str) -> Vec<Intent> {
        let reads = [
            child::prove(&self.payment, Kind::Payment, child),
            child::prove(&self.ticket, Kind::Ticket, child),
            child::prove(&self.delivery, Kind::Delivery, child),
        ];
        reads.into_iter().flatten().collect()
    }
}

/// What is to be read before a row may go because its order's Payment went before; nothing to read, and the row stays,
/// where that is there.
pub(super) fn paid(payment: &Lookup<PaymentSource>, row: &Row) -> Option<Vec<Intent>> {
    match payment {
        Lookup::Present(_) => Some(Vec::new()),
        Lookup::Unproven => Some(child::prove(payment, Kind::Payment, &child_of(row)).into_iter().collect()),
        Lookup::Gone => None,
    }
}

fn child_of(row: &Row) -> String {
    ids::child_name(&row.spec.order.name, &row.spec.order.uid)
}

/// What to do about a row that shows no end, of an order that is not there.
pub(super) fn follow(meta: &Meta, row: &Row, left: &Left, owner: OwnerState, now: Time) -> Plan<()> {
    let gone = match owner {
        OwnerState::Gone(gone) => gone,
        OwnerState::Unproven => {
            return Plan::read(Kind::Order, &row.spec.order.name);
        }
        OwnerState::Open | OwnerState::Ended(_) => return Plan::rest(),
    };
    let due = gone.noticed.after(DEBOUNCE_UNDO);
    if left.payment.present().is_none() && now < due {
        // Its children may be seen a moment later.
        return Plan::wait_until(due);
    }
    let Some(end) = left.end() else { return Plan::rest() };
    let unproven = left.unproven(&child_of(row));
    if !unproven.is_empty() {
        return Plan::all(unproven);
    }
    let mut shown = row.clone();
    let status = &mut shown.status;
    status.order = end;
    status.payment = left.payment.present().map(payment_state).or(status.payment);
    status.store = left.ticket.present().map(ticket_state).or(status.store);
    status.delivery = left.delivery.present().map(delivery_state).or(status.delivery);
    status.waiting_for = None;
    // The same may be ordered again.
    status.deleted = true;
    status.reason = Some(REASON.to_owned());
    status.message =
        Some("The Order was removed before its end; its children have undone what was not brought.".to_owned());
    status.timeline.push(Moment { what: MOMENT.to_owned(), at: gone.noticed });
    status.timeline.push(Moment { what: format!("{end:?}"), at: now });
    Plan::only(Intent::UpdateView(meta.target(), shown))
}
