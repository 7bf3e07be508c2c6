//! A kind is a row of the table and one short file a layer: it is added to a copy of this source, and nothing else is named.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use super::{files, read, root};

/// The files of the kind that is added, and where they belong.
const FILES: [(&str, &str); 5] = [
    ("types.rs", "src/domain/receipt/types.rs"),
    ("domain.rs", "src/domain/receipt.rs"),
    ("crd.rs", "src/crd/receipt.rs"),
    ("world.rs", "src/world/receipt.rs"),
    ("controllers.rs", "src/controllers/receipt.rs"),
];

/// What is written elsewhere, as docs/adding-a-kind.md says: the lines that declare its files.
const LINES: [(&str, &str, &str); 5] = [
    ("src/domain/mod.rs", "pub mod store;", "pub mod receipt;\npub mod store;"),
    ("src/crd/mod.rs", "pub mod store;", "pub mod receipt;\npub mod store;"),
    ("src/crd/mod.rs", "pub use store::", "pub use receipt::{Receipt, ReceiptSpec};\npub use store::"),
    ("src/world/mod.rs", "mod store;", "mod receipt;\nmod store;"),
    ("src/controllers/mod.rs", "pub mod store;", "pub mod receipt;\npub mod store;"),
];
/// Its row, and that it has a status.
const ROW: [(&str, &str, &str); 2] = [
    (
        "src/kinds.rs",
        "            Product products",
        "            Receipt receipts receipt::Receipts;\n            Product products",
    ),
    ("src/kinds.rs", "product, wallet,", "product, receipt, wallet,"),
];

/// A copy of the source, without its tests and benchmarks.
struct Copy(PathBuf);

impl Copy {
    fn make() -> Self {
        let copy = Self(Path::new(env!("CARGO_TARGET_TMPDIR")).join("a-copy-with-a-kind"));
        std::fs::remove_dir_all(&copy.0).ok();
        for file in ["src", "tests/model", "tests/e2e/caller"].iter().flat_map(|folder| files(folder, "")) {
            copy.write(file.strip_prefix(root()).expect("a file of ours"), &std::fs::read(&file).expect("a file"));
        }
        let manifest = read("Cargo.toml");
        let targets = manifest.find("[[").expect("the first test or benchmark");
        let rest = manifest.find("[lints]").expect("what follows them");
        copy.write(Path::new("Cargo.toml"), format!("{}{}", &manifest[..targets], &manifest[rest..]).as_bytes());
        copy.write(Path::new("Cargo.lock"), read("Cargo.lock").as_bytes());
        copy
    }

    fn write(&self, path: &Path, text: &[u8]) {
        let path = self.0.join(path);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        std::fs::write(path, text).expect("written");
    }

    fn edit(&self, (path, from, to): (&str, &str, &str)) {
        let text = std::fs::read_to_string(self.0.join(path)).expect("a file of the copy");
        assert_eq!(text.matches(from).count(), 1, "{path}: {from}");
        self.write(Path::new(path), text.replace(from, to).as_bytes());
    }

    fn check(&self) -> Output {
        let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().expect("the folder of what is built");
        let mut cargo = Command::new(env!("CARGO"));
        cargo.args(["check", "--quiet", "--offline", "--workspace", "--lib", "--bins", "--target-dir"]).arg(target);
        cargo.current_dir(&self.0).output().expect("cargo")
    }
}

#[test]
fn a_kind_is_a_row_and_its_own_files_and_the_compiler_names_what_is_missing() {
    let copy = Copy::make();
    ROW.into_iter().for_each(|row| copy.edit(row));
    let alone = copy.check();
    let said = String::from_utf8_lossy(&alone.stderr);
    assert!(!alone.status.success(), "a row without files");
    for missing in ["`Receipt` in module `crate::crd`", "`receipt` in `super`"] {
        assert!(said.contains(missing), "nothing says that {missing} is missing:\n{said}");
    }
    for (file, path) in FILES {
        copy.write(Path::new(path), read(format!("tests/repo/receipt/{file}")).as_bytes());
    }
    LINES.into_iter().for_each(|line| copy.edit(line));
    let whole = copy.check();
    assert!(whole.status.success(), "{}", String::from_utf8_lossy(&whole.stderr));
}
