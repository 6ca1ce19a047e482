//! What the thread shows of the agent: eyes on a message that was taken, and a status line.
//!
//! A signal is a courtesy. It is shown once its cause is durable (#1389), and if Slack refuses it or
//! does not answer in time, that is noted and nothing else: it never fails a batch.

use crate::slack_api::{
    method::{Method, Reaction},
    SlackApiError, WebClient,
};
use futures_util::future::join_all;
use runtime::{object::Context, platform::NoteKind};
use std::sync::Arc;

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
pub struct Signals {
    context: Context,
    client: WebClient,
}

impl Signals {
    pub fn new(context: Context) -> Self {
        Signals {
            client: WebClient::new(context.clone()),
            context,
        }
    }

    /// Shows signals of different subjects, all at once: however many there are, a silent Slack holds
    /// the batch no longer than one call may take.
    pub async fn show_all(&self, signals: Vec<Signal>) {
        join_all(signals.iter().map(|signal| self.show(signal))).await;
    }

    /// Shows one signal, or notes why not.
    async fn show(&self, signal: &Signal) {
        let method = signal.method();
        match self.client.call(&method).await {
            Ok(_) => {}
            Err(SlackApiError::Refused { error }) if TOLERATED.contains(&error.as_str()) => {}
            Err(error) => self.context.note(
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
