//! One look at one platform: what is wanted is built, applied where it is missing, the rest pruned, and the status says what
//! came of it.

use std::borrow::Cow;

use k8s_openapi::api::rbac::v1::PolicyRule;
use serde_json::{Value, json};

use super::apply::{Wanted, apply};
use super::compare::marked;
use super::context::Context;
use super::failure::Failure;
use super::handover;
use super::observe::{Look, component, features};
use super::prune::{has_old_pods, prune, stays};
use super::resources::{self, Role};
use super::status;
use super::store::{Live, Reading};
use crate::cluster::{Class, Key};
use crate::crd::OrderPlatform;
use crate::domain::platform::NAME;
use crate::platform::rights::{ROLE, both};
use crate::platform::{Built, Inputs, Served, build_with};

/// What came of a look.
#[derive(Debug, Default)]
pub struct Outcome {
    /// What failed, in the order in which it was tried.
    pub failures: Vec<Failure>,
}

/// Looks at the platform of a namespace.
pub async fn reconcile(context: &Context, namespace: &str) -> Outcome {
    let Some(resource) = resources::all().iter().find(|resource| resource.role == Role::Platform) else {
        return Outcome::default();
    };
    let Some(live) = context.store.get(resource.kind, &Key::new(namespace, NAME)) else {
        return Outcome::default(); // What it owned goes with it.
    };
    let platform: OrderPlatform = match serde_json::from_value(live.object.clone()) {
        Ok(platform) => platform,
        Err(error) => {
            tracing::warn!(namespace, %error, "an OrderPlatform cannot be read: nothing is changed");
            return Outcome::default();
        }
    };
    let features = platform.spec.gateway.as_ref().map(|gateway| features(&context.store, &gateway.class_name));
    let inputs = Inputs {
        platform: &platform,
        image: &context.image,
        pull_policy: context.pull_policy.as_deref(),
        served: served(context),
        features: &features.unwrap_or_default(),
    };
    let kept = handover::kept(&context.store, namespace, &platform.spec);
    let wanted: Vec<Wanted<'_>> =
        build_with(&inputs, &kept).into_iter().filter_map(|built| wanted(&live, built)).collect();
    let mut failures = execute(context, &live, &platform, &wanted).await;
    let mut findings = look(context, &platform, namespace, &wanted).findings(&failures);
    handover::say(&mut findings, &kept, &platform.spec);
    failures.extend(status::write(context, resource, &platform, &findings).await.err());
    Outcome { failures }
}

fn look<'a>(
    context: &'a Context,
    platform: &'a OrderPlatform,
    namespace: &'a str,
    wanted: &'a [Wanted<'a>],
) -> Look<'a> {
    Look { store: &context.store, platform, namespace, wanted, now: context.clock.now() }
}

/// Applies what is wanted and prunes the rest. An autoscaler that is no longer wanted goes first: it would scale what the
/// spec gives a number again.
async fn execute(context: &Context, live: &Live, platform: &OrderPlatform, wanted: &[Wanted<'_>]) -> Vec<Failure> {
    let namespace = &*live.key.namespace;
    let is_scaler = |kind: &str| kind == "HorizontalPodAutoscaler";
    let mut failures = prune(context, namespace, &live.uid, wanted, is_scaler, &Default::default()).await;
    for one in &widened(&look(context, platform, namespace, wanted)) {
        let undecided = context.store.is_undecided(one.resource, component(&one.object));
        if undecided || !matches!(context.store.reading(one.resource), Reading::Filled) {
            continue; // What cannot be seen is not written; the findings say so.
        }
        match apply(context, one).await {
            Ok(_) => {}
            Err(failure) => {
                let goes_away = failure.label == "namespace_terminating";
                failures.push(failure);
                if goes_away {
                    return failures;
                }
            }
        }
    }
    // Nothing that stands is taken away while what is to replace it could not be made.
    if failures.iter().any(|failure| failure.class != Class::Conflict) {
        return failures;
    }
    let stays = stays(context, namespace, wanted, &look(context, platform, namespace, wanted).deployments());
    failures.extend(prune(context, namespace, &live.uid, wanted, |_| true, &stays).await);
    failures
}

/// What is applied of what is wanted: the Role of a workload whose pods of before still run, or are still going, has what
/// those need, too. They would stand still otherwise, for ever where the new ones cannot start.
fn widened<'a>(look: &Look<'a>) -> Vec<Cow<'a, Wanted<'a>>> {
    let needs_more = |key: &Key| {
        let rolling = look.deployments().into_iter().find(|one| *one.name == *key.name).filter(|one| !one.rolled_out);
        let live = look.store.get("Deployment", key);
        live.is_some_and(|live| rolling.is_some() || has_old_pods(look.store, &live))
    };
    let widen = |one: &'a Wanted<'a>| {
        let live = look.store.get(ROLE.kind, &one.key).filter(|_| one.resource.kind == ROLE.kind);
        let Some(live) = live.filter(|_| needs_more(&one.key)) else { return Cow::Borrowed(one) };
        let rules = |object: &Value| serde_json::from_value::<Vec<PolicyRule>>(object["rules"].clone());
        let (Ok(wanted), Ok(live)) = (rules(&one.object), rules(&live.object)) else { return Cow::Borrowed(one) };
        let both = both(&wanted, &live, &one.key.namespace);
        if both == wanted {
            return Cow::Borrowed(one);
        }
        let mut object = one.object.clone();
        object["rules"] = json!(both);
        Cow::Owned(Wanted { object: marked(object), key: one.key.clone(), ..*one })
    };
    look.wanted.iter().map(widen).collect()
}

fn served(context: &Context) -> Served {
    let has = |kind: &str| resources::find(kind).is_some_and(|resource| context.store.is_served(resource));
    Served { gateway: has("Gateway") && has("HTTPRoute"), capacity_buffer: has("CapacityBuffer") }
}

/// An object as it is applied.
fn wanted<'a>(platform: &'a Live, built: Built) -> Option<Wanted<'a>> {
    let resource = resources::find(built.type_.kind)?;
    let key = platform.key.sibling(&built.name);
    Some(Wanted { resource, key, platform: &platform.uid, object: marked(built.object) })
}
