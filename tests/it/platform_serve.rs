//! `jumun serve` as a process: what it answers, and that it stops without losing a request.

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::harness::wait_for;
use crate::program::{Program, get};

/// Starts a process of the front door.
fn serve(name: &str, arguments: &[&str]) -> Program {
    let arguments = [&["serve", "--http", "127.0.0.1:0", "--listen", "127.0.0.1:0"], arguments].concat();
    Program::start(&arguments, &[("POD_NAME", "jumun-command-0")], &Program::some_log(name))
}

/// Where its probes and where its requests are served.
async fn addresses(serve: &Program) -> (String, String) {
    let line = serve.listening().await;
    let address = |field: &str| line[field].as_str().expect("an address").to_owned();
    (address("address"), address("http"))
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
    let serve = serve("serve", &["--part", "command"]);
    let (probes, http) = addresses(&serve).await;
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
    let mut serve = serve("drain", &["--part", "query", "--drain-seconds", "2"]);
    let (probes, http) = addresses(&serve).await;
    let open = half_a_request(&http).await;
    serve.signal("TERM");
    wait_for("it to be no longer ready", || async { (get(&probes, "/readyz").await.0 == 503).then_some(()) }).await;
    assert_eq!(get(&probes, "/livez").await.0, 200, "nobody is to kill it meanwhile");
    assert_eq!(get(&http, "/orders").await.0, 501, "who has not heard yet is served");
    wait_for("it to take nothing new", || async { TcpStream::connect(&http).await.err() }).await;
    assert!(serve.exit().is_none(), "a request is open");
    let answer = the_other_half(open).await;
    assert!(answer.starts_with("HTTP/1.1 501") && answer.contains("connection: close"), "{answer}");
    assert!(serve.end().await.success());
}

#[tokio::test]
async fn a_request_that_does_not_end_does_not_keep_the_process() {
    let mut serve = serve("stuck", &["--part", "query", "--drain-seconds", "0", "--finish-seconds", "1"]);
    let (_, http) = addresses(&serve).await;
    let _open = half_a_request(&http).await;
    serve.signal("TERM");
    assert!(serve.end().await.success());
}

#[tokio::test]
async fn a_headroom_pod_goes_when_it_is_told_to() {
    let mut headroom = Program::start(&["headroom"], &[], &Program::some_log("headroom"));
    wait_for("it to wait", || async { headroom.log().contains("SIGTERM").then_some(()) }).await;
    headroom.signal("TERM");
    assert!(headroom.end().await.success());
}
