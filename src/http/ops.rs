//! The operator's own listener: `/livez`, `/readyz`, `/metrics`.
//!
//! Liveness does not depend on the API server: restarting this process would not bring that back. Ready means that every
//! cache has been filled, so that controllers decide.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use prometheus_client::registry::Registry;

use crate::cluster::World;

struct Ops {
    world: Arc<World>,
    registry: Registry,
}

/// The routes of the listener.
pub fn router(world: Arc<World>, registry: Registry) -> Router {
    Router::new()
        .route("/livez", get(|| async { "ok\n" }))
        .route("/readyz", get(readyz))
        .route("/metrics", get(metrics))
        .with_state(Arc::new(Ops { world, registry }))
}

async fn readyz(State(ops): State<Arc<Ops>>) -> Response {
    if ops.world.is_complete() {
        return "ok\n".into_response();
    }
    (StatusCode::SERVICE_UNAVAILABLE, "the caches are not filled yet\n").into_response()
}

async fn metrics(State(ops): State<Arc<Ops>>) -> Response {
    let mut text = String::new();
    match prometheus_client::encoding::text::encode(&mut text, &ops.registry) {
        Ok(()) => {
            let content_type = "application/openmetrics-text; version=1.0.0; charset=utf-8";
            ([(header::CONTENT_TYPE, content_type)], text).into_response()
        }
        Err(_) => (StatusCode::INTERNAL_SERVER_ERROR, "the metrics cannot be written\n").into_response(),
    }
}
