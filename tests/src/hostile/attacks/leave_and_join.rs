//! A player who leaves and joins all the time, to throw the opponent out.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use client::connection::ConnectionTimes;
use client::seat::{PlayerSeat, SeatFuture, SeatSource};
use client::{Connector, SeatSession, SessionConfig, Update};
use game_core::MatchId;
use lab::udp_proxy::{UdpProxy, Weather};
use protocol::{ClientFrame, Join};
use tokio::time::{Instant, timeout};

use super::pace::Pace;
use crate::hostile::addresses::{attacker, newcomer};
use crate::hostile::field::{Field, match_of_two};
use crate::wire::RawClient;

/// How long the opponent's packets are under way in each direction.
const AWAY: Duration = Duration::from_millis(100);
/// A join is answered within this, or given up.
const ANSWER_MAX: Duration = Duration::from_secs(2);
/// Presence of a seat may be told once a second, and once more at the beginning and at the end.
const PRESENCE_SPARE: u64 = 5;

const TOLD: &str = "presence told to the opponent";

/// Runs the attack beside its victim.
pub(in crate::hostile) async fn run(field: &Field) -> Result<(), String> {
    let matchmaker = field.matchmaker(newcomer(0))?;
    let (match_id, [white, black]) = match_of_two(&matchmaker).await?;
    let proxy = UdpProxy::start(field.shard.address, field.seed).await;
    let proxy = proxy.map_err(|error| error.to_string())?;
    proxy.set(Weather {
        latency: AWAY,
        ..Weather::default()
    });
    let source = Arc::new(FarAway {
        seat: PlayerSeat {
            matchmaker,
            token: white,
        },
        proxy: proxy.address(),
    });
    let connector = Connector::bind_to(newcomer(0), 1, ConnectionTimes::default());
    let connector = Arc::new(connector.map_err(|error| error.to_string())?);
    let victim = SeatSession::join(connector, source, match_id, SessionConfig::default()).await;
    let victim = victim.map_err(|error| error.to_string())?;
    let began = Instant::now();
    let (watched, attacked) =
        tokio::join!(watch(field, victim), come_and_go(field, match_id, &black));
    let allowed = began.elapsed().as_secs() + PRESENCE_SPARE;
    let told = field.tally.get(TOLD);
    if told > allowed {
        let seconds = began.elapsed().as_secs();
        field.tally.breach(format!(
            "a seat's presence was told {told} times in {seconds} s"
        ));
    }
    watched.and(attacked)
}

/// The opponent sits and waits.
async fn watch(field: &Field, mut victim: SeatSession) -> Result<(), String> {
    loop {
        let update = tokio::select! {
            update = victim.next() => update.map_err(|error| error.to_string())?,
            () = field.end.cancelled() => return Ok(()),
        };
        match update {
            Update::Presence { .. } => field.tally.count(TOLD),
            Update::Reconnecting(_) => field.tally.breach("the opponent was thrown out"),
            Update::Closed(code) => return Err(format!("the opponent's seat was closed: {code}")),
            _ => {}
        }
    }
}

/// The attacker, on one connection as long as it lasts.
async fn come_and_go(field: &Field, match_id: MatchId, token: &str) -> Result<(), String> {
    let matchmaker = field.matchmaker(attacker(0))?;
    let pace = Pace::new(500, &field.end);
    let mut client: Option<(RawClient, String)> = None;
    while pace.turn().await {
        let (connected, token) = match &mut client {
            Some(connected) => connected,
            None => {
                let Ok(seat) = matchmaker.seat(token, match_id).await else {
                    field.tally.count("seats refused");
                    continue;
                };
                let Ok(connected) = RawClient::connect_from(attacker(0).into(), &seat.shard).await
                else {
                    field.tally.count("connections refused");
                    continue;
                };
                client.insert((connected, seat.token))
            }
        };
        match join_and_leave(connected, match_id, token).await {
            Some(true) => field.tally.count("joins answered"),
            Some(false) => field.tally.count("joins refused"),
            None => {
                field.tally.count("connections lost");
                client = None;
            }
        }
    }
    Ok(())
}

/// Joins on a stream of its own and leaves at once; whether it was let in, or `None` if the connection is
/// gone.
async fn join_and_leave(client: &mut RawClient, match_id: MatchId, token: &str) -> Option<bool> {
    let coming = async {
        client.reopen().await.ok()?;
        let join = ClientFrame::Join(Join {
            version: protocol::VERSION,
            flags: protocol::JoinFlags::NONE,
            match_id,
            token: token.to_owned(),
            seen: Some(0),
        });
        let mut bytes = protocol::codec::encode_client(&join).to_vec();
        bytes.extend_from_slice(&protocol::codec::encode_client(&ClientFrame::Leave));
        client.send.write_all(&bytes).await.ok()?;
        let mut is_let_in = false;
        while let Some(frame) = client.try_next().await.ok()? {
            is_let_in |= matches!(frame.body, protocol::ServerBody::Joined(_));
        }
        Some(is_let_in)
    };
    timeout(ANSWER_MAX, coming).await.ok()?
}

/// A seat that is reached through a proxy.
struct FarAway {
    seat: PlayerSeat,
    proxy: SocketAddr,
}

impl SeatSource for FarAway {
    fn seat(&self, match_id: MatchId) -> SeatFuture<'_> {
        Box::pin(async move {
            let mut reply = self.seat.seat(match_id).await?;
            reply.shard.address = self.proxy;
            Ok(reply)
        })
    }
}
