//! Product: watches products and the orders that ask for its stock.

use std::collections::BTreeSet;

use crate::cluster::cache::Index;
use crate::cluster::world::EVERY;
use crate::cluster::{Key, Pass, Source, World};
use crate::crd::{Order, Product};
use crate::domain::ledger::{Missing, Request};
use crate::domain::product::{Ask, Entry, Observed, Status, decide};
use crate::domain::{Kind, Meta, Plan, Policy, Time};

use super::{Controller, is_guarded, meta_of};

impl Source for Product {
    const KIND: Kind = Kind::Product;

    fn wakes(name: &str, old: Option<&Self>, new: Option<&Self>) -> Vec<(Kind, String)> {
        let entries = |product: Option<&Self>| -> BTreeSet<(String, String)> {
            let entries = product.and_then(|p| p.status.as_ref()).into_iter().flat_map(|status| &status.entries);
            entries.map(|entry| (entry.name.clone(), format!("{}{:?}", entry.order, entry.answer))).collect()
        };
        let (before, after) = (entries(old), entries(new));
        // Only an answer that is new concerns its order: an entry leaves after the order has acknowledged it.
        let answered = after.difference(&before).map(|(order, _)| (Kind::Order, order.clone()));
        std::iter::once((Kind::Product, name.to_owned())).chain(answered).collect()
    }
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
        let asking = world.orders.find(&key.namespace, Index::Asks(meta.uid.clone()));
        let known = status.entries.iter().map(|entry| key.sibling(&entry.name));
        let keys: BTreeSet<Key> = asking.into_iter().chain(known).collect();
        let requests: Vec<_> =
            keys.iter().filter_map(|order| request(world, order, &meta.uid, &status.entries, pass)).collect();
        let missing = |entry: &Entry| -> Option<(String, Missing)> {
            if requests.iter().any(|request: &Request<Ask>| request.order == entry.order) {
                return None;
            }
            Some((entry.order.clone(), world.missing::<Order>(&key.sibling(&entry.name), Some(&entry.order), pass)))
        };
        Some(Observed {
            stock: seen.object.spec.stock,
            missing: status.entries.iter().filter_map(missing).collect(),
            referred: !world.orders.find(&key.namespace, Index::Refers(meta.uid.clone())).is_empty(),
            orders_afresh: pass.read(Kind::Order, EVERY).is_some(),
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
    let (quantity, paid) = (line.quantity, status.paid_at.is_some());
    let ask = match (status.ended_at, status.releasing_at) {
        (Some(_), _) => Ask::Ended,
        (None, Some(_)) => Ask::Release { quantity, paid },
        (None, None) if paid => Ask::Sell,
        (None, None) => Ask::Hold(quantity),
    };
    Some(Request {
        order: uid,
        name: key.name.to_string(),
        version: seen.version,
        read: pass.read(Kind::Order, &key.name),
        arrived: status.placed_at?,
        ask,
    })
}
