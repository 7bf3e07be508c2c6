//! Product: watches products and the orders that ask for its stock.

use std::collections::BTreeSet;

use crate::cluster::{EVERY, Key};
use crate::crd::{Order, Product};
use crate::domain::child::OwnerState;
use crate::domain::ledger::{Asked, Missing, Request};
use crate::domain::product::{Ask, Entry, Observed};
use crate::domain::{Kind, OrderRef, ids};
use crate::world::lookup::has_finalizer;
use crate::world::order::OrderIndex;
use crate::world::payment::PaymentIndex;
use crate::world::{LiveReads, World};

use super::{Controller, ledger};

/// The Product controller.
pub struct Products;

impl Controller for Products {
    type Root = Product;
    type Observed = Observed;

    fn observe(world: &World, key: &Key, live: &LiveReads) -> Option<Observed> {
        let seen = world.products.get(key)?;
        let meta = world.meta_of(&seen);
        let status = seen.object.status.clone().unwrap_or_default();
        let names = status.entries.iter().map(|entry| entry.name.as_str());
        let keys = ledger::requesters(&world.orders, key, OrderIndex::Asks(meta.uid.clone()), names);
        let removed = removed(world, key, &meta.uid, &status.entries, live);
        let request = |order| request(world, order, &meta.uid, &status.entries, live);
        let of_orders = keys.iter().filter_map(request).filter(|r| removed.iter().all(|other| other.order != r.order));
        let requests: Vec<_> = of_orders.chain(removed.iter().cloned()).collect();
        let entries = status.entries.iter().map(|entry| (entry.order.as_str(), entry.name.as_str()));
        let missing = |order: &str, name: &str| missing(world, key, order, name, live);
        Some(Observed {
            stock: seen.object.spec.stock,
            asked: Asked {
                missing: ledger::unseen(&requests, entries, missing),
                referred: !world.orders.find(&key.namespace, OrderIndex::Refers(meta.uid.clone())).is_empty(),
                orders_afresh: live.read(Kind::Order, EVERY).is_some(),
                unreadable: world.server.unreadables.mention(Kind::Order, &key.namespace, &meta.uid),
                requests,
            },
            status,
            meta,
        })
    }
}

/// What an order asks of the product with this UID. Orders without our finalizer are not served: they could be gone
/// before their word is given.
fn request(world: &World, key: &Key, product: &str, entries: &[Entry], live: &LiveReads) -> Option<Request<Ask>> {
    let seen = world.orders.get(key)?;
    let order = &*seen.object;
    let uid = order.metadata.uid.clone()?;
    let status = order.status.as_ref()?;
    let line = status.terms.as_ref()?.items.iter().find(|line| line.uid == product)?;
    if !has_finalizer(order) && !entries.iter().any(|entry| entry.order == uid) {
        return None;
    }
    let (ask, arrived) = Ask::of(status, order.is_wished(), line.quantity)?;
    Some(Request {
        order: uid,
        name: key.name.to_string(),
        requester: (Kind::Order, key.name.to_string()),
        version: seen.version,
        read: live.read(Kind::Order, &key.name),
        gone: None,
        arrived,
        ask,
    })
}

/// What the Payments of orders that were removed before their end ask: those that ask for stock, and those whose entry is
/// still here.
fn removed(world: &World, product: &Key, uid: &str, entries: &[Entry], live: &LiveReads) -> Vec<Request<Ask>> {
    let asking = world.payments.find(&product.namespace, PaymentIndex::Asks(uid.to_owned()));
    let gone = entries.iter().filter(|entry| world.orders.gone(&entry.order).is_some());
    let known = gone.map(|entry| product.sibling(&ids::child_name(&entry.name, &entry.order)));
    let payments: BTreeSet<Key> = asking.into_iter().chain(known).collect();
    let request = |key: &Key| {
        let seen = world.payments.get(key)?;
        let (spec, status) = (&seen.object.spec, seen.object.status.as_ref()?);
        let item = spec.items.iter().find(|item| item.uid == uid)?;
        let (ask, arrived) = Ask::of_removed(status, item.quantity)?;
        let order = product.sibling(&spec.order.name);
        let gone = match world.missing::<Order>(&order, Some(&spec.order.uid), live) {
            Missing::Gone(version) => Some(version),
            _ => None,
        };
        Some(Request {
            order: spec.order.uid.clone(),
            name: spec.order.name.clone(),
            requester: (Kind::Payment, key.name.to_string()),
            version: seen.version,
            read: live.read(Kind::Payment, &key.name),
            gone,
            arrived,
            ask,
        })
    };
    payments.iter().filter_map(request).collect()
}

/// What is known of an order that has an entry and asks nothing. Where it was removed before its end, its Payment has
/// still to say what becomes of the entry, for as long as there is one; where there is none, nothing was ever paid.
fn missing(world: &World, product: &Key, order: &str, name: &str, live: &LiveReads) -> Missing {
    let known = world.missing::<Order>(&product.sibling(name), Some(order), live);
    let Missing::Gone(version) = known else { return known };
    let (payment, order) =
        (product.sibling(&ids::child_name(name, order)), OrderRef { name: name.to_owned(), uid: order.to_owned() });
    let OwnerState::Gone(gone) = world.owner_state(product, &order, live) else { return Missing::Gone(version) };
    match gone.ended {
        Some(true) => Missing::Gone(version),
        _ if world.payments.get(&payment).is_some() => Missing::Removed,
        _ if world.unreadable(Kind::Payment, &payment).is_some() => Missing::Unreadable,
        None if world.unreadable(Kind::OrderView, &product.sibling(name)).is_some() => Missing::Unreadable,
        None if !gone.row_read => Missing::RowUnseen,
        None => Missing::Gone(version),
        Some(false) if live.read(Kind::Payment, &payment.name).is_some() => Missing::NeverPaid(version, gone.noticed),
        Some(false) => Missing::PaymentUnseen(gone.noticed),
    }
}
