//! A matchmaker behind a proxy that ends TLS, one that sends its clients elsewhere, and one that writes to
//! their terminals.

use std::net::SocketAddr;
use std::process::{Child, Command, Output, Stdio};
use std::sync::Arc;
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use serde_json::Value;
use tempfile::TempDir;
use tests::process::{self, Server};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::AbortHandle;
use tokio_rustls::TlsAcceptor;

/// For a match between bots.
const LIMIT: Duration = Duration::from_secs(180);
/// For a command that is to end at once, and not when its patience does, which is longer.
const AT_ONCE: Duration = Duration::from_secs(40);
const PATIENCE: &str = "120";

/// A server that ends with the test.
struct Served {
    address: SocketAddr,
    task: AbortHandle,
}

impl Drop for Served {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// An authority in a file, and a proxy with a certificate of it for 127.0.0.1.
struct Proxy {
    served: Served,
    directory: TempDir,
}

impl Proxy {
    /// Ends TLS before the server at `inner`.
    async fn before(inner: SocketAddr) -> Self {
        Self::of_authority("Rookery's", inner).await
    }

    async fn of_authority(name: &str, inner: SocketAddr) -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let authority = params.self_signed(&key).unwrap();
        let issuer = Issuer::new(params, key);
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
        let own = params.signed_by(&key, &issuer).unwrap();
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("ca.pem"), authority.pem()).unwrap();

        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        let config = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&rustls::version::TLS13])
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![own.der().clone()], key)
            .unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let served = serve(move |outer| {
            let acceptor = acceptor.clone();
            async move {
                // What the client refuses is the client's to tell.
                let Ok(mut outer) = acceptor.accept(outer).await else {
                    return;
                };
                let mut inner = TcpStream::connect(inner).await.unwrap();
                let _ = copy_bidirectional(&mut outer, &mut inner).await;
            }
        });
        Self {
            served: served.await,
            directory,
        }
    }

    fn url(&self) -> String {
        format!("https://{}", self.served.address)
    }

    fn ca(&self) -> String {
        self.directory.path().join("ca.pem").display().to_string()
    }
}

/// Answers each connection by `answer`.
async fn serve<F>(answer: impl Fn(TcpStream) -> F + Send + 'static) -> Served
where
    F: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let accepting = tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(answer(stream));
        }
    });
    Served {
        address,
        task: accepting.abort_handle(),
    }
}

/// Answers each request by the same head and body.
async fn serve_answer(head: String, body: String) -> Served {
    let answer = Arc::new(format!(
        "HTTP/1.1 {head}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    ));
    serve(move |stream| {
        let answer = Arc::clone(&answer);
        async move {
            let mut stream = BufReader::new(stream);
            let mut length = 0;
            loop {
                let mut line = String::new();
                if stream.read_line(&mut line).await.unwrap_or(0) == 0 {
                    return;
                }
                if line.trim().is_empty() {
                    break;
                }
                let line = line.to_ascii_lowercase();
                if let Some(value) = line.strip_prefix("content-length:") {
                    length = value.trim().parse().unwrap();
                }
            }
            stream.read_exact(&mut vec![0; length]).await.unwrap();
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
    })
    .await
}

fn inner(server: &Server) -> SocketAddr {
    let address = server.ready.matchmaker.strip_prefix("http://").unwrap();
    address.parse().unwrap()
}

/// Starts the client; the authorities of the system are those in `system`.
fn spawn(words: &[&str], system: &str) -> Child {
    Command::new(process::binary("bot-client"))
        .args(words)
        .env("SSL_CERT_FILE", system)
        .env_remove("SSL_CERT_DIR")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

async fn finish(child: Child, limit: Duration) -> Output {
    let finished = tokio::task::spawn_blocking(move || process::finish(child, limit));
    finished.await.unwrap()
}

fn text(output: &Output) -> String {
    let [stdout, stderr] =
        [&output.stdout, &output.stderr].map(|text| String::from_utf8_lossy(text));
    format!("{stdout}\n{stderr}")
}

/// Every command that names a matchmaker, but for what names it.
fn commands(pgn: &str) -> [Vec<&str>; 4] {
    [
        vec!["play", "--against-bot", "random"],
        vec!["bot"],
        vec!["replay", "--limit", "1", "--pgn", pgn],
        vec!["soak", "--matches", "1", "--duration", "1s"],
    ]
}

/// Runs every command, each of which must fail at once with exit code 2 and all of these `parts`.
async fn all_fail(named: &[&str], system: &str, parts: &[&str]) {
    let pgn = tests::data_dir().join("lichess-2025-05.pgn");
    let pgn = pgn.display().to_string();
    for mut words in commands(&pgn) {
        words.extend(named);
        words.extend(["--patience", PATIENCE]);
        let output = finish(spawn(&words, system), AT_ONCE).await;
        let said = text(&output);
        assert_eq!(output.status.code(), Some(2), "{words:?}: {said}");
        for part in parts {
            assert!(said.contains(part), "{words:?}: {part}: {said}");
        }
    }
}

/// The authority is the one that is named, or the system's.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bots_play_on_a_matchmaker_behind_tls() {
    let _turn = tests::turns::patient_turn().await;
    let server = tokio::task::block_in_place(Server::embedded);
    let proxy = Proxy::before(inner(&server)).await;
    let (url, ca) = (proxy.url(), proxy.ca());
    let words = [
        "bot",
        "--time-control",
        "3s+0",
        "--json",
        "--matchmaker",
        &url,
    ];
    let named = spawn(&[&words[..], &["--ca", &ca]].concat(), "/nonexistent");
    let of_the_system = spawn(&words, &ca);
    let (first, second) = tokio::join!(finish(named, LIMIT), finish(of_the_system, LIMIT));
    let [first, second] = [first, second].map(|output| {
        assert!(output.status.success(), "{}", text(&output));
        serde_json::from_slice::<Value>(&output.stdout).unwrap()
    });
    assert!(first["match"].is_string(), "{first}");
    assert_eq!(first["match"], second["match"]);
    assert_ne!(first["seat"], second["seat"]);
}

/// A replay and a soak too: each command takes the option.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_command_takes_an_authority() {
    let _turn = tests::turns::patient_turn().await;
    let server = tokio::task::block_in_place(Server::embedded);
    let proxy = Proxy::before(inner(&server)).await;
    let pgn = tests::data_dir().join("lichess-2025-05.pgn");
    let pgn = pgn.display().to_string();
    for mut words in commands(&pgn).into_iter().skip(2) {
        let (url, ca) = (proxy.url(), proxy.ca());
        words.extend(["--matchmaker", &url, "--ca", &ca]);
        let output = finish(spawn(&words, "/nonexistent"), LIMIT).await;
        assert!(output.status.success(), "{words:?}: {}", text(&output));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_certificate_that_is_not_trusted_is_refused_at_once() {
    let nobody = SocketAddr::from(([127, 0, 0, 1], 1));
    let (proxy, other) = tokio::join!(
        Proxy::before(nobody),
        Proxy::of_authority("another", nobody)
    );
    let url = proxy.url();
    let hint = "--ca FILE (ROOKERY_CA)";
    let unknown = [url.as_str(), "UnknownIssuer", hint];
    all_fail(&["--matchmaker", &url], &other.ca(), &unknown).await;
    let with_other = ["--matchmaker", &url, "--ca", &other.ca()];
    all_fail(&with_other, &proxy.ca(), &unknown).await;
    // It is for 127.0.0.1.
    let name = format!("https://localhost:{}", proxy.served.address.port());
    let misnamed = ["--matchmaker", &name, "--ca", &proxy.ca()];
    all_fail(&misnamed, "/nonexistent", &[&name, "not valid for name"]).await;
    let without = ["--matchmaker", &url];
    all_fail(
        &without,
        "/nonexistent",
        &["no authority is installed", hint],
    )
    .await;
    let wrong = ["--matchmaker", &url, "--ca", "/nonexistent"];
    all_fail(&wrong, &proxy.ca(), &["--ca (ROOKERY_CA): /nonexistent"]).await;
    let plain = ["--matchmaker", "http://127.0.0.1:1", "--ca", &proxy.ca()];
    all_fail(&plain, &proxy.ca(), &["begin with https"]).await;
}

/// Whoever asks for http where https is spoken, and the other way round, is told.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn http_and_https_are_told_apart() {
    let _turn = tests::turns::patient_turn().await;
    let server = tokio::task::block_in_place(Server::embedded);
    let proxy = Proxy::before(inner(&server)).await;
    let ca = proxy.ca();
    let url = format!("https://{}", inner(&server));
    all_fail(
        &["--matchmaker", &url, "--ca", &ca],
        &ca,
        &["no trusted connection", &url],
    )
    .await;
    let url = format!("http://{}", proxy.served.address);
    all_fail(&["--matchmaker", &url], &ca, &["begins with https"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redirect_is_named_and_not_followed() {
    let elsewhere = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let to = format!("https://{}", elsewhere.local_addr().unwrap());
    for status in [301, 302, 303, 307, 308] {
        let head = format!("{status} Moved\r\nlocation: {to}/v1/players");
        let served = serve_answer(head, String::new()).await;
        let url = format!("http://{}", served.address);
        let words = ["bot", "--matchmaker", &url, "--patience", PATIENCE];
        let output = finish(spawn(&words, "/nonexistent"), AT_ONCE).await;
        let said = text(&output);
        assert_eq!(output.status.code(), Some(2), "{said}");
        for part in [url, format!("give --matchmaker {to}\n")] {
            assert!(said.contains(&part), "{part}: {said}");
        }
    }
    let asked = tokio::time::timeout(Duration::ZERO, elsewhere.accept()).await;
    assert!(asked.is_err(), "the other address was asked");
}

/// Sequences that set a title, a colour, clear the screen (also by C1), and reverse the text.
const HOSTILE: &str = "\\u001b]0;owned\\u0007\\u001b[31mred\\u009b2J\\u202eback\\u007f\\r";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_matchmaker_says_moves_no_terminal() {
    let problem = format!(
        r#"{{"code":"no_{HOSTILE}","title":"T {HOSTILE}","detail":"D {HOSTILE}","status":409}}"#
    );
    let guest =
        format!(r#"{{"player":"p1","name":"Ann {HOSTILE}","token":"t{HOSTILE}","expires_at":5}}"#);
    let unread = format!(r#"{{"{HOSTILE}":1}}"#);
    let wrong = format!(r#"{{"player":"{HOSTILE}","name":1,"token":2,"expires_at":5}}"#);
    let location = "307 Moved\r\nlocation: http://a/\u{9b}2J\u{202e}x";
    for (head, body) in [
        ("409 Conflict", &problem),
        ("429 Too Many Requests", &problem),
        ("503 Service Unavailable", &problem),
        ("200 OK", &guest),
        ("200 OK", &unread),
        ("200 OK", &wrong),
        (location, &String::new()),
    ] {
        let served = serve_answer(head.to_owned(), body.clone()).await;
        let url = format!("http://{}", served.address);
        let pgn = tests::data_dir().join("lichess-2025-05.pgn");
        let pgn = pgn.display().to_string();
        for mut words in commands(&pgn) {
            words.extend(["--matchmaker", &url, "--patience", "1"]);
            let output = finish(spawn(&words, "/nonexistent"), AT_ONCE).await;
            let said = text(&output);
            let acts = |c: char| (c.is_control() && c != '\n') || c == '\u{202e}';
            assert!(!said.contains(acts), "{head}: {words:?}: {said:?}");
        }
    }
}
