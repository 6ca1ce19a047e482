//! The registry: everything that the command knows by name.

use crate::{
    agent::{Alone, Attach, Failures, Interrupts, Project, Providers, Restarts},
    codemode::Scripts,
    models::ModelClients,
    project::{JsonataReactions, ProjectLifecycle},
    slack::{BusyThreads, Cutover, FirstMessage, SlackPosts},
    streams::{
        Flood, Idle, LateSubscribers, Legacy, LongPast, Paused, Poison, Reset, Tree, TwoWriters,
    },
    whole::WholePlatform,
};
use sim::{
    choice::Site,
    peers,
    scenario::{Goal, Scenario},
};
use std::sync::OnceLock;

static SCENARIOS: &[&dyn Scenario] = &[
    &FirstMessage,
    &BusyThreads,
    &SlackPosts,
    &Cutover,
    &Interrupts,
    &Attach,
    &Failures,
    &Alone,
    &Project,
    &Providers,
    &Restarts,
    &Scripts,
    &ProjectLifecycle,
    &JsonataReactions,
    &ModelClients,
    &WholePlatform,
    &LongPast,
    &Flood,
    &Legacy,
    &Poison,
    &Paused,
    &TwoWriters,
    &LateSubscribers,
    &Tree,
    &Idle,
    &Reset,
];

/// The scenarios of a program that has its own.
static OWN: OnceLock<&'static [&'static dyn Scenario]> = OnceLock::new();

/// Every scenario, in the order in which `streamsim list` shows them.
pub fn scenarios() -> &'static [&'static dyn Scenario] {
    OWN.get().copied().unwrap_or(SCENARIOS)
}

/// The scenarios are those of `streamsim` itself.
pub fn is_ours() -> bool {
    OWN.get().is_none()
}

/// Puts a program's own scenarios in the place of these; once, before anything else.
pub(crate) fn replace_scenarios(own: &'static [&'static dyn Scenario]) {
    OWN.set(own)
        .unwrap_or_else(|_| panic!("scenarios are replaced once"));
}

/// A world in which nothing happens: what every world costs.
pub static EMPTY: &dyn Scenario = &Empty;

struct Empty;

impl Scenario for Empty {
    fn name(&self) -> &'static str {
        "empty"
    }

    fn about(&self) -> &'static str {
        "nothing happens"
    }

    fn goals(&self) -> &'static [Goal] {
        &[]
    }
}

/// Every site at which a fault may be drawn.
pub fn fault_sites() -> Vec<&'static Site> {
    let tables = [sim::faults::FAULTS, peers::FAULTS];
    tables
        .into_iter()
        .flatten()
        .copied()
        .flatten()
        .copied()
        .collect()
}

/// A row of the table of faults (design §6).
#[derive(Debug, PartialEq, Eq)]
pub struct FaultRow {
    pub name: &'static str,
    /// Where the kinds of faults come from.
    pub source: &'static str,
    /// How the names of its sites begin.
    beginnings: &'static [&'static str],
}

pub static FAULT_ROWS: &[FaultRow] = &[
    row("object", "design §6", &["crash.", "object."]),
    row("storage", "design §6", &["storage."]),
    row("call", "design §6", &["rpc.", "stub."]),
    row("network", "design §6", &["net.", "tcp."]),
    row("clock", "design §6", &["clock."]),
    row("alarm", "design §6", &["alarm."]),
    row("OpenAI", "peers §5.1 and §5.2", &["peer.openai."]),
    row("Slack", "peers §5.3 and §5.4", &["peer.slack."]),
    row("Workers AI", "peers §3 and §5.1", &["peer.workers-ai."]),
    row("fleet", "design §6", &["fleet."]),
    row("others", "own judgement", &[""]),
];

const fn row(
    name: &'static str,
    source: &'static str,
    beginnings: &'static [&'static str],
) -> FaultRow {
    FaultRow {
        name,
        source,
        beginnings,
    }
}

/// The row to which a site belongs.
pub fn fault_row(site: &Site) -> &'static FaultRow {
    let begins = |row: &&FaultRow| row.beginnings.iter().any(|it| site.name.starts_with(it));
    FAULT_ROWS
        .iter()
        .find(begins)
        .expect("others take any name")
}

/// An oracle, for `streamsim list`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OracleInfo {
    /// The part of a failure's key before the slash.
    pub name: &'static str,
    /// One sentence.
    pub asserts: &'static str,
}

/// Every oracle, each once, in the order in which scenarios judge by them.
pub fn oracles() -> Vec<OracleInfo> {
    let mut known = Vec::new();
    for oracle in scenarios().iter().flat_map(|scenario| scenario.oracles()) {
        let info = OracleInfo {
            name: oracle.name(),
            asserts: oracle.asserts(),
        };
        if !known.contains(&info) {
            known.push(info);
        }
    }
    known
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hunts::HUNTS;
    use std::collections::BTreeSet;

    #[test]
    fn names_are_unique() {
        let scenarios: BTreeSet<_> = scenarios().iter().map(|s| s.name()).collect();
        assert_eq!(scenarios.len(), SCENARIOS.len());
        let sites = fault_sites();
        let names: BTreeSet<_> = sites.iter().map(|site| site.name).collect();
        assert_eq!(names.len(), sites.len());
        let oracles: BTreeSet<_> = oracles().iter().map(|oracle| oracle.name).collect();
        assert_eq!(oracles.len(), super::oracles().len());
    }

    #[test]
    fn every_fault_belongs_to_a_row_of_the_design() {
        for site in fault_sites() {
            assert_ne!(fault_row(site).name, "others", "{}", site.name);
        }
    }

    #[test]
    fn every_hunt_names_a_scenario_and_an_oracle() {
        for hunt in HUNTS {
            assert!(scenarios().iter().any(|s| s.name() == hunt.scenario));
            let oracle = hunt.expected_key.split('/').next();
            assert!(oracles().iter().any(|known| Some(known.name) == oracle));
        }
    }
}
