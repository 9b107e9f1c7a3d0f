//! Clients of other projects, and a bot that behaves as the usual bot program does.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use serde_json::Value;
use tests::process::Server;

use super::hall::{Bot, Hall};

fn python(script: &str, args: &[&str]) -> Command {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("gateway");
    let mut command = Command::new(tests::python());
    command.arg(script).args(args).current_dir(directory);
    command
}

/// Challenge, accept, decline, cancel, stream, move, draw, takeback, chat, claim, seek; chess960, crazyhouse and a position.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unmodified_berserk_plays_bot_and_board_games() {
    let args = ["--bots", "2", "--gateway-listen", "127.0.0.1:0"];
    let server = tokio::task::block_in_place(|| Server::start(&args));
    let gateway = server.ready.gateway.clone().unwrap();
    let tokens: Vec<&str> = server.ready.bot_tokens.iter().map(String::as_str).collect();
    let mut command = python(
        "berserk_games.py",
        &[&[gateway.as_str()], &tokens[..]].concat(),
    );
    let child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let limit = Duration::from_secs(180);
    let output = tokio::task::spawn_blocking(move || tests::process::finish(child, limit))
        .await
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(said.ends_with("ok\n"), "{said}\n{errors}");
}

/// The bots of the second start are those of the first, with their tokens.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_bots_of_dev_outlive_its_end() {
    let args = ["--bots", "1", "--gateway-listen", "127.0.0.1:0"];
    let mut server = tokio::task::block_in_place(|| Server::start(&args));
    let tokens = server.ready.bot_tokens.clone();
    tokio::task::block_in_place(|| {
        server.kill();
        server.restart();
    });
    assert_eq!(server.ready.bot_tokens, tokens);
    let url = server.ready.gateway.clone().unwrap();
    let account = Bot::new(&url, "Bot-1", tokens[0].clone())
        .get("/api/account")
        .await;
    assert_eq!(account.json["username"], "Bot-1");
}

/// A process of `bot_loop.py`, which ends when this is dropped.
struct Loop {
    child: Child,
    said: BufReader<ChildStdout>,
}

impl Loop {
    fn start(bot: &Bot, url: &str, args: &[&str]) -> Self {
        let mut command = python("bot_loop.py", &[&[url, bot.token.as_str()], args].concat());
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let said = BufReader::new(child.stdout.take().unwrap());
        Self { child, said }
    }

    /// The next line that begins with `word`; the rest of it.
    fn line(&mut self, word: &str) -> String {
        let mut all = String::new();
        loop {
            let mut line = String::new();
            let read = self.said.read_line(&mut line).unwrap();
            assert!(read > 0, "it ended without {word:?}:\n{all}");
            if let Some(rest) = line.strip_prefix(word) {
                return rest.trim().to_owned();
            }
            all.push_str(&line);
        }
    }

    /// What it has counted when it ends.
    fn counted(mut self) -> Value {
        let counted = self.line("{");
        serde_json::from_str(&format!("{{{counted}")).unwrap()
    }
}

impl Drop for Loop {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn stockfish() -> &'static str {
    let usual = ["/usr/games/stockfish", "/usr/bin/stockfish"];
    let found = usual.into_iter().find(|path| Path::new(path).exists());
    found.expect("Stockfish is installed: run tests/run")
}

/// How many games it plays; by hand with `ROOKERY_GATEWAY_GAMES=50`.
fn games() -> usize {
    let games = std::env::var("ROOKERY_GATEWAY_GAMES").ok();
    games.map_or(2, |games| games.parse().unwrap())
}

/// In each game its shard is killed: nothing is left, lost or doubled, and no stream is
/// silent for as long as the most impatient client waits.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bot_plays_its_games_to_their_ends_while_shards_die() {
    let _turn = tests::turns::patient_turn().await;
    let mut hall = Hall::open(2, 2, &[]).await;
    let url = hall.gateway.url.clone();
    let count = games().to_string();
    let engine = stockfish();
    let within = (120 + 20 * games()).to_string();
    let common = [
        "--games", &count, "--engine", engine, "--plies", "36", "--within", &within,
    ];
    let mut acceptor = Loop::start(&hall.bots[1], &url, &common);
    tokio::task::block_in_place(|| acceptor.line("ready"));
    let challenge = ["--challenge", hall.bots[1].name.as_str()];
    let mut challenger = Loop::start(&hall.bots[0], &url, &[&common[..], &challenge].concat());
    for _ in 0..games() {
        let game = tokio::task::block_in_place(|| challenger.line("begins "));
        tokio::task::block_in_place(|| challenger.line(&format!("ply {game} 1")));
        let killed = hall.kill_owner(&game).await;
        let over = tokio::task::block_in_place(|| challenger.line("over "));
        assert!(over.starts_with(&game), "{over}");
        hall.installation.revive(&killed).await;
    }
    let (one, other) = tokio::task::block_in_place(|| (challenger.counted(), acceptor.counted()));
    for counted in [one, other] {
        assert_eq!(counted["games"], games(), "{counted}");
        for never in ["left", "second_workers", "refused_moves"] {
            assert_eq!(counted[never], 0, "{counted}");
        }
        assert!(counted["silent_max_s"].as_f64().unwrap() < 7.0, "{counted}");
    }
}

/// Gateway and shard die in the same moment, while a move is under way: its answer comes from the next gateway, which tells
/// of the game before that. The client takes no notice then, leaves the game with its stream, and must hear of it again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bot_comes_back_when_gateway_and_shard_die_at_once() {
    let _turn = tests::turns::patient_turn().await;
    let mut hall = Hall::open(2, 2, &[]).await;
    let url = hall.gateway.url.clone();
    // A move is under way most of the time, one side's or the other's.
    let common = [
        "--games", "1", "--think", "0.01", "--plies", "60", "--within", "120",
    ];
    let mut acceptor = Loop::start(&hall.bots[1], &url, &common);
    tokio::task::block_in_place(|| acceptor.line("ready"));
    let challenge = ["--challenge", hall.bots[1].name.as_str()];
    let mut challenger = Loop::start(&hall.bots[0], &url, &[&common[..], &challenge].concat());
    let game = tokio::task::block_in_place(|| challenger.line("begins "));
    tokio::task::block_in_place(|| challenger.line(&format!("ply {game} 1")));
    hall.gateway.kill();
    let killed = hall.kill_owner(&game).await;
    hall.gateway.restart().await;
    let over = tokio::task::block_in_place(|| challenger.line("over "));
    assert!(over.starts_with(&game), "{over}");
    hall.installation.revive(&killed).await;
    let (one, other) = tokio::task::block_in_place(|| (challenger.counted(), acceptor.counted()));
    for counted in [one, other] {
        assert_eq!(counted["games"], 1, "{counted}");
        assert_eq!(counted["refused_moves"], 0, "{counted}");
    }
}
