//! No wait is without an end: each reason that an order can wait for stands in the manual, with who ends it, and what only a
//! person can end is stalled.

use std::collections::{BTreeMap, BTreeSet};

const MANUAL: &str = include_str!("../../../../docs/states.md");
const SOURCES: [&str; 3] = [include_str!("../forward.rs"), include_str!("../undo.rs"), include_str!("../place.rs")];

/// Words of these files that are no reasons to wait: ends, and what is reported of them.
const NO_WAITS: [&str; 11] = [
    "AlreadyOrdered",
    "CancelRefused",
    "Completed",
    "Expired",
    "Invalid",
    "OutOfStock",
    "PaymentFailed",
    "Rejected",
    "Stalled",
    "StoreDraining",
    "Succeeded",
];

/// What any kind may wait for, and is stalled then; written where that is.
const OF_ANY_KIND: [&str; 2] = [crate::domain::denial::WRITE_DENIED, "Unreadable"];

fn words(pattern: &str) -> BTreeSet<String> {
    let pattern = regex::Regex::new(pattern).expect("a pattern");
    let found = SOURCES.iter().flat_map(|source| pattern.captures_iter(source).map(|found| found[1].to_owned()));
    found.filter(|word| !NO_WAITS.contains(&word.as_str())).collect()
}

/// The reasons that the manual lists, each with who ends the wait.
fn listed() -> BTreeMap<String, String> {
    let table =
        MANUAL.split("| waiting reason |").nth(1).and_then(|rest| rest.split("\n\n").next()).expect("the table");
    let rows = table.lines().filter(|line| line.starts_with("| `"));
    let of = |row: &str| {
        let cells: Vec<&str> = row.trim_matches('|').split(" | ").map(str::trim).collect();
        let [reasons, _, ended] = cells[..] else { panic!("{row}") };
        reasons.split(", ").map(|reason| (reason.trim_matches('`').to_owned(), ended.to_owned())).collect::<Vec<_>>()
    };
    rows.flat_map(of).collect()
}

#[test]
fn every_wait_ends_by_itself_or_by_a_step_or_is_stalled_and_says_what_to_do() {
    let of_any_kind = || OF_ANY_KIND.map(str::to_owned);
    let waits: BTreeSet<String> = words(r#""([A-Z][A-Za-z]+)""#).into_iter().chain(of_any_kind()).collect();
    let listed = listed();
    assert_eq!(waits, listed.keys().cloned().collect(), "what is waited for, and what the manual lists");
    let mut stalled = words(r#"\bstall(?:ed)?\(\s*case,\s*(?:[a-z_.]+\(?\)?,\s*)?"([A-Z][A-Za-z]+)""#);
    stalled.extend(of_any_kind());
    for (reason, ended) in &listed {
        let ends = ["the controllers", "the endpoint", "time", "a step of ", "a person"];
        assert!(ends.iter().any(|end| ended.starts_with(end)), "{reason} has no end: {ended}");
        assert_eq!(ended.contains("a person"), stalled.contains(reason), "{reason}: {ended}; stalled are {stalled:?}");
        assert!(!ended.starts_with("the endpoint") || ended.contains("after an hour"), "{reason}: {ended}");
    }
}
