//! The operator's own listener: `/livez`, `/readyz`, `/metrics`.
//!
//! Liveness does not depend on the API server: restarting this process would not bring that back. Ready means that every
//! cache has been filled, so that controllers decide, and that every kind can be read.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use prometheus_client::registry::Registry;

use crate::world::Worlds;

struct Ops {
    worlds: Worlds,
    registry: Registry,
}

/// The routes of the listener.
pub fn router(worlds: Worlds, registry: Registry) -> Router {
    Router::new()
        .route("/livez", get(|| async { "ok\n" }))
        .route("/readyz", get(readyz))
        .route("/metrics", get(metrics))
        .with_state(Arc::new(Ops { worlds, registry }))
}

async fn readyz(State(ops): State<Arc<Ops>>) -> Response {
    let world = ops.worlds.now();
    let Some(unready) = world.unready() else { return "ok\n".into_response() };
    let why = match world.server.history.before().filter(|_| !world.is_complete()) {
        None => format!("{unready}\n"),
        Some(why) => format!("the API server tells another history than before ({why}): the caches are filled anew\n"),
    };
    (StatusCode::SERVICE_UNAVAILABLE, why).into_response()
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
