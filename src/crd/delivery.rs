//! Delivery: one shipment. The Order controller writes its spec, but for the steps of courier and customer.

use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::OrderRef;
use crate::domain::delivery::{Address, Hold, Progress, Status};
use crate::domain::store::{Confirmation, Deadlines};

/// One shipment: couriers of its zone claim it, pick it up and deliver it; the customer confirms.
#[derive(CustomResource, Clone, Debug, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[kube(
    group = "jumun.dev",
    version = "v1alpha1",
    kind = "Delivery",
    plural = "deliveries",
    shortname = "dlv",
    category = "jumun",
    namespaced,
    status = "Status",
    doc = "One shipment: a courier of its zone edits courier and progress, the customer edits received; the rest is the Order controller's.",
    selectable = ".spec.zone",
    selectable = ".spec.ready",
    selectable = ".spec.courier.name",
    selectable = ".spec.hold.cause",
    selectable = ".status.state",
    printcolumn(name = "Order", type_ = "string", json_path = ".spec.order.name"),
    printcolumn(name = "Zone", type_ = "string", json_path = ".spec.zone"),
    printcolumn(name = "Ready", type_ = "boolean", json_path = ".spec.ready"),
    printcolumn(name = "Courier", type_ = "string", json_path = ".spec.courier.name"),
    printcolumn(name = "Progress", type_ = "string", json_path = ".spec.progress"),
    printcolumn(name = "Held", type_ = "string", json_path = ".spec.hold.cause"),
    printcolumn(name = "Outcome", type_ = "string", json_path = ".status.state"),
    printcolumn(name = "Recipient", type_ = "string", json_path = ".spec.deliverTo.recipient", priority = 1),
    printcolumn(name = "Address", type_ = "string", json_path = ".spec.deliverTo.address", priority = 1),
    printcolumn(name = "Phone", type_ = "string", json_path = ".spec.deliverTo.phone", priority = 1),
    printcolumn(name = "Message", type_ = "string", json_path = ".status.conditions[?(@.message!='')].message", priority = 1),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    validation = Rule::new("has(self.spec.deadlines) == has(oldSelf.spec.deadlines)")
        .message("the deadlines of a delivery cannot be changed")
        .field_path(".spec"),
    validation = Rule::new(
        "has(self.spec.courier) \
           ? has(oldSelf.spec.courier) || (oldSelf.spec.ready && self.spec.courier.zone == self.spec.zone) \
           : !has(oldSelf.spec.courier)"
    )
    .message("a claim stays, and only a ready delivery can be claimed, and only by a courier of its zone")
    .field_path(".spec.courier"),
    validation = Rule::new("!has(self.spec.progress) || has(self.spec.courier)")
        .message("claim it first: set courier")
        .field_path(".spec.progress"),
    validation = Rule::new(
        "has(self.spec.progress) \
           ? has(oldSelf.spec.progress) || self.spec.progress == 'PickedUp' \
           : !has(oldSelf.spec.progress)"
    )
    .message("progress does not go back, and it is picked up before it is delivered")
    .field_path(".spec.progress"),
    validation = Rule::new(
        "has(self.spec.received) \
           ? !self.spec.received || (has(oldSelf.spec.progress) && oldSelf.spec.progress == 'Delivered') \
           : !has(oldSelf.spec.received) || !oldSelf.spec.received"
    )
    .message("received stays received, and only what was delivered can be received")
    .field_path(".spec.received"),
    validation = Rule::new("!has(oldSelf.spec.hold) || has(self.spec.hold)")
        .message("a hold is never lifted")
        .field_path(".spec"),
    validation = Rule::new(
        "!has(self.spec.hold) \
         || (has(self.spec.courier) == has(oldSelf.spec.courier) \
           && has(self.spec.progress) == has(oldSelf.spec.progress) \
           && (!has(self.spec.progress) || self.spec.progress == oldSelf.spec.progress) \
           && (has(self.spec.received) && self.spec.received) == (has(oldSelf.spec.received) && oldSelf.spec.received))"
    )
    .message("the delivery is held: its order is being undone")
    .field_path(".spec.hold"),
    validation = Rule::new(
        "!has(self.spec.hold) \
         || has(oldSelf.spec.hold) \
         || !has(oldSelf.spec.progress) \
         || (oldSelf.spec.progress != 'Delivered' && self.spec.hold.step != 'PickedUp')"
    )
    .message("too late for a hold: the step that decides is done")
    .field_path(".spec.hold"),
    validation = Rule::new(
        "!has(self.status) \
         || !has(self.status.confirmedAt) \
         || (has(self.spec.progress) && self.spec.progress == 'Delivered')"
    )
    .message("only what was delivered is confirmed")
    .field_path(".status"),
    validation = Rule::new(
        "!has(oldSelf.status) \
         || !(has(oldSelf.status.confirmedAt) || has(oldSelf.status.cancelledAt)) \
         || (has(self.status.state) \
           && self.status.state == oldSelf.status.state \
           && has(self.status.confirmedAt) == has(oldSelf.status.confirmedAt) \
           && has(self.status.cancelledAt) == has(oldSelf.status.cancelledAt))"
    )
    .message("a confirmed or cancelled delivery never changes its state again")
    .field_path(".status")
)]
pub struct DeliverySpec {
    /// The order that is delivered.
    #[x_kube(validation = Rule::new("self == oldSelf").message("where and for whom to deliver cannot be changed"))]
    pub order: OrderRef,
    /// Where to.
    #[x_kube(validation = Rule::new("self == oldSelf").message("where and for whom to deliver cannot be changed"))]
    pub deliver_to: Address,
    /// The zone of the address: couriers of this zone can claim the delivery.
    #[x_kube(validation = Rule::new("self == oldSelf").message("where and for whom to deliver cannot be changed"))]
    #[schemars(length(min = 1, max = 63))]
    pub zone: String,
    /// Who confirms receipt.
    #[x_kube(validation = Rule::new("self == oldSelf").message("who confirms receipt cannot be changed"))]
    #[serde(default)]
    pub confirmation: Confirmation,
    /// How long its steps may take.
    #[x_kube(validation = Rule::new("self == oldSelf").message("the deadlines of a delivery cannot be changed"))]
    #[serde(default, skip_serializing_if = "Deadlines::is_empty")]
    pub deadlines: Deadlines,
    /// Whether it can be claimed: from the start for a warehouse, once cooked for a kitchen.
    #[x_kube(validation = Rule::new("!oldSelf || self").message("a ready delivery stays ready"))]
    #[serde(default)]
    pub ready: bool,
    /// Set when the order is being undone; stops every step of courier and customer, and is never lifted.
    #[x_kube(validation = Rule::new("self == oldSelf").message("a hold is never lifted"))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hold: Option<Hold>,
    /// The courier who claims it: first come, first served.
    #[x_kube(validation = Rule::new("self == oldSelf").message("it is claimed already, and a claim stays"))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub courier: Option<Box<Courier>>,
    /// The courier's progress: PickedUp, then Delivered.
    #[x_kube(validation = Rule::new("self == oldSelf || self == 'Delivered'").message("progress does not go back"))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub progress: Option<Progress>,
    /// The customer has it: confirms receipt of what was delivered.
    #[x_kube(validation = Rule::new("!oldSelf || self").message("received stays received"))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub received: Option<bool>,
}

/// A courier.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Courier {
    /// The courier's name.
    #[schemars(length(min = 1, max = 63))]
    pub name: String,
    /// The courier's zone; must be the delivery's.
    #[schemars(length(min = 1, max = 63))]
    pub zone: String,
}

impl Delivery {
    /// The one Delivery of an order.
    pub fn from_draft(draft: &crate::domain::delivery::Draft) -> Self {
        let spec = DeliverySpec {
            order: draft.order.clone(),
            deliver_to: draft.deliver_to.clone(),
            zone: draft.deliver_to.zone.clone(),
            confirmation: draft.confirmation,
            deadlines: draft.deadlines,
            ready: draft.ready,
            hold: draft.hold,
            courier: None,
            progress: None,
            received: None,
        };
        let metadata = super::child_meta(&draft.order);
        Self { metadata, spec, status: None }
    }
}
