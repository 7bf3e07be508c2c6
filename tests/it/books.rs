//! Many orders at once on one ledger: exactly what is there is given out, by one operator and by two.

use futures::future::join_all;
use serde::Deserialize;

use jumun::domain::order::State;

use crate::harness::{World, wait_for};

async fn two_hundred_orders_on_stock_for_120(operators: usize) {
    let world = World::new(&format!("stock-{operators}"), operators).await;
    world.shop().await;
    world.product("mug", 10, 120).await;
    world.wallet("alice", 1_000_000).await;
    world.orders_at_once(200, |n| (format!("order-{n}"), "mug".to_owned())).await;
    let deliveries = deliver_all(&world, 120).await;
    assert_eq!(deliveries, 120);
    let ends = world.all_ends().await;
    assert_eq!((ends["Completed"], ends["OutOfStock"], ends.len()), (120, 80, 2), "{ends:?}");
    assert_eq!(world.settled_stock("mug").await, (0, 120));
    assert_eq!(world.money("alice").await, (1_000_000 - 1_200, 1_200));
    rows(&world, 200).await;
    assert!(world.finish().await.orders == 200);
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
    let world = World::new(&format!("money-{operators}"), operators).await;
    world.shop().await;
    for n in 0..5 {
        world.product(&format!("product-{n}"), 100, 1_000).await;
    }
    world.wallet("alice", 12_033).await;
    world.orders_at_once(200, |n| (format!("order-{n}"), format!("product-{}", n % 5))).await;
    deliver_all(&world, 120).await;
    let ends = world.all_ends().await;
    assert_eq!((ends["Completed"], ends["PaymentFailed"], ends.len()), (120, 80, 2), "{ends:?}");
    assert_eq!(world.money("alice").await, (33, 12_000));
    rows(&world, 200).await;
    world.finish().await;
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
pub async fn deliver_all(world: &World, count: usize) -> usize {
    let names: Vec<String> = wait_for("the deliveries", || async {
        let deliveries = world.recorder.standing("Delivery");
        let ready = deliveries.iter().filter(|delivery| delivery["spec"]["ready"] == true);
        let names: Vec<_> = ready.filter_map(|delivery| delivery["metadata"]["name"].as_str()).collect();
        (names.len() >= count).then(|| names.into_iter().map(str::to_owned).collect())
    })
    .await;
    join_all(names.iter().map(|name| world.deliver(name))).await.into_iter().filter(|delivered| *delivered).count()
}

/// Waits until every row shows its order's end.
pub async fn rows(world: &World, count: usize) {
    wait_for("every row to show the end", || async {
        let rows = world.recorder.standing("OrderView");
        let shown = rows.iter().filter_map(|row| State::deserialize(&row["status"]["order"]).ok());
        (shown.filter(|state| state.is_end()).count() == count).then_some(())
    })
    .await;
}
