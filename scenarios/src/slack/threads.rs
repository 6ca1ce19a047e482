//! People who write in the threads of a channel.

use serde::{Deserialize, Serialize};
use sim::world::World;
use std::collections::BTreeMap;

/// One message of a thread; the first one that is written opens it.
#[derive(Serialize, Deserialize)]
pub struct Message {
    pub after_ms: u64,
    pub thread: u64,
    pub text: String,
}

/// The threads of a channel that were opened so far.
pub struct Threads<'a> {
    world: &'a World,
    channel: &'static str,
    ts: BTreeMap<u64, String>,
}

impl<'a> Threads<'a> {
    pub fn new(world: &'a World, channel: &'static str) -> Self {
        Threads {
            world,
            channel,
            ts: BTreeMap::new(),
        }
    }

    /// A thread that is open already.
    pub fn open(&mut self, thread: u64, ts: &str) {
        self.ts.insert(thread, ts.to_owned());
    }

    /// Waits as long as the message says, and writes it. Gives the thread's `ts`, if it opened it.
    pub async fn write(&mut self, message: Message) -> Option<String> {
        let Message {
            after_ms,
            thread,
            text,
        } = message;
        self.world.sleep(after_ms).await;
        let thread_ts = self.ts(thread);
        let ts = self
            .world
            .slack
            .post(self.channel, "U123", &text, thread_ts);
        match thread_ts {
            Some(_) => None,
            None => {
                self.ts.insert(thread, ts.clone());
                Some(ts)
            }
        }
    }

    /// The `ts` of a thread, if it is open.
    pub fn ts(&self, thread: u64) -> Option<&str> {
        self.ts.get(&thread).map(String::as_str)
    }
}
