//! The way forward: stock, payment, the store's kitchen, the courier, the customer's word.
//!
//! The Payment is created once every product is held; a warehouse's Delivery, or a kitchen's Ticket, once the Payment is
//! approved; a kitchen's Delivery once the store has accepted, and it is ready once cooked. Steps that only people read
//! (`Accepted`, `Cooking`, …) are written half a second after the last of them.

use super::super::delivery::types as delivery;
use super::super::delivery::types::Progress;
use super::super::payment::types as payment;
use super::super::product::types as product;
use super::super::store::types::Fulfilment;
use super::super::ticket::types as ticket;
use super::super::{Intent, Kind, Lookup, ObjectRef, Plan, Policy, Time, child, conditions, plan};
use super::facts::{DeliveryFacts, Observed, Pay, PaymentFacts, ProductFacts, TicketFacts};
use super::report::{ended, moving, stalled};
use super::turn;
use super::types::{State, Status, Terms};

pub(super) fn decide(seen: &Observed, terms: &Terms, now: Time, policy: &Policy) -> Plan<Status> {
    let plan = forward(seen, terms, now, policy);
    match turn::too_late(seen, terms) {
        Some(message) if !plan.intents.iter().any(Intent::informs) => refuse(seen, plan, message),
        _ => plan,
    }
}

fn forward(seen: &Observed, terms: &Terms, now: Time, policy: &Policy) -> Plan<Status> {
    if seen.status.paid_at.is_some() {
        return match terms.fulfilment {
            Fulfilment::Warehouse => ship(seen, now, policy),
            Fulfilment::Kitchen => cook(seen, terms, now, policy),
        };
    }
    if let Lookup::Present(payment) = &seen.payment {
        return if payment.approved {
            hand_over(seen, terms, payment, now, policy)
        } else {
            await_payment(seen, payment, now, policy)
        };
    }
    if seen.ticket.present().is_some() || seen.delivery.present().is_some() {
        // What is handed over was paid: where the Payment is gone, another one could charge again.
        let read = child::prove(&seen.payment, Kind::Payment, &seen.child_name());
        return read.map_or_else(|| payment_missing(seen, terms, now, policy), Plan::only);
    }
    let reads = absent_products(seen, terms);
    if !reads.is_empty() {
        return Plan::all(reads);
    }
    let held = |product: &Lookup<ProductFacts>| {
        product.present().is_some_and(|facts| facts.answer == Some(product::Answer::Held))
    };
    if seen.products.iter().all(held) {
        if !seen.may_create(now, policy) {
            return seen.read_order();
        }
        return Plan::only(Intent::CreatePayment(payment_draft(seen, terms, false)));
    }
    if let Some(why) = denied_product(seen, terms) {
        return stall(seen, "LedgerDenied", why, now, policy);
    }
    wait(seen, State::Placed, "WaitingForStock", "Stock is asked for.".to_owned(), now, policy)
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

fn await_payment(seen: &Observed, payment: &PaymentFacts, now: Time, policy: &Policy) -> Plan<Status> {
    if let Some(why) = &payment.stalled {
        return stall(seen, "PaymentStalled", why.clone(), now, policy);
    }
    let Some(trouble) = payment.trouble.clone() else {
        let message = "The payment has no answer yet.".to_owned();
        return wait(seen, State::Placed, "WaitingForPayment", message, now, policy);
    };
    // Each attempt changes the Payment: the wait began when the order was placed, not with the last of them.
    let since = seen.status.placed_at.unwrap_or(seen.changed);
    wait_since(seen, since, State::Placed, "WaitingForPayment", trouble, now, policy)
}

/// Paid: the Ticket or the Delivery is created. That it is paid the order says like any step that only people read, in
/// one write with those that follow at once; where the platform counts who is not paid yet, without delay.
fn hand_over(seen: &Observed, terms: &Terms, payment: &PaymentFacts, now: Time, policy: &Policy) -> Plan<Status> {
    let kitchen = terms.fulfilment == Fulfilment::Kitchen;
    let exists = if kitchen { seen.ticket.present().is_some() } else { seen.delivery.present().is_some() };
    if !exists {
        return match kitchen {
            _ if !seen.may_create(now, policy) => seen.read_order(),
            true => Plan::only(Intent::CreateTicket(ticket_draft(seen, terms, None))),
            false => Plan::only(Intent::CreateDelivery(delivery_draft(seen, terms, true, None))),
        };
    }
    let status = Status {
        paid_at: Some(now),
        payment: Some(ObjectRef { name: payment.target.name.clone(), uid: payment.target.uid.clone() }),
        ..seen.status.clone()
    };
    let stepped = if seen.platform.counts_unpaid { Time::from_millis(0) } else { seen.stepped };
    let paid = Observed { status, stepped, ..seen.clone() };
    if kitchen { cook(&paid, terms, now, policy) } else { ship(&paid, now, policy) }
}

/// A kitchen's order: offered, accepted, cooked, then shipped.
fn cook(seen: &Observed, terms: &Terms, now: Time, policy: &Policy) -> Plan<Status> {
    if let Some(read) = child::prove(&seen.ticket, Kind::Ticket, &seen.child_name()) {
        return Plan::only(read);
    }
    let Lookup::Present(ticket) = &seen.ticket else {
        return stall(seen, "TicketMissing", "The Ticket is gone: cancel the order.".to_owned(), now, policy);
    };
    if !ticket.accepted() {
        let message = "The store accepts or rejects it.".to_owned();
        return wait(seen, State::Paid, "WaitingForStore", message, now, policy);
    }
    let Lookup::Present(delivery) = &seen.delivery else {
        if !seen.may_create(now, policy) {
            return seen.read_order();
        }
        return Plan::only(Intent::CreateDelivery(delivery_draft(seen, terms, ticket.finished(), None)));
    };
    if ticket.finished() && !delivery.ready {
        return Plan::only(Intent::ReadyDelivery(delivery.target.clone()));
    }
    progress(seen, delivery, kitchen_step(ticket), now, policy)
}

/// The order's state as the kitchen has it, what is waited for, and the sentence that says so.
fn kitchen_step(ticket: &TicketFacts) -> (State, &'static str, &'static str) {
    match (ticket.started(), ticket.finished()) {
        (_, true) => (State::Cooked, "WaitingForCourier", "A courier of the zone claims it and delivers."),
        (true, false) => (State::Cooking, "WaitingForKitchen", "The store cooks it."),
        (false, false) => (State::Accepted, "WaitingForKitchen", "The store has accepted it and starts to cook."),
    }
}

/// A paid order of a warehouse.
fn ship(seen: &Observed, now: Time, policy: &Policy) -> Plan<Status> {
    if let Some(read) = child::prove(&seen.delivery, Kind::Delivery, &seen.child_name()) {
        return Plan::only(read);
    }
    let Lookup::Present(delivery) = &seen.delivery else {
        let message = "The Delivery is gone: ship by hand, or cancel the order.".to_owned();
        return stall(seen, "DeliveryMissing", message, now, policy);
    };
    let step = (State::Delivering, "WaitingForCourier", "A courier of the zone claims it and delivers.");
    progress(seen, delivery, step, now, policy)
}

/// How far the courier and the customer are; before the courier has it, `step` says.
fn progress(
    seen: &Observed,
    delivery: &DeliveryFacts,
    step: (State, &str, &str),
    now: Time,
    policy: &Policy,
) -> Plan<Status> {
    if delivery.confirmed {
        return Plan::write(ended(seen, seen.status.clone(), State::Completed, "Completed", String::new(), now));
    }
    let asks = seen.status.terms.as_ref().is_some_and(|terms| terms.confirmation.asks_customer());
    let (state, reason, message) = match delivery.progress {
        Some(Progress::Delivered) if asks => {
            (State::Delivered, "WaitingForConfirmation", "The customer confirms receipt on the Delivery.")
        }
        Some(_) => (State::Delivering, "WaitingForCourier", "A courier brings it."),
        None => step,
    };
    wait(seen, state, reason, message.to_owned(), now, policy)
}

/// The Payment is gone that tells what became of the money.
pub(super) fn payment_missing(seen: &Observed, terms: &Terms, now: Time, policy: &Policy) -> Plan<Status> {
    let (name, cost) = (seen.child_name(), terms.cost());
    let message = format!(
        "Payment {name} is gone: {cost} may have to be given back by hand. Create it again with cancel: true, as \
         docs/states.md says (A payment that is gone): it says then whether the money went back, and the order goes on."
    );
    stall(seen, "PaymentMissing", message, now, policy)
}

/// Says that the order cannot go on without a person, once that has lasted.
pub(super) fn stall(seen: &Observed, reason: &str, message: String, now: Time, policy: &Policy) -> Plan<Status> {
    let wanted = stalled(seen, seen.status.clone(), reason, message.clone(), now);
    let plan = plan::report(&seen.status, wanted, true, seen.changed, now, policy);
    // Said once, however the sentence changes while it lasts.
    let said = seen.status.conditions.iter().any(|c| c.type_ == conditions::STALLED && c.reason == reason);
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
pub(super) fn wait(
    seen: &Observed,
    state: State,
    reason: &str,
    message: String,
    now: Time,
    policy: &Policy,
) -> Plan<Status> {
    wait_since(seen, seen.changed, state, reason, message, now, policy)
}

/// The same, for a wait that began then.
fn wait_since(
    seen: &Observed,
    since: Time,
    state: State,
    reason: &str,
    message: String,
    now: Time,
    policy: &Policy,
) -> Plan<Status> {
    let wanted = moving(seen, seen.status.clone(), state, reason, message, now);
    if wanted.state != seen.status.state {
        return plan::settle(&seen.status, wanted, seen.stepped.after(policy.step), now);
    }
    plan::report(&seen.status, wanted, true, since, now, policy)
}
