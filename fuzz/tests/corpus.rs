//! Goes through the corpus of every target, and through bytes like it: cut, joined, with bits and bytes changed.

#![allow(
    clippy::unwrap_used,
    reason = "a test fails by panicking, its helpers too"
)]

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use fuzz::{TARGETS, Target};
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};

/// How often inputs are changed for each target: some seconds of a debug build.
const CHANGED: usize = 4_000;
/// A target that is slow is given up after this, and says how far it came.
const LONG: Duration = Duration::from_secs(10);
/// Longest input.
const LEN_MAX: usize = 16 * 1_024;

/// The inputs of a target, each with its path.
fn corpus(name: &str) -> Vec<(PathBuf, Vec<u8>)> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("corpus")
        .join(name);
    let entries = std::fs::read_dir(&directory);
    let entries = entries.unwrap_or_else(|error| panic!("{}: {error}", directory.display()));
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
        .into_iter()
        .map(|path| {
            let bytes = std::fs::read(&path).unwrap();
            (path, bytes)
        })
        .collect()
}

/// An input like some of the corpus.
fn changed(corpus: &[Vec<u8>], dice: &mut StdRng) -> Vec<u8> {
    let mut bytes = corpus.choose(dice).unwrap().clone();
    for _ in 0..dice.random_range(1..=4) {
        let at = dice.random_range(0..=bytes.len());
        match dice.random_range(0..6) {
            0 => bytes.truncate(at),
            1 => {
                let other = corpus.choose(dice).unwrap();
                let from = dice.random_range(0..=other.len());
                bytes.truncate(at);
                bytes.extend_from_slice(&other[from..]);
            }
            2 => bytes.insert(at, dice.random()),
            3 if at < bytes.len() => bytes[at] ^= 1 << dice.random_range(0..8),
            4 if at < bytes.len() => bytes[at] = *[0, 1, 0x7f, 0x80, 0xff].choose(dice).unwrap(),
            5 if at < bytes.len() => drop(bytes.remove(at)),
            _ => {}
        }
    }
    bytes.truncate(LEN_MAX);
    bytes
}

fn go_through(target: Target, seed: u64) {
    let corpus = corpus(target.name);
    assert!(!corpus.is_empty(), "{} has no corpus", target.name);
    let mut inputs = Vec::new();
    for (path, input) in corpus {
        run(target, &input, &path.display());
        inputs.push(input);
    }
    let (mut dice, began) = (StdRng::seed_from_u64(seed), Instant::now());
    for number in 0..CHANGED {
        if began.elapsed() > LONG {
            eprintln!("{}: {number} inputs in {LONG:?}", target.name);
            return;
        }
        let input = changed(&inputs, &mut dice);
        run(
            target,
            &input,
            &format_args!("input {number} of seed {seed}"),
        );
    }
}

/// Runs a target on an input, which is named if it fails.
fn run(target: Target, input: &[u8], which: &dyn std::fmt::Display) {
    let ran = std::panic::catch_unwind(|| (target.run)(input));
    if let Err(panic) = ran {
        eprintln!("{}: {which}: {input:?}", target.name);
        std::panic::resume_unwind(panic);
    }
}

#[test]
fn every_target_takes_its_corpus_and_what_is_like_it() {
    std::thread::scope(|scope| {
        let running: Vec<_> = TARGETS
            .into_iter()
            .map(|target| (target, scope.spawn(move || go_through(target, 20_261_128))))
            .collect();
        for (target, running) in running {
            assert!(running.join().is_ok(), "{} failed", target.name);
        }
    });
}

/// A directory without a target would never be looked at.
#[test]
fn every_corpus_has_its_target() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus");
    for entry in std::fs::read_dir(directory).unwrap() {
        let name = entry.unwrap().file_name();
        let name = name.to_str().unwrap();
        assert!(fuzz::target(name).is_some(), "{name}");
    }
}
