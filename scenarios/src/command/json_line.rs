//! JSON lines: one object a line, by type (design §11). Field names are a contract.

use super::decide;
use crate::stream_costs::Cost;
use serde::Serialize;
use sim::{
    exploration::{engine::World, measure::Measurement},
    world::{Failure, Plan},
};
use std::{
    collections::BTreeMap,
    io::{self, Write},
    path::PathBuf,
};

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "lowercase")]
pub enum JsonLine<'a> {
    List {
        scenarios: Vec<JsonScenario>,
        faults: Vec<JsonFault>,
        choosers: Vec<JsonNamed>,
        oracles: Vec<JsonNamed>,
        quirks: Vec<JsonNamed>,
        /// Bugs of the catalogue that cannot occur, and why.
        impossible: Vec<JsonNamed>,
    },
    World {
        scenario: &'static str,
        seed: u64,
        verdict: &'static str,
        failure: Option<JsonFailure<'a>>,
        /// The trace hash.
        trace: String,
        /// Events committed to streams.
        events: u64,
        sim_ms: u64,
        decisions: usize,
        /// Of the decisions that `--decide` gave, those that never came up.
        #[serde(skip_serializing_if = "Vec::is_empty")]
        never_came_up: Vec<String>,
    },
    Summary {
        worlds: u64,
        passed: u64,
        failed: u64,
        wall_ms: u64,
        worlds_per_s: f64,
        sim_to_wall: f64,
        failures: Vec<JsonFailureGroup<'a>>,
        /// `scenario/goal`.
        goals_missed: Vec<String>,
        /// `scenario/oracle`.
        oracles_idle: Vec<String>,
        /// How often each fault fired, by site.
        fired: BTreeMap<&'static str, u64>,
        /// How many worlds reached each `scenario/goal`.
        goals: BTreeMap<String, u64>,
        /// How many cases each oracle found right.
        exercised: BTreeMap<&'static str, u64>,
    },
    Replay {
        /// `exact`, `same-failure` or `gone`.
        outcome: &'static str,
        key: &'a str,
        trace: String,
        /// What had to be moved for the same failure, in words.
        moved: Vec<String>,
        worlds: u64,
    },
    Shrink {
        capsule: PathBuf,
        operations_before: usize,
        operations: usize,
        decisions_before: usize,
        decisions: usize,
        worlds: u64,
        wall_ms: u64,
        /// It ended because nothing smaller was found.
        complete: bool,
        /// A fresh process replays it exactly.
        confirmed: bool,
    },
    Sweep {
        scenario: &'static str,
        seed: u64,
        /// Worlds, one for each point or pair of points.
        points: u64,
        survived: u64,
        failures: Vec<JsonNotSurvived>,
        /// Points and pairs that were not sampled.
        left_out: u64,
        /// The run itself failed, so that no point was tried.
        run_failed: Option<JsonFailure<'a>>,
    },
    Hunt {
        quirk: &'static str,
        found: bool,
        scenario: &'static str,
        /// Of the world that found it.
        seed: Option<u64>,
        worlds: u64,
        wall_ms: u64,
        key: Option<&'a str>,
        expected_key: &'static str,
        decisions: Option<usize>,
        /// With `--shrink`: what is left, and how a fresh process replays it.
        #[serde(skip_serializing_if = "Option::is_none")]
        shrunk: Option<JsonShrunk>,
    },
    Check {
        worlds: u64,
        mismatches: u64,
        /// Of the worlds that were looked into.
        #[serde(skip_serializing_if = "Vec::is_empty")]
        differences: Vec<JsonDifference>,
    },
    Bench {
        /// `bare-madsim`, `empty` or a scenario, and what is counted: `slack-first-message/event`; or
        /// a stream and what is done with an event of it: `stream-of-1000/delivery`.
        name: String,
        n: u64,
        ns_per_op: f64,
        per_s: f64,
        bare_ns_per_op: Option<f64>,
        /// To bare madsim; of streams, to the shortest.
        ratio: Option<f64>,
    },
}

#[derive(Serialize)]
pub struct JsonNamed {
    pub name: &'static str,
    pub about: &'static str,
}

#[derive(Serialize)]
pub struct JsonScenario {
    pub name: &'static str,
    pub about: &'static str,
    pub goals: Vec<JsonNamed>,
}

#[derive(Serialize)]
pub struct JsonFault {
    pub site: &'static str,
    pub does: &'static str,
    /// Of the table of faults, and where its kinds come from.
    pub row: &'static str,
    pub source: &'static str,
    pub default: &'static str,
    /// The probability of anything but the default; none where all values are alike.
    pub rate: Option<f64>,
    /// The values, in words.
    pub takes: String,
    /// Where rate and range come from.
    pub rated_by: &'static str,
}

#[derive(Serialize)]
pub struct JsonFailure<'a> {
    key: &'a str,
    kind: &'static str,
    message: &'a str,
    at_ms: u64,
}

#[derive(Serialize)]
pub struct JsonShrunk {
    pub capsule: PathBuf,
    pub operations: usize,
    pub decisions: usize,
    pub worlds: u64,
    pub wall_ms: u64,
    /// A fresh process replays it exactly.
    pub confirmed: bool,
}

#[derive(Serialize)]
pub struct JsonFailureGroup<'a> {
    pub key: &'a str,
    pub count: u64,
    pub first_seed: u64,
    pub scenario: &'static str,
    /// Where the first of them is written down; none if what was recorded of it does not replay.
    pub capsule: Option<PathBuf>,
}

#[derive(Serialize)]
pub struct JsonNotSurvived {
    /// As `run --decide` takes them.
    pub decisions: Vec<String>,
    /// By object and effect.
    pub in_words: Vec<String>,
    /// None if the points did not come up again.
    pub key: Option<String>,
    pub message: Option<String>,
    pub command: String,
}

#[derive(Serialize)]
pub struct JsonDifference {
    pub scenario: String,
    pub seed: u64,
    /// The number of the first event that differs, from 1; none if the world agrees when it is run
    /// again.
    pub event: Option<usize>,
    /// The kinds of leak that fit, the likeliest first.
    pub fits: Vec<&'static str>,
}

impl<'a> JsonLine<'a> {
    pub fn world(world: &'a World) -> Self {
        let World { plan, outcome } = world;
        let Plan { scenario, seed, .. } = plan;
        JsonLine::World {
            scenario: scenario.name(),
            seed: *seed,
            verdict: match outcome.failure {
                None => "pass",
                Some(_) => "fail",
            },
            failure: outcome.failure.as_ref().map(JsonFailure::from),
            trace: outcome.trace.to_string(),
            events: outcome.stream_events,
            sim_ms: outcome.sim_ms,
            decisions: outcome.decision_count,
            never_came_up: outcome.unmet.iter().map(decide::spelled).collect(),
        }
    }

    pub fn bench(measurement: &Measurement) -> Self {
        JsonLine::Bench {
            name: format!("{}/{}", measurement.name, measurement.unit),
            n: measurement.n.round() as u64,
            ns_per_op: measurement.ns_per_op,
            per_s: measurement.per_s(),
            bare_ns_per_op: measurement.bare_ns_per_op,
            ratio: measurement.ratio(),
        }
    }

    pub fn cost(cost: &Cost) -> Self {
        JsonLine::Bench {
            name: format!("stream-of-{}/{}", cost.length, cost.operation.name()),
            n: cost.events,
            ns_per_op: cost.ns_per_event,
            per_s: 1e9 / cost.ns_per_event,
            bare_ns_per_op: None,
            ratio: Some(cost.ratio),
        }
    }

    /// Writes the line to stdout.
    pub fn print(&self) -> io::Result<()> {
        let mut out = io::stdout().lock();
        serde_json::to_writer(&mut out, self)?;
        out.write_all(b"\n")
    }
}

impl<'a> From<&'a Failure> for JsonFailure<'a> {
    fn from(failure: &'a Failure) -> Self {
        JsonFailure {
            key: &failure.key,
            kind: failure.kind.name(),
            message: &failure.message,
            at_ms: failure.at_ms,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::fake;
    use super::*;
    use sim::world::FailureKind;

    #[test]
    fn a_world_line_keeps_its_contract() {
        let line = |world: &World| serde_json::to_string(&JsonLine::world(world)).unwrap();
        let passed = r#"{"type":"world","scenario":"fake","seed":17,"verdict":"pass","failure":null,"trace":"0000000000000011","events":3,"sim_ms":2000,"decisions":1}"#;
        assert_eq!(line(&fake::world(17, None)), passed);
        let failed = r#"{"type":"world","scenario":"fake","seed":17,"verdict":"fail","failure":{"key":"a/b","kind":"crash","message":"offset 3 is missing","at_ms":1500},"trace":"0000000000000011","events":3,"sim_ms":2000,"decisions":1}"#;
        let world = fake::world(17, Some(("a/b", FailureKind::Crash)));
        assert_eq!(line(&world), failed);
    }
}
