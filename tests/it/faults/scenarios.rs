//! The scenarios. Each is a function of its name, and a line in the list in `mod.rs`.

use jumun::http::fake_provider::{CallKind, Faults, Switch};
use serde_json::json;

use super::scenario::{Act, Outside, Scenario, Seen};

pub fn a_warehouse_order() -> Scenario {
    Scenario::shop()
        .product("mug", 1_000, 10)
        .wallet(5_000)
        .order("order-1", &[("mug", 2)])
        .actor(courier)
        .ends("order-1", "Completed")
}

/// The ledgers were restored from a cluster whose versions were far ahead.
pub fn ledgers_with_marks_of_another_history() -> Scenario {
    let marked = |kind, name: &str| Act::Restore(kind, name.to_owned(), json!({ "settledThrough": "99999999999" }));
    Scenario::shop()
        .product("mug", 1_000, 10)
        .wallet(5_000)
        .first(marked("Product", "mug"))
        .first(marked("Wallet", "alice"))
        .order("order-1", &[("mug", 2)])
        .actor(courier)
        .ends("order-1", "Completed")
}

/// A cart that is applied in the wrong order: what is missing comes once the order waits for it, one thing after another.
pub fn an_order_before_what_it_refers_to() -> Scenario {
    Scenario::default()
        .order("order-1", &[("mug", 2)])
        .actor(|seen| {
            let row = seen.get("OrderView", "order-1");
            let acts = Scenario::shop().product("mug", 1_000, 10).wallet(5_000).set_up;
            let missing = acts.into_iter().find(|act| match act {
                Act::Create(object) => {
                    let (kind, name) = (object["kind"].as_str(), object["metadata"]["name"].as_str());
                    !seen.all().any(|(known, o)| Some(known) == kind && o["metadata"]["name"].as_str() == name)
                }
                _ => false,
            });
            row.and(missing).into_iter().collect()
        })
        .actor(courier)
        .ends("order-1", "Completed")
}

/// Paid by card, on its way to the courier: nothing of it is left, the provider's money neither.
pub fn a_deleted_namespace() -> Scenario {
    Scenario::shop()
        .product("mug", 1_000, 10)
        .platform(Outside { provider: Some(Faults::default()), endpoint: None })
        .by_card("order-1", "mug", 2)
        .actor(|seen| {
            let deleted = seen.get("Order", "order-1").is_none_or(|o| !o["metadata"]["deletionTimestamp"].is_null());
            let now = seen.state("order-1") == "Delivering" && !deleted;
            if now { vec![Act::DeleteNamespace] } else { Vec::new() }
        })
        .vanishes()
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

/// S1: paid by card, cooked, delivered.
pub fn a_kitchen_order_by_card() -> Scenario {
    Scenario::kitchen(json!({}))
        .product("stew", 1_000, 10)
        .platform(Outside { provider: Some(Faults::default()), endpoint: None })
        .by_card("order-1", "stew", 2)
        .actor(store)
        .actor(courier)
        .ends("order-1", "Completed")
}

/// S2: the customer confirms.
pub fn a_kitchen_order_that_is_confirmed() -> Scenario {
    Scenario::kitchen(json!({ "confirmation": "Customer", "cancellation": { "until": "CookingStarts" } }))
        .product("stew", 1_000, 10)
        .wallet(5_000)
        .order("order-1", &[("stew", 2)])
        .actor(store)
        .actor(courier)
        .actor(|seen| receives(seen, |_| true))
        .ends("order-1", "Completed")
}

pub fn rejected_by_the_store() -> Scenario {
    Scenario::kitchen(json!({}))
        .product("stew", 1_000, 10)
        .wallet(5_000)
        .order("order-1", &[("stew", 2)])
        .actor(|seen| {
            let reject = json!({ "spec": { "decision": "Reject", "reject": { "reason": "SoldOut" } } });
            let open = seen.of("Ticket").filter(|t| t["spec"]["decision"].is_null() && t["spec"]["hold"].is_null());
            open.map(|ticket| Act::Patch("Ticket", name(ticket), reject.clone())).collect()
        })
        .ends("order-1", "Rejected")
}

pub fn cancelled_before_it_is_cooked() -> Scenario {
    Scenario::kitchen(json!({ "cancellation": { "until": "CookingStarts" } }))
        .product("stew", 1_000, 10)
        .wallet(5_000)
        .order("order-1", &[("stew", 2)])
        .actor(|seen| {
            let open = seen.of("Ticket").filter(|t| t["spec"]["decision"].is_null() && t["spec"]["hold"].is_null());
            let accept = json!({ "spec": { "decision": "Accept" } });
            open.map(|ticket| Act::Patch("Ticket", name(ticket), accept.clone())).collect()
        })
        .actor(|seen| wishes(seen, seen.child("Delivery", "order-1").is_some()))
        .ends("order-1", "Cancelled")
}

pub fn a_store_that_decides_too_late() -> Scenario {
    Scenario::kitchen(json!({ "deadlines": { "accept": "2s" } }))
        .product("stew", 1_000, 10)
        .wallet(5_000)
        .order("order-1", &[("stew", 2)])
        .ends("order-1", "Expired")
}

/// S4: nothing is undone before the seller's endpoint, which fails at first, has taken the notice.
pub fn cancelled_once_the_seller_knows() -> Scenario {
    let spec =
        json!({ "seller": "kim", "notify": { "url": "{endpoint}" }, "cancellation": { "sellerNotice": "Required" } });
    Scenario::default()
        .object("Store", "shop", spec)
        .product("kit", 1_000, 10)
        .platform(Outside { provider: Some(Faults::default()), endpoint: Some(2) })
        .by_card("order-1", "kit", 2)
        .actor(|seen| wishes(seen, seen.state("order-1") == "Delivering"))
        .ends("order-1", "Cancelled")
}

pub fn a_charge_whose_reply_is_lost() -> Scenario {
    let lost = Switch::times(1).on(&[CallKind::Charge]);
    Scenario::shop()
        .product("mug", 1_000, 10)
        .platform(Outside { provider: Some(Faults { lost_reply: Some(lost), ..Faults::default() }), endpoint: None })
        .by_card("order-1", "mug", 2)
        .actor(courier)
        .ends("order-1", "Completed")
}

/// Accepts, cooks and finishes whatever is offered; finishes once there is a delivery, so that each run makes it ready by
/// a step of its own.
fn store(seen: &Seen) -> Vec<Act> {
    let open = seen.of("Ticket").filter(|ticket| ticket["spec"]["hold"].is_null());
    let step = |ticket: &serde_json::Value| {
        let spec = match ticket["spec"]["cooking"].as_str() {
            None => json!({ "decision": "Accept", "cooking": "Started" }),
            Some("Started") if seen.child("Delivery", order_of(ticket)).is_some() => json!({ "cooking": "Finished" }),
            Some(_) => return None,
        };
        Some(Act::Patch("Ticket", name(ticket), json!({ "spec": spec })))
    };
    open.filter_map(step).collect()
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

fn order_of(child: &serde_json::Value) -> &str {
    child["spec"]["order"]["name"].as_str().unwrap_or_default()
}

/// How far the courier of the first order is.
fn progress(seen: &Seen) -> &str {
    seen.child("Delivery", "order-1").and_then(|d| d["spec"]["progress"].as_str()).unwrap_or_default()
}

fn name(object: &serde_json::Value) -> String {
    object["metadata"]["name"].as_str().unwrap_or_default().to_owned()
}
