//! Roles: nobody is given more than is named, and no name is wrong.

use std::collections::{BTreeMap, BTreeSet};

use jumun::crd::admission;
use serde_json::Value;

use super::{files, read};

const OF_THE_API: [&str; 8] = ["get", "list", "watch", "create", "update", "patch", "delete", "deletecollection"];

/// Every Role and ClusterRole of the manifests, with the file it is in.
fn roles() -> Vec<(String, Value)> {
    let mut found = Vec::new();
    for file in files("manifests", ".yaml") {
        for document in read(&file).split("\n---").filter(|document| document.contains("\nkind: ")) {
            let value: Value = serde_saphyr::from_str(document).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
            if matches!(value["kind"].as_str(), Some("Role" | "ClusterRole")) {
                found.push((file.display().to_string(), value));
            }
        }
    }
    assert!(found.len() > 20, "only {} roles", found.len());
    found
}

fn words(rule: &Value, part: &str) -> Vec<String> {
    rule[part].as_array().into_iter().flatten().filter_map(|word| Some(word.as_str()?.to_owned())).collect()
}

#[test]
fn no_role_of_the_manifests_has_a_wildcard_reads_secrets_or_names_what_does_not_exist() {
    let plurals: BTreeSet<String> =
        jumun::crd::definitions().into_iter().map(|definition| definition.spec.names.plural).collect();
    for (file, role) in roles() {
        let name = role["metadata"]["name"].as_str().expect("a name");
        for rule in role["rules"].as_array().into_iter().flatten() {
            let (groups, resources, verbs) = (words(rule, "apiGroups"), words(rule, "resources"), words(rule, "verbs"));
            for word in groups.iter().chain(&resources).chain(&verbs).chain(&words(rule, "nonResourceURLs")) {
                assert!(!word.contains('*'), "{file}: {name} has a wildcard: {rule}");
            }
            let secret = resources.iter().any(|resource| resource == "secrets" || resource == "serviceaccounts/token");
            assert!(!secret, "{file}: {name} reads secrets: {rule}");
            // Who builds Roles for others may have to; people may not.
            let grants = ["escalate", "bind", "impersonate"].iter().any(|verb| verbs.iter().any(|has| has == verb));
            assert!(!(grants && file.contains("personas")), "{file}: {name} can take any right: {rule}");
            if groups != ["jumun.dev"] {
                continue;
            }
            for resource in resources {
                let (plural, sub) = resource.split_once('/').unwrap_or((&resource, ""));
                assert!(plurals.contains(plural), "{file}: {name}: there are no {resource}");
                assert!(matches!(sub, "" | "status" | "finalizers"), "{file}: {name}: there is no {resource}");
            }
            for verb in verbs {
                let known = admission::verbs().contains(&verb.as_str()) || OF_THE_API.contains(&verb.as_str());
                assert!(known, "{file}: {name}: no policy asks for the verb {verb} (src/crd/admission/validating.rs)");
            }
        }
    }
}

#[test]
fn each_persona_is_put_together_from_roles_that_are_there_and_no_label_leads_nowhere() {
    const OURS: &str = "rbac.jumun.dev/aggregate-to-";
    let (mut parts, mut personas): (BTreeMap<String, usize>, BTreeSet<String>) = Default::default();
    for (file, role) in roles().iter().filter(|(file, _)| file.contains("personas")) {
        let labels = role["metadata"]["labels"].as_object().cloned().unwrap_or_default();
        for label in labels.keys() {
            let builtin = ["view", "edit", "admin"]
                .iter()
                .any(|name| *label == format!("rbac.authorization.k8s.io/aggregate-to-{name}"));
            assert!(builtin || label.starts_with(OURS), "{file}: {label}");
            let money = role["rules"].to_string();
            let money = money.contains("wallets") || money.contains("payments");
            assert!(!(builtin && money), "{file}: money is in {label}: {role}");
            *parts.entry(label.clone()).or_default() += 1;
        }
        for selector in role["aggregationRule"]["clusterRoleSelectors"].as_array().into_iter().flatten() {
            let wanted = selector["matchLabels"].as_object().expect("labels").keys().cloned().collect::<Vec<_>>();
            let name = role["metadata"]["name"].as_str().expect("a name").trim_start_matches("jumun-");
            assert_eq!(wanted, [format!("{OURS}{name}")], "{file}");
            personas.extend(wanted);
        }
    }
    let led: BTreeSet<String> = parts.keys().filter(|label| label.starts_with(OURS)).cloned().collect();
    assert_eq!(led, personas, "labels of parts, and labels that personas look for");
    assert_eq!(personas.len(), 7);
}

/// The verbs that the policies ask for are those that roles give, that the documentation names, and no others.
#[test]
fn every_verb_of_a_field_is_asked_for_given_and_explained() {
    let (policies, manual) = (read("crds/rights.yaml"), read("docs/rights.md"));
    let asked: BTreeSet<&str> = policies
        .split(".check('")
        .skip(1)
        .filter_map(|rest| rest.split('\'').next())
        .filter(|verb| *verb != "delete")
        .collect();
    assert_eq!(asked, admission::verbs().into_iter().collect(), "what crds/rights.yaml asks for");
    let given: BTreeSet<String> = roles()
        .iter()
        .flat_map(|(_, role)| role["rules"].as_array().cloned().unwrap_or_default())
        .flat_map(|rule| words(&rule, "verbs"))
        .collect();
    for verb in admission::verbs() {
        assert!(given.contains(verb), "no role gives {verb}: add it to manifests/personas/kinds.yaml");
        assert!(manual.contains(&format!("| `{verb}` |")), "docs/rights.md does not explain {verb}: add a row");
    }
}
