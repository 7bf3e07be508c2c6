//! The rights that were granted are the rights that were used: read from what the API server wrote down about every service
//! account of the platform over the whole run. It is the last test, in a run of its own.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::rbac::v1::{ClusterRole, ClusterRoleBinding, PolicyRule, Role, RoleBinding, Subject};
use kube::{Api, Client, ResourceExt};
use serde_json::Value;

use crate::plane::config;
use crate::testbed::bed;

/// A verb on a resource of a group: `patch apps/deployments`.
type Right = String;

fn right(verb: &str, group: &str, resource: &str) -> Right {
    format!("{verb} {group}/{resource}")
}

const OPERATOR: &str = "the operator";

/// What an account is called here: that of the operator, or that of a workload in whatever namespace.
fn account(namespace: &str, name: &str) -> Option<String> {
    match (namespace, name) {
        ("jumun-system", "jumun-operator") => Some(OPERATOR.to_owned()),
        ("jumun-system", _) => None,
        _ => name.starts_with("jumun-").then(|| name.to_owned()),
    }
}

/// What the rules give.
fn given(rules: Option<Vec<PolicyRule>>) -> BTreeSet<Right> {
    let mut rights = BTreeSet::new();
    for rule in rules.unwrap_or_default() {
        for group in rule.api_groups.iter().flatten() {
            for resource in rule.resources.iter().flatten() {
                rights.extend(rule.verbs.iter().map(|verb| right(verb, group, resource)));
            }
        }
    }
    rights
}

/// What all accounts may do, by name.
async fn granted(client: &Client) -> BTreeMap<String, BTreeSet<Right>> {
    let mut all: BTreeMap<String, BTreeSet<Right>> = BTreeMap::new();
    let mut grant = |subjects: Option<Vec<Subject>>, rights: BTreeSet<Right>| {
        for subject in subjects.unwrap_or_default().iter().filter(|subject| subject.kind == "ServiceAccount") {
            if let Some(name) = account(subject.namespace.as_deref().unwrap_or_default(), &subject.name) {
                all.entry(name).or_default().extend(rights.clone());
            }
        }
    };
    let (roles, cluster_roles) = (Api::<Role>::all(client.clone()), Api::<ClusterRole>::all(client.clone()));
    let roles = roles.list(&Default::default()).await.expect("roles").items;
    let cluster_roles = cluster_roles.list(&Default::default()).await.expect("cluster roles").items;
    let of_cluster = |name: &str| {
        let role = cluster_roles.iter().find(|role| role.name_any() == name);
        given(role.and_then(|role| role.rules.clone()))
    };
    let bindings = Api::<RoleBinding>::all(client.clone()).list(&Default::default()).await.expect("bindings");
    for binding in bindings {
        let role = roles
            .iter()
            .find(|role| role.namespace() == binding.namespace() && role.name_any() == binding.role_ref.name);
        let rights = match binding.role_ref.kind.as_str() {
            "ClusterRole" => of_cluster(&binding.role_ref.name),
            _ => given(role.and_then(|role| role.rules.clone())),
        };
        grant(binding.subjects, rights);
    }
    let bindings = Api::<ClusterRoleBinding>::all(client.clone()).list(&Default::default()).await.expect("bindings");
    for binding in bindings {
        grant(binding.subjects, of_cluster(&binding.role_ref.name));
    }
    all
}

/// What accounts were allowed, and what they were not.
type Asked = (BTreeMap<String, BTreeSet<Right>>, BTreeSet<(String, Right)>);

/// What was asked for, by account.
fn asked(log: &str) -> Asked {
    let (mut used, mut refused) = (BTreeMap::<String, BTreeSet<Right>>::new(), BTreeSet::new());
    for line in log.lines() {
        let Ok(event) = serde_json::from_str::<Value>(line) else { continue };
        let user = event["user"]["username"].as_str().unwrap_or_default();
        let Some((namespace, name)) = user.strip_prefix("system:serviceaccount:").and_then(|rest| rest.split_once(':'))
        else {
            continue;
        };
        let Some(account) = account(namespace, name) else { continue };
        let object = &event["objectRef"];
        let Some(resource) = object["resource"].as_str() else { continue };
        let whole = match object["subresource"].as_str() {
            Some(subresource) => format!("{resource}/{subresource}"),
            None => resource.to_owned(),
        };
        let right =
            right(event["verb"].as_str().unwrap_or_default(), object["apiGroup"].as_str().unwrap_or_default(), &whole);
        match event["annotations"]["authorization.k8s.io/decision"].as_str() {
            Some("allow") => {
                let used = used.entry(account).or_default();
                // An apply that makes an object needs the right to create, for which the API server asks by itself.
                if event["verb"] == "patch" && event["responseStatus"]["code"] == 201 {
                    used.insert(right.replacen("patch", "create", 1));
                }
                used.insert(right);
            }
            _ => _ = refused.insert((account, right)),
        }
    }
    (used, refused)
}

/// A verb that no request has: admission policies ask for it.
const ASKED_BY_POLICIES: &str = "operate";

/// Granted, and not used by this suite: whose it is, verb, resource, and why it is needed all the same. The test fails on an
/// entry that this run did not need, so that nothing is excused that is used.
const NEVER_HERE: &[Exception] = &[(
    "jumun-notification",
    "patch",
    "events.k8s.io/events",
    "what is said a second time of one object is added to its Event: of a Notification there is one write to refuse",
)];

/// Whose right, which verb on which resource, and why.
type Exception = (&'static str, &'static str, &'static str, &'static str);

/// The entry that explains a right which nobody used.
fn explained(account: &str, right: &Right) -> Option<usize> {
    NEVER_HERE.iter().position(|(of, verb, resource, _)| *of == account && *right == format!("{verb} {resource}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn granted_rights_are_used_rights() {
    let bed = bed().await;
    let client = Client::try_from(config(&bed.plane.admin).await).expect("client");
    let granted = granted(&client).await;
    let log = std::fs::read_to_string(bed.plane.folder.join("audit.log")).expect("the audit log");
    let (used, refused) = asked(&log);
    assert!(used.len() >= 3, "the suite ran before, on the same control plane: {:?}", used.keys());
    // What was asked for a moment before it was granted was granted in the end.
    let allowed = |(account, right): &(String, Right)| used.get(account).is_some_and(|used| used.contains(right));
    let lacking: Vec<_> = refused.into_iter().filter(|asked| !allowed(asked)).collect();
    // The operator holds what it gives on: nobody can grant what he does not have.
    let workloads = granted.iter().filter(|(account, _)| *account != OPERATOR).flat_map(|(_, rights)| rights.clone());
    let given_on: BTreeSet<Right> = workloads.collect();
    let (mut idle, mut needed) = (Vec::new(), BTreeSet::new());
    for (account, rights) in &granted {
        let mut used = used.get(account).cloned().unwrap_or_default();
        println!("{account}: {} rights granted, {} used", rights.len(), used.len());
        if account == OPERATOR {
            used.extend(given_on.clone());
        }
        let by_requests = |right: &&Right| !right.starts_with(&format!("{ASKED_BY_POLICIES} "));
        for right in rights.difference(&used).filter(by_requests) {
            match explained(account, right) {
                Some(entry) => _ = needed.insert(entry),
                None => idle.push(format!("{account}: {right}")),
            }
        }
    }
    let needless = NEVER_HERE.iter().enumerate().filter(|(entry, _)| !needed.contains(entry));
    let needless: Vec<_> = needless.map(|(_, entry)| entry).collect();
    assert!(
        idle.is_empty() && lacking.is_empty() && needless.is_empty(),
        "granted and never used: {idle:#?}; asked for and not granted: {lacking:#?}; used, so that no exception is needed: \
         {needless:#?}"
    );
}
