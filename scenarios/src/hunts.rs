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
    Hunt {
        quirk: Quirk::B01,
        scenario: "streams-long-past",
        expected_key: "append/acknowledged-lost",
    },
    Hunt {
        quirk: Quirk::B05,
        scenario: "streams-long-past",
        expected_key: "catch-up/not-consumed",
    },
    Hunt {
        quirk: Quirk::B07,
        scenario: "streams-tree",
        expected_key: "announcement/uninitialized",
    },
    Hunt {
        quirk: Quirk::B08,
        scenario: "slack-first-message",
        expected_key: "processor/state-not-fold",
    },
    Hunt {
        quirk: Quirk::B15,
        scenario: "streams-long-past",
        expected_key: "processor/behind",
    },
    Hunt {
        quirk: Quirk::B16,
        scenario: "streams-two-writers",
        expected_key: "last-word/loser-served",
    },
    Hunt {
        quirk: Quirk::B23,
        scenario: "streams-two-writers",
        expected_key: "processor/core-state-not-fold",
    },
    Hunt {
        quirk: Quirk::B24,
        scenario: "streams-long-past",
        expected_key: "processor/behind",
    },
    Hunt {
        quirk: Quirk::B34,
        scenario: "streams-long-past",
        expected_key: "filter/not-consumed",
    },
    Hunt {
        quirk: Quirk::B38,
        scenario: "streams-idle",
        expected_key: "connection/open-at-rest",
    },
    Hunt {
        quirk: Quirk::X6,
        scenario: "streams-tree",
        expected_key: "announcement/missing",
    },
    Hunt {
        quirk: Quirk::X7,
        scenario: "streams-flood",
        expected_key: "processor/behind",
    },
    Hunt {
        quirk: Quirk::X8,
        scenario: "streams-two-writers",
        expected_key: "processor/behind",
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
