//! Probes as a platform team sets them, in pods that a kubelet runs.

use serde_json::json;

use crate::cluster::{Place, condition, wait_for};

#[tokio::test]
async fn every_probe_setting_of_the_design_is_in_the_running_pods() {
    let readiness =
        json!({ "initialDelaySeconds": 10, "timeoutSeconds": 2, "periodSeconds": 5, "failureThreshold": 10 });
    let liveness =
        json!({ "initialDelaySeconds": 120, "timeoutSeconds": 2, "periodSeconds": 5, "failureThreshold": 5 });
    let place = Place::new("probes", &json!({ "probes": { "readiness": readiness, "liveness": liveness } })).await;
    for component in ["controllers", "command", "query"] {
        let pods = place.pods(component);
        assert_eq!(pods.len(), 1, "{component}");
        let container = &pods[0]["spec"]["containers"][0];
        for (name, wanted) in [("readinessProbe", &readiness), ("livenessProbe", &liveness)] {
            for (setting, value) in wanted.as_object().expect("settings") {
                assert_eq!(&container[name][setting], value, "{component}: {name}.{setting}");
            }
        }
        assert_eq!(pods[0]["spec"]["securityContext"]["runAsNonRoot"], true, "{component}");
    }
    place.finish();
}

#[tokio::test]
async fn a_wrong_liveness_port_restarts_the_container_and_the_status_says_so() {
    let place = Place::new("liveness", &json!({})).await;
    let liveness =
        json!({ "port": 9, "initialDelaySeconds": 1, "periodSeconds": 1, "timeoutSeconds": 1, "failureThreshold": 2 });
    place.platform(&json!({ "probes": { "liveness": liveness } }));
    wait_for("a restart by the kubelet", || async {
        let restarts = |pod: &serde_json::Value| pod["status"]["containerStatuses"][0]["restartCount"].as_i64();
        place.pods("command").iter().filter_map(restarts).any(|count| count > 0).then_some(())
    })
    .await;
    let said = wait_for("the platform to say so", || async {
        let platform = place.get("orderplatform default");
        let available = condition(&platform, "WorkloadsAvailable")?;
        let again = ["Restarting", "CrashLooping"].iter().any(|reason| available["reason"] == *reason);
        (available["status"] == "False" && again).then(|| available.clone())
    })
    .await;
    println!("{}: {}", said["reason"], said["message"]);
    let message = said["message"].as_str().expect("a message");
    assert!(message.contains("Pod jumun-") && message.contains("spec.probes"), "pod and setting: {said}");
    place.platform(&json!({}));
    place.ready().await;
    place.finish();
}
