//! The rights of the operator of platforms: what it does, what it grants, and nothing broader.

use std::collections::BTreeSet;

use jumun::crd::OrderPlatform;
use jumun::platform::{Inputs, Served, TYPES, build};
use serde_json::{Value, json};

use super::read;

/// A right: group, resource, verb.
type Right = (String, String, String);

fn texts(list: &Value) -> Vec<String> {
    list.as_array().into_iter().flatten().map(|text| text.as_str().expect("text").to_owned()).collect()
}

fn rights(rules: &Value) -> BTreeSet<Right> {
    let mut all = BTreeSet::new();
    for rule in rules.as_array().expect("rules") {
        for group in texts(&rule["apiGroups"]) {
            for resource in texts(&rule["resources"]) {
                all.extend(texts(&rule["verbs"]).into_iter().map(|verb| (group.clone(), resource.clone(), verb)));
            }
        }
    }
    all
}

/// What the manifest gives.
fn given() -> BTreeSet<Right> {
    let text = read("manifests/operator/platform-rbac.yaml");
    let role = text.split("\n---\n").find(|document| document.contains("kind: ClusterRole\n")).expect("a ClusterRole");
    let role: Value = serde_saphyr::from_str(role).expect("YAML");
    rights(&role["rules"])
}

/// What the Roles grant that it builds for a platform whose controllers each run alone.
fn granted() -> BTreeSet<Right> {
    let words = jumun::domain::Kind::ALL.map(jumun::domain::Kind::word);
    let groups: Vec<[&str; 1]> = words.iter().map(|word| [*word]).collect();
    let platform: OrderPlatform = serde_json::from_value(json!({
        "metadata": { "name": "default", "namespace": "shop", "uid": "1" },
        "spec": { "workloads": { "controllers": { "groups": groups } } },
    }))
    .expect("a platform");
    let features = BTreeSet::new();
    let (image, served) = ("jumun", Served::default());
    let built = build(&Inputs { platform: &platform, image, pull_policy: None, served, features: &features });
    let roles = built.iter().filter(|built| built.type_.kind == "Role");
    roles.flat_map(|role| rights(&role.object["rules"])).collect()
}

/// What it does itself.
fn used() -> BTreeSet<Right> {
    let right = |group: &str, resource: &str, verb: &str| (group.to_owned(), resource.to_owned(), verb.to_owned());
    let mut all = BTreeSet::new();
    for type_ in TYPES {
        let group = type_.api_version.rsplit_once('/').map_or("", |(group, _)| group);
        all.extend(["get", "list", "watch", "create", "patch", "delete"].map(|verb| right(group, type_.plural, verb)));
    }
    for (group, resource) in [
        ("jumun.dev", "orderplatforms"),
        ("", "pods"),
        ("", "namespaces"),
        ("gateway.networking.k8s.io", "gatewayclasses"),
    ] {
        all.extend(["list", "watch"].map(|verb| right(group, resource, verb)));
    }
    all.insert(right("jumun.dev", "orderplatforms/status", "patch"));
    all
}

#[test]
fn the_operator_of_platforms_may_do_what_it_does_and_grants_and_nothing_else() {
    let (given, granted, used) = (given(), granted(), used());
    assert!(
        granted.len() > 50
            && given.iter().all(|(group, resource, verb)| ![group, resource, verb].contains(&&"*".to_owned()))
    );
    let needed: BTreeSet<Right> = granted.union(&used).cloned().collect();
    let missing: Vec<&Right> = needed.difference(&given).collect();
    assert!(missing.is_empty(), "manifests/operator/platform-rbac.yaml lacks {missing:?}");
    let needless: Vec<&Right> = given.difference(&needed).collect();
    assert!(needless.is_empty(), "manifests/operator/platform-rbac.yaml has {needless:?}, which nobody uses");
    for verb in ["escalate", "bind", "impersonate"] {
        assert!(given.iter().all(|(_, _, known)| known != verb), "{verb}");
    }
    assert!(given.iter().all(|(_, resource, _)| resource != "secrets"), "no secret is read");
}
