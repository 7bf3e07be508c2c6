//! What Product and Wallet have in common: who asks of them, and whose entry nobody was seen for.

use std::collections::{BTreeSet, HashSet};

use crate::cluster::{Cache, Key, Watched};
use crate::domain::ledger::{Missing, Request};

/// The requesters to look at: those whose facts ask something of the ledger, and those that have an entry.
pub(super) fn requesters<'a, K: Watched>(
    cache: &Cache<K>,
    ledger: &Key,
    asking: K::Index,
    entries: impl Iterator<Item = &'a str>,
) -> BTreeSet<Key> {
    let asking = cache.find(&ledger.namespace, asking);
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
