//! Order: watches orders, the answers of ledgers, its Payment, its Delivery, and its row.

use crate::cluster::world::Held;
use crate::cluster::{Key, Pass, Seen, Source, World, cache::Index};
use crate::crd::{Delivery, Order, Payment, Product, Wallet};
use crate::domain::delivery::Progress;
use crate::domain::order::{
    DeliveryFacts, Observed, PaymentFacts, ProductFacts, Request, Status, StoreFacts, WalletFacts, decide,
};
use crate::domain::{Kind, Lookup, Plan, Policy, Time, conditions, ids, view};

use super::{Controller, meta_of};

impl Source for Order {
    const KIND: Kind = Kind::Order;

    fn index(&self) -> Vec<Index> {
        let Some(status) = self.status.as_ref().filter(|status| status.ended_at.is_none()) else { return Vec::new() };
        let Some(terms) = &status.terms else { return Vec::new() };
        let asks = status.paid_at.is_none() || status.releasing_at.is_some();
        let mut found: Vec<Index> = terms.items.iter().map(|line| Index::Refers(line.uid.clone())).collect();
        found.push(Index::Refers(terms.wallet.uid.clone()));
        if asks {
            found.extend(terms.items.iter().map(|line| Index::Asks(line.uid.clone())));
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

    fn wakes(name: &str, old: Option<&Self>, new: Option<&Self>) -> Vec<(Kind, String)> {
        let mut woken = vec![(Kind::Order, name.to_owned()), (Kind::OrderView, name.to_owned())];
        if asks(old) != asks(new) {
            let terms = [old, new].into_iter().flatten().find_map(|order| order.status.as_ref()?.terms.as_ref());
            woken.extend(terms.iter().flat_map(|t| &t.items).map(|line| (Kind::Product, line.product.clone())));
        }
        // Children only wait for their order's end; a deleted ledger for the end of every order that refers to it.
        if ended(old) != ended(new) || new.is_none() {
            for order in [old, new].into_iter().flatten().take(1) {
                let child = ids::child_name(name, order.metadata.uid.as_deref().unwrap_or_default());
                woken.extend([(Kind::Payment, child.clone()), (Kind::Delivery, child)]);
                woken.push((Kind::Wallet, order.spec.payment.wallet.clone()));
            }
        }
        woken
    }
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
        let terms = status.terms.as_ref();
        let child = key.sibling(&ids::child_name(&meta.name, &meta.uid));
        let product = |name: &str, uid: Option<&str>| {
            map(world.lookup(&key.sibling(name), uid, pass), |seen: Seen<Product>| {
                product_facts(&seen.object, &meta.uid)
            })
        };
        // Once there are terms they count: the list in the spec can be written in another order.
        let products = match terms {
            Some(terms) => terms.items.iter().map(|line| product(&line.product, Some(&line.uid))).collect(),
            None => order.spec.items.iter().map(|item| product(&item.product, None)).collect(),
        };
        let wallet = key.sibling(&order.spec.payment.wallet);
        let read = |kind, name: &str| pass.read(kind, name).is_some();
        let items_afresh = order.spec.items.iter().all(|item| read(Kind::Product, &item.product));
        Some(Observed {
            request: request_of(order),
            store: map(world.lookup(&key.sibling(&order.spec.store), None, pass), store_facts),
            products,
            wallet: map(world.lookup(&wallet, None, pass), wallet_facts),
            references_afresh: items_afresh && read(Kind::Store, &order.spec.store) && read(Kind::Wallet, &wallet.name),
            order_afresh: read(Kind::Order, &meta.name),
            payment: map(of_order::<Payment>(world, &child, pass), payment_facts),
            delivery: map(of_order::<Delivery>(world, &child, pass), delivery_facts),
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
}

/// A child's name holds its order's UID, so the name is enough.
fn of_order<K: Held>(world: &World, child: &Key, pass: &Pass) -> Lookup<Seen<K>> {
    world.lookup(child, None, pass)
}

fn map<T, U>(lookup: Lookup<T>, with: impl FnOnce(T) -> U) -> Lookup<U> {
    match lookup {
        Lookup::Present(object) => Lookup::Present(with(object)),
        Lookup::Unproven => Lookup::Unproven,
        Lookup::Gone => Lookup::Gone,
    }
}

fn request_of(order: &Order) -> Request {
    let spec = &order.spec;
    Request {
        customer: spec.customer.clone(),
        store: spec.store.clone(),
        items: spec.items.iter().map(|item| (item.product.clone(), item.quantity)).collect(),
        wallet: spec.payment.wallet.clone(),
        deliver_to: spec.deliver_to.clone(),
        cancel: spec.cancel.as_ref().map(|cancel| cancel.reason.clone()),
    }
}

fn store_facts(seen: Seen<crate::crd::Store>) -> StoreFacts {
    StoreFacts { seller: seen.object.spec.seller.clone(), confirmation: seen.object.spec.confirmation }
}

fn product_facts(product: &Product, order: &str) -> ProductFacts {
    let entries = product.status.iter().flat_map(|status| &status.entries);
    ProductFacts {
        uid: product.metadata.uid.clone().unwrap_or_default(),
        store: product.spec.store.clone(),
        price: product.spec.price.clone(),
        deleting: product.metadata.deletion_timestamp.is_some(),
        answer: entries.into_iter().find(|entry| entry.order == order).map(|entry| entry.answer),
    }
}

fn wallet_facts(seen: Seen<Wallet>) -> WalletFacts {
    let wallet = &*seen.object;
    WalletFacts {
        uid: wallet.metadata.uid.clone().unwrap_or_default(),
        owner: wallet.spec.owner.clone(),
        currency: wallet.spec.deposited.currency.clone(),
        deleting: wallet.metadata.deletion_timestamp.is_some(),
    }
}

fn payment_facts(seen: Seen<Payment>) -> PaymentFacts {
    let payment = &*seen.object;
    let status = payment.status.clone().unwrap_or_default();
    let said = |type_: &str| status.conditions.iter().find(|condition| condition.type_ == type_);
    PaymentFacts {
        target: target_of(&seen),
        cancel: payment.spec.cancel,
        approved: status.approved_at.is_some(),
        declined: status
            .declined_at
            .map(|_| said(conditions::SUCCEEDED).map_or_else(String::new, |c| c.reason.clone())),
        cancelled: status.cancelled_at.is_some(),
        stalled: said(conditions::STALLED).map(|condition| condition.message.clone()),
    }
}

fn delivery_facts(seen: Seen<Delivery>) -> DeliveryFacts {
    let delivery = &*seen.object;
    let status = delivery.status.clone().unwrap_or_default();
    DeliveryFacts {
        target: target_of(&seen),
        held: delivery.spec.hold.is_some(),
        delivered: delivery.spec.progress == Some(Progress::Delivered),
        confirmed: status.confirmed_at.is_some(),
        cancelled: status.cancelled_at.is_some(),
    }
}

fn target_of<K: kube::Resource>(seen: &Seen<K>) -> crate::domain::Target {
    let meta = seen.object.meta();
    crate::domain::Target {
        name: meta.name.clone().unwrap_or_default(),
        uid: meta.uid.clone().unwrap_or_default(),
        version: seen.version,
    }
}

fn view_shows_end(world: &World, key: &Key, pass: &Pass) -> bool {
    super::view::OrderViews::observe(world, key, pass).is_some_and(|row| view::shows_end(&row))
}
