//! What the files of a crate import: the rules library in one place only, and nothing in a circle.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Crates whose files do not import each other in a circle.
const WITHOUT_CIRCLES: [&str; 2] = ["game-core", "protocol"];

/// The one file that knows the rules library.
const RULES: &str = "game-core/src/position.rs";

/// Tests that ask the rules library for a second opinion, by way of the PGN reader.
const SECOND_OPINIONS: [&str; 2] = [
    "game-core/tests/rules/games.rs",
    "game-core/tests/rules/perft.rs",
];

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
        .collect();
    let allowed = SECOND_OPINIONS.iter().chain([&RULES]);
    assert_eq!(users, allowed.map(ToString::to_string).collect());
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
        let is_core = manifest.parent().unwrap().ends_with("game-core");
        assert_eq!(text.contains("shakmaty"), is_core, "{manifest:?}");
    }
}

/// A module by its path from the root of its crate; the root itself is empty.
type Module = Vec<String>;

/// The files of a crate, and what each imports of the others.
struct Crate {
    /// The code of each module, without unit tests.
    modules: BTreeMap<Module, String>,
    /// What the root re-exports, by name.
    exports: BTreeMap<String, Module>,
}

impl Crate {
    fn read(name: &str) -> Self {
        let source = root().join(name).join("src");
        let mut files = Vec::new();
        rust_files(&source, &mut files);
        let mut modules: BTreeMap<Module, String> = files
            .iter()
            .map(|file| (module_of(file.strip_prefix(&source).unwrap()), code(file)))
            .collect();
        // Modules that only tests are built with.
        let tests: Vec<Module> = modules.iter().flat_map(test_modules).collect();
        modules.retain(|module, _| !tests.iter().any(|test| module.starts_with(test)));
        for code in modules.values_mut() {
            let end = code.find("#[cfg(test)]\nmod ").unwrap_or(code.len());
            code.truncate(end);
        }
        let mut this = Self {
            modules,
            exports: BTreeMap::new(),
        };
        for path in paths(&this.modules[&Vec::new()]) {
            let name = path.last().unwrap().clone();
            let module = this.resolve(&Vec::new(), &path);
            this.exports.extend(module.map(|module| (name, module)));
        }
        this
    }

    /// The module that a path names an item of, if it is one of this crate.
    fn resolve(&self, from: &Module, path: &[String]) -> Option<Module> {
        let (mut module, mut rest) = (from.clone(), path);
        match path.first()?.as_str() {
            "crate" => module.clear(),
            "super" => drop(module.pop()),
            "self" => {}
            child => {
                module.push(child.to_owned());
                self.modules.contains_key(&module).then_some(())?;
            }
        }
        rest = &rest[1..];
        while let [next, others @ ..] = rest {
            if next == "super" {
                module.pop();
            } else {
                module.push(next.clone());
                if !self.modules.contains_key(&module) {
                    module.pop();
                    if module.is_empty() {
                        return Some(self.exports.get(next).cloned().unwrap_or_default());
                    }
                    break;
                }
            }
            rest = others;
        }
        Some(module)
    }

    /// For each module those of which it imports something.
    fn imports(&self) -> BTreeMap<Module, BTreeSet<Module>> {
        let of = |(module, code): (&Module, &String)| {
            let paths = paths(code).into_iter();
            let mut found: BTreeSet<Module> = paths
                .filter_map(|path| self.resolve(module, &path))
                .collect();
            found.remove(module);
            (module.clone(), found)
        };
        self.modules.iter().map(of).collect()
    }
}

/// The module that a file holds, from its path in `src`.
fn module_of(file: &Path) -> Module {
    let parts = file.with_extension("");
    let mut module: Module = parts
        .iter()
        .map(|part| part.to_string_lossy().into_owned())
        .collect();
    if module.last().is_some_and(|last| last == "mod") || module == ["lib"] {
        module.pop();
    }
    module
}

/// The modules that a module declares for tests alone.
fn test_modules((module, code): (&Module, &String)) -> Vec<Module> {
    let declared = code.split("#[cfg(test)]\nmod ").skip(1);
    let names = declared.filter_map(|after| after.split_once(';'));
    names
        .filter(|(name, _)| !name.contains(char::is_whitespace))
        .map(|(name, _)| [module.as_slice(), &[name.to_owned()]].concat())
        .collect()
}

/// All paths of `use` items, and all paths elsewhere that begin in this crate.
fn paths(code: &str) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    for item in code.split(";\n") {
        let Some(at) = item.find("use ") else {
            continue;
        };
        let is_item = item[..at]
            .lines()
            .last()
            .is_none_or(|line| line.is_empty() || line.starts_with("pub"));
        if is_item {
            expand(&[], &item[at + 4..], &mut found);
        }
    }
    let word = |c: char| c.is_alphanumeric() || c == '_' || c == ':';
    for begin in ["crate::", "super::"] {
        for (at, _) in code.match_indices(begin) {
            let path = &code[at..];
            let path = &path[..path.find(|c| !word(c)).unwrap_or(path.len())];
            let segments = path.split("::").filter(|segment| !segment.is_empty());
            found.push(segments.map(str::to_owned).collect());
        }
    }
    found.retain(|path: &Vec<String>| path.len() > 1);
    found
}

/// Expands the tree of a `use` item into its paths.
fn expand(before: &[String], tree: &str, found: &mut Vec<Vec<String>>) {
    let tree = tree.trim();
    let Some((path, inner)) = tree.split_once('{') else {
        let name = tree.split(" as ").next().unwrap_or_default();
        let segments = name.split("::").map(|segment| segment.trim().to_owned());
        let segments = segments.filter(|segment| !segment.is_empty() && segment != "*");
        found.push(before.iter().cloned().chain(segments).collect());
        return;
    };
    let segments = path.split("::").map(|segment| segment.trim().to_owned());
    let segments = segments.filter(|segment| !segment.is_empty());
    let before: Vec<String> = before.iter().cloned().chain(segments).collect();
    let inner = inner.trim_end().strip_suffix('}').unwrap_or(inner);
    let (mut depth, mut start) = (0, 0);
    for (at, c) in inner.char_indices().chain([(inner.len(), ',')]) {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                if !inner[start..at].trim().is_empty() {
                    expand(&before, &inner[start..at], found);
                }
                start = (at + 1).min(inner.len());
            }
            _ => {}
        }
    }
}

/// A circle among the imports, if there is one.
fn circle(imports: &BTreeMap<Module, BTreeSet<Module>>) -> Option<Vec<Module>> {
    fn visit(
        at: &Module,
        imports: &BTreeMap<Module, BTreeSet<Module>>,
        trail: &mut Vec<Module>,
        done: &mut BTreeSet<Module>,
    ) -> Option<Vec<Module>> {
        if let Some(begin) = trail.iter().position(|module| module == at) {
            return Some(trail[begin..].to_vec());
        }
        if !done.insert(at.clone()) {
            return None;
        }
        trail.push(at.clone());
        for next in imports.get(at).into_iter().flatten() {
            let found = visit(next, imports, trail, done);
            if found.is_some() {
                return found;
            }
        }
        trail.pop();
        None
    }
    let mut done = BTreeSet::new();
    let mut modules = imports.keys();
    modules.find_map(|module| visit(module, imports, &mut Vec::new(), &mut done))
}

#[test]
fn files_of_a_crate_do_not_import_each_other_in_a_circle() {
    for name in WITHOUT_CIRCLES {
        let imports = Crate::read(name).imports();
        assert_eq!(circle(&imports), None, "in {name}");
    }
    // The imports are found: by a name that the root re-exports, and by the module's own.
    let imports = Crate::read("game-core").imports();
    let of = |module: &str| imports[&vec![module.to_owned()]].clone();
    assert!(of("board").contains(&vec!["position".to_owned()]));
    assert!(of("board").contains(&vec!["limits".to_owned()]));
    // And a circle would be.
    let mut closed = imports.clone();
    let limits = closed.get_mut(&vec!["limits".to_owned()]).unwrap();
    limits.insert(vec!["board".to_owned()]);
    assert!(circle(&closed).is_some());
}
