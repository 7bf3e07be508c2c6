//! OrderView: the read model. One flat row for each order, a projection of the order, its payment, ticket and delivery.
//!
//! ```text
//!  (no row) ──→ row follows its sources ──→ row of an ended order ──→ frozen once the order is gone
//!                        ↑ deleted, or edited: it comes back          replaced when the name is used by another order,
//!                                                                      removed once the platform's retention is over
//! ```
//!
//! Invariants: `view_converges`, `rows_never_step_back`. A row remembers from which versions of its sources it was made
//! ([`Marks`]). Who sees an older one reads it afresh before it writes; where even then it is older, the mark is of another
//! history (a backup, a hand) and the row is written anew from what is true.

pub mod marks;
pub mod project;
mod removed;
pub(super) mod types;

pub use marks::Marks;
pub use project::project;
pub use types::{
    DeliverySource, Left, Moment, Observed, OrderSource, PaymentSource, Row, Sources, Spec, Status, TicketSource, Wish,
};

use std::time::Duration;

use super::order::types as order;
use super::{Case, Intent, Kind, OwnerState, Plan, Time, ids};

use removed::DEBOUNCE_UNDO;

/// An order that nobody has looked at yet gets a row of its own only once it has waited this long: while the controllers
/// run, its first row shows it placed, or further.
const UNTOUCHED: Duration = Duration::from_secs(1);

/// An order's first row waits this long for the next change, for as long as `UNTOUCHED` in all: most orders go on at once, and many
/// have ended by then, which is shown without delay. One row is written for all that.
const SETTLED: Duration = Duration::from_millis(100);

/// The row of an order that has not changed for so long was there before, unless it is known to be the first one: it was
/// deleted, and nothing older than it may take its place.
const QUIET: Duration = Duration::from_secs(2);

/// What a person has done is shown so long after it: by then the controllers have said what follows from it, and the row
/// shows both at once.
const STEP: Duration = Duration::from_millis(700);
/// A change that leaves the order's state as it is waits this long for others to be written with it.
const DEBOUNCE: Duration = Duration::from_secs(1);

/// Whether the row shows its order's end, and everything that there is to show: it can be frozen.
pub fn shows_end(seen: &Observed) -> bool {
    let (Some(sources), Some((_, row))) = (&seen.sources, &seen.row) else { return false };
    if seen.remembers() {
        return sources.order.status.ended_at.is_some();
    }
    let wanted = project(sources, Some(row));
    row.spec.order.uid == sources.order.order.uid
        && row.status.order.is_end()
        && (row.says(&wanted) || !wanted.status.order.is_end())
}

/// What to do about a row.
pub fn decide(case: &Case<Observed>) -> Plan<()> {
    let seen = case.seen;
    if seen.namespace_terminating {
        return Plan::rest();
    }
    let Some(sources) = &seen.sources else { return retire(case) };
    let Some((meta, row)) = &seen.row else { return appear(case, sources) };
    if meta.deleting.is_some() || seen.remembers() {
        return Plan::rest();
    }
    if row.spec.order.uid != sources.order.order.uid {
        // One of the two is another order's: who is seen afresh is the one that counts.
        return match seen.afresh {
            [true, ..] => Plan::only(Intent::DeleteView(meta.target())),
            _ => Plan::only(read(sources, Kind::Order)),
        };
    }
    let wanted = project(sources, Some(row));
    if row.says(&wanted) {
        return Plan::rest();
    }
    let due = due(seen, sources, row, &wanted);
    if case.now < due {
        return Plan::wait_until(due);
    }
    match older(seen, sources, row) {
        reads if reads.is_empty() => Plan::only(Intent::UpdateView(meta.target(), wanted)),
        reads => Plan::all(reads),
    }
}

/// A row for an order that has none. Where one was there and is gone, it comes back from what stands now.
fn appear(case: &Case<Observed>, sources: &Sources) -> Plan<()> {
    let due = match sources.order.status.state {
        None => sources.order.created.after(UNTOUCHED),
        Some(state) if state.is_end() => case.now,
        Some(_) => case.seen.changed.after(SETTLED).min(placed(sources).after(UNTOUCHED)),
    };
    if case.now < due {
        return Plan::wait_until(due);
    }
    let quiet = case.now.since(case.seen.changed) >= QUIET;
    if quiet && !case.seen.is_first && case.seen.afresh != [true; 4] {
        return Plan::all(SOURCES.map(|kind| read(sources, kind)).into());
    }
    Plan::only(Intent::CreateView(project(sources, None)))
}

/// When an order was placed; where it is not, when it was made.
fn placed(sources: &Sources) -> Time {
    sources.order.status.placed_at.unwrap_or(sources.order.created)
}

/// The kinds that a row is made of, in the order of [`Marks::all`].
const SOURCES: [Kind; 4] = [Kind::Order, Kind::Payment, Kind::Ticket, Kind::Delivery];

fn read(sources: &Sources, kind: Kind) -> Intent {
    let order = &sources.order.order;
    let name = if kind == Kind::Order { order.name.clone() } else { ids::child_name(&order.name, &order.uid) };
    Intent::ReadAfresh { kind, name }
}

/// Live reads of what is seen older than the row shows it. What was read for this very decision is as new as can be: a
/// mark beyond it is of another history. A child that is gone leaves what it was in the row of an ended order. An end is
/// not taken back, whatever the marks say, before the order was read.
fn older(seen: &Observed, sources: &Sources, row: &Row) -> Vec<Intent> {
    let reopens = row.status.order.is_end() && !sources.have_ended();
    let marks = row.status.sources.all().into_iter().zip(sources.marks().all());
    let gone = sources.have_ended() && row.status.order.is_end();
    let behind = marks.map(|(shown, seen)| shown > seen && !(seen.is_none() && gone));
    let stale = SOURCES.into_iter().zip(behind).zip(seen.afresh);
    let stale = stale.filter(|((kind, behind), afresh)| (*behind || (reopens && *kind == Kind::Order)) && !afresh);
    stale.map(|((kind, _), _)| read(sources, kind)).collect()
}

/// Where a mark of the row that is about to be written anew is of another history: which marks, and what was seen.
pub fn foreign(seen: &Observed) -> Option<(Marks, Marks)> {
    let (sources, (_, row)) = (seen.sources.as_ref()?, seen.row.as_ref()?);
    let (shown, there) = (row.status.sources, sources.marks());
    let beyond = shown.all().into_iter().zip(there.all()).zip(seen.afresh);
    let is_foreign =
        |((shown, there), afresh): ((Option<_>, Option<_>), bool)| afresh && there.is_some() && shown > there;
    beyond.into_iter().any(is_foreign).then_some((shown, there))
}

/// When the row is written. What people read first is shown at once: that an order is paid, and its end.
fn due(seen: &Observed, sources: &Sources, row: &Row, wanted: &Row) -> Time {
    let undone = is_being_undone(sources) && !wanted.status.order.is_end();
    let urgent = wanted.status.order.is_end() || (row.status.order.is_before_payment() && !undone);
    if urgent && row.status.order != wanted.status.order {
        return seen.changed;
    }
    if undone {
        return seen.changed.after(DEBOUNCE_UNDO);
    }
    let debounced = seen.changed.after(DEBOUNCE);
    if wanted.shows_steps_of(row) { debounced } else { debounced.min(seen.stepped.after(STEP)) }
}

/// The order is on its way back: its money is asked back, or it says so itself.
fn is_being_undone(sources: &Sources) -> bool {
    let barred = sources.payment.as_ref().is_some_and(|payment| payment.cancel);
    barred || sources.order.status.state == Some(order::State::Cancelling)
}

/// The row of an order that is gone stays for the platform's retention, counted from the order's end.
fn retire(case: &Case<Observed>) -> Plan<()> {
    let seen = case.seen;
    let Some((meta, row)) = seen.row.as_ref().filter(|(meta, _)| meta.deleting.is_none()) else { return Plan::rest() };
    let Some(left) = &seen.left else { return Plan::rest() };
    if !row.status.order.is_end() && left.may_follow(row) {
        return removed::follow(meta, row, left, seen.owner, case.now);
    }
    let Some(retention) = seen.retention else { return Plan::rest() };
    // Nothing may ever have happened to the order.
    let ended = row.ended_at().unwrap_or(meta.created);
    match (Some(ended.after(retention)).filter(|due| case.now < *due), seen.owner) {
        (Some(due), _) => Plan::wait_until(due),
        // Nothing but the row may tell the order's Payment how the order stood.
        (None, OwnerState::Gone(_)) => match removed::paid(&left.payment, row) {
            Some(read) => Plan::all(read),
            None => Plan::only(Intent::DeleteView(meta.target())),
        },
        (None, OwnerState::Unproven) => Plan::read(Kind::Order, &row.spec.order.name),
        (None, OwnerState::Open | OwnerState::Ended(_)) => Plan::rest(),
    }
}

#[cfg(test)]
mod tests;
