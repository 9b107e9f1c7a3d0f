//! `GET /v1/archive`: all finished matches that fit, as a stream. `GET /v1/players/{player}/games`: a player's, by page.

use std::sync::Arc;

use axum::Json;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use game_core::{BySeat, Outcome, Player, PlayerId, UnixMillis, Variant};
use protocol::http::GamesReply;
use serde::{Deserialize, Deserializer};
use store::{ARCHIVE_PAGE_MAX, Archive, ArchiveCursor, ArchiveFilter, ArchivedMatch, StoreError};
use tokio::sync::OwnedSemaphorePermit;
use tokio::task::spawn_blocking;
use tracing::warn;
use utoipa::IntoParams;
use web::{PathId, QueryOf};

use crate::allowances::Client;
use crate::clock::now;
use crate::described::Problems;
use crate::extract::Reader;
use crate::finished::{document, may_read};
use crate::problem::{Kind, Problem};
use crate::service::Service;

/// Games of a page, unless the request says how many.
const GAMES_DEFAULT: usize = 20;

/// What is looked for.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ExportQuery {
    /// Played by this player.
    #[param(value_type = Option<String>)]
    player: Option<PlayerId>,
    /// Of the event of this name.
    #[param(value_type = Option<String>)]
    event: Option<Box<str>>,
    /// Of this variant.
    #[param(value_type = Option<String>, pattern = "^(standard|chess960|crazyhouse|antichess|atomic|kingOfTheHill|racingKings|threeCheck|horde)$")]
    variant: Option<Variant>,
    /// With this result.
    #[serde(default, deserialize_with = "outcome")]
    #[param(value_type = Option<String>, pattern = "^(1-0|0-1|1/2-1/2|\\*)$")]
    result: Option<Outcome>,
    /// That ended at this time or later, in milliseconds since 1970.
    #[param(value_type = Option<u64>)]
    since: Option<UnixMillis>,
    /// That ended before this time, in milliseconds since 1970.
    #[param(value_type = Option<u64>)]
    until: Option<UnixMillis>,
    /// How matches are written: `pgn` or `ndjson`.
    #[serde(default)]
    #[param(value_type = Option<String>, pattern = "^(pgn|ndjson)$")]
    format: Format,
    /// Upper bound on the matches of the whole answer.
    max: Option<usize>,
}

/// Which of a player's games are looked for.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct GamesQuery {
    /// Of the event of this name.
    #[param(value_type = Option<String>)]
    event: Option<Box<str>>,
    /// Of this variant.
    #[param(value_type = Option<String>, pattern = "^(standard|chess960|crazyhouse|antichess|atomic|kingOfTheHill|racingKings|threeCheck|horde)$")]
    variant: Option<Variant>,
    /// With this result.
    #[serde(default, deserialize_with = "outcome")]
    #[param(value_type = Option<String>, pattern = "^(1-0|0-1|1/2-1/2|\\*)$")]
    result: Option<Outcome>,
    /// That ended at this time or later, in milliseconds since 1970.
    #[param(value_type = Option<u64>)]
    since: Option<UnixMillis>,
    /// That ended before this time, in milliseconds since 1970.
    #[param(value_type = Option<u64>)]
    until: Option<UnixMillis>,
    /// The `next` of the page before.
    after: Option<String>,
    /// Upper bound on games in the page.
    #[param(minimum = 1, maximum = 100, default = 20)]
    limit: Option<usize>,
}

/// How matches are written.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Format {
    #[default]
    Pgn,
    Ndjson,
}

/// A result as PGN writes it.
fn outcome<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Outcome>, D::Error> {
    let text = String::deserialize(from)?;
    let all = [
        Outcome::WhiteWins,
        Outcome::BlackWins,
        Outcome::Draw,
        Outcome::Aborted,
    ];
    let found = all.into_iter().find(|outcome| outcome.as_pgn() == text);
    let why = "a result is 1-0, 0-1, 1/2-1/2 or *";
    found.map(Some).ok_or_else(|| serde::de::Error::custom(why))
}

/// All finished matches that fit and that the reader may see, the last that ended first.
#[utoipa::path(get, path = "/v1/archive", tag = "finished", security((), ("player" = [])), params(ExportQuery),
    responses(
        (status = 200, description = "PGN, or one match a line", content(
            (String = "application/x-chess-pgn"), (String = "application/x-ndjson"))),
        Problems))]
pub(crate) async fn export(
    State(service): State<Arc<Service>>,
    client: Client,
    Reader(reader): Reader,
    QueryOf(query): QueryOf<ExportQuery>,
) -> Result<Response, Problem> {
    service.allowances.archive_read(client)?;
    let permit = service.exports.clone().try_acquire_owned();
    let permit = permit.map_err(|_| {
        let detail = "As many exports as may be are under way. Try again.";
        Problem::new(Kind::Overloaded, detail)
    })?;
    let format = query.format;
    let mut export = Export {
        archive: service.archive.clone(),
        site: service.config.site.clone(),
        reader,
        format,
        left: query.max.unwrap_or(usize::MAX),
        filter: ArchiveFilter {
            player: query.player,
            event: query.event,
            variant: query.variant,
            outcome: query.result,
            since: query.since,
            until: query.until,
        },
        after: None,
        is_over: false,
        _permit: permit,
    };
    // Before the answer begins: what fails here is answered with a problem.
    let first = export.next().await?.unwrap_or_default();
    let rest = stream::unfold(export, |mut export| async move {
        match export.next().await {
            Ok(part) => part.map(|part| (Ok(part), export)),
            Err(error) => {
                warn!(%error, "an export ends early");
                export.is_over = true;
                Some((Err(error), export))
            }
        }
    });
    let all = futures_util::StreamExt::chain(stream::iter([Ok(first)]), rest);
    let (kind, name) = match format {
        Format::Pgn => ("application/x-chess-pgn; charset=utf-8", "pgn"),
        Format::Ndjson => ("application/x-ndjson", "ndjson"),
    };
    let disposition = format!("attachment; filename=\"games.{name}\"");
    let headers = [
        (header::CONTENT_TYPE, kind.to_owned()),
        (header::CONTENT_DISPOSITION, disposition),
    ];
    Ok((headers, Body::from_stream(all)).into_response())
}

/// An export under way.
struct Export {
    archive: Arc<dyn Archive>,
    site: String,
    reader: Option<Player>,
    format: Format,
    filter: ArchiveFilter,
    /// How many more matches may be sent.
    left: usize,
    after: Option<ArchiveCursor>,
    is_over: bool,
    _permit: OwnedSemaphorePermit,
}

impl Export {
    /// The next matches as text; `None` after the last.
    async fn next(&mut self) -> Result<Option<Bytes>, StoreError> {
        while !self.is_over && self.left > 0 {
            let limit = ARCHIVE_PAGE_MAX.min(self.left);
            let page = self.archive.list(&self.filter, self.after, limit).await?;
            self.after = page.next;
            self.is_over = page.next.is_none();
            let mut matches = page.matches;
            let now = now();
            matches.retain(|found| may_read(found, self.reader.as_ref(), now));
            self.left -= matches.len();
            if matches.is_empty() {
                continue;
            }
            let (format, site) = (self.format, self.site.clone());
            // Some milliseconds of work, during which other requests are answered.
            let written = spawn_blocking(move || written(&matches, format, &site)).await;
            return written.map(Some).map_err(|error| {
                StoreError::Unavailable(format!("an export ended early: {error}"))
            });
        }
        Ok(None)
    }
}

/// Matches as text, each followed by what separates it from the next. One that cannot be read is left out, with a
/// warning.
fn written(matches: &[ArchivedMatch], format: Format, site: &str) -> Bytes {
    let mut text = String::new();
    for found in matches {
        let added = match format {
            Format::Pgn => found
                .restore()
                .map(|game| text.push_str(&(game.pgn(site) + "\n")))
                .map_err(|error| error.to_string()),
            Format::Ndjson => document(found, BySeat::default())
                .map_err(|error| error.to_string())
                .and_then(|document| {
                    serde_json::to_string(&document).map_err(|error| error.to_string())
                })
                .map(|line| text.push_str(&(line + "\n"))),
        };
        if let Err(error) = added {
            warn!(match_id = %found.id(), error, "an archived match is not exported");
        }
    }
    text.into()
}

/// The finished matches of a player, the last that ended first.
#[utoipa::path(get, path = "/v1/players/{player}/games", tag = "finished", security((), ("player" = [])),
    params(("player" = String, Path), GamesQuery),
    responses((status = 200, description = "A page of games", body = GamesReply), Problems))]
pub(crate) async fn games(
    State(service): State<Arc<Service>>,
    client: Client,
    Reader(reader): Reader,
    PathId(player): PathId<PlayerId>,
    QueryOf(query): QueryOf<GamesQuery>,
) -> Result<Json<GamesReply>, Problem> {
    service.allowances.archive_read(client)?;
    let invalid = |detail: String| Problem::new(Kind::InvalidRequest, detail);
    let after = query.after.as_deref().map(str::parse::<ArchiveCursor>);
    let after = after.transpose();
    let after =
        after.map_err(|error| invalid(format!("{}.", web::sentence(&format!("{error}")))))?;
    let limit = query.limit.unwrap_or(GAMES_DEFAULT);
    if !(1..=ARCHIVE_PAGE_MAX).contains(&limit) {
        return Err(invalid(format!(
            "limit is a number of 1 to {ARCHIVE_PAGE_MAX}."
        )));
    }
    let filter = ArchiveFilter {
        player: Some(player),
        event: query.event,
        variant: query.variant,
        outcome: query.result,
        since: query.since,
        until: query.until,
    };
    let page = service.archive.list(&filter, after, limit).await?;
    let mut games = Vec::with_capacity(page.matches.len());
    for found in &page.matches {
        if may_read(found, reader.as_ref(), now()) {
            games.push(document(found, BySeat::default())?);
        }
    }
    Ok(Json(GamesReply {
        games,
        next: page.next.map(|next| next.to_string()),
    }))
}
