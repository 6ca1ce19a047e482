//! Takes scripts' calls, and sees each to its end.
//!
//! What changes something in Slack goes on whether or not its caller still waits: the record is an
//! obligation of this object, with an alarm that was set in the same transaction. Whoever calls again
//! with the same id waits for the same end, or gets it from the journal.

use super::{
    call::{text, ToolCall},
    journal::{Journal, Message, Outcome, Record},
    limits::LimitedClient,
    repetition::Repetition,
    update::Lines,
};
use crate::slack_api::SlackApiError;
use runtime::{
    call::{Argument, Arguments, CallError},
    event::Timestamp,
    object::{Context, Reply},
    platform::{NoteKind, StorageError},
};
use serde_json::{Map, Value};
use std::{cell::RefCell, collections::BTreeMap, rc::Rc};
use tokio::sync::oneshot;

/// What the model reads of these tools.
pub const INSTRUCTIONS: &str = "Slack's Web API: ctx.slack.<method>({ … }), such as \
    ctx.slack.chat.postMessage({ channel, thread_ts, text }). A call that fails throws, and says so if \
    it may have had its effect all the same.";

/// The code of a call that came to nothing.
pub const FAILED: &str = "slack-tool-failed";

/// For how long a call goes on: whoever waits for it is told soon after that its outcome is unknown, and
/// from then on nothing more may come of it.
const CALL_MS: i64 = 45_000;

/// How long a call is left open before the alarm looks after it.
const ALARM_MS: u64 = 30_000;
/// From a write that the storage refused to the next try.
const WRITE_AGAIN_MS: u64 = 500;

pub struct SlackTools {
    pub(super) context: Context,
    pub(super) client: LimitedClient,
    pub(super) journal: Journal,
    pub(super) lines: Lines,
    /// The calls under way, and who waits for them.
    under_way: RefCell<BTreeMap<u64, Vec<oneshot::Sender<Outcome>>>>,
}

impl SlackTools {
    pub fn new(context: Context) -> Rc<Self> {
        Rc::new(SlackTools {
            client: LimitedClient::new(context.clone()),
            journal: Journal::new(context.clone()),
            lines: Lines::default(),
            under_way: RefCell::default(),
            context,
        })
    }

    /// Answers a script's call when it has ended.
    pub fn call(self: &Rc<Self>, arguments: &Arguments) -> Reply {
        let (tools, call) = (self.clone(), ToolCall::read(arguments));
        Box::pin(async move {
            let call = call?;
            if let Repetition::Free { met } = Repetition::of(&call.method) {
                let reply = tools.repeat(&call, met).await;
                let error = |error: SlackApiError| failed(error.to_string());
                return reply.map(Argument::json).map_err(error);
            }
            match tools.end_of(call)?.await {
                Outcome::Returned { value } => Ok(Argument::json(value)),
                Outcome::Threw { error } => Err(failed(error)),
            }
        })
    }

    /// Takes up what an earlier incarnation left open. The alarm stands as long as anything is.
    pub fn take_up(self: &Rc<Self>) {
        for record in self.journal.open() {
            self.context.ensure_alarm(ALARM_MS);
            self.go_on(record);
        }
    }

    /// The end of a call, which begins if it is new.
    ///
    /// # Errors
    /// The storage refuses it: nothing has begun.
    fn end_of(
        self: &Rc<Self>,
        call: ToolCall,
    ) -> Result<impl std::future::Future<Output = Outcome>, CallError> {
        let (sender, end) = oneshot::channel();
        let known = self.journal.find(&call.id);
        match known {
            Some(Record {
                outcome: Some(outcome),
                ..
            }) => drop(sender.send(outcome)),
            open => {
                let record = match open {
                    Some(record) => record,
                    None => {
                        let record = self.journal.begin(call.id, call.method, call.arguments)?;
                        self.context.ensure_alarm(ALARM_MS);
                        record
                    }
                };
                let number = record.number;
                self.go_on(record);
                self.wait_for(number, sender);
            }
        }
        Ok(async {
            end.await
                .expect("a call that is under way ends, or this incarnation does")
        })
    }

    fn wait_for(&self, number: u64, sender: oneshot::Sender<Outcome>) {
        let mut under_way = self.under_way.borrow_mut();
        under_way.entry(number).or_default().push(sender);
    }

    /// Sees a call to its end, unless that is being done.
    fn go_on(self: &Rc<Self>, record: Record) {
        let number = record.number;
        if self.under_way.borrow().contains_key(&number) {
            return;
        }
        self.under_way.borrow_mut().insert(number, Vec::new());
        let line = match Repetition::of(&record.method) {
            Repetition::Update => self.line_up(&record),
            _ => None,
        };
        let (tools, mut record) = (self.clone(), record);
        self.context.wait_until("slack tool call", async move {
            let outcome = match Repetition::of(&record.method) {
                Repetition::Post => tools.post(&mut record).await,
                Repetition::Update => tools.update(line, &mut record).await,
                Repetition::Free { .. } | Repetition::Never => tools.once(&mut record).await,
            };
            record.outcome = Some(outcome.clone());
            tools.keep(&record).await;
            let waiting = tools.under_way.borrow_mut().remove(&number);
            for caller in waiting.unwrap_or_default() {
                // Whoever called may have gone.
                let _ = caller.send(outcome.clone());
            }
        });
    }

    /// Writes the record; tries until the storage takes it.
    pub(super) async fn keep(&self, record: &Record) {
        self.insist(record, || self.journal.write(record)).await;
    }

    async fn insist(&self, record: &Record, write: impl Fn() -> Result<(), StorageError>) {
        while let Err(error) = write() {
            let note = format_args!("call {} was not written down: {error}", record.id);
            self.context.note(NoteKind::Failure, note);
            self.context
                .sleep("a write to be taken", WRITE_AGAIN_MS)
                .await;
        }
    }

    /// A request is about to be made.
    pub(super) async fn attempt_begins(&self, record: &mut Record) {
        record.progress.in_doubt = true;
        self.keep(record).await;
    }

    /// The last request was turned away.
    pub(super) async fn had_no_effect(&self, record: &mut Record) {
        record.progress.in_doubt = false;
        self.keep(record).await;
    }

    /// A piece stands in Slack; these are the messages of which more is known now.
    pub(super) async fn piece_is_done(
        &self,
        record: &mut Record,
        reply: Map<String, Value>,
        messages: &[(&str, Message)],
    ) {
        record.progress.done.push(reply);
        record.progress.in_doubt = false;
        let (record, channel) = (&*record, text(&record.arguments, "channel"));
        let channel = channel.unwrap_or_default();
        let write = || self.journal.write_with(record, channel, messages);
        self.insist(record, write).await;
    }

    /// Nothing is to be begun any more for a call of that time.
    pub(super) fn is_overdue(&self, begun_at: Timestamp) -> bool {
        self.context.now().unix_ms - begun_at.unix_ms > CALL_MS
    }

    pub(super) fn note_doubt(&self, record: &Record, error: &SlackApiError) {
        let note = format_args!("{} {} is not certain: {error}", record.method, record.id);
        self.context.note(NoteKind::Failure, note);
    }
}

impl Record {
    /// All pieces stand: the reply to the first, and where all of them are if there are more.
    pub(super) fn returned(&self) -> Outcome {
        let done = &self.progress.done;
        let mut value = done.first().cloned().unwrap_or_default();
        if done.len() > 1 {
            let ts = done.iter().filter_map(|reply| reply.get("ts").cloned());
            value.insert("pieces".to_owned(), ts.collect());
        }
        Outcome::Returned { value }
    }
}

fn failed(error: String) -> CallError {
    CallError::remote(FAILED, error)
}
