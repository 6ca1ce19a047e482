//! `streamsim list`: everything that has a name.

use super::{error::CommandError, exit::Exit};
use crate::{
    palette::{DIM, STRONG},
    registry,
};
use runtime::quirk::Quirk;
use sim::choice::{Budget, Shape, Site};
use std::io::Write;

/// Show scenarios with their goals, fault sites, oracles and quirks
#[derive(clap::Args)]
pub struct Arguments {}

impl Arguments {
    pub fn execute(self) -> Result<Exit, CommandError> {
        let mut text = String::new();
        let mut section = |title: &str, rows: Vec<(String, String)>| {
            text += &format!("{STRONG}{title}{STRONG:#}\n");
            let width = rows.iter().map(|(name, _)| name.chars().count()).max();
            let width = width.unwrap_or(0);
            for (name, about) in rows {
                text += &format!("  {name:<width$}  {DIM}{about}{DIM:#}\n");
            }
        };
        section("scenarios", scenario_rows());
        section(
            "faults",
            registry::fault_sites().into_iter().map(site_row).collect(),
        );
        let oracles = registry::oracles();
        let oracles = oracles.iter();
        section(
            "oracles",
            oracles
                .map(|oracle| (oracle.name.to_owned(), oracle.asserts.to_owned()))
                .collect(),
        );
        let quirks = Quirk::ALL.iter().copied();
        section(
            "quirks",
            quirks
                .map(|quirk| (quirk.name().to_owned(), quirk.summary().to_owned()))
                .collect(),
        );
        write!(anstream::stdout(), "{text}")?;
        Ok(Exit::Well)
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
        format!("{} ({range}{beyond})", site.does),
    )
}
