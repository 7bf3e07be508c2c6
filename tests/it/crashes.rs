//! The operator dies: nothing is lost, nothing is done twice.

use std::time::Duration;

use rand::{Rng, SeedableRng, rngs::StdRng};

use crate::books::rows;
use crate::harness::Scene;

#[tokio::test]
async fn twenty_kills_while_a_hundred_orders_are_under_way() {
    let seed = std::env::var("JUMUN_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or_else(rand::random);
    println!("JUMUN_SEED={seed}");
    let mut random = StdRng::seed_from_u64(seed);
    let mut scene = Scene::new("kills", 1).await;
    scene.shop().await;
    for n in 0..4 {
        scene.product(&format!("product-{n}"), 100, 1_000).await;
    }
    scene.wallet("alice", 1_000_000).await;
    scene.orders_at_once(100, |n| (format!("order-{n}"), format!("product-{}", n % 4))).await;
    let mut operator = 0;
    for kill in 0..20 {
        scene.cancel(&format!("order-{}", kill * 5)).await;
        // A moment somewhere between the start of the operator and a finished order.
        tokio::time::sleep(Duration::from_millis(random.random_range(20..700))).await;
        scene.kill_operator(operator);
        couriers_act(&scene, &mut random).await;
        operator = scene.start_operator(&[]);
    }
    while scene.open_orders().await > 0 {
        couriers_act(&scene, &mut random).await;
    }
    let ends = scene.all_ends().await;
    let (completed, cancelled) = (ends["Completed"], ends["Cancelled"]);
    println!("{completed} completed, {cancelled} cancelled");
    assert_eq!(completed + cancelled, 100, "{ends:?}");
    assert_eq!(scene.money("alice").await.1, 100 * completed as i64);
    rows(&scene, 100).await;
    for n in 0..4 {
        scene.settled_stock(&format!("product-{n}")).await;
    }
    scene.finish().await;
}

/// Couriers deliver some of what can be delivered at this moment.
async fn couriers_act(scene: &Scene, random: &mut StdRng) {
    let api = scene.api::<jumun::crd::Delivery>();
    for delivery in api.list(&Default::default()).await.expect("deliveries") {
        if delivery.spec.hold.is_none() && delivery.spec.progress.is_none() && random.random_bool(0.3) {
            scene.deliver(delivery.metadata.name.as_deref().expect("a name")).await;
        }
    }
}

#[tokio::test]
async fn orders_placed_while_the_operator_is_down_are_caught_up() {
    let mut scene = Scene::new("down", 0).await;
    scene.shop().await;
    scene.product("mug", 100, 1_000).await;
    scene.wallet("alice", 1_000_000).await;
    scene.orders_at_once(20, |n| (format!("order-{n}"), "mug".to_owned())).await;
    for n in 0..5 {
        scene.cancel(&format!("order-{n}")).await;
    }
    scene.start_operator(&[]);
    crate::books::deliver_all(&scene, 15).await;
    let ends = scene.all_ends().await;
    assert_eq!((ends["Completed"], ends["Cancelled"]), (15, 5));
    rows(&scene, 20).await;
    scene.settled_stock("mug").await;
    scene.finish().await;
}
