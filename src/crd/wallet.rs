//! Wallet: a customer's prepaid money and points, and their ledger.

use kube::{CustomResource, KubeSchema};
use serde::{Deserialize, Serialize};

use super::rules::stays;
use crate::domain::fields::is_default;
use crate::domain::{Money, wallet::Status};

/// A customer's prepaid money and points: everything ever paid in. Its status is the ledger of what was spent.
#[derive(CustomResource, Clone, Debug, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[kube(
    group = "jumun.dev",
    version = "v1alpha1",
    kind = "Wallet",
    plural = "wallets",
    shortname = "wal",
    category = "jumun",
    namespaced,
    status = "Status",
    doc = "A customer's prepaid money and points: everything ever paid in. Its status is the ledger of what was spent. The payment office writes its spec.",
    selectable = ".spec.owner",
    printcolumn(name = "Owner", type_ = "string", json_path = ".spec.owner"),
    printcolumn(name = "Deposited", type_ = "integer", json_path = ".status.deposited.amount"),
    printcolumn(name = "Balance", type_ = "integer", json_path = ".status.balance.amount"),
    printcolumn(name = "Charged", type_ = "integer", json_path = ".status.charged.amount"),
    printcolumn(name = "Points", type_ = "integer", json_path = ".status.points"),
    printcolumn(name = "Currency", type_ = "string", json_path = ".spec.deposited.currency"),
    printcolumn(name = "Message", type_ = "string", json_path = ".status.conditions[?(@.message!='')].message", priority = 1),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    validation = Rule::new(stays("spec.deposited.currency"))
        .message("spec.deposited.currency cannot be changed: make another Wallet"),
    validation = Rule::new("!has(self.status) || self.status.charged.amount <= self.spec.deposited.amount")
    .message("spec.deposited is everything ever paid in: it cannot be less than what is charged")
    .field_path(".spec.deposited.amount"),
    validation = Rule::new(
        "!has(self.status) \
         || !has(self.status.charged.points) \
         || self.status.charged.points <= (has(self.spec.points) ? self.spec.points : 0)"
    )
    .message("spec.points is every point ever given: it cannot be less than what is charged")
    .field_path(".spec.points")
)]
pub struct WalletSpec {
    /// The customer it belongs to: only their orders can be paid from it.
    #[x_kube(validation = Rule::new("self == oldSelf").message("spec.owner cannot be changed: make another Wallet"))]
    #[schemars(length(min = 1, max = 63))]
    pub owner: String,
    /// Everything ever paid in. To top up, read it, add, and write it back with the resourceVersion that was read.
    pub deposited: Money,
    /// Every membership point ever given; topped up likewise.
    #[serde(default, skip_serializing_if = "is_default")]
    #[schemars(range(min = 0, max = 9_000_000_000_000_000i64))]
    pub points: i64,
}
