//! A matchmaker in a crowd: who takes much gets no more than a share, and the others get in.

use std::io::{ErrorKind, Read, Write};
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use socket2::{Domain, Socket, Type};
use store::testing::RedisServer;
use tempfile::TempDir;
use tests::process::{self, Server, binary, free_tcp_port};
use tokens::SigningKey;

/// No test waits for longer than this.
const PATIENCE: Duration = Duration::from_secs(60);
const HONEST: [u8; 4] = [127, 0, 0, 1];

const LIVEZ: &str = "GET /livez HTTP/1.1\r\nHost: h\r\n\r\n";
const GUEST: &str = "POST /v1/players HTTP/1.1\r\nHost: h\r\n\r\n";
const SLOW: &str = "POST /v1/players HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\n{";

/// `rookery matchmaker` on a Redis of its own, begun by a shell with this command before it.
struct Crowded {
    address: SocketAddr,
    child: Child,
    log: PathBuf,
    _redis: RedisServer,
    _directory: TempDir,
}

impl Crowded {
    fn start(before: &str, more: &[&str]) -> Self {
        let redis = RedisServer::start();
        let directory = tempfile::tempdir().unwrap();
        let key = directory.path().join("key.pem");
        std::fs::write(&key, SigningKey::generate().unwrap().1).unwrap();
        let log = directory.path().join("log");
        let address = SocketAddr::from((HONEST, free_tcp_port()));
        let child = Command::new("sh")
            .args(["-c", &format!("{before}; exec \"$0\" \"$@\"")])
            .arg(binary("rookery"))
            .arg("matchmaker")
            .args(["--listen", &address.to_string(), "--store", &redis.url()])
            .arg("--signing-key")
            .arg(key)
            .args(more)
            .stderr(std::fs::File::create(&log).unwrap())
            .spawn()
            .unwrap();
        let crowded = Self {
            address,
            child,
            log,
            _redis: redis,
            _directory: directory,
        };
        let end = Instant::now() + PATIENCE;
        while crowded.ask(HONEST, "GET /readyz HTTP/1.1\r\nHost: h\r\n\r\n") != 200 {
            assert!(Instant::now() < end, "{}", crowded.log());
            std::thread::sleep(Duration::from_millis(20));
        }
        crowded
    }

    fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap()
    }

    /// A connection from an address of the loopback; `None` if it is refused.
    fn connect(&self, from: [u8; 4]) -> Option<TcpStream> {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        socket
            .bind(&SocketAddr::from((IpAddr::from(from), 0)).into())
            .unwrap();
        socket
            .connect_timeout(&self.address.into(), PATIENCE)
            .ok()?;
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        Some(socket.into())
    }

    /// The status of what a request on a new connection is answered; 0 if it is closed.
    fn ask(&self, from: [u8; 4], request: &str) -> u16 {
        self.connect(from)
            .map_or(0, |mut stream| ask_on(&mut stream, request))
    }
}

impl Drop for Crowded {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The status of the next answer on a connection; 0 if it is closed before.
fn ask_on(stream: &mut TcpStream, request: &str) -> u16 {
    // The peer may have closed it.
    let _ = stream.write_all(request.as_bytes());
    let mut line = [0; 12];
    match stream.read_exact(&mut line) {
        Ok(()) => std::str::from_utf8(&line[9..]).unwrap().parse().unwrap(),
        Err(error) if error.kind() == ErrorKind::WouldBlock => panic!("no answer"),
        Err(_) => 0,
    }
}

/// 10,200 slow bodies from one address shut a matchmaker out: 74 of 76 honest requests got 503.
#[test]
fn slow_bodies_of_one_address_keep_nobody_out_and_are_closed() {
    // More bodies than requests may be under way, and more connections than one address may have.
    let limits = [
        "--requests-max",
        "50",
        "--connections-per-address-max",
        "300",
    ];
    let crowded = Crowded::start(":", &limits);
    let attacker = [127, 0, 0, 2];
    let mut slow = Vec::new();
    for _ in 0..400 {
        let Some(mut stream) = crowded.connect(attacker) else {
            continue;
        };
        if stream.write_all(SLOW.as_bytes()).is_ok() {
            slow.push(stream);
        }
    }
    for _ in 0..76 {
        assert_eq!(crowded.ask(HONEST, GUEST), 200, "{}", crowded.log());
    }
    let answers: Vec<u16> = slow.iter_mut().map(|stream| ask_on(stream, "")).collect();
    let count = |status| answers.iter().filter(|&&answer| answer == status).count();
    assert!(count(408) >= 300, "too slow: {answers:?}");
    assert_eq!(
        count(0) + count(408) + count(503),
        answers.len(),
        "{answers:?}"
    );
    assert_eq!(
        crowded.ask(attacker, GUEST),
        200,
        "its places are free again"
    );
}

/// 1,100 idle connections at a soft limit of 1,024 open files: nobody was answered, probes neither.
#[test]
fn with_few_open_files_fewer_connections_are_served_and_probes_are_answered() {
    let crowded = Crowded::start("ulimit -n 128", &[]);
    let mut idle = Vec::new();
    for address in 2..=12 {
        for _ in 0..30 {
            idle.extend(crowded.connect([127, 0, 0, address]));
        }
    }
    // They are all taken in, so that what comes next comes after them.
    assert_eq!(crowded.ask(HONEST, LIVEZ), 200, "{}", crowded.log());
    assert_eq!(crowded.ask(HONEST, GUEST), 503, "and nothing else is");
    let log = crowded.log();
    assert!(log.contains("fewer connections are served"), "{log}");
    assert!(log.contains("ulimit -n"), "{log}");
    assert!(
        !log.contains("could not be accepted"),
        "it never ran out: {log}"
    );
    drop(idle);
    let end = Instant::now() + PATIENCE;
    while crowded.ask(HONEST, GUEST) != 200 {
        assert!(Instant::now() < end, "{}", crowded.log());
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// The soft and the hard limit of open files of a process.
fn open_files(process: u32) -> Option<(String, String)> {
    let limits = std::fs::read_to_string(format!("/proc/{process}/limits")).ok()?;
    let line = limits
        .lines()
        .find(|line| line.starts_with("Max open files"))?;
    let mut words = line.split_whitespace().skip(3).map(str::to_owned);
    Some((words.next()?, words.next()?))
}

#[test]
fn every_program_raises_its_limit_of_open_files() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name).display().to_string();
    let (key, pem) = SigningKey::generate().unwrap();
    std::fs::write(path("key.pem"), pem).unwrap();
    std::fs::write(path("public.pem"), key.verifying_key().to_pem()).unwrap();
    // Nothing answers there: they wait for it.
    let nowhere = format!("redis://127.0.0.1:{}", free_tcp_port());
    let url = format!("http://127.0.0.1:{}", free_tcp_port());
    let (key, public, data) = (path("key.pem"), path("public.pem"), path("data"));
    let matchmaker = [
        "--listen",
        "127.0.0.1:0",
        "--store",
        &nowhere,
        "--signing-key",
        &key,
    ];
    let shard = [
        "--listen",
        "127.0.0.1:0",
        "--store",
        &nowhere,
        "--matchmaker-key",
        &public,
    ];
    let dev = [
        "--data-dir",
        &data,
        "--matchmaker-port",
        "0",
        "--shard-port",
        "0",
    ];
    let programs: [(&str, &[&str], &[&str]); 4] = [
        ("rookery", &["matchmaker"], &matchmaker),
        ("rookery", &["shard"], &shard),
        ("rookery", &["dev"], &dev),
        ("bot-client", &["bot"], &["--matchmaker", &url]),
    ];
    for (program, command, arguments) in programs {
        let mut child = Command::new("sh")
            .args(["-c", "ulimit -Sn 64; exec \"$0\" \"$@\""])
            .arg(binary(program))
            .args(command)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let end = Instant::now() + PATIENCE;
        let is_raised = || open_files(child.id()).is_some_and(|(soft, hard)| soft == hard);
        while !is_raised() && Instant::now() < end {
            std::thread::sleep(Duration::from_millis(5));
        }
        let (raised, limits) = (is_raised(), open_files(child.id()));
        let _ = child.kill();
        let _ = child.wait();
        assert!(raised, "{program} {command:?}: {limits:?}");
    }
}

/// Makes guests until the address has none left to make.
fn use_up_guests(server: &Server) {
    let address = server.ready.matchmaker.strip_prefix("http://").unwrap();
    for _ in 0..1_000 {
        let mut stream = TcpStream::connect(address).unwrap();
        match ask_on(&mut stream, GUEST) {
            200 => {}
            429 => return,
            status => panic!("status {status}"),
        }
    }
    panic!("there is no limit");
}

/// A server with the default limits but one, also for this machine: a proxy stands before it.
fn server_with_guests(max: &str) -> Server {
    let server = Server::start(&[
        "--trusted-proxy",
        "192.0.2.1",
        "--guests-per-address-max",
        max,
    ]);
    use_up_guests(&server);
    server
}

fn replay(server: &Server, more: &[&str]) -> std::process::Output {
    let games = tests::games_file();
    let mut args = vec!["replay", "--matchmaker", &server.ready.matchmaker];
    args.extend(["--pgn", games.to_str().unwrap(), "--json"]);
    args.extend(more);
    process::run("bot-client", &args, Duration::from_secs(120))
}

#[test]
fn a_replay_goes_on_at_the_pace_that_the_matchmaker_allows() {
    let output = replay(&server_with_guests("300"), &["--limit", "3"]);
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success(),
        "{said} {}",
        String::from_utf8_lossy(&output.stderr)
    );
    let report: serde_json::Value = serde_json::from_str(&said).unwrap();
    assert_eq!(
        (&report["games"], &report["errors"]),
        (&3.into(), &0.into()),
        "{said}"
    );
}

#[test]
fn a_replay_that_may_not_go_on_names_the_exemption() {
    let output = replay(
        &server_with_guests("1"),
        &["--limit", "1", "--patience", "2"],
    );
    assert_eq!(output.status.code(), Some(2));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        said.contains("rate_limited") && said.contains("--limit-exempt"),
        "{said}"
    );
}
