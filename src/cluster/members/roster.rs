//! What is known of the Leases, and what follows from it; no calls are made here.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

/// A newcomer keeps still for so long: longer than a call to an endpoint and the delay of a watch.
pub const JOIN: Duration = Duration::from_secs(7);
/// Alone is who sees nobody for so long after its own Lease was made: longer than the delay of a watch.
pub const PROBATION: Duration = Duration::from_secs(3);
/// Among others, a Lease is renewed so often.
pub const RENEW: Duration = Duration::from_secs(5);
/// Who could not renew for so long keeps still.
pub const SILENT: Duration = Duration::from_secs(12);
/// A Lease that did not change for so long is that of a dead process.
pub const DEAD: Duration = Duration::from_secs(20);
/// A process that did not look at the time for so long was frozen.
pub const FROZEN: Duration = Duration::from_secs(3);
/// Where the API server does not let it know for so long, it works as one of several.
pub const STUCK: Duration = Duration::from_secs(15);

/// Who else does a piece of work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Nobody.
    Alone,
    /// Others, who know of this process.
    Several,
    /// That is not known yet; it keeps still.
    Unsure,
}

/// Namespace and name.
pub type Place = (String, String);

/// One version of somebody's Lease.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    pub uid: String,
    pub version: String,
    /// The pod, where the process has one to itself.
    pub pod: Option<String>,
    pub works: Vec<String>,
    /// The one namespace that the process watches; nothing for all.
    pub scope: Option<String>,
}

/// Another process that was seen alive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Other {
    pub id: String,
    pub works: Vec<String>,
    /// The one namespace that it watches; nothing for all.
    pub scope: Option<String>,
    /// Whether it has been there for so long that it does what one must not do who is not known.
    pub established: bool,
}

struct Peer {
    seen: Seen,
    since: Instant,
    /// When it last changed.
    changed: Instant,
    /// Whether it was seen to renew: nobody does that who does not work yet, or does not live.
    works: bool,
}

struct Own {
    seen: Seen,
    since: Instant,
    renewed: Instant,
}

/// What is to be done about the Leases.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Deed {
    /// The watch is to begin anew.
    List,
    /// Our own, in this namespace.
    Create(String),
    Renew(String),
    Drop(String),
    /// Somebody is dead.
    Reap(Place, Seen),
}

impl Deed {
    /// The call that it takes, if any.
    pub fn verb(&self) -> Option<&'static str> {
        match self {
            Self::List => None,
            Self::Create(_) => Some("create"),
            Self::Renew(_) => Some("patch"),
            Self::Drop(_) | Self::Reap(..) => Some("delete"),
        }
    }
}

/// The Leases as they are known, this process's own and those of others.
pub struct Roster {
    id: String,
    pod: Option<String>,
    works: Vec<String>,
    /// The namespace of our first Lease; nothing before the process has joined.
    home: Option<String>,
    /// The one namespace that this process watches; nothing for all.
    scope: Option<String>,
    peers: BTreeMap<Place, Peer>,
    own: BTreeMap<String, Own>,
    /// Whether this process works, and so renews, and whether the others have not been shown that yet.
    works_now: bool,
    unshown: bool,
    listing: Option<BTreeSet<Place>>,
    listed: bool,
    beat: Instant,
    /// Since when it cannot be known who else there is.
    blind: Option<Instant>,
}

impl Roster {
    pub fn new(id: String, pod: Option<String>, works: Vec<String>, now: Instant) -> Self {
        Self {
            id,
            pod,
            works,
            home: None,
            scope: None,
            peers: BTreeMap::new(),
            own: BTreeMap::new(),
            works_now: false,
            unshown: false,
            listing: None,
            listed: false,
            beat: now,
            blind: Some(now),
        }
    }

    pub fn id(&self) -> &str {
        &self.id
    }

    pub fn works(&self) -> &[String] {
        &self.works
    }

    pub fn pod(&self) -> Option<&str> {
        self.pod.as_deref()
    }

    pub fn scope(&self) -> Option<&str> {
        self.scope.as_deref()
    }

    /// Where our first Lease is to be, and the one namespace that is watched, if it is one.
    pub fn join(&mut self, home: &str, scope: Option<&str>) {
        (self.home, self.scope) = (Some(home.to_owned()), scope.map(str::to_owned));
    }

    /// This process works from now on: whoever is there already is to know at once.
    pub fn begin(&mut self) {
        (self.works_now, self.unshown) = (true, !self.own.is_empty());
    }

    /// This process cannot work for now, and does not renew: the others take over.
    pub fn pause(&mut self) {
        self.works_now = false;
    }

    /// Where our Leases are.
    pub fn places(&self) -> Vec<String> {
        self.own.keys().cloned().collect()
    }

    /// Our own Lease in this namespace.
    pub fn own(&self, namespace: &str) -> Option<Seen> {
        self.own.get(namespace).map(|own| own.seen.clone())
    }

    pub fn standing(&self, work: &str, now: Instant) -> Standing {
        if self.blind.is_some_and(|since| now.duration_since(since) > STUCK) {
            return Standing::Several;
        }
        let frozen = now.duration_since(self.beat) > FROZEN;
        if frozen || self.blind.is_some() {
            return Standing::Unsure;
        }
        if !self.peers.values().any(|peer| peer.seen.works.iter().any(|other| other == work)) {
            let passed = |own: &Own| now.duration_since(own.since) >= PROBATION;
            return if self.own.values().all(passed) { Standing::Alone } else { Standing::Unsure };
        }
        let known = |own: &Own| now.duration_since(own.since) >= JOIN && now.duration_since(own.renewed) <= SILENT;
        if self.own.values().all(known) { Standing::Several } else { Standing::Unsure }
    }

    pub fn ids(&self, work: &str) -> Vec<String> {
        let does = |peer: &Peer| peer.seen.works.iter().any(|other| other == work);
        let others = self.peers.iter().filter(|(_, peer)| does(peer)).map(|((_, name), _)| name.clone());
        let mine = self.works.iter().any(|own| own == work).then(|| self.id.clone());
        others.chain(mine).collect::<BTreeSet<String>>().into_iter().collect()
    }

    /// Those among whom work is shared: whoever was seen to renew not long ago. One that has several Leases is one.
    pub fn others(&self, now: Instant) -> Vec<Other> {
        let mut others = BTreeMap::<&str, Other>::new();
        let works = |peer: &Peer| peer.works && now.duration_since(peer.changed) <= SILENT;
        for ((_, name), peer) in self.peers.iter().filter(|(_, peer)| works(peer) && self.shares(peer)) {
            let Seen { works, scope, .. } = peer.seen.clone();
            let established = now.duration_since(peer.since) >= JOIN;
            let other = Other { id: name.clone(), works, scope, established };
            others.entry(name).and_modify(|known| known.established |= established).or_insert(other);
        }
        others.into_values().collect()
    }

    /// A list begins.
    pub fn list_begins(&mut self) {
        self.listing = Some(BTreeSet::new());
    }

    /// A Lease stands.
    pub fn take(&mut self, place: Place, seen: Seen, now: Instant) {
        if let Some(listing) = &mut self.listing {
            listing.insert(place.clone());
        }
        if place.1 == self.id {
            let own = self.own.entry(place.0).or_insert(Own { seen: seen.clone(), since: now, renewed: now });
            own.seen = seen;
        } else {
            let known = self.peers.get(&place);
            if known.is_none_or(|peer| peer.seen != seen) {
                let (since, works) = (known.map_or(now, |peer| peer.since), known.is_some());
                self.peers.insert(place, Peer { seen, since, changed: now, works });
            }
        }
        self.look(now);
    }

    /// A Lease is gone.
    pub fn gone(&mut self, place: &Place, now: Instant) {
        self.peers.remove(place);
        if place.1 == self.id {
            self.own.remove(&place.0);
        }
        self.look(now);
    }

    /// The list is whole.
    pub fn list_ends(&mut self, now: Instant) {
        if let Some(listing) = self.listing.take() {
            self.peers.retain(|place, _| listing.contains(place));
            let id = self.id.clone();
            self.own.retain(|namespace, _| listing.contains(&(namespace.clone(), id.clone())));
            self.listed = true;
        }
        self.look(now);
    }

    /// The watch is interrupted.
    pub fn lost(&mut self, now: Instant) {
        self.listed = false;
        self.look(now);
    }

    pub fn renewed(&mut self, namespace: &str, at: Instant) {
        if let Some(own) = self.own.get_mut(namespace) {
            own.renewed = at;
        }
    }

    /// Sees whether it can be known who else there is.
    fn look(&mut self, now: Instant) {
        let knows = self.listed && self.home.as_ref().is_some_and(|home| self.own.contains_key(home));
        self.blind = if knows { None } else { self.blind.or(Some(now)) };
    }

    /// A look at the time: what is to be done now.
    pub fn tick(&mut self, now: Instant) -> Vec<Deed> {
        let mut deeds = Vec::new();
        if now.duration_since(self.beat) > FROZEN {
            self.listed = false;
            self.look(now);
            deeds.push(Deed::List);
        }
        self.beat = now;
        let homes = self.homes();
        deeds.extend(homes.iter().filter(|home| !self.own.contains_key(*home)).cloned().map(Deed::Create));
        if self.works_now && self.peers.values().any(|peer| self.shares(peer)) {
            let unshown = std::mem::take(&mut self.unshown);
            let due = self.own.iter().filter(|(_, own)| unshown || now.duration_since(own.renewed) >= RENEW);
            deeds.extend(due.map(|(namespace, _)| Deed::Renew(namespace.clone())));
        }
        deeds.extend(self.own.keys().filter(|namespace| !homes.contains(*namespace)).cloned().map(Deed::Drop));
        let dead = |peer: &Peer| {
            // The process that had our pod before us.
            let before = self.pod.is_some() && peer.seen.pod == self.pod && peer.seen.works == self.works;
            before || (self.shares(peer) && now.duration_since(peer.changed) > DEAD)
        };
        if self.blind.is_none() {
            let dead = self.peers.iter().filter(|(_, peer)| dead(peer));
            deeds.extend(dead.map(|(place, peer)| Deed::Reap(place.clone(), peer.seen.clone())));
        }
        deeds
    }

    fn shares(&self, peer: &Peer) -> bool {
        peer.seen.works.iter().any(|work| self.works.contains(work))
    }

    /// Where our Leases belong: at home, and wherever somebody is who may not see them there.
    fn homes(&self) -> BTreeSet<String> {
        let Some(home) = &self.home else { return BTreeSet::new() };
        let at_home = |name: &String| self.peers.contains_key(&(home.clone(), name.clone()));
        let elsewhere = self.peers.iter().filter(|((_, name), peer)| self.shares(peer) && !at_home(name));
        elsewhere.map(|((namespace, _), _)| namespace.clone()).chain([home.clone()]).collect()
    }
}

#[cfg(test)]
mod tests;
