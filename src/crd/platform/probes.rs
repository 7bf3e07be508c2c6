//! How the pods are asked whether they live and whether they take work.

use kube::KubeSchema;
use serde::{Deserialize, Serialize};

/// How the pods are asked whether they live and whether they take work. What is absent has a default.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Probes {
    /// Whether a pod takes work; one that does not gets no requests. Absent: every 5 s, an answer within 2 s, 3 failures.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub readiness: Option<Probe>,
    /// Whether a process lives; one that does not is started anew. Absent: every 10 s, an answer within 2 s, 6 failures.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub liveness: Option<Probe>,
    /// Whether a process has started; the other two wait for it. Absent: every 2 s, an answer within 2 s, 60 failures.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub startup: Option<Probe>,
}

/// How often, how patiently, and where.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Probe {
    /// Seconds after the start of the container before it is asked for the first time; 0 where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 3_600))]
    pub initial_delay_seconds: Option<i32>,
    /// Seconds within which it has to answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 300))]
    pub timeout_seconds: Option<i32>,
    /// Seconds between two questions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 300))]
    pub period_seconds: Option<i32>,
    /// So many failures in a row count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1_000))]
    pub failure_threshold: Option<i32>,
    /// The port that is asked; absent: that of the process. For meshes whose sidecar answers in its place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 65_535))]
    pub port: Option<i32>,
}
