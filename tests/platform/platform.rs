//! One OrderPlatform in a namespace of its own, and what is built from it.

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::Pod;
use kube::api::ListParams;
use serde_json::{Value, json};

use crate::harness::{Scene, wait_for};
use crate::testbed::Bed;
pub use crate::testbed::{FAKE, LIVE};
use jumun::crd::OrderPlatform;

pub struct Platform {
    pub scene: Scene,
}

/// Probes that are asked every second, so that a test need not wait.
pub fn quick() -> Value {
    let every_second = json!({ "periodSeconds": 1 });
    json!({ "readiness": every_second, "liveness": every_second, "startup": every_second })
}

/// Controllers in four workloads. Whoever splits them does it in this way, so that an account of one name has the same
/// rights in every namespace.
pub fn groups() -> Value {
    json!([["order", "payment", "product", "wallet", "store"], ["ticket", "delivery"], ["notification"], ["view"]])
}

impl Platform {
    /// Applies a spec in a fresh namespace.
    pub async fn new(bed: &'static Bed, name: &str, spec: Value) -> Self {
        let scene = bed.scene(name).await;
        scene.create::<OrderPlatform>(json!({ "metadata": { "name": "default" }, "spec": spec })).await;
        Self { scene }
    }

    /// Merges into the spec.
    pub async fn set(&self, spec: Value) {
        self.scene.patch::<OrderPlatform>("default", json!({ "spec": spec })).await.expect("taken");
    }

    /// Waits until this condition holds for this reason (any, where it is empty), and gives its message.
    pub async fn says(&self, condition: &str, status: &str, reason: &str) -> String {
        wait_for(&format!("{condition}={status} {reason} in {}", self.scene.namespace), || async {
            let (said, message) = self.condition(condition, status).await?;
            (reason.is_empty() || said == reason).then_some(message)
        })
        .await
    }

    /// Reason and message of a condition, where it has this status for the spec as it is now.
    async fn condition(&self, condition: &str, status: &str) -> Option<(String, String)> {
        let platform = self.scene.api::<OrderPlatform>().get("default").await.ok()?;
        let (generation, said) = (platform.metadata.generation?, serde_json::to_value(platform.status).ok()?);
        let found = said["conditions"].as_array()?.iter().find(|found| found["type"] == condition)?;
        let holds = found["status"] == status && found["observedGeneration"].as_i64()? >= generation;
        let text = |field: &str| found[field].as_str().unwrap_or_default().to_owned();
        holds.then(|| (text("reason"), text("message")))
    }

    /// A Deployment that was built.
    pub async fn deployment(&self, name: &str) -> Deployment {
        let api = self.scene.api::<Deployment>();
        wait_for(&format!("Deployment {name}"), || async { api.get_opt(name).await.ok()? }).await
    }

    /// The pods of a component.
    pub async fn pods(&self, component: &str) -> Vec<Pod> {
        let params = ListParams::default().labels(&format!("app.kubernetes.io/component={component}"));
        self.scene.api::<Pod>().list(&params).await.expect("pods").items
    }

    /// Waits until as many pods as these are ready, all of the newest template and none besides.
    pub async fn rolled_out(&self, name: &str, replicas: i32) {
        wait_for(&format!("{replicas} pods of {name}"), || async {
            let deployment = self.scene.api::<Deployment>().get_opt(name).await.ok()??;
            let status = deployment.status?;
            let all = [status.replicas, status.updated_replicas, status.ready_replicas, status.available_replicas];
            let seen = status.observed_generation == deployment.metadata.generation;
            (seen && all.iter().all(|count| count.unwrap_or(0) == replicas)).then_some(())
        })
        .await;
    }
}
