//! `GET /v1/matches`, and reading of one match.

use std::sync::Arc;

use axum::Json;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderName, header};
use game_core::{MatchId, ShardId, Speed, UnixMillis};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};
use web::{PathId, QueryOf};

use crate::problem::{Kind, Problem, Problems};
use crate::state::Admin;
use crate::svg;
use crate::views::{HeldList, MatchDetails, MatchList, MatchStatus, Variant};
use shard_core::{ListPosition, MatchQuery, Sort};

/// The order of a list; a minus puts the highest value first.
#[derive(Debug, Clone, Copy, Default, Deserialize, ToSchema)]
pub(crate) enum Order {
    #[serde(rename = "created")]
    Created,
    #[default]
    #[serde(rename = "-created")]
    CreatedDescending,
    #[serde(rename = "ply")]
    Ply,
    #[serde(rename = "-ply")]
    PlyDescending,
    #[serde(rename = "spectators")]
    Spectators,
    #[serde(rename = "-spectators")]
    SpectatorsDescending,
}

impl Order {
    const fn parts(self) -> (Sort, bool) {
        match self {
            Self::Created => (Sort::Created, false),
            Self::CreatedDescending => (Sort::Created, true),
            Self::Ply => (Sort::Ply, false),
            Self::PlyDescending => (Sort::Ply, true),
            Self::Spectators => (Sort::Spectators, false),
            Self::SpectatorsDescending => (Sort::Spectators, true),
        }
    }
}

/// Which matches a list shows.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ListParams {
    /// Upper bound on matches in the page.
    #[param(minimum = 1, maximum = 500, default = 100)]
    limit: Option<usize>,
    /// The `next` of the page before.
    #[param(pattern = "^[0-9a-f]{1,16}\\.[0-9A-Za-z]{12}$")]
    cursor: Option<String>,
    /// A player's id, or the beginning of a name.
    #[param(min_length = 1, max_length = 64)]
    player: Option<String>,
    /// Only those of this shard.
    #[param(value_type = Option<String>, pattern = "^[0-9A-Za-z]{12}$")]
    shard: Option<String>,
    /// Only live or finished ones.
    status: Option<MatchStatus>,
    /// Only those of these rules and this start.
    variant: Option<Variant>,
    /// Only those of this speed: `ultrabullet`, `bullet`, `blitz`, `rapid` or `classical`.
    #[param(value_type = Option<String>, pattern = "^(ultrabullet|bullet|blitz|rapid|classical)$")]
    speed: Option<Speed>,
    /// Only those that are at least this old, in seconds.
    #[param(value_type = Option<i64>, minimum = 0, maximum = 4_294_967_295_i64)]
    min_age_s: Option<u32>,
    /// Only those that are at most this old, in seconds.
    #[param(value_type = Option<i64>, minimum = 0, maximum = 4_294_967_295_i64)]
    max_age_s: Option<u32>,
    /// The order.
    #[param(inline)]
    sort: Option<Order>,
}

const LIMIT_DEFAULT: usize = 100;
const PLAYER_LEN_MAX: usize = 64;

impl ListParams {
    fn query(&self, now: UnixMillis) -> Result<MatchQuery, Problem> {
        let limit = self.limit.unwrap_or(LIMIT_DEFAULT);
        if !(1..=MatchQuery::LIMIT_MAX).contains(&limit) {
            return Err(invalid("limit must be 1 to 500."));
        }
        let fits = |text: &String| (1..=PLAYER_LEN_MAX).contains(&text.len());
        if !self.player.as_ref().is_none_or(fits) {
            return Err(invalid("player must have 1 to 64 bytes."));
        }
        let after = self.cursor.as_deref().map(parse_cursor).transpose()?;
        let (sort, descending) = self.sort.unwrap_or_default().parts();
        let ago = |seconds: u32| UnixMillis(now.0.saturating_sub(u64::from(seconds) * 1_000));
        let (variant, from_initial) = self.variant.map(Variant::parts).unzip();
        Ok(MatchQuery {
            player: self.player.clone(),
            live: self.status.map(|status| status == MatchStatus::Live),
            variant,
            from_initial: from_initial.flatten(),
            speed: self.speed,
            created_from: self.max_age_s.map(ago),
            created_to: self.min_age_s.map(ago),
            sort,
            descending,
            after,
            limit,
        })
    }

    fn shard(&self) -> Result<Option<ShardId>, Problem> {
        let parse = |text: &String| text.parse();
        let shard = self.shard.as_ref().map(parse).transpose();
        shard.map_err(|_| invalid("shard must be 12 characters of 0-9, A-Z and a-z."))
    }
}

fn invalid(why: &str) -> Problem {
    Problem::new(Kind::InvalidRequest, why)
}

fn parse_cursor(text: &str) -> Result<ListPosition, Problem> {
    let parts = text.split_once('.');
    let position = parts.and_then(|(value, id)| {
        let value = u64::from_str_radix(value, 16).ok()?;
        Some((value, id.parse().ok()?))
    });
    position.ok_or_else(|| invalid("cursor must be the next of a page of the same list."))
}

/// The calendar time, for ages and records only.
pub(crate) fn now() -> UnixMillis {
    UnixMillis(program::calendar::unix_ms())
}

/// The matches in memory, or of the whole installation.
#[utoipa::path(get, path = "/v1/matches", tag = "matches", params(ListParams),
    responses((status = 200, description = "A page of matches", body = MatchList), Problems))]
pub(crate) async fn list(
    State(admin): State<Arc<Admin>>,
    RawQuery(asked): RawQuery,
    QueryOf(params): QueryOf<ListParams>,
) -> Result<Json<MatchList>, Problem> {
    let (query, shard) = (params.query(now())?, params.shard()?);
    let asked = asked.unwrap_or_default();
    admin.source.list(&query, shard, &asked).await.map(Json)
}

/// The ids of all matches in memory, or of the whole installation: no shard attends to the other matches of the
/// store.
#[utoipa::path(get, path = "/v1/held", tag = "matches",
    responses((status = 200, description = "The ids", body = HeldList), Problems))]
pub(crate) async fn held(State(admin): State<Arc<Admin>>) -> Result<Json<HeldList>, Problem> {
    let matches = admin.source.held().await?;
    Ok(Json(HeldList { matches }))
}

/// Everything that is known of one match.
#[utoipa::path(get, path = "/v1/matches/{match}", tag = "matches",
    params(("match" = String, Path, pattern = "^[0-9A-Za-z]{12}$")),
    responses((status = 200, description = "The match", body = MatchDetails), Problems))]
pub(crate) async fn read(
    State(admin): State<Arc<Admin>>,
    PathId(id): PathId<MatchId>,
) -> Result<Json<MatchDetails>, Problem> {
    admin.source.inspect(id).await.map(Json)
}

/// One match as PGN, in play or finished.
#[utoipa::path(get, path = "/v1/matches/{match}/pgn", tag = "matches",
    params(("match" = String, Path, pattern = "^[0-9A-Za-z]{12}$")),
    responses((status = 200, description = "PGN", body = String,
        content_type = "application/x-chess-pgn"), Problems))]
pub(crate) async fn pgn(
    State(admin): State<Arc<Admin>>,
    PathId(id): PathId<MatchId>,
) -> Result<([(HeaderName, &'static str); 1], String), Problem> {
    let game = admin.source.game(id).await?;
    let kind = "application/x-chess-pgn; charset=utf-8";
    Ok(([(header::CONTENT_TYPE, kind)], game.pgn("?")))
}

/// The board of one match.
#[utoipa::path(get, path = "/v1/matches/{match}/board.svg", tag = "matches",
    params(("match" = String, Path, pattern = "^[0-9A-Za-z]{12}$")),
    responses((status = 200, description = "The position", body = String,
        content_type = "image/svg+xml"), Problems))]
pub(crate) async fn board(
    State(admin): State<Arc<Admin>>,
    PathId(id): PathId<MatchId>,
) -> Result<([(HeaderName, &'static str); 1], String), Problem> {
    let game = admin.source.game(id).await?;
    let last = game.moves().next_back().map(|(uci, _)| uci.to_string());
    let drawing = svg::board(&game.fen(), last.as_deref());
    Ok(([(header::CONTENT_TYPE, "image/svg+xml")], drawing))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::views::MatchSummary;

    #[test]
    fn a_cursor_comes_back_as_the_place_it_was_made_of() {
        for value in [0, 1, u64::MAX] {
            let place = (value, "0123456789ab".parse().unwrap());
            assert_eq!(parse_cursor(&MatchSummary::cursor(place)), Ok(place));
        }
        for text in ["", ".", "1.", "x.0123456789ab", "1.0123456789a", "1"] {
            assert!(parse_cursor(text).is_err(), "{text}");
        }
    }

    #[test]
    fn ages_bound_the_time_of_creation() {
        let params = ListParams {
            min_age_s: Some(10),
            max_age_s: Some(u32::MAX),
            ..ListParams::default()
        };
        let query = params.query(UnixMillis(60_000)).unwrap();
        assert_eq!(query.created_to, Some(UnixMillis(50_000)));
        assert_eq!(query.created_from, Some(UnixMillis(0)));
        assert!(query.descending);
    }

    #[test]
    fn limits_are_kept() {
        for limit in [0, 501, usize::MAX] {
            let params = ListParams {
                limit: Some(limit),
                ..ListParams::default()
            };
            assert!(params.query(UnixMillis(0)).is_err(), "{limit}");
        }
    }
}
