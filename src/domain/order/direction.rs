//! Which way an order goes: forward, or back, and why.
//!
//! One object decides between going on and turning back: the Payment as long as it is not approved (a cancel that was
//! accepted at a version that was not approved is never followed by an approval), afterwards the child whose step the
//! cause depends on (the schema refuses a hold once that step is done, and the step once it is held).
//!
//! Why an order turns back follows from what is seen, and what was seen stays: a wish and a rejection are never taken
//! back, an answer of a ledger stands until it is acknowledged, a hold is never lifted and names its cause. So the reason
//! need not be written before the refund.

use super::super::delivery::types::{Cause, Progress};
use super::super::notification::types::{Audience, Topic};
use super::super::store::types::{CutOff, Fulfilment};
use super::super::{Case, Lookup};
use super::super::{product::types as product, ticket::types as ticket};
use super::deadlines::Decisive;
use super::observed::Observed;
use super::types::{Outcome, State, Terms};
use super::{deadlines, messages, notices};

/// Why an order turns back, and what decides whether it can.
pub(super) struct Why {
    pub outcome: Outcome,
    pub cause: Cause,
    pub decisive: Decisive,
}

/// Which way an order goes.
pub(super) enum Direction {
    Back(Why),
    Forward,
    /// A child is being undone and nothing that is seen says why: order and children are read afresh.
    Unclear,
}

/// Which way the order goes, by what is seen.
pub(super) fn of(case: &Case<Observed>, terms: &Terms) -> Direction {
    let seen = case.seen;
    if let Some(outcome) = &seen.status.outcome {
        let cause = match outcome.state {
            State::Rejected => Cause::Seller,
            State::Expired => Cause::Deadline,
            _ => Cause::Customer,
        };
        return Direction::Back(Why { outcome: outcome.clone(), cause, decisive: Decisive::Decided });
    }
    let delivery = seen.delivery.present();
    if delivery.is_some_and(|delivery| delivery.delivered() && delivery.held.is_none()) {
        return Direction::Forward;
    }
    let late = || late(case, terms);
    // A deadline waits for nobody's notice, and what was held for one has not ended because of a wish.
    let held_for_one = holds(seen).any(|cause| cause == Cause::Deadline);
    let wish = wish(seen, terms)
        .filter(|wish| !held_for_one && (awaited_notice(case, terms, wish).is_none() || late().is_none()));
    let why = rejection(seen).or(wish).or_else(|| failure(seen, terms)).or_else(late);
    match why.or_else(|| begun(seen)) {
        Some(why) => Direction::Back(why),
        None if is_being_undone(seen) => Direction::Unclear,
        None => Direction::Forward,
    }
}

/// The store has refused it.
fn rejection(seen: &Observed) -> Option<Why> {
    let ticket = seen.ticket.present().filter(|ticket| ticket.rejected())?;
    let (reason, message) = match &ticket.rejection {
        Some(why) => (why.reason.as_str(), why.message.as_deref().unwrap_or("Rejected by the store.")),
        None => ("Rejected", "Rejected by the store."),
    };
    let outcome = Outcome::new(State::Rejected, reason, message);
    Some(Why { outcome, cause: Cause::Seller, decisive: Decisive::Decided })
}

/// The customer's wish, where it can still be honoured.
fn wish(seen: &Observed, terms: &Terms) -> Option<Why> {
    let outcome = seen.wish().filter(|_| seen.status.cancel_refused.is_none())?;
    let decisive = wish_decides(seen, terms);
    let held = holds(seen).any(|cause| cause == Cause::Customer);
    (held || !is_done(seen, decisive)).then_some(Why { outcome, cause: Cause::Customer, decisive })
}

/// What a customer's wish depends on: the store's cut-off.
fn wish_decides(seen: &Observed, terms: &Terms) -> Decisive {
    match (seen.is_sold(), terms.fulfilment, terms.until) {
        (false, _, _) => Decisive::Payment,
        (true, Fulfilment::Kitchen, CutOff::CookingStarts) => Decisive::Ticket(ticket::Step::CookingStarted),
        (true, _, _) => Decisive::Delivery(Progress::Delivered),
    }
}

/// Why the wish is refused, where it came too late and the order does not say so yet.
pub(super) fn too_late(seen: &Observed, terms: &Terms) -> Option<&'static str> {
    let open = seen.wish().is_some() && seen.status.cancel_refused.is_none();
    match wish_decides(seen, terms) {
        decisive if !open || !is_done(seen, decisive) => None,
        Decisive::Ticket(_) => Some("Cooking had started before the wish to cancel could be honoured."),
        _ => Some("Delivered before the wish to cancel could be honoured."),
    }
}

/// Whether the step is done that decides. Delivered decides against everything.
fn is_done(seen: &Observed, decisive: Decisive) -> bool {
    let delivery = seen.delivery.present();
    let delivered = delivery.is_some_and(|delivery| delivery.delivered());
    match decisive {
        Decisive::Payment | Decisive::Decided => delivered,
        Decisive::Ticket(step) => seen.ticket.present().is_some_and(|ticket| ticket.has_done(step)) || delivered,
        Decisive::Delivery(step) => delivery.is_some_and(|delivery| delivery.progress >= Some(step)),
    }
}

/// Why an order cannot be carried on that is not paid.
fn failure(seen: &Observed, terms: &Terms) -> Option<Why> {
    if seen.status.paid_at.is_some() {
        return None;
    }
    let why = |outcome| Why { outcome, cause: Cause::Customer, decisive: Decisive::Payment };
    let payment = seen.payment.present();
    if let Some((payment, reason)) = payment.and_then(|payment| Some((payment, payment.declined.as_ref()?))) {
        let said = payment.declined_why.as_deref().filter(|said| !said.is_empty()).unwrap_or("Declined.");
        let message = format!("spec.payment: {} cannot be paid. {said}", terms.amount.and_points(terms.points));
        return Some(why(Outcome::new(State::PaymentFailed, reason, message)));
    }
    let mut products = seen.products.iter().zip(&terms.items).enumerate().filter(|_| !seen.is_sold());
    products.find_map(|(index, (product, line))| {
        let reason = match product {
            Lookup::Present(found) if found.answer == Some(product::Answer::Refused) => "InsufficientStock",
            Lookup::Gone => "ProductGone",
            Lookup::Present(_) | Lookup::Unproven => return None,
        };
        let message = format!("spec.items[{index}]: {} of Product {} are not in stock.", line.quantity, line.product);
        Some(why(Outcome::new(State::OutOfStock, reason, message)))
    })
}

/// A step is late.
fn late(case: &Case<Observed>, terms: &Terms) -> Option<Why> {
    let deadline = deadlines::current(case.seen, terms).filter(|deadline| deadline.at <= case.now)?;
    let outcome = Outcome::new(State::Expired, deadline.reason, deadline.message);
    Some(Why { outcome, cause: Cause::Deadline, decisive: deadline.decisive })
}

/// An undo whose beginning was seen without its cause: a clock that is ahead of ours called a step late, or somebody has
/// set a child's `hold` or `cancel` by hand. The latter is believed only once everything was read afresh.
fn begun(seen: &Observed) -> Option<Why> {
    let cause = holds(seen).find(|cause| *cause == Cause::Deadline).or_else(|| holds(seen).next());
    let barred = seen.payment.present().is_some_and(|payment| payment.cancel);
    let (state, reason, message) = match cause {
        Some(Cause::Deadline) => (State::Expired, "Deadline", "A step was not done in time."),
        _ if !seen.dependents_afresh => return None,
        Some(Cause::Customer | Cause::OrderGone) => (State::Cancelled, "Held", "The delivery or the ticket was held."),
        Some(Cause::Seller) => (State::Rejected, "Held", "The delivery or the ticket was held for the seller."),
        None if barred && seen.is_sold() => (State::Cancelled, "PaymentCancelled", "The payment was cancelled."),
        None if barred => (State::Expired, "Deadline", "It was not paid in time."),
        None => return None,
    };
    let decisive = match (cause, seen.is_sold()) {
        (None, true) => Decisive::Delivery(Progress::Delivered),
        _ => Decisive::Decided,
    };
    let outcome = Outcome::new(state, reason, message);
    Some(Why { outcome, cause: cause.unwrap_or(Cause::Customer), decisive })
}

/// Something shows that the order is being undone.
fn is_being_undone(seen: &Observed) -> bool {
    seen.payment.present().is_some_and(|payment| payment.cancel) || holds(seen).next().is_some()
}

fn holds(seen: &Observed) -> impl Iterator<Item = Cause> {
    let ticket = seen.ticket.present().and_then(|ticket| ticket.held);
    ticket.into_iter().chain(seen.delivery.present().and_then(|delivery| delivery.held))
}

/// What is waited for before a wish is honoured: that the seller has been told.
pub(super) enum AwaitedNotice {
    /// The seller's endpoint has not taken the notice yet.
    Waits(String),
    /// It cannot, or has not for long: somebody has to do something.
    Stalled(String),
}

/// The seller's endpoint fails for so long that somebody has to see to it; attempts go on.
const HOPELESS: std::time::Duration = std::time::Duration::from_secs(3_600);

/// What a wish waits for: nothing is undone before the seller has been told, where the store asks for it.
pub(super) fn awaited_notice(case: &Case<Observed>, terms: &Terms, why: &Why) -> Option<AwaitedNotice> {
    let seen = case.seen;
    let begun = why.decisive == Decisive::Decided || holds(seen).next().is_some();
    let wished = why.cause == Cause::Customer && seen.wish().is_some();
    if begun || !wished || !seen.is_sold() || !notices::is_required(terms) {
        return None;
    }
    let waits = || messages::seller_notice(seen);
    let Some(notice) = notices::find(seen, Topic::CancelRequested, Audience::Seller) else {
        return Some(AwaitedNotice::Waits(waits()));
    };
    if notice.sent {
        return None;
    }
    if let Some(cure) = &notice.stalled {
        return Some(AwaitedNotice::Stalled(format!("The seller must be told before anything is undone. {cure}")));
    }
    let trouble = notice.trouble.clone().unwrap_or_else(waits);
    if case.now.since(notice.created) < HOPELESS {
        return Some(AwaitedNotice::Waits(trouble));
    }
    let store = &seen.request.store;
    Some(AwaitedNotice::Stalled(format!(
        "{trouble} See to the seller's endpoint, or set another notify.url in Store {store}."
    )))
}
