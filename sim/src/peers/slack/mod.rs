//! A fake Slack: the Web API, and signed deliveries of events (spec/peers.md §4).
//!
//! - [`config`]: who is who, what is subscribed, where events go.
//! - [`faults`]: what can go wrong, by name.
//! - [`workspace`]: channels, messages, threads, reactions, statuses.
//! - `message`: a message as JSON, for replies and events alike.
//! - `event`: the envelope and the events inside.
//! - `forgery`: what somebody else delivers in Slack's name.
//! - `slow_head`: a connection whose first bytes come late.
//! - `delivery`: signing, trying, acknowledging, trying again. Start here for what arrives.
//! - `web`: the methods of the Web API. Start here for what is called.
//! - [`signature`]: HMAC over the raw bytes.

pub mod config;
mod delivery;
mod event;
pub mod faults;
mod forgery;
mod message;
pub mod signature;
mod slow_head;
mod web;
pub mod workspace;

pub use config::{HistoryMessage, SlackConfig};
pub use faults::{DRAWS, FAULTS};
pub use workspace::{Author, Channel, Message, Workspace};

use super::{
    http::{self, HttpService, NoReply, Reply},
    ledger::{Ledger, LedgerEntry},
    PeerPorts,
};
use crate::{
    activity::{Pending, PendingKind},
    choice::Subject,
};
use delivery::Parcel;
use faults::{
    CHANGED_AFTER, CHANGED_MIND, MENTION, OTHER_BOT, PARENT_UPDATE, RATE_LIMITED_NOTICE,
    VERIFICATION,
};
use hyper::{body::Incoming, Request};
use serde_json::Value;
use std::{
    collections::{BTreeMap, VecDeque},
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
    outbox: Mutex<VecDeque<Errand>>,
    /// Until then events are held back.
    held_until_ms: Mutex<u64>,
    /// Until then calls of a method are turned away.
    limited_until_ms: Mutex<BTreeMap<&'static str, u64>>,
    /// Something is in the outbox.
    posted: Notify,
}

/// Something that Slack, or somebody in it, is about to do.
enum Errand {
    Deliver(Parcel),
    /// A person changes their mind.
    Change {
        channel: String,
        ts: String,
        how: &'static str,
        after_ms: u64,
        _pending: Pending,
    },
}

/// Identifiers are numbers in the order of their making, never random.
#[derive(Default)]
struct Counters {
    events: u64,
    client_messages: u64,
    calls: u64,
    challenges: u64,
    notices: u64,
    interactions: u64,
}

/// What the service did. Of a call, *applied* is the effect on the workspace and *answered* the
/// reply handed to the socket; of an event, *delivered* is the request sent. `attempt` is the
/// retry number: 0 is the first try.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SlackFact {
    /// A person or another bot wrote a message.
    Written {
        channel: String,
        ts: String,
        thread_ts: Option<String>,
        user: String,
    },
    /// A person gave a message another text.
    Edited {
        channel: String,
        ts: String,
    },
    /// A person deleted a message.
    Deleted {
        channel: String,
        ts: String,
    },
    /// A person put an emoji on a message.
    Reacted {
        channel: String,
        ts: String,
        user: String,
    },
    /// A person pressed a button of a message. What follows calls it by its trigger id.
    Pressed {
        trigger_id: String,
        channel: String,
        ts: String,
        user: String,
    },
    /// With `slow_ms`, its second half came that much later.
    Delivered {
        event_id: String,
        channel: String,
        ts: String,
        attempt: u32,
        slow_ms: u64,
    },
    /// The `peer.slack.forged` fault: `status` is what the app answered, if anything.
    Forged {
        event_id: String,
        how: &'static str,
        status: Option<u16>,
    },
    Acknowledged {
        event_id: String,
        attempt: u32,
        status: u16,
    },
    /// The `peer.slack.redeliver` fault: the app did acknowledge, and Slack never hears.
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
    /// An `app_rate_limited` notice was sent: `status` is what the app answered, if anything.
    RateLimitedNotice {
        status: Option<u16>,
    },
    Applied {
        method: &'static str,
        channel: String,
        ts: String,
        thread_ts: Option<String>,
        text: Option<String>,
        metadata: Option<Value>,
    },
    /// The `peer.slack.not-shown` fault: answered as if it had been applied.
    NotShown {
        method: &'static str,
        channel: String,
        ts: String,
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
    /// The `peer.slack.reply-lost` fault, and `garbled` as `cut`, of which half arrives: after the effect.
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
            held_until_ms: Mutex::default(),
            limited_until_ms: Mutex::default(),
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
        self.announce(channel, &ts, text);
        if let Some(thread_ts) = thread_ts {
            self.draw_parent_update(channel, thread_ts);
        }
        self.draw_change_of_mind(channel, &ts);
        ts
    }

    fn draw_parent_update(&self, channel: &str, thread_ts: &str) {
        let Some(how) = self.ports.choices.variant(&PARENT_UPDATE, &self.subject) else {
            return;
        };
        let parent = self.lock_workspace().message(channel, thread_ts).cloned();
        if let Some(parent) = parent {
            let has_subtype = how == "message_replied";
            self.queue(event::parent_updated(self, &parent, has_subtype));
        }
    }

    /// Sends the event of a person's new message, or the two of one that mentions the app.
    fn announce(&self, channel: &str, ts: &str, text: &str) {
        let mention = format!("<@{}>", self.config.bot_user_id);
        let mentions =
            self.config.app_mentions && text.contains(&mention) && !channel.starts_with('D');
        let message = || event::message_posted(self, channel, ts);
        if !mentions {
            return self.queue(message());
        }
        let mention = || event::app_mentioned(self, channel, ts);
        match self.ports.choices.variant(&MENTION, &self.subject) {
            None => {
                self.queue(message());
                self.queue(mention());
            }
            Some("first") => {
                self.queue(mention());
                self.queue_later(message(), MENTION_GAP_MS);
            }
            Some("later") => {
                self.queue(message());
                self.queue_later(mention(), MENTION_GAP_MS);
            }
            Some("alone") => self.queue(mention()),
            Some("missing") => self.queue(message()),
            Some(other) => panic!("peer.slack.mention has no variant {other}"),
        }
    }

    fn draw_change_of_mind(&self, channel: &str, ts: &str) {
        let choices = &self.ports.choices;
        let Some(how) = choices.variant(&CHANGED_MIND, &self.subject) else {
            return;
        };
        self.send_out(Errand::Change {
            channel: channel.to_owned(),
            ts: ts.to_owned(),
            how,
            after_ms: 1 + choices.draw(&CHANGED_AFTER, &self.subject),
            _pending: self.ports.activity.begin(PendingKind::Message),
        });
    }

    /// A person gives a message of theirs another text; nothing happens if it is gone.
    pub fn edit(&self, channel: &str, ts: &str, text: &str) {
        let (edited_ts, before, after) = {
            let mut workspace = self.lock_workspace();
            let Some(place) = workspace.channel_mut(channel) else {
                return;
            };
            let Some(before) = place.messages.get(ts).cloned() else {
                return;
            };
            let edited_ts = place.next_ts();
            let after = Message {
                text: text.to_owned(),
                blocks: Some(message::rich_text(text)),
                edited_ts: Some(edited_ts.clone()),
                ..before.clone()
            };
            place.messages.insert(ts.to_owned(), after.clone());
            (edited_ts, before, after)
        };
        let (channel, ts) = (channel.to_owned(), ts.to_owned());
        self.ledger.record(0, SlackFact::Edited { channel, ts });
        self.queue(event::message_changed(self, &edited_ts, &before, &after));
    }

    /// A person deletes a message, of theirs or, as one who may, of the app; nothing happens if it
    /// is gone.
    pub fn delete(&self, channel: &str, ts: &str) {
        let (event_ts, before) = {
            let mut workspace = self.lock_workspace();
            let Some(place) = workspace.channel_mut(channel) else {
                return;
            };
            let Some(before) = place.messages.remove(ts) else {
                return;
            };
            (place.next_ts(), before)
        };
        let (channel, ts) = (channel.to_owned(), ts.to_owned());
        self.ledger.record(0, SlackFact::Deleted { channel, ts });
        self.queue(event::message_deleted(self, &event_ts, &before));
    }

    /// The `peer.slack.other-bot` fault.
    fn draw_other_bot(&self, channel: &str, thread_ts: &str) {
        if !self.ports.choices.yes(&OTHER_BOT, &self.subject) {
            return;
        }
        let ts = {
            let mut workspace = self.lock_workspace();
            let message = workspace.add(channel, |ts| Message {
                thread_ts: Some(thread_ts.to_owned()),
                ..Message::new(
                    channel,
                    ts,
                    Author::OtherBot(OTHER_BOT_ID.to_owned()),
                    "Noted by another bot.",
                )
            });
            message.ts.clone()
        };
        self.ledger.record(
            0,
            SlackFact::Written {
                channel: channel.to_owned(),
                ts: ts.clone(),
                thread_ts: Some(thread_ts.to_owned()),
                user: OTHER_BOT_ID.to_owned(),
            },
        );
        self.queue(event::message_posted(self, channel, &ts));
    }

    /// A person puts an emoji on a message; nothing happens if the message is gone, or has it from them.
    pub fn react(&self, channel: &str, ts: &str, user: &str, name: &str) {
        let message = {
            let mut workspace = self.lock_workspace();
            let place = workspace.channel_mut(channel);
            let Some(message) = place.and_then(|place| place.messages.get_mut(ts)) else {
                return;
            };
            if !message.react(name, user) {
                return;
            }
            message.clone()
        };
        self.ledger.record(
            0,
            SlackFact::Reacted {
                channel: channel.to_owned(),
                ts: ts.to_owned(),
                user: user.to_owned(),
            },
        );
        self.queue(event::reaction(
            self,
            "reaction_added",
            name,
            user,
            &message,
        ));
    }

    /// A person presses a button of a message; nothing happens if the message is gone. Slack sends that
    /// once: if the app does not acknowledge it, the person is told so. Returns what identifies it.
    pub fn press(&self, channel: &str, ts: &str, user: &str, action: &str) -> Option<String> {
        let message = self.lock_workspace().message(channel, ts)?.clone();
        let number = {
            let mut counters = self.counters();
            counters.interactions += 1;
            counters.interactions
        };
        let pressed = event::pressed(self, &message, user, action, number);
        let trigger_id = pressed.event_id.clone();
        self.ledger.record(
            0,
            SlackFact::Pressed {
                trigger_id: trigger_id.clone(),
                channel: channel.to_owned(),
                ts: ts.to_owned(),
                user: user.to_owned(),
            },
        );
        self.queue(pressed);
        Some(trigger_id)
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

    /// Sends an event, and what faults send with it.
    fn queue(&self, outgoing: event::Outgoing) {
        self.queue_later(outgoing, 0);
    }

    fn queue_later(&self, outgoing: event::Outgoing, later_ms: u64) {
        if outgoing.kind == event::Kind::Event {
            let (choices, subject) = (&self.ports.choices, &self.subject);
            if choices.yes(&VERIFICATION, subject) {
                self.verify_url();
            }
            if choices.yes(&RATE_LIMITED_NOTICE, subject) {
                let number = {
                    let mut counters = self.counters();
                    counters.notices += 1;
                    counters.notices
                };
                self.queue(event::rate_limited_notice(self, number));
            }
        }
        let parcel = Parcel::new(self, outgoing, later_ms);
        self.send_out(Errand::Deliver(parcel));
    }

    fn send_out(&self, errand: Errand) {
        self.outbox.lock().expect("one thread").push_back(errand);
        self.posted.notify_one();
    }

    fn lock_workspace(&self) -> MutexGuard<'_, Workspace> {
        self.workspace.lock().expect("one thread")
    }

    fn counters(&self) -> MutexGuard<'_, Counters> {
        self.counters.lock().expect("one thread")
    }
}

/// Between the two events of a message, where they do not come at once.
const MENTION_GAP_MS: u64 = 2_000;

const OTHER_BOT_ID: &str = "B0000002";

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
