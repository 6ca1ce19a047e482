//! What the thread shows of the agent: eyes on a message that was taken, and a status line.
//!
//! A signal is a courtesy. It is shown once its cause is durable (#1389), and if Slack refuses it or
//! does not answer in time, that is noted and nothing else: it never fails a batch. A status disappears
//! by itself after two minutes (peers P14); as long as it holds, it is shown again before that.

use crate::slack_api::{
    method::{Method, Reaction},
    SlackApiError, WebClient,
};
use futures_util::future::join_all;
use runtime::{object::Context, platform::NoteKind};
use std::{cell::RefCell, rc::Rc, sync::Arc};
use tokio::sync::oneshot;

/// How long a status is shown before it is shown again, and how often that is done: an agent that
/// works for longer shows nothing.
const SHOW_AGAIN_MS: u64 = 100_000;
const SHOWN_AGAIN_MAX: u32 = 10;

const EYES: &str = "eyes";

/// Refusals that leave the thread as it should be, or that cannot be helped.
const TOLERATED: [&str; 3] = ["already_reacted", "not_reactable", "no_reaction"];

/// A part of the thread's display.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    Eyes {
        channel: Arc<str>,
        ts: Arc<str>,
    },
    Status {
        channel: Arc<str>,
        thread_ts: Arc<str>,
    },
}

/// What is to be shown there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Display {
    /// The message was taken.
    Taken,
    Thinking,
    UsingTools,
    Nothing,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signal {
    pub subject: Subject,
    pub display: Display,
}

impl Signal {
    fn method(&self) -> Method {
        match &self.subject {
            Subject::Eyes { channel, ts } => {
                let reaction = Reaction {
                    channel: channel.to_string(),
                    name: EYES,
                    timestamp: ts.to_string(),
                };
                match self.display {
                    Display::Nothing => Method::RemoveReaction(reaction),
                    _ => Method::AddReaction(reaction),
                }
            }
            Subject::Status { channel, thread_ts } => Method::SetThreadStatus {
                channel: channel.to_string(),
                thread_ts: thread_ts.to_string(),
                status: match self.display {
                    Display::UsingTools => "is using tools...",
                    Display::Thinking => "is thinking...",
                    Display::Taken | Display::Nothing => "",
                },
                loading_messages: match self.display {
                    Display::Thinking => &["Thinking..."],
                    _ => &[],
                },
            },
        }
    }
}

/// The last signal of each subject: a replay after an outage shows how things stand, not how they
/// came about.
pub fn lasting(signals: Vec<Signal>) -> Vec<Signal> {
    let mut lasting: Vec<Signal> = Vec::new();
    for signal in signals {
        lasting.retain(|earlier| earlier.subject != signal.subject);
        lasting.push(signal);
    }
    lasting
}

/// Shows signals in Slack.
#[derive(Clone)]
pub struct Signals(Rc<Inner>);

struct Inner {
    context: Context,
    client: WebClient,
    /// Ends when the status that is shown again and again is another.
    lasting_status: RefCell<Option<oneshot::Sender<()>>>,
}

impl Signals {
    pub fn new(context: Context) -> Self {
        Signals(Rc::new(Inner {
            client: WebClient::new(context.clone()),
            context,
            lasting_status: RefCell::default(),
        }))
    }

    /// Shows signals of different subjects, all at once: however many there are, a silent Slack holds
    /// the batch no longer than one call may take.
    pub async fn show_all(&self, signals: Vec<Signal>) {
        for signal in &signals {
            self.keep_up(signal);
        }
        join_all(signals.iter().map(|signal| self.show(signal))).await;
    }

    /// Sees to it that a status does not disappear by itself.
    fn keep_up(&self, signal: &Signal) {
        if matches!(signal.subject, Subject::Eyes { .. }) {
            return;
        }
        let (holds, mut ends) = oneshot::channel();
        let is_status = signal.display != Display::Nothing;
        *self.0.lasting_status.borrow_mut() = is_status.then_some(holds);
        if !is_status {
            return;
        }
        let (signals, signal) = (self.clone(), signal.clone());
        self.0.context.wait_until("status", async move {
            for _ in 0..SHOWN_AGAIN_MAX {
                tokio::select! {
                    biased;
                    _ = &mut ends => return,
                    () = signals.0.context.sleep("status to be shown again", SHOW_AGAIN_MS) => {}
                }
                signals.show(&signal).await;
            }
        });
    }

    /// Shows one signal, or notes why not.
    async fn show(&self, signal: &Signal) {
        let method = signal.method();
        match self.0.client.call(&method).await {
            Ok(_) => {}
            Err(SlackApiError::Refused { error }) if TOLERATED.contains(&error.as_str()) => {}
            Err(error) => self.0.context.note(
                NoteKind::Failure,
                format_args!("{} was not shown: {error}", method.name()),
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_signal_of_a_subject_counts() {
        let eyes = |ts: &str, display| Signal {
            subject: Subject::Eyes {
                channel: "C1".into(),
                ts: ts.into(),
            },
            display,
        };
        let signals = vec![
            eyes("1.1", Display::Taken),
            eyes("2.1", Display::Taken),
            eyes("1.1", Display::Nothing),
        ];
        let shown = [eyes("2.1", Display::Taken), eyes("1.1", Display::Nothing)];
        assert_eq!(lasting(signals), shown);
    }
}
