//! What holds for everything that is built, whatever the spec and the cluster.

use std::collections::BTreeMap;

use super::*;
use crate::domain::Kind;

/// Each of these with each of those and of the others.
pub fn product<'a, A, B, C>(first: &'a [A], second: &'a [B], third: &'a [C]) -> Vec<(&'a A, &'a B, &'a C)> {
    let mut all = Vec::new();
    for one in first {
        for two in second {
            all.extend(third.iter().map(|three| (one, two, three)));
        }
    }
    all
}

/// Specs of every shape, in clusters of every kind.
fn every_platform() -> Vec<(Value, Served, Vec<&'static str>)> {
    let groups = [
        json!(null),
        json!([["order", "payment"]]),
        json!([["view"], ["order", "ticket"], ["notification", "platform"]]),
        json!([["order"], ["payment", "order"], ["order"]]),
    ];
    let command = [
        json!({}),
        json!({ "replicas": 0 }),
        json!({ "replicas": 3, "resources": { "limits": { "cpu": "1", "memory": "64Mi" } } }),
        json!({ "autoscaling": { "maxReplicas": 1 } }),
        json!({ "autoscaling": { "minReplicas": 2, "maxReplicas": 9, "cpuPercent": 50, "ordersWaiting": 10 } }),
    ];
    let more = [
        json!({}),
        json!({ "gateway": { "className": "any" }, "headroom": { "pods": 1 } }),
        json!({ "gateway": { "className": "any", "hostname": "a.example", "cors": { "allowOrigins": ["*"] } },
            "headroom": { "pods": 2, "resources": { "requests": { "cpu": "1" } } }, "config": { "LOG_LEVEL": "debug" } }),
    ];
    let mut all = Vec::new();
    for (group, part, rest) in product(&groups, &command, &more) {
        let mut spec = rest.clone();
        spec["workloads"] = json!({ "command": part, "controllers": { "replicas": 2 } });
        if group.is_array() {
            spec["workloads"]["controllers"]["groups"] = group.clone();
        }
        for (gateway, capacity_buffer, features) in
            product(&[false, true], &[false, true], &[vec![], vec![CORS, TIMEOUT]])
        {
            let served = Served { gateway: *gateway, capacity_buffer: *capacity_buffer };
            all.push((spec.clone(), served, features.clone()));
        }
    }
    assert!(all.len() > 400, "only {}", all.len());
    all
}

/// The pod templates among what is built.
fn templates(all: &[Built]) -> Vec<&Value> {
    let of =
        |built: &Built| ["/spec/template", "/template"].into_iter().find(|path| built.object.pointer(path).is_some());
    all.iter().filter_map(|built| built.object.pointer(of(built)?)).collect()
}

#[test]
fn everything_is_owned_labelled_and_called_by_one_name_and_nothing_depends_on_chance() {
    for (spec, served, features) in every_platform() {
        let all = built(&spec, served, &features);
        assert_eq!(all, built(&spec, served, &features), "{spec}");
        let mut seen = BTreeSet::new();
        let mut rank = 0;
        for Built { type_, name, object } in &all {
            assert!(seen.insert((type_.kind, name.clone())), "{} {name} is there twice: {spec}", type_.kind);
            let at = TYPES.iter().position(|known| known == type_).expect("a kind of the list");
            assert!(at >= rank, "{} {name} comes too late: {spec}", type_.kind);
            rank = at;
            let meta = &object["metadata"];
            assert_eq!((&meta["namespace"], &meta["name"]), (&json!("shop"), &json!(name)));
            assert!(name.len() <= 63 && name.starts_with("jumun"), "{name}");
            assert_eq!((&object["apiVersion"], &object["kind"]), (&json!(type_.api_version), &json!(type_.kind)));
            let owner = json!([{ "apiVersion": "jumun.dev/v1alpha1", "kind": "OrderPlatform", "name": "default",
                "uid": "0c29ce4b-0b1d-44c4-9d3a-3f0dd3d5d5b0", "controller": true }]);
            assert_eq!(meta["ownerReferences"], owner, "{} {name}", type_.kind);
            let labels = &meta["labels"];
            assert_eq!(labels[MANAGED_BY.0], MANAGED_BY.1);
            assert_eq!(
                (&labels["app.kubernetes.io/name"], &labels["app.kubernetes.io/part-of"]),
                (&json!("jumun"), &json!("jumun"))
            );
            assert!(labels["app.kubernetes.io/component"].is_string());
            assert!(object.get("status").is_none(), "{} {name} has a status, which is not ours to write", type_.kind);
        }
    }
}

#[test]
fn no_kind_is_built_that_the_cluster_does_not_serve() {
    for (spec, served, features) in every_platform() {
        for Built { type_, .. } in built(&spec, served, &features) {
            assert!(served.gateway || !type_.api_version.starts_with("gateway."), "{type_:?}");
            assert!(served.capacity_buffer || type_.kind != "CapacityBuffer", "{type_:?}");
        }
    }
}

#[test]
fn no_role_has_a_wildcard_a_secret_or_a_way_to_more_rights() {
    let mut rules = 0;
    for (spec, served, features) in every_platform() {
        for role in built(&spec, served, &features).iter().filter(|built| built.type_.kind == "Role") {
            for rule in role.object["rules"].as_array().expect("rules") {
                let text = rule.to_string();
                for evil in ["*", "secrets", "escalate", "bind\"", "impersonate", "roles", "pods"] {
                    assert!(!text.contains(evil), "{}: {text}", role.name);
                }
                let namespaces = rule["resources"].as_array().expect("resources").contains(&json!("namespaces"));
                assert!(!namespaces || rule["resourceNames"] == json!(["shop"]), "{}: {text}", role.name);
                rules += 1;
            }
        }
    }
    assert!(rules > 1_000, "only {rules}");
}

#[test]
fn every_pod_fits_the_restricted_standard_and_only_controllers_have_a_token() {
    for (spec, served, features) in every_platform() {
        let all = built(&spec, served, &features);
        for template in templates(&all) {
            let (pod, component) = (&template["spec"], &template["metadata"]["labels"]["app.kubernetes.io/component"]);
            let security = &pod["securityContext"];
            assert_eq!((&security["runAsNonRoot"], &security["runAsUser"]), (&json!(true), &json!(65_532)));
            assert_eq!(security["seccompProfile"], json!({ "type": "RuntimeDefault" }));
            for host in ["hostNetwork", "hostPID", "hostIPC", "volumes", "initContainers"] {
                assert!(pod.get(host).is_none(), "{component}: {host}");
            }
            let container = json!({ "allowPrivilegeEscalation": false, "readOnlyRootFilesystem": true,
                "capabilities": { "drop": ["ALL"] } });
            assert_eq!(pod["containers"][0]["securityContext"], container);
            assert_eq!(pod["enableServiceLinks"], json!(false));
            assert!(
                pod["containers"][0]["resources"]["requests"]["memory"].is_string()
                    || pod["containers"][0]["resources"]["limits"]["memory"].is_string()
            );
            let quiet = ["command", "query", "headroom"].iter().any(|quiet| component == quiet);
            assert_eq!(pod["automountServiceAccountToken"], json!(!quiet), "{component}");
        }
    }
}

#[test]
fn every_controller_runs_in_exactly_one_deployment_with_its_rights() {
    for (spec, served, features) in every_platform() {
        let all = built(&spec, served, &features);
        let mut runs: BTreeMap<String, usize> = BTreeMap::new();
        for deployment in all.iter().filter(|built| built.type_.kind == "Deployment") {
            let pod = &deployment.object["spec"]["template"]["spec"];
            let arguments = pod["containers"][0]["args"].as_array().expect("arguments");
            if arguments[0] != "run" {
                continue;
            }
            assert_eq!(arguments[1..4], [json!("--namespace"), json!("shop"), json!("--controllers")]);
            let account = pod["serviceAccountName"].as_str().expect("an account");
            get(&all, "ServiceAccount", account);
            let rights = get(&all, "Role", account)["rules"].to_string();
            for kind in arguments[4].as_str().expect("kinds").split(',') {
                *runs.entry(kind.to_owned()).or_default() += 1;
                let status = match kind {
                    "delivery" => "deliveries/status".to_owned(),
                    "orderview" => "orderviews".to_owned(),
                    kind => format!("{kind}s/status"),
                };
                assert!(rights.contains(&format!("\"{status}\"")), "{account} may not write {status}");
            }
            let binding = get(&all, "RoleBinding", account);
            assert_eq!(binding["roleRef"]["name"], json!(account));
            assert_eq!(
                binding["subjects"],
                json!([{ "kind": "ServiceAccount", "name": account, "namespace": "shop" }])
            );
        }
        let expected = Kind::ALL.map(|kind| (kind.as_str().to_lowercase(), 1));
        assert_eq!(runs, expected.into(), "{spec}");
    }
}

#[test]
fn replicas_belong_to_the_autoscaler_where_there_is_one() {
    for (spec, served, features) in every_platform() {
        let all = built(&spec, served, &features);
        for deployment in all.iter().filter(|built| built.type_.kind == "Deployment") {
            let (name, replicas) = (&deployment.name, &deployment.object["spec"]["replicas"]);
            let autoscaler = find(&all, "HorizontalPodAutoscaler", name);
            assert_eq!(autoscaler.is_some(), replicas.is_null(), "{name}: {spec}");
            let most = autoscaler.map_or(replicas, |autoscaler| &autoscaler["spec"]["maxReplicas"]);
            let several = most.as_i64().expect("a number") > 1 && name != "jumun-headroom";
            assert_eq!(find(&all, "PodDisruptionBudget", name).is_some(), several, "{name}: {spec}");
            // Without a request for processor time there is no use of it in percent.
            let resources = &deployment.object["spec"]["template"]["spec"]["containers"][0]["resources"];
            let cpu = ["requests", "limits"].iter().any(|kind| resources[kind]["cpu"].is_string());
            assert!(cpu, "{name}: {resources}");
        }
    }
}

#[test]
fn every_rule_of_a_route_leads_to_a_port_that_is_open_and_has_only_filters_that_the_class_supports() {
    let mut rules = 0;
    for (spec, served, features) in every_platform() {
        let all = built(&spec, served, &features);
        for route in all.iter().filter(|built| built.type_.kind == "HTTPRoute") {
            let listed = route.object["spec"]["rules"].as_array().expect("rules");
            assert!((1..=16).contains(&listed.len()), "{} rules", listed.len());
            for rule in listed {
                let backend = &rule["backendRefs"][0];
                let service = get(&all, "Service", backend["name"].as_str().expect("a name"));
                let ports = service["spec"]["ports"].as_array().expect("ports");
                assert!(ports.iter().any(|port| port["port"] == backend["port"]), "{backend}");
                let cors = spec["gateway"]["cors"].is_object();
                assert_eq!(rule.get("filters").is_some(), cors && features.contains(&CORS), "{spec}");
                assert_eq!(rule.to_string().contains("OPTIONS"), cors, "{spec}");
                let limited = route.name == "jumun-command" && features.contains(&TIMEOUT);
                assert_eq!(rule.get("timeouts").is_some(), limited, "{spec}");
                rules += 1;
            }
        }
    }
    assert!(rules > 500, "only {rules}");
}
