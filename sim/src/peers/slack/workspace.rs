//! What stands in the channels. The handle of a message is (channel, ts); a ts is a string, unique
//! and increasing within its channel, and never a float (spec/peers.md §4.4).

use super::SlackConfig;
use crate::time;
use serde_json::Value;
use std::collections::BTreeMap;

/// A status that nobody refreshes disappears (§4.3).
const STATUS_MS: u64 = 120_000;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Workspace {
    channels: BTreeMap<String, Channel>,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Channel {
    /// By ts, which is also the order of time.
    pub messages: BTreeMap<String, Message>,
    statuses: BTreeMap<String, Status>,
    last_ts_us: u64,
}

#[derive(Clone, Debug, PartialEq)]
struct Status {
    text: String,
    set_at_ms: u64,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    pub channel: String,
    pub ts: String,
    /// The parent's ts, on replies only.
    pub thread_ts: Option<String>,
    pub author: Author,
    pub text: String,
    pub blocks: Option<Value>,
    pub client_msg_id: Option<String>,
    /// When it was last edited.
    pub edited_ts: Option<String>,
    pub reactions: Vec<Reaction>,
    /// What the app said of it to itself; people do not see it.
    pub metadata: Option<Value>,
    /// History and replies know of it from then on.
    pub(super) listed_from_ms: u64,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Author {
    Person(String),
    App,
    /// The bot of another app, by its bot id.
    OtherBot(String),
}

/// One emoji on a message, and who put it there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reaction {
    pub name: String,
    pub users: Vec<String>,
}

impl Message {
    pub(super) fn new(channel: &str, ts: String, author: Author, text: &str) -> Self {
        Message {
            channel: channel.to_owned(),
            ts,
            thread_ts: None,
            author,
            text: text.to_owned(),
            blocks: None,
            client_msg_id: None,
            edited_ts: None,
            reactions: Vec::new(),
            metadata: None,
            listed_from_ms: 0,
        }
    }

    /// False if that user has put that emoji there before.
    pub(super) fn react(&mut self, name: &str, user: &str) -> bool {
        let known = self.reactions.iter_mut();
        match known.into_iter().find(|reaction| reaction.name == name) {
            Some(reaction) if reaction.users.iter().any(|known| known == user) => return false,
            Some(reaction) => reaction.users.push(user.to_owned()),
            None => self.reactions.push(Reaction {
                name: name.to_owned(),
                users: vec![user.to_owned()],
            }),
        }
        true
    }

    /// The ts of the parent: its own, if it is not a reply.
    pub fn root_ts(&self) -> &str {
        self.thread_ts.as_deref().unwrap_or(&self.ts)
    }
}

impl Workspace {
    pub(super) fn new(config: &SlackConfig) -> Self {
        let mut workspace = Workspace::default();
        for channel in &config.channels {
            workspace.make_channel(channel);
        }
        for entry in &config.history {
            let author = Author::Person(entry.user.clone());
            let message = Message::new(&entry.channel, entry.ts.clone(), author, &entry.text);
            workspace
                .make_channel(&entry.channel)
                .messages
                .insert(entry.ts.clone(), message);
        }
        workspace
    }

    pub fn channel(&self, channel: &str) -> Option<&Channel> {
        self.channels.get(channel)
    }

    pub fn message(&self, channel: &str, ts: &str) -> Option<&Message> {
        self.channel(channel)?.messages.get(ts)
    }

    /// By channel and ts.
    pub fn messages(&self) -> impl Iterator<Item = &Message> {
        self.channels
            .values()
            .flat_map(|channel| channel.messages.values())
    }

    pub(super) fn channel_mut(&mut self, channel: &str) -> Option<&mut Channel> {
        self.channels.get_mut(channel)
    }

    pub(super) fn make_channel(&mut self, channel: &str) -> &mut Channel {
        self.channels.entry(channel.to_owned()).or_default()
    }

    /// Adds a message with the next ts of a channel that exists.
    pub(super) fn add(
        &mut self,
        channel: &str,
        message: impl FnOnce(String) -> Message,
    ) -> &Message {
        let channel = self
            .channel_mut(channel)
            .expect("the channel was looked up");
        let ts = channel.next_ts();
        channel
            .messages
            .entry(ts.clone())
            .or_insert_with(|| message(ts))
    }
}

impl Channel {
    /// Now, or just after the latest ts, so that no two are equal.
    pub(super) fn next_ts(&mut self) -> String {
        let now_us = time::EPOCH.unix_ms as u64 * 1000 + time::since_start_us();
        let mut ts_us = now_us.max(self.last_ts_us + 1);
        while self.messages.contains_key(&ts_text(ts_us)) {
            ts_us += 1;
        }
        self.last_ts_us = ts_us;
        ts_text(ts_us)
    }

    /// The parent, if it exists, and its replies from oldest to newest.
    pub fn thread<'a>(&'a self, root_ts: &'a str) -> impl Iterator<Item = &'a Message> {
        self.messages
            .values()
            .filter(move |message| message.root_ts() == root_ts)
    }

    /// What the app says it is doing in a thread.
    pub fn status(&self, thread_ts: &str, now_ms: u64) -> Option<&str> {
        let status = self.statuses.get(thread_ts)?;
        (now_ms - status.set_at_ms < STATUS_MS).then_some(status.text.as_str())
    }

    /// The empty text clears.
    pub(super) fn set_status(&mut self, thread_ts: &str, text: &str) {
        if text.is_empty() {
            self.statuses.remove(thread_ts);
            return;
        }
        let status = Status {
            text: text.to_owned(),
            set_at_ms: time::since_start_ms(),
        };
        self.statuses.insert(thread_ts.to_owned(), status);
    }
}

fn ts_text(ts_us: u64) -> String {
    format!("{}.{:06}", ts_us / 1_000_000, ts_us % 1_000_000)
}
