//! The Role of a workload with controllers, and its RoleBinding: what they use, in this namespace, and nothing else.
//!
//! One table says what the controller of a kind writes (`writes`); a workload has the union of its controllers' rights. The
//! front door asks the API server for nothing yet and has no Role.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::rbac::v1::{PolicyRule, Role, RoleBinding, RoleRef, Subject};
use kube::Resource;

use super::account::ACCOUNT;
use super::inputs::{Built, Inputs, Type};
use super::workload::{Runs, Workload};
use crate::crd::GROUP;
use crate::domain::Kind;
use crate::kinds::kinds;

pub const ROLE: Type = Type::of::<Role>("roles");
pub const BINDING: Type = Type::of::<RoleBinding>("rolebindings");

/// Every controller decides on what the caches of all kinds hold. What is read afresh is a list of one, which has a version
/// even where it finds nothing: nothing is ever read by name.
const READ: [&str; 2] = ["list", "watch"];

/// The name of a kind in a path.
fn plural(kind: Kind) -> String {
    macro_rules! one {
        ([$which:ident] $($kind:ident $field:ident $module:ident::$controller:ident;)+) => {
            match $which {
                $(Kind::$kind => crate::crd::$kind::plural(&()).into_owned(),)+
            }
        };
    }
    kinds!(one, kind)
}

/// What the controller of a kind writes, beside the status of that kind. `patch` on its own kind is for our finalizer.
/// `operate` is what the policies (`crds/rights.yaml`) ask of whoever writes what is no actor's step, or lets go of what our
/// finalizer protects; the steps themselves are nobody's here.
fn writes(kind: Kind) -> &'static [(Kind, &'static [&'static str])] {
    const CHILD: &[&str] = &["create", "patch", "operate"];
    const KEPT: &[&str] = &["patch", "operate"];
    // Without its order a child undoes what was done: it holds or cancels itself, and removes itself. So does an order
    // whose retention is over.
    const LEAVES: &[&str] = &["patch", "delete", "operate"];
    match kind {
        Kind::OrderPlatform => &[(Kind::OrderPlatform, KEPT)],
        Kind::Product => &[(Kind::Product, KEPT)],
        Kind::Wallet => &[(Kind::Wallet, KEPT)],
        Kind::Order => &[
            (Kind::Order, LEAVES),
            (Kind::Payment, CHILD),
            (Kind::Ticket, CHILD),
            (Kind::Delivery, CHILD),
            (Kind::Notification, &["create", "operate"]),
        ],
        Kind::Payment => &[(Kind::Payment, LEAVES)],
        Kind::Ticket => &[(Kind::Ticket, LEAVES)],
        Kind::Delivery => &[(Kind::Delivery, LEAVES)],
        // It has no finalizer of ours.
        Kind::Notification => &[(Kind::Notification, &["delete"])],
        Kind::OrderView => &[(Kind::OrderView, &["create", "patch", "delete", "operate"])],
        // Nothing beside its status.
        _ => &[],
    }
}

/// A right: on a resource of a group, or on the one object of it that has this name.
type Object = (&'static str, String, Option<String>);

/// What may be done to each of them.
type Rights = BTreeMap<Object, BTreeSet<&'static str>>;

/// What the controllers of these kinds may do in a namespace, or, where none is named, in all.
pub fn rules(kinds: &[Kind], namespace: Option<&str>) -> Vec<PolicyRule> {
    together(rights(kinds, namespace))
}

/// Those without which something is not done: a status that may not be replaced is patched.
pub fn needed(kinds: &[Kind], namespace: Option<&str>) -> Vec<PolicyRule> {
    let mut rights = rights(kinds, namespace);
    for ((_, resource, _), verbs) in &mut rights {
        if resource.ends_with("/status") {
            verbs.remove("update");
        }
    }
    together(rights)
}

/// What these two sets of rules of a Role in a namespace give, without what no controller is ever given: while pods of
/// before go on beside those that are wanted, neither loses what it needs.
pub fn both(one: &[PolicyRule], other: &[PolicyRule], namespace: &str) -> Vec<PolicyRule> {
    let mut rights = rights(&Kind::ALL, Some(namespace));
    for (object, verbs) in &mut rights {
        verbs.retain(|verb| one.iter().chain(other).any(|rule| gives(rule, object, verb)));
    }
    rights.retain(|_, verbs| !verbs.is_empty());
    together(rights)
}

fn gives(rule: &PolicyRule, (group, resource, name): &Object, verb: &str) -> bool {
    let has = |list: Option<&[String]>, word: &str| list.is_some_and(|list| list.iter().any(|known| known == word));
    // One object, or every object: the rules of one right are alike in that.
    let of_name = match name {
        Some(name) => has(rule.resource_names.as_deref(), name),
        None => rule.resource_names.as_ref().is_none_or(Vec::is_empty),
    };
    let of_kind = has(rule.api_groups.as_deref(), group) && has(rule.resources.as_deref(), resource);
    of_kind && of_name && has(Some(&rule.verbs), verb)
}

fn rights(kinds: &[Kind], namespace: Option<&str>) -> Rights {
    let mut rights = Rights::new();
    let mut grant = |group, resource: String, name: Option<String>, verbs: &[&'static str]| {
        rights.entry((group, resource, name)).or_default().extend(verbs);
    };
    Kind::ALL.into_iter().for_each(|kind| grant(GROUP, plural(kind), None, &READ));
    for kind in kinds {
        writes(*kind).iter().for_each(|(written, verbs)| grant(GROUP, plural(*written), None, verbs));
        // A row is its own status.
        if *kind != Kind::OrderView {
            grant(GROUP, format!("{}/status", plural(*kind)), None, &["patch", "update"]);
        }
    }
    // Which processes run side by side: each has a Lease of its own, and removes those of the dead.
    grant("coordination.k8s.io", "leases".to_owned(), None, &["list", "watch", "create", "patch", "delete"]);
    grant("events.k8s.io", "events".to_owned(), None, &["create", "patch"]);
    // Whether it is being deleted: of the namespace itself alone, or of every one.
    let watched: &[&str] = if namespace.is_some() { &["get"] } else { &["get", "list", "watch"] };
    grant("", "namespaces".to_owned(), namespace.map(str::to_owned), watched);
    rights
}

/// What the resources of one rule have in common: group, name of the one object, verbs.
type Common = (&'static str, Option<String>, Vec<&'static str>);

/// Resources with the same rights stand in one rule.
fn together(rights: Rights) -> Vec<PolicyRule> {
    let mut rules: BTreeMap<Common, Vec<String>> = BTreeMap::new();
    for ((group, resource, name), verbs) in rights {
        rules.entry((group, name, verbs.into_iter().collect())).or_default().push(resource);
    }
    let rule = |((group, name, verbs), resources): (Common, _)| PolicyRule {
        api_groups: Some(vec![group.to_owned()]),
        resources: Some(resources),
        resource_names: name.map(|name| vec![name]),
        verbs: verbs.into_iter().map(str::to_owned).collect(),
        non_resource_urls: None,
    };
    rules.into_iter().map(rule).collect()
}

/// A Role and its RoleBinding, for a workload with controllers.
pub fn build(inputs: &Inputs<'_>, workload: &Workload<'_>) -> Vec<Built> {
    let Runs::Controllers(kinds) = &workload.runs else { return Vec::new() };
    let (name, meta) = (workload.name(), || inputs.meta(&workload.name(), workload.component));
    let role = Role { metadata: meta(), rules: Some(rules(kinds, Some(inputs.namespace()))) };
    let binding = RoleBinding {
        metadata: meta(),
        role_ref: RoleRef {
            api_group: Some("rbac.authorization.k8s.io".to_owned()),
            kind: ROLE.kind.to_owned(),
            name: name.clone(),
        },
        subjects: Some(vec![Subject {
            kind: ACCOUNT.kind.to_owned(),
            name,
            namespace: Some(inputs.namespace().to_owned()),
            api_group: None,
        }]),
    };
    vec![Built::new(ROLE, &role), Built::new(BINDING, &binding)]
}
