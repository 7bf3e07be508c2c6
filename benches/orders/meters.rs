//! What is read before and after a phase: etcd's revision, the operator's calls, the API server's writes, CPU, memory.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::plane::Plane;

/// One reading.
pub struct Meters {
    pub revision: u64,
    /// The operator's successful and failed calls, by labels.
    pub operator_calls: BTreeMap<String, u64>,
    /// Writes of leases, which the control plane renews by itself.
    pub lease_writes: u64,
    /// Writes of our kinds that the API server answered with success, whoever sent them.
    pub api_writes: u64,
    pub operator_cpu: f64,
    pub api_server_cpu: f64,
    pub etcd_cpu: f64,
}

impl Meters {
    pub async fn read(plane: &Plane, operator: &Operator) -> Self {
        let pid = |part: &str| {
            let text = std::fs::read_to_string(plane.folder.join(format!("{part}.pid"))).expect("a pid");
            text.trim().parse().expect("a number")
        };
        let metrics = crate::plane::sh(&format!(
            "{}/kubectl --kubeconfig {} get --raw /metrics",
            plane.bin.display(),
            plane.admin.display()
        ));
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
        Self {
            revision: revision(plane).await,
            operator_calls: operator.calls().await,
            api_writes: writes("group=\"jumun.dev\""),
            lease_writes: writes("resource=\"leases\""),
            operator_cpu: cpu_seconds(operator.child.id()),
            api_server_cpu: cpu_seconds(pid("kube-apiserver")),
            etcd_cpu: cpu_seconds(pid("etcd")),
        }
    }

    /// All calls of the operator.
    pub fn calls(&self) -> u64 {
        self.operator_calls.values().sum()
    }
}

/// etcd's revision: one more for each change of any object.
async fn revision(plane: &Plane) -> u64 {
    let url = std::fs::read_to_string(plane.folder.join("etcd.url")).expect("etcd's address");
    let address = url.trim().trim_start_matches("http://").to_owned();
    let body = request(&address, "POST /v3/maintenance/status", "{}").await;
    let status: serde_json::Value = serde_json::from_str(&body).expect("etcd's status");
    status["header"]["revision"].as_str().and_then(|text| text.parse().ok()).expect("a revision")
}

async fn request(address: &str, line: &str, body: &str) -> String {
    let mut stream = tokio::net::TcpStream::connect(address).await.expect("connected");
    let length = body.len();
    let text = format!("{line} HTTP/1.0\r\nHost: {address}\r\nContent-Length: {length}\r\n\r\n{body}");
    stream.write_all(text.as_bytes()).await.expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("answered");
    answer.split_once("\r\n\r\n").expect("a body").1.to_owned()
}

/// CPU seconds of a process so far; the clock of /proc has 100 ticks a second on Linux.
fn cpu_seconds(pid: u32) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).expect("the process lives");
    let fields: Vec<&str> = stat.rsplit(") ").next().expect("fields").split(' ').collect();
    let ticks = |index: usize| fields[index].parse::<f64>().expect("ticks");
    (ticks(11) + ticks(12)) / 100.0
}

/// An operator process with the rights of its manifest.
pub struct Operator {
    child: Child,
    address: String,
}

impl Operator {
    /// Starts one for a namespace, and waits until it is ready.
    pub async fn start(plane: &Plane, namespace: &str) -> Self {
        let log = plane.folder.join("operator.log");
        let file = std::fs::File::create(&log).expect("log");
        let mut command = Command::new(env!("CARGO_BIN_EXE_jumun"));
        command
            .args(["run", "-n", namespace, "--listen", "127.0.0.1:0"])
            .env("KUBECONFIG", &plane.operator)
            .env("LOG_FORMAT", "json");
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(file).spawn().expect("operator");
        let address = address(&log).await;
        let operator = Self { child, address };
        wait("the operator to be ready", || async {
            (request(&operator.address, "GET /readyz", "").await == "ok\n").then_some(())
        })
        .await;
        operator
    }

    /// Its calls so far.
    async fn calls(&self) -> BTreeMap<String, u64> {
        let metrics = request(&self.address, "GET /metrics", "").await;
        let lines = metrics.lines().filter_map(|line| line.strip_prefix("jumun_api_calls_total"));
        let sample = |line: &str| {
            let (labels, value) = line.rsplit_once(' ').expect("a sample");
            (labels.to_owned(), value.parse().expect("a count"))
        };
        lines.map(sample).collect()
    }

    /// Waits until it has made no call for two seconds.
    pub async fn settle(&self) {
        let (mut last, mut since) = (self.calls().await, Instant::now());
        let mut tick = tokio::time::interval(Duration::from_millis(250));
        while since.elapsed() < Duration::from_secs(2) {
            tick.tick().await;
            let now = self.calls().await;
            if now != last {
                (last, since) = (now, Instant::now());
            }
        }
    }

    /// Resident memory in KiB.
    pub fn memory_kib(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).expect("the process lives");
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).expect("VmRSS");
        line.split_whitespace().nth(1).and_then(|value| value.parse().ok()).expect("KiB")
    }

    pub fn stop(mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

async fn address(log: &Path) -> String {
    wait("the operator to listen", || async {
        let text = std::fs::read_to_string(log).ok()?;
        let line = text.lines().find(|line| line.contains("\"listening\""))?;
        let line: serde_json::Value = serde_json::from_str(line).ok()?;
        line["address"].as_str().map(str::to_owned)
    })
    .await
}

/// Asks again until there is an answer; gives up after ten minutes.
pub async fn wait<T, F: Future<Output = Option<T>>>(what: &str, mut ask: impl FnMut() -> F) -> T {
    let deadline = Instant::now() + Duration::from_secs(600);
    let mut tick = tokio::time::interval(Duration::from_millis(50));
    loop {
        tick.tick().await;
        if let Some(answer) = ask().await {
            return answer;
        }
        assert!(Instant::now() < deadline, "waited ten minutes for {what}");
    }
}
