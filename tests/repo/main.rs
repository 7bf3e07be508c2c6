//! The rules of the repository.

mod adding;
mod chart;
mod imports;
mod layers;
mod personas;
mod rights;

use std::path::{Path, PathBuf};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: impl AsRef<Path>) -> String {
    let path = root().join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Every file below a folder with this ending.
fn files(folder: &str, ending: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display())) {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.to_string_lossy().ends_with(ending) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

#[test]
fn the_domain_is_pure() {
    for file in files("src/domain", ".rs") {
        let text = read(&file);
        let text = text.split("#[cfg(test)]").next().expect("the part that ships");
        for impure in
            ["kube::", "tokio::", "tracing::", "std::env", "std::fs", "SystemTime", "Instant::now", "Timestamp::now"]
        {
            assert!(!text.contains(impure), "{} uses {impure}", file.display());
        }
    }
}

#[test]
fn files_are_short_and_nothing_is_left_for_later() {
    for folder in ["src", "tests", "benches"] {
        for file in files(folder, ".rs") {
            let text = read(&file);
            let lines = text.lines().count();
            assert!(lines <= 400, "{} has {lines} lines", file.display());
            for mark in [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("todo", "!("), concat!("#[ig", "nore")] {
                assert!(!text.contains(mark), "{} has a {mark}", file.display());
            }
        }
    }
}

/// Whether a file is compiled for tests alone: `tests.rs`, and what lies in the folder of that module.
fn is_test(file: &Path) -> bool {
    file.ends_with("tests.rs") || file.parent().is_some_and(|folder| folder.ends_with("tests"))
}

#[test]
fn every_module_named_tests_is_compiled_for_tests_alone() {
    for file in files("src", ".rs") {
        let text = read(&file);
        for at in text.match_indices("mod tests").map(|(at, _)| at) {
            assert!(text[..at].ends_with("#[cfg(test)]\n"), "{}: mod tests ships", file.display());
        }
    }
}

#[test]
fn nothing_panics_on_purpose_in_what_ships() {
    for file in files("src", ".rs").into_iter().filter(|file| !is_test(file)) {
        let text = read(&file);
        let ships = text.split("#[cfg(test)]").next().expect("the part that ships");
        for panic in [".unwrap()", ".expect(", "panic!(", "unreachable!(", "unimplemented!("] {
            assert!(!ships.contains(panic), "{} has {panic}", file.display());
        }
    }
}

#[test]
fn every_file_says_what_it_is() {
    for file in files("src", ".rs") {
        assert!(read(&file).starts_with("//! "), "{} has no header", file.display());
    }
}

#[test]
fn the_definitions_in_crds_are_fresh() {
    let manifests = jumun::crd::manifests().expect("manifests");
    let names: Vec<String> = manifests.iter().map(|(name, _)| name.clone()).collect();
    for (name, yaml) in &manifests {
        assert_eq!(&read(format!("crds/{name}")), yaml, "crds/{name} is stale: run `make crds`");
    }
    for file in files("crds", ".yaml") {
        let name = file.file_name().expect("a name").to_string_lossy().into_owned();
        assert!(names.contains(&name), "crds/{name} is not generated any more");
    }
}

#[test]
fn every_string_list_and_field_of_the_definitions_is_bounded_and_documented() {
    fn visit(path: &str, schema: &serde_json::Value) {
        let spec = path.contains(".spec.");
        match schema["type"].as_str() {
            Some("string") => {
                let bounded = ["maxLength", "enum", "format"].iter().any(|bound| !schema[bound].is_null());
                assert!(bounded, "{path} is an unbounded string");
            }
            Some("array") => {
                assert!(!schema["maxItems"].is_null(), "{path} is an unbounded list");
                visit(&format!("{path}[]"), &schema["items"]);
            }
            Some("integer") if spec => {
                assert!(!schema["minimum"].is_null(), "{path} has no minimum");
                assert!(!schema["maximum"].is_null(), "{path} has no maximum");
            }
            _ => {}
        }
        for (name, property) in schema["properties"].as_object().into_iter().flatten() {
            let path = format!("{path}.{name}");
            if path.contains(".spec.") || path.contains(".status.") {
                assert!(
                    property["description"].as_str().is_some_and(|text| !text.is_empty()),
                    "{path} is not documented"
                );
            }
            assert!(property["nullable"].is_null(), "{path} may be null");
            visit(&path, property);
        }
    }
    for definition in jumun::crd::definitions() {
        let kind = definition.spec.names.kind.clone();
        for version in definition.spec.versions {
            let schema = serde_json::to_value(version.schema.expect("a schema").open_api_v3_schema).expect("JSON");
            visit(&kind, &schema);
        }
    }
}

#[test]
fn the_samples_and_the_documents_of_the_manual_are_well_formed() {
    let documents = |text: &str| text.split("\n---\n").map(str::to_owned).collect::<Vec<String>>();
    let mut checked = 0;
    for file in files("manifests/samples", ".yaml") {
        for document in documents(&read(&file)) {
            let value: serde_json::Value = serde_saphyr::from_str(&document).expect("YAML");
            let kind = value["kind"].as_str().expect("a kind").to_owned();
            let parsed = match kind.as_str() {
                "Store" => serde_json::from_value::<jumun::crd::Store>(value).map(drop),
                "Product" => serde_json::from_value::<jumun::crd::Product>(value).map(drop),
                "Wallet" => serde_json::from_value::<jumun::crd::Wallet>(value).map(drop),
                "Order" => serde_json::from_value::<jumun::crd::Order>(value).map(drop),
                "OrderPlatform" => serde_json::from_value::<jumun::crd::OrderPlatform>(value).map(drop),
                _ => panic!("{}: a {kind} is not written by people", file.display()),
            };
            parsed.unwrap_or_else(|error| panic!("{}: {kind}: {error}", file.display()));
            checked += 1;
        }
    }
    assert!(checked >= 9, "only {checked} documents");
}

#[test]
fn every_make_target_that_the_readme_names_exists() {
    let makefile = read("Makefile");
    for text in [read("README.md"), read("ARCHITECTURE.md")] {
        for piece in text.split("`make ").skip(1) {
            let target: String =
                piece.chars().take_while(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || *c == '-').collect();
            assert!(makefile.contains(&format!("\n{target}:")), "there is no `make {target}`");
        }
    }
}

#[test]
fn no_document_says_a_bare_orders() {
    let mut texts = files("docs", ".md");
    texts.extend(["README.md", "ARCHITECTURE.md", "tools/demo", "Makefile"].map(|name| root().join(name)));
    for file in texts {
        for line in read(&file).lines() {
            for verb in ["get", "wait", "delete", "describe", "edit", "explain"] {
                let bare = line.contains(&format!("kubectl {verb} orders "))
                    || line.ends_with(&format!("kubectl {verb} orders"));
                assert!(!bare, "{}: say ord or orders.jumun.dev: {line}", file.display());
            }
        }
    }
}

#[test]
fn every_test_that_the_guarantees_name_exists() {
    let sources: String = ["src", "tests"].iter().flat_map(|folder| files(folder, ".rs")).map(read).collect();
    let guarantees = read("docs/guarantees.md");
    let rows: Vec<&str> = guarantees.lines().filter(|line| line.starts_with("| ") && line.ends_with(" |")).collect();
    assert!(rows.len() > 20, "only {} rows", rows.len());
    for name in
        rows.iter().filter_map(|row| row.rsplit("| ").next()).flat_map(|tests| tests.split('`').skip(1).step_by(2))
    {
        let is_test = sources.contains(&format!("fn {name}(")) || sources.contains(&format!("\"{name}\""));
        assert!(is_test, "docs/guarantees.md names {name}, which is no test and no invariant of the checker");
    }
}

/// The fields of a spec that take a person's own words: no enumeration, no pattern, no format. What a parent writes into
/// a child is not among them.
fn words(path: &str, schema: &serde_json::Value, found: &mut Vec<String>) {
    let free = ["enum", "pattern", "format"].iter().all(|bound| schema[bound].is_null());
    if schema["type"] == "string" && free {
        found.push(path.to_owned());
    }
    if schema["items"].is_object() {
        words(&format!("{path}[]"), &schema["items"], found);
    }
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        words(&format!("{path}.{name}"), property, found);
    }
}

#[test]
fn every_field_that_takes_a_persons_words_has_a_reader() {
    let actors = ["Ticket.spec.reject", "Delivery.spec.courier"];
    let mut found = Vec::new();
    for definition in jumun::crd::definitions() {
        let kind = definition.spec.names.kind.clone();
        let peoples = jumun::crd::admission::is_made_by_people(&definition.spec.names.plural);
        for version in definition.spec.versions {
            let schema = serde_json::to_value(version.schema.expect("a schema").open_api_v3_schema).expect("JSON");
            let mut of_kind = Vec::new();
            words(&format!("{kind}.spec"), &schema["properties"]["spec"], &mut of_kind);
            of_kind.retain(|path| peoples || actors.iter().any(|start| path.starts_with(start)));
            found.append(&mut of_kind);
        }
    }
    assert!(found.len() >= 15, "only {found:?}");
    let table = read("docs/fields.md");
    for path in found {
        let mut rows = table.lines().map(|line| line.split('|').map(str::trim).collect::<Vec<_>>());
        let said = rows.any(|cells| {
            matches!(&cells[..], ["", field, by, reader, ""]
                if *field == format!("`{path}`") && !by.is_empty() && !reader.is_empty())
        });
        assert!(said, "docs/fields.md does not say who types {path}, and who reads it: add a row");
    }
}

/// A list that somebody has to remember is a kind that is forgotten somewhere, in silence.
#[test]
fn no_file_but_the_table_names_every_kind() {
    let kinds = jumun::domain::Kind::ALL.map(|kind| kind.as_str());
    for file in files("src", ".rs") {
        let text = read(&file);
        let words: std::collections::BTreeSet<&str> =
            text.split(|letter: char| !letter.is_alphanumeric()).filter(|word| kinds.contains(word)).collect();
        // The modules of the definitions, one beside the other: what is missing there does not compile.
        let may = ["src/kinds.rs", "src/crd/mod.rs"].iter().any(|known| file.ends_with(known));
        assert!(may || words.len() < kinds.len(), "{} names every kind: generate it from src/kinds.rs", file.display());
    }
}

#[test]
fn the_operators_rights_know_every_kind() {
    let rights = read("manifests/operator/rbac.yaml");
    for definition in jumun::crd::definitions() {
        let (plural, kind) = (definition.spec.names.plural, definition.spec.names.kind);
        let listed = |line: &str| {
            let names = line.trim().trim_start_matches("resources: [").trim_end_matches(']');
            line.contains("resources: [") && names.split(", ").any(|name| name == plural)
        };
        assert!(rights.lines().any(listed), "manifests/operator/rbac.yaml does not let {plural} be read");
        // A row has no controller that writes a status of its own.
        let status = format!("- {plural}/status\n");
        assert!(kind == "OrderView" || rights.contains(&status), "manifests/operator/rbac.yaml has no {plural}/status");
    }
}

#[test]
fn every_function_of_the_followed_wish_is_where_the_page_says() {
    let page = read("docs/one-wish.md");
    let mut found = 0;
    for line in page.lines().filter(|line| line.contains("`src/")) {
        // A file, then functions of it, up to the next file.
        let mut file = String::new();
        for word in line.split('`').skip(1).step_by(2) {
            if word.starts_with("src/") {
                file = read(word);
            } else if word.chars().all(|letter| letter.is_ascii_lowercase() || letter == '_') {
                let defined = [format!("fn {word}("), format!("fn {word}<")];
                let begins = |text: &String| file.contains(text.as_str());
                assert!(defined.iter().any(begins), "{line}: no function {word}");
                found += 1;
            }
        }
    }
    assert!(found > 40, "only {found} functions were looked for");
}
