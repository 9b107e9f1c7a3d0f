//! Plays random matches of a variant and prints each as a line of JSON, for a second opinion by another
//! implementation of the rules (`tests/python_chess_check.py`). The same arguments give the same games.
//!
//! `cargo run -p game-core --example random_games_as_json -- VARIANT COUNT`
//!
//! The legal moves are in every fifth line.

use std::env;
use std::error::Error;
use std::io::{self, BufWriter, Write};
use std::time::Duration;

use game_core::testing::{SetupBuilder, player};
use game_core::{
    Command, CommandId, CommandKind, Event, Match, MatchId, MatchSetup, MatchTags, MatchTime, Move,
    Position, Rule, Seat, StartPosition, Uci, Variant, WithMove,
};

#[path = "shared/line.rs"]
mod line;

fn main() -> Result<(), Box<dyn Error>> {
    const USAGE: &str = "usage: random_games_as_json VARIANT COUNT";
    let mut args = env::args().skip(1);
    let variant: Variant = args.next().ok_or(USAGE)?.parse()?;
    let count: u64 = args.next().ok_or(USAGE)?.parse()?;
    let mut out = BufWriter::new(io::stdout().lock());
    for number in 0..count {
        let random = Random(number << 8 | u64::from(variant.number()));
        let played = play(variant, random);
        let legal = number.is_multiple_of(5).then(|| legal_moves(&played.game));
        let line = line::line(&played.game, "https://play.example/x", legal.as_deref());
        writeln!(out, "{line}")?;
    }
    out.flush()?;
    Ok(())
}

/// Numbers that look random (SplitMix64).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }

    fn one_in(&mut self, bound: usize) -> bool {
        self.below(bound) == 0
    }
}

/// A legal move. Captures are preferred, as they bring a match to its end.
fn pick(position: &Position, random: &mut Random) -> Option<Move> {
    let moves = position.legal_moves();
    let mut any = || (!moves.is_empty()).then(|| moves[random.below(moves.len())]);
    let picks = [any()?, any()?, any()?];
    let capture = picks.iter().find(|legal| legal.is_capture());
    Some(*capture.unwrap_or(&picks[0]))
}

/// The start of the variant; for one match in four, a position from the middle of a game.
fn start(variant: Variant, random: &mut Random) -> StartPosition {
    let start = match variant {
        Variant::Chess960 => StartPosition::chess960(random.below(960) as u16),
        _ => None,
    };
    let start = start.unwrap_or_else(|| StartPosition::initial(variant));
    if !random.one_in(4) {
        return start;
    }
    let mut position = start.position();
    for _ in 0..random.below(40) {
        let Some(legal) = pick(&position, random) else {
            break;
        };
        position.play(legal);
    }
    StartPosition::parse(variant, &position.fen()).unwrap_or(start)
}

fn setup(variant: Variant, random: &mut Random) -> MatchSetup {
    let controls = ["180+2", "60+0", "40/5400+30:1800+30", "300+2d", "90.5+0+2b"];
    let mut control = || controls[random.below(controls.len())].parse();
    let (Ok(white), Ok(black)) = (control(), control()) else {
        unreachable!("the controls are valid");
    };
    let black = if random.one_in(4) { black } else { white };
    let builder = SetupBuilder::new()
        .id(MatchId::from_random(random.next().into()))
        .controls(white, black)
        .rule(Rule::NoRematch)
        .created_at(1_746_057_600_000 + random.next() % 1_000_000_000);
    let mut setup = builder.build();
    setup.start = start(variant, random);
    let mut white = player("anna");
    white.name = "Anna \\ \"A.\" Ö".into();
    white.rating = Some(1_500);
    white.is_bot = false;
    setup.players.white = white;
    if random.one_in(3) {
        setup.tags = Some(Box::new(MatchTags {
            event: Some("Open [A] {B} ; %".into()),
            round: Some("3".into()),
            board: Some("12".into()),
            site: None,
        }));
    }
    setup
}

/// A match, the time of its owner, and what it returned.
struct Played {
    game: Match,
    now: MatchTime,
    events: Vec<Event>,
}

impl Played {
    /// Whether the command was accepted.
    fn send(&mut self, seat: Seat, kind: CommandKind) -> bool {
        let id = CommandId(self.game.seq().into());
        let command = Command { id, kind };
        let answer = self.game.apply(seat, &command, self.now, &mut self.events);
        answer.is_ok()
    }

    fn make_move(&mut self, random: &mut Random) {
        self.game.start_clock(self.now);
        self.now = self.now + Duration::from_micros(random.next() % 900_000);
        if let Some(legal) = pick(self.game.position(), random) {
            let kind = CommandKind::Move {
                position_seq: self.game.position_seq(),
                uci: legal.uci(),
                with: WithMove::Nothing,
            };
            self.send(self.game.turn(), kind);
        }
    }

    /// Ends the match in one way or another, or leaves it in play.
    fn end(&mut self, random: &mut Random) {
        let seat = if random.one_in(2) {
            Seat::White
        } else {
            Seat::Black
        };
        match random.below(5) {
            0 => {
                self.send(seat, CommandKind::Resign);
            }
            1 => {
                self.send(seat, CommandKind::OfferDraw);
                self.send(seat.opponent(), CommandKind::AcceptDraw);
            }
            2 => {
                self.game.start_clock(self.now);
                self.now = self.game.deadline().unwrap_or(self.now);
                self.game.tick(self.now, &mut self.events);
            }
            3 => {
                self.send(self.game.turn(), CommandKind::ClaimDraw);
            }
            _ => {}
        }
    }
}

fn play(variant: Variant, mut random: Random) -> Played {
    let random = &mut random;
    let mut game = Match::new(setup(variant, random));
    game.attend();
    let mut played = Played {
        game,
        now: MatchTime::default(),
        events: Vec::new(),
    };
    for _ in 0..5 + random.below(100) {
        if played.game.outcome().is_some() {
            break;
        }
        played.make_move(random);
        if random.one_in(15) && played.send(played.game.turn(), CommandKind::OfferTakeback) {
            played.send(played.game.turn().opponent(), CommandKind::AcceptTakeback);
        }
    }
    played.end(random);
    played
}

/// The legal moves in every position of a match.
fn legal_moves(game: &Match) -> Vec<Vec<Uci>> {
    let mut position = game.setup().start.position();
    let of = |position: &Position| -> Vec<Uci> {
        let legal = position.legal_moves().into_iter();
        legal.map(Move::uci).collect()
    };
    let mut all = vec![of(&position)];
    for (uci, _) in game.moves() {
        position.play_uci(uci);
        all.push(of(&position));
    }
    all
}
