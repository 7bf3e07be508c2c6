//! A new version is rolled out while clients keep calling.

use serde_json::json;

use crate::cluster::{Place, attempt, setting, sh, wait_for};

/// A second name of the same image: to Kubernetes another version.
fn next_image() -> String {
    setting("NEXT_IMAGE", "jumun:e2e-next")
}

/// Waits until every pod of the command part runs this image, and no other is left.
async fn rolled_out(place: &Place, image: &str) {
    place.kubectl("rollout status deployment/jumun-command --timeout=120s");
    wait_for("the old pods to be gone", || async {
        let pods = place.get("pods -l app.kubernetes.io/component=command");
        let pods = pods["items"].as_array().cloned().unwrap_or_default();
        let all = pods.iter().all(|pod| pod["spec"]["containers"][0]["image"] == image);
        (!pods.is_empty() && all).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_new_version_is_rolled_out_under_load_and_no_request_is_lost() {
    let spec = |image: &str| json!({ "image": image, "workloads": { "command": { "replicas": 2 } } });
    let (old, new) = (crate::cluster::image(), next_image());
    let place = Place::new("rollout", &spec(&old)).await;
    place.call("caller", "jumun-command").await;
    let before = place.calls("caller").expect("counts");
    place.platform(&spec(&new));
    place.ready().await;
    rolled_out(&place, &new).await;
    let after = place.more_calls("caller", 500).await;
    println!(
        "rolled out under load: {} calls answered meanwhile, {} not",
        after.answered - before.answered,
        after.failed
    );
    assert_eq!(after.failed, 0, "{}", after.why);
    place.finish();
}

/// The same roll-out without what makes a pod go quietly: if nothing were lost here either, the test above would not tell.
#[tokio::test]
async fn without_the_graceful_stop_the_same_roll_out_loses_requests() {
    let place = Place::new("hard", &json!({ "workloads": { "command": { "replicas": 2 } } })).await;
    // A Deployment of its own, made from the operator's, so that nobody puts back what is taken out.
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
    place.kubectl(&format!("apply -f - <<'JSON'\n{copy}\nJSON"));
    place.kubectl(&format!("apply -f - <<'JSON'\n{service}\nJSON"));
    place.kubectl("rollout status deployment/hard --timeout=120s");
    place.call("caller", "hard").await;
    for round in 0.. {
        place.kubectl(&format!("set env deployment/hard ROUND={round}"));
        place.kubectl("rollout status deployment/hard --timeout=120s");
        let after = place.more_calls("caller", 500).await;
        println!("rolled out hard: {} calls answered, {} not: {}", after.answered, after.failed, after.why);
        if after.failed > 0 {
            break;
        }
        assert!(round < 5, "nothing is lost without a graceful stop either, so the other test does not tell");
    }
    place.finish();
}

#[tokio::test]
async fn the_operator_may_be_upgraded_and_away_while_orders_go_on() {
    let place = Place::new("away", &json!({})).await;
    let trade = crate::load::Trade::start(&place).await;
    trade.more(5).await;
    sh("kubectl -n jumun-system rollout restart deployment/jumun-operator");
    trade.more(20).await;
    sh("kubectl -n jumun-system rollout status deployment/jumun-operator --timeout=120s");
    let ends = trade.finish(&place).await;
    let (well, text) = attempt(&format!("kubectl -n {} get deploy jumun-controllers -o name", place.namespace));
    assert!(well, "{text}");
    println!("{ends} orders came to their end while the operator was replaced");
    place.finish();
}
