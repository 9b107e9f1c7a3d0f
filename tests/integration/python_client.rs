//! A client in another language, written from `docs/protocol.md` alone, plays whole matches here.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use tests::installation::Installation;

/// More than a match of random moves takes, on a busy machine too.
const PATIENCE: Duration = Duration::from_secs(240);

/// Starts the example client against a matchmaker.
fn play(matchmaker: &str, args: &[&str]) -> (Child, BufReader<ChildStdout>) {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/examples");
    let mut client = Command::new(tests::python())
        .arg("play.py")
        .arg(matchmaker)
        .args(args)
        .current_dir(examples)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let said = BufReader::new(client.stdout.take().unwrap());
    (client, said)
}

/// The next line that begins with `word`; the rest of it.
fn line(said: &mut impl BufRead, word: &str) -> String {
    let mut all = String::new();
    loop {
        let mut line = String::new();
        assert!(
            said.read_line(&mut line).unwrap() > 0,
            "it ended without {word}:\n{all}"
        );
        if let Some(rest) = line.strip_prefix(word) {
            return rest.trim().to_owned();
        }
        all.push_str(&line);
    }
}

fn ends_well(client: &mut Child) {
    let end = Instant::now() + PATIENCE;
    loop {
        if let Some(status) = client.try_wait().unwrap() {
            assert!(status.success(), "{status}");
            return;
        }
        if Instant::now() >= end {
            let _ = client.kill();
            panic!("the client does not come to an end");
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_from_the_specification_alone_survives_a_takeover_and_ends_its_match() {
    let mut installation = Installation::start(2).await;
    let url = installation.matchmaker.clone();
    let args = ["--think", "0.1", "--resign-after", "80"];
    let (mut one, mut one_said) = play(&url, &args);
    let (mut other, mut other_said) = play(&url, &args);
    let id = line(&mut one_said, "match ");
    assert_eq!(line(&mut other_said, "match "), id);
    line(&mut one_said, "joined ");
    // A few moves, and their shard is gone.
    line(&mut one_said, "6 ");
    let details = installation.admin.get(&format!("/v1/matches/{id}")).await;
    let owner = details["owner"].as_str().unwrap().to_owned();
    installation.kill(&owner);
    line(&mut one_said, "joined ");
    let result = line(&mut one_said, "result ");
    assert_eq!(line(&mut other_said, "result "), result);
    ends_well(&mut one);
    ends_well(&mut other);
}

#[tokio::test(flavor = "multi_thread")]
async fn it_plays_variants_too() {
    let installation = Installation::start(1).await;
    for variant in ["chess960", "crazyhouse", "antichess"] {
        let args = [
            "--variant",
            variant,
            "--resign-after",
            "40",
            "--control",
            "60+1",
        ];
        let (mut one, _said) = play(&installation.matchmaker, &args);
        let (mut other, mut said) = play(&installation.matchmaker, &args);
        line(&mut said, "result ");
        ends_well(&mut one);
        ends_well(&mut other);
    }
}
