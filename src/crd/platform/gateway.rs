//! How the front door is reached from outside of the cluster.

use kube::KubeSchema;
use serde::{Deserialize, Serialize};

/// How the front door is reached from outside of the cluster: a Gateway of the Gateway API, and its routes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Gateway {
    /// The GatewayClass: who opens the door.
    #[schemars(
        length(min = 1, max = 253),
        regex(pattern = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$")
    )]
    pub class_name: String,
    /// The name under which it is called, such as shop.example; absent: any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(
        length(min = 1, max = 253),
        regex(pattern = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$")
    )]
    pub hostname: Option<String>,
    /// The port on which it is called; 80 where absent. Some classes open only the ports that they were told of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 65_535))]
    pub port: Option<i32>,
    /// From which web pages browsers may call it; absent: from its own alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cors: Option<Cors>,
}

/// From which web pages browsers may call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("!('*' in self.allowOrigins) || self.allowOrigins.size() == 1")
    .message("cors.allowOrigins: * stands alone").field_path(".allowOrigins"))]
pub struct Cors {
    /// Origins such as `https://shop.example`, or * for every one.
    #[schemars(
        length(min = 1, max = 64),
        inner(length(min = 1, max = 253), regex(pattern = r"^(\*|https?://[a-z0-9.-]+(:[0-9]{1,5})?)$"))
    )]
    pub allow_origins: Vec<String>,
}
