//! The view of a client beside the match itself, which is what the shard has: whatever the players do,
//! they say the same.

use std::time::Duration;

use game_core::testing::SetupBuilder;
use game_core::{
    ClockStart, Command, CommandId, CommandKind, Event, Match, MatchId, MatchSetup, MatchTime,
    Player, UnixMillis,
};
use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

/// What one of the players does, or what happens to the client.
#[derive(Debug, Clone)]
enum Deed {
    /// A legal move, chosen by a number.
    Move {
        choice: usize,
        offers_draw: bool,
    },
    Offer(Seat),
    Accept(Seat),
    Decline(Seat),
    Resign(Seat),
    /// So many seconds pass.
    Wait(u64),
    /// The client comes back: with a full state, or with the last so many events.
    Rejoin {
        whole: bool,
    },
}

fn deed() -> impl Strategy<Value = Deed> {
    let seat = || prop_oneof![Just(Seat::White), Just(Seat::Black)];
    let made = |(choice, offers_draw)| Deed::Move {
        choice,
        offers_draw,
    };
    prop_oneof![
        40 => (any::<usize>(), prop::bool::weighted(0.2)).prop_map(made),
        10 => seat().prop_map(Deed::Offer),
        3 => seat().prop_map(Deed::Decline),
        1 => seat().prop_map(Deed::Accept),
        1 => seat().prop_map(Deed::Resign),
        3 => (0..90_u64).prop_map(Deed::Wait),
        6 => any::<bool>().prop_map(|whole| Deed::Rejoin { whole }),
    ]
}

/// A match with a client that looks at it.
struct Both {
    game: Match,
    now: MatchTime,
    view: MatchView,
    commands: u64,
    /// All events so far, and how many of them the client was told.
    log: Vec<Event>,
    told: usize,
}

fn setup(clock_start: ClockStart) -> MatchSetup {
    let player = |id: &str| Player {
        id: id.repeat(4).parse().unwrap(),
        name: id.into(),
    };
    SetupBuilder::new()
        .id(MatchId::from_random(7))
        .players(player("white"), player("black"))
        .timed("300+0")
        .clock_start(clock_start)
        .build()
}

/// The match as a shard tells it to who joins (`shard-core/src/live/told.rs`).
fn state(game: &Match) -> MatchState {
    let setup = game.setup();
    MatchState {
        players: BySeat::new_with(|seat: Seat| SeatView {
            id: setup.players[seat].id.clone(),
            name: setup.players[seat].name.to_string(),
        }),
        time_control: setup.time_control,
        clock_start: setup.clock_start,
        rated: setup.rated,
        start_fen: None,
        fen: game.fen(),
        moves: game.moves().map(|(uci, _)| uci).collect(),
        draw_offer: game.draw_offer(),
        result: game.outcome(),
    }
}

fn wire(event: &Event) -> WireEvent {
    WireEvent {
        seat: event.seat,
        kind: event.kind,
        clock: ClockView::new(event.clocks, None),
    }
}

fn joined(game: &Match, now: MatchTime, catch_up: CatchUp) -> Joined {
    Joined {
        role: Role::White,
        catch_up,
        clock: ClockView::new(game.clocks(now), game.running()),
        connected: BySeat {
            white: true,
            black: true,
        },
        paused: false,
        server_time: UnixMillis(0),
    }
}

impl Both {
    fn begin(clock_start: ClockStart) -> Self {
        let game = Match::new(setup(clock_start));
        let now = MatchTime::from_micros(0);
        let first = joined(&game, now, CatchUp::State(state(&game)));
        let at = (Epoch(1), 0);
        let view = MatchView::new(game.setup().id, at, first, Instant::now()).unwrap();
        Self {
            game,
            now,
            view,
            commands: 0,
            log: Vec::new(),
            told: 0,
        }
    }

    fn apply(&mut self, seat: Seat, kind: CommandKind) {
        self.commands += 1;
        let id = CommandId(self.commands);
        let command = Command { id, kind };
        // A refusal changes nothing, in the view neither.
        let _ = self.game.apply(seat, &command, self.now, &mut self.log);
        self.game.start_clock(self.now);
    }

    fn deed(&mut self, deed: &Deed) -> Result<(), Violation> {
        match *deed {
            Deed::Move {
                choice,
                offers_draw,
            } => {
                let legal = self.game.legal_moves();
                if legal.is_empty() {
                    return Ok(());
                }
                let kind = CommandKind::Move {
                    ply: self.game.ply(),
                    uci: legal[choice % legal.len()],
                    offers_draw,
                };
                self.apply(self.game.turn(), kind);
            }
            Deed::Offer(seat) => self.apply(seat, CommandKind::OfferDraw),
            Deed::Accept(seat) => self.apply(seat, CommandKind::AcceptDraw),
            Deed::Decline(seat) => self.apply(seat, CommandKind::DeclineDraw),
            Deed::Resign(seat) => self.apply(seat, CommandKind::Resign),
            Deed::Wait(seconds) => {
                self.now = self.now + Duration::from_secs(seconds);
                self.game.tick(self.now, &mut self.log);
            }
            Deed::Rejoin { whole } => return self.rejoin(whole),
        }
        let now = Instant::now();
        for event in &self.log[self.told..] {
            self.view.event(Epoch(1), event.seq, &wire(event), now)?;
        }
        self.told = self.log.len();
        Ok(())
    }

    /// The last event is told at the return alone.
    fn rejoin(&mut self, whole: bool) -> Result<(), Violation> {
        let missed = self.log[self.told..].iter();
        let catch_up = if whole {
            CatchUp::State(state(&self.game))
        } else {
            CatchUp::Events(missed.map(|event| (event.seq, wire(event))).collect())
        };
        let joined = joined(&self.game, self.now, catch_up);
        let at = (Epoch(1), self.game.seq());
        self.view.rejoin(at, joined, Instant::now())?;
        self.told = self.log.len();
        Ok(())
    }

    fn check(&self) -> Result<(), TestCaseError> {
        let (game, view) = (&self.game, &self.view);
        prop_assert_eq!(
            view.draw_offer(),
            game.draw_offer(),
            "the offer that stands"
        );
        prop_assert_eq!(view.seq(), game.seq());
        prop_assert_eq!(view.ply(), game.ply());
        prop_assert_eq!(view.fen(), game.fen());
        prop_assert_eq!(view.turn(), game.turn());
        prop_assert_eq!(view.result(), game.outcome());
        let moves: Vec<Uci> = game.moves().map(|(uci, _)| uci).collect();
        prop_assert_eq!(view.moves(), &moves[..]);
        Ok(())
    }
}

proptest! {
    /// MATCH.md, "offer and position": an offer lives through its maker's own move and dies by the
    /// opponent's, on the server and at every client alike.
    #[test]
    fn a_client_sees_the_match_and_its_offers_as_the_shard_does(
        at_once in any::<bool>(),
        deeds in vec(deed(), 1..80),
    ) {
        let start = if at_once { ClockStart::AtOnce } else { ClockStart::AfterFirstMoves };
        let mut both = Both::begin(start);
        for deed in &deeds {
            if let Err(violation) = both.deed(deed) {
                return Err(TestCaseError::fail(format!("{deed:?}: {violation}")));
            }
            both.check()?;
        }
    }

    /// The same for a client that misses some of it and comes back.
    #[test]
    fn a_client_that_comes_back_sees_the_offers_as_the_shard_does(
        deeds in vec(deed(), 1..40),
        whole in any::<bool>(),
    ) {
        let mut both = Both::begin(ClockStart::AtOnce);
        for deed in &deeds {
            // What the client is told at once goes to a copy that is thrown away.
            let (view, told) = (both.view.clone(), both.told);
            if !matches!(deed, Deed::Rejoin { .. }) {
                both.deed(deed).map_err(|violation| TestCaseError::fail(violation.to_string()))?;
            }
            (both.view, both.told) = (view, told);
        }
        both.rejoin(whole).map_err(|violation| TestCaseError::fail(violation.to_string()))?;
        both.check()?;
    }
}
