//! PostgreSQL as the tests run it.

use supervisor::Postgres;

#[test]
fn a_server_starts_again_on_its_data_after_it_was_killed() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let server = Postgres::launch(directory.path()).unwrap_or_else(|error| panic!("{error}"));
    server.create_database("club").expect("a new database");
    server.kill();
    server.start().expect("it starts again");
    let again = server.create_database("club").expect_err("it is there");
    assert!(again.to_string().contains("already exists"), "{again}");
    assert!(
        server
            .url("club")
            .starts_with("postgres://rookery@127.0.0.1:")
    );
}
