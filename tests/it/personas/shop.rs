//! The objects that the cells are tried on, and a change of each field that the definition would take.

use serde_json::{Value, json};

/// What a field needs, beside the right to write such objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Needs {
    Verb(&'static str),
    /// Nothing more.
    Nothing,
    /// It cannot be changed.
    Never,
}

/// A field: its row in the table, the object on which it is tried, and the change.
#[derive(Clone, Debug)]
pub struct Field {
    pub row: &'static str,
    pub object: &'static str,
    pub patch: Value,
    pub needs: Needs,
}

impl Field {
    pub fn plural(&self) -> &'static str {
        self.row.split('.').next().expect("a kind")
    }
}

fn spec_of(plural: &str) -> Value {
    let order = json!({ "name": "cell", "uid": "1" });
    let money = json!({ "amount": 1_000, "currency": "KRW" });
    let address = json!({ "recipient": "alice", "address": "Teheran-ro 1", "zone": "gangnam" });
    let items = json!([{ "product": "cell", "quantity": 1 }]);
    let deadlines = json!({ "accept": "10m" });
    match plural {
        "stores" => json!({ "seller": "kim" }),
        "products" => json!({ "store": "cell", "price": money, "stock": 10 }),
        "wallets" => json!({ "owner": "alice", "deposited": money }),
        "orders" => json!({ "customer": "alice", "store": "cell", "items": items, "payment": { "wallet": "cell" },
            "deliverTo": address, "agreed": money }),
        "payments" => {
            json!({ "order": order, "method": "Provider", "provider": "card", "token": "tok_1", "amount": money,
            "items": [{ "product": "cell", "uid": "2", "quantity": 1 }] })
        }
        "tickets" => json!({ "order": order, "store": "cell", "customer": "alice", "items": items, "amount": money,
            "acceptance": "Manual", "deadlines": deadlines }),
        "deliveries" => json!({ "order": order, "deliverTo": address, "zone": "gangnam", "confirmation": "Customer",
            "deadlines": { "pickUp": "30m" } }),
        "notifications" => json!({ "order": order, "topic": "Placed", "to": "Customer", "store": "cell",
            "subject": "alice", "customer": "alice", "amount": money }),
        "orderviews" => json!({ "order": order, "customer": "alice", "store": "cell" }),
        "orderplatforms" => json!({}),
        other => panic!("no such kind: {other}"),
    }
}

/// An object of a kind, with these fields beside what every one has.
pub fn object(plural: &str, name: &str, more: Value) -> Value {
    let mut spec = spec_of(plural);
    let more = more.as_object().expect("fields").clone();
    spec.as_object_mut().expect("a spec").extend(more);
    let kind = match plural {
        "deliveries" => "Delivery".to_owned(),
        "orderviews" => "OrderView".to_owned(),
        "orderplatforms" => "OrderPlatform".to_owned(),
        plural => plural[..1].to_uppercase() + plural[1..].trim_end_matches('s'),
    };
    let mut object = json!({
        "apiVersion": "jumun.dev/v1alpha1", "kind": kind, "metadata": { "name": name }, "spec": spec,
    });
    if plural == "orderviews" {
        object["status"] = json!({ "order": "Pending", "cancelRequested": false });
    }
    object
}

/// Every object that there is: one of each kind, named `cell`, and those that a step needs to be possible.
pub fn objects(plurals: &[&'static str]) -> Vec<(&'static str, Value)> {
    let courier = json!({ "name": "park", "zone": "gangnam" });
    let mut all: Vec<(&str, Value)> =
        plurals.iter().map(|plural| (*plural, object(plural, "cell", json!({})))).collect();
    for (plural, name, more) in [
        ("payments", "cancelled", json!({ "cancel": true })),
        ("payments", "wallet", json!({ "method": "Wallet", "wallet": { "name": "cell", "uid": "3" } })),
        ("tickets", "accepted", json!({ "decision": "Accept" })),
        ("deliveries", "ready", json!({ "ready": true })),
        ("deliveries", "claimed", json!({ "ready": true, "courier": courier })),
        ("deliveries", "brought", json!({ "ready": true, "courier": courier, "progress": "Delivered" })),
    ] {
        all.push((plural, object(plural, name, more)));
    }
    for (_, object) in all.iter_mut().filter(|(_, object)| object["metadata"]["name"] == "wallet") {
        let spec = object["spec"].as_object_mut().expect("a spec");
        spec.remove("provider");
        spec.remove("token");
    }
    all
}

/// Every field of the tables, and its change.
pub fn fields() -> Vec<Field> {
    let mut all = Vec::new();
    let mut add = |row: &'static str, object: &'static str, needs: Needs, spec: Value| {
        let field = row.split('.').nth(1).expect("a field");
        let patch = match field {
            "let-go" => json!({ "metadata": { "annotations": { "jumun.dev/let-go": "1" } } }),
            "new-owner" => json!({ "metadata": { "ownerReferences": [
                { "apiVersion": "v1", "kind": "ConfigMap", "name": "gone", "uid": "11111111-1111-1111-1111-111111111111" },
            ] } }),
            "status" => json!({ "status": { "order": "Completed" } }),
            _ => json!({ "spec": spec }),
        };
        all.push(Field { row, object, patch, needs });
    };
    let (verb, never) = (Needs::Verb, Needs::Never);
    let (none, operate) = (json!({}), Needs::Verb("operate"));
    let order = json!({ "order": { "name": "other", "uid": "9" } });
    let amount = json!({ "amount": { "amount": 1 } });
    let items = json!({ "items": [{ "product": "cell", "uid": "2", "quantity": 2 }] });
    let plain = json!({ "items": [{ "product": "cell", "quantity": 2 }] });
    let to = json!({ "deliverTo": { "address": "Nowhere 1" } });
    let hold = |step: &str| json!({ "hold": { "cause": "Customer", "step": step } });

    add("orders.cancel", "cell", verb("cancel"), json!({ "cancel": { "reason": "ChangedMind" } }));
    add("orders.customer", "cell", never, json!({ "customer": "bob" }));
    add("orders.store", "cell", never, json!({ "store": "other" }));
    add("orders.items", "cell", never, plain.clone());
    add("orders.payment", "cell", never, json!({ "payment": { "wallet": "other" } }));
    add("orders.deliverTo", "cell", never, to.clone());
    add("orders.agreed", "cell", never, json!({ "agreed": { "amount": 1 } }));
    add("payments.refundedByHand", "cancelled", verb("refund"), json!({ "refundedByHand": true }));
    add("payments.cancel", "cell", operate, json!({ "cancel": true }));
    add("payments.order", "cell", never, order.clone());
    add("payments.amount", "cell", never, amount.clone());
    add("payments.points", "cell", never, json!({ "points": 5 }));
    add("payments.items", "cell", never, items);
    add("payments.method", "cell", never, json!({ "method": "Wallet" }));
    add("payments.wallet", "wallet", never, json!({ "wallet": { "uid": "4" } }));
    add("payments.provider", "cell", never, json!({ "provider": "other" }));
    add("payments.token", "cell", never, json!({ "token": "tok_2" }));
    add("tickets.decision", "cell", verb("decide"), json!({ "decision": "Accept" }));
    let reject = json!({ "decision": "Reject", "reject": { "reason": "Closed" } });
    add("tickets.reject", "cell", verb("decide"), reject);
    add("tickets.cooking", "accepted", verb("cook"), json!({ "cooking": "Started" }));
    add("tickets.hold", "cell", operate, hold("Decided"));
    add("tickets.order", "cell", never, order.clone());
    add("tickets.store", "cell", never, json!({ "store": "other" }));
    add("tickets.customer", "cell", never, json!({ "customer": "bob" }));
    add("tickets.items", "cell", never, plain);
    add("tickets.amount", "cell", never, amount.clone());
    add("tickets.acceptance", "cell", never, json!({ "acceptance": "Automatic" }));
    add("tickets.until", "cell", never, json!({ "until": "CookingStarts" }));
    add("tickets.deadlines", "cell", never, json!({ "deadlines": { "accept": "1h" } }));
    add("deliveries.courier", "ready", verb("claim"), json!({ "courier": { "name": "park", "zone": "gangnam" } }));
    add("deliveries.progress", "claimed", verb("deliver"), json!({ "progress": "PickedUp" }));
    add("deliveries.received", "brought", verb("receive"), json!({ "received": true }));
    add("deliveries.ready", "cell", operate, json!({ "ready": true }));
    add("deliveries.hold", "ready", operate, hold("PickedUp"));
    add("deliveries.order", "cell", never, order.clone());
    add("deliveries.deliverTo", "cell", never, to);
    add("deliveries.zone", "cell", never, json!({ "zone": "seocho" }));
    add("deliveries.confirmation", "cell", never, json!({ "confirmation": "Automatic" }));
    add("deliveries.deadlines", "cell", never, json!({ "deadlines": { "pickUp": "1h" } }));
    for (row, spec) in [
        ("notifications.reason", json!({ "reason": "Other" })),
        ("notifications.amount", amount),
        ("notifications.customer", json!({ "customer": "bob" })),
        ("notifications.end", json!({ "end": "Completed" })),
        ("notifications.message", json!({ "message": "other words" })),
        ("notifications.order", order.clone()),
        ("notifications.required", json!({ "required": true })),
        ("notifications.store", json!({ "store": "other" })),
        ("notifications.subject", json!({ "subject": "bob" })),
        ("notifications.to", json!({ "to": "Seller" })),
        ("notifications.topic", json!({ "topic": "Confirmed" })),
    ] {
        add(row, "cell", never, spec);
    }
    add("orderviews.customer", "cell", operate, json!({ "customer": "bob" }));
    add("orderviews.store", "cell", operate, json!({ "store": "other" }));
    add("orderviews.seller", "cell", operate, json!({ "seller": "lee" }));
    add("orderviews.amount", "cell", operate, json!({ "amount": { "amount": 1, "currency": "KRW" } }));
    add("orderviews.order", "cell", operate, order);
    add("orderviews.content", "cell", operate, json!({ "content": "0" }));
    add("orderviews.status", "cell", operate, none.clone());
    for (row, spec) in [
        ("stores.seller", json!({ "seller": "lee" })),
        ("stores.acceptance", json!({ "fulfilment": "Kitchen", "acceptance": "Manual" })),
        ("stores.cancellation", json!({ "fulfilment": "Kitchen", "cancellation": { "until": "CookingStarts" } })),
        ("stores.confirmation", json!({ "confirmation": "Customer" })),
        ("stores.deadlines", json!({ "deadlines": { "pay": "7m" } })),
        ("stores.fulfilment", json!({ "fulfilment": "Kitchen" })),
        ("stores.intake", json!({ "intake": "Hold" })),
        ("stores.maxOpenTickets", json!({ "maxOpenTickets": 5 })),
        ("stores.notify", json!({ "notify": { "url": "http://seller.example/hooks" } })),
        ("stores.zone", json!({ "zone": "seocho" })),
        ("products.price", json!({ "price": { "amount": 2 } })),
        ("products.stock", json!({ "stock": 20 })),
        ("products.points", json!({ "points": 5 })),
        ("products.store", json!({ "store": "other" })),
        ("products.title", json!({ "title": "Stew" })),
        ("wallets.deposited", json!({ "deposited": { "amount": 2_000 } })),
        ("wallets.points", json!({ "points": 5 })),
        ("orderplatforms.intake", json!({ "intake": { "state": "Paused" } })),
        ("orderplatforms.config", json!({ "config": { "LOG_LEVEL": "debug" } })),
        ("orderplatforms.egress", json!({ "egress": { "allowedHosts": ["*.example"] } })),
        ("orderplatforms.gateway", json!({ "gateway": { "className": "door" } })),
        ("orderplatforms.headroom", json!({ "headroom": { "pods": 1 } })),
        ("orderplatforms.image", json!({ "image": "registry.example/jumun:2" })),
        ("orderplatforms.notifications", json!({ "notifications": { "customers": { "url": "http://push.example" } } })),
        (
            "orderplatforms.payment",
            json!({ "payment": { "providers": [{ "name": "card", "url": "http://pay.example" }] } }),
        ),
        ("orderplatforms.probes", json!({ "probes": { "liveness": { "periodSeconds": 5 } } })),
        ("orderplatforms.retention", json!({ "retention": { "completed": "24h" } })),
        ("orderplatforms.workloads", json!({ "workloads": { "query": { "replicas": 2 } } })),
    ] {
        add(row, "cell", Needs::Nothing, spec);
    }
    add("wallets.owner", "cell", never, json!({ "owner": "bob" }));
    for row in [
        "orders.let-go",
        "payments.let-go",
        "tickets.let-go",
        "deliveries.let-go",
        "products.let-go",
        "wallets.let-go",
        "orderplatforms.let-go",
    ] {
        add(row, "cell", operate, none.clone());
    }
    for row in [
        "orders.new-owner",
        "tickets.new-owner",
        "deliveries.new-owner",
        "notifications.new-owner",
        "stores.new-owner",
        "wallets.new-owner",
    ] {
        add(row, "cell", verb("delete"), none.clone());
    }
    all
}
