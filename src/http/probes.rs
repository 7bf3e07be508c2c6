//! What every process of ours serves for its pod: `/livez`, `/readyz`, `/metrics`.
//!
//! Liveness depends on nothing: restarting a process that answers would mend nothing outside of it. Who is not ready says
//! why, in the body.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use prometheus_client::registry::Registry;

/// What keeps a process from being ready, in words; nothing where it is.
type Unready = dyn Fn() -> Option<String> + Send + Sync;

struct Probes {
    unready: Box<Unready>,
    registry: Registry,
}

/// The routes of the listener. `unready` says what keeps the process from being ready.
pub fn router(unready: impl Fn() -> Option<String> + Send + Sync + 'static, registry: Registry) -> Router {
    Router::new()
        .route("/livez", get(|| async { "ok\n" }))
        .route("/readyz", get(readyz))
        .route("/metrics", get(metrics))
        .with_state(Arc::new(Probes { unready: Box::new(unready), registry }))
}

async fn readyz(State(probes): State<Arc<Probes>>) -> Response {
    match (probes.unready)() {
        None => "ok\n".into_response(),
        Some(why) => (StatusCode::SERVICE_UNAVAILABLE, format!("{why}\n")).into_response(),
    }
}

async fn metrics(State(probes): State<Arc<Probes>>) -> Response {
    let mut text = String::new();
    match prometheus_client::encoding::text::encode(&mut text, &probes.registry) {
        Ok(()) => {
            let content_type = "application/openmetrics-text; version=1.0.0; charset=utf-8";
            ([(header::CONTENT_TYPE, content_type)], text).into_response()
        }
        Err(_) => (StatusCode::INTERNAL_SERVER_ERROR, "the metrics cannot be written\n").into_response(),
    }
}
