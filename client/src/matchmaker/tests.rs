//! The client against a matchmaker that answers as the test tells it to.

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;

use game_core::TimeControl;

use super::*;

/// Answers one request a connection, in this order: status and body. Returns the requests: their
/// first lines and their bodies.
async fn serve(listener: TcpListener, answers: &[(u16, &str)]) -> Vec<(String, String)> {
    let answers = answers
        .iter()
        .map(|&(status, body)| answer(status, "", body));
    serve_with(listener, answers.collect()).await
}

/// An answer: status, header lines beside the usual ones, body.
type Answer = (u16, String, String);

fn answer(status: u16, headers: &str, body: &str) -> Answer {
    (status, headers.to_owned(), body.to_owned())
}

/// The same, with more header lines in each answer.
async fn serve_with(listener: TcpListener, answers: Vec<Answer>) -> Vec<(String, String)> {
    let mut requests = Vec::new();
    for (status, headers, body) in answers {
        let (stream, _) = listener.accept().await.unwrap();
        let mut stream = BufReader::new(stream);
        let (mut first, mut length) = (String::new(), 0);
        stream.read_line(&mut first).await.unwrap();
        loop {
            let mut header = String::new();
            stream.read_line(&mut header).await.unwrap();
            if header.trim().is_empty() {
                break;
            }
            if let Some(value) = header.to_ascii_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().unwrap();
            }
        }
        let mut request = vec![0; length];
        stream.read_exact(&mut request).await.unwrap();
        requests.push((first.trim().to_owned(), String::from_utf8(request).unwrap()));
        let answer = format!(
            "HTTP/1.1 {status} X\r\n{headers}content-length: {}\r\nconnection: close\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(answer.as_bytes()).await.unwrap();
        stream.flush().await.unwrap();
    }
    requests
}

async fn listen() -> (TcpListener, Matchmaker) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}/", listener.local_addr().unwrap());
    let matchmaker = Matchmaker::new(&base, Duration::from_secs(20)).unwrap();
    (listener, matchmaker)
}

const GUEST: &str = r#"{"player":"p1","name":"Ann","token":"t","expires_at":5}"#;
const NOT_READY: &str = r#"{"code":"no_shard","title":"No shard","detail":"None.","status":503}"#;

#[tokio::test]
async fn a_matchmaker_that_is_not_ready_is_asked_again() {
    let (listener, matchmaker) = listen().await;
    let answers = [(503, NOT_READY), (502, "<html>"), (201, GUEST)];
    let (served, guest) = tokio::join!(
        serve(listener, &answers),
        matchmaker.new_player(Some("Ann"))
    );
    assert_eq!(guest.unwrap().token, "t");
    let request = (
        "POST /v1/players HTTP/1.1".to_owned(),
        r#"{"name":"Ann"}"#.to_owned(),
    );
    assert_eq!(served, [request.clone(), request.clone(), request]);
}

#[tokio::test]
async fn a_connection_cut_before_the_answer_is_no_answer() {
    let (listener, matchmaker) = listen().await;
    let serving = async {
        let (cut, _) = listener.accept().await.unwrap();
        drop(cut);
        serve(listener, &[(200, GUEST)]).await
    };
    let (_, guest) = tokio::join!(serving, matchmaker.new_player(None));
    assert!(guest.is_ok(), "{guest:?}");
}

/// As after the death of a process or a matchmaker that was about to answer.
#[tokio::test]
async fn a_request_that_is_being_carried_out_is_sent_again_under_its_key() {
    let (listener, matchmaker) = listen().await;
    let running = r#"{"code":"request_in_progress","title":"T","detail":"Again.","status":409}"#;
    let serving = async {
        let mut keys = Vec::new();
        for (status, body) in [(409, running), (201, GUEST)] {
            let (stream, _) = listener.accept().await.unwrap();
            let mut stream = BufReader::new(stream);
            let mut length = 0;
            loop {
                let mut header = String::new();
                stream.read_line(&mut header).await.unwrap();
                let header = header.trim().to_ascii_lowercase();
                if header.is_empty() {
                    break;
                }
                if let Some(key) = header.strip_prefix("idempotency-key: ") {
                    keys.push(key.to_owned());
                }
                if let Some(value) = header.strip_prefix("content-length:") {
                    length = value.trim().parse().unwrap();
                }
            }
            stream.read_exact(&mut vec![0; length]).await.unwrap();
            let len = body.len();
            let answer = format!(
                "HTTP/1.1 {status} X\r\ncontent-length: {len}\r\nconnection: close\r\n\r\n{body}"
            );
            stream.write_all(answer.as_bytes()).await.unwrap();
            stream.flush().await.unwrap();
        }
        keys
    };
    let (keys, guest) = tokio::join!(serving, matchmaker.new_bot_once("run/a", Some("Ann")));
    assert_eq!(guest.unwrap().token, "t");
    assert_eq!(keys, ["run/a", "run/a"]);
    let refused = matchmaker.new_bot_once("two words", None).await;
    assert!(matches!(refused, Err(MatchmakerError::Key)));
}

#[tokio::test]
async fn a_problem_is_final_and_keeps_its_code() {
    let (listener, matchmaker) = listen().await;
    let problem = r#"{"code":"challenge_taken","title":"T","detail":"Taken.","status":409}"#;
    let answers = [(409, problem)];
    let (served, accepted) = tokio::join!(
        serve(listener, &answers),
        matchmaker.accept_challenge("t", "abc")
    );
    let error = accepted.unwrap_err();
    assert_eq!(error.code(), Some("challenge_taken"));
    assert!(!error.is_retryable());
    assert_eq!(error.to_string(), "Taken. (challenge_taken)");
    assert_eq!(served[0].0, "POST /v1/challenges/abc/accept HTTP/1.1");
}

#[tokio::test]
async fn an_answer_without_sense_is_final() {
    for (status, body) in [(200, "{}"), (200, "<html>"), (404, "nothing here")] {
        let (listener, matchmaker) = listen().await;
        let answers = [(status, body)];
        let (_, guest) = tokio::join!(serve(listener, &answers), matchmaker.new_player(None));
        assert!(
            matches!(guest, Err(MatchmakerError::Nonsense { .. })),
            "{guest:?}"
        );
    }
}

#[tokio::test]
async fn an_endless_answer_is_not_read() {
    let (listener, matchmaker) = listen().await;
    let long = "x".repeat(transport::ANSWER_LEN_MAX + 1);
    let id = "0123456789Ab".parse().unwrap();
    // The server may find the connection closed under its answer.
    let serving = tokio::spawn(async move { serve(listener, &[(200, &long)]).await.len() });
    let pgn = matchmaker.pgn(id).await;
    serving.abort();
    assert!(
        matches!(pgn, Err(MatchmakerError::Nonsense { .. })),
        "{pgn:?}"
    );
}

#[tokio::test]
async fn patience_ends_with_the_last_reason() {
    let unused = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", unused.local_addr().unwrap());
    drop(unused);
    let matchmaker = Matchmaker::new(&base, Duration::from_millis(300)).unwrap();
    let error = matchmaker.new_player(None).await.unwrap_err();
    assert!(error.is_retryable());
    assert!(error.to_string().contains("refused"), "{error}");
}

#[test]
fn what_is_no_address_is_refused() {
    for base in [
        "",
        "localhost:7000",
        "ftp://host",
        "http://",
        "http://host?x",
        "https://host#x",
        "https://ann:secret@host",
        "http://host\u{1b}[2J",
    ] {
        let refused = Matchmaker::new(base, Duration::ZERO);
        assert!(
            matches!(refused, Err(MatchmakerError::Address(_))),
            "{base}"
        );
    }
}

/// In whatever way an address is spelt, it is one.
#[test]
fn an_address_has_one_spelling() {
    for base in ["HTTP://Host:80/", "http://host", "http://host/"] {
        let matchmaker = Matchmaker::new(base, Duration::ZERO).unwrap();
        assert_eq!(matchmaker.base(), "http://host");
        assert_eq!(matchmaker.options(), "--matchmaker http://host");
    }
}

#[tokio::test]
async fn what_a_matchmaker_says_is_escaped_and_cut() {
    let (listener, matchmaker) = listen().await;
    let long = "x".repeat(100_000);
    let problem = format!(
        r#"{{"code":"a\u001bb","title":"c\u009bd","detail":"e\u202ef{long}","status":409}}"#
    );
    let answers = [(409, problem.as_str())];
    let (_, accepted) = tokio::join!(
        serve(listener, &answers),
        matchmaker.accept_challenge("t", "abc")
    );
    let Err(MatchmakerError::Problem(problem)) = accepted else {
        panic!("{accepted:?}");
    };
    assert_eq!(
        (&*problem.code, &*problem.title),
        ("a\\u{1b}b", "c\\u{9b}d")
    );
    assert!(problem.detail.starts_with("e\\u{202e}fxxx"), "{problem:?}");
    assert!(problem.detail.chars().count() < 2_000);
}

/// What could make another request of the next one, or another command of a line that is shown.
#[tokio::test]
async fn ids_and_tokens_that_are_none_are_refused() {
    for id in ["", "../players", "a?b", "a b", "\u{1b}", &"x".repeat(65)] {
        let (_listener, matchmaker) = listen().await;
        let given = matchmaker.accept_challenge("t", id).await;
        assert!(matches!(given, Err(MatchmakerError::Id(_))), "{given:?}");
        let (listener, matchmaker) = listen().await;
        let control = serde_json::to_value(TimeControl::from_millis(60_000, 0).unwrap()).unwrap();
        let reply = serde_json::json!({
            "id": id, "status": "waiting", "match_id": null, "time_control": control
        });
        let reply = reply.to_string();
        let answers = [(200, reply.as_str())];
        let (_, told) = tokio::join!(
            serve(listener, &answers),
            matchmaker.challenge("t", "abc", Duration::ZERO)
        );
        assert!(
            matches!(told, Err(MatchmakerError::Nonsense { .. })),
            "{told:?}"
        );
    }
    for token in ["", "a b", "a;reboot", "$(reboot)", "a\nb"] {
        let (_listener, matchmaker) = listen().await;
        let given = matchmaker.accept_challenge(token, "abc").await;
        assert!(matches!(given, Err(MatchmakerError::Token)), "{given:?}");
        let (listener, matchmaker) = listen().await;
        let reply = serde_json::json!({
            "player": "p1", "name": "Ann", "token": token, "expires_at": 5
        });
        let reply = reply.to_string();
        let answers = [(200, reply.as_str())];
        let (_, told) = tokio::join!(serve(listener, &answers), matchmaker.new_player(None));
        assert!(
            matches!(told, Err(MatchmakerError::Nonsense { .. })),
            "{told:?}"
        );
    }
}

/// Whether it names a whole address, one on the same host, or none that can be used.
#[tokio::test]
async fn a_redirect_names_the_other_address() {
    for (location, expected) in [
        (
            "https://other.example/v1/players",
            Some("https://other.example"),
        ),
        (
            "https://other.example/chess/v1/players",
            Some("https://other.example/chess"),
        ),
        ("https://other.example/", Some("https://other.example/")),
        ("//other.example/v1/players", Some("http://other.example")),
        ("http://[", None),
    ] {
        let (listener, matchmaker) = listen().await;
        let answers = vec![answer(308, &format!("location: {location}\r\n"), "")];
        let (served, told) =
            tokio::join!(serve_with(listener, answers), matchmaker.new_player(None));
        assert_eq!(served.len(), 1);
        match (told, expected) {
            (Err(MatchmakerError::Moved { to, .. }), Some(expected)) => assert_eq!(to, expected),
            (Err(MatchmakerError::Nonsense { .. }), None) => {}
            (told, _) => panic!("{location}: {told:?}"),
        }
    }
}

const LIMITED: &str =
    r#"{"code":"rate_limited","title":"Rate limited","detail":"Too many.","status":429}"#;
const FULL: &str =
    r#"{"code":"too_many_tickets","title":"Too many","detail":"Too many.","status":429}"#;

#[tokio::test]
async fn a_limit_is_waited_for_as_long_as_the_matchmaker_says() {
    for (status, body) in [(429, LIMITED), (429, FULL), (503, NOT_READY)] {
        let (listener, matchmaker) = listen().await;
        let answers = vec![
            answer(status, "retry-after: 1\r\n", body),
            answer(201, "", GUEST),
        ];
        let began = Instant::now();
        let (served, guest) =
            tokio::join!(serve_with(listener, answers), matchmaker.new_player(None));
        assert!(guest.is_ok(), "{guest:?}");
        assert_eq!(served.len(), 2);
        assert!(began.elapsed() >= Duration::from_secs(1), "{body}");
    }
}

#[tokio::test]
async fn a_limit_that_outlasts_the_patience_names_the_exemption() {
    let [now, later] = [0, 100].map(|s| answer(429, &format!("retry-after: {s}\r\n"), LIMITED));
    for answers in [vec![later.clone()], vec![now, later]] {
        let (listener, mut matchmaker) = listen().await;
        matchmaker.patience = Duration::from_secs(2);
        let (_, guest) = tokio::join!(serve_with(listener, answers), matchmaker.new_player(None));
        let error = guest.unwrap_err();
        assert_eq!(error.code(), Some("rate_limited"));
        assert!(error.is_retryable());
        let text = error.to_string();
        for part in ["Too many.", "--limit-exempt CIDR", "ROOKERY_LIMIT_EXEMPT"] {
            assert!(text.contains(part), "{text}");
        }
    }
}

/// However many ask, one of them at a time asks for what the address is out of.
#[tokio::test]
async fn who_is_out_of_allowance_waits_in_line() {
    let (listener, matchmaker) = listen().await;
    let mut answers = vec![answer(429, "retry-after: 1\r\n", LIMITED)];
    answers.resize(4, answer(201, "", GUEST));
    let serving = tokio::spawn(serve_with(listener, answers));
    let first = tokio::spawn({
        let matchmaker = matchmaker.clone();
        async move { matchmaker.new_player(None).await }
    });
    while matchmaker.allowance.try_lock().is_ok() {
        sleep(Duration::from_millis(1)).await;
    }
    let began = Instant::now();
    let (second, third) = tokio::join!(matchmaker.new_player(None), matchmaker.new_player(None));
    assert!(second.is_ok() && third.is_ok());
    assert!(first.await.unwrap().is_ok());
    assert!(
        began.elapsed() >= Duration::from_millis(700),
        "they did not overtake"
    );
    assert_eq!(serving.await.unwrap().len(), 4, "nobody else was refused");
}
