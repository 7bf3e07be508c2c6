//! A namespace with card orders under way is deleted: what the provider took goes back, or is reported as money at risk.

use std::process::Output;
use std::time::Duration;

use jumun::crd::{Delivery, Order, OrderPlatform, Payment};
use jumun::domain::order::State;
use jumun::http::fake_provider::{CallKind, Faults, Switch};
use k8s_openapi::api::core::v1::Namespace;
use kube::api::DeleteParams;
use kube::{Api, ResourceExt};
use serde_json::{Value, json};

use crate::harness::{Scene, wait_for};
use crate::outside::{Card, by_card, platform};

/// A shop whose customers pay by card, with so many orders on their way to the courier.
pub async fn shop(name: &str, card: &Card, give_up_after: &str, orders: usize) -> Scene {
    let scene = Scene::new(name, 1).await;
    let providers = json!([{ "name": "card", "url": card.url(), "timeout": "1s" }]);
    let payment = json!({ "payment": { "providers": providers, "giveUpAfter": give_up_after } });
    platform(&scene, None, None, payment).await;
    scene.shop().await;
    scene.product("mug", 1_000, 100).await;
    for n in 0..orders {
        scene.create::<Order>(by_card(&format!("order-{n}"), "mug", 1)).await;
    }
    for n in 0..orders {
        scene.row(&format!("order-{n}"), State::Delivering).await;
    }
    scene
}

fn namespaces(scene: &Scene) -> Api<Namespace> {
    Api::all(scene.client.clone())
}

async fn delete(scene: &Scene) {
    namespaces(scene).delete(&scene.namespace, &DeleteParams::default()).await.expect("deleted");
}

async fn gone(scene: &Scene) {
    let api = namespaces(scene);
    let gone = || async { api.get_opt(&scene.namespace).await.ok()?.is_none().then_some(()) };
    wait_for("the namespace to be gone", gone).await;
}

async fn at_risk(scene: &Scene) -> bool {
    let (_, metrics) = scene.operator(0).get("/metrics").await;
    metrics.contains("reason=\"MoneyAtRisk\"")
}

#[tokio::test]
async fn a_deleted_namespace_gives_card_money_back() {
    let card = Card::start().await;
    let scene = shop("ns-card", &card, "5m", 4).await;
    let brought = scene.delivery_of("order-3").await.name_any();
    assert!(scene.deliver(&brought).await);
    scene.row("order-3", State::Completed).await;
    // The provider fails at first.
    card.provider.set(Faults { fail: Some(Switch::times(3).on(&[CallKind::Void])), ..Faults::default() });
    delete(&scene).await;
    gone(&scene).await;
    assert_eq!(card.moved(), (4, 3), "what was brought is paid, the rest is given back");
    assert!(!at_risk(&scene).await);
}

#[tokio::test]
async fn a_provider_that_never_answers_holds_a_deleted_namespace_for_a_bounded_time() {
    let card = Card::start().await;
    let scene = shop("ns-silent", &card, "4s", 2).await;
    card.provider.set(Faults { down: Some(Switch::always()), ..Faults::default() });
    let (began, params) = (std::time::Instant::now(), Default::default());
    delete(&scene).await;
    let platforms: Api<OrderPlatform> = scene.api();
    wait_for("the platform to be asked to go", || async {
        platforms.list(&params).await.ok()?.items.pop()?.metadata.deletion_timestamp
    })
    .await;
    gone(&scene).await;
    assert!(began.elapsed() >= Duration::from_secs(4), "it was tried for as long as the platform says");
    let (_, metrics) = scene.operator(0).get("/metrics").await;
    assert!(metrics.contains("jumun_facts_total{kind=\"Payment\",reason=\"MoneyAtRisk\"} 2"), "{metrics}");
    let log = format!("{}/{}-0.log", env!("CARGO_TARGET_TMPDIR"), scene.namespace);
    let log = std::fs::read_to_string(log).unwrap();
    assert!(log.contains("Money at risk: 1000 KRW at card under key jumun-"), "{log}");
}

#[tokio::test]
async fn a_platform_stays_while_charges_at_its_providers_stand() {
    let card = Card::start().await;
    let scene = shop("op-stays", &card, "5m", 1).await;
    let platforms: Api<OrderPlatform> = scene.api();
    platforms.delete("default", &DeleteParams::default()).await.unwrap();
    scene.cancel("order-0").await;
    scene.row("order-0", State::Cancelled).await;
    assert_eq!(card.moved(), (1, 1), "the provider could still be asked");
    let gone = || async { platforms.get_opt("default").await.ok()?.is_none().then_some(()) };
    wait_for("the platform to be gone", gone).await;
    scene.finish().await;
}

pub fn release(scene: &Scene, more: &[&str]) -> Output {
    std::process::Command::new(env!("CARGO_BIN_EXE_jumun"))
        .args(["release", "-n", &scene.namespace, "--ask-for", "3"])
        .args(more)
        .env("KUBECONFIG", &scene.plane.admin)
        .output()
        .expect("jumun release")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn release_asks_the_provider_first_and_says_what_it_leaves() {
    let card = Card::start().await;
    let mut scene = shop("release-card", &card, "5m", 3).await;
    scene.kill_operator(0);
    let claim = json!({ "spec": { "courier": { "name": "park", "zone": "gangnam" }, "progress": "PickedUp" } });
    let brought = scene.delivery_of("order-0").await.name_any();
    scene.patch::<Delivery>(&brought, claim).await.unwrap();
    scene.patch::<Delivery>(&brought, json!({ "spec": { "progress": "Delivered" } })).await.unwrap();
    let api: Api<Payment> = scene.api();
    delete(&scene).await;
    wait_for("the payments to be marked", || async {
        let payments = api.list(&Default::default()).await.ok()?.items;
        payments.iter().all(|payment| payment.metadata.deletion_timestamp.is_some()).then_some(())
    })
    .await;
    card.provider.set(Faults { down: Some(Switch::always()), ..Faults::default() });
    let kept = release(&scene, &[]);
    let said = String::from_utf8_lossy(&kept.stdout).into_owned();
    assert!(
        !kept.status.success() && said.matches("money at risk: 1000 KRW at card under key jumun-").count() == 2,
        "{said}"
    );
    assert!(String::from_utf8_lossy(&kept.stderr).contains("--leave-charges"));
    assert_eq!(api.list(&Default::default()).await.unwrap().items.len(), 2, "they stay");
    card.provider.set(Faults::default());
    let asked = release(&scene, &[]);
    let said = String::from_utf8_lossy(&asked.stdout).into_owned();
    assert!(asked.status.success() && said.matches("given back: 1000 jumun-").count() == 2, "{said}");
    assert_eq!(card.moved(), (3, 2), "what was brought is paid");
    let done = || async {
        release(&scene, &[]);
        namespaces(&scene).get_opt(&scene.namespace).await.ok()?.is_none().then_some(())
    };
    wait_for("the namespace to be gone", done).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn release_leaves_charges_only_when_it_is_told_to() {
    let card = Card::start().await;
    let mut scene = shop("release-leave", &card, "5m", 1).await;
    scene.kill_operator(0);
    delete(&scene).await;
    card.provider.set(Faults { down: Some(Switch::always()), ..Faults::default() });
    let done = || async {
        let output = release(&scene, &["--leave-charges"]);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        namespaces(&scene).get_opt(&scene.namespace).await.ok()?.is_none().then_some(Value::Null)
    };
    wait_for("the namespace to be gone", done).await;
    assert_eq!(card.moved(), (1, 0));
}
