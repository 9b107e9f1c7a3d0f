//! Where the database of an archive is.

use std::fmt;
use std::str::FromStr;

use sqlx::ConnectOptions;
use sqlx::postgres::PgConnectOptions;

use crate::error::StoreError;

/// The server ends a statement that takes longer, in milliseconds: whoever asked has given up by then.
const STATEMENT_MAX_MS: &str = "12000";
/// The name by which the server's own tables show connections.
const NAME: &str = "rookery";

/// The URL of a PostgreSQL database: `postgres://user@host:5432/database?sslmode=verify-full`. Without a password, that of
/// the variable `PGPASSWORD` or of the file `~/.pgpass` counts.
#[derive(Clone, PartialEq, Eq)]
pub struct PostgresConfig {
    url: String,
}

impl PostgresConfig {
    /// The beginnings of a URL of PostgreSQL.
    const SCHEMES: [&str; 2] = ["postgres://", "postgresql://"];

    /// The database with this URL, which may turn out not to be one.
    #[must_use]
    pub fn new(url: impl Into<String>) -> Self {
        Self { url: url.into() }
    }

    /// The URL as it was given, with its password.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// How to connect.
    pub(super) fn options(&self) -> Result<PgConnectOptions, StoreError> {
        let is_ours = Self::SCHEMES
            .iter()
            .any(|scheme| self.url.starts_with(scheme));
        let options = is_ours.then(|| PgConnectOptions::from_str(&self.url).ok());
        let options = options.flatten().ok_or_else(|| {
            let why = "the URL of an archive is postgres://user@host:5432/database";
            StoreError::Unfit(why.to_owned())
        })?;
        let options = options
            .application_name(NAME)
            .options([("statement_timeout", STATEMENT_MAX_MS)])
            .disable_statement_logging();
        Ok(options)
    }
}

impl FromStr for PostgresConfig {
    type Err = StoreError;

    fn from_str(text: &str) -> Result<Self, StoreError> {
        let config = Self::new(text);
        config.options().map(|_| config)
    }
}

/// Omits the password.
impl fmt::Debug for PostgresConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresConfig").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_url_of_postgresql_is_taken() {
        for url in [
            "postgres://me:secret@host:5433/club?sslmode=require",
            "postgresql://host/club",
        ] {
            let config: PostgresConfig = url.parse().unwrap();
            assert_eq!(config.url(), url);
            assert!(!format!("{config:?}").contains("secret"));
        }
        for url in [
            "",
            "club",
            "mysql://host/club",
            "postgres:/host",
            "postgres://host:port/x",
        ] {
            let refused = url.parse::<PostgresConfig>().unwrap_err().to_string();
            assert!(refused.contains("postgres://user@host"), "{refused}");
        }
    }
}
