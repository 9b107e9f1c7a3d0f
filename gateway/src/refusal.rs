//! Errors as clients of this API know them: a status and `{"error": "…"}`.

use std::borrow::Cow;

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use client::{MatchmakerError, SeatError};
use game_core::Refusal as Rule;
use protocol::{CloseCode, WireRefusal};
use serde_json::json;

/// When to ask again after a 429, in seconds: clients that hear of no time wait a minute.
const AGAIN_AFTER_S: u32 = 2;

/// Why a request is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) status: StatusCode,
    pub(crate) error: Cow<'static, str>,
    /// When to ask again, in seconds.
    retry_after_s: Option<u32>,
}

impl Refusal {
    pub(crate) const fn new(status: StatusCode, error: &'static str) -> Self {
        Self {
            status,
            error: Cow::Borrowed(error),
            retry_after_s: None,
        }
    }

    pub(crate) fn bad(error: impl Into<Cow<'static, str>>) -> Self {
        Self {
            error: error.into(),
            ..Self::new(StatusCode::BAD_REQUEST, "")
        }
    }

    pub(crate) const fn no_token() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "No such token")
    }

    pub(crate) const fn no_scope() -> Self {
        Self::new(StatusCode::FORBIDDEN, "Missing scope")
    }

    pub(crate) const fn no_game() -> Self {
        Self::new(StatusCode::NOT_FOUND, "No such game")
    }

    pub(crate) const fn not_your_game() -> Self {
        Self::new(StatusCode::NOT_FOUND, "Not your game")
    }

    pub(crate) const fn no_challenge() -> Self {
        Self::new(StatusCode::NOT_FOUND, "No such challenge")
    }

    pub(crate) const fn no_user() -> Self {
        Self::new(StatusCode::NOT_FOUND, "No such user")
    }

    /// The server fails over: clients ask again.
    pub(crate) const fn unavailable() -> Self {
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "The server is not ready for this yet: try again",
        )
    }

    /// Asked too often, or too early.
    pub(crate) fn later(error: impl Into<Cow<'static, str>>) -> Self {
        Self {
            error: error.into(),
            retry_after_s: Some(AGAIN_AFTER_S),
            ..Self::new(StatusCode::TOO_MANY_REQUESTS, "")
        }
    }

    /// The same for a request that clients never repeat after a server error: they are told when to ask again.
    pub(crate) fn or_later(self) -> Self {
        if self.status.is_server_error() {
            Self::later(self.error)
        } else {
            self
        }
    }

    /// The same for a request of a game: clients that are told to ask later stop the moves of all their games.
    pub(crate) fn not_later(self) -> Self {
        if self.status == StatusCode::TOO_MANY_REQUESTS {
            Self::unavailable()
        } else {
            self
        }
    }

    /// Why a command of a seat changed nothing.
    pub(crate) fn of_command(reason: WireRefusal) -> Self {
        let WireRefusal::Match(rule) = reason else {
            return match reason {
                WireRefusal::NotAPlayer => Self::not_your_game(),
                _ => Self::unavailable(),
            };
        };
        Self::bad(match rule {
            // It will, or goes on: any other answer is final for clients.
            Rule::NotStarted => return Self::unavailable(),
            Rule::MatchOver | Rule::NotYourTurn | Rule::StalePosition => NOT_YOUR_TURN,
            Rule::IllegalMove => "Invalid UCI",
            Rule::TooEarly => "It is too early for that: abort the game instead",
            Rule::TooLate => "It is too late to abort: resign the game instead",
            Rule::OfferTooSoon => "The offer was made already, or a short while ago",
            Rule::NoOffer => "The opponent offers nothing",
            Rule::CommandIdReused => "The request was made before",
            Rule::NotAllowed => "The terms of this game do not allow that",
            Rule::NoClaim => "There is no draw to claim",
            Rule::OpponentNotGone => "The opponent has not left the game, or not for long enough",
            Rule::MatchInPlay => "The game is in play",
            Rule::AmountOutOfBounds => "So much time cannot be given",
            Rule::TooManyEvents => "As much has happened in this game as may",
        })
    }
}

/// What a move out of turn is told.
pub(crate) const NOT_YOUR_TURN: &str = "Not your turn, or game already over";

impl From<MatchmakerError> for Refusal {
    fn from(error: MatchmakerError) -> Self {
        let problem = match error {
            MatchmakerError::Problem(problem) => problem,
            MatchmakerError::Limited { problem, .. } => return Self::later(problem.detail),
            MatchmakerError::Unreachable { .. } => return Self::unavailable(),
            MatchmakerError::Id(_) => return Self::no_challenge(),
            MatchmakerError::Token => return Self::no_token(),
            error => {
                tracing::error!(%error, "the matchmaker cannot be asked");
                return Self::new(
                    StatusCode::INTERNAL_SERVER_ERROR,
                    "The gateway does not understand its server",
                );
            }
        };
        match (problem.status, problem.code.as_str()) {
            (401, _) => Self::no_token(),
            (403, "scope_missing") => Self::no_scope(),
            (403, "not_a_player") => Self::not_your_game(),
            (404, "challenge_not_found" | "ticket_not_found") => Self::no_challenge(),
            (404, "match_not_found") => Self::no_game(),
            (404, "player_not_found") => Self::no_user(),
            (409, _) => Self {
                error: problem.detail.into(),
                ..Self::no_challenge()
            },
            (429, _) => Self::later(problem.detail),
            (500.., _) => Self::unavailable(),
            _ => Self::bad(problem.detail),
        }
    }
}

impl From<SeatError> for Refusal {
    fn from(error: SeatError) -> Self {
        match error {
            SeatError::Matchmaker(error) => error.into(),
            SeatError::Closed(CloseCode::MatchNotFound) => Self::no_game(),
            SeatError::Closed(_) | SeatError::GaveUp { .. } => Self::unavailable(),
            error => {
                tracing::error!(%error, "a seat cannot be taken");
                Self::unavailable()
            }
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let mut response = (self.status, Json(json!({"error": self.error}))).into_response();
        if let Some(after_s) = self.retry_after_s {
            let after = HeaderValue::from(after_s);
            response.headers_mut().insert(header::RETRY_AFTER, after);
        }
        response
    }
}
