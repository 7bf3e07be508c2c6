//! What a Notification is, and what a decision about it looks at.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::fields::is_default;
use crate::domain::order::types as order;
use crate::domain::{Condition, Generation, Meta, Money, OrderRef, OwnerState, Time, retry};

use super::circuit::Circuit;

/// How far a Notification is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum State {
    /// Not taken by its endpoint yet.
    Pending,
    /// The endpoint answered 2xx.
    Sent,
    /// Not taken for a day.
    GaveUp,
}

/// Whom it is for, and with that which endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub enum Audience {
    /// The store's `notify.url`.
    Seller,
    /// The platform's `notifications.customers.url`.
    Customer,
}

/// What it tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub enum Topic {
    /// The order was placed.
    Placed,
    /// A courier can come for it.
    DeliveryReady,
    /// A courier has it.
    PickedUp,
    /// The customer has it.
    Delivered,
    /// Receipt was confirmed.
    Confirmed,
    /// The customer wishes to cancel.
    CancelRequested,
    /// The wish came too late.
    CancelRefused,
    /// The order was undone: a delivery that the store or couriers saw is cancelled.
    DeliveryCancelled,
    /// The order was undone before there was such a delivery; `end` and `reason` say why.
    Undone,
}

impl Topic {
    /// The topic as part of a name and of the event's type.
    pub fn slug(self) -> &'static str {
        match self {
            Self::Placed => "placed",
            Self::DeliveryReady => "delivery-ready",
            Self::PickedUp => "picked-up",
            Self::Delivered => "delivered",
            Self::Confirmed => "confirmed",
            Self::CancelRequested => "cancel-requested",
            Self::CancelRefused => "cancel-refused",
            Self::DeliveryCancelled => "delivery-cancelled",
            Self::Undone => "undone",
        }
    }
}

impl Audience {
    /// The audience as part of a name, and as a metric label.
    pub fn slug(self) -> &'static str {
        match self {
            Self::Seller => "seller",
            Self::Customer => "customer",
        }
    }
}

/// Observed state of a Notification.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Status {
    /// The generation of the spec that this status is about; -1 until a controller has written it.
    pub observed_generation: Generation,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<State>,
    /// When its endpoint took it: final.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sent_at: Option<Time>,
    /// When it was given up: final.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gave_up_at: Option<Time>,
    /// How many attempts have failed.
    #[serde(default, skip_serializing_if = "is_default")]
    #[schemars(range(min = 0))]
    pub attempts: i64,
    /// When the next attempt is made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_at: Option<Time>,
    /// Since when the endpoint, well as it is, refuses this very message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused_at: Option<Time>,
    /// Who has taken the next attempt upon itself, where several processes may send; nobody else does meanwhile.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub claim: Option<Claim>,
    /// What is observed about it, in the standard form: how it does, and the one thing that is waited for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 8))]
    pub conditions: Vec<Condition>,
}

impl Status {
    /// Whether it can never change again.
    pub fn is_final(&self) -> bool {
        self.sent_at.is_some() || self.gave_up_at.is_some()
    }

    /// When the last attempt was that failed.
    pub fn tried_at(&self) -> Option<Time> {
        self.retry_at.map(|due| due.before(retry::pause(self.attempts)))
    }

    /// When its endpoint showed that it is well: it took the message, or refused this very one for the first time. One that
    /// goes on refusing may do so in front of what fails.
    pub fn answered_at(&self) -> Option<Time> {
        self.sent_at.or(self.refused_at)
    }
}

/// What a message says.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Content {
    pub order: OrderRef,
    pub topic: Topic,
    pub to: Audience,
    /// The store, whose `notify.url` is read live.
    pub store: String,
    /// Who it is for: the customer's or the seller's name.
    pub subject: String,
    pub customer: String,
    pub amount: Money,
    /// Why, where there is a why.
    pub reason: Option<String>,
    /// The customer's sentence for the seller, where a wish came with one.
    pub message: Option<String>,
    /// The order's end state, where that is what it tells.
    pub end: Option<order::State>,
    /// Nothing is undone before it was taken.
    pub required: bool,
}

impl Content {
    /// The endpoint that it is for, by the field that names it.
    pub fn endpoint(&self) -> String {
        match self.to {
            Audience::Seller => format!("notify.url of Store {}", self.store),
            Audience::Customer => "notifications.customers.url of the OrderPlatform".to_owned(),
        }
    }
}

#[cfg(test)]
impl Content {
    /// What the seller of an order is told in a test.
    pub fn sample(required: bool) -> Self {
        Self {
            order: OrderRef { name: "order-1".into(), uid: "uid-1".into() },
            topic: Topic::CancelRequested,
            to: Audience::Seller,
            store: "shop".into(),
            subject: "kim".into(),
            customer: "alice".into(),
            amount: Money::new(1, "KRW"),
            reason: None,
            message: None,
            end: None,
            required,
        }
    }
}

/// A Notification to create; its name follows from the order, the topic and the audience.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Draft(pub Content);

/// A message to send; its identity is that of the Notification, so that a second attempt is the same event.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Message {
    /// UID of the Notification's order and topic: the event's id.
    pub id: String,
    pub created: Time,
    pub content: Content,
    /// The call must have begun by then: it must be over before somebody else takes the attempt over.
    pub by: Option<Time>,
}

impl Message {
    /// The id of the message of the Notification of this name.
    pub fn id(order: &OrderRef, notification: &str) -> String {
        format!("{}/{notification}", order.uid)
    }
}

/// Why an endpoint did not take a message, in one short sentence of ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Untaken {
    /// The endpoint is not well: another message would not have fared better.
    Failing(String),
    /// It has answered, and refuses this very message.
    Refused(String),
}

/// What a decision about a Notification looks at.
#[derive(Clone, Debug)]
pub struct Observed {
    pub meta: Meta,
    pub content: Content,
    pub endpoint: Endpoint,
    pub company: Company,
    /// The name of this process among those that may send.
    pub me: String,
    /// Whether the order says that the wish to cancel came too late.
    pub wish_refused: bool,
    pub circuit: Circuit,
    /// Whether it is the one, among those that wait for the endpoint, that probes it.
    pub is_probe: bool,
    /// What the endpoint said for this very decision.
    pub outcome: Option<Result<(), Untaken>>,
    pub status: Status,
    pub owner: OwnerState,
}

/// One process sends, the others wait.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub struct Claim {
    /// The process, by the name of its Lease.
    #[schemars(length(min = 1, max = 64))]
    pub by: String,
    /// When it is over, whatever has become of the process.
    pub until: Time,
}

/// Where a message is to go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Endpoint {
    Ready,
    /// The store, or the platform, has none.
    Absent,
    /// The store is gone.
    StoreGone,
    /// It may not be called, and why.
    Barred(String),
}

/// Who else may send the same message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Company {
    /// Nobody: there is this one process.
    Alone,
    /// Others, who know of this one.
    Several,
    /// That is not known yet.
    Unsure,
}
