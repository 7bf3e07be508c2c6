//! What is known of the API server beside its objects: which history it tells, what it says that cannot be understood,
//! which kinds cannot be read, and which namespaces go away.

use std::collections::{BTreeMap, HashSet};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use super::history::History;
use super::lock;
use super::unknown::Unknowns;
use super::unreadable::Unreadables;
use crate::domain::Kind;

/// A kind that cannot be read for so long is no matter of a moment.
const SILENCE: Duration = Duration::from_secs(15);

/// What is known of the API server beside its objects.
#[derive(Default)]
pub struct Server {
    /// The history that it tells.
    pub history: History,
    /// What cannot be understood.
    pub unreadables: Unreadables,
    /// Which statuses are not replaced as a whole.
    pub unknowns: Unknowns,
    /// Which kinds cannot be read at present, since when, and why.
    silent: Mutex<BTreeMap<Kind, (Instant, String)>>,
    terminating: Mutex<HashSet<Arc<str>>>,
}

impl Server {
    /// What is known at first after the history broke for this reason.
    pub fn after(why: String) -> Self {
        Self { history: History::after(why), ..Self::default() }
    }

    /// Notes whether a kind can be read, or why not, and says so where that is news: at the start, which kinds are not
    /// installed.
    pub fn hears(&self, kind: Kind, outcome: Result<(), String>) {
        let mut silent = lock(&self.silent);
        match outcome {
            Ok(()) => {
                if silent.remove(&kind).is_some() {
                    tracing::info!(%kind, "a kind that could not be read is read again");
                }
            }
            Err(why) => {
                let known = silent.entry(kind).or_insert_with(|| (Instant::now(), String::new()));
                if known.1 != why {
                    tracing::warn!(%kind, %why, "a kind cannot be read; what needs it waits");
                    known.1 = why;
                }
            }
        }
    }

    /// What keeps these kinds from being as they stand, in words: a cache that is not filled, or a kind that could not be
    /// read for a while. Each comes with whether its cache is filled.
    pub fn unready(&self, kinds: impl Iterator<Item = (Kind, bool)>) -> Option<String> {
        let silent = lock(&self.silent);
        let (mut empty, mut old) = (Vec::new(), Vec::new());
        for (kind, filled) in kinds {
            let why = silent.get(&kind);
            if !filled {
                empty.push(why.map_or_else(|| kind.to_string(), |(_, why)| format!("{kind} ({why})")));
            } else if let Some((since, why)) = why.filter(|(since, _)| since.elapsed() > SILENCE) {
                old.push(format!("{kind} for {} s ({why})", since.elapsed().as_secs()));
            }
        }
        match (empty.is_empty(), old.is_empty()) {
            (true, true) => None,
            (true, false) => Some(format!("cannot be read: {}", old.join(", "))),
            (false, _) => Some(format!("the caches are not filled yet: {}", empty.join(", "))),
        }
    }

    /// Whether the namespace is being deleted.
    pub fn is_terminating(&self, namespace: &str) -> bool {
        lock(&self.terminating).contains(namespace)
    }

    /// Notes whether a namespace is being deleted; gives whether that it is, is news.
    pub fn set_terminating(&self, namespace: &str, terminating: bool) -> bool {
        let mut all = lock(&self.terminating);
        if !terminating {
            all.remove(namespace);
            return false;
        }
        all.insert(namespace.into())
    }
}
