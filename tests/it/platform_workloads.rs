//! What a platform gets, and how that follows its spec.

use serde_json::{Value, json};

use crate::harness::{World, wait_for};
use crate::platform::{
    PlatformOperator, at_rest, available, built, condition, eventually, names, object, platform, platform_world,
    ready_pods, says,
};

fn replicas(deployment: &Value) -> Option<i64> {
    deployment["spec"]["replicas"].as_i64()
}

#[tokio::test]
async fn an_empty_platform_gets_all_workloads_and_is_ready_once_they_run_and_its_controllers_have_looked() {
    let (mut world, operator) = platform_world("workloads", &json!({})).await;
    let uid = object(&world, "op", "default").unwrap()["metadata"]["uid"].clone();
    let names = names(&world);
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
    for object in built(&world) {
        let owner = &object["metadata"]["ownerReferences"][0];
        assert_eq!((&owner["uid"], &owner["controller"]), (&uid, &true.into()), "{object}");
    }
    says(&world, "WorkloadsAvailable", "False", "Unschedulable").await;
    says(&world, "RightsGranted", "True", "Granted").await;
    assert_eq!(condition(&world, "GatewayProgrammed"), None, "none is asked for");
    available(&world).await;
    let workloads = object(&world, "op", "default").unwrap()["status"]["workloads"].clone();
    assert_eq!(
        json!([workloads["controllers"], workloads["command"], workloads["query"]]),
        json!(["1/1", "1/1", "1/1"])
    );
    says(&world, "Ready", "False", "ControllersOutdated").await;
    world.start_operator(&["--controllers", "orderplatform"]);
    says(&world, "Ready", "True", "Serving").await;
    let (done, said) = world.kubectl(&["wait", "op/default", "--for=condition=Ready", "--timeout=5s"]);
    assert!(done, "{said}");
    let (_, printed) = world.kubectl(&["get", "op", "default"]);
    assert!(printed.contains("1/1") && printed.contains("Serving"), "{printed}");
    assert!(operator.get("/readyz").await.0 == 200 && operator.get("/livez").await.0 == 200);
    assert!(operator.terminate().await, "it stops in order");
    world.finish().await;
}

#[tokio::test]
async fn a_quiet_platform_costs_no_write_whatever_makes_the_operator_look() {
    let (world, operator) = platform_world("quiet-platform", &json!({ "headroom": { "pods": 1 } })).await;
    let versions = || {
        let version = |object: &Value| object["metadata"]["resourceVersion"].as_str().unwrap_or_default().to_owned();
        built(&world).iter().map(version).collect::<Vec<String>>()
    };
    let (before, sent, looks) = (versions(), operator.writes().await, operator.looks("success").await);
    for count in 0..5 {
        let label = format!("test/count={count}");
        assert!(world.kubectl(&["label", "pods", "--all", "--overwrite", &label]).0);
    }
    wait_for("the operator to look again", || async { (operator.looks("success").await > looks).then_some(()) }).await;
    let again = PlatformOperator::of(&world);
    wait_for("another operator to look", || async { (again.looks("success").await > 0).then_some(()) }).await;
    at_rest(&world, &again).await;
    assert_eq!(operator.writes().await, sent, "nothing is sent");
    assert_eq!(again.writes().await, 0, "and one that has just begun sends nothing either");
    assert_eq!(versions(), before);
}

#[tokio::test]
async fn a_change_of_the_settings_rolls_the_workloads_and_of_nothing_else() {
    let (world, operator) = platform_world("settings", &json!({ "config": { "LOG_LEVEL": "info" } })).await;
    let template = |name: &str| object(&world, "deploy", name).expect("it")["spec"]["template"].clone();
    let before = template("jumun-command");
    platform(&world, &json!({ "config": { "LOG_LEVEL": "debug" }, "intake": { "maxPending": 9 } }));
    let settings = |map: &Value| map["data"]["LOG_LEVEL"] == "debug";
    eventually(&world, "cm", "jumun-config", "to have the new settings", settings).await;
    for workload in ["jumun-controllers", "jumun-command", "jumun-query"] {
        let rolled = |found: &Value| found["status"]["observedGeneration"] == 2;
        eventually(&world, "deploy", workload, "to roll", rolled).await;
    }
    let after = template("jumun-command");
    assert_ne!(before["metadata"]["annotations"], after["metadata"]["annotations"]);
    assert_eq!(before["spec"], after["spec"], "the pods are the same otherwise");
    platform(&world, &json!({ "config": { "LOG_LEVEL": "debug" }, "intake": { "maxPending": 10 } }));
    at_rest(&world, &operator).await;
    assert_eq!(template("jumun-command"), after, "a limit of the intake rolls nothing");
}

#[tokio::test]
async fn groups_are_split_and_joined_and_the_old_controllers_go_once_the_new_ones_run() {
    let (world, operator) = platform_world("groups", &json!({ "config": { "LOG_LEVEL": "info" } })).await;
    available(&world).await;
    let whole = names(&world);
    let groups = json!([["order", "payment", "product", "wallet"], ["view"]]);
    platform(&world, &json!({ "workloads": { "controllers": { "groups": groups } } }));
    eventually(&world, "deploy", "jumun-view", "to be made", |_| true).await;
    at_rest(&world, &operator).await;
    for name in ["Deployment jumun-controllers", "Role jumun-controllers", "ServiceAccount jumun-controllers"] {
        assert!(names(&world).contains(name), "{name} goes on until the new ones run");
    }
    says(&world, "Ready", "False", "Unschedulable").await;
    available(&world).await;
    wait_for("the old controllers to go", || async {
        (!names(&world).iter().any(|name| name.ends_with(" jumun-controllers"))).then_some(())
    })
    .await;
    platform(&world, &json!({ "config": { "LOG_LEVEL": "info" } }));
    wait_for("one for all again, and nothing else", || async {
        ready_pods(&world);
        (names(&world) == whole).then_some(())
    })
    .await;
}

#[tokio::test]
async fn groups_that_swap_controllers_come_to_what_is_asked_for() {
    let groups = |groups: Value| json!({ "workloads": { "controllers": { "groups": groups } } });
    let (world, operator) = platform_world("swap", &groups(json!([["order", "product"], ["view", "wallet"]]))).await;
    available(&world).await;
    platform(&world, &groups(json!([["order", "wallet"], ["view", "product"]])));
    at_rest(&world, &operator).await;
    says(&world, "WorkloadsAvailable", "False", "Unschedulable").await;
    let controllers = |name: &str| {
        let deployment = object(&world, "deploy", name).expect("it");
        deployment["spec"]["template"]["spec"]["containers"][0]["args"][4].as_str().expect("a list").to_owned()
    };
    assert!(controllers("jumun-order").contains("product"), "kept until the other has it");
    wait_for("each to run what is asked for", || async {
        ready_pods(&world);
        let (order, view) = (controllers("jumun-order"), controllers("jumun-view"));
        (view == "orderview,product" && order.contains("wallet") && !order.contains("product")).then_some(())
    })
    .await;
    available(&world).await;
}

/// What may be done to the tickets, in a Role.
fn of_tickets(role: &Value) -> bool {
    let rules = role["rules"].as_array().expect("rules").iter();
    let resources = rules.flat_map(|rule| rule["resources"].as_array().expect("resources"));
    resources.into_iter().any(|resource| resource == "tickets/status")
}

/// The names of the pods of a component.
fn pods(world: &World, component: &str) -> Vec<String> {
    let label = format!("app.kubernetes.io/component={component}");
    let (_, names) = world.kubectl(&["get", "pods", "-l", &label, "-o", "jsonpath={.items[*].metadata.name}"]);
    names.split_whitespace().map(str::to_owned).collect()
}

/// A node that takes no pods, but for those that are bound to it: what is on no node, and going, is soon said to have failed.
fn node(world: &World) {
    let node = json!({ "apiVersion": "v1", "kind": "Node", "metadata": { "name": world.namespace }, "spec": { "unschedulable": true } });
    let (done, said) = world.kubectl(&["apply", "-f", &file(world, "node", &node)]);
    assert!(done, "{said}");
}

/// Puts a pod on the node.
fn bind(world: &World, pod: &str) {
    let target = json!({ "apiVersion": "v1", "kind": "Node", "name": world.namespace });
    let binding = json!({ "apiVersion": "v1", "kind": "Binding", "metadata": { "name": pod }, "target": target });
    let path = format!("/api/v1/namespaces/{}/pods/{pod}/binding", world.namespace);
    let (done, said) = world.kubectl(&["create", "--raw", &path, "-f", &file(world, pod, &binding)]);
    assert!(done, "{said}");
}

fn file(world: &World, name: &str, object: &Value) -> String {
    let file = format!("{}/{}-{name}.json", env!("CARGO_TARGET_TMPDIR"), world.namespace);
    std::fs::write(&file, object.to_string()).expect("written");
    file
}

/// Lets a pod go only when somebody says so: `true` keeps it.
fn keep(world: &World, pod: &str, kept: bool) {
    let finalizers = if kept { json!(["test.example/kept"]) } else { json!([]) };
    let patch = json!({ "metadata": { "finalizers": finalizers } }).to_string();
    let (done, said) = world.kubectl(&["patch", "pod", pod, "--type=merge", "-p", &patch]);
    assert!(done, "{said}");
    if !kept {
        // There is no kubelet that would say that it has ended.
        let now = ["delete", "pod", pod, "--force", "--grace-period=0", "--ignore-not-found", "--wait=false"];
        assert!(world.kubectl(&now).0);
    }
}

#[tokio::test]
async fn a_pod_of_before_keeps_the_rights_and_the_account_that_it_needs_until_it_is_gone() {
    let groups = |groups: Value| json!({ "workloads": { "controllers": { "groups": groups } } });
    let (world, operator) = platform_world("rights-stay", &groups(json!([["order", "ticket"], ["view"]]))).await;
    available(&world).await;
    node(&world);
    let old = pods(&world, "order");
    assert_eq!(old.len(), 1, "{old:?}");
    bind(&world, &old[0]);
    keep(&world, &old[0], true);
    platform(&world, &groups(json!([["order"], ["ticket"], ["view"]])));
    wait_for("a pod with the tickets", || async { (pods(&world, "ticket").len() == 1).then_some(()) }).await;
    at_rest(&world, &operator).await;
    assert_eq!(pods(&world, "order"), old, "who has the tickets goes on with them until the new one runs");
    let message = says(&world, "WorkloadsAvailable", "False", "Unschedulable").await;
    assert!(message.contains("jumun-ticket"), "what keeps the new one is said: {message}");
    wait_for("a pod without the tickets", || async {
        // Those that are there become ready, and the one that comes then does not.
        (pods(&world, "order").len() == 2 || ready_pods(&world) == 0).then_some(())
    })
    .await;
    at_rest(&world, &operator).await;
    assert!(of_tickets(&object(&world, "role", "jumun-order").unwrap()), "the pod of before has the tickets");
    assert!(of_tickets(&object(&world, "role", "jumun-ticket").unwrap()));
    available(&world).await;
    at_rest(&world, &operator).await;
    assert!(of_tickets(&object(&world, "role", "jumun-order").unwrap()), "it still goes");
    keep(&world, &old[0], false);
    eventually(&world, "role", "jumun-order", "to have no tickets", |role| !of_tickets(role)).await;
    // A workload that is no longer wanted takes nothing away from its pods either.
    let old = pods(&world, "ticket");
    assert_eq!(old.len(), 1, "{old:?}");
    bind(&world, &old[0]);
    keep(&world, &old[0], true);
    platform(&world, &groups(json!([["order", "ticket"], ["view"]])));
    available(&world).await;
    wait_for("its Deployment to go", || async { object(&world, "deploy", "jumun-ticket").is_none().then_some(()) })
        .await;
    at_rest(&world, &operator).await;
    for kind in ["role", "rolebinding", "sa"] {
        assert!(object(&world, kind, "jumun-ticket").is_some(), "{kind} of a pod that still goes");
    }
    keep(&world, &old[0], false);
    for kind in ["role", "rolebinding", "sa"] {
        wait_for(&format!("{kind} to go"), || async { object(&world, kind, "jumun-ticket").is_none().then_some(()) })
            .await;
    }
    world.kubectl(&["delete", "node", &world.namespace]);
}

#[tokio::test]
async fn replicas_go_to_the_autoscaler_and_back_without_a_dip() {
    let (world, operator) = platform_world("replicas", &json!({ "workloads": { "command": { "replicas": 3 } } })).await;
    let of_spec = |count: i64| move |found: &Value| replicas(found) == Some(count);
    eventually(&world, "deploy", "jumun-command", "to have 3 replicas", of_spec(3)).await;
    let (_, since) = world.kubectl(&["get", "deploy", "jumun-command", "-o", "jsonpath={.metadata.resourceVersion}"]);
    let autoscaling = json!({ "minReplicas": 2, "maxReplicas": 6, "cpuPercent": 20 });
    platform(&world, &json!({ "workloads": { "command": { "autoscaling": autoscaling } } }));
    eventually(&world, "hpa", "jumun-command", "to be there", |_| true).await;
    at_rest(&world, &operator).await;
    assert!(world.kubectl(&["scale", "deploy/jumun-command", "--replicas=5"]).0);
    at_rest(&world, &operator).await;
    let now = object(&world, "deploy", "jumun-command").unwrap();
    assert_eq!(replicas(&now), Some(5), "the number is not the operator's any more");
    let seen = seen_replicas(&world, &since, 5).await;
    assert!(seen.iter().all(|count| *count >= 3), "no dip: {seen:?}");
    platform(&world, &json!({ "workloads": { "command": { "replicas": 4 } } }));
    eventually(&world, "deploy", "jumun-command", "to have 4 replicas", of_spec(4)).await;
    wait_for("the autoscaler to go", || async { object(&world, "hpa", "jumun-command").is_none().then_some(()) }).await;
    assert!(world.kubectl(&["scale", "deploy/jumun-command", "--replicas=9"]).0);
    eventually(&world, "deploy", "jumun-command", "to have 4 replicas again", of_spec(4)).await;
}

/// Every number of replicas that the command workload had since a version, until it has this one.
async fn seen_replicas(world: &World, since: &str, last: i64) -> Vec<i64> {
    use futures::StreamExt;
    use k8s_openapi::api::apps::v1::Deployment;
    use kube::api::{WatchEvent, WatchParams};
    let params = WatchParams::default().fields("metadata.name=jumun-command");
    let mut events = std::pin::pin!(world.api::<Deployment>().watch(&params, since).await.expect("a watch"));
    let mut seen = Vec::new();
    while seen.last() != Some(&last) {
        let Some(Ok(WatchEvent::Modified(found))) = events.next().await else { panic!("the watch ended: {seen:?}") };
        seen.extend(found.spec.replicas.map(i64::from));
    }
    seen
}

/// What `kubectl describe op default` prints, each line without its indentation and with single spaces.
fn described(world: &World) -> Vec<String> {
    let (done, text) = world.kubectl(&["describe", "op", "default"]);
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
    let (mut world, _operator) =
        platform_world("described", &json!({ "workloads": { "query": { "replicas": 2 } } })).await;
    says(&world, "WorkloadsAvailable", "False", "Unschedulable").await;
    let lines = described(&world);
    for line in ["Workloads:", "Controllers: 0/1", "Command: 0/1", "Query: 0/2"] {
        assert!(lines.contains(&line.to_owned()), "{line} is not in {lines:#?}");
    }
    let said = condition_lines(&lines, "WorkloadsAvailable");
    assert!(said.contains("Status: False") && said.contains("Reason: Unschedulable"), "{said}");
    assert!(said.contains("Message: ") && said.contains("jumun-"), "it names what does not run: {said}");
    assert!(condition_lines(&lines, "RightsGranted").contains("Status: True"), "{lines:#?}");

    available(&world).await;
    world.start_operator(&["--controllers", "orderplatform"]);
    says(&world, "Ready", "True", "Serving").await;
    let lines = described(&world);
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
