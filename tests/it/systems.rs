//! The five systems that this product unites, each set up with nothing but its resources and run end to end.

use jumun::crd::{Delivery, Notification, Order, Payment, Ticket};
use jumun::domain::order::State;
use jumun::domain::{delivery, payment, ticket};
use serde_json::{Value, json};

use crate::harness::{Scene, wait_for};
use crate::outside::{Card, Endpoint, by_card, platform};

/// What the timeline of a row says happened, in order.
async fn timeline(scene: &Scene, order: &str) -> Vec<String> {
    let row: jumun::crd::OrderView = scene.api().get(order).await.expect("a row");
    row.status.expect("a status").timeline.into_iter().map(|moment| moment.what).collect()
}

fn comes_before(timeline: &[String], first: &str, then: &str) {
    let at = |what: &str| timeline.iter().position(|moment| moment == what).unwrap_or_else(|| panic!("{timeline:?}"));
    assert!(at(first) < at(then), "{first} before {then}: {timeline:?}");
}

/// S0: orders, payments and deliveries, with a view of the details of an order.
#[tokio::test]
async fn s0_every_step_changes_the_row_and_a_cancel_undoes_payment_then_delivery() {
    let mut scene = Scene::new("s0", 1).await;
    scene.shop().await;
    scene.product("mug", 1_000, 10).await;
    scene.wallet("alice", 9_000).await;

    // Paid orders start a delivery; each step shows in the one row.
    scene.order("order-1", "alice", "mug", 2).await;
    let row = scene.row("order-1", State::Delivering).await;
    assert_eq!(row.spec.amount.as_ref().map(|amount| amount.amount), Some(2_000));
    let status = row.status.unwrap();
    assert_eq!((status.payment, status.delivery), (Some(payment::State::Approved), Some(delivery::State::Ready)));

    // A cancel cancels the payment, then the delivery; the order follows.
    scene.cancel("order-1").await;
    let status = scene.row("order-1", State::Cancelled).await.status.unwrap();
    assert_eq!((status.payment, status.delivery), (Some(payment::State::Cancelled), Some(delivery::State::Cancelled)));
    assert!(status.cancel_requested);
    let timeline = timeline(&scene, "order-1").await;
    for (first, then) in [("Placed", "Paid"), ("Paid", "Refunded"), ("Refunded", "DeliveryCancelled")] {
        comes_before(&timeline, first, then);
    }
    assert_eq!(timeline.last().map(String::as_str), Some("Cancelled"));

    // The row is apart from its sources, and readable while everything is down.
    scene.order("order-2", "alice", "mug", 1).await;
    let delivery = scene.delivery_of("order-2").await.metadata.name.unwrap();
    assert!(scene.deliver(&delivery).await);
    scene.row("order-2", State::Completed).await;
    scene.quiet_for(std::time::Duration::from_millis(2_500)).await;
    scene.kill_operator(0);
    let (ok, table) = scene.kubectl(&["get", "orderviews"]);
    assert!(ok && table.contains("Completed") && table.contains("Cancelled"), "{table}");
    scene.finish().await;
}

pub fn kitchen(until: &str, confirmation: &str) -> Value {
    json!({ "seller": "kim", "fulfilment": "Kitchen", "acceptance": "Manual", "confirmation": confirmation,
            "cancellation": { "until": until } })
}

/// S1: food; the store accepts or rejects; the payment is a call to a provider.
#[tokio::test]
async fn s1_the_store_accepts_or_rejects_what_is_paid_and_cooks_it() {
    let scene = Scene::new("s1", 1).await;
    let card = Card::start().await;
    platform(&scene, Some(&card), None, json!({})).await;
    scene.store("shop", kitchen("Delivered", "Automatic")).await;
    scene.product("stew", 9_000, 100).await;

    // Once paid, order and payment details reach the store; every order has a payment record.
    scene.create::<Order>(by_card("order-1", "stew", 2)).await;
    let ticket = scene.ticket_of("order-1").await;
    assert_eq!((ticket.spec.amount.amount, ticket.spec.customer.as_str()), (18_000, "alice"));
    assert_eq!((ticket.spec.items[0].product.as_str(), ticket.spec.items[0].quantity), ("stew", 2));
    assert!(scene.payment_of("order-1").await.status.unwrap().approved_at.is_some());
    let row = scene.row("order-1", State::Paid).await.status.unwrap();
    assert_eq!(row.store, Some(ticket::State::Offered));
    assert!(row.delivery.is_none());

    // On acceptance the delivery data are taken from the order and kept with the delivery.
    scene.kitchen_step("order-1", json!({ "decision": "Accept" })).await.unwrap();
    let delivery = scene.delivery_of("order-1").await;
    assert_eq!(delivery.spec.deliver_to.address, "Teheran-ro 1");
    assert!(!delivery.spec.ready);
    scene.row("order-1", State::Accepted).await;
    scene.kitchen_step("order-1", json!({ "cooking": "Started" })).await.unwrap();
    scene.row("order-1", State::Cooking).await;
    scene.kitchen_step("order-1", json!({ "cooking": "Finished" })).await.unwrap();
    // When cooking ends, the delivery starts.
    let status = scene.row("order-1", State::Cooked).await.status.unwrap();
    assert_eq!((status.store, status.delivery), (Some(ticket::State::Cooked), Some(delivery::State::Ready)));
    assert!(scene.deliver(delivery.metadata.name.as_deref().unwrap()).await);
    scene.row("order-1", State::Completed).await;

    // A rejection gives the money back, and the customer sees the reason.
    scene.create::<Order>(by_card("order-2", "stew", 1)).await;
    scene.ticket_of("order-2").await;
    let reject = json!({ "decision": "Reject", "reject": { "reason": "SoldOut", "message": "No more stew today." } });
    scene.kitchen_step("order-2", reject).await.unwrap();
    let status = scene.row("order-2", State::Rejected).await.status.unwrap();
    assert_eq!((status.reason.as_deref(), status.payment), (Some("SoldOut"), Some(payment::State::Cancelled)));
    assert_eq!(status.store, Some(ticket::State::Rejected));

    // The customer cancels while it is being cooked; the store learns of the cancelled payment.
    scene.create::<Order>(by_card("order-3", "stew", 1)).await;
    scene.ticket_of("order-3").await;
    scene.kitchen_step("order-3", json!({ "decision": "Accept", "cooking": "Started" })).await.unwrap();
    scene.delivery_of("order-3").await;
    scene.cancel("order-3").await;
    let status = scene.row("order-3", State::Cancelled).await.status.unwrap();
    assert_eq!((status.store, status.delivery), (Some(ticket::State::Cancelled), Some(delivery::State::Cancelled)));
    assert_eq!(card.moved(), (3, 2));
    assert_eq!(scene.settled_stock("stew").await, (98, 2));
    scene.finish().await;
}

/// S2: food, with couriers of the neighbourhood, and a cancel only before cooking starts.
#[tokio::test]
async fn s2_couriers_of_the_zone_deliver_and_the_customer_confirms() {
    let scene = Scene::new("s2", 1).await;
    scene.store("shop", kitchen("CookingStarts", "Customer")).await;
    scene.product("stew", 9_000, 100).await;
    scene.wallet("alice", 99_000).await;

    // Adding an order pays it without a step of the customer's.
    scene.order("order-1", "alice", "stew", 1).await;
    scene.row("order-1", State::Paid).await;
    let refused = |result: kube::Result<Ticket>, why: &str| {
        let message = result.unwrap_err().to_string();
        assert!(message.contains(why), "{message}");
    };
    // Starting what was not accepted, finishing what was not started, deciding twice: refused.
    scene.ticket_of("order-1").await;
    refused(scene.kitchen_step("order-1", json!({ "cooking": "Started" })).await, "only an accepted order is cooked");
    scene.kitchen_step("order-1", json!({ "decision": "Accept" })).await.unwrap();
    refused(scene.kitchen_step("order-1", json!({ "cooking": "Finished" })).await, "started before it is finished");
    let reject = json!({ "decision": "Reject", "reject": { "reason": "SoldOut" } });
    refused(scene.kitchen_step("order-1", reject.clone()).await, "decided already");
    scene.row("order-1", State::Accepted).await;

    // Picking up before it is cooked: refused, and no courier finds it.
    let delivery = scene.delivery_of("order-1").await.metadata.name.unwrap();
    let claim = |zone: &str| json!({ "spec": { "courier": { "name": "park", "zone": zone }, "progress": "PickedUp" } });
    let early = scene.patch::<Delivery>(&delivery, claim("gangnam")).await.unwrap_err().to_string();
    assert!(early.contains("only a ready delivery can be claimed"), "{early}");
    let jobs = |zone: &str| {
        let selector = format!("--field-selector=spec.zone={zone},spec.ready=true");
        scene.kubectl(&["get", "deliveries", "-o", "name", &selector]).1
    };
    assert!(!jobs("gangnam").contains(&delivery));
    scene.kitchen_step("order-1", json!({ "cooking": "Started" })).await.unwrap();
    scene.row("order-1", State::Cooking).await;

    // A cancel after cooking has started is refused, and the order says so.
    scene.cancel("order-1").await;
    let orders = scene.orders();
    let why = wait_for("the refusal", || async { orders.get("order-1").await.ok()?.status?.cancel_refused }).await;
    assert!(why.contains("Cooking had started"), "{why}");
    scene.kitchen_step("order-1", json!({ "cooking": "Finished" })).await.unwrap();
    scene.row("order-1", State::Cooked).await;

    // Couriers of the customer's area can list the job, and only they can take it.
    assert!(jobs("gangnam").contains(&delivery) && !jobs("mapo").contains(&delivery));
    let stranger = scene.patch::<Delivery>(&delivery, claim("mapo")).await.unwrap_err().to_string();
    assert!(stranger.contains("only by a courier of its zone"), "{stranger}");
    let early = scene.patch::<Delivery>(&delivery, json!({ "spec": { "received": true } })).await;
    assert!(early.unwrap_err().to_string().contains("only what was delivered can be received"));
    scene.patch::<Delivery>(&delivery, claim("gangnam")).await.unwrap();
    let status = scene.row("order-1", State::Delivering).await.status.unwrap();
    assert_eq!((status.delivery, status.courier.as_deref()), (Some(delivery::State::PickedUp), Some("park")));
    scene.patch::<Delivery>(&delivery, json!({ "spec": { "progress": "Delivered" } })).await.unwrap();
    scene.row("order-1", State::Delivered).await;
    scene.patch::<Delivery>(&delivery, json!({ "spec": { "received": true } })).await.unwrap();
    scene.row("order-1", State::Completed).await;
    let timeline = timeline(&scene, "order-1").await;
    for (first, then) in [("Paid", "Accepted"), ("Accepted", "CookingStarted"), ("CookingFinished", "Delivered")] {
        comes_before(&timeline, first, then);
    }

    // Cancelled before cooking starts: the record of the payment stays, with its flag.
    scene.order("order-2", "alice", "stew", 1).await;
    scene.ticket_of("order-2").await;
    scene.kitchen_step("order-2", json!({ "decision": "Accept" })).await.unwrap();
    scene.delivery_of("order-2").await;
    scene.cancel("order-2").await;
    scene.row("order-2", State::Cancelled).await;
    let paid: Payment = scene.payment_of("order-2").await;
    assert!(paid.spec.cancel && paid.status.unwrap().refunded_at.is_some());

    // Starting a rejected order: refused.
    scene.order("order-3", "alice", "stew", 1).await;
    scene.ticket_of("order-3").await;
    scene.kitchen_step("order-3", reject).await.unwrap();
    refused(scene.kitchen_step("order-3", json!({ "cooking": "Started" })).await, "only an accepted order is cooked");
    scene.row("order-3", State::Rejected).await;
    assert_eq!(scene.money("alice").await, (90_000, 9_000));
    scene.finish().await;
}

/// S3: a shop paid from a prepaid balance and membership points.
#[tokio::test]
async fn s3_money_points_and_stock_fall_together_and_come_back_together() {
    let scene = Scene::new("s3", 1).await;
    scene.shop().await;
    let spec = json!({ "store": "shop", "price": { "amount": 1_000, "currency": "KRW" }, "points": 3, "stock": 1_000 });
    scene.create::<jumun::crd::Product>(json!({ "metadata": { "name": "mug" }, "spec": spec })).await;
    let spec = json!({ "owner": "alice", "deposited": { "amount": 999_999, "currency": "KRW" }, "points": 100 });
    scene.create::<jumun::crd::Wallet>(json!({ "metadata": { "name": "alice" }, "spec": spec })).await;

    // 10 × 1,000 and 10 × 3 points.
    scene.order("order-1", "alice", "mug", 10).await;
    let delivery = scene.delivery_of("order-1").await.metadata.name.unwrap();
    assert_eq!((scene.money("alice").await, scene.points("alice").await), ((989_999, 10_000), 70));
    assert!(scene.deliver(&delivery).await);
    scene.row("order-1", State::Completed).await;
    assert_eq!(scene.settled_stock("mug").await, (990, 10));
    assert_eq!(scene.api::<Delivery>().list(&Default::default()).await.unwrap().items.len(), 1, "one in the history");
    let (ok, shipping) = scene.kubectl(&["get", "deliveries", "-o", "wide"]);
    assert!(ok && shipping.contains("Teheran-ro 1") && shipping.contains("Confirmed"), "{shipping}");

    // A cancel restores all three, and the shipping is cancelled.
    scene.order("order-2", "alice", "mug", 5).await;
    scene.delivery_of("order-2").await;
    scene.cancel("order-2").await;
    let status = scene.row("order-2", State::Cancelled).await.status.unwrap();
    assert_eq!(status.delivery, Some(delivery::State::Cancelled));
    assert_eq!((scene.money("alice").await, scene.points("alice").await), ((989_999, 10_000), 70));
    assert_eq!(scene.settled_stock("mug").await, (990, 10));

    // Too few points, too little money, too little stock: no shipment, nothing deducted.
    scene.order("no-points", "alice", "mug", 24).await;
    assert_eq!(scene.end_of("no-points").await, State::PaymentFailed);
    scene.patch::<jumun::crd::Wallet>("alice", json!({ "spec": { "points": 100_000 } })).await.unwrap();
    scene.order("no-money", "alice", "mug", 990).await;
    assert_eq!(scene.end_of("no-money").await, State::PaymentFailed);
    scene.order("no-stock", "alice", "mug", 991).await;
    assert_eq!(scene.end_of("no-stock").await, State::OutOfStock);
    for order in ["no-points", "no-money", "no-stock"] {
        let status = scene.row(order, scene.end_of(order).await).await.status.unwrap();
        assert!(status.delivery.is_none(), "{order}");
    }
    assert_eq!(scene.money("alice").await, (989_999, 10_000));
    assert_eq!(scene.settled_stock("mug").await, (990, 10));
    scene.finish().await;
}

/// S4: meal kits; the seller must be told before a cancel.
#[tokio::test]
async fn s4_nothing_is_cancelled_before_the_seller_was_told() {
    let scene = Scene::new("s4", 1).await;
    let (card, seller, push) = (Card::start().await, Endpoint::start().await, Endpoint::start().await);
    platform(&scene, Some(&card), Some(&push), json!({})).await;
    let notify = json!({ "url": seller.url() });
    let cancellation = json!({ "sellerNotice": "Required" });
    let store = json!({ "seller": "kim", "confirmation": "Customer", "notify": notify, "cancellation": cancellation });
    scene.store("shop", store).await;
    scene.product("kit", 12_000, 10).await;

    // The buyer is told of the placed order and of every change of its delivery.
    scene.create::<Order>(by_card("order-1", "kit", 1)).await;
    let delivery = scene.delivery_of("order-1").await.metadata.name.unwrap();
    assert_eq!(scene.settled_stock("kit").await, (9, 1), "stock falls when the payment completes");
    push.told("delivery-ready").await;
    let claim = json!({ "spec": { "courier": { "name": "park", "zone": "gangnam" }, "progress": "PickedUp" } });
    scene.patch::<Delivery>(&delivery, claim).await.unwrap();
    push.told("picked-up").await;
    scene.patch::<Delivery>(&delivery, json!({ "spec": { "progress": "Delivered" } })).await.unwrap();
    push.told("delivered").await;
    scene.patch::<Delivery>(&delivery, json!({ "spec": { "received": true } })).await.unwrap();
    scene.row("order-1", State::Completed).await;
    push.told("confirmed").await;
    let told: Vec<String> = push.taken().into_iter().map(|(what, _)| what).collect();
    let wanted = ["placed", "delivery-ready", "picked-up", "delivered", "confirmed"];
    assert!(wanted.iter().all(|what| told.iter().filter(|t| t == what).count() == 1), "each once: {told:?}");
    assert!(push.taken().iter().all(|(_, subject)| subject == "alice"));

    // An unpaid order does not exist for anyone.
    let mut unpaid = by_card("declined", "kit", 1);
    unpaid["spec"]["payment"]["token"] = json!("decline-me");
    scene.create::<Order>(unpaid).await;
    assert_eq!(scene.end_of("declined").await, State::PaymentFailed);
    assert!(scene.row("declined", State::PaymentFailed).await.status.unwrap().delivery.is_none());
    assert_eq!(scene.settled_stock("kit").await, (9, 1));

    // With the seller's endpoint down, a cancel leaves everything exactly as it is, and says when it tries again.
    scene.create::<Order>(by_card("order-2", "kit", 2)).await;
    let before = scene.delivery_of("order-2").await;
    scene.row("order-2", State::Delivering).await;
    let paid_before = scene.payment_of("order-2").await;
    seller.set_down(true);
    scene.cancel("order-2").await;
    let orders = scene.orders();
    let said = wait_for("the order to say why it waits", || async {
        let status = orders.get("order-2").await.ok()?.status?;
        let condition = status.conditions.iter().find(|c| c.type_ == "Reconciling")?.clone();
        let told = condition.reason == "WaitingForSellerNotice" && condition.message.contains("the next is at");
        told.then_some((status, condition.message))
    });
    let (status, message) = said.await;
    assert!(status.state == Some(State::Delivering) && message.contains("HTTP 503"), "{message}");
    let paid = scene.payment_of("order-2").await;
    assert_eq!(paid.metadata.resource_version, paid_before.metadata.resource_version);
    assert_eq!(scene.delivery_of("order-2").await.metadata.resource_version, before.metadata.resource_version);
    // The seller can list the requests at any time.
    let requests = || {
        scene
            .kubectl(&[
                "get",
                "orderviews",
                "-o",
                "name",
                "--field-selector=status.cancelRequested=true,spec.seller=kim",
            ])
            .1
    };
    wait_for("the request in the seller's list", || async { requests().contains("order-2").then_some(()) }).await;
    assert_eq!(requests().lines().count(), 1);

    // The endpoint is up again: it completes by itself, in order.
    seller.set_down(false);
    scene.row("order-2", State::Cancelled).await;
    seller.told("delivery-cancelled").await;
    let told: Vec<String> = seller.taken().into_iter().map(|(what, _)| what).collect();
    assert_eq!(told, ["cancel-requested", "delivery-cancelled"]);
    assert!(seller.taken().iter().all(|(_, subject)| subject == "kim"));
    let timeline = timeline(&scene, "order-2").await;
    comes_before(&timeline, "Refunded", "DeliveryCancelled");
    assert_eq!((scene.settled_stock("kit").await, card.moved()), ((9, 1), (2, 1)));
    let notices = scene.api::<Notification>().list(&Default::default()).await.unwrap().items;
    assert!(notices.iter().all(|n| n.status.as_ref().is_some_and(|s| s.sent_at.is_some())));
    scene.finish().await;
}
