//! The directions between the files of a crate.
//!
//! No file imports, directly or through others, a file that imports it. There is one exception: a file may import from
//! its parent a type that the parent defines, if it has an `impl` of this type. It is then a part of that type, which
//! is in a file of its own because the parent would be too long. Everything else that parent and child share is in a
//! third file, and so is what siblings share. Test modules do not count.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// The crates whose files import each other in one direction.
const WITHOUT_CIRCLES: [&str; 20] = [
    "features",
    "game-core",
    "protocol",
    "tokens",
    "store",
    "settings",
    "program",
    "web",
    "page",
    "shard-core",
    "shard",
    "admin",
    "server",
    "matchmaker",
    "client",
    "gateway",
    "bot-client",
    "fuzz",
    "linear",
    "tests",
];

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
                let text = text.replace("#[cfg(test)]\npub(super) mod", "#[cfg(test)]\nmod");
                let text = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
                let code = text
                    .lines()
                    .filter(|line| !line.trim_start().starts_with("//"));
                // `$crate` names what the users of a macro reach, not what its file imports.
                let code = code.collect::<Vec<_>>().join("\n");
                modules.insert(module, code.replace("$crate::", ""));
            }
        }
    }
    let tests: Vec<Module> = modules.iter().flat_map(test_modules).collect();
    modules.retain(|module, _| !tests.iter().any(|test| module.starts_with(test)));
    modules
}

/// The modules in files of their own that a module declares for tests only.
fn test_modules((module, text): (&Module, &String)) -> Vec<Module> {
    let declared = text.split("#[cfg(test)]\nmod ").skip(1);
    let names = declared.filter_map(|rest| rest.split_once(';'));
    names
        .map(|(name, _)| module.iter().cloned().chain([name.to_owned()]).collect())
        .collect()
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

/// The module that a path in `from` leads to, if it is one of ours, and the name of the item there. An import that
/// the module passes on is followed to the module that defines the item.
fn target(
    modules: &BTreeMap<Module, String>,
    from: &Module,
    path: &[String],
) -> Option<(Module, Option<String>)> {
    target_of(modules, from, path, &mut BTreeSet::new())
}

/// The same, without following an import that was `followed` before: two modules may pass on one name to each other.
fn target_of(
    modules: &BTreeMap<Module, String>,
    from: &Module,
    path: &[String],
    followed: &mut BTreeSet<(Module, String)>,
) -> Option<(Module, Option<String>)> {
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
        Some(name) if module != *from => {
            let origin = if followed.insert((module.clone(), name.clone())) {
                imported(modules, &module, name, followed)
            } else {
                None
            };
            Some(origin.unwrap_or((module, Some(name.clone()))))
        }
        name => Some((module, name.cloned())),
    }
}

/// The origin of `name`, if `module` imports it from another one.
fn imported(
    modules: &BTreeMap<Module, String>,
    module: &Module,
    name: &String,
    followed: &mut BTreeSet<(Module, String)>,
) -> Option<(Module, Option<String>)> {
    let text = modules.get(module)?;
    let begins = |line: &&str| without_visibility(line).starts_with("use ");
    let mut starts = text.lines().filter(begins).map(|line| {
        let at = line.as_ptr() as usize - text.as_ptr() as usize;
        text[at..].split_inclusive(';').next().unwrap()
    });
    starts.find_map(|import| {
        let paths = paths(import);
        let path = paths.iter().find(|path| path.last() == Some(name))?;
        target_of(modules, module, path, followed)
    })
}

/// The text without where items are visible, as in `pub(in crate::store)`: that is no import.
fn without_visible_in(text: &str) -> String {
    let mut parts = text.split("pub(in ");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |before, part| {
        let (_, after) = part.split_once(')').unwrap_or_default();
        before + "pub " + after
    })
}

fn without_visibility(line: &str) -> &str {
    let line = line.trim_start();
    ["pub(crate) ", "pub(super) ", "pub "]
        .iter()
        .find_map(|visibility| line.strip_prefix(visibility))
        .unwrap_or(line)
}

/// Whether `child` is a part of the definition of `name`: a file with some of the methods or traits of a type that
/// its parent defines.
fn is_part(
    modules: &BTreeMap<Module, String>,
    child: &Module,
    parent: &Module,
    name: &str,
) -> bool {
    let has_word = |line: &str| {
        let mut words = line.split(|letter: char| !letter.is_alphanumeric() && letter != '_');
        words.any(|word| word == name)
    };
    let has_line = |module: &Module, begins: &[&str]| {
        // A module within a file has no text of its own here.
        let text = modules.get(module).map_or("", String::as_str);
        text.lines()
            .map(without_visibility)
            .any(|line| begins.iter().any(|begin| line.starts_with(begin)) && has_word(line))
    };
    child.split_last().is_some_and(|(_, above)| above == parent)
        && has_line(parent, &["struct ", "enum "])
        && has_line(child, &["impl ", "impl<"])
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
        let paths = paths(&without_visible_in(text));
        let targets = paths
            .iter()
            .filter_map(|path| target(&modules, module, path))
            .filter(|(other, name)| {
                let is_part_of = |name: &String| is_part(&modules, module, other, name);
                other != module && !name.as_ref().is_some_and(is_part_of)
            });
        // A module within a file is no file.
        let files = targets
            .map(|(other, _)| other)
            .filter(|other| modules.contains_key(other));
        (module.clone(), files.collect())
    };
    modules.iter().map(of).collect()
}

#[test]
fn the_files_of_a_crate_import_each_other_in_one_direction() {
    let mut circles = Vec::new();
    for name in WITHOUT_CIRCLES {
        let imports = imports(name);
        assert!(!imports.is_empty());
        circles.extend(circle(&imports).map(|circle| (name, circle)));
    }
    assert!(circles.is_empty(), "circles of imports: {circles:?}");
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
        .filter_map(|path| target(&modules, &module("a::b"), path))
        .map(|(module, _)| module);
    let expected = ["a::c", "a::d", "a", "a::b::i"].map(module);
    assert_eq!(targets.collect::<BTreeSet<_>>(), expected.into());
    // What the root exports is of the module that it is from.
    let exports = (Module::new(), "pub use a::d::{K, L};".to_owned());
    let mut modules: BTreeMap<Module, String> = modules.into_iter().chain([exports]).collect();
    let path = ["crate", "L"].map(str::to_owned);
    assert_eq!(
        target(&modules, &module("a::b"), &path),
        Some((module("a::d"), Some("L".to_owned())))
    );
    // A part of a type may use this type of its parent, and nothing else of it.
    let parent = "pub(crate) struct M<S> {}\npub(crate) struct N;";
    modules.insert(module("a"), parent.to_owned());
    modules.insert(module("a::b"), "impl<S> M<S> {".to_owned());
    let is_part = |child, parent, name| is_part(&modules, &module(child), &module(parent), name);
    assert!(is_part("a::b", "a", "M"));
    assert!(!is_part("a::b", "a", "N") && !is_part("a::c", "a", "M"));
    assert!(!is_part("a::b::i", "a", "M"));

    let edge = |from, to: &[&str]| (module(from), to.iter().map(|to| module(to)).collect());
    let straight = [edge("a", &["b", "c"]), edge("b", &["c"]), edge("c", &[])];
    assert_eq!(circle(&straight.into()), None);
    let round = [edge("a", &["b"]), edge("b", &["c"]), edge("c", &["b"])];
    let found = circle(&round.into()).unwrap();
    assert_eq!(found, [module("b"), module("c")]);
}
