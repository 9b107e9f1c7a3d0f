//! Live shards that announce one address: `rookery check` tells.

use std::time::Duration;

use tests::installation::Installation;
use tests::process;

const LIMIT: Duration = Duration::from_secs(60);

/// What a check says, and how it ends.
fn check(words: &[&str]) -> (Option<i32>, String) {
    let words: Vec<&str> = ["check"].iter().chain(words).copied().collect();
    let output = process::run("rookery", &words, LIMIT);
    let said = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8(said).unwrap())
}

#[tokio::test]
async fn a_check_tells_of_two_live_shards_with_one_address() {
    let address = format!("127.0.0.1:{}", process::free_udp_port());
    let environment = [("ROOKERY_PUBLIC_ADDRESS", address.as_str())];
    let mut installation = Installation::launch(2, &environment).await;
    let url = installation.redis_url();
    let matches = ["matches", "--within", "0", "--store", &url];
    let keys = tempfile::tempdir().unwrap();
    let key = keys.path().join("key.pem");
    std::fs::write(&key, installation.signing_key()).unwrap();
    let key = key.display().to_string();
    let matchmaker = ["matchmaker", "--store", &url, "--signing-key", &key];

    let ids: Vec<String> = installation
        .shards
        .iter()
        .map(|shard| shard.id.clone())
        .collect();
    for (words, code) in [(&matches[..], 1), (&matchmaker, 0)] {
        let (ended, said) = check(words);
        assert_eq!(ended, Some(code), "{said}");
        let line = said
            .lines()
            .find(|line| line.contains("announce one address"));
        let line = line.unwrap_or_else(|| panic!("nothing about the address: {said}"));
        for part in ids.iter().chain([&address]) {
            assert!(line.contains(part.as_str()), "{part}: {line}");
        }
    }

    // The last trace of a dead shard is no second one.
    installation.kill(&ids[1]);
    for words in [&matches[..], &matchmaker] {
        let (_, said) = check(words);
        assert!(!said.contains("announce one address"), "{said}");
    }
}
