//! Product: what is sold, and the ledger of its stock.

use kube::{CustomResource, KubeSchema};
use serde::{Deserialize, Serialize};

use super::rules::stays;
use crate::domain::fields::is_default;
use crate::domain::{Money, product::Status};

/// What a store sells: its price, and everything ever supplied of it. Its status is the ledger of the stock.
#[derive(CustomResource, Clone, Debug, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[kube(
    group = "jumun.dev",
    version = "v1alpha1",
    kind = "Product",
    plural = "products",
    shortname = "prod",
    category = "jumun",
    namespaced,
    status = "Status",
    doc = "What a store sells: its price, and everything ever supplied of it. Its status is the ledger of the stock. The seller writes its spec.",
    selectable = ".spec.store",
    printcolumn(name = "Store", type_ = "string", json_path = ".spec.store"),
    printcolumn(name = "Price", type_ = "integer", json_path = ".spec.price.amount"),
    printcolumn(name = "Supplied", type_ = "integer", json_path = ".status.supplied"),
    printcolumn(name = "Available", type_ = "integer", json_path = ".status.available"),
    printcolumn(name = "Reserved", type_ = "integer", json_path = ".status.reserved"),
    printcolumn(name = "Sold", type_ = "integer", json_path = ".status.sold"),
    printcolumn(name = "Points", type_ = "integer", json_path = ".spec.points", priority = 1),
    printcolumn(name = "Currency", type_ = "string", json_path = ".spec.price.currency", priority = 1),
    printcolumn(name = "Title", type_ = "string", json_path = ".spec.title", priority = 1),
    printcolumn(name = "Message", type_ = "string", json_path = ".status.conditions[?(@.message!='')].message", priority = 1),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    validation = Rule::new(stays("spec.price.currency"))
        .message("spec.price.currency cannot be changed: make another Product"),
    validation = Rule::new("!has(self.status) || self.status.reserved + self.status.sold <= self.spec.stock")
    .message("spec.stock is everything ever supplied: it cannot be less than what is reserved and sold")
    .field_path(".spec.stock")
)]
pub struct ProductSpec {
    /// Name of the Store that sells it.
    #[schemars(length(min = 1, max = 253), regex(pattern = r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$"))]
    pub store: String,
    /// What customers read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 256))]
    pub title: Option<String>,
    /// Price of one. Orders keep the price of the moment they were placed.
    #[x_kube(validation = Rule::new("self.amount <= 1000000000000").message("at most 1000000000000"))]
    pub price: Money,
    /// Membership points that one costs, beside the price.
    #[serde(default, skip_serializing_if = "is_default")]
    #[schemars(range(min = 0, max = 1_000_000_000i64))]
    pub points: i64,
    /// Everything ever supplied, in pieces: raise it to restock. Available is this less what is reserved and sold.
    #[schemars(range(min = 0, max = 1_000_000_000_000i64))]
    pub stock: i64,
}
