//! Players, as this API shows them.

use std::collections::BTreeMap;

use game_core::{BySeat, Seat, Variant};
use protocol::SeatView;
use protocol::http::{CategoryRating, PublicPlayer};
use serde_json::{Value, json};

use super::names::{Rules, perf_of_category};

/// The rating of a player who has none, and its deviation.
const FIRST_RATING: (u16, u16) = (1_500, 350);

/// The id of a player in this API: the name, whatever its case.
pub(crate) fn user_id(name: &str) -> String {
    name.to_lowercase()
}

/// The title that tells programs from people.
pub(crate) const fn title(is_bot: bool) -> Option<&'static str> {
    if is_bot { Some("BOT") } else { None }
}

/// A player of a game: `id`, `name`, `title`, `rating`.
pub(crate) fn seated(player: &SeatView, name: &str) -> Value {
    let mut json = json!({
        "id": user_id(name),
        "name": name,
        "title": title(player.is_bot),
        "rating": player.rating.unwrap_or(FIRST_RATING.0),
    });
    if player.rating.is_none() {
        json["provisional"] = true.into();
    }
    json
}

/// The names of both players, which clients tell apart without their case. Where both are the same, which can only be
/// those of guests, that of the seat `of_other` ends in its player's id.
pub(crate) fn names(players: &BySeat<SeatView>, of_other: Seat) -> BySeat<String> {
    let mut names = BySeat::new_with(|seat| players[seat].name.clone());
    if user_id(&names.white) == user_id(&names.black) {
        let id = players[of_other].id.as_str();
        let start = id.char_indices().nth_back(3).map_or(0, |(at, _)| at);
        names[of_other] = format!("{}-{}", players[of_other].name, &id[start..]);
    }
    names
}

/// A user, as `/api/account` and `/api/user/{name}` show it.
pub(crate) fn user(player: &PublicPlayer, ratings: &[CategoryRating], site: &str) -> Value {
    let games: u32 = ratings.iter().map(|rating| rating.games).sum();
    let seen_at = ratings.iter().map(|rating| rating.at.0).max();
    let id = user_id(&player.name);
    json!({
        "id": id,
        "username": player.name,
        "title": title(player.bot),
        "perfs": perfs(ratings),
        "createdAt": player.made_at.0,
        "seenAt": seen_at.unwrap_or(player.made_at.0),
        "playTime": {"total": 0, "tv": 0},
        "url": format!("{site}/player/{}", player.player),
        "online": player.online,
        "count": {"all": games, "rated": games},
    })
}

/// Ratings by their keys. The usual speeds are there always, the others if the player has played them. The ratings of a
/// variant, which has one for each speed here, are as the one of most games.
fn perfs(ratings: &[CategoryRating]) -> Value {
    let mut perfs = BTreeMap::new();
    for key in ["bullet", "blitz", "rapid", "classical"] {
        let (rating, rd) = FIRST_RATING;
        let first = json!({"games": 0, "rating": rating, "rd": rd, "prog": 0, "prov": true});
        perfs.insert(key, (0, first));
    }
    for rating in ratings {
        let Some((variant, speed)) = perf_of_category(&rating.category) else {
            continue;
        };
        let rules = Rules {
            variant,
            is_from_position: false,
        };
        let view = rating.rating;
        let mut json = json!({
            "games": rating.games,
            "rating": view.rating,
            "rd": view.deviation,
            "prog": 0,
        });
        if view.provisional {
            json["prov"] = true.into();
        }
        let known = perfs.get(rules.perf(speed)).map_or(0, |(games, _)| *games);
        if variant == Variant::Standard || rating.games >= known {
            perfs.insert(rules.perf(speed), (rating.games, json));
        }
    }
    let perfs = perfs
        .into_iter()
        .map(|(key, (_, json))| (key.to_owned(), json));
    Value::Object(perfs.collect())
}

#[cfg(test)]
mod tests {
    use game_core::UnixMillis;
    use protocol::http::RatingView;

    use super::*;

    fn rating(category: &str, rating: u16, games: u32) -> CategoryRating {
        CategoryRating {
            category: category.to_owned(),
            rating: RatingView {
                rating,
                deviation: 60,
                provisional: false,
            },
            games,
            at: UnixMillis(7),
        }
    }

    #[test]
    fn a_user_has_the_usual_ratings_and_those_that_were_played() {
        let player = PublicPlayer {
            player: "0AZaz9876543".parse().unwrap(),
            name: "Ann".to_owned(),
            bot: true,
            made_at: UnixMillis(5),
            online: true,
        };
        let ratings = [
            rating("standard-blitz", 1_800, 12),
            rating("chess960-blitz", 1_700, 9),
            rating("chess960-bullet", 1_600, 2),
        ];
        let user = user(&player, &ratings, "http://here");
        assert_eq!(user["id"], "ann");
        assert_eq!(user["title"], "BOT");
        assert_eq!(user["perfs"]["blitz"]["rating"], 1_800);
        assert_eq!(user["perfs"]["chess960"]["rating"], 1_700);
        assert_eq!(user["perfs"]["rapid"]["prov"], true);
        assert_eq!(user["count"]["all"], 23);
    }

    #[test]
    fn two_players_never_have_the_same_name() {
        let seat = |id: &str, name: &str| SeatView {
            id: id.parse().unwrap(),
            name: name.to_owned(),
            rating: None,
            is_bot: false,
        };
        let players = BySeat {
            white: seat("guest-1234", "ann"),
            black: seat("guest-5678", "Ann"),
        };
        let told = names(&players, Seat::Black);
        assert_eq!(
            (told.white.as_str(), told.black.as_str()),
            ("ann", "Ann-5678")
        );
        let players = BySeat {
            black: seat("guest-5678", "Bob"),
            ..players
        };
        assert_eq!(names(&players, Seat::Black).black, "Bob");
    }
}
