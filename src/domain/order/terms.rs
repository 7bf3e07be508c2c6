//! The terms on which an order can be placed, or what stands in their way: something that is wrong and stays so, or
//! something that is missing and may still come.

use super::super::{Kind, Lookup, Money, ObjectRef, money, platform};
use super::observed::{Observed, Pay};
use super::types::{Line, Outcome, State, Terms};

/// What stands in the way of an order's terms.
pub(super) enum Obstacle {
    /// What is there is wrong.
    Wrong(Outcome),
    /// What the order refers to is not there.
    Missing(Missing),
}

/// Something that an order refers to and that is not there.
pub(super) struct Missing {
    pub kind: Kind,
    pub name: String,
    /// The field that names it, and what is not there, in words.
    pub what: String,
    /// What somebody has to do so that it is there.
    pub remedy: &'static str,
    /// The reason of the end, where it does not come.
    pub reason: &'static str,
    /// Whether its absence was read, or seen, and is not only an absence from a cache.
    pub proven: bool,
}

impl Missing {
    fn new(kind: Kind, name: &str, field: &str, reason: &'static str, proven: bool) -> Self {
        let what = format!("{field}: there is no {kind} named {name}");
        Self { kind, name: name.to_owned(), what, remedy: "create it", reason, proven }
    }

    /// The end of an order for which it did not come.
    pub fn outcome(&self) -> Outcome {
        invalid(self.reason, format!("{}.", self.what))
    }

    /// The OrderPlatform whose turn the order waits for.
    pub fn platform(seen: &Observed) -> Self {
        let proven = seen.platform.afresh;
        Self::new(Kind::OrderPlatform, platform::NAME, "status.queueNumber", "UnknownPlatform", proven)
    }
}

fn invalid(reason: &str, message: String) -> Outcome {
    Outcome::new(State::Invalid, reason, message)
}

fn wrong(reason: &str, message: String) -> Obstacle {
    Obstacle::Wrong(invalid(reason, message))
}

/// Who pays, and the currency the wallet sets.
struct Payer {
    wallet: Option<ObjectRef>,
    provider: Option<String>,
    currency: Option<String>,
}

fn payer(seen: &Observed) -> Result<Payer, Obstacle> {
    let field = "spec.payment.wallet";
    let name = match &seen.request.pay {
        Pay::Wallet(name) => name,
        Pay::Provider { name, .. } => return provider(seen, name),
    };
    let Some(wallet) = seen.wallet.present().filter(|wallet| !wallet.deleting) else {
        let proven = !matches!(seen.wallet, Lookup::Unproven);
        return Err(Obstacle::Missing(Missing::new(Kind::Wallet, name, field, "UnknownWallet", proven)));
    };
    if wallet.owner != seen.request.customer {
        let message = format!("{field}: Wallet {name} does not belong to {}.", seen.request.customer);
        return Err(wrong("NotTheOwner", message));
    }
    let reference = ObjectRef { name: name.clone(), uid: wallet.uid.clone() };
    Ok(Payer { wallet: Some(reference), provider: None, currency: Some(wallet.currency.clone()) })
}

fn provider(seen: &Observed, name: &str) -> Result<Payer, Obstacle> {
    if seen.platform.knows_provider {
        return Ok(Payer { wallet: None, provider: Some(name.to_owned()), currency: None });
    }
    let (kind, field) = (Kind::OrderPlatform, "spec.payment.provider");
    let missing = Missing::new(kind, platform::NAME, field, "UnknownProvider", seen.platform.afresh);
    if !seen.platform.exists {
        return Err(Obstacle::Missing(missing));
    }
    let what = format!("{field}: OrderPlatform {} has no payment provider named {name}", platform::NAME);
    Err(Obstacle::Missing(Missing { what, remedy: "add it to spec.payment.providers there", ..missing }))
}

/// The terms on which the order can be placed.
pub(super) fn of(seen: &Observed) -> Result<Terms, Obstacle> {
    let request = &seen.request;
    let Lookup::Present(store) = &seen.store else {
        let proven = seen.store.is_gone();
        let missing = Missing::new(Kind::Store, &request.store, "spec.store", "UnknownStore", proven);
        return Err(Obstacle::Missing(missing));
    };
    let payer = payer(seen)?;
    let (items, currency, points) = lines(seen, &payer)?;
    let Some(amount) = money::total(items.iter().map(|line| (line.price, line.quantity))) else {
        return Err(wrong("AmountTooLarge", "spec.items: the total exceeds the largest amount.".to_owned()));
    };
    let terms = Terms {
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
    };
    agreed(seen, &terms)?;
    Ok(terms)
}

/// A price that nobody agreed to is not charged.
fn agreed(seen: &Observed, terms: &Terms) -> Result<(), Obstacle> {
    let Some(agreed) = &seen.request.agreed else { return Ok(()) };
    if agreed.amount == terms.amount && agreed.points == terms.points {
        return Ok(());
    }
    let message = format!(
        "spec.agreed: {} was agreed, it costs {} now.",
        agreed.amount.and_points(agreed.points),
        terms.amount.and_points(terms.points)
    );
    Err(wrong("PriceChanged", message))
}

/// The lines with their prices, their currency, and the points they cost.
fn lines(seen: &Observed, payer: &Payer) -> Result<(Vec<Line>, String, i64), Obstacle> {
    let request = &seen.request;
    let mut items = Vec::with_capacity(request.items.len());
    let (mut currency, mut points) = (payer.currency.clone(), Vec::new());
    for (index, ((name, quantity), lookup)) in request.items.iter().zip(&seen.products).enumerate() {
        let field = format!("spec.items[{index}].product");
        let Some(product) = lookup.present().filter(|product| !product.deleting) else {
            let proven = !matches!(lookup, Lookup::Unproven);
            return Err(Obstacle::Missing(Missing::new(Kind::Product, name, &field, "UnknownProduct", proven)));
        };
        if product.store != request.store {
            let message = format!("{field}: Product {name} belongs to Store {}, not {}.", product.store, request.store);
            return Err(wrong("ProductOfAnotherStore", message));
        }
        let currency = currency.get_or_insert_with(|| product.price.currency.clone());
        if product.price.currency != *currency {
            let priced = &product.price.currency;
            let message = format!("{field}: Product {name} is priced in {priced}, the order is paid in {currency}.");
            return Err(wrong("CurrencyMismatch", message));
        }
        if product.points > 0 && payer.wallet.is_none() {
            let message = format!("{field}: Product {name} costs points, which only a wallet holds.");
            return Err(wrong("PointsNeedAWallet", message));
        }
        points.push((product.points, *quantity));
        let (uid, price) = (product.uid.clone(), product.price.amount);
        items.push(Line { product: name.clone(), uid, quantity: *quantity, price });
    }
    let Some(points) = money::total(points) else {
        return Err(wrong("AmountTooLarge", "spec.items: the points exceed the largest amount.".to_owned()));
    };
    Ok((items, currency.unwrap_or_default(), points))
}
