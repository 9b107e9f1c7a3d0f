//! Real processes in their places: started, waited for, signalled, and never left behind.

#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::process::ExitStatusExt;
use std::process::Command;
use std::time::Duration;

use supervisor::{Place, Redis, Signal, StartError};
use tempfile::TempDir;

/// Upper bound on what takes milliseconds, on a busy machine too.
const SOON: Duration = Duration::from_secs(30);

/// A place in which a line of the shell runs.
fn running(line: &str) -> (Place, TempDir) {
    let directory = tempfile::tempdir().unwrap();
    let place = Place::new("part", directory.path());
    place.start(Command::new("sh").args(["-c", line])).unwrap();
    (place, directory)
}

#[test]
fn a_ready_file_is_read_once_it_is_whole() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("ready.json");
    let place = Place::new("part", directory.path());
    let line = "printf '[1' > \"$0\"; sleep 0.1; printf ', 2]' >> \"$0\"; exec sleep 60";
    let mut command = Command::new("sh");
    place.start(command.args(["-c", line]).arg(&file)).unwrap();
    let ready: Vec<u8> = place.wait_ready(&file, SOON).unwrap();
    assert_eq!(ready, [1, 2]);
}

#[test]
fn what_ends_before_it_is_ready_is_told_with_its_last_words() {
    let (place, directory) = running("echo no such port >&2; exit 3");
    let ready = place.wait_ready::<u8>(&directory.path().join("ready.json"), SOON);
    match ready {
        Err(StartError::Silent { name, last_words }) => {
            assert_eq!(
                (name.as_str(), last_words.as_str()),
                ("part", "no such port")
            );
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_program_that_is_missing_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let place = Place::new("part", directory.path());
    let started = place.start(&mut Command::new("/nowhere/rookery"));
    let why = started.unwrap_err().to_string();
    assert!(why.contains("/nowhere/rookery"), "{why}");
    assert_eq!(place.pid(), None);
}

#[test]
fn a_signal_reaches_the_process_and_its_end_is_told_once() {
    let (place, _directory) = running("exec sleep 60");
    place.signal(Signal::TERM).unwrap();
    let status = place.wait_ended(SOON).unwrap();
    assert_eq!(status.signal(), Some(Signal::TERM.as_raw()));
    assert_eq!(place.pid(), None);
    assert!(!place.has_died(), "it was told to, and waited for");
    place.signal(Signal::TERM).unwrap();
}

#[test]
fn what_runs_ends_with_its_place() {
    let (place, _directory) = running("exec sleep 60");
    let pid = place.pid().unwrap();
    supervisor::signal(pid, Signal::CONT).unwrap();
    drop(place);
    assert!(supervisor::signal(pid, Signal::CONT).is_err());
}

#[test]
fn alarms_are_ends_and_lines_that_speak_of_a_bug() {
    let (place, _directory) = running("echo all well >&2; echo 'now ERROR here' >&2");
    let end = std::time::Instant::now() + SOON;
    while !place.has_died() && std::time::Instant::now() < end {
        std::thread::yield_now();
    }
    let alarms = place.alarms();
    assert_eq!(alarms, ["part ended by itself", "part: now ERROR here"]);
}

fn ask(redis: &Redis, request: &str) -> String {
    let mut stream = TcpStream::connect(redis.address()).unwrap();
    stream.set_read_timeout(Some(SOON)).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = [0; 64];
    let len = stream.read(&mut answer).unwrap();
    String::from_utf8_lossy(&answer[..len]).into_owned()
}

#[test]
fn a_redis_that_was_killed_serves_what_it_has_acknowledged() {
    let directory = tempfile::tempdir().unwrap();
    let redis = Redis::start(directory.path(), &[]).unwrap();
    assert_eq!(ask(&redis, "SET key value\r\n"), "+OK\r\n");
    assert!(redis.log_bytes() > 0);
    redis.place().kill();
    assert!(TcpStream::connect(redis.address()).is_err());
    redis.restart().unwrap();
    assert_eq!(ask(&redis, "GET key\r\n"), "$5\r\nvalue\r\n");
}
