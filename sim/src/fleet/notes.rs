//! What is written down of an incarnation: what the product says that it is doing (with the crash
//! points around a checkpoint), which events left it, what it cost to wake.

use super::{
    ports::SimPorts,
    records::{Commit, Delivery, OpenConnection, Wake},
};
use crate::faults;
use runtime::{
    call::Argument,
    event::Event,
    platform::{Note, NoteKind},
    stream,
};
use std::{any::Any, sync::Arc};

impl SimPorts {
    pub(super) fn take_note(&self, note: Note<'_>) {
        if !self.is_alive() {
            return;
        }
        let detail = note.detail;
        if !self.is_present() {
            return self.trace("in vain", detail);
        }
        match note.kind {
            NoteKind::Appended { first, last } => {
                self.trace("append", format_args!("{first}..={last} {detail}"));
                self.fleet.record_commit(Commit {
                    stream: self.resident.name.clone(),
                    incarnation: self.incarnation,
                    first,
                    last,
                    at_ms: crate::time::since_start_ms(),
                });
            }
            NoteKind::Delivered {
                connection,
                first,
                last,
            } => {
                self.trace(
                    "batch",
                    format_args!("{first}..={last} to {detail} on {connection}"),
                );
                self.fleet.record_delivery(Delivery {
                    stream: self.resident.name.clone(),
                    incarnation: self.incarnation,
                    connection,
                    key: detail.to_string(),
                    first,
                    last,
                });
            }
            NoteKind::Connected {
                connection,
                outbound,
            } => {
                let way = if outbound { "outbound" } else { "inbound" };
                self.trace(
                    "connected",
                    format_args!("{way} to {detail} on {connection}"),
                );
                self.fleet.record_connected(OpenConnection {
                    stream: self.resident.name.clone(),
                    incarnation: self.incarnation,
                    connection,
                    key: detail.to_string(),
                    is_outbound: outbound,
                });
            }
            NoteKind::Disconnected { connection } => {
                self.trace("disconnected", format_args!("{detail} on {connection}"));
                let stream = &self.resident.name;
                self.fleet
                    .record_disconnected(stream, self.incarnation, connection);
            }
            NoteKind::CheckpointWriting { .. } => {
                self.crash_point(&faults::CRASH_BEFORE_CHECKPOINT);
            }
            NoteKind::CheckpointWritten { offset } => {
                self.trace("checkpoint", format_args!("{detail} at {offset}"));
                self.crash_point(&faults::CRASH_AFTER_CHECKPOINT);
            }
            NoteKind::Poisoned { offset } => {
                self.trace("poison", format_args!("{detail} at {offset}"));
            }
            NoteKind::Failure => self.trace("failure", detail),
            NoteKind::Info => self.trace("info", detail),
        }
    }

    /// Writes down which events leave this stream, now that they are durable.
    pub(super) fn publish(&self, argument: &Argument) {
        let Argument::Shared(value) = argument else {
            return;
        };
        if self.resident.name.binding != stream::BINDING || !self.is_present() {
            return;
        }
        let value: Arc<dyn Any + Send + Sync> = value.clone();
        let events = match value.downcast::<Vec<Arc<Event>>>() {
            Ok(events) => events,
            Err(value) => match value.downcast::<Event>() {
                Ok(event) => Arc::new(vec![event]),
                Err(_) => return,
            },
        };
        let resets = self.life.stored.lock().expect("one thread").resets();
        self.fleet
            .record_published(&self.resident.name, resets, self.incarnation, &events);
    }

    /// Writes down what it cost to wake.
    pub(super) fn record_wake(&self) {
        let (rows_read, rows_written) = self.store.rows();
        self.fleet.record_wake(Wake {
            object: self.resident.name.clone(),
            incarnation: self.incarnation,
            rows_read,
            rows_written,
            found_stale: self.life.stored.lock().expect("one thread").found_stale(),
        });
    }
}
