//! Notices to sellers and customers, and endpoints that do not take them.

use jumun::crd::{Delivery, Notification, OrderPlatform};
use jumun::domain::notification;
use jumun::domain::order::State;
use k8s_openapi::api::admissionregistration::v1::{ValidatingAdmissionPolicy, ValidatingAdmissionPolicyBinding};
use kube::Api;
use kube::api::PostParams;
use serde_json::{Value, json};

use crate::harness::{Scene, wait_for};
use crate::outside::{Endpoint, platform};

/// A shop whose seller is told at `url`; customers at theirs, where there is one.
async fn shop(name: &str, url: &str, customers: Option<&Endpoint>, notice: &str) -> Scene {
    let scene = Scene::new(name, 1).await;
    platform(&scene, None, customers, json!({})).await;
    let cancellation = json!({ "sellerNotice": notice });
    scene.store("shop", json!({ "seller": "kim", "notify": { "url": url }, "cancellation": cancellation })).await;
    scene.product("mug", 1_000, 100).await;
    scene.wallet("alice", 100_000).await;
    scene
}

fn reachable(conditions: &[jumun::domain::Condition]) -> Option<&str> {
    conditions.iter().find(|c| c.type_ == notification::REACHABLE).map(|c| c.reason.as_str())
}

#[tokio::test]
async fn a_failing_endpoint_trips_its_breaker_and_a_probe_closes_it_again() {
    let push = Endpoint::start().await;
    push.set_down(true);
    let scene = shop("breaker", "http://127.0.0.1:9/", Some(&push), "BestEffort").await;
    scene.orders_at_once(6, |n| (format!("order-{n}"), "mug".to_owned())).await;
    // Messages to customers never block an order.
    crate::books::deliver_all(&scene, 6).await;
    assert_eq!(scene.all_ends().await["Completed"], 6);
    let platforms = scene.api::<OrderPlatform>();
    let breaker = |wanted: &'static str| {
        let platforms = platforms.clone();
        async move {
            wait_for(&format!("the breaker to say {wanted}"), || async {
                let status = platforms.get("default").await.ok()?.status?;
                (reachable(&status.conditions) == Some(wanted)).then_some(())
            })
            .await;
        }
    };
    breaker("CircuitOpen").await;
    let (_, metrics) = scene.operator(0).get("/metrics").await;
    assert!(metrics.contains("jumun_notification_circuits_open{to=\"customer\"} 1"), "{metrics}");
    // While it is open all wait for one probe, and say when it is.
    let notices = scene.api::<Notification>();
    wait_for("waiting notices to say when the probe is", || async {
        let all = notices.list(&Default::default()).await.ok()?.items;
        let said = |n: &Notification| {
            n.status.as_ref().is_some_and(|s| s.conditions.iter().any(|c| c.message.contains("it is probed again at")))
        };
        all.iter().any(said).then_some(())
    })
    .await;
    push.set_down(false);
    breaker("CircuitClosed").await;
    let closed = std::time::Instant::now();
    wait_for("every notice to be taken", || async {
        let all = notices.list(&Default::default()).await.ok()?.items;
        all.iter().all(|n| n.status.as_ref().is_some_and(|s| s.sent_at.is_some())).then_some(())
    })
    .await;
    assert!(closed.elapsed() < std::time::Duration::from_secs(50), "they are enqueued, not found when they look again");
    let mut told = push.taken();
    let count = told.len();
    told.sort();
    // Each order: placed, delivery-ready or not any more, picked-up, delivered, confirmed.
    assert!(count >= 6 * 4 && told.iter().filter(|(what, _)| what == "confirmed").count() == 6, "{told:?}");
    scene.finish().await;
}

#[tokio::test]
async fn an_endpoint_that_may_not_be_called_is_not_called_and_the_status_says_so() {
    let scene = shop("egress", "http://169.254.169.254/latest/meta-data", None, "Required").await;
    scene.order("order-1", "alice", "mug", 1).await;
    let delivery = scene.delivery_of("order-1").await.metadata.name.unwrap();
    scene.cancel("order-1").await;
    let notices = scene.api::<Notification>();
    let message = wait_for("the notice to be refused", || async {
        let status = notices.list(&Default::default()).await.ok()?.items.pop()?.status?;
        status.conditions.iter().find(|c| c.message.contains("host not allowed")).map(|c| c.message.clone())
    });
    assert!(message.await.contains("egress.allowedHosts"), "what to do is said instead of when it is tried again");
    let orders = scene.orders();
    wait_for("the order to say so, too", || async {
        let conditions = orders.get("order-1").await.ok()?.status?.conditions;
        conditions.iter().any(|c| c.type_ == "Stalled" && c.message.contains("host not allowed")).then_some(())
    })
    .await;
    // Nothing was undone: the courier may still deliver, and then the wish is refused.
    assert!(scene.deliver(&delivery).await);
    assert_eq!(scene.end_of("order-1").await, State::Completed);
    let status = scene.orders().get("order-1").await.unwrap().status.unwrap();
    assert!(status.cancel_refused.is_some());
    scene.row("order-1", State::Completed).await;
    scene.finish().await;
}

#[tokio::test]
async fn an_order_cancelled_before_it_is_paid_concerns_no_seller() {
    let seller = Endpoint::start().await;
    let scene = shop("unpaid", &seller.url(), None, "Required").await;
    scene.wallet("poor", 1).await;
    scene.order("order-1", "poor", "mug", 1).await;
    assert_eq!(scene.end_of("order-1").await, State::PaymentFailed);
    scene.row("order-1", State::PaymentFailed).await;
    scene.cancel("order-1").await;
    scene.quiet_for(std::time::Duration::from_millis(2_500)).await;
    assert!(seller.taken().is_empty(), "{:?}", seller.taken());
    scene.finish().await;
}

#[tokio::test]
async fn a_seller_is_told_that_a_wish_was_refused() {
    let seller = Endpoint::start().await;
    let scene = shop("refused", &seller.url(), None, "BestEffort").await;
    scene.change_store("shop", json!({ "confirmation": "Customer" })).await;
    scene.order("order-1", "alice", "mug", 1).await;
    let delivery = scene.delivery_of("order-1").await.metadata.name.unwrap();
    assert!(scene.deliver(&delivery).await);
    scene.cancel("order-1").await;
    seller.told("cancel-refused").await;
    let received: Value = json!({ "spec": { "received": true } });
    scene.patch::<jumun::crd::Delivery>(&delivery, received).await.unwrap();
    scene.row("order-1", State::Completed).await;
    scene.finish().await;
}

/// A policy by which the API server refuses every new Notification of one namespace.
struct Refusal {
    name: String,
    policies: Api<ValidatingAdmissionPolicy>,
    bindings: Api<ValidatingAdmissionPolicyBinding>,
}

impl Refusal {
    /// Puts it in force.
    async fn of(scene: &Scene) -> Self {
        let name = format!("no-notices-in-{}", scene.namespace);
        let rule = json!({
            "apiGroups": ["jumun.dev"], "apiVersions": ["*"], "operations": ["CREATE"], "resources": ["notifications"],
        });
        let policy = json!({
            "metadata": { "name": name },
            "spec": {
                "matchConstraints": { "resourceRules": [rule] },
                "validations": [{ "expression": "false", "message": "no notices here" }],
            },
        });
        let selector = json!({ "matchLabels": { "kubernetes.io/metadata.name": scene.namespace } });
        let binding = json!({
            "metadata": { "name": name },
            "spec": {
                "policyName": name, "validationActions": ["Deny"], "matchResources": { "namespaceSelector": selector },
            },
        });
        let refusal = Self { name, policies: Api::all(scene.client.clone()), bindings: Api::all(scene.client.clone()) };
        refusal.policies.create(&Default::default(), &serde_json::from_value(policy).unwrap()).await.unwrap();
        refusal.bindings.create(&Default::default(), &serde_json::from_value(binding).unwrap()).await.unwrap();
        let probe = json!({
            "metadata": { "name": "probe" },
            "spec": {
                "order": { "name": "none", "uid": "none" }, "topic": "Placed", "to": "Customer", "store": "shop",
                "subject": "alice", "customer": "alice", "amount": { "amount": 1, "currency": "KRW" },
            },
        });
        let probe: Notification = serde_json::from_value(probe).unwrap();
        let (notices, dry) = (scene.api::<Notification>(), PostParams { dry_run: true, ..PostParams::default() });
        let refused =
            async || notices.create(&dry, &probe).await.err()?.to_string().contains("no notices here").then_some(());
        wait_for("notices to be refused", refused).await;
        refusal
    }

    async fn end(self) {
        self.bindings.delete(&self.name, &Default::default()).await.unwrap();
        self.policies.delete(&self.name, &Default::default()).await.unwrap();
    }
}

#[tokio::test]
async fn a_notice_that_cannot_be_made_blocks_nothing_but_the_undo_that_waits_for_it() {
    let (seller, push) = (Endpoint::start().await, Endpoint::start().await);
    let scene = shop("no-notices", &seller.url(), Some(&push), "Required").await;
    scene.change_store("shop", json!({ "deadlines": { "deliver": "8s" } })).await;
    let refusal = Refusal::of(&scene).await;
    scene.order("order-1", "alice", "mug", 1).await;
    let delivery = scene.delivery_of("order-1").await.metadata.name.unwrap();
    assert!(scene.deliver(&delivery).await);
    assert_eq!(scene.end_of("order-1").await, State::Completed);
    // Nothing is undone on a wish before the seller was told: two couriers go on, one of them is late.
    for order in ["order-2", "order-3"] {
        scene.order(order, "alice", "mug", 1).await;
        let delivery = scene.delivery_of(order).await.metadata.name.unwrap();
        scene.cancel(order).await;
        let orders = scene.orders();
        wait_for("the order to say what it waits for", || async {
            let conditions = orders.get(order).await.ok()?.status?.conditions;
            conditions.iter().any(|condition| condition.reason == "WaitingForSellerNotice").then_some(())
        })
        .await;
        let claim = json!({ "spec": { "courier": { "name": "park", "zone": "gangnam" }, "progress": "PickedUp" } });
        scene.patch::<Delivery>(&delivery, claim).await.unwrap();
        if order == "order-2" {
            scene.patch::<Delivery>(&delivery, json!({ "spec": { "progress": "Delivered" } })).await.unwrap();
        }
    }
    assert_eq!(scene.end_of("order-2").await, State::Completed);
    assert_eq!(scene.end_of("order-3").await, State::Expired, "a deadline waits for nobody's notice");
    assert!(push.taken().is_empty() && seller.taken().is_empty());
    scene.row("order-2", State::Completed).await;
    scene.row("order-3", State::Expired).await;
    refusal.end().await;
    scene.finish().await;
}

#[tokio::test]
async fn a_required_notice_that_was_deleted_is_made_again() {
    let seller = Endpoint::start().await;
    seller.set_down(true);
    let scene = shop("deleted-notice", &seller.url(), None, "Required").await;
    scene.order("order-1", "alice", "mug", 1).await;
    scene.delivery_of("order-1").await;
    scene.cancel("order-1").await;
    let notices = scene.api::<Notification>();
    let first = wait_for("the notice", || async { notices.list(&Default::default()).await.ok()?.items.pop() }).await;
    let name = first.metadata.name.unwrap();
    notices.delete(&name, &Default::default()).await.unwrap();
    wait_for("the notice to come back", || async {
        let again = notices.get(&name).await.ok()?;
        (again.metadata.uid != first.metadata.uid).then_some(())
    })
    .await;
    seller.set_down(false);
    assert_eq!(scene.end_of("order-1").await, State::Cancelled);
    scene.row("order-1", State::Cancelled).await;
    scene.finish().await;
}
