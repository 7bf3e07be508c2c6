//! The controllers' own listener: `/livez`, `/readyz`, `/metrics`.
//!
//! Liveness does not depend on the API server: restarting this process would not bring that back. Ready means that every
//! cache has been filled, so that controllers decide, and that every kind can be read.

use axum::Router;
use prometheus_client::registry::Registry;

use super::probes;
use crate::world::Worlds;

/// The routes of the listener.
pub fn router(worlds: Worlds, registry: Registry) -> Router {
    probes::router(move || unready(&worlds), registry)
}

fn unready(worlds: &Worlds) -> Option<String> {
    let world = worlds.now();
    let unready = world.unready()?;
    Some(match world.server.history.before().filter(|_| !world.is_complete()) {
        None => unready,
        Some(why) => format!("the API server tells another history than before ({why}): the caches are filled anew"),
    })
}
