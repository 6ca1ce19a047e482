//! Stored responses (spec/peers.md §1.10, §1.11): fetched whole or as a resumed stream, deleted, their
//! input listed; a background response cancelled.

use super::{ok, Call};
use crate::{
    activity::PendingKind,
    peers::{
        http::{
            body::{pieces, Body},
            events::{self, EventStream, Form},
            Reply,
        },
        openai::{
            error::ApiError,
            event::{is_terminal, type_of},
            faults::{DROP_AFTER, STREAM_DROP},
            recording::Recording,
            Kept, OpenAi, OpenAiFact,
        },
    },
};
use serde_json::{json, Value};
use std::sync::Arc;

/// How many input items a page has, unless the request says otherwise, and at most.
const PAGE: usize = 20;
const PAGE_MAX: usize = 100;

/// Looks at a stored response.
fn with_kept<T>(
    call: &Call,
    id: &str,
    look: impl FnOnce(&mut Kept) -> Result<T, ApiError>,
) -> Result<T, ApiError> {
    let mut generated = call.service.generated();
    let kept = generated.kept.get_mut(id);
    look(kept.ok_or_else(|| not_found(id))?)
}

fn not_found(id: &str) -> ApiError {
    let message = format!("Response with id '{id}' not found.");
    ApiError::invalid(message).with_status(404)
}

pub(super) fn retrieve(call: &Call, id: &str) -> Result<Reply<Body>, ApiError> {
    if call.parameter("stream").as_deref() == Some("true") {
        return resume(call, id);
    }
    let (json, end) = with_kept(call, id, |kept| {
        Ok((kept.json.clone(), kept.handed_over(id)))
    })?;
    if let Some(end) = end {
        call.record(end);
    }
    Ok(ok(json))
}

/// The events behind a sequence number, those that are there and those that will be.
fn resume(call: &Call, id: &str) -> Result<Reply<Body>, ApiError> {
    let recording = with_kept(call, id, |kept| {
        let recording = kept.recording.clone().filter(|_| kept.is_stream);
        recording.ok_or_else(|| {
            let message = "Only responses created with 'background' and 'stream' can be streamed.";
            ApiError::invalid(message).with_param("stream")
        })
    })?;
    let from = match call.parameter("starting_after") {
        None => 0,
        Some(number) => {
            let number: usize = number.parse().map_err(|_| {
                let message = "Invalid type for 'starting_after': expected an integer.";
                ApiError::invalid(message).with_param("starting_after")
            })?;
            number.saturating_add(1)
        }
    };
    Ok(follow(call, id.into(), recording, from))
}

/// A stream of a background response's events, from that number on. Its connection may break, and the
/// response goes on.
pub(super) fn follow(
    call: &Call,
    id: Arc<str>,
    recording: Arc<Recording>,
    from: usize,
) -> Reply<Body> {
    let (writer, body) = pieces();
    let mut stream = EventStream::new(writer, Form::Plain);
    let service = call.service.clone();
    let connection = call.connection;
    let (choices, subject) = (&service.ports.choices, &service.subject);
    let cut = choices
        .yes(&STREAM_DROP, subject)
        .then(|| from + choices.draw(&DROP_AFTER, subject) as usize);
    let answering = service.ports.activity.begin(PendingKind::Message);
    madsim::task::spawn(async move {
        let mut is_over = false;
        for number in from.. {
            if cut == Some(number) {
                // The connection breaks too late to keep the end from the client.
                if let Some(end) = handed_over(&service, &id).filter(|_| is_over) {
                    service.ledger.record(connection, end);
                }
                let how = "reset";
                service.ledger.record(
                    connection,
                    OpenAiFact::Dropped {
                        response_id: id,
                        how,
                    },
                );
                stream.cut();
                break;
            }
            let event = tokio::select! {
                biased;
                event = recording.event(number) => event,
                () = stream.reader_left() => break,
            };
            let Some(event) = event else {
                if let Some(end) = handed_over(&service, &id) {
                    service.ledger.record(connection, end);
                }
                break;
            };
            let kind = type_of(&event);
            is_over = kind.is_some_and(is_terminal);
            if stream.send(kind, &event).is_err() {
                break;
            }
        }
        drop(answering);
    });
    events::reply(body)
}

fn handed_over(service: &OpenAi, id: &str) -> Option<OpenAiFact> {
    service.generated().kept.get(id)?.handed_over(id)
}

impl Kept {
    /// A background response that has its end is answered whenever somebody gets it.
    fn handed_over(&self, id: &str) -> Option<OpenAiFact> {
        self.recording.as_ref()?;
        let (status, text) = self.end.clone()?;
        Some(OpenAiFact::Answered {
            response_id: id.into(),
            status,
            text,
        })
    }
}

pub(super) fn delete(call: &Call, id: &str) -> Result<Reply<Body>, ApiError> {
    let deleted = call.service.generated().kept.remove(id);
    let deleted = deleted.ok_or_else(|| not_found(id))?;
    if let Some(recording) = deleted.recording {
        recording.cancel();
    }
    Ok(ok(json!({"id": id, "object": "response", "deleted": true})))
}

/// A response that is over stays as it is.
pub(super) fn cancel(call: &Call, id: &str) -> Result<Reply<Body>, ApiError> {
    with_kept(call, id, |kept| {
        let Some(recording) = &kept.recording else {
            let message = "Only background responses can be cancelled.";
            return Err(ApiError::invalid(message));
        };
        if recording.cancel() {
            let mut response: Value =
                serde_json::from_str(&kept.json).expect("a response is kept as JSON");
            response["status"] = "cancelled".into();
            kept.json = response.to_string().into();
        }
        Ok(ok(&kept.json))
    })
}

/// Newest first, unless the request says otherwise; `after` is the last id of the page before.
pub(super) fn input_items(call: &Call, id: &str) -> Result<Reply<Body>, ApiError> {
    let mut items = with_kept(call, id, |kept| Ok(kept.input.to_vec()))?;
    if call.parameter("order").as_deref() != Some("asc") {
        items.reverse();
    }
    if let Some(after) = call.parameter("after") {
        let at = items.iter().position(|item| item["id"] == after.as_str());
        items.drain(..at.map_or(items.len(), |at| at + 1));
    }
    let limit = call.parameter("limit").and_then(|limit| limit.parse().ok());
    let limit = limit.unwrap_or(PAGE).clamp(1, PAGE_MAX);
    let has_more = items.len() > limit;
    items.truncate(limit);
    let id_of = |item: Option<&Value>| item.map(|item| item["id"].clone());
    Ok(ok(json!({
        "object": "list",
        "first_id": id_of(items.first()),
        "last_id": id_of(items.last()),
        "has_more": has_more,
        "data": items,
    })))
}
