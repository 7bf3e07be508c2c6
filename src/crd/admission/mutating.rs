//! MutatingAdmissionPolicies that put our finalizer on new Orders, which saves the controller a write each, and
//! keep finalizer and label on what has them, whatever a plain PUT says.
//!
//! `kubectl replace` of a manifest, and a GitOps tool that replaces, drop what the manifest does not name. Without our
//! finalizer an order that is deleted next would be gone before it could be undone. So the API server puts it back at
//! every write, unless the very same write says that the object is let go: the annotation `jumun.dev/let-go` with the
//! object's UID, which the controllers and `jumun release` set when they take the finalizer off, and no manifest has.
//! A finalizer may be put back on an object that is being deleted, because it was there before.
//!
//! And they clear `managedFields` at creation, unless the object was created by server-side apply: to keep account of
//! who wrote which field is half of what a status write costs the API server, and nobody asks for it of objects that nobody
//! applies. An object without them is tracked again from its first server-side apply on.
//!
//! Everything works without them, at a write more and with the children of a removed order undoing it themselves. For some
//! seconds after the kinds were installed for the first time the API server has not read their schema yet, and answers 503
//! to a new Order whatever `failurePolicy` says; whoever installs waits until it takes one (`kubectl create --dry-run=server`).

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;

/// The kind that people's orders are of, in a path.
const ORDERS: &str = "orders";

/// A policy: what it looks at, when it applies, and what it changes. One condition costs the API server less than the same in
/// parts, and one policy less than two.
struct Policy {
    name: &'static str,
    /// Never, or IfNeeded: whether it is asked again after another policy has changed the object.
    reinvocation: &'static str,
    operation: &'static str,
    /// Names of kinds in a path.
    resources: Vec<String>,
    /// When it applies, by name and expression.
    condition: (&'static str, String),
    patch: String,
}

const LACKS_FINALIZER: &str = "(!has(object.metadata.finalizers) || !('jumun.dev/undo' in object.metadata.finalizers))";
const ADD_FINALIZER: &str = r#"(has(object.metadata.finalizers)
            ? [JSONPatch{op: "add", path: "/metadata/finalizers/-", value: "jumun.dev/undo"}]
            : [JSONPatch{op: "add", path: "/metadata/finalizers", value: ["jumun.dev/undo"]}])"#;
const IS_TRACKED: &str = "(has(object.metadata.managedFields)
          && !object.metadata.managedFields.exists(entry, entry.operation == 'Apply'))";
const UNTRACK: &str = r#"[JSONPatch{op: "remove", path: "/metadata/managedFields"}]"#;

/// What has our finalizer.
const KEPT: [&str; 7] = ["orders", "payments", "tickets", "deliveries", "products", "wallets", "orderplatforms"];

/// Whether objects of this kind have our finalizer.
pub(super) fn keeps_finalizer(plural: &str) -> bool {
    KEPT.contains(&plural)
}

/// A new Order is changed by one policy, for both reasons.
fn of_orders() -> Policy {
    Policy {
        name: "order-finalizer",
        reinvocation: "IfNeeded",
        operation: "CREATE",
        resources: vec![ORDERS.to_owned()],
        condition: ("has-none-of-ours-or-is-tracked", format!("{LACKS_FINALIZER}\n        || {IS_TRACKED}")),
        patch: format!(
            "({LACKS_FINALIZER}\n          ? {ADD_FINALIZER} : [])\n          + ({IS_TRACKED} ? {UNTRACK} : [])"
        ),
    }
}

fn kept_finalizer() -> Policy {
    let is_not_let_go = "(!has(object.metadata.annotations) || !('jumun.dev/let-go' in object.metadata.annotations)
          || object.metadata.annotations['jumun.dev/let-go'] != oldObject.metadata.uid)";
    Policy {
        name: "kept-finalizer",
        reinvocation: "IfNeeded",
        operation: "UPDATE",
        resources: KEPT.map(str::to_owned).into(),
        condition: (
            "has-lost-it-and-is-not-let-go",
            format!(
                "{LACKS_FINALIZER}
        && has(oldObject.metadata.finalizers) && 'jumun.dev/undo' in oldObject.metadata.finalizers
        && {is_not_let_go}"
            ),
        ),
        patch: ADD_FINALIZER.to_owned(),
    }
}

fn kept_label() -> Policy {
    let has_lost_it = "has(oldObject.metadata.labels) && 'jumun.dev/order' in oldObject.metadata.labels
        && (!has(object.metadata.labels) || !('jumun.dev/order' in object.metadata.labels)
          || object.metadata.labels['jumun.dev/order'] != oldObject.metadata.labels['jumun.dev/order'])";
    let put_back = r#"has(object.metadata.labels)
          ? [JSONPatch{op: "add", path: "/metadata/labels/jumun.dev~1order", value: oldObject.metadata.labels['jumun.dev/order']}]
          : [JSONPatch{op: "add", path: "/metadata/labels", value: {"jumun.dev/order": oldObject.metadata.labels['jumun.dev/order']}}]"#;
    Policy {
        name: "kept-label",
        reinvocation: "IfNeeded",
        operation: "UPDATE",
        resources: ["payments", "tickets", "deliveries", "notifications"].map(str::to_owned).into(),
        condition: ("has-lost-it", has_lost_it.to_owned()),
        patch: put_back.to_owned(),
    }
}

/// Every kind but the one whose policy of its own does this, too.
fn untracked_fields(definitions: &[CustomResourceDefinition]) -> Policy {
    let plurals = definitions.iter().map(|definition| definition.spec.names.plural.as_str());
    Policy {
        name: "untracked-fields",
        reinvocation: "Never",
        operation: "CREATE",
        resources: plurals.filter(|plural| *plural != ORDERS).map(str::to_owned).collect(),
        condition: ("is-tracked-and-was-not-applied", IS_TRACKED.to_owned()),
        patch: UNTRACK.to_owned(),
    }
}

impl Policy {
    /// The policy and its binding, as YAML.
    fn manifest(&self) -> String {
        let Self { name, reinvocation, operation, resources, condition: (when, condition), patch } = self;
        format!(
            r#"apiVersion: admissionregistration.k8s.io/v1
kind: MutatingAdmissionPolicy
metadata:
  name: {name}.jumun.dev
spec:
  failurePolicy: Ignore
  reinvocationPolicy: {reinvocation}
  matchConstraints:
    resourceRules:
      - apiGroups: ["jumun.dev"]
        apiVersions: ["v1alpha1"]
        operations: ["{operation}"]
        resources: {resources:?}
  matchConditions:
    - name: {when}
      expression: >-
        {condition}
  mutations:
    - patchType: JSONPatch
      jsonPatch:
        expression: >-
          {patch}
---
apiVersion: admissionregistration.k8s.io/v1
kind: MutatingAdmissionPolicyBinding
metadata:
  name: {name}.jumun.dev
spec:
  policyName: {name}.jumun.dev
"#
        )
    }
}

/// The policies and their bindings.
pub(super) fn manifest(definitions: &[CustomResourceDefinition]) -> String {
    let all = [of_orders(), kept_finalizer(), kept_label(), untracked_fields(definitions)];
    all.iter().map(Policy::manifest).collect::<Vec<String>>().join("---\n")
}
