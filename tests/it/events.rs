//! The messages that are really sent, against the schema and the tables of docs/events.md.

use std::collections::BTreeSet;

use jumun::crd::Delivery;
use jumun::domain::order::State;
use serde_json::{Value, json};

use crate::harness::{Scene, wait_for};
use crate::outside::{Endpoint, platform};

const CONTRACT: &str = include_str!("../../docs/events.md");

/// The schema as it stands in the document.
fn schema() -> Value {
    let text = CONTRACT.split("```json\n").nth(1).and_then(|rest| rest.split("```").next()).expect("a schema");
    serde_json::from_str(text).expect("JSON")
}

/// The types that the document lists, and to whom they go.
fn listed() -> BTreeSet<(String, String)> {
    let rows = CONTRACT.lines().filter_map(|line| line.strip_prefix("| `dev.jumun.order."));
    let pairs = rows.flat_map(|row| {
        let mut cells = row.split('|');
        let type_ = cells.next().expect("a type").trim().trim_end_matches('`').to_owned();
        let to = cells.next().expect("an audience").trim().to_owned();
        to.split(", ").map(|to| (type_.clone(), to.to_owned())).collect::<Vec<_>>()
    });
    pairs.collect()
}

/// Every way in which a value breaks a schema; of the keywords, those that the document uses.
fn breaks(schema: &Value, value: &Value, at: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    for (keyword, wanted) in schema.as_object().expect("a schema") {
        let fits = match keyword.as_str() {
            "$schema" | "required" | "properties" | "additionalProperties" => true,
            "const" => value == wanted,
            "enum" => wanted.as_array().expect("values").contains(value),
            "minLength" => value.as_str().map(|text| text.chars().count() as u64) >= wanted.as_u64(),
            "pattern" => {
                let pattern = regex::Regex::new(wanted.as_str().expect("a pattern")).expect("a pattern");
                value.as_str().is_some_and(|text| pattern.is_match(text))
            }
            "type" => {
                let is = |type_: &Value| match type_.as_str().expect("a type") {
                    "object" => value.is_object(),
                    "string" => value.is_string(),
                    "integer" => value.is_i64(),
                    "null" => value.is_null(),
                    other => panic!("{other}"),
                };
                wanted.as_array().map_or_else(|| is(wanted), |types| types.iter().any(is))
            }
            other => panic!("the test does not know the keyword {other}"),
        };
        if !fits {
            wrong.push(format!("{at} is {value}, {keyword} is {wanted}"));
        }
    }
    let Some(fields) = value.as_object() else { return wrong };
    let known = schema["properties"].as_object().expect("properties");
    for name in schema["required"].as_array().expect("required").iter().filter_map(Value::as_str) {
        if !fields.contains_key(name) {
            wrong.push(format!("{at} has no {name}"));
        }
    }
    for (name, field) in fields {
        match known.get(name) {
            Some(inner) => wrong.extend(breaks(inner, field, &format!("{at}.{name}"))),
            None => wrong.push(format!("{at} has {name}, which the document does not know")),
        }
    }
    wrong
}

/// What is no message of ours, made of one that is.
fn spoilt(event: &Value) -> Vec<Value> {
    let mut all = Vec::new();
    for at in ["", "/data", "/data/order"] {
        let fields = event.pointer(at).and_then(Value::as_object).expect("an object");
        for name in fields.keys() {
            for wrong in [json!(["a", "list"]), json!(1.5)] {
                let mut other = event.clone();
                other.pointer_mut(at).expect("an object")[name] = wrong;
                all.push(other);
            }
        }
        let mut other = event.clone();
        other.pointer_mut(at).expect("an object")["more"] = json!(1);
        all.push(other);
    }
    for (at, wrong) in [("/specversion", "0.3"), ("/type", "dev.jumun.order."), ("/data/topic", "Lost"), ("/id", "")] {
        let mut other = event.clone();
        *other.pointer_mut(at).expect("a field") = json!(wrong);
        all.push(other);
    }
    for name in ["id", "source", "type", "subject", "data"] {
        let mut other = event.clone();
        other.as_object_mut().expect("an object").remove(name);
        all.push(other);
    }
    all
}

#[tokio::test]
async fn every_message_is_as_docs_events_says() {
    let (push, seller) = (Endpoint::start().await, Endpoint::start().await);
    let scene = Scene::new("events", 1).await;
    platform(&scene, None, Some(&push), json!({})).await;
    let store = json!({ "seller": "kim", "confirmation": "Customer", "notify": { "url": seller.url() } });
    scene.store("shop", store).await;
    scene
        .store("kitchen", json!({ "seller": "kim", "fulfilment": "Kitchen", "acceptance": "Manual", "notify": { "url": seller.url() } }))
        .await;
    scene.product("mug", 1_000, 100).await;
    let stew = json!({ "store": "kitchen", "price": { "amount": 900, "currency": "KRW" }, "stock": 9 });
    scene.create::<jumun::crd::Product>(json!({ "metadata": { "name": "stew" }, "spec": stew })).await;
    scene.wallet("alice", 50_000).await;

    // One that comes to its end, and whose wish comes too late.
    scene.order("done", "alice", "mug", 1).await;
    let delivery = scene.delivery_of("done").await.metadata.name.expect("a name");
    push.told("delivery-ready").await;
    assert!(scene.deliver(&delivery).await);
    let wish = json!({ "spec": { "cancel": { "reason": "ChangedMind", "message": "Sorry." } } });
    scene.patch::<jumun::crd::Order>("done", wish.clone()).await.expect("a wish");
    seller.told("cancel-refused").await;
    scene.patch::<Delivery>(&delivery, json!({ "spec": { "received": true } })).await.expect("received");
    scene.row("done", State::Completed).await;
    // One with a delivery, and one without, that are cancelled.
    scene.order("back", "alice", "mug", 1).await;
    scene.delivery_of("back").await;
    scene.patch::<jumun::crd::Order>("back", wish.clone()).await.expect("a wish");
    let mut offered = crate::harness::order("never", "alice", "stew", 1);
    offered["spec"]["store"] = json!("kitchen");
    scene.create::<jumun::crd::Order>(offered).await;
    // Before that no seller would hear of it.
    scene.row("never", State::Paid).await;
    scene.patch::<jumun::crd::Order>("never", wish).await.expect("a wish");
    for order in ["back", "never"] {
        scene.row(order, State::Cancelled).await;
    }

    let sent = || {
        let of = |endpoint: &Endpoint, to: &'static str| {
            endpoint.taken().into_iter().map(move |(type_, _)| (type_, to.to_owned())).collect::<Vec<_>>()
        };
        of(&push, "customer").into_iter().chain(of(&seller, "seller")).collect::<BTreeSet<_>>()
    };
    let lacks = || listed().symmetric_difference(&sent()).cloned().collect::<Vec<_>>();
    let last = std::cell::RefCell::new(Vec::new());
    wait_for("every type that is listed, and no other", || async {
        if last.replace(lacks()) != lacks() {
            println!("lacks, or has too much: {:?}", lacks());
        }
        lacks().is_empty().then_some(())
    })
    .await;
    let schema = schema();
    for (endpoint, who, to) in [(&push, "alice", "Customer"), (&seller, "kim", "Seller")] {
        for event in endpoint.events() {
            let wrong = breaks(&schema, &event, "the event");
            assert!(wrong.is_empty(), "{event}: {wrong:?}");
            for spoilt in spoilt(&event) {
                assert!(!breaks(&schema, &spoilt, "the event").is_empty(), "the schema allows {spoilt}");
            }
            let (data, order) = (&event["data"], &event["data"]["order"]);
            assert_eq!((&event["subject"], &data["to"]), (&json!(who), &json!(to)));
            let source = format!("/namespaces/{}/orders/{}", scene.namespace, order["name"].as_str().expect("a name"));
            assert_eq!(event["source"], json!(source));
            let id = event["id"].as_str().expect("an id");
            assert!(id.starts_with(order["uid"].as_str().expect("a UID")), "{id}");
            let topic = data["topic"].as_str().expect("a topic");
            let slug = event["type"].as_str().expect("a type").replace("dev.jumun.order.", "").replace('-', "");
            assert_eq!(slug, topic.to_lowercase());
            let ends = matches!(topic, "DeliveryCancelled" | "Undone");
            assert_eq!(data["end"], if ends { json!("Cancelled") } else { Value::Null }, "{event}");
            let undoes = ends || topic.starts_with("Cancel");
            assert_eq!(data["reason"], if undoes { json!("ChangedMind") } else { Value::Null }, "{event}");
            let message = if undoes && to == "Seller" { json!("Sorry.") } else { Value::Null };
            assert_eq!(data["message"], message, "{event}");
        }
        assert!(endpoint.content_types().iter().all(|type_| type_ == "application/cloudevents+json"));
    }
    for product in ["mug", "stew"] {
        scene.settled_stock(product).await;
    }
    scene.finish().await;
}
