//! What a decision about an Order looks at: itself, what it refers to, its children, and how full everything is.

use super::super::conditions;
use super::super::delivery::types::{Address, Cause, Progress};
use super::super::notification::types::{Audience, Topic};
use super::super::platform::types::Standing;
use super::super::provider::Token;
use super::super::store::types::{Acceptance, Confirmation, CutOff, Deadlines, Fulfilment, Intake, SellerNotice};
use super::super::ticket::types::{Cooking, Decision};
use super::super::{Kind, Lookup, Meta, Money, OrderRef, Plan, Target, Time, ids};
use super::super::{
    notification::types as notification, payment::types as payment, product::types as product, ticket::types as ticket,
};
use super::types::{Outcome, State, Status};

/// How the customer pays.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Pay {
    /// From the wallet of this name.
    Wallet(String),
    /// Through a provider of the platform, with a single-use token.
    Provider { name: String, token: Token },
}

/// What the customer asks for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Request {
    pub customer: String,
    pub store: String,
    /// Products and quantities.
    pub items: Vec<(String, i64)>,
    pub pay: Pay,
    pub deliver_to: Address,
    /// What the customer agreed to pay, where that was said.
    pub agreed: Option<Agreed>,
    /// The reason of the wish to cancel, where there is one.
    pub cancel: Option<String>,
    /// The customer's sentence for the seller that came with it.
    pub cancel_message: Option<String>,
}

/// What the customer agreed to pay.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Agreed {
    pub amount: Money,
    pub points: i64,
}

/// What the row of an order tells that was placed before under the same name.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Earlier {
    pub state: State,
    pub ended: Option<Time>,
    /// Whether the row was read from the API server for this very decision.
    pub afresh: bool,
}

/// What is read of a Store: all of it when an order is placed, whether it has an endpoint for notices at any time.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ObservedStore {
    pub seller: String,
    pub fulfilment: Fulfilment,
    pub acceptance: Acceptance,
    pub confirmation: Confirmation,
    pub until: CutOff,
    pub seller_notice: SellerNotice,
    pub deadlines: Deadlines,
    pub intake: Intake,
    pub has_endpoint: bool,
}

/// What is read of a Product.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ObservedProduct {
    pub uid: String,
    pub store: String,
    pub price: Money,
    pub points: i64,
    pub deleting: bool,
    /// The ledger's answer to this order.
    pub answer: Option<product::Answer>,
    /// Why the product cannot be written, where a write of it is denied.
    pub denied: Option<String>,
}

/// What is read of a Wallet when an order is placed.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ObservedWallet {
    pub uid: String,
    pub owner: String,
    pub currency: String,
    pub deleting: bool,
}

/// What is read of the OrderPlatform, and of how full everything is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct ObservedPlatform {
    /// Whether there is one.
    pub exists: bool,
    /// Whether it was read from the API server for this very decision.
    pub afresh: bool,
    /// Whether nothing new is placed.
    pub paused: bool,
    /// Whether only so many orders may be unpaid at once.
    pub counts_unpaid: bool,
    /// How long what an order refers to is waited for.
    pub reference_patience: Option<std::time::Duration>,
    /// How the order stands in the queue; looked at while it is not placed.
    pub queue: Standing,
    /// Whether the platform has the order's payment provider.
    pub knows_provider: bool,
    /// Whether the store's kitchen has as many orders as it takes, or others were here first.
    pub kitchen_full: bool,
    /// Whether there is an endpoint for customers' notices.
    pub tells_customers: bool,
    /// How long an ended order stays; nothing for ever.
    pub retention: Option<std::time::Duration>,
}

/// What is read of the order's Payment.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ObservedPayment {
    pub target: Target,
    /// The parent's word: give it back.
    pub cancel: bool,
    pub approved_at: Option<Time>,
    /// Why it was declined.
    pub declined: Option<String>,
    /// The same in a sentence.
    pub declined_why: Option<String>,
    pub cancelled: bool,
    /// What it waits for with a person's help alone.
    pub stalled: Option<String>,
    /// Which attempt has failed and when the next one is, in a sentence. A wait of the Payment is one of the order, which has its
    /// own words for it.
    pub trouble: Option<String>,
}

impl ObservedPayment {
    /// What a Payment with this word of its parent and this status tells.
    pub fn of(target: Target, cancel: bool, status: &payment::Status) -> Self {
        let said = |type_| conditions::find(&status.conditions, type_);
        let declined = status.declined_at.map(|_| said(conditions::SUCCEEDED));
        Self {
            target,
            cancel,
            approved_at: status.approved_at,
            declined: declined.map(|said| said.map_or_else(String::new, |said| said.reason.clone())),
            declined_why: declined.flatten().map(|said| said.message.clone()),
            cancelled: status.cancelled_at.is_some(),
            stalled: said(conditions::STALLED).map(|said| said.message.clone()),
            trouble: status.failing_since.and_then(|_| said(conditions::RECONCILING)).map(|said| said.message.clone()),
        }
    }
}

/// What is read of the order's Ticket.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ObservedTicket {
    pub target: Target,
    pub held: Option<Cause>,
    pub acceptance: Acceptance,
    pub decision: Option<Decision>,
    pub rejection: Option<ticket::Rejection>,
    pub cooking: Option<Cooking>,
    pub accepted_at: Option<Time>,
    pub cooked_at: Option<Time>,
    /// Cancelled or rejected, for good.
    pub over: bool,
}

impl ObservedTicket {
    /// Whether the store has taken the order.
    pub fn accepted(&self) -> bool {
        ticket::is_accepted(self.acceptance, self.decision)
    }

    pub(super) fn rejected(&self) -> bool {
        self.decision == Some(Decision::Reject)
    }

    pub(super) fn finished(&self) -> bool {
        self.cooking == Some(Cooking::Finished)
    }

    /// Whether the step is done that a hold would come too late for.
    pub(super) fn has_done(&self, step: ticket::Step) -> bool {
        match step {
            ticket::Step::Decided => self.decision.is_some(),
            ticket::Step::CookingStarted => self.cooking.is_some(),
            ticket::Step::CookingFinished => self.finished(),
        }
    }
}

/// What is read of the order's Delivery.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ObservedDelivery {
    pub target: Target,
    pub held: Option<Cause>,
    /// Whether couriers may claim it.
    pub ready: bool,
    /// The courier's progress; from Delivered on no wish is honoured.
    pub progress: Option<Progress>,
    pub picked_up_at: Option<Time>,
    pub confirmed: bool,
    pub cancelled: bool,
}

impl ObservedDelivery {
    /// Whether the customer has it.
    pub fn delivered(&self) -> bool {
        self.progress == Some(Progress::Delivered)
    }
}

/// What is read of one of the order's Notifications.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ObservedNotice {
    pub topic: Topic,
    pub to: Audience,
    /// Whether its endpoint has taken it.
    pub sent: bool,
    pub created: Time,
    /// Why it was not taken yet, and when the next attempt is.
    pub trouble: Option<String>,
    /// What a person has to do before it can be sent.
    pub stalled: Option<String>,
}

impl ObservedNotice {
    /// What a Notification with this status tells.
    pub fn of(topic: Topic, to: Audience, created: Time, status: &notification::Status) -> Self {
        Self {
            topic,
            to,
            sent: status.sent_at.is_some(),
            created,
            trouble: conditions::waiting_message(&status.conditions).map(str::to_owned),
            stalled: conditions::find(&status.conditions, conditions::STALLED).map(|said| said.message.clone()),
        }
    }
}

/// What a decision about an Order looks at.
#[derive(Clone, Debug)]
pub struct Observed {
    pub meta: Meta,
    pub request: Request,
    pub status: Status,
    pub store: Lookup<ObservedStore>,
    /// In the order of `request.items`, or of `status.terms.items` once there are terms.
    pub products: Vec<Lookup<ObservedProduct>>,
    /// Looked at where a wallet pays.
    pub wallet: Lookup<ObservedWallet>,
    pub platform: ObservedPlatform,
    /// What it needs and this version cannot read, in a sentence that says what to do.
    pub unreadable: Option<String>,
    /// Whether store, products, wallet and platform were all read from the API server for this very decision.
    pub references_afresh: bool,
    /// Whether the order itself was.
    pub order_afresh: bool,
    /// Whether the order, its children and its products were.
    pub dependents_afresh: bool,
    pub payment: Lookup<ObservedPayment>,
    pub ticket: Lookup<ObservedTicket>,
    pub delivery: Lookup<ObservedDelivery>,
    /// The notices that exist.
    pub notices: Vec<ObservedNotice>,
    /// The notice whose creation the API server denied: the order has gone on without it, and owes it.
    pub owed_notice: Option<Topic>,
    /// When the newest of order and children was first seen in its present version.
    pub changed: Time,
    /// The order that was placed before under the same name, with the same content, and that the platform's retention has
    /// removed; looked at while this one is not placed.
    pub earlier: Option<Earlier>,
    /// When the newest spec of ticket and delivery was first seen as it is: a person's last step, at the earliest.
    pub stepped: Time,
    /// Whether the row of the read model shows the order's end.
    pub view_shows_end: bool,
}

impl Observed {
    pub(super) fn order_ref(&self) -> OrderRef {
        OrderRef { name: self.meta.name.clone(), uid: self.meta.uid.clone() }
    }

    pub(super) fn child_name(&self) -> String {
        ids::child_name(&self.meta.name, &self.meta.uid)
    }

    /// Whether the store or the couriers have it: its children are made once its Payment is approved, and not before.
    pub(super) fn is_handed_over(&self) -> bool {
        self.ticket.present().is_some() || self.delivery.present().is_some()
    }

    /// Whether it is paid, whatever has become of the Payment since.
    pub(super) fn is_sold(&self) -> bool {
        let approved = |payment: &ObservedPayment| payment.approved_at.is_some();
        self.status.paid_at.is_some() || self.payment.present().is_some_and(approved) || self.is_handed_over()
    }

    /// Reads the order itself from the API server, to decide again.
    pub(super) fn read_order(&self) -> Plan<Status> {
        Plan::read(Kind::Order, &self.meta.name)
    }

    /// The wish to cancel: the customer's word, or the deletion of the order.
    pub(super) fn wish(&self) -> Option<Outcome> {
        let (reason, message) = match &self.request.cancel {
            Some(reason) => (reason.as_str(), "Cancelled by the customer."),
            None => ("Deleted", "The order was deleted."),
        };
        let wished = self.status.is_wished(self.request.cancel.is_some(), self.meta.deleting);
        wished.then(|| Outcome::new(State::Cancelled, reason, message))
    }
}
