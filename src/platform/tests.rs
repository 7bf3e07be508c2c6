//! Platforms, and what they become: word by word for a few of them (`golden/`), by what always holds for many.

use std::collections::BTreeSet;
use std::path::PathBuf;

use serde_json::{Value, json};

use super::inputs::{MANAGED_BY, Served};
use super::route::{CORS, TIMEOUT};
use super::{Built, Inputs, TYPES, build};
use crate::crd::OrderPlatform;

mod holds;
mod parts;

/// What is served in a cluster that has everything.
const EVERYTHING: Served = Served { gateway: true, capacity_buffer: true };

/// A platform as the API server gives it.
fn platform(spec: &Value) -> OrderPlatform {
    let metadata = json!({ "name": "default", "namespace": "shop", "uid": "0c29ce4b-0b1d-44c4-9d3a-3f0dd3d5d5b0" });
    serde_json::from_value(json!({ "apiVersion": "jumun.dev/v1alpha1", "kind": "OrderPlatform",
        "metadata": metadata, "spec": spec }))
    .unwrap_or_else(|error| panic!("{spec}: {error}"))
}

/// What a spec becomes in a cluster that serves these, with a class of gateways that supports these.
fn built(spec: &Value, served: Served, features: &[&str]) -> Vec<Built> {
    let (platform, features) = (platform(spec), features.iter().map(|name| (*name).to_owned()).collect());
    build(&Inputs { platform: &platform, image: "example/jumun:1.2.3", pull_policy: None, served, features: &features })
}

/// The object of this kind and name.
fn find<'a>(all: &'a [Built], kind: &str, name: &str) -> Option<&'a Value> {
    all.iter().find(|built| built.type_.kind == kind && built.name == name).map(|built| &built.object)
}

/// The same, where it has to be there.
fn get<'a>(all: &'a [Built], kind: &str, name: &str) -> &'a Value {
    find(all, kind, name).unwrap_or_else(|| panic!("there is no {kind} {name}"))
}

/// The golden files, and in what clusters they are: `NAME.in.yaml` becomes `NAME.out.yaml`.
const GOLDEN: [(&str, Served, &[&str]); 5] = [
    ("empty", Served { gateway: false, capacity_buffer: false }, &[]),
    ("whole", EVERYTHING, &[]),
    ("cors", EVERYTHING, &[CORS, TIMEOUT]),
    ("no-gateway-api", Served { gateway: false, capacity_buffer: false }, &[]),
    ("buffer", EVERYTHING, &[]),
];

/// With JUMUN_GOLDEN=write the files are written instead of compared: read the difference before it is committed.
#[test]
fn each_golden_platform_becomes_what_its_file_says() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("src/platform/golden");
    for (name, served, features) in GOLDEN {
        let given = std::fs::read_to_string(folder.join(format!("{name}.in.yaml"))).unwrap();
        let given: Value = serde_saphyr::from_str(&given).unwrap();
        let documents = built(&given["spec"], served, features).into_iter();
        let documents = documents.map(|built| serde_saphyr::to_string(&built.object).unwrap());
        let text = documents.collect::<Vec<String>>().join("---\n");
        let file = folder.join(format!("{name}.out.yaml"));
        if std::env::var_os("JUMUN_GOLDEN").is_some() {
            std::fs::write(&file, &text).unwrap();
        }
        let said = std::fs::read_to_string(&file).unwrap_or_default();
        assert!(
            said == text,
            "{} is not what is built: JUMUN_GOLDEN=write cargo test --workspace --lib golden",
            file.display()
        );
    }
    let files = std::fs::read_dir(folder).unwrap().count();
    assert_eq!(files, 2 * GOLDEN.len(), "a golden file that nothing is compared with");
}
