//! The chart by Helm itself, on a control plane of its own: there are no nodes, so what is proved here is what the API server
//! takes, and what becomes of orders while the release comes, changes and goes. tests/e2e/ has the pods.

mod flood;

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde_json::Value;
use tokio::sync::OnceCell;

use crate::harness::wait_for;
use crate::operator::Operator;
use crate::plane::{Plane, sh};

const NAMESPACE: &str = "shop";

static CHART: OnceCell<Plane> = OnceCell::const_new();

/// A control plane without anything of ours (`make cluster-down NAME=chart` stops it).
async fn plane() -> &'static Plane {
    CHART.get_or_init(|| async { Plane::bare("chart", "") }).await
}

/// A shell with Helm as `$HELM`, and KUBECONFIG and PATH of the control plane.
pub fn on(plane: &Plane, command: &str) -> String {
    let environment = format!(
        "export HELM=$(tools/kit helm) KUBECONFIG={} PATH={}:$PATH",
        plane.admin.display(),
        plane.bin.display()
    );
    sh(&format!("{environment}; {command}"))
}

fn get(plane: &Plane, what: &str) -> Option<Value> {
    let text = on(plane, &format!("kubectl get {what} --ignore-not-found -o json"));
    (!text.is_empty()).then(|| serde_json::from_str(&text).expect("JSON"))
}

async fn state(plane: &Plane, order: &str, wanted: &str) {
    wait_for(&format!("{order} to be {wanted}"), || async {
        let order = get(plane, &format!("-n {NAMESPACE} orders.jumun.dev {order}"))?;
        (order["status"]["state"] == wanted).then_some(())
    })
    .await;
}

fn deliver(plane: &Plane, order: &str) {
    let order = get(plane, &format!("-n {NAMESPACE} orders.jumun.dev {order}")).expect("the order");
    let name = order["status"]["payment"]["name"].as_str().expect("children have one name").to_owned();
    for spec in [r#"{"courier":{"name":"park","zone":"gangnam"},"progress":"PickedUp"}"#, r#"{"progress":"Delivered"}"#]
    {
        on(plane, &format!("kubectl -n {NAMESPACE} patch delivery {name} --type merge -p '{{\"spec\":{spec}}}'"));
    }
}

#[tokio::test]
async fn orders_outlive_the_upgrade_the_rollback_and_the_removal_of_the_release() {
    let plane = plane().await;
    let helm = |arguments: &str| on(plane, &format!("\"$HELM\" {arguments} -n jumun-system 2>&1"));
    let make =
        |name| format!("kubectl create namespace {name} --dry-run=client -o yaml | kubectl apply --server-side -f -");
    on(plane, &format!("{}; {}", make("jumun-system"), make("shop")));
    helm("install jumun chart --set replicas=1");
    assert!(helm("get hooks jumun").contains("name: jumun-check"), "there is something to test it with");
    on(plane, "kubectl wait --for=condition=Established crd -l app.kubernetes.io/part-of=jumun --timeout=60s");
    plane.takes_orders();
    plane.account_of_the_manifest();
    let log = format!("{}/chart.log", env!("CARGO_TARGET_TMPDIR"));
    let _operator = Operator::start(&plane.operator, NAMESPACE, &log, &[]);
    on(plane, "kubectl apply -n shop -f manifests/samples/01-shop.yaml -f manifests/samples/02-orders.yaml");
    state(plane, "mugs-for-alice", "Delivering").await;

    // An upgrade that changes the kinds' labels and brings a budget, and back.
    helm("upgrade jumun chart --set replicas=2 --set commonLabels.example=yes");
    let budget = "-n jumun-system poddisruptionbudget jumun-operator";
    assert!(get(plane, budget).is_some());
    assert!(
        get(plane, "mutatingadmissionpolicy order-finalizer.jumun.dev").is_some(),
        "this API server mutates by policy"
    );
    assert_eq!(get(plane, "crd orders.jumun.dev").expect("the kind")["metadata"]["labels"]["example"], "yes");
    deliver(plane, "mugs-for-alice");
    state(plane, "mugs-for-alice", "Completed").await;
    helm("rollback jumun 1");
    assert!(get(plane, budget).is_none(), "the first revision has one replica and no budget");
    assert!(get(plane, "crd orders.jumun.dev").expect("the kind")["metadata"]["labels"]["example"].is_null());

    // The release goes in the middle of an order.
    state(plane, "second-thoughts", "Delivering").await;
    let before = get(plane, "-n shop orders.jumun.dev second-thoughts").expect("the order")["metadata"]["uid"].clone();
    helm("uninstall jumun");
    assert!(get(plane, "-n jumun-system deployment jumun-operator").is_none());
    assert!(get(plane, "flowschema jumun").is_none());
    let after =
        get(plane, "-n shop orders.jumun.dev second-thoughts").expect("the order is there")["metadata"]["uid"].clone();
    assert_eq!(before, after);
    deliver(plane, "second-thoughts");
    state(plane, "second-thoughts", "Completed").await;

    // And comes back over what it left.
    helm("install jumun chart");
    assert_eq!(get(plane, "-n shop orders.jumun.dev").expect("orders")["items"].as_array().map(Vec::len), Some(4));
    helm("uninstall jumun");
}

#[tokio::test]
async fn every_object_of_the_chart_is_accepted_in_a_namespace_that_enforces_restricted() {
    let plane = plane().await;
    let said = on(plane, "kubectl apply --server-side -f $(tools/kit monitors) >/dev/null; tools/chart dry-run 2>&1");
    let counts: Vec<usize> = said
        .lines()
        .filter_map(|line| line.split_once("chart: ")?.1.split_once(" objects are accepted")?.0.parse().ok())
        .collect();
    let files = std::fs::read_dir(PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("chart/ci")).expect("files").count();
    assert_eq!(counts.len(), files + 1, "{said}");
    assert!(counts.iter().max().is_some_and(|most| *most > 25), "{said}");
}

/// The documents of a stream of YAML, by kind and name.
fn documents(text: &str) -> BTreeMap<(String, String), Value> {
    let word = |field: &Value| field.as_str().expect("text").to_owned();
    let parsed = text.split("\n---\n").filter(|part| part.contains("kind: ")).map(|part| {
        let document: Value = serde_saphyr::from_str(part).unwrap_or_else(|error| panic!("{error}: {part}"));
        ((word(&document["kind"]), word(&document["metadata"]["name"])), document)
    });
    parsed.collect()
}

#[tokio::test]
async fn the_kustomize_base_is_what_is_installed_and_an_overlay_changes_what_it_says() {
    let plane = plane().await;
    let base = documents(&on(plane, "kubectl kustomize manifests"));
    let installed = documents(include_str!("../../manifests/install.yaml"));
    assert!(base.len() > 30, "{} objects", base.len());
    for (what, object) in &installed {
        assert_eq!(base.get(what), Some(object), "{what:?}");
    }
    assert_eq!(base.len(), installed.len(), "and nothing besides");

    let folder = format!("{}/overlay", env!("CARGO_TARGET_TMPDIR"));
    let there = on(plane, &format!("mkdir -p {folder} && realpath --relative-to {folder} manifests"));
    let overlay =
        format!("resources: [{there}]\nimages: [{{name: jumun, newName: registry.example/jumun, newTag: '7'}}]\n");
    std::fs::write(format!("{folder}/kustomization.yaml"), overlay).expect("written");
    let mut changed = documents(&on(plane, &format!("kubectl kustomize {folder}")));
    let operator = ("Deployment".to_owned(), "jumun-operator".to_owned());
    let container = &mut changed.get_mut(&operator).expect("the operator")["spec"]["template"]["spec"]["containers"][0];
    assert_eq!(container["image"], "registry.example/jumun:7");
    container["image"] = base[&operator]["spec"]["template"]["spec"]["containers"][0]["image"].clone();
    assert_eq!(changed, base, "and nothing else is changed");
}
