//! The way in: `Pending` → `Placed`, `Invalid`, `Rejected` or `Cancelled`. Nothing was done before, so nothing is to be
//! undone. An order that finds the store closed, the kitchen or the platform full waits, first come, first served.

use super::super::platform::Gate;
use super::super::store::{Fulfilment, Intake};
use super::super::{Intent, Kind, Lookup, Money, ObjectRef, Plan, Policy, Time, money, plan, platform};
use super::{Line, Observed, Outcome, Pay, State, Status, StoreFacts, Terms, ended, moving};

/// Places the order, or says which field is wrong, or what it waits for. That something is wrong, or absent, is said only
/// after it was read from the API server: an order may be seen before the product that was applied a moment earlier.
pub(super) fn decide(seen: &Observed, now: Time, policy: &Policy) -> Plan<Status> {
    if let Some(wish) = seen.wish() {
        return refuse(seen, wish, now);
    }
    let refusal = match terms(seen) {
        Ok(terms) => match entrance(seen, now) {
            Entrance::Open => return placed(seen, terms, now),
            Entrance::Wait(reason, message) => return pending(seen, reason, message, now, policy),
            Entrance::Number(number) => return queued(seen, number, now),
            Entrance::Closed(outcome) => outcome,
        },
        Err(outcome) => outcome,
    };
    if !seen.references_afresh {
        return Plan::all(read_references(seen));
    }
    let (reason, message) =
        (if refusal.state == State::Rejected { "Rejected" } else { "Invalid" }, refusal.message.clone());
    refuse(seen, refusal, now).with_fact(reason, message, true)
}

/// Whether a valid order is taken now.
enum Entrance {
    Open,
    Wait(&'static str, String),
    /// The platform is full: the order takes a number.
    Number(i64),
    Closed(Outcome),
}

fn entrance(seen: &Observed, now: Time) -> Entrance {
    let store = seen.store.present();
    match store.map(|store| store.intake).unwrap_or_default() {
        Intake::Open => {}
        Intake::Hold => {
            return Entrance::Wait("StoreOnHold", "The store takes no orders for now; this one waits.".to_owned());
        }
        Intake::Drain => {
            let message = "spec.store: the store takes no orders any more.";
            return Entrance::Closed(Outcome::new(State::Rejected, "StoreDraining", message));
        }
    }
    match (seen.platform.crowd.gate(seen.status.queue_number, now), seen.status.queue_number) {
        (Gate::Open, _) => {}
        (Gate::Waiting, Some(number)) => return Entrance::Wait("WaitingForTurn", turn(number)),
        (Gate::Full(number), _) => return Entrance::Number(number),
        (Gate::Waiting, None) => return Entrance::Wait("WaitingForTurn", "The platform is full.".to_owned()),
    }
    let cooks = store.is_some_and(|store: &StoreFacts| store.fulfilment == Fulfilment::Kitchen);
    if cooks && seen.platform.kitchen_full {
        return Entrance::Wait("KitchenFull", "The kitchen has as many orders as it takes; this one waits.".to_owned());
    }
    Entrance::Open
}

/// The number is written once; how far the queue is stands on the platform alone.
fn turn(number: i64) -> String {
    format!("Number {number}; the number being served is in status.serving of the OrderPlatform {}.", platform::NAME)
}

fn placed(seen: &Observed, terms: Terms, now: Time) -> Plan<Status> {
    let status = Status { placed_at: Some(now), terms: Some(terms), ..seen.status.clone() };
    let message = "Stock and payment are asked for.".to_owned();
    Plan::write(moving(seen, status, State::Placed, "WaitingForStock", message, now))
}

fn pending(seen: &Observed, reason: &str, message: String, now: Time, policy: &Policy) -> Plan<Status> {
    let wanted = moving(seen, seen.status.clone(), State::Pending, reason, message, now);
    plan::settle(&seen.status, wanted, seen.meta.changed.after(policy.gather), now)
}

fn queued(seen: &Observed, number: i64, now: Time) -> Plan<Status> {
    let status = Status { queue_number: Some(number), ..seen.status.clone() };
    Plan::write(moving(seen, status, State::Pending, "WaitingForTurn", turn(number), now))
}

fn refuse(seen: &Observed, outcome: Outcome, now: Time) -> Plan<Status> {
    let status = Status { outcome: Some(outcome.clone()), ..seen.status.clone() };
    Plan::write(ended(seen, status, outcome.state, &outcome.reason, outcome.message, now))
}

fn read_references(seen: &Observed) -> Vec<Intent> {
    let read = |kind, name: &str| Intent::ReadAfresh { kind, name: name.to_owned() };
    let request = &seen.request;
    let payer = match &request.pay {
        Pay::Wallet(name) => read(Kind::Wallet, name),
        Pay::Provider { .. } => read(Kind::OrderPlatform, platform::NAME),
    };
    let mut intents = vec![read(Kind::Store, &request.store), payer];
    intents.extend(request.items.iter().map(|(product, _)| read(Kind::Product, product)));
    intents
}

fn invalid(reason: &str, message: String) -> Outcome {
    Outcome::new(State::Invalid, reason, message)
}

/// Who pays, and the currency the wallet sets.
struct Payer {
    wallet: Option<ObjectRef>,
    provider: Option<String>,
    currency: Option<String>,
}

fn payer(seen: &Observed) -> Result<Payer, Outcome> {
    let name = match &seen.request.pay {
        Pay::Wallet(name) => name,
        Pay::Provider { name, .. } if seen.platform.knows_provider => {
            return Ok(Payer { wallet: None, provider: Some(name.clone()), currency: None });
        }
        Pay::Provider { name, .. } => {
            let message = format!("spec.payment.provider: the OrderPlatform has no payment provider named {name}.");
            return Err(invalid("UnknownProvider", message));
        }
    };
    let Some(wallet) = seen.wallet.present().filter(|wallet| !wallet.deleting) else {
        return Err(invalid("UnknownWallet", format!("spec.payment.wallet: there is no Wallet named {name}.")));
    };
    if wallet.owner != seen.request.customer {
        let message = format!("spec.payment.wallet: Wallet {name} does not belong to {}.", seen.request.customer);
        return Err(invalid("NotTheOwner", message));
    }
    let reference = ObjectRef { name: name.clone(), uid: wallet.uid.clone() };
    Ok(Payer { wallet: Some(reference), provider: None, currency: Some(wallet.currency.clone()) })
}

/// The terms on which the order can be placed, or what is wrong with it.
fn terms(seen: &Observed) -> Result<Terms, Outcome> {
    let request = &seen.request;
    let Lookup::Present(store) = &seen.store else {
        return Err(invalid("UnknownStore", format!("spec.store: there is no Store named {}.", request.store)));
    };
    let payer = payer(seen)?;
    let (items, currency, points) = lines(seen, &payer)?;
    let Some(amount) = money::total(items.iter().map(|line| (line.price, line.quantity))) else {
        return Err(invalid("AmountTooLarge", "spec.items: the total exceeds the largest amount.".to_owned()));
    };
    Ok(Terms {
        amount: Money::new(amount, currency),
        points,
        items,
        wallet: payer.wallet,
        provider: payer.provider,
        seller: store.seller.clone(),
        fulfilment: store.fulfilment,
        acceptance: store.acceptance,
        confirmation: store.confirmation,
        until: store.until,
        seller_notice: store.seller_notice,
        deadlines: store.deadlines,
    })
}

/// The lines with their prices, their currency, and the points they cost.
fn lines(seen: &Observed, payer: &Payer) -> Result<(Vec<Line>, String, i64), Outcome> {
    let request = &seen.request;
    let mut items = Vec::with_capacity(request.items.len());
    let (mut currency, mut points) = (payer.currency.clone(), Vec::new());
    for (index, ((name, quantity), product)) in request.items.iter().zip(&seen.products).enumerate() {
        let field = format!("spec.items[{index}].product");
        let Some(product) = product.present().filter(|product| !product.deleting) else {
            return Err(invalid("UnknownProduct", format!("{field}: there is no Product named {name}.")));
        };
        if product.store != request.store {
            let message = format!("{field}: Product {name} belongs to Store {}, not {}.", product.store, request.store);
            return Err(invalid("ProductOfAnotherStore", message));
        }
        let held = currency.get_or_insert_with(|| product.price.currency.clone());
        if product.price.currency != *held {
            let priced = &product.price.currency;
            let message = format!("{field}: Product {name} is priced in {priced}, the order is paid in {held}.");
            return Err(invalid("CurrencyMismatch", message));
        }
        if product.points > 0 && payer.wallet.is_none() {
            let message = format!("{field}: Product {name} costs points, which only a wallet holds.");
            return Err(invalid("PointsNeedAWallet", message));
        }
        points.push((product.points, *quantity));
        let (uid, price) = (product.uid.clone(), product.price.amount);
        items.push(Line { product: name.clone(), uid, quantity: *quantity, price });
    }
    let Some(points) = money::total(points) else {
        return Err(invalid("AmountTooLarge", "spec.items: the points exceed the largest amount.".to_owned()));
    };
    Ok((items, currency.unwrap_or_default(), points))
}
