//! Which of the optional kinds the API server has: asked slowly, again and again, so that one that is installed later is
//! noticed without a restart.

use std::collections::BTreeSet;
use std::time::Duration;

use kube::Client;

use super::failure::limited;
use super::resources::{Resource, all};

/// How often it is asked.
pub const EVERY: Duration = Duration::from_secs(10);

/// The optional kinds, and whether they are served; those of a group of which the API server did not say are missing.
pub async fn served(client: &Client) -> Vec<(&'static Resource, bool)> {
    let optional = || all().iter().filter(|resource| resource.optional);
    let groups: BTreeSet<&str> = optional().map(|resource| resource.api_version).collect();
    let mut said = Vec::new();
    for group in groups {
        let answer = limited("discover", "API", group, client.list_api_group_resources(group)).await;
        let known = match answer {
            Ok(list) => list.resources,
            Err(error) if error.label == "unknown_kind" || error.label == "conflict" => Vec::new(),
            Err(error) => {
                tracing::warn!(%error, "which kinds there are cannot be asked");
                continue;
            }
        };
        let has = |resource: &Resource| known.iter().any(|known| known.name == resource.plural);
        let of_it = optional().filter(|resource| resource.api_version == group);
        said.extend(of_it.map(|resource| (resource, has(resource))));
    }
    said
}
