//! Ticket: the store's copy of a paid order. The Order controller writes its spec, but for the steps of the store.

use kube::{CustomResource, KubeSchema};
use serde::{Deserialize, Serialize};

use super::order::Item;
use crate::domain::store::{Acceptance, CutOff, Deadlines};
use crate::domain::ticket::{Cooking, Decision, Hold, Rejection, Status};
use crate::domain::{Money, OrderRef};

/// A paid order as the store sees it: it is accepted or rejected, cooked, and handed to the courier.
#[derive(CustomResource, Clone, Debug, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[kube(
    group = "jumun.dev",
    version = "v1alpha1",
    kind = "Ticket",
    plural = "tickets",
    shortname = "tkt",
    category = "jumun",
    namespaced,
    status = "Status",
    doc = "The store's copy of a paid order: the store edits decision, reject and cooking; the rest is the Order controller's.",
    selectable = ".spec.store",
    selectable = ".spec.decision",
    selectable = ".spec.cooking",
    selectable = ".spec.hold.cause",
    selectable = ".status.state",
    printcolumn(name = "Order", type_ = "string", json_path = ".spec.order.name"),
    printcolumn(name = "Store", type_ = "string", json_path = ".spec.store"),
    printcolumn(name = "Customer", type_ = "string", json_path = ".spec.customer"),
    printcolumn(name = "Paid", type_ = "integer", json_path = ".spec.amount.amount"),
    printcolumn(name = "Decision", type_ = "string", json_path = ".spec.decision"),
    printcolumn(name = "Cooking", type_ = "string", json_path = ".spec.cooking"),
    printcolumn(name = "State", type_ = "string", json_path = ".status.state"),
    printcolumn(name = "Held", type_ = "string", json_path = ".spec.hold.cause", priority = 1),
    printcolumn(name = "Message", type_ = "string", json_path = ".status.conditions[?(@.message!='')].message", priority = 1),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    validation = Rule::new("has(self.spec.deadlines) == has(oldSelf.spec.deadlines)")
        .message("the deadlines of a ticket cannot be changed")
        .field_path(".spec"),
    validation = Rule::new("!has(oldSelf.spec.decision) || has(self.spec.decision)")
        .message("it is decided already, and a decision stays")
        .field_path(".spec"),
    validation = Rule::new("(has(self.spec.decision) && self.spec.decision == 'Reject') == has(self.spec.reject)")
        .message("a rejection says why, and nothing else does: set decision: Reject together with reject.reason")
        .field_path(".spec.reject"),
    validation = Rule::new("!has(oldSelf.spec.reject) || has(self.spec.reject)")
        .message("the reason of a rejection stays")
        .field_path(".spec"),
    validation = Rule::new(
        "!has(self.spec.decision) \
         || self.spec.acceptance == 'Manual' \
         || self.spec.decision == 'Accept'"
    )
        .message("the store accepts automatically: it was accepted at birth")
        .field_path(".spec.decision"),
    validation = Rule::new(
        "!has(self.spec.cooking) \
         || self.spec.acceptance == 'Automatic' \
         || (has(self.spec.decision) && self.spec.decision == 'Accept')"
    )
    .message("only an accepted order is cooked: set decision: Accept")
    .field_path(".spec.cooking"),
    validation = Rule::new(
        "has(self.spec.cooking) \
           ? has(oldSelf.spec.cooking) || self.spec.cooking == 'Started' \
           : !has(oldSelf.spec.cooking)"
    )
    .message("cooking does not go back, and it is started before it is finished")
    .field_path(".spec.cooking"),
    validation = Rule::new("!has(oldSelf.spec.hold) || has(self.spec.hold)")
        .message("a hold is never lifted")
        .field_path(".spec"),
    validation = Rule::new(
        "!has(self.spec.hold) \
         || (has(self.spec.decision) == has(oldSelf.spec.decision) \
           && has(self.spec.cooking) == has(oldSelf.spec.cooking) \
           && (!has(self.spec.cooking) || self.spec.cooking == oldSelf.spec.cooking))"
    )
    .message("the ticket is held: its order is being undone")
    .field_path(".spec.hold"),
    validation = Rule::new(
        "!has(self.spec.hold) \
         || has(oldSelf.spec.hold) \
         || !has(self.spec.hold.step) \
         || (self.spec.hold.step == 'Decided' \
             ? !has(oldSelf.spec.decision) \
             : self.spec.hold.step == 'CookingStarted' \
               ? !has(oldSelf.spec.cooking) \
               : !has(oldSelf.spec.cooking) || oldSelf.spec.cooking != 'Finished')"
    )
    .message("too late for a hold: the step that decides is done")
    .field_path(".spec.hold"),
    validation = Rule::new(
        "!has(oldSelf.status) \
         || !(has(oldSelf.status.rejectedAt) || has(oldSelf.status.cancelledAt)) \
         || (has(self.status.state) \
           && self.status.state == oldSelf.status.state \
           && has(self.status.rejectedAt) == has(oldSelf.status.rejectedAt) \
           && has(self.status.cancelledAt) == has(oldSelf.status.cancelledAt))"
    )
    .message("a rejected or cancelled ticket never changes its state again")
    .field_path(".status")
)]
pub struct TicketSpec {
    /// The order.
    #[x_kube(validation = Rule::new("self == oldSelf").message("what was ordered and paid cannot be changed"))]
    pub order: OrderRef,
    /// The Store that it was ordered from.
    #[x_kube(validation = Rule::new("self == oldSelf").message("what was ordered and paid cannot be changed"))]
    #[schemars(length(min = 1, max = 253))]
    pub store: String,
    /// Who ordered.
    #[x_kube(validation = Rule::new("self == oldSelf").message("what was ordered and paid cannot be changed"))]
    #[schemars(length(min = 1, max = 63))]
    pub customer: String,
    /// What to make.
    #[x_kube(validation = Rule::new("self == oldSelf").message("what was ordered and paid cannot be changed"))]
    #[schemars(length(min = 1, max = 20))]
    pub items: Vec<Item>,
    /// What was paid.
    #[x_kube(validation = Rule::new("self == oldSelf").message("what was ordered and paid cannot be changed"))]
    pub amount: Money,
    /// How it is accepted.
    #[x_kube(validation = Rule::new("self == oldSelf").message("how a ticket is accepted cannot be changed"))]
    #[serde(default)]
    pub acceptance: Acceptance,
    /// How late the customer may cancel.
    #[x_kube(validation = Rule::new("self == oldSelf").message("how late the customer may cancel cannot be changed"))]
    #[serde(default)]
    pub until: CutOff,
    /// How long its steps may take.
    #[x_kube(validation = Rule::new("self == oldSelf").message("the deadlines of a ticket cannot be changed"))]
    #[serde(default, skip_serializing_if = "Deadlines::is_empty")]
    pub deadlines: Deadlines,
    /// Set when the order is being undone; stops every step of the store, and is never lifted.
    #[x_kube(validation = Rule::new("self == oldSelf").message("a hold is never lifted"))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hold: Option<Hold>,
    /// The store's decision: Accept, or Reject together with reject.
    #[x_kube(validation = Rule::new("self == oldSelf").message("it is decided already, and a decision stays"))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decision: Option<Decision>,
    /// Why it is rejected.
    #[x_kube(validation = Rule::new("self == oldSelf").message("the reason of a rejection stays"))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reject: Option<Rejection>,
    /// The kitchen's progress: Started, then Finished.
    #[x_kube(validation = Rule::new("self == oldSelf || self == 'Finished'").message("cooking does not go back"))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cooking: Option<Cooking>,
}

impl Ticket {
    /// The one Ticket of an order.
    pub fn from_draft(draft: &crate::domain::ticket::Draft) -> Self {
        let item = |(product, quantity): &(String, i64)| Item { product: product.clone(), quantity: *quantity };
        let spec = TicketSpec {
            order: draft.order.clone(),
            store: draft.store.clone(),
            customer: draft.customer.clone(),
            items: draft.items.iter().map(item).collect(),
            amount: draft.amount.clone(),
            acceptance: draft.acceptance,
            until: draft.until,
            deadlines: draft.deadlines,
            hold: draft.hold,
            decision: None,
            reject: None,
            cooking: None,
        };
        Self { metadata: super::child_meta(&draft.order), spec, status: None }
    }
}
