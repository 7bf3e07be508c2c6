//! Notification: one message to one endpoint about one fact. The Order controller writes its spec, once.

use kube::{CustomResource, KubeSchema};
use serde::{Deserialize, Serialize};

use super::rules::stays;
use crate::domain::notification::{Audience, Content, Draft, Status, Topic};
use crate::domain::order::State;
use crate::domain::{Money, OrderRef, ids};

/// One message to one endpoint about one fact, sent as a CloudEvent.
#[derive(CustomResource, Clone, Debug, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[kube(
    group = "jumun.dev",
    version = "v1alpha1",
    kind = "Notification",
    plural = "notifications",
    shortname = "ntf",
    category = "jumun",
    namespaced,
    status = "Status",
    doc = "One message to one endpoint about one fact of an order, sent over HTTP as a CloudEvent. Written by the controllers alone.",
    selectable = ".spec.store",
    selectable = ".spec.topic",
    selectable = ".spec.to",
    selectable = ".status.state",
    printcolumn(name = "Order", type_ = "string", json_path = ".spec.order.name"),
    printcolumn(name = "Topic", type_ = "string", json_path = ".spec.topic"),
    printcolumn(name = "To", type_ = "string", json_path = ".spec.to"),
    printcolumn(name = "State", type_ = "string", json_path = ".status.state"),
    printcolumn(name = "Attempts", type_ = "integer", json_path = ".status.attempts"),
    printcolumn(name = "Next", type_ = "string", json_path = ".status.retryAt", priority = 1),
    printcolumn(name = "Message", type_ = "string", json_path = ".status.conditions[?(@.message!='')].message", priority = 1),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    validation = Rule::new(stays("spec")).message("a message cannot be changed"),
    validation = Rule::new(
        "!has(oldSelf.status) \
         || !(has(oldSelf.status.sentAt) || has(oldSelf.status.gaveUpAt)) \
         || (has(self.status.state) \
           && self.status.state == oldSelf.status.state \
           && has(self.status.sentAt) == has(oldSelf.status.sentAt) \
           && has(self.status.gaveUpAt) == has(oldSelf.status.gaveUpAt))"
    )
    .message("a message that was sent or given up never changes its state again")
    .field_path(".status")
)]
pub struct NotificationSpec {
    /// The order that it is about.
    pub order: OrderRef,
    /// What it tells.
    pub topic: Topic,
    /// Whom it is for, and with that which endpoint: the store's notify.url or the platform's notifications.customers.url.
    pub to: Audience,
    /// The order's Store.
    #[schemars(length(min = 1, max = 253))]
    pub store: String,
    /// Name of the seller or customer it is for.
    #[schemars(length(min = 1, max = 63))]
    pub subject: String,
    /// Who ordered.
    #[schemars(length(min = 1, max = 63))]
    pub customer: String,
    /// What the order costs.
    pub amount: Money,
    /// Why, where there is a why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub reason: Option<String>,
    /// The customer's sentence for the seller, where the wish to cancel came with one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub message: Option<String>,
    /// The order's end state, where that is what it tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end: Option<State>,
    /// Nothing is undone before the endpoint has taken it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub required: bool,
}

impl Notification {
    /// The one Notification of this order, topic and audience.
    pub fn from_draft(draft: &Draft) -> Self {
        let content = draft.0.clone();
        let mut metadata = super::child_meta(&content.order);
        let order = &content.order;
        metadata.name = Some(ids::notification_name(&order.name, &order.uid, content.topic.slug(), content.to.slug()));
        // Nothing has to be undone for it, and it has no owner: what an order's deletion took away at once would be made and
        // sent again while the order is undone, or never sent. Its own controller removes it after its order.
        (metadata.finalizers, metadata.owner_references) = (None, None);
        let spec = NotificationSpec {
            order: content.order,
            topic: content.topic,
            to: content.to,
            store: content.store,
            subject: content.subject,
            customer: content.customer,
            amount: content.amount,
            reason: content.reason,
            message: content.message,
            end: content.end,
            required: content.required,
        };
        Self { metadata, spec, status: None }
    }

    /// What it says.
    pub fn content(&self) -> Content {
        let spec = self.spec.clone();
        Content {
            order: spec.order,
            topic: spec.topic,
            to: spec.to,
            store: spec.store,
            subject: spec.subject,
            customer: spec.customer,
            amount: spec.amount,
            reason: spec.reason,
            message: spec.message,
            end: spec.end,
            required: spec.required,
        }
    }
}
