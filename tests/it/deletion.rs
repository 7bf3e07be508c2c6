//! Deleting is a wish like any other: it undoes first.

use jumun::crd::{Delivery, Order, Payment, Product, Wallet};
use jumun::domain::ids::FINALIZER;
use jumun::domain::order::State;
use jumun::domain::wallet::Answer;
use k8s_openapi::api::core::v1::Namespace;
use kube::Api;
use kube::api::DeleteParams;
use serde_json::json;

use crate::harness::{Scene, wait_for};

async fn gone<K>(scene: &Scene, name: &str)
where
    K: kube::Resource<Scope = kube::core::NamespaceResourceScope, DynamicType = ()>
        + Clone
        + serde::de::DeserializeOwned
        + std::fmt::Debug,
{
    let api: Api<K> = scene.api();
    wait_for(&format!("{name} to be gone"), || async { api.get_opt(name).await.ok()?.is_none().then_some(()) }).await;
}

/// An order is deleted while it is delivered, then another is made under its name.
async fn delete_and_recreate(name: &str, how: DeleteParams) {
    let scene = Scene::new(name, 1).await;
    scene.shop().await;
    scene.product("mug", 1_000, 100).await;
    scene.wallet("alice", 50_000).await;
    scene.order("order-1", "alice", "mug", 10).await;
    let first = scene.delivery_of("order-1").await.metadata.name.unwrap();
    scene.row("order-1", State::Delivering).await;
    scene.orders().delete("order-1", &how).await.unwrap();
    gone::<Order>(&scene, "order-1").await;
    assert_eq!(scene.money("alice").await, (50_000, 0), "undone before it went");
    assert_eq!(scene.settled_stock("mug").await, (100, 0));
    assert!(!scene.deliver(&first).await, "the courier was stopped");
    let row = scene.row("order-1", State::Cancelled).await;
    assert_eq!(row.status.unwrap().reason.as_deref(), Some("Deleted"), "the row outlives its order");

    scene.order("order-1", "alice", "mug", 3).await;
    let second = wait_for("a delivery of its own", || async {
        let delivery = scene.delivery_of("order-1").await.metadata.name?;
        (delivery != first).then_some(delivery)
    })
    .await;
    assert!(scene.deliver(&second).await);
    assert_eq!(scene.end_of("order-1").await, State::Completed);
    assert_eq!(scene.money("alice").await, (47_000, 3_000));
    scene.row("order-1", State::Completed).await;
    gone::<Payment>(&scene, &first).await;
    gone::<Delivery>(&scene, &first).await;

    // Deleting an ended order undoes nothing.
    scene.orders().delete("order-1", &how).await.unwrap();
    gone::<Order>(&scene, "order-1").await;
    gone::<Payment>(&scene, &second).await;
    gone::<Delivery>(&scene, &second).await;
    assert_eq!(scene.money("alice").await, (47_000, 3_000));
    assert_eq!(scene.settled_stock("mug").await, (97, 3));
    scene.row("order-1", State::Completed).await;
    scene.finish().await;
}

#[tokio::test]
async fn an_order_deleted_in_the_background_is_undone_first() {
    delete_and_recreate("delete-background", DeleteParams::background()).await;
}

#[tokio::test]
async fn an_order_deleted_in_the_foreground_is_undone_first() {
    delete_and_recreate("delete-foreground", DeleteParams::foreground()).await;
}

#[tokio::test]
async fn an_order_deleted_with_its_children_orphaned_is_undone_first() {
    delete_and_recreate("delete-orphan", DeleteParams::orphan()).await;
}

#[tokio::test]
async fn children_deleted_by_hand_work_on_until_their_order_has_ended() {
    let scene = Scene::new("delete-children", 1).await;
    scene.shop().await;
    scene.product("mug", 1_000, 100).await;
    scene.wallet("alice", 50_000).await;
    for (order, wish) in [("kept", false), ("cancelled", true)] {
        scene.order(order, "alice", "mug", 1).await;
        let child = scene.delivery_of(order).await.metadata.name.unwrap();
        scene.api::<Payment>().delete(&child, &DeleteParams::default()).await.unwrap();
        scene.api::<Delivery>().delete(&child, &DeleteParams::default()).await.unwrap();
        if wish {
            scene.cancel(order).await;
            assert_eq!(scene.end_of(order).await, State::Cancelled);
        } else {
            assert!(scene.deliver(&child).await);
            assert_eq!(scene.end_of(order).await, State::Completed);
        }
        gone::<Payment>(&scene, &child).await;
        gone::<Delivery>(&scene, &child).await;
    }
    assert_eq!(scene.money("alice").await, (49_000, 1_000));
    assert_eq!(scene.settled_stock("mug").await, (99, 1));
    scene.row("kept", State::Completed).await;
    scene.row("cancelled", State::Cancelled).await;
    scene.finish().await;
}

#[tokio::test]
async fn ledgers_stay_until_no_open_order_refers_to_them() {
    let scene = Scene::new("delete-ledgers", 1).await;
    crate::outside::platform(&scene, None, None, json!({ "intake": { "referencePatience": "300ms" } })).await;
    scene.shop().await;
    scene.product("mug", 1_000, 100).await;
    scene.wallet("alice", 50_000).await;
    scene.order("order-1", "alice", "mug", 1).await;
    let delivery = scene.delivery_of("order-1").await.metadata.name.unwrap();
    scene.api::<Product>().delete("mug", &DeleteParams::default()).await.unwrap();
    scene.api::<Wallet>().delete("alice", &DeleteParams::default()).await.unwrap();
    // Nothing new is sold from what is going away.
    scene.order("order-2", "alice", "mug", 1).await;
    assert_eq!(scene.end_of("order-2").await, State::Invalid);
    assert!(scene.api::<Wallet>().get_opt("alice").await.unwrap().is_some(), "an open order refers to it");
    scene.cancel("order-1").await;
    assert_eq!(scene.end_of("order-1").await, State::Cancelled);
    assert!(!scene.deliver(&delivery).await);
    gone::<Product>(&scene, "mug").await;
    gone::<Wallet>(&scene, "alice").await;
    scene.row("order-1", State::Cancelled).await;
    scene.row("order-2", State::Invalid).await;
    scene.finish().await;
}

#[tokio::test]
async fn a_refund_to_a_wallet_that_is_gone_is_stalled_until_it_was_made_by_hand() {
    let scene = Scene::new("wallet-gone", 1).await;
    scene.shop().await;
    scene.product("mug", 1_000, 100).await;
    scene.wallet("alice", 50_000).await;
    scene.order("order-1", "alice", "mug", 1).await;
    let name = scene.delivery_of("order-1").await.metadata.name.unwrap();
    scene.row("order-1", State::Delivering).await;
    scene.api::<Wallet>().delete("alice", &DeleteParams::default()).await.unwrap();
    crate::protection::let_go::<Wallet>(&scene, "alice").await;
    gone::<Wallet>(&scene, "alice").await;
    scene.cancel("order-1").await;
    let api = scene.orders();
    let message = wait_for("the order to be stalled", || async {
        let conditions = api.get("order-1").await.ok()?.status?.conditions;
        conditions.into_iter().find(|condition| condition.type_ == "Stalled").map(|condition| condition.message)
    })
    .await;
    assert!(message.contains("1000 KRW") && message.contains("refundedByHand"), "{message}");
    assert!(!scene.deliver(&name).await, "it stays held");
    scene.patch::<Payment>(&name, json!({ "spec": { "refundedByHand": true } })).await.unwrap();
    assert_eq!(scene.end_of("order-1").await, State::Cancelled);
    assert_eq!(scene.settled_stock("mug").await, (100, 0));
    scene.row("order-1", State::Cancelled).await;
    // The ledger is gone, so its books are not judged.
}

#[tokio::test]
async fn a_wallet_pays_for_no_order_that_is_gone() {
    let mut scene = Scene::new("order-gone", 0).await;
    scene.shop().await;
    scene.product("mug", 1_000, 100).await;
    let wallet = scene.wallet("alice", 50_000).await;
    // What `jumun release` may leave: the order is gone, its payment was not charged yet.
    let spec = json!({
        "order": { "name": "order-1", "uid": "00000000-0000-4000-8000-000000000001" },
        "method": "Wallet", "wallet": { "name": "alice", "uid": wallet.metadata.uid },
        "amount": { "amount": 1_000, "currency": "KRW" },
    });
    scene.create::<Payment>(json!({ "metadata": { "name": "left", "finalizers": [FINALIZER] }, "spec": spec })).await;
    scene.start_operator(&[]);
    scene.order("order-2", "alice", "mug", 3).await;
    let name = scene.delivery_of("order-2").await.metadata.name.unwrap();
    assert!(scene.deliver(&name).await);
    assert_eq!(scene.end_of("order-2").await, State::Completed);
    scene.row("order-2", State::Completed).await;
    scene.settled_stock("mug").await;
    let status = scene.api::<Wallet>().get("alice").await.unwrap().status.unwrap();
    // Of the one that was sold the entry may have gone by now, but not what it stood for.
    let taken = status.entries.iter().filter(|entry| entry.answer == Answer::Charged);
    assert!(status.charged.amount == 3_000 && taken.count() <= 1, "{status:?}");
    let left = |entry: &&jumun::domain::wallet::Entry| entry.order == "00000000-0000-4000-8000-000000000001";
    assert!(status.entries.iter().filter(left).all(|entry| entry.answer == Answer::Void), "{status:?}");
    gone::<Payment>(&scene, "left").await;
    scene.finish().await;
}

#[tokio::test]
async fn a_namespace_with_orders_under_way_goes_away() {
    let scene = Scene::new("namespace", 1).await;
    scene.shop().await;
    scene.product("mug", 1_000, 100).await;
    scene.wallet("alice", 50_000).await;
    scene.orders_at_once(10, |n| (format!("order-{n}"), "mug".to_owned())).await;
    scene.delivery_of("order-3").await;
    scene.cancel("order-5").await;
    let namespaces: Api<Namespace> = Api::all(scene.client.clone());
    namespaces.delete(&scene.namespace, &DeleteParams::default()).await.unwrap();
    wait_for("the namespace to be gone", || async {
        namespaces.get_opt(&scene.namespace).await.ok()?.is_none().then_some(())
    })
    .await;
}

#[tokio::test]
async fn release_lets_a_namespace_go_when_no_operator_runs() {
    let mut scene = Scene::new("release", 1).await;
    scene.store("shop", json!({ "seller": "kim", "fulfilment": "Kitchen" })).await;
    scene.product("mug", 1_000, 100).await;
    scene.wallet("alice", 50_000).await;
    scene.order("order-1", "alice", "mug", 1).await;
    let delivery = scene.delivery_of("order-1").await;
    let ticket = scene.ticket_of("order-1").await;
    assert!(!ticket.metadata.finalizers.unwrap_or_default().is_empty());
    assert!(!delivery.metadata.finalizers.unwrap_or_default().is_empty());
    scene.kill_operator(0);
    let namespaces: Api<Namespace> = Api::all(scene.client.clone());
    let release = || {
        let output = std::process::Command::new(env!("CARGO_BIN_EXE_jumun"))
            .args(["release", "-n", &scene.namespace])
            .env("KUBECONFIG", &scene.plane.admin)
            .output()
            .expect("jumun release");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    assert!(release().contains("0 objects let go"), "what is not being deleted is left alone");
    namespaces.delete(&scene.namespace, &DeleteParams::default()).await.unwrap();
    let api: Api<Wallet> = scene.api();
    wait_for("the wallet to be marked", || async { api.get("alice").await.ok()?.metadata.deletion_timestamp }).await;
    assert!(release().contains("Wallet alice"));
    wait_for("the namespace to be gone", || async {
        release();
        namespaces.get_opt(&scene.namespace).await.ok()?.is_none().then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_deleted_row_comes_back_the_same() {
    let scene = Scene::new("row", 1).await;
    scene.shop().await;
    scene.product("mug", 1_000, 100).await;
    scene.wallet("alice", 50_000).await;
    scene.order("order-1", "alice", "mug", 2).await;
    let before = scene.row("order-1", State::Delivering).await;
    let api = scene.api::<jumun::crd::OrderView>();
    api.delete("order-1", &DeleteParams::default()).await.unwrap();
    let after = wait_for("the row to come back", || async {
        let row = api.get_opt("order-1").await.ok()??;
        (row.metadata.uid != before.metadata.uid).then_some(row)
    })
    .await;
    assert_eq!(json!([before.spec, before.status]), json!([after.spec, after.status]));
    scene.cancel("order-1").await;
    scene.row("order-1", State::Cancelled).await;
    scene.finish().await;
}
