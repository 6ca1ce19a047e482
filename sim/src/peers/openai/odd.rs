//! What a client need not understand (W13, W14, O16): frames, events and fields that no description
//! knows. It must pass over them, and a delta of a response that it gave up must not get into another
//! one.

use super::{
    course::{Course, Stage},
    faults::{ODD_EVENT, ODD_FRAME},
    outlet::{Over, Sent, Way},
    OpenAi,
};
use serde_json::{json, Value};
use tokio_tungstenite::tungstenite::{
    protocol::frame::{
        coding::{Data, OpCode},
        Frame as RawFrame,
    },
    Message as Frame,
};

/// No item of this name was ever announced.
const STRAY_ITEM: &str = "msg_stray";

pub(super) fn draw(service: &OpenAi, way: &Way) -> Option<&'static str> {
    let (choices, subject) = (&service.ports.choices, &service.subject);
    match way {
        Way::Socket { .. } => choices.variant(&ODD_FRAME, subject),
        Way::Stream(_) => choices.variant(&ODD_EVENT, subject),
        Way::Whole(_) | Way::Background(_) => None,
    }
}

/// The event `response.in_progress`, with what is odd in it or behind it.
pub(super) fn send_in_progress(course: &mut Course, odd: Option<&'static str>) -> Result<(), Over> {
    let event = course.stage(Stage::InProgress);
    match odd {
        None => course.outlet.send(event),
        Some("extra-fields") => {
            let mut event: Value = serde_json::from_str(&event).expect("an event is JSON");
            event["mood"] = "curious".into();
            event["response"]["mood"] = json!({ "is": "curious" });
            course.outlet.send(event.to_string())
        }
        Some(kind) => {
            course.outlet.send(event)?;
            send(course, kind)
        }
    }
}

fn send(course: &mut Course, kind: &'static str) -> Result<(), Over> {
    let event = match kind {
        "unknown-event" => json!({
            "type": "response.mood.changed",
            "mood": "curious",
            "sequence_number": course.next_number(),
        }),
        "unknown-item" => json!({
            "type": "response.output_item.added",
            "output_index": 7,
            "item": {"id": "od_1", "type": "oddity", "status": "in_progress"},
            "sequence_number": course.next_number(),
        }),
        "stray-delta" => json!({
            "type": "response.output_text.delta",
            "item_id": STRAY_ITEM,
            "output_index": 0,
            "content_index": 0,
            "delta": "Nobody asked for this.",
            "logprobs": [],
            "sequence_number": 4,
        }),
        "keepalive" => json!({
            "type": "keepalive",
            "sequence_number": course.next_number(),
        }),
        _ => {
            let Way::Socket { frames, .. } = &course.outlet.way else {
                panic!("a stream has no odd event {kind}");
            };
            let sent = frames.send(Sent::Odd(kind));
            return sent.map_err(|_| Over::NobodyWaits);
        }
    };
    course.outlet.send(event.to_string())
}

/// The frames of a variant of `peer.openai.odd-frame` that is no event.
pub(super) fn frames(kind: &'static str) -> Vec<Frame> {
    match kind {
        "binary" => vec![Frame::binary(vec![0xff, 0x00, 0xfe])],
        "not-json" => vec![Frame::text("{\"type\": \"response.")],
        // One text message in three frames.
        "fragments" => {
            let text = json!({"type": "response.mood.changed", "mood": "sleepy"}).to_string();
            let third = text.len() / 3;
            let fragments = [
                (&text[..third], Data::Text, false),
                (&text[third..2 * third], Data::Continue, false),
                (&text[2 * third..], Data::Continue, true),
            ];
            let frame = |(piece, data, is_final): (&str, _, _)| {
                let bytes = piece.as_bytes().to_vec();
                Frame::Frame(RawFrame::message(bytes, OpCode::Data(data), is_final))
            };
            fragments.map(frame).to_vec()
        }
        "ping" => vec![Frame::Ping(b"there?".to_vec().into())],
        other => panic!("peer.openai.odd-frame has no variant {other}"),
    }
}
