//! What the chart's priority level is for: a flood of orders waits behind orders, and nobody else waits behind it. The API
//! server is one of its own, with few seats, so that the flood costs the machine little; it says itself in which level
//! it puts a request, and how long requests waited there.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use http_body_util::BodyExt;
use kube::Client;
use kube::client::Body;
use serde_json::Value;

use super::on;
use crate::harness::{order, wait_for};
use crate::plane::{Plane, config};

/// So many calls of the flood are under way at once: more than its level's seats and one user's queues (6 of 50) hold.
const AT_ONCE: usize = 400;
/// So often each bystander calls, one call after the other.
const CALLS: usize = 40;

/// What came of a call, and in which priority level and by which FlowSchema it was served.
#[derive(Clone, Debug)]
struct Answer {
    code: u16,
    level: String,
    schema: String,
    retry_after: u64,
    took: Duration,
}

/// One call in somebody's name.
async fn call(client: &Client, user: &str, method: &str, path: &str, body: &Value) -> Answer {
    let bytes = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
    let request = http::Request::builder().method(method).uri(path).header("Content-Type", "application/json");
    let request = request.header("Impersonate-User", user).body(Body::from(bytes)).expect("a request");
    let began = Instant::now();
    let response = client.send(request).await.expect("an answer");
    let (parts, body) = response.into_parts();
    body.collect().await.expect("the whole answer");
    let said =
        |name: &str| parts.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
    Answer {
        code: parts.status.as_u16(),
        level: said("X-Kubernetes-PF-PriorityLevel-UID"),
        schema: said("X-Kubernetes-PF-FlowSchema-UID"),
        retry_after: said("Retry-After").parse().unwrap_or(1),
        took: began.elapsed(),
    }
}

/// The API server's own count by priority level of whatever this metric counts.
async fn by_level(client: &Client, metric: &str) -> BTreeMap<String, f64> {
    let request = http::Request::get("/metrics").body(Vec::new()).expect("a request");
    let text = client.request_text(request).await.expect("metrics");
    let mut counts = BTreeMap::new();
    for line in text.lines().filter(|line| line.starts_with(&format!("{metric}{{"))) {
        let level = line.split_once("priority_level=\"").and_then(|(_, rest)| rest.split('"').next()).expect("a level");
        let count: f64 = line.rsplit(' ').next().and_then(|count| count.parse().ok()).expect("a count");
        *counts.entry(level.to_owned()).or_default() += count;
    }
    counts
}

/// How long a request waits on average in this level.
async fn mean_wait(client: &Client, level: &str) -> f64 {
    let wait = "apiserver_flowcontrol_request_wait_duration_seconds";
    let (sum, count) =
        (by_level(client, &format!("{wait}_sum")).await, by_level(client, &format!("{wait}_count")).await);
    let count = count.get(level).copied().unwrap_or_default();
    assert!(count > 0.0, "nobody was served in {level}");
    sum[level] / count
}

/// Orders without end, as one user sends them; gives the answers once it is stopped.
fn flood(client: &Client, stop: &Arc<AtomicBool>) -> Vec<tokio::task::JoinHandle<Vec<Answer>>> {
    let sent = Arc::new(AtomicUsize::new(0));
    let one = |_| {
        let (client, stop, sent) = (client.clone(), stop.clone(), sent.clone());
        tokio::spawn(async move {
            let mut answers = Vec::new();
            while !stop.load(Ordering::Relaxed) {
                let body = order(&format!("flood-{}", sent.fetch_add(1, Ordering::Relaxed)), "mallory", "mug", 1);
                let answer = call(&client, "mallory", "POST", ORDERS, &body).await;
                if answer.code == 429 {
                    tokio::time::sleep(Duration::from_secs(answer.retry_after)).await;
                }
                answers.push(answer);
            }
            answers
        })
    };
    (0..AT_ONCE).map(one).collect()
}

const ORDERS: &str = "/apis/jumun.dev/v1alpha1/namespaces/default/orders";

/// Who else calls meanwhile, and what for: each in a level that is not the flood's, but for another customer.
const BYSTANDERS: [(&str, &str, &str); 3] = [
    ("ops", "/api/v1/namespaces/kube-system/configmaps", "global-default"),
    ("system:serviceaccount:default:shop", "/api/v1/namespaces/default/configmaps", "workload-low"),
    ("alice", "/apis/jumun.dev/v1alpha1/namespaces/default/stores", "jumun"),
];

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_orders_waits_behind_orders_and_nobody_else_waits_behind_it() {
    let few = "CLUSTER_APISERVER_FLAGS='--max-requests-inflight=20 --max-mutating-requests-inflight=10'";
    let plane = Plane::up("flood", few);
    on(
        &plane,
        "\"$HELM\" template jumun chart -s templates/flowcontrol.yaml 2>/dev/null | kubectl apply --server-side -f -",
    );
    on(
        &plane,
        "kubectl create clusterrolebinding flood --clusterrole=cluster-admin --user=mallory --user=ops \
        --user=alice --user=system:serviceaccount:default:shop --dry-run=client -o yaml | kubectl apply --server-side -f -",
    );
    let uid = |what: &str| on(&plane, &format!("kubectl get {what} -o 'jsonpath={{.metadata.uid}}'"));
    let client = Client::try_from(config(&plane.admin).await).expect("client");
    let levels: BTreeMap<String, String> = ["jumun", "global-default", "workload-low"]
        .map(|name| (name.to_owned(), uid(&format!("prioritylevelconfiguration {name}"))))
        .into();
    let schema = uid("flowschema jumun");
    for (user, path, level) in BYSTANDERS {
        wait_for(&format!("{user} to be served in {level}"), || async {
            let answer = call(&client, user, "GET", path, &Value::Null).await;
            (answer.code == 200 && answer.level == levels[level]).then_some(())
        })
        .await;
    }

    let stop = Arc::new(AtomicBool::new(false));
    let flood = flood(&client, &stop);
    let (rejected, waiting) =
        ("apiserver_flowcontrol_rejected_requests_total", "apiserver_flowcontrol_current_inqueue_requests");
    wait_for("the flood to fill its queues", || async {
        let full = by_level(&client, rejected).await.get("jumun").is_some_and(|count| *count > 0.0);
        full.then_some(())
    })
    .await;
    let served = Mutex::new(BTreeMap::<&str, Vec<Duration>>::new());
    let bystanders = BYSTANDERS.map(|(user, path, level)| {
        let (client, levels, served) = (&client, &levels, &served);
        async move {
            for _ in 0..CALLS {
                let answer = call(client, user, "GET", path, &Value::Null).await;
                assert_eq!((answer.code, &answer.level), (200, &levels[level]), "{user} in {level}: {answer:?}");
                served.lock().expect("a list").entry(user).or_default().push(answer.took);
            }
        }
    });
    futures::future::join_all(bystanders).await;
    let still = by_level(&client, waiting).await;
    stop.store(true, Ordering::Relaxed);
    let mut answers = Vec::new();
    for one in flood {
        answers.extend(one.await.expect("the flood"));
    }

    assert!(still["jumun"] > 0.0, "the flood was over before the others were served: {still:?}");
    for answer in &answers {
        assert!([201, 429].contains(&answer.code), "{answer:?}");
        assert_eq!((&answer.level, &answer.schema), (&levels["jumun"], &schema), "the flood is in its own level");
    }
    let taken = answers.iter().filter(|answer| answer.code == 201).count();
    // The client asks again by itself where it is refused: the API server has counted.
    let rejections = by_level(&client, rejected).await;
    let refused = rejections.get("jumun").copied().unwrap_or_default();
    assert!(taken > 100 && refused > 0.0, "{taken} orders were taken and {refused} refused");
    assert!(rejections.iter().all(|(level, count)| level == "jumun" || *count == 0.0), "{rejections:?}");
    let behind = mean_wait(&client, "jumun").await;
    for level in ["global-default", "workload-low"] {
        let wait = mean_wait(&client, level).await;
        println!("a request waits {:.1} ms in {level}, {:.1} ms in jumun", wait * 1e3, behind * 1e3);
        assert!(wait * 10.0 < behind, "{wait} s in {level}, {behind} s in jumun");
    }
    for (user, mut took) in served.into_inner().expect("a list") {
        took.sort();
        println!("{user} was served {} times, at most in {:?}", took.len(), took[took.len() - 1]);
    }
    println!("{taken} orders of the flood were taken, {refused} refused with 429, at most {} waited", still["jumun"]);
}
