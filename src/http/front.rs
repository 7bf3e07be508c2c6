//! The place of the front door: every path answers that it is not there yet, as a problem document (RFC 9457).
//!
//! Invariants: a request is answered once its body has come, since a gateway takes an answer that comes before for an
//! error; who is about to stop closes each connection with its answer, so that no request is sent on one that is gone.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;
use serde_json::json;

/// The largest body that is taken, in bytes.
const LARGEST: usize = 1 << 20;
/// How long a body may take to come.
const SLOWEST: Duration = Duration::from_secs(30);
/// Says which pod answered.
const SERVED_BY: HeaderName = HeaderName::from_static("x-served-by");

/// The part of the front door that a process serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Part {
    /// Takes orders and the steps of the actors.
    Command,
    /// Answers questions.
    Query,
}

impl Part {
    /// Its name, as it stands in arguments, labels and messages.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Command => "command",
            Self::Query => "query",
        }
    }
}

/// A request that was answered.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Answered {
    part: &'static str,
    code: u16,
}

/// One process of the front door.
#[derive(Clone)]
pub struct Front {
    part: Part,
    /// Names the pod in every answer, where it is known.
    pod: Option<HeaderValue>,
    stopping: Arc<AtomicBool>,
    requests: Family<Answered, Counter>,
}

impl Front {
    /// A process that serves this part, in this pod.
    pub fn new(part: Part, pod: Option<&str>) -> Self {
        let pod = pod.and_then(|name| HeaderValue::from_str(name).ok());
        Self { part, pod, stopping: Arc::default(), requests: Family::default() }
    }

    /// From now on nobody is to send anything new here.
    pub fn stop(&self) {
        self.stopping.store(true, Ordering::Relaxed);
    }

    /// What keeps it from being ready, in words.
    pub fn unready(&self) -> Option<String> {
        self.stopping
            .load(Ordering::Relaxed)
            .then(|| "stopping: open requests are finished, new ones go elsewhere".to_owned())
    }

    /// A registry with its metrics.
    pub fn registry(&self) -> Registry {
        let mut registry = Registry::default();
        registry.register(
            "jumun_http_requests",
            "Requests by part of the front door and status",
            self.requests.clone(),
        );
        registry
    }

    /// Every path.
    pub fn router(&self) -> Router {
        Router::new().fallback(answer).with_state(self.clone())
    }
}

async fn answer(State(front): State<Front>, request: Request) -> Response {
    let path = request.uri().path().to_owned();
    let status = body_of(request.into_body()).await;
    front.requests.get_or_create(&Answered { part: front.part.as_str(), code: status.as_u16() }).inc();
    let mut response = problem(front.part, status, &path);
    let headers = response.headers_mut();
    if let Some(pod) = &front.pod {
        headers.insert(SERVED_BY, pod.clone());
    }
    if front.stopping.load(Ordering::Relaxed) {
        headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

/// Waits for the whole body, and says how to answer.
async fn body_of(body: Body) -> StatusCode {
    match tokio::time::timeout(SLOWEST, to_bytes(body, LARGEST)).await {
        Ok(Ok(_)) => StatusCode::NOT_IMPLEMENTED,
        Ok(Err(_)) => StatusCode::PAYLOAD_TOO_LARGE,
        Err(_) => StatusCode::REQUEST_TIMEOUT,
    }
}

fn problem(part: Part, status: StatusCode, path: &str) -> Response {
    let part = part.as_str();
    let detail = match status {
        StatusCode::PAYLOAD_TOO_LARGE => {
            format!("The {part} part of the front door takes bodies of at most {LARGEST} bytes.")
        }
        StatusCode::REQUEST_TIMEOUT => format!("The body did not come within {} s.", SLOWEST.as_secs()),
        _ => format!(
            "The {part} part of the front door runs, and serves no path yet. Until it does, orders are resources: \
             kubectl apply, and kubectl get orderviews."
        ),
    };
    let document = json!({
        "type": "about:blank", "title": status.canonical_reason(), "status": status.as_u16(),
        "detail": detail, "instance": path,
    });
    (status, [(header::CONTENT_TYPE, "application/problem+json")], document.to_string()).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;
    use tower::ServiceExt;

    async fn ask(front: &Front, method: &str, path: &str, body: Body) -> Response {
        let request = Request::builder().method(method).uri(path).body(body).unwrap();
        front.router().oneshot(request).await.unwrap()
    }

    #[tokio::test]
    async fn every_path_answers_a_problem_that_names_the_part_and_the_pod() {
        let front = Front::new(Part::Command, Some("jumun-command-1"));
        for (method, path) in [("GET", "/"), ("POST", "/orders"), ("DELETE", "/livez"), ("PUT", "/a/b?c=d")] {
            let response = ask(&front, method, path, Body::from("{}")).await;
            assert_eq!(response.status(), StatusCode::NOT_IMPLEMENTED, "{path}");
            assert_eq!(response.headers()["content-type"], "application/problem+json");
            assert_eq!(response.headers()["x-served-by"], "jumun-command-1");
            assert!(!response.headers().contains_key("connection"));
            let body = to_bytes(response.into_body(), LARGEST).await.unwrap();
            let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
            let expected = json!(["about:blank", "Not Implemented", 501, path.split('?').next()]);
            assert_eq!(json!([body["type"], body["title"], body["status"], body["instance"]]), expected);
            assert!(body["detail"].as_str().unwrap().contains("command part"), "{body}");
        }
        assert!(front.unready().is_none());
        front.stop();
        assert!(front.unready().is_some());
        let response = ask(&front, "GET", "/", Body::empty()).await;
        assert_eq!(response.headers()["connection"], "close", "nobody is to send more on this connection");
        let mut metrics = String::new();
        prometheus_client::encoding::text::encode(&mut metrics, &front.registry()).unwrap();
        assert!(metrics.contains("jumun_http_requests_total{part=\"command\",code=\"501\"} 5"), "{metrics}");
    }

    #[tokio::test]
    async fn a_body_that_is_too_large_is_refused() {
        let front = Front::new(Part::Query, None);
        let response = ask(&front, "POST", "/", Body::from(vec![b' '; LARGEST + 1])).await;
        assert_eq!(response.status(), StatusCode::PAYLOAD_TOO_LARGE);
    }
}
