//! Variables of the environment that look like ours and that nothing reads.

use std::collections::BTreeSet;
use std::ffi::OsString;

use clap::Command;

/// Prefix of the names of all our variables.
const PREFIX: &str = "ROOKERY_";
/// Upper bound on the edits between a misspelt name and the one that was meant.
const SLIP_MAX: usize = 2;

/// Every variable that a program of this installation, or a file in `deploy/`, reads: one environment may serve
/// all of them.
pub const VARIABLES: &[&str] = &[
    "ROOKERY_ADMIN_ADDRESS",
    "ROOKERY_ADMIN_LISTEN",
    "ROOKERY_ADMIN_TLS_CA",
    "ROOKERY_ADMIN_TLS_CERT",
    "ROOKERY_ADMIN_TLS_KEY",
    "ROOKERY_ADMIN_TOKEN_FILE",
    "ROOKERY_ARCHIVE",
    "ROOKERY_ARCHIVE_READS_PER_ADDRESS_MAX",
    "ROOKERY_ASCII",
    "ROOKERY_CA",
    "ROOKERY_CAPACITY",
    "ROOKERY_CERTIFICATE",
    "ROOKERY_CERTIFICATE_KEY",
    "ROOKERY_CHALLENGES_PER_PLAYER_MAX",
    "ROOKERY_CONFIG",
    "ROOKERY_CONNECTIONS_MAX",
    "ROOKERY_CONNECTIONS_PER_ADDRESS_MAX",
    "ROOKERY_CPU_SHARE",
    "ROOKERY_CREATIONS_PER_ADDRESS_MAX",
    "ROOKERY_DATA_DIR",
    "ROOKERY_DRAIN_WITHIN",
    "ROOKERY_FINISHED_KEEP",
    "ROOKERY_GATEWAY_LISTEN",
    "ROOKERY_GRACE_SECONDS",
    "ROOKERY_GUESTS",
    "ROOKERY_GUESTS_PER_ADDRESS_MAX",
    "ROOKERY_HOST",
    "ROOKERY_LIMIT_EXEMPT",
    "ROOKERY_LISTEN",
    "ROOKERY_LIVENESS_ADDRESS",
    "ROOKERY_LIVENESS_LISTEN",
    "ROOKERY_LIVE_KEEP",
    "ROOKERY_LOG",
    "ROOKERY_LOGINS_PER_ADDRESS_MAX",
    "ROOKERY_LOG_FORMAT",
    "ROOKERY_MATCHES_PER_PLAYER_MAX",
    "ROOKERY_MATCHMAKER",
    "ROOKERY_MATCHMAKER_KEY",
    "ROOKERY_MATCHMAKER_PORT",
    "ROOKERY_OIDC_AUDIENCE",
    "ROOKERY_OIDC_ISSUER",
    "ROOKERY_ORIGINS",
    "ROOKERY_OTLP_ENDPOINT",
    "ROOKERY_OTLP_SAMPLE",
    "ROOKERY_PAGE",
    "ROOKERY_PAGE_CONNECT",
    "ROOKERY_PATIENCE",
    "ROOKERY_PINNED_CERTIFICATE",
    "ROOKERY_PLAIN_HTTP",
    "ROOKERY_PLAYER_TOKEN",
    "ROOKERY_PLAYER_TOKEN_DAYS",
    "ROOKERY_POOLS",
    "ROOKERY_PRODUCTION",
    "ROOKERY_PUBLIC_ADDRESS",
    "ROOKERY_PUBLIC_IP",
    "ROOKERY_PUBLIC_NAME",
    "ROOKERY_READY_FILE",
    "ROOKERY_REQUESTS_MAX",
    "ROOKERY_REQUESTS_PER_ADDRESS_MAX",
    "ROOKERY_REQUESTS_PER_PLAYER_MAX",
    "ROOKERY_RESET_SECRET",
    "ROOKERY_SEAT_TOKEN_SECONDS",
    "ROOKERY_SHARDS",
    "ROOKERY_SHARD_LISTEN",
    "ROOKERY_SHARD_PORT",
    "ROOKERY_SIGNING_KEY",
    "ROOKERY_SIGN_UP",
    "ROOKERY_SITE",
    "ROOKERY_STORE",
    "ROOKERY_STORE_DURABILITY",
    "ROOKERY_STORE_PASSWORD",
    "ROOKERY_STORE_PASSWORD_FILE",
    "ROOKERY_STORE_PREFIX",
    "ROOKERY_STORE_REPLICAS",
    "ROOKERY_STORE_SENTINEL_PASSWORD",
    "ROOKERY_STORE_SENTINEL_PASSWORD_FILE",
    "ROOKERY_STORE_SENTINEL_USER",
    "ROOKERY_STORE_TLS_CA",
    "ROOKERY_STORE_TLS_CERT",
    "ROOKERY_STORE_TLS_KEY",
    "ROOKERY_STORE_TLS_SERVER_NAME",
    "ROOKERY_STORE_USER",
    "ROOKERY_STORE_WAIT",
    "ROOKERY_TICKETS_PER_PLAYER_MAX",
    "ROOKERY_TRUSTED_PROXY",
    "ROOKERY_USER",
    "ROOKERY_WAVE_SECONDS_MAX",
    "ROOKERY_WEBHOOK",
    "ROOKERY_WEBHOOK_SECRET_FILE",
    "ROOKERY_WEB_LISTEN",
    "ROOKERY_WEB_SOCKET_URL",
];

/// A variable with our prefix that no program reads.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UnknownVariable {
    /// It is nearly one that is read, and would be ignored silently.
    #[error("the environment has {name}, which nothing reads: {meant} is meant")]
    Misspelt {
        /// Its name.
        name: String,
        /// The name that was meant.
        meant: String,
    },
    /// It resembles none; it may be of another version.
    #[error(
        "the environment has {name}, which nothing reads; the nearest that is read is {nearest}"
    )]
    Unread {
        /// Its name.
        name: String,
        /// The nearest name that is read.
        nearest: String,
    },
}

/// The unknown variables of an environment, for a program with these commands.
pub(crate) fn unknown(
    root: &Command,
    environment: impl Iterator<Item = (OsString, OsString)>,
) -> Vec<UnknownVariable> {
    let mut known: BTreeSet<String> = VARIABLES.iter().map(ToString::to_string).collect();
    add(&mut known, root);
    let mut unknown: Vec<UnknownVariable> = environment
        .filter_map(|(name, value)| {
            let name = name.into_string().ok()?;
            let is_ours = name.starts_with(PREFIX) && !known.contains(&name);
            (is_ours && !is_foreign(&name, &value)).then(|| judge(name, &known))
        })
        .flatten()
        .collect();
    unknown.sort_by_key(ToString::to_string);
    unknown
}

/// The variables of a command and of all below it.
fn add(known: &mut BTreeSet<String>, command: &Command) {
    let variables = command.get_arguments().filter_map(clap::Arg::get_env);
    known.extend(variables.filter_map(|name| name.to_str().map(str::to_owned)));
    for inner in command.get_subcommands() {
        add(known, inner);
    }
}

/// Whether a variable is one that Kubernetes sets in every container for a service such as `rookery-matchmaker`,
/// or one for tests.
fn is_foreign(name: &str, value: &OsString) -> bool {
    let is_address = value.to_str().is_some_and(|value| value.contains("://"));
    let is_of_a_service = name.ends_with("_SERVICE_HOST")
        || name.ends_with("_SERVICE_PORT")
        || name.contains("_SERVICE_PORT_")
        || name.contains("_TCP_")
        || name.contains("_UDP_")
        || (is_address
            && (name.ends_with("_TCP") || name.ends_with("_UDP") || name.ends_with("_PORT")));
    is_of_a_service || name.starts_with("ROOKERY_TEST_")
}

fn judge(name: String, known: &BTreeSet<String>) -> Option<UnknownVariable> {
    let distance = |known: &&String| strsim::osa_distance(&name, known);
    let nearest = known.iter().min_by_key(distance)?;
    let (slips, nearest) = (distance(&nearest), nearest.clone());
    Some(if slips <= SLIP_MAX {
        UnknownVariable::Misspelt {
            name,
            meant: nearest,
        }
    } else {
        UnknownVariable::Unread { name, nearest }
    })
}

#[cfg(test)]
mod tests {
    use clap::Arg;

    use super::*;

    fn found(variables: &[(&str, &str)]) -> Vec<String> {
        let command = Command::new("program")
            .subcommand(Command::new("serve").arg(Arg::new("own").env("ROOKERY_OF_ITS_OWN")));
        let variables = variables.iter();
        let variables = variables.map(|(name, value)| (name.into(), value.into()));
        let unknown = unknown(&command, variables);
        unknown.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_slip_is_told_from_what_is_of_another_version() {
        let said = found(&[
            ("ROOKERY_PRODUCTON", "true"),
            ("ROOKERY_PRODCUTION", "true"),
            ("ROOKERY_OF_ITS_ON", "1"),
            ("ROOKERY_CONNECTIONS_PER_PLAYER_AND_DAY", "1"),
        ]);
        assert_eq!(said.len(), 4, "{said:?}");
        assert!(said[0].contains("ROOKERY_CONNECTIONS_PER_PLAYER_AND_DAY"));
        assert!(
            said[0].contains("the nearest that is read is ROOKERY_CONNECTIONS_PER_ADDRESS_MAX")
        );
        assert!(said[1].ends_with("ROOKERY_OF_ITS_OWN is meant"), "{said:?}");
        assert!(said[2].ends_with("ROOKERY_PRODUCTION is meant"), "{said:?}");
        assert!(said[3].ends_with("ROOKERY_PRODUCTION is meant"), "{said:?}");
    }

    #[test]
    fn what_is_read_by_any_program_or_made_by_others_is_passed_over() {
        let said = found(&[
            ("PATH", "/bin"),
            ("ROOKERY_STORE", "redis://h"),
            ("ROOKERY_OF_ITS_OWN", "1"),
            ("ROOKERY_PATIENCE", "1"),
            // A Service of Kubernetes that is named rookery-matchmaker, and one named rookery-store.
            ("ROOKERY_MATCHMAKER_SERVICE_HOST", "10.0.0.1"),
            ("ROOKERY_MATCHMAKER_SERVICE_PORT", "7000"),
            ("ROOKERY_MATCHMAKER_SERVICE_PORT_HTTP", "7000"),
            ("ROOKERY_STORE_PORT", "tcp://10.0.0.1:6379"),
            ("ROOKERY_MATCHMAKER_PORT_7000_TCP", "tcp://10.0.0.1:7000"),
            ("ROOKERY_MATCHMAKER_PORT_7000_TCP_ADDR", "10.0.0.1"),
        ]);
        assert!(said.is_empty(), "{said:?}");
    }
}
