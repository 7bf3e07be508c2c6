//! A new version is rolled out while clients keep calling.

use serde_json::json;

use crate::cluster::{Place, next_image};
use crate::load::Calls;

/// The ways in that are called meanwhile: the Service by its name, and the gateway.
const WAYS: [&str; 2] = ["by-service", "by-gateway"];

/// What each way has answered, and how many calls it lost, since it was counted before.
async fn since(place: &Place, before: &[Calls]) -> Vec<Calls> {
    let mut all = Vec::new();
    for (way, before) in WAYS.iter().zip(before) {
        let now = place.more_calls(way, 500).await;
        let (answered, failed) = (now.answered - before.answered, now.failed - before.failed);
        println!("{} {way}: {answered} calls answered, {failed} not: {}", place.namespace, now.why);
        all.push(Calls { answered, failed, why: now.why });
    }
    all
}

fn counted(place: &Place) -> Vec<Calls> {
    WAYS.iter().map(|way| place.calls(way).expect("counts")).collect()
}

#[tokio::test]
async fn a_new_version_is_rolled_out_under_load_and_no_request_is_lost() {
    let gateway = crate::gateway::spec("rollout.example").await;
    let spec =
        |image: &str| json!({ "image": image, "gateway": gateway, "workloads": { "command": { "replicas": 2 } } });
    let (old, new) = (crate::cluster::image(), next_image());
    let place = Place::new("rollout", &spec(&old)).await;
    place.routed().await;
    place.call(WAYS[0], "jumun-command").await;
    place.call_through_gateway(WAYS[1], "rollout.example").await;
    let before = counted(&place);
    place.platform(&spec(&new));
    place.ready().await;
    place.rolled_out("command", &new).await;
    for calls in since(&place, &before).await {
        assert_eq!(calls.failed, 0, "{}", calls.why);
    }
    place.finish();
}

/// The same roll-out without what makes a pod go quietly: if nothing were lost here either, the test above would not tell.
#[tokio::test]
async fn without_the_graceful_stop_the_same_roll_out_loses_requests() {
    let gateway = crate::gateway::spec("hard.example").await;
    let spec = json!({ "gateway": gateway, "workloads": { "command": { "replicas": 2 } } });
    let place = Place::new("hard", &spec).await;
    place.routed().await;
    hard_copy(&place);
    place.route_to("hard", "copy.example");
    place.call(WAYS[0], "hard").await;
    place.call_through_gateway(WAYS[1], "copy.example").await;
    let before = counted(&place);
    for round in 0.. {
        place.kubectl(&format!("set env deployment/hard ROUND={round}"));
        place.kubectl("rollout status deployment/hard --timeout=120s");
        if since(&place, &before).await.iter().all(|calls| calls.failed > 0) {
            break;
        }
        assert!(round < 5, "nothing is lost without a graceful stop either, so the other test does not tell");
    }
    place.finish();
}

/// The Deployment of the command part and its Service once more as `hard`, without the graceful stop. They are nobody's, so
/// that nobody puts back what is taken out.
fn hard_copy(place: &Place) {
    let mut copy = place.get("deployment jumun-command");
    let labels = json!({ "app": "hard" });
    copy["metadata"] = json!({ "name": "hard" });
    copy["status"] = json!({});
    copy["spec"]["selector"] = json!({ "matchLabels": labels });
    let template = &mut copy["spec"]["template"];
    template["metadata"]["labels"] = labels.clone();
    template["spec"]["topologySpreadConstraints"] = json!([]);
    template["spec"]["terminationGracePeriodSeconds"] = json!(1);
    let container = &mut template["spec"]["containers"][0];
    container["lifecycle"] = json!({});
    container["env"].as_array_mut().expect("variables").push(json!({ "name": "JUMUN_DRAIN_SECONDS", "value": "0" }));
    let service = json!({ "apiVersion": "v1", "kind": "Service", "metadata": { "name": "hard" },
        "spec": { "selector": labels, "ports": [{ "port": 8080, "targetPort": "http" }] } });
    for object in [copy, service] {
        place.kubectl(&format!("apply -f - <<'JSON'\n{object}\nJSON"));
    }
    place.kubectl("rollout status deployment/hard --timeout=120s");
}
