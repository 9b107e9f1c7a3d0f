//! Errors in words and in a stable code (RFC 9457).

use std::time::Duration;

use store::StoreError;
use tracing::{debug, error};

web::problems! {
    realm: "rookery",
    body_timeout: BodyTimeout,
    timed_out: TimedOut,
    pub(crate) kinds {
        /// Body or query is not what the request takes.
        InvalidRequest = 400 "invalid_request" "Invalid request";
        /// An id in the path is not of the form of such an id.
        InvalidId = 400 "invalid_id" "Invalid id";
        /// A name that a player cannot have.
        InvalidName = 400 "invalid_name" "Invalid name";
        /// A password that an account cannot have.
        InvalidPassword = 400 "invalid_password" "Invalid password";
        /// A position that no match can start from.
        InvalidPosition = 400 "invalid_position" "Invalid position";
        /// Terms that do not go together, or that no match is made on here.
        InvalidTerms = 400 "invalid_terms" "Invalid terms";
        /// No player token came with the request.
        TokenMissing = 401 "token_missing" "Player token missing";
        /// The token is none of this installation's player tokens.
        TokenInvalid = 401 "token_invalid" "Player token invalid";
        /// The token's time is over.
        TokenExpired = 401 "token_expired" "Player token expired";
        /// An operator has shut the player out.
        TokenRevoked = 401 "token_revoked" "Player token revoked";
        /// Name, password or code are wrong.
        LoginRefused = 401 "login_refused" "Log-in refused";
        /// The caller plays in another match.
        NotAPlayer = 403 "not_a_player" "Not a player of this match";
        /// A player cannot accept a challenge of their own.
        OwnChallenge = 403 "own_challenge" "Own challenge";
        /// The challenge is for another player.
        NotInvited = 403 "not_invited" "Not invited";
        /// The ticket or challenge is another player's.
        NotYours = 403 "not_yours" "Not yours";
        /// The API token does not allow this.
        ScopeMissing = 403 "scope_missing" "Scope missing";
        /// A guest, or a player of an issuer, has no account here.
        NoAccount = 403 "no_account" "No account";
        /// A player of an issuer, or an API token, cannot be moved to another device.
        NotTransferable = 403 "not_transferable" "Not transferable";
        /// Only operators make accounts.
        SignUpClosed = 403 "sign_up_closed" "Sign-up closed";
        /// Accounts are made by invitation, and this request has none that is good.
        InvitationRefused = 403 "invitation_refused" "Invitation refused";
        /// Only named players play here.
        NoGuests = 403 "no_guests" "No guests";
        /// Nothing is served at this path.
        RouteNotFound = 404 "route_not_found" "No such route";
        /// No account has this id or name.
        PlayerNotFound = 404 "player_not_found" "No such player";
        /// The account has no such API token.
        ApiTokenNotFound = 404 "api_token_not_found" "No such API token";
        /// No ticket has this id.
        TicketNotFound = 404 "ticket_not_found" "No such ticket";
        /// No challenge has this id.
        ChallengeNotFound = 404 "challenge_not_found" "No such challenge";
        /// No match has this id.
        MatchNotFound = 404 "match_not_found" "No such match";
        /// No transfer has this code any more, or ever had.
        TransferNotFound = 404 "transfer_not_found" "No such transfer";
        /// No tournament has this id, or no round of it this number.
        TournamentNotFound = 404 "tournament_not_found" "No such tournament";
        /// The path takes other methods.
        MethodNotAllowed = 405 "method_not_allowed" "Method not allowed";
        /// An account has this name, or one that looks like it.
        NameTaken = 409 "name_taken" "Name taken";
        /// Another player was faster.
        ChallengeTaken = 409 "challenge_taken" "Challenge taken";
        /// The challenger has withdrawn it.
        ChallengeCancelled = 409 "challenge_cancelled" "Challenge cancelled";
        /// The player that it was for has declined it.
        ChallengeDeclined = 409 "challenge_declined" "Challenge declined";
        /// What has a match cannot be withdrawn.
        AlreadyMatched = 409 "already_matched" "Already matched";
        /// The request with this idempotency key is being carried out.
        RequestInProgress = 409 "request_in_progress" "Request in progress";
        /// The body did not come in time.
        BodyTimeout = 408 "body_timeout" "Body too slow";
        /// Entries of the feed after the reader's cursor have been removed.
        FeedGone = 410 "feed_gone" "Feed entries gone";
        /// The body is longer than any request needs.
        BodyTooLarge = 413 "body_too_large" "Body too large";
        /// The idempotency key came with another request.
        IdempotencyKeyReused = 422 "idempotency_key_reused" "Idempotency key reused";
        /// The body is not JSON.
        UnsupportedMediaType = 415 "unsupported_media_type" "Unsupported media type";
        /// The address has made as many of these requests as it may.
        RateLimited = 429 "rate_limited" "Rate limited";
        /// A player plays in as many matches as one may.
        TooManyMatches = 429 "too_many_matches" "Too many matches";
        /// The player waits in as many pools as one may.
        TooManyTickets = 429 "too_many_tickets" "Too many tickets";
        /// The player has as many open challenges as one may.
        TooManyChallenges = 429 "too_many_challenges" "Too many challenges";
        /// The account has as many API tokens as one may.
        TooManyApiTokens = 429 "too_many_api_tokens" "Too many API tokens";
        /// A fault of the server.
        Internal = 500 "internal" "Internal error";
        /// The keys of the issuer of the token are not known yet.
        IssuerUnavailable = 503 "issuer_unavailable" "Issuer unavailable";
        /// No live shard takes matches.
        NoShard = 503 "no_shard" "No shard";
        /// Where the match lives is not known yet.
        OwnerUnknown = 503 "owner_unknown" "Owner not known yet";
        /// The store does not answer.
        StoreUnavailable = 503 "store_unavailable" "Store unavailable";
        /// The store has room only for the matches in play.
        StoreFull = 503 "store_full" "Store nearly full";
        /// As many requests are under way as may be.
        Overloaded = 503 "overloaded" "Overloaded";
        /// The request took too long.
        TimedOut = 503 "timed_out" "Timed out";
    }
}

impl Problem {
    /// Sets when to try again.
    pub(crate) fn after(self, wait: Duration) -> Self {
        Self {
            retry_after: Some(wait),
            ..self
        }
    }
}

impl From<StoreError> for Problem {
    /// The store's own text goes to the log only, as it may name addresses.
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unavailable(_) | StoreError::Unfit(_) => {
                // The outage itself is logged once, by the observer of the registry.
                debug!(%error, "a request failed for want of the store");
                Self::new(
                    Kind::StoreUnavailable,
                    "The store does not answer. The request was carried out or not: send it again.",
                )
            }
            StoreError::Corrupt(_) => {
                error!(%error, "the store holds what cannot be read");
                Self::new(Kind::Internal, "What is stored here cannot be read.")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::response::IntoResponse;

    use super::*;

    #[test]
    fn statuses_and_codes_are_stable() {
        let table: Vec<String> = Kind::ALL
            .iter()
            .map(|kind| format!("{} {}", kind.row().0, kind.row().1))
            .collect();
        let expected = [
            "400 invalid_request",
            "400 invalid_id",
            "400 invalid_name",
            "400 invalid_password",
            "400 invalid_position",
            "400 invalid_terms",
            "401 token_missing",
            "401 token_invalid",
            "401 token_expired",
            "401 token_revoked",
            "401 login_refused",
            "403 not_a_player",
            "403 own_challenge",
            "403 not_invited",
            "403 not_yours",
            "403 scope_missing",
            "403 no_account",
            "403 not_transferable",
            "403 sign_up_closed",
            "403 invitation_refused",
            "403 no_guests",
            "404 route_not_found",
            "404 player_not_found",
            "404 api_token_not_found",
            "404 ticket_not_found",
            "404 challenge_not_found",
            "404 match_not_found",
            "404 transfer_not_found",
            "404 tournament_not_found",
            "405 method_not_allowed",
            "409 name_taken",
            "409 challenge_taken",
            "409 challenge_cancelled",
            "409 challenge_declined",
            "409 already_matched",
            "409 request_in_progress",
            "408 body_timeout",
            "410 feed_gone",
            "413 body_too_large",
            "422 idempotency_key_reused",
            "415 unsupported_media_type",
            "429 rate_limited",
            "429 too_many_matches",
            "429 too_many_tickets",
            "429 too_many_challenges",
            "429 too_many_api_tokens",
            "500 internal",
            "503 issuer_unavailable",
            "503 no_shard",
            "503 owner_unknown",
            "503 store_unavailable",
            "503 store_full",
            "503 overloaded",
            "503 timed_out",
        ];
        assert_eq!(table, expected);
    }

    #[test]
    fn every_kind_has_its_status_and_those_that_pass_say_when_to_come_back() {
        for kind in Kind::ALL {
            let mut problem = Problem::new(*kind, "why");
            if kind.row().0 == 429 {
                problem = problem.after(Duration::from_millis(1_001));
            }
            let response = problem.into_response();
            assert_eq!(response.status().as_u16(), kind.row().0, "{kind:?}");
            let headers = response.headers();
            assert_eq!(headers["content-type"], "application/problem+json");
            assert_eq!(
                headers.contains_key("retry-after"),
                [429, 503].contains(&kind.row().0),
                "{kind:?}"
            );
            if kind.row().0 == 429 {
                assert_eq!(headers["retry-after"], "2", "rounded up");
            }
            assert_eq!(
                headers.contains_key("www-authenticate"),
                kind.row().0 == 401,
                "{kind:?}"
            );
        }
    }

    #[test]
    fn what_the_store_says_stays_inside() {
        let secret = "redis://me:secret@10.0.0.1";
        for error in [
            StoreError::Unavailable(secret.into()),
            StoreError::Unfit(secret.into()),
            StoreError::Corrupt(secret.into()),
        ] {
            assert!(!Problem::from(error).detail.contains("secret"));
        }
    }
}
