//! Admission: a MutatingAdmissionPolicy puts our finalizer on new Orders, which saves the controller a write each.
//!
//! Everything works without it. There is no webhook: nothing to keep up, no certificate to renew. For some seconds after the
//! kinds were installed for the first time the API server has not read their schema yet, and answers 503 to a new Order
//! whatever `failurePolicy` says; whoever installs waits until it takes one (`kubectl create --dry-run=server`).

/// The policy and its binding.
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
"#;
