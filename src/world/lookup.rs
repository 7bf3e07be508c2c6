//! What is known of an object, or of its absence, for one decision.

use kube::Resource;

use super::caches::{Cached, World};
use super::live_reads::LiveReads;
use crate::cluster::denials::denied;
use crate::cluster::{Key, Seen};
use crate::crd::{OrderPlatform, Payment};
use crate::domain::child::{Gone, OwnerState};
use crate::domain::ledger::Missing;
use crate::domain::{Generation, Kind, Lookup, Meta, OrderRef, Time, Version, ids, payment, platform};

/// When an object was created; one that does not say so, when it was first seen.
pub fn created<K: Resource>(seen: &Seen<K>) -> Time {
    seen.object.meta().creation_timestamp.as_ref().map_or(seen.at, |time| Time::new(time.0))
}

/// Whether our finalizer is on an object.
pub fn has_finalizer<K: Resource>(object: &K) -> bool {
    object.meta().finalizers.iter().flatten().any(|finalizer| finalizer == ids::FINALIZER)
}

impl World {
    /// The identity and lifecycle of an object as last seen.
    pub fn meta_of<K: Resource>(&self, seen: &Seen<K>) -> Meta {
        let meta = seen.object.meta();
        Meta {
            name: meta.name.clone().unwrap_or_default(),
            uid: meta.uid.clone().unwrap_or_default(),
            version: seen.version,
            generation: Generation(meta.generation.unwrap_or_default()),
            created: created(seen),
            changed: seen.at,
            deleting: meta.deletion_timestamp.as_ref().map(|time| Time::new(time.0)),
            has_finalizer: has_finalizer(&*seen.object),
            namespace_terminating: self.server.is_terminating(meta.namespace.as_deref().unwrap_or_default()),
        }
    }

    /// The OrderPlatform that counts in the namespace of `key`.
    pub fn platform(&self, key: &Key) -> Option<Seen<OrderPlatform>> {
        self.platforms.get(&key.sibling(platform::NAME))
    }

    /// What is wrong with an object and what to do, where it cannot be understood.
    pub fn unreadable(&self, kind: Kind, key: &Key) -> Option<String> {
        self.server.unreadables.why(kind, key)
    }

    /// What the API server said where a write of this object is denied, as the object says or as this process knows.
    pub fn why_denied<K: Cached>(&self, key: &Key) -> Option<String> {
        let said = K::cache(self).get(key).and_then(|seen| denied(&*seen.object).map(|found| found.message.clone()));
        said.or_else(|| self.denials.what(K::KIND, key))
    }

    /// Looks an object up by name and, where it was recorded, by UID. Another object under the same name proves the
    /// recorded one gone only when it was read from the API server for this very decision.
    pub fn lookup<K: Cached>(&self, key: &Key, uid: Option<&str>, live: &LiveReads) -> Lookup<Seen<K>> {
        let cache = K::cache(self);
        let seen = cache.get(key).filter(|seen| uid.is_none_or(|uid| seen.object.meta().uid.as_deref() == Some(uid)));
        match seen {
            Some(seen) => Lookup::Present(seen),
            None if self.unreadable(K::KIND, key).is_some() => Lookup::Unproven,
            None if live.read(K::KIND, &key.name).is_some() => Lookup::Gone,
            None if uid.is_some_and(|uid| cache.gone(uid).is_some()) => Lookup::Gone,
            None => Lookup::Unproven,
        }
    }

    /// What is known of a requester that was not seen.
    pub fn missing<K: Cached>(&self, key: &Key, uid: Option<&str>, live: &LiveReads) -> Missing {
        if self.unreadable(K::KIND, key).is_some() {
            return Missing::Unreadable;
        }
        if let Some(version) = live.read(K::KIND, &key.name) {
            return Missing::Gone(version);
        }
        let gone = uid.and_then(|uid| K::cache(self).gone(uid));
        gone.filter(|stone| stone.version > Version::default())
            .map_or(Missing::Unproven, |stone| Missing::Gone(stone.version))
    }

    /// What is known of the order that owns an object.
    pub fn owner_state(&self, key: &Key, order: &OrderRef, live: &LiveReads) -> OwnerState {
        let cached = self.orders.get(&key.sibling(&order.name));
        if let Some(seen) = cached.filter(|seen| seen.object.metadata.uid.as_deref() == Some(&order.uid)) {
            return seen
                .object
                .status
                .as_ref()
                .and_then(|status| status.ended_at)
                .map_or(OwnerState::Open, OwnerState::Ended);
        }
        if self.unreadable(Kind::Order, &key.sibling(&order.name)).is_some() {
            return OwnerState::Open;
        }
        if let Some((version, at)) = live.read_at(Kind::Order, &order.name) {
            // Remembered, so that the time for which children linger has a beginning.
            self.orders.bury(&order.uid, version, at);
        }
        let Some(stone) = self.orders.gone(&order.uid) else { return OwnerState::Unproven };
        let row_read = live.read(Kind::OrderView, &order.name).is_some();
        let ended = stone.ended.or_else(|| self.row_says(key, order, row_read));
        OwnerState::Gone(Gone { noticed: stone.at, ended, row_read })
    }

    /// Whether an order that is gone had ended, as its row says: an order's finalizer goes only once the row shows the end.
    /// An end stays; the lack of one counts only in a row that was read for this very decision.
    fn row_says(&self, key: &Key, order: &OrderRef, read: bool) -> Option<bool> {
        let row = self.views.get(&key.sibling(&order.name))?;
        let mine = row.object.spec.order.uid == order.uid;
        let ended = row.object.status.as_ref().filter(|_| mine)?.shows_end_of_order();
        (ended || read).then_some(ended)
    }

    /// Whether the order's payment is cancelled or declined. It has the name of every child: all are derived from the order.
    pub fn unpaid(&self, child: &Key, live: &LiveReads) -> Lookup<bool> {
        self.lookup::<Payment>(child, None, live)
            .map(|found| found.object.status.as_ref().is_some_and(payment::Status::is_final))
    }
}
