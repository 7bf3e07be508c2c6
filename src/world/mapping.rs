//! What objects of our kinds are found by beside their names, and what a change of one enqueues: the watch mappings.

use std::collections::HashSet;
use std::hash::Hash;

use kube::Resource;

use crate::cluster::Watched;
use crate::cluster::denials::denied;
use crate::domain::Kind;
use crate::kinds::kinds;

macro_rules! found {
    ([] $($kind:ident $field:ident $module:ident::$controller:ident;)+) => {
        /// A kind, and what some of its objects are found by.
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub enum By {
            $($kind(<crate::crd::$kind as Watched>::Index),)+
        }
    };
}

kinds!(found);

/// Objects of the same namespace that are found by an index, to be enqueued.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// Every object of the kind.
    Every(Kind),
    All(By),
    /// The first of them, by name.
    First(By),
}

/// Whom a change of an object of this kind concerns.
pub trait Mapping: Watched {
    /// Kind and name, in the same namespace.
    fn enqueues(name: &str, old: Option<&Self>, new: Option<&Self>) -> Vec<(Kind, String)>;

    /// Of what `enqueues` names, the kinds that people wait for more than for what is enqueued already.
    fn hastens(_new: Option<&Self>) -> &'static [Kind] {
        &[]
    }

    /// Whoever is found by an index.
    fn enqueues_found(_old: Option<&Self>, _new: Option<&Self>) -> Vec<Found> {
        Vec::new()
    }
}

/// An order on its way goes before those that are not placed yet. Where a crowd comes, those that came first end first, and
/// ledgers hold no more of them at once than can be worked on.
pub(super) const ON_ITS_WAY: &[Kind] = &[Kind::Order];

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
