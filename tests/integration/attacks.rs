//! Attacks on real processes beside honest players, a few seconds each. How much slower anything gets
//! depends on the machine; docs/hostile.md has that.

use std::time::Duration;

use tests::hostile::{AttackKind, Plan, run};

/// What shuts others out within seconds, or tries what it must never be given.
const ATTACKS: [AttackKind; 8] = [
    AttackKind::IdleMatchmaker,
    AttackKind::IdleAdmin,
    AttackKind::HalfOpen24,
    AttackKind::LeaveAndJoin,
    AttackKind::RevokedPlayer,
    AttackKind::ForgedTokens,
    AttackKind::GuessedLogIns,
    AttackKind::GuessedApiTokens,
];

#[tokio::test(flavor = "multi_thread")]
async fn attackers_keep_no_honest_player_out_and_are_given_nothing() {
    let _turn = tests::turns::turn().await;
    let plan = Plan {
        attacks: ATTACKS.to_vec(),
        length: Duration::from_secs(3),
        matches: 20,
        patience: Duration::from_secs(30),
        settle_max: Duration::from_secs(30),
        seed: 20_250_601,
    };
    let report = run(&plan, |row| eprintln!("{row}")).await.unwrap();
    assert!(report.is_clean(), "{report}");
    for row in &report.rows {
        let facts = &row.facts;
        assert!(facts.attacked.tried >= 5, "hardly anyone came: {row}");
        assert!(
            facts.attacked_acks.n > 20,
            "hardly anything was played: {row}"
        );
        assert!(facts.livez.iter().all(|livez| livez.asked > 5), "{row}");
        assert!(!facts.deeds.counts.is_empty(), "nobody attacked: {row}");
    }
}

/// How long the attack at full speed lasts, in seconds, if `ROOKERY_TEST_FULL_SPEED_S` does not say: a minute by hand.
const FULL_SPEED_S: u64 = 10;

/// From another address, against sign-up, log-in, tickets, challenges and joins: every two players who come meanwhile, some
/// with new accounts, get their match and play it, and the attacker leaves no more in the store than one address may.
#[tokio::test(flavor = "multi_thread")]
async fn an_anonymous_client_at_full_speed_keeps_no_two_players_from_their_match() {
    let _turn = tests::turns::turn().await;
    let seconds = std::env::var("ROOKERY_TEST_FULL_SPEED_S");
    let seconds = seconds.map_or(FULL_SPEED_S, |text| text.parse().unwrap());
    let plan = Plan {
        attacks: vec![AttackKind::FullSpeed],
        length: Duration::from_secs(seconds),
        matches: 5,
        patience: Duration::from_secs(30),
        settle_max: Duration::from_secs(30),
        seed: 20_250_601,
    };
    let report = run(&plan, |row| eprintln!("{row}")).await.unwrap();
    assert!(report.is_clean(), "{report}");
    let facts = &report.rows[0].facts;
    eprintln!("{:?}", facts.deeds.counts);
    assert!(facts.attacked.tried >= 10, "hardly anyone came: {facts:?}");
    for what in [
        "answered 429",
        "accounts made",
        "tickets made",
        "challenges made",
        "joins refused",
    ] {
        assert!(facts.deeds.counts.contains_key(what), "{what}: {facts:?}");
    }
}
