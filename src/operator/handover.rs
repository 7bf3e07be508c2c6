//! Controllers that pass from one Deployment to another when the groups of a spec change.
//!
//! Invariant: whoever ran a controller goes on with it until the one that is to run it does, with the rights for it and on as
//! many pods as it is to have. Two that run it side by side share its work; none at all would be an outage for as long as the
//! new pods cannot start. The taker is judged by what it runs, whatever it keeps itself: two that swap would wait for ever.

use k8s_openapi::api::rbac::v1::PolicyRule;
use serde_json::Value;

use super::observe::{is_rolled_out, replicas};
use super::store::Store;
use crate::cluster::Key;
use crate::crd::OrderPlatformSpec;
use crate::domain::Kind;
use crate::domain::platform::effective::{Finding, Findings};
use crate::platform::rights::{both, needed};
use crate::platform::{CONTAINER, Kept, Workload, workloads};

/// What each Deployment runs that keeps something beside what it is to run: in the order in which it has it, so that one
/// which only keeps is not rolled.
pub fn kept(store: &Store, namespace: &str, spec: &OrderPlatformSpec) -> Kept {
    let workloads = workloads(spec);
    let runs = |kind: &Kind| {
        let taker = workloads.iter().find(|workload| workload.kinds().contains(kind));
        taker.is_some_and(|taker| takes(store, namespace, taker, *kind))
    };
    let of = |workload: &Workload<'_>| {
        let live = store.get("Deployment", &Key::new(namespace, &workload.name()))?;
        let (mut all, own) = (kinds(&live.object), workload.kinds());
        all.retain(|kind| own.contains(kind) || !runs(kind));
        if all.iter().all(|kind| own.contains(kind)) {
            return None;
        }
        let new: Vec<Kind> = own.iter().filter(|kind| !all.contains(kind)).copied().collect();
        Some((workload.component, all.into_iter().chain(new).collect()))
    };
    workloads.iter().filter(|workload| !workload.is_front_door()).filter_map(of).collect()
}

/// Says of each Deployment that keeps something what it waits for: not all is as it is asked for. What keeps the other from
/// running comes before that, so whoever keeps something stands last.
pub fn say(findings: &mut Findings, kept: &Kept, spec: &OrderPlatformSpec) {
    let workloads = workloads(spec);
    for (giver, all) in workloads.iter().filter_map(|workload| Some((workload, kept.get(workload.component)?))) {
        let passes = |kind: &&Kind| !giver.kinds().contains(*kind);
        let Some(kind) = all.iter().find(passes) else { continue };
        let taker = workloads.iter().find(|workload| workload.kinds().contains(kind)).map(Workload::name);
        let (giver, taker) = (giver.name(), taker.unwrap_or_default());
        let message = format!(
            "Deployment {giver} runs the controller of {kind}, too, until Deployment {taker} does; kubectl describe deployment {taker}."
        );
        let Some(at) = findings.deployments.iter().position(|one| one.name == giver) else { continue };
        let mut keeps = findings.deployments.remove(at);
        keeps.rolled_out = false;
        keeps.trouble.get_or_insert_with(|| Finding::unknown("HandingOver", message));
        findings.deployments.push(keeps);
    }
}

/// Whether a workload runs this controller: every pod that there is to be is there, has it, and may do what it does.
fn takes(store: &Store, namespace: &str, taker: &Workload<'_>, kind: Kind) -> bool {
    let key = Key::new(namespace, &taker.name());
    let (Some(live), Some(role)) = (store.get("Deployment", &key), store.get("Role", &key)) else { return false };
    let wanted = replicas(&live.object);
    let available = live.object["status"]["availableReplicas"].as_i64().unwrap_or(0);
    let runs = is_rolled_out(&live.object, wanted) && available >= wanted;
    let granted: Vec<PolicyRule> = serde_json::from_value(role.object["rules"].clone()).unwrap_or_default();
    let needed = needed(taker.kinds(), Some(namespace));
    let may = both(&granted, &needed, namespace) == both(&granted, &granted, namespace);
    runs && may && kinds(&live.object).contains(&kind)
}

/// The controllers that a Deployment runs, by the arguments of our container.
fn kinds(deployment: &Value) -> Vec<Kind> {
    let containers = deployment["spec"]["template"]["spec"]["containers"].as_array();
    let ours = containers.into_iter().flatten().find(|container| container["name"] == CONTAINER);
    let arguments: Vec<&str> =
        ours.and_then(|ours| ours["args"].as_array()).into_iter().flatten().filter_map(Value::as_str).collect();
    let listed =
        arguments.iter().position(|argument| *argument == "--controllers").and_then(|at| arguments.get(at + 1));
    let words = listed.into_iter().flat_map(|listed| listed.split(','));
    words.filter_map(|word| Kind::ALL.into_iter().find(|kind| kind.as_str().eq_ignore_ascii_case(word))).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::platform::rights::rules;

    use super::super::resources::find;
    use super::super::store::Live;
    use super::*;
    use crate::domain::Time;
    use crate::domain::conditions::{self, Truth};
    use crate::domain::platform::effective::{Deployment, Part, WORKLOADS_AVAILABLE};

    /// A Deployment with these controllers, of whose pods so many are available, and the Role for those.
    fn workload(name: &str, controllers: &str, available: i64) -> [Value; 2] {
        let metadata = json!({ "name": name, "namespace": "shop", "uid": name, "generation": 2 });
        let containers = json!([
            { "name": "mesh", "args": ["proxy"] },
            { "name": "jumun", "args": ["run", "--controllers", controllers] },
        ]);
        let status =
            json!({ "observedGeneration": 2, "replicas": 1, "updatedReplicas": 1, "availableReplicas": available });
        let deployment = json!({ "apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "status": status,
            "spec": { "replicas": 1, "template": { "spec": { "containers": containers } } } });
        let rules = rules(&kinds(&deployment), Some("shop"));
        let role = json!({ "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": metadata,
            "rules": rules });
        [deployment, role]
    }

    fn spec(groups: &Value) -> OrderPlatformSpec {
        serde_json::from_value(json!({ "workloads": { "controllers": { "groups": groups } } })).unwrap()
    }

    /// What is kept where these groups are asked for and these objects stand.
    fn kept_of(groups: &Value, standing: &[Value]) -> Kept {
        let store = Store::default();
        for object in standing {
            let resource = find(object["kind"].as_str().unwrap()).unwrap();
            store.put(resource, Live::of(resource, serde_json::from_value(object.clone()).unwrap()));
        }
        kept(&store, "shop", &spec(groups))
    }

    /// The words of a list of controllers.
    fn words(kinds: Option<&Vec<Kind>>) -> String {
        let words: Vec<String> = kinds.into_iter().flatten().map(|kind| kind.as_str().to_lowercase()).collect();
        words.join(",")
    }

    fn all_but(named: &[Kind]) -> String {
        words(Some(&Kind::ALL.into_iter().filter(|kind| !named.contains(kind)).collect()))
    }

    #[test]
    fn what_passes_to_another_is_kept_until_that_one_runs_it() {
        let groups = json!([["order"], ["ticket"], ["view"]]);
        let before = format!("order,ticket,{}", all_but(&[Kind::Order, Kind::Ticket, Kind::OrderView]));
        let rest = [workload("jumun-order", &before, 1), workload("jumun-view", "orderview", 1)].concat();
        let kept = |ticket: &[Value]| words(kept_of(&groups, &[&rest, ticket].concat()).get("order"));
        assert_eq!(kept(&[]), before, "it is not made yet, and nothing is rolled");
        assert_eq!(kept(&workload("jumun-ticket", "ticket", 0)), before, "it does not run yet");
        let runs = workload("jumun-ticket", "ticket", 1);
        let [deployment, mut role] = runs.clone();
        role["rules"] = json!([]);
        assert_eq!(kept(&[deployment, role]), before, "it may not do what it is to do");
        assert_eq!(kept(&runs), "", "it runs");
    }

    #[test]
    fn two_that_swap_give_nothing_up_before_the_other_has_taken_it_and_come_to_an_end() {
        let groups = json!([["order", "wallet"], ["view", "product"]]);
        let rest = all_but(&[Kind::Order, Kind::Wallet, Kind::OrderView, Kind::Product]);
        let kept = |order: &str, view: &str| {
            let standing = [workload("jumun-order", order, 1), workload("jumun-view", view, 1)].concat();
            let kept = kept_of(&groups, &standing);
            (words(kept.get("order")), words(kept.get("view")))
        };
        let (order, view) = (format!("order,product,{rest}"), "orderview,wallet".to_owned());
        let both = (format!("{order},wallet"), format!("{view},product"));
        assert_eq!(kept(&order, &view), both, "each keeps and takes");
        assert_eq!(kept(&order, &both.1), (String::new(), both.1.clone()), "its products are the other's now");
        assert_eq!(kept(&both.0, &both.1), (String::new(), String::new()), "each has taken, whatever it keeps");
    }

    #[test]
    fn who_keeps_something_says_what_it_waits_for() {
        let groups = json!([["order"], ["ticket"], ["view"]]);
        let kept = kept_of(&groups, &workload("jumun-order", "order,ticket", 1));
        let deployment = |name: &str, available: i64| Deployment {
            name: name.to_owned(),
            part: Part::Controllers,
            wanted: 1,
            available,
            rolled_out: true,
            trouble: None,
        };
        let said = |taker: i64| {
            let deployments = vec![deployment("jumun-order", 1), deployment("jumun-ticket", taker)];
            let mut findings = Findings { deployments, ..Findings::default() };
            say(&mut findings, &kept, &spec(&groups));
            let all = findings.conditions(&[], Time::from_millis(0));
            let found = conditions::find(&all, WORKLOADS_AVAILABLE).expect("a condition");
            (found.status, found.reason.clone(), found.message.clone())
        };
        let (truth, reason, message) = said(1);
        assert_eq!((truth, reason.as_str()), (Truth::False, "HandingOver"), "{message}");
        assert!(message.contains("until Deployment jumun-ticket does"), "{message}");
        let (_, reason, message) = said(0);
        assert!(reason == "Unavailable" && message.contains("jumun-ticket"), "what keeps it comes first: {message}");
    }
}
