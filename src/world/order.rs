//! Orders: found by the ledgers that they ask or refer to, and by how far they are; a change of one concerns its children, its
//! row, those ledgers, and the orders that wait behind it.

use super::mapping::{By, Found, Mapping, ON_ITS_WAY};
use crate::cluster::Watched;
use crate::crd::Order;
use crate::domain::order::{State, Status, notices};
use crate::domain::store::Fulfilment;
use crate::domain::{Kind, ids, platform};

/// What an order is found by until it has ended.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum OrderIndex {
    /// Its facts ask something of the product with this UID.
    Asks(String),
    /// It refers to the ledger with this UID.
    Refers(String),
    /// It is not placed yet.
    Unplaced,
    /// It is for this store, and not placed yet.
    UnplacedAt(String),
    /// It is not placed yet, and has no queue number.
    Unnumbered,
    /// It is not placed yet, and refers to the object of this kind and name.
    Wants(Kind, String),
    /// It is placed, not paid, and not on its way back.
    InFlight,
    /// The kitchen of this store has to do with it: it is placed, and not cooked.
    InKitchen(String),
}

impl Watched for Order {
    const KIND: Kind = Kind::Order;
    const IS_ASKED: bool = true;
    type Index = OrderIndex;

    fn index(&self) -> Vec<OrderIndex> {
        let status = self.status.as_ref();
        if status.is_some_and(|status| status.ended_at.is_some()) {
            return Vec::new();
        }
        let Some((status, terms)) = status.and_then(|status| Some((status, status.terms.as_ref()?))) else {
            return self.unplaced();
        };
        let asks = status.paid_at.is_none() || status.releasing_at.is_some();
        let mut found: Vec<OrderIndex> = terms.items.iter().map(|line| OrderIndex::Refers(line.uid.clone())).collect();
        found.extend(terms.wallet.iter().map(|wallet| OrderIndex::Refers(wallet.uid.clone())));
        if asks {
            found.extend(terms.items.iter().map(|line| OrderIndex::Asks(line.uid.clone())));
        }
        if status.paid_at.is_none() && status.outcome.is_none() {
            found.push(OrderIndex::InFlight);
        }
        if is_in_kitchen(status) {
            found.push(OrderIndex::InKitchen(self.spec.store.clone()));
        }
        found
    }

    fn transform(&mut self) {
        self.spec.items.shrink_to_fit();
        if let Some(status) = &mut self.status {
            status.conditions.shrink_to_fit();
            status.terms.iter_mut().for_each(|terms| terms.items.shrink_to_fit());
        }
    }

    fn has_ended(&self) -> Option<bool> {
        Some(self.status.as_ref().is_some_and(|status| status.ended_at.is_some()))
    }
}

impl Mapping for Order {
    /// Rows are what a crowd waits for last: that an order is done is shown before another one is shown to wait. And an order
    /// that is placed goes on before another one is.
    fn hastens(new: Option<&Self>) -> &'static [Kind] {
        match new.and_then(|order| order.status.as_ref()) {
            Some(status) if status.ended_at.is_some() => &[Kind::OrderView],
            Some(status) if status.placed_at.is_some() => ON_ITS_WAY,
            _ => &[],
        }
    }

    fn enqueues_found(old: Option<&Self>, new: Option<&Self>) -> Vec<Found> {
        let at = |order: Option<&Self>| order.and_then(|order| order.status.as_ref()).is_some_and(is_in_kitchen);
        // A place in the kitchen is free, or one that stood in line has left: the next one may come.
        let waits = |order: Option<&Self>| order.is_some_and(|order| order.index().contains(&OrderIndex::Unplaced));
        let left = (at(old) && !at(new)) || (waits(old) && !waits(new) && !at(new));
        let Some(store) = old.filter(|_| left).map(|order| order.spec.store.clone()) else {
            return Vec::new();
        };
        vec![Found::All(By::Order(OrderIndex::UnplacedAt(store)))]
    }

    fn enqueues(name: &str, old: Option<&Self>, new: Option<&Self>) -> Vec<(Kind, String)> {
        let mut enqueued = vec![(Kind::Order, name.to_owned()), (Kind::OrderView, name.to_owned())];
        if asks(old) != asks(new) {
            let terms = [old, new].into_iter().flatten().find_map(|order| order.status.as_ref()?.terms.as_ref());
            enqueued.extend(terms.iter().flat_map(|t| &t.items).map(|line| (Kind::Product, line.product.clone())));
        }
        if turn(old) != turn(new) {
            enqueued.push((Kind::OrderPlatform, platform::NAME.to_owned()));
        }
        // A wallet takes nothing for an order that is not seen.
        let uid = |order: Option<&Self>| order.and_then(|order| order.metadata.uid.clone());
        if new.is_some() && uid(old) != uid(new) {
            enqueued.extend(new.iter().flat_map(|order| &order.spec.payment.wallet).map(|w| (Kind::Wallet, w.clone())));
        }
        // Children only wait for their order's end; a deleted ledger for the end of every order that refers to it.
        if ended(old) != ended(new) || new.is_none() {
            for order in [old, new].into_iter().flatten().take(1) {
                let child = ids::child_name(name, order.metadata.uid.as_deref().unwrap_or_default());
                enqueued.extend([Kind::Payment, Kind::Ticket, Kind::Delivery].map(|kind| (kind, child.clone())));
                let payment = &order.spec.payment;
                enqueued.extend(payment.wallet.iter().map(|wallet| (Kind::Wallet, wallet.clone())));
                // A deleted platform waits for what is paid at its providers.
                let platform = || (Kind::OrderPlatform, platform::NAME.to_owned());
                enqueued.extend(payment.provider.iter().map(|_| platform()));
            }
        }
        enqueued.extend(notices_enqueued(name, old, new).into_iter().map(|notice| (Kind::Notification, notice)));
        enqueued
    }
}

impl Order {
    /// What an order that is not placed is found by: its store, and what it refers to, which it may wait for.
    fn unplaced(&self) -> Vec<OrderIndex> {
        let mut found = vec![OrderIndex::Unplaced, OrderIndex::UnplacedAt(self.spec.store.clone())];
        if self.status.as_ref().is_none_or(|status| status.queue_number.is_none()) {
            found.push(OrderIndex::Unnumbered);
        }
        found.extend(self.spec.items.iter().map(|item| OrderIndex::Wants(Kind::Product, item.product.clone())));
        found.extend(self.spec.payment.wallet.iter().map(|wallet| OrderIndex::Wants(Kind::Wallet, wallet.clone())));
        found
    }
}

/// The notices that wait for what the order now says, and those that go with it.
fn notices_enqueued(name: &str, old: Option<&Order>, new: Option<&Order>) -> Vec<String> {
    let refused = |order: Option<&Order>| order.and_then(|o| o.status.as_ref()?.cancel_refused.as_ref()).is_some();
    let told: &[_] = match new {
        None => &notices::ALL,
        Some(_) if ended(old) != ended(new) || refused(old) != refused(new) => &notices::AWAITED,
        Some(_) => return Vec::new(),
    };
    let uid = new.or(old).and_then(|order| order.metadata.uid.as_deref()).unwrap_or_default();
    told.iter().map(|(topic, to)| ids::notification_name(name, uid, topic.slug(), to.slug())).collect()
}

/// Whether the store's kitchen has to do with the order: from placed until it is cooked or turns back.
fn is_in_kitchen(status: &Status) -> bool {
    let kitchen = status.terms.as_ref().is_some_and(|terms| terms.fulfilment == Fulfilment::Kitchen);
    let before = [State::Placed, State::Paid, State::Accepted, State::Cooking];
    kitchen && status.ended_at.is_none() && status.state.is_some_and(|state| before.contains(&state))
}

/// What the platform looks at to say whose turn it is.
fn turn(order: Option<&Order>) -> Option<(bool, bool, bool, Option<i64>, bool)> {
    let order = order?;
    let status = order.status.as_ref();
    let in_kitchen = status.is_some_and(is_in_kitchen);
    let placed = status.is_some_and(|status| status.placed_at.is_some());
    let pending = status.is_none_or(|status| status.paid_at.is_none() && status.outcome.is_none());
    let missing = status.is_some_and(|status| status.missing_since.is_some());
    Some((in_kitchen, placed, pending, status.and_then(|status| status.queue_number), missing))
}

/// The facts by which an order asks something of the ledgers of its products.
fn asks(order: Option<&Order>) -> Option<(bool, bool, bool, bool)> {
    let status = order?.status.as_ref()?;
    let facts = [status.placed_at, status.paid_at, status.releasing_at, status.ended_at].map(|fact| fact.is_some());
    Some((facts[0], facts[1], facts[2], facts[3]))
}

fn ended(order: Option<&Order>) -> bool {
    order.and_then(|order| order.status.as_ref()).is_some_and(|status| status.ended_at.is_some())
}
