//! Which terms are agreed on, and which tickets wait together.

use std::collections::HashSet;

use game_core::{BySeat, Delay, Player, Rule, Rules, TimeControl};
use store::{Ticket, TicketId};

use super::*;

const NOW: UnixMillis = UnixMillis(1_767_225_600_000);

fn usual() -> Terms {
    Terms::usual(control(180_000))
}

fn control(initial_ms: u64) -> TimeControl {
    TimeControl::from_millis(initial_ms, 2_000).unwrap()
}

fn code(asked: &Terms) -> Option<&'static str> {
    agree(asked, NOW).err().map(|problem| problem.kind.row().1)
}

fn pool_for(asked: &Terms) -> Box<str> {
    pool(asked, &agree(asked, NOW).unwrap())
}

#[test]
fn every_term_reaches_the_match() {
    let asked = Terms {
        variant: Variant::Crazyhouse,
        start: Start::Fen("4k3/8/8/8/8/8/8/4K2R[Qn] w K - 0 31".into()),
        controls: BySeat {
            white: control(60_000),
            black: control(180_000),
        },
        clock_start: game_core::ClockStart::AtOnce,
        start_at: Some(UnixMillis(NOW.0 + 60_000)),
        rated: false,
        spectator_delay_s: 10,
        chat: false,
        rules: Rules::USUAL.with(Rule::NoTakeback),
        tags: protocol::TagsView {
            event: Some("Open".into()),
            ..protocol::TagsView::default()
        },
    };
    let agreed = agree(&asked, NOW).unwrap();
    let id = TicketId::from_random(7).match_id();
    let player = |id: &str| Player {
        id: id.parse().unwrap(),
        name: id.into(),
        rating: None,
        is_bot: true,
    };
    let players = BySeat {
        white: player("ann"),
        black: player("bob"),
    };
    assert_eq!(Terms::of(&agreed.setup(id, players, NOW)), asked);
}

#[test]
fn a_rated_match_has_equal_controls_and_a_usual_start() {
    let rated = Terms {
        rated: true,
        ..usual()
    };
    let from = |variant, start: Start| Terms {
        variant,
        start,
        ..rated.clone()
    };
    let fen = |fen: &str| Start::Fen(fen.into());
    let initial = "rnbqkbnr/pppppppp/8/8/8/8/PPPPPPPP/RNBQKBNR w KQkq - 0 1";
    // Number 0 after Scharnagl.
    let first_of_960 = "bbqnnrkr/pppppppp/8/8/8/8/PPPPPPPP/BBQNNRKR w KQkq - 0 1";
    let moved = "rnbqkbnr/pppppppp/8/8/8/4P3/PPPP1PPP/RNBQKBNR b KQkq - 0 1";
    for usual in [
        rated.clone(),
        from(Variant::Standard, fen(initial)),
        from(Variant::Horde, Start::Usual),
        from(Variant::Chess960, Start::Usual),
        from(Variant::Chess960, Start::Number(959)),
        from(Variant::Chess960, fen(first_of_960)),
    ] {
        assert_eq!(code(&usual), None, "{usual:?}");
    }
    for unusual in [
        from(Variant::Standard, fen(moved)),
        from(Variant::Chess960, fen(moved)),
        from(Variant::KingOfTheHill, fen(moved)),
        Terms {
            controls: BySeat {
                white: control(60_000),
                black: control(180_000),
            },
            ..rated.clone()
        },
    ] {
        assert_eq!(code(&unusual), Some("invalid_terms"), "{unusual:?}");
        let casual = Terms {
            rated: false,
            ..unusual
        };
        assert_eq!(code(&casual), None, "{casual:?}");
    }
}

#[test]
fn play_begins_within_a_day() {
    let day_ms = 24 * 60 * 60 * 1_000;
    for (start_at, expected) in [
        (NOW.0, None),
        (NOW.0 - 60_000, None),
        (NOW.0 - 60_001, Some("invalid_terms")),
        (NOW.0 + day_ms, None),
        (NOW.0 + day_ms + 1, Some("invalid_terms")),
        (u64::MAX, Some("invalid_terms")),
    ] {
        let asked = Terms {
            start_at: Some(UnixMillis(start_at)),
            ..usual()
        };
        assert_eq!(code(&asked), expected, "{start_at}");
    }
}

/// Of 960 · 20 draws, one of the positions is missing once in 500,000 runs.
#[test]
fn every_start_of_chess960_is_drawn() {
    let asked = Terms {
        variant: Variant::Chess960,
        ..usual()
    };
    let drawn: HashSet<String> = (0..960 * 20)
        .map(|_| agree(&asked, NOW).unwrap().start.fen())
        .collect();
    assert_eq!(drawn.len(), 960);
}

#[test]
fn equal_terms_are_one_pool_and_any_difference_is_another() {
    assert_eq!(&*pool_for(&usual()), "180+2");
    let initial = "rnbqkbnr/pppppppp/8/8/8/8/PPPPPPPP/RNBQKBNR w KQkq - 0 1";
    let spelled_out = Terms {
        start: Start::Fen(initial.into()),
        ..usual()
    };
    assert_eq!(pool_for(&spelled_out), pool_for(&usual()));
    let first_of_960 = "bbqnnrkr/pppppppp/8/8/8/8/PPPPPPPP/BBQNNRKR w KQkq - 0 1";
    let chess960 = |start| Terms {
        variant: Variant::Chess960,
        start,
        ..usual()
    };
    let by_chance = pool_for(&chess960(Start::Usual));
    assert_eq!(pool_for(&chess960(Start::Usual)), by_chance, "drawn anew");
    let first = pool_for(&chess960(Start::Number(0)));
    assert_eq!(pool_for(&chess960(Start::Fen(first_of_960.into()))), first);

    let delayed = control(180_000).with_delay(Delay::Simple(Duration::from_secs(2)));
    let delayed = delayed.unwrap();
    let tag = protocol::TagsView {
        round: Some("2".into()),
        ..protocol::TagsView::default()
    };
    let others = [
        usual(),
        chess960(Start::Usual),
        chess960(Start::Number(0)),
        chess960(Start::Number(1)),
        Terms {
            variant: Variant::Atomic,
            ..usual()
        },
        Terms {
            start: Start::Fen("4k3/8/8/8/8/8/8/4K2R w K - 0 1".into()),
            ..usual()
        },
        Terms {
            controls: BySeat {
                white: delayed,
                black: delayed,
            },
            ..usual()
        },
        Terms {
            controls: BySeat {
                white: control(180_000),
                black: delayed,
            },
            ..usual()
        },
        Terms {
            clock_start: game_core::ClockStart::AtOnce,
            ..usual()
        },
        Terms {
            start_at: Some(NOW),
            ..usual()
        },
        Terms {
            rated: true,
            ..usual()
        },
        Terms {
            spectator_delay_s: 3,
            ..usual()
        },
        Terms {
            chat: false,
            ..usual()
        },
        Terms {
            rules: Rules::USUAL.with(Rule::NoAbort),
            ..usual()
        },
        Terms {
            tags: tag,
            ..usual()
        },
    ];
    let pools: HashSet<_> = others.iter().map(pool_for).collect();
    assert_eq!(pools.len(), others.len());
}

#[test]
fn a_ticket_shows_what_was_asked_and_no_start_that_its_match_may_not_have() {
    let shown = |asked: &Terms, in_pool: bool| {
        let terms = agree(asked, NOW).unwrap();
        let player = Player {
            id: "ann".parse().unwrap(),
            name: "ann".into(),
            rating: None,
            is_bot: false,
        };
        let ticket = Ticket {
            pool: in_pool.then(|| pool(asked, &terms)),
            ..Ticket::new(TicketId::from_random(7), player, control(1_000), NOW)
        };
        of_ticket(&Ticket { terms, ..ticket }).start
    };
    let by_chance = Terms {
        variant: Variant::Chess960,
        ..usual()
    };
    assert_eq!(shown(&usual(), true), Start::Usual);
    assert_eq!(shown(&usual(), false), Start::Usual);
    assert_eq!(shown(&by_chance, true), Start::Usual);
    assert!(
        matches!(shown(&by_chance, false), Start::Fen(_)),
        "a challenge has drawn it"
    );
    let chosen = Terms {
        start: Start::Number(518),
        ..by_chance
    };
    let usual_squares = "rnbqkbnr/pppppppp/8/8/8/8/PPPPPPPP/RNBQKBNR w KQkq - 0 1";
    assert_eq!(shown(&chosen, true), Start::Fen(usual_squares.into()));
}
