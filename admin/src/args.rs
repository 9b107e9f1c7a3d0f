//! The options of an endpoint, the same for every program that has one.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;

use crate::access::{Access, InvalidTokens};

/// Where operators may ask, and who they are.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Admin endpoint")]
pub struct AdminArgs {
    /// Serve the admin endpoint (HTTP) on this address; port 0 picks a free one. On an address other
    /// than the loopback it needs --admin-token-file, and something before it that speaks TLS.
    #[arg(long, env = "ROOKERY_ADMIN_LISTEN", value_name = "IP:PORT")]
    pub admin_listen: Option<SocketAddr>,
    /// A file with the tokens of operators: one a line, each of 16 characters or more, with a name and a
    /// space before it if there are several. The first is what matchmakers show to shards, so all
    /// processes of an installation share the file. Make it with `openssl rand -hex 32`. Without one, a
    /// token is made for this run and written to the ready file.
    #[arg(long, env = "ROOKERY_ADMIN_TOKEN_FILE", value_name = "FILE")]
    pub admin_token_file: Option<PathBuf>,
}

/// An endpoint that cannot be opened as asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidAdmin {
    /// Anyone could try tokens that were made for this run.
    #[error(
        "--admin-listen {0}: an address that others reach needs --admin-token-file \
         (ROOKERY_ADMIN_TOKEN_FILE); `openssl rand -hex 32 > FILE` makes one"
    )]
    Open(SocketAddr),
    /// A token that is made for each run is none that an installation could share.
    #[error(
        "--production: --admin-listen {0} needs --admin-token-file (ROOKERY_ADMIN_TOKEN_FILE); \
         `openssl rand -hex 32 > FILE` makes one"
    )]
    Generated(SocketAddr),
    /// A token of the file can be guessed.
    #[error(
        "--production: --admin-token-file {0:?}: each token must be random and have {len} characters \
         or more; `openssl rand -hex 32 > FILE` makes one",
        len = Access::STRONG_LEN_MIN
    )]
    Guessable(PathBuf),
    /// The file holds no tokens.
    #[error("--admin-token-file: {0}")]
    Tokens(#[from] InvalidTokens),
}

impl AdminArgs {
    /// Where to listen and whom to let in; `None` if there is to be no endpoint. In `production`, a token
    /// must come from a file and not be guessable.
    ///
    /// # Errors
    ///
    /// [`InvalidAdmin`] names the option and says what to do.
    pub fn validate(&self, production: bool) -> Result<Option<(SocketAddr, Access)>, InvalidAdmin> {
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
            None if production => return Err(InvalidAdmin::Generated(listen)),
            None if listen.ip().is_loopback() => Access::generate(),
            None => return Err(InvalidAdmin::Open(listen)),
        };
        Ok(Some((listen, access)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listening(address: &str) -> AdminArgs {
        AdminArgs {
            admin_listen: Some(address.parse().unwrap()),
            admin_token_file: None,
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
            assert_eq!(access.token(), "0123456789abcdef");
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
        let strong = Access::generate();
        for (text, is_taken) in [
            (strong.token().to_owned(), true),
            ("0123456789abcdef".to_owned(), false),
            ("changeme".repeat(8), false),
            (
                format!("ann {}\nbob 0123456789abcdef", strong.token()),
                false,
            ),
        ] {
            std::fs::write(file.path(), &text).unwrap();
            assert_eq!(args.validate(true).is_ok(), is_taken, "{text}");
            assert!(args.validate(false).is_ok(), "{text}");
        }
        assert!(AdminArgs::default().validate(true).unwrap().is_none());
    }
}
