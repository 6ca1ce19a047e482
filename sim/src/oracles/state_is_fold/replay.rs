//! The second way to the same state (spec §7.8, number 12): the log once more, with a checkpoint on the
//! way that is written out and read back, and what is left of it from the stored checkpoint. A
//! reducer that looks at a clock, at a random number, or at what it did not write into its state comes
//! to another end. Where the checkpoint falls differs from world to world: one is cheap, and over a
//! sweep it falls everywhere.

use super::super::{difference::differences, Evidence, StoredProcessor, Violation};
use runtime::{
    event::{Event, Offset},
    processor::ProcessorError,
    stream::CoreState,
};
use serde_json::Value;
use std::sync::Arc;

/// The stored state is the fold of the log already.
pub fn check(
    evidence: &Evidence,
    stored: &StoredProcessor,
    log: &[Arc<Event>],
) -> Result<(), Violation> {
    let fold = evidence.fold(&stored.processor).expect("it was folded");
    let way = place(evidence, stored.offset.0);
    let again = fold
        .run(log, way)
        .and_then(|state| fold.resume((way, &state), log, stored.offset));
    same(stored, way, Ok(&stored.state), again)?;
    let rest = &log[log.partition_point(|event| event.offset <= stored.offset)..];
    if rest.iter().any(|event| fold.consumes(&event.kind)) {
        let head = Offset(u64::MAX);
        let resumed = fold.resume((stored.offset, &stored.state), log, head);
        let from_the_start = fold.run(log, head);
        same(stored, stored.offset, from_the_start.as_ref(), resumed)?;
    }
    Ok(())
}

fn same(
    stored: &StoredProcessor,
    way: Offset,
    expected: Result<&Value, &ProcessorError>,
    found: Result<Value, ProcessorError>,
) -> Result<(), Violation> {
    let who = format_args!("{} of {}", stored.processor, stored.object);
    let message = match (expected, found) {
        (Ok(expected), Ok(found)) if *expected == found => return Ok(()),
        (Err(_), Err(_)) => return Ok(()),
        (Ok(expected), Ok(found)) => format!(
            "{who}, replayed with a checkpoint at {way}\n{}",
            differences(expected, &found)
        ),
        (Ok(_), Err(error)) => format!("{who}, replayed with a checkpoint at {way}: {error}"),
        (Err(error), Ok(_)) => format!("{who}, replayed without a checkpoint at {way}: {error}"),
    };
    Err(Violation::safety("replay-differs", message))
}

/// The same for the core state of one stream, another one in every world.
pub fn check_core(evidence: &Evidence) -> Result<(), Violation> {
    let count = evidence.logs.len() as u64;
    let Some(last) = count.checked_sub(1) else {
        return Ok(());
    };
    let chosen = place(evidence, last).0 as usize;
    let log = evidence.logs.values().nth(chosen).expect("one of them");
    let way = place(evidence, log.events.len() as u64);
    let (mut whole, mut again) = (CoreState::default(), CoreState::default());
    for event in &log.events {
        for state in [&mut whole, &mut again] {
            state.reduce(event).expect("it was reduced before");
        }
        if event.offset == way {
            again = read_back(&again);
        }
    }
    match whole == again {
        true => Ok(()),
        false => Err(Violation::safety(
            "replay-differs",
            format!(
                "the core state of {}, replayed with a checkpoint at {way}\n{}",
                log.name,
                differences(&json(&whole), &json(&again))
            ),
        )),
    }
}

fn read_back(state: &CoreState) -> CoreState {
    let text = serde_json::to_string(state).expect("a core state serializes");
    serde_json::from_str(&text).expect("a core state that was written can be read")
}

fn json(state: &CoreState) -> Value {
    serde_json::to_value(state).expect("a core state serializes")
}

/// From 0 to `last`, by the time at which the world came to its end.
fn place(evidence: &Evidence, last: u64) -> Offset {
    Offset(evidence.at_ms % (last + 1))
}

#[cfg(test)]
mod tests {
    use super::super::super::{
        tests::{tick, Count, COUNTER, TICK},
        History,
    };
    use super::super::StateIsFold;
    use super::*;
    use crate::world::FailureKind;
    use runtime::{
        event::PayloadError,
        processor::{Catalogue, Contract, EventDefinition, Fold, Processor},
    };
    use serde::{Deserialize, Serialize};
    use serde_json::json;
    use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

    const STREAM: &str = "p1:/a";

    static TICKS: Catalogue = Catalogue {
        owner: "test",
        events: &[EventDefinition::new(TICK, "counts")],
    };

    /// Counts in a field that it does not store.
    struct Forgetful;

    static FORGETFUL: Contract = Contract {
        slug: "forgetful",
        version: "0.1.0",
        description: "Counts.",
        events: &TICKS,
        dependencies: &[],
        consumes: &[TICK],
        emits: &[],
    };

    #[derive(Clone, Default, Serialize, Deserialize)]
    struct Forgotten {
        ticks: u64,
        #[serde(skip)]
        seen: u64,
    }

    impl Processor for Forgetful {
        type State = Forgotten;
        type Consumed = ();

        fn contract() -> &'static Contract {
            &FORGETFUL
        }

        fn parse(_: &Event) -> Result<(), PayloadError> {
            Ok(())
        }

        fn reduce(state: &mut Forgotten, _: &Event, (): &()) {
            state.seen += 1;
            state.ticks = state.seen;
        }
    }

    /// Looks at a clock.
    struct Clocked;

    static CLOCKED: Contract = Contract {
        slug: "clocked",
        version: "0.1.0",
        description: "Counts.",
        events: &TICKS,
        dependencies: &[],
        consumes: &[TICK],
        emits: &[],
    };
    static CLOCK: AtomicU64 = AtomicU64::new(0);

    impl Processor for Clocked {
        type State = Count;
        type Consumed = ();

        fn contract() -> &'static Contract {
            &CLOCKED
        }

        fn parse(_: &Event) -> Result<(), PayloadError> {
            Ok(())
        }

        fn reduce(state: &mut Count, _: &Event, (): &()) {
            state.ticks = CLOCK.fetch_add(1, Relaxed);
        }
    }

    static FOLDS: [Fold; 2] = [Fold::of::<Forgetful>(), Fold::of::<Clocked>()];

    /// Six ticks, and what a processor had made of the first five.
    fn judge(processor: &str, ticks: u64, at_ms: u64) -> Option<(&'static str, FailureKind)> {
        let ticked = (0..6).map(|_| tick());
        let state = json!({ "ticks": ticks });
        let history = History::new(&FOLDS)
            .log(STREAM, ticked)
            .checkpoint(COUNTER, STREAM, processor, 5, state)
            .at(at_ms);
        history.verdict(&StateIsFold)
    }

    const DIFFERS: Option<(&str, FailureKind)> = Some(("replay-differs", FailureKind::Safety));

    #[test]
    fn a_reducer_that_remembers_what_it_does_not_store_comes_to_another_end() {
        for at_ms in 0..6 {
            assert_eq!(judge("forgetful", 5, at_ms), DIFFERS, "{at_ms}");
        }
    }

    #[test]
    fn a_reducer_with_a_clock_comes_to_another_end() {
        // The first fold ends at the hand that the checkpoint shows.
        CLOCK.store(10, Relaxed);
        assert_eq!(judge("clocked", 14, 0), DIFFERS);
    }
}
