//! What becomes of a write that the API server denies: a condition on the object that it was for, an Event once, a metric.

use serde_json::Value;

use crate::cluster::diff::merge_patch;
use crate::cluster::{Error, Key, Watched};
use crate::domain::denial::Denial;
use crate::domain::{Condition, Fact, Intent, Kind, Meta};
use crate::telemetry::metrics::DeniedWrite;

use super::controller::{Context, Controller, Look, Observation};

/// What a failed call says of a write that was denied, where it was.
pub(super) fn of(error: &Error, intent: Option<&Intent>) -> Option<Denial> {
    let (reason, kind, verb, name, sentence) = error.denied()?;
    let write = format!("{} {kind} {name}", verb.replace('_', " "));
    Some(Denial { reason, write, sentence: sentence.to_owned(), blocks: true, bars: false }.of(intent))
}

/// Counts a denied write, and reports it where it is news: neither the object nor this process has said so before.
pub(super) fn report<C: Controller>(context: &Context, key: &Key, look: &Look<C>, error: &Error, denial: &Denial) {
    let root = C::Root::KIND;
    if let Some((reason, kind, verb, ..)) = error.denied() {
        let label = DeniedWrite { kind: kind.as_str(), verb, reason };
        context.metrics.denied_writes.get_or_create(&label).inc();
    }
    let news = context.world.denials.insert(root, key, denial);
    if news {
        context.world.enqueue_platform(&key.namespace);
    }
    if !news || denial.is_known(look.conditions.as_deref().unwrap_or_default()) {
        return;
    }
    let fact = Fact { reason: "WriteDenied", message: denial.advice(), warning: true };
    tracing::warn!(kind = %root, %key, "{}", fact.message.escape_debug());
    match look.observed.seen() {
        Some((meta, _)) => context.events.publish(root, &key.namespace, (&meta.name, &meta.uid), &fact),
        // A row has no status: whoever looks for it looks at its order.
        None => {
            if let Some(seen) = context.world.orders.get(key) {
                let meta = context.world.meta_of(&seen);
                context.events.publish(Kind::Order, &key.namespace, (&meta.name, &meta.uid), &fact);
            }
        }
    }
}

/// Writes on the object that a write of its was denied; the rest of its status stays. That this may be denied too changes
/// nothing: it was counted and reported, and the platform says so.
pub(super) async fn say<C: Controller>(
    context: &Context,
    key: &Key,
    look: &Look<C>,
    denial: &Denial,
) -> Result<(), Error> {
    let Some((meta, status)) = look.observed.seen() else { return Ok(()) };
    let mut before = serde_json::to_value(status)?;
    let mut after = before.clone();
    if let Some(conditions) = &look.conditions {
        before["conditions"] = serde_json::to_value(conditions)?;
    }
    put(context, look, meta, denial, &mut after)?;
    let Some(patch) = merge_patch(&before, &after) else { return Ok(()) };
    context.executor.access.write_status::<C::Root>(key, &meta.target(), patch, look.decided).await.map(drop)
}

/// Puts a denied write into a status that is to be written.
pub(super) fn put<C: Controller>(
    context: &Context,
    look: &Look<C>,
    meta: &Meta,
    denial: &Denial,
    status: &mut Value,
) -> serde_json::Result<()> {
    let wanted: Vec<Condition> = match status.get("conditions") {
        Some(conditions) => serde_json::from_value(conditions.clone())?,
        None => Vec::new(),
    };
    let seen = look.conditions.as_deref().unwrap_or(&wanted);
    let said = denial.on(C::Root::KIND, seen, &wanted, meta.generation, context.clock.now());
    status["conditions"] = serde_json::to_value(said)?;
    Ok(())
}
