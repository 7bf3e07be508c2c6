//! The way in: `Pending` → `Placed`, `Invalid` or `Cancelled`. Nothing was done before, so nothing is to be undone.

use super::super::{Intent, Kind, Lookup, Money, ObjectRef, Plan, Time, money};
use super::{Line, Observed, Outcome, State, Status, Terms, ended, moving};

/// Places the order, or says which field is wrong. That something is wrong, or absent, is said only after it was read
/// from the API server: an order may be seen before the product that was applied a moment earlier.
pub(super) fn decide(seen: &Observed, now: Time) -> Plan<Status> {
    if let Some(wish) = seen.wish() {
        let status = Status { outcome: Some(wish.clone()), ..seen.status.clone() };
        return Plan::write(ended(seen, status, wish.state, &wish.reason, wish.message, now));
    }
    match terms(seen) {
        Ok(terms) => {
            let status = Status { placed_at: Some(now), terms: Some(terms), ..seen.status.clone() };
            let message = "Stock and payment are asked for.".to_owned();
            Plan::write(moving(seen, status, State::Placed, "WaitingForStock", message, now))
        }
        Err(_) if !seen.references_afresh => Plan::all(read_references(seen)),
        Err(outcome) => {
            let status = Status { outcome: Some(outcome.clone()), ..seen.status.clone() };
            let status = ended(seen, status, State::Invalid, &outcome.reason, outcome.message.clone(), now);
            Plan::write(status).with_fact("Invalid", outcome.message, true)
        }
    }
}

fn read_references(seen: &Observed) -> Vec<Intent> {
    let read = |kind, name: &String| Intent::ReadAfresh { kind, name: name.clone() };
    let request = &seen.request;
    let mut intents = vec![read(Kind::Store, &request.store), read(Kind::Wallet, &request.wallet)];
    intents.extend(request.items.iter().map(|(product, _)| read(Kind::Product, product)));
    intents
}

/// The terms on which the order can be placed, or what is wrong with it.
fn terms(seen: &Observed) -> Result<Terms, Outcome> {
    let request = &seen.request;
    let invalid = |reason: &str, message: String| Outcome::new(State::Invalid, reason, message);
    let Lookup::Present(store) = &seen.store else {
        return Err(invalid("UnknownStore", format!("spec.store: there is no Store named {}.", request.store)));
    };
    let Some(wallet) = seen.wallet.present().filter(|wallet| !wallet.deleting) else {
        let message = format!("spec.payment.wallet: there is no Wallet named {}.", request.wallet);
        return Err(invalid("UnknownWallet", message));
    };
    if wallet.owner != request.customer {
        let message =
            format!("spec.payment.wallet: Wallet {} does not belong to {}.", request.wallet, request.customer);
        return Err(invalid("NotTheOwner", message));
    }
    let mut items = Vec::with_capacity(request.items.len());
    for (index, ((name, quantity), product)) in request.items.iter().zip(&seen.products).enumerate() {
        let field = format!("spec.items[{index}].product");
        let Some(product) = product.present().filter(|product| !product.deleting) else {
            return Err(invalid("UnknownProduct", format!("{field}: there is no Product named {name}.")));
        };
        if product.store != request.store {
            let message = format!("{field}: Product {name} belongs to Store {}, not {}.", product.store, request.store);
            return Err(invalid("ProductOfAnotherStore", message));
        }
        if product.price.currency != wallet.currency {
            let message = format!(
                "{field}: Product {name} is priced in {}, Wallet {} holds {}.",
                product.price.currency, request.wallet, wallet.currency
            );
            return Err(invalid("CurrencyMismatch", message));
        }
        let (uid, price) = (product.uid.clone(), product.price.amount);
        items.push(Line { product: name.clone(), uid, quantity: *quantity, price });
    }
    let Some(amount) = money::total(items.iter().map(|line| (line.price, line.quantity))) else {
        return Err(invalid("AmountTooLarge", "spec.items: the total exceeds the largest amount.".to_owned()));
    };
    Ok(Terms {
        amount: Money::new(amount, wallet.currency.clone()),
        items,
        wallet: ObjectRef { name: request.wallet.clone(), uid: wallet.uid.clone() },
        seller: store.seller.clone(),
        confirmation: store.confirmation,
    })
}
