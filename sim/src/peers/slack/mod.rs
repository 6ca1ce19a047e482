//! A fake Slack: the Web API, and signed deliveries of events (spec/peers.md §4).
//!
//! - [`config`]: who is who, what is subscribed, where events go.
//! - [`faults`]: what can go wrong, by name.
//! - [`workspace`]: channels, messages, threads, reactions, statuses.
//! - `message`: a message as JSON, for replies and events alike.
//! - `event`: the envelope and the events inside.
//! - `delivery`: signing, trying, acknowledging, trying again. Start here for what arrives.
//! - `web`: the methods of the Web API. Start here for what is called.
//! - [`signature`]: HMAC over the raw bytes.

pub mod config;
mod delivery;
mod event;
pub mod faults;
mod message;
pub mod signature;
mod web;
pub mod workspace;

pub use config::{HistoryMessage, SlackConfig};
pub use faults::FAULTS;
pub use workspace::{Author, Channel, Message, Workspace};

use super::{
    http::{self, HttpService, NoReply, Reply},
    ledger::{Ledger, LedgerEntry},
    PeerPorts,
};
use crate::choice::Subject;
use delivery::Parcel;
use hyper::{body::Incoming, Request};
use std::{
    collections::VecDeque,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard},
};
use tokio::sync::Notify;

pub struct Slack {
    ports: PeerPorts,
    config: SlackConfig,
    /// One subject for the whole service: the n-th call is the same whatever connection it
    /// comes on.
    subject: Subject,
    ledger: Ledger<SlackFact>,
    workspace: Mutex<Workspace>,
    counters: Mutex<Counters>,
    outbox: Mutex<VecDeque<Parcel>>,
    /// Something is in the outbox.
    posted: Notify,
}

/// Identifiers are numbers in the order of their making, never random.
#[derive(Default)]
struct Counters {
    events: u64,
    client_messages: u64,
    calls: u64,
    challenges: u64,
}

/// What the service did. Of a call, *applied* is the effect on the workspace and *answered* the
/// reply handed to the socket; of an event, *delivered* is the request sent. `attempt` is the
/// retry number: 0 is the first try.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SlackFact {
    /// A person wrote a message.
    Written {
        channel: String,
        ts: String,
        thread_ts: Option<String>,
        user: String,
    },
    Delivered {
        event_id: String,
        channel: String,
        ts: String,
        attempt: u32,
    },
    Acknowledged {
        event_id: String,
        attempt: u32,
        status: u16,
    },
    /// The `peer.slack.redeliver` fault: the app did acknowledge, and Slack never heard.
    AcknowledgementLost {
        event_id: String,
        attempt: u32,
    },
    /// A try failed, for the reason that the next one states.
    Refused {
        event_id: String,
        attempt: u32,
        reason: &'static str,
        status: Option<u16>,
    },
    /// All tries failed; the event is lost for ever.
    GaveUp {
        event_id: String,
    },
    UrlVerified {
        challenge: String,
        correct: bool,
    },
    Applied {
        method: &'static str,
        channel: String,
        ts: String,
        text: Option<String>,
    },
    Answered {
        method: String,
        status: u16,
        error: Option<&'static str>,
    },
    /// The `peer.slack.request-lost` fault: without effect.
    RequestLost {
        method: &'static str,
    },
    /// The `peer.slack.reply-lost` fault: after the effect.
    ReplyLost {
        method: &'static str,
    },
}

impl Slack {
    pub fn new(ports: PeerPorts, config: SlackConfig) -> Arc<Self> {
        Arc::new(Slack {
            ledger: Ledger::new("slack", ports.trace.clone()),
            workspace: Mutex::new(Workspace::new(&config)),
            ports,
            config,
            subject: Subject::new("slack"),
            counters: Mutex::default(),
            outbox: Mutex::default(),
            posted: Notify::new(),
        })
    }

    /// Serves the Web API on `address` of the current task's node, and delivers events from it,
    /// for ever.
    pub async fn serve(self: Arc<Self>, address: SocketAddr) {
        madsim::task::spawn(delivery::deliver_all(self.clone()));
        http::serve(self, address).await
    }

    /// A person writes a message; returns its ts. The event is on its way when this returns, and
    /// counts as pending until it is acknowledged or given up. An unknown channel is made.
    pub fn post(&self, channel: &str, user: &str, text: &str, thread_ts: Option<&str>) -> String {
        let client_message = {
            let mut counters = self.counters();
            counters.client_messages += 1;
            counters.client_messages
        };
        let ts = {
            let mut workspace = self.lock_workspace();
            workspace.make_channel(channel);
            let message = workspace.add(channel, |ts| Message {
                thread_ts: thread_ts.map(str::to_owned),
                client_msg_id: Some(format!("00000000-0000-4000-8000-{client_message:012x}")),
                blocks: Some(message::rich_text(text)),
                ..Message::new(channel, ts, Author::Person(user.to_owned()), text)
            });
            message.ts.clone()
        };
        self.ledger.record(
            0,
            SlackFact::Written {
                channel: channel.to_owned(),
                ts: ts.clone(),
                thread_ts: thread_ts.map(str::to_owned),
                user: user.to_owned(),
            },
        );
        self.queue(event::message_posted(self, channel, &ts));
        let mention = format!("<@{}>", self.config.bot_user_id);
        if self.config.app_mentions && text.contains(&mention) && !channel.starts_with('D') {
            self.queue(event::app_mentioned(self, channel, &ts));
        }
        ts
    }

    /// Sends the url_verification request once; the ledger says how it was answered. Returns
    /// the challenge.
    pub fn verify_url(&self) -> String {
        let number = {
            let mut counters = self.counters();
            counters.challenges += 1;
            counters.challenges
        };
        let challenge = format!("challenge-{number:08}");
        self.queue(event::url_verification(self, challenge.clone()));
        challenge
    }

    pub fn ledger(&self) -> Vec<LedgerEntry<SlackFact>> {
        self.ledger.entries()
    }

    /// Everything that stands in the channels, for oracles.
    pub fn workspace(&self) -> Workspace {
        self.lock_workspace().clone()
    }

    /// The messages of all channels, by channel and ts.
    pub fn messages(&self) -> Vec<Message> {
        self.lock_workspace().messages().cloned().collect()
    }

    fn queue(&self, outgoing: event::Outgoing) {
        let parcel = Parcel::new(self, outgoing);
        self.outbox.lock().expect("one thread").push_back(parcel);
        self.posted.notify_one();
    }

    fn lock_workspace(&self) -> MutexGuard<'_, Workspace> {
        self.workspace.lock().expect("one thread")
    }

    fn counters(&self) -> MutexGuard<'_, Counters> {
        self.counters.lock().expect("one thread")
    }
}

impl HttpService for Slack {
    fn next_connection(&self) -> u64 {
        self.ledger.next_connection()
    }

    async fn answer(
        self: Arc<Self>,
        connection: u64,
        request: Request<Incoming>,
    ) -> Result<Reply, NoReply> {
        web::answer(&self, connection, request).await
    }
}
