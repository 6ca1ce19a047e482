//! Hunts as a table, and as JSON lines.

use super::{command_line::shows_again, hunt::Hunted, json_line::JsonLine, plural::plural};
use crate::palette::{BAD, DIM, GOOD, STRONG};

/// So many finds are told at length.
const TOLD_MAX: usize = 3;

pub fn text(hunted: &[Hunted]) -> String {
    let mut text = format!(
        "{STRONG}{:<6}  {:<24}  {:<26}  {:<32}  {:>9}  {:>8}{STRONG:#}\n",
        "quirk", "scenario", "found", "key", "decisions", "wall ms"
    );
    for one in hunted {
        let hunt = one.hunt;
        let (colour, found) = match &one.found {
            Some(world) => (
                GOOD,
                format!("world {} (seed {})", one.worlds, world.plan.seed),
            ),
            None => (BAD, format!("not in {}", plural(one.worlds, "world"))),
        };
        text += &format!(
            "{:<6}  {:<24}  {colour}{found:<26}{colour:#}  {:<32}  {:>9}  {:>8}\n",
            hunt.quirk.name(),
            hunt.scenario,
            hunt.expected_key,
            decisions(one).map_or("-".to_owned(), |count| count.to_string()),
            one.wall.as_millis(),
        );
        for (key, count) in &one.also_seen {
            text += &format!("        {DIM}also seen: {key} × {count}{DIM:#}\n");
        }
        if let Some(world) = &one.found {
            if let Some(failure) =
                (world.outcome.failure.as_ref()).filter(|_| hunted.len() <= TOLD_MAX)
            {
                text += &format!("        {}\n", failure.message);
            }
            text += &format!("        {DIM}{}{DIM:#}\n", shows_again(&world.plan));
        }
    }
    text
}

pub fn json(one: &Hunted) -> JsonLine<'_> {
    let found = one.found.as_ref();
    JsonLine::Hunt {
        quirk: one.hunt.quirk.name(),
        found: found.is_some(),
        scenario: one.hunt.scenario,
        seed: found.map(|world| world.plan.seed),
        worlds: one.worlds,
        wall_ms: one.wall.as_millis() as u64,
        key: found.map(|_| one.hunt.expected_key),
        expected_key: one.hunt.expected_key,
        decisions: decisions(one),
    }
}

fn decisions(one: &Hunted) -> Option<usize> {
    let world = one.found.as_ref()?;
    Some(world.outcome.decision_count)
}
