//! Couriers, stores and customers who change their mind, scripted: they act as soon as they can.

use std::collections::HashSet;
use std::sync::Mutex;

use futures::TryStreamExt;
use jumun::crd::{Delivery, Order, Ticket};
use kube::Api;
use kube::api::{Patch, PatchParams};
use kube::runtime::{WatchStreamExt, watcher};
use serde_json::json;

/// Requests that one actor has under way at once.
pub const AT_ONCE: usize = 16;
/// Where the couriers are; an order for anywhere else stays under way.
pub const ZONE: &str = "gangnam";

/// Claims and delivers whatever is ready in the zone.
pub async fn courier(api: Api<Delivery>) {
    let deliveries = watcher(api.clone(), watcher::Config::default()).default_backoff().applied_objects();
    let seen = Mutex::new(HashSet::new());
    deliveries
        .try_for_each_concurrent(AT_ONCE, |delivery| {
            let (api, name) = (api.clone(), delivery.metadata.name.unwrap_or_default());
            let spec = &delivery.spec;
            let open = spec.progress.is_none() && spec.hold.is_none() && spec.ready && spec.zone == ZONE;
            let news = open && seen.lock().expect("deliveries").insert(name.clone());
            async move {
                if !news {
                    return Ok(());
                }
                let claim = json!({ "spec": { "courier": { "name": "park", "zone": ZONE }, "progress": "PickedUp" } });
                let done = json!({ "spec": { "progress": "Delivered" } });
                for step in [claim, done] {
                    api.patch(&name, &PatchParams::default(), &Patch::Merge(&step)).await.expect("a courier's step");
                }
                Ok(())
            }
        })
        .await
        .expect("the watch of deliveries");
}

/// Accepts, cooks and finishes whatever is offered.
pub async fn cook(api: Api<Ticket>) {
    let tickets = watcher(api.clone(), watcher::Config::default()).default_backoff().applied_objects();
    let seen = Mutex::new(HashSet::new());
    tickets
        .try_for_each_concurrent(AT_ONCE, |ticket| {
            let (api, name) = (api.clone(), ticket.metadata.name.unwrap_or_default());
            let news = ticket.spec.hold.is_none() && seen.lock().expect("tickets").insert(name.clone());
            async move {
                if !news {
                    return Ok(());
                }
                let start = json!({ "spec": { "decision": "Accept", "cooking": "Started" } });
                let finish = json!({ "spec": { "cooking": "Finished" } });
                for step in [start, finish] {
                    api.patch(&name, &PatchParams::default(), &Patch::Merge(&step)).await.expect("a step of the store");
                }
                Ok(())
            }
        })
        .await
        .expect("the watch of tickets");
}

/// Cancels each order as soon as it has a delivery.
pub async fn canceller(deliveries: Api<Delivery>, orders: Api<Order>) {
    let seen = watcher(deliveries, watcher::Config::default()).default_backoff().applied_objects();
    let done = Mutex::new(HashSet::new());
    seen.try_for_each_concurrent(AT_ONCE, |delivery| {
        let (orders, name) = (orders.clone(), delivery.spec.order.name);
        let news = done.lock().expect("orders").insert(name.clone());
        async move {
            if news {
                let wish = json!({ "spec": { "cancel": { "reason": "ChangedMind" } } });
                orders.patch(&name, &PatchParams::default(), &Patch::Merge(&wish)).await.expect("a wish");
            }
            Ok(())
        }
    })
    .await
    .expect("the watch of deliveries");
}

/// An endpoint on loopback that takes every message; gives its address.
pub async fn listener() -> String {
    let socket = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}/", socket.local_addr().expect("an address"));
    let router = axum::Router::new().fallback(|| async { axum::http::StatusCode::NO_CONTENT });
    tokio::spawn(async move { axum::serve(socket, router).await.expect("served") });
    url
}
