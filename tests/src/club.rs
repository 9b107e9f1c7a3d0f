//! `rookery serve` as a process of its own.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use supervisor::{Place, START_MAX, Signal, StartError};
use tempfile::TempDir;

use crate::process::{Ready, binary, free_tcp_port, run};

/// For a command about a small store.
const COMMAND_WITHIN: Duration = Duration::from_secs(90);

/// A club on a data directory of its own.
#[derive(Debug)]
pub struct Club {
    place: Place,
    directory: TempDir,
    args: Vec<String>,
    /// Where it answers.
    pub ready: Ready,
}

impl Club {
    /// Starts a club at a free port of this machine, with more arguments, in which DIR is the directory of the test.
    ///
    /// # Panics
    ///
    /// If it does not answer in time.
    #[must_use]
    pub fn start(directory: TempDir, args: &[&str]) -> Self {
        // Another process may take a port between the look and the start.
        let mut last = String::new();
        for _ in 0..3 {
            let listen = format!("127.0.0.1:{}", free_tcp_port());
            let shard_port = supervisor::free_udp_ports(1)
                .expect("a free port")
                .to_string();
            let own = ["--listen", &listen, "--shard-port", &shard_port];
            let more = ["--admin-listen", "127.0.0.1:0"];
            let all = own.iter().chain(&more).chain(args);
            let args: Vec<String> = all.map(|&arg| arg.to_owned()).collect();
            let log = directory.path().join("log");
            let place = Place::with_log("rookery serve".to_owned(), log);
            match launch(&place, &directory, &args) {
                Ok(ready) => {
                    return Self {
                        place,
                        directory,
                        args,
                        ready,
                    };
                }
                Err(error) => last = error.to_string(),
            }
        }
        panic!("the club does not start: {last}");
    }

    /// Starts it again, on the same data and ports.
    ///
    /// # Panics
    ///
    /// If it does not answer in time.
    pub fn restart(&mut self) {
        self.ready = launch(&self.place, &self.directory, &self.args)
            .unwrap_or_else(|error| panic!("the club does not start again: {error}"));
    }

    /// Where its data is.
    #[must_use]
    pub fn data(&self) -> PathBuf {
        self.directory.path().join("data")
    }

    /// A file beside its data.
    #[must_use]
    pub fn path(&self, name: &str) -> String {
        self.directory.path().join(name).display().to_string()
    }

    /// Its process id, while it runs.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        self.place.pid()
    }

    /// Sends it a signal.
    ///
    /// # Panics
    ///
    /// If it does not run.
    pub fn signal(&self, signal: Signal) {
        assert!(self.pid().is_some(), "the club runs");
        self.place.signal(signal).expect("a child can be signalled");
    }

    /// Ends it with SIGKILL.
    pub fn kill(&self) {
        self.place.kill();
    }

    /// Waits for it to end by itself, and says whether it ended well.
    ///
    /// # Panics
    ///
    /// If it goes on.
    #[must_use]
    pub fn ends_well(&self) -> bool {
        let status = self.place.wait_ended(COMMAND_WITHIN);
        status.expect("the club ends").success()
    }

    /// What it has logged so far.
    #[must_use]
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.place.log()).unwrap_or_default()
    }

    /// Runs `rookery COMMAND FILE --data-dir …` with more arguments to its end.
    #[must_use]
    pub fn command(&self, command: &str, file: &str, more: &[&str]) -> Output {
        let data = self.data().display().to_string();
        let args = [command, file, "--data-dir", &data];
        run("rookery", &[&args[..], more].concat(), COMMAND_WITHIN)
    }
}

impl Drop for Club {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("the club's log:\n{}", self.log());
        }
    }
}

fn launch(place: &Place, directory: &TempDir, args: &[String]) -> Result<Ready, StartError> {
    let ready_file = directory.path().join("ready.json");
    place.kill();
    let _ = std::fs::remove_file(&ready_file);
    let mut command = Command::new(binary("rookery"));
    command.arg("serve").arg("--data-dir");
    command.arg(directory.path().join("data"));
    command.arg("--ready-file").arg(&ready_file).args(args);
    place.start(&mut command)?;
    place.wait_ready(&ready_file, START_MAX)
}

/// Writes an authority into `ca.pem`, and a certificate of it for names and addresses into `own.pem` and `own.key`;
/// returns the certificate in DER.
///
/// # Panics
///
/// If a file cannot be written.
#[must_use]
pub fn write_certificate(directory: &Path, names: &[&str]) -> Vec<u8> {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().expect("a key");
    let authority = params.self_signed(&key).expect("a certificate");
    let issuer = Issuer::new(params, key);
    let key = KeyPair::generate().expect("a key");
    let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
    let params = CertificateParams::new(names).expect("names");
    let own = params.signed_by(&key, &issuer).expect("a certificate");
    let write = |name: &str, pem: String| {
        std::fs::write(directory.join(name), pem).expect("a file can be written");
    };
    write("ca.pem", authority.pem());
    write("own.key", key.serialize_pem());
    write("own.pem", own.pem());
    own.der().to_vec()
}
