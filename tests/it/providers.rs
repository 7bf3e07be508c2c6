//! Payment through a provider that fails in each way: charged at most once, refunded at most once, never forgotten.

use jumun::crd::{Order, OrderPlatform, Payment, Product, Wallet};
use jumun::domain::order::State;
use jumun::http::fake_provider::{CallKind, Faults, Switch};
use serde_json::json;

use crate::harness::{Scene, wait_for};
use crate::outside::{Card, by_card, platform};

async fn shop(name: &str) -> (Scene, Card) {
    let scene = Scene::new(name, 1).await;
    let card = Card::start().await;
    platform(&scene, Some(&card), None, json!({})).await;
    scene.shop().await;
    scene.product("mug", 1_000, 100).await;
    (scene, card)
}

/// Orders, delivers, and sees the end.
async fn completes(scene: &Scene, name: &str) {
    let delivery = scene.delivery_of(name).await.metadata.name.unwrap();
    assert!(scene.deliver(&delivery).await);
    scene.row(name, State::Completed).await;
}

#[tokio::test]
async fn a_charge_whose_reply_is_lost_is_looked_up_and_not_sent_again() {
    let (scene, card) = shop("lost-reply").await;
    card.provider.set(Faults { lost_reply: Some(Switch::times(1).on(&[CallKind::Charge])), ..Faults::default() });
    scene.create::<Order>(by_card("order-1", "mug", 2)).await;
    completes(&scene, "order-1").await;
    let entries = card.provider.entries();
    assert_eq!((entries.len(), entries[0].taken, entries[0].charges), (1, 1, 1), "one charge was ever sent");
    scene.finish().await;
}

#[tokio::test]
async fn a_provider_that_fails_and_is_silent_for_a_while_only_delays_the_order() {
    let (scene, card) = shop("failing").await;
    let faults = Faults {
        fail: Some(Switch::times(2).on(&[CallKind::LookUp, CallKind::Charge])),
        timeout: Some(Switch::times(1)),
        ..Faults::default()
    };
    card.provider.set(faults);
    scene.create::<Order>(by_card("order-1", "mug", 1)).await;
    let payments = scene.api::<Payment>();
    let failing = wait_for("the payment to say that attempts fail", || async {
        let payment = payments.list(&Default::default()).await.ok()?.items.pop()?;
        let status = payment.status?;
        (status.attempts > 0).then_some(status)
    })
    .await;
    let said = failing.conditions.iter().find(|condition| condition.type_ == "Reconciling").expect("a condition");
    assert!(said.message.contains("the next is at") && failing.retry_at.is_some(), "{}", said.message);
    completes(&scene, "order-1").await;
    assert_eq!(card.moved(), (1, 0));
    scene.finish().await;
}

#[tokio::test]
async fn a_void_binds_a_charge_that_is_carried_out_after_a_look_up_said_no() {
    let (scene, card) = shop("late-charge").await;
    card.provider.set(Faults { late: Some(Switch { delay_ms: Some(6_000), ..Switch::times(1) }), ..Faults::default() });
    scene.create::<Order>(by_card("order-1", "mug", 1)).await;
    let payments = scene.api::<Payment>();
    wait_for("the charge to be on its way", || async {
        let status = payments.list(&Default::default()).await.ok()?.items.pop()?.status?;
        (status.attempts > 0).then_some(())
    })
    .await;
    scene.cancel("order-1").await;
    assert_eq!(scene.end_of("order-1").await, State::Cancelled);
    // The charge arrives later than the end: it takes nothing.
    let charged = || async { card.provider.entries().first().filter(|entry| entry.charges > 0).cloned() };
    let entry = wait_for("the late charge", charged).await;
    assert_eq!((entry.taken, entry.returned), (0, 0));
    scene.row("order-1", State::Cancelled).await;
    assert_eq!(scene.settled_stock("mug").await, (100, 0));
    scene.finish().await;
}

#[tokio::test]
async fn a_refund_that_fails_shows_money_at_risk_and_is_made_once() {
    let (scene, card) = shop("refund").await;
    scene.create::<Order>(by_card("order-1", "mug", 3)).await;
    scene.delivery_of("order-1").await;
    let faults = Faults {
        fail: Some(Switch::times(2).on(&[CallKind::Void])),
        lost_reply: Some(Switch::times(1).on(&[CallKind::Void])),
        ..Faults::default()
    };
    card.provider.set(faults);
    scene.cancel("order-1").await;
    let orders = scene.orders();
    let said = wait_for("the order to say what is at risk", || async {
        let status = orders.get("order-1").await.ok()?.status?;
        assert!(status.ended_at.is_none() || card.moved() == (1, 1), "no end before the refund");
        let condition = status.conditions.into_iter().find(|condition| condition.type_ == "Reconciling")?;
        condition.message.contains("at risk").then_some(condition.message)
    });
    let message = said.await;
    assert!(message.contains("3000 KRW") && message.contains("Attempt"), "{message}");
    scene.row("order-1", State::Cancelled).await;
    assert_eq!(card.moved(), (1, 1));
    assert!(scene.payment_of("order-1").await.status.unwrap().refunded_at.is_some());
    scene.finish().await;
}

#[tokio::test]
async fn a_declined_card_and_an_unknown_provider_cost_nothing() {
    let (scene, card) = shop("declined").await;
    let patience = json!({ "spec": { "intake": { "referencePatience": "300ms" } } });
    scene.patch::<OrderPlatform>("default", patience).await.unwrap();
    let mut declined = by_card("order-1", "mug", 1);
    declined["spec"]["payment"]["token"] = json!("decline-please");
    scene.create::<Order>(declined).await;
    assert_eq!(scene.end_of("order-1").await, State::PaymentFailed);
    let mut unknown = by_card("order-2", "mug", 1);
    unknown["spec"]["payment"]["provider"] = json!("cash");
    scene.create::<Order>(unknown).await;
    assert_eq!(scene.end_of("order-2").await, State::Invalid);
    let said = scene.orders().get("order-2").await.unwrap().status.unwrap().outcome.unwrap().message;
    assert!(said.starts_with("spec.payment.provider"), "{said}");
    let number = json!({ "method": "Provider", "provider": "card", "token": "4111 1111 1111 1111" });
    let mut card_number = by_card("order-3", "mug", 1);
    card_number["spec"]["payment"] = number;
    let refused = scene.orders().create(&Default::default(), &serde_json::from_value(card_number).unwrap()).await;
    assert!(refused.unwrap_err().to_string().contains("looks like a card number"));
    assert_eq!((card.moved(), scene.settled_stock("mug").await), ((0, 0), (100, 0)));
    for (order, state) in [("order-1", State::PaymentFailed), ("order-2", State::Invalid)] {
        scene.row(order, state).await;
    }
    scene.finish().await;
}

#[tokio::test]
async fn a_provider_that_is_taken_out_of_the_platform_is_waited_for() {
    let (scene, card) = shop("no-provider").await;
    scene.create::<Order>(by_card("order-1", "mug", 1)).await;
    scene.delivery_of("order-1").await;
    let known = scene.api::<OrderPlatform>().get("default").await.unwrap().spec.payment;
    scene.patch::<OrderPlatform>("default", json!({ "spec": { "payment": null } })).await.unwrap();
    scene.cancel("order-1").await;
    let payments = scene.api::<Payment>();
    wait_for("the payment to be stalled", || async {
        let status = payments.list(&Default::default()).await.ok()?.items.pop()?.status?;
        status.conditions.iter().any(|c| c.type_ == "Stalled" && c.reason == "UnknownProvider").then_some(())
    })
    .await;
    scene.patch::<OrderPlatform>("default", json!({ "spec": { "payment": known } })).await.unwrap();
    assert_eq!(scene.end_of("order-1").await, State::Cancelled);
    assert_eq!(card.moved(), (1, 1));
    scene.row("order-1", State::Cancelled).await;
    scene.finish().await;
}

#[tokio::test]
async fn what_costs_nothing_is_sold_without_a_charge() {
    let (scene, card) = shop("free").await;
    let gift = json!({ "store": "shop", "price": { "amount": 0, "currency": "KRW" }, "stock": 5 });
    scene.create::<Product>(json!({ "metadata": { "name": "gift" }, "spec": gift })).await;
    scene.wallet("alice", 0).await;
    card.provider.set(Faults { down: Some(Switch::always()), ..Faults::default() });
    scene.create::<Order>(by_card("by-card", "gift", 1)).await;
    scene.create::<Order>(by_card("undone", "gift", 1)).await;
    scene.order("by-wallet", "alice", "gift", 1).await;
    for name in ["by-card", "by-wallet"] {
        completes(&scene, name).await;
    }
    scene.delivery_of("undone").await;
    scene.cancel("undone").await;
    assert_eq!(scene.end_of("undone").await, State::Cancelled);
    scene.row("undone", State::Cancelled).await;
    assert_eq!((scene.settled_stock("gift").await, card.provider.entries().len()), ((3, 2), 0));
    let wallet = scene.api::<Wallet>().get("alice").await.unwrap().status.unwrap();
    assert_eq!((wallet.charged.amount, wallet.entries.len()), (0, 0));
    scene.finish().await;
}

#[tokio::test]
async fn a_charge_that_a_provider_refuses_for_good_fails_and_takes_nothing_later() {
    let (scene, card) = shop("refused").await;
    // The first charge is carried out late, the second is refused: the key is bound before the payment is declined.
    card.provider.set(Faults { late: Some(Switch { delay_ms: Some(5_000), ..Switch::times(1) }), ..Faults::default() });
    scene.create::<Order>(by_card("order-1", "mug", 1)).await;
    let payments = scene.api::<Payment>();
    wait_for("the first charge to be on its way", || async {
        let status = payments.list(&Default::default()).await.ok()?.items.pop()?.status?;
        (status.attempts > 0).then_some(())
    })
    .await;
    card.provider.set(Faults { refuse: Some(Switch::always()), ..Faults::default() });
    assert_eq!(scene.end_of("order-1").await, State::PaymentFailed);
    let reason = scene.orders().get("order-1").await.unwrap().status.unwrap().outcome.unwrap().reason;
    assert_eq!(reason, "ChargeRefused");
    let charged = || async { card.provider.entries().first().filter(|entry| entry.charges > 0).cloned() };
    let entry = wait_for("the late charge", charged).await;
    assert_eq!((entry.taken, entry.returned), (0, 0));
    assert_eq!(scene.settled_stock("mug").await, (100, 0));
    scene.row("order-1", State::PaymentFailed).await;
    scene.finish().await;
}

#[tokio::test]
async fn a_void_that_is_refused_stalls_until_the_provider_is_corrected() {
    let (scene, card) = shop("refused-void").await;
    scene.create::<Order>(by_card("order-1", "mug", 2)).await;
    scene.delivery_of("order-1").await;
    card.provider.set(Faults { refuse: Some(Switch::always().on(&[CallKind::Void])), ..Faults::default() });
    scene.cancel("order-1").await;
    let orders = scene.orders();
    let message = wait_for("the order to be stalled", || async {
        let conditions = orders.get("order-1").await.ok()?.status?.conditions;
        conditions.into_iter().find(|condition| condition.type_ == "Stalled").map(|condition| condition.message)
    })
    .await;
    assert!(message.contains("HTTP 422") && message.contains("2000 KRW at risk"), "{message}");
    assert!(message.contains("refundedByHand"), "{message}");
    card.provider.set(Faults::default());
    assert_eq!(scene.end_of("order-1").await, State::Cancelled);
    assert_eq!(card.moved(), (1, 1));
    scene.row("order-1", State::Cancelled).await;
    scene.finish().await;
}
