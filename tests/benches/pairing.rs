//! How long the pairs of a wave take, by how many wait: `cargo bench -p tests --bench pairing`.

use divan::Bencher;
use game_core::{ColorChoice, PlayerId};
use matchmaker::pairing::{Entrant, pair_up};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

/// As in the server.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() {
    divan::main();
}

/// Players of a pool: what each wants, and whom each has met.
struct Crowd {
    players: Vec<PlayerId>,
    wishes: Vec<Wish>,
}

struct Wish {
    rating: u16,
    color: ColorChoice,
    missed: u32,
    last_opponent: Option<usize>,
}

impl Crowd {
    /// Ratings are near a normal distribution about 1500; one in five asks for a colour, and every second has met
    /// somebody who waits too.
    fn new(n: usize) -> Self {
        let mut random = StdRng::seed_from_u64(n as u64);
        let player = |n| format!("p{n}").parse().expect("a short word is an id");
        let wishes = (0..n).map(|_| {
            let dice: u16 = (0..6).map(|_| random.random_range(0..=500u16)).sum();
            Wish {
                rating: dice.max(400),
                color: match random.random_range(0..10) {
                    0 => ColorChoice::White,
                    1 => ColorChoice::Black,
                    _ => ColorChoice::Random,
                },
                missed: random.random_range(0..4),
                last_opponent: random.random_bool(0.5).then(|| random.random_range(0..n)),
            }
        });
        Self {
            wishes: wishes.collect(),
            players: (0..n).map(player).collect(),
        }
    }

    fn entrants(&self) -> Vec<Entrant<'_>> {
        let wishes = self.wishes.iter().zip(&self.players);
        wishes
            .map(|(wish, player)| Entrant {
                player,
                rating: Some(wish.rating),
                missed: wish.missed,
                color: wish.color,
                range: None,
                last_opponent: wish.last_opponent.map(|last| &self.players[last]),
            })
            .collect()
    }
}

#[divan::bench(args = [50, 200, 500, 1_000, 5_000], sample_count = 50, sample_size = 1)]
fn pair_so_many_who_wait(bencher: Bencher<'_, '_>, n: usize) {
    let crowd = Crowd::new(n);
    let entrants = crowd.entrants();
    bencher.bench_local(|| {
        let pairs = pair_up(&entrants);
        assert!(pairs.len() * 2 >= n * 9 / 10, "{} pairs", pairs.len());
        pairs
    });
}
