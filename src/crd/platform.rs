//! OrderPlatform: what holds for all orders of a namespace, and what runs there. The platform team writes its spec.

mod config;
pub mod gateway;
pub mod probes;
pub mod quantity;
pub mod workloads;

use std::collections::BTreeMap;
use std::time::Duration;

use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::store::Endpoint;
use crate::domain::Span;
use crate::domain::platform::{Limits, Status};

pub use gateway::{Cors, Gateway};
pub use probes::{Probe, Probes};
pub use quantity::Quantity;
pub use workloads::{Amounts, Autoscaling, Controllers, FrontDoor, Group, Headroom, Resources, Workloads};

/// What holds for all orders of a namespace: how many are let in, who takes payments, who is told, how long they stay; and
/// what runs there, how it is scaled, asked and reached.
#[derive(CustomResource, Clone, Debug, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[kube(
    group = "jumun.dev",
    version = "v1alpha1",
    kind = "OrderPlatform",
    plural = "orderplatforms",
    shortname = "op",
    category = "jumun",
    namespaced,
    status = "Status",
    doc = "What holds for all orders of a namespace, and what runs there. The one named default counts; without it, defaults hold. The platform team writes its spec.",
    printcolumn(name = "Ready", type_ = "string", json_path = ".status.conditions[?(@.type=='Ready')].status"),
    printcolumn(name = "Reason", type_ = "string", json_path = ".status.conditions[?(@.type=='Ready')].reason"),
    printcolumn(name = "Controllers", type_ = "string", json_path = ".status.workloads.controllers"),
    printcolumn(name = "Command", type_ = "string", json_path = ".status.workloads.command"),
    printcolumn(name = "Query", type_ = "string", json_path = ".status.workloads.query"),
    printcolumn(name = "Serving", type_ = "integer", json_path = ".status.serving"),
    printcolumn(
        name = "Notices",
        type_ = "string",
        json_path = ".status.conditions[?(@.type=='EndpointReachable')].reason",
        priority = 1
    ),
    printcolumn(
        name = "Message",
        type_ = "string",
        json_path = ".status.conditions[?(@.message!='')].message",
        priority = 1
    ),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp")
)]
pub struct OrderPlatformSpec {
    /// How many orders are let in; above it new ones wait their turn. Absent: as many as come.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub intake: Option<Intake>,
    /// Who takes payments, beside wallets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payment: Option<Payment>,
    /// Who is told of what, beside the sellers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notifications: Option<Notifications>,
    /// Which hosts may be called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub egress: Option<Egress>,
    /// How long what has ended stays.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retention: Option<Retention>,
    /// The image of everything that runs here; absent: the operator's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 512), regex(pattern = r"^[A-Za-z0-9][A-Za-z0-9._:/@-]*$"))]
    pub image: Option<String>,
    /// How the front door is reached from outside of the cluster; absent: not at all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gateway: Option<Gateway>,
    /// What runs here; absent: one Deployment with all controllers, and the two parts of the front door, of one replica each.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workloads: Option<Workloads>,
    /// How the pods are asked whether they live and whether they take work.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub probes: Option<Probes>,
    /// Settings that everything which runs here reads from its environment, such as LOG_LEVEL; a change rolls the workloads.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "config::schema")]
    pub config: BTreeMap<String, String>,
    /// Room on nodes for pods that are not there yet, so that scaling up waits for no new node; absent: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub headroom: Option<Headroom>,
}

/// How many orders are let in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Intake {
    /// Open: orders are taken. Paused: nothing new is placed, new orders wait; everything under way goes on, cancels and
    /// deletions included. Pause it before a backup is restored.
    #[serde(default, skip_serializing_if = "is_open")]
    pub state: IntakeState,
    /// How many may be placed and not paid yet; those on their way back do not count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1_000_000))]
    pub max_pending: Option<i32>,
    /// How many are placed a second.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 100_000))]
    pub max_per_second: Option<i32>,
    /// How long an order waits for a Store, Product, Wallet or provider that is missing, such as 1m, before it ends as
    /// Invalid; 1m where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference_patience: Option<Span>,
}

/// Whether new orders are placed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum IntakeState {
    /// They are.
    #[default]
    Open,
    /// They wait.
    Paused,
}

fn is_open(state: &IntakeState) -> bool {
    *state == IntakeState::Open
}

/// Who takes payments.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Payment {
    /// The providers, by name.
    #[schemars(length(max = 16))]
    pub providers: Vec<Provider>,
    /// In a namespace that is being deleted: how long providers are asked to give back what they may have taken, such as 5m,
    /// which holds where it is absent. What has no answer by then is reported as money at risk.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub give_up_after: Option<Span>,
}

/// A payment provider: see docs/payment-provider.md for what it must do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Provider {
    /// The name by which orders choose it.
    #[schemars(length(min = 1, max = 63))]
    pub name: String,
    /// Where it is called, http or https.
    #[schemars(length(min = 8, max = 512), regex(pattern = r"^https?://[^\s@]+$"))]
    pub url: String,
    /// How long a call may take, such as 2s; at most 10s, and 5s where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<Span>,
}

/// Who is told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Notifications {
    /// Where customers' messages go; the event's subject says whom each is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customers: Option<Endpoint>,
}

/// Which hosts may be called.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Egress {
    /// Names such as pay.example, or *.example for everything below it. Where absent, every host but loopback, link-local
    /// and unspecified addresses.
    #[schemars(length(max = 64), inner(length(min = 1, max = 253)))]
    pub allowed_hosts: Vec<String>,
}

/// How long what has ended stays.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("!has(self.rows) || duration(self.rows) >= duration(self.completed)")
    .message("a row outlives its order: rows is not shorter than completed").field_path(".rows"))]
pub struct Retention {
    /// An order that has ended is removed after this long, such as 168h, with everything it owns.
    pub completed: Span,
    /// Its row is removed after this long, such as 720h, counted from the order's end too; as long as completed where absent.
    /// As long as the row of an order that was removed by this retention stands, the same order applied again is refused as
    /// AlreadyOrdered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rows: Option<Span>,
}

impl Retention {
    /// How long a row stays after its order's end.
    pub fn rows(&self) -> Duration {
        self.rows.unwrap_or(self.completed).duration().max(self.completed.duration())
    }
}

impl OrderPlatformSpec {
    /// The limits of the intake.
    pub fn limits(&self) -> Limits {
        let number = |limit: Option<i32>| limit.map(|limit| usize::try_from(limit).unwrap_or_default());
        self.intake.as_ref().map_or_else(Limits::default, |intake| Limits {
            pending: number(intake.max_pending),
            per_second: number(intake.max_per_second),
        })
    }

    /// Whether nothing new is placed.
    pub fn is_paused(&self) -> bool {
        self.intake.as_ref().is_some_and(|intake| intake.state == IntakeState::Paused)
    }

    /// Whether only so many orders may be unpaid at once.
    pub fn counts_unpaid(&self) -> bool {
        self.limits().pending.is_some()
    }

    /// How long what an order refers to is waited for, where that is set.
    pub fn reference_patience(&self) -> Option<Duration> {
        self.intake.as_ref()?.reference_patience.map(Span::duration)
    }

    /// The provider of this name.
    pub fn provider(&self, name: &str) -> Option<&Provider> {
        self.payment.as_ref()?.providers.iter().find(|provider| provider.name == name)
    }

    /// How long providers are asked to give back money in a namespace that is being deleted.
    pub fn give_up_after(&self) -> std::time::Duration {
        let span = self.payment.as_ref().and_then(|payment| payment.give_up_after);
        span.map_or(crate::domain::payment::GIVE_UP_AFTER, Span::duration)
    }

    /// Where customers' messages go.
    pub fn customers(&self) -> Option<&str> {
        Some(self.notifications.as_ref()?.customers.as_ref()?.url.as_str())
    }

    /// The hosts that may be called, where they are limited.
    pub fn allowed_hosts(&self) -> Option<&[String]> {
        self.egress.as_ref().map(|egress| egress.allowed_hosts.as_slice())
    }
}
