//! The probes of a container, asked as a kubelet asks them: over HTTP, at the pod's address, from outside of the pod.

use std::time::Duration;

use k8s_openapi::api::core::v1::{Container, Probe};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::mpsc::UnboundedSender;

/// What the probes have found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It has started.
    Started,
    /// Whether it takes requests; said when it changes.
    Ready(bool),
    /// It is to be started anew.
    Dead,
}

/// Asks until nobody listens to the verdicts any more. Without a readiness probe a container is ready once it has started.
pub async fn ask(address: String, container: Container, verdicts: UnboundedSender<Verdict>) {
    let mut failures = 0;
    if let Some(probe) = &container.startup_probe {
        wait(probe.initial_delay_seconds).await;
        while !answers(&address, &container, probe).await {
            failures += 1;
            if failures >= probe.failure_threshold.unwrap_or(3) {
                _ = verdicts.send(Verdict::Dead);
                return;
            }
            wait(probe.period_seconds.or(Some(10))).await;
        }
    }
    if verdicts.send(Verdict::Started).is_err() {
        return;
    }
    tokio::join!(readiness(&address, &container, &verdicts), liveness(&address, &container, &verdicts));
}

async fn readiness(address: &str, container: &Container, verdicts: &UnboundedSender<Verdict>) {
    let Some(probe) = &container.readiness_probe else {
        _ = verdicts.send(Verdict::Ready(true));
        return;
    };
    wait(probe.initial_delay_seconds).await;
    let (mut said, mut failures) = (None, 0);
    while !verdicts.is_closed() {
        let answered = answers(address, container, probe).await;
        failures = if answered { 0 } else { failures + 1 };
        let ready = answered || (said == Some(true) && failures < probe.failure_threshold.unwrap_or(3));
        if said != Some(ready) {
            said = Some(ready);
            _ = verdicts.send(Verdict::Ready(ready));
        }
        wait(probe.period_seconds.or(Some(10))).await;
    }
}

async fn liveness(address: &str, container: &Container, verdicts: &UnboundedSender<Verdict>) {
    let Some(probe) = &container.liveness_probe else { return };
    wait(probe.initial_delay_seconds).await;
    let mut failures = 0;
    while !verdicts.is_closed() {
        failures = if answers(address, container, probe).await { 0 } else { failures + 1 };
        if failures >= probe.failure_threshold.unwrap_or(3) {
            _ = verdicts.send(Verdict::Dead);
            return;
        }
        wait(probe.period_seconds.or(Some(10))).await;
    }
}

async fn wait(seconds: Option<i32>) {
    tokio::time::sleep(Duration::from_secs(seconds.unwrap_or(0).max(0).unsigned_abs().into())).await;
}

/// Whether the probe succeeds once.
async fn answers(address: &str, container: &Container, probe: &Probe) -> bool {
    let Some(get) = &probe.http_get else { return false };
    let named = |name: &str| container.ports.iter().flatten().find(|port| port.name.as_deref() == Some(name));
    let port = match &get.port {
        IntOrString::Int(port) => Some(*port),
        IntOrString::String(name) => named(name).map(|port| port.container_port),
    };
    let Some(port) = port else { return false };
    let patience = Duration::from_secs(probe.timeout_seconds.unwrap_or(1).max(1).unsigned_abs().into());
    let path = get.path.as_deref().unwrap_or("/");
    let code = tokio::time::timeout(patience, code(&format!("{address}:{port}"), path)).await;
    code.ok().flatten().is_some_and(|code| (200..400).contains(&code))
}

/// The status code of a GET.
async fn code(address: &str, path: &str) -> Option<u16> {
    let mut stream = TcpStream::connect(address).await.ok()?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.ok()?;
    answer.split(' ').nth(1)?.parse().ok()
}
