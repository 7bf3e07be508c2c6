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
//! `every_order_ends`. [`place`] is the way in, [`carry`] the way forward, [`undo`] the way back, [`turn`] which way it
//! goes; [`deadlines`] says when
//! a step is late and [`notices`] who is told.

pub mod carry;
pub mod deadlines;
pub mod facts;
pub mod notices;
pub mod place;
mod report;
mod terms;
pub mod turn;
pub(super) mod types;
pub mod undo;

pub use facts::{
    Agreed, DeliveryFacts, Earlier, NoticeFacts, Observed, Pay, PaymentFacts, PlatformFacts, ProductFacts, Request,
    StoreFacts, TicketFacts, WalletFacts,
};
pub use types::{Line, Outcome, State, Status, Terms};

use super::{Intent, Plan, Policy, Time, child};

use report::stalled;

/// What to do about an Order.
pub fn decide(seen: &Observed, now: Time, policy: &Policy) -> Plan<Status> {
    let mut plan = step(seen, now, policy);
    if let Some(status) = &mut plan.status {
        facts::note_wish(seen, status, now);
    }
    plan
}

fn step(seen: &Observed, now: Time, policy: &Policy) -> Plan<Status> {
    if seen.meta.let_go() {
        return child::gate(&seen.meta).unwrap_or_default();
    }
    if let Some(ended) = seen.status.ended_at {
        return after_the_end(seen, ended, now);
    }
    if let Some(plan) = child::gate(&seen.meta) {
        return plan;
    }
    if let Some(message) = seen.unreadable.as_ref().filter(|_| seen.status.terms.is_some() || seen.wish().is_none()) {
        return unreadable(seen, message, now, policy);
    }
    let Some(terms) = &seen.status.terms else { return place::decide(seen, now, policy) };
    let plan = match turn::turn(seen, terms, now) {
        turn::Turn::Back(why) => match turn::untold(seen, terms, &why, now) {
            Some(untold) => undo::hold_off(seen, untold, carry::decide(seen, terms, now, policy), now, policy),
            None => undo::decide(seen, terms, why, now, policy),
        },
        turn::Turn::Unclear => undo::clear_up(seen, terms),
        turn::Turn::Forward => carry::decide(seen, terms, now, policy),
    };
    deadlines::watch(seen, terms, now, notices::with(seen, terms, plan))
}

/// An ended order only answers late wishes with the reason why they are refused, and lets itself be deleted once its
/// row shows the end. It goes by itself once the platform's retention is over.
fn after_the_end(seen: &Observed, ended: Time, now: Time) -> Plan<Status> {
    if seen.meta.deleting.is_some() {
        // What is still to be told outlives it, and holds nothing.
        let free = seen.meta.guarded && seen.view_shows_end;
        return if free { Plan::only(Intent::DropFinalizer(seen.meta.target())) } else { Plan::rest() };
    }
    let due = seen.platform.retention.map(|retention| ended.after(retention));
    if due.is_some_and(|due| due <= now) {
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
fn unreadable(seen: &Observed, message: &str, now: Time, policy: &Policy) -> Plan<Status> {
    let mut wanted = stalled(seen, seen.status.clone(), "Unreadable", message.to_owned(), now);
    wanted.state.get_or_insert(State::Pending);
    let plan = super::plan::settle(&seen.status, wanted, seen.changed.after(policy.patience), now);
    if plan.status.is_some() { plan.with_fact("Unreadable", message, true) } else { plan }
}

#[cfg(test)]
mod tests;
