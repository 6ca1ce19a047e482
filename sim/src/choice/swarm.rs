//! Swarm testing (Groce et al., ISSTA 2012): the seed first switches whole fault kinds off and
//! draws the rates of the rest, so that a world is not a bit of everything. What a pass does not
//! mean: that a combination which the seed switched off was survived.

use super::{Choice, Chooser, Generator, Role};
use rustc_hash::FxHashMap;
use xxhash_rust::xxh3::xxh3_64_with_seed;

pub struct Swarm {
    generator: Generator,
    scale: f64,
    scales: FxHashMap<&'static str, f64>,
}

/// Half of the fault sites are off in a world; the others run at a quarter to four times their rate.
const SCALES: [f64; 6] = [0.0, 0.0, 0.0, 0.25, 1.0, 4.0];

impl Swarm {
    pub fn new(seed: u64) -> Self {
        Swarm::scaled(seed, 1.0)
    }

    /// All fault rates multiplied on top.
    pub fn scaled(seed: u64, scale: f64) -> Self {
        Swarm {
            generator: Generator::new(seed),
            scale,
            scales: FxHashMap::default(),
        }
    }

    fn scale_of(&mut self, site: &'static str) -> f64 {
        let generator = &self.generator;
        let own = *self.scales.entry(site).or_insert_with(|| {
            let number = generator.number(xxh3_64_with_seed(site.as_bytes(), SWARM_KEY), 0);
            SCALES[(number % SCALES.len() as u64) as usize]
        });
        own * self.scale
    }
}

/// Keeps the draws about sites apart from the draws at sites.
const SWARM_KEY: u64 = 0x5_3A4D;

impl Chooser for Swarm {
    fn choose(&mut self, choice: &Choice<'_>) -> u64 {
        let scale = match choice.site.role {
            Role::Fault => self.scale_of(choice.site.name),
            Role::Draw | Role::Operation => 1.0,
        };
        if scale == 0.0 {
            return 0;
        }
        let key = choice.site.key(choice.subject);
        self.generator.value(key, choice.n, choice.shape, scale)
    }
}
