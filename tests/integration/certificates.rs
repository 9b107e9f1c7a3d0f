//! The certificate that players see, replaced while they play.

use game_core::Seat;
use protocol::http::hex;
use ring::digest::{SHA256, digest};
use supervisor::Signal;
use tempfile::TempDir;
use tests::installation::{Installation, PlayedMatch, eventually};

struct Files(TempDir);

impl Files {
    fn path(&self, name: &str) -> String {
        self.0.path().join(name).display().to_string()
    }

    /// Writes a new certificate and its key; returns the SHA-256 of the certificate.
    fn renew(&self) -> String {
        let key = rcgen::KeyPair::generate().unwrap();
        let params = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        let certificate = params.self_signed(&key).unwrap();
        std::fs::write(self.path("own.key"), key.serialize_pem()).unwrap();
        std::fs::write(self.path("own.pem"), certificate.pem()).unwrap();
        hex(digest(&SHA256, certificate.der()).as_ref())
    }
}

/// Which certificate players are told to expect.
async fn is_told(game: &PlayedMatch, expected: &str) {
    eventually("players are told of the certificate", || async {
        let seat = game.seat(Seat::White).await.ok()?;
        (seat.shard.certificate_sha256.as_deref() == Some(expected)).then_some(())
    })
    .await;
}

async fn counts(installation: &Installation, line: &str) {
    eventually(line, || async {
        let (_, text) = installation.shards[0].admin.text("/metrics").await;
        text.lines().any(|found| found == line).then_some(())
    })
    .await;
}

fn hang_up(installation: &Installation) {
    installation.shards[0].signal(Signal::HUP);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_is_replaced_under_players_who_notice_nothing() {
    let files = Files(tempfile::tempdir().unwrap());
    let first = files.renew();
    let (chain, key) = (files.path("own.pem"), files.path("own.key"));
    let environment = [
        ("ROOKERY_CERTIFICATE", chain.as_str()),
        ("ROOKERY_CERTIFICATE_KEY", &key),
    ];
    let installation = Installation::start_with(1, &environment).await;
    let mut game = PlayedMatch::begin(&installation.matchmaker).await;
    is_told(&game, &first).await;
    game.play(0, "e2e4").await;

    // Found by itself; the streams that are open go on, and who comes now sees the new one.
    let second = files.renew();
    is_told(&game, &second).await;
    game.play(1, "e7e5").await;
    game.sit_again(Seat::White).await;
    game.play(2, "g1f3").await;
    counts(
        &installation,
        r#"rookery_certificate_reloads_total{result="loaded"} 1"#,
    )
    .await;

    // One that cannot be used changes nothing but the count and the log.
    std::fs::write(&key, "no key").unwrap();
    hang_up(&installation);
    counts(
        &installation,
        r#"rookery_certificate_reloads_total{result="refused"} 1"#,
    )
    .await;
    // The log is written beside the work, so a line may come after what it tells of.
    eventually("the refusal and the signal are logged", || async {
        let log = installation.log();
        let is_refused =
            log.contains("a new certificate cannot be used; the old one is shown still");
        (is_refused && log.contains("SIGHUP: reloading")).then_some(())
    })
    .await;
    assert!(!installation.log().contains("SIGHUP is ignored"));
    game.sit_again(Seat::Black).await;
    game.play(3, "b8c6").await;
    is_told(&game, &second).await;

    // Asked for by the signal.
    let third = files.renew();
    hang_up(&installation);
    is_told(&game, &third).await;
    game.sit_again(Seat::White).await;
    game.play(4, "f1b5").await;
    let (_, text) = installation.shards[0].admin.text("/metrics").await;
    assert!(text.contains(r#"rookery_certificate_expires_in_seconds{renewal="files"}"#));
}
