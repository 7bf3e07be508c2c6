//! Order: carries itself through stock, payment and delivery to completion, and undoes every step on cancel.
//!
//! ```text
//!  Pending ─→ Placed ─→ Paid ─→ Accepted ─→ Cooking ─→ Cooked ─→ Delivering ─→ Delivered ─→ Completed
//!     │          │       │ (a warehouse order goes from Placed to Delivering at once)
//!     │          │       └─ ticket, then delivery ─────────────────────┘
//!     │          └── no stock, declined, late, wish: once the Payment cannot be approved any more ──┐
//!     │              paid: rejected, late, wish: once the decisive child is held ───────────────────┤
//!     │                                                                                             ↓
//!     │                                            Cancelling ─→ Cancelled | Rejected | OutOfStock | PaymentFailed | Expired
//!     ├──→ Invalid (bad input; nothing was done)
//!     └──→ Cancelled (a wish), Rejected (the store takes no orders): nothing was done
//! ```
//!
//! How far an order is follows from the objects that exist: there is no step pointer. What other controllers act on are
//! the facts `placedAt`, `paidAt`, `releasingAt` and `endedAt`; `state` is for people, and a state that passes within a
//! second is not written.
//!
//! Invariants: `terminal_is_final`, `one_child_per_role`, `no_delivery_without_payment`, `never_delivered_and_refunded`,
//! `every_order_ends`. [`place`] is the way in, [`forward`] the way forward, [`undo`] the way back, [`direction`] which
//! way it goes; [`deadlines`] says when a step is late, [`notices`] who is told, and `messages` what a wait says.

pub mod deadlines;
pub mod direction;
pub mod forward;
mod messages;
pub mod notices;
pub mod observed;
pub mod place;
mod report;
mod terms;
pub(super) mod types;
pub mod undo;

pub use observed::{
    Agreed, Earlier, Observed, ObservedDelivery, ObservedNotice, ObservedPayment, ObservedPlatform, ObservedProduct,
    ObservedStore, ObservedTicket, ObservedWallet, Pay, Request,
};
pub use types::{Line, Outcome, State, Status, Terms};

use super::{Case, Intent, Plan, Time, child};

use direction::Direction;
use report::stalled;

/// What to do about an Order.
pub fn decide(case: &Case<Observed>) -> Plan<Status> {
    let mut plan = step(case);
    if let Some(status) = &mut plan.status {
        note_wish(case, status);
    }
    plan
}

fn step(case: &Case<Observed>) -> Plan<Status> {
    let seen = case.seen;
    if seen.meta.goes_with_namespace() {
        return child::lifecycle(&seen.meta).unwrap_or_default();
    }
    if let Some(ended) = seen.status.ended_at {
        return after_the_end(case, ended);
    }
    if let Some(plan) = child::lifecycle(&seen.meta) {
        return plan;
    }
    if let Some(message) = seen.unreadable.as_ref().filter(|_| seen.status.terms.is_some() || seen.wish().is_none()) {
        return unreadable(case, message);
    }
    let Some(terms) = &seen.status.terms else { return place::decide(case) };
    let plan = match direction::of(case, terms) {
        Direction::Back(why) => match direction::awaited_notice(case, terms, &why) {
            Some(notice) => undo::await_seller_notice(case, notice, forward::decide(case, terms)),
            None => undo::decide(case, terms, why),
        },
        Direction::Unclear => undo::clear_up(seen, terms),
        Direction::Forward => forward::decide(case, terms),
    };
    deadlines::watch(case, terms, notices::with(seen, terms, plan))
}

/// An ended order only answers late wishes with the reason why they are refused, and lets itself be deleted once its
/// row shows the end. It goes by itself once the platform's retention is over.
fn after_the_end(case: &Case<Observed>, ended: Time) -> Plan<Status> {
    let seen = case.seen;
    if seen.meta.deleting.is_some() {
        // What is still to be told outlives it, and holds nothing.
        let free = seen.meta.has_finalizer && seen.view_shows_end;
        return if free { Plan::only(Intent::DropFinalizer(seen.meta.target())) } else { Plan::rest() };
    }
    let due = seen.platform.retention.map(|retention| ended.after(retention));
    if due.is_some_and(|due| due <= case.now) {
        return Plan::only(Intent::DeleteSelf(seen.meta.target()));
    }
    // What was denied at the end, which did not wait for it, is made now.
    let owed = notices::owed(seen);
    if !owed.is_empty() {
        return Plan { next: due, ..Plan::all(owed) };
    }
    if seen.status.observed_generation == seen.meta.generation {
        return Plan { next: due, ..Plan::rest() };
    }
    let mut status = seen.status.clone();
    status.observed_generation = seen.meta.generation;
    for condition in &mut status.conditions {
        condition.observed_generation = seen.meta.generation;
    }
    if seen.request.cancel.is_none() || seen.status.state == Some(State::Cancelled) {
        return Plan::write(status);
    }
    let message = "The order had come to its end before the wish.";
    status.cancel_refused.get_or_insert_with(|| message.to_owned());
    Plan::write(status).with_fact("CancelRefused", message, true)
}

/// Something that the order needs cannot be read: a person is needed, and it goes on by itself after that.
fn unreadable(case: &Case<Observed>, message: &str) -> Plan<Status> {
    let mut wanted = stalled(case, case.seen.status.clone(), "Unreadable", message.to_owned());
    wanted.state.get_or_insert(State::Pending);
    let plan = case.write_after(case.seen.changed.after(case.policy.patience), wanted);
    if plan.status.is_some() { plan.with_fact("Unreadable", message, true) } else { plan }
}

/// Notes in a status that is written anyway when the wish was first seen, and when it was refused.
fn note_wish(case: &Case<Observed>, status: &mut Status) {
    let (meta, wished) = (&case.seen.meta, case.seen.wish().is_some());
    let since = if case.seen.request.cancel.is_some() { Some(meta.changed) } else { meta.deleting };
    let since = since.filter(|_| wished).map(|at| at.min(case.now));
    status.cancel_requested_at = status.cancel_requested_at.or(since);
    if status.cancel_refused.is_some() {
        status.cancel_refused_at = status.cancel_refused_at.or(Some(case.now));
    }
}

#[cfg(test)]
mod tests;
