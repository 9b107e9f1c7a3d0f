//! `GET /v1/matches/live`: the live matches of all shards.

use std::sync::Arc;
use std::time::Duration;

use admin::{MatchList, MatchSummary, Variant, kind_text, list_position};
use axum::Json;
use axum::extract::State;
use axum::http::Method;
use game_core::{BySeat, Speed};
use protocol::http::{LiveList, LiveMatch};
use protocol::{ClockView, SeatView};
use serde::Deserialize;
use shard_core::{MatchKind, MatchQuery, Page, PageSelection, Sort};
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout_at};
use utoipa::IntoParams;
use web::QueryOf;

use crate::allowances::Client;
use crate::described::Problems;
use crate::problem::{Kind, Problem};
use crate::service::Service;

/// Age up to which a list is shown again: all who ask for the same one share it.
const FRESH: Duration = Duration::from_secs(1);
/// The shards must answer within this; the list is then made of the answers that have come.
const ANSWER_WITHIN: Duration = Duration::from_secs(1);
/// Longest page, in matches.
const LIMIT_MAX: usize = 100;
const LIMIT_DEFAULT: usize = 50;
const PLAYER_LEN_MAX: usize = 64;

/// Which live matches a list shows.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct LiveParams {
    /// Upper bound on matches in the page.
    #[param(minimum = 1, maximum = 100, default = 50)]
    limit: Option<usize>,
    /// The `next` of the page before.
    #[param(pattern = "^[0-9a-f]{1,16}\\.[0-9A-Za-z]{12}$")]
    cursor: Option<String>,
    /// A player's id, or the beginning of a name.
    #[param(min_length = 1, max_length = 64)]
    player: Option<String>,
    /// Only those of these rules and this start.
    #[param(value_type = Option<String>, pattern = "^(standard|from_position|chess960|crazyhouse|antichess|atomic|kingOfTheHill|racingKings|threeCheck|horde)$")]
    variant: Option<Variant>,
    /// Only those of this speed.
    #[param(value_type = Option<String>, pattern = "^(ultrabullet|bullet|blitz|rapid|classical)$")]
    speed: Option<Speed>,
}

impl LiveParams {
    fn limit(&self) -> usize {
        self.limit.unwrap_or(LIMIT_DEFAULT)
    }

    /// The page of each shard's list, to merge them.
    fn query(&self) -> Result<MatchQuery, Problem> {
        let invalid = |why: &str| Problem::new(Kind::InvalidRequest, why);
        if !(1..=LIMIT_MAX).contains(&self.limit()) {
            return Err(invalid("limit must be 1 to 100."));
        }
        let fits = |text: &String| (1..=PLAYER_LEN_MAX).contains(&text.len());
        if !self.player.as_ref().is_none_or(fits) {
            return Err(invalid("player must have 1 to 64 bytes."));
        }
        let position = |text: &str| {
            list_position(text)
                .ok_or_else(|| invalid("cursor must be the next of a page of the same list."))
        };
        Ok(MatchQuery {
            player: self.player.clone(),
            live: Some(true),
            variant: None,
            from_initial: None,
            speed: self.speed,
            created_from: None,
            created_to: None,
            // By what changes in play, the order would tell what spectators do not see yet.
            sort: Sort::Created,
            descending: true,
            after: self.cursor.as_deref().map(position).transpose()?,
            limit: self.limit(),
            public: true,
            counted: Vec::new(),
        })
    }

    /// The same as the query of a shard's endpoint.
    fn asked(&self) -> String {
        let mut asked = form_urlencoded::Serializer::new(String::new());
        asked.append_pair("status", "live");
        asked.append_pair("public", "true");
        asked.append_pair("sort", "-created");
        asked.append_pair("limit", &self.limit().to_string());
        if let Some(cursor) = &self.cursor {
            asked.append_pair("cursor", cursor);
        }
        if let Some(player) = &self.player {
            asked.append_pair("player", player);
        }
        if let Some(variant) = self.variant {
            asked.append_pair("variant", &code(&variant));
        }
        if let Some(speed) = self.speed {
            asked.append_pair("speed", &code(&speed));
        }
        asked.finish()
    }
}

/// The name of a value in JSON.
fn code(value: &impl serde::Serialize) -> String {
    let json = serde_json::to_value(value).unwrap_or_default();
    json.as_str().unwrap_or_default().to_owned()
}

/// The live matches of all shards, the newest first. Those whose spectators are behind are as they were that long ago.
#[utoipa::path(get, path = "/v1/matches/live", tag = "matches", params(LiveParams),
    responses((status = 200, description = "A page of matches", body = LiveList), Problems))]
pub(crate) async fn list(
    State(service): State<Arc<Service>>,
    client: Client,
    QueryOf(params): QueryOf<LiveParams>,
) -> Result<Json<LiveList>, Problem> {
    let (query, asked) = (params.query()?, params.asked());
    let mut made = service.watching.lists.lock().await;
    if let Some((made_at, list)) = made.get(&asked)
        && made_at.elapsed() < FRESH
    {
        return Ok(Json(list.clone()));
    }
    service.allowances.list(client)?;
    let list = service.live_list(&query, &asked).await;
    made.put(asked, (Instant::now(), list.clone()));
    Ok(Json(list))
}

impl Service {
    /// How many live matches are of each kind, on all shards that answer; `None` if none does.
    pub(crate) async fn count_live(&self, kinds: &[MatchKind]) -> Option<Vec<usize>> {
        let client = self.watching.client.get()?;
        let path = format!("/v1/matches?{}", counting(kinds));
        let mut asking = JoinSet::new();
        for address in self.view().records().filter_map(|record| record.admin) {
            asking.spawn(client.ask::<MatchList>(Method::GET, address, &path, None));
        }
        let until = Instant::now() + ANSWER_WITHIN;
        let mut sums: Option<Vec<usize>> = None;
        while let Ok(Some(answer)) = timeout_at(until, asking.join_next()).await {
            if let Ok(Ok(list)) = answer {
                let sums = sums.get_or_insert_with(|| vec![0; kinds.len()]);
                for (sum, count) in sums.iter_mut().zip(list.counts) {
                    *sum += count;
                }
            }
        }
        sums
    }

    /// Asks every shard for its part of the list.
    async fn live_list(&self, query: &MatchQuery, asked: &str) -> LiveList {
        let mut selection = PageSelection::new(query);
        let (mut asking, mut complete) = (JoinSet::new(), true);
        let view = self.view();
        for record in view.records() {
            match (self.watching.client.get(), record.admin) {
                (Some(client), Some(address)) => {
                    let path = format!("/v1/matches?{asked}");
                    asking.spawn(client.ask::<MatchList>(Method::GET, address, &path, None));
                }
                _ => complete = false,
            }
        }
        let until = Instant::now() + ANSWER_WITHIN;
        while !asking.is_empty() {
            match timeout_at(until, asking.join_next()).await {
                Ok(Some(Ok(Ok(page)))) => selection.merge(placed(page, query)),
                Ok(_) => complete = false,
                Err(_) => {
                    complete = false;
                    break;
                }
            }
        }
        let page = selection.into_page();
        let last = page.entries.last().map(|(position, _)| *position);
        LiveList {
            next: last.filter(|_| page.has_more).map(MatchSummary::cursor),
            total: page.total,
            complete,
            matches: page
                .entries
                .into_iter()
                .map(|(_, one)| shown(one))
                .collect(),
        }
    }
}

/// The query of a shard's endpoint for the numbers of its live matches.
fn counting(kinds: &[MatchKind]) -> String {
    let kinds: Vec<String> = kinds.iter().map(kind_text).collect();
    let mut asked = form_urlencoded::Serializer::new(String::new());
    asked.append_pair("status", "live");
    asked.append_pair("limit", "1");
    asked.append_pair("count", &kinds.join(","));
    asked.finish()
}

/// The matches of a shard's page, each with its position in the whole list.
pub(crate) fn placed(list: MatchList, query: &MatchQuery) -> Page<MatchSummary> {
    let place = |summary: MatchSummary| (summary.position(query), summary);
    Page {
        entries: list.matches.into_iter().map(place).collect(),
        has_more: list.next.is_some(),
        total: list.total,
        counts: list.counts,
    }
}

fn shown(summary: MatchSummary) -> LiveMatch {
    let player = |player: admin::PlayerView| SeatView {
        id: player.id,
        name: player.name,
        rating: player.rating,
        is_bot: player.is_bot,
    };
    let ms = |ms: u64| u32::try_from(ms).unwrap_or(u32::MAX);
    LiveMatch {
        match_id: summary.match_id,
        players: BySeat {
            white: player(summary.players.white),
            black: player(summary.players.black),
        },
        variant: code(&summary.variant),
        speed: summary.speed,
        time_control: summary.time_control,
        rated: summary.rated,
        spectator_delay_s: summary.spectator_delay_s,
        ply: summary.ply,
        turn: summary.turn,
        clock: ClockView {
            white_ms: ms(summary.clocks.white_ms),
            black_ms: ms(summary.clocks.black_ms),
            running: summary.clocks.running,
            delay_ms: 0,
        },
        created_at: game_core::UnixMillis(summary.created_at),
        spectators: summary.spectators.unwrap_or(0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_of_the_public_list_is_asked_of_each_shard() {
        let params = LiveParams {
            limit: Some(7),
            player: Some("Ann & Co".to_owned()),
            variant: Some(Variant::KingOfTheHill),
            speed: Some(Speed::Blitz),
            cursor: Some("1f.0123456789ab".to_owned()),
        };
        assert_eq!(
            params.asked(),
            "status=live&public=true&sort=-created&limit=7&cursor=1f.0123456789ab&player=Ann+%26+Co\
             &variant=kingOfTheHill&speed=blitz"
        );
        let query = params.query().unwrap();
        assert!(query.public && query.after.is_some() && query.descending);
    }

    #[test]
    fn limits_are_kept() {
        let with = |limit: usize, player: &str, cursor: &str| LiveParams {
            limit: Some(limit),
            player: Some(player.to_owned()),
            cursor: Some(cursor.to_owned()),
            ..LiveParams::default()
        };
        let cursor = "1f.0123456789ab";
        assert!(with(100, "a", cursor).query().is_ok());
        let long = "a".repeat(65);
        for (limit, player, cursor) in [
            (0, "a", cursor),
            (101, "a", cursor),
            (1, "", cursor),
            (1, &long, cursor),
            (1, "a", "1f"),
        ] {
            assert!(with(limit, player, cursor).query().is_err());
        }
    }
}
