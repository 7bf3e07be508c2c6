//! Many orders at once on one ledger: exactly what is there is given out, by one operator and by two.

use futures::future::join_all;
use serde::Deserialize;

use jumun::domain::order::State;

use crate::harness::{Scene, wait_for};

async fn two_hundred_orders_on_stock_for_120(operators: usize) {
    let scene = Scene::new(&format!("stock-{operators}"), operators).await;
    scene.shop().await;
    scene.product("mug", 10, 120).await;
    scene.wallet("alice", 1_000_000).await;
    scene.orders_at_once(200, |n| (format!("order-{n}"), "mug".to_owned())).await;
    let deliveries = deliver_all(&scene, 120).await;
    assert_eq!(deliveries, 120);
    let ends = scene.all_ends().await;
    assert_eq!((ends["Completed"], ends["OutOfStock"], ends.len()), (120, 80, 2), "{ends:?}");
    assert_eq!(scene.settled_stock("mug").await, (0, 120));
    assert_eq!(scene.money("alice").await, (1_000_000 - 1_200, 1_200));
    rows(&scene, 200).await;
    assert!(scene.finish().await.orders == 200);
}

#[tokio::test]
async fn exactly_120_of_200_orders_are_served() {
    two_hundred_orders_on_stock_for_120(1).await;
}

#[tokio::test]
async fn exactly_120_of_200_orders_are_served_by_two_operators() {
    two_hundred_orders_on_stock_for_120(2).await;
}

async fn one_wallet_covers_only_some(operators: usize) {
    let scene = Scene::new(&format!("money-{operators}"), operators).await;
    scene.shop().await;
    for n in 0..5 {
        scene.product(&format!("product-{n}"), 100, 1_000).await;
    }
    scene.wallet("alice", 12_033).await;
    scene.orders_at_once(200, |n| (format!("order-{n}"), format!("product-{}", n % 5))).await;
    deliver_all(&scene, 120).await;
    let ends = scene.all_ends().await;
    assert_eq!((ends["Completed"], ends["PaymentFailed"], ends.len()), (120, 80, 2), "{ends:?}");
    assert_eq!(scene.money("alice").await, (33, 12_000));
    rows(&scene, 200).await;
    scene.finish().await;
}

#[tokio::test]
async fn a_wallet_that_covers_120_of_200_orders_pays_120() {
    one_wallet_covers_only_some(1).await;
}

#[tokio::test]
async fn a_wallet_that_covers_120_of_200_orders_pays_120_with_two_operators() {
    one_wallet_covers_only_some(2).await;
}

/// Delivers until `count` deliveries were taken.
pub async fn deliver_all(scene: &Scene, count: usize) -> usize {
    let names: Vec<String> = wait_for("the deliveries", || async {
        let deliveries = scene.recorder.standing("Delivery");
        let ready = deliveries.iter().filter(|delivery| delivery["spec"]["ready"] == true);
        let names: Vec<_> = ready.filter_map(|delivery| delivery["metadata"]["name"].as_str()).collect();
        (names.len() >= count).then(|| names.into_iter().map(str::to_owned).collect())
    })
    .await;
    join_all(names.iter().map(|name| scene.deliver(name))).await.into_iter().filter(|delivered| *delivered).count()
}

/// Waits until every row shows its order's end.
pub async fn rows(scene: &Scene, count: usize) {
    wait_for("every row to show the end", || async {
        let rows = scene.recorder.standing("OrderView");
        let shown = rows.iter().filter_map(|row| State::deserialize(&row["status"]["order"]).ok());
        (shown.filter(|state| state.is_end()).count() == count).then_some(())
    })
    .await;
}
