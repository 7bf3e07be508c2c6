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
    let mut operator = 0;
    for kill in 0..20 {
        for n in 0..5 {
            let number = kill * 5 + n;
            world.order(&format!("order-{number}"), "alice", &format!("product-{}", number % 4), 1).await;
            if number % 3 == 0 {
                world.cancel(&format!("order-{number}")).await;
            }
        }
        // A moment somewhere between the start of the operator and a finished order.
        tokio::time::sleep(Duration::from_millis(random.random_range(20..700))).await;
        world.kill_operator(operator);
        courier_round(&world).await;
        operator = world.start_operator(&[]);
    }
    while world.open_orders().await > 0 {
        courier_round(&world).await;
    }
    let ends = world.all_ends().await;
    let (completed, cancelled) = (ends["Completed"], ends["Cancelled"]);
    assert_eq!(completed + cancelled, 100, "{ends:?}");
    assert_eq!(world.money("alice").await.1, 100 * completed as i64);
    rows(&world, 100).await;
    for n in 0..4 {
        world.settled_stock(&format!("product-{n}")).await;
    }
    world.finish().await;
}

/// A courier delivers whatever can be delivered at this moment.
async fn courier_round(world: &World) {
    let api = world.api::<jumun::crd::Delivery>();
    for delivery in api.list(&Default::default()).await.expect("deliveries") {
        if delivery.spec.hold.is_none() && delivery.spec.progress.is_none() {
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
