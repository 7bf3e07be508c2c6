//! One look at one platform: what is wanted is built, applied where it is missing, the rest pruned, and the status says what
//! came of it.

use super::apply::{Wanted, apply};
use super::compare::marked;
use super::context::Context;
use super::failure::Failure;
use super::observe::{Look, features};
use super::prune::{prune, stays};
use super::resources::{self, Role};
use super::status;
use super::store::{Live, Reading};
use crate::cluster::{Class, Key};
use crate::crd::OrderPlatform;
use crate::domain::platform::NAME;
use crate::platform::{Built, Inputs, Served, build};

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
    let wanted: Vec<Wanted<'_>> = build(&inputs).into_iter().filter_map(|built| wanted(&live, built)).collect();
    let mut failures = carry_out(context, &live, &platform, &wanted).await;
    let facts = look(context, &platform, namespace, &wanted).facts(&failures);
    failures.extend(status::write(context, resource, &platform, &facts).await.err());
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
async fn carry_out(context: &Context, live: &Live, platform: &OrderPlatform, wanted: &[Wanted<'_>]) -> Vec<Failure> {
    let namespace = &*live.key.namespace;
    let is_scaler = |kind: &str| kind == "HorizontalPodAutoscaler";
    let mut failures = prune(context, namespace, &live.uid, wanted, is_scaler, &Default::default()).await;
    for one in wanted {
        if !matches!(context.store.reading(one.resource), Reading::Filled) {
            continue; // What cannot be seen is not written; the facts say so.
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
