//! What only the archive in PostgreSQL can run into. The contract itself is checked with the others.

use store::testing::{PostgresServer, fresh_postgres};
use store::{Archive, ArchiveFilter, PostgresArchive, PostgresConfig, StoreError};

use crate::archive::archived;
use crate::samples::runtime;

/// An archive in an empty database.
pub(crate) async fn fresh_archive() -> PostgresArchive {
    let archive = PostgresArchive::new(&fresh_postgres()).unwrap();
    archive.prepare().await.unwrap();
    archive
}

/// As a program does that checks its configuration before it starts its threads.
#[test]
fn an_archive_is_made_before_a_runtime_is() {
    let archive = PostgresArchive::new(&fresh_postgres()).unwrap();
    runtime().block_on(async { assert!(archive.put(&archived(1)).await.unwrap()) });
}

#[test]
fn a_server_that_is_killed_loses_nothing_that_was_archived_and_is_found_again() {
    runtime().block_on(async {
        let server = PostgresServer::start();
        let archive = PostgresArchive::new(&PostgresConfig::new(server.url())).unwrap();
        assert!(archive.put(&archived(1)).await.unwrap());
        server.kill();
        let away = archive.put(&archived(2)).await.unwrap_err();
        assert!(matches!(away, StoreError::Unavailable(_)), "{away}");
        server.restart();
        // Its fate was unknown: it is put again.
        archive.put(&archived(2)).await.unwrap();
        for n in [1, 2] {
            let found = archive.get(archived(n).id()).await.unwrap();
            assert_eq!(found, Some(archived(n)));
        }
        let page = archive
            .list(&ArchiveFilter::default(), None, 10)
            .await
            .unwrap();
        assert_eq!(page.matches.len(), 2);
    });
}

#[test]
fn a_server_that_comes_up_later_is_used_then() {
    runtime().block_on(async {
        let server = PostgresServer::start();
        server.kill();
        let archive = PostgresArchive::new(&PostgresConfig::new(server.url())).unwrap();
        let away = archive.prepare().await.unwrap_err();
        assert!(matches!(away, StoreError::Unavailable(_)), "{away}");
        server.restart();
        assert!(archive.put(&archived(1)).await.unwrap());
    });
}

#[test]
fn several_processes_may_make_the_tables_at_one_moment() {
    runtime().block_on(async {
        let config = fresh_postgres();
        let archives = [(); 6].map(|()| PostgresArchive::new(&config).unwrap());
        let mut puts = tokio::task::JoinSet::new();
        for archive in archives {
            puts.spawn(async move { archive.put(&archived(1)).await.unwrap() });
        }
        let puts = puts.join_all().await;
        let new = puts.into_iter().filter(|is_new| *is_new).count();
        assert_eq!(new, 1, "and the match is there once");
    });
}

#[test]
fn what_the_operator_has_to_mend_is_named() {
    runtime().block_on(async {
        let config = fresh_postgres();
        let elsewhere = PostgresConfig::new(format!("{}-not-there", config.url()));
        let archive = PostgresArchive::new(&elsewhere).unwrap();
        let missing = archive.prepare().await.unwrap_err();
        assert!(
            matches!(&missing, StoreError::Unfit(text) if text.contains("does not exist")),
            "{missing}"
        );
        let archive = PostgresArchive::new(&config).unwrap();
        archive.prepare().await.unwrap();
        let pool = sqlx::PgPool::connect(config.url()).await.unwrap();
        let later = sqlx::query("UPDATE rookery_archive SET layout = 2");
        later.execute(&pool).await.unwrap();
        let other = PostgresArchive::new(&config).unwrap();
        let refused = other.prepare().await.unwrap_err();
        assert!(
            matches!(&refused, StoreError::Unfit(text) if text.contains("version 2")),
            "{refused}"
        );
    });
}
