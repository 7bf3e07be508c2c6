//! The way in: `Pending` → `Placed`, `Invalid`, `Rejected` or `Cancelled`. Nothing was done before, so nothing is to be
//! undone. An order that finds the store closed, the kitchen or the platform full waits, first come, first served.
//!
//! What an order refers to and what is not there may still come: it is waited for, and only where it does not come in
//! time does the order end as `Invalid`. One that was called is never refused for what goes missing later.

use std::time::Duration;

use super::super::conditions;
use super::super::platform::types::Gate;
use super::super::store::types::{Fulfilment, Intake};
use super::super::{Case, Intent, Kind, Plan, platform};
use super::messages;
use super::observed::{Earlier, Observed, ObservedStore, Pay};
use super::report::{ended, moving, stalled};
use super::terms::{self, Missing, Obstacle};
use super::types::{Outcome, State, Status, Terms};

/// How long what is missing is waited for, where the OrderPlatform says nothing else.
pub const REFERENCE_PATIENCE: Duration = Duration::from_secs(60);

/// Places the order, or says which field is wrong, or what it waits for. That something is wrong, or absent, is said only
/// after it was read from the API server: an order may be seen before the product that was applied a moment earlier.
pub(super) fn decide(case: &Case<Observed>) -> Plan<Status> {
    let seen = case.seen;
    // Its row tells that it has ended: it is being restored, and the status that says so, too, is yet to come.
    let restored = seen.platform.paused && seen.earlier.is_some() && seen.meta.deleting.is_none();
    if let Some(wish) = seen.wish().filter(|_| !restored) {
        return refuse(case, wish);
    }
    if seen.platform.paused {
        return pending(case, "IntakePaused", messages::paused());
    }
    if let Some(earlier) = &seen.earlier {
        return again(case, earlier);
    }
    match terms::of(seen) {
        Ok(terms) => enter(case, terms),
        Err(Obstacle::Wrong(outcome)) => judge(case, outcome),
        Err(Obstacle::Missing(missing)) => absent(case, &missing).unwrap_or_else(|| judge(case, missing.outcome())),
    }
}

/// The same order under the same name has run before: it is not run again.
fn again(case: &Case<Observed>, earlier: &Earlier) -> Plan<Status> {
    if !earlier.afresh {
        return Plan::read(Kind::OrderView, &case.seen.meta.name);
    }
    let ended = earlier.ended.map(|at| format!(" at {at}")).unwrap_or_default();
    let message = format!(
        "metadata.name: this very order was placed before and ended as {:?}{ended}; order under another name, or delete its \
         OrderView first.",
        earlier.state
    );
    refuse(case, Outcome::new(State::Invalid, "AlreadyOrdered", message.clone())).with_fact("Invalid", message, true)
}

/// Ends the order for what is wrong, once that was read afresh.
fn judge(case: &Case<Observed>, outcome: Outcome) -> Plan<Status> {
    if !case.seen.references_afresh {
        return Plan::all(read_references(case.seen));
    }
    let reason = if outcome.state == State::Rejected { "Rejected" } else { "Invalid" };
    let message = outcome.message.clone();
    refuse(case, outcome).with_fact(reason, message, true)
}

/// Places a valid order, where it is taken now.
fn enter(case: &Case<Observed>, terms: Terms) -> Plan<Status> {
    let seen = case.seen;
    if seen.status.queue_number.is_some() && !seen.platform.exists {
        // A moment without the OrderPlatform does not let everyone in who waits for a turn.
        let waited = seen.status.missing_since.is_some_and(|since| case.now.since(since) >= patience(seen));
        let waits = absent(case, &Missing::platform(seen)).filter(|_| !waited);
        return waits.unwrap_or_else(|| placed(case, terms, seen.status.queue_number));
    }
    match admission(case) {
        Admission::Open(number) => placed(case, terms, number),
        Admission::Wait(reason, message) => pending(case, reason, message),
        Admission::Number(number) => queued(case, number),
        Admission::Closed(outcome) => judge(case, outcome),
    }
}

fn patience(seen: &Observed) -> Duration {
    seen.platform.reference_patience.unwrap_or(REFERENCE_PATIENCE)
}

/// Waits for what is missing; nothing where it has been waited for long enough.
fn absent(case: &Case<Observed>, missing: &Missing) -> Option<Plan<Status>> {
    let seen = case.seen;
    let patience = patience(seen);
    let called = was_called(seen);
    if patience.is_zero() && !called {
        return None;
    }
    let due = seen.meta.changed.after(case.policy.debounce.min(patience));
    let since = match seen.status.missing_since {
        Some(since) => since,
        None if case.now >= due => case.now,
        None if missing.proven => return Some(Plan::wait_until(due)),
        None => return Some(Plan::read(missing.kind, &missing.name)),
    };
    let until = since.after(patience);
    if case.now >= until {
        return called.then(|| stuck(case, missing));
    }
    let status = Status { missing_since: Some(since), queue_number: number(seen), ..seen.status.clone() };
    let message = format!("{}: {}; it is waited for until {until}.", missing.what, missing.remedy);
    let wanted = moving(case, status, State::Pending, "ReferenceNotFound", message);
    let plan = case.write(wanted);
    Some(Plan { next: Some(until), ..plan })
}

/// Whether the order was called already. Who has a number and does not see the platform may have been.
fn was_called(seen: &Observed) -> bool {
    let number = seen.status.queue_number;
    seen.platform.queue.has_called(number) || (number.is_some() && !seen.platform.exists)
}

/// An order that was called goes on once what it refers to is there again, however long that takes.
fn stuck(case: &Case<Observed>, missing: &Missing) -> Plan<Status> {
    let message = format!("{}: {} again, or cancel the order.", missing.what, missing.remedy);
    let status = Status { queue_number: number(case.seen), ..case.seen.status.clone() };
    let wanted = stalled(case, status, "ReferenceNotFound", message.clone());
    if wanted == case.seen.status {
        return Plan::rest();
    }
    let told = conditions::find(&case.seen.status.conditions, conditions::STALLED).is_some();
    let plan = Plan::write(wanted);
    if told { plan } else { plan.with_fact("Stalled", message, true) }
}

/// Whether a valid order is taken now.
enum Admission {
    /// It is, with this number where it has one.
    Open(Option<i64>),
    Wait(&'static str, String),
    /// It was given a number and waits for its turn.
    Number(i64),
    Closed(Outcome),
}

fn admission(case: &Case<Observed>) -> Admission {
    let seen = case.seen;
    let store = seen.store.present();
    match store.map(|store| store.intake).unwrap_or_default() {
        Intake::Open => {}
        Intake::Hold => {
            return Admission::Wait("StoreOnHold", messages::on_hold(seen));
        }
        Intake::Drain => {
            return Admission::Closed(Outcome::new(State::Rejected, "StoreDraining", messages::draining(seen)));
        }
    }
    let gate = seen.platform.queue.gate(seen.status.queue_number, case.now);
    let cooks = store.is_some_and(|store: &ObservedStore| store.fulfilment == Fulfilment::Kitchen);
    let full = cooks && seen.platform.kitchen_full;
    match gate {
        Gate::Open(_) if full => Admission::Wait("KitchenFull", messages::kitchen_full(seen)),
        Gate::Open(number) => Admission::Open(number),
        Gate::Numbered(number) => Admission::Number(number),
        // Higher numbers were called: those before them have no place in their kitchen.
        Gate::Waiting(number) if full && number <= seen.platform.queue.serving => {
            Admission::Wait("KitchenFull", messages::kitchen_full(seen))
        }
        Gate::Waiting(number) => Admission::Wait("WaitingForTurn", messages::turn(number)),
        Gate::Unnumbered => Admission::Wait("WaitingForTurn", messages::unnumbered()),
    }
}

fn placed(case: &Case<Observed>, terms: Terms, queue_number: Option<i64>) -> Plan<Status> {
    let message = messages::stock(case.seen, &terms);
    let (placed_at, terms) = (Some(case.now), Some(terms));
    let status = Status { placed_at, terms, queue_number, missing_since: None, ..case.seen.status.clone() };
    Plan::write(moving(case, status, State::Placed, "WaitingForStock", message))
}

/// The number of an order that waits, for whatever: once it is copied, the order asks for none any more and makes room for
/// others that do.
fn number(seen: &Observed) -> Option<i64> {
    let queue = &seen.platform.queue;
    seen.status.queue_number.or(queue.turn.as_ref().filter(|_| queue.limited).map(|turn| turn.number))
}

fn pending(case: &Case<Observed>, reason: &str, message: String) -> Plan<Status> {
    let status = Status { missing_since: None, queue_number: number(case.seen), ..case.seen.status.clone() };
    let wanted = moving(case, status, State::Pending, reason, message);
    case.write_after(case.seen.meta.changed.after(case.policy.debounce), wanted)
}

fn queued(case: &Case<Observed>, number: i64) -> Plan<Status> {
    let status = Status { queue_number: Some(number), missing_since: None, ..case.seen.status.clone() };
    Plan::write(moving(case, status, State::Pending, "WaitingForTurn", messages::turn(number)))
}

fn refuse(case: &Case<Observed>, outcome: Outcome) -> Plan<Status> {
    let status = Status { outcome: Some(outcome.clone()), missing_since: None, ..case.seen.status.clone() };
    Plan::write(ended(case, status, outcome.state, &outcome.reason, outcome.message))
}

fn read_references(seen: &Observed) -> Vec<Intent> {
    let request = &seen.request;
    let payer = match &request.pay {
        Pay::Wallet(name) => Intent::read(Kind::Wallet, name),
        Pay::Provider { .. } => Intent::read(Kind::OrderPlatform, platform::NAME),
    };
    let mut intents = vec![Intent::read(Kind::Store, &request.store), payer];
    intents.extend(request.items.iter().map(|(product, _)| Intent::read(Kind::Product, product)));
    intents
}
