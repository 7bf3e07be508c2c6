//! OrderView: the read model, written in one piece by the OrderView controller.

use kube::{CustomResource, KubeSchema};
use serde::{Deserialize, Serialize};

use crate::domain::{Money, OrderRef, view::Status};

/// One order with its payment and delivery in one row.
#[derive(CustomResource, Clone, Debug, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[kube(
    group = "jumun.dev",
    version = "v1alpha1",
    kind = "OrderView",
    plural = "orderviews",
    shortname = "ov",
    category = "jumun",
    namespaced,
    status = "Status",
    doc = "The read model: one order with its payment and delivery in one row. Written by the OrderView controller alone; it has the order's name and outlives it.",
    selectable = ".spec.customer",
    selectable = ".spec.store",
    selectable = ".spec.seller",
    selectable = ".status.order",
    selectable = ".status.payment",
    selectable = ".status.delivery",
    selectable = ".status.cancelRequested",
    selectable = ".status.wish",
    printcolumn(name = "Customer", type_ = "string", json_path = ".spec.customer"),
    printcolumn(name = "Store", type_ = "string", json_path = ".spec.store"),
    printcolumn(name = "Amount", type_ = "integer", json_path = ".spec.amount.amount"),
    printcolumn(name = "Order", type_ = "string", json_path = ".status.order"),
    printcolumn(name = "Payment", type_ = "string", json_path = ".status.payment"),
    printcolumn(name = "Delivery", type_ = "string", json_path = ".status.delivery"),
    printcolumn(name = "Kitchen", type_ = "string", json_path = ".status.store", priority = 1),
    printcolumn(name = "Seller", type_ = "string", json_path = ".spec.seller", priority = 1),
    printcolumn(name = "Courier", type_ = "string", json_path = ".status.courier", priority = 1),
    printcolumn(name = "Wish", type_ = "string", json_path = ".status.wish", priority = 1),
    printcolumn(name = "Reason", type_ = "string", json_path = ".status.reason", priority = 1),
    printcolumn(name = "Waiting-For", type_ = "string", json_path = ".status.waitingFor", priority = 1),
    printcolumn(name = "Message", type_ = "string", json_path = ".status.message", priority = 1),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp")
)]
pub struct OrderViewSpec {
    /// The order that the row shows.
    pub order: OrderRef,
    /// Who ordered.
    #[schemars(length(min = 1, max = 63))]
    pub customer: String,
    /// The store ordered from.
    #[schemars(length(min = 1, max = 253))]
    pub store: String,
    /// The store's seller, once the order is placed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 63))]
    pub seller: Option<String>,
    /// What it costs: as it was placed; before, as it was agreed, or by the prices of the moment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amount: Option<Box<Money>>,
    /// A short hash of what was ordered: the same order applied again is known by it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schemars(length(max = 16))]
    pub content: String,
}

impl OrderView {
    /// The object of a row.
    pub fn from_row(row: &crate::domain::view::Row) -> Self {
        let spec = OrderViewSpec {
            order: row.spec.order.clone(),
            customer: row.spec.customer.clone(),
            store: row.spec.store.clone(),
            seller: row.spec.seller.clone(),
            amount: row.spec.amount.clone().map(Box::new),
            content: row.spec.content.clone(),
        };
        let mut view = Self::new(&row.spec.order.name, spec);
        view.status = Some(row.status.clone());
        view
    }

    /// The row of an object.
    pub fn to_row(&self) -> crate::domain::view::Row {
        let spec = crate::domain::view::Spec {
            order: self.spec.order.clone(),
            customer: self.spec.customer.clone(),
            store: self.spec.store.clone(),
            seller: self.spec.seller.clone(),
            amount: self.spec.amount.as_deref().cloned(),
            content: self.spec.content.clone(),
        };
        crate::domain::view::Row { spec, status: self.status.clone().unwrap_or_default() }
    }
}
