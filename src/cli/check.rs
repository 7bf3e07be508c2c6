//! `jumun check`

use std::collections::HashSet;
use std::io::Write;
use std::time::Duration;

use k8s_openapi::api::core::v1::Namespace;
use kube::{Api, Client, ResourceExt, api::ListParams};
use tokio::time::{Instant, sleep};

use super::failure::Failure;
use crate::cluster::client;
use crate::crd::{self, API_VERSION, OrderPlatform};
use crate::domain::conditions::READY;
use crate::domain::{Condition, conditions::Truth};

/// Ask whether everything is there: every kind is served, and every OrderPlatform is Ready.
///
/// It writes nothing. `helm test` runs it.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Only the OrderPlatform of this namespace (default: those of all)
    #[arg(short, long)]
    namespace: Option<String>,
    /// Seconds for which it waits until that is so; 0 asks once
    #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u64).range(0..=3_600))]
    within_seconds: u64,
}

/// How often it asks while it waits.
const BEAT: Duration = Duration::from_secs(1);

pub async fn run(args: Args) -> Result<(), Failure> {
    let client = client::watches(&client::config().await?)?;
    let until = Instant::now() + Duration::from_secs(args.within_seconds);
    loop {
        let lines = look(&client, args.namespace.as_deref()).await;
        let well = lines.as_ref().is_ok_and(|lines| lines.iter().all(|line| line.well));
        if !well && Instant::now() < until {
            sleep(BEAT).await;
            continue;
        }
        let mut out = std::io::stdout();
        for line in lines? {
            writeln!(out, "{} {}", if line.well { "ok  " } else { "FAIL" }, line.text)?;
        }
        return if well { Ok(()) } else { Err("not everything is as it should be".into()) };
    }
}

/// One thing that was looked at.
#[derive(Debug, PartialEq, Eq)]
struct Line {
    well: bool,
    text: String,
}

async fn look(client: &Client, namespace: Option<&str>) -> Result<Vec<Line>, Failure> {
    let served = match client.list_api_group_resources(API_VERSION).await {
        Ok(list) => list.resources.into_iter().map(|resource| resource.name).collect(),
        Err(kube::Error::Api(status)) if status.code == 404 => Vec::new(),
        Err(error) => return Err(error.into()),
    };
    let mut lines = kinds(&served);
    if lines.iter().any(|line| !line.well) {
        return Ok(lines);
    }
    let api: Api<OrderPlatform> =
        namespace.map_or_else(|| Api::all(client.clone()), |name| Api::namespaced(client.clone(), name));
    let found = api.list(&ListParams::default()).await?.items;
    if let (Some(namespace), true) = (namespace, found.is_empty()) {
        lines.push(Line { well: false, text: format!("OrderPlatform {namespace}/default: there is none") });
    }
    // Who asks about one namespace wants to hear that it is not well.
    let going = if namespace.is_none() { going(client).await? } else { HashSet::new() };
    lines.extend(found.iter().map(|found| platform(found, &going)));
    Ok(lines)
}

/// The namespaces that are being deleted; none where those may not be read.
async fn going(client: &Client) -> Result<HashSet<String>, Failure> {
    let found = match Api::<Namespace>::all(client.clone()).list_metadata(&ListParams::default()).await {
        Ok(list) => list.items,
        Err(kube::Error::Api(status)) if status.code == 403 => Vec::new(),
        Err(error) => return Err(error.into()),
    };
    let going = found.into_iter().filter(|namespace| namespace.metadata.deletion_timestamp.is_some());
    Ok(going.map(|namespace| namespace.name_any()).collect())
}

/// Whether each of our kinds is served, given the names of what is.
fn kinds(served: &[String]) -> Vec<Line> {
    let names = crd::definitions().into_iter().map(|definition| definition.spec.names.plural);
    let line = |plural: String| match served.contains(&plural) {
        true => Line { well: true, text: format!("{plural}: served") },
        false => Line { well: false, text: format!("{plural}: not served: apply crds/{plural}.yaml") },
    };
    names.map(line).collect()
}

/// Whether an OrderPlatform is Ready, and by its current spec; one that goes with its namespace need not be.
fn platform(platform: &OrderPlatform, going: &HashSet<String>) -> Line {
    let meta = &platform.metadata;
    let namespace = meta.namespace.as_deref().unwrap_or_default();
    let name = format!("OrderPlatform {namespace}/{}", meta.name.as_deref().unwrap_or_default());
    if going.contains(namespace) {
        return Line { well: true, text: format!("{name}: its namespace is being deleted") };
    }
    let conditions: &[Condition] = platform.status.as_ref().map_or(&[], |status| &status.conditions);
    match conditions.iter().find(|condition| condition.type_ == READY) {
        None => Line { well: false, text: format!("{name}: no controller has looked at it yet") },
        Some(ready) => {
            let current = meta.generation.is_none_or(|generation| ready.observed_generation.0 >= generation);
            let well = ready.status == Truth::True && current;
            Line { well, text: format!("{name}: {} {}", ready.reason, ready.message).trim_end().to_owned() }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn of(status: serde_json::Value) -> Line {
        let object = json!({ "apiVersion": API_VERSION, "kind": "OrderPlatform", "metadata": { "name": "default", "namespace": "shop", "generation": 2 },
            "spec": {}, "status": status });
        platform(&serde_json::from_value(object).expect("an OrderPlatform"), &HashSet::from(["away".to_owned()]))
    }

    fn ready(status: &str, generation: i64) -> Line {
        let condition = json!({ "type": "Ready", "status": status, "reason": "Because", "message": "So.",
            "lastTransitionTime": "2026-01-01T00:00:00Z", "observedGeneration": generation });
        of(json!({ "observedGeneration": generation, "conditions": [condition] }))
    }

    #[test]
    fn a_platform_is_well_only_when_it_is_ready_by_its_current_spec() {
        assert!(ready("True", 2).well);
        assert!(!ready("True", 1).well, "that was another spec");
        assert!(!ready("False", 2).well);
        assert_eq!(ready("False", 2).text, "OrderPlatform shop/default: Because So.");
        assert!(!of(json!({ "observedGeneration": -1 })).well);
    }

    #[test]
    fn a_platform_that_goes_with_its_namespace_fails_nobody() {
        let object = json!({ "apiVersion": API_VERSION, "kind": "OrderPlatform", "metadata": { "name": "default", "namespace": "away" }, "spec": {} });
        let line =
            platform(&serde_json::from_value(object).expect("an OrderPlatform"), &HashSet::from(["away".to_owned()]));
        assert!(line.well && line.text.contains("is being deleted"), "{line:?}");
    }

    #[test]
    fn a_kind_that_is_not_served_is_named() {
        let lines = kinds(&["orders".to_owned()]);
        assert_eq!(lines.len(), crd::definitions().len());
        for line in lines {
            assert_eq!(line.well, line.text.starts_with("orders:"), "{line:?}");
        }
    }
}
