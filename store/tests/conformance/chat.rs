//! What is said beside a match, on every store.

use game_core::{Epoch, MatchId, Seat, UnixMillis};
use store::testing::RedisServer;
use store::{
    CHAT_LINES_MAX, Chat, ChatLine, ChatRoom, Chats, EmbeddedStore, InvalidChatLine, MatchLog,
    Matches, MemoryStore, RedisConfig, RedisStore, Store,
};

use crate::answers::{append, claimed};
use crate::samples::{Line, all_done, chat_line, match_id, on_all, redis_store, runtime, shard_id};

fn line() -> Line {
    Line::new(match_id(1), 1, 6)
}

async fn say(store: &dyn Store, id: MatchId, room: ChatRoom, line: &ChatLine) {
    assert!(store.append_chat(id, room, line).await.unwrap());
}

#[test]
fn each_room_hears_its_own_lines_in_order() {
    on_all(|store| async move {
        let (line, other) = (line(), Line::new(match_id(2), 1, 1));
        for line in [&line, &other] {
            store.create(shard_id(1), &line.snapshots[0]).await.unwrap();
        }
        assert_eq!(store.load_chat(line.id).await.unwrap(), Chats::default());
        let from_white = chat_line(Some(Seat::White), "ada", "Viel Glück! ♞", 1);
        let from_black = chat_line(Some(Seat::Black), "bob", "you too", 2);
        let seen = chat_line(None, "eve", "1. e4 again?", 3);
        say(&*store, line.id, ChatRoom::Seats, &from_white).await;
        say(&*store, line.id, ChatRoom::Spectators, &seen).await;
        say(&*store, line.id, ChatRoom::Seats, &from_black).await;
        let found = store.load_chat(line.id).await.unwrap();
        assert_eq!(found.seats, [from_white, from_black]);
        assert_eq!(found[ChatRoom::Spectators], [seen]);
        assert_eq!(store.load_chat(other.id).await.unwrap(), Chats::default());
        // Chat is no event.
        let checkpoint = store.load(line.id).await.unwrap().unwrap();
        assert_eq!(checkpoint.snapshot, line.snapshots[0]);
        assert!(checkpoint.tail.is_empty());
    });
}

#[test]
fn the_last_fifty_lines_of_a_room_are_kept() {
    assert_eq!(CHAT_LINES_MAX, 50);
    on_all(|store| async move {
        let line = line();
        store.create(shard_id(1), &line.snapshots[0]).await.unwrap();
        let lines: Vec<_> = (0..120)
            .map(|n| chat_line(Some(Seat::White), "ada", &n.to_string(), n))
            .collect();
        for said in &lines {
            say(&*store, line.id, ChatRoom::Seats, said).await;
        }
        say(&*store, line.id, ChatRoom::Spectators, &lines[0]).await;
        let found = store.load_chat(line.id).await.unwrap();
        assert_eq!(found.seats, lines[70..]);
        assert_eq!(found.spectators, lines[..1]);
    });
}

#[test]
fn a_line_that_is_sent_again_is_there_once() {
    on_all(|store| async move {
        let line = line();
        store.create(shard_id(1), &line.snapshots[0]).await.unwrap();
        let said = chat_line(Some(Seat::White), "ada", "hello", 1);
        let later = chat_line(Some(Seat::White), "ada", "hello", 2);
        for said in [&said, &said, &later, &said] {
            say(&*store, line.id, ChatRoom::Seats, said).await;
        }
        let found = store.load_chat(line.id).await.unwrap();
        assert_eq!(found.seats, [said, later]);
    });
}

#[test]
fn there_is_no_chat_without_a_match() {
    on_all(|store| async move {
        let said = chat_line(None, "eve", "hello", 1);
        let kept = store.append_chat(match_id(9), ChatRoom::Spectators, &said);
        assert!(!kept.await.unwrap());
        assert_eq!(
            store.load_chat(match_id(9)).await.unwrap(),
            Chats::default()
        );
    });
}

/// MATCH.md: 140 characters a line. The longest of them fits, and nothing longer is ever stored.
#[test]
fn a_line_is_bounded() {
    let new = |name: &str, text: &str| ChatLine::new(None, name, text, UnixMillis(u64::MAX));
    assert_eq!(new("eve", ""), Err(InvalidChatLine::Text));
    assert_eq!(new("eve", &"x".repeat(141)), Err(InvalidChatLine::Text));
    assert_eq!(new(&"x".repeat(257), "hello"), Err(InvalidChatLine::Name));
    let longest = new(&"x".repeat(256), &"\u{1f40e}".repeat(140)).unwrap();
    on_all(|store| {
        let longest = longest.clone();
        async move {
            let line = line();
            store.create(shard_id(1), &line.snapshots[0]).await.unwrap();
            say(&*store, line.id, ChatRoom::Seats, &longest).await;
            assert_eq!(store.load_chat(line.id).await.unwrap().seats, [longest]);
        }
    });
}

#[test]
fn a_chat_goes_with_its_match() {
    let keep = std::time::Duration::from_secs(60);
    let check = async |store: &dyn Store| {
        let line = line();
        claimed(store, &line).await;
        append(store, line.append(Epoch(1), 0, 4)).await;
        let said = |n| chat_line(None, "eve", "well played", n);
        say(store, line.id, ChatRoom::Seats, &said(1)).await;
        append(store, line.end(Epoch(1), 4)).await;
        say(store, line.id, ChatRoom::Spectators, &said(2)).await;
        let neighbour = Line::new(match_id(2), 1, 1);
        store
            .create(shard_id(1), &neighbour.snapshots[0])
            .await
            .unwrap();
        say(store, neighbour.id, ChatRoom::Seats, &said(3)).await;
        let now = UnixMillis(1_800_000_000_000);
        all_done(store, now).await;
        store.sweep(now).await.unwrap();
        assert_eq!(store.load_chat(line.id).await.unwrap().seats.len(), 1);
        store.sweep(UnixMillis(now.0 + 60_000)).await.unwrap();
        assert_eq!(store.ownership(line.id).await.unwrap(), None);
        assert_eq!(store.load_chat(line.id).await.unwrap(), Chats::default());
        let others = store.load_chat(neighbour.id).await.unwrap();
        assert_eq!(others.seats, [said(3)]);
    };
    runtime().block_on(async {
        check(&MemoryStore::new().keeping_live(keep)).await;
        check(&EmbeddedStore::in_memory().unwrap().keeping_live(keep)).await;
    });
}

#[test]
fn on_redis_both_rooms_go_with_the_match_whenever_they_were_opened() {
    runtime().block_on(async {
        let server = RedisServer::start();
        let config = RedisConfig {
            live_keep: std::time::Duration::from_millis(400),
            ..RedisConfig::new(server.url())
        };
        let store = RedisStore::connect(config).await.unwrap();
        let line = line();
        claimed(&store, &line).await;
        store.append(&[line.append(Epoch(1), 0, 4)]).await.unwrap();
        let said = |n| chat_line(None, "eve", "well played", n);
        say(&store, line.id, ChatRoom::Seats, &said(1)).await;
        store.append(&[line.end(Epoch(1), 4)]).await.unwrap();
        all_done(&store, UnixMillis(0)).await;
        say(&store, line.id, ChatRoom::Spectators, &said(2)).await;
        say(&store, line.id, ChatRoom::Seats, &said(3)).await;
        let room = |room: &str| format!("rk:{{{}}}:{}:chat:{room}", line.id.tag(), line.id);
        let until = std::time::Instant::now() + std::time::Duration::from_secs(20);
        while server.command(&["EXISTS", &room("seats"), &room("spectators")]) != ":0" {
            assert!(std::time::Instant::now() < until, "a chat never goes");
        }
        assert!(
            !store
                .append_chat(line.id, ChatRoom::Seats, &said(4))
                .await
                .unwrap()
        );
    });
}

#[test]
fn a_line_that_cannot_be_read_hides_no_other() {
    runtime().block_on(async {
        let server = RedisServer::start();
        let store = redis_store(&server).await;
        let line = line();
        store.create(shard_id(1), &line.snapshots[0]).await.unwrap();
        let said = |n| chat_line(None, "eve", "hello", n);
        say(&store, line.id, ChatRoom::Seats, &said(1)).await;
        let key = format!("rk:{{{}}}:{}:chat:seats", line.id.tag(), line.id);
        server.command(&["RPUSH", &key, "no line"]);
        say(&store, line.id, ChatRoom::Seats, &said(2)).await;
        let found = store.load_chat(line.id).await.unwrap();
        assert_eq!(found.seats, [said(1), said(2)]);
    });
}
