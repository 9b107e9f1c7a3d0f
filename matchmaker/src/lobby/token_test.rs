//! `POST /v1/tokens/test`: what tokens are.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use game_core::UnixMillis;
use protocol::http::{TokenTest, TokenTestReply, TokenView};
use store::Scope;
use web::Body;

use crate::accounts::shown_scope;
use crate::allowances::Client;
use crate::described::{ChangeProblems, Problems};
use crate::identified::Identified;
use crate::problem::{Kind, Problem};
use crate::service::Service;

/// Upper bound on tokens of one request.
const TOKENS_MAX: usize = 20;

/// What tokens are: whose, for what, and until when. Whoever has a token may ask, with no other one.
#[utoipa::path(post, path = "/v1/tokens/test", tag = "accounts", request_body = TokenTest,
    responses((status = 200, description = "What they are", body = TokenTestReply), Problems, ChangeProblems))]
pub(crate) async fn test(
    State(service): State<Arc<Service>>,
    client: Client,
    Body(TokenTest { tokens }): Body<TokenTest>,
) -> Result<Json<TokenTestReply>, Problem> {
    if tokens.len() > TOKENS_MAX {
        let why = format!("Ask for {TOKENS_MAX} tokens at most.");
        return Err(Problem::new(Kind::InvalidRequest, why));
    }
    service.allowances.login(client)?;
    let mut views = Vec::with_capacity(tokens.len());
    for token in &tokens {
        views.push(match Identified::of(token, &service).await {
            Ok(identified) => Some(view(identified)),
            Err(problem) if is_refusal(problem.kind) => None,
            Err(problem) => return Err(problem),
        });
    }
    Ok(Json(TokenTestReply { tokens: views }))
}

fn is_refusal(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::TokenInvalid | Kind::TokenExpired | Kind::TokenRevoked
    )
}

fn view(identified: Identified) -> TokenView {
    let has = |scope: &Scope| match &identified.scopes {
        Some(scopes) => scopes.iter().any(|own| own.includes(*scope)),
        None => true,
    };
    TokenView {
        scopes: Scope::ALL
            .into_iter()
            .filter(has)
            .map(shown_scope)
            .collect(),
        player: identified.player.id,
        name: identified.player.name.to_string(),
        bot: identified.player.is_bot,
        expires_at: identified
            .expires_at_s
            .map(|s| UnixMillis(s.saturating_mul(1_000))),
    }
}
