//! Every offer is made and answered by its buttons.

use protocol::http::Terms;
use protocol::{ClientFrame, ServerBody};
use tests::browser::{Hand, Key, named};

use super::stage::{Stage, content, from, terms};

#[tokio::test(flavor = "multi_thread")]
async fn a_draw_is_offered_by_two_presses_declined_offered_and_agreed() {
    let stage = Stage::enter().await;
    let mut game = stage.game(terms()).await;
    game.play("e2e4 e7e5").await;
    game.white.push_twice("offer-draw").await;
    game.black.push("decline-draw").await;
    game.white
        .misses(&format!("{}[disabled]:not([hidden])", named("offer-draw")))
        .await;
    game.black.push_twice("offer-draw").await;
    game.white.push("accept-draw").await;
    game.ended("draw", "draw_agreement").await;
    game.leave();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_draw_is_claimed_for_what_stands_and_for_what_the_next_move_brings_about() {
    let stage = Stage::enter().await;
    let fen = "4k3/8/8/8/8/8/8/R3K3 w - - 99 80";
    let mut stands = stage.game(from(fen)).await;
    stands.play("a1a2").await;
    stands.black.push("claim-draw").await;
    stands.ended("draw", "fifty_moves").await;
    stands.leave();

    let game = stage.game(from(fen)).await;
    game.white.push("claim-with-move").await;
    game.white.play("a1a2").await;
    game.ended("draw", "fifty_moves").await;
    game.leave();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_takeback_is_asked_for_declined_and_allowed() {
    let stage = Stage::enter().await;
    let mut game = stage.game(terms()).await;
    game.play("e2e4 e7e5").await;
    game.white.push("offer-takeback").await;
    game.black.push("decline-takeback").await;
    game.white
        .find(&format!("{}:not([disabled])", named("offer-takeback")))
        .await;
    game.black.push("offer-takeback").await;
    game.white.push("accept-takeback").await;
    game.white.sees(1).await;
    game.black.sees(1).await;
    game.black.play("c7c5").await;
    game.white.sees(2).await;
    assert_eq!(game.white.listed().await, ["e4", "c5"]);
    assert_eq!(game.black.listed().await, ["e4", "c5"]);
    game.leave();
}

#[tokio::test(flavor = "multi_thread")]
async fn time_is_given_and_seen_by_both() {
    let stage = Stage::enter().await;
    let mut game = stage.game(terms()).await;
    game.play("e2e4 e7e5 g1f3").await;
    // Black's clock runs, and grows by what White gives.
    let [_, before] = game.black.clocks().await;
    game.white.push("give-time").await;
    for page in [&game.white, &game.black] {
        let grown = format!(
            "const clock = document.querySelector('[data-test=clock][data-seat=black]'); \
             return Number(clock.dataset.ms) > {}",
            before + 5_000
        );
        page.wait("Black's clock has grown", &grown).await;
        let [_, after] = page.clocks().await;
        assert!(after <= before + 15_000, "{before} grew to {after}");
    }
    game.leave();
}

#[tokio::test(flavor = "multi_thread")]
async fn one_press_does_not_resign_and_a_second_does() {
    let stage = Stage::enter().await;
    let mut game = stage.game(terms()).await;
    game.play("e2e4 e7e5").await;
    let armed = format!("{}[data-confirm=true]", named("resign"));
    game.white.push("resign").await;
    game.white.find(&armed).await;
    game.white.press(Key::Escape).await;
    game.white.misses(&armed).await;
    game.play("g1f3").await;
    game.white.push_twice("resign").await;
    game.ended("black_wins", "resignation").await;
    game.leave();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_match_is_aborted_before_it_begins_and_resigned_after() {
    let stage = Stage::enter().await;
    let after_first_moves = Terms::usual("600+5".parse().unwrap());
    let mut game = stage.game(after_first_moves).await;
    game.white.find(&hidden("resign")).await;
    game.play("e2e4").await;
    game.black.push_twice("abort").await;
    game.ended("aborted", "aborted").await;
    game.leave();
    // Where clocks count at once, it has begun.
    let game = stage.game(terms()).await;
    for page in [&game.white, &game.black] {
        page.find(&hidden("abort")).await;
    }
    game.white.push_twice("resign").await;
    game.ended("black_wins", "resignation").await;
    game.leave();
}

fn hidden(test: &str) -> String {
    format!("{}[hidden]", named(test))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_match_of_who_left_is_claimed_as_won_or_as_drawn() {
    let stage = Stage::enter_patiently().await;
    let claim = async |button: &str, result: &str| {
        let (ann, bob) = (stage.player("Ann").await, stage.player("Bob").await);
        let id = stage.match_of(terms(), &ann, &bob).await;
        let page = stage.seated(&ann, id).await;
        let mut program = stage.program(&bob, id).await;
        page.play("e2e4").await;
        program.play(1, "e7e5").await;
        page.play("g1f3").await;
        program.say(&ClientFrame::Leave).await;
        let is_closed = |body: &ServerBody| matches!(body, ServerBody::Closed(_));
        program.until(is_closed).await;
        page.push(button).await;
        page.shows("termination", "abandoned").await;
        page.shows("result", result).await;
        content(&page);
    };
    tokio::join!(
        claim("claim-win", "white_wins"),
        claim("claim-abandoned-draw", "draw"),
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rematch_is_declined_offered_and_accepted_and_both_go_there() {
    let stage = Stage::enter().await;
    let mut game = stage.game(terms()).await;
    game.play("e2e4 e7e5").await;
    game.white.push_twice("resign").await;
    game.ended("black_wins", "resignation").await;
    game.white.push("offer-rematch").await;
    game.black.push("decline-rematch").await;
    game.white
        .find(&format!("{}:not([disabled])", named("offer-rematch")))
        .await;
    game.black.push("offer-rematch").await;
    game.white.push("accept-rematch").await;
    for (page, role) in [(&game.white, "black"), (&game.black, "white")] {
        page.shows("role", role).await;
        page.is_live().await;
    }
    let id = game.white.attribute("match").await;
    assert_ne!(id, game.id.to_string());
    assert_eq!(game.black.attribute("match").await, id);
    game.black.play("d2d4").await;
    game.white.sees(1).await;
    game.leave();
}

#[tokio::test(flavor = "multi_thread")]
async fn lines_of_chat_reach_the_other_as_they_were_written() {
    let stage = Stage::enter().await;
    let game = stage.game(terms()).await;
    let hostile = "<img src=x onerror=alert(1)> & \u{202e}olleh";
    for (from, line) in [(&game.white, "Good luck!"), (&game.black, hostile)] {
        from.fill(&named("chat-input"), line).await;
        from.press(Key::Enter).await;
        let shown: String = line
            .chars()
            .filter(|letter| *letter != '\u{202e}')
            .collect();
        for page in [&game.white, &game.black] {
            let has_line = |text: &str| text.replace('\u{202e}', "").contains(&shown);
            page.reads(&named("chat-log"), has_line).await;
        }
    }
    for page in [&game.white, &game.black] {
        page.misses("[data-test=chat-log] img").await;
    }
    game.leave();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_premove_is_taken_away_or_played_at_once() {
    let stage = Stage::enter().await;
    let game = stage.game(terms()).await;
    game.black.touch(Hand::Clicks, "e7e5").await;
    game.black.shows("premove", "e7e5").await;
    game.black.press(Key::Escape).await;
    game.black.shows("premove", "").await;
    game.black.touch(Hand::Drags, "c7c5").await;
    game.black.shows("premove", "c7c5").await;
    // The answer comes at once, so nobody may see the first move alone.
    game.white.touch(Hand::Drags, "e2e4").await;
    game.black.sees(2).await;
    game.white.sees(2).await;
    assert_eq!(game.white.listed().await, ["e4", "c5"]);
    // It was charged less than its increment.
    let clock = stage.stored(game.id).await.clock.unwrap();
    assert!(clock.black_ms > 600_000, "{clock:?}");
    game.leave();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pawn_becomes_what_the_chooser_or_the_keyboard_says() {
    let stage = Stage::enter().await;
    let fen = "7k/P7/8/8/8/8/p7/7K w - - 0 1";
    let mut game = stage.game(from(fen)).await;
    game.play("a7a8n").await;
    game.black.touch(Hand::Clicks, "a2a1").await;
    game.black.find(&named("promotion")).await;
    game.black.press(Key::Escape).await;
    game.black.misses(&named("promotion")).await;
    game.black.sees(1).await;
    game.black.touch(Hand::Drags, "a2a1").await;
    game.black.find(&named("promotion")).await;
    game.black.write("r").await;
    game.white.sees(2).await;
    assert_eq!(game.white.listed().await, ["a8=N", "a1=R+"]);
    game.leave();
}
