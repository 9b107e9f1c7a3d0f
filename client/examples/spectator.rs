//! Watches one match to its end: `cargo run -p client --example spectator MATCH [MATCHMAKER]`.
#![allow(clippy::print_stdout, reason = "it is what the program is for")]

use std::{env, error::Error, sync::Arc, time::Duration};

use client::connection::ConnectionTimes;
use client::seat::{SeatSession, SessionConfig, Watch};
use client::{Connector, Matchmaker, Update};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let id = env::args().nth(1).ok_or("which match?")?.parse()?;
    let address = env::args().nth(2).unwrap_or("http://127.0.0.1:7000".into());
    let matchmaker = Matchmaker::new(&address, Duration::from_secs(60))?;
    let token = matchmaker.new_player(None).await?.token;
    let connector = Arc::new(Connector::bind(1, ConnectionTimes::default())?);
    let place = Arc::new(Watch { matchmaker, token });
    let mut session = SeatSession::join(connector, place, id, SessionConfig::default()).await?;
    loop {
        let view = session.view();
        println!("{} {}", view.sans().join(" "), view.fen());
        if let Some((outcome, why)) = view.result() {
            println!("{outcome} {why}");
            return Ok(session.leave().await?);
        }
        // What was missed while the connection was lost is in the view when the seat is taken again.
        while !matches!(
            session.next().await?,
            Update::Event { .. } | Update::Joined { .. }
        ) {}
    }
}
