//! Which of the optional kinds the API server has: asked slowly, again and again, so that one that is installed later is
//! noticed without a restart.

use std::collections::BTreeSet;
use std::time::Duration;

use kube::Client;

use super::failure::limited;
use super::resources::{Resource, all};

/// How often it is asked.
pub const EVERY: Duration = Duration::from_secs(10);

/// The optional kinds that are served; nothing where the API server did not say.
pub async fn served(client: &Client) -> Option<Vec<&'static Resource>> {
    let optional = || all().iter().filter(|resource| resource.optional);
    let groups: BTreeSet<&str> = optional().map(|resource| resource.api_version).collect();
    let mut served = Vec::new();
    for group in groups {
        let answer = limited("discover", "API", group, client.list_api_group_resources(group)).await;
        match answer {
            Ok(list) => {
                let has = |resource: &&Resource| list.resources.iter().any(|known| known.name == resource.plural);
                served.extend(optional().filter(|resource| resource.api_version == group).filter(has));
            }
            Err(error) if error.label == "unknown_kind" || error.label == "conflict" => {}
            Err(error) => {
                tracing::warn!(%error, "which kinds there are cannot be asked");
                return None;
            }
        }
    }
    Some(served)
}
