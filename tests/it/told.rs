//! Who hears of an order's end, and what an order says when somebody cannot be told.

use jumun::crd::{OrderPlatform, Store};
use jumun::domain::order::State;
use kube::api::DeleteParams;
use serde_json::{Value, json};

use crate::harness::{Scene, wait_for};
use crate::outside::{Endpoint, platform};

/// A shop whose seller must be told before a cancel.
fn strict(url: &str) -> Value {
    json!({ "seller": "kim", "notify": { "url": url }, "cancellation": { "sellerNotice": "Required" } })
}

async fn scene_of(name: &str, push: Option<&Endpoint>, store: Value) -> Scene {
    let scene = Scene::new(name, 1).await;
    platform(&scene, None, push, json!({})).await;
    scene.store("shop", store).await;
    scene.product("mug", 1_000, 100).await;
    scene.wallet("alice", 50_000).await;
    scene
}

/// Waits until the order is stalled for want of the seller's ear, and gives the sentence.
async fn stalled(scene: &Scene) -> String {
    let orders = scene.orders();
    wait_for("the order to be stalled", || async {
        let conditions = orders.get("order-1").await.ok()?.status?.conditions;
        let said = conditions.into_iter().find(|c| c.type_ == "Stalled" && c.reason == "SellerNoticeStalled");
        said.map(|said| said.message)
    })
    .await
}

/// A paid order whose customer wishes to cancel once `before` has happened.
async fn wishes(scene: &Scene, before: impl AsyncFnOnce(&Scene)) {
    scene.order("order-1", "alice", "mug", 1).await;
    scene.delivery_of("order-1").await;
    scene.row("order-1", State::Delivering).await;
    before(scene).await;
    scene.cancel("order-1").await;
}

/// It has gone on by itself, and the seller has heard of both.
async fn goes_on(scene: Scene, seller: &Endpoint) {
    scene.row("order-1", State::Cancelled).await;
    seller.told("delivery-cancelled").await;
    let told: Vec<String> = seller.taken().into_iter().map(|(what, _)| what).collect();
    assert_eq!(told, ["cancel-requested", "delivery-cancelled"]);
    assert_eq!(scene.settled_stock("mug").await, (100, 0));
    scene.finish().await;
}

#[tokio::test]
async fn a_wish_whose_store_is_gone_is_stalled_until_the_store_is_back() {
    let seller = Endpoint::start().await;
    let scene = scene_of("store-gone", None, strict(&seller.url())).await;
    wishes(&scene, async |scene: &Scene| {
        scene.api::<Store>().delete("shop", &DeleteParams::default()).await.expect("deleted");
        wait_for("the store to be gone", || async {
            scene.api::<Store>().get_opt("shop").await.ok()?.is_none().then_some(())
        })
        .await;
    })
    .await;
    let said = stalled(&scene).await;
    assert!(said.contains("Store shop is gone") && said.contains("notify.url"), "{said}");
    scene.store("shop", strict(&seller.url())).await;
    goes_on(scene, &seller).await;
}

#[tokio::test]
async fn a_wish_whose_stores_endpoint_may_not_be_called_is_stalled_until_it_may() {
    let seller = Endpoint::start().await;
    let scene = scene_of("store-barred", None, strict("http://127.0.0.2:9/")).await;
    wishes(&scene, async |_| {}).await;
    let said = stalled(&scene).await;
    assert!(said.contains("egress.allowedHosts") && said.contains("Store shop"), "{said}");
    scene.patch::<Store>("shop", json!({ "spec": { "notify": { "url": seller.url() } } })).await.expect("set");
    goes_on(scene, &seller).await;
}

#[tokio::test]
async fn a_wish_that_the_platforms_egress_keeps_from_its_seller_goes_on_once_the_host_is_admitted() {
    let seller = Endpoint::start().await;
    let scene = scene_of("egress-closed", None, strict(&seller.url())).await;
    let admit = |hosts: Value| {
        let scene = &scene;
        async move {
            let spec = json!({ "spec": { "egress": { "allowedHosts": hosts } } });
            scene.patch::<OrderPlatform>("default", spec).await.expect("set");
        }
    };
    admit(json!(["*.example"])).await;
    wishes(&scene, async |_| {}).await;
    assert!(stalled(&scene).await.contains("egress.allowedHosts"));
    admit(json!(["127.0.0.1"])).await;
    goes_on(scene, &seller).await;
}

#[tokio::test]
async fn a_customer_is_told_of_an_end_without_a_delivery_and_why() {
    let (push, seller) = (Endpoint::start().await, Endpoint::start().await);
    let store =
        json!({ "seller": "kim", "fulfilment": "Kitchen", "acceptance": "Manual", "notify": { "url": seller.url() } });
    let scene = scene_of("undone", Some(&push), store).await;
    scene.wallet("poor", 1).await;
    scene.order("unpaid", "poor", "mug", 1).await;
    assert_eq!(scene.end_of("unpaid").await, State::PaymentFailed);
    scene.order("rejected", "alice", "mug", 1).await;
    scene.ticket_of("rejected").await;
    let reject = json!({ "decision": "Reject", "reject": { "reason": "SoldOut" } });
    scene.kitchen_step("rejected", reject).await.expect("rejected");
    assert_eq!(scene.end_of("rejected").await, State::Rejected);
    scene.order("cancelled", "alice", "mug", 1).await;
    scene.ticket_of("cancelled").await;
    scene.cancel("cancelled").await;
    assert_eq!(scene.end_of("cancelled").await, State::Cancelled);
    let told = |endpoint: &Endpoint, order: &str| -> Vec<(String, String, String)> {
        let about = endpoint.events().into_iter().filter(|event| event["data"]["order"]["name"] == order);
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        about.map(|e| (text(&e["data"]["topic"]), text(&e["data"]["end"]), text(&e["data"]["reason"]))).collect()
    };
    let placed = || ("Placed".to_owned(), String::new(), String::new());
    for (order, end, reason) in [
        ("unpaid", "PaymentFailed", "InsufficientFunds"),
        ("rejected", "Rejected", "SoldOut"),
        ("cancelled", "Cancelled", "ChangedMind"),
    ] {
        wait_for("the customer to be told", || async { (told(&push, order).len() == 2).then_some(()) }).await;
        let mut all = told(&push, order);
        all.sort();
        assert_eq!(all, [placed(), ("Undone".to_owned(), end.to_owned(), reason.to_owned())], "{order}");
        scene.row(order, scene.end_of(order).await).await;
    }
    // A seller hears of what was paid, and not of what it has rejected itself.
    wait_for("the seller to be told", || async { (told(&seller, "cancelled").len() == 2).then_some(()) }).await;
    assert_eq!((told(&seller, "unpaid"), told(&seller, "rejected")), (Vec::new(), Vec::new()));
    scene.settled_stock("mug").await;
    scene.finish().await;
}
