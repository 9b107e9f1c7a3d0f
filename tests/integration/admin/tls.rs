//! Over TLS: certificates instead of tokens, and peers that have neither or agree on nothing.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use serde_json::Value;
use tempfile::TempDir;
use tests::installation::{Endpoint, Installation, PlayedMatch, eventually};
use tests::process;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

const SERVER_NAME: &str = "rookery-admin";
/// More than a handshake may take, on a busy machine too.
const PATIENCE: Duration = Duration::from_secs(30);

/// An authority with its files, and those of certificates that it signed.
struct Authority {
    directory: TempDir,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let own = params.self_signed(&key).unwrap();
        let authority = Self {
            directory: tempfile::tempdir().unwrap(),
            issuer: Issuer::new(params, key),
        };
        std::fs::write(authority.path("ca.pem"), own.pem()).unwrap();
        authority
    }

    fn path(&self, name: &str) -> String {
        self.directory.path().join(name).display().to_string()
    }

    /// Makes a certificate of this common name.
    fn sign(&self, name: &str, hosts: &[&str]) {
        let hosts: Vec<String> = hosts.iter().map(ToString::to_string).collect();
        let mut params = CertificateParams::new(hosts).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        std::fs::write(self.path(&format!("{name}.pem")), certificate.pem()).unwrap();
        std::fs::write(self.path(&format!("{name}.key")), key.serialize_pem()).unwrap();
    }

    /// An installation whose processes have a certificate of this authority.
    async fn install(&self, shards: usize) -> Installation {
        self.sign("process", &[SERVER_NAME]);
        let [cert, key, ca] = ["process.pem", "process.key", "ca.pem"].map(|name| self.path(name));
        let environment = [
            ("ROOKERY_ADMIN_TLS_CERT", cert.as_str()),
            ("ROOKERY_ADMIN_TLS_KEY", &key),
            ("ROOKERY_ADMIN_TLS_CA", &ca),
        ];
        Installation::launch(shards, &environment).await
    }

    /// Someone who trusts this authority, and has a certificate of `of` if it is named.
    fn client(&self, of: Option<(&Authority, &str)>) -> Client {
        let mut roots = RootCertStore::empty();
        let ca = CertificateDer::from_pem_file(self.path("ca.pem")).unwrap();
        roots.add(ca).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&rustls::version::TLS13])
            .unwrap()
            .with_root_certificates(roots);
        let config = match of {
            None => config.with_no_client_auth(),
            Some((authority, name)) => {
                let path = |kind| authority.path(&format!("{name}.{kind}"));
                let chain = vec![CertificateDer::from_pem_file(path("pem")).unwrap()];
                let key = PrivateKeyDer::from_pem_file(path("key")).unwrap();
                config.with_client_auth_cert(chain, key).unwrap()
            }
        };
        Client(Arc::new(config).into())
    }
}

/// Asks by TLS.
struct Client(TlsConnector);

impl Client {
    /// The status and the JSON of the answer; an error if there is no such connection.
    async fn ask(
        &self,
        endpoint: &Endpoint,
        request: &str,
        headers: &str,
    ) -> std::io::Result<(u16, Value)> {
        let (status, body) = self.exchange(endpoint, request, headers).await?;
        Ok((status, serde_json::from_str(&body).unwrap_or_default()))
    }

    async fn text(&self, endpoint: &Endpoint, path: &str) -> String {
        let answer = self.exchange(endpoint, &format!("GET {path}"), "").await;
        answer.unwrap().1
    }

    async fn exchange(
        &self,
        endpoint: &Endpoint,
        request: &str,
        headers: &str,
    ) -> std::io::Result<(u16, String)> {
        let name = ServerName::try_from(SERVER_NAME).unwrap();
        let stream = TcpStream::connect(address(endpoint)).await?;
        let mut stream = self.0.connect(name, stream).await?;
        let text = format!("{request} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{headers}\r\n");
        stream.write_all(text.as_bytes()).await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Ok((status, body.to_owned()))
    }

    async fn get(&self, endpoint: &Endpoint, path: &str) -> (u16, Value) {
        let request = format!("GET {path}");
        self.ask(endpoint, &request, "").await.unwrap()
    }
}

fn address(endpoint: &Endpoint) -> SocketAddr {
    let (_, address) = endpoint.url.split_once("://").unwrap();
    address.parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_opens_every_process_and_is_named_in_the_audit_log() {
    let authority = Authority::new();
    authority.sign("ann", &[]);
    let installation = authority.install(2).await;
    let ann = authority.client(Some((&authority, "ann")));
    let admin = &installation.admin;
    eventually("the matchmaker asks every shard", || async {
        let (status, list) = ann.ask(admin, "GET /v1/shards", "").await.ok()?;
        let shards = list["shards"].as_array()?;
        let asked = shards.iter().filter(|shard| !shard["figures"].is_null());
        (status == 200 && asked.count() == 2).then_some(())
    })
    .await;

    let mut game = PlayedMatch::begin(&installation.matchmaker).await;
    game.play(0, "e2e4").await;
    let path = format!("/v1/matches/{}", game.id);
    let (status, list) = ann.get(admin, "/v1/matches").await;
    assert_eq!(status, 200, "{list}");
    assert_eq!(list["total"], 1);
    assert_eq!(list["stale"], false, "its owner was asked: {list}");
    let owner = list["matches"][0]["owner"].as_str().unwrap();
    let shard = installation.shard(owner);
    assert!(shard.admin.url.starts_with("https://"));
    let (status, details) = ann.get(&shard.admin, &path).await;
    assert_eq!((status, &details["ply"]), (200, &Value::from(1)));

    // A page of another site that borrows the browser's certificate.
    let abort = format!("POST {path}/abort");
    let borrowed = "sec-fetch-site: cross-site\r\ncontent-length: 0\r\n";
    let (status, problem) = ann.ask(admin, &abort, borrowed).await.unwrap();
    assert_eq!(status, 401, "{problem}");
    let (status, answer) = ann
        .ask(admin, &abort, "content-length: 0\r\n")
        .await
        .unwrap();
    assert_eq!(status, 200, "{answer}");
    assert_eq!(answer["status"], "finished");
    let log = installation.log();
    let audit: Vec<&str> = log.lines().filter(|line| line.contains("audit")).collect();
    // The matchmaker was told by Ann, and the shard by the matchmaker.
    for who in ["who=cert:ann", "who=cert:process"] {
        assert!(audit.iter().any(|line| line.contains(who)), "{audit:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_certificate_it_takes_a_token_and_probes_take_nothing() {
    let authority = Authority::new();
    let installation = authority.install(1).await;
    let shard = &installation.shards[0].admin;
    let nobody = authority.client(None);
    for endpoint in [&installation.admin, shard] {
        eventually("it is ready", || async {
            let probe = nobody.ask(endpoint, "GET /readyz", "").await;
            probe.is_ok_and(|(status, _)| status == 200).then_some(())
        })
        .await;
        let (status, problem) = nobody.get(endpoint, "/v1/matches").await;
        assert_eq!(status, 401);
        assert_eq!(problem["code"], "token_missing");
        for (token, expected) in [(&*endpoint.token, 200), ("x", 401)] {
            let bearer = format!("authorization: Bearer {token}\r\n");
            let answer = nobody.ask(endpoint, "GET /v1/matches", &bearer).await;
            assert_eq!(answer.unwrap().0, expected);
        }
    }

    let (listens, ca) = (address(shard).to_string(), authority.path("ca.pem"));
    let probe = ["healthcheck", "--admin-listen", &listens];
    let by_tls = [&probe[..], &["--admin-tls-ca", &ca]].concat();
    let output = process::run("rookery", &by_tls, PATIENCE);
    assert!(output.status.success(), "{output:?}");
    let stranger = Authority::new();
    let ca = stranger.path("ca.pem");
    for wrong in [&[][..], &["--admin-tls-ca", &ca]] {
        let output = process::run("rookery", &[&probe, wrong].concat(), PATIENCE);
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(!said.contains("panicked"), "{said}");
    }
}

/// Reads until the other side ends it; what it said.
async fn hears_out(stream: &mut TcpStream) -> Vec<u8> {
    let mut heard = Vec::new();
    let read = timeout(PATIENCE, stream.read_to_end(&mut heard)).await;
    // A reset is an end as well.
    assert!(read.is_ok(), "the connection is still open");
    heard
}

#[tokio::test(flavor = "multi_thread")]
async fn who_agrees_on_nothing_is_refused_and_keeps_nobody_else_out() {
    let authority = Authority::new();
    let installation = authority.install(1).await;
    let shard = &installation.shards[0].admin;
    authority.sign("ann", &[]);
    let ann = authority.client(Some((&authority, "ann")));

    let stranger = Authority::new();
    stranger.sign("ann", &[]);
    let impostor = authority.client(Some((&stranger, "ann")));
    for endpoint in [&installation.admin, shard] {
        let wait = "a certificate is taken";
        eventually(wait, || async {
            ann.ask(endpoint, "GET /livez", "").await.ok()
        })
        .await;
        let refused = impostor.ask(endpoint, "GET /livez", "").await;
        assert!(refused.is_err(), "{refused:?}");
        let trusting = stranger.client(None).ask(endpoint, "GET /livez", "").await;
        assert!(trusting.is_err(), "{trusting:?}");

        let mut plain = TcpStream::connect(address(endpoint)).await.unwrap();
        let request = b"GET /livez HTTP/1.1\r\nhost: x\r\n\r\n";
        plain.write_all(request).await.unwrap();
        let heard = hears_out(&mut plain).await;
        assert!(!heard.starts_with(b"HTTP"), "{heard:?}");
        assert_eq!(ann.get(endpoint, "/v1/version").await.0, 200);
    }

    // More than it has places for.
    let mut silent = Vec::new();
    for number in 0..150_u8 {
        let mut stream = TcpStream::connect(address(shard)).await.unwrap();
        // Some begin to say something: the head of a record that never comes.
        if number % 2 == 0 {
            stream.write_all(&[22, 3, 1, 2, 0, 1]).await.unwrap();
        }
        silent.push(stream);
    }
    let (status, _) = timeout(PATIENCE, ann.get(shard, "/v1/version"))
        .await
        .unwrap();
    assert_eq!(status, 200, "they had to make room");
    for stream in &mut silent {
        let heard = hears_out(stream).await;
        assert!(!heard.starts_with(b"HTTP"), "{heard:?}");
    }
    assert!(!installation.log().contains("panicked"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_certificate_and_the_authority_of_admin_endpoints_are_replaced_while_they_serve() {
    let authority = Authority::new();
    let installation = authority.install(1).await;
    let shard = &installation.shards[0].admin;
    authority.sign("ann", &[]);
    let ann = authority.client(Some((&authority, "ann")));
    eventually("it serves", || async {
        ann.ask(&installation.admin, "GET /livez", "").await.ok()
    })
    .await;

    // Another authority from now on: who trusts the old one alone is not spoken with any more.
    let next = Authority::new();
    next.sign("process", &[SERVER_NAME]);
    for file in ["process.key", "process.pem", "ca.pem"] {
        std::fs::copy(next.path(file), authority.path(file)).unwrap();
    }
    next.sign("bob", &[]);
    let bob = next.client(Some((&next, "bob")));
    for endpoint in [&installation.admin, shard] {
        eventually("the new certificate is shown", || async {
            bob.ask(endpoint, "GET /livez", "").await.ok()
        })
        .await;
        assert!(ann.ask(endpoint, "GET /livez", "").await.is_err());
    }
    // The matchmaker asks the shard as a holder of the new one.
    eventually("the shard is asked", || async {
        let (status, list) = bob
            .ask(&installation.admin, "GET /v1/shards", "")
            .await
            .ok()?;
        (status == 200 && !list["shards"][0]["figures"].is_null()).then_some(())
    })
    .await;
    let scrape = bob.text(shard, "/metrics").await;
    for name in [
        "rookery_admin_certificate_expires_in_seconds{renewal=\"files\"}",
        "rookery_admin_certificate_reloads_total{result=\"loaded\"} 1",
        "rookery_admin_certificate_reloads_total{result=\"refused\"}",
    ] {
        assert!(scrape.contains(name), "{name} in\n{scrape}");
    }
    assert!(!installation.log().contains("panicked"));
}

#[test]
fn tls_takes_three_options_wherever_they_come_from() {
    let authority = Authority::new();
    authority.sign("process", &[SERVER_NAME]);
    authority.sign("ann", &[]);
    let [cert, key, ca, other] =
        ["process.pem", "process.key", "ca.pem", "ann.pem"].map(|name| authority.path(name));
    let (signing, pem) = tokens::SigningKey::generate().unwrap();
    let (private, public) = (authority.path("signing.pem"), authority.path("public.pem"));
    std::fs::write(&private, pem).unwrap();
    std::fs::write(&public, signing.verifying_key().to_pem()).unwrap();
    let file = authority.path("config.toml");
    std::fs::write(&file, format!("admin_tls_ca = {ca:?}\n")).unwrap();
    let shard = [
        "shard",
        "--matchmaker-key",
        &public,
        "--listen",
        "127.0.0.1:7100",
        "--pinned-certificate",
    ];
    let matchmaker = ["matchmaker", "--signing-key", &private];
    for part in [&shard[..], &matchmaker] {
        for (cert, key, refused_for) in [
            (&cert, Some(&key), None),
            (
                &cert,
                None,
                Some("--admin-tls-key (ROOKERY_ADMIN_TLS_KEY) is missing"),
            ),
            (&other, Some(&key), Some(SERVER_NAME)),
            (
                &key,
                Some(&key),
                Some("--admin-tls-cert (ROOKERY_ADMIN_TLS_CERT)"),
            ),
        ] {
            let open = ["--store", "redis://h", "--admin-listen", "0.0.0.0:7200"];
            let given = ["--production", "--config", &file, "--admin-tls-cert", cert];
            let words = [&["check"], part, &open, &given].concat();
            let mut command = std::process::Command::new(process::binary("rookery"));
            command.args(&words);
            if let Some(key) = key {
                command.env("ROOKERY_ADMIN_TLS_KEY", key);
            }
            let output = command.output().unwrap();
            let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
            let code = i32::from(refused_for.is_some());
            assert_eq!(output.status.code(), Some(code), "{words:?}: {said}");
            let environment = "# environment ROOKERY_ADMIN_TLS_KEY";
            let expected = refused_for.unwrap_or(environment);
            assert!(said.contains(expected), "{words:?}: {said}");
        }
    }
}
