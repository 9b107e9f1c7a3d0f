//! `rookery demo`: a real game goes on when the shard that owns it is killed.

mod kill;
mod players;
mod record;
mod show;
mod stage;
mod summary;
mod visit;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use client::connection::ConnectionTimes;
use client::seat::{SeatSession, Watch};
use client::{Connector, Matchmaker};
use game_core::{ShardId, TimeControl};
use lab::replay::{Game, read_games};
use program::Hangup;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use self::kill::{News, Sights, kill_the_owner};
use self::players::{BotPair, ThinkingTimes, session};
use self::show::Show;
use self::stage::Stage;
use self::summary::Summary;
use self::visit::VisitArgs;
use super::Failure;

/// Played on lichess.org on 1 May 2025 (CC0); the first of `tests/data/lichess-2025-05.pgn`.
const GAME: &[u8] = include_bytes!("game.pgn");

/// Upper bound on any answer: everything is on this machine.
const PATIENCE: Duration = Duration::from_secs(20);

/// Watch a match outlive the shard that owns it.
///
/// Starts a redis-server that flushes every write, a matchmaker and three shards, each a process of its own
/// on free ports of the loopback and a temporary directory. Two bots play a game that was played by people;
/// in the middle of it the shard that owns the match is killed with SIGKILL, another one takes over, and the
/// game goes on. At the end it prints what was acknowledged, what was lost (nothing), and how long play
/// paused. Only the record of the game is left behind, as PGN.
///
/// Where no redis-server is installed, the shards are threads of this process on the embedded store.
///
/// With --page, the browser shows it instead: a visitor plays bots, and kills the owner of the own match by a button, as
/// often as the visitor likes.
#[derive(Debug, Args)]
pub(super) struct DemoArgs {
    /// How fast it goes: 1 is for watching, 10 for the impatient.
    #[arg(long, value_name = "FACTOR", default_value_t = 1,
          value_parser = clap::value_parser!(u32).range(1..=100))]
    speed: u32,
    /// Let the shard live.
    #[arg(long)]
    no_kill: bool,
    /// Draw pieces as letters, for terminals without chess symbols.
    #[arg(long)]
    ascii: bool,
    /// Write the record of the game to this file; by default to a new one among the temporary files.
    #[arg(long, value_name = "FILE")]
    pgn: Option<PathBuf>,
    #[command(flatten)]
    visit: VisitArgs,
}

pub(super) fn run(args: &DemoArgs) -> Result<(), Failure> {
    if args.visit.page {
        return visit::run(&args.visit);
    }
    let default_control: TimeControl = "300+3".parse()?;
    let game = read_games(GAME, default_control)?.into_iter().next();
    let game = game
        .ok_or("the game is missing")?
        .map_err(|game| game.why)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let shutdown = CancellationToken::new();
        program::watch_signals(shutdown.clone(), Hangup::Stops)?;
        let mut stage = Stage::build(shutdown.clone()).await?;
        let played = tokio::select! {
            played = play(args, &game, &mut stage) => played,
            () = shutdown.cancelled() => Err("stopped".into()),
        };
        let struck = stage.strike().await;
        played.and(struck)
    })
}

/// Plays the game, draws it, and kills the owner in the middle of it.
async fn play(args: &DemoArgs, game: &Game, stage: &mut Stage) -> Result<(), Failure> {
    let matchmaker = Matchmaker::new(stage.matchmaker(), PATIENCE)?;
    let connector = Arc::new(Connector::bind(1, ConnectionTimes::interactive())?);
    let pairing = BotPair::arrange(&matchmaker, game).await?;
    let watcher = matchmaker.new_player(Some("the audience")).await?;
    let source = Watch {
        matchmaker: matchmaker.clone(),
        token: watcher.token.clone(),
    };
    let audience = SeatSession::join(
        Arc::clone(&connector),
        Arc::new(source),
        pairing.match_id,
        session(),
    );
    let audience = audience.await?;

    let owner = async || {
        let seat = matchmaker.watch(&watcher.token, pairing.match_id).await?;
        Ok::<ShardId, Failure>(seat.shard.id)
    };
    let (news, headlines) = watch::channel(News {
        owner: Some((owner().await?, audience.view().epoch())),
        kill: None,
    });
    let (epoch, epochs) = watch::channel(audience.view().epoch());
    let (ply, plies) = watch::channel(0);
    let sights = Sights {
        plies,
        epoch: epochs,
    };
    let mut show = Show::new(args.ascii, stage, headlines, ply);
    let pace = ThinkingTimes::new(game, args.speed);
    let killing = async {
        if args.no_kill {
            return Ok(None);
        }
        let middle = game.moves.len() / 2;
        let kill = kill_the_owner(middle, stage, sights, owner, &news).await;
        kill.map(Some)
    };
    let (played, shown, killed) = tokio::join!(
        pairing.play(connector, game, pace, &epoch),
        show.follow(audience, &epoch),
        killing
    );
    let (seats, killed) = (played?, killed?);
    shown?;
    let stored = matchmaker.match_reply(pairing.match_id).await?;
    let pgn = matchmaker.pgn(pairing.match_id).await?;
    let record = record::write(args.pgn.as_deref(), pairing.match_id, &pgn);
    let summary = Summary::new(&seats, &stored, killed);
    show.finish(record.as_deref().ok(), &summary);
    if summary.lost() > 0 {
        return Err("acknowledged events were lost".into());
    }
    record.map(drop)
}
