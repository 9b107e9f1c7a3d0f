//! Who may read what an installation must keep to itself: secrets, tokens, stored matches.

use std::collections::BTreeSet;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::Value;
use tests::process::{self, Server};

const PATIENCE: Duration = Duration::from_secs(30);
const POLL_EVERY: Duration = Duration::from_millis(20);

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn mode(path: &Path) -> u32 {
    let metadata = fs::metadata(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    metadata.permissions().mode() & 0o777
}

/// `deploy/compose.yml`, its anchors resolved.
fn compose() -> Value {
    const TO_JSON: &str =
        "import json, sys, yaml; json.dump(yaml.safe_load(sys.stdin), sys.stdout)";
    let file = fs::File::open(workspace().join("deploy/compose.yml")).unwrap();
    let output = Command::new(tests::python())
        .args(["-c", TO_JSON])
        .stdin(file)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    serde_json::from_slice(&output.stdout).unwrap()
}

/// The secrets that a service of compose mounts.
fn mounted(service: &Value) -> BTreeSet<&str> {
    let secrets = service["secrets"].as_array().into_iter().flatten();
    secrets.map(|name| name.as_str().unwrap()).collect()
}

/// The secrets that the environment of a service names.
fn named(service: &Value) -> BTreeSet<&str> {
    let variables = service["environment"].as_object().into_iter().flatten();
    let values = variables.filter_map(|(_, value)| value.as_str());
    values
        .filter_map(|value| value.strip_prefix("/run/secrets/"))
        .collect()
}

#[test]
fn compose_gives_each_service_the_secrets_that_it_uses_and_no_others() {
    let compose = compose();
    let (mut shards, mut matchmakers) = (0, 0);
    for (name, service) in compose["services"].as_object().unwrap() {
        let mounted = mounted(service);
        assert_eq!(mounted, named(service), "{name}");
        match service["command"][0].as_str() {
            Some("shard") => {
                shards += 1;
                assert!(!mounted.contains("signing-key"), "{name}");
                assert!(mounted.contains("public-key"), "{name}");
            }
            Some("matchmaker") => {
                matchmakers += 1;
                assert!(mounted.contains("signing-key"), "{name}");
            }
            _ => assert!(mounted.is_empty(), "{name}"),
        }
        let runs_rookery = service["image"] == "rookery";
        let user = service["user"].as_str().unwrap_or_default();
        assert_eq!(
            user.contains("ROOKERY_USER:-10001:10001"),
            runs_rookery,
            "{name}"
        );
    }
    assert!(shards > 0 && matchmakers > 0);
}

#[test]
fn kubernetes_gives_shards_no_signing_key() {
    let read =
        |name: &str| fs::read_to_string(workspace().join("deploy/kubernetes").join(name)).unwrap();
    let (shards, matchmakers) = (read("shards.yaml"), read("matchmakers.yaml"));
    assert!(!shards.contains("signing-key") && !shards.contains("secretName: rookery-matchmaker"));
    assert!(matchmakers.contains("/secrets/signing-key.pem"));
    // In decimal, as Kubernetes writes it: 0440.
    assert!(shards.contains("defaultMode: 288") && matchmakers.contains("defaultMode: 288"));
}

#[test]
fn secrets_are_made_for_their_owner_alone() {
    let directory = tempfile::tempdir().unwrap();
    let secrets = directory.path().join("secrets");
    // One that was made with a looser mask, by hand.
    fs::create_dir(&secrets).unwrap();
    fs::set_permissions(&secrets, Permissions::from_mode(0o755)).unwrap();
    let make = || {
        let mut make = Command::new(workspace().join("deploy/make-secrets"));
        make.arg(&secrets).output().unwrap()
    };
    let output = make();
    assert!(output.status.success(), "{output:?}");
    assert_eq!(mode(&secrets), 0o700);
    let mut made = BTreeSet::new();
    for file in fs::read_dir(&secrets).unwrap() {
        let path = file.unwrap().path();
        assert_eq!(mode(&path), 0o600, "{}", path.display());
        made.insert(path.file_name().unwrap().to_str().unwrap().to_owned());
    }
    let compose = compose();
    let expected = compose["secrets"].as_object().unwrap().values();
    let expected = expected.map(|secret| {
        let file = secret["file"].as_str().unwrap();
        file.strip_prefix("./secrets/").unwrap().to_owned()
    });
    // And what compose.tls.yml has from there.
    let of_the_store = [
        "store-ca-key.pem",
        "store-ca.pem",
        "store-key.pem",
        "store-password",
        "store-users.acl",
        "store.pem",
    ];
    let of_the_store = of_the_store.map(str::to_owned);
    assert_eq!(made, expected.chain(of_the_store).collect());
    // They are not made again over those that are in use.
    let key = fs::read(secrets.join("signing-key.pem")).unwrap();
    assert!(!make().status.success());
    assert_eq!(fs::read(secrets.join("signing-key.pem")).unwrap(), key);
}

#[test]
fn secrets_reach_neither_the_repository_nor_an_image() {
    for (name, line) in [
        (".gitignore", "/deploy/secrets"),
        (".dockerignore", "deploy/secrets"),
    ] {
        let text = fs::read_to_string(workspace().join(name)).unwrap();
        assert!(text.lines().any(|known| known == line), "{name}");
    }
}

#[test]
fn what_a_server_writes_is_its_owners_alone() {
    let mut server = Server::embedded();
    let directory = server.data_dir().to_owned();
    let files = ["ready.json", "signing-key.pem", "rookery.redb"];
    for name in files {
        assert_eq!(mode(&directory.join(name)), 0o600, "{name}");
    }
    // As a version before, or a copy, may have left them.
    server.kill();
    fs::set_permissions(&directory, Permissions::from_mode(0o755)).unwrap();
    for name in files {
        fs::set_permissions(directory.join(name), Permissions::from_mode(0o644)).unwrap();
    }
    server.restart();
    for name in files {
        assert_eq!(mode(&directory.join(name)), 0o600, "{name}");
    }
    let log = server.log();
    assert!(
        log.contains("signing-key.pem could be read by others"),
        "{log}"
    );
    assert!(log.contains("chmod 700"), "{log}");
}

#[test]
fn a_data_directory_is_made_for_its_owner_alone() {
    let directory = tempfile::tempdir().unwrap();
    let (data, ready) = (
        directory.path().join("a/data"),
        directory.path().join("ready"),
    );
    let mut child = process::spawn(
        "rookery",
        &[
            "dev",
            "--matchmaker-port",
            "0",
            "--shard-port",
            "0",
            "--data-dir",
            data.to_str().unwrap(),
            "--ready-file",
            ready.to_str().unwrap(),
        ],
    );
    let end = Instant::now() + PATIENCE;
    while !ready.exists() && Instant::now() < end && child.try_wait().unwrap().is_none() {
        std::thread::sleep(POLL_EVERY);
    }
    let modes = (ready.exists(), mode(&data), mode(data.parent().unwrap()));
    child.kill().unwrap();
    let said = process::finish(child, PATIENCE);
    assert_eq!(modes, (true, 0o700, 0o700), "{said:?}");
    assert!(!String::from_utf8_lossy(&said.stderr).contains("chmod"));
}
