//! `jumun view`

use std::collections::BTreeMap;
use std::io::Write;

use futures::{StreamExt, TryStreamExt};
use kube::runtime::{WatchStreamExt, watcher};
use kube::{Api, api::ListParams};

use super::failure::Failure;
use crate::cluster::client;
use crate::crd::OrderView;

/// Show the orders of a namespace, one row each.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The namespace (default: the one of the current context)
    #[arg(short, long)]
    namespace: Option<String>,
    /// Go on, and print each row again when it changes
    #[arg(short, long)]
    watch: bool,
    /// Only rows with these fields, such as spec.customer=alice,status.order=Completed
    #[arg(long, value_name = "SELECTOR")]
    field_selector: Option<String>,
}

const HEADER: [&str; 8] = ["NAME", "CUSTOMER", "STORE", "AMOUNT", "ORDER", "PAYMENT", "DELIVERY", "WAITING-FOR"];

pub async fn run(args: Args) -> Result<(), Failure> {
    let mut config = client::config().await?;
    if let Some(namespace) = args.namespace {
        config.default_namespace = namespace;
    }
    let api: Api<OrderView> = Api::default_namespaced(client::watches(&config)?);
    let selector = args.field_selector.unwrap_or_default();
    let mut params = ListParams::default();
    if !selector.is_empty() {
        params = params.fields(&selector);
    }
    let rows: BTreeMap<String, [String; 8]> =
        api.list(&params).await?.items.iter().map(|view| (name_of(view), columns(view))).collect();
    let mut widths = HEADER.map(|title| title.len().max(10));
    for row in rows.values() {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    print(&HEADER.map(str::to_owned), &widths)?;
    for row in rows.values() {
        print(row, &widths)?;
    }
    if !args.watch {
        return Ok(());
    }
    let mut shown = rows;
    let mut changes =
        watcher(api, watcher::Config::default().fields(&selector)).default_backoff().applied_objects().boxed();
    while let Some(view) = changes.try_next().await? {
        let row = columns(&view);
        if shown.insert(name_of(&view), row.clone()).as_ref() != Some(&row) {
            print(&row, &widths)?;
        }
    }
    Ok(())
}

fn name_of(view: &OrderView) -> String {
    view.metadata.name.clone().unwrap_or_default()
}

fn columns(view: &OrderView) -> [String; 8] {
    let status = view.status.clone().unwrap_or_default();
    let amount = view.spec.amount.as_ref();
    [
        name_of(view),
        view.spec.customer.clone(),
        view.spec.store.clone(),
        amount.map_or_else(String::new, |money| format!("{} {}", money.amount, money.currency)),
        format!("{:?}", status.order),
        status.payment.map_or_else(String::new, |state| format!("{state:?}")),
        status.delivery.map_or_else(String::new, |state| format!("{state:?}")),
        status.waiting_for.unwrap_or_default(),
    ]
}

fn print(row: &[String; 8], widths: &[usize; 8]) -> std::io::Result<()> {
    let cells: Vec<String> = row.iter().zip(widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
    writeln!(std::io::stdout(), "{}", cells.join("  ").trim_end())
}
