//! Who hears of what is written to storage: the trace, where it is one in full.

use crate::trace::{Rows, Trace};
use runtime::{
    event::Timestamp,
    platform::{Cell, Key, Table},
};
use std::{fmt, sync::Arc};

/// Something that was written, and not refused.
pub enum Write<'a> {
    Put(Table, &'a Key, &'a [Cell]),
    Delete(Table, &'a Key),
    /// Everything was deleted.
    Clear,
    Alarm(Option<Timestamp>),
}

impl Write<'_> {
    fn kind(&self) -> &'static str {
        match self {
            Write::Put(..) => "put",
            Write::Delete(..) => "delete",
            Write::Clear => "clear",
            Write::Alarm(_) => "set-alarm",
        }
    }
}

impl fmt::Display for Write<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Write::Put(table, key, cells) => {
                write_key(f, *table, key)?;
                cells.iter().try_for_each(|cell| write_cell(f, cell))
            }
            Write::Delete(table, key) => write_key(f, *table, key),
            Write::Clear => f.write_str("everything"),
            Write::Alarm(Some(at)) => write!(f, "at {at}"),
            Write::Alarm(None) => f.write_str("off"),
        }
    }
}

fn write_key(f: &mut fmt::Formatter<'_>, table: Table, key: &Key) -> fmt::Result {
    match key {
        Key::Text(text) => write!(f, "{} {text}", table.0),
        Key::Integer(number) => write!(f, "{} {number}", table.0),
        Key::Pair(one, other) => write!(f, "{} {one} {other}", table.0),
    }
}

fn write_cell(f: &mut fmt::Formatter<'_>, cell: &Cell) -> fmt::Result {
    match cell {
        Cell::Null => f.write_str(" null"),
        Cell::Integer(number) => write!(f, " {number}"),
        Cell::Text(text) => write!(f, " {text}"),
        Cell::Blob(bytes) => write!(f, " {}", hex::encode(bytes)),
        Cell::Json(value) => write!(f, " {}", value.to_json_text()),
    }
}

/// Writes down for a trace in full what an incarnation writes.
pub struct Listener {
    trace: Arc<Trace>,
    /// The incarnation, for the trace.
    place: String,
}

impl Listener {
    /// None for a trace that has no rows.
    pub fn new(trace: &Arc<Trace>, place: &str) -> Option<Self> {
        (trace.rows() != Rows::None).then(|| Listener {
            trace: trace.clone(),
            place: place.to_owned(),
        })
    }

    pub fn tell(&self, write: Write) {
        self.trace.record_row(&self.place, write.kind(), &write);
    }

    /// Whether a row that is not new is to be told in the end: it would cost its JSON now.
    pub fn waits_for_the_end(&self, row: &[Cell]) -> bool {
        self.trace.rows() == Rows::InTheEnd && row.iter().any(|cell| matches!(cell, Cell::Json(_)))
    }
}
