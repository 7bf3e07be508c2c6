//! Whether two runs came to the same end, field by field, apart from what has to differ: UIDs, versions, times, the
//! namespace's name, and the names that hold a UID.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::recorder::Version;

/// What stands at the end of a run, by kind and name, with stable words for what differs from run to run.
pub type End = BTreeMap<String, Value>;

/// The end of a recorded run.
pub fn end_of(log: &[Version]) -> End {
    let mut words = BTreeMap::new();
    let mut standing: BTreeMap<(&str, &str), &Value> = BTreeMap::new();
    for version in log {
        let meta = &version.object["metadata"];
        let (name, uid) = (meta["name"].as_str().unwrap_or_default(), meta["uid"].as_str().unwrap_or_default());
        // A notice has no owner, and a name like that of a child.
        let order = Some(&version.object["spec"]["order"]["name"]).filter(|_| version.kind == "Notification");
        let owner = meta["ownerReferences"][0]["name"].as_str().or(order.and_then(Value::as_str));
        let stable = owner.map_or_else(|| name.to_owned(), |owner| child_word(owner, name));
        words.insert(uid.to_owned(), format!("uid of {} {stable}", version.kind));
        if owner.is_some() {
            words.insert(name.to_owned(), stable);
        }
        if version.deleted {
            standing.remove(&(version.kind, name));
        } else {
            standing.insert((version.kind, name), &version.object);
        }
    }
    let stable = |((kind, name), object): ((&str, &str), &Value)| {
        let mut end = steady(object, &words);
        if kind == "OrderView" {
            // A row has no generations of its own: it counts the writes, and how many changes share one is chance.
            end["metadata"]["generation"].take();
            // The versions that it was made of.
            end["status"]["sources"].take();
        }
        (format!("{kind} {}", words.get(name).map_or(name, String::as_str)), end)
    };
    standing.into_iter().map(stable).collect()
}

/// A child's name without the hash of its order's UID; a notice's keeps what it tells and whom.
fn child_word(owner: &str, name: &str) -> String {
    let tail = name.strip_prefix(owner).and_then(|rest| rest.get(1..)).and_then(|rest| rest.split_once('-'));
    format!("{owner}-#{}", tail.map_or("", |(_, tail)| tail))
}

/// A value with stable words for what differs from run to run.
fn steady(value: &Value, words: &BTreeMap<String, String>) -> Value {
    // How often an endpoint was tried is the endpoint's doing; its address has a port of its own in each run.
    const DIFFERS: [&str; 6] = ["resourceVersion", "managedFields", "settledThrough", "namespace", "attempts", "url"];
    match value {
        Value::String(text) if text.parse::<jiff::Timestamp>().is_ok() => "T".into(),
        Value::String(text) => words.get(text).unwrap_or(text).as_str().into(),
        Value::Array(list) => {
            let mut list: Vec<Value> = list.iter().map(|item| steady(item, words)).collect();
            list.sort_by_cached_key(Value::to_string);
            list.into()
        }
        Value::Object(fields) => {
            let fields = fields.iter().filter(|(name, _)| !DIFFERS.contains(&name.as_str()));
            Value::Object(fields.map(|(name, field)| (name.clone(), steady(field, words))).collect())
        }
        other => other.clone(),
    }
}

/// The fields in which two ends differ, one a line.
pub fn differences(wanted: &End, found: &End) -> Vec<String> {
    let mut lines = Vec::new();
    let names: BTreeSet<&String> = wanted.keys().chain(found.keys()).collect();
    for name in names {
        compare(name, wanted.get(name).unwrap_or(&Value::Null), found.get(name).unwrap_or(&Value::Null), &mut lines);
    }
    lines
}

fn compare(path: &str, wanted: &Value, found: &Value, lines: &mut Vec<String>) {
    match (wanted, found) {
        (Value::Object(a), Value::Object(b)) => {
            let names: BTreeSet<&String> = a.keys().chain(b.keys()).collect();
            for name in names {
                compare(&format!("{path}/{name}"), &wanted[name], &found[name], lines);
            }
        }
        _ if wanted != found => lines.push(format!("{path}: {wanted} undisturbed, {found} here")),
        _ => {}
    }
}
