//! The examples of the client library, as somebody runs them who reads its front page.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::time::Duration;

use tests::process::{self, Server};

/// Games of random moves last some hundred plies.
const LIMIT: Duration = Duration::from_secs(120);

fn example(name: &str, args: &[&str]) -> Command {
    let mut build = process::cargo();
    build.args(["build", "--quiet", "-p", "client", "--example", name]);
    build.current_dir(env!("CARGO_MANIFEST_DIR"));
    assert!(build.status().unwrap().success(), "{name} does not build");
    let beside = process::binary("rookery");
    let mut command = Command::new(beside.with_file_name("examples").join(name));
    command
        .args(args)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

#[test]
fn two_random_bots_of_forty_lines_play_a_match_and_a_spectator_sees_its_end() {
    let lines = include_str!("../../client/examples/random_bot.rs").lines();
    assert!(lines.count() <= 40);
    let server = Server::embedded();
    let address = server.ready.matchmaker.as_str();
    let bots = [(); 2].map(|()| example("random_bot", &[address]).spawn().unwrap());
    let outputs = bots.map(|bot| process::finish(bot, LIMIT));
    let said = outputs.map(|output| {
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{stderr}");
        String::from_utf8(output.stdout).unwrap()
    });
    assert_eq!(said[0], said[1], "both saw the same end of the same match");
    let (id, result) = said[0].split_once(": ").unwrap();
    assert!(result.starts_with("Some(("), "{result}");

    let mut spectator = example("spectator", &[id, address]).spawn().unwrap();
    let lines = BufReader::new(spectator.stdout.take().unwrap()).lines();
    let lines: Vec<String> = lines.map(Result::unwrap).collect();
    assert!(process::finish(spectator, LIMIT).status.success());
    let end = lines.last().unwrap();
    assert!(
        ["1-0 ", "0-1 ", "1/2-1/2 "]
            .iter()
            .any(|result| end.starts_with(result)),
        "{end}"
    );
}
