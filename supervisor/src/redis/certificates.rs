//! An authority of a test's own, with a certificate for a server of the loopback and one for its clients.

use std::fs;
use std::path::{Path, PathBuf};

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
};

/// Why there are no certificates.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    /// One cannot be made.
    #[error("no certificate: {0}")]
    Made(#[from] rcgen::Error),
    /// One cannot be written.
    #[error("no certificate: {0}")]
    Written(#[from] std::io::Error),
}

/// The names of a server of the loopback.
const NAMES: [&str; 2] = ["localhost", "127.0.0.1"];

/// Where the certificates and keys are, in PEM.
pub(super) struct Files {
    pub(super) ca: PathBuf,
    pub(super) server: PathBuf,
    pub(super) server_key: PathBuf,
    pub(super) client: PathBuf,
    pub(super) client_key: PathBuf,
}

/// Makes an authority and what it signs, anew at each call.
pub(super) fn write_certificates(directory: &Path) -> Result<Files, CertificateError> {
    let file = |name| directory.join(name);
    let files = Files {
        ca: file("ca.pem"),
        server: file("server.pem"),
        server_key: file("server-key.pem"),
        client: file("client.pem"),
        client_key: file("client-key.pem"),
    };
    let mut params = CertificateParams::new(Vec::new())?;
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let name = &mut params.distinguished_name;
    name.push(DnType::CommonName, "store authority");
    let key = KeyPair::generate()?;
    fs::write(&files.ca, params.self_signed(&key)?.pem())?;
    let authority = Issuer::new(params, key);
    for (names, purpose, certificate, key) in [
        (
            &NAMES[..],
            ExtendedKeyUsagePurpose::ServerAuth,
            &files.server,
            &files.server_key,
        ),
        (
            &[],
            ExtendedKeyUsagePurpose::ClientAuth,
            &files.client,
            &files.client_key,
        ),
    ] {
        let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
        let mut params = CertificateParams::new(names)?;
        params.extended_key_usages.push(purpose);
        let pair = KeyPair::generate()?;
        fs::write(certificate, params.signed_by(&pair, &authority)?.pem())?;
        fs::write(key, pair.serialize_pem())?;
    }
    Ok(files)
}
