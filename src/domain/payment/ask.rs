//! What a provider is asked about a charge, and what follows from its replies.

use super::super::child::{self, Fate};
use super::super::conditions::Report;
use super::super::provider::{self, Call, Reply};
use super::super::{Intent, Kind, Plan, Policy, Time, retry};
use super::report::{BY_HAND, HOPELESS, approved, cancelled, declined, finish, recovered, wait};
use super::types::{Observed, Provider, State, Status};

fn call(seen: &Observed, provider: &Provider, call: Call) -> Plan<Status> {
    let key = provider::key(&seen.order.uid);
    Plan::only(Intent::CallProvider { provider: provider.name.clone(), key, call })
}

/// Asks the provider what has become of the charge, and only then, where it knows of none, sends one.
pub(super) fn provider(seen: &Observed, provider: &Provider, now: Time, policy: &Policy) -> Plan<Status> {
    if seen.cancel && seen.refunded_by_hand {
        return cancelled(seen, seen.status.approved_at.is_some(), "RefundedByHand", now);
    }
    if !provider.known {
        let way = if seen.cancel { BY_HAND } else { "cancel the order" };
        let message = format!("The OrderPlatform has no payment provider {}: add it, or {way}.", provider.name);
        let report = Report::Stalled { reason: "UnknownProvider", message };
        let state = if seen.cancel { State::Cancelling } else { State::Pending };
        return wait(seen, state, report, now, policy);
    }
    let ready = seen.fate == Fate::Open && provider.order_afresh;
    match (&provider.reply, seen.cancel) {
        (Some(Reply::Charged), false) => approved(seen, now),
        (Some(Reply::Declined { reason }), false) => {
            declined(seen, reason.clone(), format!("Declined by {}.", provider.name), now)
        }
        // The charge is refused, but one that was sent before may still be on its way: the key is bound first.
        (Some(Reply::Refused { charge: true, .. }), false) => call(seen, provider, Call::Void),
        (Some(Reply::Refused { status, .. }), _) => refused(seen, provider, *status, now),
        (Some(Reply::Voided | Reply::Refunded), false) if provider.refused.is_some() => {
            let status = provider.refused.unwrap_or_default();
            let message = format!("{} refuses the charge for good (HTTP {status}).", provider.name);
            declined(seen, "ChargeRefused".to_owned(), message, now)
        }
        (Some(Reply::Voided | Reply::Refunded), false) => {
            declined(seen, "Voided".to_owned(), format!("{} has voided the charge.", provider.name), now)
        }
        (Some(Reply::NotFound), false) if !ready => {
            Plan::only(Intent::ReadAfresh { kind: Kind::Order, name: seen.order.name.clone() })
        }
        (Some(Reply::NotFound), false) if provider.order_wishes => Plan::rest(),
        (Some(Reply::NotFound), false) => {
            call(seen, provider, Call::Charge { amount: provider.amount.clone(), token: provider.token.0.clone() })
        }
        (Some(Reply::Refunded), true) => cancelled(seen, true, "Refunded", now),
        (Some(Reply::Voided | Reply::Declined { .. }), true) if seen.status.approved_at.is_some() => {
            failed(seen, provider, "it does not know the charge that it approved", now)
        }
        (Some(Reply::Voided | Reply::Declined { .. }), true) => cancelled(seen, false, "NotCharged", now),
        (Some(Reply::Charged | Reply::NotFound), true) => failed(seen, provider, "an answer that fits no void", now),
        (Some(Reply::Unknown { why }), _) => failed(seen, provider, why, now),
        (None, wish) => match attempts(seen).retry_at.filter(|due| now < *due) {
            Some(due) => Plan::wait_until(due),
            None if wish => call(seen, provider, Call::Void),
            None if seen.fate == Fate::Open => call(seen, provider, Call::LookUp),
            None => child::retire(&seen.meta, &seen.order.name, seen.fate, now, policy),
        },
    }
}

/// The failed attempts that count: those to charge do not delay a cancel.
fn attempts(seen: &Observed) -> Status {
    let another = seen.cancel && seen.status.state != Some(State::Cancelling);
    if another { recovered(seen) } else { seen.status.clone() }
}

/// The provider's word did not come: nothing is known, and it is asked again later.
fn failed(seen: &Observed, provider: &Provider, why: &str, now: Time) -> Plan<Status> {
    unanswered(seen, provider, why, None, now)
}

/// The provider refuses to say or to undo, and will not change its mind: a person has to.
fn refused(seen: &Observed, provider: &Provider, status: u16, now: Time) -> Plan<Status> {
    let way = if seen.cancel { BY_HAND } else { "cancel the order" };
    let todo = format!("Correct url and access of {} in the OrderPlatform, or {way}.", provider.name);
    unanswered(seen, provider, &format!("HTTP {status}"), Some(todo), now)
}

fn unanswered(seen: &Observed, provider: &Provider, why: &str, todo: Option<String>, now: Time) -> Plan<Status> {
    let before = attempts(seen);
    let (attempts, since) = (before.attempts.saturating_add(1), before.failing_since.unwrap_or(now));
    let due = now.after(retry::pause(attempts));
    let (name, amount) = (&provider.name, &provider.amount);
    let risk = if seen.cancel { format!("; {} {} at risk", amount.amount, amount.currency) } else { String::new() };
    let message = format!("Attempt {attempts} at {name} failed ({why}){risk}; the next is at {due}.");
    let lasting = now.since(since) >= HOPELESS;
    let way = if seen.cancel { BY_HAND } else { "cancel the order" };
    let todo = todo.or_else(|| lasting.then(|| format!("Or {way}.")));
    let (reason, state) =
        if seen.cancel { ("RefundFailing", State::Cancelling) } else { ("ProviderFailing", State::Pending) };
    let needs_a_person = todo.is_some();
    let report = match todo {
        Some(todo) => Report::Stalled { reason, message: format!("{message} {todo}") },
        None => Report::Moving { reason, message: message.clone() },
    };
    let mut status = finish(seen, seen.status.clone(), state, report, now);
    (status.attempts, status.failing_since, status.retry_at) = (attempts, Some(since), Some(due));
    let plan = Plan { next: Some(due), ..Plan::write(status) };
    if attempts == 1 || needs_a_person { plan.with_fact(reason, message, true) } else { plan }
}
