//! The chart, the alerts and the documents about them say what is there, and say all of it.

use std::collections::{BTreeMap, BTreeSet};

use jumun::platform::{Inputs, Served, build};
use serde_json::{Value, json};

use crate::{files, read, root};

/// A value of the chart: its path, what its comment says, its default.
struct Documented {
    path: String,
    comment: String,
    default: Value,
}

fn yaml(text: &str) -> Value {
    serde_saphyr::from_str(text).unwrap_or_else(|error| panic!("{error}:\n{text}"))
}

/// The documents of a file.
fn documents(text: &str) -> Vec<Value> {
    text.split("\n---\n").filter(|text| text.contains("kind: ")).map(yaml).collect()
}

/// Every value that has a comment, in the order of the file; what stands below a commented value is its default. A key
/// without a comment is a section, and everything in it has to be commented.
fn values() -> Vec<Documented> {
    let text = read("chart/values.yaml");
    let all = yaml(&text);
    let (mut found, mut section, mut comment) = (Vec::<Documented>::new(), Vec::<String>::new(), String::new());
    let mut inside: Option<usize> = None;
    for line in text.lines() {
        let indent = line.len() - line.trim_start().len();
        if inside.is_some_and(|depth| indent > depth) {
            continue;
        }
        if let Some(words) = line.trim_start().strip_prefix("# ") {
            comment = [comment.as_str(), words].join(" ").trim().to_owned();
            continue;
        }
        let Some((key, rest)) = line.trim_start().split_once(':') else { continue };
        inside = None;
        section.truncate(indent / 2);
        section.push(key.to_owned());
        let comment = std::mem::take(&mut comment);
        if comment.is_empty() {
            assert!(rest.trim().is_empty(), "chart/values.yaml: {} has no comment", section.join("."));
            continue;
        }
        let default = section.iter().fold(&all, |value, key| &value[key.as_str()]).clone();
        found.push(Documented { path: section.join("."), comment, default });
        inside = Some(indent);
    }
    found
}

#[test]
fn every_value_of_the_chart_is_in_its_readme() {
    let mut table = String::from("| value | default | what it is |\n|---|---|---|\n");
    for Documented { path, comment, default } in values() {
        let default = serde_json::to_string(&default).expect("JSON").replace('|', "\\|");
        table += &format!("| `{path}` | `{default}` | {} |\n", comment.replace('|', "\\|"));
    }
    let readme = read("chart/README.md");
    let (before, rest) = readme.split_once("<!-- values").expect("where the values begin");
    let (mark, rest) = rest.split_once("-->\n").expect("the whole mark");
    let (_, after) = rest.split_once("<!-- end of values -->").expect("where the values end");
    let wanted = format!("{before}<!-- values{mark}-->\n{table}<!-- end of values -->{after}");
    if std::env::var_os("JUMUN_WRITE").is_some() {
        std::fs::write(root().join("chart/README.md"), &wanted).expect("written");
    } else {
        assert!(wanted == readme, "chart/README.md is stale: JUMUN_WRITE=1 cargo test --test repo chart");
    }
}

/// Whether the schema of the chart says something about what is at this path.
fn described(schema: &Value, at: &Value, path: &[&str]) -> bool {
    let at = at["$ref"].as_str().map_or(at, |reference| schema.pointer(&reference[1..]).expect("a definition"));
    let Some((key, rest)) = path.split_first() else { return true };
    let property = &at["properties"][*key];
    !property.is_null() && described(schema, property, rest)
}

/// The paths of what the schema describes, down to where it leaves things open.
fn leaves(schema: &Value, at: &Value, path: &str, found: &mut BTreeSet<String>) {
    let at = at["$ref"].as_str().map_or(at, |reference| schema.pointer(&reference[1..]).expect("a definition"));
    match at["properties"].as_object() {
        Some(properties) => {
            assert_eq!(at["additionalProperties"], false, "unknown keys of {path} are not refused");
            for (key, value) in properties {
                leaves(schema, value, &format!("{path}.{key}"), found);
            }
        }
        None => drop(found.insert(path.trim_start_matches('.').to_owned())),
    }
}

#[test]
fn the_charts_schema_knows_every_value_and_no_other() {
    let schema: Value = serde_json::from_str(&read("chart/values.schema.json")).expect("JSON");
    let values = values();
    for Documented { path, .. } in &values {
        let keys: Vec<&str> = path.split('.').collect();
        assert!(described(&schema, &schema, &keys), "values.schema.json does not know {path}");
    }
    let mut found = BTreeSet::new();
    leaves(&schema, &schema, "", &mut found);
    found.remove("global"); // Helm's own
    for leaf in found {
        let known = values.iter().any(|value| leaf == value.path || leaf.starts_with(&format!("{}.", value.path)));
        assert!(known, "values.yaml does not have {leaf}");
    }
}

#[test]
fn every_value_of_the_chart_is_used() {
    let templates: String = files("chart/templates", "").into_iter().map(read).collect();
    for Documented { path, .. } in values() {
        let (section, key) = path.rsplit_once('.').unwrap_or(("", &path));
        let whole = format!(".Values.{path}");
        let within = !section.is_empty()
            && templates.contains(&format!("with .Values.{section}"))
            && templates.contains(&format!(".{key}"));
        assert!(templates.contains(&whole) || within, "no template reads {path}");
    }
}

/// The metrics of every process: as they are registered, and as they are read.
fn metrics() -> BTreeMap<String, Vec<String>> {
    let mut text = String::new();
    let registry = jumun::telemetry::Metrics::default().registry();
    prometheus_client::encoding::text::encode(&mut text, &registry).expect("text");
    let mut found = BTreeMap::new();
    for line in text.lines().filter_map(|line| line.strip_prefix("# TYPE ")) {
        let (name, kind) = line.split_once(' ').expect("name and kind");
        found.insert(name.to_owned(), series(name, kind));
    }
    // What is registered elsewhere or collected when it is asked for, by the names in the source.
    for file in files("src", ".rs") {
        let source = read(&file);
        let collects = source.contains("DescriptorEncoder");
        let literals = source.split('"').collect::<Vec<_>>();
        for (before, name) in literals.iter().zip(&literals[1..]).step_by(2) {
            let registers = before.trim_end().ends_with("register(");
            if (collects || registers) && named(name).len() == 1 && !name.contains(' ') {
                let kinds: &[&str] = if name.ends_with("_seconds") { &["histogram"] } else { &["counter", "gauge"] };
                let either = || kinds.iter().flat_map(|kind| series(name, kind)).collect();
                found.entry((*name).to_owned()).or_insert_with(either);
            }
        }
    }
    found
}

/// Every name of ours in a text that looks like a metric.
fn named(text: &str) -> BTreeSet<String> {
    let words = text.split(|letter: char| !(letter.is_ascii_alphanumeric() || letter == '_'));
    let ours = ["jumun_", "controller_runtime_", "workqueue_"];
    words.filter(|word| ours.iter().any(|start| word.starts_with(start))).map(str::to_owned).collect()
}

/// What a metric is called where it is read.
fn series(name: &str, kind: &str) -> Vec<String> {
    match kind {
        "counter" => vec![format!("{name}_total")],
        "histogram" => ["_bucket", "_sum", "_count"].iter().map(|ending| format!("{name}{ending}")).collect(),
        _ => vec![name.to_owned()],
    }
}

#[test]
fn alerts_dashboard_and_documents_name_metrics_that_exist() {
    let mut known: BTreeSet<String> = metrics().into_values().flatten().collect();
    known.insert("jumun_orders_waiting".to_owned()); // an adapter of the cluster serves it
    let mut texts = files("docs", ".md");
    texts.extend(["chart/files/alerts.yaml", "chart/files/dashboard.json"].map(|name| root().join(name)));
    let mut read_somewhere = 0;
    for file in texts {
        let text = read(&file);
        // In a pattern of grep the ending follows a group.
        for name in named(&text)
            .into_iter()
            .filter(|name| !text.contains(&format!("{name}|")) && !text.contains(&format!("{name})_total")))
        {
            assert!(known.contains(&name), "{} names {name}, which is no metric", file.display());
            read_somewhere += 1;
        }
    }
    assert!(read_somewhere > 20, "only {read_somewhere}");
}

#[test]
fn every_metric_is_documented() {
    let operations = read("docs/operations.md");
    let metrics = metrics();
    assert!(metrics.len() > 12, "only {metrics:?}");
    for (name, series) in metrics {
        let row = |line: &str| series.iter().any(|name| line.starts_with(&format!("| `{name}` |")));
        assert!(operations.lines().any(row), "docs/operations.md has no row for {name} ({series:?})");
    }
}

#[test]
fn every_alert_has_a_page_and_a_case_and_every_page_an_alert() {
    let rules = yaml(&read("chart/files/alerts.yaml"));
    let cases = read("chart/tests/alerts.yaml");
    let mut names = BTreeSet::new();
    for rule in rules["groups"].as_array().expect("groups").iter().flat_map(|group| group["rules"].as_array().unwrap())
    {
        let name = rule["alert"].as_str().expect("a name").to_owned();
        let page = read(format!("docs/runbooks/{name}.md"));
        for part in ["# ", "## What it means", "## What to look at", "## What to do"] {
            assert!(page.contains(part), "docs/runbooks/{name}.md has no {part:?}");
        }
        assert!(cases.contains(&format!("alertname: {name}\n")), "chart/tests/alerts.yaml has no case for {name}");
        assert!(["critical", "warning"].contains(&rule["labels"]["severity"].as_str().expect("a severity")));
        for text in ["summary", "description"] {
            assert!(rule["annotations"][text].is_string(), "{name} has no {text}");
        }
        names.insert(name);
    }
    assert!(names.len() >= 10, "only {} alerts", names.len());
    for page in files("docs/runbooks", ".md") {
        let name = page.file_stem().expect("a name").to_string_lossy().into_owned();
        assert!(names.contains(&name), "docs/runbooks/{name}.md belongs to no alert");
    }
}

/// The Deployment among these objects.
fn deployment(objects: &[Value]) -> &Value {
    objects.iter().find(|object| object["kind"] == "Deployment").expect("a Deployment")
}

#[test]
fn operators_of_two_versions_never_run_at_once_and_have_room_for_a_namespace_that_is_deleted() {
    let installed = documents(&read("manifests/install.yaml"));
    let operator = deployment(&installed);
    // Not Recreate: no server-side apply turns the Deployment of an earlier version into one.
    let strategy = json!({ "type": "RollingUpdate", "rollingUpdate": { "maxSurge": 0, "maxUnavailable": "100%" } });
    assert_eq!(operator["spec"]["strategy"], strategy);
    let platform = json!({ "metadata": { "name": "default", "namespace": "shop", "uid": "1" }, "spec": {} });
    let (platform, features) = (serde_json::from_value(platform).expect("a platform"), BTreeSet::new());
    let (image, served) = ("jumun", Served::default());
    let built = build(&Inputs { platform: &platform, image, pull_policy: None, served, features: &features });
    let controllers = built.iter().find(|built| built.type_.kind == "Deployment" && built.name == "jumun-controllers");
    let limits = |deployment: &Value| {
        deployment.pointer("/spec/template/spec/containers/0/resources/limits/memory").cloned().expect("a limit")
    };
    assert_eq!(limits(operator), limits(&controllers.expect("controllers").object), "it does their work there");
}

/// Every Role and ClusterRole that this repository ships: file, object.
fn roles() -> Vec<(String, Value)> {
    let mut found = Vec::new();
    for file in files("manifests", ".yaml") {
        for document in documents(&read(&file)) {
            if document["kind"].as_str().is_some_and(|kind| kind.ends_with("Role")) {
                found.push((file.display().to_string(), document));
            }
        }
    }
    found
}

#[test]
fn no_role_has_a_wildcard_or_reads_secrets() {
    let roles = roles();
    assert!(roles.len() >= 2, "only {} roles", roles.len());
    for (file, role) in roles {
        let name = &role["metadata"]["name"];
        for rule in role["rules"].as_array().into_iter().flatten() {
            let texts = ["apiGroups", "resources", "verbs", "nonResourceURLs", "resourceNames"];
            for text in texts.iter().flat_map(|key| rule[*key].as_array().into_iter().flatten()) {
                let text = text.as_str().expect("text");
                assert!(!text.contains('*'), "{file}: {name} has a wildcard: {rule}");
                assert!(!text.starts_with("secrets"), "{file}: {name} may read secrets: {rule}");
            }
        }
    }
}

#[test]
fn the_image_is_made_from_nothing_and_runs_as_nobody() {
    let dockerfile = read("Dockerfile");
    let said = |what: &str| {
        let lines: Vec<&str> = dockerfile.lines().filter_map(|line| line.strip_prefix(what)).map(str::trim).collect();
        assert_eq!(lines.len(), 1, "{what}: {lines:?}");
        lines[0].to_owned()
    };
    assert_eq!(said("FROM "), "scratch");
    assert_eq!(said("USER "), "65532:65532", "a number, which Pod Security can check");
    assert_eq!(said("ENTRYPOINT "), "[\"/jumun\"]");
    for instruction in ["RUN ", "ADD ", "SHELL "] {
        assert!(!dockerfile.lines().any(|line| line.starts_with(instruction)), "{instruction}needs more than nothing");
    }
    // The operator, its workloads and the chart say the same.
    let values = yaml(&read("chart/values.yaml"));
    assert_eq!(values["podSecurityContext"]["runAsUser"], 65532);
}
