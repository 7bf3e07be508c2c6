//! What an order under way costs in memory: the caches of 10,000 of them, as a process holds them.

use jumun::cluster::transform;
use jumun::crd::{Delivery, Order, OrderView, Payment};
use jumun::domain::{Time, ids};
use jumun::world::{Cached, World};
use serde_json::{Value, json};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const ORDERS: usize = 10_000;
/// The standing target, in bytes.
const GOAL: usize = 6_500;

fn resident() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux");
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).expect("VmRSS");
    line.split_whitespace().nth(1).and_then(|kib| kib.parse::<usize>().ok()).expect("a number") * 1_024
}

/// Takes an object as the watch does: from JSON text, without what no decision looks at.
fn deliver<K: Cached>(world: &World, mut object: Value, name: &str, uid: &str, version: usize) {
    object["metadata"] = json!({
        "name": name, "namespace": "bench-live", "uid": uid, "resourceVersion": (1_000_000 + version).to_string(),
        "generation": 1, "creationTimestamp": "2026-11-21T07:10:00Z", "finalizers": [ids::FINALIZER],
        "labels": { ids::ORDER_LABEL: name },
        "managedFields": [{ "manager": "jumun", "operation": "Update", "fieldsV1": { "f:spec": { "f:order": {} } } }],
    });
    let mut object: K = serde_json::from_str(&object.to_string()).expect("well-formed");
    transform(&mut object);
    assert!(K::cache(world).deliver(object, Time::from_millis(0)).is_some());
}

fn fill(world: &World, from: usize, to: usize) {
    let at = "2026-11-21T07:10:00.123Z";
    let won = json!({ "amount": 1_000, "currency": "KRW" });
    let condition = |kind: &str, status: &str, message: &str| {
        json!({
            "type": kind, "status": status, "reason": "WaitingForCourier", "lastTransitionTime": at, "observedGeneration": 1,
            "message": message,
        })
    };
    for number in from..to {
        let uid = |role: usize| format!("d1f0f2f4-{role:04}-4000-8000-{number:012}");
        let (name, customer, product) =
            (format!("order-{number}"), format!("customer-{}", number % 50), format!("product-{}", number % 50));
        let (child, order) = (ids::child_name(&name, &uid(0)), json!({ "name": name, "uid": uid(0) }));
        let wallet = json!({ "name": customer, "uid": format!("d1f0f2f4-0007-4000-8000-{:012}", number % 50) });
        let address = json!({ "recipient": "Alice", "address": "Teheran-ro 1", "zone": "gangnam" });
        let line = json!({ "product": product, "uid": format!("d1f0f2f4-0008-4000-8000-{:012}", number % 50), "quantity": 1, "price": 1_000 });
        let terms =
            json!({ "amount": won, "items": [line], "wallet": wallet, "seller": "kim", "confirmation": "Automatic" });
        let waits = format!("Delivery {child} waits for a courier to set progress: PickedUp.");
        let waiting = json!([condition("Succeeded", "Unknown", ""), condition("Reconciling", "True", &waits)]);
        deliver::<Order>(
            world,
            json!({
                "spec": {
                    "customer": customer, "store": "shop", "items": [{ "product": product, "quantity": 1 }],
                    "payment": { "method": "Wallet", "wallet": customer }, "deliverTo": address,
                },
                "status": {
                    "observedGeneration": 1, "state": "Delivering", "placedAt": at, "paidAt": at, "terms": terms,
                    "payment": { "name": child, "uid": uid(1) }, "conditions": waiting,
                },
            }),
            &name,
            &uid(0),
            number,
        );
        deliver::<Payment>(
            world,
            json!({
                "spec": { "order": order, "method": "Wallet", "wallet": wallet, "amount": won },
                "status": { "observedGeneration": 1, "state": "Approved", "approvedAt": at, "conditions": [condition("Succeeded", "True", "")] },
            }),
            &child,
            &uid(1),
            number,
        );
        deliver::<Delivery>(
            world,
            json!({
                "spec": { "order": order, "deliverTo": address, "zone": "gangnam", "confirmation": "Automatic", "ready": true },
                "status": { "observedGeneration": -1 },
            }),
            &child,
            &uid(2),
            number,
        );
        deliver::<OrderView>(
            world,
            json!({
                "spec": { "order": order, "customer": customer, "store": "shop", "seller": "kim", "amount": won },
                "status": {
                    "order": "Delivering", "payment": "Approved", "delivery": "Ready", "cancelRequested": false,
                    "waitingFor": "WaitingForCourier", "timeline": [{ "what": "Placed", "at": at }, { "what": "Paid", "at": at }],
                },
            }),
            &name,
            &uid(3),
            number,
        );
    }
}

#[test]
fn a_live_order_costs_little_memory() {
    let world = World::default();
    fill(&world, 0, 500);
    let before = resident();
    fill(&world, 500, 500 + ORDERS);
    let each = (resident() - before) / ORDERS;
    println!("{each} bytes for each live order");
    assert!(each <= GOAL, "{each} bytes for each live order, the goal is {GOAL}");
}
