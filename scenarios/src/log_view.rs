//! Streams' event logs as text: a header a stream and a line an event, in aligned columns.
//!
//! A line shows offset, seconds since the start of the world, type (without the
//! `events.iterate.com/` in front), idempotency key and the payload in brief.

use crate::palette::{DIM, GOOD, STRONG};
use runtime::event::Event;
use sim::{time::EPOCH, world::StreamLog};
use std::fmt::Write;

/// Longer payloads are cut.
const PAYLOAD_CHARS_MAX: usize = 100;

/// Longer keys and types stand as they are, and push their own line's columns to the right.
const COLUMN_CHARS_MAX: usize = 60;

const PREFIX: &str = "events.iterate.com/";

/// Plain text, as snapshots have it.
pub fn render(logs: &[StreamLog]) -> String {
    anstream::adapter::strip_str(&styled(logs)).to_string()
}

/// The same with colours, for terminals.
pub fn styled(logs: &[StreamLog]) -> String {
    let mut text = String::new();
    for (place, log) in logs.iter().enumerate() {
        if place > 0 {
            text.push('\n');
        }
        let events = match log.events.len() {
            1 => "1 event".to_owned(),
            count => format!("{count} events"),
        };
        let name = &log.name;
        writeln!(text, "{STRONG}{name}{STRONG:#} {DIM}({events}){DIM:#}").expect("a string");
        write_events(&mut text, log);
    }
    text
}

fn write_events(text: &mut String, log: &StreamLog) {
    let rows: Vec<Row> = log.events.iter().map(|event| Row::new(event)).collect();
    let offset_width = width(&rows, |row| &row.offset);
    let seconds_width = width(&rows, |row| &row.seconds);
    let kind_width = width(&rows, |row| &row.kind);
    let key_width = width(&rows, |row| &row.key);
    for row in &rows {
        let Row {
            offset,
            seconds,
            kind,
            key,
            payload,
        } = row;
        let line = format!(
            "  {offset:>offset_width$}  {DIM}{seconds:>seconds_width$}{DIM:#}  \
             {GOOD}{kind:<kind_width$}{GOOD:#}  {DIM}{key:<key_width$}{DIM:#}  {payload}"
        );
        writeln!(text, "{line}").expect("a string");
    }
}

struct Row {
    offset: String,
    seconds: String,
    kind: String,
    key: String,
    payload: String,
}

impl Row {
    fn new(event: &Event) -> Self {
        let kind = event.kind.as_str();
        let key = event.idempotency_key.as_ref();
        let payload = event.payload.as_ref().map(|payload| payload.to_string());
        Row {
            offset: event.offset.to_string(),
            seconds: seconds_since_start(event.created_at.unix_ms),
            kind: kind.strip_prefix(PREFIX).unwrap_or(kind).to_owned(),
            key: key.map_or("-", |key| key.as_str()).to_owned(),
            payload: cut(&payload.unwrap_or_else(|| "-".to_owned())),
        }
    }
}

fn width(rows: &[Row], column: impl Fn(&Row) -> &str) -> usize {
    let widths = rows.iter().map(|row| column(row).chars().count());
    widths
        .filter(|width| *width <= COLUMN_CHARS_MAX)
        .max()
        .unwrap_or(0)
}

/// Negative where the clock of an object was set back before the start of the world.
fn seconds_since_start(unix_ms: i64) -> String {
    let since_ms = unix_ms - EPOCH.unix_ms;
    let (sign, ms) = (if since_ms < 0 { "-" } else { "" }, since_ms.unsigned_abs());
    format!("{sign}{}.{:03}", ms / 1000, ms % 1000)
}

fn cut(payload: &str) -> String {
    match payload.char_indices().nth(PAYLOAD_CHARS_MAX) {
        Some((end, _)) => format!("{}…", &payload[..end]),
        None => payload.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use runtime::event::{EventType, IdempotencyKey, Offset, StreamName};
    use serde_json::{json, Value};
    use std::sync::Arc;

    fn event(offset: u64, kind: &str, key: Option<&str>, payload: Option<Value>) -> Arc<Event> {
        Arc::new(Event {
            kind: EventType::from(kind),
            payload: payload.map(Arc::new),
            metadata: None,
            source: None,
            idempotency_key: key.map(|key| IdempotencyKey::new(key).unwrap()),
            offset: Offset(offset),
            created_at: EPOCH.plus_ms(offset * 1_205),
        })
    }

    fn log(events: Vec<Arc<Event>>) -> StreamLog {
        StreamLog {
            name: StreamName::parse("p1:/a").unwrap(),
            events,
        }
    }

    #[test]
    fn columns_are_aligned() {
        let logs = [log(vec![
            event(9, "events.iterate.com/stream/created", None, None),
            event(10, "other.example/x", Some("key:1"), Some(json!({"a": 1}))),
        ])];
        let expected = "\
p1:/a (2 events)
   9  10.845  stream/created   -      -
  10  12.050  other.example/x  key:1  {\"a\":1}
";
        assert_eq!(render(&logs), expected);
    }

    #[test]
    fn a_long_payload_is_cut_between_characters() {
        let long = json!("é".repeat(200));
        let text = render(&[log(vec![event(1, "t", None, Some(long))])]);
        let payload = text.lines().nth(1).unwrap().split("  ").last().unwrap();
        assert_eq!(payload.chars().count(), PAYLOAD_CHARS_MAX + 1);
        assert!(payload.ends_with("é…"));
    }

    #[test]
    fn times_before_the_start_are_negative() {
        assert_eq!(seconds_since_start(EPOCH.unix_ms - 20), "-0.020");
    }

    #[test]
    fn streams_without_events_have_a_header() {
        assert_eq!(render(&[log(Vec::new())]), "p1:/a (0 events)\n");
        assert_eq!(render(&[]), "");
    }
}
