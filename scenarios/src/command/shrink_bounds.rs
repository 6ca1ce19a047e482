//! How far shrinking goes, as flags.

use super::values;
use sim::exploration::shrink::Bounds;
use std::time::Duration;

#[derive(clap::Args)]
pub struct ShrinkBounds {
    /// Shrink in at most this many worlds for each failure.
    #[arg(long, value_name = "N", default_value = "5000", value_parser = values::worlds_max)]
    shrink_worlds: u64,
    /// Shrink for at most this much wall time for each failure.
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = values::budget)]
    shrink_budget: Duration,
}

impl ShrinkBounds {
    pub fn bounds(&self) -> Bounds {
        Bounds {
            worlds_max: self.shrink_worlds,
            wall: self.shrink_budget,
        }
    }
}
