//! Every kind that is built, at once, on a cluster that serves all of them.

use jumun::platform::TYPES;
use serde_json::json;

use crate::harness::wait_for;
use crate::platform::{FAKE, Platform};
use crate::restored::{built, each_stands_again};
use crate::testbed::{GATEWAY, bed};

#[tokio::test(flavor = "multi_thread")]
async fn each_kind_that_is_built_stands_again_within_seconds_where_all_of_them_are_served() {
    let bed = bed().await;
    bed.gateway().await;
    bed.buffers().await;
    let small = json!({ "requests": { "cpu": "10m" } });
    let spec = json!({
        "image": FAKE, "config": { "LOG_LEVEL": "info" }, "headroom": { "pods": 1, "resources": small },
        "gateway": { "className": "traefik", "hostname": "every.example", "port": GATEWAY },
        "workloads": { "command": { "autoscaling": { "minReplicas": 1, "maxReplicas": 3, "cpuPercent": 50 } } },
    });
    let platform = Platform::new(bed, "every", spec).await;
    platform.says("RoutesAccepted", "True", "").await;
    platform.says("WorkloadsAvailable", "True", "").await;
    let kinds = TYPES.map(|type_| type_.plural).join(",");
    let restored = each_stands_again(&platform.scene, &kinds).await;
    assert_eq!(restored, TYPES.map(|type_| type_.kind.to_owned()).into(), "each kind that is built");
    platform.says("RoutesAccepted", "True", "").await;
    platform.says("WorkloadsAvailable", "True", "").await;
    // And goes with what asked for it.
    platform.set(json!({ "gateway": null, "headroom": null })).await;
    wait_for("what is not asked for any more to go", || async {
        built(&platform.scene, "gateways,httproutes,podtemplates,capacitybuffers").is_empty().then_some(())
    })
    .await;
}
