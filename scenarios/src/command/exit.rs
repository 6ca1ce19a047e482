//! Exit codes (design §11).
//!
//! | code | meaning |
//! | --- | --- |
//! | 0 | all well |
//! | 1 | a safety failure |
//! | 2 | wrong usage or unreadable input |
//! | 3 | a liveness failure |
//! | 4 | a panic in product code |
//! | 5 | non-determinism |
//! | 6 | vacuous: a goal missed, an oracle idle, or nothing ran |
//! | 7 | replay: the failure is gone |
//! | 8 | hunt: a quirk not found |
//! | 70 | the harness itself failed |
//!
//! Of several, the lowest that is not 0.

use sim::world::FailureKind;
use std::process::ExitCode;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Exit {
    Well = 0,
    Safety = 1,
    Usage = 2,
    Liveness = 3,
    Panic = 4,
    NonDeterminism = 5,
    Vacuous = 6,
    Gone = 7,
    QuirkNotFound = 8,
    Harness = 70,
}

impl Exit {
    pub fn of_several(exits: impl IntoIterator<Item = Exit>) -> Exit {
        let bad = exits.into_iter().filter(|exit| *exit != Exit::Well);
        bad.min().unwrap_or(Exit::Well)
    }
}

impl From<FailureKind> for Exit {
    fn from(kind: FailureKind) -> Self {
        match kind {
            FailureKind::Safety => Exit::Safety,
            FailureKind::Liveness => Exit::Liveness,
            FailureKind::Crash => Exit::Panic,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        ExitCode::from(exit as u8)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_several_the_lowest_that_is_not_zero_wins() {
        assert_eq!(Exit::of_several([]), Exit::Well);
        assert_eq!(Exit::of_several([Exit::Well, Exit::Well]), Exit::Well);
        let several = [Exit::Vacuous, Exit::Well, Exit::Liveness, Exit::Panic];
        assert_eq!(Exit::of_several(several), Exit::Liveness);
        let several = [Exit::Harness, Exit::QuirkNotFound];
        assert_eq!(Exit::of_several(several), Exit::QuirkNotFound);
    }
}
