//! Calls to the outside, against the real fake provider and small servers on loopback.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::{any, post};
use jumun::domain::provider::{Call, Reply, key};
use jumun::domain::{Money, Time};
use jumun::http::fake_provider::{CallKind, Entry, FakeProvider, Faults, Status, Switch};
use jumun::outbound::{Event, Outbound};
use jumun::telemetry::{Metrics, metrics};
use serde_json::{Value, json};

const SHORT: Duration = Duration::from_millis(500);

async fn serve(router: Router) -> SocketAddr {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move { axum::serve(listener, router).await });
    address
}

fn loopback() -> Vec<String> {
    vec!["127.0.0.1".to_owned()]
}

struct Shop {
    provider: FakeProvider,
    outbound: Outbound,
    metrics: Metrics,
    url: String,
}

impl Shop {
    async fn open(faults: Faults) -> Self {
        let provider = FakeProvider::new(faults);
        let url = format!("http://{}", serve(provider.router()).await);
        let metrics = Metrics::default();
        Self { provider, outbound: Outbound::new(metrics.clone()), metrics, url }
    }

    async fn call(&self, order: &str, call: Call) -> Reply {
        self.outbound.provider(Some(&loopback()), &self.url, SHORT, &key(order), &call).await
    }

    async fn charge(&self, order: &str) -> Reply {
        self.call(order, charge(18_000, "tok_1")).await
    }

    fn entry(&self, order: &str) -> Option<Entry> {
        self.provider.entries().into_iter().find(|entry| entry.key == key(order))
    }

    /// Waits until the provider has carried out so many charges under the order's key.
    async fn charges_arrived(&self, order: &str, count: u32) {
        let arrived = async {
            while self.entry(order).is_none_or(|entry| entry.charges < count) {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(5), arrived).await.expect("the late charge");
    }

    /// How often money was taken and given back under the order's key.
    fn money(&self, order: &str) -> (u32, u32) {
        self.entry(order).map_or((0, 0), |entry| (entry.taken, entry.returned))
    }

    fn counted(&self, result: &'static str) -> u64 {
        self.metrics.outbound_calls.get_or_create(&metrics::Outbound { target: "provider", result }).get()
    }
}

fn charge(amount: i64, token: &str) -> Call {
    Call::Charge { amount: Money::new(amount, "KRW"), token: token.to_owned() }
}

fn unknown(why: &str) -> Reply {
    Reply::Unknown { why: why.to_owned() }
}

#[tokio::test]
async fn a_key_is_charged_once_and_refunded_once() {
    let shop = Shop::open(Faults::default()).await;
    assert_eq!(shop.call("1", Call::LookUp).await, Reply::NotFound);
    for _ in 0..3 {
        assert_eq!(shop.charge("1").await, Reply::Charged);
    }
    assert_eq!(shop.call("1", charge(1, "tok_1")).await, unknown("HTTP 409"));
    assert_eq!(shop.call("1", Call::LookUp).await, Reply::Charged);
    for _ in 0..3 {
        assert_eq!(shop.call("1", Call::Void).await, Reply::Refunded);
    }
    assert_eq!(shop.charge("1").await, Reply::Refunded);
    assert_eq!(shop.call("1", Call::LookUp).await, Reply::Refunded);
    assert_eq!(shop.money("1"), (1, 1));
    assert_eq!((shop.counted("ok"), shop.counted("status")), (10, 1));
    let mut text = String::new();
    prometheus_client::encoding::text::encode(&mut text, &shop.metrics.registry()).expect("metrics");
    assert!(text.contains(r#"jumun_outbound_calls_total{target="provider",result="ok"} 10"#), "{text}");
}

#[tokio::test]
async fn charges_that_meet_take_money_once() {
    let shop = Shop::open(Faults::default()).await;
    let replies = futures::future::join_all((0..20).map(|_| shop.charge("1"))).await;
    assert!(replies.iter().all(|reply| *reply == Reply::Charged), "{replies:?}");
    assert_eq!(shop.money("1"), (1, 0));
}

#[tokio::test]
async fn a_decline_is_final_and_its_void_has_nothing_to_give_back() {
    let shop = Shop::open(Faults::default()).await;
    let declined = Reply::Declined { reason: "CardDeclined".to_owned() };
    assert_eq!(shop.call("1", charge(18_000, "decline-1")).await, declined);
    assert_eq!(shop.call("1", Call::LookUp).await, declined);
    assert_eq!(shop.call("1", Call::Void).await, Reply::Voided);
    shop.provider.set(Faults { decline: Some(Switch::times(1)), ..Faults::default() });
    assert_eq!(shop.charge("2").await, declined);
    assert_eq!(shop.charge("3").await, Reply::Charged);
    assert_eq!((shop.money("1"), shop.money("2"), shop.money("3")), ((0, 0), (0, 0), (1, 0)));
}

#[tokio::test]
async fn what_was_not_carried_out_is_unknown_until_it_is_looked_up() {
    for (faults, why) in [
        (Faults { timeout: Some(Switch::times(1)), ..Faults::default() }, "no answer within 0.5 s"),
        (Faults { fail: Some(Switch::times(1)), ..Faults::default() }, "HTTP 500"),
        (Faults { down: Some(Switch::times(1)), ..Faults::default() }, "HTTP 503"),
    ] {
        let shop = Shop::open(faults).await;
        assert_eq!(shop.charge("1").await, unknown(why));
        assert_eq!(shop.call("1", Call::LookUp).await, Reply::NotFound);
        assert_eq!(shop.charge("1").await, Reply::Charged);
        assert_eq!(shop.money("1"), (1, 0));
    }
}

#[tokio::test]
async fn a_lost_reply_is_found_by_looking_up() {
    let shop = Shop::open(Faults { lost_reply: Some(Switch::times(1)), ..Faults::default() }).await;
    assert_eq!(shop.charge("1").await, unknown("the connection broke off"));
    assert_eq!(shop.call("1", Call::LookUp).await, Reply::Charged);
    let lost = Switch::times(1).on(&[CallKind::Void]);
    shop.provider.set(Faults { lost_reply: Some(lost), ..Faults::default() });
    assert_eq!(shop.call("1", Call::Void).await, unknown("the connection broke off"));
    assert_eq!(shop.call("1", Call::Void).await, Reply::Refunded);
    assert_eq!(shop.money("1"), (1, 1));
    assert_eq!((shop.counted("broken"), shop.counted("ok")), (2, 2));
}

fn late(delay_ms: u64) -> Faults {
    Faults { late: Some(Switch { delay_ms: Some(delay_ms), ..Switch::times(1) }), ..Faults::default() }
}

#[tokio::test]
async fn a_late_charge_that_was_voided_takes_nothing() {
    let shop = Shop::open(late(300)).await;
    assert_eq!(shop.charge("1").await, unknown("HTTP 504"));
    assert_eq!(shop.call("1", Call::LookUp).await, Reply::NotFound);
    assert_eq!(shop.call("1", Call::Void).await, Reply::Voided);
    // The late charge counts as one even though it takes nothing.
    shop.charges_arrived("1", 1).await;
    assert_eq!(shop.call("1", Call::LookUp).await, Reply::Voided);
    assert_eq!(shop.charge("1").await, Reply::Voided);
    assert_eq!(shop.money("1"), (0, 0));
}

#[tokio::test]
async fn a_late_charge_meets_the_repeated_one_under_the_same_key() {
    let shop = Shop::open(late(200)).await;
    assert_eq!(shop.charge("1").await, unknown("HTTP 504"));
    assert_eq!(shop.call("1", Call::LookUp).await, Reply::NotFound);
    assert_eq!(shop.charge("1").await, Reply::Charged);
    shop.charges_arrived("1", 2).await;
    let entry = shop.entry("1").expect("an entry");
    assert_eq!((entry.status, entry.taken, entry.charges), (Status::Charged, 1, 2));
}

#[tokio::test]
async fn a_late_charge_is_carried_out_where_nobody_voids_it() {
    let shop = Shop::open(late(100)).await;
    assert_eq!(shop.charge("1").await, unknown("HTTP 504"));
    shop.charges_arrived("1", 1).await;
    assert_eq!(shop.call("1", Call::LookUp).await, Reply::Charged);
    assert_eq!(shop.call("1", Call::Void).await, Reply::Refunded);
    assert_eq!(shop.money("1"), (1, 1));
}

#[tokio::test]
async fn faults_are_set_and_read_over_http_and_charges_listed() {
    let shop = Shop::open(Faults::default()).await;
    let wanted = r#"{"fail":{"count":1}}"#;
    assert_eq!(plain(&shop.url, "PUT /faults", wanted).await, (200, wanted.to_owned()));
    assert_eq!(shop.charge("1").await, unknown("HTTP 500"));
    assert_eq!(plain(&shop.url, "GET /faults", "").await, (200, r#"{"fail":{"count":0}}"#.to_owned()));
    assert_eq!(plain(&shop.url, "PUT /faults", r#"{"dwon":{}}"#).await.0, 400);
    assert_eq!(shop.charge("1").await, Reply::Charged);
    let (_, listed) = plain(&shop.url, "GET /charges", "").await;
    let listed: Value = serde_json::from_str(&listed).expect("JSON");
    let entry = json!({
        "key": "jumun-1", "status": "charged", "amount": 18_000, "currency": "KRW", "taken": 1, "returned": 0, "charges": 1,
    });
    assert_eq!(listed, json!([entry]));
    assert_eq!(plain(&shop.url, "PUT /charges/jumun-2", r#"{"amount":0}"#).await.0, 400);
}

/// A request by hand: the status and the body.
async fn plain(url: &str, line: &str, body: &str) -> (u16, String) {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let host = url.trim_start_matches("http://");
    let mut stream = tokio::net::TcpStream::connect(host).await.expect("a connection");
    let head =
        format!("{line} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\ncontent-length: {}\r\n\r\n", body.len());
    stream.write_all((head + body).as_bytes()).await.expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("an answer");
    let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
    (status, answer.split_once("\r\n\r\n").expect("a body").1.to_owned())
}

#[tokio::test]
async fn answers_of_other_servers_say_nothing_about_money() {
    let outbound = Outbound::default();
    let slow = || async {
        let pieces = futures::stream::unfold((), |()| async {
            tokio::time::sleep(Duration::from_millis(50)).await;
            Some((Ok::<_, std::io::Error>(Bytes::from_static(b" ")), ()))
        });
        Body::from_stream(pieces)
    };
    let router = Router::new()
        .route("/missing/{*rest}", any(|| async { (StatusCode::NOT_FOUND, "404 page not found SECRET") }))
        .route("/error/{*rest}", any(|| async { (StatusCode::BAD_GATEWAY, "SECRET\u{1b}[31m") }))
        .route("/page/{*rest}", any(|| async { "<html>SECRET charged</html>" }))
        .route("/huge/{*rest}", any(|| async { vec![b' '; 20 * 1024 * 1024] }))
        .route("/moved/{*rest}", any(|| async { (StatusCode::FOUND, [(header::LOCATION, "/ok/")]) }))
        .route("/slow/{*rest}", any(slow));
    let address = serve(router).await;
    for (path, why) in [
        ("missing", "HTTP 404"),
        ("error", "HTTP 502"),
        ("page", "the answer is not understood"),
        ("huge", "the answer is too long"),
        ("moved", "redirects are not followed"),
        ("slow", "no answer within 0.5 s"),
    ] {
        let url = format!("http://{address}/{path}");
        for call in [Call::LookUp, charge(18_000, "tok_1"), Call::Void] {
            let began = Instant::now();
            let reply = outbound.provider(Some(&loopback()), &url, SHORT, "jumun-1", &call).await;
            // An address that is wrong for good is a matter for a person; that says nothing about money either.
            let refused = Reply::Refused { charge: matches!(call, Call::Charge { .. }), status: 404 };
            let wanted = if path == "missing" { refused } else { unknown(why) };
            assert_eq!(reply, wanted, "{path} {call:?}");
            assert!(began.elapsed() < Duration::from_secs(3), "{path} took {:?}", began.elapsed());
        }
    }
}

fn event() -> Event {
    Event {
        id: "ntf-1".to_owned(),
        type_: "dev.jumun.order.placed".to_owned(),
        source: "/namespaces/shop/orders/order-1".to_owned(),
        subject: "alice".to_owned(),
        time: Time::from_millis(1_795_245_000_123),
        data: json!({ "order": "order-1", "message": "주문을 받았습니다" }),
    }
}

async fn told(outbound: &Outbound, url: &str) -> Result<(), String> {
    outbound.notify(Some(&loopback()), url, &event()).await.map_err(|undelivered| undelivered.reason)
}

#[tokio::test]
async fn a_notice_arrives_as_a_cloud_event() {
    let taken: Arc<Mutex<Vec<(HeaderMap, Value)>>> = Arc::default();
    let seen = taken.clone();
    let hook = move |headers: HeaderMap, body: Bytes| async move {
        seen.lock().expect("a lock").push((headers, serde_json::from_slice(&body).expect("JSON")));
        (StatusCode::ACCEPTED, "thanks")
    };
    let address = serve(Router::new().route("/hooks", post(hook))).await;
    let outbound = Outbound::default();
    for _ in 0..2 {
        assert_eq!(told(&outbound, &format!("http://{address}/hooks")).await, Ok(()));
    }
    let taken = taken.lock().expect("a lock");
    let (headers, body) = &taken[1];
    assert_eq!(headers[header::CONTENT_TYPE], "application/cloudevents+json");
    assert_eq!(headers[header::USER_AGENT], concat!("jumun/", env!("CARGO_PKG_VERSION")));
    assert_eq!(headers[header::HOST], address.to_string());
    for (attribute, value) in [
        ("specversion", json!("1.0")),
        ("id", json!("ntf-1")),
        ("type", json!("dev.jumun.order.placed")),
        ("source", json!("/namespaces/shop/orders/order-1")),
        ("subject", json!("alice")),
        ("datacontenttype", json!("application/json")),
        ("data", event().data),
    ] {
        assert_eq!(body[attribute], value, "{attribute}");
    }
}

#[tokio::test]
async fn a_notice_that_is_not_taken_says_why_in_our_words() {
    let followed: Arc<Mutex<u32>> = Arc::default();
    let seen = followed.clone();
    let endless = || async {
        let pieces = futures::stream::repeat_with(|| Ok::<_, std::io::Error>(Bytes::from(vec![b'x'; 65_536])));
        Body::from_stream(pieces)
    };
    let target = any(move || async move {
        *seen.lock().expect("a lock") += 1;
    });
    let router = Router::new()
        .route("/moved", post(|| async { (StatusCode::TEMPORARY_REDIRECT, [(header::LOCATION, "/target")]) }))
        .route("/target", target)
        .route("/busy", post(|| async { (StatusCode::SERVICE_UNAVAILABLE, "SECRET\u{1b}[31m\r\n").into_response() }))
        .route("/silent", post(std::future::pending::<()>))
        .route("/endless", post(endless));
    let address = serve(router).await;
    let outbound = Outbound::default();
    let told = async |path: &str| told(&outbound, &format!("http://{address}{path}")).await;
    assert_eq!(told("/moved").await, Err("redirects are not followed".to_owned()));
    assert_eq!(*followed.lock().expect("a lock"), 0);
    assert_eq!(told("/busy").await, Err("HTTP 503".to_owned()));
    assert_eq!(told("/nowhere").await, Err("HTTP 404".to_owned()));
    let began = Instant::now();
    assert_eq!(told("/endless").await, Ok(()), "what it says beyond 2xx is not read");
    assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
    assert_eq!(told("/silent").await, Err("no answer within 5 s".to_owned()));
}

#[tokio::test]
async fn endpoints_that_rule_ten_forbids_are_not_called() {
    let called: Arc<Mutex<u32>> = Arc::default();
    let seen = called.clone();
    let hook = any(move || async move {
        *seen.lock().expect("a lock") += 1;
    });
    let port = serve(Router::new().fallback_service(hook)).await.port();
    let metrics = Metrics::default();
    let outbound = Outbound::new(metrics.clone());
    let told = async |allowed: Option<&[String]>, url: String| {
        outbound.notify(allowed, &url, &event()).await.map_err(|undelivered| undelivered.reason)
    };
    let refused = |why: &str| Err(why.to_owned());
    let loopback = loopback();
    for (allowed, url, why) in [
        (None, format!("http://127.0.0.1:{port}/"), "host not allowed: 127.0.0.1 is loopback"),
        (None, format!("http://[::ffff:127.0.0.1]:{port}/"), "host not allowed: [::ffff:7f00:1] is loopback"),
        (None, format!("http://localhost:{port}/"), "host not allowed: localhost is loopback"),
        (None, format!("https://localhost:{port}/"), "host not allowed: localhost is loopback"),
        (Some(&loopback[..]), format!("http://localhost:{port}/"), "host not allowed: localhost"),
        (Some(&loopback[..]), format!("http://me:secret@127.0.0.1:{port}/"), "credentials in a URL are refused"),
        (Some(&loopback[..]), format!("ftp://127.0.0.1:{port}/"), "only http and https are called"),
        (Some(&[][..]), format!("http://127.0.0.1:{port}/"), "host not allowed: 127.0.0.1"),
    ] {
        assert_eq!(told(allowed, url.clone()).await, refused(why), "{url}");
        let reply = outbound.provider(allowed, &url, SHORT, "jumun-1", &Call::Void).await;
        assert_eq!(reply, unknown(why), "{url}");
    }
    assert_eq!(*called.lock().expect("a lock"), 0);
    let count = |result| metrics.outbound_calls.get_or_create(&metrics::Outbound { target: "notice", result }).get();
    assert_eq!((count("refused"), count("ok")), (8, 0));

    let named = vec!["localhost".to_owned()];
    assert_eq!(told(Some(&named), format!("http://localhost:{port}/")).await, Ok(()));
    // The connection that a list admitted is not there for a call without one.
    let again = told(None, format!("http://localhost:{port}/")).await;
    assert_eq!(again, refused("host not allowed: localhost is loopback"));
    assert_eq!(*called.lock().expect("a lock"), 1);
}

#[tokio::test]
async fn what_cannot_be_reached_says_how_far_it_got() {
    let outbound = Outbound::default();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let closed = listener.local_addr().expect("an address");
    drop(listener);
    assert_eq!(told(&outbound, &format!("http://{closed}/")).await, Err("no connection".to_owned()));
    let nobody = vec!["nobody.invalid".to_owned()];
    let undelivered = outbound.notify(Some(&nobody), "http://nobody.invalid/", &event()).await.unwrap_err();
    assert_eq!(undelivered.reason, "the name does not resolve");
    // A server that does not speak TLS.
    let plain = serve(Router::new()).await;
    assert_eq!(told(&outbound, &format!("https://{plain}/")).await, Err("no trusted TLS connection".to_owned()));
}
