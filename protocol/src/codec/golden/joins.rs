//! The answer to a join.

use std::time::Duration;

use game_core::{
    BySeat, ClockStart, Delay, EventKind, Outcome, Rule, Rules, Seat, Stage, Termination,
    TimeControl, UnixMillis, Variant,
};

use super::{Table, clock, server};
use crate::{
    CatchUp, Joined, MatchState, Role, SeatView, ServerBody, ServerFrame, TagsView, WireEvent,
};

pub(super) fn table() -> Table<ServerFrame> {
    vec![
        (
            "0000005e 0006474846204000 03fb010400000042017703416e6e000001620342c3b6000000 \
             0100fc0002bf20fb07d000000100fc0002bf20fb07d000000000000001000000026b3702fb07 \
             0cfb093402000000000000fc0002bf20fa010000010000",
            joined(Role::White, CatchUp::State(begun())),
        ),
        (
            "000000a4 0006474846204000 03fb010400020088017703416e6e01fb05dc0001620342c3b6 \
             016401070228fc005265c0fb7530000000fc001b7740fb75300101fb0bb80100fbea60000100 \
             fb09c40101fd0000019b76daa800013c00a10101044f70656e010133000106c39c727a696701 \
             024b37026b3702fb070cfb0934fb00fb0101010001010130415a617a39383736353433010003 \
             0202fb012c \
             fc0002bf20fa010000010000",
            joined(Role::Spectator, CatchUp::State(ended())),
        ),
        (
            "0000001c 0006474846204000 03fb010400010100fc0002bf20fa010000010000",
            joined(Role::Black, CatchUp::Events(vec![])),
        ),
        (
            "0000003c 0006474846204000 03fb0104000101020ffb01030101fc0002bf20fa010000010f \
             fb01040101fc0002bf20fa01000003fc0002bf20fa010000010000",
            joined(Role::Black, CatchUp::Events(missed())),
        ),
    ]
}

fn joined(role: Role, catch_up: CatchUp) -> ServerFrame {
    server(ServerBody::Joined(Box::new(Joined {
        role,
        catch_up,
        clock: clock(Some(Seat::White)),
        connected: BySeat {
            white: true,
            black: false,
        },
        paused: false,
    })))
}

/// A match on the usual terms after two moves.
fn begun() -> MatchState {
    let player = |id: &str, name: &str| SeatView {
        id: id.parse().unwrap(),
        name: name.into(),
        rating: None,
        is_bot: false,
    };
    let control = TimeControl::from_millis(180_000, 2_000).unwrap();
    MatchState {
        players: BySeat {
            white: player("w", "Ann"),
            black: player("b", "Bö"),
        },
        variant: Variant::Standard,
        controls: BySeat {
            white: control,
            black: control,
        },
        clock_start: ClockStart::AfterFirstMoves,
        start_at: None,
        rated: false,
        spectator_delay_s: 0,
        chat: true,
        rules: Rules::USUAL,
        tags: None,
        start_fen: None,
        fen: "k7".into(),
        moves: vec!["e2e4".parse().unwrap(), "e7e5".parse().unwrap()],
        position_seq: 2,
        draw_offer: None,
        takeback_offer: None,
        rematch_offer: None,
        rematch: None,
        result: None,
        offered_plies: vec![],
    }
}

/// A match in which each member has another value.
fn ended() -> MatchState {
    let begun = begun();
    let stage = |moves, minutes: u64, delay| Stage {
        moves,
        time: Duration::from_secs(60 * minutes),
        increment: Duration::from_secs(30),
        delay,
    };
    let staged = TimeControl::from_stages(&[
        stage(Some(40), 90, Delay::None),
        stage(None, 30, Delay::Bronstein(Duration::from_secs(3))),
    ]);
    let delayed = TimeControl::from_millis(60_000, 0)
        .unwrap()
        .with_delay(Delay::Simple(Duration::from_millis(2_500)));
    let seat = |of: &SeatView, rating, is_bot| SeatView {
        rating,
        is_bot,
        ..of.clone()
    };
    MatchState {
        players: BySeat {
            white: seat(&begun.players.white, Some(1_500), false),
            black: seat(&begun.players.black, Some(100), true),
        },
        variant: Variant::ThreeCheck,
        controls: BySeat {
            white: staged.unwrap(),
            black: delayed.unwrap(),
        },
        clock_start: ClockStart::AtOnce,
        start_at: Some(UnixMillis(1_767_225_600_000)),
        rated: true,
        spectator_delay_s: 60,
        chat: false,
        rules: Rules::USUAL
            .with(Rule::NoAbort)
            .with(Rule::NoEarlyDraw)
            .with(Rule::CompensateBots),
        tags: Some(TagsView {
            event: Some("Open".into()),
            round: Some("3".into()),
            board: None,
            site: Some("Ürzig".into()),
        }),
        start_fen: Some("K7".into()),
        position_seq: 251,
        draw_offer: Some(Seat::Black),
        takeback_offer: Some(Seat::White),
        rematch_offer: Some(Seat::Black),
        rematch: Some("0AZaz9876543".parse().unwrap()),
        result: Some((Outcome::WhiteWins, Termination::VariantEnd)),
        offered_plies: vec![2, 300],
        ..begun
    }
}

fn missed() -> Vec<(u32, WireEvent)> {
    let event = |kind| WireEvent {
        seat: Some(Seat::Black),
        clock: clock(Some(Seat::White)),
        kind: Some(kind),
    };
    vec![
        (259, event(EventKind::DrawOffered)),
        (260, event(EventKind::TakebackOffered)),
    ]
}
