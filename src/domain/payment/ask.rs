//! What a provider is asked about a charge, and what follows from its replies.

use super::super::provider::{self, Call, Reply};
use super::super::{Case, Effect, Intent, Kind, OwnerState, Plan, Report, child, retry};
use super::report::{HOPELESS, approved, by_hand, cancelled, declined, recovered, wait};
use super::types::{Observed, Provider, State, Status};

fn call(seen: &Observed, provider: &Provider, call: Call) -> Plan<Status> {
    let (name, key) = (provider.name.clone(), provider::key(&seen.order.uid));
    Plan::only(Intent::CallOutside(Effect::Provider { name, key, call }))
}

/// Asks the provider what has become of the charge, and only then, where it knows of none, sends one.
pub(super) fn provider(case: &Case<Observed>, provider: &Provider) -> Plan<Status> {
    let seen = case.seen;
    if seen.cancel && seen.refunded_by_hand {
        return cancelled(case, seen.status.approved_at.is_some(), "RefundedByHand");
    }
    if !provider.known {
        let way = way(seen);
        let message = format!("The OrderPlatform has no payment provider {}: add it, or {way}.", provider.name);
        let report = Report::Stalled { reason: "UnknownProvider", message };
        let state = if seen.cancel { State::Cancelling } else { State::Pending };
        return wait(case, state, report);
    }
    let ready = seen.owner == OwnerState::Open && provider.order_afresh;
    match (&provider.reply, seen.cancel) {
        (Some(Reply::Charged), false) => approved(case),
        (Some(Reply::Declined { reason }), false) => {
            declined(case, reason.clone(), format!("Declined by {}.", provider.name))
        }
        // The charge is refused, but one that was sent before may still be on its way: the key is bound first.
        (Some(Reply::Refused { charge: true, .. }), false) => call(seen, provider, Call::Void),
        (Some(Reply::Refused { status, .. }), _) => refused(case, provider, *status),
        (Some(Reply::Voided | Reply::Refunded), false) if provider.refused.is_some() => {
            let status = provider.refused.unwrap_or_default();
            let message = format!("{} refuses the charge for good (HTTP {status}).", provider.name);
            declined(case, "ChargeRefused".to_owned(), message)
        }
        (Some(Reply::Voided | Reply::Refunded), false) => {
            declined(case, "Voided".to_owned(), format!("{} has voided the charge.", provider.name))
        }
        (Some(Reply::NotFound), false) if !ready => Plan::read(Kind::Order, &seen.order.name),
        (Some(Reply::NotFound), false) if provider.order_wishes => Plan::rest(),
        (Some(Reply::NotFound), false) => {
            call(seen, provider, Call::Charge { amount: provider.amount.clone(), token: provider.token.0.clone() })
        }
        (Some(Reply::Refunded), true) => cancelled(case, true, "Refunded"),
        (Some(Reply::Voided | Reply::Declined { .. }), true) if seen.status.approved_at.is_some() => {
            unanswered(case, provider, "it does not know the charge that it approved", None)
        }
        (Some(Reply::Voided | Reply::Declined { .. }), true) => cancelled(case, false, "NotCharged"),
        (Some(Reply::Charged | Reply::NotFound), true) => {
            unanswered(case, provider, "an answer that fits no void", None)
        }
        (Some(Reply::Unknown { why }), _) => unanswered(case, provider, why, None),
        (None, wish) => match attempts(seen).retry_at.filter(|due| case.now < *due) {
            Some(due) => Plan::wait_until(due),
            None if wish => call(seen, provider, Call::Void),
            None if seen.owner == OwnerState::Open => call(seen, provider, Call::LookUp),
            None => child::retire(case, &seen.order, seen.owner),
        },
    }
}

/// What a person can do where the provider is of no help.
fn way(seen: &Observed) -> String {
    if seen.cancel { by_hand(seen) } else { "cancel the order".to_owned() }
}

/// The failed attempts that count: those to charge do not delay a cancel.
fn attempts(seen: &Observed) -> Status {
    let another = seen.cancel && seen.status.state != Some(State::Cancelling);
    if another { recovered(seen) } else { seen.status.clone() }
}

/// The provider refuses to say or to undo, and will not change its mind: a person has to.
fn refused(case: &Case<Observed>, provider: &Provider, status: u16) -> Plan<Status> {
    let way = way(case.seen);
    let todo = format!("Correct url and access of {} in the OrderPlatform, or {way}.", provider.name);
    unanswered(case, provider, &format!("HTTP {status}"), Some(todo))
}

/// The provider's word did not come: nothing is known, and it is asked again later; `todo` where only a person can help.
fn unanswered(case: &Case<Observed>, provider: &Provider, why: &str, todo: Option<String>) -> Plan<Status> {
    let seen = case.seen;
    let before = attempts(seen);
    let (attempts, since) = (before.attempts.saturating_add(1), before.failing_since.unwrap_or(case.now));
    let due = case.now.after(retry::pause(attempts));
    let (name, amount) = (&provider.name, &provider.amount);
    let risk = if seen.cancel { format!("; {} {} at risk", amount.amount, amount.currency) } else { String::new() };
    let message = format!("Attempt {attempts} at {name} failed ({why}){risk}; the next is at {due}.");
    let lasting = case.now.since(since) >= HOPELESS;
    let todo = todo.or_else(|| lasting.then(|| format!("Or {}.", way(seen))));
    let (reason, state) =
        if seen.cancel { ("RefundFailing", State::Cancelling) } else { ("ProviderFailing", State::Pending) };
    let needs_a_person = todo.is_some();
    let report = match todo {
        Some(todo) => Report::Stalled { reason, message: format!("{message} {todo}") },
        None => Report::Moving { reason, message: message.clone() },
    };
    let (state, failing_since, retry_at) = (Some(state), Some(since), Some(due));
    let status = Status { state, attempts, failing_since, retry_at, ..seen.status.clone() };
    let plan = Plan { next: Some(due), ..Plan::write(case.says(status, report)) };
    if attempts == 1 || needs_a_person { plan.with_fact(reason, message, true) } else { plan }
}
