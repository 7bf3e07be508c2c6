//! From `helm install` and one OrderPlatform to an order that is completed by the controllers in the cluster.

use serde_json::json;

use crate::cluster::{Place, helm, wait_for};

#[tokio::test]
async fn an_order_goes_from_apply_to_completed_through_the_controllers_in_the_cluster() {
    let place = Place::new("order", &json!({})).await;
    for name in ["jumun-controllers", "jumun-command", "jumun-query"] {
        place.kubectl(&format!("wait --for=condition=Available deployment/{name} --timeout=60s"));
    }
    place.kubectl("apply -f manifests/samples/01-shop.yaml -f manifests/samples/02-orders.yaml");
    for (order, state) in [("mugs-for-alice", "Delivering"), ("too-dear", "PaymentFailed")] {
        wait_for(&format!("{order} to be {state}"), || async {
            (place.get(&format!("orderview {order}"))["status"]["order"] == state).then_some(())
        })
        .await;
    }
    let order = place.get("orders.jumun.dev mugs-for-alice");
    let delivery = order["status"]["payment"]["name"].as_str().expect("children have one name");
    let claim = r#"{"spec":{"courier":{"name":"park","zone":"gangnam"},"progress":"PickedUp"}}"#;
    place.kubectl(&format!("patch delivery {delivery} --type merge -p '{claim}'"));
    place.kubectl(&format!(r#"patch delivery {delivery} --type merge -p '{{"spec":{{"progress":"Delivered"}}}}'"#));
    place.kubectl("wait --for=condition=Succeeded order.jumun.dev/mugs-for-alice --timeout=60s");
    let row = wait_for("the row to show the end", || async {
        let row = place.get("orderview mugs-for-alice");
        (row["status"]["order"] == "Completed").then_some(row)
    })
    .await;
    assert_eq!(row["status"]["payment"], "Approved");
    place.finish();
}

#[tokio::test]
async fn helm_test_says_that_kinds_and_platforms_are_well_and_names_one_that_is_not() {
    let place = Place::new("check", &json!({})).await;
    let judged = || helm("test", "--timeout 2m --logs");
    let (well, text) = judged();
    assert!(well && text.contains("Succeeded"), "there is a test, and it is well: {text}");
    place.platform(&json!({ "image": "jumun:no-such-version" }));
    wait_for("a platform that is not ready", || async {
        let ready = place.get("orderplatform default");
        (crate::cluster::condition(&ready, "Ready")?["status"] == "False").then_some(())
    })
    .await;
    let (well, text) = judged();
    assert!(!well && text.contains(&format!("FAIL OrderPlatform {}/default", place.namespace)), "{text}");
    place.platform(&json!({}));
    place.ready().await;
    place.finish();
}
