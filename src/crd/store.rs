//! Store: a shop and its terms.

use kube::{CustomResource, KubeSchema};
use serde::{Deserialize, Serialize};

use crate::domain::store::{Acceptance, Confirmation, CutOff, Fulfilment, Status};

/// A shop: how it fulfils orders, who confirms receipt, how late a customer may cancel.
#[derive(CustomResource, Clone, Debug, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[kube(
    group = "jumun.dev",
    version = "v1alpha1",
    kind = "Store",
    plural = "stores",
    shortname = "sto",
    category = "jumun",
    namespaced,
    status = "Status",
    doc = "A shop: how it fulfils orders, who confirms receipt, how late a customer may cancel. The seller writes its spec.",
    printcolumn(name = "Seller", type_ = "string", json_path = ".spec.seller"),
    printcolumn(name = "Zone", type_ = "string", json_path = ".spec.zone"),
    printcolumn(name = "Fulfilment", type_ = "string", json_path = ".spec.fulfilment"),
    printcolumn(name = "Ready", type_ = "string", json_path = ".status.conditions[?(@.type=='Ready')].status"),
    printcolumn(name = "Confirmation", type_ = "string", json_path = ".spec.confirmation", priority = 1),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp")
)]
pub struct StoreSpec {
    /// Who sells here.
    #[schemars(length(min = 1, max = 63))]
    pub seller: String,
    /// Where the store is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 63))]
    pub zone: Option<String>,
    /// What the store does with a paid order. Warehouse: it is delivered at once.
    #[serde(default)]
    pub fulfilment: Fulfilment,
    /// How the store accepts a paid order. Automatic: at once.
    #[serde(default)]
    pub acceptance: Acceptance,
    /// Who confirms receipt. Customer: by `received: true` on the Delivery. Automatic: delivered is confirmed.
    #[serde(default)]
    pub confirmation: Confirmation,
    /// How late a customer may cancel.
    #[serde(default)]
    pub cancellation: Cancellation,
}

/// How late a customer may cancel.
#[derive(Clone, Debug, Default, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Cancellation {
    /// The last moment at which a cancel is honoured. Delivered: until the courier has delivered.
    #[serde(default)]
    pub until: CutOff,
}
