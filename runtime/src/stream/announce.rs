//! Ancestor announcements (spec §1.7): a stream tells every stream above it that it exists.
//!
//! Production announces once, as a side effect of `created`, and a lost announcement stays lost
//! . Here it is an obligation: until every ancestor has taken the announcement, a durable alarm,
//! set in the transaction of `created`, brings the stream back to it, ever more patiently: an
//! ancestor may be paused for long. Announcements are keyed, so to repeat one is harmless.

use super::{
    contract::{ChildStreamCreated, CHILD_STREAM_CREATED},
    object::StreamObject,
};
use crate::{
    call::{Argument, Arguments, CallError},
    event::{EventInput, StreamPath},
    platform::NoteKind,
    quirk::Quirk,
};
use futures_util::future::join_all;
use std::{rc::Rc, sync::Arc};

/// Set when every ancestor has taken the announcement.
const ANNOUNCED_KEY: &str = "announcedToAncestors";

/// How long an announcement may be outstanding before the alarm looks after it, the first time.
const ANNOUNCEMENT_ALARM_MS: u64 = 10_000;

/// How long at most, however often that led to nothing.
const ANNOUNCEMENT_ALARM_MAX_MS: u64 = 320_000;

impl StreamObject {
    /// Announces this stream to its ancestors, unless that is done or under way.
    pub(super) fn announce(self: &Rc<Self>) {
        if !self.owes_announcement() {
            return;
        }
        let now = self.context.now();
        let mut patience = self.announcements.get();
        let is_due = patience.is_due(now);
        let wait_ms = match is_due {
            true => patience.tried(now, ANNOUNCEMENT_ALARM_MS, ANNOUNCEMENT_ALARM_MAX_MS),
            false => patience.remaining_ms(now),
        };
        self.announcements.set(patience);
        if !self.context.quirk(Quirk::X6) {
            self.context.ensure_alarm(wait_ms);
        }
        if !is_due || self.announcing.replace(true) {
            return;
        }
        // The namespace of the state, which before the commit of `created` is a placeholder (B-07).
        let namespace = self.state().namespace.clone();
        let announcements = self
            .name()
            .path
            .ancestors()
            .map(|ancestor| {
                let event = announcement(&ancestor, &self.name().path);
                let arguments = Arguments::new().with("event", Argument::shared(Arc::new(event)));
                self.peer(&namespace, ancestor).call("append", arguments)
            })
            .collect::<Vec<_>>();
        let stream = self.clone();
        self.context.wait_until("announce", async move {
            let outcomes = join_all(announcements).await;
            stream.announcing.set(false);
            let taken: Result<Vec<_>, CallError> = outcomes.into_iter().collect();
            let storage = stream.context.storage();
            let settled = taken.and_then(|_| Ok(storage.put(ANNOUNCED_KEY, &true)?));
            if let Err(error) = settled {
                // The alarm stands, and looks after it.
                stream.context.note(
                    NoteKind::Failure,
                    format_args!("the announcement is still owed: {error}"),
                );
            }
        });
    }

    /// As [`StreamObject::announce`], by who did not see `created` happen.
    pub(super) fn take_up_announcement(self: &Rc<Self>) {
        if !self.context.quirk(Quirk::X6) {
            self.announce();
        }
    }

    fn owes_announcement(&self) -> bool {
        let done: Option<bool> = self
            .context
            .storage()
            .get(ANNOUNCED_KEY)
            .unwrap_or_default();
        done.is_none() && self.name().path != StreamPath::root()
    }
}

fn announcement(ancestor: &StreamPath, path: &StreamPath) -> EventInput {
    let payload = ChildStreamCreated {
        child_path: path.to_string(),
    };
    EventInput::new(CHILD_STREAM_CREATED, payload)
        .keyed(format!("child-stream-created:{ancestor}:{path}"))
}
