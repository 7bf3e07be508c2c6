//! What is seen of the objects that a platform asks for, as the findings that its status is derived from. Reads what the
//! watches have brought, and nothing else.

use std::collections::BTreeSet;

use serde_json::Value;

use super::apply::Wanted;
use super::compare;
use super::failure::Failure;
use super::judge;
use super::pods;
use super::resources::{self, COMPONENT, HEADROOM};
use super::store::{Live, Reading, Store};
use crate::cluster::Key;
use crate::crd::OrderPlatform;
use crate::crd::platform::Gateway;
use crate::domain::conditions::Truth;
use crate::domain::platform::effective::{Denied, Deployment, Finding, Findings, Part, sentence};
use crate::domain::{Generation, Time};
use crate::platform::workload::{COMMAND, QUERY};
use crate::platform::{CORS, TIMEOUT};

/// Everything that is seen for one platform.
pub struct Look<'a> {
    pub store: &'a Store,
    pub platform: &'a OrderPlatform,
    pub namespace: &'a str,
    pub wanted: &'a [Wanted<'a>],
    pub now: Time,
}

/// Which workload a component is; none for what holds places for others.
pub fn part(component: Option<&str>) -> Option<Part> {
    match component {
        Some(COMMAND) => Some(Part::Command),
        Some(QUERY) => Some(Part::Query),
        Some(HEADROOM) | None => None,
        Some(_) => Some(Part::Controllers),
    }
}

/// The names in a GatewayClass's `status.supportedFeatures`.
pub fn features(store: &Store, class: &str) -> BTreeSet<String> {
    let Some(class) = store.get("GatewayClass", &Key::new("", class)) else { return BTreeSet::new() };
    let features = class.object["status"]["supportedFeatures"].as_array().into_iter().flatten();
    // Older versions of the API had the bare name.
    features.filter_map(|feature| feature["name"].as_str().or(feature.as_str())).map(str::to_owned).collect()
}

impl Look<'_> {
    /// The findings, after what failed in this very look.
    pub fn findings(&self, failures: &[Failure]) -> Findings {
        Findings {
            generation: self.generation(failures),
            deployments: self.deployments(),
            denied: failures.iter().filter_map(Failure::denied).chain(self.refused()).collect(),
            autoscalers: self.of("HorizontalPodAutoscaler", judge::autoscaler),
            gateway: self.gateway(),
            routes: self.routes(),
            headroom: self.headroom(),
        }
    }

    /// The generation of the spec that was built: the one of before where a call failed of which the findings say nothing,
    /// since what stands is not what is wanted then.
    fn generation(&self, failures: &[Failure]) -> Generation {
        if failures.iter().all(|failure| failure.denied().is_some()) {
            return Generation(self.platform.metadata.generation.unwrap_or_default());
        }
        let before = self.platform.status.as_ref().and_then(|status| status.workloads.as_ref());
        before.map_or(Generation(0), |workloads| workloads.observed_generation)
    }

    /// The Deployments that are wanted, headroom apart.
    pub fn deployments(&self) -> Vec<Deployment> {
        let all = self.wanted.iter().filter(|one| one.resource.kind == "Deployment");
        all.filter_map(|one| self.deployment(one, part(component(&one.object))?)).collect()
    }

    fn deployment(&self, one: &Wanted<'_>, part: Part) -> Option<Deployment> {
        let name = one.key.name.to_string();
        let minimum = self.minimum(&one.key).or(one.object["spec"]["replicas"].as_i64());
        let Some(live) = self.store.get("Deployment", &one.key) else {
            let wanted = minimum.unwrap_or(1);
            return Some(Deployment { name, part, wanted, available: 0, rolled_out: false, trouble: None });
        };
        let wanted = minimum.unwrap_or_else(|| replicas(&live.object));
        let available = live.object["status"]["availableReplicas"].as_i64().unwrap_or(0);
        let rolled_out = !compare::is_of_another(&live.object, &one.object) && is_rolled_out(&live.object, wanted);
        // Pods that are not made tell nothing.
        let (of_pods, failed) = (self.trouble(component(&live.object)), judge::failed(&live));
        let trouble = of_pods.clone().filter(|said| said.truth == Truth::False).or(failed).or(of_pods);
        Some(Deployment { name, part, wanted, available, rolled_out, trouble })
    }

    /// The least number of pods, where an autoscaler is wanted for a Deployment.
    fn minimum(&self, key: &Key) -> Option<i64> {
        let scaler =
            self.wanted.iter().find(|one| one.resource.kind == "HorizontalPodAutoscaler" && one.key == *key)?;
        scaler.object["spec"]["minReplicas"].as_i64()
    }

    /// The worst that the pods of a component tell.
    fn trouble(&self, component: Option<&str>) -> Option<Finding> {
        let pods = self.store.of("Pod", self.namespace);
        let of_it = pods.iter().filter(|pod| pod.label(COMPONENT) == component);
        let said: Vec<Finding> = of_it.filter_map(|pod| pods::trouble(pod, self.now)).collect();
        said.iter().find(|finding| finding.truth == Truth::False).or(said.first()).cloned()
    }

    /// What is found of each object of a kind that is wanted.
    fn of(&self, kind: &'static str, judged: impl Fn(&Live) -> Finding) -> Vec<Finding> {
        let all = self.wanted.iter().filter(|one| one.resource.kind == kind);
        let find = |one: &Wanted<'_>| match self.store.get(kind, &one.key) {
            Some(live) => judged(&live),
            None => Finding::bad("Missing", format!("{kind} {} is not there yet.", one.key.name)),
        };
        all.map(find).collect()
    }

    /// The kinds that are wanted and that the API server refuses to show.
    fn refused(&self) -> Vec<Denied> {
        let is_needed = |resource: &&resources::Resource| !resource.optional || self.wants(resource.kind);
        let refused = |resource: &resources::Resource| match self.store.reading(resource) {
            Reading::Refused(sentence) => {
                Some(Denied { write: format!("watch {}", resource.plural), sentence, right: true })
            }
            Reading::Filling | Reading::Filled | Reading::Absent => None,
        };
        resources::all().iter().filter(is_needed).filter_map(refused).collect()
    }

    fn wants(&self, kind: &str) -> bool {
        self.wanted.iter().any(|one| one.resource.kind == kind)
    }

    /// Why there can be no gateway, where one is asked for and there can be none.
    fn no_gateway(&self) -> Option<Finding> {
        let class = &self.platform.spec.gateway.as_ref()?.class_name;
        let resource = resources::find("Gateway")?;
        if self.store.is_undecided(resource, None) {
            return Some(undecided(resource));
        }
        if !self.store.is_served(resource) {
            let message = "The cluster has no Gateway API (gateway.networking.k8s.io/v1): install its definitions and a \
                           controller for it; both are noticed within half a minute. Until then the Services are reached \
                           from inside alone.";
            return Some(Finding::bad("ApiMissing", message));
        }
        let Some(found) = self.store.get("GatewayClass", &Key::new("", class)) else {
            let advice = "install its controller, or name one of kubectl get gatewayclasses in spec.gateway.className";
            return Some(Finding::bad("ClassNotFound", format!("GatewayClass {class} does not exist: {advice}.")));
        };
        let accepted = judge::condition(&found.object["status"], "Accepted")?;
        (accepted["status"] == "False").then(|| {
            let said = sentence(accepted["message"].as_str().unwrap_or_default());
            Finding::bad("ClassNotAccepted", format!("GatewayClass {class} is not accepted by its controller: {said}."))
        })
    }

    fn gateway(&self) -> Option<Finding> {
        self.platform.spec.gateway.as_ref()?;
        self.no_gateway().or_else(|| self.of("Gateway", judge::gateway).pop())
    }

    fn routes(&self) -> Vec<Finding> {
        let Some(asked) = &self.platform.spec.gateway else { return Vec::new() };
        if let Some(finding) = self.no_gateway() {
            return vec![finding];
        }
        let left = left_to_the_front_door(asked, &features(self.store, &asked.class_name));
        let mut found = self.of("HTTPRoute", judge::route);
        for finding in found.iter_mut().filter(|finding| finding.truth == Truth::True) {
            finding.message.clone_from(&left);
        }
        found
    }

    /// What is found of the places that are kept free: a buffer of the autoscaler of nodes, or pods of the lowest priority.
    fn headroom(&self) -> Vec<Finding> {
        let resource = resources::find("CapacityBuffer").filter(|_| self.platform.spec.headroom.is_some());
        if let Some(resource) = resource.filter(|resource| self.store.is_undecided(resource, Some(HEADROOM))) {
            return vec![undecided(resource)];
        }
        let buffers = self.of("CapacityBuffer", judge::buffer);
        let pods = self
            .wanted
            .iter()
            .filter(|one| one.resource.kind == "Deployment" && component(&one.object) == Some(HEADROOM));
        let places = pods.filter_map(|one| self.deployment(one, Part::Command)).map(|found| {
            let (name, wanted, available) = (&found.name, found.wanted, found.available);
            if available >= wanted {
                return Finding::well("Granted");
            }
            let why = self.trouble(Some(HEADROOM)).map_or_else(String::new, |trouble| format!(" {}", trouble.message));
            Finding::bad("NoRoom", format!("Deployment {name}: {available} of {wanted} places are kept free.{why}"))
        });
        buffers.into_iter().chain(places).collect()
    }
}

/// How many pods a Deployment is to have.
pub fn replicas(deployment: &Value) -> i64 {
    deployment["spec"]["replicas"].as_i64().unwrap_or(1)
}

/// Whether a Deployment has so many pods of its newest template, and none of another.
pub fn is_rolled_out(deployment: &Value, wanted: i64) -> bool {
    let count = |field: &str| deployment["status"][field].as_i64().unwrap_or(0);
    let observed = count("observedGeneration") >= deployment["metadata"]["generation"].as_i64().unwrap_or(0);
    let updated = count("updatedReplicas");
    observed && updated == count("replicas") && updated >= wanted
}

/// Who does what the class does not list, and so is not written into the routes; empty where it lists everything.
fn left_to_the_front_door(asked: &Gateway, features: &BTreeSet<String>) -> String {
    let cors = asked.cors.as_ref().map(|_| (CORS, "answers browsers of other origins"));
    let needed = [cors, Some((TIMEOUT, "ends commands that take too long"))];
    let missing: Vec<(&str, &str)> =
        needed.into_iter().flatten().filter(|(name, _)| !features.contains(*name)).collect();
    if missing.is_empty() {
        return String::new();
    }
    let (names, deeds): (Vec<&str>, Vec<&str>) = missing.into_iter().unzip();
    let (names, deeds) = (names.join(" and no "), deeds.join(" and "));
    format!("GatewayClass {} lists no {names}: the front door {deeds}.", asked.class_name)
}

/// What is said of an optional kind of which it is not known yet what there is.
fn undecided(resource: &resources::Resource) -> Finding {
    let api = resource.api_version;
    let message = format!(
        "The API server has not shown the kinds of {api} yet, and what is built of them stays as it is; where this lasts, see \
         kubectl get --raw /apis/{api}, and the log of the operator."
    );
    Finding::unknown("Pending", message)
}

/// The component of an object.
pub fn component(object: &Value) -> Option<&str> {
    object["metadata"]["labels"][COMPONENT].as_str()
}

#[cfg(test)]
mod tests {
    use super::super::resources::find;
    use super::*;
    use crate::cluster::Class;
    use serde_json::json;

    /// What is seen of a platform whose spec is of generation 3 and was last built in generation 2, and of these objects.
    fn seen(live: &[Value], wanted: &[Wanted<'_>], failures: &[Failure]) -> Findings {
        let store = Store::default();
        for object in live {
            let resource = find(object["kind"].as_str().unwrap()).unwrap();
            store.put(resource, Live::of(resource, serde_json::from_value(object.clone()).unwrap()));
        }
        let workloads = json!({ "observedGeneration": 2, "controllers": "1/1", "command": "1/1", "query": "1/1" });
        let platform = json!({
            "metadata": { "name": "default", "namespace": "shop", "generation": 3 }, "spec": {},
            "status": { "observedGeneration": 2, "workloads": workloads },
        });
        let platform = serde_json::from_value(platform).unwrap();
        let now = Time::from_millis(0);
        Look { store: &store, platform: &platform, namespace: "shop", wanted, now }.findings(failures)
    }

    #[test]
    fn a_generation_that_could_not_be_applied_was_not_built() {
        let failure = |class| Failure {
            verb: "apply",
            kind: "Deployment",
            name: "jumun-query".to_owned(),
            class,
            label: "error",
            sentence: "exceeded quota: few".to_owned(),
        };
        assert_eq!(seen(&[], &[], &[]).generation, Generation(3));
        for class in [Class::Denied, Class::Invalid] {
            assert_eq!(seen(&[], &[], &[failure(class)]).generation, Generation(3), "the findings say it: {class:?}");
        }
        for class in [Class::Transient, Class::Conflict] {
            let failures = [failure(Class::Denied), failure(class)];
            assert_eq!(seen(&[], &[], &failures).generation, Generation(2), "{class:?}");
        }
    }

    #[test]
    fn what_is_built_of_an_optional_kind_is_not_judged_before_it_is_known_what_there_is() {
        let spec = json!({ "gateway": { "className": "door" }, "headroom": { "pods": 1 } });
        let platform = json!({ "metadata": { "name": "default", "namespace": "shop" }, "spec": spec });
        let (platform, store) = (serde_json::from_value(platform).unwrap(), Store::default());
        let look =
            Look { store: &store, platform: &platform, namespace: "shop", wanted: &[], now: Time::from_millis(0) };
        let findings = look.findings(&[]);
        let unknown = |finding: &Finding| finding.truth == Truth::Unknown && finding.message.contains("/apis/");
        assert!(findings.gateway.iter().chain(&findings.routes).chain(&findings.headroom).all(unknown), "{findings:?}");
        assert_eq!((findings.gateway.iter().count(), findings.routes.len(), findings.headroom.len()), (1, 1, 1));
        for resource in resources::all() {
            store.set_reading(resource, Reading::Absent);
        }
        assert_eq!(look.findings(&[]).gateway.map(|finding| finding.reason), Some("ApiMissing".to_owned()));
    }

    #[test]
    fn a_deployment_of_what_was_wanted_before_is_not_rolled_out() {
        let of = |image: &str| {
            compare::marked(json!({
                "apiVersion": "apps/v1", "kind": "Deployment",
                "metadata": { "name": "jumun-query", "namespace": "shop", "labels": { (COMPONENT): QUERY } },
                "spec": { "replicas": 1, "template": { "image": image } },
            }))
        };
        let rolled_out = |live: &str| {
            let mut live = of(live);
            live["status"] = json!({ "replicas": 1, "updatedReplicas": 1, "availableReplicas": 1 });
            let (resource, key) = (find("Deployment").unwrap(), Key::new("shop", "jumun-query"));
            let wanted = [Wanted { resource, key, platform: "uid", object: of("jumun:2") }];
            seen(&[live], &wanted, &[]).deployments[0].rolled_out
        };
        assert!(rolled_out("jumun:2") && !rolled_out("jumun:1"));
    }
}
