//! `rookery demo`, the first thing that anyone sees of Rookery.

use std::process::{Command, Output, Stdio};
use std::time::Duration;

use tests::process;

/// The demonstration is to be over in less than this.
const MINUTE: Duration = Duration::from_secs(60);

/// Plays it with the programs that are found in `path`.
fn demo(path: Option<&str>) -> Output {
    let _turn = tests::turns::blocking_turn();
    let mut command = Command::new(process::binary("rookery"));
    command.args(["demo", "--speed", "20", "--ascii"]);
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
    assert!(
        figure("came back").starts_with('2'),
        "both players:\n{said}"
    );
    assert!(
        said.contains("Qg2#"),
        "the game is played to its end:\n{said}"
    );
    said
}

#[test]
fn the_demonstration_outlives_the_kill_of_a_shard() {
    let said = said(&demo(None));
    assert!(said.contains("*** kill -9"), "{said}");
}

/// From the loss of the shard to the return of the audience, whoever watches sees both clocks stand.
#[test]
fn the_demonstration_stops_its_clocks_while_the_shard_is_gone() {
    let said = said(&demo(None));
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
    let said = said(&demo(Some("/nonexistent")));
    assert!(
        said.contains("redis-server"),
        "it says what is missing:\n{said}"
    );
}
