//! `jumun serve` as a process: what it answers, and that it stops without losing a request.

use std::process::{Child, Command, Stdio};

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::harness::wait_for;
use crate::operator::get;

/// A process of the front door; killed when dropped.
struct Serve {
    child: Child,
    log: String,
}

impl Serve {
    fn start(name: &str, arguments: &[&str]) -> Self {
        let log = format!("{}/{name}-{:08x}.log", env!("CARGO_TARGET_TMPDIR"), rand::random::<u32>());
        let child = Command::new(env!("CARGO_BIN_EXE_jumun"))
            .args(["serve", "--http", "127.0.0.1:0", "--listen", "127.0.0.1:0"])
            .args(arguments)
            .env("POD_NAME", "jumun-command-0")
            .env("LOG_FORMAT", "json")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(std::fs::File::create(&log).expect("log"))
            .spawn()
            .expect("started");
        Self { child, log }
    }

    /// Where probes and where requests are served, from its log.
    async fn addresses(&self) -> (String, String) {
        wait_for("the process to listen", || async {
            let log = std::fs::read_to_string(&self.log).ok()?;
            let line: Value = serde_json::from_str(log.lines().find(|line| line.contains("\"listening\""))?).ok()?;
            Some((line["address"].as_str()?.to_owned(), line["http"].as_str()?.to_owned()))
        })
        .await
    }

    fn terminate(&self) {
        let sent = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status();
        assert!(sent.expect("kill").success());
    }

    async fn end(&mut self) -> std::process::ExitStatus {
        let child = std::cell::RefCell::new(&mut self.child);
        wait_for("the process to end", || async { child.borrow_mut().try_wait().expect("a child") }).await
    }
}

impl Drop for Serve {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Sends the head of a request with a body, and the first half of that.
async fn half_a_request(address: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.expect("connected");
    let head = format!("POST /orders HTTP/1.1\r\nHost: {address}\r\nContent-Length: 8\r\n\r\nhalf");
    stream.write_all(head.as_bytes()).await.expect("sent");
    stream
}

/// Sends the other half, and reads until the connection is closed.
async fn the_other_half(mut stream: TcpStream) -> String {
    stream.write_all(b"half").await.expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("answered");
    answer
}

#[tokio::test]
async fn every_path_of_the_front_door_says_that_it_is_not_there_yet() {
    let serve = Serve::start("serve", &["--part", "command"]);
    let (probes, http) = serve.addresses().await;
    let (code, body) = get(&http, "/orders/1").await;
    let problem: Value = serde_json::from_str(&body).expect("JSON");
    assert_eq!((code, &problem["status"], &problem["instance"]), (501, &501.into(), &"/orders/1".into()), "{body}");
    assert_eq!(get(&http, "/readyz").await.0, 501, "probes have a port of their own");
    assert_eq!((get(&probes, "/livez").await.0, get(&probes, "/readyz").await.0), (200, 200));
    let (_, metrics) = get(&probes, "/metrics").await;
    assert!(metrics.contains("jumun_http_requests_total{part=\"command\",code=\"501\"} 2"), "{metrics}");
}

#[tokio::test]
async fn who_is_told_to_stop_serves_on_until_everybody_knows_and_finishes_what_is_open() {
    let mut serve = Serve::start("drain", &["--part", "query", "--drain-seconds", "2"]);
    let (probes, http) = serve.addresses().await;
    let open = half_a_request(&http).await;
    serve.terminate();
    wait_for("it to be no longer ready", || async { (get(&probes, "/readyz").await.0 == 503).then_some(()) }).await;
    assert_eq!(get(&probes, "/livez").await.0, 200, "nobody is to kill it meanwhile");
    assert_eq!(get(&http, "/orders").await.0, 501, "who has not heard yet is served");
    wait_for("it to take nothing new", || async { TcpStream::connect(&http).await.err() }).await;
    assert!(serve.child.try_wait().expect("a child").is_none(), "a request is open");
    let answer = the_other_half(open).await;
    assert!(answer.starts_with("HTTP/1.1 501") && answer.contains("connection: close"), "{answer}");
    assert!(serve.end().await.success());
}

#[tokio::test]
async fn a_request_that_does_not_end_does_not_keep_the_process() {
    let mut serve = Serve::start("stuck", &["--part", "query", "--drain-seconds", "0", "--finish-seconds", "1"]);
    let (_, http) = serve.addresses().await;
    let _open = half_a_request(&http).await;
    serve.terminate();
    assert!(serve.end().await.success());
}

#[tokio::test]
async fn a_headroom_pod_goes_when_it_is_told_to() {
    let log = format!("{}/headroom-{:08x}.log", env!("CARGO_TARGET_TMPDIR"), rand::random::<u32>());
    let child = Command::new(env!("CARGO_BIN_EXE_jumun"))
        .arg("headroom")
        .stderr(std::fs::File::create(&log).expect("log"))
        .spawn()
        .expect("started");
    let mut headroom = Serve { child, log: log.clone() };
    wait_for("it to wait", || async { std::fs::read_to_string(&log).ok()?.contains("SIGTERM").then_some(()) }).await;
    headroom.terminate();
    assert!(headroom.end().await.success());
}
