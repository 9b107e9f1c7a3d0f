//! Which files are accepted.

use rcgen::{BasicConstraints, CertificateParams, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair};
use tempfile::TempDir;

use super::*;

/// Files of an authority and of certificates that it signs.
pub(crate) struct Authority {
    directory: TempDir,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    pub(crate) fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let authority = params.self_signed(&key).unwrap();
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("ca.pem"), authority.pem()).unwrap();
        Self {
            directory,
            issuer: Issuer::new(params, key),
        }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Signs a certificate and writes it to `name.pem`, its key to `name.key`.
    pub(crate) fn sign(&self, name: &str, host: &str, usages: &[ExtendedKeyUsagePurpose]) {
        let mut params = CertificateParams::new(vec![host.to_owned()]).unwrap();
        params.extended_key_usages = usages.to_vec();
        self.write(name, params);
    }

    fn write(&self, name: &str, params: CertificateParams) {
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        std::fs::write(self.path(&format!("{name}.pem")), certificate.pem()).unwrap();
        std::fs::write(self.path(&format!("{name}.key")), key.serialize_pem()).unwrap();
    }

    pub(crate) fn read(&self, name: &str) -> Result<Tls, InvalidTls> {
        let (cert, key) = (format!("{name}.pem"), format!("{name}.key"));
        Tls::read(&self.path(&cert), &self.path(&key), &self.path("ca.pem"))
    }
}

const BOTH: [ExtendedKeyUsagePurpose; 2] = [
    ExtendedKeyUsagePurpose::ServerAuth,
    ExtendedKeyUsagePurpose::ClientAuth,
];

fn refusal(read: Result<Tls, InvalidTls>) -> String {
    read.map(drop).unwrap_err().to_string()
}

#[test]
fn a_certificate_of_the_authority_is_taken() {
    let authority = Authority::new();
    authority.sign("own", SERVER_NAME, &BOTH);
    assert!(authority.read("own").is_ok());
    // No usage at all means any.
    authority.sign("any", SERVER_NAME, &[]);
    assert!(authority.read("any").is_ok());
    assert!(anonymous_client(&authority.path("ca.pem")).is_ok());
}

#[test]
fn a_certificate_that_others_would_refuse_is_refused_at_the_start() {
    let authority = Authority::new();
    authority.sign("other-name", "example.org", &BOTH);
    authority.sign("half", SERVER_NAME, &BOTH[..1]);
    let mut old = CertificateParams::new(vec![SERVER_NAME.to_owned()]).unwrap();
    old.not_after = rcgen::date_time_ymd(2000, 1, 1);
    authority.write("old", old);
    let stranger = Authority::new();
    stranger.sign("strange", SERVER_NAME, &BOTH);
    for file in ["strange.pem", "strange.key"] {
        std::fs::copy(stranger.path(file), authority.path(file)).unwrap();
    }
    for (name, reason) in [
        ("other-name", SERVER_NAME),
        ("half", SERVER_NAME),
        ("old", "expired at 2000-01-01T00:00:00Z"),
        ("strange", SERVER_NAME),
    ] {
        let why = refusal(authority.read(name));
        assert!(why.starts_with(CERT), "{why}");
        assert!(why.contains(reason), "{why}");
    }
}

#[test]
fn a_file_that_holds_something_else_is_named() {
    let authority = Authority::new();
    authority.sign("own", SERVER_NAME, &BOTH);
    authority.sign("other", SERVER_NAME, &BOTH);
    std::fs::write(authority.path("empty"), "").unwrap();
    let path = |name| authority.path(name);
    for (files, option) in [
        (["nowhere", "own.key", "ca.pem"], CERT),
        (["empty", "own.key", "ca.pem"], CERT),
        (["own.key", "own.key", "ca.pem"], CERT),
        (["own.pem", "own.pem", "ca.pem"], KEY),
        (["own.pem", "other.key", "ca.pem"], KEY),
        (["own.pem", "own.key", "own.key"], CA),
        (["own.pem", "own.key", "nowhere"], CA),
    ] {
        let [cert, key, ca] = files.map(path);
        let why = refusal(Tls::read(&cert, &key, &ca));
        assert!(why.starts_with(option), "{files:?}: {why}");
    }
    assert!(anonymous_client(&path("empty")).is_err());
}
