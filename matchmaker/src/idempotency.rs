//! `Idempotency-Key`: a POST that is sent again, to whichever matchmaker, changes nothing more and has its first answer.
//!
//! The entry of a key is made before the request is carried out, with the id of what it may create: so a request whose
//! matchmaker died halfway is carried out again under the same id, which creates nothing twice. Only answers of success
//! are kept; what was refused has changed nothing and may be asked again. Keys count for a player or, where the request
//! needs none, for an address.
//!
//! The store has a digest of player and key, and answers encrypted under another digest of both, as some hold tokens:
//! who reads the store but does not know the key learns neither.

use std::convert::Infallible;
use std::sync::Arc;

use axum::body::{Body, Bytes, HttpBody, to_bytes};
use axum::extract::{FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use game_core::MatchId;
use protocol::http::hex;
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::digest::{Context, SHA256};
use store::{Begun, RequestDigest};

use crate::allowances::Client;
use crate::clock::now;
use crate::extract::Caller;
use crate::problem::{Kind, Problem};
use crate::service::Service;

const KEY: HeaderName = HeaderName::from_static("idempotency-key");
const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");

/// Longest key, in characters.
const KEY_LEN_MAX: usize = 255;

/// Longest answer that is kept, in bytes: those to requests that create something have about 500.
const ANSWER_LEN_MAX: u64 = 8 * 1_024;

/// The id for what a request creates, if it came with an idempotency key.
#[derive(Debug, Clone, Copy)]
pub(crate) struct NewId(pub(crate) Option<MatchId>);

impl<S: Send + Sync> FromRequestParts<S> for NewId {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let given = parts.extensions.get::<Self>().copied();
        Ok(given.unwrap_or(Self(None)))
    }
}

/// Middleware that carries a request with a key out once.
pub(crate) async fn once(
    State(service): State<Arc<Service>>,
    client: Client,
    request: Request,
    next: Next,
) -> Response {
    if request.method() != Method::POST
        || !request.headers().contains_key(KEY)
        || changes_nothing(request.uri().path())
    {
        return next.run(request).await;
    }
    match carry_out(&service, client, request, next).await {
        Ok(response) => response,
        Err(problem) => problem.into_response(),
    }
}

/// Requests for seats make a token and change nothing. They are answered anew, as keeping every token would fill the
/// store.
fn changes_nothing(path: &str) -> bool {
    path.starts_with("/v1/matches/") && (path.ends_with("/seat") || path.ends_with("/watch"))
}

async fn carry_out(
    service: &Arc<Service>,
    client: Client,
    request: Request,
    next: Next,
) -> Result<Response, Problem> {
    let (mut parts, body) = request.into_parts();
    let key = read_key(parts.headers.get(KEY))?.to_owned();
    let scope = if parts.headers.contains_key(header::AUTHORIZATION) {
        let Caller(player) = Caller::from_request_parts(&mut parts, service).await?;
        format!("player {}", player.id)
    } else {
        format!("address {}", client.counted_by())
    };
    // `limit` has read it already, within its bounds.
    let body = to_bytes(body, service.bounds.body_len_max)
        .await
        .unwrap_or_default();
    let target = parts
        .uri
        .path_and_query()
        .map_or("", |target| target.as_str());
    let wanted = digest(&[target.as_bytes(), &body]);
    let name = hex(&digest(&[b"name", scope.as_bytes(), key.as_bytes()]));
    let seal = Seal::new(&digest(&[b"answer", scope.as_bytes(), key.as_bytes()]));
    let new_id = service.new_match_id();
    let begun = service.store.begin_request(&name, &wanted, new_id, now());
    let id = match begun.await? {
        Begun::New(id) => id,
        Begun::Running => {
            let detail = "The request with this idempotency key is being carried out. Try again.";
            let again = std::time::Duration::from_secs(1);
            return Err(Problem::new(Kind::RequestInProgress, detail).after(again));
        }
        Begun::Other => {
            let detail = "This idempotency key came with another request before.";
            return Err(Problem::new(Kind::IdempotencyKeyReused, detail));
        }
        Begun::Done(answer) => {
            let answer = seal.open(answer).and_then(|answer| replay(&answer));
            let unreadable = || Problem::new(Kind::Internal, "The kept answer cannot be read.");
            return answer.ok_or_else(unreadable);
        }
    };
    parts.extensions.insert(NewId(Some(id)));
    let request = Request::from_parts(parts, Body::from(body));
    let (parts, body) = next.run(request).await.into_parts();
    if body
        .size_hint()
        .exact()
        .is_none_or(|len| len > ANSWER_LEN_MAX)
    {
        // What creates one thing answers with less.
        service.store.end_request(&name, None).await?;
        return Ok(Response::from_parts(parts, body));
    }
    let answer = to_bytes(body, ANSWER_LEN_MAX as usize)
        .await
        .unwrap_or_default();
    let kept = if parts.status.is_success() {
        let sealed = seal.close(&kept(parts.status, &answer));
        service.store.end_request(&name, Some(&sealed)).await
    } else if parts.status.is_client_error() {
        service.store.forget_request(&name).await
    } else {
        // It was carried out or not.
        service.store.end_request(&name, None).await
    };
    // A repetition is carried out again then, under the same id.
    kept.inspect_err(|error| tracing::debug!(%error, "an answer is not kept"))
        .ok();
    Ok(Response::from_parts(parts, Body::from(answer)))
}

fn read_key(value: Option<&HeaderValue>) -> Result<&str, Problem> {
    let key = value.and_then(|value| value.to_str().ok()).map(str::trim);
    key.filter(|key| (1..=KEY_LEN_MAX).contains(&key.len()))
        .ok_or_else(|| {
            let detail = "Idempotency-Key is 1 to 255 visible ASCII characters.";
            Problem::new(Kind::InvalidRequest, detail)
        })
}

/// A digest of parts, each with its length, so that no two lists of parts have the same.
fn digest(parts: &[&[u8]]) -> RequestDigest {
    let mut context = Context::new(&SHA256);
    for part in parts {
        context.update(&(part.len() as u64).to_le_bytes());
        context.update(part);
    }
    let mut digest = RequestDigest::default();
    digest.copy_from_slice(context.finish().as_ref());
    digest
}

/// An answer as it is kept: its status, and its body, which is JSON if there is one.
fn kept(status: StatusCode, body: &[u8]) -> Vec<u8> {
    let mut kept = status.as_u16().to_le_bytes().to_vec();
    kept.extend_from_slice(body);
    kept
}

fn replay(kept: &[u8]) -> Option<Response> {
    let (status, body) = kept.split_first_chunk::<2>()?;
    let status = StatusCode::from_u16(u16::from_le_bytes(*status)).ok()?;
    let body = Bytes::copy_from_slice(body);
    let is_empty = body.is_empty();
    let mut response = (status, Body::from(body)).into_response();
    let headers = response.headers_mut();
    if !is_empty {
        let json = HeaderValue::from_static("application/json");
        headers.insert(header::CONTENT_TYPE, json);
    }
    headers.insert(REPLAYED, HeaderValue::from_static("true"));
    Some(response)
}

/// Encrypts one answer.
struct Seal(LessSafeKey);

impl Seal {
    fn new(key: &RequestDigest) -> Self {
        let key = UnboundKey::new(&AES_256_GCM, key).expect("a digest has the length of the key");
        Self(LessSafeKey::new(key))
    }

    /// The nonce, which is random, then the encrypted answer with its tag.
    fn close(&self, answer: &[u8]) -> Vec<u8> {
        let nonce: [u8; NONCE_LEN] = rand::random();
        let mut text = answer.to_vec();
        let sealed = self.0.seal_in_place_append_tag(
            Nonce::assume_unique_for_key(nonce),
            Aad::empty(),
            &mut text,
        );
        sealed.expect("an answer is shorter than what the cipher can take");
        [&nonce[..], &text].concat()
    }

    fn open(&self, mut sealed: Vec<u8>) -> Option<Vec<u8>> {
        let (nonce, text) = sealed.split_first_chunk_mut::<NONCE_LEN>()?;
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let opened = self.0.open_in_place(nonce, Aad::empty(), text).ok()?;
        Some(opened.to_vec())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kept_answer_is_opened_with_its_key_alone() {
        let seal = Seal::new(&[1; 32]);
        let answer = kept(StatusCode::CREATED, b"{\"token\":\"secret\"}");
        let sealed = seal.close(&answer);
        assert!(!sealed.windows(6).any(|part| part == b"secret"));
        assert_ne!(sealed, seal.close(&answer), "no nonce is used twice");
        assert_eq!(Seal::new(&[2; 32]).open(sealed.clone()), None);
        assert_eq!(seal.open(sealed[..5].to_vec()), None);
        assert_eq!(seal.open(sealed), Some(answer));
    }

    #[test]
    fn a_digest_tells_where_a_part_ends() {
        assert_ne!(digest(&[b"ab", b"c"]), digest(&[b"a", b"bc"]));
    }
}
