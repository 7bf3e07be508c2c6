//! An operator as a process of its own: how it is started, asked and killed.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use crate::harness::wait_for;

/// An operator process; killed when dropped.
pub struct Operator {
    child: Child,
    log: PathBuf,
}

impl Operator {
    pub fn start(kubeconfig: &Path, namespace: &str, log: &str, arguments: &[&str]) -> Self {
        let file = std::fs::File::create(log).expect("log");
        let child = Command::new(env!("CARGO_BIN_EXE_jumun"))
            .args([
                "run",
                "-n",
                namespace,
                "--listen",
                "127.0.0.1:0",
                "--test-linger-seconds",
                "2",
                "--settle-seconds",
                "2",
            ])
            .args(arguments)
            .env("KUBECONFIG", kubeconfig)
            .env("LOG_FORMAT", "json")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(file)
            .spawn()
            .expect("operator started");
        Self { child, log: log.into() }
    }

    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// What it has logged so far.
    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Stops it where it stands, until it is thawed. A signal takes effect at some time after it was sent: this waits for it.
    pub async fn freeze(&self) {
        self.signal("STOP");
        wait_for("the operator to stand still", || async {
            let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.pid())).ok()?;
            // The state is what follows the name, which is in parentheses.
            stat.rsplit_once(") ")?.1.starts_with('T').then_some(())
        })
        .await;
    }

    /// Lets it go on with what it knew.
    pub fn thaw(&self) {
        self.signal("CONT");
    }

    fn signal(&self, signal: &str) {
        let sent = Command::new("kill").args([format!("-{signal}"), self.pid().to_string()]).status();
        assert!(sent.expect("kill").success());
    }

    /// The exit status, where it has ended.
    pub fn exit(&mut self) -> Option<std::process::ExitStatus> {
        self.child.try_wait().expect("a child")
    }

    /// Where it listens, from its log.
    pub async fn address(&self) -> String {
        wait_for("the operator to listen", || async {
            let log = std::fs::read_to_string(&self.log).ok()?;
            let line = log.lines().find(|line| line.contains("\"listening\""))?;
            let line: Value = serde_json::from_str(line).ok()?;
            line["address"].as_str().map(str::to_owned)
        })
        .await
    }

    /// GETs a path of its listener: status code and body.
    pub async fn get(&self, path: &str) -> (u16, String) {
        get(&self.address().await, path).await
    }

    /// Calls to the API server so far, by verb, from its metrics; events and watches are not among them.
    pub async fn calls(&self) -> BTreeMap<String, u64> {
        let (_, metrics) = self.get("/metrics").await;
        let mut calls = BTreeMap::new();
        for line in metrics.lines().filter(|line| line.starts_with("jumun_api_calls_total{")) {
            let (labels, value) = line.rsplit_once(' ').expect("a sample");
            *calls.entry(labels.to_owned()).or_insert(0) += value.parse::<u64>().expect("a count");
        }
        calls
    }
}

impl Drop for Operator {
    fn drop(&mut self) {
        self.kill();
    }
}

/// GETs a path of an operator that listens at this address: status code and body.
pub async fn get(address: &str, path: &str) -> (u16, String) {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let mut stream = tokio::net::TcpStream::connect(address).await.expect("connected");
    let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("answered");
    let code = answer.split(' ').nth(1).and_then(|code| code.parse().ok()).expect("a status code");
    (code, answer.split_once("\r\n\r\n").expect("a body").1.to_owned())
}
