//! Hunts as a table, and as JSON lines.

use super::{
    command_line::{replays, shows_again},
    confirmation::Confirmation,
    hunt::Hunted,
    json_line::{JsonLine, JsonShrunk},
    keep::Kept,
    plural::plural,
};
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
            let again = match &one.kept {
                Some(kept) => {
                    text += &left(kept);
                    replays(&kept.path)
                }
                None => shows_again(&world.plan),
            };
            text += &format!("        {DIM}{again}{DIM:#}\n");
        }
    }
    text + &in_all(hunted)
}

/// What shrinking left of a find.
fn left(kept: &Kept) -> String {
    let Some(shrinkage) = &kept.shrinkage else {
        return String::new();
    };
    let outcome = &kept.world.outcome;
    let operations = plural(outcome.operation_count as u64, "operation");
    let decisions = plural(outcome.decision_count as u64, "decision");
    let (worlds, wall_s) = (shrinkage.worlds, shrinkage.wall.as_secs_f64());
    let replayed = match &kept.confirmation {
        Confirmation::Same => format!("{GOOD}exact{GOOD:#} in a fresh process"),
        Confirmation::Different(found) => format!("{BAD}NOT DETERMINISTIC{BAD:#}: {found}"),
    };
    format!("        left: {operations}, {decisions} after {worlds} worlds, {wall_s:.1} s; {replayed}\n")
}

/// The medians of several finds that were shrunk.
fn in_all(hunted: &[Hunted]) -> String {
    let kept: Vec<&Kept> = hunted.iter().filter_map(|one| one.kept.as_ref()).collect();
    if kept.len() < 2 {
        return String::new();
    }
    let spread = |figure: fn(&Kept) -> usize| {
        let mut figures: Vec<usize> = kept.iter().map(|kept| figure(kept)).collect();
        figures.sort();
        (figures[figures.len() / 2], figures[figures.len() - 1])
    };
    let (operations, operations_max) = spread(|kept| kept.world.outcome.operation_count);
    let (decisions, decisions_max) = spread(|kept| kept.world.outcome.decision_count);
    let (wall_ms, wall_ms_max) = spread(|kept| {
        let shrinkage = kept.shrinkage.as_ref();
        shrinkage.map_or(0, |it| it.wall.as_millis() as usize)
    });
    format!(
        "{STRONG}{} shrunk{STRONG:#}, median and most: {operations} and {operations_max} operations, \
         {decisions} and {decisions_max} decisions, {wall_ms} and {wall_ms_max} ms\n",
        kept.len()
    )
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
        shrunk: one.kept.as_ref().map(json_shrunk),
    }
}

fn json_shrunk(kept: &Kept) -> JsonShrunk {
    let shrinkage = kept.shrinkage.as_ref();
    JsonShrunk {
        capsule: kept.path.clone(),
        operations: kept.world.outcome.operation_count,
        decisions: kept.world.outcome.decision_count,
        worlds: shrinkage.map_or(0, |it| it.worlds),
        wall_ms: shrinkage.map_or(0, |it| it.wall.as_millis() as u64),
        confirmed: kept.confirmation == Confirmation::Same,
    }
}

fn decisions(one: &Hunted) -> Option<usize> {
    let world = one.found.as_ref()?;
    Some(world.outcome.decision_count)
}
