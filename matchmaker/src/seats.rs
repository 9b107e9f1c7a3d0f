//! `/v1/matches/{match}/seat` and `/watch`: the shard of a match, and a token to join it.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use game_core::{MatchId, Player, Seat, ShardId};
use protocol::Role;
use protocol::http::{SeatReply, ShardAddress, WebTransportAddress, hex};
use store::{Liveness, Ownership, Registered, ShardRecord, Status};
use tokens::SeatClaims;
use tokio::time::timeout;
use web::PathId;

use crate::clock::now;
use crate::described::{CallerProblems, Problems};
use crate::extract::Caller;
use crate::matches::not_found;
use crate::problem::{Kind, Problem};
use crate::registry::Fate;
use crate::service::{Service, expiry, no_shard};

/// When a player who finds no match may ask again: a shard makes a rematch within this of its agreement.
const AGAIN_AFTER: Duration = Duration::from_secs(1);

/// The seat of a player: the shard to join, and a token for it.
#[utoipa::path(post, path = "/v1/matches/{match}/seat", tag = "seats", security(("player" = [])), params(("match" = String, Path, pattern = "^[0-9A-Za-z]{12}$")),
    responses((status = 200, description = "The seat", body = SeatReply), Problems, CallerProblems))]
pub(crate) async fn take(
    State(service): State<Arc<Service>>,
    Caller(player): Caller,
    PathId(id): PathId<MatchId>,
) -> Result<Json<SeatReply>, Problem> {
    let checkpoint = service.store.load(id).await?;
    // A rematch is agreed on a moment before its match exists.
    let checkpoint = checkpoint.ok_or_else(|| not_found(id).after(AGAIN_AFTER))?;
    let players = &checkpoint.snapshot.setup().players;
    let seat = Seat::BOTH
        .into_iter()
        .find(|seat| players[*seat].id == player.id);
    let seat = seat.ok_or_else(|| {
        Problem::new(
            Kind::NotAPlayer,
            format!("You do not play in this match; POST /v1/matches/{id}/watch lets you watch."),
        )
    })?;
    service
        .admit(id, seat.into(), &player, checkpoint.ownership)
        .await
        .map(Json)
}

/// The right to watch a match over QUIC: the shard to join, and a token for it.
#[utoipa::path(post, path = "/v1/matches/{match}/watch", tag = "seats", security(("player" = [])), params(("match" = String, Path, pattern = "^[0-9A-Za-z]{12}$")),
    responses((status = 200, description = "A spectator's place", body = SeatReply), Problems, CallerProblems))]
pub(crate) async fn watch(
    State(service): State<Arc<Service>>,
    Caller(player): Caller,
    PathId(id): PathId<MatchId>,
) -> Result<Json<SeatReply>, Problem> {
    let ownership = service
        .store
        .ownership(id)
        .await?
        .ok_or_else(|| not_found(id))?;
    service
        .admit(id, Role::Spectator, &player, ownership)
        .await
        .map(Json)
}

impl Service {
    /// A token for `role`, and the shard to join with it.
    async fn admit(
        &self,
        id: MatchId,
        role: Role,
        player: &Player,
        ownership: Ownership,
    ) -> Result<SeatReply, Problem> {
        let shard = self.locate(id, ownership).await?;
        let (exp, expires_at) = expiry(now(), self.config.seat_token_ttl);
        let claims = SeatClaims {
            match_id: id,
            role,
            player: player.id.clone(),
            exp,
        };
        Ok(SeatReply {
            match_id: id,
            role,
            token: self.key.seat_token(&claims),
            expires_at,
            shard,
        })
    }

    /// Waits until it is known whether a suspect shard is dead. A player who is sent to a dead shard learns of it by
    /// a timeout, which takes longer.
    async fn wait_while_suspect(&self, owner: ShardId) {
        let mut views = self.views.clone();
        let known =
            views.wait_for(|view| !matches!(view.fate(owner), Fate::Suspect(_) | Fate::Silent));
        if self.may_wait() {
            // It takes longer while the store does not answer.
            let _ = timeout(Liveness::DEAD_AFTER, known).await;
        }
    }

    /// The shard of a match: its owner or, if that is gone, the shard that is to claim it when the player joins. A
    /// finished match can be read by any shard.
    async fn locate(&self, id: MatchId, ownership: Ownership) -> Result<ShardAddress, Problem> {
        let is_finished = ownership.status == Status::Finished;
        if !is_finished {
            self.wait_while_suspect(ownership.owner).await;
        }
        let view = self.view();
        match view.fate(ownership.owner) {
            Fate::Lives(owner) | Fate::Suspect(owner) => return Ok(address(owner)),
            Fate::Absent if !is_finished => {
                // A shard that has just started may own the match already: sending the player
                // elsewhere would take the match from a live owner.
                let registry = self.store.shards().await?;
                match registry.iter().find(|seen| seen.id() == ownership.owner) {
                    Some(Registered::Recorded(owner)) => return Ok(address(owner)),
                    Some(Registered::Unreadable { .. } | Registered::Absent(_)) => {
                        return Err(owner_unknown());
                    }
                    Some(Registered::Left(_)) | None => {}
                }
            }
            Fate::Unknown | Fate::Silent | Fate::Unreadable if !is_finished => {
                return Err(owner_unknown());
            }
            Fate::Dead | Fate::Absent | Fate::Unknown | Fate::Silent | Fate::Unreadable => {}
        }
        view.for_match(id, ownership.owner)
            .map(address)
            .ok_or_else(|| no_shard(&view))
    }
}

fn owner_unknown() -> Problem {
    let detail = "Where the match lives is not known yet. Try again.";
    Problem::new(Kind::OwnerUnknown, detail)
}

fn address(shard: &ShardRecord) -> ShardAddress {
    ShardAddress {
        id: shard.id,
        address: shard.address,
        certificate_sha256: shard.certificate_sha256.map(|digest| hex(&digest)),
        web_transport: shard.web.web_transport.as_ref().map(|door| {
            let hashes = door.certificate_hashes.iter();
            WebTransportAddress {
                url: door.url.clone(),
                certificate_hashes: hashes.map(|digest| hex(digest)).collect(),
            }
        }),
        web_socket: shard.web.web_socket.clone(),
    }
}
