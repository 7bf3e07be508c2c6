//! The HTTPRoutes: one for each part of the front door, with a rule for each of its paths.
//!
//! A filter that the GatewayClass does not say to support is not written: some classes take it, call the route accepted and
//! answer 500. The front door then does it itself.

use serde_json::{Value, json};

use super::inputs::{Built, Inputs, Type};
use super::pod::HTTP;
use super::workload::{COMMAND, QUERY};
use super::{gateway, paths};
use crate::crd::platform::Gateway;

pub const ROUTE: Type = Type { api_version: "gateway.networking.k8s.io/v1", kind: "HTTPRoute", plural: "httproutes" };

/// The feature of a GatewayClass that answers browsers of other origins.
pub const CORS: &str = "HTTPRouteCORS";
/// The feature of a GatewayClass that ends requests which take too long.
pub const TIMEOUT: &str = "HTTPRouteRequestTimeout";

/// How long a command may take. A query may be a stream of changes that never ends, so it has no limit.
const COMMAND_LIMIT: &str = "30s";

/// Both of them, where there is a Gateway.
pub fn build(inputs: &Inputs<'_>) -> Vec<Built> {
    let Some(gateway) = gateway::wanted(inputs) else { return Vec::new() };
    [COMMAND, QUERY].map(|workload| route(inputs, gateway, workload)).into()
}

fn route(inputs: &Inputs<'_>, gateway: &Gateway, workload: &str) -> Built {
    let name = format!("jumun-{workload}");
    let rules = paths::routes(workload).into_iter().map(|(method, prefix)| {
        let mut rule = rule(inputs, gateway, (method, prefix));
        rule["backendRefs"] = json!([{ "name": name, "port": HTTP.number }]);
        if workload == COMMAND && inputs.features.contains(TIMEOUT) {
            rule["timeouts"] = json!({ "request": COMMAND_LIMIT });
        }
        rule
    });
    let mut spec = json!({ "parentRefs": [{ "name": gateway::NAME }], "rules": rules.collect::<Vec<_>>() });
    if let Some(hostname) = &gateway.hostname {
        spec["hostnames"] = json!([hostname]);
    }
    Built::new(ROUTE, &json!({ "metadata": inputs.meta(&name, workload), "spec": spec }))
}

/// What is matched, and what the class itself does about other origins. A browser asks with OPTIONS before it calls, which
/// either the filter or the front door has to hear.
fn rule(inputs: &Inputs<'_>, gateway: &Gateway, (method, prefix): (&str, &str)) -> Value {
    let matched = |method: &str| json!({ "method": method, "path": { "type": "PathPrefix", "value": prefix } });
    let Some(cors) = &gateway.cors else { return json!({ "matches": [matched(method)] }) };
    let mut rule = json!({ "matches": [matched(method), matched("OPTIONS")] });
    if inputs.features.contains(CORS) {
        let filter = json!({
            "allowOrigins": cors.allow_origins,
            "allowMethods": ["GET", "POST"],
            "allowHeaders": ["Authorization", "Content-Type", "Idempotency-Key", "Last-Event-ID"],
            "exposeHeaders": ["Location", "Retry-After"],
            "maxAge": 600,
        });
        rule["filters"] = json!([{ "type": "CORS", "cors": filter }]);
    }
    rule
}
