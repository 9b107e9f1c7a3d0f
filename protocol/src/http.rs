//! The matchmaker's requests and replies, as JSON.
//!
//! | request | body | reply |
//! |---|---|---|
//! | `POST /v1/players` | [`NewPlayer`] | 200 [`PlayerReply`] |
//! | `POST /v1/accounts` | [`NewAccount`] | 201 [`PlayerReply`] |
//! | `POST /v1/login` | [`LogIn`] | 200 [`PlayerReply`] |
//! | `GET /v1/account` | | 200 [`AccountReply`] |
//! | `POST /v1/account/password` | [`NewPassword`] | 200 [`PlayerReply`] |
//! | `POST /v1/account/logout` | | 204 |
//! | `GET /v1/account/events` | | 200 events, as [`AccountEvent`] lists them |
//! | `GET /v1/account/matches` | | 200 [`AccountMatches`] |
//! | `GET /v1/account/tokens` | | 200 [`ApiTokenList`] |
//! | `POST /v1/account/tokens` | [`NewApiToken`] | 201 [`ApiTokenReply`] |
//! | `DELETE /v1/account/tokens/{token}` | | 204 |
//! | `GET /v1/players?name=` | | 200 [`PublicPlayer`] |
//! | `GET /v1/players/{player}` | | 200 [`PublicPlayer`] |
//! | `GET /v1/players/online` | | 200 [`OnlinePlayers`] |
//! | `POST /v1/players/lookup` | [`PlayerLookup`] | 200 [`PlayerLookupReply`] |
//! | `POST /v1/tokens/test` | [`TokenTest`] | 200 [`TokenTestReply`] |
//! | `POST /v1/challenges` | [`NewChallenge`] | 201 [`TicketReply`] |
//! | `GET /v1/challenges/{ticket}` | | 200 [`TicketReply`] |
//! | `GET /v1/challenges/{ticket}/events` | | 200 [`TicketReply`] as events |
//! | `POST /v1/challenges/{ticket}/accept` | | 200 [`TicketReply`] |
//! | `POST /v1/challenges/{ticket}/decline` | [`Decline`] | 200 [`TicketReply`] |
//! | `GET /v1/challenges` | | 200 [`ChallengesReply`] |
//! | `GET /v1/challenges/open` | | 200 [`OpenChallengesReply`] |
//! | `DELETE /v1/challenges/{ticket}` | | 204 |
//! | `POST /v1/tickets` | [`NewTicket`] | 201 [`TicketReply`] |
//! | `GET /v1/tickets/{ticket}` | | 200 [`TicketReply`] |
//! | `GET /v1/tickets/{ticket}/events` | | 200 [`TicketReply`] as events |
//! | `DELETE /v1/tickets/{ticket}` | | 204 |
//! | `GET /v1/pools` | | 200 [`PoolsReply`] |
//! | `POST /v1/transfers` | [`NewTransfer`] | 201 [`TransferReply`] |
//! | `POST /v1/transfers/{code}/redeem` | | 200 [`PlayerReply`] |
//! | `POST /v1/matches/{match}/seat` | | 200 [`SeatReply`] |
//! | `POST /v1/matches/{match}/watch` | | 200 [`SeatReply`] |
//! | `GET /v1/matches/live` | | 200 [`LiveList`] |
//! | `GET /v1/matches/{match}` | | 200 [`MatchReply`] |
//! | `GET /v1/matches/{match}/pgn` | | 200 PGN |
//! | `GET /v1/matches/{match}/events` | | 200 [`MatchReply`] in server-sent events |
//! | `GET /openapi.json` | | 200 OpenAPI |
//! | `GET /v1/players/{player}/ratings` | | 200 [`RatingsReply`] |
//! | `GET /v1/players/{player}/ratings/{category}` | | 200 [`RatingHistory`] |
//! | `GET /v1/players/{player}/games` | | 200 [`GamesReply`] |
//! | `GET /v1/archive` | | 200 PGN or lines of [`FinishedMatch`] |
//! | `GET /v1/feed` | | 200 lines of [`FeedLine`], or events |
//! | `GET /v1/tournaments` | | 200 [`TournamentList`] |
//! | `GET /v1/tournaments/{tournament}` | | 200 [`TournamentReply`] |
//! | `GET /v1/tournaments/{tournament}/trf` | | 200 TRF16 |
//! | `GET /v1/tournaments/{tournament}/rounds/{round}/pgn` | | 200 PGN |
//! | `GET /livez`, `GET /readyz` | | 200 or 503 |
//!
//! All requests except `POST /v1/players`, `POST /v1/accounts`, `POST /v1/login`, redeeming a transfer, `POST /v1/tokens/test`, reading pools,
//! matches, players and the feed, and the probes need `Authorization: Bearer` with a player token, an API token of an account, or a token of the issuer that the
//! installation accepts. An API token needs the scope `read` for `GET`, `play` for other requests, and `account` for
//! those under `/v1/account`, except its `events` and `matches`. A new password, and `POST /v1/account/logout`, end all earlier player tokens of the
//! account; API tokens are removed one by one. No two accounts have names that differ in case only or look alike, and no
//! guest has the name of an account.
//!
//! Besides these, API tokens have the scopes `bot:play` and `board:play`, which allow what `play` does, `challenge:read` and
//! `challenge:write`, which allow to read and to make, accept, decline and withdraw challenges, and `challenge:bulk`, to
//! make many matches of others at once. `play` includes all of them but the last.
//!
//! The `events` of an account tell the caller's live matches and waiting challenges, made and received, then `complete`, and
//! then each change. The stream ends after some minutes; who opens it again, at whichever matchmaker, is told the present
//! state. A change that came and went while no stream was open is not told. While it is open, and for some seconds after,
//! the account is shown as online. `GET /v1/players/online` accepts `?bots=` (`true` or `false`) and `?limit=`, up to 512.
//!
//! Reading a ticket or challenge accepts `?wait_ms=`, up to 20000: the reply is
//! delayed by at most that long while the ticket waits for an opponent. A ticket that its player does
//! not read for 10 s is not paired until it is read again; a ticket or challenge that is not read for
//! 15 minutes is deleted, and a challenge with `expires_in_s` at that time.
//!
//! The `events` of a ticket or challenge are `text/event-stream`: an event `ticket` at once and after each change, until
//! it does not wait any more. Such a stream counts as reading. It ends after some minutes; a client that still waits
//! asks for the next one.
//!
//! Players of a pool are paired in waves, with the least sum of rating differences. A ticket that has just been made
//! waits, therefore: its reply says so. Who is given a match from one pool leaves all others in the same step.
//!
//! Every POST takes an `Idempotency-Key` of the client's choice, 1 to 255 visible ASCII characters: a repetition within
//! 24 hours, to whichever matchmaker, changes nothing more and has the first answer, with `Idempotency-Replayed: true`.
//! Only answers of success are kept. The key of another request is refused as `idempotency_key_reused`, and while the
//! first is being carried out, a repetition as `request_in_progress`. Requests for seats change nothing: they are
//! answered anew.
//!
//! The pools are those that the operator offers in the lobby, at most a second old; a ticket may be made in any other one
//! too. They are counted over the whole installation.
//!
//! The code of a transfer gives one other device a token of the same player, once, within five minutes; the player's next
//! code replaces it. It is void when the player's tokens are. A player of an issuer, and an API token, have none.
//!
//! Terms that no match is made on are refused, and nothing is changed: `invalid_request` for a key that is unknown
//! or has an impossible value, `invalid_position` for a start that is no position of the variant, or one where the
//! game is over, and `invalid_terms` for what does not go together. A rated match has the same control for both, and
//! begins from the initial position of its variant or, in Chess960, from one of the 960. `start_at` is at most 24
//! hours ahead. Tickets are paired with tickets of equal terms; where a Chess960 ticket leaves the start to chance,
//! it is drawn, and the match shows it. The match of a challenge has the challenge's id.
//!
//! A live match is read from the memory of its shard, at most a quarter of a second late. With a `spectator_delay_s` it is
//! shown as spectators see it. While no shard has such a match in memory, it is shown without its moves and result
//! ([`MatchReply::withheld`], and likewise as PGN), after its end until the delay has passed since the matchmaker first
//! read it as ended. Its players see all of it, if they send their token. The list of live matches is at most a second
//! old.
//!
//! Finished matches are found in the archive as long as that keeps them. `GET /v1/archive` and `GET
//! /v1/players/{player}/games` take `event`, `variant`, `result` (`1-0`, `0-1`, `1/2-1/2` or `*`), `since` and `until` (when
//! a match ended, in milliseconds since 1970); the archive also takes `player`, `format` (`pgn` or `ndjson`) and `max`, and
//! sends all matches that fit, the last that ended first; the games of a player come by page, with `limit` (1 to 100) and
//! `after`.
//!
//! `GET /v1/feed` tells of every finished match once, aborted ones included, in one order: `after` is the cursor of the last
//! entry that the reader has, `end` begins with what ends from now on, and without it the oldest entry that is kept comes
//! first. It answers with lines of JSON, at most `limit` of them; if there are none yet, after `wait_ms` at most (up to
//! 20000). With `Accept: text/event-stream` it goes on as server-sent events, whose id is the cursor. A reader whose cursor
//! is older than what is kept is answered 410 `feed_gone`.
//!
//! The match of an accepted rematch exists a moment after both agreed: a request for a seat in a match that is not
//! found has `Retry-After`. A client that finds none after a few seconds joins the former match again, whose shard
//! makes the rematch if it is missing.
//!
//! A rated match changes the ratings of its players within a second or two after its end; from then on the match is shown
//! with the change. A *category* is a variant and a speed, for example `standard-blitz`. The history of a category begins
//! with the newest rating and accepts `?before=` with [`RatingHistory::next`], and `?limit=`, up to 200.
//!
//! Errors are [`Problem`] (RFC 9457). Their codes are stable:
//!
//! | status | codes |
//! |---|---|
//! | 400 | `invalid_request`, `invalid_id`, `invalid_name`, `invalid_password`, `invalid_position`, `invalid_terms` |
//! | 401 | `token_missing`, `token_invalid`, `token_expired`, `token_revoked`, `login_refused` |
//! | 403 | `not_a_player`, `own_challenge`, `not_invited`, `not_yours`, `scope_missing`, `no_account`, `not_transferable`, `sign_up_closed`, `invitation_refused`, `no_guests` |
//! | 404 | `route_not_found`, `player_not_found`, `api_token_not_found`, `ticket_not_found`, `challenge_not_found`, `match_not_found`, `transfer_not_found`, `tournament_not_found` |
//! | 405 | `method_not_allowed` |
//! | 408 | `body_timeout` |
//! | 409 | `name_taken`, `challenge_taken`, `challenge_cancelled`, `challenge_declined`, `already_matched`, `request_in_progress` |
//! | 410 | `feed_gone` |
//! | 422 | `idempotency_key_reused` |
//! | 413, 415 | `body_too_large`, `unsupported_media_type` |
//! | 429, with `Retry-After` | `rate_limited`, `too_many_matches`, `too_many_tickets`, `too_many_challenges`, `too_many_api_tokens` |
//! | 500 | `internal` |
//! | 503, with `Retry-After` | `issuer_unavailable`, `no_shard`, `owner_unknown`, `store_unavailable`, `overloaded`, `timed_out` |

use std::fmt::Write as _;
use std::net::SocketAddr;

use game_core::{DeclineReason, MatchId, PlayerId, ShardId, UnixMillis};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::Role;

mod account_events;
mod accounts;
mod finished;
mod lobby;
mod matches;
mod online;
pub(crate) mod schema;
mod terms;
mod tickets;
mod tournaments;

pub use account_events::{
    AccountEvent, AccountMatch, AccountMatches, ChallengeEnd, ChallengeEnded,
};
pub use accounts::{
    AccountReply, ApiScope, ApiTokenList, ApiTokenReply, ApiTokenView, LogIn, NewAccount,
    NewApiToken, NewPassword, PublicPlayer,
};
pub use finished::{FeedLine, FinishedMatch, FinishedSeat, GamesReply};
pub use lobby::{NewTransfer, PoolView, PoolsReply, TransferReply};
pub use matches::{LiveList, LiveMatch, MatchReply, RatingChange, RatingView};
pub use online::{
    OnlinePlayers, PlayerLookup, PlayerLookupReply, TokenTest, TokenTestReply, TokenView,
};
pub use terms::{InvalidTerms, NewChallenge, NewTicket, RatingRange, Start, Terms};
pub use tickets::{ChallengeView, ChallengesReply, OpenChallengesReply, TicketReply, TicketStatus};
pub use tournaments::{
    BoardResult, Bye, ByeView, EntrantView, NewEntrant, NewPairing, NewRound, NewRuling,
    NewTournament, PairingSystem, PairingView, RoundView, StandingView, TournamentList,
    TournamentReply, TournamentRow,
};

/// Requests a guest player.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewPlayer {
    /// The player's name in records: 1 to 32 visible characters ([`crate::name`]). By default the
    /// matchmaker makes one up.
    #[serde(default)]
    pub name: Option<String>,
    /// Whether a program plays, of which opponents are told.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub bot: bool,
}

/// A player, and the token to act as this player.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PlayerReply {
    /// The id of the player.
    #[schema(value_type = String)]
    pub player: PlayerId,
    /// The player's name in records.
    pub name: String,
    /// The player token.
    pub token: String,
    /// When the token expires, in milliseconds since 1970.
    #[schema(value_type = u64)]
    pub expires_at: UnixMillis,
}

/// Declines a challenge.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Decline {
    /// Why.
    #[serde(default)]
    #[schema(value_type = String, default = "generic", pattern = "^(generic|later|too_fast|too_slow|time_control|rated|casual|standard|variant|no_bot|only_bot)$")]
    pub reason: DeclineReason,
}

/// Where a match lives.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ShardAddress {
    /// The id of the shard.
    #[schema(value_type = String)]
    pub id: ShardId,
    /// Its address for QUIC.
    #[schema(value_type = String)]
    pub address: SocketAddr,
    /// SHA-256 of the certificate to pin, as 64 hexadecimal digits; absent if the certificate is to be
    /// verified against the public authorities.
    pub certificate_sha256: Option<String>,
    /// Where pages reach it by WebTransport; absent if they do not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub web_transport: Option<WebTransportAddress>,
    /// Where pages reach it by WebSocket, `ws://HOST:PORT/` or `wss://HOST:PORT/`; absent if they do not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub web_socket: Option<String>,
}

/// Where pages reach a shard by WebTransport.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct WebTransportAddress {
    /// Its address, `https://HOST:PORT/`.
    pub url: String,
    /// SHA-256 of the certificates that it shows or will show soon, each as 64 hexadecimal digits, for
    /// `serverCertificateHashes`; empty if a public authority vouches for the certificate.
    #[serde(default)]
    pub certificate_hashes: Vec<String>,
}

/// Bytes as lower-case hexadecimal digits, for digests and secrets.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        // Writing to a string does not fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// The right to a seat in a match, or to watch it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SeatReply {
    /// The id of the match.
    #[schema(value_type = String)]
    pub match_id: MatchId,
    /// What the token allows.
    #[schema(value_type = String)]
    pub role: Role,
    /// The seat token.
    pub token: String,
    /// When the token expires, in milliseconds since 1970.
    #[schema(value_type = u64)]
    pub expires_at: UnixMillis,
    /// The shard to join.
    pub shard: ShardAddress,
}

/// A player's ratings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RatingsReply {
    /// The player.
    #[schema(value_type = String)]
    pub player: PlayerId,
    /// One for each category in which the player has played rated matches.
    pub ratings: Vec<CategoryRating>,
}

/// A player's rating in a category, as of now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CategoryRating {
    /// The category, for example `standard-blitz`.
    pub category: String,
    /// The rating.
    #[serde(flatten)]
    pub rating: RatingView,
    /// Rated matches in the category.
    pub games: u32,
    /// When the last one was rated, in milliseconds since 1970.
    #[schema(value_type = u64)]
    pub at: UnixMillis,
}

/// A part of a player's history in a category.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RatingHistory {
    /// The player.
    #[schema(value_type = String)]
    pub player: PlayerId,
    /// The category.
    pub category: String,
    /// The ratings, the newest first.
    pub ratings: Vec<PastRating>,
    /// The value of `before` for the next part, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<u32>,
}

/// A rating after one match.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PastRating {
    /// The match.
    #[schema(value_type = String)]
    pub match_id: MatchId,
    /// The opponent.
    #[schema(value_type = String)]
    pub opponent: PlayerId,
    /// The rating after it.
    #[serde(flatten)]
    pub rating: RatingView,
    /// Number of the match among the player's rated ones in the category.
    pub games: u32,
    /// When it was rated, in milliseconds since 1970.
    #[schema(value_type = u64)]
    pub at: UnixMillis,
}

/// An error in words and in a stable code (RFC 9457, `application/problem+json`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Problem {
    /// The stable code.
    pub code: String,
    /// The kind of problem, in words.
    pub title: String,
    /// What is wrong with this request, and what to do about it.
    pub detail: String,
    /// The HTTP status.
    pub status: u16,
}

#[cfg(test)]
mod tests;
