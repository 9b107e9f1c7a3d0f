//! What a player types and clicks, and what the shard hears of it, over a real connection.

use std::sync::Arc;

use client::Connector;
use client::connection::ConnectionTimes;
use client::seat::{SeatTimes, SessionConfig};
use client::testing::script::{
    ack, clock, ended, event, frame, joined, match_id, moved, said, state,
};
use client::testing::shard::{Fixed, ScriptedShard, ScriptedStream};
use game_core::{MatchId, Outcome, Termination};
use protocol::{CatchUp, ClientFrame, MatchState, ServerBody, ServerFrame};
use tokio::time::timeout;

use super::*;

const SOON: Duration = Duration::from_secs(20);

/// A dialog and the shard that it plays at.
struct Scene {
    dialog: Dialog,
    shard: ScriptedStream,
    /// Held for its endpoint.
    _at: ScriptedShard,
}

impl Scene {
    /// White in a match of this state.
    async fn of(state: MatchState) -> Self {
        let at = ScriptedShard::default();
        let connector = Arc::new(Connector::bind(1, ConnectionTimes::default()).unwrap());
        let source = Arc::new(Fixed(at.reply()));
        let seq = u32::try_from(state.moves.len()).unwrap();
        // Most commands here are never answered.
        let times = SeatTimes {
            answer_max: 2 * SOON,
            ..SeatTimes::default()
        };
        let config = SessionConfig {
            times,
            ..SessionConfig::default()
        };
        let joining = SeatSession::join(connector, source, match_id(), config);
        let accepting = async {
            let (mut stream, _) = at.accept().await;
            stream.say(joined(1, seq, CatchUp::State(state))).await;
            stream
        };
        let both = async { tokio::join!(joining, accepting) };
        let (session, shard) = timeout(SOON, both).await.unwrap();
        Self {
            dialog: Dialog::new(session.unwrap()),
            shard,
            _at: at,
        }
    }

    async fn after(moves: &str) -> Self {
        Self::of(state(moves)).await
    }

    /// White to move in a position of a match that began there.
    async fn from(fen: &str) -> Self {
        let start_fen = Some(fen.to_owned());
        Self::of(MatchState {
            start_fen,
            fen: fen.to_owned(),
            ..state("")
        })
        .await
    }

    fn types(&mut self, line: &str) -> String {
        told(self.dialog.typed(line))
    }

    fn clicks(&mut self, square: &str) -> String {
        told(self.dialog.clicked(square.parse().unwrap()))
    }

    /// The shard says something, and the player learns it.
    async fn hears(&mut self, said: ServerFrame) -> String {
        self.shard.say(said).await;
        let news = timeout(SOON, self.dialog.next()).await.unwrap();
        news.unwrap().join("\n")
    }

    /// What the shard receives next.
    async fn sends(&mut self) -> ClientFrame {
        let Self { dialog, shard, .. } = self;
        let receives = async {
            tokio::select! {
                received = shard.read() => received,
                // What it has to send goes out while it waits.
                news = dialog.next() => panic!("{news:?}"),
            }
        };
        timeout(SOON, receives).await.unwrap()
    }

    async fn sends_command(&mut self) -> CommandKind {
        match self.sends().await {
            ClientFrame::Command { kind, .. } => kind,
            other => panic!("{other:?}"),
        }
    }
}

fn told(typed: Typed) -> String {
    match typed {
        Typed::Done => String::new(),
        Typed::Say(lines) => lines.join("\n"),
        Typed::Help => "help".into(),
        Typed::Quit => "quit".into(),
    }
}

fn offer(seq: u32, seat: Seat, kind: EventKind) -> ServerFrame {
    event(1, (seq, said(Some(seat), kind, clock(None))))
}

fn plain(seq: u32, text: &str) -> CommandKind {
    CommandKind::plain_move(seq, text.parse().unwrap())
}

#[tokio::test]
async fn a_move_out_of_turn_is_played_at_once_on_ones_turn() {
    let mut scene = Scene::after("e2e4").await;
    let said = scene.types("Nf3!");
    assert!(said.contains("when it is your turn"), "{said}");
    assert!(scene.dialog.status().contains("Premove: Nf3!"));
    scene.hears(event(1, moved(2, "e7e5"))).await;
    assert_eq!(scene.sends_command().await, plain(2, "g1f3"));
    assert!(!scene.dialog.status().contains("Premove"));
}

#[tokio::test]
async fn a_premove_that_became_illegal_is_dropped_and_said() {
    let mut scene = Scene::after("e2e4").await;
    scene.types("exd5");
    let news = scene.hears(event(1, moved(2, "e7e5"))).await;
    assert!(news.contains("The premove exd5 is dropped."), "{news}");
    assert!(news.contains("no pawn can take on d5") || news.contains("No pawn can take on d5"));
    scene.types("Nf3");
    assert_eq!(scene.sends_command().await, plain(2, "g1f3"));
    let mut scene = Scene::after("e2e4").await;
    scene.types("Nf3");
    assert!(scene.types("cancel").contains("dropped"));
    assert!(scene.types("cancel").contains("no premove"));
}

#[tokio::test]
async fn a_pawn_s_piece_is_asked_for_and_answered_by_a_letter() {
    let fen = "r3k3/1P6/8/8/8/8/8/4K3 w - - 0 1";
    for (line, letter, expected) in [
        ("b8", "q", "b7b8q"),
        ("b7a8", "=N", "b7a8n"),
        ("bxa8", "r", "b7a8r"),
    ] {
        let mut scene = Scene::from(fen).await;
        let said = scene.types(line);
        assert!(said.contains("what the pawn becomes: "), "{said}");
        assert!(scene.dialog.is_asking() && scene.dialog.status().contains("becomes"));
        assert_eq!(scene.types(letter), "");
        assert_eq!(scene.sends_command().await, plain(0, expected));
    }
    // Anything else is what it says, and `q` without a question leaves.
    let mut scene = Scene::from(fen).await;
    scene.types("b8");
    scene.types("Kd2");
    assert_eq!(scene.sends_command().await, plain(0, "e1d2"));
    let mut scene = Scene::from(fen).await;
    scene.types("b8");
    assert_eq!(scene.types("flip"), "");
    assert_eq!(scene.types("q"), "quit");
}

#[tokio::test]
async fn two_clicks_are_a_move_and_castling_is_two_steps_of_the_king() {
    let mut scene = Scene::from("4k3/8/8/8/8/8/P7/4K2R w K - 0 1").await;
    assert_eq!(scene.clicks("a5"), "", "an empty square");
    assert_eq!(scene.dialog.chosen(), None);
    scene.clicks("a2");
    scene.clicks("e1");
    assert_eq!(
        scene.dialog.chosen().unwrap().to_string(),
        "e1",
        "another piece"
    );
    scene.clicks("g1");
    assert_eq!(scene.sends_command().await, plain(0, "e1g1"));
    let mut scene = Scene::from("4k3/8/8/8/8/8/P7/4K2R w K - 0 1").await;
    scene.clicks("e1");
    let said = scene.clicks("e8");
    assert!(
        said.contains("the king on e1 cannot go to e8") || said.contains("The king"),
        "{said}"
    );
}

#[tokio::test]
async fn offers_are_answered_by_one_word() {
    let mut scene = Scene::after("e2e4 e7e5").await;
    assert!(scene.types("accept").contains("no offer"));
    let news = scene
        .hears(offer(3, Seat::Black, EventKind::DrawOffered))
        .await;
    assert!(news.contains("offers a draw"), "{news}");
    scene.types("decline");
    assert_eq!(scene.sends_command().await, CommandKind::DeclineDraw);
    let news = scene
        .hears(offer(4, Seat::Black, EventKind::TakebackOffered))
        .await;
    assert!(news.contains("asks for a takeback"), "{news}");
    let said = scene.types("accept");
    assert!(said.contains("draw or takeback"), "{said}");
    scene.types("accept takeback");
    assert_eq!(scene.sends_command().await, CommandKind::AcceptTakeback);
    let status = scene.dialog.status();
    assert!(
        status.contains("A draw is offered") && status.contains("A takeback"),
        "{status}"
    );
}

#[tokio::test]
async fn every_other_command_has_its_words() {
    let mut scene = Scene::after("e2e4 e7e5").await;
    for (line, expected) in [
        ("draw", CommandKind::OfferDraw),
        ("takeback", CommandKind::OfferTakeback),
        ("give 30", CommandKind::GiveTime { seconds: 30 }),
        ("claim draw", CommandKind::ClaimDraw),
        ("claim win", CommandKind::ClaimWin),
        ("resign", CommandKind::Resign),
    ] {
        assert_eq!(scene.types(line), "");
        assert_eq!(scene.sends_command().await, expected, "{line}");
    }
    let said = scene.types("claim");
    assert!(said.contains("Nothing can be claimed"), "{said}");
    let with = CommandKind::Move {
        position_seq: 2,
        uci: "g1f3".parse().unwrap(),
        with: WithMove::DrawOffer,
    };
    scene.types("Nf3 draw");
    assert_eq!(scene.sends_command().await, with);
}

#[tokio::test]
async fn the_match_of_one_who_is_gone_is_counted_down_and_claimed() {
    let mut scene = Scene::after("e2e4 e7e5 g1f3").await;
    let gone = |claim_in_ms| {
        let seat = Seat::Black;
        frame(1, 3, ServerBody::Gone { seat, claim_in_ms })
    };
    let news = scene.hears(gone(Some(40_000))).await;
    assert!(news.contains("can be claimed in 40 s"), "{news}");
    assert!(scene.dialog.status().contains("can be claimed in"));
    assert!(scene.types("claim").contains("can be claimed in"));
    assert_eq!(scene.hears(gone(Some(0))).await, "", "the status shows it");
    assert!(scene.dialog.status().contains("claim win, or claim draw"));
    scene.types("claim");
    assert_eq!(scene.sends_command().await, CommandKind::ClaimWin);
    scene.types("claim draw");
    assert_eq!(scene.sends_command().await, CommandKind::ClaimAbandonedDraw);
}

#[tokio::test]
async fn chat_goes_both_ways() {
    let mut scene = Scene::after("e2e4").await;
    assert_eq!(scene.types("say Good luck!"), "");
    let ClientFrame::Say { text, id } = scene.sends().await else {
        panic!("no line");
    };
    assert_eq!(text, "Good luck!");
    scene.hears(frame(1, 1, ServerBody::Said { id })).await;
    let line = protocol::ChatLine {
        seat: Some(Seat::Black),
        name: "Bob".into(),
        text: "you too".into(),
        at: game_core::UnixMillis(1),
    };
    let news = scene.hears(frame(1, 1, ServerBody::Chat(vec![line]))).await;
    assert_eq!(news, "Bob: you too");
}

#[tokio::test]
async fn a_rematch_is_offered_after_the_end_and_leads_to_the_next_match() {
    let mut scene = Scene::after("e2e4 e7e5").await;
    let resigned = ended(3, Outcome::WhiteWins, Termination::Resignation);
    let news = scene.hears(event(1, resigned)).await;
    assert!(news.contains("You win"), "{news}");
    assert_eq!(scene.types("e4"), OVER);
    scene.types("rematch");
    let ClientFrame::Command { id, kind } = scene.sends().await else {
        panic!("no command");
    };
    assert_eq!(kind, CommandKind::OfferRematch);
    scene
        .hears(offer(4, Seat::White, EventKind::RematchOffered))
        .await;
    scene.hears(ack(1, 4, id, 4)).await;
    assert!(scene.dialog.status().contains("You offer a rematch"));
    let match_id = MatchId::from_random(5);
    scene
        .hears(offer(5, Seat::Black, EventKind::RematchAgreed { match_id }))
        .await;
    assert_eq!(scene.dialog.rematch(), Some(match_id));
}

#[tokio::test]
async fn a_takeback_drops_what_was_meant_for_the_position() {
    let mut scene = Scene::after("e2e4 e7e5 g1f3").await;
    scene.types("Bc4");
    scene
        .hears(offer(4, Seat::White, EventKind::TakebackOffered))
        .await;
    let news = scene
        .hears(offer(5, Seat::Black, EventKind::TakenBack { plies: 1 }))
        .await;
    assert!(news.contains("1 half-move taken back"), "{news}");
    assert!(news.contains("premove is dropped"), "{news}");
    scene.types("Nc3");
    assert_eq!(scene.sends_command().await, plain(5, "b1c3"));
}
