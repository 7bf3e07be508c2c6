//! Receipt: what a customer has bought, for their books.

use kube::{CustomResource, KubeSchema};
use serde::{Deserialize, Serialize};

use crate::domain::OrderRef;
use crate::domain::receipt::Status;

/// What a customer has bought, for their books.
#[derive(CustomResource, Clone, Debug, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[kube(
    group = "jumun.dev",
    version = "v1alpha1",
    kind = "Receipt",
    plural = "receipts",
    category = "jumun",
    namespaced,
    status = "Status",
    doc = "What a customer has bought, for their books.",
    printcolumn(name = "Order", type_ = "string", json_path = ".spec.order.name")
)]
pub struct ReceiptSpec {
    /// The order that it is about.
    pub order: OrderRef,
}
