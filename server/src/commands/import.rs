//! `rookery import`: games of a PGN file into an archive.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use game_core::{
    BySeat, ClockStart, Command, CommandId, CommandKind, Deed, Match, MatchId, MatchSetup,
    MatchTags, MatchTime, Player, PlayerId, Rules, Seat, StartPosition, TimeControl, UnixMillis,
    WithMove,
};
use lab::replay::{Ending, Game, SkipKind, Unplayable, read_games};
use program::say;
use ring::digest;
use store::{Archive, ArchivedMatch, EmbeddedStore, PostgresArchive, PostgresConfig};
use store::{RedisConfig, RedisStore, RedisUrl, StoreError, StoreOptions};

use super::Failure;
use super::retention::RetentionArgs;

/// Read the finished games of a PGN file into an archive.
///
/// Each game is played by the rules of its variant first. One that cannot be played as it stands is named with its line and
/// the reason and left out, and the import then fails after all others; games that no match could be (not finished, unknown
/// variants, time controls with stages) are left out too. A game that is in the archive already is not added again, so the
/// same file may be read twice, and an export of the archive itself adds nothing. Players are named `pgn:` and their name; games count as casual. In a store, imported games
/// stay as long as others, from now on.
#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("into").required(true).multiple(true).args(["archive", "store", "data_dir"]))]
pub(super) struct ImportArgs {
    /// The PGN file.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The archive in a PostgreSQL database.
    #[arg(
        long,
        env = "ROOKERY_ARCHIVE",
        value_name = "URL",
        hide_env_values = true
    )]
    archive: Option<PostgresConfig>,
    /// The archive of the installation on this Redis.
    #[arg(
        long,
        env = "ROOKERY_STORE",
        value_name = "URL",
        hide_env_values = true
    )]
    store: Option<RedisUrl>,
    #[command(flatten)]
    store_options: StoreOptions,
    /// The archive of the embedded store in this data directory, whose server must not run.
    #[arg(long, env = "ROOKERY_DATA_DIR", value_name = "DIR")]
    data_dir: Option<PathBuf>,
    #[command(flatten)]
    retention: RetentionArgs,
}

pub(super) fn run(args: &ImportArgs) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    runtime.block_on(import(args))
}

impl ImportArgs {
    /// The archive to read into.
    async fn open(&self) -> Result<Arc<dyn Archive>, Failure> {
        let keep = self.retention.finished_keep();
        if let Some(config) = &self.archive {
            let archive = PostgresArchive::new(config)?;
            archive.prepare().await?;
            return Ok(Arc::new(archive));
        }
        if let Some(url) = &self.store {
            let config = RedisConfig {
                finished_keep: keep,
                ..self.store_options.redis(url, false)
            };
            return Ok(Arc::new(RedisStore::connect(config).await?));
        }
        let directory = self
            .data_dir
            .as_deref()
            .unwrap_or(Path::new("rookery-data"));
        let store = EmbeddedStore::open(directory)?.keeping_finished(keep);
        Ok(Arc::new(store))
    }
}

async fn import(args: &ImportArgs) -> Result<(), Failure> {
    let cannot = |error: &dyn std::fmt::Display| format!("{}: {error}", args.file.display());
    let file = std::fs::File::open(&args.file).map_err(|error| cannot(&error))?;
    let games = read_games(file, default_control()).map_err(|error| cannot(&error))?;
    let archive = args.open().await?;
    let (mut new, mut known) = (0_u32, 0_u32);
    let (mut unsupported, mut damaged) = (0_u32, 0_u32);
    for game in games {
        match game.and_then(|game| finished(&game).map_err(|why| unplayable(&game, why))) {
            Ok(finished) => match archive.put(&finished).await {
                Ok(true) => new += 1,
                Ok(false) => known += 1,
                Err(error @ StoreError::Corrupt(_)) => return Err(error.into()),
                Err(error) => {
                    let text = format!("{error}; {new} games were added: run it again");
                    return Err(text.into());
                }
            },
            Err(left_out) => {
                match left_out.kind {
                    SkipKind::Unsupported => unsupported += 1,
                    SkipKind::Damaged => damaged += 1,
                }
                say!("{}", described(&left_out));
            }
        }
    }
    let skipped = unsupported + damaged;
    say!("{new} games added, {known} there already, {skipped} left out");
    match damaged {
        0 => Ok(()),
        1 => Err(cannot(&"1 game cannot be read as it stands").into()),
        damaged => Err(cannot(&format!("{damaged} games cannot be read as they stand")).into()),
    }
}

/// A game that reads well, and that no match can be.
fn unplayable(game: &Game, why: String) -> Unplayable {
    Unplayable {
        number: game.number,
        line: game.last_line,
        kind: SkipKind::Damaged,
        why,
        tags: game.tags.clone(),
    }
}

/// A game that is left out, in words.
fn described(left_out: &Unplayable) -> String {
    let tag = |name: &str| {
        let value = left_out.tags.get(name)?;
        protocol::name::clean(value)
    };
    let tag = |name| tag(name).unwrap_or_else(|| "?".to_owned());
    format!(
        "game {} ({} – {}), line {}: {}",
        left_out.number,
        tag("White"),
        tag("Black"),
        left_out.line,
        left_out.why
    )
}

/// For games that name no time control.
fn default_control() -> TimeControl {
    TimeControl::from_millis(3 * 60 * 60 * 1_000, 0).expect("three hours are in bounds")
}

/// A game as an archive keeps it.
fn finished(game: &Game) -> Result<ArchivedMatch, String> {
    let setup = setup(game)?;
    let created_at = setup.created_at;
    let mut played = Match::new(setup);
    for (number, uci) in (0..).zip(&game.moves) {
        let kind = CommandKind::Move {
            position_seq: played.position_seq(),
            uci: *uci,
            with: WithMove::Nothing,
        };
        send(&mut played, None, number, kind)?;
    }
    end(&mut played, game)?;
    // The clocks that the file shows, where no time has passed.
    let mut snapshot = played.snapshot();
    let mut shown = game.clocks.iter();
    for entry in &mut snapshot.history {
        if let Deed::Moved { clock_ms, .. } = &mut entry.deed
            && let Some(Some(clock)) = shown.next()
        {
            *clock_ms = u32::try_from(clock.as_millis()).unwrap_or(u32::MAX);
        }
    }
    let restored = Match::restore(snapshot, &[]).map_err(|error| error.to_string())?;
    let archived = ArchivedMatch::of(&restored, created_at);
    archived.ok_or_else(|| "it has not ended".to_owned())
}

/// Sends a command of a seat; by default of the one that is to move.
fn send(
    played: &mut Match,
    seat: Option<Seat>,
    number: u64,
    kind: CommandKind,
) -> Result<(), String> {
    let command = Command {
        id: CommandId(number),
        kind,
    };
    let seat = seat.unwrap_or_else(|| played.turn());
    let done = played.apply(seat, &command, MatchTime::default(), &mut Vec::new());
    done.map(|_| ()).map_err(|refusal| refusal.to_string())
}

/// Ends a game as its file says.
fn end(played: &mut Match, game: &Game) -> Result<(), String> {
    if let Some((outcome, _)) = played.outcome() {
        let says = game.outcome;
        let differs = || format!("its moves end it as {outcome}, and it says {says}");
        return (outcome == says).then_some(()).ok_or_else(differs);
    }
    let first = u64::MAX - 1;
    let done = match game.ending {
        Ending::Resignation(seat) => send(played, Some(seat), first, CommandKind::Resign),
        Ending::Agreement => send(played, Some(Seat::White), first, CommandKind::OfferDraw)
            .and_then(|()| send(played, Some(Seat::Black), first, CommandKind::AcceptDraw)),
        Ending::TimeForfeit(_) | Ending::ByTheRules => Err(String::new()),
    };
    if done.is_ok()
        && played
            .outcome()
            .is_some_and(|(outcome, _)| outcome == game.outcome)
    {
        return Ok(());
    }
    // What a match cannot show by itself is an arbiter's decision.
    let decided = played.adjudicate(game.outcome, MatchTime::default(), &mut Vec::new());
    decided.map(|_| ()).map_err(|refusal| refusal.to_string())
}

fn setup(game: &Game) -> Result<MatchSetup, String> {
    let start = match &game.start_fen {
        None => StartPosition::initial(game.variant),
        Some(fen) => {
            StartPosition::parse(game.variant, fen).map_err(|error| format!("{fen:?}: {error}"))?
        }
    };
    let control = game.time_control;
    let tag = |name: &str| {
        let value = game.tag(name).trim();
        let is_told = !["", "?", "-"].contains(&value) && value.len() <= MatchTags::LEN_MAX;
        is_told.then(|| value.into())
    };
    let tags = MatchTags {
        event: tag("Event"),
        round: tag("Round"),
        board: tag("Board"),
        site: tag("Site"),
    };
    Ok(MatchSetup {
        id: id(game),
        players: BySeat {
            white: player(game, Seat::White)?,
            black: player(game, Seat::Black)?,
        },
        start,
        controls: BySeat {
            white: control,
            black: control,
        },
        clock_start: ClockStart::AtOnce,
        start_at: None,
        rated: false,
        spectator_delay_s: 0,
        chat: false,
        rules: Rules::USUAL,
        tags: (!tags.is_empty()).then(|| Box::new(tags)),
        created_at: played_at(&game.tags),
    })
}

/// The same for the same game, so that it is added once: the id of the match that it was on a Rookery, or a digest of what
/// the file says.
fn id(game: &Game) -> MatchId {
    if let Ok(id) = game.tag("GameId").parse() {
        return id;
    }
    let mut text = String::new();
    for name in [
        "White", "Black", "Event", "Site", "Round", "Date", "UTCDate", "UTCTime",
    ] {
        text.push_str(game.tag(name));
        text.push('\n');
    }
    text.push_str(game.variant.code());
    text.push_str(game.start_fen.as_deref().unwrap_or_default());
    for uci in &game.moves {
        text.push_str(&format!("\n{uci}"));
    }
    text.push_str(game.outcome.as_pgn());
    let digest = digest::digest(&digest::SHA256, text.as_bytes());
    let (first, _) = digest.as_ref().split_at(16);
    MatchId::from_random(u128::from_le_bytes(first.try_into().unwrap_or_default()))
}

/// The player of a seat, known by the name that the file has.
fn player(game: &Game, seat: Seat) -> Result<Player, String> {
    let name = game.player_name(seat).unwrap_or_else(|| "?".to_owned());
    let (elo, title) = match seat {
        Seat::White => ("WhiteElo", "WhiteTitle"),
        Seat::Black => ("BlackElo", "BlackTitle"),
    };
    Ok(Player {
        id: player_id(&name).map_err(|error| format!("{name:?}: {error}"))?,
        name: name.into(),
        rating: game.tag(elo).trim().parse().ok(),
        is_bot: game.tag(title).trim().eq_ignore_ascii_case("bot"),
    })
}

/// The id of a name: its letters that an id may have. Where others are lost, a digest keeps different names apart.
fn player_id(name: &str) -> Result<PlayerId, game_core::InvalidId> {
    const KEPT_MAX: usize = 40;
    let kept = |c: char| {
        if c.is_ascii_alphanumeric() {
            c.to_ascii_lowercase()
        } else {
            '-'
        }
    };
    let slug: String = name.chars().map(kept).take(KEPT_MAX).collect();
    let is_whole = name.len() <= KEPT_MAX && name.chars().all(|c| c.is_ascii_alphanumeric());
    if is_whole {
        return format!("pgn:{slug}").parse();
    }
    let digest = digest::digest(&digest::SHA256, name.to_lowercase().as_bytes());
    let digest = protocol::http::hex(&digest.as_ref()[..4]);
    format!("pgn:{slug}-{digest}").parse()
}

/// When it was played, by its tags; the beginning of 1970 if they do not say.
fn played_at(tags: &HashMap<String, String>) -> UnixMillis {
    let tag = |name: &str| tags.get(name).map_or("", |value| value.trim());
    let date = ["UTCDate", "Date"].iter().find_map(|name| {
        let mut parts = tag(name).split('.').map(|part| part.parse::<u64>().ok());
        match (parts.next()??, parts.next()??, parts.next()??) {
            (year @ 1970..=9999, month @ 1..=12, day @ 1..=31) => Some((year, month, day)),
            _ => None,
        }
    });
    let Some((year, month, day)) = date else {
        return UnixMillis(0);
    };
    let mut parts = tag("UTCTime")
        .split(':')
        .map(|part| part.parse::<u64>().ok());
    let mut part = |below: u64| {
        parts
            .next()
            .flatten()
            .filter(|part| *part < below)
            .unwrap_or(0)
    };
    let seconds = part(24) * 3_600 + part(60) * 60 + part(60);
    UnixMillis((days(year, month, day) * 86_400 + seconds) * 1_000)
}

/// Days from the beginning of 1970 (Howard Hinnant's `days_from_civil`).
fn days(year: u64, month: u64, day: u64) -> u64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (era, of_era) = (year / 400, year % 400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

#[cfg(test)]
mod tests {
    use game_core::{Outcome, Termination};
    use store::MemoryStore;

    use super::*;

    const FILE: &str = r#"
[Event "Club cup"]
[Site "Köln"]
[Date "2024.02.29"]
[Round "3"]
[White "Ødegård, Zoë"]
[Black "Bob"]
[Result "1-0"]
[WhiteElo "1875"]
[BlackTitle "BOT"]
[TimeControl "600+5"]

1. e4 { [%clk 0:10:00] } e5 { [%clk 0:09:58] } 2. Nf3 { [%clk 0:09:50] } 1-0

[Event "?"]
[Date "????.??.??"]
[White "Ann"]
[Black "Bob"]
[Result "0-1"]

1. f3 e5 2. g4 Qh4# 0-1

[White "Ann"]
[Black "Bob"]
[Result "1/2-1/2"]

1. e4 e5 1/2-1/2

[White "Ann"]
[Black "Bob"]
[Result "1-0"]

1. e4 e6 2. Ke3 1-0
"#;

    fn games() -> Vec<Result<ArchivedMatch, String>> {
        let games = read_games(FILE.as_bytes(), default_control()).unwrap();
        let games = games.into_iter();
        games
            .map(|game| {
                game.map_err(|unplayable| unplayable.why)
                    .and_then(|game| finished(&game))
            })
            .collect()
    }

    #[test]
    fn a_game_comes_in_with_all_that_its_file_says() {
        let games = games();
        let first = games[0].as_ref().unwrap();
        let setup = first.setup();
        assert_eq!(setup.players.white.name.as_ref(), "Ødegård, Zoë");
        assert_eq!(setup.players.white.rating, Some(1_875));
        assert_eq!(setup.players.black.id.as_str(), "pgn:bob");
        assert!(setup.players.black.is_bot && !setup.players.white.is_bot);
        // `date -u -d 2024-02-29 +%s`
        assert_eq!(first.ended_at(), UnixMillis(1_709_164_800_000));
        assert_eq!(
            first.outcome(),
            (Outcome::WhiteWins, Termination::Resignation)
        );
        let game = first.restore().unwrap();
        let pgn = game.pgn("?");
        for part in [
            "[Event \"Club cup\"]",
            "[Site \"Köln\"]",
            "[Date \"2024.02.29\"]",
            "[White \"Ødegård, Zoë\"]",
            "[TimeControl \"600+5\"]",
            "2. Nf3 { [%clk 0:09:50] }",
        ] {
            assert!(pgn.contains(part), "{part}: {pgn}");
        }
        assert_eq!(
            games[1].as_ref().unwrap().outcome(),
            (Outcome::BlackWins, Termination::Checkmate)
        );
        assert_eq!(
            games[2].as_ref().unwrap().outcome(),
            (Outcome::Draw, Termination::DrawAgreement)
        );
        assert!(games[3].as_ref().unwrap_err().contains("is not legal"));
    }

    #[tokio::test]
    async fn a_game_that_is_read_again_is_the_same() {
        let store = MemoryStore::new();
        for expected in [true, false] {
            for game in games().iter().flatten() {
                assert_eq!(store.put(game).await.unwrap(), expected);
            }
        }
    }

    #[test]
    fn a_match_that_was_exported_is_known_by_its_id() {
        let first = games().swap_remove(0).unwrap();
        let pgn = first.restore().unwrap().pgn("?");
        let read = read_games(pgn.as_bytes(), default_control()).unwrap();
        let again = finished(read[0].as_ref().unwrap()).unwrap();
        assert_eq!(again.id(), first.id());
        // Another server's ids are no ids here, and the game is known by what is in it.
        let elsewhere = pgn.replace(&first.id().to_string(), "q7ZvsdUF");
        let read = read_games(elsewhere.as_bytes(), default_control()).unwrap();
        let again = finished(read[0].as_ref().unwrap()).unwrap();
        assert_ne!(again.id(), first.id());
    }

    #[test]
    fn names_that_differ_have_ids_that_differ() {
        let ids =
            ["Zoë", "Zoè", "zoë", "Zoe", &"x".repeat(100)].map(|name| player_id(name).unwrap());
        assert_ne!(ids[0], ids[1]);
        assert_eq!(ids[0], ids[2], "case does not count");
        assert_eq!(ids[3].as_str(), "pgn:zoe");
    }

    #[test]
    fn dates_are_those_of_the_calendar() {
        let at = |date: &str, time: &str| {
            let tags = [("UTCDate", date), ("UTCTime", time)];
            let tags = tags.map(|(name, value)| (name.to_owned(), value.to_owned()));
            played_at(&tags.into()).0 / 1_000
        };
        // From `date -u -d … +%s`.
        assert_eq!(at("2000.02.28", "23:59:59"), 951_782_399);
        assert_eq!(at("2000.03.01", "00:00:00"), 951_868_800);
        assert_eq!(at("9999.12.31", "23:59:59"), 253_402_300_799);
        for unknown in ["1969.12.31", "????.??.??", "2000.13.01", "", "x"] {
            assert_eq!(at(unknown, "12:00:00"), 0, "{unknown}");
        }
    }
}
