//! What single settings become.

use k8s_openapi::api::rbac::v1::PolicyRule;

use super::super::paths::PATHS;
use super::super::rights;
use super::*;
use crate::domain::Kind;

/// What a spec becomes in a cluster without anything optional.
fn plain(spec: Value) -> Vec<Built> {
    built(&spec, Served::default(), &[])
}

/// The one container of a Deployment.
fn container<'a>(all: &'a [Built], name: &str) -> &'a Value {
    &get(all, "Deployment", name)["spec"]["template"]["spec"]["containers"][0]
}

#[test]
fn a_change_of_a_setting_rolls_every_workload_and_nothing_else_does() {
    let hash = |spec: Value, name: &str| {
        let all = plain(spec);
        get(&all, "Deployment", name)["spec"]["template"]["metadata"]["annotations"]["jumun.dev/config-hash"].clone()
    };
    for name in ["jumun-controllers", "jumun-command", "jumun-query"] {
        let none = hash(json!({}), name);
        let info = hash(json!({ "config": { "LOG_LEVEL": "info" } }), name);
        assert_eq!(info, hash(json!({ "config": { "LOG_LEVEL": "info" }, "image": "other" }), name));
        let debug = hash(json!({ "config": { "LOG_LEVEL": "debug" } }), name);
        let two = hash(json!({ "config": { "A": "1", "B": "2" } }), name);
        let one = hash(json!({ "config": { "A": "1;1:B=1:2" } }), name);
        let all: BTreeSet<String> = [none, info, debug, two, one].iter().map(Value::to_string).collect();
        assert_eq!(all.len(), 5, "{name}: {all:?}");
    }
}

#[test]
fn groups_are_called_by_their_first_kind_and_the_first_runs_what_none_names() {
    let all = plain(json!({ "workloads": { "controllers": { "groups": [["order", "payment"], ["view"]] } } }));
    let kinds = |name: &str| container(&all, name)["args"][4].as_str().expect("kinds").to_owned();
    let named = [Kind::Order, Kind::Payment, Kind::OrderView];
    let rest = Kind::ALL.into_iter().filter(|kind| !named.contains(kind));
    let rest: Vec<String> = rest.map(|kind| kind.as_str().to_lowercase()).collect();
    assert_eq!(kinds("jumun-order"), format!("order,payment,{}", rest.join(",")));
    assert_eq!(kinds("jumun-view"), "orderview");
    assert!(find(&all, "Deployment", "jumun-controllers").is_none());
}

#[test]
fn a_probe_has_what_is_said_of_it_and_defaults_for_the_rest() {
    let said = json!({ "initialDelaySeconds": 10, "timeoutSeconds": 3, "periodSeconds": 7, "failureThreshold": 11 });
    let all = plain(json!({ "probes": { "readiness": said, "liveness": { "port": 9999 } } }));
    let container = container(&all, "jumun-query");
    let mut readiness = said;
    readiness["httpGet"] = json!({ "path": "/readyz", "port": "ops" });
    assert_eq!(container["readinessProbe"], readiness);
    let liveness = json!({ "timeoutSeconds": 2, "periodSeconds": 10, "failureThreshold": 6,
        "httpGet": { "path": "/livez", "port": 9999 } });
    assert_eq!(container["livenessProbe"], liveness);
    assert_eq!(container["startupProbe"]["httpGet"], json!({ "path": "/livez", "port": "ops" }));
}

#[test]
fn a_default_amount_never_contradicts_what_is_said() {
    let resources = |said: Value| {
        let all = plain(json!({ "workloads": { "command": { "resources": said } } }));
        container(&all, "jumun-command")["resources"].clone()
    };
    let cases = [
        (json!({}), json!({ "requests": { "cpu": "100m", "memory": "64Mi" }, "limits": { "memory": "256Mi" } })),
        (json!({ "requests": { "cpu": 2, "memory": "1Gi" } }), json!({ "requests": { "cpu": "2", "memory": "1Gi" } })),
        (
            json!({ "limits": { "cpu": "50m", "memory": "32Mi" } }),
            json!({ "limits": { "cpu": "50m", "memory": "32Mi" } }),
        ),
        (
            json!({ "limits": { "cpu": "50m" } }),
            json!({ "requests": { "memory": "64Mi" }, "limits": { "cpu": "50m", "memory": "256Mi" } }),
        ),
    ];
    for (said, becomes) in cases {
        assert_eq!(resources(said.clone()), becomes, "{said}");
    }
}

#[test]
fn an_autoscaler_goes_by_processor_time_unless_only_waiting_orders_count() {
    let metrics = |autoscaling: Value| {
        let all = plain(json!({ "workloads": { "command": { "autoscaling": autoscaling } } }));
        let metrics = get(&all, "HorizontalPodAutoscaler", "jumun-command")["spec"]["metrics"].clone();
        let target = |metric: &Value| match metric["type"].as_str() {
            Some("Resource") => format!("cpu {}", metric["resource"]["target"]["averageUtilization"]),
            _ => format!("{} {}", metric["external"]["metric"]["name"], metric["external"]["target"]["averageValue"]),
        };
        metrics.as_array().expect("metrics").iter().map(target).collect::<Vec<String>>()
    };
    assert_eq!(metrics(json!({ "maxReplicas": 5 })), ["cpu 80"]);
    assert_eq!(metrics(json!({ "maxReplicas": 5, "cpuPercent": 20 })), ["cpu 20"]);
    let orders = r#""jumun_orders_waiting" "50""#;
    assert_eq!(metrics(json!({ "maxReplicas": 5, "ordersWaiting": 50 })), [orders]);
    assert_eq!(metrics(json!({ "maxReplicas": 5, "cpuPercent": 20, "ordersWaiting": 50 })), ["cpu 20", orders]);
}

#[test]
fn headroom_is_a_buffer_where_there_are_buffers_and_pods_that_wait_elsewhere() {
    let buffer = Served { gateway: false, capacity_buffer: true };
    let kinds = |spec: &Value, served| {
        let all = built(spec, served, &[]);
        let of = all.iter().filter(|built| built.name == "jumun-headroom");
        of.map(|built| built.type_.kind).collect::<Vec<_>>()
    };
    let (like_command, own) =
        (json!({ "headroom": { "pods": 2 } }), json!({ "headroom": { "pods": 2, "resources": {} } }));
    assert_eq!(kinds(&like_command, buffer), ["CapacityBuffer"]);
    assert_eq!(kinds(&own, buffer), ["PodTemplate", "CapacityBuffer"]);
    assert_eq!(kinds(&like_command, Served::default()), ["NetworkPolicy", "Deployment"]);
    let all = built(&like_command, buffer, &[]);
    let spec =
        json!({ "replicas": 2, "scalableRef": { "apiGroup": "apps", "kind": "Deployment", "name": "jumun-command" } });
    assert_eq!(get(&all, "CapacityBuffer", "jumun-headroom")["spec"], spec);
    let sized = json!({ "headroom": { "pods": 2 }, "workloads": { "command": { "resources": { "requests": { "cpu": "3" } } } } });
    let all = plain(sized);
    let waiting = get(&all, "Deployment", "jumun-headroom");
    assert_eq!(waiting["spec"]["replicas"], json!(2));
    let pod = &waiting["spec"]["template"]["spec"];
    assert_eq!(
        (&pod["priorityClassName"], &pod["containers"][0]["args"]),
        (&json!("jumun-headroom"), &json!(["headroom"]))
    );
    assert_eq!(pod["containers"][0]["resources"]["requests"]["cpu"], json!("3"), "as large as what it makes room for");
}

#[test]
fn every_path_of_the_front_door_has_a_rule_and_none_leads_to_the_other_workload() {
    let all = built(&json!({ "gateway": { "className": "any" } }), EVERYTHING, &[]);
    for path in PATHS {
        let leads = |workload: &str| {
            let route = get(&all, "HTTPRoute", &format!("jumun-{workload}"));
            let rules = route["spec"]["rules"].as_array().expect("rules");
            let matches = rules.iter().flat_map(|rule| rule["matches"].as_array().expect("matches"));
            matches.into_iter().any(|wanted| {
                let prefix = wanted["path"]["value"].as_str().expect("a prefix");
                let below = path.path.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
                below && wanted["method"] == path.method
            })
        };
        let other = if path.workload == "command" { "query" } else { "command" };
        assert!(leads(path.workload) && !leads(other), "{path:?}");
    }
}

#[test]
fn a_group_may_write_what_its_controllers_write_and_nothing_else() {
    let may = |kinds: &[Kind], verb: &str, resource: &str| {
        let rules = rights::rules(kinds, Some("shop"));
        let has = |list: &[String], word: &str| list.iter().any(|known| known == word);
        rules.iter().any(|rule| has(rule.resources.as_deref().unwrap_or_default(), resource) && has(&rule.verbs, verb))
    };
    assert!(may(&[Kind::Order], "create", "payments") && may(&[Kind::Order], "operate", "tickets"));
    assert!(may(&[Kind::OrderView], "create", "orderviews") && may(&[Kind::OrderView], "watch", "orders"));
    for (verb, resource) in
        [("patch", "orders"), ("create", "payments"), ("patch", "wallets/status"), ("operate", "payments")]
    {
        assert!(!may(&[Kind::OrderView], verb, resource), "rows: {verb} {resource}");
    }
    assert!(may(&[Kind::Wallet], "patch", "wallets/status") && !may(&[Kind::Wallet], "patch", "payments"));
    assert!(!may(&[Kind::Order], "delete", "orderviews") && may(&[Kind::Order], "delete", "orders"));
}

#[test]
fn rights_of_before_and_of_now_together_are_those_of_controllers_and_no_others() {
    let of = |kinds: &[Kind]| rights::rules(kinds, Some("shop"));
    let (before, now) = (of(&[Kind::Order, Kind::Ticket]), of(&[Kind::Order]));
    assert_eq!(rights::both(&now, &before, "shop"), before, "what the pods of before need stays");
    assert_eq!(rights::both(&now, &now, "shop"), now, "and nothing is added to what is as it is wanted");
    assert_eq!(rights::both(&of(&[Kind::Ticket]), &of(&[Kind::Order]), "shop"), before);
    let mut edited = now.clone();
    edited.push(PolicyRule { resources: Some(vec!["secrets".into()]), ..edited[0].clone() });
    edited.push(PolicyRule { verbs: vec!["*".into(), "deletecollection".into()], ..edited[0].clone() });
    edited.push(PolicyRule {
        resource_names: Some(vec!["mine".into()]),
        verbs: vec!["patch".into()],
        ..edited[0].clone()
    });
    assert_eq!(rights::both(&now, &edited, "shop"), now, "what somebody wrote into it is not kept");
}

/// One right: group, resource, verb.
type Right = (String, String, String);

fn rights_of(rules: &Value) -> BTreeSet<Right> {
    let texts = |list: &Value| {
        list.as_array().into_iter().flatten().map(|text| text.as_str().expect("text").to_owned()).collect()
    };
    let mut all = BTreeSet::new();
    for rule in rules.as_array().expect("rules") {
        let [groups, resources, verbs]: [Vec<String>; 3] =
            ["apiGroups", "resources", "verbs"].map(|list| texts(&rule[list]));
        for (group, resource, verb) in super::holds::product(&groups, &resources, &verbs) {
            all.insert((group.clone(), resource.clone(), verb.clone()));
        }
    }
    all
}

/// One process for all namespaces does what the groups of one namespace do together; only namespaces it watches.
#[test]
fn all_groups_together_may_do_what_one_process_for_all_namespaces_may_do() {
    let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/manifests/operator/rbac.yaml");
    let text = std::fs::read_to_string(manifest).unwrap();
    let role = text.split("\n---\n").find(|document| document.contains("kind: ClusterRole\n")).expect("a ClusterRole");
    let role: Value = serde_saphyr::from_str(role).unwrap();
    let for_all: BTreeSet<Right> =
        rights_of(&role["rules"]).into_iter().filter(|(_, resource, _)| resource != "namespaces").collect();
    let groups: Vec<[&str; 1]> = Kind::ALL.iter().map(|kind| [kind.word()]).collect();
    let all = plain(json!({ "workloads": { "controllers": { "groups": groups } } }));
    let roles = all.iter().filter(|built| built.type_.kind == "Role");
    let together: BTreeSet<Right> = roles
        .flat_map(|role| rights_of(&role.object["rules"]))
        .filter(|(_, resource, _)| resource != "namespaces")
        .collect();
    assert!(together.len() > 60, "only {}", together.len());
    assert_eq!(together.difference(&for_all).collect::<Vec<_>>(), Vec::<&Right>::new(), "only a group may");
    assert_eq!(for_all.difference(&together).collect::<Vec<_>>(), Vec::<&Right>::new(), "no group may");
}
