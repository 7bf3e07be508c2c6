//! Payment: one charge of one order. The Order controller writes its spec.

use kube::{CustomResource, KubeSchema};
use serde::{Deserialize, Serialize};

use super::order::Method;
use crate::domain::fields::is_default;
use crate::domain::payment::{Item, Payer, Status};
use crate::domain::{Money, ObjectRef, OrderRef};

/// Why a change of what is charged is refused.
const AS_IT_IS: &str = "a payment cannot be changed";

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
    printcolumn(name = "Method", type_ = "string", json_path = ".spec.method", priority = 1),
    printcolumn(name = "Provider", type_ = "string", json_path = ".spec.provider", priority = 1),
    printcolumn(name = "Wallet", type_ = "string", json_path = ".spec.wallet.name", priority = 1),
    printcolumn(name = "Reason", type_ = "string", json_path = ".status.conditions[?(@.type=='Succeeded')].reason", priority = 1),
    printcolumn(name = "Message", type_ = "string", json_path = ".status.conditions[?(@.message!='')].message", priority = 1),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    validation = Rule::new(
        "has(self.spec.items) == has(oldSelf.spec.items) \
         && (has(self.spec.points) ? self.spec.points : 0) == (has(oldSelf.spec.points) ? oldSelf.spec.points : 0)"
    )
    .message(AS_IT_IS)
    .field_path(".spec"),
    validation = Rule::new(
        "self.spec.method == 'Wallet' \
           ? has(self.spec.wallet) && !has(self.spec.provider) && !has(self.spec.token) \
           : has(self.spec.provider) && has(self.spec.token) && !has(self.spec.wallet)"
    )
    .message("method Wallet takes wallet alone, method Provider takes provider and token")
    .field_path(".spec"),
    validation = Rule::new(
        "!has(oldSelf.spec.cancel) \
         || !oldSelf.spec.cancel \
         || (has(self.spec.cancel) && self.spec.cancel)"
    )
        .message("a cancelled payment stays cancelled")
        .field_path(".spec"),
    validation = Rule::new(
        "!has(self.spec.refundedByHand) \
         || !self.spec.refundedByHand \
         || (has(self.spec.cancel) && self.spec.cancel)"
    )
    .message("only a cancelled payment is given back")
    .field_path(".spec.refundedByHand"),
    validation = Rule::new(
        "!has(self.status) \
         || !(has(self.status.cancelledAt) || has(self.status.refundedAt)) \
         || (has(self.spec.cancel) && self.spec.cancel)"
    )
    .message("a payment ends as cancelled only where spec.cancel asks for it")
    .field_path(".status"),
    validation = Rule::new("!has(self.status) || !has(self.status.declinedAt) || !has(self.status.approvedAt)")
        .message("an approved payment is not declined: cancel it")
        .field_path(".status"),
    validation = Rule::new(
        "!has(oldSelf.status) \
         || !(has(oldSelf.status.declinedAt) || has(oldSelf.status.cancelledAt)) \
         || (has(self.status.state) \
           && self.status.state == oldSelf.status.state \
           && has(self.status.declinedAt) == has(oldSelf.status.declinedAt) \
           && has(self.status.cancelledAt) == has(oldSelf.status.cancelledAt))"
    )
    .message("a declined or cancelled payment never changes its state again")
    .field_path(".status")
)]
pub struct PaymentSpec {
    /// The order that is paid for.
    #[x_kube(validation = Rule::new("self == oldSelf").message(AS_IT_IS))]
    pub order: OrderRef,
    /// How it is paid.
    #[x_kube(validation = Rule::new("self == oldSelf").message(AS_IT_IS))]
    #[serde(default)]
    pub method: Method,
    /// The wallet that pays.
    #[x_kube(validation = Rule::new("self == oldSelf").message(AS_IT_IS))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wallet: Option<Box<ObjectRef>>,
    /// The provider that is paid through, by its name in the OrderPlatform.
    #[x_kube(validation = Rule::new("self == oldSelf").message(AS_IT_IS))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 63))]
    pub provider: Option<String>,
    /// The provider's single-use token.
    #[x_kube(validation = Rule::new("self == oldSelf").message(AS_IT_IS))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 256))]
    pub token: Option<String>,
    /// How much.
    #[x_kube(validation = Rule::new("self == oldSelf").message(AS_IT_IS))]
    pub amount: Money,
    /// Membership points, beside the money.
    #[serde(default, skip_serializing_if = "is_default")]
    #[schemars(range(min = 0, max = 9_000_000_000_000_000i64))]
    pub points: i64,
    /// What is bought: given back to its Products should the order be removed before its end.
    #[x_kube(validation = Rule::new("self == oldSelf").message(AS_IT_IS))]
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 20))]
    pub items: Vec<Item>,
    /// Give it back, or never charge it. Once set, it stays.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub cancel: bool,
    /// The payment office sets this where wallet or provider cannot be reached any more, once it has given the money back by hand
    /// and, at a provider, has blocked the key, so that a charge still on its way takes nothing.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub refunded_by_hand: bool,
}

impl PaymentSpec {
    /// The wallet that pays, where one does.
    pub fn wallet(&self) -> Option<&ObjectRef> {
        self.wallet.as_deref().filter(|_| self.method == Method::Wallet)
    }

    /// Whether there is nothing to pay.
    pub fn is_free(&self) -> bool {
        self.amount.amount == 0 && self.points == 0
    }
}

impl Payment {
    /// The one Payment of an order.
    pub fn from_draft(draft: &crate::domain::payment::Draft) -> Self {
        let (method, wallet, provider, token) = match draft.payer.clone() {
            Payer::Wallet(wallet) => (Method::Wallet, Some(Box::new(wallet)), None, None),
            Payer::Provider { name, token } => (Method::Provider, None, Some(name), Some(token.0)),
        };
        let spec = PaymentSpec {
            order: draft.order.clone(),
            method,
            wallet,
            provider,
            token,
            amount: draft.amount.clone(),
            points: draft.points,
            items: draft.items.clone(),
            cancel: draft.cancel,
            refunded_by_hand: false,
        };
        let metadata = super::child_meta(&draft.order);
        Self { metadata, spec, status: None }
    }
}
