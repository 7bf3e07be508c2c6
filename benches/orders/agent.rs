//! What carries the orders, as a process of its own: the operator, or its naive twin.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::plane::{Plane, sh};

/// A process that carries orders, with the rights of a service account.
pub struct Agent {
    child: Child,
    address: String,
    /// The metric that counts its calls to the API server.
    counter: &'static str,
}

impl Agent {
    /// Starts an operator for a namespace, that of another program where one is given, and waits until it is ready.
    pub async fn operator(program: Option<&Path>, plane: &Plane, namespace: &str, more: &[&str]) -> Self {
        static STARTED: AtomicUsize = AtomicUsize::new(0);
        let log = plane.folder.join(format!("operator-{}.log", STARTED.fetch_add(1, Ordering::Relaxed)));
        let mut command = Command::new(program.unwrap_or(Path::new(env!("CARGO_BIN_EXE_jumun"))));
        command
            .args(["run", "-n", namespace, "--listen", "127.0.0.1:0"])
            .args(more)
            .env("KUBECONFIG", &plane.operator)
            .env("LOG_FORMAT", "json");
        let child = spawn(&mut command, &log);
        let address = wait("the operator to listen", || async {
            let text = std::fs::read_to_string(&log).ok()?;
            let line = text.lines().find(|line| line.contains("\"listening\""))?;
            let line: serde_json::Value = serde_json::from_str(line).ok()?;
            line["address"].as_str().map(str::to_owned)
        })
        .await;
        let operator = Self { child, address, counter: "jumun_api_calls_total" };
        wait("the operator to be ready", || async {
            (request(&operator.address, "GET /readyz", "").await == "ok\n").then_some(())
        })
        .await;
        operator
    }

    /// Builds the twin (three minutes on two cores the first time), starts it for a namespace, and waits until it is ready.
    pub async fn naive(plane: &Plane, namespace: &str) -> Self {
        sh("go build -C benches/naive -trimpath -o ../../target/naive .");
        let (kubeconfig, log) = (plane.folder.join("naive.kubeconfig"), plane.folder.join("naive.log"));
        if !kubeconfig.exists() {
            let kubectl = format!("{}/kubectl --kubeconfig {}", plane.bin.display(), plane.admin.display());
            sh(&format!(
                "{kubectl} create clusterrole naive --verb='*' --resource='*.jumun.dev' >/dev/null &&
                 {kubectl} create clusterrole naive-events --verb=create,patch,update --resource=events.events.k8s.io >/dev/null &&
                 {kubectl} create clusterrolebinding naive-events --clusterrole=naive-events \
                   --serviceaccount=jumun-system:naive >/dev/null"
            ));
            plane.account("naive");
        }
        let mut command = Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("target/naive"));
        command.args(["--namespace", namespace, "--kubeconfig"]).arg(&kubeconfig);
        let child = spawn(&mut command, &log);
        let address = wait("the naive twin to be ready", || async {
            let text = std::fs::read_to_string(&log).ok()?;
            text.lines().find_map(|line| line.strip_prefix("naive: ready, metrics at ")).map(str::to_owned)
        })
        .await;
        Self { child, address, counter: "rest_client_requests_total" }
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Its calls so far, by labels.
    pub async fn calls(&self) -> BTreeMap<String, u64> {
        let metrics = request(&self.address, "GET /metrics", "").await;
        let lines = metrics.lines().filter_map(|line| line.strip_prefix(self.counter));
        let sample = |line: &str| {
            let (labels, value) = line.rsplit_once(' ').expect("a sample");
            (labels.to_owned(), value.parse::<f64>().expect("a count") as u64)
        };
        lines.map(sample).collect()
    }

    /// One of its figures, by name and labels; 0 where it says nothing of it.
    pub async fn figure(&self, name: &str) -> u64 {
        let metrics = request(&self.address, "GET /metrics", "").await;
        let value = metrics.lines().find_map(|line| line.strip_prefix(name)?.trim().parse().ok());
        value.unwrap_or_default()
    }

    /// Waits until it has made no call for two seconds, but for its Lease.
    pub async fn settle(&self) {
        let calls = async || -> Vec<(String, u64)> {
            let all = self.calls().await.into_iter();
            all.filter(|(labels, _)| !labels.contains("\"Lease\"")).collect()
        };
        let (mut last, mut since) = (calls().await, Instant::now());
        let mut tick = tokio::time::interval(Duration::from_millis(250));
        while since.elapsed() < Duration::from_secs(2) {
            tick.tick().await;
            let now = calls().await;
            if now != last {
                (last, since) = (now, Instant::now());
            }
        }
    }

    /// Resident memory in KiB.
    pub fn memory_kib(&self) -> u64 {
        memory_kib(self.child.id())
    }

    pub fn stop(self) {}
}

impl Drop for Agent {
    /// Also where a phase fails: what it started does not go on.
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn spawn(command: &mut Command, log: &Path) -> Child {
    let file = std::fs::File::create(log).expect("log");
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(file).spawn().expect("started")
}

/// Resident memory of a process in KiB.
pub fn memory_kib(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("the process lives");
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).expect("VmRSS");
    line.split_whitespace().nth(1).and_then(|value| value.parse().ok()).expect("KiB")
}

/// One request over HTTP on loopback; gives the body of the answer.
pub async fn request(address: &str, line: &str, body: &str) -> String {
    let mut stream = tokio::net::TcpStream::connect(address).await.expect("connected");
    let length = body.len();
    let text = format!("{line} HTTP/1.0\r\nHost: {address}\r\nContent-Length: {length}\r\n\r\n{body}");
    stream.write_all(text.as_bytes()).await.expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("answered");
    answer.split_once("\r\n\r\n").expect("a body").1.to_owned()
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
