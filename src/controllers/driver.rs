//! The one driver: observes, decides, and executes the plan, one write at a time, the status last.
//!
//! Each gap between two writes is a point at which the process can die: whatever is left undone then is decided anew from
//! what stands. A plan that meets a changed object is dropped and the decision taken again, of what was seen or read meanwhile.
//!
//! A reconcile that changes and learns nothing is repeated with backoff (see [`crate::cluster::queue::Queue::pace`]).

mod share;
mod worker;

pub(super) use worker::{resync, run};

use std::time::{Duration, Instant};

use serde_json::Value;

use crate::cluster::diff::merge_patch;
use crate::cluster::{Class, Error, Key, Watched};
use crate::domain::denial::Denial;
use crate::domain::{Case, Condition, Intent, Kind, Plan, Time, Version, conditions};
use crate::world::LiveReads;

use super::controller::{Context, Controller, Look, Observation, StatusOf};
use super::denial;

/// How often one reconcile decides again after live reads before it leaves the rest to a later one.
const ROUNDS: usize = 12;
/// A notice that cannot be made is tried again after this long.
const UNMADE: Duration = Duration::from_secs(60);
/// What is decided within this time may be the write that was denied before.
const SOON: Duration = Duration::from_secs(60);
/// A place for a call to a provider is looked for again after this many milliseconds.
const BUSY: std::ops::Range<u64> = 200..1_000;

/// When to look at the object again.
pub(super) enum Next {
    /// When something changes.
    Changed,
    /// After this long, or when something changes.
    After(Duration),
    /// After this long, or when something changes: no place was free for a call to a payment provider.
    Busy(Duration),
    /// It was decided again and again without coming to an end.
    Unsettled,
    /// After a race that was lost: with backoff.
    Lost,
    /// After a failure: with backoff.
    Failed(Error),
}

/// Whether a reconcile has come to anything: a write, news from a live read, or another version of the object.
#[derive(Default)]
pub(super) struct Progress {
    since: Option<Option<Version>>,
    pub made: bool,
}

impl Progress {
    fn sees(&mut self, version: Option<Version>) {
        self.made |= *self.since.get_or_insert(version) != version;
    }
}

/// What came of one plan.
#[derive(Default)]
struct Done {
    /// Whether it changed anything, or brought anything new.
    news: bool,
    /// Whether anything was written, and nothing denied.
    wrote: bool,
    /// Whether the status is another one now.
    wrote_status: bool,
    /// What was denied that the rest does not wait for.
    denied: Option<Denial>,
    /// When to look again for that.
    again: Option<Duration>,
}

/// A plan that could not be executed: why, and at which intent, where it was not the status.
struct Failure<'a> {
    error: Error,
    intent: Option<&'a Intent>,
}

impl<E: Into<Error>> From<E> for Failure<'_> {
    fn from(error: E) -> Self {
        Self { error: error.into(), intent: None }
    }
}

/// One reconcile of one object, which is another process's where it is done `instead`.
pub(super) async fn reconcile<C: Controller>(
    context: &Context,
    key: &Key,
    instead: bool,
    progress: &mut Progress,
) -> Next {
    let (mut live, mut asked, mut explained) = (LiveReads::default(), Vec::new(), false);
    for _ in 0..ROUNDS {
        let decided = Instant::now();
        context.world.looks(context.clock.now());
        if context.world.unreadable(C::Root::KIND, key).is_some() {
            return Next::Changed; // What was last understood of it is old by now.
        }
        let Some(mut observed) = C::observe(&context.world, key, &live) else { return Next::Changed };
        let conditions = observed.conditions().and_then(crate::domain::denial::take);
        let look = Look::<C> { observed, conditions, decided, instead };
        let version = look.observed.version();
        progress.sees(version);
        if !live.fits(version) {
            // Another version of the object may rest on what is younger than the reads.
            (live, asked) = (LiveReads::default(), Vec::new());
            continue;
        }
        let plan = C::decide(&Case { seen: &look.observed, now: context.clock.now(), policy: &context.policy });
        say(&look, &plan, context.clock.now());
        let decides_again = plan.intents.iter().any(Intent::informs);
        if decides_again && plan.intents == asked {
            break; // It was asked a moment ago, and the answer is known.
        }
        match act(context, key, &look, &plan, &mut live).await {
            Ok(done) => {
                progress.made |= done.news;
                let at_once = done.wrote_status && plan.next.is_some_and(|next| next <= context.clock.now());
                if !decides_again && !at_once {
                    let due = plan.next.map(|next| next.since(context.clock.now()));
                    return due.into_iter().chain(done.again).min().map_or(Next::Changed, Next::After);
                }
                asked = if done.news { Vec::new() } else { plan.intents };
            }
            // Once in a reconcile: a watch may lag behind who writes again and again.
            Err(Failure { error, .. }) if !explained && is_explained::<C>(context, key, &error, version) => {
                explained = true;
            }
            Err(Failure { error, .. }) if error.class() == Class::Conflict => {
                match refresh(context, key, &error, &mut live).await {
                    Ok(news) => progress.made |= news,
                    Err(error) => return Next::Failed(error),
                }
            }
            Err(failure) => return refused(context, key, failure, &look).await,
        }
    }
    Next::Unsettled
}

/// Says what was decided, for whoever follows one order through the log (`--log-level info,jumun=debug`).
fn say<C: Controller>(look: &Look<C>, plan: &Plan<StatusOf<C>>, now: Time) {
    if !tracing::enabled!(tracing::Level::DEBUG) {
        return;
    }
    let intents = plan.intents.iter().map(ToString::to_string).collect::<Vec<String>>().join("; ");
    let again = plan.next.map(|next| next.since(now));
    let status = plan.status.as_ref().or_else(|| look.observed.seen().map(|(_, status)| status));
    let status = status.map(serde_json::to_value).transpose().unwrap_or_default().unwrap_or_default();
    let conditions: Vec<Condition> = serde_json::from_value(status["conditions"].clone()).unwrap_or_default();
    let waits_for = conditions::waiting_for(&conditions).zip(conditions::waiting_message(&conditions));
    let waits_for = waits_for.map(|(reason, message)| format!("{reason}: {message}"));
    tracing::debug!(intents, writes_status = plan.status.is_some(), ?again, waits_for, "decided");
}

/// Executes a plan.
async fn act<'a, C: Controller>(
    context: &Context,
    key: &Key,
    look: &Look<C>,
    plan: &'a Plan<StatusOf<C>>,
    live: &mut LiveReads,
) -> Result<Done, Failure<'a>> {
    let mut done = Done::default();
    for intent in &plan.intents {
        match (context.executor.execute::<C::Root>(key, intent, look.decided, live).await, intent) {
            (Ok(news), _) => (done.news, done.wrote) = (done.news | news, done.wrote | !intent.informs()),
            // A notice that is refused blocks nothing: what must wait for it waits until it is seen sent.
            (Err(error), Intent::CreateNotification(_)) if matches!(error.class(), Class::Invalid | Class::Denied) => {
                done.denied = denial::of(&error, Some(intent));
                if let Some(denied) = &done.denied {
                    denial::report(context, key, look, &error, denied);
                }
                done.again = Some(UNMADE);
            }
            (Err(error), _) => return Err(Failure { error, intent: Some(intent) }),
        }
    }
    let lifted = done.denied.is_none() && is_over(&done, plan, context.clock.now());
    if lifted && plan.status.is_none() {
        context.world.allowed(C::Root::KIND, key);
    }
    let Some((meta, seen)) = look.observed.seen() else { return Ok(done) };
    let said = done.denied.is_some() || (look.conditions.is_some() && lifted);
    if plan.status.is_none() && !said && plan.facts.is_empty() {
        return Ok(done);
    }
    let mut before = serde_json::to_value(seen)?;
    let mut after = plan.status.as_ref().map_or_else(|| Ok(before.clone()), serde_json::to_value)?;
    if let Some(conditions) = &look.conditions {
        before["conditions"] = serde_json::to_value(conditions)?;
    }
    if let Some(denied) = &done.denied {
        denial::put(context, look, meta, denied, &mut after)?;
    }
    // Whose it is may be of another version, which has other words for the same: each would correct the other for ever.
    let rewords = look.instead && differ_in_words(&before, &after);
    match merge_patch(&before, &after).filter(|_| !rewords) {
        Some(patch) => {
            done.wrote_status =
                context.executor.access.write_status::<C::Root>(key, &meta.target(), patch, look.decided).await?;
            done.news |= done.wrote_status;
        }
        // It says already what there is to say.
        None if plan.status.is_some() => return Ok(done),
        None => {}
    }
    if done.denied.is_none() {
        context.world.allowed(C::Root::KIND, key);
    }
    for fact in &plan.facts {
        let reported = crate::telemetry::metrics::Reported { kind: C::Root::KIND.as_str(), reason: fact.reason };
        context.metrics.facts.get_or_create(&reported).inc();
        let message = fact.message.escape_debug();
        match fact.warning {
            true => tracing::warn!(kind = %C::Root::KIND, %key, reason = fact.reason, "{message}"),
            false => tracing::info!(kind = %C::Root::KIND, %key, reason = fact.reason, "{message}"),
        }
        context.events.publish(C::Root::KIND, &key.namespace, (&meta.name, &meta.uid), fact);
    }
    Ok(done)
}

/// Whether two statuses differ in the messages of their conditions alone.
fn differ_in_words(before: &Value, after: &Value) -> bool {
    let wordless = |status: &Value| {
        let mut status = status.clone();
        for condition in status["conditions"].as_array_mut().into_iter().flatten() {
            condition["message"] = Value::Null;
        }
        status
    };
    wordless(before) == wordless(after)
}

/// Whether a write that was denied before was made, or is not wanted any more: there is nothing to write now or soon.
fn is_over<S>(done: &Done, plan: &Plan<S>, now: Time) -> bool {
    let rests = plan.intents.is_empty() && plan.status.is_none();
    done.wrote || plan.status.is_some() || (rests && plan.next.is_none_or(|next| next.since(now) > SOON))
}

/// Whether a conflict is about the object itself, which has been seen in another version than was decided on meanwhile: the next
/// decision sees that.
fn is_explained<C: Controller>(context: &Context, key: &Key, error: &Error, decided_on: Option<Version>) -> bool {
    let Error::Conflict { kind, name, .. } = error else { return false };
    *kind == C::Root::KIND && **name == *key.name && context.world.version_of(*kind, key) != decided_on
}

/// Reads what has changed under a plan, so that the next decision sees it.
async fn refresh(context: &Context, key: &Key, error: &Error, live: &mut LiveReads) -> Result<bool, Error> {
    let Error::Conflict { kind, name, .. } = error else { return Ok(false) };
    context.executor.access.read_afresh(*kind, &key.sibling(name), live).await
}

/// What follows a failure that deciding again at once may not mend. A refused hold or cancel is a race that was lost: the
/// child is read afresh, and the next decision comes soon, later where it is refused again and again. Where the child has
/// not changed, the write was denied as any other.
async fn refused<C: Controller>(context: &Context, key: &Key, failure: Failure<'_>, look: &Look<C>) -> Next {
    let Failure { error, intent } = failure;
    if let Error::Busy = error {
        return Next::Busy(Duration::from_millis(rand::random_range(BUSY)));
    }
    if let Error::NamespaceTerminating { .. } = error {
        context.executor.access.check_namespace(&key.namespace).await;
    }
    let race = match intent {
        Some(Intent::HoldTicket(target, _)) => Some((Kind::Ticket, target)),
        Some(Intent::HoldDelivery(target, _)) => Some((Kind::Delivery, target)),
        Some(Intent::CancelPayment(target)) => Some((Kind::Payment, target)),
        _ => None,
    };
    if let Some((kind, target)) = race.filter(|_| error.class() == Class::Invalid) {
        let child = key.sibling(&target.name);
        match context.executor.access.read_afresh(kind, &child, &mut LiveReads::default()).await {
            Ok(_) if context.world.version_of(kind, &child) != Some(target.version) => return Next::Lost,
            Ok(_) => {}
            Err(error) => return Next::Failed(error),
        }
    }
    if let Some(denied) = denial::of(&error, intent) {
        denial::report(context, key, look, &error, &denied);
        if let Err(error) = denial::say(context, key, look, &denied).await {
            tracing::debug!(kind = %C::Root::KIND, %key, %error, "a denied write could not be said on its object");
        }
    }
    Next::Failed(error)
}

#[cfg(test)]
mod tests;
