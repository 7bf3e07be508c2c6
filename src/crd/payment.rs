//! Payment: one charge of one order. The Order controller writes its spec.

use kube::{CustomResource, KubeSchema};
use serde::{Deserialize, Serialize};

use super::order::Method;
use crate::domain::{Money, ObjectRef, OrderRef, payment::Status};

/// One charge of one order.
#[derive(CustomResource, Clone, Debug, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[kube(
    group = "jumun.dev",
    version = "v1alpha1",
    kind = "Payment",
    plural = "payments",
    shortname = "pay",
    category = "jumun",
    namespaced,
    status = "Status",
    doc = "One charge of one order. The Order controller writes its spec.",
    selectable = ".spec.order.name",
    selectable = ".status.state",
    printcolumn(name = "Order", type_ = "string", json_path = ".spec.order.name"),
    printcolumn(name = "Amount", type_ = "integer", json_path = ".spec.amount.amount"),
    printcolumn(name = "Currency", type_ = "string", json_path = ".spec.amount.currency"),
    printcolumn(name = "State", type_ = "string", json_path = ".status.state"),
    printcolumn(name = "Cancel", type_ = "boolean", json_path = ".spec.cancel"),
    printcolumn(name = "Wallet", type_ = "string", json_path = ".spec.wallet.name", priority = 1),
    printcolumn(name = "Reason", type_ = "string", json_path = ".status.conditions[?(@.type=='Succeeded')].reason", priority = 1),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    validation = Rule::new(
        "self.spec.order == oldSelf.spec.order && self.spec.method == oldSelf.spec.method && self.spec.wallet == oldSelf.spec.wallet && self.spec.amount == oldSelf.spec.amount"
    )
    .message("a payment cannot be changed")
    .field_path(".spec"),
    validation = Rule::new("!has(oldSelf.spec.cancel) || !oldSelf.spec.cancel || (has(self.spec.cancel) && self.spec.cancel)")
        .message("a cancelled payment stays cancelled")
        .field_path(".spec"),
    validation = Rule::new(
        "!has(self.spec.refundedByHand) || !self.spec.refundedByHand || (has(self.spec.cancel) && self.spec.cancel)"
    )
    .message("only a cancelled payment is given back")
    .field_path(".spec.refundedByHand"),
    validation = Rule::new(
        "!has(oldSelf.status) || !(has(oldSelf.status.declinedAt) || has(oldSelf.status.cancelledAt)) || (has(self.status.state) && self.status.state == oldSelf.status.state)"
    )
    .message("a declined or cancelled payment never changes its state again")
    .field_path(".status")
)]
pub struct PaymentSpec {
    /// The order that is paid for.
    pub order: OrderRef,
    /// How it is paid.
    #[serde(default)]
    pub method: Method,
    /// The wallet that pays.
    pub wallet: ObjectRef,
    /// How much.
    pub amount: Money,
    /// Give it back, or never charge it. Once set, it stays.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub cancel: bool,
    /// The payment office sets this where the wallet is gone and it has given the money back by hand.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub refunded_by_hand: bool,
}

impl Payment {
    /// The one Payment of an order.
    pub fn from_draft(draft: &crate::domain::payment::Draft) -> Self {
        let spec = PaymentSpec {
            order: draft.order.clone(),
            method: Method::Wallet,
            wallet: draft.wallet.clone(),
            amount: draft.amount.clone(),
            cancel: draft.cancel,
            refunded_by_hand: false,
        };
        let metadata = super::child_meta(&draft.order);
        Self { metadata, spec, status: None }
    }
}
