//! Order: watches orders, the answers of ledgers, its Payment, Ticket, Delivery and Notifications, its row, and what opens
//! the way to those that wait.

use crate::cluster::cache::{Index, Rouse};
use crate::cluster::{Key, Pass, Source, World};
use crate::crd::{Delivery, Order, Payment, Ticket};
use crate::domain::order::{Earlier, Observed, Status, decide, notices};
use crate::domain::store::Fulfilment;
use crate::domain::{Condition, Kind, Plan, Policy, Time, ids, platform};

use super::facts::{self, map};
use super::{Controller, meta_of};

impl Source for Order {
    const KIND: Kind = Kind::Order;

    fn index(&self) -> Vec<Index> {
        let status = self.status.as_ref();
        if status.is_some_and(|status| status.ended_at.is_some()) {
            return Vec::new();
        }
        let Some((status, terms)) = status.and_then(|status| Some((status, status.terms.as_ref()?))) else {
            return self.unplaced();
        };
        let asks = status.paid_at.is_none() || status.releasing_at.is_some();
        let mut found: Vec<Index> = terms.items.iter().map(|line| Index::Refers(line.uid.clone())).collect();
        found.extend(terms.wallet.iter().map(|wallet| Index::Refers(wallet.uid.clone())));
        if asks {
            found.extend(terms.items.iter().map(|line| Index::Asks(line.uid.clone())));
        }
        if status.paid_at.is_none() && status.outcome.is_none() {
            found.push(Index::InFlight);
        }
        if is_in_kitchen(status) {
            found.push(Index::InKitchen(self.spec.store.clone()));
        }
        found
    }

    fn slim(&mut self) {
        self.spec.items.shrink_to_fit();
        if let Some(status) = &mut self.status {
            status.conditions.shrink_to_fit();
            status.terms.iter_mut().for_each(|terms| terms.items.shrink_to_fit());
        }
    }

    fn has_ended(&self) -> Option<bool> {
        Some(self.status.as_ref().is_some_and(|status| status.ended_at.is_some()))
    }

    fn rouses(old: Option<&Self>, new: Option<&Self>) -> Vec<Rouse> {
        let at = |order: Option<&Self>| order.and_then(|order| order.status.as_ref()).is_some_and(is_in_kitchen);
        // A place in the kitchen is free, or one that stood in line has left: the next one may come.
        let waits = |order: Option<&Self>| order.is_some_and(|order| order.index().contains(&Index::Unplaced));
        let left = (at(old) && !at(new)) || (waits(old) && !waits(new) && !at(new));
        let Some(store) = old.filter(|_| left).map(|order| order.spec.store.clone()) else {
            return Vec::new();
        };
        vec![Rouse::All(Kind::Order, Index::UnplacedAt(store))]
    }

    fn wakes(name: &str, old: Option<&Self>, new: Option<&Self>) -> Vec<(Kind, String)> {
        let mut woken = vec![(Kind::Order, name.to_owned()), (Kind::OrderView, name.to_owned())];
        if asks(old) != asks(new) {
            let terms = [old, new].into_iter().flatten().find_map(|order| order.status.as_ref()?.terms.as_ref());
            woken.extend(terms.iter().flat_map(|t| &t.items).map(|line| (Kind::Product, line.product.clone())));
        }
        if turn(old) != turn(new) {
            woken.push((Kind::OrderPlatform, platform::NAME.to_owned()));
        }
        // A wallet takes nothing for an order that is not seen.
        let uid = |order: Option<&Self>| order.and_then(|order| order.metadata.uid.clone());
        if new.is_some() && uid(old) != uid(new) {
            woken.extend(new.iter().flat_map(|order| &order.spec.payment.wallet).map(|w| (Kind::Wallet, w.clone())));
        }
        // Children only wait for their order's end; a deleted ledger for the end of every order that refers to it.
        if ended(old) != ended(new) || new.is_none() {
            for order in [old, new].into_iter().flatten().take(1) {
                let child = ids::child_name(name, order.metadata.uid.as_deref().unwrap_or_default());
                woken.extend([Kind::Payment, Kind::Ticket, Kind::Delivery].map(|kind| (kind, child.clone())));
                let payment = &order.spec.payment;
                woken.extend(payment.wallet.iter().map(|wallet| (Kind::Wallet, wallet.clone())));
                // A deleted platform waits for what is paid at its providers.
                let platform = || (Kind::OrderPlatform, platform::NAME.to_owned());
                woken.extend(payment.provider.iter().map(|_| platform()));
            }
        }
        woken.extend(notices_woken(name, old, new).into_iter().map(|notice| (Kind::Notification, notice)));
        woken
    }
}

impl Order {
    /// What an order that is not placed is found by: its store, and what it refers to, which it may wait for.
    fn unplaced(&self) -> Vec<Index> {
        let mut found = vec![Index::Unplaced, Index::UnplacedAt(self.spec.store.clone())];
        if self.status.as_ref().is_none_or(|status| status.queue_number.is_none()) {
            found.push(Index::Unnumbered);
        }
        found.extend(self.spec.items.iter().map(|item| Index::Wants(Kind::Product, item.product.clone())));
        found.extend(self.spec.payment.wallet.iter().map(|wallet| Index::Wants(Kind::Wallet, wallet.clone())));
        found
    }
}

/// The notices that wait for what the order now says, and those that go with it.
fn notices_woken(name: &str, old: Option<&Order>, new: Option<&Order>) -> Vec<String> {
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
    use crate::domain::order::State;
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

/// The Order controller.
pub struct Orders;

impl Controller for Orders {
    type Root = Order;
    type Observed = Observed;
    type Status = Status;

    fn observe(world: &World, key: &Key, pass: &Pass) -> Option<Observed> {
        let seen = world.orders.get(key)?;
        let order = &*seen.object;
        let meta = meta_of(world, &seen);
        let status = order.status.clone().unwrap_or_default();
        let child = key.sibling(&ids::child_name(&meta.name, &meta.uid));
        let untold = facts::untold(&meta, &status);
        let payment = world.lookup::<Payment>(&child, None, pass);
        let ticket = world.lookup::<Ticket>(&child, None, pass);
        let delivery = world.lookup::<Delivery>(&child, None, pass);
        let steps = [ticket.present().map(|t| t.since), delivery.present().map(|d| d.since)];
        let ats = [payment.present().map(|p| p.at), ticket.present().map(|t| t.at), delivery.present().map(|d| d.at)];
        Some(Observed {
            request: facts::request(order),
            store: map(world.lookup(&key.sibling(&order.spec.store), None, pass), facts::store),
            products: facts::products(world, key, order, &meta.uid, pass),
            wallet: facts::wallet(world, key, order, pass),
            platform: facts::platform(world, key, order, &status, pass),
            unreadable: facts::unreadable(world, key, order, &status, &child),
            references_afresh: facts::references_afresh(key, order, pass),
            order_afresh: pass.read(Kind::Order, &meta.name).is_some(),
            family_afresh: facts::family_afresh(order, &meta, pass),
            stepped: steps.into_iter().flatten().fold(seen.since, std::cmp::max),
            changed: ats.into_iter().flatten().fold(seen.at, std::cmp::max),
            payment: map(payment, facts::payment),
            ticket: map(ticket, facts::ticket),
            delivery: map(delivery, facts::delivery),
            notices: facts::notices(world, key, &meta, untold.is_some() || status.ended_at.is_none()),
            untold,
            earlier: earlier(world, key, order, &status, pass),
            view_shows_end: meta.deleting.is_some() && view_shows_end(world, key, pass),
            status,
            meta,
        })
    }

    fn decide(observed: &Observed, now: Time, policy: &Policy) -> Plan<Status> {
        decide(observed, now, policy)
    }

    fn seen(observed: &Observed) -> Option<(&crate::domain::Meta, &Status)> {
        Some((&observed.meta, &observed.status))
    }

    fn conditions(observed: &mut Observed) -> Option<&mut Vec<Condition>> {
        Some(&mut observed.status.conditions)
    }
}

/// The order that was placed before under this name with the same content, as its row tells.
fn earlier(world: &World, key: &Key, order: &Order, status: &Status, pass: &Pass) -> Option<Earlier> {
    if status.terms.is_some() || status.ended_at.is_some() {
        return None;
    }
    let seen = world.views.get(key)?;
    let row = &*seen.object;
    if Some(&row.spec.order.uid) == order.metadata.uid.as_ref() {
        return None;
    }
    let row = Some(row.to_row()).filter(|row| row.is_memory_of(&order.content()))?;
    let afresh = pass.read(Kind::OrderView, &key.name).is_some();
    Some(Earlier { state: row.status.order, ended: row.ended_at(), afresh })
}

fn view_shows_end(world: &World, key: &Key, pass: &Pass) -> bool {
    super::view::OrderViews::observe(world, key, pass).is_some_and(|row| crate::domain::view::shows_end(&row))
}
