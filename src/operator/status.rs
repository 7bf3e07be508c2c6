//! Writes what is effective into the status of a platform.
//!
//! Invariants: the write names the uid and the version of the status that it was derived from, so that it and the one of the
//! namespace's controllers never undo each other; nothing is written that says nothing new.

use kube::ResourceExt;
use kube::api::{Patch, PatchParams};
use serde_json::json;

use super::context::Context;
use super::failure::{Failure, limited};
use super::resources::Resource;
use super::store::{Live, MANAGER};
use crate::cluster::Key;
use crate::cluster::diff::merge_patch;
use crate::crd::OrderPlatform;
use crate::domain::conditions::READY;
use crate::domain::platform::effective::{Findings, OF_THE_OPERATOR};
use crate::domain::platform::ready::{Basis, conclude};
use crate::domain::platform::{NAME, Status};
use crate::domain::{Condition, Generation, Time};

/// The status that says what was seen.
pub fn derive(platform: &OrderPlatform, findings: &Findings, now: Time) -> Status {
    let mut status = platform.status.clone().unwrap_or_default();
    let seen = status.conditions.clone();
    let is_mine = |condition: &Condition| OF_THE_OPERATOR.contains(&condition.type_.as_str());
    status.workloads = Some(findings.workloads());
    status.conditions = findings.conditions(&seen, now);
    status.conditions.extend(seen.iter().filter(|c| c.type_ != READY && !is_mine(c)).cloned());
    let deleting = platform.metadata.deletion_timestamp.is_some();
    let generation = Generation(platform.metadata.generation.unwrap_or_default());
    let basis = Basis::as_said(&seen, generation, platform.spec.is_paused(), deleting);
    conclude(status, &basis, &seen, now)
}

/// Writes the status of a platform where it says something new; gives whether it did.
pub async fn write(
    context: &Context,
    resource: &'static Resource,
    platform: &OrderPlatform,
    findings: &Findings,
) -> Result<bool, Failure> {
    let wanted = derive(platform, findings, context.clock.now());
    let encoded = (serde_json::to_value(platform.status.clone().unwrap_or_default()), serde_json::to_value(&wanted));
    let (Ok(before), Ok(after)) = encoded else { return Ok(false) };
    let Some(change) = merge_patch(&before, &after) else { return Ok(false) };
    let change = json!({
        "metadata": { "uid": platform.uid(), "resourceVersion": platform.resource_version() },
        "status": change,
    });
    let namespace = platform.namespace().unwrap_or_default();
    let key = Key::new(&namespace, NAME);
    let api = resource.api(&context.calls, Some(&namespace));
    let params = PatchParams { field_manager: Some(MANAGER.to_owned()), ..PatchParams::default() };
    let patch = Patch::Merge(&change);
    let answer = limited("patch_status", resource.kind, &key.name, api.patch_status(&key.name, &params, &patch)).await;
    context.metrics.applied("status", answer.as_ref().map_or_else(|failure| failure.label, |_| "ok"));
    context.store.put(resource, Live::of(resource, answer?));
    Ok(true)
}
