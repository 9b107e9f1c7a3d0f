//! The directions between the files of a crate.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// The crates whose files import each other in one direction.
const WITHOUT_CIRCLES: [&str; 2] = ["game-core", "protocol"];

/// A module, by its path from the root of its crate.
type Module = Vec<String>;

/// The text of every module that has a file of its own, without comments and test modules.
fn modules(source: &Path) -> BTreeMap<Module, String> {
    let mut modules = BTreeMap::new();
    let mut directories = vec![(Module::new(), source.to_owned())];
    while let Some((parent, directory)) = directories.pop() {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
            let inner = || parent.iter().cloned().chain([name.clone()]).collect();
            if path.is_dir() {
                directories.push((inner(), path));
            } else if name != "tests" {
                let is_own = matches!(name.as_str(), "lib" | "main" | "mod");
                let module = if is_own { parent.clone() } else { inner() };
                let text = fs::read_to_string(path).unwrap();
                let text = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
                let code = text
                    .lines()
                    .filter(|line| !line.trim_start().starts_with("//"));
                modules.insert(module, code.collect::<Vec<_>>().join("\n"));
            }
        }
    }
    modules
}

/// Every path in a text, those in braces put together: `a::{b, c::d}` is `a::b` and `a::c::d`.
fn paths(text: &str) -> Vec<Vec<String>> {
    let (mut found, mut heads) = (Vec::new(), Vec::<Vec<String>>::new());
    let (mut path, mut word, mut goes_on) = (Vec::new(), String::new(), false);
    for (at, letter) in text.char_indices() {
        if letter.is_alphanumeric() || letter == '_' {
            if word.is_empty() && !goes_on {
                path = heads.last().cloned().unwrap_or_default();
            }
            word.push(letter);
            continue;
        }
        if !word.is_empty() {
            path.push(std::mem::take(&mut word));
            goes_on = text[at..].starts_with("::");
            if !goes_on {
                found.push(std::mem::take(&mut path));
            }
        }
        match letter {
            ':' => {}
            '{' => heads.push(if goes_on {
                std::mem::take(&mut path)
            } else {
                Vec::new()
            }),
            '}' => drop(heads.pop()),
            '*' if goes_on => {
                found.push([std::mem::take(&mut path), vec!["*".to_owned()]].concat())
            }
            _ => {}
        }
        goes_on &= letter == ':';
    }
    found
}

/// The module that a path in `from` leads to, if it is one of ours.
fn target(modules: &BTreeMap<Module, String>, from: &Module, path: &[String]) -> Option<Module> {
    let (mut module, mut rest) = (from.clone(), path);
    let is_child = |name: &String| {
        let child: Module = from.iter().cloned().chain([name.clone()]).collect();
        modules.contains_key(&child)
    };
    if path.len() < 2 {
        // A name of its own, or `pub(super)`.
        return None;
    }
    match path[0].as_str() {
        "crate" => (module, rest) = (Module::new(), &rest[1..]),
        "self" => rest = &rest[1..],
        "super" => {}
        _ if is_child(&rest[0]) => {}
        _ => return None,
    }
    while let Some(name) = rest.first() {
        if name == "super" {
            module.pop();
        } else {
            module.push(name.clone());
            if !modules.contains_key(&module) {
                module.pop();
                break;
            }
        }
        rest = &rest[1..];
    }
    match rest.first() {
        Some(name) if module.is_empty() => Some(exported(modules, name).unwrap_or(module)),
        _ => Some(module),
    }
}

/// The module of which the root of the crate exports `name`.
fn exported(modules: &BTreeMap<Module, String>, name: &str) -> Option<Module> {
    let root = Module::new();
    let exports = paths(modules.get(&root)?);
    let path = exports
        .iter()
        .find(|path| path.len() > 1 && path.last().is_some_and(|last| last == name))?;
    target(modules, &root, path)
}

/// A way from a module back to itself.
fn circle(imports: &BTreeMap<Module, BTreeSet<Module>>) -> Option<Vec<Module>> {
    let mut done = BTreeSet::new();
    for start in imports.keys() {
        let mut way = vec![(start.clone(), imports[start].iter())];
        while let Some((_, rest)) = way.last_mut() {
            match rest.next() {
                Some(next) if done.contains(next) => {}
                Some(next) => {
                    if let Some(begin) = way.iter().position(|(on, _)| on == next) {
                        return Some(way[begin..].iter().map(|(on, _)| on.clone()).collect());
                    }
                    way.push((next.clone(), imports[next].iter()));
                }
                None => {
                    let left = way.pop();
                    done.extend(left.map(|(module, _)| module));
                }
            }
        }
    }
    None
}

fn imports(crate_name: &str) -> BTreeMap<Module, BTreeSet<Module>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let modules = modules(&root.join(crate_name).join("src"));
    let of = |(module, text): (&Module, &String)| {
        let paths = paths(text);
        let targets = paths
            .iter()
            .filter_map(|path| target(&modules, module, path));
        let others = targets.filter(|other| other != module).collect();
        (module.clone(), others)
    };
    modules.iter().map(of).collect()
}

#[test]
fn the_files_of_a_crate_import_each_other_in_one_direction() {
    for name in WITHOUT_CIRCLES {
        let imports = imports(name);
        assert!(!imports.is_empty());
        assert_eq!(circle(&imports), None, "a circle of imports in {name}");
    }
}

#[test]
fn a_circle_of_imports_is_found() {
    let module = |path: &str| path.split("::").map(str::to_owned).collect::<Module>();
    let text = "use super::{c, d::{E, f}};\nfn g() { crate::a::h(self::i::J) }";
    let modules =
        ["a", "a::b", "a::c", "a::d", "a::b::i"].map(|path| (module(path), String::new()));
    let modules: BTreeMap<Module, String> = modules.into_iter().collect();
    let found = paths(text);
    let targets = found
        .iter()
        .filter_map(|path| target(&modules, &module("a::b"), path));
    let expected = ["a::c", "a::d", "a", "a::b::i"].map(module);
    assert_eq!(targets.collect::<BTreeSet<_>>(), expected.into());
    // What the root exports is of the module that it is from.
    let exports = (Module::new(), "pub use a::d::{K, L};".to_owned());
    let modules = modules.into_iter().chain([exports]).collect();
    let path = ["crate", "L"].map(str::to_owned);
    assert_eq!(
        target(&modules, &module("a::b"), &path),
        Some(module("a::d"))
    );

    let edge = |from, to: &[&str]| (module(from), to.iter().map(|to| module(to)).collect());
    let straight = [edge("a", &["b", "c"]), edge("b", &["c"]), edge("c", &[])];
    assert_eq!(circle(&straight.into()), None);
    let round = [edge("a", &["b"]), edge("b", &["c"]), edge("c", &["b"])];
    let found = circle(&round.into()).unwrap();
    assert_eq!(found, [module("b"), module("c")]);
}
