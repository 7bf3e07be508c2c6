//! What others do to what is built, and to the platform.

use jumun::platform::TYPES;
use serde_json::{Value, json};

use crate::harness::{World, wait_for};
use crate::platform::{
    KINDS, PlatformOperator, at_rest, available, built, condition, eventually, names, object, platform, platform_world,
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
    let (world, operator) = platform_world("edits", &everything()).await;
    let restored = each_stands_again(&world, KINDS).await;
    // The others are kinds that not every cluster has: tests/platform asks for them.
    let others = ["Gateway", "HTTPRoute", "PodTemplate", "CapacityBuffer"];
    let all = TYPES.map(|type_| type_.kind).into_iter().filter(|kind| !others.contains(kind));
    assert_eq!(restored, all.map(str::to_owned).collect(), "each kind that is built");
    assert!(names(&world).contains("Deployment jumun-headroom"), "pods that only wait are among them");
    // Whoever takes our label or our reference off hides it from the watch, and does not keep it.
    for patch in [json!({ "labels": { "app.kubernetes.io/managed-by": null } }), json!({ "ownerReferences": null })] {
        let patch = json!({ "metadata": patch }).to_string();
        assert!(world.kubectl(&["patch", "cm", "jumun-config", "--type=merge", "-p", &patch]).0);
        let ours = |map: &Value| {
            let meta = &map["metadata"];
            meta["labels"]["app.kubernetes.io/managed-by"] == "jumun-operator"
                && meta["ownerReferences"][0]["controller"] == true
        };
        eventually(&world, "cm", "jumun-config", "to be ours again", ours).await;
    }
    at_rest(&world, &operator).await;
    let (scaled, said) = world.kubectl(&["scale", "deploy/jumun-query", "--replicas=7"]);
    assert!(scaled, "{said}");
    eventually(&world, "deploy", "jumun-query", "to have 2 replicas again", |d| d["spec"]["replicas"] == 2).await;
    assert!(world.kubectl(&["scale", "deploy/jumun-command", "--replicas=4"]).0);
    at_rest(&world, &operator).await;
    let command = object(&world, "deploy", "jumun-command").unwrap();
    assert_eq!(command["spec"]["replicas"], 4, "that is the autoscaler's");
}

#[tokio::test]
async fn what_pauses_a_workload_or_overrides_its_settings_does_not_stay() {
    let (world, operator) = platform_world("overrides", &json!({ "config": { "LOG_LEVEL": "warn" } })).await;
    let before = object(&world, "deploy", "jumun-controllers").expect("it is built");
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
        let (done, said) = world.kubectl(edit);
        assert!(done, "{edit:?}: {said}");
        let edited = object(&world, "deploy", "jumun-controllers").expect("it is there");
        let stands = |now: &Value| {
            let template = |deployment: &Value| deployment["spec"]["template"].clone();
            now["spec"]["paused"] != true && template(now) == template(&before)
        };
        // It may be put back before anybody has looked.
        println!("{}: {}", edit[0], if stands(&edited) { "put back at once" } else { "seen edited" });
        eventually(&world, "deploy", "jumun-controllers", &format!("to be as it was before {edit:?}"), stands).await;
        let after = object(&world, "deploy", "jumun-controllers").expect("it is there");
        let last = std::mem::replace(&mut version, after["metadata"]["resourceVersion"].clone());
        assert_ne!(version, last, "{edit:?} did nothing");
    }
    at_rest(&world, &operator).await;
}

#[tokio::test]
async fn what_somebody_else_made_is_not_taken_over() {
    let world = World::new("taken", 0).await;
    assert!(world.kubectl(&["create", "configmap", "jumun-config", "--from-literal=mine=1"]).0);
    platform(&world, &json!({}));
    let _operator = PlatformOperator::of(&world);
    let message = says(&world, "WorkloadsAvailable", "False", "WriteDenied").await;
    assert!(message.contains("ConfigMap jumun-config") && message.contains("made by hand"), "{message}");
    let map = object(&world, "cm", "jumun-config").unwrap();
    assert_eq!((&map["data"]["mine"], &map["metadata"]["ownerReferences"]), (&json!("1"), &Value::Null));
    assert!(world.kubectl(&["delete", "configmap", "jumun-config"]).0);
    eventually(&world, "cm", "jumun-config", "to be ours", |map| map["metadata"]["ownerReferences"].is_array()).await;
    says(&world, "WorkloadsAvailable", "False", "Unschedulable").await;
}

#[tokio::test]
async fn what_both_authors_say_of_a_platform_survives_the_other() {
    let (mut world, operator) = platform_world("authors", &json!({ "intake": { "maxPerSecond": 50 } })).await;
    available(&world).await;
    world.start_operator(&[]);
    says(&world, "Ready", "True", "Serving").await;
    world.shop().await;
    world.product("mug", 1_000, 1_000).await;
    world.wallet("alice", 1_000_000).await;
    // The controllers write turns all the time, while the operator writes what runs.
    let orders = world.orders_at_once(40, |n| (format!("order-{n}"), "mug".to_owned()));
    let scales = async {
        for count in [2, 1, 3, 1] {
            let workloads = json!({ "query": { "replicas": count } });
            platform(&world, &json!({ "intake": { "maxPerSecond": 50 }, "workloads": workloads }));
            at_rest(&world, &operator).await;
            available(&world).await;
        }
    };
    tokio::join!(orders, scales);
    says(&world, "Ready", "True", "Serving").await;
    platform(&world, &json!({ "intake": { "state": "Paused" } }));
    says(&world, "Ready", "False", "IntakePaused").await;
    let mut platforms = world.recorder.since(0);
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
    let served = object(&world, "op", "default").unwrap()["status"]["serving"].as_i64();
    assert!(served.is_some_and(|served| served >= 40), "turns were written meanwhile: {served:?}");
}

#[tokio::test]
async fn a_deleted_platform_takes_its_workloads_with_it_once_nobody_needs_it_any_more() {
    let (world, _operator) = platform_world("leaving", &json!({})).await;
    let needed = json!({ "metadata": { "finalizers": ["test.example/needed"] } }).to_string();
    assert!(world.kubectl(&["patch", "op", "default", "--type=merge", "-p", &needed]).0);
    // In the foreground garbage collection may take away what it owns while it still stands: that is made anew.
    assert!(world.kubectl(&["delete", "op", "default", "--wait=false", "--cascade=foreground"]).0);
    wait_for("the foreground to be over", || async {
        let finalizers = object(&world, "op", "default")?["metadata"]["finalizers"].clone();
        (finalizers == json!(["test.example/needed"])).then_some(())
    })
    .await;
    let works = |found: &Value| found["metadata"]["deletionTimestamp"].is_null();
    for workload in ["jumun-controllers", "jumun-command", "jumun-query"] {
        eventually(&world, "deploy", workload, "to work on", works).await;
    }
    let image = json!({ "spec": { "replicas": 0 } }).to_string();
    assert!(world.kubectl(&["patch", "deploy", "jumun-controllers", "--type=merge", "-p", &image]).0);
    eventually(&world, "deploy", "jumun-controllers", "to be restored", |found| found["spec"]["replicas"] == 1).await;
    assert!(condition(&world, "WorkloadsAvailable").is_some());
    let free = json!({ "metadata": { "finalizers": [] } }).to_string();
    assert!(world.kubectl(&["patch", "op", "default", "--type=merge", "-p", &free]).0);
    wait_for("everything to go", || async { built(&world).is_empty().then_some(()) }).await;
    // In the background it goes with its owner.
    platform(&world, &json!({}));
    eventually(&world, "deploy", "jumun-query", "to be made", |_| true).await;
    assert!(world.kubectl(&["delete", "op", "default"]).0);
    wait_for("everything to go again", || async { built(&world).is_empty().then_some(()) }).await;
}
