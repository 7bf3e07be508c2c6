//! Makes one object as it is wanted: by server-side apply, where it lacks something.
//!
//! Invariants: only what lacks something is written; what belongs to somebody else is not taken over; replicas that the
//! operator has applied are handed over before it lets go of them, since a field that nobody applies any more falls back
//! to its default.

use std::sync::Arc;

use kube::api::{DynamicObject, Patch, PatchParams};
use serde_json::{Value, json};

use super::compare;
use super::context::Context;
use super::failure::{Failure, limited};
use super::resources::Resource;
use super::store::{Live, MANAGER};
use crate::cluster::{Class, Key, lock};
use crate::domain::platform::effective::OF_BEFORE;
use crate::platform::MANAGED_BY;

/// Holds replicas between the operator, which lets go of them, and the autoscaler, which has not written any yet.
const KEEPER: &str = "jumun-operator-replicas";

/// An object that is wanted, of the platform with this UID.
#[derive(Clone)]
pub struct Wanted<'a> {
    pub resource: &'static Resource,
    pub key: Key,
    pub platform: &'a str,
    /// With the mark of what is wanted.
    pub object: Value,
}

/// Makes an object as it is wanted; gives whether anything was written.
pub async fn apply(context: &Context, wanted: &Wanted<'_>) -> Result<bool, Failure> {
    let kind = wanted.resource.kind;
    let live = match context.store.get(kind, &wanted.key) {
        Some(live) => Some(live),
        None => read(context, wanted).await?,
    };
    let Some(live) = live else { return patch(context, wanted, None).await };
    if !live.object["metadata"]["deletionTimestamp"].is_null() {
        return Ok(false); // It is made anew once it is gone.
    }
    if let Some(owner) = another(&live, wanted) {
        return Err(Failure::taken(kind, &wanted.key.name, &owner));
    }
    if is_unchanged(context, wanted, &live) {
        return Ok(false);
    }
    let strangers = compare::without_strangers(&live.object, &wanted.object);
    if strangers.is_none() && compare::has(&live.object, &wanted.object) {
        return Ok(false);
    }
    let has_strangers = strangers.is_some();
    let live = match strangers {
        Some(change) => Arc::new(take_out(context, wanted, &live, change).await?),
        None => live,
    };
    if live.holds_replicas && wanted.object["spec"]["replicas"].is_null() {
        hand_over_replicas(context, wanted, &live).await?;
    }
    Ok(patch(context, wanted, Some(&live)).await? || has_strangers)
}

/// Looks for an object that no watch shows: one without our labels may have the name.
async fn read(context: &Context, wanted: &Wanted<'_>) -> Result<Option<Arc<Live>>, Failure> {
    let (kind, name) = (wanted.resource.kind, &*wanted.key.name);
    let api = wanted.resource.api(&context.calls, Some(&wanted.key.namespace));
    let found = limited("get", kind, name, api.get_opt(name)).await?;
    Ok(found.map(|found| Arc::new(Live::of(wanted.resource, found))))
}

/// Whose an object is, if it is not ours: another controller's, or somebody's who made it by hand.
fn another(live: &Live, wanted: &Wanted<'_>) -> Option<String> {
    match &live.owner {
        Some(owner) if owner == wanted.platform => None,
        Some(_) if is_of_before(live) => Some(format!("{OF_BEFORE}, with which it goes by itself")),
        Some(owner) => Some(format!("the object with UID {owner}")),
        None if live.label(MANAGED_BY.0) == Some(MANAGED_BY.1) => None,
        None => Some("nobody: it was made by hand".to_owned()),
    }
}

/// Whether an object belongs to an OrderPlatform that was there before this one: the garbage collector is about to remove it.
fn is_of_before(live: &Live) -> bool {
    let owners = live.object["metadata"]["ownerReferences"].as_array().into_iter().flatten();
    owners.filter(|owner| owner["controller"] == true).any(|owner| owner["kind"] == "OrderPlatform")
}

/// Whether the API server has answered before that this version of the object is as it is wanted.
fn is_unchanged(context: &Context, wanted: &Wanted<'_>, live: &Live) -> bool {
    let unchanged = lock(&context.unchanged);
    let known = unchanged.get(&(wanted.resource.kind, wanted.key.clone()));
    known.is_some_and(|(version, object)| *version == live.version && *object == wanted.object)
}

/// Lets a manager of that purpose alone apply the replicas that there are, on the very version that was seen.
async fn hand_over_replicas(context: &Context, wanted: &Wanted<'_>, live: &Live) -> Result<(), Failure> {
    let object = json!({
        "apiVersion": wanted.resource.api_version, "kind": wanted.resource.kind,
        "metadata": {
            "name": &*wanted.key.name, "uid": live.uid, "resourceVersion": live.object["metadata"]["resourceVersion"],
        },
        "spec": { "replicas": live.object["spec"]["replicas"] },
    });
    send(context, wanted, &PatchParams::apply(KEEPER).force(), &Patch::Apply(&object)).await.map(drop)
}

/// Makes a change that no apply can make, on the very version that was seen; gives the object as it is then.
async fn take_out(context: &Context, wanted: &Wanted<'_>, live: &Live, mut change: Value) -> Result<Live, Failure> {
    change["metadata"] = json!({ "uid": live.uid, "resourceVersion": live.object["metadata"]["resourceVersion"] });
    let params = PatchParams { field_manager: Some(MANAGER.to_owned()), ..PatchParams::default() };
    let answer = send(context, wanted, &params, &Patch::Strategic(&change)).await?;
    Ok(Live::of(wanted.resource, answer))
}

async fn patch(context: &Context, wanted: &Wanted<'_>, before: Option<&Live>) -> Result<bool, Failure> {
    let mut object = wanted.object.clone();
    if let Some(live) = before {
        // One that was deleted meanwhile is not made anew in passing: it would miss what a new one needs.
        object["metadata"]["uid"] = live.uid.clone().into();
    }
    let answer = send(context, wanted, &PatchParams::apply(MANAGER).force(), &Patch::Apply(&object)).await?;
    let live = Live::of(wanted.resource, answer);
    let wrote = before.is_none_or(|before| before.version != live.version);
    if !wrote {
        let id = (wanted.resource.kind, wanted.key.clone());
        lock(&context.unchanged).insert(id, (live.version, wanted.object.clone()));
    }
    context.store.put(wanted.resource, live);
    Ok(wrote)
}

async fn send(
    context: &Context,
    wanted: &Wanted<'_>,
    params: &PatchParams,
    change: &Patch<&Value>,
) -> Result<DynamicObject, Failure> {
    let (kind, name) = (wanted.resource.kind, &*wanted.key.name);
    let api = wanted.resource.api(&context.calls, Some(&wanted.key.namespace));
    let answer = limited("apply", kind, name, api.patch(name, params, change)).await;
    context.metrics.applied(kind, answer.as_ref().map_or_else(|failure| failure.label, |_| "ok"));
    if let Err(failure) = &answer {
        if failure.class != Class::Conflict {
            tracing::warn!(namespace = &*wanted.key.namespace, %failure, "an object cannot be applied");
        }
    } else {
        tracing::info!(namespace = &*wanted.key.namespace, kind, name, manager = params.field_manager, "applied");
    }
    answer
}
