//! Ledgers: a Product for its stock, a Wallet for its money. A ledger answers requests in its own status, so that a
//! debit or a reservation is one guarded write, and one write answers everything that waits at that moment.
//!
//! ```text
//! request (a fact on an Order or Payment) ─→ answer (an entry here) ─→ acknowledgement (the requester's next write)
//!                                                                        ─→ the entry leaves with a later write
//! ```
//!
//! Invariants:
//! - Totals and entries change together, in one write that carries the ledger's version: two processes cannot both debit.
//! - An entry leaves only when its requester has acknowledged it, was seen to need it no more, or is gone; the version
//!   at which that was seen raises the *mark* (`settledThrough`). A requester seen at or below the mark may be an old
//!   version of one that was settled already, so it is read afresh before a new entry is opened for it.
//! - A mark is of one history: where the live read of this reconcile is older, the mark was written by hand, in another
//!   cluster, or after the backup was made that stands here now. It is replaced by the version of that read, which is
//!   newer than everything that this ledger has settled here, and the requester is served as the read shows it.
//! - Only the requester's word gives anything back; one that is gone settles its entry as it stands. For an order that was
//!   removed before its end its Payment gives the word, and answers for the order from then on; the mark rises to a version
//!   at which the order was gone.

pub(super) mod types;

pub use types::{Asked, Missing, Request};

use std::collections::{HashMap, HashSet};

use super::case::{Case, Observed};
use super::denial::Conditioned;
use super::{Intent, Kind, Meta, Plan, Report, Time, Version, ids};

/// What a book does about one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Nothing: the entry says what there is to say.
    Rest,
    /// Open an entry, or change its answer: somebody waits for this.
    Answer,
    /// Settle the entry and let it leave; nobody waits for this, so it may ride on a later write.
    Leave,
}

/// The books of one ledger: the totals, and the rules by which a request moves them.
pub trait Book {
    type Ask;
    type Entry;
    /// The kind that asks.
    const REQUESTERS: Kind;

    /// Which step the request calls for, given its entry.
    fn step(entry: Option<&Self::Entry>, ask: &Self::Ask) -> Step;
    /// Answers: moves the totals and gives the entry that says so.
    fn answer(&mut self, entry: Option<&Self::Entry>, request: &Request<Self::Ask>) -> Self::Entry;
    /// Settles an entry that leaves, as it stands.
    fn settle(&mut self, _: &Self::Entry) {}
    /// Gives back what an entry that leaves holds.
    fn give_back(&mut self, _: &Self::Entry) {}
    /// Whether settling the entry moves a total.
    fn holds(_: &Self::Entry) -> bool {
        false
    }
    /// Whether the request gives something back, or promises never to take it.
    fn gives_back(ask: &Self::Ask) -> bool;
    /// UID of the order the entry is for.
    fn order(entry: &Self::Entry) -> &str;
    /// Name of the requester of the entry.
    fn requester(entry: &Self::Entry) -> &str;
}

/// What came of serving the requests.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Served {
    /// Somebody waits for what changed.
    pub urgent: bool,
    /// Since when a total could have been settled, where nobody waits for it.
    pub lazy_since: Option<Time>,
    /// Whether an entry is left that moves a total when it is settled.
    pub holds: bool,
    /// Kind and name of requesters to read afresh before they can be served.
    pub read_afresh: Vec<(Kind, String)>,
    /// The mark that was found to be of another history, and the version that takes its place.
    pub foreign: Option<(Version, Version)>,
}

/// What people read of a mark that was replaced.
pub const FOREIGN: &str = "status.settledThrough was of another history and is replaced.";

/// The most entries a ledger holds; above it, requests wait for room.
pub const CAPACITY: usize = 1_000;
/// The schema's bound: what gives back is answered up to here, so that a full ledger cannot keep an undo from its end.
const LIMIT: usize = 1_024;
/// Above this many entries, those whose requester was not seen are looked into, so many at a time.
const BACKLOG: usize = 64;
const LOOK_INTO: usize = 16;

/// Serves `requests`: entries first, so that what leaves makes room; then new requests in order of arrival.
pub fn serve<B: Book>(
    book: &mut B,
    entries: &mut Vec<B::Entry>,
    settled_through: &mut String,
    asked: &Asked<B::Ask>,
    missing: impl Fn(&str) -> Missing,
) -> Served {
    let (mut served, mut mark) = (Served::default(), Version::parse(settled_through));
    let mut requests: Vec<&Request<B::Ask>> = asked.requests.iter().collect();
    if let Some(read) = requests.iter().filter_map(|request| request.read).max().filter(|read| *read < mark) {
        served.foreign = Some((mark, read));
        served.urgent = true;
        mark = read;
    }
    let seen_mark = mark;
    requests.sort_by(|a, b| (a.arrived, &a.order).cmp(&(b.arrived, &b.order)));
    let known = revisit(book, entries, &mut mark, &requests, missing, &mut served);
    for request in requests.iter().filter(|r| !known.contains(&r.order)) {
        if B::step(None, &request.ask) != Step::Answer {
            continue;
        }
        if entries.len() >= if B::gives_back(&request.ask) { LIMIT } else { CAPACITY } {
            continue;
        }
        // Versions of another kind are not compared with the mark: who speaks for another is read afresh in any case.
        let may_be_old = request.requester.0 != B::REQUESTERS || request.version <= seen_mark;
        if may_be_old && request.read.is_none() {
            served.read_afresh.push(request.requester.clone());
        } else {
            entries.push(book.answer(None, request));
            served.urgent = true;
        }
    }
    if mark > Version::default() {
        *settled_through = mark.0.to_string();
    }
    served.holds = entries.iter().any(B::holds);
    served
}

/// Brings every entry up to its requester's word, and gives the orders that had one. An entry whose requester was not
/// seen settles as it stands where that is gone; else, where it still holds something, the requester is read afresh.
fn revisit<B: Book>(
    book: &mut B,
    entries: &mut Vec<B::Entry>,
    mark: &mut Version,
    requests: &[&Request<B::Ask>],
    missing: impl Fn(&str) -> Missing,
    served: &mut Served,
) -> HashSet<String> {
    let by_order: HashMap<&str, &Request<B::Ask>> = requests.iter().map(|r| (r.order.as_str(), *r)).collect();
    let known: HashSet<String> = entries.iter().map(|e| B::order(e).to_owned()).collect();
    let backlogged = known.len() > BACKLOG;
    entries.retain_mut(|entry| {
        let Some(request) = by_order.get(B::order(entry)) else {
            return match missing(B::order(entry)) {
                Missing::Gone(version) => {
                    book.settle(entry);
                    *mark = (*mark).max(version);
                    served.urgent |= B::holds(entry) || backlogged;
                    false
                }
                Missing::Unreadable => true,
                Missing::Unproven => {
                    if B::holds(entry) || (backlogged && served.read_afresh.len() < LOOK_INTO) {
                        served.read_afresh.push((B::REQUESTERS, B::requester(entry).to_owned()));
                    }
                    true
                }
                Missing::RowUnseen => {
                    served.read_afresh.push((Kind::OrderView, B::requester(entry).to_owned()));
                    true
                }
                Missing::Removed => true,
                Missing::PaymentUnseen(_) => {
                    let payment = ids::child_name(B::requester(entry), B::order(entry));
                    served.read_afresh.push((Kind::Payment, payment));
                    true
                }
                Missing::NeverPaid(version, _) => {
                    book.give_back(entry);
                    *mark = (*mark).max(version);
                    served.urgent = true;
                    false
                }
            };
        };
        match B::step(Some(entry), &request.ask) {
            Step::Rest => true,
            Step::Answer => {
                *entry = book.answer(Some(entry), request);
                served.urgent = true;
                true
            }
            Step::Leave => {
                // Who still sees the order as it was must not find a lower mark: an entry that has left would be opened anew.
                let acknowledged =
                    if request.requester.0 == B::REQUESTERS { Some(request.version) } else { request.gone };
                let Some(version) = acknowledged else {
                    served.read_afresh.push((B::REQUESTERS, B::requester(entry).to_owned()));
                    return true;
                };
                if B::holds(entry) {
                    served.lazy_since = Some(served.lazy_since.map_or(request.arrived, |t| t.min(request.arrived)));
                }
                book.settle(entry);
                *mark = (*mark).max(version);
                false
            }
        }
    });
    known
}

/// What a ledger does that has served its requests: it writes what it `wanted` and is `ready`, or goes where nobody needs it.
/// A deleted one that orders may refer to which cannot be read only says so.
pub fn conclude<O: Observed, Ask>(
    case: &Case<'_, O>,
    asked: &Asked<Ask>,
    wanted: O::Status,
    ready: Report<'_>,
    served: &Served,
) -> Plan<O::Status> {
    let (meta, before) = (case.seen.meta(), case.seen.status());
    let detained = detained(meta, &asked.unreadable);
    let is_detained = detained.is_some();
    let wanted = case.says(wanted, detained.unwrap_or(ready));
    if is_detained && !served.urgent && (wanted.conditions() != before.conditions() || !asked.referred) {
        return case.write(O::with(before.clone(), O::generation(before), wanted.conditions().to_vec()));
    }
    if meta.deleting.is_some() && !asked.referred && !served.holds {
        // That no open order refers to it was read, and not only not seen.
        return Plan::only(if asked.orders_afresh { Intent::DropFinalizer(meta.target()) } else { Intent::ReadOrders });
    }
    plan(case, wanted, served)
}

/// What keeps a deleted ledger, whoever else refers to it: orders that cannot be read.
fn detained(meta: &Meta, unreadable: &[String]) -> Option<Report<'static>> {
    let first = unreadable.first().filter(|_| meta.deleting.is_some())?;
    let others = unreadable.len() - 1;
    let more = if others > 0 { format!(" and {others} more") } else { String::new() };
    let message = format!(
        "It is deleted once Order {first}{more} can be read, which may refer to it: upgrade the operator, or mend or \
         delete the order."
    );
    Some(Report::Ready { ready: false, reason: "Unreadable", message })
}

/// The plan of a ledger: read afresh what must be, write at once what somebody waits for or what another spec changes, and
/// leave the rest for later.
fn plan<O: Observed>(case: &Case<'_, O>, wanted: O::Status, served: &Served) -> Plan<O::Status> {
    if served.urgent || O::generation(case.seen.status()) != case.seen.meta().generation {
        let plan = case.write(wanted);
        let Some((mark, read)) = served.foreign.filter(|_| plan.status.is_some()) else { return plan };
        let message = format!(
            "status.settledThrough was {}, in the future of this cluster, which is at {}: it was written by hand, in \
             another cluster, or after the backup was made that stands here now. It is replaced.",
            mark.0, read.0
        );
        return plan.with_fact("ForeignMark", message, true);
    }
    if !served.read_afresh.is_empty() {
        return Plan::all(served.read_afresh.iter().map(|(kind, name)| Intent::read(*kind, name)).collect());
    }
    match served.lazy_since.map(|since| since.after(case.policy.settle_within)) {
        Some(due) => case.write_after(due, wanted),
        None => Plan::rest(),
    }
}

#[cfg(test)]
mod tests;
