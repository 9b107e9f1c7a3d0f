//! A run: games are played, so many at a time, until all are over or the test has decided.

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::Arc;

use client::connection::ConnectionTimes;
use client::seat::SessionConfig;
use client::{Connector, Matchmaker};
use game_core::{BySeat, Rule, Rules, Seat, TimeControl, Variant};
use lab::command::{Failure, ServerArgs, cancelled_by_signals, note, say};
use lab::engine::{EngineError, EngineSupply};
use protocol::TagsView;
use protocol::http::{Start, Terms};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::game::{self, GameError, GameToPlay, Played, Setting};
use super::help::MatchArgs;
use super::notes::{RunDirectory, new_run};
use super::openings::{Openings, seed_of};
use super::pgn_file::PgnFile;
use super::plan::Plan;
use super::record::{self, Heading};
use super::schedule::Scheduled;
use super::standing::Standing;

/// Plays the run that the command line asks for.
///
/// # Errors
///
/// [`Failure`].
pub(crate) async fn run(args: &MatchArgs, server: &ServerArgs) -> Result<(), Failure> {
    let plan = Plan::parse(&args.words, |remark| note(&remark)).map_err(Failure::setup)?;
    let cancel = cancelled_by_signals()?;
    let matchmaker = server.client()?;
    if plan.connects {
        return super::connect::serve(&plan, matchmaker, server.patience(), &cancel).await;
    }
    let mut run = Run::begin(plan, matchmaker, server).await?;
    let played = run.play_all(&cancel).await;
    run.setting.connector.wait_idle(FAREWELL).await;
    if run.standing.count() > 0 {
        say(&run.standing.text());
    }
    played?;
    say(&run.ended());
    Ok(())
}

/// Shards learn that seats are left within this.
const FAREWELL: std::time::Duration = std::time::Duration::from_secs(3);

struct Run {
    plan: Plan,
    setting: Arc<Setting>,
    openings: Openings,
    /// Determines what is left to chance.
    seed: u64,
    directory: Option<RunDirectory>,
    pgn: Option<PgnFile>,
    standing: Standing,
    /// The games that are over.
    over: HashSet<u32>,
    /// The player token of each engine.
    tokens: Vec<String>,
    /// How often a seat was taken again after a loss of the connection.
    resumed: u32,
    /// Engines that wait for a game.
    idle: Vec<Vec<EngineSupply>>,
}

impl Run {
    async fn begin(
        plan: Plan,
        matchmaker: Matchmaker,
        server: &ServerArgs,
    ) -> Result<Self, Failure> {
        let digest = digest(&plan)?;
        let directory = plan.pgn_out.as_ref().map(|pgn| {
            let mut path = pgn.as_os_str().to_owned();
            path.push(".run");
            RunDirectory::open(&PathBuf::from(path), plan.run.as_deref(), &digest)
        });
        let directory = directory.transpose().map_err(Failure::setup)?;
        let name = directory
            .as_ref()
            .map(|directory| directory.run().to_owned());
        let name = name.or_else(|| plan.run.clone()).unwrap_or_else(new_run);
        let seed = plan.seed.unwrap_or_else(|| seed_of(&name));
        let openings = match &plan.openings {
            None => Openings::none(),
            Some(source) => Openings::read(source, plan.variant, seed).map_err(Failure::setup)?,
        };
        let pgn = plan.pgn_out.as_ref().zip(directory.as_ref());
        let pgn = pgn.map(|(path, directory)| {
            let opened = PgnFile::open(path, directory.mark(), &name);
            opened.map_err(|error| Failure::setup(format!("{}: {error}", path.display())))
        });
        let pgn = pgn.transpose()?;
        let connector = Connector::bind(1, ConnectionTimes::default()).map_err(Failure::setup)?;
        let names = plan
            .engines
            .iter()
            .map(|engine| engine.name.clone())
            .collect();
        let mut run = Self {
            standing: Standing::new(names, plan.schedule.has_pairs(), plan.sprt),
            setting: Arc::new(Setting {
                matchmaker,
                connector: Arc::new(connector),
                session: SessionConfig {
                    patience: server.patience(),
                    ..SessionConfig::default()
                },
                run: name,
                rules: plan.rules,
            }),
            idle: plan.engines.iter().map(|_| Vec::new()).collect(),
            over: HashSet::new(),
            tokens: Vec::new(),
            resumed: 0,
            plan,
            openings,
            seed,
            directory,
            pgn,
        };
        run.count_written();
        run.start_engines().await?;
        run.find_players().await?;
        Ok(run)
    }

    /// Counts the games that the file has already.
    fn count_written(&mut self) {
        let games = self.pgn.as_ref().map(|pgn| pgn.games().to_vec());
        for (number, outcome) in games.unwrap_or_default() {
            if let Some(game) = self.plan.schedule.game(number)
                && self.over.insert(number)
            {
                self.standing.add(&game, outcome);
            }
        }
        let total = self.plan.schedule.total();
        let is_continued = self
            .directory
            .as_ref()
            .is_some_and(RunDirectory::is_continued);
        if is_continued || !self.over.is_empty() {
            let over = self.over.len();
            note(&format!(
                "This run goes on: {over} of {total} games are over."
            ));
        } else if self.pgn.is_none() && self.plan.run.is_none() {
            note(
                "Without -pgnout or -run this run cannot be continued once its process has ended.",
            );
        }
    }

    /// Starts one program of each kind: a wrong path or variant is said before anything is played.
    async fn start_engines(&mut self) -> Result<(), Failure> {
        for (index, engine) in self.plan.engines.iter().enumerate() {
            if let Some((kind, settings)) = &engine.program {
                let failed =
                    |error: EngineError| Failure::setup(format!("{}: {error}", engine.name));
                let supply = EngineSupply::start(kind, settings).await.map_err(failed)?;
                if !supply.plays(self.plan.variant) {
                    return Err(failed(EngineError::Variant(self.plan.variant)));
                }
                self.idle[index].push(supply);
            }
        }
        Ok(())
    }

    /// The players that the engines are on the server: accounts by their tokens, or guests of this run, which are the same
    /// ones for a day.
    async fn find_players(&mut self) -> Result<(), Failure> {
        for (index, engine) in self.plan.engines.iter().enumerate() {
            let token = match &engine.token {
                Some(token) => token.clone(),
                None => {
                    let key = format!("{}/engine/{index}", self.setting.run);
                    let matchmaker = &self.setting.matchmaker;
                    matchmaker
                        .new_bot_once(&key, Some(&engine.name))
                        .await?
                        .token
                }
            };
            self.tokens.push(token);
        }
        Ok(())
    }

    async fn play_all(&mut self, cancel: &CancellationToken) -> Result<(), Failure> {
        let mut playing: JoinSet<Result<Played, GameError>> = JoinSet::new();
        let mut next = 1;
        let mut given_up: Option<String> = None;
        loop {
            while playing.len() < self.plan.concurrency
                && given_up.is_none()
                && self.standing.decision().is_none()
                && let Some(scheduled) = self.next_game(&mut next)
            {
                let game = self.prepare(scheduled).await?;
                let setting = Arc::clone(&self.setting);
                playing.spawn(async move { game::play(&setting, game).await });
            }
            let joined = tokio::select! {
                joined = playing.join_next() => joined,
                () = cancel.cancelled() => {
                    let why = "interrupted; the games that were under way stay on the server with their clocks \
                               running, and go on when the same command is started again";
                    return Err(Failure::play(why));
                }
            };
            let Some(joined) = joined else {
                break;
            };
            // A task that panics is a bug of this program; it is not hidden as an error of a game.
            let played =
                joined.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()));
            let played = played.map_err(|error| {
                Failure::play(format!(
                    "{error}; the run goes on when the same command is started again"
                ))
            })?;
            let failed = self.finish(played)?;
            if let Some(failed) = failed.filter(|_| !self.plan.recovers) {
                given_up.get_or_insert(failed);
            }
        }
        match given_up {
            None => Ok(()),
            Some(failed) => Err(Failure::play(format!(
                "{failed}: no further game was begun; with -recover a run goes on after that"
            ))),
        }
    }

    /// The next game that is not over.
    fn next_game(&self, next: &mut u32) -> Option<Scheduled> {
        loop {
            let game = self.plan.schedule.game(*next)?;
            *next += 1;
            if !self.over.contains(&game.number) {
                return Some(game);
            }
        }
    }

    /// A game with its terms, players and engines.
    async fn prepare(&mut self, scheduled: Scheduled) -> Result<GameToPlay, Failure> {
        let engines = BySeat {
            white: scheduled.white,
            black: scheduled.black,
        };
        let mut supplies: BySeat<Option<EngineSupply>> = BySeat::default();
        for seat in Seat::BOTH {
            let engine = &self.plan.engines[engines[seat]];
            if let Some((kind, settings)) = &engine.program {
                let supply = match self.idle[engines[seat]].pop() {
                    Some(supply) => supply,
                    None => {
                        let started = EngineSupply::start(kind, settings).await;
                        started
                            .map_err(|error| Failure::setup(format!("{}: {error}", engine.name)))?
                    }
                };
                supplies[seat] = Some(supply);
            }
        }
        let total = self.plan.schedule.total();
        note(&format!(
            "Game {} of {total}: {} - {}",
            scheduled.number,
            self.plan.engines[engines.white].name,
            self.plan.engines[engines.black].name,
        ));
        let directory = self.directory.as_ref();
        Ok(GameToPlay {
            scheduled,
            terms: self.terms(&scheduled),
            tokens: BySeat::new_with(|seat| self.tokens[engines[seat]].clone()),
            engines: supplies,
            notes: directory.map(|directory| directory.notes_of(scheduled.number)),
        })
    }

    /// The same for a game each time: they are part of what its idempotency key stands for.
    fn terms(&self, game: &Scheduled) -> Terms {
        let rules = [
            Rule::NoTakeback,
            Rule::NoRematch,
            Rule::NoClaimWin,
            Rule::AutoClaim,
            Rule::CompensateBots,
        ];
        let control = |engine: usize| {
            let control = self.plan.engines[engine].control;
            control.expect("a plan of games has a time for each engine")
        };
        let white = control(game.white);
        let fen = self.openings.fen(game.opening).map(str::to_owned);
        let start = match fen {
            Some(fen) => Start::Fen(fen),
            None if self.plan.variant == Variant::Chess960 => {
                Start::Number(self.number(game.opening))
            }
            None => Start::Usual,
        };
        Terms {
            variant: self.plan.variant,
            start,
            controls: BySeat {
                white,
                black: control(game.black),
            },
            chat: false,
            rules: rules.into_iter().collect::<Rules>(),
            tags: TagsView {
                event: Some(self.event()),
                round: Some(format!("{}.{}", game.round, game.in_round)),
                site: self.plan.site.clone(),
                ..TagsView::default()
            },
            ..Terms::usual(white)
        }
    }

    /// The start position of Chess960 for an opening, where there is no book.
    fn number(&self, opening: u32) -> u16 {
        let drawn = seed_of(&format!("{}/{opening}", self.seed)) % u64::from(Terms::START_NUMBERS);
        u16::try_from(drawn).unwrap_or_default()
    }

    /// The event of the games, for which a run of two engines is named by them.
    fn event(&self) -> String {
        let engines = &self.plan.engines;
        self.plan
            .event
            .clone()
            .unwrap_or_else(|| match &engines[..] {
                [one, other] => format!("{} vs {}", one.name, other.name),
                engines => format!("Match of {} engines", engines.len()),
            })
    }

    /// Writes a game that is over, and counts it. Returns how an engine failed in it.
    fn finish(&mut self, played: Played) -> Result<Option<String>, Failure> {
        let scheduled = played.finished.scheduled;
        let (white, black) = (
            self.plan.engines[scheduled.white].name.clone(),
            self.plan.engines[scheduled.black].name.clone(),
        );
        if let Some(pgn) = &mut self.pgn {
            let event = self.plan.event.clone();
            let event = event.unwrap_or_else(|| format!("{white} vs {black}"));
            let site = self.plan.site.as_deref();
            let heading = Heading {
                run: &self.setting.run,
                event: &event,
                site: site.unwrap_or_else(|| self.setting.matchmaker.base()),
            };
            let text = record::write(&heading, (&white, &black), &played.finished);
            pgn.append(&text).map_err(|error| {
                let path = self.plan.pgn_out.clone().unwrap_or_default();
                Failure::setup(format!("{}: {error}", path.display()))
            })?;
        }
        if let Some(directory) = &self.directory {
            // What is left behind is not read again.
            let _ = std::fs::remove_file(directory.notes_of(scheduled.number));
        }
        self.over.insert(scheduled.number);
        self.resumed += played.resumed;
        let ending = &played.finished.ending;
        self.standing.add(&scheduled, ending.outcome);
        say(&format!(
            "Finished game {} ({white} vs {black}): {} {{{}}}",
            scheduled.number, ending.outcome, ending.why,
        ));
        let interval = self.plan.rating_interval;
        if interval > 0 && self.standing.count().is_multiple_of(interval) {
            say(&self.standing.text());
        }
        let engines = BySeat {
            white: scheduled.white,
            black: scheduled.black,
        };
        let mut supplies = played.engines;
        for seat in Seat::BOTH {
            if let Some(mut supply) = supplies[seat].take() {
                if played
                    .failed
                    .as_ref()
                    .is_none_or(|failed| failed.seat != seat)
                {
                    supply.worked();
                }
                self.idle[engines[seat]].push(supply);
            }
        }
        Ok(played.failed.map(|failed| {
            let name = &self.plan.engines[engines[failed.seat]].name;
            format!("{name} failed in game {}: {}", scheduled.number, failed.why)
        }))
    }

    /// How the run ended.
    fn ended(&self) -> String {
        let (over, total) = (self.over.len(), self.plan.schedule.total());
        let mut text = match self.standing.decision() {
            Some(_) => format!("The test has decided after {over} of {total} games."),
            None => format!("All {total} games are over."),
        };
        if self.resumed > 0 {
            let times = self.resumed;
            text.push_str(&format!(" Lost connections were restored {times} times."));
        }
        text
    }
}

/// What determines the games of a run and their results, as a digest. How many are played at once, and where they are
/// written, may change.
fn digest(plan: &Plan) -> Result<String, Failure> {
    let engines = plan.engines.iter().map(|engine| {
        let program = engine
            .program
            .as_ref()
            .map(|(kind, settings)| format!("{kind} {:?} {:?}", settings.options, settings.limits));
        let control = engine.control.map(TimeControl::pgn);
        format!("{} {program:?} {control:?}", engine.name)
    });
    let engines: Vec<String> = engines.collect();
    let book = match &plan.openings {
        None => 0,
        Some(source) => {
            let read = std::fs::read(&source.file);
            let bytes = read.map_err(|error| {
                Failure::setup(format!("cannot read {}: {error}", source.file.display()))
            })?;
            seed_of(&String::from_utf8_lossy(&bytes))
        }
    };
    let order = plan
        .openings
        .as_ref()
        .map(|source| (source.format, source.order, source.plies, source.start));
    let all = format!(
        "{engines:?} {} {:?} {} {order:?} {book} {:?} {:?} {:?}",
        plan.schedule.kind(),
        plan.rules,
        plan.variant,
        plan.seed,
        plan.event,
        plan.site
    );
    Ok(format!("{:016x}", seed_of(&all)))
}
