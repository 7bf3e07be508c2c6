//! What runs in the namespace: the controllers, and the two parts of the front door.

use kube::KubeSchema;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::quantity::Quantity;
use crate::domain::Kind;

/// What runs in the namespace.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Workloads {
    /// The controllers, which carry orders on; absent: one Deployment with one replica runs all of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub controllers: Option<Controllers>,
    /// The part of the front door that takes orders and steps; absent: one replica.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<FrontDoor>,
    /// The part of the front door that answers questions; absent: one replica.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub query: Option<FrontDoor>,
}

/// The controllers: in one Deployment, or in several of which one can be down while the others go on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new(
    "!has(self.groups) \
     || self.groups.all(group, group.all(kind, self.groups.exists_one(other, kind in other)))"
)
    .message("workloads.controllers.groups: a kind stands in one group at most").field_path(".groups"))]
pub struct Controllers {
    /// One Deployment for each group of kinds, such as `[[order, payment], [view]]`. Kinds that no group names run with the
    /// first one. Absent: one Deployment runs them all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 10))]
    pub groups: Option<Vec<Group>>,
    /// How many pods each of these Deployments has; 1 where absent. They share the work.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 100))]
    pub replicas: Option<i32>,
    /// What each pod asks for and may take; absent: 100m of processor time and 128Mi of memory, at most 1Gi.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resources: Option<Resources>,
}

/// The kinds whose controllers run in one Deployment, by the words of the table of kinds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Group(pub Vec<Kind>);

impl Serialize for Group {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(|kind| kind.word()))
    }
}

impl<'de> Deserialize<'de> for Group {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let words = Vec::<String>::deserialize(deserializer)?;
        let kind = |word: &String| {
            let found = Kind::ALL.into_iter().find(|kind| kind.word() == word);
            found.ok_or_else(|| de::Error::custom(format!("{word}: no such kind")))
        };
        words.iter().map(kind).collect::<Result<_, _>>().map(Self)
    }
}

impl JsonSchema for Group {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Group".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "array", "minItems": 1, "maxItems": Kind::COUNT, "x-kubernetes-list-type": "set",
            "items": { "type": "string", "enum": Kind::ALL.map(Kind::word) },
        })
    }
}

/// A part of the front door.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("!has(self.replicas) || !has(self.autoscaling)")
    .message("replicas belong to the autoscaler: set replicas or autoscaling, not both").field_path(".replicas"))]
pub struct FrontDoor {
    /// How many pods it has; 1 where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 100))]
    pub replicas: Option<i32>,
    /// How many pods it has depends on what there is to do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub autoscaling: Option<Autoscaling>,
    /// What each pod asks for and may take; absent: 100m of processor time and 64Mi of memory, at most 256Mi.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resources: Option<Resources>,
}

/// Between which numbers of pods, and by what, a workload is scaled. Where both measures are set the larger number counts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("!has(self.minReplicas) || self.minReplicas <= self.maxReplicas")
    .message("autoscaling.minReplicas is not above autoscaling.maxReplicas").field_path(".minReplicas"))]
pub struct Autoscaling {
    /// Never fewer pods; 1 where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 100))]
    pub min_replicas: Option<i32>,
    /// Never more pods.
    #[schemars(range(min = 1, max = 100))]
    pub max_replicas: i32,
    /// How much of the processor time that they ask for the pods are to use on average, in percent; 80 where neither this
    /// nor ordersWaiting is set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 100))]
    pub cpu_percent: Option<i32>,
    /// How many orders may wait to be placed for each pod: the external metric jumun_orders_waiting, which an adapter of
    /// the cluster has to serve.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1_000_000))]
    pub orders_waiting: Option<i32>,
}

/// What a pod asks for, and what it may take at the most.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new(
    "!has(self.requests) \
     || !has(self.requests.cpu) \
     || !has(self.limits) \
     || !has(self.limits.cpu) \
     || quantity(string(self.requests.cpu)).compareTo(quantity(string(self.limits.cpu))) <= 0"
)
    .message("resources.requests.cpu is not above resources.limits.cpu").field_path(".requests"))]
#[x_kube(validation = Rule::new(
    "!has(self.requests) \
     || !has(self.requests.memory) \
     || !has(self.limits) \
     || !has(self.limits.memory) \
     || quantity(string(self.requests.memory)).compareTo(quantity(string(self.limits.memory))) <= 0"
)
    .message("resources.requests.memory is not above resources.limits.memory").field_path(".requests"))]
pub struct Resources {
    /// What is kept for it on its node. What is not set here, nor below limits, has a default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requests: Option<Amounts>,
    /// What it may take at the most. Without a limit it takes processor time that nobody else needs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limits: Option<Amounts>,
}

/// Amounts of what a node has.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Amounts {
    /// Processor time, such as 200m or 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpu: Option<Quantity>,
    /// Memory, such as 256Mi.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory: Option<Quantity>,
}

/// Nodes that are there before they are needed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Headroom {
    /// For how many pods there is to be room: what scales up finds it at once, and the room is made anew.
    #[schemars(range(min = 1, max = 100))]
    pub pods: i32,
    /// How large each of these places is; absent: as large as a pod of the command workload.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resources: Option<Resources>,
}
