//! Matches that have ended: rated, archived, and shown with what became of them.

use std::sync::Arc;
use std::time::Duration;

use game_core::{MatchId, UnixMillis};
use protocol::http::{MatchReply, RatingHistory, RatingsReply, SeatReply, TicketReply};
use serde_json::json;
use store::{Archive, MemoryStore};
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use super::world::{Guest, World, new_key, play};
use crate::clock::now;
use crate::config::Config;
use crate::finisher::{Finisher, FinisherFigures, finish_matches};

/// Generous upper bound on the wait for what must happen.
const SOON: Duration = Duration::from_secs(30);

/// A rated match of `white` against `black` that White has resigned, after what follows from its end.
async fn finished(world: &World, white: &Guest, black: &Guest) -> MatchId {
    let terms = json!({"color": "white", "rated": true});
    let challenge = world.challenge(white, terms).await;
    let path = format!("/v1/challenges/{challenge}/accept");
    let reply: TicketReply = world.post(black, &path, json!({})).await.ok(200);
    let id = reply.match_id.unwrap();
    play(&*world.store, id, &["e2e4", "e7e5"], true).await;
    empty_outboxes(world).await;
    id
}

/// Lets a worker of its own do its work, until nothing waits.
async fn empty_outboxes(world: &World) {
    let (store, stop) = (world.store.clone(), CancellationToken::new());
    let archive = world.store.clone() as Arc<dyn Archive>;
    let finisher = Finisher::new(store.clone(), archive, FinisherFigures::default());
    let working = tokio::spawn(finish_matches(finisher, stop.clone()));
    let end = Instant::now() + SOON;
    while store
        .outbox_tags()
        .await
        .unwrap()
        .iter()
        .any(|tag| tag.waiting > 0)
    {
        assert!(
            Instant::now() < end,
            "what follows from the end is never done"
        );
        sleep(Duration::from_millis(10)).await;
    }
    stop.cancel();
    working.await.unwrap();
}

#[tokio::test]
async fn players_see_how_a_match_changed_their_ratings() {
    let world = World::new().await;
    let (ann, bob) = (world.player("ann"), world.player("bob"));
    let before: RatingsReply = world.get(&ann, "/v1/players/ann/ratings").await.ok(200);
    assert_eq!(before.ratings, []);
    let id = finished(&world, &ann, &bob).await;
    let shown: MatchReply = world.get(&ann, &format!("/v1/matches/{id}")).await.ok(200);
    let changes = shown.rating_changes.unwrap();
    assert_eq!(
        (changes.white.before.rating, changes.white.games),
        (1_500, 1)
    );
    assert!(changes.white.before.provisional && changes.white.after.provisional);
    assert!(changes.white.after.rating < 1_500 && changes.black.after.rating > 1_500);
    for (who, change) in [("ann", changes.white), ("bob", changes.black)] {
        let path = format!("/v1/players/{who}/ratings");
        let ratings: RatingsReply = world.get(&bob, &path).await.ok(200);
        let [rating] = &ratings.ratings[..] else {
            panic!("{ratings:?}");
        };
        assert_eq!(rating.category, "standard-blitz");
        assert_eq!(
            (rating.rating.rating, rating.games),
            (change.after.rating, 1)
        );
        let path = format!("/v1/players/{who}/ratings/standard-blitz");
        let history: RatingHistory = world.get(&bob, &path).await.ok(200);
        let [past] = &history.ratings[..] else {
            panic!("{history:?}");
        };
        assert_eq!((past.match_id, past.rating), (id, change.after));
        assert_eq!(history.next, None);
    }
    // The next match shows the rating that each has now.
    let next = finished(&world, &bob, &ann).await;
    let shown: MatchReply = world
        .get(&ann, &format!("/v1/matches/{next}"))
        .await
        .ok(200);
    assert_eq!(shown.players.white.rating, Some(changes.black.after.rating));
    assert_eq!(shown.players.black.rating, Some(changes.white.after.rating));
    assert_eq!(shown.rating_changes.unwrap().white.games, 2);
}

#[tokio::test]
async fn a_ticket_has_the_rating_of_its_player_in_its_category() {
    let world = World::new().await;
    let (ann, bob) = (world.player("ann"), world.player("bob"));
    finished(&world, &ann, &bob).await;
    world.see(&[]);
    for (control, is_rated) in [("180+2", true), ("60+0", false)] {
        let body = json!({"control": control.parse::<game_core::TimeControl>().unwrap()});
        let reply: TicketReply = world.post(&ann, "/v1/tickets", body).await.ok(201);
        let ticket = world.store.ticket(super::world::ticket_id(&reply.id)).await;
        let rating = ticket.unwrap().unwrap().player.rating;
        assert_eq!(rating.is_some(), is_rated, "{control}");
    }
}

#[tokio::test]
async fn a_casual_match_changes_no_rating() {
    let world = World::new().await;
    let (ann, bob) = (world.player("ann"), world.player("bob"));
    let id = world.make_match(&ann, &bob).await;
    play(&*world.store, id, &["e2e4", "e7e5"], true).await;
    empty_outboxes(&world).await;
    let shown: MatchReply = world.get(&ann, &format!("/v1/matches/{id}")).await.ok(200);
    assert_eq!(shown.rating_changes, None);
    let ratings: RatingsReply = world.get(&ann, "/v1/players/ann/ratings").await.ok(200);
    assert_eq!(ratings.ratings, []);
}

#[tokio::test]
async fn a_match_that_has_left_the_live_ones_is_read_from_the_archive() {
    let store = Arc::new(MemoryStore::new().keeping_live(Duration::ZERO));
    let world = World::on(store, new_key(), Config::default()).await;
    let (ann, bob) = (world.player("ann"), world.player("bob"));
    let id = finished(&world, &ann, &bob).await;
    let path = format!("/v1/matches/{id}");
    let before: MatchReply = world.get(&ann, &path).await.ok(200);
    let pgn = world.get(&ann, &format!("{path}/pgn")).await.text;
    let later = UnixMillis(now().0 + 1);
    assert_eq!(world.store.sweep(later).await.unwrap().matches, 1);
    assert_eq!(world.store.ownership(id).await.unwrap(), None);
    let after: MatchReply = world.get(&ann, &path).await.ok(200);
    assert_eq!(after, before);
    assert_eq!(world.get(&ann, &format!("{path}/pgn")).await.text, pgn);
    // Nobody can sit there any more, and nobody makes it again.
    let seat = world.post(&ann, &format!("{path}/seat"), json!({})).await;
    seat.problem(404, "match_not_found");
    assert!(serde_json::from_str::<SeatReply>(&seat.text).is_err());
    let accept = format!("/v1/challenges/{id}/accept");
    let again: TicketReply = world.post(&bob, &accept, json!({})).await.ok(200);
    assert_eq!(again.match_id, Some(id));
    assert_eq!(world.store.ownership(id).await.unwrap(), None);
}

#[tokio::test]
async fn what_is_no_player_category_or_page_is_refused() {
    let world = World::new().await;
    let ann = world.player("ann");
    for (path, code) in [
        ("/v1/players/a%20b/ratings", "invalid_id"),
        ("/v1/players/a%20b/ratings/standard-blitz", "invalid_id"),
        ("/v1/players/ann/ratings/blitz", "invalid_id"),
        (
            "/v1/players/ann/ratings/standard-blitz?before=x",
            "invalid_request",
        ),
    ] {
        world.get(&ann, path).await.problem(400, code);
    }
    let path = "/v1/players/ann/ratings/standard-blitz?before=1&limit=100000";
    let history: RatingHistory = world.get(&ann, path).await.ok(200);
    assert_eq!((history.ratings.len(), history.next), (0, None));
}
