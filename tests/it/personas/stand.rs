//! A namespace with objects and personas, and how a table is held against the API server.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use futures::StreamExt;
use k8s_openapi::api::rbac::v1::{Role, RoleBinding};
use kube::Api;
use kube::api::PostParams;
use serde_json::{Value, json};

use super::caller::{Answer, Call, Caller, MERGE, Who};
use super::shop::{Field, Needs, objects};
use super::tables::{KINDS, PERSONAS, lines};
use crate::harness::{Scene, wait_for};

/// How many calls are under way at once.
const AT_ONCE: usize = 16;
/// How long a right that was granted may take to be known everywhere.
const GRANTED_WITHIN: Duration = Duration::from_secs(30);
pub const ALL: &str = "?dryRun=All";

/// A cell: what is tried, by whom, and what should come of it.
pub struct Cell {
    pub title: String,
    pub who: Who,
    pub call: Call,
    pub expected: &'static str,
}

/// The kinds, as the first table has them.
pub fn plurals() -> Vec<&'static str> {
    lines(KINDS).iter().skip(1).map(|cells| cells[0]).collect()
}

/// Makes all calls, and holds what came of each against what should. Only a right that should be there is waited for.
pub async fn check(caller: &Caller, cells: &[Cell]) -> usize {
    let (mut left, mut wrong): (Vec<&Cell>, Vec<String>) = (cells.iter().collect(), Vec::new());
    let (deadline, mut tick) = (Instant::now() + GRANTED_WITHIN, tokio::time::interval(Duration::from_millis(200)));
    while !left.is_empty() {
        tick.tick().await;
        let asked = left.into_iter().map(|cell| async move { (cell, caller.ask(&cell.who, &cell.call).await) });
        let answers: Vec<(&Cell, Answer)> = futures::stream::iter(asked).buffer_unordered(AT_ONCE).collect().await;
        let off = answers.into_iter().filter(|(cell, answer)| answer.word() != cell.expected);
        let is_late = |answer: &Answer| *answer == Answer::NoRight && Instant::now() < deadline;
        let (late, bad): (Vec<_>, Vec<_>) = off.partition(|(_, answer)| is_late(answer));
        wrong.extend(bad.iter().map(|(cell, answer)| format!("{}: not {} but {answer:?}", cell.title, cell.expected)));
        left = late.into_iter().map(|(cell, _)| cell).collect();
    }
    wrong.sort();
    assert!(wrong.is_empty(), "{} of {} cells are wrong:\n{}", wrong.len(), cells.len(), wrong.join("\n"));
    cells.len()
}

/// A namespace with the objects, and without an operator; and who makes calls there.
pub async fn open(name: &str) -> (Scene, Caller) {
    let scene = Scene::new(name, 0).await;
    let caller = Caller { client: scene.client.clone(), namespace: scene.namespace.clone() };
    for (plural, object) in objects(&plurals()) {
        caller.make(plural, &object).await;
    }
    (scene, caller)
}

/// Binds a ClusterRole to a user of the namespace.
pub async fn bind(scene: &Scene, user: &Who, kind: &str, role: &str) {
    let bindings: Api<RoleBinding> = Api::namespaced(scene.client.clone(), &scene.namespace);
    let binding = json!({
        "metadata": { "generateName": "persona-" },
        "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": role },
        "subjects": [{ "kind": "User", "apiGroup": "rbac.authorization.k8s.io", "name": user.user }],
    });
    let binding = serde_json::from_value(binding).expect("a binding");
    bindings.create(&PostParams::default(), &binding).await.expect("bound");
}

/// Gives a user these verbs on these kinds, by a Role of its own.
pub async fn grant(scene: &Scene, user: &Who, name: &str, rules: Value) {
    let roles: Api<Role> = Api::namespaced(scene.client.clone(), &scene.namespace);
    let role = serde_json::from_value(json!({ "metadata": { "name": name }, "rules": rules })).expect("a role");
    roles.create(&PostParams::default(), &role).await.expect("granted");
    bind(scene, user, "Role", name).await;
}

/// Binds every persona's role.
pub async fn bind_all(scene: &Scene, caller: &Caller) {
    for (persona, role) in PERSONAS.iter().filter(|(_, role)| !role.is_empty()) {
        bind(scene, &caller.who(persona), "ClusterRole", role).await;
    }
}

/// Every object of the namespace with its version.
pub async fn versions(caller: &Caller) -> BTreeMap<String, String> {
    let mut all = BTreeMap::new();
    for plural in plurals() {
        let list = caller.read(&caller.path(plural, "")).await;
        for found in list["items"].as_array().expect("items") {
            let part = |name: &str| found["metadata"][name].as_str().expect("text").to_owned();
            all.insert(format!("{plural} {}", part("name")), part("resourceVersion"));
        }
    }
    all
}

/// A change of a field; a write that should not go through is meant.
pub fn write(caller: &Caller, field: &Field, expected: &str) -> Call {
    let dry = if expected == "yes" { ALL } else { "" };
    Call::new("PATCH", caller.path(field.plural(), field.object) + dry, MERGE, field.patch.clone())
}

/// A user who may write whatever kind there is, and has no verb of a step; waits until the policies are in force.
pub async fn plain(scene: &Scene, caller: &Caller, fields: &[Field]) -> Who {
    let who = caller.who("plain");
    let rules =
        json!([{ "apiGroups": ["jumun.dev"], "resources": plurals(), "verbs": ["get", "create", "update", "patch"] }]);
    grant(scene, &who, "plain", rules).await;
    for field in fields.iter().filter(|field| matches!(field.needs, Needs::Verb(_))) {
        wait_for(&format!("the policy of {}", field.row), || async {
            let answer = caller.ask(&who, &write(caller, field, "yes")).await;
            matches!(answer, Answer::NoVerb(_)).then_some(())
        })
        .await;
    }
    who
}
