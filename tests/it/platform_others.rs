//! What others do to what is built, and to the platform.

use jumun::platform::TYPES;
use serde_json::{Value, json};

use crate::harness::{Scene, wait_for};
use crate::platform::{
    KINDS, PlatformOperator, at_rest, available, built, condition, eventually, names, object, platform, platform_scene,
    says,
};
use crate::restored::each_stands_again;

/// A platform that asks for every kind that clusters always have.
fn everything() -> Value {
    let autoscaling = json!({ "minReplicas": 1, "maxReplicas": 5, "cpuPercent": 20 });
    json!({
        "config": { "LOG_LEVEL": "info" },
        "headroom": { "pods": 1 },
        "workloads": { "command": { "autoscaling": autoscaling }, "query": { "replicas": 2 } },
    })
}

#[tokio::test]
async fn what_is_edited_or_deleted_stands_again_within_seconds_and_then_nothing_more_is_written() {
    let (scene, operator) = platform_scene("edits", &everything()).await;
    let restored = each_stands_again(&scene, KINDS).await;
    // The others are kinds that not every cluster has: tests/platform asks for them.
    let others = ["Gateway", "HTTPRoute", "PodTemplate", "CapacityBuffer"];
    let all = TYPES.map(|type_| type_.kind).into_iter().filter(|kind| !others.contains(kind));
    assert_eq!(restored, all.map(str::to_owned).collect(), "each kind that is built");
    assert!(names(&scene).contains("Deployment jumun-headroom"), "pods that only wait are among them");
    // Whoever takes our label or our reference off hides it from the watch, and does not keep it.
    for patch in [json!({ "labels": { "app.kubernetes.io/managed-by": null } }), json!({ "ownerReferences": null })] {
        let patch = json!({ "metadata": patch }).to_string();
        assert!(scene.kubectl(&["patch", "cm", "jumun-config", "--type=merge", "-p", &patch]).0);
        let ours = |map: &Value| {
            let meta = &map["metadata"];
            meta["labels"]["app.kubernetes.io/managed-by"] == "jumun-operator"
                && meta["ownerReferences"][0]["controller"] == true
        };
        eventually(&scene, "cm", "jumun-config", "to be ours again", ours).await;
    }
    at_rest(&scene, &operator).await;
    let (scaled, said) = scene.kubectl(&["scale", "deploy/jumun-query", "--replicas=7"]);
    assert!(scaled, "{said}");
    eventually(&scene, "deploy", "jumun-query", "to have 2 replicas again", |d| d["spec"]["replicas"] == 2).await;
    assert!(scene.kubectl(&["scale", "deploy/jumun-command", "--replicas=4"]).0);
    at_rest(&scene, &operator).await;
    let command = object(&scene, "deploy", "jumun-command").unwrap();
    assert_eq!(command["spec"]["replicas"], 4, "that is the autoscaler's");
}

#[tokio::test]
async fn what_pauses_a_workload_or_overrides_its_settings_does_not_stay() {
    let (scene, operator) = platform_scene("overrides", &json!({ "config": { "LOG_LEVEL": "warn" } })).await;
    let before = object(&scene, "deploy", "jumun-controllers").expect("it is built");
    let mut version = before["metadata"]["resourceVersion"].clone();
    let command =
        json!({ "spec": { "template": { "spec": { "containers": [{ "name": "jumun", "command": ["/nope"] }] } } } });
    let command = command.to_string();
    let edits: [&[&str]; 3] = [
        &["rollout", "pause", "deploy/jumun-controllers"],
        &["set", "env", "deploy/jumun-controllers", "LOG_LEVEL=debug"],
        &["patch", "deploy", "jumun-controllers", "-p", &command],
    ];
    for edit in edits {
        let (done, said) = scene.kubectl(edit);
        assert!(done, "{edit:?}: {said}");
        let edited = object(&scene, "deploy", "jumun-controllers").expect("it is there");
        let stands = |now: &Value| {
            let template = |deployment: &Value| deployment["spec"]["template"].clone();
            now["spec"]["paused"] != true && template(now) == template(&before)
        };
        // It may be put back before anybody has looked.
        println!("{}: {}", edit[0], if stands(&edited) { "put back at once" } else { "seen edited" });
        eventually(&scene, "deploy", "jumun-controllers", &format!("to be as it was before {edit:?}"), stands).await;
        let after = object(&scene, "deploy", "jumun-controllers").expect("it is there");
        let last = std::mem::replace(&mut version, after["metadata"]["resourceVersion"].clone());
        assert_ne!(version, last, "{edit:?} did nothing");
    }
    at_rest(&scene, &operator).await;
}

#[tokio::test]
async fn what_somebody_else_made_is_not_taken_over() {
    let scene = Scene::new("taken", 0).await;
    assert!(scene.kubectl(&["create", "configmap", "jumun-config", "--from-literal=mine=1"]).0);
    platform(&scene, &json!({}));
    let _operator = PlatformOperator::of(&scene);
    let message = says(&scene, "WorkloadsAvailable", "False", "WriteDenied").await;
    assert!(message.contains("ConfigMap jumun-config") && message.contains("made by hand"), "{message}");
    let map = object(&scene, "cm", "jumun-config").unwrap();
    assert_eq!((&map["data"]["mine"], &map["metadata"]["ownerReferences"]), (&json!("1"), &Value::Null));
    assert!(scene.kubectl(&["delete", "configmap", "jumun-config"]).0);
    eventually(&scene, "cm", "jumun-config", "to be ours", |map| map["metadata"]["ownerReferences"].is_array()).await;
    says(&scene, "WorkloadsAvailable", "False", "Unschedulable").await;
}

#[tokio::test]
async fn what_both_authors_say_of_a_platform_survives_the_other() {
    let (mut scene, operator) = platform_scene("authors", &json!({ "intake": { "maxPerSecond": 50 } })).await;
    available(&scene).await;
    scene.start_operator(&[]);
    says(&scene, "Ready", "True", "Serving").await;
    scene.shop().await;
    scene.product("mug", 1_000, 1_000).await;
    scene.wallet("alice", 1_000_000).await;
    // The controllers write turns all the time, while the operator writes what runs.
    let orders = scene.orders_at_once(40, |n| (format!("order-{n}"), "mug".to_owned()));
    let scales = async {
        for count in [2, 1, 3, 1] {
            let workloads = json!({ "query": { "replicas": count } });
            platform(&scene, &json!({ "intake": { "maxPerSecond": 50 }, "workloads": workloads }));
            at_rest(&scene, &operator).await;
            available(&scene).await;
        }
    };
    tokio::join!(orders, scales);
    says(&scene, "Ready", "True", "Serving").await;
    platform(&scene, &json!({ "intake": { "state": "Paused" } }));
    says(&scene, "Ready", "False", "IntakePaused").await;
    let mut platforms = scene.recorder.since(0);
    platforms.retain(|version| version.kind == "OrderPlatform");
    let has = |status: &Value, type_: &str| {
        status["conditions"].as_array().is_some_and(|all| all.iter().any(|condition| condition["type"] == type_))
    };
    let mut known = (false, false);
    for status in platforms.iter().map(|version| &version.object["status"]) {
        let now =
            (has(status, "WorkloadsAvailable"), status["observedGeneration"].as_i64().is_some_and(|seen| seen > 0));
        assert!(now.0 >= known.0 && now.1 >= known.1, "something was dropped: {status}");
        known = now;
    }
    assert_eq!(known, (true, true), "of {} versions", platforms.len());
    let served = object(&scene, "op", "default").unwrap()["status"]["serving"].as_i64();
    assert!(served.is_some_and(|served| served >= 40), "turns were written meanwhile: {served:?}");
}

#[tokio::test]
async fn a_deleted_platform_takes_its_workloads_with_it_once_nobody_needs_it_any_more() {
    let (scene, _operator) = platform_scene("leaving", &json!({})).await;
    let needed = json!({ "metadata": { "finalizers": ["test.example/needed"] } }).to_string();
    assert!(scene.kubectl(&["patch", "op", "default", "--type=merge", "-p", &needed]).0);
    // In the foreground garbage collection may take away what it owns while it still stands: that is made anew.
    assert!(scene.kubectl(&["delete", "op", "default", "--wait=false", "--cascade=foreground"]).0);
    wait_for("the foreground to be over", || async {
        let finalizers = object(&scene, "op", "default")?["metadata"]["finalizers"].clone();
        (finalizers == json!(["test.example/needed"])).then_some(())
    })
    .await;
    let works = |found: &Value| found["metadata"]["deletionTimestamp"].is_null();
    for workload in ["jumun-controllers", "jumun-command", "jumun-query"] {
        eventually(&scene, "deploy", workload, "to work on", works).await;
    }
    let image = json!({ "spec": { "replicas": 0 } }).to_string();
    assert!(scene.kubectl(&["patch", "deploy", "jumun-controllers", "--type=merge", "-p", &image]).0);
    eventually(&scene, "deploy", "jumun-controllers", "to be restored", |found| found["spec"]["replicas"] == 1).await;
    assert!(condition(&scene, "WorkloadsAvailable").is_some());
    let free = json!({ "metadata": { "finalizers": [] } }).to_string();
    assert!(scene.kubectl(&["patch", "op", "default", "--type=merge", "-p", &free]).0);
    wait_for("everything to go", || async { built(&scene).is_empty().then_some(()) }).await;
    // In the background it goes with its owner.
    platform(&scene, &json!({}));
    eventually(&scene, "deploy", "jumun-query", "to be made", |_| true).await;
    assert!(scene.kubectl(&["delete", "op", "default"]).0);
    wait_for("everything to go again", || async { built(&scene).is_empty().then_some(()) }).await;
}
