//! Reads the logs and the processors' checkpoints. Asserts that every checkpointed state is the
//! fold of the consumed events up to the checkpoint's offset, that no checkpoint is ahead of its
//! log, and that at rest none is behind its last consumed event, unless an `error-occurred` says
//! that the processor gave up (spec §7.8, numbers 2 and 12). The fold runs the product's own
//! reducer anew, from nothing, so a clock or a random number in it would show too. Does not assert
//! that the reducer is right.

use super::{Evidence, Oracle, StoredProcessor, Violation};
use runtime::{
    call::ObjectName,
    callable::Callable,
    event::{Event, Offset, StreamName},
    stream::{
        contract::{Subscriber, ERROR_OCCURRED},
        CoreState,
    },
};
use std::sync::Arc;

pub struct StateIsFold;

impl Oracle for StateIsFold {
    fn name(&self) -> &'static str {
        "processor"
    }

    fn asserts(&self) -> &'static str {
        "a checkpointed state is the fold of the log, and at rest no processor is behind"
    }

    fn judge(&self, evidence: &Evidence) -> Result<(), Violation> {
        for stored in &evidence.processors {
            check_fold(evidence, stored)?;
        }
        for log in evidence.logs.values() {
            let mut core = CoreState::default();
            for event in &log.events {
                if let Err(error) = core.reduce(event) {
                    return Err(Violation::safety(
                        "log-does-not-reduce",
                        format!("stream {}: {error}", log.name),
                    ));
                }
            }
            for subscription in core.subscriptions_by_key.values() {
                let configured = &subscription.latest_configured_event.payload;
                let Subscriber::Callable { callable } = &configured.subscriber else {
                    continue;
                };
                check_caught_up(evidence, &log.name, &log.events, callable)?;
            }
        }
        Ok(())
    }
}

fn check_fold(evidence: &Evidence, stored: &StoredProcessor) -> Result<(), Violation> {
    let Some(fold) = evidence.fold(&stored.processor) else {
        panic!(
            "the scenario folds every processor, but not {:?}",
            stored.processor
        );
    };
    let stream = StreamName::parse(&stored.object.name).expect("hosts are named after streams");
    let log = evidence.log(&stream);
    let head = log.last().map_or(Offset::ZERO, |event| event.offset);
    let who = format!("{} of {}", stored.processor, stored.object);
    if stored.offset > head {
        return Err(Violation::safety(
            "ahead-of-log",
            format!("{who} is at {}, its stream at {head}", stored.offset),
        ));
    }
    let folded = fold
        .run(log, stored.offset)
        .map_err(|error| Violation::safety("log-does-not-fold", format!("{who}: {error}")))?;
    if folded != stored.state {
        return Err(Violation::safety(
            "state-not-fold",
            format!(
                "{who} at {}: checkpointed {}, folded {folded}",
                stored.offset, stored.state
            ),
        ));
    }
    Ok(())
}

fn check_caught_up(
    evidence: &Evidence,
    stream: &StreamName,
    log: &[Arc<Event>],
    callable: &Callable,
) -> Result<(), Violation> {
    let Callable::WorkersRpc(rpc) = callable;
    let object = ObjectName::new(
        rpc.via.binding_name.clone(),
        rpc.via.durable_object.name.as_str(),
    );
    let merge = rpc
        .transform_input
        .as_ref()
        .map(|input| &input.shallow_merge);
    let processor = merge
        .and_then(|merge| merge.get("processorName"))
        .and_then(|name| name.as_str());
    let Some(processor) = processor else {
        return Ok(());
    };
    let Some(fold) = evidence.fold(processor) else {
        panic!("the scenario folds every processor, but not {processor:?}");
    };
    let owed = log.iter().rev().find(|event| fold.consumes(&event.kind));
    let owed = owed.map_or(Offset::ZERO, |event| event.offset);
    let stored = evidence.processor(&object, processor);
    let offset = stored.map_or(Offset::ZERO, |stored| stored.offset);
    if offset < owed && !gave_up(log, processor) {
        return Err(Violation::liveness(
            "behind",
            format!("{processor} of {object} is at {offset}, the last event for it in {stream} at {owed}"),
        ));
    }
    Ok(())
}

fn gave_up(log: &[Arc<Event>], processor: &str) -> bool {
    let prefix = format!("processor-ingest-failed:{processor}:");
    log.iter().any(|event| {
        event.kind == ERROR_OCCURRED
            && event
                .idempotency_key
                .as_ref()
                .is_some_and(|key| key.as_str().starts_with(&prefix))
    })
}
