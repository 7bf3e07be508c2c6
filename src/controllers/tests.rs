//! What controllers make of what the caches hold, and whom a change enqueues.

use serde_json::{Value, json};

use super::*;
use crate::cluster::Key;
use crate::cluster::unreadable::Decoded;
use crate::crd::{Delivery, Notification, Order, OrderView, Payment, Store, Ticket, Wallet};
use crate::domain::child::OwnerState;
use crate::domain::notification::{Content, Draft};
use crate::domain::{Kind, OrderRef, Time, Version, platform};
use crate::world::mapping::Mapping;
use crate::world::{Cached, LiveReads, World};

fn now() -> Time {
    Time::from_millis(0)
}

/// An object of the namespace `default`, with its name for a UID.
pub(super) fn object<K: Cached>(name: &str, mut rest: Value) -> K {
    rest["metadata"] = json!({ "name": name, "namespace": "default", "uid": name, "resourceVersion": "1" });
    serde_json::from_value(rest).expect("an object")
}

pub(super) fn put<K: Cached>(world: &World, object: K) {
    K::cache(world).deliver(object, now());
}

/// An object that cannot be understood.
pub(super) fn garble(world: &World, kind: Kind, name: &str) {
    let object = json!({ "metadata": { "name": name, "namespace": "default", "uid": name }, "spec": "?" });
    let object: Decoded<Order> = serde_json::from_value(object).expect("metadata");
    world.server.unreadables.insert(kind, &key(name), object.content.expect_err("no order"), true);
}

pub(super) fn key(name: &str) -> Key {
    Key::new("default", name)
}

fn order(name: &str, payment: Value, status: Value) -> Order {
    let address = json!({ "recipient": "Alice", "address": "Teheran-ro 1", "zone": "gangnam" });
    let items = json!([{ "product": "stew", "quantity": 1 }]);
    let spec =
        json!({ "customer": "alice", "store": "shop", "items": items, "payment": payment, "deliverTo": address });
    object(name, json!({ "spec": spec, "status": status }))
}

fn row(status: Value) -> OrderView {
    let order = json!({ "name": "order-1", "uid": "order-1" });
    object("order-1", json!({ "spec": { "order": order, "customer": "alice", "store": "shop" }, "status": status }))
}

/// Whether the order had ended, as a child sees it once that is gone.
fn ended(world: &World, live: &LiveReads) -> Option<bool> {
    let order = OrderRef { name: "order-1".to_owned(), uid: "order-1".to_owned() };
    match world.owner_state(&key("child"), &order, live) {
        OwnerState::Gone(gone) => gone.ended,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_row_without_an_end_tells_only_where_it_was_read_for_this_very_decision() {
    let world = World::default();
    world.orders.bury("order-1", Version(9), now());
    let (unread, mut read) = (LiveReads::default(), LiveReads::default());
    read.note(Kind::OrderView, "order-1", Version(9), now());
    assert_eq!([ended(&world, &unread), ended(&world, &read)], [None, None], "there is no row");
    put(&world, row(json!({ "order": "Delivering" })));
    assert_eq!([ended(&world, &unread), ended(&world, &read)], [None, Some(false)], "it may be an old version of it");
    let replace = |status| {
        world.views.absent(&key("order-1"), Version(99), now());
        put(&world, row(status));
    };
    replace(json!({ "order": "Cancelled" }));
    assert_eq!([ended(&world, &unread), ended(&world, &read)], [Some(true); 2], "an end stays");
    let removed = json!([{ "what": "Removed", "at": "2026-11-21T00:00:00Z" }]);
    replace(json!({ "order": "Cancelled", "reason": "OrderRemoved", "timeline": removed }));
    assert_eq!([ended(&world, &unread), ended(&world, &read)], [None, Some(false)], "its children have ended it");
    replace(json!({ "order": "Cancelled", "reason": "OrderRemoved" }));
    assert_eq!(ended(&world, &unread), Some(true), "a customer may give that word for a reason");
    // The delete event knows it all the same.
    let gone = order("order-1", json!({ "wallet": "alice" }), json!({ "observedGeneration": 1 }));
    world.orders.delete(&gone, Some(false), now());
    assert_eq!(ended(&world, &unread), Some(false));
}

#[test]
fn a_payment_is_enqueued_when_the_store_is_stopped_in_either_way() {
    let ticket = |steps: Value| {
        let order = json!({ "name": "order-1", "uid": "order-1" });
        let mut spec = json!({
            "order": order, "store": "shop", "customer": "alice", "items": [], "acceptance": "Manual",
            "amount": { "amount": 1, "currency": "KRW" }, "cancellation": { "until": "Delivered" },
            "until": "Delivered", "deadlines": {},
        });
        for (field, value) in steps.as_object().expect("steps") {
            spec[field] = value.clone();
        }
        object::<Ticket>("ticket-1", json!({ "spec": spec }))
    };
    let enqueues = |steps| {
        let enqueued = Ticket::enqueues("ticket-1", Some(&ticket(json!({}))), Some(&ticket(steps)));
        enqueued.contains(&(Kind::Payment, "ticket-1".to_owned()))
    };
    assert!(enqueues(json!({ "hold": { "cause": "OrderGone" } })) && enqueues(json!({ "decision": "Reject" })));
    assert!(!enqueues(json!({ "decision": "Accept" })));
}

#[test]
fn a_platform_is_enqueued_when_an_order_by_card_ends() {
    let enqueues = |payment: Value| {
        let open = json!({ "observedGeneration": 1, "placedAt": "2026-11-21T00:00:00Z" });
        let mut over = open.clone();
        over["endedAt"] = json!("2026-11-21T00:01:00Z");
        let (old, new) = (order("order-1", payment.clone(), open), order("order-1", payment, over));
        let enqueued = Order::enqueues("order-1", Some(&old), Some(&new));
        enqueued.contains(&(Kind::OrderPlatform, platform::NAME.to_owned()))
    };
    assert!(enqueues(json!({ "method": "Provider", "provider": "card", "token": "t" })));
    assert!(!enqueues(json!({ "wallet": "alice" })));
}

#[test]
fn an_order_that_cannot_be_read_keeps_no_place_in_a_kitchen() {
    let world = World::default();
    put(
        &world,
        object::<Store>("shop", json!({ "spec": { "seller": "kim", "maxOpenTickets": 1, "fulfilment": "Kitchen" } })),
    );
    for name in ["a", "b"] {
        put(&world, order(name, json!({ "wallet": "alice" }), json!({ "observedGeneration": 1 })));
    }
    let full = || {
        let seen = world.orders.get(&key("b")).expect("an order");
        observed::platform(&world, &key("b"), &seen.object, &Default::default(), &LiveReads::default()).kitchen_full
    };
    assert!(full(), "the one before it comes first");
    garble(&world, Kind::Order, "a");
    assert!(!full());
}

#[test]
fn a_deleted_wallet_stays_while_a_payment_of_an_order_that_is_gone_may_be_given_back() {
    let world = World::default();
    let won = json!({ "amount": 1, "currency": "KRW" });
    let mut wallet: Wallet = object("alice", json!({ "spec": { "owner": "alice", "deposited": won } }));
    wallet.metadata.deletion_timestamp = serde_json::from_value(json!("2026-11-21T00:00:00Z")).expect("a time");
    put(&world, wallet);
    let version = std::cell::Cell::new(1);
    let payment = |status: Value| {
        version.set(version.get() + 1);
        let (order, wallet) =
            (json!({ "name": "order-1", "uid": "order-1" }), json!({ "name": "alice", "uid": "alice" }));
        let spec = json!({ "order": order, "method": "Wallet", "wallet": wallet, "amount": won });
        let mut payment: Payment = object("pay-1", json!({ "spec": spec, "status": status }));
        payment.metadata.resource_version = Some(version.get().to_string());
        put(&world, payment);
    };
    let referred =
        || wallet::Wallets::observe(&world, &key("alice"), &LiveReads::default()).expect("a wallet").asked.referred;
    assert!(!referred());
    let approved = json!({ "observedGeneration": 1, "approvedAt": "2026-11-21T00:00:00Z" });
    payment(approved.clone());
    assert!(referred(), "its order is not seen, which proves nothing");
    let gone = order("order-1", json!({ "wallet": "alice" }), json!({ "observedGeneration": 1 }));
    world.orders.delete(&gone, Some(false), now());
    assert!(referred(), "it goes back");
    let mut over = approved;
    over["cancelledAt"] = json!("2026-11-21T00:00:01Z");
    payment(over);
    assert!(!referred(), "it is back");
}

#[test]
fn an_order_is_explained_with_whatever_is_part_of_it_and_whatever_it_names() {
    let world = World::default();
    put(&world, order("order-1", json!({ "wallet": "alice" }), json!({ "observedGeneration": 1 })));
    let address = json!({ "recipient": "Alice", "address": "Teheran-ro 1", "zone": "gangnam" });
    let won = json!({ "amount": 1, "currency": "KRW" });
    for (uid, child) in [("order-1", "mine"), ("order-2", "another's")] {
        let order = json!({ "name": uid, "uid": uid });
        put(&world, object::<Payment>(child, json!({ "spec": { "order": order, "amount": won } })));
        let spec = json!({
            "order": order, "store": "shop", "customer": "alice", "items": [], "amount": won, "acceptance": "Manual",
            "until": "Delivered",
        });
        put(&world, object::<Ticket>(child, json!({ "spec": spec })));
        let spec = json!({ "order": order, "deliverTo": address, "zone": "gangnam", "confirmation": "Automatic" });
        put(&world, object::<Delivery>(child, json!({ "spec": spec })));
        let order = OrderRef { name: uid.to_owned(), uid: uid.to_owned() };
        let mut notice = Notification::from_draft(&Draft(Content { order, ..Content::sample(false) }));
        notice.metadata.name = Some(child.to_owned());
        notice.metadata.namespace = Some("default".to_owned());
        put(&world, notice);
    }
    let all = explain::explain(&world, "default", "order-1", now()).expect("an order");
    let names: Vec<&str> = all.iter().map(|one| one.name.as_str()).collect();
    assert_eq!(names, ["order-1", "mine", "mine", "mine", "mine", "order-1", "shop", "stew", "alice", "default"]);
    let mine: Vec<Kind> = all.iter().filter(|one| one.name == "mine").map(|one| one.kind).collect();
    assert_eq!(mine, [Kind::Payment, Kind::Ticket, Kind::Delivery, Kind::Notification]);
}

#[test]
fn an_orders_row_is_its_first_only_for_who_has_seen_the_order_come_and_missed_nothing_since() {
    let at = |seconds: i64| Time::from_millis(seconds * 1_000);
    let list = |world: &World, order: Option<Order>, now: Time| {
        world.orders.list_begins();
        world.views.list_begins();
        order.into_iter().for_each(|order| world.orders.list_item(order, now));
        world.orders.list_ends(now);
        world.views.list_ends(now);
    };
    let is_first =
        |world: &World| view::OrderViews::observe(world, &key("order-1"), &LiveReads::default()).unwrap().is_first;
    let order = || {
        let mut order = order("order-1", json!({ "wallet": "alice" }), Value::Null);
        order.metadata.generation = Some(1);
        order
    };

    let listed = World::default();
    list(&listed, Some(order()), at(10));
    assert!(!is_first(&listed), "it may have had one before this process began");

    let born = || {
        let world = World::default();
        list(&world, None, at(10));
        world.awake.looks(at(10), true);
        world.orders.deliver(order(), at(11));
        world.awake.looks(at(11), true);
        world
    };
    assert!(is_first(&born()));
    let changed = born();
    changed.awake.looks(at(12), true);
    let mut wished = order();
    (wished.metadata.generation, wished.metadata.resource_version) = (Some(2), Some("2".into()));
    changed.orders.deliver(wished, at(12));
    assert!(!is_first(&changed), "when it came is not known any more");
    let frozen = born();
    frozen.awake.looks(at(20), true);
    assert!(!is_first(&frozen), "another process may have shown it, and a person have removed what it showed");
    let others = born();
    others.awake.looks(at(12), false);
    assert!(!is_first(&others), "a process that is dead by now may have shown it");
    let listed_again = born();
    listed_again.views.list_begins();
    listed_again.views.list_ends(at(12));
    assert!(!is_first(&listed_again));
    let row = || {
        let mut row = row(json!({ "order": "Placed" }));
        row.metadata.uid = Some("uid-of-the-row".into());
        row
    };
    let unknown = born();
    unknown.views.delete(&row(), None, at(12));
    assert!(!is_first(&unknown), "a row that was never understood here was somebody's");
    let removed = born();
    for seconds in [12, 13] {
        removed.views.deliver(row(), at(seconds));
        removed.views.delete(&row(), None, at(seconds));
        let kept = removed.views.gone("order-1").expect("what the row was of").at;
        assert!(!is_first(&removed) && kept == at(seconds), "remembered from the last time on");
    }
}
