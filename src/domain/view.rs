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

pub use marks::Marks;
pub use project::{DeliverySource, OrderSource, PaymentSource, Sources, TicketSource, project};
pub use removed::Left;

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::child::Fate;
use super::{Intent, Kind, Meta, Money, OrderRef, Plan, Time, delivery, ids, order, payment, ticket};

/// An order that nobody has looked at yet gets a row of its own only once it has waited this long: while the
/// controllers run, its first row shows it placed.
const UNTOUCHED: Duration = Duration::from_secs(1);

/// The row of an order that has not changed for so long was there before: it was deleted, and nothing older than it may
/// take its place.
const SETTLED: Duration = Duration::from_secs(2);

/// What a person has done is shown so long after it: by then the controllers have said what follows from it, and the row
/// shows both at once.
const STEP: Duration = Duration::from_millis(700);
/// A change that leaves the order's state as it is waits this long for others to be written with it.
const GATHER: Duration = Duration::from_secs(1);
/// The same for an order that is being undone: that is many changes in a row, of which the last is shown at once.
const GATHER_UNDO: Duration = Duration::from_secs(5);

/// What does not change in a row, once the order is placed.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Spec {
    pub order: OrderRef,
    pub customer: String,
    pub store: String,
    pub seller: Option<String>,
    pub amount: Option<Money>,
    /// A short hash of what was ordered; empty where it is not known.
    pub content: String,
}

/// What moves in a row.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Status {
    /// State of the Order.
    #[serde(default)]
    pub order: order::State,
    /// State of the Payment, once there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payment: Option<payment::State>,
    /// How far the store is, once it has the order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub store: Option<ticket::State>,
    /// How far the delivery is, once there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delivery: Option<delivery::State>,
    /// Whether somebody wished to cancel: the customer's word, or a deletion of the Order before its end.
    #[serde(default)]
    pub cancel_requested: bool,
    /// Whether somebody deleted the order, and not the platform's retention: the same one may be ordered again.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub deleted: bool,
    /// What has become of the wish to cancel, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wish: Option<Wish>,
    /// What the customer said to the seller with the wish.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub cancel_message: Option<String>,
    /// Why the wish to cancel was refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub cancel_refused: Option<String>,
    /// Why the order was cancelled or refused, in one word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub reason: Option<String>,
    /// The one sentence to read: what only a person can do, why the order ended as it did, or why a wish was refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 512))]
    pub message: Option<String>,
    /// The courier who claimed the delivery.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 63))]
    pub courier: Option<String>,
    /// The one thing that is waited for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub waiting_for: Option<String>,
    /// What happened, and when.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    pub timeline: Vec<Moment>,
    /// The versions of Order, Payment, Ticket and Delivery that it was made of: it is never written from older ones.
    #[serde(default, skip_serializing_if = "Marks::is_empty")]
    pub sources: Marks,
}

impl Status {
    /// Whether it shows that the order came to its end. The row of one that was removed before shows what its children made
    /// of it: only what was brought is as good as an end.
    pub fn shows_end_of_order(&self) -> bool {
        let removed = self.timeline.iter().any(|moment| moment.what == removed::MOMENT);
        self.order == order::State::Completed || (self.order.is_end() && !removed)
    }
}

/// What has become of a wish to cancel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum Wish {
    /// Not decided yet.
    Open,
    /// The order was undone.
    Honoured,
    /// It came too late.
    Refused,
}

/// Something that happened to an order.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Moment {
    /// What happened.
    #[schemars(length(max = 64))]
    pub what: String,
    /// When.
    pub at: Time,
}

/// A whole row; its name is the order's.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Row {
    pub spec: Spec,
    pub status: Status,
}

impl Row {
    /// Whether it says what `other` says, from whichever versions that was made.
    pub fn says(&self, other: &Self) -> bool {
        let marks = self.status.sources;
        self.spec == other.spec && self.status == Status { sources: marks, ..other.status.clone() }
    }

    /// Whether it is that of an order with this content which has ended and was not deleted by anybody.
    pub fn is_memory_of(&self, content: &str) -> bool {
        self.status.order.is_end() && !self.status.deleted && !content.is_empty() && self.spec.content == content
    }

    /// Whether the timeline tells of an end.
    fn tells_of_an_end(&self) -> bool {
        self.status.timeline.iter().any(|moment| order::State::ENDS.iter().any(|end| moment.what == format!("{end:?}")))
    }

    /// When the order ended, as far as the row tells.
    pub fn ended_at(&self) -> Option<Time> {
        self.status.timeline.last().map(|moment| moment.at)
    }

    /// Whether what people do is shown as in `other`: the steps of store, courier and customer.
    fn shows_steps_of(&self, other: &Self) -> bool {
        let steps = |row: &Self| (row.status.store, row.status.delivery, row.status.cancel_requested);
        steps(self) == steps(other) && self.status.courier == other.status.courier
    }
}

/// What a decision about a row looks at.
#[derive(Clone, Debug)]
pub struct Observed {
    /// Nothing where the order was not seen: its row is frozen.
    pub sources: Option<Sources>,
    /// Which of Order, Payment, Ticket and Delivery were read from the API server for this very decision.
    pub afresh: [bool; 4],
    /// What is known of the order of the row, where it was not seen.
    pub fate: Fate,
    /// The row as it stands.
    pub row: Option<(Meta, Row)>,
    /// When the newest of the sources was first seen in its present version.
    pub changed: Time,
    /// When the newest spec of the sources was first seen as it is: a person's last step, at the earliest.
    pub stepped: Time,
    /// What stands of the children of an order that is not there; nothing where one of them cannot be read.
    pub left: Option<Left>,
    /// How long the row of an order that is gone stays; nothing for ever.
    pub retention: Option<Duration>,
    pub namespace_terminating: bool,
}

impl Observed {
    /// Whether the row is that of an order of the same name and content which the platform's retention has removed: it
    /// stays as it is, and the order that is there now, where it was not placed, is refused.
    fn remembers(&self) -> bool {
        let (Some(sources), Some((_, row))) = (&self.sources, &self.row) else { return false };
        let order = &sources.order;
        row.spec.order.uid != order.order.uid && order.status.terms.is_none() && row.is_memory_of(&order.content)
    }
}

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
pub fn decide(seen: &Observed, now: Time) -> Plan<()> {
    if seen.namespace_terminating {
        return Plan::rest();
    }
    let Some(sources) = &seen.sources else { return retire(seen, now) };
    let Some((meta, row)) = &seen.row else { return appear(seen, sources, now) };
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
    if now < due {
        return Plan::wait_until(due);
    }
    match older(seen, sources, row) {
        reads if reads.is_empty() => Plan::only(Intent::UpdateView(meta.target(), wanted)),
        reads => Plan::all(reads),
    }
}

/// A row for an order that has none. Where one was there and is gone, it comes back from what stands now.
fn appear(seen: &Observed, sources: &Sources, now: Time) -> Plan<()> {
    let due = sources.order.created.after(UNTOUCHED);
    if sources.order.status.state.is_none() && now < due {
        return Plan::wait_until(due);
    }
    let settled = now.since(seen.changed) >= SETTLED;
    if settled && seen.afresh != [true; 4] {
        return Plan::all(SOURCES.map(|kind| read(sources, kind)).into());
    }
    Plan::only(Intent::CreateView(project(sources, None)))
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
        return seen.changed.after(GATHER_UNDO);
    }
    let gathered = seen.changed.after(GATHER);
    if wanted.shows_steps_of(row) { gathered } else { gathered.min(seen.stepped.after(STEP)) }
}

/// The order is on its way back: its money is asked back, or it says so itself.
fn is_being_undone(sources: &Sources) -> bool {
    let barred = sources.payment.as_ref().is_some_and(|payment| payment.cancel);
    barred || sources.order.status.state == Some(order::State::Cancelling)
}

/// The row of an order that is gone stays for the platform's retention, counted from the order's end.
fn retire(seen: &Observed, now: Time) -> Plan<()> {
    let Some((meta, row)) = seen.row.as_ref().filter(|(meta, _)| meta.deleting.is_none()) else { return Plan::rest() };
    let Some(left) = &seen.left else { return Plan::rest() };
    if !row.status.order.is_end() && left.may_follow(row) {
        return removed::follow(meta, row, left, seen.fate, now);
    }
    let Some(retention) = seen.retention else { return Plan::rest() };
    // Nothing may ever have happened to the order.
    let ended = row.ended_at().unwrap_or(meta.created);
    match (Some(ended.after(retention)).filter(|due| now < *due), seen.fate) {
        (Some(due), _) => Plan::wait_until(due),
        // Nothing but the row may tell the order's Payment how the order stood.
        (None, Fate::Gone(_)) => match removed::paid(&left.payment, row) {
            Some(read) => Plan::all(read),
            None => Plan::only(Intent::DeleteView(meta.target())),
        },
        (None, Fate::Unproven) => {
            Plan::only(Intent::ReadAfresh { kind: Kind::Order, name: row.spec.order.name.clone() })
        }
        (None, Fate::Open | Fate::Ended(_)) => Plan::rest(),
    }
}

#[cfg(test)]
mod tests;
