//! A processor that posts what the agent says into its Slack thread, each thing at most once, through
//! the real client; and, below the answers, one message that counts them and is updated.
//!
//! Slack has no idempotency. So an attempt is written down before the call; each post carries a
//! marker in its metadata; and whoever does not know what became of an attempt waits until the call
//! can no longer be under way and the thread shows it, looks for the marker, and posts again only if
//! it is not there (peers P1, P4, P11). One call is under way at a time; the newest count wins (P7).
//! After so many attempts, or a refusal, it gives up, and writes that down.

use processors::{
    agent::{
        contract::{
            LlmRequestCompleted, LlmResult, OutputAdded, LLM_REQUEST_COMPLETED, OUTPUT_ADDED,
        },
        transaction::{self, Transactions},
    },
    hosting::{self, HostedObject},
    slack::contract::{Thread, ThreadRouteConfigured, THREAD_ROUTE_CONFIGURED},
    slack_api::{
        method::{Metadata, Method},
        SlackApiError, WebClient,
    },
};
use runtime::{
    event::{Event, EventInput, EventType, PayloadError, StreamName},
    object::{Class, Context, Object},
    platform::NoteKind,
    processor::{
        Catalogue, Contract, Dependencies, EventDefinition, Hook, Processor, ProcessorError,
        ProcessorHost, Work,
    },
};
use serde::{Deserialize, Serialize};
use serde_json::{json, Map, Value};
use std::{cell::Cell, collections::BTreeMap, rc::Rc};

pub const SLUG: &str = "poster";
pub const BINDING: &str = "POSTER";

pub const ATTEMPTED: EventType = EventType::of("events.iterate.com/poster/attempted");
pub const ENDED: EventType = EventType::of("events.iterate.com/poster/ended");

pub const CLASS: Class = Class {
    binding: BINDING,
    construct,
};

/// The `event_type` of the markers.
pub const MARKER: &str = "streamsim_post";

/// The subject of the message that counts.
pub const BOARD: &str = "board";

/// How often one thing is attempted.
const ATTEMPTS_MAX: u64 = 8;
/// A call is over by then, and the thread shows what it did.
const SETTLE_MS: u64 = 15_000;
/// What a limit that says nothing is taken for.
const LIMIT_MS: u64 = 10_000;
const PAGES_MAX: u32 = 30;

fn construct(context: Context) -> Rc<dyn Object> {
    let host = ProcessorHost::new(context);
    host.add(SLUG, Poster::new);
    HostedObject::new(host, Box::new(|_, _| None))
}

/// The poster of that stream.
pub fn subscription(stream: &StreamName) -> EventInput {
    let key = format!("poster:{stream}");
    hosting::subscription(BINDING, stream, SLUG, key.clone(), key)
}

static CATALOGUE: Catalogue = Catalogue {
    owner: SLUG,
    events: &[
        EventDefinition::new(ATTEMPTED, "A call is about to be made."),
        EventDefinition::new(ENDED, "What came of it."),
    ],
};

static CONTRACT: Contract = Contract {
    slug: SLUG,
    version: "0.1.0",
    description: "Posts the agent's outputs into its Slack thread.",
    events: &CATALOGUE,
    dependencies: &[
        &processors::slack::contract::CATALOGUE,
        &processors::agent::contract::CATALOGUE,
    ],
    consumes: &[
        THREAD_ROUTE_CONFIGURED,
        OUTPUT_ADDED,
        LLM_REQUEST_COMPLETED,
        ATTEMPTED,
        ENDED,
    ],
    emits: &[ATTEMPTED, ENDED],
};

/// `answer@12` for what stands at that offset, [`BOARD`], or `count@3`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Attempted {
    pub subject: String,
    pub attempt: u64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ended {
    pub subject: String,
    pub outcome: Outcome,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// It stands there; a count has this number.
    Posted {
        ts: String,
        count: u64,
    },
    GaveUp {
        reason: String,
    },
}

/// What a post's marker says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Marker {
    pub subject: String,
    pub count: u64,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct State {
    pub thread: Option<Thread>,
    /// What is to be posted, by the offset of its cause.
    pub answers: BTreeMap<u64, String>,
    /// How often what has not ended was attempted.
    pub attempts: BTreeMap<String, u64>,
    /// How many answers have ended.
    pub count: u64,
    pub board: Board,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub enum Board {
    #[default]
    None,
    Posted {
        ts: String,
        count: u64,
    },
    Gone,
}

pub enum Consumed {
    Route(ThreadRouteConfigured),
    Answer(String),
    Nothing,
    Attempted(Attempted),
    Ended(Ended),
}

/// What is to be done next.
#[derive(Clone)]
struct Job {
    thread: Thread,
    subject: String,
    text: String,
    count: u64,
    /// The message that is to be updated; none for a new one.
    updates: Option<String>,
    attempts: u64,
    /// An earlier call may still be under way.
    is_in_doubt: bool,
}

impl State {
    fn next_job(&self) -> Option<Job> {
        let thread = self.thread.clone()?;
        let (subject, text, count, updates) = match (self.answers.first_key_value(), &self.board) {
            (Some((offset, text)), _) => (format!("answer@{offset}"), text.clone(), 0, None),
            (None, Board::None) if self.count > 0 => {
                (BOARD.to_owned(), counted(self.count), self.count, None)
            }
            (None, Board::Posted { ts, count }) if *count < self.count => (
                format!("count@{}", self.count),
                counted(self.count),
                self.count,
                Some(ts.clone()),
            ),
            _ => return None,
        };
        let is_count = |subject: &str| subject.starts_with("count@");
        let counts_are_open = self.attempts.keys().any(|open| is_count(open));
        let attempts = self.attempts.get(&subject).copied().unwrap_or(0);
        Some(Job {
            is_in_doubt: attempts > 0 || is_count(&subject) && counts_are_open,
            thread,
            subject,
            text,
            count,
            updates,
            attempts,
        })
    }

    fn end(&mut self, ended: &Ended) {
        self.attempts.remove(&ended.subject);
        if let Some(offset) = ended.subject.strip_prefix("answer@") {
            let offset = offset.parse().ok();
            if offset
                .and_then(|offset: u64| self.answers.remove(&offset))
                .is_some()
            {
                self.count += 1;
            }
            return;
        }
        self.attempts
            .retain(|subject, _| !subject.starts_with("count@"));
        self.board = match &ended.outcome {
            Outcome::Posted { ts, count } => Board::Posted {
                ts: ts.clone(),
                count: *count,
            },
            Outcome::GaveUp { .. } => Board::Gone,
        };
    }
}

fn counted(count: u64) -> String {
    format!("Answers so far: {count}")
}

impl transaction::Fold for State {
    fn apply(&mut self, event: &Event) -> Result<(), PayloadError> {
        if CONTRACT.consumes.contains(&event.kind) {
            let consumed = Poster::parse(event)?;
            Poster::reduce(self, event, &consumed);
        }
        Ok(())
    }
}

pub struct Poster {
    context: Context,
    client: WebClient,
    stream: Transactions<State>,
    /// There may be something to do.
    is_wanted: Cell<bool>,
    is_working: Cell<bool>,
}

impl Poster {
    fn new(dependencies: Dependencies) -> Self {
        Poster {
            client: WebClient::new(dependencies.context.clone()),
            context: dependencies.context,
            stream: Transactions::new(dependencies.stream),
            is_wanted: Cell::new(false),
            is_working: Cell::new(false),
        }
    }

    /// Does what there is to do, one thing after the other. What fails is left to the alarm.
    fn drive(self: &Rc<Self>) {
        self.is_wanted.set(true);
        if self.is_working.replace(true) {
            return;
        }
        let poster = self.clone();
        self.context.wait_until("posts", async move {
            while poster.is_wanted.replace(false) {
                if let Err(error) = poster.work().await {
                    let note = format_args!("{SLUG} could not go on: {error}");
                    poster.context.note(NoteKind::Failure, note);
                    break;
                }
            }
            poster.is_working.set(false);
        });
    }

    async fn work(&self) -> Result<(), ProcessorError> {
        loop {
            let head = self.stream.read().await?;
            let Some(job) = head.fold.next_job() else {
                return Ok(());
            };
            drop(head);
            self.perform(job).await?;
        }
    }

    /// One attempt.
    async fn perform(&self, job: Job) -> Result<(), ProcessorError> {
        if job.is_in_doubt {
            self.context.sleep("a call to be over", SETTLE_MS).await;
        }
        if job.attempts >= ATTEMPTS_MAX {
            return self.give_up(&job, "too many attempts").await;
        }
        self.write_attempt(&job).await?;
        match self.look(&job).await {
            Ok(Seen::Marked(marker, ts)) if job.updates.is_none() => {
                return self.end(&job, posted(ts, marker.count)).await
            }
            Ok(Seen::NoThread) => return self.give_up(&job, "the thread is gone").await,
            Ok(_) => {}
            Err(error) => return self.consider(&job, error).await,
        }
        match self.client.call(&job.method()).await {
            Ok(reply) => match reply.get("ts").and_then(Value::as_str) {
                Some(ts) => self.end(&job, posted(ts.to_owned(), job.count)).await,
                None => Ok(()),
            },
            Err(error) => self.consider(&job, error).await,
        }
    }

    /// Only a refusal is final. Of everything else the next attempt finds out what became of it.
    async fn consider(&self, job: &Job, error: SlackApiError) -> Result<(), ProcessorError> {
        let note = format_args!("{} is not certain: {error}", job.subject);
        self.context.note(NoteKind::Failure, note);
        match error {
            SlackApiError::Refused { error } if is_final(&error) => self.give_up(job, &error).await,
            SlackApiError::Http {
                status: 429,
                retry_after_s,
            } => {
                let wait_ms = retry_after_s.map_or(LIMIT_MS, |seconds| seconds * 1_000);
                self.context.sleep("a limit", wait_ms).await;
                Ok(())
            }
            _ => Ok(()),
        }
    }

    async fn write_attempt(&self, job: &Job) -> Result<(), ProcessorError> {
        let attempt = job.attempts + 1;
        let attempted = Attempted {
            subject: job.subject.clone(),
            attempt,
        };
        let key = format!("poster/attempted/{}/{attempt}", job.subject);
        let event = EventInput::new(ATTEMPTED, attempted).keyed(key);
        let is_new = |head: &State| head.attempts.get(&job.subject).copied().unwrap_or(0) < attempt;
        let decide = |head: &transaction::Head<State>| match is_new(&head.fold) {
            true => vec![event.clone()],
            false => Vec::new(),
        };
        self.stream.append(decide).await.map(drop)
    }

    async fn give_up(&self, job: &Job, reason: &str) -> Result<(), ProcessorError> {
        let reason = reason.to_owned();
        self.end(job, Outcome::GaveUp { reason }).await
    }

    async fn end(&self, job: &Job, outcome: Outcome) -> Result<(), ProcessorError> {
        let ended = Ended {
            subject: job.subject.clone(),
            outcome,
        };
        let key = format!("poster/ended/{}", job.subject);
        let event = EventInput::new(ENDED, ended).keyed(key);
        let decide =
            |head: &transaction::Head<State>| match head.fold.attempts.contains_key(&job.subject) {
                true => vec![event.clone()],
                false => Vec::new(),
            };
        self.stream.append(decide).await.map(drop)
    }

    /// Reads the thread, page by page, until the marker is found.
    async fn look(&self, job: &Job) -> Result<Seen, SlackApiError> {
        let (mut cursor, mut has_root) = (None, false);
        for _ in 0..PAGES_MAX {
            let method = Method::Replies {
                channel: job.thread.channel.to_string(),
                thread_ts: job.thread.thread_ts.to_string(),
                cursor: cursor.take(),
            };
            let page = match self.client.call(&method).await {
                Err(SlackApiError::Refused { error }) if error == "thread_not_found" => {
                    return Ok(Seen::NoThread)
                }
                // It has expired: from the beginning.
                Err(SlackApiError::Refused { error }) if error == "invalid_cursor" => continue,
                page => page?,
            };
            let messages = page.get("messages").and_then(Value::as_array);
            for message in messages.into_iter().flatten() {
                let ts = message["ts"].as_str().unwrap_or_default();
                has_root |= *ts == *job.thread.thread_ts;
                let marker = Marker::deserialize(&message["metadata"]["event_payload"]);
                if let Some(marker) = marker.ok().filter(|found| found.subject == job.subject) {
                    return Ok(Seen::Marked(marker, ts.to_owned()));
                }
            }
            cursor = next_cursor(&page);
            if cursor.is_none() {
                return Ok(match has_root {
                    true => Seen::Unmarked,
                    false => Seen::NoThread,
                });
            }
        }
        Err(SlackApiError::Unreadable(
            "a thread without an end".to_owned(),
        ))
    }
}

/// What a look into the thread found.
enum Seen {
    Marked(Marker, String),
    Unmarked,
    /// Its first message is gone.
    NoThread,
}

fn posted(ts: String, count: u64) -> Outcome {
    Outcome::Posted { ts, count }
}

fn next_cursor(page: &Map<String, Value>) -> Option<String> {
    let cursor = page
        .get("response_metadata")?
        .get("next_cursor")?
        .as_str()?;
    (!cursor.is_empty()).then(|| cursor.to_owned())
}

/// These may have had their effect, or will pass.
fn is_final(error: &str) -> bool {
    !matches!(
        error,
        "internal_error" | "fatal_error" | "ratelimited" | "invalid_cursor"
    )
}

impl Job {
    fn method(&self) -> Method {
        let marker = Marker {
            subject: self.subject.clone(),
            count: self.count,
        };
        let metadata = Metadata {
            event_type: MARKER.to_owned(),
            event_payload: json!(marker),
        };
        let channel = self.thread.channel.to_string();
        let text = self.text.clone();
        match self.updates.clone() {
            Some(ts) => Method::UpdateMessage {
                channel,
                ts,
                text,
                // Who looks for the message looks for this.
                metadata: Metadata {
                    event_payload: json!(Marker {
                        subject: BOARD.to_owned(),
                        ..marker
                    }),
                    ..metadata
                },
            },
            None => Method::PostMessage {
                channel,
                thread_ts: self.thread.thread_ts.to_string(),
                text,
                metadata,
            },
        }
    }
}

impl Processor for Poster {
    type State = State;
    type Consumed = Consumed;

    fn contract() -> &'static Contract {
        &CONTRACT
    }

    fn parse(event: &Event) -> Result<Consumed, PayloadError> {
        Ok(if event.kind == THREAD_ROUTE_CONFIGURED {
            Consumed::Route(event.payload()?)
        } else if event.kind == OUTPUT_ADDED {
            let output: OutputAdded = event.payload()?;
            Consumed::Answer(output.content.to_string())
        } else if event.kind == LLM_REQUEST_COMPLETED {
            let completed: LlmRequestCompleted = event.payload()?;
            match completed.result {
                LlmResult::Failure { error, .. } => Consumed::Answer(failure_note(&error.message)),
                LlmResult::Success { .. } => Consumed::Nothing,
            }
        } else if event.kind == ATTEMPTED {
            Consumed::Attempted(event.payload()?)
        } else {
            Consumed::Ended(event.payload()?)
        })
    }

    fn reduce(state: &mut State, event: &Event, consumed: &Consumed) {
        match consumed {
            Consumed::Route(route) => state.thread = Some(route.thread.clone()),
            Consumed::Answer(text) => drop(state.answers.insert(event.offset.0, text.clone())),
            Consumed::Nothing => {}
            Consumed::Attempted(attempted) => {
                let subject = attempted.subject.clone();
                state.attempts.insert(subject, attempted.attempt);
            }
            Consumed::Ended(ended) => state.end(ended),
        }
    }

    fn process_batch(self: &Rc<Self>, hook: &Hook<Self>) {
        if hook.state.next_job().is_some() {
            self.drive();
        }
    }

    fn owes(&self, state: &State) -> bool {
        state.next_job().is_some()
    }

    fn recover(self: &Rc<Self>, _: Rc<State>, _: runtime::event::Offset) -> Work {
        let poster = self.clone();
        Box::pin(async move {
            poster.stream.read().await?;
            poster.drive();
            Ok(())
        })
    }
}

/// What people read when there is no answer.
pub fn failure_note(error: &str) -> String {
    format!("Sorry, there is no answer: {error}")
}
