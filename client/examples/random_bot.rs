//! Plays one match of random moves: `cargo run -p client --example random_bot [MATCHMAKER]`.
#![allow(clippy::print_stdout, reason = "it is what the program is for")]

use std::{env, error::Error, sync::Arc, time::Duration};

use client::connection::ConnectionTimes;
use client::pairing::find_match;
use client::seat::{PlayerSeat, SeatSession, SessionConfig};
use client::{Connector, Matchmaker};
use game_core::TimeControl;
use rand::seq::IndexedRandom;

const PATIENCE: Duration = Duration::from_secs(60);

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let address = env::args().nth(1);
    let address = address.unwrap_or("http://127.0.0.1:7000".into());
    let matchmaker = Matchmaker::new(&address, PATIENCE)?;
    let token = matchmaker.new_player(Some("Random")).await?.token;
    let time_control = TimeControl::from_millis(60_000, 1_000)?;
    let id = find_match(&matchmaker, &token, time_control, PATIENCE).await?;

    let connector = Arc::new(Connector::bind(1, ConnectionTimes::default())?);
    let seat = Arc::new(PlayerSeat { matchmaker, token });
    let mut session = SeatSession::join(connector, seat, id, SessionConfig::default()).await?;
    let mut moved_at = None;
    while session.view().result().is_none() {
        let (ply, is_mine) = (session.view().ply(), session.view().is_my_turn());
        if is_mine && moved_at.replace(ply) != Some(ply) {
            let legal = session.view().position().legal_moves();
            session.play(legal.choose(&mut rand::rng()).ok_or("no move")?.uci())?;
        }
        session.next().await?;
    }
    println!("{id}: {:?}", session.view().result());
    Ok(session.leave().await?)
}
