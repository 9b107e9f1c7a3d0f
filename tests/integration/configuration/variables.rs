//! Variables of the environment, and the options of the log.

use super::*;

#[test]
fn a_misspelt_variable_is_refused_and_an_unknown_one_warned_about() {
    let desk = Desk::new();
    let signing = desk.path("signing.pem");
    let matchmaker = ["--signing-key", &signing, "--store", NOWHERE];
    let check = [&["check", "matchmaker"], &matchmaker[..]].concat();
    let start = [&["matchmaker"], &matchmaker[..]].concat();
    for words in [&check, &start] {
        let (code, said) = run("rookery", words, &[("ROOKERY_PRODUCTON", "true")]);
        assert_eq!(code, Some(2), "{said}");
        assert!(
            said.contains("ROOKERY_PRODUCTON") && said.contains("ROOKERY_PRODUCTION"),
            "{said}"
        );
    }
    let environment = [
        ("ROOKERY_SEATS_OF_A_SIMULTANEOUS_DISPLAY", "40"),
        // Of other programs, and of a Service of Kubernetes.
        ("ROOKERY_PATIENCE", "3"),
        ("ROOKERY_MATCHMAKER_PORT_7000_TCP", "tcp://10.0.0.1:7000"),
    ];
    let (code, said) = run("rookery", &check, &environment);
    assert_eq!(code, Some(0), "{said}");
    let warned = said
        .lines()
        .filter(|line| line.contains("which nothing reads"));
    let warned: Vec<&str> = warned.collect();
    assert_eq!(warned.len(), 1, "{said}");
    assert!(
        warned[0].contains("ROOKERY_SEATS_OF_A_SIMULTANEOUS_DISPLAY"),
        "{said}"
    );
    // A program that starts logs it.
    let words = ["--listen", "127.0.0.1:0", "--production"];
    let data = desk.path("data");
    let dev = ["dev", "--data-dir", &data, "--shard-port", "65535"];
    let environment = [environment[0], ("RUST_LOG", "warn")];
    let (_, said) = run("rookery", &dev, &environment);
    assert!(
        said.contains("ROOKERY_SEATS_OF_A_SIMULTANEOUS_DISPLAY"),
        "{said}"
    );
    let flush_late = RedisServer::start_with(&["--appendfsync", "everysec"]);
    let url = flush_late.url();
    let started = ["matchmaker", "--signing-key", &signing, "--store", &url];
    let (code, said) = run("rookery", &[&started, &words[..]].concat(), &environment);
    assert_eq!(code, Some(1), "{said}");
    assert!(
        said.contains("ROOKERY_SEATS_OF_A_SIMULTANEOUS_DISPLAY"),
        "{said}"
    );
}

#[test]
fn every_variable_that_a_program_reads_is_known_to_all() {
    let helps: [(&str, &[&str]); 9] = [
        ("rookery", &["dev"]),
        ("rookery", &["shard"]),
        ("rookery", &["matchmaker"]),
        ("rookery", &["healthcheck"]),
        ("bot-client", &["play"]),
        ("bot-client", &["bot"]),
        ("bot-client", &["replay"]),
        ("bot-client", &["soak"]),
        ("bot-client", &["bench"]),
    ];
    let mut read = 0;
    for (program, words) in helps {
        let (code, said) = run(program, &[words, &["--help"]].concat(), &[]);
        assert_eq!(code, Some(0), "{said}");
        for named in said.split("[env: ").skip(1) {
            let name = named.split(['=', ']']).next().unwrap();
            read += 1;
            let is_known = settings::VARIABLES.contains(&name) || !name.starts_with("ROOKERY_");
            assert!(
                is_known,
                "{program} {words:?} reads {name}: settings::VARIABLES lacks it"
            );
        }
    }
    assert!(read > 40, "{read}");
}

/// The log lines in what a program said.
fn json_lines(said: &str) -> Vec<serde_json::Value> {
    let lines = said.lines().filter(|line| line.starts_with('{'));
    lines
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[test]
fn every_program_has_the_same_options_of_the_log() {
    let desk = Desk::new();
    let (signing, public) = (desk.path("signing.pem"), desk.path("public.pem"));
    let store = ["--store", NOWHERE, "--store-wait", "0"];
    let listen = ["--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"];
    let shard = [&["shard", "--matchmaker-key", &public], &store[..], &listen].concat();
    let matchmaker = [&["--signing-key", &signing], &store[..], &listen].concat();
    let of_rookery = [&["matchmaker"], &matchmaker[..]].concat();
    let bot = [
        "bot",
        "--patience",
        "1",
        "--matchmaker",
        "http://127.0.0.1:1",
    ];
    for (program, words) in [
        ("rookery", &shard[..]),
        ("rookery", &of_rookery),
        ("bot-client", &bot),
    ] {
        let with = |more: &[&str], variables: &[(&str, &str)]| {
            let (code, said) = run(program, &[words, more].concat(), variables);
            assert_ne!(code, Some(0), "there is no server and no store: {said}");
            said
        };
        let json = ["--log-format", "json"];
        let said = with(&[&json[..], &["--log", "debug"]].concat(), &[]);
        let lines = json_lines(&said);
        assert!(!lines.is_empty(), "{program} {words:?}: {said}");
        for line in lines {
            let is_text = |key: &str| line[key].is_string();
            assert!(
                ["timestamp", "level", "target"].into_iter().all(is_text),
                "{line}"
            );
            assert!(line["fields"].is_object(), "{line}");
        }
        // RUST_LOG is the filter where no option is, and an option comes before it.
        let debug = [("RUST_LOG", "debug"), ("ROOKERY_LOG_FORMAT", "json")];
        assert!(!json_lines(&with(&[], &debug)).is_empty(), "{program}");
        let silent = with(&["--log", "off"], &debug);
        assert!(json_lines(&silent).is_empty(), "{program}: {silent}");
        let silent = with(&json, &[("RUST_LOG", "off")]);
        assert!(json_lines(&silent).is_empty(), "{program}: {silent}");
        let refused = with(&["--log", "info,=x="], &[]);
        assert!(refused.contains("--log"), "{program}: {refused}");
        assert!(refused.contains("levels by module"), "{program}: {refused}");
    }
}
