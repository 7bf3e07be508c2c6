//! From one OrderPlatform to workloads that run, and an order that they carry to its end.

use jumun::domain::order::State;
use serde_json::json;

use crate::platform::{LIVE, Platform, groups, quick};
use crate::testbed::bed;

#[tokio::test(flavor = "multi_thread")]
async fn one_platform_becomes_workloads_that_are_ready_and_complete_an_order() {
    let bed = bed().await;
    let platform = Platform::new(bed, "shop", json!({ "image": LIVE, "probes": quick() })).await;
    platform.says("WorkloadsAvailable", "True", "").await;
    platform.says("RightsGranted", "True", "").await;
    // The operator looks at what is built, the controllers that it built at the namespace: ready takes both.
    platform.says("Ready", "True", "").await;
    for component in ["controllers", "command", "query"] {
        let name = format!("jumun-{component}");
        let deployment = platform.deployment(&name).await;
        let owner = &deployment.metadata.owner_references.expect("an owner")[0];
        assert_eq!((owner.kind.as_str(), owner.controller), ("OrderPlatform", Some(true)));
        let pods = platform.pods(component).await;
        let [pod] = pods.as_slice() else { panic!("{} pods of {name}", pods.len()) };
        // Made by the ReplicaSet that the Deployment's controller made, placed by the scheduler, with an identity of its own.
        let spec = pod.spec.as_ref().expect("a spec");
        assert_eq!(pod.metadata.owner_references.as_ref().expect("an owner")[0].kind, "ReplicaSet");
        assert_eq!(spec.service_account_name.as_ref(), Some(&name));
        assert!(spec.node_name.as_ref().expect("a node").starts_with("node-"));
    }
    let scene = &platform.scene;
    scene.shop().await;
    scene.product("mug", 5_000, 10).await;
    scene.wallet("alice", 20_000).await;
    scene.order("one", "alice", "mug", 2).await;
    let delivery = scene.delivery_of("one").await.metadata.name.expect("a name");
    assert!(scene.deliver(&delivery).await, "the courier's steps are taken");
    assert_eq!(scene.end_of("one").await, State::Completed);
    scene.row("one", State::Completed).await;
    assert_eq!(scene.settled_stock("mug").await, (8, 2));
    assert_eq!(scene.money("alice").await, (10_000, 10_000));
    platform.scene.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn groups_of_controllers_share_an_order_each_with_its_own_rights() {
    let spec = json!({ "image": LIVE, "probes": quick(), "workloads": { "controllers": { "groups": groups() } } });
    let platform = Platform::new(bed().await, "groups", spec).await;
    platform.says("Ready", "True", "").await;
    let scene = &platform.scene;
    scene.store("shop", json!({ "seller": "kim", "zone": "gangnam", "fulfilment": "Kitchen" })).await;
    scene.product("stew", 9_000, 10).await;
    scene.wallet("alice", 20_000).await;
    scene.order("one", "alice", "stew", 1).await;
    scene.kitchen_step("one", json!({ "decision": "Accept" })).await.expect("accepted");
    scene.kitchen_step("one", json!({ "cooking": "Started" })).await.expect("started");
    scene.kitchen_step("one", json!({ "cooking": "Finished" })).await.expect("finished");
    let delivery = scene.delivery_of("one").await.metadata.name.expect("a name");
    crate::harness::wait_for("a delivery that can be claimed", || async {
        scene.deliver(&delivery).await.then_some(())
    })
    .await;
    assert_eq!(scene.end_of("one").await, State::Completed);
    // A second one is cancelled, so that every undo has its right, too.
    scene.order("two", "alice", "stew", 1).await;
    scene.ticket_of("two").await;
    scene.cancel("two").await;
    assert_eq!(scene.end_of("two").await, State::Cancelled);
    scene.row("two", State::Cancelled).await;
    platform.scene.finish().await;
}
