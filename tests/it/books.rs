//! Many orders at once on one ledger: exactly what is there is given out, by one operator and by two.

use futures::future::join_all;

use jumun::domain::order::State;

use crate::harness::World;

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
    let api = world.api::<jumun::crd::Delivery>();
    let names: Vec<String> = crate::harness::wait_for("the deliveries", || async {
        let list = api.list(&Default::default()).await.ok()?.items;
        let list: Vec<_> = list.into_iter().filter(|delivery| delivery.spec.ready).collect();
        (list.len() >= count).then(|| list.into_iter().filter_map(|delivery| delivery.metadata.name).collect())
    })
    .await;
    join_all(names.iter().map(|name| world.deliver(name))).await.into_iter().filter(|delivered| *delivered).count()
}

/// Waits until every row shows its order's end.
pub async fn rows(world: &World, count: usize) {
    let api = world.api::<jumun::crd::OrderView>();
    crate::harness::wait_for("every row to show the end", || async {
        let list = api.list(&Default::default()).await.ok()?.items;
        let ended = list.iter().filter(|view| view.status.as_ref().is_some_and(|status| status.order.is_end())).count();
        (ended == count).then_some(())
    })
    .await;
}

#[tokio::test]
async fn restocking_and_topping_up_count_at_once() {
    let world = World::new("restock", 1).await;
    world.shop().await;
    world.product("mug", 1_000, 1).await;
    world.wallet("alice", 500).await;
    world.order("dear", "alice", "mug", 1).await;
    assert_eq!(world.end_of("dear").await, State::PaymentFailed);
    let top_up = serde_json::json!({ "spec": { "deposited": { "amount": 2_500 } } });
    world.patch::<jumun::crd::Wallet>("alice", top_up).await.unwrap();
    world.order("first", "alice", "mug", 1).await;
    let delivery = world.delivery_of("first").await.metadata.name.unwrap();
    world.order("second", "alice", "mug", 1).await;
    assert_eq!(world.end_of("second").await, State::OutOfStock);
    let less = world.patch::<jumun::crd::Product>("mug", serde_json::json!({ "spec": { "stock": 0 } })).await;
    assert!(less.unwrap_err().to_string().contains("cannot be less than what is reserved and sold"));
    world.patch::<jumun::crd::Product>("mug", serde_json::json!({ "spec": { "stock": 2 } })).await.unwrap();
    world.order("third", "alice", "mug", 1).await;
    let other = world.delivery_of("third").await.metadata.name.unwrap();
    assert!(world.deliver(&delivery).await && world.deliver(&other).await);
    for (order, state) in [("first", State::Completed), ("third", State::Completed)] {
        assert_eq!(world.end_of(order).await, state);
    }
    assert_eq!(world.settled_stock("mug").await, (0, 2));
    assert_eq!(world.money("alice").await, (500, 2_000));
    rows(&world, 4).await;
    world.finish().await;
}
