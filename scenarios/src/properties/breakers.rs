//! Reads the logs and the checkpoints of circuit breakers. Asserts that a breaker pauses only because
//! of an event that found its bucket overdrawn, and that at rest no bucket is, unless the stream is
//! paused: a pause fills it, so a trip that led to none shows (spec §1.14; B-33). Does not assert how
//! soon a pause follows.

use crate::readings::all;
use processors::circuit_breaker::{
    contract::{State, SLUG},
    CircuitBreaker,
};
use runtime::{
    event::{Event, Offset, StreamName},
    processor::Fold,
    stream::contract::{PAUSED, RESUMED},
};
use serde::Deserialize;
use serde_json::Value;
use sim::{
    oracles::{Evidence, Oracle, Violation},
    world::StreamLog,
};
use std::sync::Arc;

pub struct Breakers;

impl Oracle for Breakers {
    fn name(&self) -> &'static str {
        "breaker"
    }

    fn asserts(&self) -> &'static str {
        "a breaker pauses its stream when its bucket is overdrawn, and only then"
    }

    fn judge(&self, evidence: &Evidence) -> Result<u64, Violation> {
        let mut right = 0;
        for log in evidence.logs.values() {
            for (event, source) in pauses(log) {
                check_tripped(log, event, source)?;
                right += 1;
            }
        }
        let breakers = evidence.processors.iter();
        for stored in breakers.filter(|stored| stored.processor == SLUG) {
            let stream = StreamName::parse(&stored.object.name).expect("a stream's name");
            if is_tripped(&stored.state) && !is_paused(evidence.log(&stream)) {
                return Err(Violation::liveness(
                    "trip-lost",
                    format!("{} tripped, and nobody paused its stream", stored.object),
                ));
            }
            right += 1;
        }
        Ok(right)
    }
}

/// The pauses of breakers, each with the offset of what tripped it.
fn pauses(log: &StreamLog) -> impl Iterator<Item = (&Event, Offset)> {
    all(&log.events, PAUSED).filter_map(|event| {
        let key = event.idempotency_key.as_ref()?;
        let source = key.as_str().strip_prefix("stream-paused:")?;
        Some((&**event, Offset(source.parse().ok()?)))
    })
}

fn check_tripped(log: &StreamLog, pause: &Event, source: Offset) -> Result<(), Violation> {
    let state = Fold::of::<CircuitBreaker>().run(&log.events, source);
    match source < pause.offset && state.is_ok_and(|state| is_tripped(&state)) {
        true => Ok(()),
        false => Err(Violation::safety(
            "untripped",
            format!(
                "{} was paused at {} because of {source}, which tripped nothing",
                log.name, pause.offset
            ),
        )),
    }
}

fn is_paused(log: &[Arc<Event>]) -> bool {
    let is_change = |event: &&Arc<Event>| event.kind == PAUSED || event.kind == RESUMED;
    let last = log.iter().rev().find(is_change);
    last.is_some_and(|change| change.kind == PAUSED)
}

fn is_tripped(state: &Value) -> bool {
    State::deserialize(state).is_ok_and(|state| state.is_tripped())
}

#[cfg(test)]
mod tests {
    use super::super::tests::{LIVENESS, SAFETY};
    use super::*;
    use processors::circuit_breaker::contract::CONFIGURED;
    use runtime::event::EventType;
    use serde_json::json;
    use sim::oracles::{Entry, History};

    const STREAM: &str = "p1:/a";

    /// A bucket for one event, then two events, then a pause because of this one.
    fn paused_because_of(source: u64) -> History {
        let limits = json!({ "burstCapacity": 1, "refillRatePerMinute": 1 });
        let work = || Entry::new(EventType::of("test/work"), json!({}));
        let pause = Entry::new(PAUSED, json!({})).keyed(&format!("stream-paused:{source}"));
        let log = [Entry::new(CONFIGURED, limits), work(), work(), pause];
        History::new(&[]).log(STREAM, log)
    }

    fn with_tokens(history: History, tokens: f64) -> History {
        let state = json!({
            "availableTokens": tokens, "lastRefillAtMs": 0,
            "burstCapacity": 1, "refillRatePerMinute": 1,
        });
        history.checkpoint("CIRCUIT_BREAKER", STREAM, SLUG, 4, state)
    }

    #[test]
    fn a_pause_because_of_an_overdraft_is_right() {
        assert_eq!(
            with_tokens(paused_because_of(3), 1.0).verdict(&Breakers),
            None
        );
    }

    #[test]
    fn a_pause_because_of_an_event_that_had_its_token_is_wrong() {
        for source in [2, 4, 9] {
            let found = paused_because_of(source).verdict(&Breakers);
            assert_eq!(found, Some(("untripped", SAFETY)), "{source}");
        }
    }

    #[test]
    fn a_pause_by_hand_needs_no_overdraft() {
        let by_hand = Entry::new(PAUSED, json!({}));
        let history = History::new(&[]).log(STREAM, [by_hand]);
        assert_eq!(history.verdict(&Breakers), None);
    }

    #[test]
    fn a_bucket_that_is_overdrawn_at_rest_is_wrong() {
        let lost = Some(("trip-lost", LIVENESS));
        assert_eq!(
            with_tokens(History::new(&[]), -1.0).verdict(&Breakers),
            lost
        );
        let resumed = paused_because_of(3).log(STREAM, [Entry::new(RESUMED, json!({}))]);
        assert_eq!(with_tokens(resumed, -1.0).verdict(&Breakers), lost);
    }

    /// A paused stream still says who comes and goes.
    #[test]
    fn a_bucket_may_be_overdrawn_while_the_stream_is_paused() {
        let found = with_tokens(paused_because_of(3), -1.0).verdict(&Breakers);
        assert_eq!(found, None);
    }
}
