//! `jumun release`

use std::time::Duration;

use kube::api::{ListParams, Patch, PatchParams};
use kube::{Api, Client};
use serde_json::json;

use super::charges::Charges;
use super::failure::Failure;
use crate::cluster::client;
use crate::domain::Kind;
use crate::domain::ids::{FINALIZER, LET_GO};
use crate::kinds::kinds;
use crate::world::Cached;

/// Let the objects of a namespace go that are being deleted, when no operator runs that could do it.
///
/// First asks the payment providers to give back what orders under way have paid by card, for --ask-for seconds; what
/// has no answer by then is printed with its key and amount, and its Payment stays unless --leave-charges is given. Then
/// takes our finalizer off every object that is being deleted, but for children of orders that are not. Nothing else is
/// undone: an order that is under way keeps what it has paid from a wallet and sold. Where an operator runs, use `kubectl
/// delete` alone: it undoes first.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The namespace
    #[arg(short, long)]
    namespace: String,
    /// Only say what would be let go; providers are not asked
    #[arg(long)]
    dry_run: bool,
    /// Seconds for which payment providers are asked
    #[arg(long, default_value_t = 60, value_name = "SECONDS")]
    ask_for: u64,
    /// Let Payments go for which a provider did not answer: their money is at risk
    #[arg(long)]
    leave_charges: bool,
}

pub async fn run(args: Args) -> Result<(), Failure> {
    let config = client::config().await?;
    let clock = std::sync::Arc::default();
    let client = client::calls(&config, std::sync::Arc::clone(&clock))?;
    let mut charges = Charges::of(&client, &clock, &args.namespace).await?;
    let left = match args.dry_run {
        true => Vec::new(),
        false => charges.give_back(Duration::from_secs(args.ask_for)).await?,
    };
    for charge in &left {
        println!("money at risk: {charge}");
    }
    let owed = |name: &str| !args.leave_charges && left.iter().any(|charge| charge.payment == name);
    let kept = !left.is_empty() && !args.leave_charges;
    let stays = |kind: Kind, name: &str| match kind {
        Kind::Payment | Kind::Delivery => owed(name) || charges.lives(name),
        Kind::Ticket => charges.lives(name),
        Kind::OrderPlatform => kept,
        _ => false,
    };
    let mut released = 0;
    macro_rules! all {
        ([$released:ident $client:ident $args:ident $stays:ident] $($kind:ident $field:ident $module:ident::$controller:ident;)+) => {
            $($released += release::<crate::crd::$kind>(&$client, &$args, |name| $stays(Kind::$kind, name)).await?;)+
        };
    }
    kinds!(all, released, client, args, stays);
    let verb = if args.dry_run { "would be let go" } else { "let go" };
    println!("{released} objects {verb} in namespace {}", args.namespace);
    if kept {
        return Err(format!(
            "{} charges have no answer from their provider: run it again, or give them back by hand and add --leave-charges",
            left.len()
        )
        .into());
    }
    Ok(())
}

async fn release<K: Cached>(client: &Client, args: &Args, stays: impl Fn(&str) -> bool) -> Result<usize, Failure> {
    let api: Api<K> = Api::namespaced(client.clone(), &args.namespace);
    let mut released = 0;
    for object in api.list(&ListParams::default()).await? {
        let (mut finalizers, meta) = (object.meta().finalizers.clone().unwrap_or_default(), object.meta());
        let name = meta.name.clone().unwrap_or_default();
        let ours = finalizers.iter().any(|finalizer| finalizer == FINALIZER);
        if meta.deletion_timestamp.is_none() || !ours || stays(&name) {
            continue;
        }
        println!("{} {name}", K::KIND);
        released += 1;
        if args.dry_run {
            continue;
        }
        finalizers.retain(|finalizer| finalizer != FINALIZER);
        let body = json!({ "metadata": {
            "uid": meta.uid, "resourceVersion": meta.resource_version, "finalizers": finalizers,
            "annotations": { LET_GO: meta.uid },
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
