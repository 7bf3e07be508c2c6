//! A gateway of another make in front of the platform: Traefik in a pod, which serves the class `traefik`.

use serde_json::{Value, json};
use tokio::sync::OnceCell;

use crate::cluster::{Place, attempt, condition, setting, sh, wait_for};

/// Where the gateway answers, and the port that its listeners need.
pub const ADDRESS: &str = "traefik.traefik.svc:8000";
const PORT: i32 = 8000;

static INSTALLED: OnceCell<()> = OnceCell::const_new();

/// Installs the definitions of Gateway API where the cluster has none, and Traefik.
async fn installed() {
    INSTALLED
        .get_or_init(|| async {
            if !attempt("kubectl get crd httproutes.gateway.networking.k8s.io").0 {
                sh("kubectl apply --server-side -f \"${GATEWAY_API:?run the tests by tools/e2e run}\"");
                sh("kubectl wait --for=condition=Established crd gatewayclasses.gateway.networking.k8s.io \
                    gateways.gateway.networking.k8s.io httproutes.gateway.networking.k8s.io --timeout=60s");
            }
            sh("kubectl apply --server-side -f tools/traefik/manifests.yaml");
            let image = setting("GATEWAY_IMAGE", "jumun-traefik:e2e");
            sh(&format!("sed 's|GATEWAY_IMAGE|{image}|' tests/e2e/traefik.yaml | kubectl apply --server-side -f -"));
            sh("kubectl -n traefik rollout status deployment/traefik --timeout=120s");
            sh("kubectl wait --for=condition=Accepted gatewayclass/traefik --timeout=60s");
        })
        .await;
}

/// What an OrderPlatform says of its gateway, so that it is called by this name.
pub async fn spec(hostname: &str) -> Value {
    installed().await;
    json!({ "className": "traefik", "hostname": hostname, "port": PORT })
}

impl Place {
    /// Waits until Gateway and routes are what the platform says they are, by its current spec.
    pub async fn routed(&self) {
        wait_for("the gateway to take the routes", || async {
            let platform = self.get("orderplatform default");
            let says = |name| condition(&platform, name).is_some_and(|found| found["status"] == "True");
            (says("GatewayProgrammed") && says("RoutesAccepted")).then_some(())
        })
        .await;
    }

    /// A Gateway and a route of its own to another Service, made from the operator's, so that nobody puts back what differs.
    pub fn route_to(&self, service: &str, hostname: &str) {
        let mut gateway = self.get("gateway jumun");
        gateway["metadata"] = json!({ "name": service });
        gateway["spec"]["listeners"][0]["hostname"] = json!(hostname);
        let mut route = self.get("httproute jumun-command");
        route["metadata"] = json!({ "name": service });
        route["spec"]["hostnames"] = json!([hostname]);
        route["spec"]["parentRefs"][0]["name"] = json!(service);
        for rule in route["spec"]["rules"].as_array_mut().expect("rules") {
            rule["backendRefs"][0]["name"] = json!(service);
        }
        for mut object in [gateway, route] {
            object.as_object_mut().expect("an object").remove("status");
            self.kubectl(&format!("apply -f - <<'JSON'\n{object}\nJSON"));
        }
    }
}
