//! Nothing happens: nothing is written, and little memory is taken.

use std::time::Duration;

use crate::books::{deliver_all, rows};
use crate::harness::Scene;

#[tokio::test]
async fn quiet_is_silent() {
    let scene = Scene::new("quiet", 1).await;
    scene.shop().await;
    for n in 0..10 {
        scene.product(&format!("product-{n}"), 100, 1_000).await;
    }
    scene.wallet("alice", 1_000_000).await;
    for batch in 0..10 {
        scene.orders_at_once(20, |n| (format!("order-{batch}-{n}"), format!("product-{}", n % 10))).await;
    }
    // A few stay open: waiting for a courier is silent too.
    deliver_all(&scene, 200).await;
    scene.all_ends().await;
    for n in 0..5 {
        scene.order(&format!("open-{n}"), "alice", "product-1", 1).await;
        scene.delivery_of(&format!("open-{n}")).await;
    }
    rows(&scene, 200).await;
    // What may still come is a wait that is written down once it has lasted, and stock that is settled late.
    scene.quiet_for(Duration::from_secs(8)).await;
    let (versions, calls) = (scene.recorder.seen(), scene.operator(0).calls().await);
    tokio::time::sleep(Duration::from_secs(120)).await;
    assert_eq!(scene.recorder.seen(), versions, "no object has changed");
    assert_eq!(scene.operator(0).calls().await, calls, "no call was made, not even one that changes nothing");
    for n in 0..5 {
        scene.cancel(&format!("open-{n}")).await;
    }
    scene.all_ends().await;
    rows(&scene, 205).await;
    for n in 0..10 {
        scene.settled_stock(&format!("product-{n}")).await;
    }
    scene.finish().await;
}

#[tokio::test]
async fn an_empty_operator_holds_less_than_8_mib_of_its_own() {
    let scene = Scene::new("empty", 1).await;
    scene.quiet_for(Duration::from_secs(3)).await;
    let status = std::fs::read_to_string(format!("/proc/{}/status", scene.operator(0).pid())).expect("it lives");
    // The program itself is shared by all that run it, and larger here than in the image.
    let own = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).expect("RssAnon");
    let kib: usize = own.trim().trim_end_matches(" kB").parse().expect("a number");
    println!("{kib} KiB of its own");
    assert!(kib < 8 * 1024, "{kib} KiB: does the allocator take huge pages again?");
    scene.finish().await;
}
