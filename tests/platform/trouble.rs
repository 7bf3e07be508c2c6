//! What goes wrong with pods is said on the platform, with the object and the next step, and heals when it is mended.

use k8s_openapi::api::core::v1::Pod;
use serde_json::json;

use crate::harness::wait_for;
use crate::platform::{FAKE, Platform};
use crate::testbed::bed;

/// A platform whose pods play something bad: the status says this, and that it is over once the image is another.
async fn said_and_healed(plays: &str, reason: &str, words: &[&str]) {
    let image = format!("testbed.invalid/{plays}/jumun:0");
    let platform = Platform::new(bed().await, plays, json!({ "image": image })).await;
    let message = platform.says("WorkloadsAvailable", "False", reason).await;
    let unwell =
        wait_for("a pod", || async { Some(platform.pods("command").await).filter(|pods| !pods.is_empty()) }).await;
    assert!(unwell.iter().all(|pod| plays_on(pod, plays)), "{unwell:?}");
    for word in words {
        assert!(message.contains(word), "{word} is not in: {message}");
    }
    platform.says("Ready", "False", "").await;
    platform.set(json!({ "image": FAKE })).await;
    platform.says("WorkloadsAvailable", "True", "").await;
    for name in ["jumun-controllers", "jumun-command", "jumun-query"] {
        platform.rolled_out(name, 1).await;
    }
}

/// Whether the pod has the image that plays this, and is not ready.
fn plays_on(pod: &Pod, plays: &str) -> bool {
    let image = pod.spec.as_ref().and_then(|spec| spec.containers[0].image.as_deref()).unwrap_or_default();
    let conditions = pod.status.iter().flat_map(|status| status.conditions.iter().flatten());
    let ready = conditions.into_iter().any(|found| found.type_ == "Ready" && found.status == "True");
    image.starts_with(&format!("testbed.invalid/{plays}/")) && !ready
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crashing_workload_is_said_and_heals() {
    said_and_healed("crashing", "CrashLooping", &["Pod jumun-", "kubectl logs"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_that_cannot_be_pulled_is_said_and_heals() {
    said_and_healed("image-missing", "ImageCannotBePulled", &["Pod jumun-", "testbed.invalid/image-missing/jumun:0"])
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_workload_that_is_never_ready_is_said_and_heals() {
    said_and_healed("never-ready", "Unavailable", &["Deployment jumun-", "0 of 1"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_version_that_never_comes_up_leaves_the_old_one_running() {
    let platform = Platform::new(bed().await, "stays", json!({ "image": FAKE })).await;
    platform.says("WorkloadsAvailable", "True", "").await;
    platform.set(json!({ "image": "testbed.invalid/crashing/jumun:1" })).await;
    platform.says("WorkloadsAvailable", "False", "CrashLooping").await;
    let status = platform.deployment("jumun-command").await.status.expect("a status");
    assert_eq!(status.available_replicas, Some(1), "the old pod serves on: {status:?}");
    platform.set(json!({ "image": FAKE })).await;
    platform.says("WorkloadsAvailable", "True", "").await;
}
