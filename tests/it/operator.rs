//! An operator as a process of its own: how it is started, asked and killed.

use std::collections::BTreeMap;
use std::path::Path;

use crate::program::{Program, get};
use crate::wait::wait_for;

/// An operator process; killed when dropped.
pub struct Operator(Program);

impl Operator {
    pub fn start(kubeconfig: &Path, namespace: &str, log: &str, arguments: &[&str]) -> Self {
        let quick = ["--listen", "127.0.0.1:0", "--test-linger-seconds", "2", "--settle-seconds", "2"];
        let arguments = [&["run", "-n", namespace], &quick[..], arguments].concat();
        let kubeconfig = kubeconfig.to_str().expect("a path");
        Self(Program::start(&arguments, &[("KUBECONFIG", kubeconfig)], log))
    }

    pub fn kill(&mut self) {
        self.0.kill();
    }

    /// What it has logged so far.
    pub fn log(&self) -> String {
        self.0.log()
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.0.pid()
    }

    /// Stops it where it stands, until it is thawed. A signal takes effect at some time after it was sent: this waits for it.
    pub async fn freeze(&self) {
        self.0.signal("STOP");
        wait_for("the operator to stand still", || async {
            let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.pid())).ok()?;
            // The state is what follows the name, which is in parentheses.
            stat.rsplit_once(") ")?.1.starts_with('T').then_some(())
        })
        .await;
    }

    /// Lets it go on with what it knew.
    pub fn thaw(&self) {
        self.0.signal("CONT");
    }

    /// The exit status, where it has ended.
    pub fn exit(&mut self) -> Option<std::process::ExitStatus> {
        self.0.exit()
    }

    /// Where it listens, from its log.
    pub async fn address(&self) -> String {
        self.0.listening().await["address"].as_str().expect("an address").to_owned()
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
