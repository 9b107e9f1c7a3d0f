//! The options of an admin endpoint, the same for every program that has one.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use clap::Args;

use crate::access::{Access, InvalidTokens};
use crate::tls::{self, InvalidTls, Tls};

/// Where the admin endpoint listens, and who has access.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Admin endpoint")]
pub struct AdminArgs {
    /// Serve the admin endpoint (HTTP) on this address; port 0 picks a free one. On an address other
    /// than the loopback it needs --admin-tls-cert, or --admin-token-file and a proxy before it that
    /// speaks TLS.
    #[arg(long, env = "ROOKERY_ADMIN_LISTEN", value_name = "IP:PORT")]
    pub admin_listen: Option<SocketAddr>,
    /// A file with the tokens of operators: one a line, each of 16 characters or more, with a name and a
    /// space before it if there are several. The first is what matchmakers show to shards, so all
    /// processes of an installation share the file. Make it with `openssl rand -hex 32`. Without one,
    /// only certificates are accepted where there is TLS; else a token is made for this run and written to
    /// the ready file.
    #[arg(long, env = "ROOKERY_ADMIN_TOKEN_FILE", value_name = "FILE")]
    pub admin_token_file: Option<PathBuf>,
    /// Speak TLS 1.3 at the admin endpoint, with this certificate chain in PEM. It must be signed by the
    /// authority of --admin-tls-ca, hold the DNS name rookery-admin, and serve for both sides of TLS:
    /// matchmakers show it to shards. All processes of an installation have such a certificate, or none.
    #[arg(long, env = "ROOKERY_ADMIN_TLS_CERT", value_name = "FILE")]
    pub admin_tls_cert: Option<PathBuf>,
    /// The private key of --admin-tls-cert, in PEM.
    #[arg(long, env = "ROOKERY_ADMIN_TLS_KEY", value_name = "FILE")]
    pub admin_tls_key: Option<PathBuf>,
    /// The authority of the installation's admin endpoints, in PEM: the holder of a certificate that it signed
    /// has full access without a token, and the audit log has the certificate's common name.
    #[arg(long, env = "ROOKERY_ADMIN_TLS_CA", value_name = "FILE")]
    pub admin_tls_ca: Option<PathBuf>,
}

/// Options that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidAdmin {
    /// The address is not the loopback, and there are neither certificates nor a token file.
    #[error(
        "--admin-listen {0}: an address that others reach needs --admin-token-file \
         (ROOKERY_ADMIN_TOKEN_FILE) or --admin-tls-cert (ROOKERY_ADMIN_TLS_CERT); `openssl rand -hex \
         32 > FILE` makes a token"
    )]
    Open(SocketAddr),
    /// In production, a token made for this run is refused: the installation could not share it.
    #[error(
        "--production: --admin-listen {0} needs --admin-token-file (ROOKERY_ADMIN_TOKEN_FILE) or \
         --admin-tls-cert (ROOKERY_ADMIN_TLS_CERT); `openssl rand -hex 32 > FILE` makes a token"
    )]
    Generated(SocketAddr),
    /// A token of the file can be guessed.
    #[error(
        "--production: --admin-token-file {0:?}: each token must be random and have {len} characters \
         or more; `openssl rand -hex 32 > FILE` makes one",
        len = Access::STRONG_LEN_MIN
    )]
    Guessable(PathBuf),
    /// The token file cannot be used.
    #[error("--admin-token-file: {0}")]
    Tokens(#[from] InvalidTokens),
    /// One of the three options of TLS is missing.
    #[error(
        "--admin-tls-cert, --admin-tls-key and --admin-tls-ca (ROOKERY_ADMIN_TLS_…) belong together: \
         {missing} is missing"
    )]
    HalfTls {
        /// The first missing option, with its variable of the environment.
        missing: &'static str,
    },
    /// The certificate, its key or the authority cannot be used.
    #[error(transparent)]
    Tls(#[from] InvalidTls),
}

impl AdminArgs {
    /// Where to listen and who has access; `None` for no endpoint. In `production`, a token must come from a file and
    /// not be guessable; with TLS, none is needed.
    ///
    /// # Errors
    ///
    /// [`InvalidAdmin`] names the option and the remedy.
    pub fn validate(&self, production: bool) -> Result<Option<(SocketAddr, Access)>, InvalidAdmin> {
        let tls = self.tls_files()?;
        let Some(listen) = self.admin_listen else {
            return Ok(None);
        };
        let access = match &self.admin_token_file {
            Some(file) => {
                let access = Access::read(file)?;
                if production && !access.is_strong() {
                    return Err(InvalidAdmin::Guessable(file.clone()));
                }
                access
            }
            None if tls.is_some() => Access::default(),
            None if production => return Err(InvalidAdmin::Generated(listen)),
            None if listen.ip().is_loopback() => Access::generate(),
            None => return Err(InvalidAdmin::Open(listen)),
        };
        let tls = tls.map(|[cert, key, ca]| Tls::read(cert, key, ca));
        Ok(Some((listen, access.with_tls(tls.transpose()?))))
    }

    /// The certificate, its key and the authority.
    fn tls_files(&self) -> Result<Option<[&Path; 3]>, InvalidAdmin> {
        let files = [
            (self.admin_tls_cert.as_deref(), tls::CERT),
            (self.admin_tls_key.as_deref(), tls::KEY),
            (self.admin_tls_ca.as_deref(), tls::CA),
        ];
        if files.iter().all(|(file, _)| file.is_none()) {
            return Ok(None);
        }
        let given = |(file, missing): (Option<_>, _)| file.ok_or(InvalidAdmin::HalfTls { missing });
        let [cert, key, ca] = files.map(given);
        Ok(Some([cert?, key?, ca?]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tls::SERVER_NAME;
    use crate::tls::tests::Authority;

    fn listening(address: &str) -> AdminArgs {
        AdminArgs {
            admin_listen: Some(address.parse().unwrap()),
            ..AdminArgs::default()
        }
    }

    #[test]
    fn an_open_address_needs_tokens() {
        for open in ["0.0.0.0:1", "[::]:1", "10.0.0.1:1"] {
            let refused = listening(open).validate(false).map(|_| ());
            assert!(matches!(refused, Err(InvalidAdmin::Open(_))), "{open}");
        }
        for own in ["127.0.0.1:0", "127.9.9.9:0", "[::1]:0"] {
            assert!(listening(own).validate(false).unwrap().is_some(), "{own}");
        }
        assert!(AdminArgs::default().validate(false).unwrap().is_none());
    }

    #[test]
    fn the_tokens_of_a_file_are_used_wherever_it_listens() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "0123456789abcdef\n").unwrap();
        for address in ["0.0.0.0:1", "127.0.0.1:1"] {
            let args = AdminArgs {
                admin_token_file: Some(file.path().to_owned()),
                ..listening(address)
            };
            let (_, access) = args.validate(false).unwrap().unwrap();
            assert_eq!(access.token(), Some("0123456789abcdef"));
        }
        std::fs::write(file.path(), "short").unwrap();
        let args = AdminArgs {
            admin_token_file: Some(file.path().to_owned()),
            ..listening("127.0.0.1:1")
        };
        assert!(
            args.validate(false)
                .unwrap_err()
                .to_string()
                .contains("--admin-token-file")
        );
    }

    #[test]
    fn production_takes_no_token_that_was_made_or_can_be_guessed() {
        let refused = listening("127.0.0.1:1").validate(true).map(|_| ());
        assert!(matches!(refused, Err(InvalidAdmin::Generated(_))));
        let file = tempfile::NamedTempFile::new().unwrap();
        let args = AdminArgs {
            admin_token_file: Some(file.path().to_owned()),
            ..listening("0.0.0.0:1")
        };
        let made = Access::generate();
        let strong = made.token().unwrap();
        for (text, is_taken) in [
            (strong.to_owned(), true),
            ("0123456789abcdef".to_owned(), false),
            ("changeme".repeat(8), false),
            (format!("ann {}\nbob 0123456789abcdef", strong), false),
        ] {
            std::fs::write(file.path(), &text).unwrap();
            assert_eq!(args.validate(true).is_ok(), is_taken, "{text}");
            assert!(args.validate(false).is_ok(), "{text}");
        }
        assert!(AdminArgs::default().validate(true).unwrap().is_none());
    }

    #[test]
    fn with_tls_there_need_not_be_a_token_wherever_it_listens() {
        let authority = Authority::new();
        authority.sign("own", SERVER_NAME, &[]);
        let args = AdminArgs {
            admin_tls_cert: Some(authority.path("own.pem")),
            admin_tls_key: Some(authority.path("own.key")),
            admin_tls_ca: Some(authority.path("ca.pem")),
            ..listening("0.0.0.0:1")
        };
        for production in [false, true] {
            let (_, access) = args.validate(production).unwrap().unwrap();
            assert_eq!((access.scheme(), access.token()), ("https", None));
        }
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "0123456789abcdef\n").unwrap();
        let args = AdminArgs {
            admin_token_file: Some(file.path().to_owned()),
            ..args
        };
        let (_, access) = args.validate(false).unwrap().unwrap();
        assert_eq!(access.token(), Some("0123456789abcdef"));
        let refused = args.validate(true).map(|_| ());
        assert!(matches!(refused, Err(InvalidAdmin::Guessable(_))));
    }

    #[test]
    fn two_thirds_of_tls_are_refused_by_the_name_of_the_third() {
        let file = || Some(PathBuf::from("/nowhere"));
        for (cert, key, ca, expected) in [
            (file(), None, None, tls::KEY),
            (file(), file(), None, tls::CA),
            (None, file(), file(), tls::CERT),
            (file(), None, file(), tls::KEY),
        ] {
            let args = AdminArgs {
                admin_tls_cert: cert,
                admin_tls_key: key,
                admin_tls_ca: ca,
                ..listening("127.0.0.1:1")
            };
            let missing = args.validate(false).map(|_| ()).unwrap_err();
            assert_eq!(missing, InvalidAdmin::HalfTls { missing: expected });
        }
    }
}
