//! Machines on one machine: network namespaces, joined by a bridge, each of which can be cut off.
//!
//! A test runs its own program again in namespaces of its own, so that nothing of it is seen outside, and all of it goes
//! with the process.

use std::net::Ipv4Addr;
use std::path::Path;
use std::process::{Command, Stdio};

/// Set in the program that runs inside.
const INSIDE: &str = "ROOKERY_TEST_INSIDE";
/// Joins the machines with the one that the test itself is on.
const SETUP: &str = "set -e
mount -t tmpfs none /run
ip link set lo up
for net in store players; do ip link add $net type bridge; ip link set $net up; done
ip addr add 10.88.0.1/24 dev store
ip addr add 10.89.0.1/24 dev players";
/// Adds one machine with its two cables.
const MACHINE: &str = "set -e
ip netns add m$1
ip netns exec m$1 ip link set lo up
for net in store players; do
    ip link add $net$1 type veth peer name $net netns m$1
    ip link set $net$1 master $net up
    ip netns exec m$1 ip link set $net up
done
ip netns exec m$1 ip addr add 10.88.0.$((10 + $1))/24 dev store
ip netns exec m$1 ip addr add 10.89.0.$((10 + $1))/24 dev players";

/// One end of the network of the machines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Net {
    /// To the store, and between machines.
    Store,
    /// To the players.
    Players,
}

impl Net {
    const fn name(self) -> &'static str {
        match self {
            Self::Store => "store",
            Self::Players => "players",
        }
    }

    const fn third(self) -> u8 {
        match self {
            Self::Store => 88,
            Self::Players => 89,
        }
    }

    /// The address of the machine that the test itself is on.
    #[must_use]
    pub const fn own_address(self) -> Ipv4Addr {
        Ipv4Addr::new(10, self.third(), 0, 1)
    }
}

/// How namespaces are made here: as root, or as somebody who becomes root of namespaces of its own.
fn unshare() -> Result<Command, String> {
    let mut why = String::new();
    for rights in [&[][..], &["--user", "--map-root-user"]] {
        let command = || {
            let mut command = Command::new("unshare");
            command.args(rights).args(["--net", "--mount", "--"]);
            command
        };
        let tried = command()
            .args(["sh", "-c", SETUP])
            .stdin(Stdio::null())
            .output();
        match tried {
            Ok(output) if output.status.success() => return Ok(command()),
            Ok(output) => why = String::from_utf8_lossy(&output.stderr).trim().to_owned(),
            Err(error) => why = format!("unshare: {error}"),
        }
    }
    Err(why)
}

/// Runs a test of this program in namespaces of its own; whether this is the program inside, which is to go on. Where
/// this machine lacks the right, that is said on the terminal, whatever captures the test's output, and the test ends.
///
/// # Panics
///
/// If the test fails inside.
#[must_use]
pub fn is_inside(test: &str) -> bool {
    if std::env::var_os(INSIDE).is_some() {
        shell(SETUP, "");
        return true;
    }
    match unshare() {
        Ok(mut command) => {
            let this = std::env::current_exe().expect("a program has a path");
            command.arg(this).args(["--exact", test, "--nocapture"]);
            let status = command.env(INSIDE, "1").stdin(Stdio::null()).status();
            assert!(
                status.is_ok_and(|status| status.success()),
                "{test} fails inside"
            );
        }
        Err(why) => program::complain!(
            "NOT TESTED: {test}: this machine gives no right to make network namespaces ({why}); \
             docs/faults.md has figures of a run by hand"
        ),
    }
    false
}

/// A machine.
#[derive(Debug)]
pub struct Machine(u8);

impl Machine {
    /// Adds a machine of a number from 1.
    ///
    /// # Panics
    ///
    /// If that fails.
    #[must_use]
    pub fn add(number: u8) -> Self {
        shell(MACHINE, &number.to_string());
        Self(number)
    }

    /// Its address.
    #[must_use]
    pub const fn address(&self, net: Net) -> Ipv4Addr {
        Ipv4Addr::new(10, net.third(), 0, 10 + self.0)
    }

    /// A command that starts a program on it; the process is the program's.
    #[must_use]
    pub fn command(&self, program: &Path) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &format!("m{}", self.0)]);
        command.arg(program);
        command
    }

    /// Pulls the cable to a network, or puts it in again. Nobody is told: what is sent vanishes.
    ///
    /// # Panics
    ///
    /// If that fails.
    pub fn connect(&self, net: Net, is_connected: bool) {
        let state = if is_connected { "up" } else { "down" };
        let cable = format!("{}{}", net.name(), self.0);
        let set = Command::new("ip")
            .args(["link", "set", &cable, state])
            .status();
        assert!(set.is_ok_and(|status| status.success()), "{cable} {state}");
    }
}

fn shell(script: &str, argument: &str) {
    let mut command = Command::new("sh");
    command.args(["-c", script, "sh", argument]);
    let status = command.stdin(Stdio::null()).status();
    assert!(status.is_ok_and(|status| status.success()), "{script}");
}
