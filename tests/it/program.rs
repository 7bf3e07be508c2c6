//! `jumun` as a process under test: what it logs is in a file, and it is killed when dropped.

use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};

use serde_json::Value;

use crate::wait::wait_for;

/// A process of `jumun`.
pub struct Program {
    child: Child,
    log: PathBuf,
}

impl Program {
    /// Starts `jumun` with these arguments and this environment; what it logs goes to this file.
    pub fn start(arguments: &[&str], environment: &[(&str, &str)], log: &str) -> Self {
        let child = Command::new(env!("CARGO_BIN_EXE_jumun"))
            .args(arguments)
            .env("LOG_FORMAT", "json")
            .envs(environment.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(std::fs::File::create(log).expect("log"))
            .spawn()
            .expect("started");
        Self { child, log: log.into() }
    }

    /// A file for the log of a process of which there are many.
    pub fn some_log(name: &str) -> String {
        format!("{}/{name}-{:08x}.log", env!("CARGO_TARGET_TMPDIR"), rand::random::<u32>())
    }

    /// What it has logged so far.
    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// The line in which it says where it listens, once it does.
    pub async fn listening(&self) -> Value {
        wait_for("the process to listen", || async {
            let log = self.log();
            serde_json::from_str(log.lines().find(|line| line.contains("\"listening\""))?).ok()
        })
        .await
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Sends it a signal, by its name.
    pub fn signal(&self, signal: &str) {
        let sent = Command::new("kill").args([format!("-{signal}"), self.pid().to_string()]).status();
        assert!(sent.expect("kill").success());
    }

    /// Kills it as a crash would.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// The exit status, where it has ended.
    pub fn exit(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().expect("a child")
    }

    /// Waits until it ends.
    pub async fn end(&mut self) -> ExitStatus {
        let process = std::cell::RefCell::new(self);
        wait_for("the process to end", || async { process.borrow_mut().exit() }).await
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        self.kill();
    }
}

/// GETs a path of a process that listens at this address: status code and body.
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
