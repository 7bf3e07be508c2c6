//! A reverse proxy between one operator and the API server. It numbers the operator's writes to our kinds and does one
//! planned thing to one of them; everything else, watches among it, passes as it comes.

use std::sync::{Arc, Mutex};

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, Response, StatusCode, header};
use axum::serve::ListenerExt;
use kube::Client;
use serde_json::json;

/// What happens to one write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The operator dies; the write never reaches the API server.
    KilledBefore,
    /// The operator dies once the write is committed, without its answer.
    KilledAfter,
    /// The operator dies; the write arrives when another has gone on without it.
    KilledLate,
    /// Not forwarded; the answer says that the object has changed.
    Conflict,
    /// Not forwarded; the answer asks to come back in a second.
    Throttled,
    /// Committed, but the answer says that nobody knows.
    TimedOut,
    /// Not forwarded; the answer says that a quota, or a right, is in the way.
    Denied,
}

impl Fault {
    pub const ALL: [Self; 7] = [
        Self::KilledBefore,
        Self::KilledAfter,
        Self::KilledLate,
        Self::Conflict,
        Self::Throttled,
        Self::TimedOut,
        Self::Denied,
    ];
}

/// A fault, and the number of the write that it happens to.
pub type Plan = Option<(Fault, usize)>;

/// Stands between an operator and the API server, and makes one write of it go wrong; one for each operator that is started.
pub struct Proxy {
    pub url: String,
    shared: Arc<Shared>,
    server: tokio::task::JoinHandle<()>,
}

struct Shared {
    upstream: Client,
    plan: Plan,
    progress: Mutex<Progress>,
}

#[derive(Default)]
struct Progress {
    writes: Vec<String>,
    hit: Option<String>,
    late: Option<Request>,
    dead: bool,
}

impl Proxy {
    /// Listens on a port of its own.
    pub async fn start(upstream: Client, plan: Plan) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let listener = listener.tap_io(|stream| stream.set_nodelay(true).expect("no delay"));
        let shared = Arc::new(Shared { upstream, plan, progress: Mutex::default() });
        let router = axum::Router::new().fallback(handle).with_state(shared.clone());
        let server = tokio::spawn(async move { axum::serve(listener, router).await.expect("served") });
        Self { url, shared, server }
    }

    /// Whether the operator is dead: the planned moment has come, and nothing that it sends is taken any more.
    pub fn has_killed(&self) -> bool {
        self.shared.progress.lock().expect("progress").dead
    }

    /// Lets the write arrive that was on its way when the operator died; gives whether there was one.
    pub async fn send_late(&self) -> bool {
        let late = self.shared.progress.lock().expect("progress").late.take();
        match late {
            Some(request) => commit(&self.shared.upstream, request).await,
            None => return false,
        };
        true
    }

    /// The writes so far, and the one that the fault happened to.
    pub fn writes(&self) -> (Vec<String>, Option<String>) {
        let progress = self.shared.progress.lock().expect("progress");
        (progress.writes.clone(), progress.hit.clone())
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// Answers one request; one of a dead operator is never answered.
async fn handle(State(shared): State<Arc<Shared>>, request: Request) -> Response<Body> {
    let is_read = request.method() == Method::GET || !request.uri().path().starts_with("/apis/jumun.dev/");
    let answer = if shared.progress.lock().expect("progress").dead {
        None
    } else if is_read {
        Some(forward(&shared.upstream, request).await)
    } else {
        // On a task of its own: a write that was sent arrives, whatever becomes of its sender.
        tokio::spawn(write(shared, request)).await.expect("a write")
    };
    match answer {
        Some(answer) => answer,
        None => std::future::pending().await,
    }
}

async fn write(shared: Arc<Shared>, request: Request) -> Option<Response<Body>> {
    let what = format!("{} {}", request.method(), target(request.uri().path()));
    let fault = {
        let mut progress = shared.progress.lock().expect("progress");
        progress.writes.push(what.clone());
        let fault = shared.plan.filter(|(_, number)| *number == progress.writes.len()).map(|(fault, _)| fault);
        if fault.is_some() {
            progress.hit = Some(what);
        }
        progress.dead |= matches!(fault, Some(Fault::KilledBefore | Fault::KilledLate));
        fault
    };
    match fault {
        None => Some(commit(&shared.upstream, request).await),
        Some(Fault::KilledBefore) => None,
        Some(Fault::KilledLate) => {
            let (parts, body) = request.into_parts();
            let body = axum::body::to_bytes(body, usize::MAX).await.unwrap_or_default();
            shared.progress.lock().expect("progress").late = Some(Request::from_parts(parts, Body::from(body)));
            None
        }
        Some(Fault::KilledAfter) => {
            commit(&shared.upstream, request).await;
            shared.progress.lock().expect("progress").dead = true;
            None
        }
        Some(Fault::Denied) => Some(status(StatusCode::FORBIDDEN, "Forbidden")),
        Some(Fault::Conflict) => Some(status(StatusCode::CONFLICT, "Conflict")),
        Some(Fault::Throttled) => {
            let mut answer = status(StatusCode::TOO_MANY_REQUESTS, "TooManyRequests");
            answer.headers_mut().insert(header::RETRY_AFTER, header::HeaderValue::from_static("1"));
            Some(answer)
        }
        Some(Fault::TimedOut) => {
            commit(&shared.upstream, request).await;
            Some(status(StatusCode::GATEWAY_TIMEOUT, "Timeout"))
        }
    }
}

/// `orders/order-1/status` of `/apis/jumun.dev/v1alpha1/namespaces/x/orders/order-1/status`.
fn target(path: &str) -> String {
    path.split('/').skip(6).collect::<Vec<&str>>().join("/")
}

/// A failure as the API server words it.
fn status(code: StatusCode, reason: &str) -> Response<Body> {
    let body = json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "message": "a planned fault", "reason": reason, "code": code.as_u16(),
    });
    let json = (header::CONTENT_TYPE, "application/json");
    Response::builder().status(code).header(json.0, json.1).body(Body::from(body.to_string())).expect("an answer")
}

/// Passes a request on; the answer's body comes as it streams.
async fn forward(upstream: &Client, request: Request) -> Response<Body> {
    let (mut parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, usize::MAX).await.unwrap_or_default();
    strip(&mut parts.headers);
    let request = Request::from_parts(parts, kube::client::Body::from(body));
    match upstream.send(request).await {
        Ok(answer) => {
            let (mut parts, body) = answer.into_parts();
            strip(&mut parts.headers);
            Response::from_parts(parts, Body::new(body))
        }
        Err(error) => {
            eprintln!("the API server did not answer: {error}");
            status(StatusCode::BAD_GATEWAY, "InternalError")
        }
    }
}

/// Passes a write on and waits for the whole answer: then it is committed.
async fn commit(upstream: &Client, request: Request) -> Response<Body> {
    let (parts, body) = forward(upstream, request).await.into_parts();
    Response::from_parts(parts, Body::from(axum::body::to_bytes(body, usize::MAX).await.unwrap_or_default()))
}

/// Headers that are about one connection alone.
fn strip(headers: &mut HeaderMap) {
    for name in [header::HOST, header::CONNECTION, header::TRANSFER_ENCODING, header::CONTENT_LENGTH] {
        headers.remove(name);
    }
}
