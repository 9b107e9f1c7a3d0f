//! Flags over the environment over a file over defaults, and what production refuses, as operators
//! meet it.

mod check;
mod dev;
mod production;
mod stores;
mod variables;

use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rcgen::{CertificateParams, KeyPair, date_time_ymd};
use store::testing::{RedisKind, RedisServer};
use tempfile::TempDir;
use tests::process;
use tokens::SigningKey;

const SHORT: Duration = Duration::from_secs(30);
/// Nobody answers there.
const NOWHERE: &str = "redis://me:secret@127.0.0.1:1";

/// A directory with what a configuration names.
struct Desk {
    directory: TempDir,
}

impl Desk {
    fn new() -> Self {
        let desk = Self {
            directory: tempfile::tempdir().unwrap(),
        };
        let (key, pem) = SigningKey::generate().unwrap();
        desk.file("signing.pem", &pem);
        desk.file("public.pem", &key.verifying_key().to_pem());
        desk.file("tokens", "ann 0123456789abcdef0123456789abcdef\n");
        desk.file("weak-tokens", "changemechangeme\n");
        desk.file("secret", "0123456789abcdef0123456789abcdef");
        desk.file("weak-secret", &"x".repeat(32));
        desk
    }

    fn path(&self, name: &str) -> String {
        self.directory.path().join(name).display().to_string()
    }

    fn file(&self, name: &str, text: &str) -> String {
        std::fs::write(self.directory.path().join(name), text).unwrap();
        self.path(name)
    }
}

/// Runs a program to its end: its status, and all that it said.
fn run(name: &str, words: &[&str], environment: &[(&str, &str)]) -> (Option<i32>, String) {
    let program: PathBuf = process::binary(name);
    let child = Command::new(program)
        .args(words)
        .envs(environment.iter().copied())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let output = process::finish(child, SHORT);
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8(said).unwrap();
    assert!(!said.contains("panicked"), "{said}");
    assert!(!said.contains("secret@"), "{said}");
    (output.status.code(), said)
}
