//! Streams' event logs as text: a header a stream and a line an event, in aligned columns.
//!
//! A line shows offset, seconds since the start of the world, type (without the
//! `events.iterate.com/` in front), idempotency key and the payload in brief. A stream's own name
//! is written `<stream>` there, and a uuid is cut to its first block.
//!
//! - [`brief`]: payloads in brief, by type. [`shorten`]: names, uuids and long texts.

mod brief;
mod shorten;

use crate::palette::{BAD, DIM, GOOD, STRONG};
use runtime::event::{Event, Offset, StreamName};
use shorten::Shortener;
use sim::{time::EPOCH, world::StreamLog};
use std::{collections::BTreeSet, fmt::Write};

/// Longer keys lose their middle: what tells them apart stands at both ends.
const KEY_CHARS_MAX: usize = 64;

/// Longer payloads are cut.
const PAYLOAD_CHARS_MAX: usize = 140;

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
        text.push_str(&header(log));
        write_events(&mut text, log);
    }
    text
}

/// How many events before and after a marked one are shown, and how many at the end of a log.
const AROUND: usize = 3;
const LAST: usize = 4;

/// The part of a log that is concerned: some events marked, what is around them, and the end.
pub fn around(log: &StreamLog, marked: &BTreeSet<Offset>) -> String {
    let rows: Vec<Row> = (log.events.iter())
        .map(|event| Row::new(&log.name, event))
        .collect();
    let is_marked = |place: usize| marked.contains(&log.events[place].offset);
    let is_shown = |place: usize| {
        let near = place.saturating_sub(AROUND)..(place + AROUND + 1).min(rows.len());
        place + LAST >= rows.len() || near.into_iter().any(is_marked)
    };
    let mut text = header(log);
    let lines = lines(&rows);
    let mut was_shown = true;
    for (place, line) in lines.iter().enumerate() {
        match (is_shown(place), is_marked(place)) {
            (true, true) => writeln!(text, "{BAD}>{BAD:#} {line}"),
            (true, false) => writeln!(text, "  {line}"),
            (false, _) if was_shown => writeln!(text, "     {DIM}…{DIM:#}"),
            (false, _) => Ok(()),
        }
        .expect("a string");
        was_shown = is_shown(place);
    }
    text
}

fn header(log: &StreamLog) -> String {
    let events = match log.events.len() {
        1 => "1 event".to_owned(),
        count => format!("{count} events"),
    };
    let name = &log.name;
    format!("{STRONG}{name}{STRONG:#} {DIM}({events}){DIM:#}\n")
}

fn write_events(text: &mut String, log: &StreamLog) {
    let rows: Vec<Row> = (log.events.iter())
        .map(|event| Row::new(&log.name, event))
        .collect();
    for line in lines(&rows) {
        writeln!(text, "  {line}").expect("a string");
    }
}

/// In aligned columns.
fn lines(rows: &[Row]) -> Vec<String> {
    let offset_width = width(rows, |row| &row.offset);
    let seconds_width = width(rows, |row| &row.seconds);
    let kind_width = width(rows, |row| &row.kind);
    let key_width = width(rows, |row| &row.key);
    let line = |row: &Row| {
        let Row {
            offset,
            seconds,
            kind,
            key,
            payload,
        } = row;
        format!(
            "{offset:>offset_width$}  {DIM}{seconds:>seconds_width$}{DIM:#}  \
             {GOOD}{kind:<kind_width$}{GOOD:#}  {DIM}{key:<key_width$}{DIM:#}  {payload}"
        )
    };
    rows.iter().map(line).collect()
}

struct Row {
    offset: String,
    seconds: String,
    kind: String,
    key: String,
    payload: String,
}

impl Row {
    fn new(stream: &StreamName, event: &Event) -> Self {
        let shortener = Shortener::of(stream);
        let kind = shorten::kind(event.kind.as_str());
        let key = event.idempotency_key.as_ref().map_or_else(
            || "-".to_owned(),
            |key| shorten::middle(&shortener.shorten(key.as_str()), KEY_CHARS_MAX),
        );
        let payload = event.payload.as_ref().map_or_else(
            || "-".to_owned(),
            |payload| shorten::end(&brief::brief(kind, payload, &shortener), PAYLOAD_CHARS_MAX),
        );
        Row {
            offset: event.offset.to_string(),
            seconds: seconds_since_start(event.created_at.unix_ms),
            kind: kind.to_owned(),
            key,
            payload,
        }
    }
}

fn width(rows: &[Row], column: impl Fn(&Row) -> &str) -> usize {
    let widths = rows.iter().map(|row| column(row).chars().count());
    widths.max().unwrap_or(0)
}

/// Negative where the clock of an object was set back before the start of the world.
fn seconds_since_start(unix_ms: i64) -> String {
    let since_ms = unix_ms - EPOCH.unix_ms;
    let (sign, ms) = (if since_ms < 0 { "-" } else { "" }, since_ms.unsigned_abs());
    format!("{sign}{}.{:03}", ms / 1000, ms % 1000)
}

#[cfg(test)]
mod tests {
    use super::*;
    use runtime::event::{EventType, IdempotencyKey, Offset};
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
            event(9, "events.iterate.com/stream/woken", None, None),
            event(10, "other.example/x", Some("key:1"), Some(json!({"a": 1}))),
        ])];
        let expected = "\
p1:/a (2 events)
   9  10.845  stream/woken     -      -
  10  12.050  other.example/x  key:1  a: 1
";
        assert_eq!(render(&logs), expected);
    }

    #[test]
    fn the_stream_itself_and_uuids_are_short_in_keys() {
        let key = "agent/p1:/a:x_19_96380304-0b46-4b5b-809a-599140371127/1@19";
        let text = render(&[log(vec![event(1, "t", Some(key), None)])]);
        assert!(
            text.contains("  agent/<stream>:x_19_96380304/1@19  "),
            "{text}"
        );
    }

    #[test]
    fn long_keys_and_payloads_are_cut() {
        let key = format!("begin{}end", "é".repeat(200));
        let payload = json!("é".repeat(200));
        let text = render(&[log(vec![event(1, "t", Some(&key), Some(payload))])]);
        let line = text.lines().nth(1).unwrap();
        let columns: Vec<&str> = line.split("  ").filter(|part| !part.is_empty()).collect();
        assert_eq!(columns[3].chars().count(), KEY_CHARS_MAX);
        assert!(columns[3].starts_with("begin") && columns[3].ends_with("end"));
        assert_eq!(columns[4].chars().count(), PAYLOAD_CHARS_MAX);
        assert!(columns[4].ends_with("é…"));
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
