//! The rules of a definition, as the API server is to evaluate them.
//!
//! Each rule is written beside the fields that it is about, with a message of its own. The API server evaluates every one of
//! them at every write, though most writes are of a status and leave `spec` as it was. So those that compare `spec` with what
//! it was become one, which is over at once where the state changes, and refuses nothing where `spec` has not changed; its message
//! is that of the first rule that is broken.
//!
//! To look is dear: for each field that a rule reads the API server copies the schema of all fields beside it, and for
//! a comparison of objects that of each level: `spec` is compared as a whole only where a rule would refuse the change. A write of
//! a status leaves `spec` alone, and a write of anything else the status: the API server sees to that before it evaluates a rule.
//! So where `status.state` changes, `spec` does not.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{JSONSchemaProps, ValidationRule};

/// One rule is no dearer than what would spare it.
const FEW: usize = 1;

/// Whether `status.state` changes.
const ANOTHER_STATE: &str = "has(self.status) && has(oldSelf.status)
  && (has(self.status.state) != has(oldSelf.status.state)
    || (has(self.status.state) && self.status.state != oldSelf.status.state))";

/// Puts the rules about changes of `spec` together.
pub(super) fn combine(root: &mut JSONSchemaProps) {
    let rules = root.x_kubernetes_validations.iter().flatten().cloned();
    let (changes, others): (Vec<_>, Vec<_>) = rules.partition(is_about_changes);
    if changes.len() > FEW && has_state(root) {
        root.x_kubernetes_validations = Some(std::iter::once(together(&changes)).chain(others).collect());
    }
}

fn has_state(root: &JSONSchemaProps) -> bool {
    let status = root.properties.as_ref().and_then(|fields| fields.get("status"));
    status.and_then(|status| status.properties.as_ref()).is_some_and(|fields| fields.contains_key("state"))
}

/// Whether the rule compares `spec` with what it was, and looks at nothing else.
fn is_about_changes(rule: &ValidationRule) -> bool {
    rule.rule.contains("oldSelf.spec") && !rule.rule.contains("elf.status")
}

fn together(rules: &[ValidationRule]) -> ValidationRule {
    let all: Vec<String> = rules.iter().map(|rule| format!("({})", rule.rule)).collect();
    let mut message = String::new();
    for rule in rules {
        message.push_str(&format!("!({})\n  ? {}\n  : ", rule.rule, quoted(rule)));
    }
    message.push_str("'spec cannot be changed like this'");
    ValidationRule {
        rule: format!("({ANOTHER_STATE})\n|| (\n  {}\n)\n|| self.spec == oldSelf.spec", all.join("\n  && ")),
        message: Some("spec cannot be changed like this".to_owned()),
        message_expression: Some(message),
        field_path: Some(".spec".to_owned()),
        ..ValidationRule::default()
    }
}

/// The message of a rule, with the field that it names, as a literal of CEL.
fn quoted(rule: &ValidationRule) -> String {
    let message = rule.message.as_deref().unwrap_or(&rule.rule);
    let field = rule.field_path.as_deref().unwrap_or_default().trim_start_matches('.');
    let said = match field {
        "" | "spec" => message.to_owned(),
        field => format!("{field}: {message}"),
    };
    format!("'{}'", said.replace('\\', "\\\\").replace('\'', "\\'"))
}

#[cfg(test)]
mod tests {
    use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
    use kube::CustomResourceExt;
    use serde_json::{Value, json};

    use crate::crd::{Delivery, Order, Payment, Ticket, schema};

    /// Objects of a kind: every combination of these parts of a spec, on top of what each has.
    fn objects(base: &Value, parts: &[&[Value]]) -> Vec<Value> {
        let mut specs = vec![base.clone()];
        for choices in parts {
            let with = |spec: &Value, part: &Value| {
                let mut spec = spec.clone();
                let fields = part.as_object().expect("fields").clone();
                spec.as_object_mut().expect("a spec").extend(fields);
                spec
            };
            specs = specs.iter().flat_map(|spec| choices.iter().map(|part| with(spec, part))).collect();
        }
        specs.iter().map(|spec| json!({ "metadata": { "name": "x" }, "spec": spec })).collect()
    }

    /// Every change from one to another of these objects is allowed or refused as by the rules one by one, and the first
    /// broken one says why. Gives how many are refused.
    fn same<K: CustomResourceExt>(objects: &[Value]) -> usize {
        let rules = |definition: CustomResourceDefinition| {
            let schema = definition.spec.versions[0].schema.clone().expect("a schema");
            kube_cel::compile_schema(&serde_json::to_value(schema.open_api_v3_schema).expect("JSON"))
        };
        let (apart, combined) = (rules(K::crd()), rules(schema::finish(K::crd())));
        let mut refused = 0;
        for old in objects {
            // Where nothing has changed, nothing is refused: whoever writes a status cannot help how the spec came to be.
            for new in objects.iter().filter(|new| *new != old) {
                let said = |schema| match kube_cel::validate_compiled(schema, new, Some(old)) {
                    Ok(()) => Vec::new(),
                    Err(errors) => errors.as_slice().iter().map(|error| error.message.clone()).collect::<Vec<String>>(),
                };
                let (one_by_one, at_once) = (said(&apart), said(&combined));
                assert_eq!(one_by_one.is_empty(), at_once.is_empty(), "{old} -> {new}: {one_by_one:?}, {at_once:?}");
                let known = at_once.iter().all(|said| one_by_one.iter().any(|one| said.ends_with(one.as_str())));
                assert!(known, "{old} -> {new}: {at_once:?} is not among {one_by_one:?}");
                refused += usize::from(!at_once.is_empty());
            }
        }
        refused
    }

    #[test]
    fn rules_that_are_put_together_refuse_what_each_refuses_and_say_so() {
        let order = json!({ "name": "order-1", "uid": "1" });
        let hold = |step: &str| json!({ "hold": { "cause": "Customer", "step": step } });
        let park = |zone: &str| json!({ "courier": { "name": "park", "zone": zone } });
        let address = json!({ "recipient": "alice", "address": "Teheran-ro 1", "zone": "gangnam" });
        let delivery = json!({ "order": order, "deliverTo": address, "zone": "gangnam", "confirmation": "Automatic" });
        let parts: &[&[Value]] = &[
            &[json!({ "ready": false }), json!({ "ready": true })],
            &[json!({}), park("gangnam"), park("seocho")],
            &[json!({}), json!({ "progress": "PickedUp" }), json!({ "progress": "Delivered" })],
            &[json!({}), json!({ "received": true })],
            &[json!({}), hold("PickedUp")],
        ];
        assert!(same::<Delivery>(&objects(&delivery, parts)) > 4_000);

        let money = json!({ "amount": 1_000, "currency": "KRW" });
        let ticket = json!({ "order": order, "store": "shop", "customer": "alice", "amount": money,
            "items": [{ "product": "stew", "quantity": 1 }], "until": "Delivered" });
        let parts: &[&[Value]] = &[
            &[json!({ "acceptance": "Manual" }), json!({ "acceptance": "Automatic" })],
            &[
                json!({}),
                json!({ "decision": "Accept" }),
                json!({ "decision": "Reject", "reject": { "reason": "Closed" } }),
            ],
            &[json!({}), json!({ "cooking": "Started" }), json!({ "cooking": "Finished" })],
            &[json!({}), hold("CookingStarted")],
        ];
        assert!(same::<Ticket>(&objects(&ticket, parts)) > 900);

        let payment = json!({ "order": order, "method": "Wallet", "wallet": { "name": "alice", "uid": "2" } });
        let points = |points: i64| json!({ "points": points });
        let parts: &[&[Value]] = &[
            &[json!({ "amount": money }), json!({ "amount": { "amount": 2_000, "currency": "KRW" } })],
            &[json!({}), points(0), points(5)],
            &[json!({}), json!({ "cancel": false }), json!({ "cancel": true })],
        ];
        assert!(same::<Payment>(&objects(&payment, parts)) > 200);

        let wallet = json!({ "method": "Wallet", "wallet": "alice" });
        let placed = json!({ "store": "shop", "items": [{ "product": "stew", "quantity": 1 }], "deliverTo": address, "payment": wallet });
        let wish = |reason: &str| json!({ "cancel": { "reason": reason } });
        let parts: &[&[Value]] = &[
            &[json!({ "customer": "alice" }), json!({ "customer": "bob" })],
            &[json!({}), json!({ "agreed": { "amount": money } })],
            &[json!({}), wish("ChangedMind"), wish("Other")],
        ];
        assert!(same::<Order>(&objects(&placed, parts)) > 90);
    }

    /// Without a place of its own a status is written together with the spec.
    #[test]
    fn rules_stay_apart_where_one_write_can_change_both() {
        let rules = |definition: CustomResourceDefinition| {
            let root = definition.spec.versions[0].schema.clone().and_then(|schema| schema.open_api_v3_schema);
            root.and_then(|root| root.x_kubernetes_validations).map_or(0, |rules| rules.len())
        };
        let mut together = Order::crd();
        together.spec.versions[0].subresources = None;
        assert_eq!(rules(schema::finish(together)), rules(Order::crd()));
        assert!(rules(schema::finish(Order::crd())) < rules(Order::crd()));
    }

    /// A write of another state is one of the status, in which the API server leaves `spec` as it was.
    #[test]
    fn a_write_of_another_state_is_judged_without_a_look_at_spec() {
        let schema = schema::finish(Order::crd()).spec.versions[0].schema.clone().expect("a schema");
        let rules = kube_cel::compile_schema(&serde_json::to_value(schema.open_api_v3_schema).expect("JSON"));
        let refused = |old: &Value, new: &Value| kube_cel::validate_compiled(&rules, new, Some(old)).is_err();
        let order = |customer: &str, status: Value| {
            let wallet = json!({ "method": "Wallet", "wallet": "alice" });
            let spec =
                json!({ "customer": customer, "store": "shop", "items": [], "deliverTo": {}, "payment": wallet });
            json!({ "metadata": { "name": "x" }, "spec": spec, "status": status })
        };
        let placed = || json!({ "state": "Placed" });
        let unseen = || json!({ "observedGeneration": -1 });
        assert!(refused(&order("alice", placed()), &order("bob", placed())));
        assert!(refused(&order("alice", unseen()), &order("bob", unseen())));
        assert!(!refused(&order("alice", unseen()), &order("bob", placed())));
        assert!(!refused(&order("alice", placed()), &order("bob", json!({ "state": "Paid" }))));
    }

    /// Who writes a status without another state cannot help how the spec came to be.
    #[test]
    fn what_is_stored_already_is_no_change_that_a_rule_refuses() {
        let address = json!({ "recipient": "alice", "address": "Teheran-ro 1", "zone": "gangnam" });
        let spec = json!({ "order": { "name": "order-1", "uid": "1" }, "deliverTo": address, "zone": "gangnam",
            "confirmation": "Automatic", "ready": true, "received": true });
        let stored = json!({ "metadata": { "name": "x" }, "spec": spec });
        let is_refused = |definition: CustomResourceDefinition| {
            let schema = definition.spec.versions[0].schema.clone().expect("a schema").open_api_v3_schema;
            let rules = kube_cel::compile_schema(&serde_json::to_value(schema).expect("JSON"));
            kube_cel::validate_compiled(&rules, &stored, Some(&stored)).is_err()
        };
        assert!(is_refused(Delivery::crd()), "each rule alone refuses what was received and never delivered");
        assert!(!is_refused(schema::finish(Delivery::crd())));
    }
}
