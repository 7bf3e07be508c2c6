//! What an order that waits says: which object it waits for, and the next step.
//!
//! Invariant: a sentence is made of what stays as it is for as long as the wait lasts (the request, the terms, derived names),
//! so that an order that waits on is not written again. Who of several has answered meanwhile is no part of it.

use super::super::ids;
use super::super::notification::types::{Audience, Topic};
use super::super::platform;
use super::super::store::types::Fulfilment;
use super::observed::{Observed, ObservedTicket, Pay};
use super::types::{Line, Terms};

/// So many products are named, and the others counted.
const FEW: usize = 3;
/// So long are their names together, but for the first.
const NAMES: usize = 60;

/// The store takes no orders for now.
pub(super) fn on_hold(seen: &Observed) -> String {
    let store = &seen.request.store;
    format!("Store {store} takes no orders for now: this one waits until spec.intake of the Store is Open.")
}

/// The store takes no orders any more.
pub(super) fn draining(seen: &Observed) -> String {
    let store = &seen.request.store;
    format!("spec.store: Store {store} takes no orders any more (its spec.intake is Drain): order from another.")
}

/// There is no place in the kitchen.
pub(super) fn kitchen_full(seen: &Observed) -> String {
    let store = &seen.request.store;
    format!("The kitchen of Store {store} is full (spec.maxOpenTickets): this one waits until an order is cooked.")
}

/// Nothing new is placed.
pub(super) fn paused() -> String {
    let platform = platform::NAME;
    format!("OrderPlatform {platform} places nothing new: this one waits until spec.intake.state of it is Open.")
}

/// It has a number: that is written once, and how far the queue is stands on the platform alone.
pub(super) fn turn(number: i64) -> String {
    let platform = platform::NAME;
    format!(
        "It is placed once OrderPlatform {platform} calls number {number}; status.serving of it says how far it is."
    )
}

/// Its number is made and not seen yet.
pub(super) fn unnumbered() -> String {
    format!("OrderPlatform {} is about to give it a number; it is placed in its turn.", platform::NAME)
}

/// The same when it is placed and later: which ledgers have answered by then is not said.
pub(super) fn stock(seen: &Observed, terms: &Terms) -> String {
    let (products, payment) = (products(terms), seen.child_name());
    format!("Stock is asked of {products}; once it is held, Payment {payment} is created.")
}

/// The Payment says nothing of its own yet.
pub(super) fn payment(seen: &Observed) -> String {
    let (payment, payer) = (seen.child_name(), payer(seen));
    format!("Payment {payment} has no answer from {payer} yet; the order goes on once it is approved.")
}

/// The Payment says what keeps it.
pub(super) fn trouble(seen: &Observed, said: &str) -> String {
    format!("Payment {}: {said}", seen.child_name())
}

/// The store has to accept or reject.
pub(super) fn decision(seen: &Observed) -> String {
    let (ticket, store) = (seen.child_name(), &seen.request.store);
    format!("Ticket {ticket} waits for Store {store} to set decision: Accept or Reject.")
}

/// The store has to cook.
pub(super) fn cooking(seen: &Observed, ticket: &ObservedTicket) -> String {
    let next = if ticket.cooking.is_some() { "Finished" } else { "Started" };
    let (ticket, store) = (seen.child_name(), &seen.request.store);
    format!("Ticket {ticket} waits for Store {store} to set cooking: {next}.")
}

/// A courier has to come; true before one has claimed it and after. Most orders under way say so, in every cache: it is short,
/// and the zone stands in the Delivery.
pub(super) fn claim(seen: &Observed) -> String {
    format!("Delivery {} waits for a courier to set progress: PickedUp.", seen.child_name())
}

/// All is cooked, and the Delivery is not there yet.
pub(super) fn unmade_delivery(seen: &Observed) -> String {
    format!("Delivery {} is about to be created.", seen.child_name())
}

/// The courier has it.
pub(super) fn arrival(seen: &Observed) -> String {
    format!("Delivery {} waits for its courier to set progress: Delivered.", seen.child_name())
}

/// The customer has it.
pub(super) fn receipt(seen: &Observed) -> String {
    format!("Delivery {} is confirmed once the customer has set received: true.", seen.child_name())
}

/// The customer has it, and nobody is asked.
pub(super) fn confirmation(seen: &Observed) -> String {
    format!("Delivery {} is delivered and about to be confirmed.", seen.child_name())
}

/// Somebody has removed the Ticket.
pub(super) fn ticket_missing(seen: &Observed) -> String {
    format!("Ticket {} is gone: cancel the order.", seen.child_name())
}

/// Somebody has removed the Delivery.
pub(super) fn delivery_missing(seen: &Observed) -> String {
    format!("Delivery {} is gone: ship by hand, or cancel the order.", seen.child_name())
}

/// The seller has to be told before anything is undone.
pub(super) fn seller_notice(seen: &Observed) -> String {
    let (topic, to) = (Topic::CancelRequested.slug(), Audience::Seller.slug());
    let notice = ids::notification_name(&seen.meta.name, &seen.meta.uid, topic, to);
    format!("Nothing is undone before the seller has taken Notification {notice}.")
}

/// The Payment says nothing of its own yet. Whether there is anything to give back it learns only now.
pub(super) fn refund(seen: &Observed) -> String {
    format!("Payment {} waits for {} to refund or void the charge.", seen.child_name(), payer(seen))
}

/// Ticket and Delivery have to end.
pub(super) fn recall(seen: &Observed, terms: &Terms) -> String {
    let kinds = match terms.fulfilment {
        Fulfilment::Warehouse => "Delivery",
        Fulfilment::Kitchen => "Ticket and Delivery",
    };
    format!("The order waits for {kinds} {} to end; then the stock is given back.", seen.child_name())
}

/// The same when it begins and later.
pub(super) fn release(terms: &Terms) -> String {
    format!("Stock is given back to {}; then the order ends.", products(terms))
}

fn payer(seen: &Observed) -> String {
    match &seen.request.pay {
        Pay::Wallet(name) => format!("Wallet {name}"),
        Pay::Provider { name, .. } => format!("provider {name}"),
    }
}

/// `Product mug`, `Products mug and cup` or `Products mug, cup, pot and 2 more`.
fn products(terms: &Terms) -> String {
    let mut length = 0;
    let fits = |line: &&Line| {
        length += line.product.len();
        length <= NAMES
    };
    let named = terms.items.iter().take(FEW).take_while(fits).count().max(1);
    let mut words: Vec<String> = terms.items.iter().take(named).map(|line| line.product.clone()).collect();
    let others = terms.items.len().saturating_sub(named);
    if others > 0 {
        words.push(format!("{others} more"));
    }
    match words.split_last() {
        Some((last, others)) if !others.is_empty() => format!("Products {} and {last}", others.join(", ")),
        _ => format!("Product {}", words.concat()),
    }
}
