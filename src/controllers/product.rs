//! Product: watches products and the orders that ask for its stock.

use crate::cluster::cache::{Index, Rouse};
use crate::cluster::world::EVERY;
use crate::cluster::{Key, Pass, Source, World};
use crate::crd::{Order, Product};
use crate::domain::ledger::Request;
use crate::domain::product::{Ask, Entry, Observed, Status, decide};
use crate::domain::{Condition, Kind, Meta, Plan, Policy, Time};

use super::{Controller, is_guarded, ledger, meta_of};

impl Source for Product {
    const KIND: Kind = Kind::Product;

    fn rouses(old: Option<&Self>, new: Option<&Self>) -> Vec<Rouse> {
        super::appeared(old, new)
            .map(|name| Rouse::All(Kind::Order, Index::Wants(Kind::Product, name)))
            .into_iter()
            .collect()
    }

    fn wakes(name: &str, old: Option<&Self>, new: Option<&Self>) -> Vec<(Kind, String)> {
        let (before, after) = (entries(old), entries(new));
        let answered = ledger::answered(before, after).into_iter().map(|entry| (Kind::Order, entry.name.clone()));
        std::iter::once((Kind::Product, name.to_owned())).chain(answered).collect()
    }
}

fn entries(product: Option<&Product>) -> &[Entry] {
    product.and_then(|product| product.status.as_ref()).map_or(&[], |status| &status.entries)
}

/// The Product controller.
pub struct Products;

impl Controller for Products {
    type Root = Product;
    type Observed = Observed;
    type Status = Status;

    fn observe(world: &World, key: &Key, pass: &Pass) -> Option<Observed> {
        let seen = world.products.get(key)?;
        let meta = meta_of(world, &seen);
        let status = seen.object.status.clone().unwrap_or_default();
        let names = status.entries.iter().map(|entry| entry.name.as_str());
        let keys = ledger::requesters(&world.orders, key, &meta.uid, names);
        let request = |order| request(world, order, &meta.uid, &status.entries, pass);
        let requests: Vec<_> = keys.iter().filter_map(request).collect();
        let entries = status.entries.iter().map(|entry| (entry.order.as_str(), entry.name.as_str()));
        let missing = |order: &str, name: &str| world.missing::<Order>(&key.sibling(name), Some(order), pass);
        Some(Observed {
            stock: seen.object.spec.stock,
            missing: ledger::unseen(&requests, entries, missing),
            referred: !world.orders.find(&key.namespace, Index::Refers(meta.uid.clone())).is_empty(),
            orders_afresh: pass.read(Kind::Order, EVERY).is_some(),
            unreadable: world.unreadables.mention(Kind::Order, &key.namespace, &meta.uid),
            requests,
            status,
            meta,
        })
    }

    fn decide(observed: &Observed, now: Time, policy: &Policy) -> Plan<Status> {
        decide(observed, now, policy)
    }

    fn seen(observed: &Observed) -> Option<(&Meta, &Status)> {
        Some((&observed.meta, &observed.status))
    }

    fn conditions(observed: &mut Observed) -> Option<&mut Vec<Condition>> {
        Some(&mut observed.status.conditions)
    }
}

/// What an order asks of the product with this UID. Orders without our finalizer are not served: they could be gone
/// before their word is given.
fn request(world: &World, key: &Key, product: &str, entries: &[Entry], pass: &Pass) -> Option<Request<Ask>> {
    let seen = world.orders.get(key)?;
    let order = &*seen.object;
    let uid = order.metadata.uid.clone()?;
    let status = order.status.as_ref()?;
    let line = status.terms.as_ref()?.items.iter().find(|line| line.uid == product)?;
    if !is_guarded(order) && !entries.iter().any(|entry| entry.order == uid) {
        return None;
    }
    let wished = order.spec.cancel.is_some() || order.metadata.deletion_timestamp.is_some();
    let (ask, arrived) = Ask::of(status, wished, line.quantity)?;
    Some(Request {
        order: uid,
        name: key.name.to_string(),
        version: seen.version,
        read: pass.read(Kind::Order, &key.name),
        arrived,
        ask,
    })
}
