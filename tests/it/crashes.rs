//! The operator dies: nothing is lost, nothing is done twice.

use std::time::Duration;

use rand::{Rng, SeedableRng, rngs::StdRng};

use crate::books::rows;
use crate::harness::World;

#[tokio::test]
async fn twenty_kills_while_a_hundred_orders_are_under_way() {
    let seed = std::env::var("JUMUN_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or_else(rand::random);
    println!("JUMUN_SEED={seed}");
    let mut random = StdRng::seed_from_u64(seed);
    let mut world = World::new("kills", 1).await;
    world.shop().await;
    for n in 0..4 {
        world.product(&format!("product-{n}"), 100, 1_000).await;
    }
    world.wallet("alice", 1_000_000).await;
    world.orders_at_once(100, |n| (format!("order-{n}"), format!("product-{}", n % 4))).await;
    let mut operator = 0;
    for kill in 0..20 {
        world.cancel(&format!("order-{}", kill * 5)).await;
        // A moment somewhere between the start of the operator and a finished order.
        tokio::time::sleep(Duration::from_millis(random.random_range(20..700))).await;
        world.kill_operator(operator);
        couriers_act(&world, &mut random).await;
        operator = world.start_operator(&[]);
    }
    while world.open_orders().await > 0 {
        couriers_act(&world, &mut random).await;
    }
    let ends = world.all_ends().await;
    let (completed, cancelled) = (ends["Completed"], ends["Cancelled"]);
    println!("{completed} completed, {cancelled} cancelled");
    assert_eq!(completed + cancelled, 100, "{ends:?}");
    assert_eq!(world.money("alice").await.1, 100 * completed as i64);
    rows(&world, 100).await;
    for n in 0..4 {
        world.settled_stock(&format!("product-{n}")).await;
    }
    world.finish().await;
}

/// Couriers deliver some of what can be delivered at this moment.
async fn couriers_act(world: &World, random: &mut StdRng) {
    let api = world.api::<jumun::crd::Delivery>();
    for delivery in api.list(&Default::default()).await.expect("deliveries") {
        if delivery.spec.hold.is_none() && delivery.spec.progress.is_none() && random.random_bool(0.3) {
            world.deliver(delivery.metadata.name.as_deref().expect("a name")).await;
        }
    }
}

#[tokio::test]
async fn orders_placed_while_the_operator_is_down_are_caught_up() {
    let mut world = World::new("down", 0).await;
    world.shop().await;
    world.product("mug", 100, 1_000).await;
    world.wallet("alice", 1_000_000).await;
    world.orders_at_once(20, |n| (format!("order-{n}"), "mug".to_owned())).await;
    for n in 0..5 {
        world.cancel(&format!("order-{n}")).await;
    }
    world.start_operator(&[]);
    crate::books::deliver_all(&world, 15).await;
    let ends = world.all_ends().await;
    assert_eq!((ends["Completed"], ends["Cancelled"]), (15, 5));
    rows(&world, 20).await;
    world.settled_stock("mug").await;
    world.finish().await;
}
