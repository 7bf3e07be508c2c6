//! MutatingAdmissionPolicies that put our finalizer on new Orders, which saves the controller a write each, and
//! keep finalizer and label on what has them, whatever a plain PUT says.
//!
//! `kubectl replace` of a manifest, and a GitOps tool that replaces, drop what the manifest does not name. Without our
//! finalizer an order that is deleted next would be gone before it could be undone. So the API server puts it back at
//! every write, unless the very same write says that the object is let go: the annotation `jumun.dev/let-go` with the
//! object's UID, which the controllers and `jumun release` set when they take the finalizer off, and no manifest has.
//! A finalizer may be put back on an object that is being deleted, because it was there before.
//!
//! A last policy clears `managedFields` at creation, unless the object was created by server-side apply: to keep account of
//! who wrote which field is half of what a status write costs the API server, and nobody asks for it of objects that nobody
//! applies. An object without them is tracked again from its first server-side apply on.
//!
//! Everything works without them, at a write more and with the children of a removed order undoing it themselves. For some
//! seconds after the kinds were installed for the first time the API server has not read their schema yet, and answers 503
//! to a new Order whatever `failurePolicy` says; whoever installs waits until it takes one (`kubectl create --dry-run=server`).

/// A policy: what it looks at, when it applies, and what it changes.
struct Policy {
    name: &'static str,
    /// Never, or IfNeeded: whether it is asked again after another policy has changed the object.
    reinvocation: &'static str,
    operation: &'static str,
    resources: &'static str,
    /// Names and expressions; all must hold.
    conditions: &'static [(&'static str, &'static str)],
    patch: &'static str,
}

const ADD_FINALIZER: &str = r#"has(object.metadata.finalizers)
          ? [JSONPatch{op: "add", path: "/metadata/finalizers/-", value: "jumun.dev/undo"}]
          : [JSONPatch{op: "add", path: "/metadata/finalizers", value: ["jumun.dev/undo"]}]"#;
const LACKS_FINALIZER: (&str, &str) =
    ("has-none-of-ours", "!has(object.metadata.finalizers) || !('jumun.dev/undo' in object.metadata.finalizers)");

/// What has our finalizer.
const KEPT: &str = r#""orders", "payments", "tickets", "deliveries", "products", "wallets", "orderplatforms""#;

/// Whether objects of this kind have our finalizer.
pub(super) fn keeps_finalizer(plural: &str) -> bool {
    KEPT.contains(&format!("\"{plural}\""))
}

const POLICIES: [Policy; 4] = [
    Policy {
        name: "order-finalizer",
        reinvocation: "IfNeeded",
        operation: "CREATE",
        resources: r#""orders""#,
        conditions: &[LACKS_FINALIZER],
        patch: ADD_FINALIZER,
    },
    Policy {
        name: "kept-finalizer",
        reinvocation: "IfNeeded",
        operation: "UPDATE",
        resources: KEPT,
        conditions: &[
            ("had-ours", "has(oldObject.metadata.finalizers) && 'jumun.dev/undo' in oldObject.metadata.finalizers"),
            LACKS_FINALIZER,
            (
                "is-not-let-go",
                "!has(object.metadata.annotations) || !('jumun.dev/let-go' in object.metadata.annotations)
        || object.metadata.annotations['jumun.dev/let-go'] != oldObject.metadata.uid",
            ),
        ],
        patch: ADD_FINALIZER,
    },
    Policy {
        name: "kept-label",
        reinvocation: "IfNeeded",
        operation: "UPDATE",
        resources: r#""payments", "tickets", "deliveries", "notifications""#,
        conditions: &[
            ("had-ours", "has(oldObject.metadata.labels) && 'jumun.dev/order' in oldObject.metadata.labels"),
            (
                "has-lost-it",
                "!has(object.metadata.labels) || !('jumun.dev/order' in object.metadata.labels)
        || object.metadata.labels['jumun.dev/order'] != oldObject.metadata.labels['jumun.dev/order']",
            ),
        ],
        patch: r#"has(object.metadata.labels)
          ? [JSONPatch{op: "add", path: "/metadata/labels/jumun.dev~1order", value: oldObject.metadata.labels['jumun.dev/order']}]
          : [JSONPatch{op: "add", path: "/metadata/labels", value: {"jumun.dev/order": oldObject.metadata.labels['jumun.dev/order']}}]"#,
    },
    Policy {
        name: "untracked-fields",
        reinvocation: "Never",
        operation: "CREATE",
        resources: r#""*""#,
        conditions: &[
            ("is-tracked", "has(object.metadata.managedFields)"),
            ("was-not-applied", "!object.metadata.managedFields.exists(entry, entry.operation == 'Apply')"),
        ],
        patch: r#"[JSONPatch{op: "remove", path: "/metadata/managedFields"}]"#,
    },
];

impl Policy {
    /// The policy and its binding, as YAML.
    fn manifest(&self) -> String {
        let Self { name, reinvocation, operation, resources, conditions, patch } = self;
        let condition = |(name, expression): &(&str, &str)| {
            format!("    - name: {name}\n      expression: >-\n        {expression}\n")
        };
        let conditions: String = conditions.iter().map(condition).collect();
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
        resources: [{resources}]
  matchConditions:
{conditions}  mutations:
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
pub(super) fn manifest() -> String {
    POLICIES.iter().map(Policy::manifest).collect::<Vec<String>>().join("---\n")
}
