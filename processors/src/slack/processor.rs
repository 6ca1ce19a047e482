//! The router: every webhook goes to the stream of its thread (spec §5.8, #1522).
//!
//! Forwarding is blocking work: the checkpoint passes a webhook only when its thread's stream has
//! it. Webhooks of a batch are forwarded one after the other, so those of a thread keep their order.
//! Where one thread's stream fails, the batch fails in the end, but other threads are not held up.

use super::{
    bootstrap,
    contract::*,
    route::{address, new_stream_path},
    webhook,
};
use runtime::{
    event::{Event, EventInput, Offset, PayloadError, StreamName, StreamPath},
    processor::{Contract, Hook, Processor, ProcessorError, Reduced, StreamPort},
};
use serde_json::Value;
use std::{collections::BTreeSet, rc::Rc, sync::Arc};

pub struct SlackRouter {
    own: StreamName,
    stream: Rc<dyn StreamPort>,
}

pub enum Consumed {
    Connected(Connected),
    Disconnected(Disconnected),
    WebhookReceived,
    ThreadRouteConfigured(ThreadRouteConfigured),
}

impl SlackRouter {
    /// `own` is the integration's stream, of which `stream` is the port.
    pub fn new(own: StreamName, stream: Rc<dyn StreamPort>) -> Self {
        SlackRouter { own, stream }
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
    to: StreamPath,
    /// The thread, if it has no route yet.
    new: Option<Thread>,
}

impl SlackRouter {
    /// Where a webhook goes, by the routes as of its own event; none if it is ignored.
    fn forward_of(&self, reduced: &Reduced<Self>) -> Option<Forward> {
        let Consumed::WebhookReceived = reduced.consumed else {
            return None;
        };
        let address = address(webhook::body(&reduced.event).ok()?)?;
        let known = reduced.state.routes.get(&*address.thread.to_string());
        let (to, new) = match known {
            Some(path) => (path.clone(), None),
            None if address.can_create => (new_stream_path(&address.thread), Some(address.thread)),
            None => return None,
        };
        // A thread routed to the integration's own stream would feed the router its own output.
        (to != self.own.path).then(|| Forward {
            source: reduced.event.offset,
            payload: reduced.event.payload.clone(),
            to,
            new,
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
        let mut to = forward.to;
        let mut events = Vec::new();
        if let Some(thread) = forward.new {
            let route = self.configure_route(thread, to).await?;
            to = route.stream_path.clone();
            events = bootstrap::events(&StreamName::new(&self.own.namespace, to.clone()));
            events.push(route_event(&route));
        }
        let mut forwarded = EventInput::new(WEBHOOK_RECEIVED, Value::Null)
            .keyed(CONTRACT.key_at("forward-slack-webhook", forward.source));
        forwarded.payload = forward.payload;
        events.push(forwarded);
        self.stream.append_batch(Some(&to), events).await?;
        Ok(())
    }

    /// Writes the route on the own stream. The result is the route that stands there: somebody may
    /// have written it before.
    async fn configure_route(
        &self,
        thread: Thread,
        stream_path: StreamPath,
    ) -> Result<ThreadRouteConfigured, ProcessorError> {
        let route = ThreadRouteConfigured {
            thread,
            stream_path,
        };
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
