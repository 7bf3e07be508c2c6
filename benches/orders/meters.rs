//! What is read before and after a phase: etcd's revision and size, the agent's calls, the API server's writes, CPU, and how
//! long etcd and the API server took for what they did.

use std::collections::BTreeMap;

use crate::agent::{Agent, memory_kib, request};
use crate::histogram::{self, Histograms, Owner, label};
use crate::plane::{Plane, sh};

/// One reading.
pub struct Meters {
    pub revision: u64,
    /// The agent's successful and failed calls, by labels.
    pub agent_calls: BTreeMap<String, u64>,
    /// Writes of leases, which the control plane renews by itself.
    pub lease_writes: u64,
    /// Writes of our kinds that the API server answered with success, whoever sent them.
    pub api_writes: u64,
    pub agent_cpu: f64,
    pub api_server_cpu: f64,
    pub etcd_cpu: f64,
    /// What etcd's file holds of live pages, in bytes.
    pub db_in_use: u64,
    /// How long etcd took to write: its log and its pages.
    etcd: Histograms,
    /// How long the API server took, by verb.
    verbs: Histograms,
    /// The same by verb and resource, such as `PATCH orders/status`.
    resources: Histograms,
}

impl Meters {
    pub async fn read(plane: &Plane, agent: &Agent) -> Self {
        let kubectl = format!("{}/kubectl --kubeconfig {}", plane.bin.display(), plane.admin.display());
        let metrics = sh(&format!("{kubectl} get --raw /metrics"));
        let count =
            |line: &str| line.rsplit(' ').next().and_then(|value| value.parse::<f64>().ok()).unwrap_or_default();
        let written = |line: &str| {
            line.starts_with("apiserver_request_total{")
                && line.contains("code=\"2")
                && ["POST", "PATCH", "PUT", "DELETE"].iter().any(|verb| line.contains(&format!("verb=\"{verb}\"")))
        };
        let writes = |label: &str| {
            let lines = metrics.lines().filter(|line| line.contains(label) && written(line));
            lines.map(count).sum::<f64>() as u64
        };
        let (api_writes, lease_writes) = (writes("group=\"jumun.dev\""), writes("resource=\"leases\""));
        let durations = "apiserver_request_duration_seconds";
        let status = Status::read(plane).await;
        Self {
            revision: status.revision,
            db_in_use: status.in_use,
            agent_calls: agent.calls().await,
            api_writes,
            lease_writes,
            agent_cpu: cpu_seconds(agent.pid()),
            api_server_cpu: cpu_seconds(pid(plane, "kube-apiserver")),
            etcd_cpu: cpu_seconds(pid(plane, "etcd")),
            etcd: etcd(plane).await,
            verbs: histogram::read(&metrics, durations, |line| Some(format!("API server {}", ours(line)?))),
            resources: histogram::read(&metrics, durations, resource),
        }
    }

    /// All calls of the agent.
    pub fn calls(&self) -> u64 {
        self.agent_calls.values().sum()
    }

    /// How long etcd and the API server took since `before`: whose time a latency was.
    pub fn owners(&self, before: &Self) -> Vec<Owner> {
        let mut owners = histogram::between(&before.etcd, &self.etcd);
        owners.extend(histogram::between(&before.verbs, &self.verbs));
        owners
    }

    /// The same of the API server alone, by verb and resource.
    pub fn resources(&self, before: &Self) -> Vec<Owner> {
        histogram::between(&before.resources, &self.resources)
    }
}

/// The verb of a line about one of our kinds, where it writes.
fn ours(line: &str) -> Option<&str> {
    let verb = label(line, "verb").filter(|verb| matches!(*verb, "POST" | "PATCH" | "PUT" | "DELETE"))?;
    (label(line, "group")? == "jumun.dev").then_some(verb)
}

fn resource(line: &str) -> Option<String> {
    let (verb, resource) = (ours(line)?, label(line, "resource")?);
    let subresource = label(line, "subresource").filter(|name| !name.is_empty());
    Some(subresource.map_or_else(|| format!("{verb} {resource}"), |name| format!("{verb} {resource}/{name}")))
}

async fn etcd(plane: &Plane) -> Histograms {
    let metrics = request(&etcd_address(plane), "GET /metrics", "").await;
    let parts = [
        ("etcd fsync of the log", "etcd_disk_wal_fsync_duration_seconds"),
        ("etcd commit of pages", "etcd_disk_backend_commit_duration_seconds"),
    ];
    let read = |(name, metric): (&str, &str)| histogram::read(&metrics, metric, |_| Some(name.to_owned()));
    parts.into_iter().flat_map(read).collect()
}

fn etcd_address(plane: &Plane) -> String {
    let url = std::fs::read_to_string(plane.folder.join("etcd.url")).expect("etcd's address");
    url.trim().trim_start_matches("http://").to_owned()
}

/// What etcd says of itself.
pub struct Status {
    /// One more for each change of any object.
    pub revision: u64,
    /// Bytes of its file, and how many of them are live.
    pub size: u64,
    pub in_use: u64,
}

impl Status {
    pub async fn read(plane: &Plane) -> Self {
        let body = request(&etcd_address(plane), "POST /v3/maintenance/status", "{}").await;
        let status: serde_json::Value = serde_json::from_str(&body).expect("etcd's status");
        let number = |value: &serde_json::Value| value.as_str().and_then(|text| text.parse().ok());
        Self {
            revision: number(&status["header"]["revision"]).expect("a revision"),
            size: number(&status["dbSize"]).unwrap_or_default(),
            in_use: number(&status["dbSizeInUse"]).unwrap_or_default(),
        }
    }
}

fn pid(plane: &Plane, part: &str) -> u32 {
    let text = std::fs::read_to_string(plane.folder.join(format!("{part}.pid"))).expect("a pid");
    text.trim().parse().expect("a number")
}

/// Resident memory of a part of the control plane in KiB.
pub fn part_memory_kib(plane: &Plane, part: &str) -> u64 {
    memory_kib(pid(plane, part))
}

/// CPU seconds of a process so far; the clock of /proc has 100 ticks a second on Linux.
pub fn cpu_seconds(pid: u32) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).expect("the process lives");
    let fields: Vec<&str> = stat.rsplit(") ").next().expect("fields").split(' ').collect();
    let ticks = |index: usize| fields[index].parse::<f64>().expect("ticks");
    (ticks(11) + ticks(12)) / 100.0
}
