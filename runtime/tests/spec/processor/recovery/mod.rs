//! Failed batches, dead subscribers, overlapping handshakes (spec §3.5, §7.2), with real streams and
//! real hosts.

mod deaths;
mod giving_up;
mod handshakes;
mod pauses;
mod replays;

use crate::support::{
    adder::{add, connected_adder, Failing, Orders, SUM},
    configure, run, Call, Fate, Guest, Stream, World,
};
use runtime::{
    call::Arguments,
    event::StreamPath,
    platform::{NoteKind, Target},
    stream::contract::{ERROR_OCCURRED, SUBSCRIBER_CONNECTED},
};
use serde_json::{json, Value};
use std::rc::Rc;

/// The sums that were said, ascending: those of one batch are said concurrently.
async fn sums(stream: &Stream) -> Vec<u64> {
    let sums = stream.events_of(&SUM).await.into_iter();
    let mut sums: Vec<u64> = sums
        .map(|event| event.payload.and_then(|sum| sum.as_u64()).unwrap())
        .collect();
    sums.sort();
    sums
}

async fn append(stream: &Stream, number: u64) {
    stream.append(json!([add(number)])).await;
    stream.world.settle().await;
}
