//! A configuration that is checked, and mistakes in files, certificates and addresses.

use super::*;

#[test]
fn a_check_says_what_is_in_force_and_where_it_comes_from() {
    let desk = Desk::new();
    let public = desk.path("public.pem");
    let text = format!(
        "store = \"{NOWHERE}\"\nmatchmaker_key = \"{public}\"\nlisten = \"127.0.0.1:7101\"\n\
         capacity = 5\nlog_format = \"json\"\notlp_sample = 0.5"
    );
    let config = desk.file("shard.toml", &text);
    let words = ["check", "shard", "--capacity", "6"];
    let environment = [
        ("ROOKERY_CONFIG", config.as_str()),
        ("ROOKERY_LISTEN", "127.0.0.1:7102"),
        ("ROOKERY_OTLP_ENDPOINT", "http://127.0.0.1:4318"),
    ];
    let (code, said) = run("rookery", &words, &environment);
    assert_eq!(code, Some(0), "{said}");
    for line in [
        "store = \"redis://…@127.0.0.1:1\"  # file",
        "listen = \"127.0.0.1:7102\"  # environment ROOKERY_LISTEN",
        "capacity = 6  # flag",
        "store_wait = 30  # default",
        "log_format = \"json\"  # file",
        "# reset_secret is not set",
        "otlp_endpoint = \"http://127.0.0.1:4318\"  # environment ROOKERY_OTLP_ENDPOINT",
        "otlp_sample = 0.5  # file",
        "production = false  # default",
    ] {
        assert!(said.lines().any(|said| said == line), "{line}: {said}");
    }

    let signing = desk.path("signing.pem");
    let config = desk.file("matchmaker.toml", &format!("signing_key = \"{signing}\"\n"));
    let words = [
        "check",
        "matchmaker",
        "--store",
        NOWHERE,
        "--config",
        &config,
    ];
    let (code, said) = run("rookery", &words, &[]);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("player_token_days = 30  # default"), "{said}");

    let data = desk.path("not-made");
    let (code, said) = run("rookery", &["check", "dev", "--data-dir", &data], &[]);
    assert_eq!(code, Some(0), "{said}");
    assert!(!PathBuf::from(data).exists());
}

#[test]
fn a_mistake_in_a_file_is_named_by_every_command_that_reads_it() {
    let desk = Desk::new();
    for (text, parts) in [
        ("listne = \"127.0.0.1:1\"", ["\"listne\"", "listen"]),
        (
            "admin_listen = \"everywhere\"",
            ["admin_listen", "everywhere"],
        ),
        ("production = 1", ["production", "true or false"]),
        (
            "store = \"rediss://me:secret@h:x\"",
            ["rediss://…@h:x", "host[:port]"],
        ),
        ("otlp_sample = 1.5", ["otlp_sample", "from 0 to 1"]),
        (
            "otlp_endpoint = \"https://me:secret@h\"",
            ["https://…@h", "http://HOST:PORT"],
        ),
        (
            "store_wait = 18446744073709551615",
            ["is not TOML", "store_wait"],
        ),
    ] {
        let config = desk.file("wrong.toml", text);
        let key = desk.path("public.pem");
        for words in [
            &["shard", "--matchmaker-key", &key][..],
            &["check", "shard", "--matchmaker-key", &key],
            &["dev"],
            &[],
        ] {
            let (code, said) = run("rookery", words, &[("ROOKERY_CONFIG", &config)]);
            assert_eq!(code, Some(2), "{said}");
            for part in parts {
                assert!(said.contains(part), "{words:?}: {text}: {said}");
            }
        }
    }
    let config = desk.file("wrong.toml", "seat_token_seconds = 1");
    let words = ["matchmaker", "--config", &config];
    let (code, said) = run("rookery", &words, &[]);
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("30..=3600"), "{said}");
}

/// Whoever reads a ticket creates its match if it is missing: no match goes before its ticket.
#[test]
fn a_finished_match_cannot_be_kept_for_less_than_a_ticket_lives() {
    let desk = Desk::new();
    let key = desk.path("public.pem");
    let shard = [
        "check",
        "shard",
        "--store",
        NOWHERE,
        "--matchmaker-key",
        &key,
        "--public-address",
        "127.0.0.1:7100",
    ];
    let config = desk.file("keep.toml", "finished_keep = 3");
    let short = desk.file("short.toml", "finished_keep = 0");
    for (more, environment, code, expected) in [
        (&[][..], None, 0, "finished_keep = 2  # default"),
        (
            &["--finished-keep", "7"],
            None,
            0,
            "finished_keep = 7  # flag",
        ),
        (
            &[],
            Some(("ROOKERY_FINISHED_KEEP", "5")),
            0,
            "finished_keep = 5  # environment ROOKERY_FINISHED_KEEP",
        ),
        (&["--config", &config], None, 0, "finished_keep = 3  # file"),
        (&["--finished-keep", "0"], None, 2, "0 is not in 1..=366"),
        (&["--config", &short], None, 2, "0 is not in 1..=366"),
        (
            &["--finished-keep", "367"],
            None,
            2,
            "367 is not in 1..=366",
        ),
    ] {
        let words = [&shard[..], more].concat();
        let (found, said) = run("rookery", &words, environment.as_slice());
        assert_eq!(found, Some(code), "{words:?}: {said}");
        assert!(said.contains(expected), "{words:?}: {said}");
    }
}

#[test]
fn an_address_of_port_0_is_refused_as_nobody_reaches_it() {
    let directory = tempfile::tempdir().unwrap();
    let (key, _) = tokens::SigningKey::generate().unwrap();
    let public = directory.path().join("public.pem");
    std::fs::write(&public, key.verifying_key().to_pem()).unwrap();
    let public = public.display().to_string();
    let check = |more: &[&str]| {
        let shard = [
            "check",
            "shard",
            "--store",
            "redis://h",
            "--matchmaker-key",
            &public,
        ];
        let listen = ["--listen", "127.0.0.1:0"];
        let words = [&shard[..], &listen, more].concat();
        tests::process::run("rookery", &words, std::time::Duration::from_secs(30))
    };
    assert!(check(&[]).status.success(), "a free port is one");
    for option in ["--public-address", "--admin-address"] {
        let output = check(&[option, "203.0.113.7:0"]);
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(said.contains(option) && said.contains("port 0"), "{said}");
    }
}

/// An X.509 certificate with its key, valid from one year to another, in PEM.
fn certificate(desk: &Desk, name: &str, from: i32, until: i32) -> (String, String) {
    let mut params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    (params.not_before, params.not_after) = (date_time_ymd(from, 1, 1), date_time_ymd(until, 1, 1));
    let key = KeyPair::generate().unwrap();
    let certificate = params.self_signed(&key).unwrap();
    (
        desk.file(&format!("{name}.pem"), &certificate.pem()),
        desk.file(&format!("{name}.key"), &key.serialize_pem()),
    )
}

#[test]
fn a_certificate_that_no_player_would_take_is_refused_with_the_reason() {
    let desk = Desk::new();
    let public = desk.path("public.pem");
    let good = certificate(&desk, "good", 2020, 2090);
    let expired = certificate(&desk, "expired", 2020, 2021);
    let early = certificate(&desk, "early", 2089, 2090);
    let words = [
        "shard",
        "--store",
        NOWHERE,
        "--store-wait",
        "0",
        "--listen",
        "127.0.0.1:0",
        "--matchmaker-key",
        &public,
    ];
    for (chain, key, why) in [
        (&expired.0, &expired.1, "expired at 2021-01-01T00:00:00Z"),
        (&early.0, &early.1, "not valid before 2089-01-01T00:00:00Z"),
        (&good.0, &expired.1, "is not the key of the certificate"),
    ] {
        for command in [&["check"][..], &[]] {
            let given = ["--certificate", chain, "--certificate-key", key];
            let words = [command, &words, &given].concat();
            let (code, said) = run("rookery", &words, &[]);
            assert_eq!(code, Some(1), "{said}");
            assert!(
                said.contains(why) && said.contains("--certificate"),
                "{said}"
            );
        }
    }
    let given = ["--certificate", &good.0, "--certificate-key", &good.1];
    let words = [&["check"][..], &words, &given].concat();
    let (code, said) = run("rookery", &words, &[]);
    assert_eq!(code, Some(0), "{said}");
    assert!(
        said.contains("warning: --store"),
        "nobody answers there: {said}"
    );
}

/// The matchmaker of a gateway may be started later; what the gateway itself is told must be usable.
#[test]
fn a_gateway_is_checked_before_its_matchmaker_is_there() {
    let nobody = format!("http://127.0.0.1:{}", tests::process::free_tcp_port());
    let check = ["check", "gateway", "--matchmaker", &nobody];
    let site = ["--site", "https://chess.example.org/"];
    let (code, said) = run("rookery", &[&check[..], &site].concat(), &[]);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("warning: --matchmaker"), "{said}");
    assert!(
        said.contains("connections_max = 10000  # default"),
        "{said}"
    );
    let https = "https://matchmaker.example";
    for (more, expected) in [
        (&["--site", "chess.example.org"][..], "it is a URL"),
        (
            &["--matchmaker", https, "--ca", "/nowhere.pem"],
            "/nowhere.pem",
        ),
        (&["--matchmaker", "matchmaker:7000"], "--matchmaker"),
    ] {
        let words = [&["check", "gateway"][..], more].concat();
        let (code, said) = run("rookery", &words, &[]);
        assert!(code.is_some_and(|code| code != 0), "{said}");
        assert!(said.contains(expected), "{said}");
    }
}
