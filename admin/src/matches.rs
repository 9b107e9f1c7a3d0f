//! `GET /v1/matches`, and reading of one match.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderName, header};
use game_core::{MatchId, ShardId, Speed, UnixMillis};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};
use web::{PathId, QueryOf};

use crate::problem::{ChangeProblems, Kind, Problem, Problems};
use crate::state::Admin;
use crate::svg;
use crate::views::{HeldList, MatchDetails, MatchList, MatchStatus, Variant, WatchedList};
use shard_core::{ListPosition, MatchKind, MatchQuery, Sort};

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
    /// Show only what the public sees: matches whose spectators are behind are as they were that long ago.
    #[serde(default)]
    public: bool,
    /// Kinds of match to be counted among these, up to 32 with commas between: the variant, the time control of both
    /// seats as in PGN, and `rated` or `casual`, with blanks between.
    #[param(
        pattern = "^(standard|chess960|crazyhouse|antichess|atomic|kingOfTheHill|racingKings|threeCheck|horde) [1-9][0-9]{0,3}\\+[0-9]{1,2} (rated|casual)$"
    )]
    count: Option<String>,
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
            public: self.public,
            counted: self.counted()?,
        })
    }

    fn counted(&self) -> Result<Vec<MatchKind>, Problem> {
        let Some(text) = &self.count else {
            return Ok(Vec::new());
        };
        let kinds: Option<Vec<_>> = text.split(',').map(match_kind).collect();
        kinds
            .filter(|kinds| kinds.len() <= MatchQuery::COUNTED_MAX)
            .ok_or_else(|| {
                invalid(
                    "count must be up to 32 kinds such as \"standard 180+2 casual\", with commas.",
                )
            })
    }

    fn shard(&self) -> Result<Option<ShardId>, Problem> {
        let parse = |text: &String| text.parse();
        let shard = self.shard.as_ref().map(parse).transpose();
        shard.map_err(|_| invalid("shard must be 12 characters of 0-9, A-Z and a-z."))
    }
}

/// A kind of match, as the parameter `count` has it.
#[must_use]
pub fn kind_text(kind: &MatchKind) -> String {
    let rated = if kind.rated { "rated" } else { "casual" };
    format!("{} {} {rated}", kind.variant, kind.control)
}

fn match_kind(text: &str) -> Option<MatchKind> {
    let mut words = text.split(' ');
    let (variant, control, rated) = (words.next()?, words.next()?, words.next()?);
    let kind = MatchKind {
        variant: variant.parse().ok()?,
        control: control.parse().ok()?,
        rated: match rated {
            "rated" => true,
            "casual" => false,
            _ => return None,
        },
    };
    words.next().is_none().then_some(kind)
}

fn invalid(why: &str) -> Problem {
    Problem::new(Kind::InvalidRequest, why)
}

/// The position in a list that a cursor names; `None` if it is none.
#[must_use]
pub fn list_position(cursor: &str) -> Option<ListPosition> {
    let (value, id) = cursor.split_once('.')?;
    let value = u64::from_str_radix(value, 16).ok()?;
    Some((value, id.parse().ok()?))
}

fn parse_cursor(text: &str) -> Result<ListPosition, Problem> {
    list_position(text)
        .ok_or_else(|| invalid("cursor must be the next of a page of the same list."))
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

/// Matches to watch.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct WatchParams {
    /// Up to 256 ids with commas between, each with a point and the number of the last event that is known of that match,
    /// if any is.
    #[param(pattern = "^[0-9A-Za-z]{12}(\\.[0-9]{1,9})?(,[0-9A-Za-z]{12}(\\.[0-9]{1,9})?)*$")]
    matches: String,
}

/// Upper bound on matches of one request to watch.
pub(crate) const WATCHED_MAX: usize = 256;

impl WatchParams {
    fn wanted(&self) -> Result<Vec<(MatchId, Option<u32>)>, Problem> {
        let parse = |text: &str| {
            let (id, known) = match text.split_once('.') {
                Some((id, seq)) => (id, Some(seq.parse().ok()?)),
                None => (text, None),
            };
            Some((id.parse().ok()?, known))
        };
        let wanted: Option<Vec<_>> = self.matches.split(',').map(parse).collect();
        wanted
            .filter(|wanted| wanted.len() <= WATCHED_MAX)
            .ok_or_else(|| invalid("matches must be up to 256 ids, each alone or as ID.SEQ."))
    }
}

/// Matches in memory as the public sees them, for matchmakers that show them on.
#[utoipa::path(get, path = "/v1/watched", tag = "matches", params(WatchParams),
    responses((status = 200, description = "Those of the matches that are in memory", body = WatchedList), Problems,
        ChangeProblems))]
pub(crate) async fn watched(
    State(admin): State<Arc<Admin>>,
    QueryOf(params): QueryOf<WatchParams>,
) -> Result<Json<WatchedList>, Problem> {
    let matches = admin.source.watched(params.wanted()?).await?;
    Ok(Json(WatchedList { matches }))
}

/// What the asker knows of a match.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct KnownParams {
    /// The `revision` that is known: the answer waits until it is another.
    #[param(pattern = "^[0-9A-Za-z.-]{1,96}$")]
    revision: Option<String>,
    /// With `revision`: how long to wait for another, in milliseconds. After it, the answer is the match as it is.
    #[param(minimum = 0, maximum = 1500)]
    wait_ms: Option<u64>,
}

/// Upper bound on what a reader may wait for news: less than matchmakers wait for a shard.
pub(crate) const WAIT_MAX: Duration = Duration::from_millis(1_500);

impl KnownParams {
    fn news_within(&self) -> Result<Option<(&str, Duration)>, Problem> {
        let wait = Duration::from_millis(self.wait_ms.unwrap_or(0));
        if wait > WAIT_MAX {
            return Err(invalid("wait_ms must be 0 to 1500."));
        }
        let is_plain = |c: u8| c.is_ascii_alphanumeric() || c == b'.' || c == b'-';
        match &self.revision {
            Some(text) if !(1..=96).contains(&text.len()) || !text.bytes().all(is_plain) => {
                Err(invalid("revision must be that of an answer."))
            }
            Some(text) => Ok(Some((text, wait))),
            // Nothing is known: all is news.
            None => Ok(None),
        }
    }
}

/// Everything that is known of one match; with `revision` and `wait_ms`, as soon as there is news.
#[utoipa::path(get, path = "/v1/matches/{match}", tag = "matches",
    params(("match" = String, Path, pattern = "^[0-9A-Za-z]{12}$"), KnownParams),
    responses((status = 200, description = "The match", body = MatchDetails), Problems, ChangeProblems))]
pub(crate) async fn read(
    State(admin): State<Arc<Admin>>,
    PathId(id): PathId<MatchId>,
    QueryOf(known): QueryOf<KnownParams>,
) -> Result<Json<MatchDetails>, Problem> {
    let details = match known.news_within()? {
        Some((revision, wait)) => admin.source.follow(id, revision, wait).await,
        None => admin.source.inspect(id).await,
    };
    details.map(Json)
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
    fn matches_to_watch_are_ids_each_with_what_is_known() {
        let wanted = |matches: &str| {
            let matches = matches.to_owned();
            WatchParams { matches }.wanted()
        };
        let id: MatchId = "0123456789ab".parse().unwrap();
        assert_eq!(
            wanted("0123456789ab,0123456789ab.17"),
            Ok(vec![(id, None), (id, Some(17))])
        );
        for text in [
            "",
            ",",
            "0123456789ab.",
            "0123456789ab.x",
            "0123456789ab.1.1",
            "0123",
        ] {
            assert!(wanted(text).is_err(), "{text}");
        }
        let many = vec!["0123456789ab"; WATCHED_MAX + 1].join(",");
        assert!(wanted(&many).is_err());
    }

    #[test]
    fn a_kind_to_count_comes_back_as_it_was_written() {
        let counted = |count: &str| {
            ListParams {
                count: Some(count.to_owned()),
                ..ListParams::default()
            }
            .counted()
        };
        let text = "standard 180+2 casual,crazyhouse 60+0 rated";
        let kinds = counted(text).unwrap();
        let again: Vec<_> = kinds.iter().map(kind_text).collect();
        assert_eq!(again.join(","), text);
        let many = vec!["standard 60+0 casual"; MatchQuery::COUNTED_MAX + 1].join(",");
        for bad in [
            "",
            "standard 180+2",
            "standard 180+2 maybe",
            "chess 180+2 rated",
            "standard three rated",
            "standard 180+2 rated more",
            &many,
        ] {
            assert!(counted(bad).is_err(), "{bad}");
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
