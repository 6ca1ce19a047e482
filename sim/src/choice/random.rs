//! Every fault at its own rate, by seed.

use super::{Choice, Chooser, Generator, Role};

pub struct Random {
    generator: Generator,
    scale: f64,
}

impl Random {
    pub fn new(seed: u64) -> Self {
        Random::scaled(seed, 1.0)
    }

    /// All fault rates multiplied; 0 switches faults off.
    pub fn scaled(seed: u64, scale: f64) -> Self {
        Random {
            generator: Generator::new(seed),
            scale,
        }
    }
}

impl Chooser for Random {
    fn choose(&mut self, choice: &Choice<'_>) -> u64 {
        let scale = match choice.site.role {
            Role::Fault => self.scale,
            Role::Draw | Role::Operation => 1.0,
        };
        if scale == 0.0 {
            return 0;
        }
        let key = choice.site.key(choice.subject);
        self.generator.value(key, choice.n, choice.shape, scale)
    }
}
