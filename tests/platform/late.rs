//! APIs that the cluster does not have at first: the platform says so, and notices when they come. The bed installs each
//! of them once for all tests, with these around it.

use serde_json::json;
use tokio::sync::OnceCell;

use crate::metrics::Metrics;
use crate::plane::sh;
use crate::platform::{FAKE, Platform};
use crate::testbed::{Bed, GATEWAY};

static METERED: OnceCell<Metrics> = OnceCell::const_new();
static GATEWAYS: OnceCell<()> = OnceCell::const_new();

impl Bed {
    /// The metrics APIs, registered by whoever asks first; before that the cluster has none.
    pub async fn metrics(&'static self) -> &'static Metrics {
        let come = || async {
            let metrics = Metrics::default();
            metrics_come(self, async || self.meter(metrics.clone()).await).await;
            metrics
        };
        METERED.get_or_init(come).await
    }

    /// Gateway API and a gateway that serves it, installed by whoever asks first; before that the cluster has neither.
    pub async fn gateway(&'static self) {
        let install = async || _ = sh(&format!("tools/cluster gateway platform {GATEWAY} 2>/dev/null"));
        GATEWAYS.get_or_init(|| gateways_come(self, install)).await;
    }
}

/// A platform that scales by a metric which nobody serves until `install` is over.
async fn metrics_come(bed: &'static Bed, install: impl AsyncFnOnce()) {
    let command = json!({ "autoscaling": { "maxReplicas": 3, "cpuPercent": 50 } });
    let platform = Platform::new(bed, "unmetered", json!({ "image": FAKE, "workloads": { "command": command } })).await;
    let message = platform.says("Autoscaled", "False", "").await;
    assert!(message.contains("jumun-command"), "it names the autoscaler: {message}");
    // It serves all the same.
    platform.says("WorkloadsAvailable", "True", "").await;
    install().await;
    platform.says("Autoscaled", "True", "").await;
}

/// A platform with a gateway, on a cluster that does not know Gateway API until `install` is over.
async fn gateways_come(bed: &'static Bed, install: impl AsyncFnOnce()) {
    let gateway = json!({ "className": "traefik", "hostname": "late.example", "port": GATEWAY });
    let platform = Platform::new(bed, "late", json!({ "image": FAKE, "gateway": gateway })).await;
    let message = platform.says("GatewayProgrammed", "False", "").await;
    assert!(message.contains("Gateway API"), "it names what is missing: {message}");
    platform.says("WorkloadsAvailable", "True", "").await;
    install().await;
    platform.says("GatewayProgrammed", "True", "").await;
    platform.says("RoutesAccepted", "True", "").await;
}
