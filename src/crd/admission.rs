//! Admission: MutatingAdmissionPolicies that put our finalizer on new Orders, which saves the controller a write each, and
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
//! Everything works without them, at a write more and with the children of a removed order undoing it themselves. There
//! is no webhook: nothing to keep up, no certificate to renew. For some seconds after the kinds were installed for the
//! first time the API server has not read their schema yet, and answers 503 to a new Order whatever `failurePolicy` says;
//! whoever installs waits until it takes one (`kubectl create --dry-run=server`).

/// The policies and their bindings.
pub const MANIFEST: &str = r#"apiVersion: admissionregistration.k8s.io/v1
kind: MutatingAdmissionPolicy
metadata:
  name: order-finalizer.jumun.dev
spec:
  failurePolicy: Ignore
  reinvocationPolicy: IfNeeded
  matchConstraints:
    resourceRules:
      - apiGroups: ["jumun.dev"]
        apiVersions: ["v1alpha1"]
        operations: ["CREATE"]
        resources: ["orders"]
  matchConditions:
    - name: has-none-of-ours
      expression: "!has(object.metadata.finalizers) || !('jumun.dev/undo' in object.metadata.finalizers)"
  mutations:
    - patchType: JSONPatch
      jsonPatch:
        expression: >-
          has(object.metadata.finalizers)
          ? [JSONPatch{op: "add", path: "/metadata/finalizers/-", value: "jumun.dev/undo"}]
          : [JSONPatch{op: "add", path: "/metadata/finalizers", value: ["jumun.dev/undo"]}]
---
apiVersion: admissionregistration.k8s.io/v1
kind: MutatingAdmissionPolicyBinding
metadata:
  name: order-finalizer.jumun.dev
spec:
  policyName: order-finalizer.jumun.dev
---
apiVersion: admissionregistration.k8s.io/v1
kind: MutatingAdmissionPolicy
metadata:
  name: kept-finalizer.jumun.dev
spec:
  failurePolicy: Ignore
  reinvocationPolicy: IfNeeded
  matchConstraints:
    resourceRules:
      - apiGroups: ["jumun.dev"]
        apiVersions: ["v1alpha1"]
        operations: ["UPDATE"]
        resources: ["orders", "payments", "tickets", "deliveries", "products", "wallets", "orderplatforms"]
  matchConditions:
    - name: had-ours
      expression: "has(oldObject.metadata.finalizers) && 'jumun.dev/undo' in oldObject.metadata.finalizers"
    - name: has-lost-it
      expression: "!has(object.metadata.finalizers) || !('jumun.dev/undo' in object.metadata.finalizers)"
    - name: is-not-let-go
      expression: >-
        !has(object.metadata.annotations) || !('jumun.dev/let-go' in object.metadata.annotations)
        || object.metadata.annotations['jumun.dev/let-go'] != oldObject.metadata.uid
  mutations:
    - patchType: JSONPatch
      jsonPatch:
        expression: >-
          has(object.metadata.finalizers)
          ? [JSONPatch{op: "add", path: "/metadata/finalizers/-", value: "jumun.dev/undo"}]
          : [JSONPatch{op: "add", path: "/metadata/finalizers", value: ["jumun.dev/undo"]}]
---
apiVersion: admissionregistration.k8s.io/v1
kind: MutatingAdmissionPolicyBinding
metadata:
  name: kept-finalizer.jumun.dev
spec:
  policyName: kept-finalizer.jumun.dev
---
apiVersion: admissionregistration.k8s.io/v1
kind: MutatingAdmissionPolicy
metadata:
  name: kept-label.jumun.dev
spec:
  failurePolicy: Ignore
  reinvocationPolicy: IfNeeded
  matchConstraints:
    resourceRules:
      - apiGroups: ["jumun.dev"]
        apiVersions: ["v1alpha1"]
        operations: ["UPDATE"]
        resources: ["payments", "tickets", "deliveries", "notifications"]
  matchConditions:
    - name: had-ours
      expression: "has(oldObject.metadata.labels) && 'jumun.dev/order' in oldObject.metadata.labels"
    - name: has-lost-it
      expression: >-
        !has(object.metadata.labels) || !('jumun.dev/order' in object.metadata.labels)
        || object.metadata.labels['jumun.dev/order'] != oldObject.metadata.labels['jumun.dev/order']
  mutations:
    - patchType: JSONPatch
      jsonPatch:
        expression: >-
          has(object.metadata.labels)
          ? [JSONPatch{op: "add", path: "/metadata/labels/jumun.dev~1order", value: oldObject.metadata.labels['jumun.dev/order']}]
          : [JSONPatch{op: "add", path: "/metadata/labels", value: {"jumun.dev/order": oldObject.metadata.labels['jumun.dev/order']}}]
---
apiVersion: admissionregistration.k8s.io/v1
kind: MutatingAdmissionPolicyBinding
metadata:
  name: kept-label.jumun.dev
spec:
  policyName: kept-label.jumun.dev
---
apiVersion: admissionregistration.k8s.io/v1
kind: MutatingAdmissionPolicy
metadata:
  name: untracked-fields.jumun.dev
spec:
  failurePolicy: Ignore
  reinvocationPolicy: Never
  matchConstraints:
    resourceRules:
      - apiGroups: ["jumun.dev"]
        apiVersions: ["v1alpha1"]
        operations: ["CREATE"]
        resources: ["*"]
  matchConditions:
    - name: is-tracked
      expression: "has(object.metadata.managedFields)"
    - name: was-not-applied
      expression: "!object.metadata.managedFields.exists(entry, entry.operation == 'Apply')"
  mutations:
    - patchType: JSONPatch
      jsonPatch:
        expression: '[JSONPatch{op: "remove", path: "/metadata/managedFields"}]'
---
apiVersion: admissionregistration.k8s.io/v1
kind: MutatingAdmissionPolicyBinding
metadata:
  name: untracked-fields.jumun.dev
spec:
  policyName: untracked-fields.jumun.dev
"#;
