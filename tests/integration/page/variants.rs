//! The move that each variant is known for, made on the page.

use game_core::Variant;
use protocol::http::Terms;
use serde_json::Value;
use tests::browser::Hand;

use super::stage::{Stage, content, from};

/// A few plies of a variant: those of the page, and those of its opponent in parentheses.
struct Scene {
    variant: Variant,
    fen: &'static str,
    plies: &'static str,
    /// What the position is then, up to the first blank.
    then: &'static str,
    /// How it ends, if it does.
    ended: Option<(&'static str, &'static str)>,
}

const SCENES: [Scene; 10] = [
    // En passant, and castling by the king's step.
    Scene {
        variant: Variant::Standard,
        fen: "4k3/3p4/8/4P3/8/8/8/4K2R b K - 0 1",
        plies: "(d7d5) e5d6 (e8f7) e1g1",
        then: "8/5k2/3P4/8/8/8/8/5RK1",
        ended: None,
    },
    // The king takes its own rook.
    Scene {
        variant: Variant::Chess960,
        fen: "1k6/8/8/8/8/8/8/RK6 w A - 0 1",
        plies: "b1a1",
        then: "1k6/8/8/8/8/8/8/2KR4",
        ended: None,
    },
    // A piece of the pocket gives mate.
    Scene {
        variant: Variant::Crazyhouse,
        fen: "6rk/6pp/8/8/8/8/8/K7[N] w - - 0 1",
        plies: "N@f7",
        then: "6rk/5Npp/8/8/8/8/8/K7[]",
        ended: Some(("white_wins", "checkmate")),
    },
    // Who can take must, and pawns become kings.
    Scene {
        variant: Variant::Antichess,
        fen: "8/1P5p/8/8/8/1p6/P7/8 w - - 0 1",
        plies: "!b7b8k a2b3 (h7h6) b7b8k",
        then: "1K6/8/7p/8/8/1P6/8/8",
        ended: None,
    },
    // A capture beside a king blows it up.
    Scene {
        variant: Variant::Atomic,
        fen: "4k3/4p3/8/8/8/8/4Q3/K7 w - - 0 1",
        plies: "e2e7",
        then: "8/8/8/8/8/8/8/K7",
        ended: Some(("white_wins", "variant_end")),
    },
    // The king reaches the middle.
    Scene {
        variant: Variant::KingOfTheHill,
        fen: "4k3/8/8/8/8/4K3/8/8 w - - 0 1",
        plies: "e3e4",
        then: "4k3/8/8/8/4K3/8/8/8",
        ended: Some(("white_wins", "variant_end")),
    },
    // Three checks.
    Scene {
        variant: Variant::ThreeCheck,
        fen: "4k3/8/8/8/8/8/8/R3K3 w - - 0 1",
        plies: "a1a8 (e8e7) a8a7 (e7e8) a7a8",
        then: "R3k3/8/8/8/8/8/8/4K3",
        ended: Some(("white_wins", "variant_end")),
    },
    // The king reaches the last rank.
    Scene {
        variant: Variant::RacingKings,
        fen: "8/K7/8/8/8/8/7k/8 w - - 0 1",
        plies: "a7a8",
        then: "K7/8/8/8/8/8/7k/8",
        ended: Some(("white_wins", "variant_end")),
    },
    // The last of the horde is taken.
    Scene {
        variant: Variant::Horde,
        fen: "4k3/8/8/8/8/8/8/r6P b - - 0 1",
        plies: "a1h1",
        then: "4k3/8/8/8/8/8/8/7r",
        ended: Some(("black_wins", "variant_end")),
    },
    // A pawn of the horde goes two steps from its first rank.
    Scene {
        variant: Variant::Horde,
        fen: "4k3/8/8/8/8/8/8/P7 w - - 0 1",
        plies: "a1a3",
        then: "4k3/8/8/8/8/P7/8/8",
        ended: None,
    },
];

#[tokio::test(flavor = "multi_thread")]
async fn every_variant_is_played_by_its_own_rules() {
    let stage = Stage::enter().await;
    let (ann, bob) = (stage.player("Ann").await, stage.player("Bob").await);
    let page = stage.page().await;
    page.belong_to(&ann).await;
    for scene in SCENES {
        let terms = Terms {
            variant: scene.variant,
            ..from(scene.fen)
        };
        // The first ply in parentheses is the opponent's.
        let is_white = scene.fen.contains(" w ") != scene.plies.starts_with('(');
        let seats = if is_white { [&ann, &bob] } else { [&bob, &ann] };
        let id = stage.match_of(terms, seats[0], seats[1]).await;
        let mut program = stage.program(&bob, id).await;
        page.goto(&format!("{}/match/{id}", stage.url())).await;
        page.is_live().await;
        page.shows("role", if is_white { "white" } else { "black" })
            .await;
        let mut ply = 0;
        for word in scene.plies.split(' ') {
            if let Some(uci) = word.strip_prefix('(') {
                program.play(ply, uci.trim_end_matches(')')).await;
                page.sees(usize::from(ply) + 1).await;
            } else if let Some(uci) = word.strip_prefix('!') {
                // The page does not let it go.
                page.has_the_turn().await;
                page.touch(Hand::Drags, &uci[..4]).await;
                assert_eq!(page.attribute("ply").await, ply.to_string());
                continue;
            } else {
                page.play(word).await;
            }
            ply += 1;
        }
        let then = Value::from(scene.then);
        let body = format!(
            "return document.querySelector('[data-test=match]').dataset.fen.split(' ')[0] === {then}"
        );
        let what = format!("{:?} comes to {then}", scene.variant);
        page.wait(&what, &body).await;
        match scene.ended {
            Some((result, termination)) => {
                page.shows("termination", termination).await;
                page.shows("result", result).await;
            }
            None => page.shows("result", "").await,
        }
        let stored = stage.stored(id).await;
        assert_eq!(stored.moves.len(), usize::from(ply), "{:?}", scene.variant);
        assert_eq!(stored.outcome.is_some(), scene.ended.is_some());
    }
    content(&page);
}
