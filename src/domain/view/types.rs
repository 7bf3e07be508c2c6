//! What a row is, and what a decision about it looks at.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::{Lookup, Meta, Money, OrderRef, OwnerState, Time, Version};
use crate::domain::{
    delivery::types as delivery, order::types as order, payment::types as payment, ticket::types as ticket,
};

use super::marks::Marks;

/// The moment in its timeline, which no other row has.
pub(super) const MOMENT: &str = "Removed";

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
        let removed = self.timeline.iter().any(|moment| moment.what == MOMENT);
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
    pub(super) fn tells_of_an_end(&self) -> bool {
        self.status.timeline.iter().any(|moment| order::State::ENDS.iter().any(|end| moment.what == format!("{end:?}")))
    }

    /// When the order ended, as far as the row tells.
    pub fn ended_at(&self) -> Option<Time> {
        self.status.timeline.last().map(|moment| moment.at)
    }

    /// Whether what people do is shown as in `other`: the steps of store, courier and customer.
    pub(super) fn shows_steps_of(&self, other: &Self) -> bool {
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
    pub owner: OwnerState,
    /// The row as it stands.
    pub row: Option<(Meta, Row)>,
    /// Whether the order has had no row before: this process has seen the order come and no row of it go, and nobody else makes rows.
    pub is_first: bool,
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
    pub(super) fn remembers(&self) -> bool {
        let (Some(sources), Some((_, row))) = (&self.sources, &self.row) else { return false };
        let order = &sources.order;
        row.spec.order.uid != order.order.uid && order.status.terms.is_none() && row.is_memory_of(&order.content)
    }
}

/// What the projection reads of an Order.
#[derive(Clone, Debug)]
pub struct OrderSource {
    pub order: OrderRef,
    pub version: Version,
    pub created: Time,
    pub customer: String,
    pub store: String,
    /// Whether the customer wishes to cancel.
    pub cancel: bool,
    /// The customer's sentence for the seller.
    pub cancel_message: Option<String>,
    /// When its deletion was asked for, which is a wish as well.
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
    /// Whether somebody has wished to cancel.
    pub(super) fn is_wished(&self) -> bool {
        self.status.is_wished(self.cancel, self.deleting)
    }

    /// Whether somebody deletes it, and not the platform's retention. A deletion's time has no fractions of a second.
    pub(super) fn is_deleted(&self) -> bool {
        let due = self.status.ended_at.zip(self.retention).map(|(ended, retention)| ended.after(retention));
        self.deleting.is_some_and(|at| due.is_none_or(|due| at.after(Duration::from_secs(1)) <= due))
    }
}

/// What the projection reads of a Payment.
#[derive(Clone, Debug)]
pub struct PaymentSource {
    pub version: Version,
    pub cancel: bool,
    pub status: payment::Status,
}

/// What the projection reads of a Ticket.
#[derive(Clone, Debug)]
pub struct TicketSource {
    pub version: Version,
    pub accepted: bool,
    pub rejected: bool,
    pub cooking: Option<ticket::Cooking>,
    pub status: ticket::Status,
}

/// What the projection reads of a Delivery.
#[derive(Clone, Debug)]
pub struct DeliverySource {
    pub version: Version,
    /// When the spec was first seen as it is.
    pub since: Time,
    pub ready: bool,
    pub progress: Option<delivery::Progress>,
    pub received: bool,
    pub courier: Option<String>,
    /// Whether its status tells when it was picked up, because a deadline counts from there.
    pub timed: bool,
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

impl Sources {
    /// Their versions.
    pub fn marks(&self) -> Marks {
        Marks {
            order: Some(self.order.version),
            payment: self.payment.as_ref().map(|payment| payment.version),
            ticket: self.ticket.as_ref().map(|ticket| ticket.version),
            delivery: self.delivery.as_ref().map(|delivery| delivery.version),
        }
    }

    /// Whether the order has come to its end.
    pub fn have_ended(&self) -> bool {
        self.order.status.state.is_some_and(order::State::is_end)
    }
}

/// What stands of the children of an order that is gone.
#[derive(Clone, Debug)]
pub struct Left {
    pub payment: Lookup<PaymentSource>,
    pub ticket: Lookup<TicketSource>,
    pub delivery: Lookup<DeliverySource>,
}
