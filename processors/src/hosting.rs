//! What every domain object shares: a host with processors, and a wake hook that makes sure the
//! object's subscriptions and setup events stand in its stream (spec §5.11).
//!
//! The wake hook runs inside the lifecycle gate, so nothing is delivered before it is done, and it
//! never waits for a delivery to this object. Its appends are keyed: every incarnation may repeat
//! them.

use futures_util::future::LocalBoxFuture;
use runtime::{
    call::{Arguments, CallError},
    callable::Callable,
    event::{EventInput, StreamName},
    object::{Context, Object, Reply},
    processor::{Processor, ProcessorHost},
    stream::{
        contract::{Subscriber, SubscriptionConfigured, SUBSCRIPTION_CONFIGURED},
        StreamClient,
    },
};
use serde::Deserialize;
use serde_json::Value;
use std::{future::Future, rc::Rc};

/// How often the wake hook tries again when the way to a stream fails, and how long it waits.
const WAKE_ATTEMPTS_MAX: u32 = 5;
const WAKE_RETRY_MS: u64 = 1_000;

/// A domain object: its host answers handshakes and the alarm.
pub struct HostedObject {
    host: Rc<ProcessorHost>,
    methods: Methods,
}

/// Answers the object's own methods; `None` leaves a method to the host.
pub type Methods = Box<dyn Fn(&str, &Arguments) -> Option<Reply>>;

impl HostedObject {
    pub fn new(host: Rc<ProcessorHost>, methods: Methods) -> Rc<Self> {
        Rc::new(HostedObject { host, methods })
    }
}

impl Object for HostedObject {
    fn call(self: Rc<Self>, method: String, arguments: Arguments) -> Reply {
        if let Some(reply) = (self.methods)(&method, &arguments) {
            return reply;
        }
        self.host.clone().call(&method, arguments)
    }

    fn alarm(self: Rc<Self>) -> LocalBoxFuture<'static, Result<(), CallError>> {
        let host = self.host.clone();
        Box::pin(async move { host.alarm().await })
    }
}

/// Runs the wake hook inside the lifecycle gate: `setup` is tried again while the way to a stream
/// fails; any other failure resets the object.
#[track_caller]
pub fn wake<F>(context: &Context, setup: impl Fn() -> F + 'static)
where
    F: Future<Output = Result<(), CallError>> + 'static,
{
    let hook = {
        let context = context.clone();
        async move {
            let mut attempt = 1;
            loop {
                match setup().await {
                    Err(error) if error.is_transient() && attempt < WAKE_ATTEMPTS_MAX => {
                        attempt += 1;
                        context.sleep("wake retry", WAKE_RETRY_MS).await;
                    }
                    outcome => return outcome,
                }
            }
        }
    };
    context.block_concurrency_while("wake hook", hook);
}

/// Appends keyed events to a stream, in order, in one batch.
///
/// # Errors
/// The stream refuses them or cannot be reached.
pub async fn ensure(
    context: &Context,
    stream: &StreamName,
    events: Vec<EventInput>,
) -> Result<(), CallError> {
    let client = StreamClient::named(context, stream);
    client.append_batch(None, events).await.map(drop)
}

/// The state of a processor that this host owns, as of its last checkpoint.
///
/// # Errors
/// The checkpoint cannot be read.
pub async fn state<P: Processor>(host: &Rc<ProcessorHost>) -> Result<P::State, CallError> {
    let arguments = Arguments::new().json("processorName", P::contract().slug);
    let runtime_state = host.clone().call("runtimeState", arguments).await?;
    let runtime_state: Value = runtime_state.parse()?;
    match runtime_state.pointer("/snapshot/state") {
        None => Ok(P::State::default()),
        Some(state) => P::State::deserialize(state)
            .map_err(|error| CallError::remote("checkpoint", error.to_string())),
    }
}

/// A subscription of a processor that the object `binding` of the stream's own name hosts.
pub fn subscription(
    binding: &str,
    stream: &StreamName,
    processor: &str,
    subscription_key: String,
    idempotency_key: String,
) -> EventInput {
    let callable = Callable::hosted_processor(binding, &stream.to_string(), processor);
    EventInput::new(
        SUBSCRIPTION_CONFIGURED,
        SubscriptionConfigured {
            subscription_key,
            subscriber: Subscriber::Callable { callable },
        },
    )
    .keyed(idempotency_key)
}
