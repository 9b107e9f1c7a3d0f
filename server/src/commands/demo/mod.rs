//! `rookery demo`: a real game, played before your eyes.

mod players;
mod show;

use std::net::Ipv4Addr;
use std::sync::Arc;

use bot_client::commands::replay::{Game, read_games};
use bot_client::connection::ConnectionTimes;
use bot_client::seat::{SeatSession, SessionConfig, Watch};
use bot_client::{Connector, Matchmaker};
use clap::Args;
use game_core::TimeControl;
use protocol::token::SigningKey;
use tokio_util::sync::CancellationToken;

use self::players::{Pace, Pairing};
use self::show::Show;
use super::Failure;
use super::backend::Backend;
use super::cluster::{Cluster, ClusterPlan};

/// Played on lichess.org on 1 May 2025 (CC0); the first of `tests/data/lichess-2025-05.pgn`.
const GAME: &[u8] = include_bytes!("game.pgn");

/// Watch two bots play a real game on a server of its own.
///
/// Starts a matchmaker and two shards on free ports and a temporary directory, lets two bots play a
/// game that was played by people, draws it as it goes, and ends with the PGN that the server made of
/// it. Nothing is left behind.
#[derive(Debug, Args)]
pub(super) struct DemoArgs {
    /// How fast it goes: 1 is for watching, 10 for the impatient.
    #[arg(long, value_name = "FACTOR", default_value_t = 1,
          value_parser = clap::value_parser!(u32).range(1..=100))]
    speed: u32,
    /// Draw pieces as letters, for terminals without chess symbols.
    #[arg(long)]
    ascii: bool,
}

pub(super) fn run(args: &DemoArgs) -> Result<(), Failure> {
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
        let directory = tempfile::tempdir()?;
        let backend = Backend::embedded(directory.path())?;
        let plan = ClusterPlan {
            host: Ipv4Addr::LOCALHOST.into(),
            matchmaker_port: 0,
            shard_port: 0,
            shards: 2,
            key: SigningKey::generate()?.0,
        };
        let shutdown = CancellationToken::new();
        super::watch_signals(shutdown.clone())?;
        let cluster = Cluster::start(plan, &backend, shutdown.clone()).await?;
        let played = tokio::select! {
            played = play(args, game, &cluster) => played,
            () = shutdown.cancelled() => Err("stopped".into()),
        };
        cluster.stop().await;
        played
    })
}

/// Plays the game and draws it.
async fn play(args: &DemoArgs, game: Game, cluster: &Cluster) -> Result<(), Failure> {
    let matchmaker = Matchmaker::new(&cluster.addresses.matchmaker, PATIENCE)?;
    let connector = Arc::new(Connector::bind(1, ConnectionTimes::default())?);
    let pairing = Pairing::arrange(&matchmaker, &game).await?;
    let watcher = matchmaker.new_player(Some("the audience")).await?;
    let source = Watch {
        matchmaker: matchmaker.clone(),
        token: watcher.token,
    };
    let config = SessionConfig::default();
    let audience = SeatSession::join(
        Arc::clone(&connector),
        Arc::new(source),
        pairing.match_id,
        config,
    );
    let audience = audience.await?;
    let mut show = Show::new(args.ascii);
    let pace = Pace::new(&game, args.speed);
    let (played, shown) = tokio::join!(pairing.play(connector, &game, pace), show.follow(audience));
    played?;
    shown?;
    let pgn = matchmaker.pgn(pairing.match_id).await?;
    show.finish(&pgn);
    Ok(())
}

/// Everything is on this machine: what does not answer for so long has failed.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(20);
