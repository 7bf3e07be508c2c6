//! The way forward: stock, payment, the store's kitchen, the courier, the customer's word.
//!
//! The Payment is created once every product is held; a warehouse's Delivery, or a kitchen's Ticket, once the Payment is
//! approved; a kitchen's Delivery once the store has accepted, and it is ready once cooked. Steps that only people read
//! (`Accepted`, `Cooking`, …) are written half a second after the last of them.

use std::time::Duration;

use super::super::delivery::types::Progress;
use super::super::store::types::Fulfilment;
use super::super::{Case, Intent, Kind, Lookup, ObjectRef, Plan, Time, child, conditions};
use super::super::{
    delivery::types as delivery, payment::types as payment, product::types as product, ticket::types as ticket,
};
use super::observed::{Observed, ObservedDelivery, ObservedPayment, ObservedProduct, ObservedTicket, Pay};
use super::report::{ended, may_create, moving, stalled};
use super::types::{State, Status, Terms};
use super::{direction, messages};

/// An order that goes on and on says this long after its payment was approved that it is paid.
const UNSAID: Duration = Duration::from_secs(10);

pub(super) fn decide(case: &Case<Observed>, terms: &Terms) -> Plan<Status> {
    let plan = next_step(case, terms);
    match direction::too_late(case.seen, terms) {
        Some(message) if !plan.intents.iter().any(Intent::informs) => refuse(case.seen, plan, message),
        _ => plan,
    }
}

fn next_step(case: &Case<Observed>, terms: &Terms) -> Plan<Status> {
    let seen = case.seen;
    if seen.status.paid_at.is_some() {
        return match terms.fulfilment {
            Fulfilment::Warehouse => ship(case),
            Fulfilment::Kitchen => cook(case, terms),
        };
    }
    if let Lookup::Present(payment) = &seen.payment {
        return if payment.approved_at.is_some() {
            hand_over(case, terms, payment)
        } else {
            await_payment(case, payment)
        };
    }
    if seen.is_handed_over() {
        // What is handed over was paid: where the Payment is gone, another one could charge again.
        let read = child::prove(&seen.payment, Kind::Payment, &seen.child_name());
        return read.map_or_else(|| payment_missing(case, terms), Plan::only);
    }
    let reads = absent_products(seen, terms);
    if !reads.is_empty() {
        return Plan::all(reads);
    }
    let held = |product: &Lookup<ObservedProduct>| {
        product.present().is_some_and(|product| product.answer == Some(product::Answer::Held))
    };
    if seen.products.iter().all(held) {
        if !may_create(case) {
            return seen.read_order();
        }
        return Plan::only(Intent::CreatePayment(payment_draft(seen, terms, false)));
    }
    if let Some(why) = denied_product(seen, terms) {
        return stall(case, "LedgerDenied", why);
    }
    wait(case, State::Placed, "WaitingForStock", messages::stock(seen, terms))
}

/// A product whose ledger cannot be written, with the reason: it answers nobody until it can.
pub(super) fn denied_product(seen: &Observed, terms: &Terms) -> Option<String> {
    seen.products.iter().zip(&terms.items).find_map(|(product, line)| {
        let why = product.present()?.denied.as_ref()?;
        let name = &line.product;
        Some(format!("Product {name} cannot be written, and nothing of it is booked until it can: {why}"))
    })
}

/// Live reads of the products whose absence is not proven.
pub(super) fn absent_products(seen: &Observed, terms: &Terms) -> Vec<Intent> {
    let lookups = seen.products.iter().zip(&terms.items);
    lookups.filter_map(|(product, line)| child::prove(product, Kind::Product, &line.product)).collect()
}

/// The order's one Payment.
pub(super) fn payment_draft(seen: &Observed, terms: &Terms, cancel: bool) -> payment::Draft {
    let payer = match (&terms.wallet, &seen.request.pay) {
        (Some(wallet), _) => payment::Payer::Wallet(wallet.clone()),
        (None, Pay::Provider { name, token }) => payment::Payer::Provider { name: name.clone(), token: token.clone() },
        // Terms of an order that a wallet pays name the wallet; a status edited by hand may not, and this one has no UID
        // that any wallet could have: nobody is charged.
        (None, Pay::Wallet(name)) => payment::Payer::Wallet(ObjectRef { name: name.clone(), uid: String::new() }),
    };
    let items = terms.items.iter().map(|line| payment::Item {
        product: line.product.clone(),
        uid: line.uid.clone(),
        quantity: line.quantity,
    });
    payment::Draft {
        order: seen.order_ref(),
        payer,
        amount: terms.amount.clone(),
        points: terms.points,
        items: items.collect(),
        cancel,
    }
}

/// The order's one Ticket.
pub(super) fn ticket_draft(seen: &Observed, terms: &Terms, hold: Option<ticket::Hold>) -> ticket::Draft {
    ticket::Draft {
        order: seen.order_ref(),
        store: seen.request.store.clone(),
        customer: seen.request.customer.clone(),
        items: terms.items.iter().map(|line| (line.product.clone(), line.quantity)).collect(),
        amount: terms.amount.clone(),
        acceptance: terms.acceptance,
        until: terms.until,
        deadlines: terms.deadlines,
        hold,
    }
}

/// The order's one Delivery.
pub(super) fn delivery_draft(
    seen: &Observed,
    terms: &Terms,
    ready: bool,
    hold: Option<delivery::Hold>,
) -> delivery::Draft {
    delivery::Draft {
        order: seen.order_ref(),
        deliver_to: seen.request.deliver_to.clone(),
        confirmation: terms.confirmation,
        deadlines: terms.deadlines,
        ready,
        hold,
    }
}

fn await_payment(case: &Case<Observed>, payment: &ObservedPayment) -> Plan<Status> {
    if let Some(why) = &payment.stalled {
        return stall(case, "PaymentStalled", why.clone());
    }
    let Some(trouble) = &payment.trouble else {
        return wait(case, State::Placed, "WaitingForPayment", messages::payment(case.seen));
    };
    // Each attempt changes the Payment: the wait began when the order was placed, not with the last of them.
    let since = case.seen.status.placed_at.unwrap_or(case.seen.changed);
    wait_since(case, since, State::Placed, "WaitingForPayment", messages::trouble(case.seen, trouble))
}

/// Paid: the Ticket or the Delivery is created. That it is paid the order says like any step that only people read, in
/// one write with those that follow at once; where the platform counts who is not paid yet, without delay.
fn hand_over(case: &Case<Observed>, terms: &Terms, payment: &ObservedPayment) -> Plan<Status> {
    let seen = case.seen;
    let kitchen = terms.fulfilment == Fulfilment::Kitchen;
    let exists = if kitchen { seen.ticket.present().is_some() } else { seen.delivery.present().is_some() };
    if !exists {
        return match kitchen {
            _ if !may_create(case) => seen.read_order(),
            true => Plan::only(Intent::CreateTicket(ticket_draft(seen, terms, None))),
            false => Plan::only(Intent::CreateDelivery(delivery_draft(seen, terms, true, None))),
        };
    }
    let status = Status {
        paid_at: Some(case.now),
        payment: Some(ObjectRef { name: payment.target.name.clone(), uid: payment.target.uid.clone() }),
        ..seen.status.clone()
    };
    let stepped = if seen.platform.counts_unpaid { Time::from_millis(0) } else { seen.stepped };
    // However often somebody steps, it is not put off for long.
    let stepped = payment.approved_at.map_or(stepped, |approved| stepped.min(approved.after(UNSAID)));
    let paid = Observed { status, stepped, ..seen.clone() };
    let paid = Case { seen: &paid, ..*case };
    let plan = if kitchen { cook(&paid, terms) } else { ship(&paid) };
    // A next step that is not to be had, such as a Delivery whose creation is denied, keeps nobody from reading it; one that
    // is merely late, as in a crowd, comes first, and is said with it.
    let overdue = plan.status.is_none() && !plan.intents.is_empty() && case.now >= stepped.after(case.policy.patience);
    match seen.ticket.present().filter(|_| overdue && !plan.intents.iter().any(Intent::informs)) {
        None => plan,
        Some(ticket) => {
            let (state, reason, message) = kitchen_step(seen, ticket);
            let message = if ticket.finished() { messages::unmade_delivery(seen) } else { message };
            Plan::write(moving(&paid, paid.seen.status.clone(), state, reason, message))
        }
    }
}

/// A kitchen's order: offered, accepted, cooked, then shipped.
fn cook(case: &Case<Observed>, terms: &Terms) -> Plan<Status> {
    let seen = case.seen;
    if let Some(read) = child::prove(&seen.ticket, Kind::Ticket, &seen.child_name()) {
        return Plan::only(read);
    }
    let Lookup::Present(ticket) = &seen.ticket else {
        return stall(case, "TicketMissing", messages::ticket_missing(seen));
    };
    if !ticket.accepted() {
        return wait(case, State::Paid, "WaitingForStore", messages::decision(seen));
    }
    let Lookup::Present(delivery) = &seen.delivery else {
        if !may_create(case) {
            return seen.read_order();
        }
        return Plan::only(Intent::CreateDelivery(delivery_draft(seen, terms, ticket.finished(), None)));
    };
    if ticket.finished() && !delivery.ready {
        return Plan::only(Intent::ReadyDelivery(delivery.target.clone()));
    }
    progress(case, delivery, kitchen_step(seen, ticket))
}

/// The order's state as the kitchen has it, what is waited for, and the sentence that says so.
fn kitchen_step(seen: &Observed, ticket: &ObservedTicket) -> (State, &'static str, String) {
    match (ticket.cooking.is_some(), ticket.finished()) {
        (_, true) => (State::Cooked, "WaitingForCourier", messages::claim(seen)),
        (true, false) => (State::Cooking, "WaitingForKitchen", messages::cooking(seen, ticket)),
        (false, false) => (State::Accepted, "WaitingForKitchen", messages::cooking(seen, ticket)),
    }
}

/// A paid order of a warehouse.
fn ship(case: &Case<Observed>) -> Plan<Status> {
    if let Some(read) = child::prove(&case.seen.delivery, Kind::Delivery, &case.seen.child_name()) {
        return Plan::only(read);
    }
    let Lookup::Present(delivery) = &case.seen.delivery else {
        return stall(case, "DeliveryMissing", messages::delivery_missing(case.seen));
    };
    progress(case, delivery, (State::Delivering, "WaitingForCourier", messages::claim(case.seen)))
}

/// How far the courier and the customer are; before the courier has it, `step` says.
fn progress(case: &Case<Observed>, delivery: &ObservedDelivery, step: (State, &str, String)) -> Plan<Status> {
    if delivery.confirmed {
        return Plan::write(ended(case, case.seen.status.clone(), State::Completed, "Completed", String::new()));
    }
    let asks = case.seen.status.terms.as_ref().is_some_and(|terms| terms.confirmation.asks_customer());
    let (state, reason, message) = match delivery.progress {
        Some(Progress::Delivered) if asks => (State::Delivered, "WaitingForConfirmation", messages::receipt(case.seen)),
        Some(Progress::Delivered) => (State::Delivering, "WaitingForCourier", messages::confirmation(case.seen)),
        Some(Progress::PickedUp) => (State::Delivering, "WaitingForCourier", messages::arrival(case.seen)),
        None => step,
    };
    wait(case, state, reason, message)
}

/// The Payment is gone that tells what became of the money.
pub(super) fn payment_missing(case: &Case<Observed>, terms: &Terms) -> Plan<Status> {
    let (name, cost) = (case.seen.child_name(), terms.amount.and_points(terms.points));
    let message = format!(
        "Payment {name} is gone: {cost} may have to be given back by hand. Create it again with cancel: true, as \
         docs/states.md says (A payment that is gone): it says then whether the money went back, and the order goes on."
    );
    stall(case, "PaymentMissing", message)
}

/// Says that the order cannot go on without a person, once that has lasted.
pub(super) fn stall(case: &Case<Observed>, reason: &str, message: String) -> Plan<Status> {
    let wanted = stalled(case, case.seen.status.clone(), reason, message.clone());
    let plan = case.write_wait(case.seen.changed, wanted);
    // Said once, however the sentence changes while it lasts.
    let said = conditions::find(&case.seen.status.conditions, conditions::STALLED).is_some_and(|c| c.reason == reason);
    if plan.status.is_some() && !said { plan.with_fact("Stalled", message, true) } else { plan }
}

/// The wish came too late: the order goes on and says so, with whatever else there is to write.
fn refuse(seen: &Observed, plan: Plan<Status>, message: &'static str) -> Plan<Status> {
    let mut status = plan.status.unwrap_or_else(|| seen.status.clone());
    status.cancel_refused = Some(message.to_owned());
    status.observed_generation = seen.meta.generation;
    let told = Plan::write(status).with_fact("CancelRefused", message, true);
    Plan { intents: plan.intents, ..told }
}

/// Says how far the order is and what it waits for: another state soon, another reason only once the wait has lasted.
pub(super) fn wait(case: &Case<Observed>, state: State, reason: &str, message: String) -> Plan<Status> {
    wait_since(case, case.seen.changed, state, reason, message)
}

/// The same, for a wait that began then.
fn wait_since(case: &Case<Observed>, since: Time, state: State, reason: &str, message: String) -> Plan<Status> {
    let seen = case.seen;
    let wanted = moving(case, seen.status.clone(), state, reason, message);
    if wanted.state != seen.status.state {
        return case.write_after(seen.stepped.after(case.policy.step), wanted);
    }
    case.write_wait(since, wanted)
}
