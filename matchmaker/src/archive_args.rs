//! Options for where finished matches are kept, and who is told of them.

use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use store::{Archive, PostgresArchive, PostgresConfig, StoreError};

use crate::webhook_config::{Pace, WebhookConfig};
use crate::webhook_keys::WebhookKeys;

/// Where finished matches are kept, and who is told of them.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Finished matches")]
pub struct ArchiveArgs {
    /// Keep finished matches in this PostgreSQL database instead of the store, for good, for example
    /// `postgres://rookery@db.example/rookery?sslmode=verify-full`. Its tables are made when it is first used. Other users of
    /// this machine see a password that is given here: use ROOKERY_ARCHIVE, PGPASSWORD or ~/.pgpass.
    #[arg(
        long,
        env = "ROOKERY_ARCHIVE",
        value_name = "URL",
        hide_env_values = true
    )]
    pub archive: Option<PostgresConfig>,

    /// Tell this URL of every finished match, by signed webhooks (Standard Webhooks) that are repeated until they are
    /// accepted. May be repeated.
    #[arg(
        long,
        env = "ROOKERY_WEBHOOK",
        value_name = "URL",
        value_delimiter = ',',
        hide_env_values = true,
        value_parser = webhook_url
    )]
    pub webhook: Vec<String>,

    /// A file with the secrets that webhooks are signed with: on each line `whsec_` and 24 to 64 bytes in base64. With
    /// several, each signs.
    #[arg(long, env = "ROOKERY_WEBHOOK_SECRET_FILE", value_name = "FILE")]
    pub webhook_secret_file: Option<PathBuf>,
}

/// A database that cannot be used as archive.
#[derive(Debug, thiserror::Error)]
#[error("--archive (ROOKERY_ARCHIVE): {0}")]
pub struct InvalidArchive(#[from] StoreError);

/// A file of secrets that cannot be used, or that is missing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}: {value:?} cannot be used: {why}", Self::NAME)]
pub struct InvalidWebhooks {
    /// The value that was given.
    pub value: String,
    /// The fault, and what to do.
    pub why: String,
}

impl InvalidWebhooks {
    /// The option and the variable of the environment.
    pub const NAME: &str = "--webhook-secret-file (ROOKERY_WEBHOOK_SECRET_FILE)";
}

fn webhook_url(text: &str) -> Result<String, &'static str> {
    let why = "a webhook goes to an http:// or https:// URL with a host";
    let uri: axum::http::Uri = text.parse().map_err(|_| why)?;
    let is_web = matches!(uri.scheme_str(), Some("http" | "https"));
    if is_web && uri.host().is_some_and(|host| !host.is_empty()) {
        Ok(text.to_owned())
    } else {
        Err(why)
    }
}

/// The archive in a database. Reads the files that its URL names, and does not connect.
///
/// # Errors
///
/// [`InvalidArchive`] if such a file cannot be used.
pub fn open_archive(config: &PostgresConfig) -> Result<Arc<dyn Archive>, InvalidArchive> {
    Ok(Arc::new(PostgresArchive::new(config)?))
}

impl ArchiveArgs {
    /// Where finished matches are kept; `None` for the store itself.
    ///
    /// # Errors
    ///
    /// Those of [`open_archive`].
    pub fn open(&self) -> Result<Option<Arc<dyn Archive>>, InvalidArchive> {
        self.archive.as_ref().map(open_archive).transpose()
    }

    /// Who is told of finished matches. Reads the file of secrets.
    ///
    /// # Errors
    ///
    /// [`InvalidWebhooks`] if there is a subscriber and no secret, or the file cannot be used.
    pub fn webhooks(&self) -> Result<WebhookConfig, InvalidWebhooks> {
        let invalid = |value, why| InvalidWebhooks { value, why };
        let keys = match &self.webhook_secret_file {
            None if !self.webhook.is_empty() => {
                let why = "webhooks are signed: make a file with \
                           `echo whsec_$(openssl rand -base64 32)`";
                return Err(invalid(String::new(), why.to_owned()));
            }
            None => None,
            Some(file) => {
                let keys = WebhookKeys::read(file);
                Some(keys.map_err(|why| invalid(file.display().to_string(), why))?)
            }
        };
        Ok(WebhookConfig {
            urls: self.webhook.clone(),
            keys,
            pace: Pace::default(),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Program {
        #[command(flatten)]
        archive: ArchiveArgs,
    }

    fn parsed(words: &[&str]) -> Result<ArchiveArgs, clap::Error> {
        let words = ["program"].iter().chain(words);
        Program::try_parse_from(words).map(|program| program.archive)
    }

    #[test]
    fn a_webhook_needs_a_secret() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        let hook = ["--webhook", "https://club.example/hook"];
        let refused = parsed(&hook).unwrap().webhooks().unwrap_err().to_string();
        assert!(refused.contains("--webhook-secret-file"), "{refused}");
        assert!(refused.contains("openssl rand"), "{refused}");
        let path = file.path().display().to_string();
        let with_file = [&hook[..], &["--webhook-secret-file", &path]].concat();
        let refused = parsed(&with_file).unwrap().webhooks().unwrap_err();
        assert!(refused.to_string().contains("no secret"), "{refused}");
        writeln!(file, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let webhooks = parsed(&with_file).unwrap().webhooks().unwrap();
        assert_eq!(webhooks.urls, ["https://club.example/hook"]);
        assert!(webhooks.keys.is_some());
        assert!(parsed(&[]).unwrap().webhooks().unwrap().keys.is_none());
    }

    /// Programs look at their arguments before they have a runtime.
    #[test]
    fn an_archive_is_opened_without_a_runtime() {
        let archive = ["--archive", "postgres://club@db.example/club"];
        assert!(parsed(&archive).unwrap().open().unwrap().is_some());
        assert!(parsed(&[]).unwrap().open().unwrap().is_none());
    }

    #[test]
    fn what_is_no_place_for_matches_is_refused() {
        for (words, why) in [
            (["--webhook", "club.example/hook"], "http:// or https://"),
            (["--webhook", "ftp://club.example"], "http:// or https://"),
            (["--archive", "mysql://db/club"], "postgres://user@host"),
        ] {
            let refused = parsed(&words).unwrap_err().to_string();
            assert!(refused.contains(why), "{words:?}: {refused}");
        }
    }
}
