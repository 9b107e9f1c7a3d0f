//! Plays one match of random moves: `cargo run -p client --example random_bot [MATCHMAKER]`.
#![allow(clippy::print_stdout)]

use std::{env, error::Error, sync::Arc, time::Duration};

use client::connection::ConnectionTimes;
use client::pairing::find_match;
use client::seat::{PlayerSeat, SeatSession, SessionConfig};
use client::{Connector, Matchmaker};
use game_core::TimeControl;
use rand::seq::IndexedRandom;

const HERE: &str = "http://127.0.0.1:7000";
const PATIENCE: Duration = Duration::from_secs(60);

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let address = env::args().nth(1).unwrap_or(HERE.into());
    let matchmaker = Matchmaker::new(&address, PATIENCE)?;
    let token = matchmaker.new_player(Some("Random")).await?.token;
    let control = TimeControl::from_millis(60_000, 1_000)?;
    let id = find_match(&matchmaker, &token, control, PATIENCE).await?;
    let connector = Arc::new(Connector::bind(1, ConnectionTimes::default())?);
    let seat = Arc::new(PlayerSeat { matchmaker, token });
    let mut session = SeatSession::join(connector, seat, id, SessionConfig::default()).await?;
    let mut moved_at = None;
    while session.view().result().is_none() {
        let (view, seq) = (session.view(), session.view().position_seq());
        if view.is_my_turn() && moved_at.replace(seq) != Some(seq) {
            let legal = view.position().legal_moves();
            // A mate leaves none, before it is said to be the end.
            if let Some(chosen) = legal.choose(&mut rand::rng()) {
                session.play(chosen.uci())?;
            }
        }
        session.next().await?;
    }
    println!("{id}: {:?}", session.view().result());
    Ok(session.leave().await?)
}
