//! Whether an object as it stands has everything that is wanted of it. Pure.
//!
//! Fields that nobody asked for are others' or defaults, and left alone. Lists whose elements have a name of their own may
//! hold elements of others, too; any other list is wanted as it is, and so are the variables of our containers, which win
//! over the settings of the spec. What an object lacks for another reason, such as a field
//! that is no longer wanted, shows in the mark ([`mark`]) of what was applied last.
//!
//! A difference that is none costs a call that the API server answers without a write.

use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

/// The annotation with the mark of what was applied.
const MARK: &str = "jumun.dev/applied";

/// The lists of a kind whose elements have a key, and what that is; of every kind where none is named.
const KEYED: [(Option<&str>, &str, &[&str]); 11] = [
    (None, "ownerReferences", &["uid"]),
    (Some("Deployment"), "containers", &["name"]),
    (Some("Deployment"), "initContainers", &["name"]),
    (Some("Deployment"), "env", &["name"]),
    (Some("Deployment"), "ports", &["containerPort", "protocol"]),
    (Some("Deployment"), "volumes", &["name"]),
    (Some("Deployment"), "volumeMounts", &["mountPath"]),
    (Some("Deployment"), "topologySpreadConstraints", &["topologyKey", "whenUnsatisfiable"]),
    (Some("Deployment"), "imagePullSecrets", &["name"]),
    (Some("Service"), "ports", &["port", "protocol"]),
    (Some("Gateway"), "listeners", &["name"]),
];

/// What is wanted, with the mark of it.
pub fn marked(mut wanted: Value) -> Value {
    let mark = Sha256::digest(wanted.to_string()).iter().take(8).map(|byte| format!("{byte:02x}")).collect::<String>();
    wanted["metadata"]["annotations"][MARK] = mark.into();
    wanted
}

/// Whether what was applied last to an object is something else than this. One whose mark was taken away says nothing.
pub fn is_of_another(live: &Value, wanted: &Value) -> bool {
    let mark = |object: &Value| object["metadata"]["annotations"][MARK].as_str().map(str::to_owned);
    mark(live).is_some_and(|applied| mark(wanted) != Some(applied))
}

/// Whether an object has everything that is wanted.
pub fn has(live: &Value, wanted: &Value) -> bool {
    let kind = wanted["kind"].as_str().unwrap_or_default();
    covers(kind, "", live, wanted)
}

/// What takes the variables out of our containers that nobody wants there, as a strategic merge: an apply leaves what others
/// have added. Nothing where there are none.
pub fn without_strangers(live: &Value, wanted: &Value) -> Option<Value> {
    let list =
        |object: &Value| object["spec"]["template"]["spec"]["containers"].as_array().cloned().unwrap_or_default();
    let names = |container: &Value| -> Vec<String> {
        let variables = container["env"].as_array().into_iter().flatten();
        variables.filter_map(|variable| variable["name"].as_str().map(str::to_owned)).collect()
    };
    let live = list(live);
    let has_strangers = |own: &Value| {
        let (wanted, same) = (names(own), live.iter().find(|container| container["name"] == own["name"]));
        same.is_some_and(|container| names(container).iter().any(|name| !wanted.contains(name)))
    };
    let cleared = list(wanted).into_iter().filter(has_strangers).map(|own| {
        let wanted = own["env"].as_array().cloned().unwrap_or_default();
        let variables: Vec<Value> = std::iter::once(json!({ "$patch": "replace" })).chain(wanted).collect();
        json!({ "name": own["name"], "env": variables })
    });
    let containers: Vec<Value> = cleared.collect();
    (!containers.is_empty()).then(|| json!({ "spec": { "template": { "spec": { "containers": containers } } } }))
}

fn covers(kind: &str, field: &str, live: &Value, wanted: &Value) -> bool {
    match (live, wanted) {
        (Value::Object(live), Value::Object(wanted)) => object_covers(kind, live, wanted),
        (Value::Array(live), Value::Array(wanted)) => list_covers(kind, field, live, wanted),
        (Value::String(live), Value::String(wanted)) => live == wanted || is_same_amount(live, wanted),
        // What is empty may be left out by the API server, and so is this one field where it is not so.
        (Value::Null, wanted) => is_empty(wanted) || (field == "paused" && *wanted == Value::Bool(false)),
        (Value::Number(live), Value::Number(wanted)) => live.as_f64() == wanted.as_f64(),
        (live, wanted) => live == wanted,
    }
}

fn object_covers(kind: &str, live: &Map<String, Value>, wanted: &Map<String, Value>) -> bool {
    wanted.iter().all(|(field, wanted)| covers(kind, field, live.get(field).unwrap_or(&Value::Null), wanted))
}

fn list_covers(kind: &str, field: &str, live: &[Value], wanted: &[Value]) -> bool {
    let keyed = KEYED.iter().find(|(of, list, _)| of.is_none_or(|of| of == kind) && *list == field);
    let Some((_, _, keys)) = keyed else {
        return live.len() == wanted.len() && live.iter().zip(wanted).all(|(l, w)| covers(kind, "", l, w));
    };
    // What is not said of a key is its default there.
    let is_of =
        |live: &Value, wanted: &Value| keys.iter().all(|key| wanted[*key].is_null() || live[*key] == wanted[*key]);
    let found = |wanted: &Value| live.iter().any(|live| is_of(live, wanted) && covers(kind, "", live, wanted));
    wanted.iter().all(found)
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(list) => list.is_empty(),
        Value::Object(fields) => fields.values().all(is_empty),
        Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

/// Whether two texts are the same amount, as the API server writes amounts in one way: `0.5` and `500m`, `1024Mi` and `1Gi`.
fn is_same_amount(one: &str, other: &str) -> bool {
    matches!((amount(one), amount(other)), (Some(one), Some(other)) if (one - other).abs() <= one.abs() * 1e-12)
}

/// The units of an amount.
const UNITS: [(&str, f64); 14] = [
    ("Ki", 1024.0),
    ("Mi", 1_048_576.0),
    ("Gi", 1_073_741_824.0),
    ("Ti", 1_099_511_627_776.0),
    ("Pi", 1_125_899_906_842_624.0),
    ("n", 1e-9),
    ("u", 1e-6),
    ("m", 1e-3),
    ("k", 1e3),
    ("M", 1e6),
    ("G", 1e9),
    ("T", 1e12),
    ("P", 1e15),
    ("", 1.0),
];

fn amount(text: &str) -> Option<f64> {
    let (digits, factor) = UNITS.iter().find_map(|(unit, factor)| Some((text.strip_suffix(unit)?, factor)))?;
    let plain = digits.starts_with(|c: char| c.is_ascii_digit()) && digits.ends_with(|c: char| c.is_ascii_digit());
    plain.then(|| digits.parse::<f64>().ok()).flatten().map(|number| number * factor)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn deployment(container: Value) -> Value {
        json!({ "kind": "Deployment", "spec": { "template": { "spec": { "containers": [container] } } } })
    }

    #[test]
    fn defaults_and_what_others_add_is_left_alone() {
        let wanted = deployment(json!({ "name": "a", "image": "x", "ports": [{ "containerPort": 8080 }], "env": [] }));
        let mut live = deployment(json!({
            "name": "a", "image": "x", "imagePullPolicy": "Always",
            "ports": [{ "containerPort": 9, "protocol": "UDP" }, { "containerPort": 8080, "protocol": "TCP" }],
        }));
        live["status"] = json!({ "replicas": 1 });
        assert!(has(&live, &wanted));
        let mut injected = live.clone();
        injected["spec"]["template"]["spec"]["containers"] =
            json!([{ "name": "mesh" }, live["spec"]["template"]["spec"]["containers"][0]]);
        assert!(has(&injected, &wanted), "another's container");
    }

    #[test]
    fn what_was_changed_or_taken_away_is_missed() {
        let wanted = deployment(json!({ "name": "a", "image": "x", "args": ["run", "all"] }));
        for container in [
            json!({ "name": "a", "image": "y", "args": ["run", "all"] }),
            json!({ "name": "a", "args": ["run", "all"] }),
            json!({ "name": "b", "image": "x", "args": ["run", "all"] }),
            json!({ "name": "a", "image": "x", "args": ["run", "all", "more"] }),
            json!({ "name": "a", "image": "x", "args": ["all", "run"] }),
        ] {
            assert!(!has(&deployment(container.clone()), &wanted), "{container}");
        }
    }

    #[test]
    fn what_pauses_a_deployment_or_overrides_its_settings_is_missed() {
        let wanted = json!({ "kind": "Deployment", "spec": { "paused": false } });
        assert!(has(&json!({ "kind": "Deployment", "spec": {} }), &wanted));
        assert!(!has(&json!({ "kind": "Deployment", "spec": { "paused": true } }), &wanted));
        let wanted = deployment(json!({ "name": "a", "command": [], "env": [{ "name": "POD", "value": "p" }] }));
        assert!(!has(
            &deployment(json!({ "name": "a", "command": ["/nope"], "env": [{ "name": "POD", "value": "p" }] })),
            &wanted
        ));
        let own = json!({ "name": "POD", "value": "p" });
        let live = |variables: Value| deployment(json!({ "name": "a", "env": variables }));
        assert_eq!(without_strangers(&live(json!([own])), &wanted), None);
        assert_eq!(without_strangers(&live(json!([])), &wanted), None, "what is missing is applied");
        let change = without_strangers(&live(json!([own, { "name": "LOG_LEVEL", "value": "debug" }])), &wanted);
        let containers = json!([{ "name": "a", "env": [{ "$patch": "replace" }, own] }]);
        assert_eq!(change.expect("a change")["spec"]["template"]["spec"]["containers"], containers);
        let mesh = deployment(json!({ "name": "mesh", "env": [{ "name": "LOG_LEVEL", "value": "debug" }] }));
        assert_eq!(without_strangers(&mesh, &wanted), None, "another's container");
    }

    #[test]
    fn rules_are_wanted_as_they_are() {
        let rule = |verbs: Value| json!({ "apiGroups": ["jumun.dev"], "resources": ["orders"], "verbs": verbs });
        let role = |rules: Value| json!({ "kind": "Role", "rules": rules });
        let wanted = role(json!([rule(json!(["get"]))]));
        assert!(has(&wanted, &wanted));
        assert!(!has(&role(json!([rule(json!(["get", "delete"]))])), &wanted));
        assert!(!has(&role(json!([rule(json!(["get"])), rule(json!(["delete"]))])), &wanted));
        let policy = |ports: Value| json!({ "kind": "NetworkPolicy", "spec": { "ingress": [{ "ports": ports }] } });
        let one = json!({ "port": 8080 });
        assert!(has(&policy(json!([{ "port": 8080, "protocol": "TCP" }])), &policy(json!([one]))));
        assert!(!has(&policy(json!([one, { "port": 22 }])), &policy(json!([one]))), "no list of names");
    }

    #[test]
    fn amounts_are_the_same_however_they_are_written() {
        for (one, other) in [("0.5", "500m"), ("1024Mi", "1Gi"), ("1000m", "1"), ("1e3", "1k")] {
            assert!(is_same_amount(one, other), "{one} {other}");
        }
        for (one, other) in [("500m", "501m"), ("1Gi", "1G"), ("a", "b"), ("1.2.3", "1.2.4"), ("v1", "1")] {
            assert!(!is_same_amount(one, other), "{one} {other}");
        }
    }

    #[test]
    fn what_is_no_longer_wanted_shows_in_the_mark() {
        let before = marked(json!({ "kind": "ConfigMap", "data": { "A": "1", "B": "2" } }));
        let after = marked(json!({ "kind": "ConfigMap", "data": { "A": "1" } }));
        assert!(has(&before, &before) && !has(&before, &after));
        let live = json!({ "kind": "ConfigMap", "data": { "A": "1" } });
        assert!(!has(&live, &after), "somebody took the mark away");
        assert!(is_of_another(&before, &after) && !is_of_another(&after, &after) && !is_of_another(&live, &after));
    }
}
