//! Which rights this process lacks: asked of the API server itself, by a review of each.

use std::collections::BTreeSet;
use std::time::Duration;

use k8s_openapi::api::authorization::v1::{ResourceAttributes, SelfSubjectAccessReview, SelfSubjectAccessReviewSpec};
use k8s_openapi::api::rbac::v1::PolicyRule;
use kube::api::PostParams;
use kube::{Api, Client};

/// How often what is lacking is asked for again.
const AGAIN: Duration = Duration::from_secs(30);

/// One thing that a process does: a verb on a resource, `pods` or `pods/status`, of an API group.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Need {
    pub verb: String,
    pub group: String,
    pub resource: String,
    /// The one object that it is done to, where it is always the same.
    pub name: Option<String>,
}

impl std::fmt::Display for Need {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { verb, group, resource, name } = self;
        let dot = if group.is_empty() { "" } else { "." };
        write!(f, "{verb} {resource}{dot}{group}")?;
        name.iter().try_for_each(|name| write!(f, " {name}"))
    }
}

/// Whether the API server would let this process do it, in this namespace or in all.
///
/// # Errors
/// When it does not answer.
async fn is_allowed(client: &Client, namespace: Option<&str>, need: &Need) -> kube::Result<bool> {
    let (resource, subresource) = match need.resource.split_once('/') {
        Some((resource, subresource)) => (resource, Some(subresource.to_owned())),
        None => (need.resource.as_str(), None),
    };
    let attributes = ResourceAttributes {
        group: Some(need.group.clone()),
        resource: Some(resource.to_owned()),
        subresource,
        verb: Some(need.verb.clone()),
        namespace: namespace.map(str::to_owned),
        name: need.name.clone(),
        ..ResourceAttributes::default()
    };
    let spec = SelfSubjectAccessReviewSpec { resource_attributes: Some(attributes), ..Default::default() };
    let review = SelfSubjectAccessReview { spec, ..Default::default() };
    let answer = Api::<SelfSubjectAccessReview>::all(client.clone()).create(&PostParams::default(), &review).await?;
    Ok(answer.status.is_some_and(|status| status.allowed))
}

/// Each right of these rules by itself.
pub fn needs(rules: &[PolicyRule]) -> Vec<Need> {
    let mut all = Vec::new();
    for rule in rules {
        let names = rule.resource_names.iter().flatten().cloned().map(Some);
        let names = if rule.resource_names.is_some() { names.collect() } else { vec![None] };
        for (group, resource) in
            rule.api_groups.iter().flatten().flat_map(|g| rule.resources.iter().flatten().map(move |r| (g, r)))
        {
            for (verb, name) in rule.verbs.iter().flat_map(|verb| names.iter().map(move |name| (verb, name))) {
                let (verb, group, resource) = (verb.clone(), group.clone(), resource.clone());
                all.push(Need { verb, group, resource, name: name.clone() });
            }
        }
    }
    all
}

/// Says in one line each which rights are lacking, and when they are there; ends once none is. What needs one of them is
/// not done meanwhile, and that is said on the objects that wait for it.
pub async fn await_all(client: Client, namespace: Option<String>, needs: Vec<Need>) {
    let (mut open, mut said) = (needs, BTreeSet::new());
    loop {
        let mut lacking = Vec::new();
        for need in open {
            match is_allowed(&client, namespace.as_deref(), &need).await {
                Ok(true) if said.remove(&need) => tracing::info!(right = %need, "a right that was lacking is there"),
                Ok(true) => {}
                Ok(false) => {
                    if said.insert(need.clone()) {
                        tracing::warn!(right = %need, "this account lacks a right; what needs it waits");
                    }
                    lacking.push(need);
                }
                Err(error) => {
                    tracing::debug!(right = %need, %error, "a right cannot be asked for");
                    lacking.push(need);
                }
            }
        }
        if lacking.is_empty() {
            return;
        }
        open = lacking;
        tokio::time::sleep(AGAIN).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_right_of_a_rule_is_asked_for_by_itself() {
        let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<String>>();
        let rule = PolicyRule {
            api_groups: Some(words(&["jumun.dev"])),
            resources: Some(words(&["orders", "orders/status"])),
            verbs: words(&["get", "patch"]),
            ..PolicyRule::default()
        };
        let own = PolicyRule {
            api_groups: Some(words(&[""])),
            resources: Some(words(&["namespaces"])),
            resource_names: Some(words(&["shop"])),
            verbs: words(&["get"]),
            ..PolicyRule::default()
        };
        let said: Vec<String> = needs(&[rule, own]).iter().map(ToString::to_string).collect();
        assert_eq!(
            said,
            [
                "get orders.jumun.dev",
                "patch orders.jumun.dev",
                "get orders/status.jumun.dev",
                "patch orders/status.jumun.dev",
                "get namespaces shop"
            ]
        );
    }
}
