//! Controllers that pass from one Deployment to another when the groups of a spec change.
//!
//! Invariant: whoever ran a controller goes on with it until the one that is to run it does, on as many pods as it is to have.
//! Two that run it side by side share its work; none at all would be an outage for as long as the new pods cannot start.

use serde_json::Value;

use super::observe::Look;
use crate::cluster::Key;
use crate::crd::OrderPlatformSpec;
use crate::domain::Kind;
use crate::platform::{Kept, Workload, workloads};

/// What each Deployment runs that keeps something beside what it is to run: in the order in which it has it, so that one
/// which only keeps is not rolled.
pub fn kept(look: &Look<'_>, spec: &OrderPlatformSpec) -> Kept {
    let workloads = workloads(spec);
    let deployments = look.deployments();
    let runs_in = |workload: &Workload<'_>| -> Vec<Kind> {
        let live = look.store.get("Deployment", &Key::new(look.namespace, &workload.name()));
        live.map_or_else(Vec::new, |live| kinds(&live.object))
    };
    let runs = |kind: &Kind| {
        let taker = workloads.iter().find(|workload| workload.kinds().contains(kind));
        taker.is_some_and(|taker| {
            let stands = deployments.iter().any(|one| one.name == taker.name() && one.runs());
            stands && runs_in(taker).contains(kind)
        })
    };
    let of = |workload: &Workload<'_>| {
        let (mut all, own) = (runs_in(workload), workload.kinds());
        all.retain(|kind| own.contains(kind) || !runs(kind));
        if all.iter().all(|kind| own.contains(kind)) {
            return None;
        }
        let new: Vec<Kind> = own.iter().filter(|kind| !all.contains(kind)).copied().collect();
        Some((workload.component, all.into_iter().chain(new).collect()))
    };
    workloads.iter().filter(|workload| !workload.is_front_door()).filter_map(of).collect()
}

/// The controllers that a Deployment runs, by its arguments.
fn kinds(deployment: &Value) -> Vec<Kind> {
    let arguments = &deployment["spec"]["template"]["spec"]["containers"][0]["args"];
    let arguments: Vec<&str> = arguments.as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let listed =
        arguments.iter().position(|argument| *argument == "--controllers").and_then(|at| arguments.get(at + 1));
    let words = listed.into_iter().flat_map(|listed| listed.split(','));
    words.filter_map(|word| Kind::ALL.into_iter().find(|kind| kind.as_str().eq_ignore_ascii_case(word))).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::resources::find;
    use super::super::store::{Live, Store};
    use super::*;
    use crate::crd::OrderPlatform;
    use crate::domain::Time;
    use crate::platform::{Inputs, Served, build};

    /// A Deployment with these controllers, of whose pods so many are available.
    fn deployment(name: &str, controllers: &str, available: i64) -> Value {
        json!({
            "apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": { "name": name, "namespace": "shop", "uid": name, "generation": 2 },
            "spec": { "template": { "spec": { "containers": [{ "args": ["run", "--controllers", controllers] }] } } },
            "status": { "observedGeneration": 2, "replicas": 1, "updatedReplicas": 1, "availableReplicas": available },
        })
    }

    /// What is kept where these groups are asked for and these Deployments stand.
    fn kept_of(groups: &Value, standing: &[Value]) -> Kept {
        let store = Store::default();
        let resource = find("Deployment").unwrap();
        for object in standing {
            store.put(resource, Live::of(resource, serde_json::from_value(object.clone()).unwrap()));
        }
        let platform: OrderPlatform = serde_json::from_value(json!({
            "metadata": { "name": "default", "namespace": "shop" },
            "spec": { "workloads": { "controllers": { "groups": groups } } },
        }))
        .unwrap();
        let inputs = Inputs {
            platform: &platform,
            image: "jumun:1",
            pull_policy: None,
            served: Served::default(),
            features: &Default::default(),
        };
        let wanted = super::super::reconcile::all_wanted(&Key::new("shop", "default"), "uid", build(&inputs));
        let look =
            Look { store: &store, platform: &platform, namespace: "shop", wanted: &wanted, now: Time::from_millis(0) };
        kept(&look, &platform.spec)
    }

    /// The words of a list of controllers.
    fn words(kinds: Option<&Vec<Kind>>) -> String {
        let words: Vec<String> = kinds.into_iter().flatten().map(|kind| kind.as_str().to_lowercase()).collect();
        words.join(",")
    }

    #[test]
    fn what_passes_to_another_is_kept_until_that_one_runs_it() {
        let groups = json!([["order"], ["ticket"], ["view"]]);
        let before = "order,ticket,orderplatform,store,product,wallet,payment,delivery,notification";
        let whole = deployment("jumun-order", before, 1);
        let view = deployment("jumun-view", "orderview", 1);
        let kept = |standing: &[Value]| words(kept_of(&groups, standing).get("order"));
        assert_eq!(kept(&[whole.clone(), view.clone()]), before, "it is not made yet, and nothing is rolled");
        let starts = deployment("jumun-ticket", "ticket", 0);
        assert_eq!(kept(&[whole.clone(), view.clone(), starts]), before, "it does not run yet");
        let runs = deployment("jumun-ticket", "ticket", 1);
        assert_eq!(kept(&[whole, view, runs]), "", "it runs");
    }

    #[test]
    fn two_that_change_places_give_nothing_up_before_the_other_has_taken_it() {
        let groups = json!([["order", "wallet"], ["view", "product"]]);
        let rest = "orderplatform,store,payment,ticket,delivery,notification";
        let order = deployment("jumun-order", &format!("order,product,{rest}"), 1);
        let view = deployment("jumun-view", "orderview,wallet", 1);
        let both = kept_of(&groups, &[order.clone(), view]);
        assert_eq!(words(both.get("order")), format!("order,product,{rest},wallet"), "it keeps and takes");
        assert_eq!(words(both.get("view")), "orderview,wallet,product");
        let has_taken = deployment("jumun-view", "orderview,wallet,product", 1);
        let one = kept_of(&groups, &[order, has_taken]);
        assert_eq!(words(one.get("order")), "", "its products are the other's now");
        assert_eq!(words(one.get("view")), "orderview,wallet,product", "nobody else has the wallets yet");
    }
}
