//! `streamsim list`: everything that has a name.

use super::{
    decide,
    error::CommandError,
    exit::Exit,
    flags::{Format, FormatFlag},
    json_line::{JsonFault, JsonLine, JsonNamed, JsonScenario},
};
use crate::{
    palette::{DIM, STRONG},
    registry::{self, FaultRow, FAULT_ROWS},
};
use runtime::quirk::{Quirk, IMPOSSIBLE};
use sim::choice::{Budget, Shape, Site};
use std::io::Write;

/// Show scenarios with their goals, fault sites, choosers, oracles and quirks
#[derive(clap::Args)]
pub struct Arguments {
    #[command(flatten)]
    format: FormatFlag,
}

impl Arguments {
    pub fn execute(self) -> Result<Exit, CommandError> {
        match self.format.format {
            Format::Text => write!(anstream::stdout(), "{}", text())?,
            Format::Json => json().print()?,
        }
        Ok(Exit::Well)
    }
}

fn text() -> String {
    let mut text = String::new();
    let mut section = |title: &str, rows: Vec<(String, String)>| {
        text += &format!("{STRONG}{title}{STRONG:#}\n");
        let width = rows.iter().map(|(name, _)| name.chars().count()).max();
        let width = width.unwrap_or(0);
        for (name, about) in rows {
            text += &format!("  {name:<width$}  {DIM}{about}{DIM:#}\n");
        }
    };
    let named = |(name, about): (&str, &str)| (name.to_owned(), about.to_owned());
    section("scenarios", scenario_rows());
    for FaultRow { name, source, .. } in FAULT_ROWS {
        let sites = registry::fault_sites().into_iter();
        let its = sites.filter(|site| registry::fault_row(site).name == *name);
        let rows: Vec<_> = its.map(site_row).collect();
        if !rows.is_empty() {
            section(&format!("faults: {name} ({source}), by default off"), rows);
        }
    }
    section("choosers", CHOOSERS.into_iter().map(named).collect());
    section("oracles", oracles().map(named).collect());
    section("quirks", quirks().map(named).collect());
    section(
        "known bugs that cannot occur here, and why",
        IMPOSSIBLE.iter().copied().map(named).collect(),
    );
    text
}

/// Who answers choices: the values of `--strategy`, and what a plan may have instead.
const CHOOSERS: [(&str, &str); 5] = [
    ("random", "by seed, every fault at its own rate (--strategy random)"),
    (
        "swarm",
        "by seed, half of the faults off and the rates of the others drawn (--strategy swarm, the default)",
    ),
    (
        "pct",
        "a few things held back far, at points by seed, and no other fault (--strategy pct)",
    ),
    (
        "recorded",
        "a list of decisions, everything else by default; single ones on top of any other: run --decide",
    ),
    ("bytes", "a byte string, defaults when it is used up: for fuzzers"),
];

fn oracles() -> impl Iterator<Item = (&'static str, &'static str)> {
    let oracles = registry::oracles().into_iter();
    oracles.map(|oracle| (oracle.name, oracle.asserts))
}

fn quirks() -> impl Iterator<Item = (&'static str, &'static str)> {
    let quirks = Quirk::ALL.iter().copied();
    quirks.map(|quirk| (quirk.name(), quirk.summary()))
}

fn json() -> JsonLine<'static> {
    let named = |(name, about)| JsonNamed { name, about };
    let scenarios = registry::scenarios().iter().map(|scenario| JsonScenario {
        name: scenario.name(),
        about: scenario.about(),
        goals: (scenario.goals().iter())
            .map(|goal| named((goal.name, goal.about)))
            .collect(),
    });
    let faults = registry::fault_sites().into_iter().map(|site| JsonFault {
        site: site.name,
        does: site.does,
        row: registry::fault_row(site).name,
        source: registry::fault_row(site).source,
        default: "off",
        rate: site.shape.rate(),
        takes: decide::takes(site.shape),
        rated_by: site.rated_by,
    });
    JsonLine::List {
        scenarios: scenarios.collect(),
        faults: faults.collect(),
        choosers: CHOOSERS.into_iter().map(named).collect(),
        oracles: oracles().map(named).collect(),
        quirks: quirks().map(named).collect(),
        impossible: IMPOSSIBLE.iter().copied().map(named).collect(),
    }
}

/// A scenario, and below it its goals, and its budget where it is not the ordinary one.
fn scenario_rows() -> Vec<(String, String)> {
    let mut rows = Vec::new();
    for scenario in registry::scenarios() {
        rows.push((scenario.name().to_owned(), scenario.about().to_owned()));
        for goal in scenario.goals() {
            rows.push((format!("  goal {}", goal.name), goal.about.to_owned()));
        }
        if scenario.budget() != Budget::ORDINARY {
            rows.push(("  budget".to_owned(), budget_row(scenario.budget())));
        }
    }
    rows
}

fn budget_row(budget: Budget) -> String {
    let limits = budget.sites.iter();
    let limits: String = limits
        .map(|(sites, limit)| format!(", {limit} of {sites}"))
        .collect();
    format!("at most {} faults{limits}", budget.in_all)
}

fn site_row(site: &'static Site) -> (String, String) {
    let percent = |rate: f64| format!("{} %", rate * 100.0);
    let range = match site.shape {
        Shape::YesNo { rate } => percent(rate),
        Shape::Delay {
            rate,
            min_ms,
            max_ms,
        } => format!("{}, {min_ms} to {max_ms} ms", percent(rate)),
        Shape::Bytes {
            rate,
            min_bytes,
            max_bytes,
        } => format!("{}, {min_bytes} to {max_bytes} bytes", percent(rate)),
        Shape::OneOf { rate, variants } => format!("{}, {}", percent(rate), variants.join(" or ")),
        Shape::Below { count: 0 } => "any number".to_owned(),
        Shape::Below { count } => format!("one of {count}"),
    };
    let beyond = match site.is_irreparable {
        true => ", only where a budget names it, or without a budget",
        false => "",
    };
    (
        site.name.to_owned(),
        format!("{} ({range}{beyond}; {})", site.does, site.rated_by),
    )
}
