//! What came of a sweep: a table of its sites, and every point that was not survived, by object and
//! effect.

use super::{
    command_line::shows_again,
    decide,
    decisions_view::occurrence_in_words,
    json_line::{JsonFailure, JsonLine, JsonNotSurvived},
    plural::plural,
};
use crate::palette::{BAD, DIM, GOOD, STRONG};
use sim::{
    exploration::{
        effect::effect,
        sweep::{before_last, Count, NotSurvived, Point, Swept},
    },
    trace::TraceEvent,
    world::{run, Failure},
};

/// A world that did not survive, told.
pub struct Told {
    /// A line for each of its points.
    pub points: Vec<String>,
    /// None if the points did not come up again, which makes the run not deterministic.
    pub failure: Option<Failure>,
    pub decisions: Vec<String>,
    pub command: String,
}

/// What is told of each failure. The effects at the first of two points stand in the trace of the
/// run itself; for the second the world of the first is run once more.
pub fn told(swept: &Swept) -> Vec<Told> {
    let tell = |failure: &NotSurvived| {
        let NotSurvived { points, world } = failure;
        let lines = points.iter().enumerate().map(|(place, point)| match place {
            0 => in_words(point, &swept.base.outcome.kept_trace),
            _ => {
                let outcome = run(&before_last(&world.plan, &points[..=place]));
                in_words(point, &outcome.kept_trace)
            }
        });
        Told {
            points: lines.collect(),
            failure: world.outcome.failure.clone(),
            decisions: world.plan.forced.iter().map(decide::spelled).collect(),
            command: shows_again(&world.plan),
        }
    };
    swept.failures.iter().map(tell).collect()
}

pub fn text(swept: &Swept, told: &[Told]) -> String {
    let plan = &swept.base.plan;
    let (scenario, seed) = (plan.scenario.name(), plan.seed);
    let points = plural(swept.points(), "point");
    let mut text = format!("{STRONG}{scenario}, seed {seed}{STRONG:#}: ");
    if let Some(failure) = &swept.base.outcome.failure {
        let key = &failure.key;
        text += &format!("{BAD}the run itself fails{BAD:#} with {key}, so no point was tried\n");
        return text;
    }
    text += &format!(
        "{points}, {}\n",
        survived_words(swept.points(), swept.survived())
    );
    let width = swept.sites.keys().map(|site| site.len()).max().unwrap_or(0);
    for (site, Count { points, survived }) in &swept.sites {
        let words = survived_words(*points, *survived);
        text += &format!("  {site:<width$}  {points:>6}  {words}\n");
    }
    if swept.left_out > 0 {
        let left_out = swept.left_out;
        text += &format!(
            "  {DIM}{left_out} more were left out: these are a sample, by the seed; --max-worlds \
             raises it{DIM:#}\n"
        );
    }
    for one in told {
        text += &not_survived(one);
    }
    text
}

fn survived_words(points: u64, survived: u64) -> String {
    match points - survived {
        0 => format!("{GOOD}all survived{GOOD:#}"),
        lost => format!("{survived} survived, {BAD}{lost} not{BAD:#}"),
    }
}

fn not_survived(told: &Told) -> String {
    let points = told.points.join(&format!("\n  {BAD}and then{BAD:#} "));
    let what = match &told.failure {
        Some(failure) => format!("{STRONG}{}{STRONG:#}: {}", failure.key, failure.message),
        None => "it did not come up again: the run is not deterministic".to_owned(),
    };
    let mut text = format!("  {BAD}not survived{BAD:#} {points}\n");
    for line in what.lines() {
        text += &format!("    {line}\n");
    }
    text + &format!("    again: {}\n", told.command)
}

pub fn json<'a>(swept: &'a Swept, told: &'a [Told]) -> JsonLine<'a> {
    let plan = &swept.base.plan;
    let failures = told.iter().map(|told| JsonNotSurvived {
        decisions: told.decisions.clone(),
        in_words: told.points.clone(),
        key: told.failure.as_ref().map(|failure| failure.key.clone()),
        message: told.failure.as_ref().map(|failure| failure.message.clone()),
        command: told.command.clone(),
    });
    JsonLine::Sweep {
        scenario: plan.scenario.name(),
        seed: plan.seed,
        points: swept.points(),
        survived: swept.survived(),
        failures: failures.collect(),
        left_out: swept.left_out,
        run_failed: swept.base.outcome.failure.as_ref().map(JsonFailure::from),
    }
}

/// `crash.after-commit of agent p1:/agents/a, the 3rd time, at 1.204 s: after commit #11 3 writes`.
fn in_words(point: &Point, trace: &[TraceEvent]) -> String {
    let occurrence = &point.occurrence;
    let words = occurrence_in_words(occurrence, point.value);
    let at_s = occurrence.at_us as f64 / 1_000_000.0;
    let words = format!("{words}, at {at_s:.3} s");
    match effect(occurrence, trace) {
        Some((when, event)) => format!("{words}: {when} {} {}", event.kind, event.detail),
        None => words,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sim::{choice::Occurrence, faults};

    fn event(place: &str, kind: &'static str, detail: &str) -> TraceEvent {
        TraceEvent {
            at_us: 0,
            place: place.to_owned(),
            kind: kind.into(),
            detail: detail.to_owned(),
        }
    }

    fn point(site: &'static sim::choice::Site, subject: &str, value: u64) -> Point {
        let occurrence = Occurrence {
            site,
            subject: subject.into(),
            n: 2,
            shape: site.shape,
            at_us: 1_204_000,
            trace_events: 3,
        };
        Point { occurrence, value }
    }

    #[test]
    fn a_point_is_named_by_object_and_effect() {
        let trace = [
            event("agent p1:/a@1", "deliver", "append from client"),
            event("agent p1:/a@1", "commit", "#11 3 writes"),
            event("stream p1:/a@1", "commit", "#4 1 writes"),
            event("stream p1:/a@1", "commit", "#5 1 writes"),
            event("agent p1:/a@1", "deliver", "status from client"),
            event("agent p1:/a@1", "commit", "#12 1 writes"),
        ];
        let words = |site, subject, value| in_words(&point(site, subject, value), &trace);
        assert_eq!(
            words(&faults::CRASH_AFTER_COMMIT, "agent p1:/a", 1),
            "crash.after-commit of agent p1:/a, the 3rd time, at 1.204 s: after commit #11 3 writes"
        );
        assert_eq!(
            words(&faults::CRASH_BEFORE_COMMIT, "agent p1:/a", 1),
            "crash.before-commit of agent p1:/a, the 3rd time, at 1.204 s: before commit #12 1 writes"
        );
        assert_eq!(
            words(&faults::RPC_DELAY, "stream p1:/a → agent p1:/a", 3_000),
            "rpc.delay by 3000 ms of stream p1:/a → agent p1:/a, the 3rd time, at 1.204 s: \
             after commit #4 1 writes"
        );
        assert_eq!(
            words(&faults::CRASH_AFTER_COMMIT, "worker edge", 1),
            "crash.after-commit of worker edge, the 3rd time, at 1.204 s"
        );
    }
}
