//! What the documents promise about the repository: that links lead somewhere, and that README is short.

use std::path::{Path, PathBuf};

/// The files of the repository, relative to its root, without those of builds and of Git itself.
fn files() -> Vec<PathBuf> {
    let (mut found, mut folders) = (Vec::new(), vec![root().to_owned()]);
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_symlink()
                || path.ends_with("target")
                || path.ends_with(".git")
                || path.ends_with("node_modules")
            {
                continue;
            }
            if path.is_dir() {
                folders.push(path);
            } else {
                found.push(path.strip_prefix(root()).unwrap().to_owned());
            }
        }
    }
    found
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

fn read(path: impl AsRef<Path>) -> String {
    let path = root().join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The targets of the Markdown links in a text, pictures included.
fn links(text: &str) -> impl Iterator<Item = &str> {
    text.split("](")
        .skip(1)
        .filter_map(|rest| rest.split(')').next())
}

#[test]
fn every_link_between_documents_leads_to_a_file() {
    let mut dead = Vec::new();
    let files = files();
    let documents = files
        .iter()
        .filter(|file| file.extension().is_some_and(|kind| kind == "md"));
    let mut checked = 0;
    for document in documents {
        let text = read(document);
        for link in links(&text).filter(|link| !link.contains("://") && !link.starts_with('#')) {
            checked += 1;
            let target = link.split('#').next().unwrap_or_default();
            let folder = root().join(document.parent().unwrap_or(Path::new("")));
            if !folder.join(target).exists() {
                dead.push(format!("{}: {link}", document.display()));
            }
        }
    }
    assert!(
        checked > 20,
        "only {checked} links: are documents still found?"
    );
    assert!(dead.is_empty(), "dead links:\n{}", dead.join("\n"));
}

#[test]
fn generated_reports_are_not_kept_beside_the_documents() {
    let reports: Vec<_> = files()
        .into_iter()
        .filter(|file| file.starts_with("docs") && file.extension().is_some_and(|e| e == "html"))
        .collect();
    assert!(reports.is_empty(), "{reports:?}");
}

/// Two screens, the picture of the demo first, and the two commands by which anyone begins.
#[test]
fn the_readme_is_a_front_door() {
    let readme = read("README.md");
    assert!(readme.lines().count() <= 80, "README outgrows two screens");
    let picture = readme.find("docs/pictures/demo.svg");
    let demo = readme.find("\ncargo run --release -- demo\n");
    let tests = readme.find("\ntests/run\n");
    assert!(
        picture.is_some() && picture < demo && demo < tests && tests.is_some(),
        "{picture:?} {demo:?} {tests:?}"
    );
}

/// The picture shows the kill, the gap and the takeover, and is small enough to load at once.
#[test]
fn the_picture_of_the_demo_shows_a_takeover() {
    let picture = read("docs/pictures/demo.svg");
    assert!(picture.len() < 300 * 1_024, "{} bytes", picture.len());
    for shown in [
        "owner, epoch 1",
        "kill -9 ",
        "owner, epoch 2",
        "dead",
        "Qg2#",
        "42 commands",
    ] {
        assert!(picture.contains(shown), "never shown: {shown}");
    }
}

/// Each alias that the guide for contributors names is there.
#[test]
fn the_guide_names_aliases_that_exist() {
    let (guide, aliases) = (read("CONTRIBUTING.md"), read(".cargo/config.toml"));
    let defined: Vec<&str> = aliases
        .lines()
        .filter_map(|line| line.split_once(" = \""))
        .map(|(name, _)| name)
        .collect();
    for alias in ["programs", "integration", "front-pages"] {
        assert!(defined.contains(&alias), "no alias {alias}");
        assert!(guide.contains(&format!("cargo {alias}")), "unused: {alias}");
    }
}
