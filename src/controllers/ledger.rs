//! What Product and Wallet have in common as sources: whom an answer concerns, and whose entry nobody was seen for.

use std::collections::{BTreeSet, HashSet};
use std::hash::Hash;

use crate::cluster::cache::Index;
use crate::cluster::{Cache, Key, Source};
use crate::domain::ledger::{Missing, Request};

/// The entries that are new or say something new. One that has left concerns nobody: it was acknowledged.
pub(super) fn answered<'a, E: Eq + Hash>(old: &[E], new: &'a [E]) -> Vec<&'a E> {
    let before: HashSet<&E> = old.iter().collect();
    new.iter().filter(|entry| !before.contains(entry)).collect()
}

/// The requesters to look at: those whose facts ask something of the ledger, and those that have an entry.
pub(super) fn requesters<'a, K: Source>(
    cache: &Cache<K>,
    ledger: &Key,
    uid: &str,
    entries: impl Iterator<Item = &'a str>,
) -> BTreeSet<Key> {
    let asking = cache.find(&ledger.namespace, Index::Asks(uid.to_owned()));
    asking.into_iter().chain(entries.map(|name| ledger.sibling(name))).collect()
}

/// What is known of the orders that have an entry and no request: pairs of UID and proof.
pub(super) fn unseen<'a, Ask>(
    requests: &[Request<Ask>],
    entries: impl Iterator<Item = (&'a str, &'a str)>,
    missing: impl Fn(&str, &str) -> Missing,
) -> Vec<(String, Missing)> {
    let seen: HashSet<&str> = requests.iter().map(|request| request.order.as_str()).collect();
    let unseen = entries.filter(|(order, _)| !seen.contains(order));
    unseen.map(|(order, name)| (order.to_owned(), missing(order, name))).collect()
}
