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
    hunt(Quirk::B01, "streams-flood", "append/acknowledged-lost"),
    hunt(
        Quirk::B02,
        "slack-first-message",
        "acknowledgement/not-durable",
    ),
    hunt(Quirk::B04, "agent-project", "chat/unrendered"),
    hunt(Quirk::B04, "slack-cutover", "message/lost"),
    hunt(Quirk::B05, "streams-long-past", "catch-up/not-consumed"),
    hunt(Quirk::B06, "slack-first-message", "deadlock/cycle"),
    hunt(Quirk::B07, "streams-tree", "announcement/uninitialized"),
    hunt(
        Quirk::B08,
        "slack-first-message",
        "processor/state-not-fold",
    ),
    hunt(
        Quirk::B09,
        "slack-first-message",
        "obligation/request-unfinished",
    ),
    hunt(Quirk::B10, "agent-interrupts", "interrupt/call-goes-on"),
    hunt(
        Quirk::B11,
        "slack-first-message",
        "obligation/input-unanswered",
    ),
    hunt(Quirk::B13, "streams-legacy", "subscription/not-latest"),
    hunt(
        Quirk::B14,
        "slack-first-message",
        "obligation/input-unanswered",
    ),
    hunt(Quirk::B15, "streams-long-past", "processor/behind"),
    hunt(Quirk::B16, "streams-two-writers", "last-word/loser-served"),
    hunt(Quirk::B17, "streams-paused", "catch-up/behind"),
    hunt(
        Quirk::B20,
        "slack-first-message",
        "processor/state-not-fold",
    ),
    hunt(
        Quirk::B23,
        "streams-two-writers",
        "processor/core-state-not-fold",
    ),
    hunt(Quirk::B24, "streams-idle", "processor/behind"),
    hunt(
        Quirk::B25,
        "agent-interrupts",
        "obligation/schedule-abandoned",
    ),
    hunt(
        Quirk::B26,
        "agent-interrupts",
        "obligation/request-unfinished",
    ),
    hunt(Quirk::B27, "agent-interrupts", "model-calls/too-many"),
    hunt(
        Quirk::B28,
        "slack-first-message",
        "obligation/input-unanswered",
    ),
    hunt(Quirk::B34, "streams-long-past", "filter/not-consumed"),
    hunt(Quirk::B37, "agent-project", "child/infrastructure"),
    hunt(Quirk::B38, "streams-idle", "connection/open-at-rest"),
    hunt(
        Quirk::B40,
        "slack-first-message",
        "obligation/input-unanswered",
    ),
    hunt(Quirk::B41, "agent-project", "child/not-booted"),
    hunt(Quirk::B42, "agent-providers", "provider/not-selected"),
    hunt(Quirk::B43, "agent-attach", "anchor/effect-below"),
    hunt(Quirk::B50, "agent-interrupts", "request/overlapping"),
    hunt(Quirk::B51, "agent-failures", "obligation/failure-abandoned"),
    hunt(
        Quirk::B52,
        "agent-interrupts",
        "obligation/request-unfinished",
    ),
    hunt(Quirk::B53, "agent-alone", "obligation/request-unfinished"),
    hunt(Quirk::B58, "agent-interrupts", "request/overlapping"),
    hunt(Quirk::B60, "agent-restarts", "answer/missing"),
    hunt(Quirk::B61, "agent-interrupts", "partial-answer/lost"),
    hunt(Quirk::B69, "agent-interrupts", "interrupt/begun-after"),
    hunt(Quirk::B66, "slack-first-message", "message/lost"),
    hunt(Quirk::X1, "agent-interrupts", "obligation/input-unanswered"),
    hunt(Quirk::X2, "agent-interrupts", "reason/spurious"),
    hunt(Quirk::X3, "agent-interrupts", "output/stale"),
    hunt(Quirk::X5, "jsonata-reactions", "reaction/twice"),
    hunt(Quirk::X5, "agent-project", "answered-script/twice"),
    hunt(Quirk::X6, "streams-tree", "announcement/missing"),
    hunt(Quirk::X7, "streams-idle", "processor/behind"),
    hunt(Quirk::X8, "streams-two-writers", "processor/behind"),
    hunt(Quirk::X9, "streams-poison", "presence/storm"),
    hunt(Quirk::X10, "streams-poison", "presence/storm"),
    hunt(Quirk::X11, "streams-paused", "pause/given-up"),
    hunt(Quirk::X12, "codemode-scripts", "script/unfinished"),
    hunt(Quirk::X15, "agent-attach", "model-calls/too-many"),
    hunt(Quirk::X16, "agent-attach", "model-calls/too-many"),
];

const fn hunt(quirk: Quirk, scenario: &'static str, expected_key: &'static str) -> Hunt {
    Hunt {
        quirk,
        scenario,
        expected_key,
    }
}

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
