//! What a decision says: the writes to make, in order, the status to leave behind, and when to look again.

use std::time::Duration;

use super::effect::Effect;
use super::{Kind, Target, Time};
use super::{
    delivery::types as delivery, notification::types as notification, payment::types as payment,
    ticket::types as ticket, view::types as view,
};

/// Settings that decisions take into account.
#[derive(Clone, Debug)]
pub struct Policy {
    /// How long children stay after their order has ended, so that a creation that was delayed on its way meets
    /// AlreadyExists instead of charging again. Never shorter than the age at which the executor drops an intent.
    pub linger: Duration,
    /// A wait is written into a condition once it has lasted this long; the ones of a healthy system never do.
    pub patience: Duration,
    /// How long a ledger may leave what nobody waits for (sold, acknowledged) for a later write to carry along: where
    /// something is asked of it once in this time, to book a sale costs no write of its own.
    pub settle_within: Duration,
    /// A step that only people read is written once nothing has changed for so long: steps that pass quickly are one write.
    pub debounce: Duration,
    /// The same for what follows from a person's step, counted from the step: people see it within a second.
    pub step: Duration,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            linger: Duration::from_secs(300),
            patience: Duration::from_secs(5),
            settle_within: Duration::from_secs(10),
            debounce: Duration::from_secs(1),
            step: Duration::from_millis(500),
        }
    }
}

/// One write, or one live read. Writes to an existing object name its exact version.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Intent {
    /// Read the object from the API server, put the answer into the cache and decide again.
    ReadAfresh {
        kind: Kind,
        name: String,
    },
    /// Read every order of the namespace, likewise.
    ReadOrders,
    /// Put our finalizer on the object itself.
    AddFinalizer(Target),
    /// Take our finalizer off the object itself.
    DropFinalizer(Target),
    /// Delete the object itself.
    DeleteSelf(Target),
    /// Make a call to what is outside, keep what came of it beside the live reads and decide again.
    CallOutside(Effect),
    CreatePayment(payment::Draft),
    CreateTicket(ticket::Draft),
    CreateDelivery(delivery::Draft),
    CreateNotification(notification::Draft),
    CancelPayment(Target),
    HoldTicket(Target, ticket::Hold),
    HoldDelivery(Target, delivery::Hold),
    /// The kitchen is done: couriers may claim it.
    ReadyDelivery(Target),
    CreateView(view::Row),
    UpdateView(Target, view::Row),
    DeleteView(Target),
}

impl Intent {
    /// Reads an object from the API server.
    pub fn read(kind: Kind, name: &str) -> Self {
        Self::ReadAfresh { kind, name: name.to_owned() }
    }

    /// Whether it brings news for this very decision, so that it is taken again at once.
    pub fn informs(&self) -> bool {
        matches!(self, Self::ReadAfresh { .. } | Self::ReadOrders | Self::CallOutside(_))
    }
}

impl std::fmt::Display for Intent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::ReadAfresh { kind, name } => write!(f, "read {kind} {name} from the API server"),
            Self::ReadOrders => write!(f, "read every order of the namespace from the API server"),
            Self::AddFinalizer(target) => write!(f, "put the finalizer on {}", target.name),
            Self::DropFinalizer(target) => write!(f, "take the finalizer off {}: it goes", target.name),
            Self::DeleteSelf(target) => write!(f, "delete {}", target.name),
            Self::CallOutside(effect) => write!(f, "{effect}"),
            Self::CreatePayment(draft) => write!(f, "create the Payment of {}", draft.order.name),
            Self::CreateTicket(draft) => write!(f, "create the Ticket of {}", draft.order.name),
            Self::CreateDelivery(draft) => write!(f, "create the Delivery of {}", draft.order.name),
            Self::CreateNotification(notification::Draft(content)) => {
                write!(
                    f,
                    "create a Notification of {} for the {:?}: {:?}",
                    content.order.name, content.to, content.topic
                )
            }
            Self::CancelPayment(target) => write!(f, "cancel Payment {}", target.name),
            Self::HoldTicket(target, _) => write!(f, "hold Ticket {}", target.name),
            Self::HoldDelivery(target, _) => write!(f, "hold Delivery {}", target.name),
            Self::ReadyDelivery(target) => write!(f, "make Delivery {} ready for couriers", target.name),
            Self::CreateView(_) => write!(f, "create the row"),
            Self::UpdateView(..) => write!(f, "write the row"),
            Self::DeleteView(_) => write!(f, "delete the row"),
        }
    }
}

/// Something a person should hear of: becomes an Event on the object and a count in the metrics.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Fact {
    /// A PascalCase constant; also the Event's reason and a metric label, so never anything unbounded.
    pub reason: &'static str,
    pub message: String,
    pub warning: bool,
}

/// The outcome of a decision. Intents are executed one at a time, in order; the status is written last.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Plan<S> {
    pub intents: Vec<Intent>,
    /// The status to write; nothing where the one that was seen still holds.
    pub status: Option<S>,
    /// Reported once the status is written.
    pub facts: Vec<Fact>,
    /// When to look again even if nothing changes.
    pub next: Option<Time>,
}

impl<S> Default for Plan<S> {
    fn default() -> Self {
        Self { intents: Vec::new(), status: None, facts: Vec::new(), next: None }
    }
}

impl<S> Plan<S> {
    /// Nothing to do until something changes.
    pub fn rest() -> Self {
        Self::default()
    }

    /// Nothing to do before `time`.
    pub fn wait_until(time: Time) -> Self {
        Self { next: Some(time), ..Self::default() }
    }

    /// One intent and nothing else.
    pub fn only(intent: Intent) -> Self {
        Self { intents: vec![intent], ..Self::default() }
    }

    /// A live read and nothing else.
    pub fn read(kind: Kind, name: &str) -> Self {
        Self::only(Intent::read(kind, name))
    }

    /// These intents and nothing else.
    pub fn all(intents: Vec<Intent>) -> Self {
        Self { intents, ..Self::default() }
    }

    /// One status write and nothing else.
    pub fn write(status: S) -> Self {
        Self { status: Some(status), ..Self::default() }
    }

    /// The same, and a look at this time at the latest, where there is one.
    pub fn by(mut self, time: Option<Time>) -> Self {
        self.next = self.next.into_iter().chain(time).min();
        self
    }

    /// The same, reporting a fact.
    pub fn with_fact(mut self, reason: &'static str, message: impl Into<String>, warning: bool) -> Self {
        self.facts.push(Fact { reason, message: message.into(), warning });
        self
    }
}
