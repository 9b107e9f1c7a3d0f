//! A shard that is killed costs a page no move, by whichever door it came.

use std::sync::Arc;
use std::time::Duration;

use client::connection::ConnectionTimes;
use client::seat::PlayerSeat;
use client::{Connector, Matchmaker, SeatSession, SessionConfig, Transport};
use game_core::{ClockStart, ColorChoice};
use protocol::http::{NewChallenge, Terms};
use tests::installation::Installation;
use tokio::time::timeout;

use super::PATIENCE;

const MOVES: [&str; 6] = ["e2e4", "e7e5", "g1f3", "b8c6", "f1c4", "g8f6"];

/// White and Black in a new match, who take these transports in turns.
async fn seated(
    url: &str,
    transports: &'static [Transport],
) -> (Matchmaker, String, [SeatSession; 2]) {
    let matchmaker = Matchmaker::new(url, Duration::from_secs(10)).unwrap();
    let ann = matchmaker.new_player(Some("Ann")).await.unwrap();
    let bob = matchmaker.new_player(Some("Bob")).await.unwrap();
    let challenge = NewChallenge {
        terms: Terms {
            clock_start: ClockStart::AtOnce,
            ..Terms::usual("600+5".parse().unwrap())
        },
        color: ColorChoice::White,
        opponent: None,
        opponent_name: None,
        open: false,
        expires_in_s: None,
    };
    let made = matchmaker.create_challenge(&ann.token, &challenge).await;
    let accepted = matchmaker
        .accept_challenge(&bob.token, &made.unwrap().id)
        .await;
    let id = accepted.unwrap().match_id.unwrap();
    let connector = Connector::bind(1, ConnectionTimes::interactive()).unwrap();
    let connector = Arc::new(connector.by(transports));
    let sit = |token: &str| {
        let source = Arc::new(PlayerSeat {
            matchmaker: matchmaker.clone(),
            token: token.to_owned(),
        });
        SeatSession::join(
            Arc::clone(&connector),
            source,
            id,
            SessionConfig::interactive(),
        )
    };
    let white = sit(&ann.token).await.unwrap();
    let black = sit(&bob.token).await.unwrap();
    let owner = matchmaker.seat(&ann.token, id).await.unwrap().shard.id;
    (matchmaker, owner.to_string(), [white, black])
}

/// Reads both seats until both see so many moves.
async fn see(seats: &mut [SeatSession; 2], plies: usize) {
    let [white, black] = seats;
    let seeing = async {
        loop {
            let has = |seat: &SeatSession| seat.view().moves().len() == plies;
            match (has(white), has(black)) {
                (true, true) => break,
                (white_has, black_has) => tokio::select! {
                    update = white.next(), if !white_has => drop(update.unwrap()),
                    update = black.next(), if !black_has => drop(update.unwrap()),
                },
            }
        }
    };
    timeout(PATIENCE, seeing).await.expect("both see the move");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shard_that_is_killed_loses_no_move_and_doubles_none() {
    let _turn = tests::turns::turn().await;
    const WAYS: [&[Transport]; 3] = [
        &[Transport::WebSocket],
        &[Transport::WebTransport],
        &[
            Transport::WebTransport,
            Transport::WebSocket,
            Transport::WebSocket,
        ],
    ];
    let mut installation = Installation::start(4).await;
    for transports in WAYS {
        let url = installation.matchmaker.clone();
        let (_matchmaker, owner, mut seats) = seated(&url, transports).await;
        for (ply, uci) in MOVES.iter().enumerate() {
            if ply == 3 {
                installation.kill(&owner);
            }
            let mover = &mut seats[ply % 2];
            mover.play(uci.parse().unwrap()).unwrap();
            see(&mut seats, ply + 1).await;
        }
        for seat in &seats {
            let moves = seat.view().moves().iter().map(ToString::to_string);
            assert_eq!(moves.collect::<Vec<_>>(), MOVES);
            assert!(seat.resumed() > 0, "{transports:?}");
        }
    }
}
