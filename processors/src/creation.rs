//! Objects whose stream tells of one thing that is created once: a project, a repo (spec §5.6, §5.7).
//!
//! Each hosts one processor, a projection of its stream. `create` appends the event that creates the
//! thing, under a key that every call uses: whoever calls first decides, whoever asks for the same
//! afterwards or at the same time gets the same, and whoever asks for another is refused. It answers when
//! the projection has seen it, and `describe` reads the projection, so who was answered finds what he was
//! told, also after a crash.
//!
//! The wake hook makes sure of the subscription and waits for nothing (I5); the methods wait, once in an
//! incarnation, until the projection has seen what was there before.

use crate::hosting::{self, HostedObject, Methods};
use runtime::{
    call::{Argument, Arguments, CallError},
    event::{EventInput, EventType, StreamName},
    object::{Context, Object, Reply},
    processor::{Dependencies, Processor, ProcessorHost},
    stream::StreamClient,
};
use serde::{de::DeserializeOwned, Serialize};
use std::rc::Rc;
use tokio::sync::OnceCell;

/// Takes what is to be created; gives what is there.
pub const CREATE: &str = "create";

/// Gives what was created, or `null`.
pub const DESCRIBE: &str = "describe";

/// The code of a refusal: something else was created there.
pub const EXISTS: &str = "already-exists";

/// A processor whose state tells of the one thing that its stream is about.
pub trait Creation: Processor {
    /// As the event tells it that creates it, and as the state keeps it.
    type Made: Clone + PartialEq + Serialize + DeserializeOwned + 'static;

    const CREATED: EventType;

    fn made(state: &Self::State) -> Option<&Self::Made>;

    /// What a call asks for.
    ///
    /// # Errors
    /// The arguments do not fit, or nothing of that kind can be on such a stream.
    fn asked(stream: &StreamName, arguments: &Arguments) -> Result<Self::Made, CallError>;

    /// The key of the event that creates it.
    fn creation_key(stream: &StreamName) -> String;

    /// The projection's subscription to its stream.
    fn subscription(stream: &StreamName) -> EventInput;
}

/// One incarnation.
struct Creator {
    context: Context,
    stream: StreamName,
    host: Rc<ProcessorHost>,
    caught_up: OnceCell<()>,
}

/// The object around such a processor.
pub fn construct<P: Creation>(
    context: Context,
    build: impl FnOnce(Dependencies) -> P,
) -> Rc<dyn Object> {
    let host = ProcessorHost::new(context.clone());
    host.add(P::contract().slug, build);
    let creator = Rc::new(Creator {
        stream: host.stream_name().clone(),
        host: host.clone(),
        caught_up: OnceCell::new(),
        context,
    });
    hosting::wake(&creator.context, {
        let creator = creator.clone();
        move || creator.clone().subscribe::<P>()
    });
    let methods: Methods = Box::new(move |method, arguments| {
        let (creator, arguments) = (creator.clone(), arguments.clone());
        let reply: Reply = match method {
            CREATE => Box::pin(async move { creator.create::<P>(&arguments).await }),
            DESCRIBE => Box::pin(async move {
                creator.catch_up_once::<P>().await?;
                let made = creator.made::<P>().await?;
                Ok(Argument::json(made))
            }),
            _ => return None,
        };
        Some(reply)
    });
    HostedObject::new(host, methods)
}

impl Creator {
    async fn subscribe<P: Creation>(self: Rc<Self>) -> Result<(), CallError> {
        let subscription = P::subscription(&self.stream);
        hosting::ensure(&self.context, &self.stream, vec![subscription]).await
    }

    async fn create<P: Creation>(&self, arguments: &Arguments) -> Result<Argument, CallError> {
        let asked = P::asked(&self.stream, arguments)?;
        self.catch_up_once::<P>().await?;
        let made = match self.made::<P>().await? {
            Some(made) => made,
            None => self.append::<P>(&asked).await?,
        };
        match made == asked {
            true => Ok(Argument::json(made)),
            false => Err(CallError::remote(
                EXISTS,
                format!("something else was created on {}", self.stream),
            )),
        }
    }

    /// Appends the creation; the result is the one that stands, whoever's it is.
    async fn append<P: Creation>(&self, asked: &P::Made) -> Result<P::Made, CallError> {
        let created = EventInput::new(P::CREATED, asked).keyed(P::creation_key(&self.stream));
        let stream = StreamClient::named(&self.context, &self.stream);
        let committed = stream.append_batch(None, vec![created]).await?;
        let made = committed[0].payload();
        self.host.catch_up(P::contract().slug).await?;
        made.map_err(|error| CallError::invalid(error.to_string()))
    }

    async fn made<P: Creation>(&self) -> Result<Option<P::Made>, CallError> {
        let state = hosting::state::<P>(&self.host).await?;
        Ok(P::made(&state).cloned())
    }

    /// A failure is not kept: the next call waits again.
    async fn catch_up_once<P: Creation>(&self) -> Result<(), CallError> {
        let catch_up = || async { self.host.catch_up(P::contract().slug).await.map(drop) };
        self.caught_up.get_or_try_init(catch_up).await.map(drop)
    }
}
