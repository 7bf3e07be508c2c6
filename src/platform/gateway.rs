//! The Gateway: the door to the outside, where the Gateway API is served.

use serde_json::json;

use super::inputs::{Built, Inputs, Type};
use crate::crd::platform;

pub const GATEWAY: Type = Type { api_version: "gateway.networking.k8s.io/v1", kind: "Gateway", plural: "gateways" };
/// Its name.
pub const NAME: &str = "jumun";
/// The component of what belongs to it.
pub const COMPONENT: &str = "gateway";
/// The port on which it is called where nothing is said.
const PORT: i32 = 80;

/// What is to be built of it, where it can be.
pub fn wanted<'a>(inputs: &Inputs<'a>) -> Option<&'a platform::Gateway> {
    inputs.spec().gateway.as_ref().filter(|_| inputs.served.gateway)
}

/// One listener, for routes of this namespace alone. It speaks HTTP: whoever ends TLS in front of it, or adds a listener of
/// their own, has the certificate, which the operator may not read.
pub fn build(inputs: &Inputs<'_>) -> Option<Built> {
    let gateway = wanted(inputs)?;
    let mut listener = json!({
        "name": "http",
        "protocol": "HTTP",
        "port": gateway.port.unwrap_or(PORT),
        "allowedRoutes": { "namespaces": { "from": "Same" } },
    });
    if let Some(hostname) = &gateway.hostname {
        listener["hostname"] = hostname.as_str().into();
    }
    let object = json!({
        "metadata": inputs.meta(NAME, COMPONENT),
        "spec": { "gatewayClassName": gateway.class_name, "listeners": [listener] },
    });
    Some(Built::new(GATEWAY, &object))
}
