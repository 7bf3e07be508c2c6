//! Admission: a MutatingAdmissionPolicy puts our finalizer on new Orders, which saves the controller a write each.
//!
//! Everything works without it. There is no webhook: nothing to keep up, no certificate to renew.

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
    - patchType: ApplyConfiguration
      applyConfiguration:
        expression: >-
          Object{metadata: Object.metadata{finalizers: ["jumun.dev/undo"]}}
---
apiVersion: admissionregistration.k8s.io/v1
kind: MutatingAdmissionPolicyBinding
metadata:
  name: order-finalizer.jumun.dev
spec:
  policyName: order-finalizer.jumun.dev
"#;
