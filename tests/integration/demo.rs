//! `rookery demo`, the first thing that anyone sees of Rookery.

use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use tests::process;

/// The demonstration is to be over in less than this.
const MINUTE: Duration = Duration::from_secs(60);

/// Plays it with the programs that are found in `path`; what it leaves goes to `temporary`.
fn demo(path: Option<&str>, words: &[&str], temporary: &Path) -> Output {
    let _turn = tests::turns::blocking(tests::turns::shared_turn());
    let mut command = Command::new(process::binary("rookery"));
    command
        .args(["demo", "--speed", "20", "--ascii"])
        .args(words);
    command.env("TMPDIR", temporary);
    if let Some(path) = path {
        command.env("PATH", path);
    }
    let child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    process::finish(child.expect("rookery can be started"), MINUTE)
}

/// What it says, checked for what both kinds of demonstration say.
fn said(output: &Output) -> String {
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}\n{errors}");
    let figure = |name: &str| {
        let line = said.lines().find(|line| line.starts_with(name));
        let line = line.unwrap_or_else(|| panic!("nothing about `{name}`:\n{said}"));
        line[name.len()..].trim().to_owned()
    };
    assert_eq!(figure("lost"), "0");
    assert!(figure("acknowledged").starts_with("42"), "{said}");
    // Both players, one of them perhaps more than once, as on a busy machine a shard may answer too late.
    let came_back: u32 = figure("came back")
        .split(' ')
        .next()
        .unwrap()
        .parse()
        .unwrap();
    assert!(came_back >= 2, "{said}");
    assert!(
        said.contains("Qg2#"),
        "the game is played to its end:\n{said}"
    );
    assert_eq!(figure("epoch"), "1 before the kill, 2 after it");
    // The account is the last that is said, and the record is named in it.
    let account = said.lines().rev().take_while(|line| !line.is_empty());
    assert!(account.clone().count() >= 6, "{said}");
    assert!(account.last().unwrap().starts_with("record "), "{said}");
    let record = std::fs::read_to_string(figure("record"));
    let record = record.unwrap_or_else(|error| panic!("{error}:\n{said}"));
    for part in ["[Event ", "Qg2#", "0-1"] {
        assert!(record.contains(part), "{record}");
    }
    said
}

#[test]
fn the_demonstration_outlives_the_kill_of_a_shard() {
    let temporary = tempfile::tempdir().unwrap();
    let said = said(&demo(None, &[], temporary.path()));
    assert!(said.contains("*** kill -9"), "{said}");
    let left = std::fs::read_dir(temporary.path()).unwrap();
    let left: Vec<_> = left.map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left.len(), 1, "only the record is left behind: {left:?}");
}

/// While nobody owns the match a counter says for how long, and the shard that died is told from the others
/// until another one has taken over under a higher epoch.
#[test]
fn the_demonstration_tells_who_owns_the_match() {
    let temporary = tempfile::tempdir().unwrap();
    let record = temporary.path().join("game.pgn").display().to_string();
    let said = said(&demo(None, &["--pgn", &record], temporary.path()));
    let lines: Vec<&str> = said.lines().collect();
    let at = |text: &str| lines.iter().position(|line| line.contains(text));
    let order = [
        "owner, epoch 1",
        "*** kill -9",
        "dead",
        "epoch 1 before, 2 after",
        "owner, epoch 2",
    ];
    let order: Vec<_> = order
        .map(|text| at(text).unwrap_or_else(|| panic!("never said {text:?}:\n{said}")))
        .into();
    assert!(order.is_sorted(), "{order:?}:\n{said}");
    // Three shards stand there at the beginning, at the kill and at the takeover; each dead one is the owner
    // of before.
    let shards: Vec<&str> = lines
        .iter()
        .copied()
        .filter(|line| line.get(2..8) == Some("shard "))
        .collect();
    assert_eq!(shards.len(), 9, "{said}");
    let id = |line: &str| line.split_whitespace().nth(2).map(str::to_owned);
    let owners: Vec<_> = shards
        .iter()
        .filter(|line| line.contains("owner"))
        .map(|line| id(line))
        .collect();
    let dead: Vec<_> = shards
        .iter()
        .filter(|line| line.contains("dead"))
        .map(|line| id(line))
        .collect();
    assert_eq!((owners.len(), dead.len()), (2, 2), "{said}");
    assert_ne!(owners[0], owners[1]);
    assert!(dead.iter().all(|dead| *dead == owners[0]), "{said}");
}

/// What the demonstration writes to a terminal with such an environment.
fn on_a_terminal(environment: &[(&str, &str)], temporary: &Path) -> String {
    let _turn = tests::turns::blocking(tests::turns::shared_turn());
    let rookery = process::binary("rookery");
    let line = format!(
        "stty rows 24 cols 80 && exec {} demo --speed 20",
        rookery.display()
    );
    let child = Command::new("script")
        .args(["-qefc", &line, "/dev/null"])
        .env_remove("NO_COLOR")
        .env("TERM", "xterm-256color")
        .env("TMPDIR", temporary)
        .envs(environment.iter().copied())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let output = process::finish(child.expect("script of util-linux is installed"), MINUTE);
    let written = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{written}");
    written
}

/// The final byte of each control sequence (ECMA-48 section 5.4).
fn controls(written: &str) -> Vec<char> {
    let sequences = written.split("\x1b[").skip(1);
    let last = |sequence: &str| sequence.chars().find(|c| ('@'..='~').contains(c));
    sequences.filter_map(last).collect()
}

#[test]
fn the_demonstration_draws_no_more_than_the_terminal_can_show() {
    let temporary = tempfile::tempdir().unwrap();
    let colors = on_a_terminal(&[], temporary.path());
    assert!(controls(&colors).contains(&'m'), "{colors}");
    assert!(
        colors.contains("\x1b[90m✗ shard"),
        "the dead shard goes dark:\n{colors}"
    );
    let plain = on_a_terminal(&[("NO_COLOR", "1")], temporary.path());
    assert!(
        controls(&plain).contains(&'A'),
        "it is drawn in place:\n{plain}"
    );
    assert!(!controls(&plain).contains(&'m'), "{plain}");
    assert!(plain.contains("x shard"), "{plain}");
    let dumb = on_a_terminal(&[("TERM", "dumb")], temporary.path());
    assert!(!dumb.contains('\x1b'), "{dumb}");
    // No line is so long that a terminal of 80 columns breaks it, which would spoil the drawing.
    let drawn = plain.replace("\x1b[2K", "");
    for line in drawn.lines().map(|line| line.trim_end()) {
        let shown = line.split('\x1b').next().unwrap_or_default();
        assert!(shown.chars().count() <= 80, "{line}");
    }
    for said in [colors, plain, dumb] {
        for part in ["nobody owned the match for ", "epoch 1 before, 2 after"] {
            assert!(said.contains(part), "{part}:\n{said}");
        }
    }
}

/// From the loss of the shard to the return of the audience, whoever watches sees both clocks stand.
#[test]
fn the_demonstration_stops_its_clocks_while_the_shard_is_gone() {
    let temporary = tempfile::tempdir().unwrap();
    let said = said(&demo(None, &[], temporary.path()));
    let stopped: Vec<&str> = said
        .lines()
        .skip_while(|line| !line.contains("clocks stopped"))
        .take_while(|line| !line.contains("play goes on"))
        .filter(|line| line.contains("clocks stopped"))
        .collect();
    assert!(!stopped.is_empty(), "{said}");
    let clocks = |line: &str| line.rsplit(": ").next().map(str::to_owned);
    for line in &stopped {
        assert_eq!(clocks(line), clocks(stopped[0]), "a clock ran on:\n{said}");
    }
    assert!(said.contains("*** play goes on"), "{said}");
}

#[test]
fn the_demonstration_needs_no_redis() {
    let temporary = tempfile::tempdir().unwrap();
    let said = said(&demo(Some("/nonexistent"), &[], temporary.path()));
    assert!(
        said.contains("redis-server"),
        "it says what is missing:\n{said}"
    );
}
