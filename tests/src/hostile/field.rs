//! What an attacker knows of an installation, which is what anybody may know, and what the few need that
//! play somebody who may know more.

use std::net::SocketAddr;
use std::time::Duration;

use client::Matchmaker;
use game_core::MatchId;
use protocol::http::ShardAddress;
use rand::SeedableRng;
use rand::rngs::StdRng;
use tokio_util::sync::CancellationToken;

use super::addresses::HALL;
use super::crowd::new_match;
use super::tally::Tally;
use crate::installation::{Endpoint, Installation};

/// The matchmaker answers within this while nobody attacks.
const PATIENCE: Duration = Duration::from_secs(10);

/// An attack's surroundings.
#[derive(Clone)]
pub(super) struct Field {
    /// URL of the matchmaker.
    pub(super) matchmaker: String,
    /// Where it listens.
    pub(super) matchmaker_socket: SocketAddr,
    /// Where its admin endpoint listens.
    pub(super) matchmaker_admin: SocketAddr,
    /// The shard, as every player is told.
    pub(super) shard: ShardAddress,
    /// Where its admin endpoint listens.
    pub(super) shard_admin: SocketAddr,
    /// An operator's way in, to revoke players.
    pub(super) operator: Endpoint,
    /// The key that tokens are signed with, for tokens that are signed and give no right.
    pub(super) signing_key: String,
    /// What chance decides follows from it.
    pub(super) seed: u64,
    /// What is done is counted here.
    pub(super) tally: Tally,
    /// The attack goes on until then.
    pub(super) end: CancellationToken,
}

impl Field {
    /// Looks around as any player can.
    pub(super) async fn of(installation: &Installation, seed: u64) -> Result<Self, String> {
        let shard = installation.shards.first().ok_or("there is no shard")?;
        let matchmaker =
            Matchmaker::from_address(Some(HALL.into()), &installation.matchmaker, PATIENCE)
                .map_err(|error| error.to_string())?;
        let (id, tokens) = match_of_two(&matchmaker).await?;
        let seat = matchmaker.seat(&tokens[0], id).await;
        Ok(Self {
            matchmaker: installation.matchmaker.clone(),
            matchmaker_socket: socket(&installation.matchmaker)?,
            matchmaker_admin: socket(&installation.admin.url)?,
            shard: seat.map_err(|error| error.to_string())?.shard,
            shard_admin: socket(&shard.admin.url)?,
            operator: installation.admin.clone(),
            signing_key: installation.signing_key(),
            seed,
            tally: Tally::default(),
            end: CancellationToken::new(),
        })
    }

    /// The matchmaker as it is asked from an address.
    pub(super) fn matchmaker(&self, from: std::net::Ipv4Addr) -> Result<Matchmaker, String> {
        Matchmaker::from_address(Some(from.into()), &self.matchmaker, PATIENCE)
            .map_err(|error| error.to_string())
    }

    /// Where the shard answers pages over TCP.
    pub(super) fn web_socket(&self) -> Result<SocketAddr, String> {
        let url = self.shard.web_socket.as_deref().unwrap_or_default();
        let address = url.trim_start_matches("ws://").trim_end_matches('/');
        address.parse().map_err(|_| format!("{url} is no address"))
    }

    /// Chance, another for each number.
    pub(super) fn dice(&self, number: u64) -> StdRng {
        StdRng::seed_from_u64(self.seed.wrapping_add(number))
    }
}

/// Two new guests in a match with each other, White's token first.
pub(super) async fn match_of_two(
    matchmaker: &Matchmaker,
) -> Result<(MatchId, [String; 2]), String> {
    let said = |error: client::MatchmakerError| error.to_string();
    let white = matchmaker.new_player(None).await.map_err(said)?.token;
    let black = matchmaker.new_player(None).await.map_err(said)?.token;
    let id = new_match(matchmaker, "600+5", &white, &black).await?;
    Ok((id, [white, black]))
}

fn socket(url: &str) -> Result<SocketAddr, String> {
    let address = url.strip_prefix("http://").unwrap_or(url);
    address.parse().map_err(|_| format!("{url} is no address"))
}
