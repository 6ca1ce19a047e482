//! Reads the logs and the processors' checkpoints. Asserts that every checkpointed state is the
//! fold of the consumed events up to the checkpoint's offset, that no checkpoint is ahead of its
//! log, and that at rest none is behind its last consumed event, unless an `error-occurred` says
//! that the processor gave up (spec §7.8, number 2). The fold runs the product's own reducer anew,
//! from nothing, and once more with a checkpoint on the way (`replay.rs`; number 12). Does not assert
//! that the reducer is right.

mod replay;

use super::{difference::differences, Evidence, Oracle, StoredProcessor, Violation};
use crate::world::StreamLog;
use runtime::{
    call::ObjectName,
    event::{Event, Offset, StreamName},
    stream::{
        contract::{
            DisconnectReason, Subscriber, SubscriberDisconnected, CORE_PREFIX, ERROR_OCCURRED,
            RESUMED, SUBSCRIBER_CONNECTED, SUBSCRIBER_DISCONNECTED,
        },
        CoreState,
    },
};
use std::{collections::BTreeMap, sync::Arc};

pub struct StateIsFold;

impl Oracle for StateIsFold {
    fn name(&self) -> &'static str {
        "processor"
    }

    fn asserts(&self) -> &'static str {
        "a checkpointed state is the fold of the log, and at rest no processor is behind"
    }

    fn judge(&self, evidence: &Evidence) -> Result<u64, Violation> {
        let mut cores = BTreeMap::new();
        for log in evidence.logs.values() {
            cores.insert(&log.name, check_core(evidence, log)?);
        }
        let mut right = cores.len() as u64;
        replay::check_core(evidence)?;
        for stored in &evidence.processors {
            let stream = StreamName::parse(&stored.object.name).expect("named after streams");
            let core = cores.get(&stream);
            if core.is_none_or(|core| !is_left_over(stored, core)) {
                check_fold(evidence, stored, &stream)?;
                replay::check(evidence, stored, evidence.log(&stream))?;
                right += 1;
            }
        }
        for log in evidence.logs.values() {
            for (key, object, processor) in dialed(&cores[&log.name]) {
                check_caught_up(evidence, log, &key, &object, &processor)?;
                right += 1;
            }
        }
        Ok(right)
    }
}

/// The checkpoint comes from a log that was reset, and nobody has told its host so: the present log
/// does not dial it.
fn is_left_over(stored: &StoredProcessor, core: &CoreState) -> bool {
    let is_dialed = dialed(core)
        .any(|(_, object, processor)| object == stored.object && processor == stored.processor);
    let from = stored.log_created_at.as_deref();
    !is_dialed && from.is_some_and(|from| *from != *core.created_at)
}

/// The hosted processors that a stream dials: subscription key, object, processor.
fn dialed(core: &CoreState) -> impl Iterator<Item = (Arc<str>, ObjectName, String)> + '_ {
    let subscriptions = core.subscriptions_by_key.iter();
    subscriptions.filter_map(|(key, subscription)| {
        match &subscription.latest_configured_event.payload.subscriber {
            Subscriber::Callable { callable } => {
                // Who is dialed in another way may be nobody's processor.
                let hosted = callable.as_hosted_processor()?;
                let object = ObjectName::new(hosted.binding_name.to_owned(), hosted.object);
                Some((key.clone(), object, hosted.processor.to_owned()))
            }
            _ => None,
        }
    })
}

/// The core processor's state, folded; it is what the stream had stored.
fn check_core(evidence: &Evidence, log: &StreamLog) -> Result<CoreState, Violation> {
    let mut core = CoreState::default();
    for event in &log.events {
        if let Err(error) = core.reduce(event) {
            return Err(Violation::safety(
                "log-does-not-reduce",
                format!("stream {}: {error}", log.name),
            ));
        }
    }
    match evidence.core_states.get(&log.name) {
        Some(stored) if **stored != core => Err(Violation::safety(
            "core-state-not-fold",
            format!(
                "stream {}: stored state is at {}, its log at {}",
                log.name, stored.max_offset, core.max_offset
            ),
        )),
        _ => Ok(core),
    }
}

fn check_fold(
    evidence: &Evidence,
    stored: &StoredProcessor,
    stream: &StreamName,
) -> Result<(), Violation> {
    let Some(fold) = evidence.fold(&stored.processor) else {
        panic!(
            "the scenario folds every processor, but not {:?}",
            stored.processor
        );
    };
    let log = evidence.log(stream);
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
                "{who} at {}\n{}",
                stored.offset,
                differences(&stored.state, &folded)
            ),
        ));
    }
    Ok(())
}

fn check_caught_up(
    evidence: &Evidence,
    log: &StreamLog,
    key: &str,
    object: &ObjectName,
    processor: &str,
) -> Result<(), Violation> {
    let Some(fold) = evidence.fold(processor) else {
        panic!("the scenario folds every processor, but not {processor:?}");
    };
    let let_go = let_go(&log.events, key);
    let is_owed = |event: &&Arc<Event>| {
        let dials = !event.kind.as_str().starts_with(CORE_PREFIX);
        fold.consumes(&event.kind) && (dials || let_go.is_none_or(|at| event.offset < at))
    };
    let owed = log.events.iter().rev().find(is_owed);
    let owed = owed.map_or(Offset::ZERO, |event| event.offset);
    let stored = evidence.processor(object, processor);
    let offset = stored.map_or(Offset::ZERO, |stored| stored.offset);
    let is_excused = gave_up(&log.events, processor, offset) && !left_alone(&log.events, key);
    if offset < owed && !is_excused {
        let stream = &log.name;
        return Err(Violation::liveness(
            "behind",
            format!("{processor} of {object} is at {offset}, the last event for it in {stream} at {owed}"),
        ));
    }
    Ok(())
}

/// Where the stream let go of a subscriber on which nothing happened, unless it is connected again.
/// What the stream says of itself from there on does not dial it (spec §1.12).
fn let_go(log: &[Arc<Event>], key: &str) -> Option<Offset> {
    disconnected(log, key, DisconnectReason::Idle)
}

/// The subscriber unsubscribed, a domain event came or the stream was resumed, and nobody dialed it.
fn left_alone(log: &[Arc<Event>], key: &str) -> bool {
    let unsubscribed = disconnected(log, key, DisconnectReason::Unsubscribed);
    let dials =
        |event: &Arc<Event>| !event.kind.as_str().starts_with(CORE_PREFIX) || event.kind == RESUMED;
    unsubscribed.is_some_and(|at| log.iter().any(|event| event.offset > at && dials(event)))
}

/// Where a key was disconnected for this reason, if nothing was heard of it since.
fn disconnected(log: &[Arc<Event>], key: &str, reason: DisconnectReason) -> Option<Offset> {
    let presence = log.iter().rev().find(|event| {
        let payload = event.payload.as_deref();
        (event.kind == SUBSCRIBER_CONNECTED || event.kind == SUBSCRIBER_DISCONNECTED)
            && payload.is_some_and(|payload| payload["subscriptionKey"] == key)
    })?;
    let disconnected: SubscriberDisconnected = presence.payload().ok()?;
    (disconnected.reason == reason).then_some(presence.offset)
}

/// An event in the log says that the processor gave up at this checkpoint.
fn gave_up(log: &[Arc<Event>], processor: &str, checkpoint: Offset) -> bool {
    let expected = format!("processor-ingest-failed:{processor}:{checkpoint}");
    log.iter().any(|event| {
        event.kind == ERROR_OCCURRED
            && event
                .idempotency_key
                .as_ref()
                .is_some_and(|key| key.as_str() == expected)
    })
}

#[cfg(test)]
mod tests {
    use super::super::{
        tests::{tick, Count, Counter, COUNTER, TICK},
        Entry, History,
    };
    use super::*;
    use crate::world::FailureKind;
    use runtime::{
        callable::Callable,
        event::{EventType, PayloadError},
        processor::{Catalogue, Contract, Fold, Processor, WILDCARD},
        stream::contract::{
            Created, ErrorOccurred, SubscriptionConfigured, CREATED, SUBSCRIPTION_CONFIGURED,
        },
    };
    use serde_json::{json, Value};

    static FOLDS: [Fold; 1] = [Fold::of::<Counter>()];

    const STREAM: &str = "p1:/a";

    fn judge(history: History) -> Option<(&'static str, FailureKind)> {
        history.verdict(&StateIsFold)
    }

    /// A stream with a subscription of the counter, and then these events, from offset 3.
    fn subscribed(events: impl IntoIterator<Item = Entry>) -> History {
        let created = Created {
            namespace: "p1".to_owned(),
            path: "/a".to_owned(),
        };
        let callable = Callable::hosted_processor(COUNTER, STREAM, "counter");
        let subscription = SubscriptionConfigured {
            subscription_key: "counter".to_owned(),
            subscriber: Subscriber::Callable { callable },
        };
        let head = [
            Entry::new(CREATED, created),
            Entry::new(SUBSCRIPTION_CONFIGURED, subscription),
        ];
        let history = History::new(&FOLDS).log(STREAM, head);
        history.log(STREAM, events)
    }

    fn counted(history: History, offset: u64, ticks: u64) -> History {
        history.checkpoint(
            COUNTER,
            STREAM,
            "counter",
            offset,
            json!({ "ticks": ticks }),
        )
    }

    fn gave_up(processor: &str, checkpoint: u64) -> Entry {
        let error = ErrorOccurred {
            message: "gave up".to_owned(),
            error: None,
        };
        let key = format!("processor-ingest-failed:{processor}:{checkpoint}");
        Entry::new(ERROR_OCCURRED, error).keyed(&key)
    }

    #[test]
    fn a_processor_that_counted_everything_is_right() {
        assert_eq!(judge(counted(subscribed([tick(), tick()]), 4, 2)), None);
    }

    #[test]
    fn events_that_are_not_consumed_are_not_owed() {
        let other = Entry::new(EventType::of("test/other"), json!({}));
        assert_eq!(judge(counted(subscribed([tick(), other]), 3, 1)), None);
        assert_eq!(judge(subscribed([])), None);
    }

    #[test]
    fn a_state_that_skipped_an_event_is_wrong() {
        let history = counted(subscribed([tick(), tick()]), 4, 1);
        assert_eq!(
            judge(history),
            Some(("state-not-fold", FailureKind::Safety))
        );
    }

    #[test]
    fn a_checkpoint_ahead_of_its_log_is_wrong() {
        let history = counted(subscribed([tick()]), 4, 1);
        assert_eq!(judge(history), Some(("ahead-of-log", FailureKind::Safety)));
    }

    #[test]
    fn a_processor_behind_its_last_event_is_wrong() {
        let behind = Some(("behind", FailureKind::Liveness));
        assert_eq!(judge(counted(subscribed([tick(), tick()]), 3, 1)), behind);
        assert_eq!(judge(subscribed([tick()])), behind, "never checkpointed");
    }

    #[test]
    fn a_processor_that_said_it_gave_up_may_be_behind() {
        let history = subscribed([tick(), tick(), gave_up("counter", 3)]);
        assert_eq!(judge(counted(history, 3, 1)), None);
        let behind = Some(("behind", FailureKind::Liveness));
        for other in [gave_up("another", 3), gave_up("counter", 2)] {
            let history = subscribed([tick(), tick(), other]);
            assert_eq!(judge(counted(history, 3, 1)), behind);
        }
    }

    /// A processor that takes everything misses what the stream says of itself once it was let go.
    #[test]
    fn a_subscriber_that_was_let_go_is_owed_domain_events_only() {
        let presence = |kind, extra: Value| {
            let mut payload = json!({ "subscriptionKey": "counter" });
            payload
                .as_object_mut()
                .expect("an object")
                .extend(extra.as_object().cloned().unwrap());
            Entry::new(kind, payload)
        };
        let let_go = || presence(SUBSCRIBER_DISCONNECTED, json!({ "reason": "idle" }));
        let lost = || presence(SUBSCRIBER_DISCONNECTED, json!({ "reason": "rpc-broken" }));
        let connected = || presence(SUBSCRIBER_CONNECTED, json!({ "direction": "outbound" }));
        let at_3 = |events| {
            static FOLDS: [Fold; 1] = [Fold::of::<Everything>()];
            let mut evidence = counted(subscribed(events), 3, 3).evidence();
            evidence.folds = &FOLDS;
            StateIsFold
                .judge(&evidence)
                .err()
                .map(|violation| violation.class)
        };
        assert_eq!(at_3(vec![tick(), let_go()]), None);
        assert_eq!(at_3(vec![tick(), let_go(), tick()]), Some("behind"));
        assert_eq!(at_3(vec![tick(), lost()]), Some("behind"));
        assert_eq!(at_3(vec![tick(), let_go(), connected()]), Some("behind"));
    }

    /// Counts every event.
    struct Everything;

    static EVERYTHING: Contract = Contract {
        slug: "counter",
        version: "0.1.0",
        description: "Counts everything.",
        events: &Catalogue {
            owner: "counter",
            events: &[],
        },
        dependencies: &[],
        consumes: &[WILDCARD],
        emits: &[],
    };

    impl Processor for Everything {
        type State = Count;
        type Consumed = ();

        fn contract() -> &'static Contract {
            &EVERYTHING
        }

        fn parse(_: &Event) -> Result<(), PayloadError> {
            Ok(())
        }

        fn reduce(state: &mut Count, _: &Event, (): &()) {
            state.ticks += 1;
        }
    }

    #[test]
    fn a_checkpoint_left_over_from_a_reset_is_wrong_only_if_the_present_log_dials_it() {
        let from = "2001-01-01T00:00:00.000Z";
        let dialed = counted(subscribed([tick()]), 9, 7).folded_from(from);
        assert_eq!(judge(dialed), Some(("ahead-of-log", FailureKind::Safety)));
        let history = History::new(&FOLDS).log(STREAM, [tick()]);
        assert_eq!(judge(counted(history, 9, 7).folded_from(from)), None);
    }

    /// A domain event, or `resumed`, dials who had unsubscribed.
    #[test]
    fn who_gave_up_and_was_left_alone_after_that_is_behind() {
        let unsubscribed = || {
            let payload = json!({ "subscriptionKey": "counter", "reason": "unsubscribed" });
            Entry::new(SUBSCRIBER_DISCONNECTED, payload)
        };
        let connected = || {
            let payload = json!({ "subscriptionKey": "counter", "direction": "outbound" });
            Entry::new(SUBSCRIBER_CONNECTED, payload)
        };
        let at_3 = |later: Vec<Entry>| {
            let poison = [tick(), tick(), gave_up("counter", 3), unsubscribed()];
            judge(counted(subscribed(poison.into_iter().chain(later)), 3, 1))
        };
        let behind = Some(("behind", FailureKind::Liveness));
        assert_eq!(at_3(vec![]), None);
        assert_eq!(at_3(vec![tick()]), behind);
        assert_eq!(at_3(vec![Entry::new(RESUMED, json!({}))]), behind);
        assert_eq!(at_3(vec![tick(), connected(), unsubscribed()]), None);
    }

    #[test]
    fn a_core_state_that_is_not_its_logs_fold_is_wrong() {
        let mut evidence = counted(subscribed([tick()]), 3, 1).evidence();
        let name = evidence.logs.keys().next().expect("one log").clone();
        evidence.core_states.insert(name, Arc::default());
        let violation = StateIsFold.judge(&evidence).unwrap_err();
        assert_eq!(violation.class, "core-state-not-fold");
        assert_eq!(violation.kind, FailureKind::Safety);
    }

    #[test]
    fn a_log_that_a_reducer_refuses_is_wrong() {
        let malformed = Entry::new(TICK, 7);
        let history = counted(subscribed([malformed]), 3, 1);
        assert_eq!(
            judge(history),
            Some(("log-does-not-fold", FailureKind::Safety))
        );
        let malformed = Entry::new(SUBSCRIPTION_CONFIGURED, 7);
        let history = subscribed([malformed]);
        assert_eq!(
            judge(history),
            Some(("log-does-not-reduce", FailureKind::Safety))
        );
    }
}
