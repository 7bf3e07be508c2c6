//! Requests from outside, through a gateway of another make, to processes that live.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use jumun::platform::paths::PATHS;
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;
use serde_json::{Value, json};

use crate::harness::wait_for;
use crate::http::{Answer, call};
use crate::platform::{LIVE, Platform, quick};
use crate::testbed::{Bed, GATEWAY, bed};

/// A platform with a gateway and live processes.
async fn open(bed: &'static Bed, name: &str, command: Value) -> (Platform, String) {
    bed.gateway().await;
    let hostname = format!("{name}.example");
    let gateway = json!({ "className": "traefik", "hostname": hostname, "port": GATEWAY });
    let spec = json!({ "image": LIVE, "probes": quick(), "gateway": gateway, "workloads": { "command": command } });
    let platform = Platform::new(bed, name, spec).await;
    platform.says("GatewayProgrammed", "True", "").await;
    platform.says("RoutesAccepted", "True", "").await;
    platform.says("WorkloadsAvailable", "True", "").await;
    (platform, hostname)
}

/// The gateway has heard of the pods once one of them answers.
async fn reached(hostname: &str, method: &str, path: &str) -> Answer {
    let what = format!("{method} {path} to reach a pod");
    wait_for(&what, || async { call(GATEWAY, hostname, method, path).await.ok().filter(|answer| answer.code == 501) })
        .await
}

#[tokio::test(flavor = "multi_thread")]
async fn every_path_reaches_a_live_process_of_its_part() {
    let (platform, hostname) = open(bed().await, "door", json!({})).await;
    let pods = async |component| -> Vec<String> { platform.pods(component).await.iter().map(Pod::name_any).collect() };
    let serving = BTreeMap::from([("command", pods("command").await), ("query", pods("query").await)]);
    for path in PATHS {
        let answer = reached(&hostname, path.method, &path.path.replace("{name}", "a-1")).await;
        assert_eq!(answer.header("content-type"), Some("application/problem+json"), "{path:?}");
        let problem: Value = serde_json::from_str(&answer.body).expect("a problem document");
        assert_eq!(problem["status"], 501, "{path:?}: {problem}");
        assert!(answer.body.contains(path.workload), "{path:?} is answered by that part: {problem}");
        let by = answer.header("x-served-by").unwrap_or_default().to_owned();
        assert!(serving[path.workload].contains(&by), "{path:?} was served by {by}");
    }
    // Another name, or another method, is nobody's.
    assert_eq!(call(GATEWAY, "nobody.example", "GET", "/v1/stores").await.expect("an answer").code, 404);
    assert_eq!(call(GATEWAY, &hostname, "DELETE", "/v1/stores").await.expect("an answer").code, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rolling_update_loses_no_request() {
    let (platform, hostname) = open(bed().await, "rolling", json!({ "replicas": 2 })).await;
    reached(&hostname, "POST", "/v1/orders").await;
    let before: Vec<String> = platform.pods("command").await.iter().map(Pod::name_any).collect();
    let (stop, calls) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let clients = (0..8).map(|_| {
        let (stop, calls, hostname) = (stop.clone(), calls.clone(), hostname.clone());
        tokio::spawn(async move {
            let mut lost = Vec::new();
            while !stop.load(Ordering::Relaxed) {
                match call(GATEWAY, &hostname, "POST", "/v1/orders").await {
                    Ok(answer) if answer.code == 501 => {}
                    Ok(answer) => lost.push(format!("{}: {}", answer.code, answer.body)),
                    Err(error) => lost.push(error.to_string()),
                }
                calls.fetch_add(1, Ordering::Relaxed);
                tokio::time::sleep(std::time::Duration::from_millis(5)).await;
            }
            lost
        })
    });
    let clients: Vec<_> = clients.collect();
    platform.set(json!({ "config": { "LOG_LEVEL": "debug" } })).await;
    wait_for("every old pod to be gone", || async {
        let now: Vec<String> = platform.pods("command").await.iter().map(Pod::name_any).collect();
        before.iter().all(|name| !now.contains(name)).then_some(())
    })
    .await;
    platform.rolled_out("jumun-command", 2).await;
    stop.store(true, Ordering::Relaxed);
    let mut lost = Vec::new();
    for client in clients {
        lost.extend(client.await.expect("a client"));
    }
    let calls = calls.load(Ordering::Relaxed);
    println!("{calls} requests during the roll-out, {} lost", lost.len());
    assert!(lost.is_empty(), "{} of {calls} requests were lost, such as {:?}", lost.len(), &lost[..lost.len().min(3)]);
    assert!(calls > 100, "only {calls} requests were sent");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_api_that_is_missing_is_said_and_noticed_when_it_comes() {
    // It is missing until somebody needs it: what is asserted is in `late.rs`.
    bed().await.gateway().await;
}
