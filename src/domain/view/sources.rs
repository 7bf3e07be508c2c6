//! What a row is made of.

use std::time::Duration;

use crate::domain::delivery::types as delivery;
use crate::domain::order::types as order;
use crate::domain::payment::types as payment;
use crate::domain::ticket::types as ticket;
use crate::domain::{Lookup, Money, OrderRef, Time, Version};

use super::marks::Marks;

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
