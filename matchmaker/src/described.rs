//! What the OpenAPI document says beside the routes: its title, how to authenticate, and the problems that requests
//! may be answered with.

use protocol::http::Problem;
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa::{IntoResponses, Modify, OpenApi};

/// The document, to which the router adds the routes.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Rookery",
        description = "The matchmaker: players, requests for matches, seats, and matches to read and watch."
    ),
    modifiers(&Credentials),
    components(schemas(Problem))
)]
pub(crate) struct Document;

/// How a player authenticates.
struct Credentials;

impl Modify for Credentials {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let components = document.components.get_or_insert_default();
        let scheme = SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer));
        components.add_security_scheme("player", scheme);
    }
}

/// The problems of requests of every kind.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "it only describes the answers of another type")]
pub(crate) enum Problems {
    /// The request is not as it must be.
    #[response(status = 400, content_type = "application/problem+json")]
    Invalid(Problem),
    /// What was asked for does not exist.
    #[response(status = 404, content_type = "application/problem+json")]
    NotFound(Problem),
    /// The path takes other methods.
    #[response(status = 405, content_type = "application/problem+json")]
    Method(Problem),
    /// The body did not arrive in time.
    #[response(status = 408, content_type = "application/problem+json")]
    Slow(Problem),
    /// The body is too long.
    #[response(status = 413, content_type = "application/problem+json")]
    Long(Problem),
    /// The limit of an address or of a player is reached; `Retry-After` says when to come back.
    #[response(status = 429, content_type = "application/problem+json")]
    TooMany(Problem),
    /// A fault of the server.
    #[response(status = 500, content_type = "application/problem+json")]
    Internal(Problem),
    /// Try again, as `Retry-After` says.
    #[response(status = 503, content_type = "application/problem+json")]
    Unavailable(Problem),
}

/// The problems that a request with a token may have besides [`Problems`].
#[derive(IntoResponses)]
#[expect(dead_code, reason = "it only describes the answers of another type")]
pub(crate) enum CallerProblems {
    /// No token, or one that is not accepted.
    #[response(status = 401, content_type = "application/problem+json")]
    Token(Problem),
    /// The token is not for this.
    #[response(status = 403, content_type = "application/problem+json")]
    Forbidden(Problem),
}

/// The problems that a change may have besides [`Problems`].
#[derive(IntoResponses)]
#[expect(dead_code, reason = "it only describes the answers of another type")]
pub(crate) enum ChangeProblems {
    /// The state of what is to be changed does not allow it.
    #[response(status = 409, content_type = "application/problem+json")]
    Conflict(Problem),
    /// The body is not JSON.
    #[response(status = 415, content_type = "application/problem+json")]
    MediaType(Problem),
}

/// The problem of a reader who was away for too long.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "it only describes the answers of another type")]
pub(crate) enum Gone {
    /// What the cursor names is not kept any more.
    #[response(status = 410, content_type = "application/problem+json")]
    Entries(Problem),
}
