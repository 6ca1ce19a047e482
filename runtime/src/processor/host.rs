//! The processor host (spec §3): owns named processors inside a durable object, their checkpoints,
//! and their subscriptions to the object's stream.
//!
//! **Generations.** Every opening exports a callback of its own; a failure or a new handshake takes
//! the old one back, so that batches still queued for it are refused, not ingested. Production drops
//! them silently, which can leave a mute connection; a refusal makes the stream dial again.
//!
//! **Recovery.** A failed batch is replayed from the durable checkpoint, three times. After the
//! fourth failure in a row a batch that fails by itself is poison: an `error-occurred` says so and
//! the host unsubscribes. If only the way to somebody failed, the stream is told, and dials later. That
//! the own stream is paused is no failure of the batch: it is told at once, and the stream dials when
//! it is resumed. Production counts it towards poison. Another stream's pause does count: nobody
//! here learns of its end.
//!
//! **Reset.** A stream that was reset has another log under the same name. A host knows which log its
//! checkpoints were folded from; when it meets another it forgets them and ends its incarnation, so
//! that nothing of the old log is left in memory, and begins anew when it is dialed again.
//!
//! **Obligations.** While a processor's checkpointed state owes something, the object keeps an alarm,
//! set in the same transaction as the checkpoint. It rings in any incarnation, and ever less often while
//! nothing comes of it: the stream may be paused for long.

use super::{
    engine::{Checkpoints, Engine, EventBatch, Runner},
    host_checkpoints::{HostCheckpoints, OBLIGATION_ALARM_MS},
    stream_port::{LateStream, StreamPort},
    Processor, ProcessorError, WILDCARD,
};
use crate::{
    call::{Argument, Arguments, CallError, Capability},
    event::{EventInput, Offset, StreamName},
    object::{unknown_method, Context, Reply},
    patience::Patience,
    platform::{NoteKind, Resource, Target},
    quirk::Quirk,
    stream::{
        contract::{ErrorDetail, ErrorOccurred, SubscriberDescriptor, ERROR_OCCURRED},
        ConfiguredEvent, CoreState, StreamClient,
    },
};
use serde_json::json;
use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    rc::Rc,
    sync::Arc,
};
use tokio::sync::Mutex;

/// Failures in a row after which a batch is no longer replayed at once: the first and three replays.
pub const MAX_CONSECUTIVE_INGEST_FAILURES: u32 = 3;

/// How long an obligation stands at most before the alarm looks after it again, however often that
/// led to nothing.
const OBLIGATION_ALARM_MAX_MS: u64 = 240_000;

/// When the log began that this object's checkpoints were folded from.
pub const LOG_CREATED_AT_KEY: &str = "stream-processor-log-created-at";

/// What a processor is built with.
pub struct Dependencies {
    pub context: Context,
    pub stream: Rc<dyn StreamPort>,
}

pub struct ProcessorHost {
    pub(super) context: Context,
    pub(super) stream_name: StreamName,
    incarnation_id: String,
    hosted: RefCell<BTreeMap<&'static str, Rc<Hosted>>>,
}

pub(super) struct Hosted {
    pub(super) name: &'static str,
    pub(super) runner: Rc<dyn Runner>,
    stream: LateStream,
    checkpoints: Rc<HostCheckpoints>,
    connection: RefCell<Option<Connection>>,
    generation: Cell<u64>,
    failures: Cell<u32>,
    /// The alarm rang, and nobody had dialed.
    missed: Cell<bool>,
    /// How long the alarm waits; new when something has changed.
    patience: Cell<Patience>,
    ingest_chain: Mutex<()>,
}

struct Connection {
    callback: Capability,
    /// Known once the stream has answered.
    handle: Option<Capability>,
}

impl ProcessorHost {
    /// # Panics
    /// The object is not named like a stream: `<namespace>:<path>`.
    pub fn new(context: Context) -> Rc<Self> {
        let stream_name = StreamName::parse(&context.name().name)
            .unwrap_or_else(|error| panic!("a host is named after its stream: {error}"));
        Rc::new(ProcessorHost {
            incarnation_id: context.draw_id().to_string(),
            context,
            stream_name,
            hosted: RefCell::default(),
        })
    }

    pub fn stream_name(&self) -> &StreamName {
        &self.stream_name
    }

    /// Adds a processor; at construction only.
    ///
    /// # Panics
    /// The name is taken.
    pub fn add<P: Processor>(&self, name: &'static str, build: impl FnOnce(Dependencies) -> P) {
        let stream = LateStream::new(name, self.context.clone(), self.stream_name.clone());
        let processor = build(Dependencies {
            context: self.context.clone(),
            stream: Rc::new(stream.clone()),
        });
        let checkpoints = Rc::new(HostCheckpoints::new(name, self.context.clone()));
        let hosted = Rc::new(Hosted {
            name,
            runner: Engine::new(processor, checkpoints.clone()),
            stream,
            checkpoints,
            connection: RefCell::default(),
            generation: Cell::new(0),
            failures: Cell::new(0),
            missed: Cell::new(false),
            patience: Cell::default(),
            ingest_chain: Mutex::default(),
        });
        let taken = self.hosted.borrow_mut().insert(name, hosted);
        assert!(taken.is_none(), "processor name {name:?} is taken");
    }

    /// The methods of the host's own surface; others are the object's.
    pub fn call(self: Rc<Self>, method: &str, arguments: Arguments) -> Reply {
        match method {
            "requestStreamSubscription" => {
                Box::pin(async move { self.request_stream_subscription(arguments).await })
            }
            "runtimeState" => Box::pin(async move { self.runtime_state(&arguments).await }),
            method => {
                let error = unknown_method(&self.context.name().binding, method);
                Box::pin(async { Err(error) })
            }
        }
    }

    /// The stream dials: take its live capability and subscribe from the checkpoint.
    async fn request_stream_subscription(
        self: &Rc<Self>,
        arguments: Arguments,
    ) -> Result<Argument, CallError> {
        let hosted = self.find(arguments.parse_optional("processorName")?)?;
        let configured: Arc<ConfiguredEvent> = arguments.shared("subscriptionConfiguredEvent")?;
        let key: String = arguments.parse("subscriptionKey")?;
        let stream = arguments.capability("stream")?;
        if let Some(held) = hosted.stream.live().and_then(|live| live.incarnation()) {
            if stream.incarnation < held {
                return Err(CallError::Broken(format!(
                    "a late handshake: incarnation {} of the stream has ended",
                    stream.incarnation
                )));
            }
        }
        let core = core_state(&arguments)?;
        let log_created_at = core.as_ref().map(|core| core.created_at.clone());
        if let Some(core) = &core {
            self.check_stream(core)?;
            self.check_log(&core.created_at).await?;
        }
        if (hosted.checkpoints.subscription_key()).is_some_and(|before| before != key) {
            // Opening replaces a connection of the same key only. Left open, the other one would be
            // refused, dialed again, and take this one's place, for ever.
            self.let_go(&hosted, None).await;
        }
        hosted.checkpoints.anchor_at(configured.offset)?;
        hosted.checkpoints.put_subscription_key(&key)?;
        self.end_generation(&hosted);
        hosted.failures.set(0);
        if hosted.patience.take().is_tried() {
            self.context.ensure_alarm(OBLIGATION_ALARM_MS);
        }
        let client = StreamClient::live(&self.context, stream);
        hosted.stream.retain(client.clone(), log_created_at);
        self.open(&hosted, client, &key)
            .await
            .map_err(|error| CallError::remote("subscription-failed", error.to_string()))?;
        Ok(Argument::NULL)
    }

    /// A host serves the stream whose name it has: checkpoint and anchor are offsets of that one.
    fn check_stream(&self, core: &CoreState) -> Result<(), CallError> {
        let own = &self.stream_name;
        if *core.namespace == *own.namespace && *core.path == *own.path.as_str() {
            return Ok(());
        }
        Err(CallError::Unresolved(format!(
            "this object serves stream {own}, and was dialed by {}:{}",
            core.namespace, core.path
        )))
    }

    /// A handshake speaks of the log that this object's checkpoints come from, or of its first.
    ///
    /// # Errors
    /// It is another log. If it is the stream's present one, the checkpoints are forgotten and this
    /// incarnation ends; a handshake that is late, from before a reset, is refused.
    async fn check_log(self: &Rc<Self>, log_created_at: &Arc<str>) -> Result<(), CallError> {
        match self.known_log() {
            Some(known) if known == *log_created_at => Ok(()),
            None => {
                let storage = self.context.storage();
                Ok(storage.put(LOG_CREATED_AT_KEY, log_created_at)?)
            }
            Some(known) => {
                let stream = StreamClient::named(&self.context, &self.stream_name);
                if stream.log_created_at().await? == known {
                    return Err(CallError::Broken(format!(
                        "a late handshake: the log that began at {log_created_at} is gone"
                    )));
                }
                Err(self.begin_anew())
            }
        }
    }

    /// When the log began that the checkpoints come from; none before the first handshake.
    fn known_log(&self) -> Option<Arc<str>> {
        let storage = self.context.storage();
        storage.get(LOG_CREATED_AT_KEY).unwrap_or_default()
    }

    /// Forgets what was folded from a log that is gone, and ends this incarnation.
    fn begin_anew(&self) -> CallError {
        let store = self.context.store();
        let forgotten = store.atomically(|| {
            self.context.storage().delete(LOG_CREATED_AT_KEY)?;
            let hosted = self.hosted.borrow();
            let mut hosted = hosted.values();
            hosted.try_for_each(|hosted| hosted.checkpoints.forget())
        });
        if let Err(error) = forgotten {
            // Whoever finds out next tries again.
            return error.into();
        }
        store.commit();
        self.context.abort("the stream was reset");
        CallError::Broken("the stream was reset, and the host begins anew".to_owned())
    }

    pub(super) fn find(&self, name: Option<String>) -> Result<Rc<Hosted>, CallError> {
        let hosted = self.hosted.borrow();
        let found = match &name {
            Some(name) => hosted.get(name.as_str()),
            None if hosted.len() == 1 => hosted.values().next(),
            None => None,
        };
        found.cloned().ok_or_else(|| {
            let known: Vec<&str> = hosted.keys().copied().collect();
            CallError::Unresolved(format!(
                "no processor {:?} here; registered: {}",
                name.unwrap_or_default(),
                known.join(", ")
            ))
        })
    }

    /// Unsubscribes the connection that is held, if any. Domain events above `seen` make the stream
    /// dial again at once; without it, the next one does.
    async fn let_go(&self, hosted: &Hosted, seen: Option<Offset>) -> Option<Result<(), CallError>> {
        let handle = {
            let connection = hosted.connection.borrow();
            connection.as_ref().and_then(|open| open.handle.clone())
        };
        let subscription = self.context.stub_to(Target::Capability(handle?));
        let arguments = Arguments::new().json("afterOffset", seen);
        let outcome = subscription.call("unsubscribe", arguments).await;
        Some(outcome.map(drop))
    }

    /// Takes the old callback back.
    ///
    /// The old connection is not unsubscribed: opening the next one replaces it, and a handshake
    /// that comes late, from an incarnation of the stream that is gone, must not cut a live one.
    fn end_generation(&self, hosted: &Hosted) {
        hosted.generation.set(hosted.generation.get() + 1);
        let old = hosted.connection.borrow_mut().take();
        if let Some(old) = old.filter(|_| !self.context.quirk(Quirk::X8)) {
            self.context.revoke(&old.callback);
        }
    }

    async fn open(
        self: &Rc<Self>,
        hosted: &Rc<Hosted>,
        stream: StreamClient,
        key: &str,
    ) -> Result<(), ProcessorError> {
        let generation = hosted.generation.get();
        let checkpoint = hosted.runner.clone().checkpoint().await?;
        if hosted.generation.get() != generation {
            return Ok(());
        }
        let callback = self.export_callback(hosted, generation);
        *hosted.connection.borrow_mut() = Some(Connection {
            callback: callback.clone(),
            handle: None,
        });
        let contract = hosted.runner.contract();
        let subscriber = Arc::new(SubscriberDescriptor {
            incarnation_id: Some(self.incarnation_id.clone()),
            description: None,
            processor: Some(Arc::new(contract.announcement())),
        });
        let event_types = match self.context.quirk(Quirk::B34) {
            true => &[WILDCARD],
            false => contract.consumes,
        };
        let handle = stream
            .subscribe_outbound(key, checkpoint, event_types, subscriber, callback)
            .await?;
        match &mut *hosted.connection.borrow_mut() {
            Some(connection) if hosted.generation.get() == generation => {
                connection.handle = Some(handle);
            }
            // A newer generation rules. If this connection outlived its own at the stream, its
            // first delivery is refused, and the stream dials anew.
            _ => {}
        }
        Ok(())
    }

    fn export_callback(self: &Rc<Self>, hosted: &Rc<Hosted>, generation: u64) -> Capability {
        let (host, hosted) = (Rc::downgrade(self), hosted.clone());
        self.context.export(Rc::new(move |method, arguments| {
            let (host, hosted) = (host.upgrade(), hosted.clone());
            Box::pin(async move {
                match (method.as_str(), host) {
                    ("processEventBatch", Some(host)) => {
                        host.process_event_batch(&hosted, generation, arguments)
                            .await
                    }
                    (method, _) => Err(unknown_method("subscriber", method)),
                }
            })
        }))
    }

    async fn process_event_batch(
        self: &Rc<Self>,
        hosted: &Rc<Hosted>,
        generation: u64,
        arguments: Arguments,
    ) -> Result<Argument, CallError> {
        let batch = EventBatch {
            events: arguments.shared("events")?,
            stream_max_offset: arguments.parse("streamMaxOffset")?,
        };
        if self.context.quirk(Quirk::B08) && !self.context.is_initialized() {
            // Deliveries wait for the lifecycle gate; with B-08 they do not.
            self.context
                .note(NoteKind::Failure, "a batch came before initialization");
            return Ok(Argument::NULL);
        }
        let resource = Resource::IngestTurn {
            processor: hosted.name,
        };
        let _turn = {
            let _waiting = self.context.waits_for(resource);
            hosted.ingest_chain.lock().await
        };
        let _holding = self.context.holds(resource);
        if hosted.generation.get() != generation {
            if self.context.quirk(Quirk::X8) {
                return Ok(Argument::NULL);
            }
            return Err(CallError::Broken(format!(
                "generation {generation} of {} has ended",
                hosted.name
            )));
        }
        let (is_empty, seen) = (batch.events.is_empty(), batch.stream_max_offset);
        let Err(error) = hosted.runner.clone().ingest(batch).await else {
            // The initial push may hold nothing: it says nothing of what comes behind it.
            if !is_empty {
                hosted.failures.set(0);
                hosted.patience.take();
            }
            return Ok(Argument::NULL);
        };
        self.context.note(
            NoteKind::Failure,
            format_args!("{} failed to ingest: {error}", hosted.name),
        );
        if self.context.quirk(Quirk::B20) {
            return Ok(Argument::NULL);
        }
        self.recover_batch(hosted, generation, seen, error).await
    }

    /// Replays from the checkpoint, or gives up (spec §3.5). `seen` is the head at delivery.
    async fn recover_batch(
        self: &Rc<Self>,
        hosted: &Rc<Hosted>,
        generation: u64,
        seen: Offset,
        error: ProcessorError,
    ) -> Result<Argument, CallError> {
        if hosted.generation.get() != generation {
            // A new handshake came in meanwhile; it replays from the checkpoint.
            return Err(CallError::remote("ingest-failed", error.to_string()));
        }
        if let ProcessorError::Call(paused) = &error {
            if error.is_paused() && !self.context.quirk(Quirk::X11) {
                self.end_generation(hosted);
                return Err(paused.clone());
            }
        }
        let failures = hosted.failures.get() + 1;
        hosted.failures.set(failures);
        if failures > MAX_CONSECUTIVE_INGEST_FAILURES && !error.is_transient() {
            let gave_up = self.give_up(hosted, generation, seen, &error).await;
            if hosted.generation.get() == generation {
                self.end_generation(hosted);
            }
            return gave_up;
        }
        self.end_generation(hosted);
        let key = hosted.checkpoints.subscription_key();
        match (hosted.stream.live(), key) {
            (Some(client), Some(key)) if failures <= MAX_CONSECUTIVE_INGEST_FAILURES => {
                let opened = self.open(hosted, client, &key).await;
                opened
                    .map(|()| Argument::NULL)
                    .map_err(|error| CallError::remote("subscription-failed", error.to_string()))
            }
            _ => Err(CallError::remote("ingest-failed", error.to_string())),
        }
    }

    /// Says that the batch is poison, and then lets go of the connection. Batches that are on their
    /// way queue behind this one until the stream has heard both: were they refused before, it would
    /// dial at once, and the same would begin again.
    async fn give_up(
        self: &Rc<Self>,
        hosted: &Rc<Hosted>,
        generation: u64,
        seen: Offset,
        error: &ProcessorError,
    ) -> Result<Argument, CallError> {
        let (name, failures) = (hosted.name, hosted.failures.get());
        let checkpoint = hosted.runner.clone().checkpoint().await;
        let offset = checkpoint.unwrap_or_default();
        self.context
            .note(NoteKind::Poisoned { offset: offset.0 }, name);
        let event = EventInput::new(
            ERROR_OCCURRED,
            ErrorOccurred {
                message: format!(
                    "Processor {name:?} gave up after {failures} failed ingest attempts at offset {offset}"
                ),
                error: Some(ErrorDetail {
                    name: None,
                    message: error.to_string(),
                    code: None,
                    stack: None,
                }),
            },
        )
        .keyed(format!("processor-ingest-failed:{name}:{offset}"));
        // If any of this gets lost, the stream hears so, dials again, and the batch is tried once more.
        hosted.stream.append_batch(None, vec![event]).await?;
        // A new handshake that came in meanwhile replays from the checkpoint: its connection is not this
        // one's to let go of.
        let is_old = hosted.generation.get() != generation;
        if is_old || self.context.quirk(Quirk::X10) {
            return Err(CallError::remote("ingest-failed", error.to_string()));
        }
        let unheard = || CallError::Broken("no handle to let go of".into());
        let let_go = self.let_go(hosted, Some(seen)).await;
        let_go.ok_or_else(unheard)?.map(|()| Argument::NULL)
    }

    /// The object's alarm: whatever is owed is taken up, and the alarm stands while it is.
    pub async fn alarm(self: &Rc<Self>) -> Result<(), CallError> {
        let hosted: Vec<Rc<Hosted>> = self.hosted.borrow().values().cloned().collect();
        for hosted in hosted {
            if !hosted.runner.clone().owes().await.unwrap_or(true) {
                hosted.patience.take();
                continue;
            }
            let (now, mut patience) = (self.context.now(), hosted.patience.get());
            let is_due = patience.is_due(now);
            let wait_ms = match is_due {
                true => patience.tried(now, OBLIGATION_ALARM_MS, OBLIGATION_ALARM_MAX_MS),
                false => patience.remaining_ms(now),
            };
            hosted.patience.set(patience);
            self.context.ensure_alarm(wait_ms);
            if !is_due {
                continue;
            }
            if let Err(error) = self.take_up(&hosted).await {
                self.context.note(
                    NoteKind::Failure,
                    format_args!("{} could not recover: {error}", hosted.name),
                );
            }
        }
        Ok(())
    }

    async fn take_up(self: &Rc<Self>, hosted: &Rc<Hosted>) -> Result<(), ProcessorError> {
        let mut failed = None;
        if hosted.stream.is_bound() {
            match hosted.runner.clone().recover().await {
                Err(error) if error.is_transient() || error.is_reset() => failed = Some(error),
                outcome => return outcome,
            }
        }
        // A stream that wakes dials its subscribers. One that is awake may have let go of this one:
        // if nobody has dialed until the alarm rings again, the debt is settled by name.
        let log_created_at = self.present_log().await?;
        if let Some(error) = failed {
            return Err(error);
        }
        if !hosted.missed.replace(true) || hosted.stream.is_bound() {
            return Ok(());
        }
        hosted.stream.reach_by_name(log_created_at);
        hosted.runner.clone().recover().await
    }

    /// When the log of the stream began, which is the one that the checkpoints come from. Wakes the
    /// stream, if it sleeps.
    async fn present_log(&self) -> Result<Arc<str>, CallError> {
        let stream = StreamClient::named(&self.context, &self.stream_name);
        let log_created_at = stream.log_created_at().await?;
        let known = self.known_log();
        match known.is_none_or(|known| known == log_created_at) {
            true => Ok(log_created_at),
            false => Err(self.begin_anew()),
        }
    }

    /// Puts the stream within reach of a processor whose object acts before anybody has dialed: by
    /// name, until then.
    ///
    /// # Errors
    /// There is no such processor; the stream cannot be reached, or was reset.
    pub async fn reach_stream(&self, processor: &str) -> Result<(), CallError> {
        let hosted = self.find(Some(processor.to_owned()))?;
        if !hosted.stream.is_within_reach() {
            let log_created_at = self.present_log().await?;
            if !hosted.stream.is_within_reach() {
                hosted.stream.reach_by_name(log_created_at);
            }
        }
        Ok(())
    }

    async fn runtime_state(&self, arguments: &Arguments) -> Result<Argument, CallError> {
        let hosted = self.find(arguments.parse_optional("processorName")?)?;
        let snapshot = hosted
            .checkpoints
            .read()
            .map_err(|error| CallError::remote("checkpoint", error))?;
        let mut state = json!({ "processorName": hosted.name });
        if let Some(snapshot) = snapshot.and_then(|json| serde_json::from_str(&json).ok()) {
            state["snapshot"] = snapshot;
        }
        if hosted.stream.is_bound() {
            state["subscription"] = json!({
                "subscriptionKey": hosted.checkpoints.subscription_key(),
                "namespace": self.stream_name.namespace,
                "path": self.stream_name.path,
                "sideEffectsAfterOffset": hosted.checkpoints.side_effects_after(),
            });
        }
        Ok(Argument::Json(state))
    }
}

/// The core state that a handshake brings along.
fn core_state(handshake: &Arguments) -> Result<Option<Arc<CoreState>>, CallError> {
    match handshake.get("streamRuntimeState") {
        Some(state) => state.record()?.shared_optional("coreProcessorState"),
        None => Ok(None),
    }
}
