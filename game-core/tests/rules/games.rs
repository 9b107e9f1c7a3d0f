//! Recorded games: read from a PGN file, and played again through a match.

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::ops::ControlFlow;
use std::time::Duration;

use game_core::testing::SetupBuilder;
use game_core::{
    ClockStart, Command, CommandId, CommandKind, Event, Match, MatchId, MatchSetup, MatchTime,
    Player, Seat, TimeControl, Uci, WithMove,
};
use pgn_reader::shakmaty::fen::Fen;
use pgn_reader::shakmaty::san::San;
use pgn_reader::shakmaty::uci::UciMove;
use pgn_reader::shakmaty::{CastlingMode, Chess};
use pgn_reader::{Outcome, RawComment, RawTag, Reader, SanPlus, Visitor};

/// A game as a PGN file records it.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Game {
    pub(crate) tags: BTreeMap<String, String>,
    /// The moves in SAN, with their check marks.
    pub(crate) sans: Vec<String>,
    /// What `[%clk]` says after each move, in seconds; empty in a file without.
    pub(crate) clocks_s: Vec<u64>,
    /// The result at the end of the movetext.
    pub(crate) result: String,
}

impl Game {
    /// The value of a tag, or nothing.
    pub(crate) fn tag(&self, name: &str) -> &str {
        self.tags.get(name).map_or("", String::as_str)
    }
}

/// Every game of a PGN file.
pub(crate) fn read(pgn: impl Read) -> io::Result<Vec<Game>> {
    Reader::new(pgn).read_games(&mut Games).collect()
}

struct Games;

impl Visitor for Games {
    type Tags = Game;
    type Movetext = Game;
    type Output = Game;

    fn begin_tags(&mut self) -> ControlFlow<Game, Game> {
        ControlFlow::Continue(Game::default())
    }

    fn tag(&mut self, game: &mut Game, name: &[u8], value: RawTag<'_>) -> ControlFlow<Game> {
        let name = String::from_utf8_lossy(name).into_owned();
        game.tags.insert(name, unescape(value.as_bytes()));
        ControlFlow::Continue(())
    }

    fn begin_movetext(&mut self, game: Game) -> ControlFlow<Game, Game> {
        ControlFlow::Continue(game)
    }

    fn san(&mut self, game: &mut Game, san: SanPlus) -> ControlFlow<Game> {
        game.sans.push(san.to_string());
        ControlFlow::Continue(())
    }

    fn comment(&mut self, game: &mut Game, comment: RawComment<'_>) -> ControlFlow<Game> {
        let text = String::from_utf8_lossy(comment.as_bytes());
        game.clocks_s.extend(clock_s(&text));
        ControlFlow::Continue(())
    }

    fn outcome(&mut self, game: &mut Game, outcome: Outcome) -> ControlFlow<Game> {
        game.result = outcome.to_string();
        ControlFlow::Continue(())
    }

    fn end_game(&mut self, game: Game) -> Game {
        game
    }
}

/// A tag value without its escapes. (`RawTag::decode` loses one of two escapes in a row.)
fn unescape(raw: &[u8]) -> String {
    let mut value = Vec::new();
    let mut bytes = raw.iter().copied();
    while let Some(byte) = bytes.next() {
        value.extend(if byte == b'\\' {
            bytes.next()
        } else {
            Some(byte)
        });
    }
    String::from_utf8_lossy(&value).into_owned()
}

/// The seconds of `[%clk h:mm:ss]`.
fn clock_s(comment: &str) -> Option<u64> {
    let clock = comment.split_once("[%clk ")?.1.split_once(']')?.0;
    clock.split(':').try_fold(0, |total, part| {
        Some(total * 60 + part.parse::<u64>().ok()?)
    })
}

/// What a player on Lichess gives at once.
const GIFT_SECONDS: u8 = 15;

/// A recorded game played again.
pub(crate) struct Replay {
    pub(crate) game: Match,
    /// The legal moves in every position, the last included.
    pub(crate) legal: Vec<Vec<Uci>>,
    now: MatchTime,
    events: Vec<Event>,
}

/// Plays a game through a match: its moves in the time that its clocks record, then the end that
/// its tags name. `number` makes the id of the match.
pub(crate) fn play(recorded: &Game, number: u128) -> Replay {
    let mut game = Match::new(setup(recorded, number));
    game.attend();
    let mut replay = Replay {
        legal: vec![game.legal_moves()],
        game,
        now: MatchTime::default(),
        events: Vec::new(),
    };
    for (ply, san) in recorded.sans.iter().enumerate() {
        replay.game.start_clock(replay.now);
        replay.give_time(recorded, ply);
        replay.now = replay.now + replay.think_time(recorded, ply);
        replay.play(san);
        replay.legal.push(replay.game.legal_moves());
    }
    replay.end(recorded);
    replay
}

impl Replay {
    /// Gives the mover the time that its opponent must have given it, as its clock had more after the move
    /// than before it and the increment.
    fn give_time(&mut self, recorded: &Game, ply: usize) {
        let mover = self.game.turn();
        let increment = self.game.setup().controls[mover].increment();
        while let Some(after) = recorded.clocks_s.get(ply) {
            let shown = self.game.clocks(self.now)[mover] + increment;
            if Duration::from_secs(*after) <= shown {
                break;
            }
            let kind = CommandKind::GiveTime {
                seconds: GIFT_SECONDS,
            };
            self.send(mover.opponent(), kind);
        }
    }

    /// What the mover used for this move: its clock before, and the increment, less its clock
    /// after.
    fn think_time(&self, recorded: &Game, ply: usize) -> Duration {
        let Some(after) = recorded.clocks_s.get(ply) else {
            return Duration::ZERO;
        };
        let after = Duration::from_secs(*after);
        let shown = self.game.clocks(self.now)[self.game.turn()];
        let setup = self.game.setup();
        let timed = ply >= 2 || setup.clock_start == ClockStart::AtOnce;
        let mates = recorded.sans[ply].ends_with('#');
        let increment = if timed && !mates {
            setup.controls[self.game.turn()].increment()
        } else {
            Duration::ZERO
        };
        // A clock recorded as 0 had a fraction of a second left.
        let most = shown.saturating_sub(Duration::from_millis(1));
        (shown + increment).saturating_sub(after).min(most)
    }

    fn play(&mut self, san: &str) {
        let position = library_position(&self.game);
        let san: San = san.trim_end_matches(['+', '#']).parse().expect("SAN");
        let legal = san.to_move(&position).expect("a legal move");
        // King takes rook, so that a match has to bring it into its own form.
        let uci = UciMove::from_chess960(legal).to_string();
        self.send(
            self.game.turn(),
            CommandKind::Move {
                position_seq: self.game.position_seq(),
                uci: uci.parse().expect("UCI"),
                with: WithMove::Nothing,
            },
        );
    }

    /// Ends a match that its moves have not ended.
    fn end(&mut self, recorded: &Game) {
        if self.game.outcome().is_some() {
            return;
        }
        match (recorded.tag("Termination"), recorded.tag("Result")) {
            ("Time forfeit", _) => {
                self.game.start_clock(self.now);
                self.now = self.game.deadline().expect("a running clock");
                self.game.tick(self.now, &mut self.events);
            }
            (_, "1-0") => self.send(Seat::Black, CommandKind::Resign),
            (_, "0-1") => self.send(Seat::White, CommandKind::Resign),
            (_, "1/2-1/2") => {
                self.send(Seat::White, CommandKind::OfferDraw);
                self.send(Seat::Black, CommandKind::AcceptDraw);
            }
            _ => {}
        }
    }

    fn send(&mut self, seat: Seat, kind: CommandKind) {
        let id = CommandId(self.game.seq().into());
        let command = Command { id, kind };
        let answer = self.game.apply(seat, &command, self.now, &mut self.events);
        let events = &self.events;
        assert!(answer.is_ok(), "{kind:?}: {answer:?} after {events:?}");
    }
}

/// The position of a match, read by the rules library itself: a second opinion.
pub(crate) fn library_position(game: &Match) -> Chess {
    let fen: Fen = game.fen().parse().expect("FEN");
    fen.into_position(CastlingMode::Standard)
        .expect("a legal position")
}

fn setup(recorded: &Game, number: u128) -> MatchSetup {
    let player = |tag: &str, id: &str| Player {
        id: id.parse().expect("a valid id"),
        name: recorded.tag(tag).into(),
        rating: None,
        // Clocks without lag compensation, as recorded.
        is_bot: true,
    };
    let control: TimeControl = recorded.tag("TimeControl").parse().expect("a time control");
    // What ended before both first moves were made can have a result only if it counts at once, and
    // who began with half the time (a tournament's "berserk") can lose it only then.
    let initial = |clock: &u64| Duration::from_secs(*clock) == control.initial();
    let clock_start = if recorded.sans.len() >= 2 && recorded.clocks_s.iter().take(2).all(initial) {
        ClockStart::AfterFirstMoves
    } else {
        ClockStart::AtOnce
    };
    let setup = SetupBuilder::new()
        .id(MatchId::from_random(number))
        .players(player("White", "white"), player("Black", "black"))
        .time_control(control)
        .clock_start(clock_start)
        .created_at(1_746_057_600_000);
    match recorded.tags.get("FEN") {
        Some(fen) => setup.start(fen).build(),
        None => setup.build(),
    }
}
