//! ValidatingAdmissionPolicies: who may write which field. The rules of a definition say which change is possible at all,
//! RBAC says who may write objects of a kind; a step of an actor is one field, and the right to it is a verb of its own.
//!
//! A policy asks the API server's authorizer whether the caller has that verb on the very object, so that steps are granted
//! like everything else: by a Role, for one object too (`resourceNames`). Whatever of an order's children is no step is its
//! parent's and takes the verb `operate`, as does to create them; the fields are read off the definitions, so that a new field is
//! the parent's until [`STEPS`] says otherwise. A status is a subresource that people have no right to: nothing here looks at it.
//!
//! The controllers write through them too, and what a policy costs is each expression's own copy of the object. So there is one policy a
//! kind with one condition, which holds where a right is missing; all the rest is evaluated for a write that is refused, and the
//! authorizer is asked about fields that have changed alone.
//!
//! A policy that errs lets the write pass (`failurePolicy: Ignore`): nothing may be in the way of an undo or of a cancel, and what
//! an error admits is what RBAC admits and the definition allows, as without the policies. Nobody can bring an error about: fields that
//! are absent are no error, and all checks together stay below what a condition may cost.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;

/// A step: the fields of a spec that its verb gives the right to.
struct Step {
    resource: &'static str,
    verb: &'static str,
    fields: &'static [&'static str],
}

const STEPS: [Step; 7] = [
    Step { resource: "orders", verb: "cancel", fields: &["cancel"] },
    Step { resource: "payments", verb: "refund", fields: &["refundedByHand"] },
    Step { resource: "tickets", verb: "decide", fields: &["decision", "reject"] },
    Step { resource: "tickets", verb: "cook", fields: &["cooking"] },
    Step { resource: "deliveries", verb: "claim", fields: &["courier"] },
    Step { resource: "deliveries", verb: "deliver", fields: &["progress"] },
    Step { resource: "deliveries", verb: "receive", fields: &["received"] },
];

/// The right to everything that controllers write beside a status.
const OPERATE: &str = "operate";

/// Kinds that people make: who may create them, and write what is no step, is plain RBAC.
pub(super) const PEOPLES: [&str; 5] = ["stores", "products", "wallets", "orders", "orderplatforms"];

/// What takes the protection of an object off (`mutating`), set or changed.
const LETS_GO: &str = "oldObject != null && has(object.metadata.annotations)
        && 'jumun.dev/let-go' in object.metadata.annotations && (!has(oldObject.metadata.annotations)
        || oldObject.metadata.annotations[?'jumun.dev/let-go'] != object.metadata.annotations[?'jumun.dev/let-go'])";

/// An owner that it did not have before: whoever gives an object an owner that does not exist has deleted it.
const HAS_NEW_OWNER: &str = "oldObject != null && has(object.metadata.ownerReferences)
        && object.metadata.ownerReferences.exists(owner, !has(oldObject.metadata.ownerReferences)
        || !oldObject.metadata.ownerReferences.exists(before, before.uid == owner.uid
        && before.name == owner.name && before.kind == owner.kind))";

/// The verbs that the policies ask for: one for each step of an actor, and one for what the controllers write; beside them
/// they ask for `delete`, which every API has.
pub fn verbs() -> Vec<&'static str> {
    STEPS.iter().map(|step| step.verb).chain([OPERATE]).collect()
}

/// What a right is needed for.
struct Need {
    /// Holds where it is.
    when: String,
    verb: &'static str,
    /// What the caller wanted to write: an expression that gives the words.
    what: String,
}

/// Everything that a right is needed for on the objects of one resource.
struct Policy {
    resource: String,
    needs: Vec<Need>,
}

fn any(conditions: impl IntoIterator<Item = String>) -> String {
    conditions.into_iter().collect::<Vec<String>>().join("\n        || ")
}

/// The fields of a spec, as the definition has them.
fn fields(definition: &CustomResourceDefinition) -> Vec<&str> {
    let schema = definition.spec.versions.first().and_then(|version| version.schema.as_ref());
    let root = schema.and_then(|schema| schema.open_api_v3_schema.as_ref());
    let spec = root.and_then(|root| root.properties.as_ref()?.get("spec"));
    let fields = spec.and_then(|spec| spec.properties.as_ref());
    fields.into_iter().flat_map(|fields| fields.keys().map(String::as_str)).collect()
}

impl Step {
    fn need(&self) -> Need {
        // Set by whoever creates it, or changed.
        let changes = |field: &&str| {
            format!("(oldObject == null ? has(object.spec.{field}) : object.spec.?{field} != oldObject.spec.?{field})")
        };
        let names: Vec<String> = self.fields.iter().map(|field| format!("spec.{field}")).collect();
        let what = format!("'{}'", names.join(" and "));
        Need { when: any(self.fields.iter().map(changes)), verb: self.verb, what }
    }
}

impl Need {
    /// What is not for people on objects that controllers make: to make them, and every field that is no step.
    fn of_parent(definition: &CustomResourceDefinition) -> Option<Self> {
        let names = &definition.spec.names;
        if PEOPLES.contains(&names.plural.as_str()) {
            return None;
        }
        let is_step =
            |field: &str| STEPS.iter().any(|step| step.resource == names.plural && step.fields.contains(&field));
        // A row has no status subresource: its status is written with its spec.
        let whole = definition.spec.versions.first().is_some_and(|version| version.subresources.is_none());
        let status = whole.then(|| ("status".to_owned(), "object.?status != oldObject.?status".to_owned()));
        let parents = fields(definition).into_iter().filter(|field| !is_step(field));
        let parents =
            parents.map(|field| (format!("spec.{field}"), format!("object.spec.?{field} != oldObject.spec.?{field}")));
        let changes: Vec<(String, String)> = status.into_iter().chain(parents).collect();
        let words = changes.iter().map(|(field, change)| format!("({change} ? ' {field}' : '')"));
        let what = format!(
            "(oldObject == null ? 'to create {} {} by hand' : 'the controllers\\' own'\n        + {})",
            if names.kind.starts_with('O') { "an" } else { "a" },
            names.kind,
            words.collect::<Vec<String>>().join("\n        + ")
        );
        let created = std::iter::once("oldObject == null".to_owned());
        Some(Self { when: any(created.chain(changes.into_iter().map(|(_, change)| change))), verb: OPERATE, what })
    }

    /// What takes the protection off an object, and what deletes it by another name.
    fn of_everything() -> [Self; 2] {
        let need = |when: &str, verb, what: &str| Self { when: when.to_owned(), verb, what: format!("'{what}'") };
        [
            need(LETS_GO, OPERATE, "the annotation jumun.dev/let-go"),
            need(HAS_NEW_OWNER, "delete", "another owner in metadata.ownerReferences, with which it may be deleted"),
        ]
    }

    fn allowed(&self) -> String {
        format!("authorizer.requestResource.check('{}').allowed()", self.verb)
    }

    /// Holds where the right is needed and missing.
    fn is_missing(&self) -> String {
        format!("(({})\n        && !{})", self.when, self.allowed())
    }

    /// A validation of a policy, as YAML.
    fn manifest(&self) -> String {
        let Self { when, verb, what } = self;
        let allowed = self.allowed();
        format!(
            r#"    - expression: >-
        !({when})
        || {allowed}
      reason: Forbidden
      messageExpression: >-
        {what}
        + ': only with the verb {verb} on ' + request.resource.resource + '.jumun.dev, which ' + request.userInfo.username
        + ' lacks (grant it by a Role: apiGroups [jumun.dev], resources [' + request.resource.resource + '], verbs [{verb}])'
"#
        )
    }
}

impl Policy {
    fn of(definition: &CustomResourceDefinition) -> Self {
        let resource = definition.spec.names.plural.clone();
        let steps = STEPS.iter().filter(|step| step.resource == resource).map(Step::need);
        let needs = steps.chain(Need::of_parent(definition)).chain(Need::of_everything()).collect();
        Self { resource, needs }
    }

    /// The policy and its binding, as YAML.
    fn manifest(&self) -> String {
        let Self { resource, needs } = self;
        let missing = any(needs.iter().map(Need::is_missing));
        let validations: String = needs.iter().map(Need::manifest).collect();
        format!(
            r#"apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata:
  name: {resource}-rights.jumun.dev
spec:
  failurePolicy: Ignore
  matchConstraints:
    resourceRules:
      - apiGroups: ["jumun.dev"]
        apiVersions: ["v1alpha1"]
        operations: ["CREATE", "UPDATE"]
        resources: ["{resource}"]
  matchConditions:
    - name: lacks-a-right
      expression: >-
        {missing}
  validations:
{validations}---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata:
  name: {resource}-rights.jumun.dev
spec:
  policyName: {resource}-rights.jumun.dev
  validationActions: [Deny]
"#
        )
    }
}

/// The policies and their bindings.
pub(super) fn manifest(definitions: &[CustomResourceDefinition]) -> String {
    definitions.iter().map(|definition| Policy::of(definition).manifest()).collect::<Vec<String>>().join("---\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crd::definitions;

    #[test]
    fn every_field_of_what_controllers_make_is_a_step_or_its_parents() {
        for definition in definitions() {
            let (resource, policy) = (definition.spec.names.plural.as_str(), Policy::of(&definition));
            for field in fields(&definition) {
                let change = format!("object.spec.?{field} != oldObject.spec.?{field}");
                let verbs: Vec<&str> =
                    policy.needs.iter().filter(|need| need.when.contains(&change)).map(|need| need.verb).collect();
                let step = STEPS.iter().find(|step| step.resource == resource && step.fields.contains(&field));
                let expected = match step {
                    Some(step) => vec![step.verb],
                    None if PEOPLES.contains(&resource) => Vec::new(),
                    None => vec![OPERATE],
                };
                assert_eq!(verbs, expected, "{resource}: {field}");
            }
        }
        for step in &STEPS {
            let known = definitions().into_iter().find(|definition| definition.spec.names.plural == step.resource);
            let known = known.expect("a kind");
            assert!(step.fields.iter().all(|field| fields(&known).contains(field)), "{}: no such field", step.resource);
        }
    }

    #[test]
    fn a_policy_that_errs_is_in_the_way_of_no_undo_and_of_no_cancel() {
        let all = manifest(&definitions());
        let policies = all.split("---\n").filter(|text| text.contains("kind: ValidatingAdmissionPolicy\n"));
        for text in policies {
            assert!(text.contains("failurePolicy: Ignore\n"), "{text}");
            // What may err, and what costs, is asked in one expression for a write that is admitted.
            assert_eq!(text.matches("    - name: ").count(), 1, "{text}");
        }
    }
}
