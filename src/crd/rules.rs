//! The rules of a definition, as the API server is to evaluate them.
//!
//! Each rule is written beside the fields that it is about, with a message of its own. The API server evaluates every one of
//! them at every write, though most writes are of a status and leave `spec` as it was. So those that compare `spec` with what
//! it was become one, which refuses nothing where `spec` has not changed; its message is that of the first rule that is broken.
//!
//! To look is dear: for each field that a rule reads the API server copies the schema of all fields beside it, twice, those
//! of its own once more, and for a comparison of objects that of each level. So a rule that reads nothing but `spec`, or nothing
//! but `status`, stands there, from where the way is half as long, and `spec` is compared as a whole only where a rule would
//! refuse the change. A write of a status leaves `spec` alone, and a write of anything else the status: the API server sees to
//! that before it evaluates a rule. So where `status.state` changes, `spec` does not, and a spec that hardly ever changes is looked
//! at only where the state stays.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{JSONSchemaProps, ValidationRule};

/// Whether `status.state` becomes another one. An object that is changed has a status, by the definition's default.
const ANOTHER_STATE: &str = "(has(self.status.state)
  && (!has(oldSelf.status.state) || self.status.state != oldSelf.status.state))";

/// Whether `spec` is what it was.
const UNCHANGED: &str = "self.spec == oldSelf.spec";

/// With more rules about its changes than this a spec has people's steps in it, and changes more often than the status.
const FEW: usize = 2;

/// Puts the rules about changes of `spec` together, and each where it is about.
pub(super) fn arrange(root: &mut JSONSchemaProps) {
    let rules = root.x_kubernetes_validations.take().unwrap_or_default();
    let has_state = has_state(root);
    let (changes, others): (Vec<_>, Vec<_>) = rules.into_iter().partition(|rule| has_state && is_about_changes(rule));
    let together = match changes.len() {
        0 => None,
        1..=FEW => Some(together(&changes, &format!("{ANOTHER_STATE}\n|| "))),
        _ => Some(together(&changes, "")),
    };
    let mut stay = Vec::new();
    for rule in together.into_iter().chain(others) {
        let part = part(&rule).and_then(|part| Some((part, root.properties.as_mut()?.get_mut(part)?)));
        match part {
            Some((part, schema)) => {
                schema.x_kubernetes_validations.get_or_insert_default().push(seen_from(part, rule));
            }
            None => stay.push(rule),
        }
    }
    root.x_kubernetes_validations = (!stay.is_empty()).then_some(stay);
}

fn has_state(root: &JSONSchemaProps) -> bool {
    let status = root.properties.as_ref().and_then(|fields| fields.get("status"));
    status.and_then(|status| status.properties.as_ref()).is_some_and(|fields| fields.contains_key("state"))
}

/// Whether the rule compares `spec` with what it was, and looks at nothing else.
fn is_about_changes(rule: &ValidationRule) -> bool {
    rule.rule.contains("oldSelf.spec") && part(rule) == Some("spec")
}

/// The one part of the object that the rule reads.
fn part(rule: &ValidationRule) -> Option<&'static str> {
    let reads = |part: &str| rule.rule.contains(&format!("elf.{part}"));
    match (reads("spec"), reads("status"), reads("metadata")) {
        (true, false, false) => Some("spec"),
        (false, true, false) => Some("status"),
        _ => None,
    }
}

/// The rule as it reads where `self` is that part. There is no rule about a part where there is none of it.
fn seen_from(part: &str, rule: ValidationRule) -> ValidationRule {
    let seen = |text: String| {
        ["self", "oldSelf"].iter().fold(text, |text, side| {
            text.replace(&format!("!has({side}.{part}) || "), "").replace(&format!("{side}.{part}"), side)
        })
    };
    let below = rule.field_path.as_deref().and_then(|path| path.strip_prefix('.')?.strip_prefix(part));
    ValidationRule {
        field_path: below.filter(|path| !path.is_empty()).map(str::to_owned),
        rule: seen(rule.rule),
        message_expression: rule.message_expression.map(seen),
        ..rule
    }
}

/// One rule of several; what is over with `unless` is not looked at.
fn together(rules: &[ValidationRule], unless: &str) -> ValidationRule {
    let looks = rules.iter().filter(|rule| rule.rule != UNCHANGED);
    let looks: Vec<String> = looks.map(|rule| format!("({})", rule.rule)).collect();
    let allowed = match looks.is_empty() {
        true => String::new(),
        false => format!("(\n  {}\n)\n|| ", looks.join("\n  && ")),
    };
    let mut message = String::new();
    for rule in rules {
        message.push_str(&format!("!({})\n  ? {}\n  : ", rule.rule, quoted(rule)));
    }
    message.push_str("'spec cannot be changed like this'");
    ValidationRule {
        rule: format!("{unless}{allowed}{UNCHANGED}"),
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

    /// Every combination of these parts, on top of what each has.
    fn combined(base: &Value, parts: &[&[Value]]) -> Vec<Value> {
        let with = |whole: &Value, part: &Value| {
            let mut whole = whole.clone();
            whole.as_object_mut().expect("fields").extend(part.as_object().expect("fields").clone());
            whole
        };
        parts.iter().fold(vec![base.clone()], |all, choices| {
            all.iter().flat_map(|whole| choices.iter().map(|part| with(whole, part))).collect()
        })
    }

    fn object(spec: &Value, status: &Value) -> Value {
        json!({ "metadata": { "name": "x" }, "spec": spec, "status": status })
    }

    /// What no controller has looked at yet: the status that the definition gives it.
    fn unseen() -> Value {
        json!({ "observedGeneration": -1 })
    }

    /// Objects of a kind with each of these specs.
    fn objects(base: &Value, parts: &[&[Value]]) -> Vec<Value> {
        combined(base, parts).iter().map(|spec| object(spec, &unseen())).collect()
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

    fn order() -> Value {
        json!({ "name": "order-1", "uid": "1" })
    }

    fn address() -> Value {
        json!({ "recipient": "alice", "address": "Teheran-ro 1", "zone": "gangnam" })
    }

    fn money() -> Value {
        json!({ "amount": 1_000, "currency": "KRW" })
    }

    fn park(zone: &str) -> Value {
        json!({ "courier": { "name": "park", "zone": zone } })
    }

    fn delivery() -> Value {
        json!({ "order": order(), "deliverTo": address(), "zone": "gangnam", "confirmation": "Automatic" })
    }

    fn payment() -> Value {
        json!({ "order": order(), "method": "Wallet", "wallet": { "name": "alice", "uid": "2" } })
    }

    fn purchase() -> Value {
        let wallet = json!({ "method": "Wallet", "wallet": "alice" });
        json!({ "store": "shop", "items": [{ "product": "stew", "quantity": 1 }], "deliverTo": address(), "payment": wallet })
    }

    #[test]
    fn rules_that_are_put_together_refuse_what_each_refuses_and_say_so() {
        let hold = |step: &str| json!({ "hold": { "cause": "Customer", "step": step } });
        let parts: &[&[Value]] = &[
            &[json!({ "ready": false }), json!({ "ready": true })],
            &[json!({}), park("gangnam"), park("seocho")],
            &[json!({}), json!({ "progress": "PickedUp" }), json!({ "progress": "Delivered" })],
            &[json!({}), json!({ "received": true })],
            &[json!({}), hold("PickedUp")],
        ];
        assert!(same::<Delivery>(&objects(&delivery(), parts)) > 4_000);

        let ticket = json!({ "order": order(), "store": "shop", "customer": "alice", "amount": money(),
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

        let points = |points: i64| json!({ "points": points });
        let parts: &[&[Value]] = &[
            &[json!({ "amount": money() }), json!({ "amount": { "amount": 2_000, "currency": "KRW" } })],
            &[json!({}), points(0), points(5)],
            &[json!({}), json!({ "cancel": false }), json!({ "cancel": true })],
        ];
        assert!(same::<Payment>(&objects(&payment(), parts)) > 200);

        let wish = |reason: &str| json!({ "cancel": { "reason": reason } });
        let parts: &[&[Value]] = &[
            &[json!({ "customer": "alice" }), json!({ "customer": "bob" })],
            &[json!({}), json!({ "agreed": { "amount": money() } })],
            &[json!({}), wish("ChangedMind"), wish("Other")],
        ];
        assert!(same::<Order>(&objects(&purchase(), parts)) > 90);
    }

    /// The changes from one spec to another that nothing refuses, of these that something has to refuse.
    fn allowed<K: CustomResourceExt>(spec: &Value, changes: &[Value]) -> Vec<Value> {
        let schema = schema::finish(K::crd()).spec.versions[0].schema.clone().expect("a schema").open_api_v3_schema;
        let rules = kube_cel::compile_schema(&serde_json::to_value(schema).expect("JSON"));
        let old = object(spec, &unseen());
        let is_allowed = |change: &&Value| {
            let mut new = spec.clone();
            for (field, value) in change.as_object().expect("fields") {
                match value {
                    Value::Null => drop(new.as_object_mut().expect("a spec").remove(field)),
                    value => new[field] = value.clone(),
                }
            }
            kube_cel::validate_compiled(&rules, &object(&new, &unseen()), Some(&old)).is_ok()
        };
        changes.iter().filter(is_allowed).cloned().collect()
    }

    #[test]
    fn what_was_written_into_a_delivery_or_ticket_stays() {
        let (another, none) = (json!({ "name": "order-2", "uid": "2" }), Vec::<Value>::new());
        let hold = |step: &str| json!({ "cause": "Customer", "step": step });
        let seocho = json!({ "recipient": "alice", "address": "Teheran-ro 1", "zone": "seocho" });
        let steps = json!({ "ready": true, "courier": { "name": "park", "zone": "gangnam" }, "progress": "Delivered",
            "received": true, "deadlines": { "deliver": "5m" } });
        let delivered = &combined(&delivery(), &[&[steps]])[0];
        let changes = [
            json!({ "order": another }),
            json!({ "deliverTo": seocho }),
            json!({ "zone": "seocho" }),
            json!({ "confirmation": "Customer" }),
            json!({ "deadlines": { "deliver": "6m" } }),
            json!({ "deadlines": null }),
            json!({ "ready": false }),
            park("seocho"),
            json!({ "courier": { "name": "choi", "zone": "gangnam" } }),
            json!({ "courier": null }),
            json!({ "progress": "PickedUp" }),
            json!({ "progress": null }),
            json!({ "received": false }),
            json!({ "received": null }),
        ];
        assert_eq!(allowed::<Delivery>(delivered, &changes), none);
        let held = &combined(&delivery(), &[&[json!({ "ready": true, "hold": hold("Delivered") })]])[0];
        let lifted = [json!({ "hold": null }), json!({ "hold": hold("PickedUp") })];
        assert_eq!(allowed::<Delivery>(held, &lifted), none);

        let ticket = json!({ "order": order(), "store": "shop", "customer": "alice", "amount": money(),
            "items": [{ "product": "stew", "quantity": 1 }], "until": "Delivered", "acceptance": "Manual",
            "deadlines": { "cook": "5m" }, "decision": "Accept", "cooking": "Finished" });
        let changes = [
            json!({ "order": another }),
            json!({ "store": "other" }),
            json!({ "customer": "bob" }),
            json!({ "amount": { "amount": 2_000, "currency": "KRW" } }),
            json!({ "items": [{ "product": "stew", "quantity": 2 }] }),
            json!({ "until": "CookingStarts" }),
            json!({ "acceptance": "Automatic" }),
            json!({ "deadlines": { "cook": "6m" } }),
            json!({ "deadlines": null }),
            json!({ "decision": null, "acceptance": "Manual" }),
            json!({ "cooking": "Started" }),
            json!({ "cooking": null }),
        ];
        assert_eq!(allowed::<Ticket>(&ticket, &changes), none);
        let mut accepted = ticket.clone();
        accepted.as_object_mut().expect("a spec").remove("cooking");
        let reject = json!({ "decision": "Reject", "reject": { "reason": "Closed" } });
        assert_eq!(allowed::<Ticket>(&accepted, std::slice::from_ref(&reject)), none);
        let rejected = &combined(&accepted, &[&[reject], &[json!({ "hold": hold("Decided") })]])[0];
        let changes =
            [json!({ "reject": { "reason": "SoldOut" } }), json!({ "hold": null }), json!({ "hold": hold("Cooked") })];
        assert_eq!(allowed::<Ticket>(rejected, &changes), none);
    }

    #[test]
    fn rules_that_stand_at_the_status_refuse_what_they_refuse_at_the_root_and_say_so() {
        let (at, later) = ("2026-11-27T07:00:00Z", "2026-11-27T08:00:00Z");
        let states = |names: &[&str]| -> Vec<Value> {
            std::iter::once(json!({})).chain(names.iter().map(|state| json!({ "state": state }))).collect()
        };
        let times = |field: &str| vec![json!({}), json!({ field: at }), json!({ field: later })];
        let statuses = |spec: &Value, with: Value, parts: &[Vec<Value>]| -> Vec<Value> {
            let parts: Vec<&[Value]> = parts.iter().map(Vec::as_slice).collect();
            let spec = &combined(spec, &[&[with]])[0];
            combined(&unseen(), &parts).iter().map(|status| object(spec, status)).collect()
        };
        let claimed = combined(&delivery(), &[&[json!({ "ready": true })], &[park("gangnam")]]);
        let parts = [states(&["PickedUp", "Confirmed", "Cancelled"]), times("confirmedAt"), times("cancelledAt")];
        assert!(same::<Delivery>(&statuses(&claimed[0], json!({ "progress": "Delivered" }), &parts)) > 800);
        assert!(same::<Delivery>(&statuses(&claimed[0], json!({ "progress": "PickedUp" }), &parts)) > 1_000);

        let charge = &combined(&payment(), &[&[json!({ "amount": money() })]])[0];
        let parts = [states(&["Approved", "Declined"]), times("approvedAt"), times("declinedAt"), times("cancelledAt")];
        assert!(same::<Payment>(&statuses(charge, json!({ "cancel": true }), &parts)) > 4_000);
        assert!(same::<Payment>(&statuses(charge, json!({ "cancel": false }), &parts)) > 5_000);

        let terms = |amount: i64| json!({ "terms": { "amount": { "amount": amount }, "seller": "kim" } });
        let parts = [states(&["Placed", "Completed"]), times("endedAt"), vec![json!({}), terms(1_000), terms(2_000)]];
        assert!(same::<Order>(&statuses(&purchase(), json!({ "customer": "alice" }), &parts)) > 400);
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
            object(&spec, &status)
        };
        let placed = || json!({ "state": "Placed" });
        assert!(refused(&order("alice", placed()), &order("bob", placed())));
        assert!(refused(&order("alice", unseen()), &order("bob", unseen())));
        assert!(!refused(&order("alice", unseen()), &order("bob", placed())));
        assert!(!refused(&order("alice", placed()), &order("bob", json!({ "state": "Paid" }))));
    }

    /// Who writes a status without another state cannot help how the spec came to be.
    #[test]
    fn what_is_stored_already_is_no_change_that_a_rule_refuses() {
        let spec = combined(&delivery(), &[&[json!({ "ready": true, "received": true })]]);
        let stored = object(&spec[0], &unseen());
        let is_refused = |definition: CustomResourceDefinition| {
            let schema = definition.spec.versions[0].schema.clone().expect("a schema").open_api_v3_schema;
            let rules = kube_cel::compile_schema(&serde_json::to_value(schema).expect("JSON"));
            kube_cel::validate_compiled(&rules, &stored, Some(&stored)).is_err()
        };
        assert!(is_refused(Delivery::crd()), "each rule alone refuses what was received and never delivered");
        assert!(!is_refused(schema::finish(Delivery::crd())));
    }
}
