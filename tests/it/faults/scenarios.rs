//! The scenarios. Each is a function of its name, and a line in the list in `mod.rs`.

use serde_json::json;

use super::scenario::{Act, Scenario, Seen};

pub fn a_warehouse_order() -> Scenario {
    Scenario::shop()
        .product("mug", 1_000, 10)
        .wallet(5_000)
        .order("order-1", &[("mug", 2)])
        .actor(courier)
        .ends("order-1", "Completed")
}

pub fn a_customer_confirms() -> Scenario {
    Scenario::shop_that_asks()
        .product("mug", 1_000, 10)
        .wallet(5_000)
        .order("order-1", &[("mug", 2)])
        .actor(courier)
        .actor(|seen| receives(seen, |order| seen.state(order) == "Delivered"))
        .ends("order-1", "Completed")
}

pub fn cancelled_before_it_is_seen() -> Scenario {
    Scenario::shop()
        .product("mug", 1_000, 10)
        .wallet(5_000)
        .order("order-1", &[("mug", 2)])
        .first(cancel("order-1"))
        .actor(courier)
        .ends("order-1", "Cancelled")
}

pub fn cancelled_while_delivering() -> Scenario {
    Scenario::shop()
        .product("mug", 1_000, 10)
        .wallet(5_000)
        .order("order-1", &[("mug", 2)])
        .actor(|seen| wishes(seen, seen.state("order-1") == "Delivering"))
        .ends("order-1", "Cancelled")
}

pub fn cancelled_when_picked_up() -> Scenario {
    Scenario::shop()
        .product("mug", 1_000, 10)
        .wallet(5_000)
        .order("order-1", &[("mug", 2)])
        .actor(|seen| if progress(seen) == "PickedUp" { Vec::new() } else { courier(seen) })
        .actor(|seen| wishes(seen, progress(seen) == "PickedUp" && seen.state("order-1") == "Delivering"))
        .ends("order-1", "Cancelled")
}

pub fn a_wish_after_delivery_is_refused() -> Scenario {
    Scenario::shop_that_asks()
        .product("mug", 1_000, 10)
        .wallet(5_000)
        .order("order-1", &[("mug", 2)])
        .actor(courier)
        .actor(|seen| wishes(seen, seen.state("order-1") == "Delivered"))
        .actor(|seen| {
            receives(seen, |order| seen.get("Order", order).is_some_and(|o| !o["status"]["cancelRefused"].is_null()))
        })
        .ends("order-1", "Completed")
}

pub fn a_declined_payment() -> Scenario {
    Scenario::shop()
        .product("mug", 1_000, 10)
        .wallet(1_999)
        .order("order-1", &[("mug", 2)])
        .actor(courier)
        .ends("order-1", "PaymentFailed")
}

pub fn out_of_stock() -> Scenario {
    Scenario::shop()
        .product("mug", 1_000, 1)
        .wallet(5_000)
        .order("order-1", &[("mug", 2)])
        .actor(courier)
        .ends("order-1", "OutOfStock")
}

pub fn one_of_two_products_is_short() -> Scenario {
    Scenario::shop()
        .product("mug", 1_000, 10)
        .product("poster", 500, 1)
        .wallet(9_000)
        .order("order-1", &[("mug", 2), ("poster", 3)])
        .actor(courier)
        .ends("order-1", "OutOfStock")
}

pub fn deleted_while_delivering() -> Scenario {
    Scenario::shop()
        .product("mug", 1_000, 10)
        .wallet(5_000)
        .order("order-1", &[("mug", 2)])
        .actor(|seen| {
            let now = seen.state("order-1") == "Delivering";
            if now { vec![Act::Delete("Order", "order-1".to_owned())] } else { Vec::new() }
        })
        .goes("order-1", "Cancelled")
}

/// Claims, picks up and delivers whatever can be delivered.
fn courier(seen: &Seen) -> Vec<Act> {
    let open = seen.of("Delivery").filter(|d| d["spec"]["hold"].is_null() && d["spec"]["ready"] == true);
    let step = |delivery: &serde_json::Value| {
        let spec = match delivery["spec"]["progress"].as_str() {
            None => json!({ "courier": { "name": "park", "zone": "gangnam" }, "progress": "PickedUp" }),
            Some("PickedUp") => json!({ "progress": "Delivered" }),
            Some(_) => return None,
        };
        Some(Act::Patch("Delivery", name(delivery), json!({ "spec": spec })))
    };
    open.filter_map(step).collect()
}

/// Confirms receipt of what was delivered, once the time has come for its order.
fn receives(seen: &Seen, when: impl Fn(&str) -> bool) -> Vec<Act> {
    let waits = seen.of("Delivery").filter(|d| d["spec"]["progress"] == "Delivered" && d["spec"]["received"].is_null());
    let due = waits.filter(|d| d["spec"]["order"]["name"].as_str().is_some_and(&when));
    due.map(|d| Act::Patch("Delivery", name(d), json!({ "spec": { "received": true } }))).collect()
}

/// Wishes to cancel the first order, when the time has come.
fn wishes(seen: &Seen, when: bool) -> Vec<Act> {
    let open = seen.get("Order", "order-1").is_some_and(|order| order["spec"]["cancel"].is_null());
    if when && open { vec![cancel("order-1")] } else { Vec::new() }
}

fn cancel(order: &str) -> Act {
    Act::Patch("Order", order.to_owned(), json!({ "spec": { "cancel": { "reason": "ChangedMind" } } }))
}

/// How far the courier of the first order is.
fn progress(seen: &Seen) -> &str {
    seen.child("Delivery", "order-1").and_then(|d| d["spec"]["progress"].as_str()).unwrap_or_default()
}

fn name(object: &serde_json::Value) -> String {
    object["metadata"]["name"].as_str().unwrap_or_default().to_owned()
}
