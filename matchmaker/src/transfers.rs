//! `/v1/transfers`: going on as the same player on another device.

use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use game_core::{Player, UnixMillis};
use protocol::http::{NewTransfer, PlayerReply, TransferReply};
use store::{SecretDigest, StoreError, Transfer};
use web::{Body, PathId};

use crate::accounts::CODE_ATTEMPTS;
use crate::allowances::Client;
use crate::clock::now;
use crate::described::{CallerProblems, ChangeProblems, Problems};
use crate::extract::Bearer;
use crate::identity::{Secret, TRANSFER_CODE_LEN, digest_of};
use crate::problem::{Kind, Problem};
use crate::service::Service;

/// How long a code is good for: a link is opened, or a picture of it scanned, at once.
const TRANSFER_LIFE: Duration = Duration::from_secs(5 * 60);

/// Makes a code with which the caller goes on as the same player on another device, once.
#[utoipa::path(post, path = "/v1/transfers", tag = "players", request_body = Option<NewTransfer>, security(("player" = [])),
    responses((status = 201, description = "The code, which is shown once", body = TransferReply), Problems, CallerProblems, ChangeProblems))]
pub(crate) async fn create(
    State(service): State<Arc<Service>>,
    Bearer(player): Bearer,
    Body(NewTransfer {}): Body<NewTransfer>,
) -> Result<(StatusCode, Json<TransferReply>), Problem> {
    service.check_store_room()?;
    service.allowances.transfer(&player.id)?;
    let Player {
        id, name, is_bot, ..
    } = player;
    let (secret, made_at) = (Secret::transfer(), now());
    let expires_at = UnixMillis(made_at.0 + TRANSFER_LIFE.as_millis() as u64);
    let transfer = Transfer {
        digest: secret.digest,
        player: id,
        name: name.to_string(),
        is_bot,
        made_at,
        expires_at,
        used_by: None,
    };
    service.store.put_transfer(&transfer).await?;
    let reply = TransferReply {
        code: secret.text,
        expires_at,
    };
    Ok((StatusCode::CREATED, Json(reply)))
}

/// Gives a token of the player who made a code. The code is used up.
#[utoipa::path(post, path = "/v1/transfers/{code}/redeem", tag = "players", params(("code" = String, Path, pattern = "^[0-9A-Za-z]{24}$")),
    responses((status = 200, description = "The player, and a token", body = PlayerReply), Problems, CallerProblems, ChangeProblems))]
pub(crate) async fn redeem(
    State(service): State<Arc<Service>>,
    client: Client,
    PathId(Code(digest)): PathId<Code>,
) -> Result<Json<PlayerReply>, Problem> {
    service.allowances.redemption(client)?;
    let transfer = service.redeemed(&digest).await?.ok_or_else(not_found)?;
    let validity = service.admitted(&transfer.player).await?;
    let void_up_to = validity.void_up_to.unwrap_or_default();
    if transfer.made_at <= void_up_to {
        return Err(not_found());
    }
    let Transfer {
        player,
        name,
        is_bot,
        ..
    } = transfer;
    // Later than what is void, also if that was written by a matchmaker whose clock is ahead.
    let made_at = now().max(UnixMillis(void_up_to.0.saturating_add(1)));
    Ok(Json(service.signed(player, name, is_bot, made_at)))
}

/// The digest of a code, which comes in the path.
pub(crate) struct Code(SecretDigest);

impl FromStr for Code {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let is_code =
            text.len() == TRANSFER_CODE_LEN && text.bytes().all(|c| c.is_ascii_alphanumeric());
        is_code.then(|| Self(digest_of(text))).ok_or(())
    }
}

impl Service {
    /// Uses a code up. The same attempt is repeated while the store does not answer, as an answer that is lost would be
    /// lost with the code.
    async fn redeemed(&self, digest: &SecretDigest) -> Result<Option<Transfer>, StoreError> {
        let request = rand::random();
        let mut attempts = 0;
        loop {
            attempts += 1;
            match self.store.use_transfer(digest, request, now()).await {
                Err(StoreError::Unavailable(_)) if attempts < CODE_ATTEMPTS => {}
                answer => return answer,
            }
        }
    }
}

fn not_found() -> Problem {
    let why = "The code was used, has expired or was replaced. Make a new one on the other device.";
    Problem::new(Kind::TransferNotFound, why)
}
