//! What all tests together have checked: one line a test in a file that `tools/test` sums up at the end.

use std::io::Write;

use serde_json::json;

/// Adds what one test has checked.
pub fn add(test: &str, versions: usize, faults: usize) {
    let path = concat!(env!("CARGO_TARGET_TMPDIR"), "/summary.jsonl");
    let line = json!({ "test": test, "versions": versions, "faults": faults });
    let mut file = std::fs::OpenOptions::new().create(true).append(true).open(path).expect("the summary");
    file.write_all(format!("{line}\n").as_bytes()).expect("written");
}
