//! Nodes that are drained, and nodes that stop, while orders are under way.
//!
//! Which commands stop and start a node is the cluster's: E2E_STOP_NODE and E2E_START_NODE are run with the node's name
//! (on kind `docker stop` and `docker start`). Without them nodes are drained alone, and that is said.

use serde_json::{Value, json};

use crate::cluster::{Place, sh, wait_for};
use crate::load::Trade;

/// The node of a component's first pod that is no control plane.
fn node_of(place: &Place, component: &str) -> String {
    let pods = place.pods(component);
    pods.iter().find_map(|pod| pod["spec"]["nodeName"].as_str()).expect("a pod on a node").to_owned()
}

fn node_is_ready(node: &str) -> bool {
    let object: Value = serde_json::from_str(&sh(&format!("kubectl get node {node} -o json"))).expect("JSON");
    crate::cluster::condition(&object, "Ready").is_some_and(|ready| ready["status"] == "True")
}

/// Puts a node back whatever becomes of the test.
struct Mend(String);

impl Drop for Mend {
    fn drop(&mut self) {
        crate::cluster::attempt(&self.0);
    }
}

#[tokio::test]
async fn a_worker_is_drained_and_a_worker_stops_under_load_and_every_order_ends() {
    let spec = json!({ "workloads": { "controllers": { "replicas": 2 } } });
    let place = Place::new("nodes", &spec).await;
    let trade = Trade::start(&place).await;
    trade.more(10).await;

    let drained = node_of(&place, "controllers");
    let uncordon = Mend(format!("kubectl uncordon {drained}"));
    sh(&format!("kubectl drain {drained} --ignore-daemonsets --delete-emptydir-data --timeout=120s"));
    trade.more(20).await;
    drop(uncordon);
    place.ready().await;

    match (std::env::var("E2E_STOP_NODE"), std::env::var("E2E_START_NODE")) {
        (Ok(stop), Ok(start)) => {
            let stopped = node_of(&place, "controllers");
            let mend = Mend(format!("{start} {stopped}"));
            sh(&format!("{stop} {stopped}"));
            wait_for("the node to be missed", || async { (!node_is_ready(&stopped)).then_some(()) }).await;
            trade.more(20).await;
            drop(mend);
            wait_for("the node to be back", || async { node_is_ready(&stopped).then_some(()) }).await;
        }
        _ => println!("E2E_STOP_NODE and E2E_START_NODE are not set: no node was stopped"),
    }
    let ends = trade.finish(&place).await;
    println!("{ends} orders were placed, and each came to its end");
    place.finish();
}
