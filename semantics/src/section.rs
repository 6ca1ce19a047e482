//! How a section reads: the events, what changed in the state, and what was done to the world.

use crate::{
    difference::{changes, Change},
    effect::{Effect, OnSocket},
    outline::{brief, fits, Page},
};
use runtime::event::{Event, EventType, StreamPath};
use serde_json::{json, Value};
use std::{fmt::Display, sync::Arc};

/// What every type of the platform begins with; left out.
const PREFIX: &str = "events.iterate.com/";

/// What is to be said of a delivered event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    None,
    BelowTheAnchor,
    NotConsumed,
    /// The processor appended it itself.
    Own,
    /// It was delivered before.
    Again,
}

impl Page {
    pub fn heading(&mut self, heading: impl Display) {
        self.line(0, "");
        self.line(0, heading);
    }

    /// A delivered event, in brief. What the processor appended itself, and what was delivered before,
    /// the page has told of already.
    pub fn event(&mut self, event: &Event, mark: Mark) {
        let (offset, kind) = (event.offset, short(&event.kind));
        let payload = event.payload.as_deref().map(brief).unwrap_or_default();
        match mark {
            Mark::None => self.line(0, format_args!("@{offset} {kind} {payload}")),
            Mark::BelowTheAnchor => {
                self.line(
                    0,
                    format_args!("@{offset} {kind} (below the anchor) {payload}"),
                );
            }
            Mark::NotConsumed => {
                self.line(0, format_args!("@{offset} {kind} (not consumed) {payload}"));
            }
            Mark::Own => self.line(0, format_args!("@{offset} {kind} (its own)")),
            Mark::Again => self.line(0, format_args!("@{offset} {kind} (again)")),
        }
    }
}

pub fn state(page: &mut Page, before: &Value, after: &Value) {
    let changes = changes(before, after);
    if changes.is_empty() {
        return;
    }
    page.line(2, "state");
    for Change {
        path,
        before,
        after,
    } in changes
    {
        let before = before.map_or("none".to_owned(), brief);
        match after {
            None => page.line(4, format_args!("{path}: {before} → none")),
            Some(after) if fits(after) => {
                page.line(4, format_args!("{path}: {before} → {after}"));
            }
            Some(after) => {
                page.line(4, format_args!("{path}: {before} →"));
                page.items(6, after);
            }
        }
    }
}

pub fn effect(page: &mut Page, effect: &Effect) {
    match effect {
        Effect::Appended { path, events } => {
            for appended in events {
                match appended.is_new {
                    true => append(page, path.as_ref(), &appended.event),
                    false => {
                        let Event { offset, kind, .. } = &*appended.event;
                        let kind = short(kind);
                        let to = to(path.as_ref());
                        page.line(2, format_args!("append{to} @{offset} {kind}: was there"));
                    }
                }
            }
        }
        Effect::NotAppended { path, kinds, error } => {
            let kinds: Vec<&str> = kinds.iter().map(short).collect();
            let (kinds, to) = (kinds.join(", "), to(path.as_ref()));
            page.line(2, format_args!("append{to} {kinds} failed: {error}"));
        }
        Effect::Called {
            object,
            method,
            arguments,
            outcome,
        } => {
            page.line(2, format_args!("call {object} {method}"));
            if arguments
                .as_object()
                .is_none_or(|fields| !fields.is_empty())
            {
                page.items(4, arguments);
            }
            match outcome {
                Ok(reply) => page.named(4, "reply", reply),
                Err(error) => page.line(4, format_args!("failed: {error}")),
            }
        }
        Effect::Asked {
            method,
            url,
            body,
            answer,
        } => {
            page.line(2, format_args!("{method} {url}"));
            match serde_json::from_str(body) {
                Ok(body) => page.items(4, &body),
                Err(_) if body.is_empty() => {}
                Err(_) => page.block(4, body),
            }
            match answer {
                Some((status, body)) => {
                    page.line(4, format_args!("answer {status} {}", brief(body)));
                }
                None => page.line(4, "no answer: the connection is cut"),
            }
        }
        Effect::Socket { url, what } => socket(page, url, what),
        Effect::Failed(failure) => page.line(2, failure),
    }
}

fn append(page: &mut Page, path: Option<&StreamPath>, event: &Arc<Event>) {
    let (to, kind) = (to(path), short(&event.kind));
    page.line(2, format_args!("append{to} @{} {kind}", event.offset));
    match &event.idempotency_key {
        Some(key) => page.line(4, format_args!("key {}", key.as_str())),
        None => page.line(4, "no key"),
    }
    if let Some(metadata) = &event.metadata {
        page.line(4, format_args!("metadata {}", json!(metadata)));
    }
    if let Some(payload) = event.payload.as_deref() {
        page.items(4, payload);
    }
}

fn to(path: Option<&StreamPath>) -> String {
    path.map(|path| format!(" to {path}")).unwrap_or_default()
}

fn socket(page: &mut Page, url: &str, what: &OnSocket) {
    match what {
        OnSocket::Refused => page.line(2, format_args!("{url} is not there")),
        OnSocket::Opened => page.line(2, format_args!("open {url}")),
        OnSocket::Sent(frame) => {
            page.line(2, format_args!("send to {url}"));
            page.items(4, frame);
        }
        OnSocket::Received(frame) => page.line(2, format_args!("hear {}", brief(frame))),
        OnSocket::ClosedByService(code) => page.line(2, format_args!("hear the end, code {code}")),
        OnSocket::Closed => page.line(2, format_args!("{url} is closed")),
    }
}

fn short(kind: &EventType) -> &str {
    let kind = kind.as_str();
    kind.strip_prefix(PREFIX).unwrap_or(kind)
}
