//! A stream in memory: dense offsets, keys that hit, offset preconditions, pauses, all or nothing
//! (spec §1.2, §1.5). It has no core processor: nothing is appended to it by itself.

use runtime::{
    event::{Event, EventInput, EventType, Offset, Timestamp},
    stream::{
        contract::{PauseChange, ALLOWED_WHILE_PAUSED, PAUSED, RESUMED},
        AppendError,
    },
};
use std::{cell::RefCell, sync::Arc};

#[derive(Default)]
pub struct Log(RefCell<Vec<Arc<Event>>>);

impl Log {
    pub fn all(&self) -> Vec<Arc<Event>> {
        self.0.borrow().clone()
    }

    pub fn head(&self) -> Offset {
        Offset(self.0.borrow().len() as u64)
    }

    /// Events with `after < offset < before`.
    pub fn between(&self, after: Offset, before: Option<Offset>) -> Vec<Arc<Event>> {
        let events = self.0.borrow();
        let above = events.iter().filter(|event| event.offset > after);
        let between = above.filter(|event| before.is_none_or(|before| event.offset < before));
        between.cloned().collect()
    }

    /// Where the last event of that type stands.
    pub fn last(&self, kind: &EventType) -> Option<Offset> {
        let events = self.0.borrow();
        let last = events.iter().rfind(|event| event.kind == *kind);
        last.map(|event| event.offset)
    }

    /// Appends a batch at that time. The result is aligned with the input.
    ///
    /// # Errors
    /// The whole batch is refused and nothing is written.
    pub fn append(
        &self,
        inputs: Vec<EventInput>,
        now: Timestamp,
    ) -> Result<Vec<Arc<Event>>, AppendError> {
        let mut working = self.0.borrow().clone();
        let mut result = Vec::new();
        for input in inputs {
            let event = match hit(&working, &input)? {
                Some(hit) => hit,
                None => {
                    let event = Arc::new(admit(&working, input, now)?);
                    working.push(event.clone());
                    event
                }
            };
            result.push(event);
        }
        *self.0.borrow_mut() = working;
        Ok(result)
    }
}

/// The event that already has the key.
fn hit(events: &[Arc<Event>], input: &EventInput) -> Result<Option<Arc<Event>>, AppendError> {
    let Some(key) = &input.idempotency_key else {
        return Ok(None);
    };
    let has_key = |event: &&Arc<Event>| event.idempotency_key.as_ref() == Some(key);
    let Some(hit) = events.iter().find(has_key) else {
        return Ok(None);
    };
    match input.offset.filter(|given| *given != hit.offset) {
        Some(given) => Err(AppendError::KeyConflict {
            hit: hit.offset,
            given,
        }),
        None => Ok(Some(hit.clone())),
    }
}

fn admit(events: &[Arc<Event>], input: EventInput, now: Timestamp) -> Result<Event, AppendError> {
    if let Some(reason) = pause(events).filter(|_| !ALLOWED_WHILE_PAUSED.contains(&input.kind)) {
        return Err(AppendError::Paused { reason });
    }
    let actual = Offset(events.len() as u64).next();
    if let Some(given) = input.offset.filter(|given| *given != actual) {
        return Err(AppendError::OffsetConflict { given, actual });
    }
    Ok(Event {
        kind: input.kind,
        payload: input.payload,
        metadata: input.metadata,
        source: input.source,
        idempotency_key: input.idempotency_key,
        offset: actual,
        created_at: now,
    })
}

/// Why the stream is paused, if it is.
fn pause(events: &[Arc<Event>]) -> Option<String> {
    let changes = |event: &&Arc<Event>| event.kind == PAUSED || event.kind == RESUMED;
    let last = events.iter().rfind(changes)?;
    (last.kind == PAUSED).then(|| {
        let change = last.payload::<PauseChange>().unwrap_or_default();
        change.reason.unwrap_or_else(|| "unknown reason".to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const WORK: EventType = EventType::of("test/work");

    fn append(log: &Log, inputs: Vec<EventInput>) -> Result<Vec<u64>, AppendError> {
        let appended = log.append(inputs, Timestamp::default())?;
        Ok(appended.iter().map(|event| event.offset.0).collect())
    }

    fn work() -> EventInput {
        EventInput::new(WORK, json!({}))
    }

    #[test]
    fn a_key_hits_also_in_its_own_batch_and_while_paused() {
        let log = Log::default();
        let keyed = || work().keyed("k");
        assert_eq!(
            append(&log, vec![keyed(), work(), keyed()]).unwrap(),
            [1, 2, 1]
        );
        append(
            &log,
            vec![EventInput::new(PAUSED, json!({ "reason": "lunch" }))],
        )
        .unwrap();
        assert_eq!(append(&log, vec![keyed()]).unwrap(), [1]);
        let refused = append(&log, vec![keyed(), work()]).unwrap_err();
        assert_eq!(refused.to_string(), "stream paused: lunch");
        append(&log, vec![EventInput::new(RESUMED, json!({})), work()]).unwrap();
        assert_eq!(log.head(), Offset(5));
    }

    #[test]
    fn a_precondition_that_does_not_hold_refuses_the_whole_batch() {
        let log = Log::default();
        let refused = append(&log, vec![work(), work().at(Offset(1))]).unwrap_err();
        assert_eq!(refused.code(), AppendError::OFFSET_CONFLICT);
        append(&log, vec![work(), work().keyed("k").at(Offset(2))]).unwrap();
        let refused = append(&log, vec![work().keyed("k").at(Offset(3))]).unwrap_err();
        assert_eq!(refused.code(), AppendError::KEY_CONFLICT);
        assert_eq!(log.head(), Offset(2));
    }
}
