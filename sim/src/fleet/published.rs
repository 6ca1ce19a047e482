//! What left the streams, for the oracles. Each event is kept once: a stream that wakes often, and is read
//! often, gives out the same ones thousands of times, parsed anew each time.

use runtime::{call::ObjectName, event::Event};
use std::{collections::BTreeMap, sync::Arc};

/// Events that left a stream when they were durable, for the oracles: in a batch, or in the answer to
/// who appended or read them.
#[derive(Clone, Debug)]
pub struct Published {
    pub stream: ObjectName,
    pub incarnation: u64,
    /// Those that had not left it before as they are now.
    pub events: Vec<Arc<Event>>,
    /// How many there were.
    pub count: u64,
}

/// What left the logs that a stream had, one after the other.
#[derive(Default)]
pub(super) struct PublishedLogs(BTreeMap<ObjectName, Vec<PublishedLog>>);

/// What left one log.
#[derive(Default)]
struct PublishedLog {
    /// By offset, the first that was given out.
    known: Vec<Option<Arc<Event>>>,
    published: Vec<Published>,
}

impl PublishedLogs {
    /// `resets` is how often the stream had been reset by then.
    pub fn record(
        &mut self,
        stream: &ObjectName,
        resets: u64,
        incarnation: u64,
        events: &[Arc<Event>],
    ) {
        let logs = match self.0.get_mut(stream) {
            Some(logs) => logs,
            None => self.0.entry(stream.clone()).or_default(),
        };
        let resets = resets as usize;
        if logs.len() <= resets {
            logs.resize_with(resets + 1, PublishedLog::default);
        }
        let log = &mut logs[resets];
        let new = events.iter().filter(|event| log.is_new(event));
        let events_new = new.cloned().collect();
        log.published.push(Published {
            stream: stream.clone(),
            incarnation,
            events: events_new,
            count: events.len() as u64,
        });
    }

    /// Of the logs after so many resets.
    pub fn of_present_logs(&self, resets: impl Fn(&ObjectName) -> u64) -> Vec<Published> {
        let present = self.0.iter().filter_map(|(stream, logs)| {
            let log = logs.get(resets(stream) as usize)?;
            Some(log.published.iter().cloned())
        });
        present.flatten().collect()
    }
}

impl PublishedLog {
    fn is_new(&mut self, event: &Arc<Event>) -> bool {
        let place = event.offset.0 as usize;
        if self.known.len() <= place {
            self.known.resize(place + 1, None);
        }
        match &self.known[place] {
            Some(known) => !Arc::ptr_eq(known, event) && known != event,
            None => {
                self.known[place] = Some(event.clone());
                true
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use runtime::event::{EventType, Offset, Timestamp};

    fn event(offset: u64, kind: &'static str) -> Arc<Event> {
        Arc::new(Event {
            kind: EventType::of(kind),
            payload: None,
            metadata: None,
            source: None,
            idempotency_key: None,
            offset: Offset(offset),
            created_at: Timestamp::from_unix_ms(0),
        })
    }

    /// How many events were kept of each that was given out, and how many there were.
    fn kept(logs: &PublishedLogs, resets: u64) -> Vec<(usize, u64)> {
        let published = logs.of_present_logs(|_| resets).into_iter();
        published.map(|it| (it.events.len(), it.count)).collect()
    }

    #[test]
    fn an_event_is_kept_once_unless_it_is_another() {
        let stream = ObjectName::new("STREAM", "p1:/a");
        let mut logs = PublishedLogs::default();
        let mut give_out = |resets, events: &[Arc<Event>]| logs.record(&stream, resets, 1, events);
        give_out(0, &[event(1, "test/a"), event(2, "test/a")]);
        give_out(0, &[event(2, "test/a"), event(3, "test/a")]);
        give_out(0, &[event(2, "test/b")]);
        give_out(1, &[event(2, "test/a")]);
        assert_eq!(kept(&logs, 0), [(2, 2), (1, 2), (1, 1)]);
        assert_eq!(kept(&logs, 1), [(1, 1)], "of the log that began then");
    }
}
