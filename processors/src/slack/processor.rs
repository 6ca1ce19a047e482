//! The router: every webhook goes to the stream of its thread (spec §5.8, #1522).
//!
//! Forwarding is blocking work: the checkpoint passes a webhook only when its thread's stream has
//! it. Webhooks of a batch are forwarded one after the other, so those of a thread keep their order.
//! Where one thread's stream fails, the batch fails in the end, but other threads are not held up.
//!
//! A thread of the router's own making is bootstrapped with its first webhook, and once more in each
//! incarnation: its stream may be from before a change of what it starts with, such as subscriptions
//! that nobody dials any more (B-04). All of that is keyed. A stream that somebody else has chosen for
//! a thread is theirs to set up: it gets the webhooks, and nothing else.

use super::{
    bootstrap,
    contract::*,
    route::{address, new_stream_path, Address},
    webhook,
};
use runtime::{
    event::{Event, EventInput, Offset, PayloadError, StreamName, StreamPath},
    processor::{Contract, Hook, Processor, ProcessorError, Reduced, StreamPort},
    quirk::Quirks,
};
use serde_json::Value;
use std::{cell::RefCell, collections::BTreeSet, rc::Rc, sync::Arc};

pub struct SlackRouter {
    own: StreamName,
    stream: Rc<dyn StreamPort>,
    quirks: Quirks,
    /// Streams of threads that this incarnation has bootstrapped.
    bootstrapped: RefCell<BTreeSet<StreamPath>>,
}

pub enum Consumed {
    Connected(Connected),
    Disconnected(Disconnected),
    WebhookReceived,
    ThreadRouteConfigured(ThreadRouteConfigured),
}

impl SlackRouter {
    /// `own` is the integration's stream, of which `stream` is the port.
    pub fn new(own: StreamName, stream: Rc<dyn StreamPort>, quirks: Quirks) -> Self {
        SlackRouter {
            own,
            stream,
            quirks,
            bootstrapped: RefCell::default(),
        }
    }
}

impl Processor for SlackRouter {
    type State = State;
    type Consumed = Consumed;

    fn contract() -> &'static Contract {
        &CONTRACT
    }

    fn parse(event: &Event) -> Result<Consumed, PayloadError> {
        Ok(if event.kind == CONNECTED {
            Consumed::Connected(event.payload()?)
        } else if event.kind == DISCONNECTED {
            Consumed::Disconnected(event.payload()?)
        } else if event.kind == THREAD_ROUTE_CONFIGURED {
            Consumed::ThreadRouteConfigured(event.payload()?)
        } else {
            webhook::body(event)?;
            Consumed::WebhookReceived
        })
    }

    fn reduce(state: &mut State, _event: &Event, consumed: &Consumed) {
        match consumed {
            Consumed::Connected(connected) => {
                let connected = connected.clone();
                state.connection = Connection {
                    status: ConnectionStatus::Connected,
                    workspace: Disconnected {
                        connection_id: Some(connected.connection_id),
                        external_id: Some(connected.external_id),
                        team_id: connected.team_id,
                        team_name: connected.team_name,
                    },
                };
            }
            Consumed::Disconnected(workspace) => {
                state.connection = Connection {
                    status: ConnectionStatus::Disconnected,
                    workspace: workspace.clone(),
                };
            }
            Consumed::ThreadRouteConfigured(route) => {
                let key: Arc<str> = route.thread.to_string().into();
                Rc::make_mut(&mut state.routes).insert(key, route.stream_path.clone());
            }
            Consumed::WebhookReceived => {}
        }
    }

    fn process_batch(self: &Rc<Self>, hook: &Hook<Self>) {
        let forwards: Vec<Forward> = hook
            .live
            .iter()
            .filter_map(|reduced| self.forward_of(reduced))
            .collect();
        if !forwards.is_empty() {
            let router = self.clone();
            hook.block(async move { router.forward_all(forwards).await });
        }
    }
}

/// A webhook on its way to its thread's stream.
struct Forward {
    source: Offset,
    payload: Option<Arc<Value>>,
    thread: Thread,
    to: StreamPath,
    /// The thread has no route yet.
    is_new: bool,
}

impl SlackRouter {
    /// Where a webhook goes, by the routes as of its own event; none if it is ignored.
    fn forward_of(&self, reduced: &Reduced<Self>) -> Option<Forward> {
        let Consumed::WebhookReceived = reduced.consumed else {
            return None;
        };
        let Address { thread, can_create } = address(webhook::body(&reduced.event).ok()?)?;
        let (to, is_new) = match reduced.state.routes.get(&*thread.to_string()) {
            Some(path) => (path.clone(), false),
            None if can_create => (new_stream_path(&thread), true),
            None => return None,
        };
        // A thread routed to the integration's own stream would feed the router its own output.
        (to != self.own.path).then(|| Forward {
            source: reduced.event.offset,
            payload: reduced.event.payload.clone(),
            thread,
            to,
            is_new,
        })
    }

    async fn forward_all(&self, forwards: Vec<Forward>) -> Result<(), ProcessorError> {
        let mut outcome = Ok(());
        let mut failed: BTreeSet<StreamPath> = BTreeSet::new();
        for forward in forwards {
            if failed.contains(&forward.to) {
                continue;
            }
            let to = forward.to.clone();
            if let Err(error) = self.forward(forward).await {
                failed.insert(to);
                outcome = outcome.and(Err(error));
            }
        }
        outcome
    }

    async fn forward(&self, forward: Forward) -> Result<(), ProcessorError> {
        let mut route = ThreadRouteConfigured {
            thread: forward.thread,
            stream_path: forward.to,
        };
        if forward.is_new {
            route = self.configure_route(route).await?;
        }
        let to = &route.stream_path;
        let mut events = Vec::new();
        let bootstraps = self.is_to_bootstrap(&route);
        if bootstraps {
            let stream = StreamName::new(&self.own.namespace, to.clone());
            events = bootstrap::events(&stream, self.quirks);
            events.push(route_event(&route));
        }
        let mut forwarded = EventInput::new(WEBHOOK_RECEIVED, Value::Null)
            .keyed(CONTRACT.key_at("forward-slack-webhook", forward.source));
        forwarded.payload = forward.payload;
        events.push(forwarded);
        self.stream.append_batch(Some(to), events).await?;
        if bootstraps {
            self.bootstrapped.borrow_mut().insert(to.clone());
        }
        Ok(())
    }

    fn is_to_bootstrap(&self, route: &ThreadRouteConfigured) -> bool {
        route.stream_path == new_stream_path(&route.thread)
            && !self.bootstrapped.borrow().contains(&route.stream_path)
    }

    /// Writes the route on the own stream. The result is the route that stands there: somebody may
    /// have written it before.
    async fn configure_route(
        &self,
        route: ThreadRouteConfigured,
    ) -> Result<ThreadRouteConfigured, ProcessorError> {
        let committed = self
            .stream
            .append_batch(None, vec![route_event(&route)])
            .await?;
        Ok(committed[0].payload()?)
    }
}

fn route_event(route: &ThreadRouteConfigured) -> EventInput {
    EventInput::new(THREAD_ROUTE_CONFIGURED, route).keyed(format!("slack-route:{}", route.thread))
}
