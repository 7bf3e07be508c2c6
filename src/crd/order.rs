//! Order: what a customer buys, and the wish to cancel it.

use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::rules::stays;
use crate::domain::fields::is_default;
use crate::domain::{Time, delivery::Address, order::Status};

/// Why a change of what was ordered is refused.
const AS_IT_IS: &str = "an order cannot be changed: cancel it and place another";

/// What is bought, from which store, where to, how it is paid, and the wish to cancel.
#[derive(CustomResource, Clone, Debug, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[kube(
    group = "jumun.dev",
    version = "v1alpha1",
    kind = "Order",
    plural = "orders",
    shortname = "ord",
    category = "jumun",
    namespaced,
    status = "Status",
    doc = "What is bought, from which store, where to, how it is paid, and the wish to cancel. The customer writes its spec.",
    selectable = ".spec.customer",
    selectable = ".spec.store",
    selectable = ".status.state",
    printcolumn(name = "Customer", type_ = "string", json_path = ".spec.customer"),
    printcolumn(name = "Store", type_ = "string", json_path = ".spec.store"),
    printcolumn(name = "Amount", type_ = "integer", json_path = ".status.terms.amount.amount"),
    printcolumn(name = "State", type_ = "string", json_path = ".status.state"),
    printcolumn(name = "Succeeded", type_ = "string", json_path = ".status.conditions[?(@.type=='Succeeded')].status"),
    printcolumn(name = "Reason", type_ = "string", json_path = ".status.conditions[?(@.type=='Succeeded')].reason"),
    printcolumn(name = "Message", type_ = "string", json_path = ".status.conditions[?(@.message!='')].message", priority = 1),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    validation = Rule::new("self.metadata.name.size() <= 63").message("metadata.name of an Order has at most 63 characters"),
    validation = Rule::new("has(self.spec.agreed) == has(oldSelf.spec.agreed)").message(AS_IT_IS).field_path(".spec"),
    validation = Rule::new("!has(oldSelf.spec.cancel) || has(self.spec.cancel)")
        .message("a wish to cancel stays as it is")
        .field_path(".spec"),
    validation = Rule::new(
        "!has(oldSelf.status) \
         || !has(oldSelf.status.endedAt) \
         || (has(self.status.endedAt) \
           && self.status.endedAt == oldSelf.status.endedAt \
           && self.status.state == oldSelf.status.state)"
    )
    .message("an order that has ended never changes its state again")
    .field_path(".status"),
    validation = Rule::new("!has(oldSelf.status) || !has(oldSelf.status.terms) || has(self.status.terms)")
        .message("the terms of a placed order never change")
        .field_path(".status"),
    validation = Rule::new(stays("status.terms")).message("the terms of a placed order never change")
)]
pub struct OrderSpec {
    /// Who orders.
    #[x_kube(validation = Rule::new("self == oldSelf").message(AS_IT_IS))]
    #[schemars(length(min = 1, max = 63))]
    pub customer: String,
    /// Name of the Store ordered from.
    #[x_kube(validation = Rule::new("self == oldSelf").message(AS_IT_IS))]
    #[schemars(length(min = 1, max = 253), regex(pattern = r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$"))]
    pub store: String,
    /// What is ordered; each product once.
    #[x_kube(validation = Rule::new("self == oldSelf").message(AS_IT_IS))]
    #[schemars(length(min = 1, max = 20))]
    pub items: Vec<Item>,
    /// How it is paid.
    #[x_kube(validation = Rule::new("self == oldSelf").message(AS_IT_IS))]
    pub payment: PaymentMethod,
    /// Where to deliver.
    #[x_kube(validation = Rule::new("self == oldSelf").message(AS_IT_IS))]
    pub deliver_to: Address,
    /// What the customer agreed to pay. Where given, another total ends the order as Invalid, PriceChanged, and nothing is
    /// held; without it the prices count that hold when the order is placed.
    #[x_kube(validation = Rule::new("self == oldSelf").message(AS_IT_IS))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agreed: Option<Box<Agreed>>,
    /// The wish to cancel. Set it at any time; once set, it stays. It is honoured until the store's cut-off.
    #[x_kube(validation = Rule::new("self == oldSelf").message("a wish to cancel stays as it is"))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cancel: Option<Box<Cancel>>,
}

impl Order {
    /// Whether somebody wishes to cancel it.
    pub fn is_wished(&self) -> bool {
        let (new, deleting) = (Status::default(), self.metadata.deletion_timestamp.as_ref());
        let status = self.status.as_ref().unwrap_or(&new);
        status.is_wished(self.spec.cancel.is_some(), deleting.map(|time| Time::new(time.0)))
    }

    /// A short hash of what is ordered, without the wish to cancel: the same for the same manifest.
    pub fn content(&self) -> String {
        let spec = OrderSpec { cancel: None, ..self.spec.clone() };
        serde_json::to_string(&spec).map(|text| crate::domain::ids::short_hash(&text)).unwrap_or_default()
    }
}

/// A product and how many of it.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Item {
    /// Name of the Product.
    #[schemars(length(min = 1, max = 253), regex(pattern = r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$"))]
    pub product: String,
    /// How many.
    #[schemars(range(min = 1, max = 10_000))]
    pub quantity: i64,
}

/// How an order is paid.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new(
    "self.method == 'Wallet' \
       ? has(self.wallet) && !has(self.provider) && !has(self.token) \
       : has(self.provider) && has(self.token) && !has(self.wallet)"
).message("method Wallet takes wallet alone, method Provider takes provider and token"))]
#[x_kube(validation = Rule::new("!has(self.token) || !self.token.matches('^[0-9 -]{12,}$')")
    .message("a token is single-use and comes from the provider; this looks like a card number").field_path(".token"))]
pub struct PaymentMethod {
    /// Wallet: from prepaid money and points. Provider: through a payment provider of the OrderPlatform.
    #[serde(default)]
    pub method: Method,
    /// Name of the Wallet; it must belong to the order's customer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253), regex(pattern = r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$"))]
    pub wallet: Option<String>,
    /// Name of the provider in the OrderPlatform.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 63))]
    pub provider: Option<String>,
    /// The provider's single-use token; never a card number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 256))]
    pub token: Option<String>,
}

/// A way to pay.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Method {
    /// From prepaid money.
    #[default]
    Wallet,
    /// Through a payment provider.
    Provider,
}

/// What the customer agreed to pay.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Agreed {
    /// How much, in the currency's minor unit.
    #[schemars(range(min = 0, max = 9_000_000_000_000_000i64))]
    pub amount: i64,
    /// The currency's ISO 4217 code, such as KRW.
    #[schemars(length(min = 3, max = 3), regex(pattern = r"^[A-Z]{3}$"))]
    pub currency: String,
    /// How many points, beside the money; none where absent.
    #[serde(default, skip_serializing_if = "is_default")]
    #[schemars(range(min = 0, max = 9_000_000_000_000_000i64))]
    pub points: i64,
}

/// The wish to cancel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Cancel {
    /// One word for programs, such as ChangedMind.
    #[schemars(length(min = 1, max = 64), regex(pattern = r"^[A-Za-z][A-Za-z0-9]*$"))]
    pub reason: String,
    /// A sentence for the seller.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub message: Option<String>,
}
