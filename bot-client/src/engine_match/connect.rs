//! Engines that play what others make for their accounts: the other machine of a run.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use client::connection::ConnectionTimes;
use client::seat::SessionConfig;
use client::{Connector, Matchmaker};
use game_core::{MatchId, Outcome, Seat, Termination};
use lab::command::{Failure, note, say};
use lab::engine::{EngineError, EngineSupply};
use tokio::task::JoinSet;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::game::{self, GameError, Setting};
use super::plan::{EngineSpec, Plan};

/// How often an account's matches are asked for: a first move has fifteen seconds.
const ASK_EVERY: Duration = Duration::from_millis(500);

/// Shards learn that seats are left within this.
const FAREWELL: Duration = Duration::from_secs(3);

/// Plays until it is cancelled.
///
/// # Errors
///
/// [`Failure`] when an engine cannot be started, or an account's matches not be asked for.
pub(super) async fn serve(
    plan: &Plan,
    matchmaker: Matchmaker,
    patience: Duration,
    cancel: &CancellationToken,
) -> Result<(), Failure> {
    let connector = Connector::bind(1, ConnectionTimes::default()).map_err(Failure::setup)?;
    let setting = Arc::new(Setting {
        matchmaker,
        connector: Arc::new(connector),
        session: SessionConfig {
            patience,
            ..SessionConfig::default()
        },
        run: String::new(),
        rules: plan.rules,
    });
    let mut served = JoinSet::new();
    for engine in &plan.engines {
        let account = Account::new(engine.clone(), Arc::clone(&setting), plan.concurrency).await?;
        served.spawn(account.serve());
    }
    let ended = tokio::select! {
        ended = served.join_next() => ended,
        () = cancel.cancelled() => None,
    };
    served.abort_all();
    setting.connector.wait_idle(FAREWELL).await;
    match ended {
        None => Ok(()),
        Some(Ok(ended)) => ended,
        // A task that panics is a bug of this program.
        Some(Err(panic)) => std::panic::resume_unwind(panic.into_panic()),
    }
}

/// What came of one match.
struct Sat {
    match_id: MatchId,
    seat: Seat,
    ended: Result<(Option<EngineSupply>, (Outcome, Termination)), GameError>,
}

/// One engine and its account.
struct Account {
    engine: EngineSpec,
    setting: Arc<Setting>,
    /// Matches at the same time.
    at_once: usize,
    idle: Vec<EngineSupply>,
    playing: JoinSet<Sat>,
    /// The matches under way.
    under_way: HashSet<MatchId>,
    /// Those that are over, as long as they are listed.
    over: HashSet<MatchId>,
}

impl Account {
    async fn new(
        engine: EngineSpec,
        setting: Arc<Setting>,
        at_once: usize,
    ) -> Result<Self, Failure> {
        let mut account = Self {
            engine,
            setting,
            at_once,
            idle: Vec::new(),
            playing: JoinSet::new(),
            under_way: HashSet::new(),
            over: HashSet::new(),
        };
        // A wrong path is said before anything is waited for.
        let first = account.start().await?;
        account.idle.push(first);
        Ok(account)
    }

    async fn start(&self) -> Result<EngineSupply, Failure> {
        let failed = |error: EngineError| Failure::setup(format!("{}: {error}", self.engine.name));
        let Some((kind, settings)) = &self.engine.program else {
            return Err(failed(EngineError::Died(None)));
        };
        EngineSupply::start(kind, settings).await.map_err(failed)
    }

    async fn serve(mut self) -> Result<(), Failure> {
        let name = self.engine.name.clone();
        note(&format!("{name} waits for the matches of its account."));
        loop {
            self.begin_new().await?;
            tokio::select! {
                () = sleep(ASK_EVERY) => {}
                Some(sat) = self.playing.join_next() => {
                    let sat = sat.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()));
                    self.end(sat);
                }
            }
        }
    }

    /// Sits down in the matches that are live and not played yet.
    async fn begin_new(&mut self) -> Result<(), Failure> {
        if self.playing.len() >= self.at_once {
            return Ok(());
        }
        let token = self.engine.token.clone().unwrap_or_default();
        let live = self.setting.matchmaker.account_matches(&token).await?;
        let listed: HashSet<MatchId> = live.matches.iter().map(|live| live.game.match_id).collect();
        self.over.retain(|match_id| listed.contains(match_id));
        // The oldest first.
        for live in live.matches.into_iter().rev() {
            let match_id = live.game.match_id;
            let is_over = live.game.outcome.is_some() || self.over.contains(&match_id);
            if is_over || self.playing.len() >= self.at_once || !self.under_way.insert(match_id) {
                continue;
            }
            let engine = match self.idle.pop() {
                Some(engine) => engine,
                None => self.start().await?,
            };
            let (setting, token, seat) = (Arc::clone(&self.setting), token.clone(), live.seat);
            note(&format!(
                "{} plays {seat} in match {match_id}",
                self.engine.name
            ));
            self.playing.spawn(async move {
                let ended = game::sit(&setting, (match_id, seat), &token, engine).await;
                Sat {
                    match_id,
                    seat,
                    ended,
                }
            });
        }
        Ok(())
    }

    fn end(&mut self, sat: Sat) {
        let (name, match_id) = (&self.engine.name, sat.match_id);
        // As long as it is live, a match is taken up again.
        self.under_way.remove(&match_id);
        match sat.ended {
            Ok((engine, (outcome, termination))) => {
                say(&format!(
                    "match {match_id}: {outcome} by {termination}, {name} as {}",
                    sat.seat
                ));
                self.idle.extend(engine);
                self.over.insert(match_id);
            }
            Err(error) => {
                tracing::warn!(%match_id, %error, "a seat is lost");
            }
        }
    }
}
