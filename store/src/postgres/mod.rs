//! The archive in PostgreSQL, beside a store of another kind: it keeps matches for as long as its operator does.
//!
//! A match is one row with the bytes that [`codec`] writes, and columns for what is looked for. The rows of its players
//! are in a table of their own, by which a player's matches are found in order.

mod config;

use std::fmt;
use std::future::Future;
use std::sync::OnceLock;
use std::time::Duration;

use async_trait::async_trait;
use game_core::{MatchId, Outcome};
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions, PgRow};
use sqlx::{Error, Executor, Row};
use tokio::sync::OnceCell;
use tokio::time::timeout;

pub use self::config::PostgresConfig;
use crate::archived::{ARCHIVE_PAGE_MAX, ArchiveCursor, ArchiveFilter, ArchivePage, ArchivedMatch};
use crate::codec;
use crate::contract::Archive;
use crate::error::StoreError;

/// Upper bound on open connections of one process: archiving and exports are few requests at a time.
const CONNECTIONS_MAX: u32 = 8;
/// A connection must be there within this.
const CONNECTED_WITHIN: Duration = Duration::from_secs(5);
/// A request must be answered within this; afterwards its fate is unknown.
const ANSWER_WITHIN: Duration = Duration::from_secs(15);
/// An idle connection is closed after this.
const IDLE_MAX: Duration = Duration::from_secs(10 * 60);
/// The layout of the tables below.
const LAYOUT: i32 = 1;

/// The tables. Texts are compared byte by byte, as ids and cursors are everywhere else.
const TABLES: &str = r#"
CREATE TABLE IF NOT EXISTS rookery_archive (layout integer NOT NULL);
CREATE TABLE IF NOT EXISTS rookery_matches (
    id text COLLATE "C" PRIMARY KEY,
    ended_at bigint NOT NULL,
    white text COLLATE "C" NOT NULL,
    black text COLLATE "C" NOT NULL,
    event text COLLATE "C",
    variant text COLLATE "C" NOT NULL,
    result text COLLATE "C" NOT NULL,
    rated boolean NOT NULL,
    match bytea NOT NULL,
    archived_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX IF NOT EXISTS rookery_matches_order ON rookery_matches (ended_at, id);
CREATE INDEX IF NOT EXISTS rookery_matches_event ON rookery_matches (event, ended_at, id);
CREATE TABLE IF NOT EXISTS rookery_match_players (
    player text COLLATE "C" NOT NULL,
    ended_at bigint NOT NULL,
    id text COLLATE "C" NOT NULL REFERENCES rookery_matches ON DELETE CASCADE,
    PRIMARY KEY (player, ended_at, id)
);
"#;

/// Two processes that create a table at one moment would hinder each other.
const LOCK_TABLES: &str = "SELECT pg_advisory_xact_lock(8245071937)";

const INSERT: &str = "INSERT INTO rookery_matches \
    (id, ended_at, white, black, event, variant, result, rated, match) \
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (id) DO NOTHING";

const INSERT_PLAYER: &str =
    "INSERT INTO rookery_match_players (player, ended_at, id) VALUES ($1, $2, $3)";

const SELECT: &str = "SELECT id, match FROM rookery_matches WHERE id = $1";

const LIST: &str = "SELECT m.id, m.ended_at, m.match FROM rookery_matches m \
    WHERE ($1::text IS NULL OR m.event = $1) AND ($2::text IS NULL OR m.variant = $2) \
    AND ($3::text IS NULL OR m.result = $3) \
    AND m.ended_at >= $4 AND (m.ended_at, m.id) < ($5, $6) \
    ORDER BY m.ended_at DESC, m.id DESC LIMIT $7";

const LIST_OF_PLAYER: &str = "SELECT m.id, m.ended_at, m.match \
    FROM rookery_match_players p JOIN rookery_matches m ON m.id = p.id \
    WHERE ($1::text IS NULL OR m.event = $1) AND ($2::text IS NULL OR m.variant = $2) \
    AND ($3::text IS NULL OR m.result = $3) \
    AND p.ended_at >= $4 AND (p.ended_at, p.id) < ($5, $6) AND p.player = $8 \
    ORDER BY p.ended_at DESC, p.id DESC LIMIT $7";

/// An [`Archive`] in a PostgreSQL database. Its tables are made when it is first used.
pub struct PostgresArchive {
    options: PgConnectOptions,
    /// Made when it is first used: it needs a runtime, and programs check their configuration without one.
    pool: OnceLock<PgPool>,
    /// The tables are there, and laid out as this program reads them.
    prepared: OnceCell<()>,
}

impl PostgresArchive {
    /// An archive that connects when it is first used, and again after each failure.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unfit`] if the configuration cannot be used.
    pub fn new(config: &PostgresConfig) -> Result<Self, StoreError> {
        Ok(Self {
            options: config.options()?,
            pool: OnceLock::new(),
            prepared: OnceCell::new(),
        })
    }

    /// The connections.
    fn pool(&self) -> &PgPool {
        self.pool.get_or_init(|| {
            PgPoolOptions::new()
                .max_connections(CONNECTIONS_MAX)
                .acquire_timeout(CONNECTED_WITHIN)
                .idle_timeout(IDLE_MAX)
                .connect_lazy_with(self.options.clone())
        })
    }

    /// Makes the tables if they are missing.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unfit`] if another version of Rookery laid them out, or the user has not the right to make them;
    /// [`StoreError::Unavailable`] if the database does not answer.
    pub async fn prepare(&self) -> Result<(), StoreError> {
        let prepare = || answered(self.make_tables());
        self.prepared.get_or_try_init(prepare).await.copied()
    }

    async fn make_tables(&self) -> Result<(), Failure> {
        let mut txn = self.pool().begin().await?;
        txn.execute(sqlx::query(LOCK_TABLES)).await?;
        txn.execute(sqlx::raw_sql(TABLES)).await?;
        let layout = sqlx::query("SELECT layout FROM rookery_archive");
        let layout = txn.fetch_optional(layout).await?;
        match layout.map(|row| row.try_get::<i32, _>(0)).transpose()? {
            Some(LAYOUT) => {}
            None => {
                let mark = sqlx::query("INSERT INTO rookery_archive (layout) VALUES ($1)");
                txn.execute(mark.bind(LAYOUT)).await?;
            }
            Some(other) => {
                return Err(Failure::Refused(StoreError::Unfit(format!(
                    "the archive's tables are laid out as version {other} and this program reads version {LAYOUT}: \
                     run the version of Rookery that made them, or give another database"
                ))));
            }
        }
        Ok(txn.commit().await?)
    }

    async fn insert(&self, finished: &ArchivedMatch) -> Result<bool, Failure> {
        let setup = finished.setup();
        let (ended_at, id) = placed(finished.cursor())?;
        let mut txn = self.pool().begin().await?;
        let insert = sqlx::query(INSERT)
            .bind(id.as_str())
            .bind(ended_at)
            .bind(setup.players.white.id.as_str())
            .bind(setup.players.black.id.as_str())
            .bind(finished.event())
            .bind(setup.variant().code())
            .bind(finished.outcome().0.as_pgn())
            .bind(setup.rated)
            .bind(codec::encode_archived(finished).to_vec());
        if txn.execute(insert).await?.rows_affected() == 0 {
            let kept = sqlx::query(SELECT).bind(id.as_str());
            let kept = txn.fetch_one(kept).await?;
            read(&kept)?
                .check_same(finished)
                .map_err(Failure::Refused)?;
            return Ok(false);
        }
        for player in finished.players() {
            let insert = sqlx::query(INSERT_PLAYER);
            let insert = insert.bind(player.as_str()).bind(ended_at);
            txn.execute(insert.bind(id.as_str())).await?;
        }
        txn.commit().await?;
        Ok(true)
    }

    async fn select(
        &self,
        filter: &ArchiveFilter,
        after: Option<ArchiveCursor>,
        limit: usize,
    ) -> Result<ArchivePage, Failure> {
        let limit = limit.clamp(1, ARCHIVE_PAGE_MAX);
        let from = i64::try_from(filter.from().parts().0.0).unwrap_or(i64::MAX);
        let (before, before_id) = match filter.before(after).map(ArchiveCursor::parts) {
            Some((before, id)) => match i64::try_from(before.0) {
                Ok(before) => (before, id.to_string()),
                Err(_) => (i64::MAX, ABOVE_IDS.to_owned()),
            },
            None => (i64::MAX, ABOVE_IDS.to_owned()),
        };
        let query = match filter.player {
            Some(_) => sqlx::query(LIST_OF_PLAYER),
            None => sqlx::query(LIST),
        };
        let mut query = query
            .bind(filter.event.as_deref())
            .bind(filter.variant.map(game_core::Variant::code))
            .bind(filter.outcome.map(Outcome::as_pgn))
            .bind(from)
            .bind(before)
            .bind(before_id)
            // One more, to know whether there is one.
            .bind(i64::try_from(limit + 1).unwrap_or(i64::MAX));
        if let Some(player) = &filter.player {
            query = query.bind(player.as_str());
        }
        let mut rows = self.pool().fetch_all(query).await?;
        let has_more = rows.len() > limit;
        rows.truncate(limit);
        let last = rows.last().map(place).transpose()?;
        let mut matches = Vec::with_capacity(rows.len());
        for row in &rows {
            let id: &str = row.try_get(0)?;
            matches.extend(codec::readable_archived(id, row.try_get(2)?));
        }
        Ok(ArchivePage {
            matches,
            next: last.filter(|_| has_more),
        })
    }
}

/// Above every id, byte by byte.
const ABOVE_IDS: &str = "~";

#[async_trait]
impl Archive for PostgresArchive {
    async fn put(&self, finished: &ArchivedMatch) -> Result<bool, StoreError> {
        self.prepare().await?;
        answered(self.insert(finished)).await
    }

    async fn get(&self, id: MatchId) -> Result<Option<ArchivedMatch>, StoreError> {
        self.prepare().await?;
        let select = async {
            let select = sqlx::query(SELECT).bind(id.as_str());
            let found = self.pool().fetch_optional(select).await?;
            found.as_ref().map(read).transpose()
        };
        answered(select).await
    }

    async fn list(
        &self,
        filter: &ArchiveFilter,
        after: Option<ArchiveCursor>,
        limit: usize,
    ) -> Result<ArchivePage, StoreError> {
        self.prepare().await?;
        answered(self.select(filter, after, limit)).await
    }
}

impl fmt::Debug for PostgresArchive {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresArchive").finish_non_exhaustive()
    }
}

/// Why a request has no answer.
enum Failure {
    Sql(Error),
    Refused(StoreError),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Sql(error)
    }
}

/// The answer to a request, if it comes in time.
async fn answered<T>(request: impl Future<Output = Result<T, Failure>>) -> Result<T, StoreError> {
    match timeout(ANSWER_WITHIN, request).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(Failure::Refused(error))) => Err(error),
        Ok(Err(Failure::Sql(error))) => Err(meaning(&error)),
        Err(_) => Err(StoreError::Unavailable(
            "the archive did not answer in time".to_owned(),
        )),
    }
}

/// What an error means: one that the operator has to mend, or one that passes. By the classes of SQLSTATE (PostgreSQL's
/// manual, appendix A): 28 is a login that is refused, 3D and 3F a database or schema that is missing, 42 a right that is
/// missing or tables of another shape.
fn meaning(error: &Error) -> StoreError {
    let text = format!("the archive: {error}");
    match error {
        Error::Configuration(_) => StoreError::Unfit(text),
        Error::ColumnDecode { .. } | Error::Decode(_) => StoreError::Corrupt(text),
        Error::Database(found) => match found.code().as_deref().and_then(|code| code.get(..2)) {
            Some("28" | "3D" | "3F" | "42") => StoreError::Unfit(text),
            _ => StoreError::Unavailable(text),
        },
        _ => StoreError::Unavailable(text),
    }
}

/// The match of a row that has its id first and its bytes second.
fn read(row: &PgRow) -> Result<ArchivedMatch, Failure> {
    let (id, bytes): (&str, &[u8]) = (row.try_get(0)?, row.try_get(1)?);
    codec::decode_archived(bytes).map_err(|error| {
        Failure::Refused(StoreError::Corrupt(format!("archived match {id}: {error}")))
    })
}

/// The place of a row of a list.
fn place(row: &PgRow) -> Result<ArchiveCursor, Failure> {
    let (id, ended_at): (&str, i64) = (row.try_get(0)?, row.try_get(1)?);
    let text = format!("{ended_at}-{id}");
    text.parse().map_err(|_| {
        Failure::Refused(StoreError::Corrupt(format!(
            "the archive holds a match {text:?}"
        )))
    })
}

/// A place as the tables have it.
fn placed(cursor: ArchiveCursor) -> Result<(i64, MatchId), Failure> {
    let (ended_at, id) = cursor.parts();
    let ended_at = i64::try_from(ended_at.0).map_err(|_| {
        Failure::Refused(StoreError::Corrupt(format!(
            "match {id} ended at {}",
            ended_at.0
        )))
    })?;
    Ok((ended_at, id))
}
