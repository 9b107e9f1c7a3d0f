//! `/v1/players/{player}/ratings`: ratings and their histories, and how they are shown beside matches.

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use game_core::{BySeat, Player, PlayerId, Seat};
use protocol::http::{
    CategoryRating, PastRating, RatingChange, RatingHistory, RatingView, RatingsReply,
};
use serde::Deserialize;
use store::{Category, RATING_PAGE_MAX, RatedMatch, Strength, Terms, Ticket};
use utoipa::IntoParams;
use web::{PathId, sentence};

use crate::clock::now;
use crate::described::Problems;
use crate::finished::RatingDiffs;
use crate::glicko::{self, strength_at};
use crate::problem::{Kind, Problem};
use crate::service::Service;

/// Ratings of a page if the request does not say how many.
const PAGE_LEN: usize = 50;

/// The ratings of a player.
#[utoipa::path(get, path = "/v1/players/{player}/ratings", tag = "ratings", params(("player" = String, Path)),
    responses((status = 200, description = "The ratings", body = RatingsReply), Problems))]
pub(crate) async fn read(
    State(service): State<Arc<Service>>,
    PathId(player): PathId<PlayerId>,
) -> Result<Json<RatingsReply>, Problem> {
    let now = now();
    let ratings = service.store.ratings(&player).await?;
    let ratings = ratings
        .into_iter()
        .map(|(category, rating)| CategoryRating {
            category: category.to_string(),
            rating: view(&strength_at(Some(&rating), now)),
            games: rating.games,
            at: rating.at,
        });
    Ok(Json(RatingsReply {
        ratings: ratings.collect(),
        player,
    }))
}

/// Which part of a history is wanted.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct PageQuery {
    /// The `next` of the part before.
    before: Option<u32>,
    /// Upper bound on ratings in the part.
    limit: Option<usize>,
}

/// The history of a player's rating in a category, the newest first.
#[utoipa::path(get, path = "/v1/players/{player}/ratings/{category}", tag = "ratings",
    params(("player" = String, Path), ("category" = String, Path), PageQuery),
    responses((status = 200, description = "A part of the history", body = RatingHistory), Problems))]
pub(crate) async fn history(
    State(service): State<Arc<Service>>,
    Path((player, category)): Path<(String, String)>,
    query: Result<Query<PageQuery>, QueryRejection>,
) -> Result<Json<RatingHistory>, Problem> {
    let invalid = |kind, why: &str| Problem::new(kind, format!("{}.", sentence(why)));
    let player: PlayerId = player
        .parse()
        .map_err(|why: game_core::InvalidId| invalid(Kind::InvalidId, &why.to_string()))?;
    let category: Category = category
        .parse()
        .map_err(|why: store::InvalidCategory| invalid(Kind::InvalidId, &why.to_string()))?;
    let Query(page) = query.map_err(|why| invalid(Kind::InvalidRequest, &why.body_text()))?;
    let limit = page.limit.unwrap_or(PAGE_LEN).clamp(1, RATING_PAGE_MAX);
    let found = service
        .store
        .rating_history(&player, category, page.before, limit)
        .await?;
    let last = found.last().filter(|_| found.len() == limit);
    Ok(Json(RatingHistory {
        next: last.map(|last| last.games).filter(|games| *games > 1),
        player,
        category: category.to_string(),
        ratings: found
            .into_iter()
            .map(|rating| PastRating {
                rating: view(&rating.strength),
                match_id: rating.match_id,
                opponent: rating.opponent,
                games: rating.games,
                at: rating.at,
            })
            .collect(),
    }))
}

/// A strength as players see it.
pub(crate) fn view(strength: &Strength) -> RatingView {
    RatingView {
        rating: rounded(strength.rating),
        deviation: rounded(strength.deviation),
        provisional: glicko::is_provisional(strength),
    }
}

/// How a match changed its players' ratings, as they see it.
pub(crate) fn changes(rated: &RatedMatch) -> BySeat<RatingChange> {
    let of = |change: &store::RatingChange| RatingChange {
        before: view(&change.before),
        after: view(&change.after),
        games: change.games,
    };
    BySeat {
        white: of(&rated.changes.white),
        black: of(&rated.changes.black),
    }
}

/// By how much a match changed its players' ratings, as they see them.
pub(crate) fn differences(rated: Option<&RatedMatch>) -> RatingDiffs {
    let of = |seat: Seat| {
        let change = &rated?.changes[seat];
        let [before, after] = [change.before, change.after].map(|one| rounded(one.rating));
        Some(i32::from(after) - i32::from(before))
    };
    BySeat::new_with(of)
}

pub(crate) fn rounded(number: f64) -> u16 {
    // Saturates, and makes 0 of what is no number.
    number.round() as u16
}

impl Service {
    /// A ticket with the rating of its player.
    pub(crate) async fn rated_ticket(&self, ticket: Ticket) -> Result<Ticket, Problem> {
        let player = self.with_rating(ticket.player, &ticket.terms).await?;
        Ok(Ticket { player, ..ticket })
    }

    /// A player with the rating for a match on these terms, if the player has one.
    pub(crate) async fn with_rating(
        &self,
        player: Player,
        terms: &Terms,
    ) -> Result<Player, Problem> {
        let speeds = (terms.controls.white.speed(), terms.controls.black.speed());
        let category = Category {
            variant: terms.start.variant(),
            // As that of a match is: of the slower control.
            speed: speeds.0.max(speeds.1),
        };
        let rating = self.store.rating(&player.id, category).await?;
        Ok(Player {
            rating: rating.map(|rating| rounded(rating.strength.rating)),
            ..player
        })
    }
}

#[cfg(test)]
mod tests {
    use game_core::UnixMillis;

    use super::*;

    #[test]
    fn ratings_are_shown_rounded_and_marked_while_they_say_little() {
        let strength = |rating, deviation| Strength {
            rating,
            deviation,
            volatility: 0.06,
        };
        let shown = view(&strength(1_499.5, 109.9));
        assert_eq!(
            (shown.rating, shown.deviation, shown.provisional),
            (1_500, 110, false)
        );
        assert!(view(&strength(1_500.0, 110.0)).provisional);
        assert_eq!(view(&strength(-1.0, f64::NAN)).rating, 0);
    }

    #[test]
    fn times_are_those_of_the_store() {
        let at = UnixMillis(1_800_000_000_000);
        let rating = store::Rating {
            strength: Strength {
                rating: 1_500.0,
                deviation: 100.0,
                volatility: 0.06,
            },
            games: 1,
            at,
            match_id: "0123456789AB".parse().unwrap(),
            opponent: "bob".parse().unwrap(),
        };
        let later = UnixMillis(at.0 + 100 * 24 * 60 * 60 * 1_000);
        assert_eq!(strength_at(Some(&rating), at), rating.strength);
        assert!(strength_at(Some(&rating), later).deviation > 100.0);
        // A clock that went back makes nobody better known.
        assert_eq!(strength_at(Some(&rating), UnixMillis(0)), rating.strength);
    }
}
