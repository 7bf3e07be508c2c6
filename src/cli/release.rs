//! `jumun release`

use kube::api::{ListParams, Patch, PatchParams};
use kube::{Api, Client};
use serde_json::json;

use super::Failure;
use crate::cluster::client;
use crate::cluster::world::Held;
use crate::crd::{Delivery, Order, OrderView, Payment, Product, Store, Ticket, Wallet};
use crate::domain::ids::FINALIZER;

/// Let the objects of a namespace go that are being deleted, when no operator runs that could do it.
///
/// Takes our finalizer off every object that is being deleted. Nothing is undone: an order that is under way keeps what
/// it has paid and sold. Where an operator runs, use `kubectl delete` alone: it undoes first.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The namespace
    #[arg(short, long)]
    namespace: String,
    /// Only say what would be let go
    #[arg(long)]
    dry_run: bool,
}

pub async fn run(args: Args) -> Result<(), Failure> {
    let config = client::config().await?;
    let client = client::calls(&config, std::sync::Arc::default())?;
    let mut released = 0;
    released += release::<Order>(&client, &args).await?;
    released += release::<Payment>(&client, &args).await?;
    released += release::<Ticket>(&client, &args).await?;
    released += release::<Delivery>(&client, &args).await?;
    released += release::<Product>(&client, &args).await?;
    released += release::<Wallet>(&client, &args).await?;
    released += release::<Store>(&client, &args).await?;
    released += release::<OrderView>(&client, &args).await?;
    let verb = if args.dry_run { "would be let go" } else { "let go" };
    println!("{released} objects {verb} in namespace {}", args.namespace);
    Ok(())
}

async fn release<K: Held>(client: &Client, args: &Args) -> Result<usize, Failure> {
    let api: Api<K> = Api::namespaced(client.clone(), &args.namespace);
    let mut released = 0;
    for object in api.list(&ListParams::default()).await? {
        let (mut finalizers, meta) = (object.meta().finalizers.clone().unwrap_or_default(), object.meta());
        if meta.deletion_timestamp.is_none() || !finalizers.iter().any(|finalizer| finalizer == FINALIZER) {
            continue;
        }
        let name = meta.name.clone().unwrap_or_default();
        println!("{} {name}", K::KIND);
        released += 1;
        if args.dry_run {
            continue;
        }
        finalizers.retain(|finalizer| finalizer != FINALIZER);
        let body = json!({ "metadata": {
            "uid": meta.uid, "resourceVersion": meta.resource_version, "finalizers": finalizers,
        }});
        match api.patch(&name, &PatchParams::default(), &Patch::Merge(&body)).await {
            Ok(_) => {}
            Err(kube::Error::Api(status)) if status.is_not_found() => {}
            Err(kube::Error::Api(status)) if status.is_conflict() => {
                return Err(format!("{} {name} is changing: does an operator run? Try again", K::KIND).into());
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(released)
}
