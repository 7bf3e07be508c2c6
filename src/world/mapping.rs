//! What objects of our kinds are found by beside their names, and what a change of one enqueues: the watch mappings.

use std::collections::HashSet;
use std::hash::Hash;

use kube::Resource;

use crate::cluster::Watched;
use crate::cluster::denials::denied;
use crate::domain::Kind;

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

/// What a payment is found by.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum PaymentIndex {
    /// Its facts ask something of the ledger with this UID.
    Asks(String),
    /// A provider of the platform may have to answer for its money.
    AtProvider,
}

/// What a notification that waits is found by: the endpoint of a store, or, without a name, that of customers.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum NotificationIndex {
    /// It was not attempted yet.
    Untried(Option<String>),
    /// An attempt has failed.
    Failing(Option<String>),
    /// Attempted or not, an undo may wait for it; those are found here alone.
    Required(Option<String>),
}

/// Objects of the same namespace that are found by an index, to be enqueued.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// Every object of the kind.
    Every(Kind),
    Orders(OrderIndex),
    Payments(PaymentIndex),
    Notifications(NotificationIndex),
    /// The first of them, by name.
    FirstNotification(NotificationIndex),
}

/// Whom a change of an object of this kind concerns.
pub trait Mapping: Watched {
    /// Kind and name, in the same namespace.
    fn enqueues(name: &str, old: Option<&Self>, new: Option<&Self>) -> Vec<(Kind, String)>;

    /// Whoever is found by an index.
    fn enqueues_found(_old: Option<&Self>, _new: Option<&Self>) -> Vec<Found> {
        Vec::new()
    }
}

/// Whether the spec is another one, or the object came or went.
pub(super) fn spec_changed<K: Resource>(old: Option<&K>, new: Option<&K>) -> bool {
    let generation = |object: Option<&K>| object.and_then(|object| object.meta().generation);
    generation(old) != generation(new)
}

/// The name of an object that was not there before: orders may wait for it.
pub(super) fn appeared<K: Resource>(old: Option<&K>, new: Option<&K>) -> Option<String> {
    let uid = |object: &K| object.meta().uid.clone();
    new.filter(|_| old.and_then(uid) != new.and_then(uid)).and_then(|new| new.meta().name.clone())
}

/// The UID of an object of which a write is denied now and was not before, or the other way round.
pub(super) fn denial_turned<K: Watched>(old: Option<&K>, new: Option<&K>) -> Option<String> {
    let is_denied = |object: Option<&K>| object.is_some_and(|object| denied(object).is_some());
    new.filter(|_| is_denied(old) != is_denied(new)).and_then(|new| new.meta().uid.clone())
}

/// The entries that are new or say something new. One that has left concerns nobody: it was acknowledged.
pub(super) fn answered<'a, E: Eq + Hash>(old: &[E], new: &'a [E]) -> Vec<&'a E> {
    let before: HashSet<&E> = old.iter().collect();
    new.iter().filter(|entry| !before.contains(entry)).collect()
}
