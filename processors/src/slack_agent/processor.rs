//! The Slack agent (spec §5.9): webhooks become input, status becomes signals.
//!
//! The appends of a batch go out as one, keyed and in order, and before any signal (#1389, B-02).
//! Both are blocking: a crash in between repeats both, and neither repetition shows.

use super::{
    command,
    contract::*,
    rendering::render,
    signal::{lasting, Display, Signal, Signals, Subject},
    tools,
    webhook::{Meaning, Message, Webhook},
};
use crate::{
    agent::contract::{Behaviour, InputAdded, Status, StatusUpdated, INPUT_ADDED, STATUS_UPDATED},
    codemode::contract::{
        FunctionCallRequested, ScriptExecutionCompleted, ScriptExecutionRequested,
        SCRIPT_EXECUTION_COMPLETED, SCRIPT_EXECUTION_REQUESTED,
    },
    slack::{
        contract::{ThreadRouteConfigured, THREAD_ROUTE_CONFIGURED, WEBHOOK_RECEIVED},
        webhook::body,
    },
};
use runtime::{
    event::{Event, EventInput, PayloadError},
    processor::{Contract, Hook, Processor, Reduced, StreamPort},
};
use std::{cell::Cell, collections::VecDeque, rc::Rc, sync::Arc};

pub struct SlackAgent {
    stream: Rc<dyn StreamPort>,
    signals: Signals,
    /// This incarnation has registered its tools on account of a route below the anchor.
    is_registered: Cell<bool>,
}

pub enum Consumed {
    ThreadRouteConfigured(ThreadRouteConfigured),
    Webhook(Webhook),
    StatusUpdated(StatusUpdated),
    ScriptRequested,
    ScriptCompleted,
    FunctionCalled(FunctionCallRequested),
}

impl SlackAgent {
    pub fn new(stream: Rc<dyn StreamPort>, signals: Signals) -> Self {
        SlackAgent {
            stream,
            signals,
            is_registered: Cell::default(),
        }
    }
}

impl Processor for SlackAgent {
    type State = State;
    type Consumed = Consumed;

    fn contract() -> &'static Contract {
        &CONTRACT
    }

    fn parse(event: &Event) -> Result<Consumed, PayloadError> {
        Ok(if event.kind == WEBHOOK_RECEIVED {
            Consumed::Webhook(Webhook::read(body(event)?))
        } else if event.kind == STATUS_UPDATED {
            Consumed::StatusUpdated(event.payload()?)
        } else if event.kind == THREAD_ROUTE_CONFIGURED {
            Consumed::ThreadRouteConfigured(event.payload()?)
        } else if event.kind == SCRIPT_EXECUTION_REQUESTED {
            event.payload::<ScriptExecutionRequested>()?;
            Consumed::ScriptRequested
        } else if event.kind == SCRIPT_EXECUTION_COMPLETED {
            event.payload::<ScriptExecutionCompleted>()?;
            Consumed::ScriptCompleted
        } else {
            Consumed::FunctionCalled(event.payload()?)
        })
    }

    fn reduce(state: &mut State, event: &Event, consumed: &Consumed) {
        match consumed {
            Consumed::ThreadRouteConfigured(route) => {
                state.route_offset = Some(event.offset);
                state.channel = Some(route.thread.channel.clone());
                state.thread_ts = Some(route.thread.thread_ts.clone());
                state.stream_path = Some(route.stream_path.clone());
            }
            Consumed::Webhook(webhook) => state.reduce_webhook(webhook),
            Consumed::StatusUpdated(updated) if updated.status == Status::Working => {}
            Consumed::StatusUpdated(_) | Consumed::ScriptCompleted => state.eyes_on.clear(),
            Consumed::ScriptRequested | Consumed::FunctionCalled(_) => {}
        }
    }

    fn process_batch(self: &Rc<Self>, hook: &Hook<Self>) {
        let mut effects = Effects::default();
        effects.appends.extend(self.overlooked_registration(hook));
        let registers = !effects.appends.is_empty();
        for reduced in &hook.live {
            effects.add(reduced);
        }
        let Effects { appends, signals } = effects;
        if appends.is_empty() && signals.is_empty() {
            return;
        }
        let agent = self.clone();
        hook.block(async move {
            if !appends.is_empty() {
                agent.stream.append_batch(None, appends).await?;
            }
            if registers {
                agent.is_registered.set(true);
            }
            agent.signals.show_all(lasting(signals)).await;
            Ok(())
        });
    }
}

impl SlackAgent {
    /// The tools of a thread that was routed before this processor came to it, and whose route has no
    /// effect of its own: they are registered with the next webhook.
    fn overlooked_registration(&self, hook: &Hook<Self>) -> Option<EventInput> {
        let is_webhook = |reduced: &Reduced<Self>| matches!(reduced.consumed, Consumed::Webhook(_));
        let route = hook.state.route_offset?;
        let is_due = route <= hook.side_effects_after && hook.live.iter().any(is_webhook);
        (is_due && !self.is_registered.get()).then(|| tools::registration(route))
    }
}

impl State {
    fn reduce_webhook(&mut self, webhook: &Webhook) {
        if let Some(position) = &webhook.position {
            self.channel = Some(position.channel.clone());
            self.thread_ts = Some(position.thread_ts.clone());
            if let Some(ts) = &position.message_ts {
                self.latest_message_ts = Some(ts.clone());
            }
        }
        if self.bot_user_id.is_none() {
            self.bot_user_id = webhook.bot_user_id.clone();
        }
        let Meaning::Message(message) = &webhook.meaning else {
            return;
        };
        if self.is_ours(message) {
            if self.bot_bot_id.is_none() {
                self.bot_bot_id = message.author.bot_id.clone();
            }
        } else if !self.has_taken(message) {
            self.take(message);
        }
    }

    fn take(&mut self, message: &Message) {
        if let Some(identity) = message.identity() {
            remember(&mut self.taken, identity);
        }
        if let Some(ts) = &message.ts {
            remember(&mut self.eyes_on, ts.clone());
        }
    }

    fn is_ours(&self, message: &Message) -> bool {
        let same =
            |ours: &Option<Arc<str>>, theirs: &Option<Arc<str>>| ours.is_some() && ours == theirs;
        let author = &message.author;
        author.is_this_app
            || same(&self.bot_user_id, &author.user)
            || same(&self.bot_bot_id, &author.bot_id)
    }

    fn has_taken(&self, message: &Message) -> bool {
        message
            .identity()
            .is_some_and(|identity| self.taken.contains(&identity))
    }

    /// Messages that our eyes may be on: those taken since the last rest, and the latest one, for a
    /// checkpoint that did not keep that list.
    fn messages_with_eyes(&self) -> impl Iterator<Item = &Arc<str>> {
        let latest = self.latest_message_ts.iter();
        let unlisted = latest.filter(|ts| !self.eyes_on.contains(ts));
        self.eyes_on.iter().chain(unlisted)
    }
}

fn remember(remembered: &mut VecDeque<Arc<str>>, item: Arc<str>) {
    if remembered.len() == MESSAGES_REMEMBERED_MAX {
        remembered.pop_front();
    }
    remembered.push_back(item);
}

/// What a batch leads to.
#[derive(Default)]
struct Effects {
    appends: Vec<EventInput>,
    signals: Vec<Signal>,
}

impl Effects {
    fn add(&mut self, reduced: &Reduced<SlackAgent>) {
        match &reduced.consumed {
            Consumed::ThreadRouteConfigured(_) => {
                self.appends.push(tools::registration(reduced.event.offset));
            }
            Consumed::Webhook(webhook) => self.add_webhook(webhook, reduced),
            Consumed::StatusUpdated(updated) => match updated.status {
                Status::Working => self.show_status(Display::Thinking, &reduced.state),
                Status::Idle => self.show_rest(reduced),
            },
            Consumed::ScriptRequested => self.show_status(Display::UsingTools, &reduced.state),
            Consumed::ScriptCompleted => self.show_rest(reduced),
            Consumed::FunctionCalled(called) => {
                let offset = reduced.event.offset;
                let answer = tools::answer(called, &reduced.state, offset);
                self.appends.extend(answer);
            }
        }
    }

    fn add_webhook(&mut self, webhook: &Webhook, reduced: &Reduced<SlackAgent>) {
        let message = match &webhook.meaning {
            Meaning::Aside => return,
            Meaning::Interaction => return self.appends.push(input(&reduced.event)),
            Meaning::Message(message) => message,
        };
        if reduced.state.is_ours(message) || reduced.previous_state.has_taken(message) {
            return;
        }
        let text = message.text.as_deref().unwrap_or_default();
        self.appends
            .push(match command::script(text, &reduced.state) {
                Some(code) => script_request(&reduced.event, code),
                None => input(&reduced.event),
            });
        if let (Some(channel), Some(ts)) = (&message.channel, &message.ts) {
            self.show_eyes(channel, ts, Display::Taken);
        }
    }

    /// The agent rests: no status, no eyes.
    fn show_rest(&mut self, reduced: &Reduced<SlackAgent>) {
        self.show_status(Display::Nothing, &reduced.state);
        let before = &reduced.previous_state;
        if let (Some(channel), Some(_)) = (&before.channel, &before.thread_ts) {
            for ts in before.messages_with_eyes() {
                self.show_eyes(channel, ts, Display::Nothing);
            }
        }
    }

    fn show_status(&mut self, display: Display, state: &State) {
        if let (Some(channel), Some(thread_ts)) = (&state.channel, &state.thread_ts) {
            let subject = Subject::Status {
                channel: channel.clone(),
                thread_ts: thread_ts.clone(),
            };
            self.signals.push(Signal { subject, display });
        }
    }

    fn show_eyes(&mut self, channel: &Arc<str>, ts: &Arc<str>, display: Display) {
        let subject = Subject::Eyes {
            channel: channel.clone(),
            ts: ts.clone(),
        };
        self.signals.push(Signal { subject, display });
    }
}

fn input(event: &Event) -> EventInput {
    let payload = event.payload.as_ref();
    let payload = payload.expect("a webhook without a payload is refused when it is parsed");
    EventInput::new(
        INPUT_ADDED,
        InputAdded::new(render(payload), Behaviour::default()),
    )
    .keyed(CONTRACT.key_at("slack-webhook-to-agent-input", event.offset))
}

fn script_request(event: &Event, code: String) -> EventInput {
    EventInput::new(
        SCRIPT_EXECUTION_REQUESTED,
        ScriptExecutionRequested {
            code: code.into(),
            script_execution_id: format!("slack-bang-command-{}", event.offset).into(),
        },
    )
    .keyed(CONTRACT.key_at("slack-bang-command-to-codemode-script", event.offset))
}
