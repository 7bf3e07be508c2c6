//! OrderView: the read model. One flat row for each order, a pure projection of the order, its payment and its delivery.
//!
//! ```text
//!  (no row) ──→ row follows its sources ──→ row of an ended order ──→ frozen once the order is gone
//!                        ↑ deleted: the same row comes back           replaced when the name is used by another order
//! ```
//!
//! Invariants: `view_converges`. A row that shows an order's end is never taken back by a process that sees less.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Intent, Money, OrderRef, Plan, Target, Time, delivery, order, payment};

/// An order that nobody has looked at yet gets a row of its own only once it has waited this long: while the
/// controllers run, its first row shows it placed.
const UNTOUCHED: Duration = Duration::from_secs(1);

/// A change that leaves the order's state as it is waits this long for others to be written with it.
const GATHER: Duration = Duration::from_secs(1);

/// What does not change in a row, once the order is placed.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Spec {
    pub order: OrderRef,
    pub customer: String,
    pub store: String,
    pub seller: Option<String>,
    pub amount: Option<Money>,
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
    /// State of the Delivery, once there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delivery: Option<delivery::State>,
    /// Whether the customer wished to cancel.
    #[serde(default)]
    pub cancel_requested: bool,
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
    pub status: order::Status,
}

/// What the projection reads of a Payment.
#[derive(Clone, Debug)]
pub struct PaymentSource {
    pub cancel: bool,
    pub status: payment::Status,
}

/// What the projection reads of a Delivery.
#[derive(Clone, Debug)]
pub struct DeliverySource {
    pub progress: Option<delivery::Progress>,
    pub courier: Option<String>,
    pub status: delivery::Status,
}

/// What a decision about a row looks at.
#[derive(Clone, Debug)]
pub struct Observed {
    /// Nothing where the order is gone: its row is frozen.
    pub order: Option<OrderSource>,
    pub payment: Option<PaymentSource>,
    pub delivery: Option<DeliverySource>,
    /// The row as it stands, and whether it is being deleted.
    pub row: Option<(Target, Row, bool)>,
    /// When the newest of the sources was first seen in its present version.
    pub changed: Time,
    pub namespace_terminating: bool,
}

/// The row that shows these sources.
pub fn project(order: &OrderSource, payment: Option<&PaymentSource>, delivery: Option<&DeliverySource>) -> Row {
    let status = &order.status;
    let spec = Spec {
        order: order.order.clone(),
        customer: order.customer.clone(),
        store: order.store.clone(),
        seller: status.terms.as_ref().map(|terms| terms.seller.clone()),
        amount: status.terms.as_ref().map(|terms| terms.amount.clone()),
    };
    let status = Status {
        order: status.state.unwrap_or_default(),
        payment: payment.map(payment_state),
        delivery: delivery.map(delivery_state),
        cancel_requested: order.cancel_requested,
        reason: status.outcome.as_ref().map(|outcome| outcome.reason.clone()),
        courier: delivery.and_then(|d| d.courier.clone()),
        waiting_for: super::conditions::waiting_for(&status.conditions).map(str::to_owned),
        timeline: timeline(status, payment, delivery),
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
        None => delivery::State::Ready,
        Some(delivery::Progress::PickedUp) => delivery::State::PickedUp,
        Some(delivery::Progress::Delivered) => delivery::State::Delivered,
    })
}

fn timeline(order: &order::Status, payment: Option<&PaymentSource>, delivery: Option<&DeliverySource>) -> Vec<Moment> {
    let end = order.state.map_or_else(String::new, |state| format!("{state:?}"));
    let moments = [
        ("Placed", order.placed_at),
        ("Paid", order.paid_at),
        ("Refunded", payment.and_then(|p| p.status.refunded_at)),
        ("Delivered", delivery.and_then(|d| d.status.delivered_at)),
        ("DeliveryCancelled", delivery.and_then(|d| d.status.cancelled_at)),
        (end.as_str(), order.ended_at),
    ];
    let happened = moments.into_iter().filter_map(|(what, at)| Some(Moment { what: what.to_owned(), at: at? }));
    let mut timeline: Vec<Moment> = happened.collect();
    timeline.sort_by_key(|moment| moment.at);
    timeline
}

/// Whether a row that shows an order's end would lose what it shows: the order is seen in an older version, or a child
/// has been removed since.
fn loses(row: &Status, wanted: &Status) -> bool {
    !wanted.order.is_end()
        || (row.payment.is_some() && wanted.payment.is_none())
        || (row.delivery.is_some() && wanted.delivery.is_none())
}

/// Whether the row shows its order's end, and everything that there is to show: it can be frozen.
pub fn shows_end(seen: &Observed) -> bool {
    let (Some(order), Some((_, row, _))) = (&seen.order, &seen.row) else { return false };
    let wanted = project(order, seen.payment.as_ref(), seen.delivery.as_ref());
    row.spec.order.uid == order.order.uid
        && row.status.order.is_end()
        && (*row == wanted || loses(&row.status, &wanted.status))
}

/// What to do about a row.
pub fn decide(seen: &Observed, now: Time) -> Plan<()> {
    let Some(order) = seen.order.as_ref().filter(|_| !seen.namespace_terminating) else { return Plan::rest() };
    let wanted = project(order, seen.payment.as_ref(), seen.delivery.as_ref());
    let Some((target, row, deleting)) = &seen.row else {
        let due = order.created.after(UNTOUCHED);
        if order.status.state.is_none() && now < due {
            return Plan::wait_until(due);
        }
        return Plan::only(Intent::CreateView(wanted));
    };
    if *deleting || *row == wanted {
        return Plan::rest();
    }
    if row.spec.order.uid != wanted.spec.order.uid {
        return Plan::only(Intent::DeleteView(target.clone()));
    }
    if row.status.order.is_end() && loses(&row.status, &wanted.status) {
        return Plan::rest();
    }
    let due = seen.changed.after(GATHER);
    if row.status.order == wanted.status.order
        && row.status.cancel_requested == wanted.status.cancel_requested
        && now < due
    {
        return Plan::wait_until(due);
    }
    Plan::only(Intent::UpdateView(target.clone(), wanted))
}
