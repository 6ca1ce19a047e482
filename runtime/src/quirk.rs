//! Quirks: known bugs of the production system, each kept as one branch at the place where it
//! lived (design §10). All are off by default; only the harness switches one on.

use std::{fmt, str::FromStr};

/// A known bug. Its name is that of the catalogue `spec/bugs.md`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Quirk {
    /// A redelivered request that is `started` is taken for done (#1402).
    B09,
    /// The host swallows a failed batch; the next success moves the checkpoint over the gap (#1458).
    B20,
    /// A first message below the side-effects anchor is never answered (#1481).
    B28,
}

impl Quirk {
    pub const ALL: [Quirk; 3] = [Quirk::B09, Quirk::B20, Quirk::B28];

    pub const fn name(self) -> &'static str {
        match self {
            Quirk::B09 => "B-09",
            Quirk::B20 => "B-20",
            Quirk::B28 => "B-28",
        }
    }

    /// One sentence for `streamsim list`.
    pub const fn summary(self) -> &'static str {
        match self {
            Quirk::B09 => "a redelivered model request that is `started` is taken for done (#1402)",
            Quirk::B20 => "a host swallows a failed batch and goes on with the next one (#1458)",
            Quirk::B28 => "a first message below the side-effects anchor is never answered (#1481)",
        }
    }
}

impl fmt::Display for Quirk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown quirk {0:?}; `streamsim list` shows the known ones")]
pub struct UnknownQuirk(pub String);

impl FromStr for Quirk {
    type Err = UnknownQuirk;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Quirk::ALL
            .into_iter()
            .find(|quirk| quirk.name().eq_ignore_ascii_case(name))
            .ok_or_else(|| UnknownQuirk(name.to_owned()))
    }
}

/// The quirks that are on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Quirks(u64);

impl Quirks {
    pub const NONE: Quirks = Quirks(0);

    pub fn with(self, quirk: Quirk) -> Self {
        Quirks(self.0 | 1 << quirk as u8)
    }

    pub fn has(self, quirk: Quirk) -> bool {
        self.0 & (1 << quirk as u8) != 0
    }

    pub fn iter(self) -> impl Iterator<Item = Quirk> {
        Quirk::ALL.into_iter().filter(move |quirk| self.has(*quirk))
    }
}

impl FromIterator<Quirk> for Quirks {
    fn from_iter<I: IntoIterator<Item = Quirk>>(quirks: I) -> Self {
        quirks.into_iter().fold(Quirks::NONE, Quirks::with)
    }
}
