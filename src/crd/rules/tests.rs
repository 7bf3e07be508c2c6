//! What the arranged rules refuse, held against each rule as it was written, by kube's CEL.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::CustomResourceExt;
use kube_cel::CompiledSchema;
use serde_json::{Value, json};

use crate::crd::{Delivery, Notification, Order, Payment, Product, Ticket, Wallet, schema};

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

/// The rules of a definition. What `dyn` is good for, types, kube's CEL has none of, so it does not know it.
fn compiled(definition: CustomResourceDefinition) -> CompiledSchema {
    let schema = definition.spec.versions[0].schema.clone().expect("a schema").open_api_v3_schema;
    let text =
        serde_json::to_string(&schema).expect("JSON").replace("dyn(self)", "self").replace("dyn(oldSelf)", "oldSelf");
    kube_cel::compile_schema(&serde_json::from_str(&text).expect("JSON"))
}

/// Every change from one to another of these objects is allowed or refused as by the rules one by one, and the first
/// broken one says why. Gives how many are refused.
fn same<K: CustomResourceExt>(objects: &[Value]) -> usize {
    let (apart, combined) = (compiled(K::crd()), compiled(schema::finish(K::crd())));
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
    let rules = compiled(schema::finish(K::crd()));
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

/// Each field of an object that stays what it was says so by itself, and none comes or goes, not even in another one's place.
#[test]
fn an_object_stays_what_it_was_field_by_field() {
    let (wallet, card) = (json!({ "wallet": { "name": "alice", "uid": "2" } }), json!({ "provider": "card" }));
    let terms = |part: Value| {
        let agreed = json!({ "amount": money(), "seller": "kim", "confirmation": "Automatic",
            "items": [{ "product": "stew", "uid": "3", "quantity": 1, "price": 1_000 }] });
        object(
            &combined(&purchase(), &[&[json!({ "customer": "alice" })]])[0],
            &json!({ "state": "Placed", "terms": combined(&agreed, &[&[part]])[0] }),
        )
    };
    let other = json!({ "wallet": { "name": "alice", "uid": "4" } });
    let items = json!({ "items": [{ "product": "stew", "uid": "3", "quantity": 2, "price": 1_000 }] });
    let dearer = json!({ "amount": { "amount": 2_000, "currency": "KRW" } });
    let all: Vec<Value> = [
        wallet,
        card,
        other,
        json!({}),
        json!({ "points": 5 }),
        items,
        dearer,
        json!({ "deadlines": { "pay": "5m" } }),
    ]
    .into_iter()
    .map(terms)
    .collect();
    assert_eq!(same::<Order>(&all), all.len() * (all.len() - 1), "each of these changes is refused");

    let phone = |phone: &str| json!({ "deliverTo": combined(&address(), &[&[json!({ "phone": phone })]])[0] });
    let parts: &[&[Value]] = &[&[json!({ "deliverTo": address() }), phone("1"), phone("2")]];
    assert_eq!(same::<Delivery>(&objects(&delivery(), parts)), 6);

    let told = json!({ "order": order(), "topic": "Placed", "to": "Seller", "store": "shop", "subject": "kim",
        "customer": "alice", "amount": money() });
    let parts: &[&[Value]] = &[&[json!({}), json!({ "reason": "Closed" }), json!({ "message": "Closed" })]];
    assert_eq!(same::<Notification>(&objects(&told, parts)), 6);
}

/// An object that is made has no status yet: the API server takes it away before it looks at the rules.
#[test]
fn what_is_made_is_judged_without_a_status() {
    fn refused<K: CustomResourceExt>(spec: &Value) -> bool {
        let mut definition = schema::finish(K::crd());
        let root = definition.spec.versions[0].schema.as_mut().and_then(|schema| schema.open_api_v3_schema.as_mut());
        let fields = root.and_then(|root| root.properties.as_mut());
        fields.and_then(|fields| fields.get_mut("status")).expect("a status").default = None;
        let made = json!({ "metadata": { "name": "x" }, "spec": spec });
        kube_cel::validate_compiled(&compiled(definition), &made, None).is_err()
    }
    let (customer, amount) = (json!({ "customer": "alice" }), json!({ "amount": money() }));
    assert!(!refused::<Order>(&combined(&purchase(), &[&[customer]])[0]));
    assert!(!refused::<Payment>(&combined(&payment(), &[&[amount]])[0]));
    assert!(refused::<Payment>(&json!({ "order": order(), "method": "Provider", "amount": money() })));
    assert!(!refused::<Delivery>(&delivery()));
    assert!(refused::<Delivery>(&combined(&delivery(), &[&[json!({ "progress": "PickedUp" })]])[0]));
    assert!(!refused::<Ticket>(&json!({ "order": order(), "store": "shop", "acceptance": "Manual" })));
    assert!(refused::<Ticket>(&json!({ "acceptance": "Manual", "decision": "Reject" })));
    assert!(!refused::<Product>(&json!({ "store": "shop", "price": money(), "stock": 5 })));
    assert!(!refused::<Wallet>(&json!({ "owner": "alice", "deposited": money() })));
    assert!(!refused::<Notification>(&json!({ "order": order() })));
}

/// Who writes a status without another state cannot help how the spec came to be.
#[test]
fn what_is_stored_already_is_no_change_that_a_rule_refuses() {
    let spec = combined(&delivery(), &[&[json!({ "ready": true, "received": true })]]);
    let stored = object(&spec[0], &unseen());
    let is_refused = |definition: CustomResourceDefinition| {
        kube_cel::validate_compiled(&compiled(definition), &stored, Some(&stored)).is_err()
    };
    assert!(is_refused(Delivery::crd()), "each rule alone refuses what was received and never delivered");
    assert!(!is_refused(schema::finish(Delivery::crd())));
}
