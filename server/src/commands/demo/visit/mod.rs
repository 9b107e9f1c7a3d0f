//! `rookery demo --page`: a visitor plays in the browser, and kills the shard that owns the match.

mod bots;
mod browser;
mod control;
mod hall;

use std::time::Duration;

use clap::Args;
use lab::engine::EngineKind;
use program::{Hangup, say};
use tokio_util::sync::CancellationToken;

use self::bots::{Bots, Tally};
use self::control::{Control, control};
use self::hall::Hall;
use super::Failure;

/// How long bots have to leave their seats at the end.
const FAREWELL: Duration = Duration::from_secs(3);

/// The demo in the browser.
#[derive(Debug, Args)]
#[command(next_help_heading = "In the browser")]
pub(super) struct VisitArgs {
    /// Let a visitor play in the browser: bots wait in the pools of the lobby and accept open challenges, and a button
    /// kills the shard that owns the visitor's match.
    #[arg(long, conflicts_with_all = ["speed", "no_kill", "ascii", "pgn"])]
    pub(super) page: bool,
    /// Print the address of the page, and open no browser.
    #[arg(long, requires = "page")]
    no_open: bool,
    /// What chooses the bots' moves: `random`, or `uci:PROGRAM ARGUMENTS` for a program that speaks UCI, for example
    /// uci:/usr/games/stockfish.
    #[arg(
        long,
        value_name = "ENGINE",
        default_value = "random",
        requires = "page"
    )]
    engine: EngineKind,
    /// The port of the page; 0 picks a free one.
    #[arg(long, value_name = "PORT", default_value_t = 0, requires = "page")]
    port: u16,
}

pub(super) fn run(args: &VisitArgs) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let asked = CancellationToken::new();
        program::watch_signals(asked.clone(), Hangup::Stops)?;
        let (routes, orders) = control();
        // The servers end after the bots, who say goodbye to them.
        let servers = CancellationToken::new();
        let built = tokio::select! {
            built = Hall::build(args.port, routes, servers.clone()) => built,
            () = asked.cancelled() => return Ok(()),
        };
        let hall = built?;
        let bots = Bots::start(hall.url(), hall.store(), &args.engine).await?;
        say_what_is_where(&hall);
        if !args.no_open {
            browser::open(hall.url());
        }
        let (hall, kills) = Control::new(hall, orders).serve(&asked, &servers).await;
        let tally = bots.stop(FAREWELL).await;
        say_what_it_came_to(kills, &tally);
        hall.close().await?;
        if tally.lost > 0 {
            return Err("acknowledged events were lost".into());
        }
        Ok(())
    })
}

fn say_what_is_where(hall: &Hall) {
    say!(
        "Rookery {} is ready for a visitor.",
        env!("CARGO_PKG_VERSION")
    );
    say!();
    for line in hall.lines() {
        say!("  {line}");
    }
    say!();
    say!(
        "Open {}/ in a browser: bots wait in every pool.",
        hall.url()
    );
    say!("In a match, \"Kill my server\" ends the shard that owns it, and another one goes on.");
    say!("Ctrl-C ends all of it.");
}

fn say_what_it_came_to(kills: usize, tally: &Tally) {
    say!();
    say!("matches       {}", tally.matches);
    say!("kills         {kills}");
    say!("acknowledged  {} commands of the bots", tally.acknowledged);
    say!("lost          {}", tally.lost);
    say!(
        "came back     {} times a bot took a seat again",
        tally.resumed
    );
}
