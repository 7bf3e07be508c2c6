//! Notification: one message to one endpoint about one fact.
//!
//! ```text
//!             2xx
//!  Pending ────────→ Sent
//!     │ no 2xx for a day, and nothing waits for it
//!     └────────────→ GaveUp
//! ```
//!
//! Where several processes may send the same message, an attempt is claimed by a guarded write before the call; whoever
//! else sees it looks again when the claim is over. The end of an order, and that a wish was refused, are told once the
//! order says so: the message is made before, so that a crash loses none, and waits.
//!
//! The breaker of an endpoint is no state of its own: it is read from the Notifications that wait for the endpoint, so
//! every replica sees the same one. Closed, each attempts by itself, with growing pauses. Once the failures since the last
//! success add up to [`TRIP`], it is open: all wait but one at a time, the probe: those that an undo may wait for and the
//! others take turns, of each the one with the fewest attempts. A probe that gets through closes it, and so does one that
//! the endpoint, well again, refuses as such. What it has refused waits for nobody and nobody for it.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

mod attempt;
mod circuit;

pub use attempt::{Claim, Company, Endpoint};
pub use circuit::{Circuit, REACHABLE, TRIP};

use super::child::{self, Fate};
use super::conditions::{self, Report};
use super::{Condition, Generation, Intent, Kind, Meta, Money, OrderRef, Plan, Policy, Time, order, retry};

/// A message that nothing waits for is given up after so long.
const GIVE_UP: Duration = Duration::from_secs(24 * 3_600);
/// A message behind an open breaker is looked at when the probe got through or has failed; and, should that be missed,
/// after so long.
const BEHIND: Duration = Duration::from_secs(60);

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
    #[serde(default, skip_serializing_if = "is_zero")]
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

pub(super) fn is_zero(number: &i64) -> bool {
    *number == 0
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
    /// What the endpoint said in this very pass.
    pub outcome: Option<Result<(), Untaken>>,
    pub status: Status,
    pub fate: Fate,
}

/// What to do about a Notification.
pub fn decide(seen: &Observed, now: Time, policy: &Policy) -> Plan<Status> {
    if seen.meta.deleting.is_some() || seen.meta.namespace_terminating {
        return Plan::rest();
    }
    if seen.status.is_final() {
        // It stays for as long as its order does.
        let left = matches!(seen.fate, Fate::Gone(_) | Fate::Unproven);
        let order = &seen.content.order.name;
        return if left { child::retire(&seen.meta, order, seen.fate, now, policy) } else { Plan::rest() };
    }
    match &seen.outcome {
        Some(Ok(())) => return end(seen, State::Sent, "Sent", String::new(), now),
        Some(Err(why)) => return failed(seen, why, now),
        None => {}
    }
    let expired = now.since(seen.meta.created) >= GIVE_UP;
    if expired && seen.content.required && seen.fate == Fate::Unproven {
        return Plan::only(Intent::ReadAfresh { kind: Kind::Order, name: seen.content.order.name.clone() });
    }
    let waited_for = seen.content.required && seen.fate == Fate::Open;
    if expired && !waited_for {
        let message = "Its endpoint has not taken it for a day.".to_owned();
        return end(seen, State::GaveUp, "GaveUp", message.clone(), now).with_fact("GaveUp", message, true);
    }
    if !attempt::is_so(seen) {
        let order = Intent::ReadAfresh { kind: Kind::Order, name: seen.content.order.name.clone() };
        return if seen.fate == Fate::Unproven { Plan::only(order) } else { Plan::rest() };
    }
    if let Some((reason, message)) = attempt::unreachable(seen) {
        let report = Report::Stalled { reason, message };
        let due = seen.meta.changed.after(policy.gather);
        let plan = super::plan::settle(&seen.status, wait(seen, report, now), due, now);
        // Whoever waits behind a breaker is woken when the endpoint is back; a refused message looks for itself.
        let again = seen.status.refused_at.map(|_| now.after(BEHIND));
        return Plan { next: plan.next.or(again), ..plan };
    }
    // A message that was refused is no matter of the breaker: the endpoint is well.
    match seen.circuit.probe_at().filter(|_| seen.status.refused_at.is_none()) {
        Some(at) if now < at || !seen.is_probe => return blocked(seen, at, now, policy),
        Some(_) => {}
        None => {
            if let Some(due) = seen.status.retry_at.filter(|due| now < *due) {
                return Plan::wait_until(due);
            }
        }
    }
    attempt::attempt(seen, now)
}

/// The endpoint did not take it: the next attempt comes later.
fn failed(seen: &Observed, why: &Untaken, now: Time) -> Plan<Status> {
    let attempts = seen.status.attempts.saturating_add(1);
    let due = now.after(retry::pause(attempts));
    let (refused_at, reason, why) = match why {
        Untaken::Failing(why) => (None, "EndpointFailing", why),
        Untaken::Refused(why) => (seen.status.refused_at.or(Some(now)), "MessageRefused", why),
    };
    let message = format!("Attempt {attempts} failed ({why}); the next is at {due}.");
    let report = Report::Moving { reason, message };
    let mut status = wait(seen, report, now);
    (status.attempts, status.retry_at, status.refused_at, status.claim) = (attempts, Some(due), refused_at, None);
    Plan { next: Some(due), ..Plan::write(status) }
}

/// The breaker is open. It is said once when the next probe is; those that follow are shown where the endpoint is.
fn blocked(seen: &Observed, probe: Time, now: Time, policy: &Policy) -> Plan<Status> {
    let next = if seen.is_probe { probe } else { probe.max(now.after(BEHIND)) };
    let said = seen.status.conditions.iter().any(|condition| condition.reason == "CircuitOpen");
    if said {
        return Plan::wait_until(next);
    }
    let message =
        format!("The endpoint keeps failing: attempts have stopped, it is probed again at {}.", probe.max(now));
    let wanted = wait(seen, Report::Moving { reason: "CircuitOpen", message }, now);
    super::plan::settle(&seen.status, wanted, seen.meta.changed.after(policy.gather), now)
}

fn wait(seen: &Observed, report: Report<'_>, now: Time) -> Status {
    let mut status = seen.status.clone();
    status.state = Some(State::Pending);
    status.observed_generation = seen.meta.generation;
    status.conditions = conditions::conditions(&seen.status.conditions, report, seen.meta.generation, now);
    status
}

fn end(seen: &Observed, state: State, reason: &str, message: String, now: Time) -> Plan<Status> {
    let report = Report::Ended { well: state == State::Sent, reason, message };
    let mut status = wait(seen, report, now);
    status.state = Some(state);
    (status.retry_at, status.claim) = (None, None);
    match state {
        State::Sent => status.sent_at = Some(now),
        State::GaveUp | State::Pending => status.gave_up_at = Some(now),
    }
    Plan::write(status)
}

#[cfg(test)]
mod tests;
