//! Store: a shop and its terms.

use kube::{CustomResource, KubeSchema};
use serde::{Deserialize, Serialize};

use crate::domain::store::{Acceptance, Confirmation, CutOff, Deadlines, Fulfilment, Intake, SellerNotice, Status};

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
    printcolumn(name = "Acceptance", type_ = "string", json_path = ".spec.acceptance"),
    printcolumn(name = "Intake", type_ = "string", json_path = ".spec.intake"),
    printcolumn(name = "Ready", type_ = "string", json_path = ".status.conditions[?(@.type=='Ready')].status"),
    printcolumn(name = "Confirmation", type_ = "string", json_path = ".spec.confirmation", priority = 1),
    printcolumn(name = "Notices", type_ = "string", json_path = ".status.conditions[?(@.type=='EndpointReachable')].reason", priority = 1),
    printcolumn(name = "Message", type_ = "string", json_path = ".status.conditions[?(@.message!='')].message", priority = 1),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    validation = Rule::new("self.spec.acceptance == 'Automatic' || self.spec.fulfilment == 'Kitchen'")
        .message("only a kitchen accepts by hand: set fulfilment: Kitchen")
        .field_path(".spec.acceptance"),
    validation = Rule::new("self.spec.cancellation.until == 'Delivered' || self.spec.fulfilment == 'Kitchen'")
        .message("only a kitchen starts to cook: set fulfilment: Kitchen")
        .field_path(".spec.cancellation.until"),
    validation = Rule::new("self.spec.cancellation.sellerNotice == 'BestEffort' || has(self.spec.notify)")
        .message("a required seller notice needs an endpoint: set notify.url")
        .field_path(".spec.notify")
)]
pub struct StoreSpec {
    /// Who sells here.
    #[schemars(length(min = 1, max = 63))]
    pub seller: String,
    /// Where the store is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 63))]
    pub zone: Option<String>,
    /// What the store does with a paid order. Warehouse: it is delivered at once. Kitchen: accepted, cooked, delivered.
    #[serde(default)]
    pub fulfilment: Fulfilment,
    /// How a kitchen accepts a paid order. Automatic: at once. Manual: by `decision` on the Ticket.
    #[serde(default)]
    pub acceptance: Acceptance,
    /// Who confirms receipt. Customer: by `received: true` on the Delivery. Automatic: delivered is confirmed.
    #[serde(default)]
    pub confirmation: Confirmation,
    /// How late a customer may cancel, and whether the seller must know of it first.
    #[serde(default)]
    pub cancellation: Cancellation,
    /// What becomes of new orders. Open: taken. Hold: they wait. Drain: new and waiting ones are rejected.
    #[serde(default)]
    pub intake: Intake,
    /// How many orders a kitchen works on at once; above it new orders wait, first come, first served.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 100_000))]
    pub max_open_tickets: Option<i32>,
    /// How long each step may take, such as 90s or 2h30m. What is late ends the order, but for confirm, which confirms it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadlines: Option<Deadlines>,
    /// Where the seller is told of wishes to cancel and of cancelled deliveries.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notify: Option<Endpoint>,
}

/// How late a customer may cancel, and whether the seller must know of it first.
#[derive(Clone, Debug, Default, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Cancellation {
    /// The last moment at which a cancel is honoured. Delivered: until the courier has delivered. CookingStarts: until
    /// the kitchen has started.
    #[serde(default)]
    pub until: CutOff,
    /// Required: nothing is undone before the seller's endpoint has taken the notice. BestEffort: nothing waits for it.
    #[serde(default)]
    pub seller_notice: SellerNotice,
}

/// An endpoint that takes CloudEvents.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Endpoint {
    /// An http or https address that answers 2xx once it has taken an event.
    #[schemars(length(min = 8, max = 512), regex(pattern = r"^https?://[^\s@]+$"))]
    pub url: String,
}
