//! OrderView: the read model. One flat row for each order, a pure projection of the order, its payment, ticket and delivery.
//!
//! ```text
//!  (no row) ──→ row follows its sources ──→ row of an ended order ──→ frozen once the order is gone
//!                        ↑ deleted: the same row comes back           replaced when the name is used by another order,
//!                                                                      removed once the platform's retention is over
//! ```
//!
//! Invariants: `view_converges`. A row that shows an order's end is never taken back by a process that sees less.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::child::Fate;
use super::{Intent, Kind, Money, OrderRef, Plan, Target, Time, delivery, order, payment, ticket};

/// An order that nobody has looked at yet gets a row of its own only once it has waited this long: while the
/// controllers run, its first row shows it placed.
const UNTOUCHED: Duration = Duration::from_secs(1);

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
    /// State of the Ticket, once the store has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub store: Option<ticket::State>,
    /// State of the Delivery, once there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delivery: Option<delivery::State>,
    /// Whether the customer wished to cancel.
    #[serde(default)]
    pub cancel_requested: bool,
    /// Whether somebody deleted the order, and not the platform's retention: the same one may be ordered again.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub deleted: bool,
    /// Why the order was cancelled or refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub reason: Option<String>,
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

/// What the projection reads of an Order.
#[derive(Clone, Debug)]
pub struct OrderSource {
    pub order: OrderRef,
    pub created: Time,
    pub customer: String,
    pub store: String,
    pub cancel_requested: bool,
    /// When its deletion was asked for.
    pub deleting: Option<Time>,
    /// A short hash of what is ordered.
    pub content: String,
    /// What was agreed, or what it costs by the prices of the moment, where it is not placed.
    pub expected: Option<Money>,
    /// How long it stays after its end; nothing for ever.
    pub retention: Option<Duration>,
    pub status: order::Status,
}

impl OrderSource {
    /// Whether somebody deletes it, and not the platform's retention. A deletion's time has no fractions of a second.
    fn is_deleted(&self) -> bool {
        let due = self.status.ended_at.zip(self.retention).map(|(ended, retention)| ended.after(retention));
        self.deleting.is_some_and(|at| due.is_none_or(|due| at.after(Duration::from_secs(1)) <= due))
    }
}

/// What the projection reads of a Payment.
#[derive(Clone, Debug)]
pub struct PaymentSource {
    pub cancel: bool,
    pub status: payment::Status,
}

/// What the projection reads of a Ticket.
#[derive(Clone, Debug)]
pub struct TicketSource {
    pub status: ticket::Status,
}

/// What the projection reads of a Delivery.
#[derive(Clone, Debug)]
pub struct DeliverySource {
    pub ready: bool,
    pub progress: Option<delivery::Progress>,
    pub courier: Option<String>,
    pub status: delivery::Status,
}

/// Everything that a row is made of.
#[derive(Clone, Debug)]
pub struct Sources {
    pub order: OrderSource,
    pub payment: Option<PaymentSource>,
    pub ticket: Option<TicketSource>,
    pub delivery: Option<DeliverySource>,
}

/// What a decision about a row looks at.
#[derive(Clone, Debug)]
pub struct Observed {
    /// Nothing where the order was not seen: its row is frozen.
    pub sources: Option<Sources>,
    /// Whether the order was read from the API server for this very decision.
    pub order_afresh: bool,
    /// What is known of the order of the row, where it was not seen.
    pub fate: Fate,
    /// The row as it stands, and whether it is being deleted.
    pub row: Option<(Target, Row, bool)>,
    /// When the row was created, where there is one.
    pub row_created: Option<Time>,
    /// When the newest of the sources was first seen in its present version.
    pub changed: Time,
    /// How long the row of an order that is gone stays; nothing for ever.
    pub retention: Option<Duration>,
    pub namespace_terminating: bool,
}

impl Observed {
    /// Whether the row is that of an order of the same name and content which the platform's retention has removed: it
    /// stays as it is, and the order that is there now, where it was not placed, is refused.
    fn remembers(&self) -> bool {
        let (Some(sources), Some((_, row, _))) = (&self.sources, &self.row) else { return false };
        let order = &sources.order;
        row.spec.order.uid != order.order.uid && order.status.terms.is_none() && row.is_memory_of(&order.content)
    }
}

impl Row {
    /// Whether it is that of an order with this content which has ended and was not deleted by anybody.
    pub fn is_memory_of(&self, content: &str) -> bool {
        self.status.order.is_end() && !self.status.deleted && !content.is_empty() && self.spec.content == content
    }

    /// When the order ended, as far as the row tells.
    pub fn ended_at(&self) -> Option<Time> {
        self.status.timeline.last().map(|moment| moment.at)
    }
}

/// The row that shows these sources.
pub fn project(sources: &Sources) -> Row {
    let Sources { order, payment, ticket, delivery } = sources;
    let (payment, delivery) = (payment.as_ref(), delivery.as_ref());
    let status = &order.status;
    let spec = Spec {
        order: order.order.clone(),
        customer: order.customer.clone(),
        store: order.store.clone(),
        seller: status.terms.as_ref().map(|terms| terms.seller.clone()),
        amount: status.terms.as_ref().map(|terms| terms.amount.clone()).or_else(|| order.expected.clone()),
        content: order.content.clone(),
    };
    let status = Status {
        order: status.state.unwrap_or_default(),
        payment: payment.map(payment_state),
        store: ticket.as_ref().map(|ticket| ticket.status.state.unwrap_or(ticket::State::Offered)),
        delivery: delivery.map(delivery_state),
        cancel_requested: order.cancel_requested,
        deleted: order.is_deleted(),
        reason: status.outcome.as_ref().map(|outcome| outcome.reason.clone()),
        courier: delivery.and_then(|d| d.courier.clone()),
        waiting_for: super::conditions::waiting_for(&status.conditions).map(str::to_owned),
        timeline: timeline(sources),
    };
    Row { spec, status }
}

fn payment_state(payment: &PaymentSource) -> payment::State {
    match (payment.status.state, payment.cancel) {
        (Some(state), _) if payment.status.is_final() => state,
        (_, true) => payment::State::Cancelling,
        (state, false) => state.unwrap_or_default(),
    }
}

fn delivery_state(delivery: &DeliverySource) -> delivery::State {
    delivery.status.state.unwrap_or(match delivery.progress {
        None if delivery.ready => delivery::State::Ready,
        None => delivery::State::Waiting,
        Some(delivery::Progress::PickedUp) => delivery::State::PickedUp,
        Some(delivery::Progress::Delivered) => delivery::State::Delivered,
    })
}

fn timeline(sources: &Sources) -> Vec<Moment> {
    let order = &sources.order.status;
    let ticket = sources.ticket.as_ref().map(|ticket| &ticket.status);
    let delivery = sources.delivery.as_ref().map(|delivery| &delivery.status);
    let end = order.state.map_or_else(String::new, |state| format!("{state:?}"));
    let moments = [
        ("Placed", order.placed_at),
        ("Paid", order.paid_at),
        ("Accepted", ticket.and_then(|t| t.accepted_at)),
        ("TicketRejected", ticket.and_then(|t| t.rejected_at)),
        ("CookingStarted", ticket.and_then(|t| t.started_at)),
        ("CookingFinished", ticket.and_then(|t| t.cooked_at)),
        ("TicketCancelled", ticket.and_then(|t| t.cancelled_at)),
        ("PickedUp", delivery.and_then(|d| d.picked_up_at)),
        ("Delivered", delivery.and_then(|d| d.delivered_at)),
        ("DeliveryCancelled", delivery.and_then(|d| d.cancelled_at)),
        ("Refunded", sources.payment.as_ref().and_then(|p| p.status.refunded_at)),
        (end.as_str(), order.ended_at),
    ];
    let happened = moments.into_iter().filter_map(|(what, at)| Some(Moment { what: what.to_owned(), at: at? }));
    let mut timeline: Vec<Moment> = happened.collect();
    timeline.sort_by_key(|moment| moment.at);
    timeline
}

/// The row to show: the row of an ended order keeps what it shows of children that were removed since.
fn keeping(row: &Status, mut wanted: Row) -> Row {
    let new = &mut wanted.status;
    let gone = (row.payment.is_some() && new.payment.is_none())
        || (row.store.is_some() && new.store.is_none())
        || (row.delivery.is_some() && new.delivery.is_none());
    if !row.order.is_end() || !gone {
        return wanted;
    }
    new.payment = new.payment.or(row.payment);
    new.store = new.store.or(row.store);
    new.delivery = new.delivery.or(row.delivery);
    new.courier = new.courier.take().or_else(|| row.courier.clone());
    let news = new.timeline.iter().filter(|moment| !row.timeline.contains(moment));
    let mut timeline: Vec<Moment> = row.timeline.iter().chain(news).cloned().collect();
    timeline.sort_by_key(|moment| moment.at);
    new.timeline = timeline;
    wanted
}

/// The row to show: what was ordered is said once, and so is what it is expected to cost until the order is placed.
fn stating(row: &Row, sources: &Sources, mut wanted: Row) -> Row {
    if row.spec.order.uid != wanted.spec.order.uid {
        return wanted;
    }
    wanted.spec.content.clone_from(&row.spec.content);
    if sources.order.status.terms.is_none() {
        wanted.spec.amount = row.spec.amount.clone().or(wanted.spec.amount);
    }
    wanted
}

/// Whether the row shows its order's end, and everything that there is to show: it can be frozen.
pub fn shows_end(seen: &Observed) -> bool {
    let (Some(sources), Some((_, row, _))) = (&seen.sources, &seen.row) else { return false };
    if seen.remembers() {
        return sources.order.status.ended_at.is_some();
    }
    let wanted = stating(row, sources, keeping(&row.status, project(sources)));
    row.spec.order.uid == sources.order.order.uid
        && row.status.order.is_end()
        && (*row == wanted || !wanted.status.order.is_end())
}

/// What to do about a row.
pub fn decide(seen: &Observed, now: Time) -> Plan<()> {
    if seen.namespace_terminating {
        return Plan::rest();
    }
    let Some(sources) = &seen.sources else { return retire(seen, now) };
    let wanted = project(sources);
    let Some((target, row, deleting)) = &seen.row else {
        let due = sources.order.created.after(UNTOUCHED);
        if sources.order.status.state.is_none() && now < due {
            return Plan::wait_until(due);
        }
        return Plan::only(Intent::CreateView(wanted));
    };
    if seen.remembers() {
        return Plan::rest();
    }
    let wanted = stating(row, sources, keeping(&row.status, wanted));
    if *deleting || *row == wanted {
        return Plan::rest();
    }
    if row.spec.order.uid != wanted.spec.order.uid {
        if !seen.order_afresh {
            return Plan::only(Intent::ReadAfresh { kind: Kind::Order, name: wanted.spec.order.name });
        }
        return Plan::only(Intent::DeleteView(target.clone()));
    }
    if row.status.order.is_end() && !wanted.status.order.is_end() {
        // The order is seen in an older version than the row was made of.
        return Plan::rest();
    }
    let undone = is_being_undone(sources) && !wanted.status.order.is_end();
    let due = seen.changed.after(if undone { GATHER_UNDO } else { GATHER });
    let urgent = wanted.status.order.is_end() || (row.status.order.is_before_payment() && !undone);
    if (!urgent || row.status.order == wanted.status.order) && now < due {
        return Plan::wait_until(due);
    }
    Plan::only(Intent::UpdateView(target.clone(), wanted))
}

/// The order is on its way back: its money is asked back, or it says so itself.
fn is_being_undone(sources: &Sources) -> bool {
    let barred = sources.payment.as_ref().is_some_and(|payment| payment.cancel);
    barred || sources.order.status.state == Some(order::State::Cancelling)
}

/// The row of an order that is gone stays for the platform's retention, counted from the order's end.
fn retire(seen: &Observed, now: Time) -> Plan<()> {
    let (Some((target, row, false)), Some(retention)) = (&seen.row, seen.retention) else { return Plan::rest() };
    // Nothing may ever have happened to the order.
    let ended = row.status.timeline.last().map(|moment| moment.at).or(seen.row_created);
    match (ended.map(|ended| ended.after(retention)).filter(|due| now < *due), seen.fate) {
        (Some(due), _) => Plan::wait_until(due),
        (None, Fate::Gone(_)) => Plan::only(Intent::DeleteView(target.clone())),
        (None, Fate::Unproven) => {
            Plan::only(Intent::ReadAfresh { kind: Kind::Order, name: row.spec.order.name.clone() })
        }
        (None, Fate::Open | Fate::Ended(_)) => Plan::rest(),
    }
}

#[cfg(test)]
mod tests;
