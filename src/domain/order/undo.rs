//! The way back: whatever was done is undone, and the end says why.
//!
//! | step | ready when | undone by |
//! |---|---|---|
//! | notice | a paid order is to be cancelled and the store asks for it | the seller's Notification, taken by its endpoint |
//! | hold | told | `hold` on the decisive child, then on the other; where one is missing it is created held |
//! | refund | both are held (not paid: at once) | `cancel: true` on the Payment, then its `cancelledAt` |
//! | recall | the Payment is cancelled or declined | the Ticket's and the Delivery's own end |
//! | release | all of these | status `releasingAt`, then `Released` in every ledger of stock |
//! | end | every ledger has answered | the end state, which acknowledges the answers |
//!
//! One object decides between going on and turning back: the Payment as long as it is not approved (a cancel that was
//! accepted at a version that was not approved is never followed by an approval), afterwards the child whose step the
//! cause depends on (the schema refuses a hold once that step is done, and the step once it is held). Nothing is created
//! behind the undo's back: the Payment exists before the order ends, and where it was approved its other children too.
//!
//! Why an order turns back follows from what is seen, and what was seen stays: a wish and a rejection are never taken
//! back, an answer of a ledger stands until it is acknowledged, a hold is never lifted and names its cause. So the reason
//! need not be written before the refund; `Cancelling` is written where the undo lasts longer than a second.

use super::super::delivery::{self, Cause, Progress};
use super::super::notification::{Audience, Topic};
use super::super::store::{CutOff, Fulfilment};
use super::super::{Intent, Kind, Lookup, ObjectRef, Plan, Policy, Time, plan, product, ticket};
use super::carry::{absent_products, delivery_draft, payment_draft, ticket_draft, wait};
use super::{Observed, Outcome, PaymentFacts, State, Status, Terms, deadlines, ended, moving, notices, stalled};

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

/// Why an order turns back, and what decides whether it can.
pub(super) struct Why {
    pub outcome: Outcome,
    pub cause: Cause,
    pub decisive: Decisive,
}

/// Which way an order goes.
pub(super) enum Turn {
    Back(Why),
    Forward,
    /// A child is being undone and nothing that is seen says why: order and children are read afresh.
    Unclear,
}

/// Which way the order goes, by what is seen.
pub(super) fn turn(seen: &Observed, terms: &Terms, now: Time) -> Turn {
    if let Some(outcome) = &seen.status.outcome {
        let cause = match outcome.state {
            State::Rejected => Cause::Seller,
            State::Expired => Cause::Deadline,
            _ => Cause::Customer,
        };
        return Turn::Back(Why { outcome: outcome.clone(), cause, decisive: Decisive::Decided });
    }
    let delivery = seen.delivery.present();
    if delivery.is_some_and(|delivery| delivery.delivered() && delivery.held.is_none()) {
        return Turn::Forward;
    }
    let late = || late(seen, terms, now);
    // A deadline waits for nobody's notice.
    let wish = wish(seen, terms).filter(|wish| untold(seen, terms, wish).is_none() || late().is_none());
    let why = rejection(seen).or(wish).or_else(|| failure(seen, terms)).or_else(late);
    match why.or_else(|| begun(seen)) {
        Some(why) => Turn::Back(why),
        None if is_being_undone(seen) => Turn::Unclear,
        None => Turn::Forward,
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
    match (is_sold(seen), terms.fulfilment, terms.until) {
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

/// Whether the payment is approved, or was.
fn is_sold(seen: &Observed) -> bool {
    seen.status.paid_at.is_some() || seen.payment.present().is_some_and(|payment| payment.approved)
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

/// Why an order that is not paid cannot be carried on.
fn failure(seen: &Observed, terms: &Terms) -> Option<Why> {
    if seen.status.paid_at.is_some() {
        return None;
    }
    let why = |outcome| Why { outcome, cause: Cause::Customer, decisive: Decisive::Payment };
    if let Some(reason) = seen.payment.present().and_then(|payment| payment.declined.as_ref()) {
        let message = format!("spec.payment: {} was declined.", amount(terms));
        return Some(why(Outcome::new(State::PaymentFailed, reason, message)));
    }
    let mut products = seen.products.iter().zip(&terms.items).enumerate();
    products.find_map(|(index, (product, line))| {
        let reason = match product {
            Lookup::Present(facts) if facts.answer == Some(product::Answer::Refused) => "InsufficientStock",
            Lookup::Gone => "ProductGone",
            Lookup::Present(_) | Lookup::Unproven => return None,
        };
        let message = format!("spec.items[{index}]: {} of Product {} are not in stock.", line.quantity, line.product);
        Some(why(Outcome::new(State::OutOfStock, reason, message)))
    })
}

/// A step is late.
fn late(seen: &Observed, terms: &Terms, now: Time) -> Option<Why> {
    let deadline = deadlines::current(seen, terms).filter(|deadline| deadline.at <= now)?;
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
        _ if !seen.family_afresh => return None,
        Some(Cause::Customer) => (State::Cancelled, "Held", "The delivery or the ticket was held."),
        Some(Cause::Seller) => (State::Rejected, "Held", "The delivery or the ticket was held for the seller."),
        None if barred && is_sold(seen) => (State::Cancelled, "PaymentCancelled", "The payment was cancelled."),
        None if barred => (State::Expired, "Deadline", "It was not paid in time."),
        None => return None,
    };
    let decisive = match (cause, is_sold(seen)) {
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

/// Reads the order, its children and its products, one of which is seen older than another.
pub(super) fn clear_up(seen: &Observed, terms: &Terms) -> Plan<Status> {
    if seen.family_afresh {
        return Plan::rest();
    }
    let order = Intent::ReadAfresh { kind: Kind::Order, name: seen.meta.name.clone() };
    let children = [Kind::Payment, Kind::Ticket, Kind::Delivery].map(|kind| read(kind, seen));
    let product = |line: &super::Line| Intent::ReadAfresh { kind: Kind::Product, name: line.product.clone() };
    Plan::all(std::iter::once(order).chain(children).chain(terms.items.iter().map(product)).collect())
}

fn holds(seen: &Observed) -> impl Iterator<Item = Cause> {
    let ticket = seen.ticket.present().and_then(|ticket| ticket.held);
    ticket.into_iter().chain(seen.delivery.present().and_then(|delivery| delivery.held))
}

/// Takes the next step back.
pub(super) fn decide(seen: &Observed, terms: &Terms, why: Why, now: Time, policy: &Policy) -> Plan<Status> {
    if seen.status.releasing_at.is_some() {
        return release(seen, terms, now, policy);
    }
    let payment = match &seen.payment {
        Lookup::Present(payment) => payment,
        Lookup::Unproven if seen.status.payment.is_some() => return Plan::only(read(Kind::Payment, seen)),
        Lookup::Gone if seen.status.payment.is_some() => return payment_missing(seen, terms, now, policy),
        Lookup::Unproven | Lookup::Gone if !seen.may_create(now, policy) => return seen.read_order(),
        Lookup::Unproven | Lookup::Gone => {
            return Plan::only(Intent::CreatePayment(payment_draft(seen, terms, true)));
        }
    };
    if is_sold(seen)
        && let Some(plan) = hold(seen, terms, &why, now, policy)
    {
        return plan;
    }
    if !payment.cancel && payment.declined.is_none() {
        return Plan::only(Intent::CancelPayment(payment.target.clone()));
    }
    refund(seen, terms, payment, why, now, policy)
}

/// Why a wish is held off: nothing is undone before the seller has been told, where the store asks for it.
pub(super) fn untold(seen: &Observed, terms: &Terms, why: &Why) -> Option<String> {
    let begun = why.decisive == Decisive::Decided || holds(seen).next().is_some();
    let wished = why.cause == Cause::Customer && seen.wish().is_some();
    if begun || !wished || !is_sold(seen) || !notices::is_required(terms) {
        return None;
    }
    let notice = notices::find(seen, Topic::CancelRequested, Audience::Seller);
    if notice.is_some_and(|notice| notice.sent) {
        return None;
    }
    let trouble = notice.and_then(|notice| notice.trouble.clone());
    Some(trouble.unwrap_or_else(|| "Nothing is undone before the seller has been told.".to_owned()))
}

/// The order stays as it is until the seller was told, and says so; meanwhile store and courier may go on.
pub(super) fn hold_off(
    seen: &Observed,
    message: String,
    forward: Plan<Status>,
    now: Time,
    policy: &Policy,
) -> Plan<Status> {
    let state = seen.status.state.unwrap_or_default();
    let moved = forward.status.as_ref().is_some_and(|status| status.state != Some(state));
    if moved || !forward.intents.is_empty() {
        return forward;
    }
    let wanted = moving(seen, seen.status.clone(), state, "WaitingForSellerNotice", message, now);
    plan::settle(&seen.status, wanted, seen.changed.after(policy.gather), now)
}

/// Holds the decisive child, then the other one; creates held what is missing.
fn hold(seen: &Observed, terms: &Terms, why: &Why, now: Time, policy: &Policy) -> Option<Plan<Status>> {
    let kitchen = terms.fulfilment == Fulfilment::Kitchen;
    let ticket = || if kitchen { hold_ticket(seen, terms, why, now, policy) } else { None };
    let delivery = || hold_delivery(seen, terms, why, now, policy);
    match why.decisive {
        Decisive::Delivery(_) => delivery().or_else(ticket),
        Decisive::Ticket(_) | Decisive::Payment | Decisive::Decided => ticket().or_else(delivery),
    }
}

fn hold_ticket(seen: &Observed, terms: &Terms, why: &Why, now: Time, policy: &Policy) -> Option<Plan<Status>> {
    let step = if let Decisive::Ticket(step) = why.decisive { Some(step) } else { None };
    let hold = ticket::Hold { cause: why.cause, step };
    match &seen.ticket {
        Lookup::Present(ticket) if ticket.held.is_some() || ticket.rejected() => None,
        Lookup::Present(ticket) => Some(Plan::only(Intent::HoldTicket(ticket.target.clone(), hold))),
        Lookup::Unproven if seen.status.paid_at.is_some() => Some(Plan::only(read(Kind::Ticket, seen))),
        // Recorded as handed over and gone: nobody can cook it any more.
        Lookup::Gone if seen.status.paid_at.is_some() => None,
        Lookup::Unproven | Lookup::Gone if !seen.may_create(now, policy) => Some(seen.read_order()),
        Lookup::Unproven | Lookup::Gone => {
            Some(Plan::only(Intent::CreateTicket(ticket_draft(seen, terms, Some(hold)))))
        }
    }
}

fn hold_delivery(seen: &Observed, terms: &Terms, why: &Why, now: Time, policy: &Policy) -> Option<Plan<Status>> {
    let step = if let Decisive::Delivery(step) = why.decisive { step } else { Progress::Delivered };
    let hold = delivery::Hold { cause: why.cause, step };
    let handed_over = seen.status.paid_at.is_some() && terms.fulfilment == Fulfilment::Warehouse;
    match &seen.delivery {
        Lookup::Present(delivery) if delivery.held.is_some() => None,
        Lookup::Present(delivery) => Some(Plan::only(Intent::HoldDelivery(delivery.target.clone(), hold))),
        Lookup::Unproven if seen.status.paid_at.is_some() => Some(Plan::only(read(Kind::Delivery, seen))),
        // Recorded as handed over and gone: nobody can deliver it any more.
        Lookup::Gone if handed_over => None,
        Lookup::Unproven | Lookup::Gone if !seen.may_create(now, policy) => Some(seen.read_order()),
        Lookup::Unproven | Lookup::Gone => {
            Some(Plan::only(Intent::CreateDelivery(delivery_draft(seen, terms, false, Some(hold)))))
        }
    }
}

fn payment_missing(seen: &Observed, terms: &Terms, now: Time, policy: &Policy) -> Plan<Status> {
    let message = format!("The Payment is gone: {} may have to be given back by hand.", amount(terms));
    stall(seen, "PaymentMissing", message, now, policy)
}

fn read(kind: Kind, seen: &Observed) -> Intent {
    Intent::ReadAfresh { kind, name: seen.child_name() }
}

/// Waits until money, ticket and delivery are undone, then says so: from here on the stock is given back.
fn refund(
    seen: &Observed,
    terms: &Terms,
    payment: &PaymentFacts,
    why: Why,
    now: Time,
    policy: &Policy,
) -> Plan<Status> {
    if !payment.cancelled && payment.declined.is_none() {
        if let Some(trouble) = &payment.stalled {
            let message = format!("Money at risk, {}: {trouble}", amount(terms));
            return stall(seen, "RefundStalled", message, now, policy);
        }
        let message = payment.trouble.clone().unwrap_or_else(|| "The payment is given back.".to_owned());
        return cancelling(seen, why, payment, "WaitingForRefund", message, now, policy);
    }
    if payment.approved && seen.delivery == Lookup::Unproven {
        return Plan::only(read(Kind::Delivery, seen));
    }
    let cooking = seen.ticket.present().is_some_and(|ticket| !ticket.over);
    if cooking || seen.delivery.present().is_some_and(|delivery| !delivery.cancelled) {
        let message = "Ticket and delivery are called back.".to_owned();
        return cancelling(seen, why, payment, "WaitingForRecall", message, now, policy);
    }
    let message = "The stock is given back.".to_owned();
    let (state, said) = (why.outcome.state, why.outcome.message.clone());
    let status = Status { releasing_at: Some(now), ..turned(seen, why, payment, now) };
    let plan = Plan::write(moving(seen, status, State::Cancelling, "WaitingForRelease", message, now));
    match state {
        State::OutOfStock => plan.with_fact("OutOfStock", said, true),
        State::PaymentFailed => plan.with_fact("PaymentFailed", said, true),
        State::Rejected => plan.with_fact("Rejected", said, true),
        State::Expired => plan.with_fact("Expired", said, true),
        _ => plan,
    }
}

/// The status of an order that has turned: why, and the Payment that it relies on. What was approved was paid, even if a
/// crash came before the order could say so.
fn turned(seen: &Observed, why: Why, payment: &PaymentFacts, now: Time) -> Status {
    Status {
        paid_at: seen.status.paid_at.or(payment.approved.then_some(now)),
        payment: Some(ObjectRef { name: payment.target.name.clone(), uid: payment.target.uid.clone() }),
        outcome: Some(why.outcome),
        ..seen.status.clone()
    }
}

/// Says that the order is being undone, where that lasts.
fn cancelling(
    seen: &Observed,
    why: Why,
    payment: &PaymentFacts,
    reason: &str,
    message: String,
    now: Time,
    policy: &Policy,
) -> Plan<Status> {
    if seen.status.state == Some(State::Cancelling) {
        return wait(seen, State::Cancelling, reason, message, now, policy);
    }
    let wanted = moving(seen, turned(seen, why, payment, now), State::Cancelling, reason, message, now);
    plan::settle(&seen.status, wanted, seen.changed.after(policy.gather), now)
}

/// Waits until every ledger of stock has answered, then ends.
fn release(seen: &Observed, terms: &Terms, now: Time, policy: &Policy) -> Plan<Status> {
    let reads = absent_products(seen, terms);
    if !reads.is_empty() {
        return Plan::all(reads);
    }
    let open = seen
        .products
        .iter()
        .any(|product| product.present().is_some_and(|facts| facts.answer != Some(product::Answer::Released)));
    if open {
        let message = "The stock is given back.".to_owned();
        return wait(seen, State::Cancelling, "WaitingForRelease", message, now, policy);
    }
    match &seen.status.outcome {
        Some(outcome) => {
            let (reason, message) = (outcome.reason.clone(), outcome.message.clone());
            Plan::write(ended(seen, seen.status.clone(), outcome.state, &reason, message, now))
        }
        None => Plan::rest(),
    }
}

fn stall(seen: &Observed, reason: &'static str, message: String, now: Time, policy: &Policy) -> Plan<Status> {
    let wanted = stalled(seen, seen.status.clone(), reason, message.clone(), now);
    let plan = plan::report(&seen.status, wanted, true, seen.changed, now, policy);
    if plan.status.is_some() { plan.with_fact("Stalled", message, true) } else { plan }
}

fn amount(terms: &Terms) -> String {
    let points = if terms.points > 0 { format!(" and {} points", terms.points) } else { String::new() };
    format!("{} {}{points}", terms.amount.amount, terms.amount.currency)
}
