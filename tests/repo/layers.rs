//! The layers point one way, and no files use each other in a circle.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::imports::{Module, Sources, Uses, circle};
use super::{files, is_test, read, root};

/// What each layer may use of the others; nothing points back.
const LAYERS: [(&str, &[&str]); 12] = [
    ("kinds", &[]),
    ("domain", &["kinds"]),
    ("crd", &["kinds", "domain"]),
    ("platform", &["kinds", "domain", "crd"]),
    ("telemetry", &[]),
    ("outbound", &["domain", "telemetry"]),
    ("cluster", &["domain", "telemetry"]),
    ("world", &["kinds", "domain", "crd", "outbound", "cluster"]),
    ("controllers", &["kinds", "domain", "crd", "telemetry", "outbound", "cluster", "world"]),
    ("operator", &["domain", "crd", "platform", "telemetry", "cluster"]),
    ("http", &["domain", "telemetry", "world"]),
    (
        "cli",
        &[
            "kinds",
            "domain",
            "crd",
            "telemetry",
            "outbound",
            "cluster",
            "world",
            "controllers",
            "operator",
            "http",
            "platform",
        ],
    ),
];

/// The rows of the table of kinds: the kind, and the module and the name of its controller.
fn table() -> Vec<(String, String, String)> {
    let text = read("src/kinds.rs");
    let kinds = jumun::domain::Kind::ALL.map(|kind| kind.to_string());
    let row = |line: &str| {
        let (kind, rest) = line.trim().split_once(' ').filter(|(kind, _)| kinds.iter().any(|known| known == kind))?;
        let (module, controller) = rest.rsplit(' ').next()?.trim_end_matches(';').split_once("::")?;
        Some((kind.to_owned(), module.to_owned(), controller.to_owned()))
    };
    let rows: Vec<_> = text.lines().filter_map(row).collect();
    assert_eq!(rows.len(), kinds.len(), "rows of the table");
    rows
}

/// Who uses whom in `src/`.
fn uses() -> Uses {
    let mut sources = Sources::default();
    let src = root().join("src");
    for file in files("src", ".rs").iter().filter(|file| !is_test(file) && !file.ends_with("main.rs")) {
        sources.add(&file.strip_prefix(&src).expect("below src").to_string_lossy(), &read(file));
    }
    for (kind, module, controller) in table() {
        sources.add_row([("$kind", kind), ("$module", module), ("$controller", controller)].into());
    }
    sources.uses()
}

/// Every use: who, whom, and the path.
fn each(uses: &Uses) -> impl Iterator<Item = (&Module, &Module, &String)> {
    let pairs = uses.iter().flat_map(|(user, all)| all.iter().map(move |(used, paths)| (user, used, paths)));
    pairs.flat_map(|(user, used, paths)| paths.iter().map(move |path| (user, used, path)))
}

/// Which layer uses which other, and how.
fn across(uses: &Uses) -> impl Iterator<Item = (&str, &str, String)> {
    each(uses).filter_map(|(user, used, path)| {
        let (from, to) = (user.first()?.as_str(), used.first()?.as_str());
        (from != to).then(|| (from, to, format!("{} uses {path}", user.join("::"))))
    })
}

#[test]
fn layers_point_one_way() {
    let uses = uses();
    let mut crossings = 0;
    for (from, to, how) in across(&uses) {
        let (_, allowed) = LAYERS.iter().find(|(layer, _)| *layer == from).unwrap_or_else(|| panic!("no layer {from}"));
        assert!(allowed.contains(&to), "{how}: {from} may not use {to}");
        crossings += 1;
    }
    assert!(crossings > 300, "only {crossings} uses of another layer were found");
}

#[test]
fn the_architecture_says_what_each_layer_may_use() {
    let text = read("ARCHITECTURE.md");
    for (layer, allowed) in LAYERS {
        let row = text.lines().find(|line| {
            [format!("| `src/{layer}/` |"), format!("| `src/{layer}.rs` |")].iter().any(|start| line.starts_with(start))
        });
        let row = row.unwrap_or_else(|| panic!("ARCHITECTURE.md has no row for {layer}"));
        let said = row.trim_end_matches(" |").rsplit("| ").next().expect("a last column");
        let said: Vec<&str> = said.split(", ").filter(|layer| *layer != "nothing").collect();
        assert_eq!(said, allowed, "what {layer} may use");
    }
}

#[test]
fn no_files_use_each_other_in_a_circle() {
    assert_eq!(circle(&uses()), None);
}

/// Adds a file of a crate, and every file whose module it declares.
fn add(sources: &mut Sources, file: &Path, module: &[String], added: &mut BTreeSet<PathBuf>) {
    let text = read(file);
    let name = if module.is_empty() { "lib".to_owned() } else { module.join("/") };
    sources.add(&format!("{name}.rs"), &text);
    added.insert(file.to_path_buf());
    let (folder, own) = (file.parent().expect("a folder"), file.with_extension(""));
    let below = if module.is_empty() || file.ends_with("mod.rs") { folder } else { &own };
    for item in syn::parse_file(&text).expect("a file of Rust").items {
        let syn::Item::Mod(child) = item else { continue };
        let name = child.ident.to_string();
        let path = child.attrs.iter().find_map(|attribute| match &attribute.meta {
            syn::Meta::NameValue(pair) if pair.path.is_ident("path") => match &pair.value {
                syn::Expr::Lit(syn::ExprLit { lit: syn::Lit::Str(path), .. }) => Some(folder.join(path.value())),
                _ => None,
            },
            _ => None,
        });
        let places = path.into_iter().chain([below.join(format!("{name}.rs")), below.join(&name).join("mod.rs")]);
        let child = places.filter_map(|place| place.canonicalize().ok()).next();
        let child = child.unwrap_or_else(|| panic!("{}: no file of mod {name}", file.display()));
        add(sources, &child, &[module, &[name]].concat(), added);
    }
}

#[test]
fn no_files_of_tests_and_benchmarks_use_each_other_in_a_circle() {
    let all: Vec<PathBuf> = ["tests", "benches"].iter().flat_map(|folder| files(folder, ".rs")).collect();
    // What the kind that a test adds is made of belongs to no crate of ours.
    let all = all.into_iter().filter(|file| !file.starts_with(root().join("tests/repo/receipt")));
    let all: BTreeSet<PathBuf> = all.map(|file| file.canonicalize().expect("a file")).collect();
    let is_root = |file: &&PathBuf| {
        file.ends_with("main.rs")
            || file.ends_with("model/model.rs")
            || file.parent().is_some_and(|at| at.ends_with("tests"))
    };
    let mut added = BTreeSet::new();
    for file in all.iter().filter(is_root) {
        let mut sources = Sources::default();
        add(&mut sources, file, &[], &mut added);
        assert_eq!(circle(&sources.uses()), None, "{}", file.display());
    }
    assert_eq!(all.difference(&added).next(), None, "a file of no crate");
}

#[test]
fn the_layer_that_talks_with_the_api_server_knows_no_kind() {
    let (uses, table) = (uses(), table());
    let is_kind = |name: &str| table.iter().any(|(kind, ..)| kind == name);
    let is_of_one = |module: &String| table.iter().any(|(_, known, _)| known == module);
    for (user, used, path) in each(&uses).filter(|(user, ..)| user.first().is_some_and(|layer| layer == "cluster")) {
        let of_one = used[0] == "domain" && used.get(1).is_some_and(is_of_one);
        assert!(!of_one && !path.split("::").any(is_kind), "{} uses {path}: that is one kind", user.join("::"));
    }
}

#[test]
fn a_circle_and_a_use_that_points_back_are_found_however_they_are_written() {
    let of = |files: &[(&str, &str)]| {
        let mut sources = Sources::default();
        files.iter().for_each(|(path, text)| sources.add(path, text));
        sources.uses()
    };
    let parent = ("a/mod.rs", "pub mod b; pub mod c; pub use b::B;");
    let apart = of(&[parent, ("a/b.rs", "pub struct B;"), ("a/c.rs", "use super::B; mod tests;")]);
    assert_eq!(circle(&apart), None, "a re-export is no use");
    let own = ("a/mod.rs", "mod b; pub use b::B; pub struct A; fn f() -> B { B }");
    let found = circle(&of(&[own, ("a/b.rs", "pub struct B; fn f(_: super::A) {}")]));
    assert_eq!(found.as_deref(), Some("a uses B, a::b uses super::A"), "but its own code is");
    let relative = ("a/mod.rs", "mod b; fn f() { b::f() } pub struct A;");
    for text in [
        "use super::A;",
        "use crate::a::{A as Other};",
        "fn g() { format!(\"{}\", super::A) }",
        "#[kube(status = \"super::A\")] struct B;",
    ] {
        assert!(circle(&of(&[relative, ("a/b.rs", text)])).is_some(), "{text}");
    }
    for text in ["#[cfg(test)] mod tests { use super::super::A; }", "#[cfg(test)] fn f() -> super::A {}", "// super::A"]
    {
        assert_eq!(circle(&of(&[relative, ("a/b.rs", text)])), None, "{text}");
    }
    let through = of(&[
        ("a.rs", "use crate::c::X;"),
        ("c/mod.rs", "mod d; pub use d::*; pub use self::d::X;"),
        ("c/d.rs", "pub struct X; use crate::a;"),
    ]);
    assert_eq!(circle(&through).as_deref(), Some("a uses crate::c::X, c::d uses crate::a"));
    let crossings: Vec<_> = across(&through).map(|(from, to, _)| (from, to)).collect();
    assert_eq!(crossings, [("a", "c"), ("c", "a")]);
}
