//! The doors of pages: WebSocket and WebTransport, beside native clients.

mod admission;
mod hostile;
mod matches;
mod takeover;

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use game_core::{MatchId, Seat};
use protocol::{JoinFlags, Role, ServerBody, ServerFrame};
use tests::page::{Door, Page};
use tests::shard::LocalShard;
use tests::wire::RawClient;

/// Longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(30);

fn loopback(host: u8) -> IpAddr {
    Ipv4Addr::new(127, 0, 3, host).into()
}

const fn role(seat: Seat) -> Role {
    match seat {
        Seat::White => Role::White,
        Seat::Black => Role::Black,
    }
}

/// Somebody in a seat, by whichever door; `None` is that of programs.
enum Seated {
    Program(Box<RawClient>),
    Page(Box<Page>),
}

impl Seated {
    async fn sit(shard: &LocalShard, id: MatchId, seat: Seat, door: Option<Door>) -> Self {
        let token = shard.token(id, role(seat));
        match door {
            None => {
                let (client, _) = RawClient::join(&shard.address, id, token, None).await;
                Self::Program(Box::new(client))
            }
            Some(door) => {
                let (page, _) = Page::join(door, &shard.address, id, token, None).await;
                Self::Page(Box::new(page))
            }
        }
    }

    async fn play(&mut self, ply: u16, uci: &str) {
        match self {
            Self::Program(client) => client.play(ply, uci).await,
            Self::Page(page) => page.play(ply, uci).await,
        }
    }

    async fn until(&mut self, wanted: impl Fn(&ServerBody) -> bool) -> ServerFrame {
        match self {
            Self::Program(client) => client.until(wanted).await,
            Self::Page(page) => page.until(wanted).await,
        }
    }
}

/// A page that takes White's seat with these flags.
async fn white_with(door: Door, shard: &LocalShard, id: MatchId, flags: JoinFlags) -> Page {
    let mut page = Page::connect(door, &shard.address).await;
    page.ask(id, shard.token(id, Role::White), None, flags)
        .await;
    page.until(|body| matches!(body, ServerBody::Joined(_)))
        .await;
    page
}
