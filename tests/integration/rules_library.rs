//! The rules library is used in one place only, and by what benchmarks compare it with.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// The one module that knows the rules library.
const RULES: &str = "game-core/src/position/";

/// Tests that ask the rules library for a second opinion, by way of the PGN reader.
const SECOND_OPINIONS: [&str; 2] = [
    "game-core/tests/rules/games.rs",
    "game-core/tests/rules/perft.rs",
];

/// The server that benchmarks compare Rookery with, which shares nothing with it.
const COMPETITOR: &str = "lab/src/bench/plain/";

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

/// All Rust files under a folder, without what Cargo builds.
fn rust_files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() && name != "target" && !name.starts_with('.') {
            rust_files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// A file without its comments.
fn code(path: &Path) -> String {
    let text = std::fs::read_to_string(path).unwrap();
    let code = text.lines().map(|line| match line.split_once("//") {
        Some((code, _)) => format!("{code}\n"),
        None => format!("{line}\n"),
    });
    code.collect()
}

#[test]
fn only_position_uses_the_rules_library() {
    let mut files = Vec::new();
    rust_files(root(), &mut files);
    let this = Path::new(file!()).file_name();
    let users: BTreeSet<String> = files
        .iter()
        .filter(|path| path.file_name() != this && code(path).contains("shakmaty"))
        .map(|path| path.strip_prefix(root()).unwrap().display().to_string())
        .filter(|path| !path.starts_with(RULES) && !path.starts_with(COMPETITOR))
        .collect();
    assert_eq!(users, SECOND_OPINIONS.map(ToString::to_string).into());
    for file in SECOND_OPINIONS {
        let code = code(&root().join(file));
        let direct = code.replace("pgn_reader::shakmaty", "");
        assert!(!direct.contains("shakmaty"), "{file}");
    }
    for manifest in std::fs::read_dir(root()).unwrap() {
        let manifest = manifest.unwrap().path().join("Cargo.toml");
        let Ok(text) = std::fs::read_to_string(&manifest) else {
            continue;
        };
        let folder = manifest.parent().unwrap();
        let may = folder.ends_with("game-core") || folder.ends_with("lab");
        assert_eq!(text.contains("shakmaty"), may, "{manifest:?}");
    }
}
