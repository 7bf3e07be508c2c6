//! How the children of an order go away.
//!
//! A child works on under its own finalizer, whatever deletes it, until its order has ended, and stays for
//! [`Policy::linger`](super::Policy::linger) after that: a creation that was decided before the end and is still on its way then meets
//! AlreadyExists. A child whose order is gone removes itself. Where the order was removed *before* its end, by whatever
//! way, its children first undo what it did: the Delivery and the Ticket hold themselves, the Payment gives the money
//! back and asks for the stock.

pub use super::meta::{Gone, OwnerState};

use super::case::{Case, Observed};
use super::{Intent, Kind, Lookup, Meta, OrderRef, Plan, ids};

/// Where nothing that is seen tells whether an order that is gone had ended, its row is read afresh before anything is done:
/// one that shows no end may be an old version of the row, and one that is not seen may be there.
pub fn ask_row<S>(order: &OrderRef, owner: OwnerState) -> Option<Plan<S>> {
    let unasked = matches!(owner, OwnerState::Gone(gone) if gone.ended.is_none() && !gone.row_read);
    unasked.then(|| Plan::read(Kind::OrderView, &order.name))
}

/// What a held Ticket or Delivery of this order waits for, in a sentence.
pub fn refund_first(order: &OrderRef) -> String {
    let payment = ids::child_name(&order.name, &order.uid);
    format!("Order {} is being undone: Payment {payment} is given back first.", order.name)
}

/// What to do with a child that has no work left.
pub fn retire<O: Observed>(case: &Case<'_, O>, order: &OrderRef, owner: OwnerState) -> Plan<O::Status> {
    let meta = case.seen.meta();
    let (since, gone) = match owner {
        OwnerState::Open => return Plan::rest(),
        OwnerState::Unproven => return Plan::read(Kind::Order, &order.name),
        OwnerState::Ended(at) => (at, false),
        OwnerState::Gone(gone) => (gone.noticed, true),
    };
    if meta.deleting.is_none() && !gone {
        return Plan::rest();
    }
    let due = since.after(case.policy.linger);
    if case.now < due {
        return Plan::wait_until(due);
    }
    match meta.deleting {
        None => Plan::only(Intent::DeleteSelf(meta.target())),
        Some(_) if meta.has_finalizer => Plan::only(Intent::DropFinalizer(meta.target())),
        Some(_) => Plan::rest(),
    }
}

/// What the lifecycle of an object asks for, whatever its kind: nothing more to decide where this gives a plan.
pub fn lifecycle<S>(meta: &Meta) -> Option<Plan<S>> {
    if meta.goes_with_namespace() {
        return Some(if meta.has_finalizer { Plan::only(Intent::DropFinalizer(meta.target())) } else { Plan::rest() });
    }
    ensure_finalizer(meta)
}

/// The same for a child that is still needed where its namespace is being deleted.
pub fn ensure_finalizer<S>(meta: &Meta) -> Option<Plan<S>> {
    match (meta.has_finalizer, meta.deleting) {
        (true, _) => None,
        (false, None) => Some(Plan::only(Intent::AddFinalizer(meta.target()))),
        (false, Some(_)) => Some(Plan::rest()),
    }
}

/// The intent that proves or disproves the absence of an object, where its absence is not proven yet.
pub fn prove<T>(lookup: &Lookup<T>, kind: Kind, name: &str) -> Option<Intent> {
    match lookup {
        Lookup::Unproven => Some(Intent::read(kind, name)),
        Lookup::Present(_) | Lookup::Gone => None,
    }
}
