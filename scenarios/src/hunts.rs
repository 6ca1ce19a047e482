//! Hunts: the known bugs that the harness must find again, each with the scenario that finds it
//! and the failure that names it (design §10).

use runtime::quirk::Quirk;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hunt {
    pub quirk: Quirk,
    pub scenario: &'static str,
    /// The key of the failure by which an oracle names this bug.
    pub expected_key: &'static str,
}

/// At least one for every quirk.
pub const HUNTS: &[Hunt] = &[
    Hunt {
        quirk: Quirk::B09,
        scenario: "slack-first-message",
        expected_key: "obligation/request-unfinished",
    },
    Hunt {
        quirk: Quirk::B20,
        scenario: "slack-first-message",
        expected_key: "processor/state-not-fold",
    },
    Hunt {
        quirk: Quirk::B28,
        scenario: "slack-first-message",
        expected_key: "obligation/input-unanswered",
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_quirk_is_hunted() {
        for quirk in Quirk::ALL.iter().copied() {
            assert!(
                HUNTS.iter().any(|hunt| hunt.quirk == quirk),
                "{quirk} has no hunt"
            );
        }
    }
}
