//! Errors in words and in a stable code (RFC 9457).

use serde::Serialize;
use utoipa::{IntoResponses, ToSchema};

web::problems! {
    realm: "rookery admin",
    body_timeout: InvalidRequest,
    timed_out: Unconfirmed,
    pub kinds {
        /// The query or the body is invalid.
        InvalidRequest = 400 "invalid_request" "Invalid request";
        /// An id in the path is not of the form of such an id.
        InvalidId = 400 "invalid_id" "Invalid id";
        /// No token came with the request.
        TokenMissing = 401 "token_missing" "Token missing";
        /// The token is not one of this endpoint's.
        TokenInvalid = 401 "token_invalid" "Token invalid";
        /// Nothing is served at this path.
        RouteNotFound = 404 "route_not_found" "No such route";
        /// No match has this id here.
        MatchNotFound = 404 "match_not_found" "No such match";
        /// No shard has this id.
        ShardNotFound = 404 "shard_not_found" "No such shard";
        /// No account has this id.
        PlayerNotFound = 404 "player_not_found" "No such player";
        /// No invitation has this id.
        InvitationNotFound = 404 "invitation_not_found" "No such invitation";
        /// No tournament has this id.
        TournamentNotFound = 404 "tournament_not_found" "No such tournament";
        /// The path takes other methods.
        MethodNotAllowed = 405 "method_not_allowed" "Method not allowed";
        /// The match has ended and cannot be changed.
        MatchOver = 409 "match_over" "Match over";
        /// The match is being handed over to another shard.
        MatchLeaving = 409 "match_leaving" "Match leaving";
        /// No live shard can take the match.
        NoHeir = 409 "no_heir" "No shard to take it";
        /// This process cannot do that; the detail says who can.
        NotPossible = 409 "not_possible" "Not possible here";
        /// The body is longer than any request needs.
        BodyTooLarge = 413 "body_too_large" "Body too large";
        /// The body is not JSON.
        UnsupportedMediaType = 415 "unsupported_media_type" "Unsupported media type";
        /// A fault of the server.
        Internal = 500 "internal" "Internal error";
        /// The store does not answer.
        StoreUnavailable = 503 "store_unavailable" "Store unavailable";
        /// The shard does not answer, or is stopping.
        ShardUnavailable = 503 "shard_unavailable" "Shard unavailable";
        /// As many requests are under way as may be.
        Overloaded = 503 "overloaded" "Overloaded";
        /// The change was requested and is not confirmed yet; it may or may not take effect.
        Unconfirmed = 503 "unconfirmed" "Not confirmed yet";
    }
}

impl Kind {
    /// Whether trying again may help.
    pub(crate) const fn is_passing(self) -> bool {
        self.row().0 == 503
    }

    /// The kind of a code, to pass on the answer of another endpoint.
    #[must_use]
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.row().1 == code)
    }
}

impl Problem {
    /// The stable code.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        self.kind.row().1
    }
}

impl From<store::StoreError> for Problem {
    /// The store's own text goes to the log only, as it may name addresses.
    fn from(error: store::StoreError) -> Self {
        match error {
            store::StoreError::Unavailable(_) | store::StoreError::Unfit(_) => {
                tracing::debug!(%error, "an admin request failed for want of the store");
                Self::new(
                    Kind::StoreUnavailable,
                    "The store does not answer. Try again.",
                )
            }
            store::StoreError::Corrupt(_) => {
                tracing::error!(%error, "the store holds what cannot be read");
                Self::new(Kind::Internal, "What is stored here cannot be read.")
            }
        }
    }
}

/// [`protocol::http::Problem`] as the OpenAPI document describes it.
#[derive(Serialize, ToSchema)]
#[schema(as = Problem)]
pub(crate) struct ProblemBody {
    /// The stable code.
    code: String,
    /// The kind of problem, for people.
    title: String,
    /// What is wrong with this request and what to do.
    detail: String,
    /// The HTTP status.
    status: u16,
}

/// The problems that a request with a token may have.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "it only describes the answers of another type")]
pub(crate) enum Problems {
    /// The request is not as it must be.
    #[response(status = 400, content_type = "application/problem+json")]
    Invalid(ProblemBody),
    /// No token, or a wrong one.
    #[response(status = 401, content_type = "application/problem+json")]
    Token(ProblemBody),
    /// What was asked for does not exist.
    #[response(status = 404, content_type = "application/problem+json")]
    NotFound(ProblemBody),
    /// The path takes other methods.
    #[response(status = 405, content_type = "application/problem+json")]
    Method(ProblemBody),
    /// A fault of the server.
    #[response(status = 500, content_type = "application/problem+json")]
    Internal(ProblemBody),
    /// Try again.
    #[response(status = 503, content_type = "application/problem+json")]
    Unavailable(ProblemBody),
}

/// The problems that a change may have besides [`Problems`].
#[derive(IntoResponses)]
#[expect(dead_code, reason = "it only describes the answers of another type")]
pub(crate) enum ChangeProblems {
    /// The change is not possible now.
    #[response(status = 409, content_type = "application/problem+json")]
    Conflict(ProblemBody),
    /// The body is too long.
    #[response(status = 413, content_type = "application/problem+json")]
    Body(ProblemBody),
    /// The body is not JSON.
    #[response(status = 415, content_type = "application/problem+json")]
    MediaType(ProblemBody),
}
