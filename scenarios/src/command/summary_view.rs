//! The summary of a sweep: as text, and as the last JSON line.

use super::{
    command_line::shows_again,
    counts_view::columns,
    json_line::{JsonFailureGroup, JsonLine},
    plural::plural,
};
use crate::{
    palette::{BAD, DIM, GOOD, STRONG},
    registry,
};
use sim::exploration::tally::{IdleOracle, MissedGoal, ScenarioTally, Tally};
use std::{collections::BTreeMap, path::PathBuf, time::Duration};

pub struct Summary<'a> {
    pub tally: &'a Tally,
    pub wall: Duration,
    /// The worlds were asked to leave out what much depends on, such as crashes: what did not happen
    /// is told, and proves nothing.
    pub is_restricted: bool,
    /// Where the first failure of each key is written down, in the tally's order.
    pub capsules: &'a [Option<PathBuf>],
}

impl Summary<'_> {
    fn worlds_per_s(&self) -> f64 {
        per(self.tally.worlds() as f64, self.wall)
    }

    /// How many seconds were simulated in a second.
    fn sim_to_wall(&self) -> f64 {
        per(self.tally.sim_ms as f64 / 1000.0, self.wall)
    }

    pub fn text(&self) -> String {
        let Summary { tally, wall, .. } = self;
        let mut text: String = tally.scenarios.values().map(scenario_lines).collect();
        let (worlds, failed, events) = (tally.worlds(), tally.failed(), tally.stream_events);
        text += &format!(
            "{STRONG}{}{STRONG:#} in {:.2} s: {:.0} worlds/s, {:.0} events/s, \
             simulated : wall = {:.0} : 1, {}\n",
            plural(worlds, "world"),
            wall.as_secs_f64(),
            self.worlds_per_s(),
            per(events as f64, *wall),
            self.sim_to_wall(),
            failed_words(failed),
        );
        text += &self.exercised_text();
        for (key, group) in &tally.failures {
            let plan = &group.first.plan;
            text += &format!(
                "  {BAD}{key}{BAD:#} × {}, first in {}, seed {}\n    {}\n",
                group.count,
                plan.scenario.name(),
                plan.seed,
                shows_again(plan),
            );
        }
        if worlds == 0 {
            text += &format!("  {BAD}vacuous{BAD:#}: nothing ran\n");
        }
        let word = match self.is_restricted {
            true => format!("{DIM}left out{DIM:#}"),
            false => format!("{BAD}vacuous{BAD:#}"),
        };
        for MissedGoal { scenario, goal } in tally.missed_goals() {
            text += &format!("  {word}: no world of {scenario} reached {goal}\n");
        }
        for IdleOracle { scenario, oracle } in tally.idle_oracles() {
            text += &format!(
                "  {word}: no world of {scenario} gave the oracle {oracle} anything to judge\n"
            );
        }
        text
    }

    fn exercised_text(&self) -> String {
        if self.tally.worlds() == 0 {
            return String::new();
        }
        let fired = self.fired();
        let fired = match fired.iter().all(|(_, count)| *count == 0) {
            true => format!("{STRONG}faults{STRONG:#}: none fired\n"),
            false => format!("{STRONG}faults{STRONG:#} fired\n{}", columns(&fired)),
        };
        let exercised: Vec<_> = self.exercised().into_iter().collect();
        format!(
            "{fired}{STRONG}oracles{STRONG:#} found right\n{}",
            columns(&exercised)
        )
    }

    /// How often each fault of the tables fired, in their order.
    fn fired(&self) -> Vec<(&'static str, u64)> {
        let count = |site: &str| self.tally.fired.get(site).copied().unwrap_or(0);
        let sites = registry::fault_sites().into_iter();
        sites.map(|site| (site.name, count(site.name))).collect()
    }

    /// How many cases each oracle judged, in all scenarios that have it.
    fn exercised(&self) -> BTreeMap<&'static str, u64> {
        let mut exercised = BTreeMap::new();
        for tally in self.tally.scenarios.values() {
            for (oracle, count) in &tally.exercised {
                *exercised.entry(*oracle).or_insert(0) += count;
            }
        }
        exercised
    }

    pub fn json(&self) -> JsonLine<'_> {
        let tally = self.tally;
        let groups = tally.failures.iter().zip(self.capsules);
        let missed = tally.missed_goals().into_iter();
        let idle = tally.idle_oracles().into_iter();
        JsonLine::Summary {
            worlds: tally.worlds(),
            passed: tally.worlds() - tally.failed(),
            failed: tally.failed(),
            wall_ms: self.wall.as_millis() as u64,
            worlds_per_s: self.worlds_per_s(),
            sim_to_wall: self.sim_to_wall(),
            failures: groups
                .map(|((key, group), capsule)| JsonFailureGroup {
                    key,
                    count: group.count,
                    first_seed: group.first.plan.seed,
                    scenario: group.first.plan.scenario.name(),
                    capsule: capsule.clone(),
                })
                .collect(),
            goals_missed: missed
                .map(|MissedGoal { scenario, goal }| format!("{scenario}/{goal}"))
                .collect(),
            oracles_idle: idle
                .map(|IdleOracle { scenario, oracle }| format!("{scenario}/{oracle}"))
                .collect(),
            fired: self.fired().into_iter().collect(),
            goals: (tally.scenarios.iter())
                .flat_map(|(scenario, tally)| {
                    let goals = tally.goals.iter();
                    goals.map(move |(goal, count)| (format!("{scenario}/{goal}"), *count))
                })
                .collect(),
            exercised: self.exercised(),
        }
    }
}

fn scenario_lines(tally: &ScenarioTally) -> String {
    let ScenarioTally {
        scenario,
        worlds,
        failed,
        goals,
        ..
    } = tally;
    let name = scenario.name();
    let passed = worlds - failed;
    let mut text = format!(
        "{STRONG}{name}{STRONG:#}: {}, {passed} passed, {}\n",
        plural(*worlds, "world"),
        failed_words(*failed)
    );
    let goals: Vec<(&str, u64)> = goals.iter().map(|(goal, count)| (*goal, *count)).collect();
    text += &columns(&goals);
    text
}

fn failed_words(failed: u64) -> String {
    match failed {
        0 => format!("{GOOD}none failed{GOOD:#}"),
        failed => format!("{BAD}{failed} failed{BAD:#}"),
    }
}

/// 0 in no time.
fn per(amount: f64, wall: Duration) -> f64 {
    match wall.as_secs_f64() {
        0.0 => 0.0,
        seconds => amount / seconds,
    }
}

#[cfg(test)]
mod tests {
    use super::super::fake;
    use super::*;
    use sim::world::FailureKind;

    fn tally() -> Tally {
        let mut tally = Tally::default();
        for seed in 1..=4 {
            let failure = (seed > 2).then_some(("stream/offset-gap", FailureKind::Safety));
            tally.add(fake::world(seed, failure));
        }
        tally
    }

    fn place(name: &str) -> Option<usize> {
        let sites = registry::fault_sites();
        sites.iter().position(|site| site.name == name)
    }

    /// All faults but one, none of which fired.
    fn others() -> impl Iterator<Item = (&'static str, u64)> {
        let sites = registry::fault_sites().into_iter().map(|site| site.name);
        sites
            .filter(|name| *name != "rpc.delay")
            .map(|name| (name, 0))
    }

    #[test]
    fn failures_come_with_the_command_that_shows_the_first() {
        let summary = Summary {
            is_restricted: false,
            tally: &tally(),
            wall: Duration::from_millis(500),
            capsules: &[],
        };
        let expected = "\
fake: 4 worlds, 2 passed, 2 failed
  answered 4
4 worlds in 0.50 s: 8 worlds/s, 24 events/s, simulated : wall = 16 : 1, 2 failed
faults fired
FIRED
oracles found right
  log 12
  stream/offset-gap × 2, first in fake, seed 3
    cargo run --release -- run fake --seed 3
";
        let mut fired = vec![("rpc.delay", 4)];
        fired.extend(others());
        fired.sort_by_key(|(name, _)| place(name));
        let fired = columns(&fired);
        let expected = expected.replace("FIRED\n", &fired);
        let plain = |text: &str| anstream::adapter::strip_str(text).to_string();
        assert_eq!(plain(&summary.text()), plain(&expected));
    }

    #[test]
    fn the_json_line_keeps_its_contract() {
        let capsules = [Some(PathBuf::from("out/one.json"))];
        let summary = Summary {
            is_restricted: false,
            tally: &tally(),
            wall: Duration::from_millis(500),
            capsules: &capsules,
        };
        let expected = r#"{"type":"summary","worlds":4,"passed":2,"failed":2,"wall_ms":500,"worlds_per_s":8.0,"sim_to_wall":16.0,"failures":[{"key":"stream/offset-gap","count":2,"first_seed":3,"scenario":"fake","capsule":"out/one.json"}],"goals_missed":[],"oracles_idle":[],"fired":{},"goals":{"fake/answered":4},"exercised":{"log":12}}"#;
        let mut line = serde_json::to_value(summary.json()).unwrap();
        let fired = line["fired"].as_object_mut().unwrap();
        assert_eq!(fired.len(), registry::fault_sites().len());
        assert_eq!(fired["rpc.delay"], 4);
        fired.retain(|_, count| *count != 0 && *count != 4);
        assert_eq!(line.to_string(), expected);
    }
}
