//! `POST /v1/responses` (spec/peers.md §1.1, §1.2, §1.6): a response as a whole body, as a stream, or
//! in the background; and the faults that stand between the work and its reply.

use super::{failures, kept, ok, Call, Unanswered};
use crate::{
    activity::PendingKind,
    peers::{
        http::{
            body::{half, pieces, Body, Rest},
            events::{self, EventStream, Form},
            header_value, Reply,
        },
        openai::{
            course::Course,
            error::ApiError,
            faults::{BODY_CUT, CHUNKS, FORGET, REPLY_LOST, SLOW_HEADER},
            object::Status,
            outlet::{Outlet, Over, Way},
            recording::Recording,
            request::{self, Create},
            response::{keep, respond, Finished, Terminal},
            OpenAi, OpenAiFact,
        },
    },
};
use bytes::Bytes;
use hyper::header::CONTENT_LENGTH;
use std::sync::Arc;
use tokio::sync::oneshot;

pub(super) async fn answer(call: &Call) -> Result<Reply<Body>, Unanswered> {
    let service = &call.service;
    failures::check(call)?;
    let fields = request::fields(&call.body)?;
    let takes_unknown = service.config.takes_unknown_fields;
    let create = request::parse(fields, call.body.len(), takes_unknown)?;
    create.check_pairs(&open_calls(service, &create)?)?;

    let (choices, subject) = (&service.ports.choices, &service.subject);
    let lost = choices.variant(&REPLY_LOST, subject);
    if lost == Some("before-work") {
        call.record(OpenAiFact::RequestLost);
        return Err(Unanswered::NoReply);
    }
    let is_silent = service.is_silent();
    let late_ms = choices.delay_ms(&SLOW_HEADER, subject);
    let (number, id) = service.begin_response();
    call.record(OpenAiFact::RequestReceived {
        response_id: id.clone(),
        input_text: create.input_text.clone(),
        previous_response_id: create.previous_response_id.clone(),
    });
    if is_silent {
        call.record(OpenAiFact::Silenced { response_id: id });
        return Err(Unanswered::Never);
    }
    let (is_background, is_stream) = (create.background, create.stream);
    let course = |way| {
        let outlet = Outlet {
            service: service.clone(),
            connection: call.connection,
            way,
        };
        Course::new(id.clone(), number, create, outlet)
    };
    if lost.is_some() {
        whole(course, 0).await;
        call.record(OpenAiFact::Dropped {
            response_id: id,
            how: "reply-lost",
        });
        return Err(Unanswered::NoReply);
    }
    let reply = match (is_background, is_stream) {
        (true, is_stream) => {
            let (recording, queued) = in_background(course);
            service.ports.activity.sleep(late_ms).await;
            match is_stream {
                true => kept::follow(call, id, recording, 0),
                false => ok(queued),
            }
        }
        (false, true) => stream(service, course, late_ms).await,
        (false, false) => {
            let finished = whole(course, late_ms).await;
            whole_reply(call, id, finished)
        }
    };
    Ok(with_limits(reply))
}

/// The calls that the continued response left open (§2.5); there is no memory but the stored one.
fn open_calls(service: &OpenAi, create: &Create) -> Result<Vec<String>, ApiError> {
    let Some(previous) = create.previous_response_id.as_deref() else {
        return Ok(Vec::new());
    };
    let forgets = service.ports.choices.yes(&FORGET, &service.subject);
    let known = service.open_calls(previous).filter(|_| !forgets);
    known.ok_or_else(|| ApiError::previous_response_not_found(previous))
}

/// Makes a response and waits for it. It is made in a task of its own: whoever waits may leave.
async fn whole(course: impl FnOnce(Way) -> Course, late_ms: u64) -> Finished {
    // Dropped with this future.
    let (waiting, _waits) = oneshot::channel();
    let (done, finished) = oneshot::channel();
    let mut course = course(Way::Whole(waiting));
    let answering = course.service().ports.activity.begin(PendingKind::Message);
    madsim::task::spawn(async move {
        let made = match respond(&mut course).await {
            Ok(terminal) => course.outlet.pause(late_ms).await.map(|()| terminal),
            Err(over) => Err(over),
        };
        match made {
            Ok(Terminal::Finished(finished)) if !done.is_closed() => {
                // It is open, and nothing happens in between.
                let _ = done.send(finished);
            }
            Ok(Terminal::Finished(_)) | Err(Over::NobodyWaits) => abandoned(&course),
            Ok(Terminal::Errored) | Err(_) => panic!("only a stream is cut by an event"),
        }
        drop(answering);
    });
    finished.await.expect("somebody waits for it")
}

/// A reply with a whole body, unless the body is cut.
fn whole_reply(call: &Call, id: Arc<str>, finished: Finished) -> Reply<Body> {
    let service = &call.service;
    let cut = service.ports.choices.variant(&BODY_CUT, &service.subject);
    let Some(cut) = cut else {
        let reply = ok(&finished.json);
        call.record(finished.answered(&id));
        return reply;
    };
    let json = Bytes::from(finished.json);
    let response_id = id;
    let (rest, fact) = match cut {
        "closed" => {
            let how = "body-cut";
            (Rest::Closed, OpenAiFact::Dropped { response_id, how })
        }
        "stalled" => (Rest::Stalled, OpenAiFact::Stalled { response_id }),
        other => panic!("peer.openai.body-cut has no variant {other}"),
    };
    call.record(fact);
    let mut reply = ok("").map(|_| half(&json, rest));
    let headers = reply.headers_mut();
    headers.insert(CONTENT_LENGTH, header_value(json.len()));
    reply
}

/// A reply whose body is a stream of events, made while it is read.
async fn stream(service: &OpenAi, course: impl FnOnce(Way) -> Course, late_ms: u64) -> Reply<Body> {
    let (writer, body) = pieces();
    let (begin, begun) = oneshot::channel();
    let chunks = service.ports.choices.variant(&CHUNKS, &service.subject);
    let form = chunks.map_or(Form::Plain, Form::parse);
    let mut course = course(Way::Stream(EventStream::new(writer, form)));
    let answering = service.ports.activity.begin(PendingKind::Message);
    madsim::task::spawn(async move {
        let outcome = match course.outlet.pause(late_ms).await {
            Ok(()) => {
                // If nobody waits for the head, the first event tells.
                let _ = begin.send(());
                respond(&mut course).await
            }
            Err(over) => Err(over),
        };
        let over = end_stream(&mut course, outcome);
        drop(answering);
        if over == Some(Over::Stuck) {
            course.outlet.hold().await;
        }
    });
    begun.await.expect("the body is not dropped before");
    events::reply(body)
}

/// Ends a stream as its response ended.
fn end_stream(course: &mut Course, outcome: Result<Terminal, Over>) -> Option<Over> {
    let Way::Stream(stream) = &mut course.outlet.way else {
        panic!("a stream's response goes into a stream");
    };
    let over = match outcome {
        Err(Over::Dropped(_)) => {
            stream.cut();
            return None;
        }
        Err(Over::NobodyWaits) => Over::NobodyWaits,
        Err(over) => stream.flush().map_or(Over::NobodyWaits, |()| over),
        Ok(terminal) => match (stream.flush(), terminal) {
            (Ok(()), Terminal::Finished(finished)) => {
                course.record(finished.answered(&course.id));
                return None;
            }
            (Ok(()), Terminal::Errored) => return None,
            (Err(_), _) => Over::NobodyWaits,
        },
    };
    if over == Over::NobodyWaits {
        abandoned(course);
    }
    Some(over)
}

fn abandoned(course: &Course) {
    let abandoned = course.service().abandoned(course.id.clone());
    course.record(abandoned);
}

/// Sets a response under way that survives its request, and returns its Response object as it is now.
fn in_background(course: impl FnOnce(Way) -> Course) -> (Arc<Recording>, String) {
    let recording = Arc::new(Recording::default());
    let mut course = course(Way::Background(recording.clone()));
    let queued = course.response(Status::Queued).to_json();
    keep(&course, queued.clone(), None);
    let answering = course.service().ports.activity.begin(PendingKind::Message);
    let recorded = recording.clone();
    madsim::task::spawn(async move {
        if let Err(Over::NobodyWaits) = respond(&mut course).await {
            course.record(OpenAiFact::Cancelled {
                response_id: course.id.clone(),
            });
        }
        recorded.end();
        drop(answering);
    });
    (recording, queued)
}

/// The limits of the account (§1.3), of which this request took its part.
fn with_limits(mut reply: Reply<Body>) -> Reply<Body> {
    let limits = [
        ("x-ratelimit-limit-requests", "10000"),
        ("x-ratelimit-limit-tokens", "2000000"),
        ("x-ratelimit-remaining-requests", "9999"),
        ("x-ratelimit-remaining-tokens", "1999000"),
        ("x-ratelimit-reset-requests", "6ms"),
        ("x-ratelimit-reset-tokens", "30ms"),
    ];
    for (name, value) in limits {
        let value = hyper::header::HeaderValue::from_static(value);
        reply.headers_mut().insert(name, value);
    }
    reply
}
