//! The view of a client beside the match itself, which is what the shard has: whatever the players do,
//! they say the same.

use std::time::Duration;

use game_core::testing::SetupBuilder;
use game_core::{
    ClockStart, Command, CommandId, CommandKind, Event, Match, MatchSetup, MatchTime, Receipt,
    StartPosition, Variant,
};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use super::*;

/// What one of the players does, or what happens to the client.
#[derive(Debug, Clone)]
enum Deed {
    /// A legal move, chosen by a number.
    Move { choice: usize, with: WithMove },
    /// Another command.
    Command(Seat, CommandKind),
    /// Both agree to take back.
    TakeBack(Seat),
    /// The player of this seat goes away, and this much time later the other one claims.
    Gone(Seat, u64, CommandKind),
    /// So many seconds pass.
    Wait(u64),
    /// The client comes back: with a full state, or with the last so many events.
    Rejoin { whole: bool },
}

fn seat() -> impl Strategy<Value = Seat> {
    select(&Seat::BOTH)
}

/// Everything a seat may ask for but moves.
fn command() -> impl Strategy<Value = CommandKind> {
    use CommandKind as C;
    prop_oneof![
        10 => Just(C::OfferDraw),
        3 => Just(C::DeclineDraw),
        6 => Just(C::OfferTakeback),
        2 => Just(C::DeclineTakeback),
        6 => Just(C::AcceptTakeback),
        3 => (0..70_u8).prop_map(|seconds| C::GiveTime { seconds }),
        3 => Just(C::ClaimDraw),
        1 => select(vec![C::AcceptDraw, C::Resign, C::Abort, C::ClaimWin, C::ClaimAbandonedDraw]),
        3 => select(vec![C::OfferRematch, C::AcceptRematch, C::DeclineRematch]),
    ]
}

fn deed() -> impl Strategy<Value = Deed> {
    let with = prop_oneof![
        8 => Just(WithMove::Nothing),
        2 => Just(WithMove::DrawOffer),
        1 => Just(WithMove::DrawClaim),
    ];
    let claim = select(vec![CommandKind::ClaimWin, CommandKind::ClaimAbandonedDraw]);
    prop_oneof![
        45 => (any::<usize>(), with).prop_map(|(choice, with)| Deed::Move { choice, with }),
        25 => (seat(), command()).prop_map(|(seat, kind)| Deed::Command(seat, kind)),
        6 => seat().prop_map(Deed::TakeBack),
        1 => (seat(), 0..200_u64, claim).prop_map(|(seat, s, kind)| Deed::Gone(seat, s, kind)),
        3 => (0..60_u64).prop_map(Deed::Wait),
        8 => any::<bool>().prop_map(|whole| Deed::Rejoin { whole }),
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

fn wire(event: &Event) -> WireEvent {
    WireEvent {
        seat: event.seat,
        kind: Some(event.kind),
        clock: ClockView::new(event.clocks.remaining, None, Duration::ZERO),
    }
}

fn joined(game: &Match, now: MatchTime, catch_up: CatchUp) -> Joined {
    let delay = game.delay_left(now);
    Joined {
        role: Role::White,
        catch_up,
        clock: ClockView::new(game.clocks(now), game.running(), delay),
        connected: BySeat {
            white: true,
            black: true,
        },
        paused: false,
    }
}

/// Of every variant; Chess960 from any of its start positions.
fn course() -> impl Strategy<Value = (MatchSetup, Vec<Deed>)> {
    let terms = (
        select(&Variant::ALL),
        0..960_u16,
        any::<bool>(),
        prop::bool::weighted(0.2),
        prop::bool::weighted(0.2),
    );
    let setup = terms.prop_map(|(variant, number, at_once, auto_claim, rated)| {
        let mut setup = SetupBuilder::new()
            .id(MatchId::from_random(7))
            .named("white", "black")
            .variant(variant)
            .timed("300+0");
        if at_once {
            setup = setup.clock_start(ClockStart::AtOnce);
        }
        if auto_claim {
            setup = setup.rule(Rule::AutoClaim);
        }
        if rated {
            setup = setup.rated();
        }
        let mut setup = setup.build();
        if variant == Variant::Chess960 {
            setup.start = StartPosition::chess960(number).unwrap();
        }
        setup
    });
    (setup, vec(deed(), 1..120))
}

impl Both {
    fn begin(setup: MatchSetup) -> Self {
        let game = Match::new(setup);
        let now = MatchTime::from_micros(0);
        let first = joined(&game, now, CatchUp::State(MatchState::of(&game)));
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
        let receipt = Receipt {
            at: self.now,
            next_match: Some(MatchId::from_random(self.commands.into())),
            ..Receipt::default()
        };
        // A refusal changes nothing, in the view neither.
        let _ = self.game.apply(seat, &command, receipt, &mut self.log);
        self.game.start_clock(self.now);
    }

    fn deed(&mut self, deed: &Deed) -> Result<(), Violation> {
        match *deed {
            Deed::Move { choice, with } => {
                let legal = self.game.legal_moves();
                if legal.is_empty() {
                    return Ok(());
                }
                let kind = CommandKind::Move {
                    position_seq: self.game.position_seq(),
                    uci: legal[choice % legal.len()],
                    with,
                };
                self.apply(self.game.turn(), kind);
            }
            Deed::Command(seat, kind) => self.apply(seat, kind),
            Deed::TakeBack(seat) => {
                self.apply(seat, CommandKind::OfferTakeback);
                self.apply(seat.opponent(), CommandKind::AcceptTakeback);
            }
            Deed::Gone(seat, seconds, claim) => {
                self.game.left(seat, false, self.now);
                self.now = self.now + Duration::from_secs(seconds);
                self.apply(seat.opponent(), claim);
                self.game.came(seat);
            }
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

    /// The last events are told at the return alone.
    fn rejoin(&mut self, whole: bool) -> Result<(), Violation> {
        let missed = self.log[self.told..].iter();
        let catch_up = if whole {
            CatchUp::State(MatchState::of(&self.game))
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
        let offers = (game.draw_offer(), game.takeback_offer());
        let seen = (view.draw_offer(), view.takeback_offer());
        prop_assert_eq!(seen, offers, "the offers of a draw and a takeback");
        prop_assert_eq!(view.rematch_offer(), game.rematch_offer());
        prop_assert_eq!(view.rematch(), game.rematch());
        prop_assert_eq!(view.seq(), game.seq());
        prop_assert_eq!(view.position_seq(), game.position_seq());
        prop_assert_eq!(view.ply(), game.ply());
        prop_assert_eq!(view.fen(), game.fen());
        prop_assert_eq!(view.turn(), game.turn());
        prop_assert_eq!(view.variant(), game.setup().variant());
        prop_assert_eq!(view.result(), game.outcome());
        let moves: Vec<Uci> = game.moves().map(|(uci, _)| uci).collect();
        prop_assert_eq!(view.moves(), &moves[..]);
        for seat in Seat::BOTH {
            let (shown, has) = (view.clock().of(seat), game.clocks(self.now)[seat]);
            // Time that passed since the last event is in no event.
            prop_assert!(shown >= Duration::from_millis(has.as_millis() as u64));
        }
        Ok(())
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    /// MATCH.md, "offer and position": an offer lives through its maker's own move and dies by the
    /// opponent's, and a takeback clears what was offered since, on the server and at every client alike.
    #[test]
    fn a_client_sees_the_match_and_its_offers_as_the_shard_does((setup, deeds) in course()) {
        let mut both = Both::begin(setup);
        for deed in &deeds {
            if let Err(violation) = both.deed(deed) {
                return Err(TestCaseError::fail(format!("{deed:?}: {violation}")));
            }
            both.check()?;
        }
    }

    /// The same for a client that misses some of it and comes back.
    #[test]
    fn a_client_that_comes_back_sees_the_match_as_the_shard_does(
        (setup, deeds) in course(),
        missed in 0..60_usize,
        whole in any::<bool>(),
    ) {
        let fail = |violation: Violation| TestCaseError::fail(violation.to_string());
        let mut both = Both::begin(setup);
        let (seen, rest) = deeds.split_at(deeds.len().min(60));
        for deed in seen {
            both.deed(deed).map_err(fail)?;
        }
        let (missed, later) = rest.split_at(rest.len().min(missed));
        for deed in missed {
            // What the client is told at once goes to a copy that is thrown away.
            let (view, told) = (both.view.clone(), both.told);
            if !matches!(deed, Deed::Rejoin { .. }) {
                both.deed(deed).map_err(fail)?;
            }
            (both.view, both.told) = (view, told);
        }
        both.rejoin(whole).map_err(fail)?;
        both.check()?;
        for deed in later {
            both.deed(deed).map_err(fail)?;
            both.check()?;
        }
    }
}

/// The request of a takeback was seen, and its grant alone was missed: one event undoes two moves.
#[test]
fn who_was_away_when_a_takeback_was_granted_comes_back_to_it() {
    let mut both = Both::begin(SetupBuilder::new().timed("300+0").build());
    let played = |choice| Deed::Move {
        choice,
        with: WithMove::Nothing,
    };
    let request = Deed::Command(Seat::White, CommandKind::OfferTakeback);
    for deed in [played(0), played(0), request] {
        both.deed(&deed).unwrap();
    }
    both.apply(Seat::Black, CommandKind::AcceptTakeback);
    assert_eq!(both.game.ply(), 0, "both moves are taken back");
    both.rejoin(true).unwrap();
    both.check().unwrap();
}

/// How often the courses above reach what they are about.
#[test]
fn the_courses_reach_every_kind_of_event_and_ending() {
    use proptest::strategy::ValueTree;
    use proptest::test_runner::TestRunner;
    let mut runner = TestRunner::deterministic();
    let mut kinds = std::collections::BTreeSet::new();
    for _ in 0..600 {
        let (setup, deeds) = course().new_tree(&mut runner).unwrap().current();
        let mut both = Both::begin(setup);
        for deed in &deeds {
            both.deed(deed).unwrap();
        }
        kinds.extend(both.log.iter().map(|event| match event.kind {
            EventKind::Ended { termination, .. } => termination.code().to_owned(),
            EventKind::Moved { with, .. } => format!("Moved {with:?}"),
            kind => format!("{kind:?}").split(' ').next().unwrap().to_owned(),
        }));
    }
    for kind in [
        "Moved Nothing",
        "Moved DrawOffer",
        "Moved DrawClaim",
        "DrawOffered",
        "DrawDeclined",
        "TakebackOffered",
        "TakebackDeclined",
        "TakenBack",
        "TimeGiven",
        "RematchOffered",
        "RematchDeclined",
        "RematchAgreed",
        "variant_end",
        "abandoned",
        "resignation",
        "draw_agreement",
        "time_forfeit",
        "aborted",
        "white_no_start",
    ] {
        assert!(kinds.contains(kind), "no {kind} among {kinds:?}");
    }
}
