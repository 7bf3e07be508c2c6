//! What a platform gets, and how that follows its spec.

use serde_json::{Value, json};

use crate::harness::{Scene, wait_for};
use crate::platform::{
    PlatformOperator, at_rest, available, built, condition, eventually, names, object, platform, platform_scene,
    ready_pods, says,
};

fn replicas(deployment: &Value) -> Option<i64> {
    deployment["spec"]["replicas"].as_i64()
}

#[tokio::test]
async fn an_empty_platform_gets_all_workloads_and_is_ready_once_they_run_and_its_controllers_have_looked() {
    let (mut scene, operator) = platform_scene("workloads", &json!({})).await;
    let uid = object(&scene, "op", "default").unwrap()["metadata"]["uid"].clone();
    let names = names(&scene);
    for workload in ["jumun-controllers", "jumun-command", "jumun-query"] {
        for kind in ["Deployment", "ServiceAccount", "NetworkPolicy"] {
            assert!(names.contains(&format!("{kind} {workload}")), "{kind} {workload} of {names:?}");
        }
    }
    for name in
        ["ConfigMap jumun-config", "Role jumun-controllers", "RoleBinding jumun-controllers", "Service jumun-query"]
    {
        assert!(names.contains(name), "{name} of {names:?}");
    }
    for object in built(&scene) {
        let owner = &object["metadata"]["ownerReferences"][0];
        assert_eq!((&owner["uid"], &owner["controller"]), (&uid, &true.into()), "{object}");
    }
    says(&scene, "WorkloadsAvailable", "False", "Unschedulable").await;
    says(&scene, "RightsGranted", "True", "Granted").await;
    assert_eq!(condition(&scene, "GatewayProgrammed"), None, "none is asked for");
    available(&scene).await;
    let workloads = object(&scene, "op", "default").unwrap()["status"]["workloads"].clone();
    assert_eq!(
        json!([workloads["controllers"], workloads["command"], workloads["query"]]),
        json!(["1/1", "1/1", "1/1"])
    );
    says(&scene, "Ready", "False", "ControllersOutdated").await;
    scene.start_operator(&["--controllers", "orderplatform"]);
    says(&scene, "Ready", "True", "Serving").await;
    let (done, said) = scene.kubectl(&["wait", "op/default", "--for=condition=Ready", "--timeout=5s"]);
    assert!(done, "{said}");
    let (_, printed) = scene.kubectl(&["get", "op", "default"]);
    assert!(printed.contains("1/1") && printed.contains("Serving"), "{printed}");
    assert!(operator.get("/readyz").await.0 == 200 && operator.get("/livez").await.0 == 200);
    assert!(operator.terminate().await, "it stops in order");
    scene.finish().await;
}

#[tokio::test]
async fn a_quiet_platform_costs_no_write_whatever_makes_the_operator_look() {
    let (scene, operator) = platform_scene("quiet-platform", &json!({ "headroom": { "pods": 1 } })).await;
    let versions = || {
        let version = |object: &Value| object["metadata"]["resourceVersion"].as_str().unwrap_or_default().to_owned();
        built(&scene).iter().map(version).collect::<Vec<String>>()
    };
    let (before, sent, looks) = (versions(), operator.writes().await, operator.looks("success").await);
    for count in 0..5 {
        let label = format!("test/count={count}");
        assert!(scene.kubectl(&["label", "pods", "--all", "--overwrite", &label]).0);
    }
    wait_for("the operator to look again", || async { (operator.looks("success").await > looks).then_some(()) }).await;
    let again = PlatformOperator::of(&scene);
    wait_for("another operator to look", || async { (again.looks("success").await > 0).then_some(()) }).await;
    at_rest(&scene, &again).await;
    assert_eq!(operator.writes().await, sent, "nothing is sent");
    assert_eq!(again.writes().await, 0, "and one that has just begun sends nothing either");
    assert_eq!(versions(), before);
}

#[tokio::test]
async fn a_change_of_the_settings_rolls_the_workloads_and_of_nothing_else() {
    let (scene, operator) = platform_scene("settings", &json!({ "config": { "LOG_LEVEL": "info" } })).await;
    let template = |name: &str| object(&scene, "deploy", name).expect("it")["spec"]["template"].clone();
    let before = template("jumun-command");
    platform(&scene, &json!({ "config": { "LOG_LEVEL": "debug" }, "intake": { "maxPending": 9 } }));
    let settings = |map: &Value| map["data"]["LOG_LEVEL"] == "debug";
    eventually(&scene, "cm", "jumun-config", "to have the new settings", settings).await;
    for workload in ["jumun-controllers", "jumun-command", "jumun-query"] {
        let rolled = |found: &Value| found["status"]["observedGeneration"] == 2;
        eventually(&scene, "deploy", workload, "to roll", rolled).await;
    }
    let after = template("jumun-command");
    assert_ne!(before["metadata"]["annotations"], after["metadata"]["annotations"]);
    assert_eq!(before["spec"], after["spec"], "the pods are the same otherwise");
    platform(&scene, &json!({ "config": { "LOG_LEVEL": "debug" }, "intake": { "maxPending": 10 } }));
    at_rest(&scene, &operator).await;
    assert_eq!(template("jumun-command"), after, "a limit of the intake rolls nothing");
}

#[tokio::test]
async fn groups_are_split_and_joined_and_the_old_controllers_go_once_the_new_ones_run() {
    let (scene, operator) = platform_scene("groups", &json!({ "config": { "LOG_LEVEL": "info" } })).await;
    available(&scene).await;
    let whole = names(&scene);
    let groups = json!([["order", "payment", "product", "wallet"], ["view"]]);
    platform(&scene, &json!({ "workloads": { "controllers": { "groups": groups } } }));
    eventually(&scene, "deploy", "jumun-view", "to be made", |_| true).await;
    at_rest(&scene, &operator).await;
    for name in ["Deployment jumun-controllers", "Role jumun-controllers", "ServiceAccount jumun-controllers"] {
        assert!(names(&scene).contains(name), "{name} goes on until the new ones run");
    }
    says(&scene, "Ready", "False", "Unschedulable").await;
    available(&scene).await;
    wait_for("the old controllers to go", || async {
        (!names(&scene).iter().any(|name| name.ends_with(" jumun-controllers"))).then_some(())
    })
    .await;
    platform(&scene, &json!({ "config": { "LOG_LEVEL": "info" } }));
    wait_for("one for all again, and nothing else", || async {
        ready_pods(&scene);
        (names(&scene) == whole).then_some(())
    })
    .await;
}

#[tokio::test]
async fn groups_that_swap_controllers_come_to_what_is_asked_for() {
    let groups = |groups: Value| json!({ "workloads": { "controllers": { "groups": groups } } });
    let (scene, operator) = platform_scene("swap", &groups(json!([["order", "product"], ["view", "wallet"]]))).await;
    available(&scene).await;
    platform(&scene, &groups(json!([["order", "wallet"], ["view", "product"]])));
    at_rest(&scene, &operator).await;
    says(&scene, "WorkloadsAvailable", "False", "Unschedulable").await;
    let controllers = |name: &str| {
        let deployment = object(&scene, "deploy", name).expect("it");
        deployment["spec"]["template"]["spec"]["containers"][0]["args"][4].as_str().expect("a list").to_owned()
    };
    assert!(controllers("jumun-order").contains("product"), "kept until the other has it");
    wait_for("each to run what is asked for", || async {
        ready_pods(&scene);
        let (order, view) = (controllers("jumun-order"), controllers("jumun-view"));
        (view == "orderview,product" && order.contains("wallet") && !order.contains("product")).then_some(())
    })
    .await;
    available(&scene).await;
}

/// What may be done to the tickets, in a Role.
fn of_tickets(role: &Value) -> bool {
    let rules = role["rules"].as_array().expect("rules").iter();
    let resources = rules.flat_map(|rule| rule["resources"].as_array().expect("resources"));
    resources.into_iter().any(|resource| resource == "tickets/status")
}

/// The names of the pods of a component.
fn pods(scene: &Scene, component: &str) -> Vec<String> {
    let label = format!("app.kubernetes.io/component={component}");
    let (_, names) = scene.kubectl(&["get", "pods", "-l", &label, "-o", "jsonpath={.items[*].metadata.name}"]);
    names.split_whitespace().map(str::to_owned).collect()
}

/// A node that takes no pods, but for those that are bound to it: what is on no node, and going, is soon said to have failed.
fn node(scene: &Scene) {
    let node = json!({ "apiVersion": "v1", "kind": "Node", "metadata": { "name": scene.namespace }, "spec": { "unschedulable": true } });
    let (done, said) = scene.kubectl(&["apply", "-f", &file(scene, "node", &node)]);
    assert!(done, "{said}");
}

/// Puts a pod on the node.
fn bind(scene: &Scene, pod: &str) {
    let target = json!({ "apiVersion": "v1", "kind": "Node", "name": scene.namespace });
    let binding = json!({ "apiVersion": "v1", "kind": "Binding", "metadata": { "name": pod }, "target": target });
    let path = format!("/api/v1/namespaces/{}/pods/{pod}/binding", scene.namespace);
    let (done, said) = scene.kubectl(&["create", "--raw", &path, "-f", &file(scene, pod, &binding)]);
    assert!(done, "{said}");
}

fn file(scene: &Scene, name: &str, object: &Value) -> String {
    let file = format!("{}/{}-{name}.json", env!("CARGO_TARGET_TMPDIR"), scene.namespace);
    std::fs::write(&file, object.to_string()).expect("written");
    file
}

/// Lets a pod go only when somebody says so: `true` keeps it.
fn keep(scene: &Scene, pod: &str, kept: bool) {
    let finalizers = if kept { json!(["test.example/kept"]) } else { json!([]) };
    let patch = json!({ "metadata": { "finalizers": finalizers } }).to_string();
    let (done, said) = scene.kubectl(&["patch", "pod", pod, "--type=merge", "-p", &patch]);
    assert!(done, "{said}");
    if !kept {
        // There is no kubelet that would say that it has ended.
        let now = ["delete", "pod", pod, "--force", "--grace-period=0", "--ignore-not-found", "--wait=false"];
        assert!(scene.kubectl(&now).0);
    }
}

#[tokio::test]
async fn a_pod_of_before_keeps_the_rights_and_the_account_that_it_needs_until_it_is_gone() {
    let groups = |groups: Value| json!({ "workloads": { "controllers": { "groups": groups } } });
    let (scene, operator) = platform_scene("rights-stay", &groups(json!([["order", "ticket"], ["view"]]))).await;
    available(&scene).await;
    node(&scene);
    let old = pods(&scene, "order");
    assert_eq!(old.len(), 1, "{old:?}");
    bind(&scene, &old[0]);
    keep(&scene, &old[0], true);
    platform(&scene, &groups(json!([["order"], ["ticket"], ["view"]])));
    wait_for("a pod with the tickets", || async { (pods(&scene, "ticket").len() == 1).then_some(()) }).await;
    at_rest(&scene, &operator).await;
    assert_eq!(pods(&scene, "order"), old, "who has the tickets goes on with them until the new one runs");
    let message = says(&scene, "WorkloadsAvailable", "False", "Unschedulable").await;
    assert!(message.contains("jumun-ticket"), "what keeps the new one is said: {message}");
    wait_for("a pod without the tickets", || async {
        // Those that are there become ready, and the one that comes then does not.
        (pods(&scene, "order").len() == 2 || ready_pods(&scene) == 0).then_some(())
    })
    .await;
    at_rest(&scene, &operator).await;
    assert!(of_tickets(&object(&scene, "role", "jumun-order").unwrap()), "the pod of before has the tickets");
    assert!(of_tickets(&object(&scene, "role", "jumun-ticket").unwrap()));
    available(&scene).await;
    at_rest(&scene, &operator).await;
    assert!(of_tickets(&object(&scene, "role", "jumun-order").unwrap()), "it still goes");
    keep(&scene, &old[0], false);
    eventually(&scene, "role", "jumun-order", "to have no tickets", |role| !of_tickets(role)).await;
    // A workload that is no longer wanted takes nothing away from its pods either.
    let old = pods(&scene, "ticket");
    assert_eq!(old.len(), 1, "{old:?}");
    bind(&scene, &old[0]);
    keep(&scene, &old[0], true);
    platform(&scene, &groups(json!([["order", "ticket"], ["view"]])));
    available(&scene).await;
    wait_for("its Deployment to go", || async { object(&scene, "deploy", "jumun-ticket").is_none().then_some(()) })
        .await;
    at_rest(&scene, &operator).await;
    for kind in ["role", "rolebinding", "sa"] {
        assert!(object(&scene, kind, "jumun-ticket").is_some(), "{kind} of a pod that still goes");
    }
    keep(&scene, &old[0], false);
    for kind in ["role", "rolebinding", "sa"] {
        wait_for(&format!("{kind} to go"), || async { object(&scene, kind, "jumun-ticket").is_none().then_some(()) })
            .await;
    }
    scene.kubectl(&["delete", "node", &scene.namespace]);
}

#[tokio::test]
async fn replicas_go_to_the_autoscaler_and_back_without_a_dip() {
    let (scene, operator) = platform_scene("replicas", &json!({ "workloads": { "command": { "replicas": 3 } } })).await;
    let of_spec = |count: i64| move |found: &Value| replicas(found) == Some(count);
    eventually(&scene, "deploy", "jumun-command", "to have 3 replicas", of_spec(3)).await;
    let (_, since) = scene.kubectl(&["get", "deploy", "jumun-command", "-o", "jsonpath={.metadata.resourceVersion}"]);
    let autoscaling = json!({ "minReplicas": 2, "maxReplicas": 6, "cpuPercent": 20 });
    platform(&scene, &json!({ "workloads": { "command": { "autoscaling": autoscaling } } }));
    eventually(&scene, "hpa", "jumun-command", "to be there", |_| true).await;
    at_rest(&scene, &operator).await;
    assert!(scene.kubectl(&["scale", "deploy/jumun-command", "--replicas=5"]).0);
    at_rest(&scene, &operator).await;
    let now = object(&scene, "deploy", "jumun-command").unwrap();
    assert_eq!(replicas(&now), Some(5), "the number is not the operator's any more");
    let seen = seen_replicas(&scene, &since, 5).await;
    assert!(seen.iter().all(|count| *count >= 3), "no dip: {seen:?}");
    platform(&scene, &json!({ "workloads": { "command": { "replicas": 4 } } }));
    eventually(&scene, "deploy", "jumun-command", "to have 4 replicas", of_spec(4)).await;
    wait_for("the autoscaler to go", || async { object(&scene, "hpa", "jumun-command").is_none().then_some(()) }).await;
    assert!(scene.kubectl(&["scale", "deploy/jumun-command", "--replicas=9"]).0);
    eventually(&scene, "deploy", "jumun-command", "to have 4 replicas again", of_spec(4)).await;
}

/// Every number of replicas that the command workload had since a version, until it has this one.
async fn seen_replicas(scene: &Scene, since: &str, last: i64) -> Vec<i64> {
    use futures::StreamExt;
    use k8s_openapi::api::apps::v1::Deployment;
    use kube::api::{WatchEvent, WatchParams};
    let params = WatchParams::default().fields("metadata.name=jumun-command");
    let mut events = std::pin::pin!(scene.api::<Deployment>().watch(&params, since).await.expect("a watch"));
    let mut seen = Vec::new();
    while seen.last() != Some(&last) {
        let Some(Ok(WatchEvent::Modified(found))) = events.next().await else { panic!("the watch ended: {seen:?}") };
        seen.extend(found.spec.replicas.map(i64::from));
    }
    seen
}

/// What `kubectl describe op default` prints, each line without its indentation and with single spaces.
fn described(scene: &Scene) -> Vec<String> {
    let (done, text) = scene.kubectl(&["describe", "op", "default"]);
    assert!(done, "{text}");
    text.lines().map(|line| line.split_whitespace().collect::<Vec<&str>>().join(" ")).collect()
}

/// What it says of a condition, from one field to another: kubectl prints the fields in the order of the alphabet.
fn condition_lines(lines: &[String], type_: &str) -> String {
    let end = lines.iter().position(|line| *line == format!("Type: {type_}")).unwrap_or_else(|| panic!("{lines:#?}"));
    let begin = lines[..end].iter().rposition(|line| line.starts_with("Last Transition Time:")).expect("its beginning");
    lines[begin..=end].join("; ")
}

#[tokio::test]
async fn describe_tells_at_a_glance_what_runs_and_what_does_not() {
    let (mut scene, _operator) =
        platform_scene("described", &json!({ "workloads": { "query": { "replicas": 2 } } })).await;
    says(&scene, "WorkloadsAvailable", "False", "Unschedulable").await;
    let lines = described(&scene);
    for line in ["Workloads:", "Controllers: 0/1", "Command: 0/1", "Query: 0/2"] {
        assert!(lines.contains(&line.to_owned()), "{line} is not in {lines:#?}");
    }
    let said = condition_lines(&lines, "WorkloadsAvailable");
    assert!(said.contains("Status: False") && said.contains("Reason: Unschedulable"), "{said}");
    assert!(said.contains("Message: ") && said.contains("jumun-"), "it names what does not run: {said}");
    assert!(condition_lines(&lines, "RightsGranted").contains("Status: True"), "{lines:#?}");

    available(&scene).await;
    scene.start_operator(&["--controllers", "orderplatform"]);
    says(&scene, "Ready", "True", "Serving").await;
    let lines = described(&scene);
    for line in ["Controllers: 1/1", "Command: 1/1", "Query: 2/2"] {
        assert!(lines.contains(&line.to_owned()), "{line} is not in {lines:#?}");
    }
    for type_ in ["Ready", "WorkloadsAvailable", "RightsGranted"] {
        let said = condition_lines(&lines, type_);
        assert!(said.contains("Status: True"), "{said}");
    }
    let absent = lines.iter().any(|line| line == "Type: GatewayProgrammed");
    assert!(!absent, "what is not asked for is not there: {lines:#?}");
}
