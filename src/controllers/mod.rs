//! The controllers: one driver, and one short file a kind with what it observes and what a change of it wakes.

pub mod delivery;
mod denial;
pub mod driver;
pub mod explain;
mod facts;
mod ledger;
pub mod notification;
pub mod order;
pub mod payment;
pub mod platform;
pub mod product;
pub mod run;
pub mod store;
pub mod ticket;
pub mod view;
pub mod wallet;

pub use driver::{Context, Controller};
pub use run::{Options, Running, start};

use kube::Resource;

use crate::cluster::{Key, Pass, Seen, World};
use crate::crd::Payment;
use crate::domain::child::{Fate, Gone};
use crate::domain::{Generation, Kind, Lookup, Meta, OrderRef, Time, ids};

/// The identity and lifecycle of an object as last seen.
fn meta_of<K: Resource>(world: &World, seen: &Seen<K>) -> Meta {
    let meta = seen.object.meta();
    let namespace = meta.namespace.as_deref().unwrap_or_default();
    let finalizers = meta.finalizers.as_deref().unwrap_or_default();
    Meta {
        name: meta.name.clone().unwrap_or_default(),
        uid: meta.uid.clone().unwrap_or_default(),
        version: seen.version,
        generation: Generation(meta.generation.unwrap_or_default()),
        created: created(&*seen.object, seen.at),
        changed: seen.at,
        deleting: meta.deletion_timestamp.as_ref().map(|time| Time::new(time.0)),
        guarded: finalizers.iter().any(|finalizer| finalizer == ids::FINALIZER),
        namespace_terminating: world.is_terminating(namespace),
    }
}

/// The name of an object that was not there before: orders may wait for it.
fn appeared<K: Resource>(old: Option<&K>, new: Option<&K>) -> Option<String> {
    let uid = |object: &K| object.meta().uid.clone();
    new.filter(|_| old.and_then(uid) != new.and_then(uid)).and_then(|new| new.meta().name.clone())
}

/// When an object was created; one that does not say so, when it was first seen.
fn created<K: Resource>(object: &K, seen: Time) -> Time {
    object.meta().creation_timestamp.as_ref().map_or(seen, |time| Time::new(time.0))
}

/// Whether our finalizer is on an object.
fn is_guarded<K: Resource>(object: &K) -> bool {
    object.meta().finalizers.iter().flatten().any(|finalizer| finalizer == ids::FINALIZER)
}

/// What a child knows of its order.
fn fate_of(world: &World, key: &Key, order: &OrderRef, pass: &Pass) -> Fate {
    let held = world.orders.get(&key.sibling(&order.name));
    if let Some(seen) = held.filter(|seen| seen.object.metadata.uid.as_deref() == Some(&order.uid)) {
        return seen.object.status.as_ref().and_then(|status| status.ended_at).map_or(Fate::Open, Fate::Ended);
    }
    if world.unreadables.why(Kind::Order, &key.sibling(&order.name)).is_some() {
        return Fate::Open;
    }
    if let Some((version, at)) = pass.read_at(Kind::Order, &order.name) {
        // Remembered, so that the time for which children linger has a beginning.
        world.orders.bury(&order.uid, version, at);
    }
    let Some(stone) = world.orders.gone(&order.uid) else { return Fate::Unproven };
    let row_read = pass.read(Kind::OrderView, &order.name).is_some();
    let ended = stone.ended.or_else(|| row_says(world, key, order, row_read));
    Fate::Gone(Gone { noticed: stone.at, ended, row_read })
}

/// Whether an order that is gone had ended, as its row says: an order's finalizer goes only once the row shows the end. An
/// end stays; the lack of one counts only in a row that was read for this very decision.
fn row_says(world: &World, key: &Key, order: &OrderRef, read: bool) -> Option<bool> {
    let row = world.views.get(&key.sibling(&order.name))?;
    let mine = row.object.spec.order.uid == order.uid;
    let ended = row.object.status.as_ref().filter(|_| mine)?.shows_end_of_order();
    (ended || read).then_some(ended)
}

/// Whether the order's payment is cancelled or declined. It has the name of every child: all are derived from the order.
fn unpaid(world: &World, child: &Key, pass: &Pass) -> Lookup<bool> {
    facts::map(world.lookup::<Payment>(child, None, pass), |found| {
        found.object.status.as_ref().is_some_and(crate::domain::payment::Status::is_final)
    })
}

#[cfg(test)]
mod tests;
