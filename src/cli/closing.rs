//! Controllers for namespaces that are being deleted.
//!
//! Whoever ran in such a namespace goes with it, pods, account and Role alike, and often before the orders: those keep
//! finalizers until they are undone, and nobody would be left to do that. So the operator, whose account is not of that
//! namespace, runs the controllers there itself for as long as anything of ours is left.

use std::collections::HashMap;
use std::pin::pin;
use std::time::Duration;

use futures::StreamExt;
use k8s_openapi::api::core::v1::Namespace;
use kube::core::PartialObjectMeta;
use kube::runtime::watcher;
use kube::runtime::watcher::Event;
use kube::{Api, Client, Config};
use tokio::task::{AbortHandle, JoinSet};

use super::failure::Failure;
use crate::cluster::client;
use crate::cluster::stream::{After, events};
use crate::controllers::{Options, start};
use crate::domain::{Kind, Policy};

/// How often it is looked whether anything is left.
const LOOK: Duration = Duration::from_secs(1);
/// A namespace in which nothing was left, and which is there still, is looked into again after this long.
const AGAIN: Duration = Duration::from_secs(30);

/// Follows which namespaces are being deleted, for as long as it is polled; of all, or of one.
///
/// # Errors
/// When the configuration cannot be used.
pub async fn run(config: Config, namespace: Option<String>) -> Result<(), Failure> {
    let client: Client = client::watches(&config)?;
    let api: Api<PartialObjectMeta<Namespace>> = Api::all(client);
    let fields = namespace.map(|name| format!("metadata.name={name}"));
    let which = fields.iter().fold(watcher::Config::default(), |all, fields| all.fields(fields));
    let mut events = pin!(events(api, which, After::List));
    let mut tasks = JoinSet::new();
    let mut closing: HashMap<String, AbortHandle> = HashMap::new();
    while let Some(event) = events.next().await {
        match event {
            Ok(Event::Apply(found) | Event::InitApply(found)) if found.metadata.deletion_timestamp.is_some() => {
                let name = found.metadata.name.unwrap_or_default();
                let config = config.clone();
                closing.entry(name.clone()).or_insert_with(|| tasks.spawn(close(config, name)));
            }
            Ok(Event::Delete(gone)) => {
                if let Some(task) = closing.remove(gone.metadata.name.as_deref().unwrap_or_default()) {
                    task.abort();
                }
            }
            Ok(_) => {}
            Err(error) => tracing::warn!(%error, "watch of namespaces interrupted"),
        }
        while tasks.try_join_next().is_some() {}
    }
    Ok(())
}

/// Runs the controllers in one namespace until nothing of ours is left there.
async fn close(config: Config, namespace: String) {
    tracing::info!(namespace, "a namespace is being deleted: its orders are undone from here");
    let options = Options {
        namespace: Some(namespace.clone()),
        controllers: Kind::ALL.to_vec(),
        concurrency: 16,
        policy: Policy::default(),
        pod: None,
        home: namespace.clone(),
        shares: false,
    };
    loop {
        match start(&config, &options) {
            Ok(running) => {
                let mut look = tokio::time::interval(LOOK);
                loop {
                    look.tick().await;
                    let world = running.worlds.now();
                    if world.is_complete() && world.sizes().iter().all(|(_, size)| *size == 0) {
                        break;
                    }
                }
                running.stop(Duration::from_secs(15)).await;
                tracing::info!(namespace, "nothing of ours is left in it");
            }
            Err(error) => tracing::error!(namespace, %error, "its controllers cannot be started; trying again"),
        }
        tokio::time::sleep(AGAIN).await;
    }
}
