//! A member that renews its Lease and does nothing else. Each step of what is its own stands for as long as that takes to
//! show: this is the longest of the tests, so that its name comes first.

use std::time::Duration;

use k8s_openapi::api::coordination::v1::Lease;
use kube::Api;
use kube::api::{Patch, PatchParams, PostParams};
use serde_json::json;

use crate::harness::{Scene, wait_for};
use crate::outside::{Card, Endpoint};
use crate::sharing::{agree, carry, figure, open, place};

/// A Lease that is renewed, and nobody who works for it.
async fn ghost(scene: &Scene, works: &str) -> tokio::task::JoinSet<()> {
    let leases: Api<Lease> = scene.api();
    let lease = json!({
        "metadata": { "name": "ghost", "labels": { "jumun.dev/member": "ghost" },
                      "annotations": { "jumun.dev/works-on": works } },
        "spec": { "holderIdentity": "ghost" },
    });
    leases.create(&PostParams::default(), &serde_json::from_value(lease).unwrap()).await.expect("a Lease");
    let mut renewing = tokio::task::JoinSet::new();
    renewing.spawn(async move {
        let mut tick = tokio::time::interval(Duration::from_secs(2));
        for turn in 0.. {
            tick.tick().await;
            let patch = Patch::Merge(json!({ "spec": { "leaseTransitions": turn } }));
            leases.patch("ghost", &PatchParams::default(), &patch).await.expect("renewed");
        }
    });
    renewing
}

#[tokio::test]
async fn what_belongs_to_a_member_that_hangs_is_done_by_the_next_in_line() {
    let (seller, card) = (Endpoint::start().await, Card::start().await);
    let scene = Scene::new("ghost", 2).await;
    open(&scene, &seller, &card).await;
    agree(&scene, &[0, 1]).await;
    let _renewing = ghost(&scene, "Order").await;
    for operator in [0, 1] {
        wait_for("the ghost to be seen", || async {
            (figure(&scene, operator, "jumun_sharing_members", "\"Order\"").await == 3).then_some(())
        })
        .await;
    }
    place(&scene, "order", 16).await;
    carry(&scene).await;
    let instead = async |operator| figure(&scene, operator, "jumun_work_taken_over_total", "\"Order\"").await;
    assert!(instead(0).await + instead(1).await > 0, "none of 16 orders was the ghost's");
    assert_eq!(figure(&scene, 0, "jumun_members", "\"Order\"").await, 3, "it was there all the time");
    assert_eq!(card.moved(), (4, 1));
    scene.finish().await;
}
