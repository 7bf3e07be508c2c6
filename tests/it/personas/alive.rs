//! Steps as people take them: refused with the verb that is missing, taken once it is granted, and a whole order's way.

use jumun::crd::{Delivery, Ticket};
use jumun::domain::order::State;
use kube::Api;
use serde_json::{Value, json};

use super::caller::{APPLY, Answer, Call, Caller, JSON_PATCH, MERGE, Who};
use super::shop::{fields, object};
use super::stand::{ALL, bind_all, grant, open, plain};
use crate::harness::{Scene, order, wait_for};

/// The example of docs/rights.md, whole.
fn example() -> String {
    let text = include_str!("../../../docs/rights.md");
    let blocks = text.split("```yaml\n").skip(1).map(|rest| rest.split("```").next().expect("its end"));
    blocks.filter(|block| block.contains("decide")).collect()
}

#[tokio::test]
async fn who_may_write_tickets_but_not_decide_is_told_the_verb_and_takes_the_step_once_it_is_granted() {
    let (scene, caller) = open("decide").await;
    let all = fields();
    let plain = plain(&scene, &caller, &all).await;
    let rules = json!([{ "apiGroups": ["jumun.dev"], "resources": ["tickets"], "verbs": ["get", "update", "patch"] }]);
    let who = Who { group: Some("night-shift"), ..caller.who("mallory") };
    grant(&scene, &who, "writes-tickets", rules).await;
    let (path, decision) = (caller.path("tickets", "cell"), json!({ "spec": { "decision": "Accept" } }));
    let tickets: Api<Ticket> = scene.api();
    let before = tickets.get("cell").await.expect("a ticket");
    let mut whole = serde_json::to_value(&before).expect("JSON");
    whole["spec"]["decision"] = json!("Accept");
    let applied = json!({
        "apiVersion": "jumun.dev/v1alpha1", "kind": "Ticket", "metadata": { "name": "cell" }, "spec": { "decision": "Accept" },
    });
    let added = json!([{ "op": "add", "path": "/spec/decision", "value": "Accept" }]);
    let ways = [
        Call::new("PUT", path.clone(), "application/json", whole),
        Call::new("PATCH", path.clone(), MERGE, decision.clone()),
        Call::new("PATCH", path.clone(), JSON_PATCH, added),
        Call::new("PATCH", path.clone() + "?fieldManager=mallory", APPLY, applied),
    ];
    for way in &ways {
        let said = wait_for("the right to write tickets", || async {
            match caller.ask(&who, way).await {
                Answer::NoRight => None,
                answer => Some(answer),
            }
        })
        .await;
        let Answer::NoVerb(said) = said else { panic!("{way:?}: {said:?}") };
        for part in
            ["spec.decision", "the verb decide on tickets.jumun.dev", &who.user, "verbs [decide]", "is forbidden"]
        {
            assert!(said.contains(part), "{part}: {said}");
        }
    }
    let after = tickets.get("cell").await.expect("a ticket");
    assert_eq!(after.metadata.resource_version, before.metadata.resource_version);
    assert!(after.spec.decision.is_none());

    // The right to decide on one ticket is that, and not the right to decide on another.
    let one = json!([{ "apiGroups": ["jumun.dev"], "resources": ["tickets"], "resourceNames": ["cell"], "verbs": ["decide"] }]);
    grant(&scene, &plain, "decides-on-one", one).await;
    let on = |name: &str| Call::new("PATCH", caller.path("tickets", name) + ALL, MERGE, decision.clone());
    let cell = on("cell");
    wait_for("the right to one", || async { (caller.ask(&plain, &cell).await == Answer::Done).then_some(()) }).await;
    caller.make("tickets", &object("tickets", "other", json!({}))).await;
    assert!(matches!(caller.ask(&plain, &on("other")).await, Answer::NoVerb(_)));

    let file = format!("{}/{}.yaml", env!("CARGO_TARGET_TMPDIR"), scene.namespace);
    std::fs::write(&file, example()).expect("written");
    let (done, said) = scene.kubectl(&["apply", "-f", &file]);
    assert!(done, "{said}");
    wait_for("the step to be taken", || async { (caller.ask(&who, &ways[1]).await == Answer::Done).then_some(()) })
        .await;
    assert!(tickets.get("cell").await.expect("a ticket").spec.decision.is_some());
    assert_eq!(caller.ask(&who, &on("other")).await, Answer::Done, "on every ticket");
    let alone = Who { group: None, ..who };
    assert!(matches!(caller.ask(&alone, &on("other")).await, Answer::NoVerb(_)), "the right is the group's");
}

/// Takes a step in a persona's name as soon as it is possible.
async fn step(caller: &Caller, persona: &str, plural: &str, name: &str, spec: Value) {
    let call = Call::new("PATCH", caller.path(plural, name), MERGE, json!({ "spec": spec }));
    wait_for(&format!("{persona} to write {plural} {name}"), || async {
        (caller.ask(&caller.who(persona), &call).await == Answer::Done).then_some(())
    })
    .await;
}

async fn make(caller: &Caller, persona: &str, plural: &str, object: Value) {
    let call = Call::new("POST", caller.path(plural, ""), "application/json", object);
    wait_for(&format!("{persona} to make {plural}"), || async {
        (caller.ask(&caller.who(persona), &call).await == Answer::Done).then_some(())
    })
    .await;
}

#[tokio::test]
async fn an_order_goes_its_whole_way_by_personas_and_controllers_with_their_own_rights_alone() {
    let scene = Scene::new("personas-at-work", 1).await;
    let caller = Caller { client: scene.client.clone(), namespace: scene.namespace.clone() };
    bind_all(&scene, &caller).await;
    let object = |kind: &str, name: &str, spec: Value| json!({ "apiVersion": "jumun.dev/v1alpha1", "kind": kind, "metadata": { "name": name }, "spec": spec });
    let (won, many) = (json!({ "amount": 1_000, "currency": "KRW" }), json!({ "amount": 50_000, "currency": "KRW" }));
    let terms = json!({ "seller": "kim", "fulfilment": "Kitchen", "acceptance": "Manual", "confirmation": "Customer" });
    make(&caller, "platform", "orderplatforms", object("OrderPlatform", "default", json!({}))).await;
    make(&caller, "seller", "stores", object("Store", "shop", terms)).await;
    make(
        &caller,
        "seller",
        "products",
        object("Product", "stew", json!({ "store": "shop", "price": won, "stock": 10 })),
    )
    .await;
    make(&caller, "office", "wallets", object("Wallet", "alice", json!({ "owner": "alice", "deposited": many }))).await;
    for name in ["order-1", "order-2", "order-3"] {
        make(&caller, "customer", "orders", order(name, "alice", "stew", 1)).await;
    }
    let wish = json!({ "cancel": { "reason": "ChangedMind" } });
    step(&caller, "customer", "orders", "order-2", wish.clone()).await;
    step(&caller, "support", "orders", "order-3", wish).await;
    let ticket = scene.ticket_of("order-1").await.metadata.name.expect("a name");
    step(&caller, "seller", "tickets", &ticket, json!({ "decision": "Accept" })).await;
    step(&caller, "kitchen", "tickets", &ticket, json!({ "cooking": "Started" })).await;
    step(&caller, "kitchen", "tickets", &ticket, json!({ "cooking": "Finished" })).await;
    let delivery: Delivery = scene.delivery_of("order-1").await;
    let name = delivery.metadata.name.expect("a name");
    step(&caller, "courier", "deliveries", &name, json!({ "courier": { "name": "park", "zone": "gangnam" } })).await;
    step(&caller, "courier", "deliveries", &name, json!({ "progress": "PickedUp" })).await;
    step(&caller, "courier", "deliveries", &name, json!({ "progress": "Delivered" })).await;
    step(&caller, "customer", "deliveries", &name, json!({ "received": true })).await;
    scene.row("order-1", State::Completed).await;
    for name in ["order-2", "order-3"] {
        scene.row(name, State::Cancelled).await;
    }
    assert_eq!(scene.money("alice").await, (49_000, 1_000));
    assert_eq!(scene.settled_stock("stew").await, (9, 1));
    scene.finish().await;
}
