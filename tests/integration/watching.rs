//! Live matches as anybody may watch them over HTTP: lists, pages, streams and PGN, from the memory of real shards.

use std::time::Duration;

use game_core::{ClockStart, CommandKind, Seat};
use protocol::http::{LiveList, MatchReply, Terms};
use reqwest::{Client, Response, StatusCode};
use tests::installation::{Installation, PlayedMatch, eventually};
use tokio::time::timeout;

/// Whatever is waited for must come within this, on a busy machine too.
const PATIENCE: Duration = Duration::from_secs(60);

/// What anybody reads at a matchmaker.
struct Public {
    url: String,
    client: Client,
}

impl Public {
    fn of(installation: &Installation) -> Self {
        Self {
            url: installation.matchmaker.clone(),
            client: Client::new(),
        }
    }

    async fn open(&self, path: &str) -> Response {
        let request = self.client.get(format!("{}{path}", self.url));
        request.send().await.unwrap()
    }

    async fn page(&self, path: &str) -> MatchReply {
        let response = self.open(path).await;
        assert_eq!(response.status(), StatusCode::OK, "{path}");
        response.json().await.unwrap()
    }

    async fn live(&self, filter: &str) -> LiveList {
        let response = self.open(&format!("/v1/matches/live{filter}")).await;
        assert_eq!(response.status(), StatusCode::OK, "{filter}");
        response.json().await.unwrap()
    }

    /// The page, once a shard tells of the match and it is as `wanted`.
    async fn page_when(&self, path: &str, wanted: impl Fn(&MatchReply) -> bool) -> MatchReply {
        eventually("the page shows what is wanted", || async {
            let page = self.page(path).await;
            (page.clock.is_some() && wanted(&page)).then_some(page)
        })
        .await
    }
}

/// A stream of server-sent events.
struct Events {
    response: Response,
    text: String,
}

impl Events {
    async fn of(public: &Public, path: &str) -> Self {
        let response = public.open(&format!("{path}/events")).await;
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Self {
            response,
            text: String::new(),
        }
    }

    /// The next event; `None` at the end of the stream.
    async fn next(&mut self) -> Option<MatchReply> {
        loop {
            while let Some((event, rest)) = self.text.split_once("\n\n") {
                let line = |name: &str| event.lines().find_map(|line| line.strip_prefix(name));
                let data = line("data: ").map(str::to_owned);
                let (name, id) = (line("event: "), line("id: ").map(str::to_owned));
                assert!(data.is_none() || name == Some("match"), "{event}");
                self.text = rest.to_owned();
                if let Some(data) = data {
                    let reply: MatchReply = serde_json::from_str(&data).unwrap();
                    assert_eq!(id, Some(reply.seq.to_string()));
                    return Some(reply);
                }
            }
            let chunk = timeout(PATIENCE, self.response.chunk()).await.unwrap();
            self.text
                .push_str(std::str::from_utf8(&chunk.unwrap()?).unwrap());
        }
    }

    /// The first event with so many moves. Events never go back.
    async fn with_moves(&mut self, moves: usize) -> MatchReply {
        let mut last = 0;
        while let Some(reply) = self.next().await {
            assert!(reply.seq >= last, "event {} after {last}", reply.seq);
            last = reply.seq;
            if reply.moves.len() == moves {
                return reply;
            }
        }
        panic!("the stream ended before");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn anybody_watches_a_live_match_on_a_page_by_a_stream_and_as_pgn() {
    let installation = Installation::start(2).await;
    let public = Public::of(&installation);
    let mut game = PlayedMatch::begin(&installation.matchmaker).await;
    let other = PlayedMatch::begin(&installation.matchmaker).await;
    let path = format!("/v1/matches/{}", game.id);
    game.play(0, "e2e4").await;
    let page = public.page_when(&path, |page| page.moves.len() == 1).await;
    let clock = page.clock.unwrap();
    assert_eq!(clock.running, Some(Seat::Black));
    assert!(clock.black_ms <= 600_000);

    let mut streams = Vec::new();
    for _ in 0..20 {
        streams.push(Events::of(&public, &path).await);
    }
    game.play(1, "e7e5").await;
    for stream in &mut streams {
        let reply = stream.with_moves(2).await;
        assert_eq!(reply.clock.unwrap().running, Some(Seat::White));
    }
    let pgn = eventually("the PGN has both moves", || async {
        let pgn = public.open(&format!("{path}/pgn")).await.text().await;
        pgn.ok().filter(|pgn| pgn.contains("1... e5"))
    })
    .await;
    assert!(
        pgn.contains("[White \"Ann\"]") && pgn.trim_end().ends_with('*'),
        "{pgn}"
    );

    let both = eventually("the list has both matches", || async {
        let list = public.live("").await;
        (list.matches.len() == 2 && list.complete).then_some(list)
    })
    .await;
    assert_eq!(both.total, 2);
    let listed = both.matches.iter().find(|one| one.match_id == game.id);
    assert_eq!(
        (listed.unwrap().ply, listed.unwrap().variant.as_str()),
        (2, "standard")
    );
    let page = public.live("?limit=1").await;
    let next = public
        .live(&format!("?limit=1&cursor={}", page.next.unwrap()))
        .await;
    assert_ne!(page.matches[0].match_id, next.matches[0].match_id);
    assert_eq!(next.next, None);
    assert_eq!(public.live("?player=nobody").await.total, 0);
    assert_eq!(public.live("?speed=rapid&variant=standard").await.total, 2);
    let refused = public.open("/v1/matches/live?sort=ply").await;
    assert_eq!(refused.status(), StatusCode::BAD_REQUEST);

    installation
        .admin
        .post(&format!("{path}/abort"), &serde_json::json!({}))
        .await;
    for stream in &mut streams {
        while let Some(reply) = stream.next().await {
            assert!(reply.outcome.is_none() || reply.moves.len() == 2);
        }
    }
    let ended = public.page(&path).await;
    assert!(ended.outcome.is_some());
    eventually("the list has the other match only", || async {
        let list = public.live("").await;
        (list.matches.len() == 1 && list.matches[0].match_id == other.id).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_watched_is_read_from_memory_and_not_from_the_store() {
    let installation = Installation::start(1).await;
    let public = Public::of(&installation);
    let mut game = PlayedMatch::begin(&installation.matchmaker).await;
    game.play(0, "e2e4").await;
    let path = format!("/v1/matches/{}", game.id);
    public.page_when(&path, |page| page.moves.len() == 1).await;
    installation.redis.stop();
    for _ in 0..3 {
        let page = public.page(&path).await;
        assert_eq!(page.moves.len(), 1);
        let pgn = public.open(&format!("{path}/pgn")).await.text().await;
        assert!(pgn.unwrap().contains("1. e4"));
        assert_eq!(public.live("").await.matches[0].ply, 1);
    }
    installation.redis.cont();
}

#[tokio::test(flavor = "multi_thread")]
async fn no_public_read_is_ahead_of_the_delay_of_spectators() {
    const DELAY_S: u8 = 5;
    let installation = Installation::start(1).await;
    let public = Public::of(&installation);
    let terms = Terms {
        clock_start: ClockStart::AtOnce,
        spectator_delay_s: DELAY_S,
        ..Terms::usual("600+5".parse().unwrap())
    };
    let mut game = PlayedMatch::begin_on(&installation.matchmaker, terms).await;
    let path = format!("/v1/matches/{}", game.id);
    // It is in memory and watched before the first move.
    public.page_when(&path, |_| true).await;
    let mut stream = Events::of(&public, &path).await;
    assert_eq!(stream.next().await.unwrap().seq, 0);

    let began = std::time::Instant::now();
    game.play(0, "e2e4").await;
    game.white.command(77, CommandKind::Resign).await;
    eventually("the match is over", || async {
        let details = installation.admin.get(&path).await;
        (details["status"] == "finished").then_some(())
    })
    .await;
    let (page, list) = (public.page(&path).await, public.live("").await);
    let pgn = public
        .open(&format!("{path}/pgn"))
        .await
        .text()
        .await
        .unwrap();
    // On a machine so busy that all of this took as long as the delay, nothing is shown by it.
    if began.elapsed() < Duration::from_secs(DELAY_S.into()) {
        assert_eq!((page.moves.len(), page.outcome), (0, None));
        assert!(
            !pgn.contains("e4") && pgn.contains("[Result \"*\"]"),
            "{pgn}"
        );
        assert_eq!((list.matches.len(), list.matches[0].ply), (1, 0));
    }
    let seen = stream.with_moves(1).await;
    assert!(began.elapsed() >= Duration::from_secs(DELAY_S.into()));
    let mut last = seen;
    while last.outcome.is_none() {
        last = stream.next().await.unwrap();
    }
    assert!(
        stream.next().await.is_none(),
        "the stream ends with the match"
    );
    let page = public.page(&path).await;
    assert!(
        page.outcome.is_some(),
        "what was shown is not withheld again"
    );
    eventually("the list shows its end", || async {
        public.live("").await.matches.is_empty().then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_goes_on_when_the_shard_is_killed() {
    let mut installation = Installation::start(2).await;
    let public = Public::of(&installation);
    let mut game = PlayedMatch::begin(&installation.matchmaker).await;
    game.play(0, "e2e4").await;
    let path = format!("/v1/matches/{}", game.id);
    let mut stream = Events::of(&public, &path).await;
    stream.with_moves(1).await;
    let details = installation.admin.get(&path).await;
    let owner = details["owner"].as_str().unwrap();
    installation.kill(owner);
    assert_eq!(public.page(&path).await.moves.len(), 1);
    eventually("another shard has taken the match over", || async {
        let details = installation.admin.get(&path).await;
        let is_other = details["owner"] != owner && details["stale"] == false;
        is_other.then_some(())
    })
    .await;
    for seat in [Seat::White, Seat::Black] {
        game.sit_again(seat).await;
    }
    game.play(1, "e7e5").await;
    stream.with_moves(2).await;
}
