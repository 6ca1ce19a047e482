//! The codemode contract (spec §5.10): its event types, their payloads, its state.
//!
//! Whoever asks for a script appends `script-execution-requested` with an idempotency key, and an id
//! that follows from the event that made it ask; the script then runs once, however often that event
//! is seen. Every request gets exactly one `script-execution-completed`, and every
//! `function-call-requested` exactly one `function-call-completed`: also when the session dies meanwhile.
//!
//! The state holds what has not ended, and nothing of what has: it does not grow. `requestedOffset` is
//! an addition to V1's form, absent in its checkpoints: which event asked, by which the end is keyed.

use crate::agent::contract::not_empty;
use runtime::{
    callable::Callable,
    event::{Event, EventType, Offset, PayloadError},
    processor::{Catalogue, Contract, EventDefinition},
};
use serde::{de::Error, Deserialize, Deserializer, Serialize};
use serde_json::Value;
use std::{collections::BTreeMap, fmt, rc::Rc, sync::Arc};

pub const SLUG: &str = "codemode";

pub const SESSION_STARTED: EventType = EventType::of("events.iterate.com/codemode/session-started");
pub const TOOL_PROVIDER_REGISTERED: EventType =
    EventType::of("events.iterate.com/codemode/tool-provider-registered");
pub const VARS_UPDATED: EventType = EventType::of("events.iterate.com/codemode/vars-updated");
pub const SCRIPT_EXECUTION_REQUESTED: EventType =
    EventType::of("events.iterate.com/codemode/script-execution-requested");
pub const SCRIPT_EXECUTION_COMPLETED: EventType =
    EventType::of("events.iterate.com/codemode/script-execution-completed");
pub const FUNCTION_CALL_REQUESTED: EventType =
    EventType::of("events.iterate.com/codemode/function-call-requested");
pub const FUNCTION_CALL_COMPLETED: EventType =
    EventType::of("events.iterate.com/codemode/function-call-completed");
pub const LOG_EMITTED: EventType = EventType::of("events.iterate.com/codemode/log-emitted");

pub static CATALOGUE: Catalogue = Catalogue {
    owner: SLUG,
    events: &[
        EventDefinition::new(SESSION_STARTED, "A session serves this stream."),
        EventDefinition::new(
            TOOL_PROVIDER_REGISTERED,
            "Scripts may call functions below this path.",
        ),
        EventDefinition::new(VARS_UPDATED, "Variables that scripts read."),
        EventDefinition::new(SCRIPT_EXECUTION_REQUESTED, "A script is to be run."),
        EventDefinition::new(SCRIPT_EXECUTION_COMPLETED, "A script has ended."),
        EventDefinition::new(FUNCTION_CALL_REQUESTED, "A provider is called."),
        EventDefinition::new(FUNCTION_CALL_COMPLETED, "A provider's function has ended."),
        EventDefinition::new(LOG_EMITTED, "A script wrote a line."),
    ],
};

const ALL: &[EventType] = &[
    SESSION_STARTED,
    TOOL_PROVIDER_REGISTERED,
    VARS_UPDATED,
    SCRIPT_EXECUTION_REQUESTED,
    SCRIPT_EXECUTION_COMPLETED,
    FUNCTION_CALL_REQUESTED,
    FUNCTION_CALL_COMPLETED,
    LOG_EMITTED,
];

pub static CONTRACT: Contract = Contract {
    slug: SLUG,
    version: "0.4.0",
    description: "Runs scripts, and calls the functions of registered providers for them.",
    events: &CATALOGUE,
    dependencies: &[],
    consumes: ALL,
    emits: &[
        SESSION_STARTED,
        TOOL_PROVIDER_REGISTERED,
        SCRIPT_EXECUTION_REQUESTED,
        SCRIPT_EXECUTION_COMPLETED,
        FUNCTION_CALL_REQUESTED,
        FUNCTION_CALL_COMPLETED,
        LOG_EMITTED,
    ],
};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SessionStarted {
    /// Gives whoever dispatches it a live capability to the session.
    pub session_capability_callable: Callable,
}

/// The payload of `tool-provider-registered`, and what the state keeps of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ToolProvider {
    /// For the model: what there is, and how to call it.
    #[serde(deserialize_with = "text")]
    pub instructions: Arc<str>,
    pub invocation: Invocation,
    /// A later registration of the same path replaces the earlier one.
    pub path: FullPath,
}

/// How a provider's functions are called.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(
    tag = "kind",
    rename_all = "lowercase",
    rename_all_fields = "camelCase"
)]
pub enum Invocation {
    /// Some processor of the stream answers `function-call-requested` by appending
    /// `function-call-completed`.
    Event,
    /// Dispatched with `{args, codemodeSessionCapability, functionCallId, functionPath,
    /// invocationKind: "rpc", path, providerPath, scriptExecutionId?}`; what it gives is the result.
    Rpc {
        callable: Callable,
        /// However often a call is dispatched under its id, the provider makes it once: then a loss of
        /// the way to it, or of the session, is no reason not to learn what came of it. An addition to
        /// V1's form.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        is_idempotent: bool,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum InvocationKind {
    Event,
    Rpc,
}

impl Invocation {
    pub fn kind(&self) -> InvocationKind {
        match self {
            Invocation::Event => InvocationKind::Event,
            Invocation::Rpc { .. } => InvocationKind::Rpc,
        }
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct VarsUpdated {
    /// Merged into those that there are.
    pub vars: BTreeMap<String, String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ScriptExecutionRequested {
    /// One function expression, such as `async (ctx) => { … }`.
    #[serde(deserialize_with = "not_empty")]
    pub code: Arc<str>,
    pub script_execution_id: Arc<str>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ScriptExecutionCompleted {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration_ms: Option<u64>,
    pub outcome: Outcome,
    pub script_execution_id: Arc<str>,
}

/// How a script or a function ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "status", rename_all = "lowercase")]
pub enum Outcome {
    Returned {
        /// Absent: `undefined`.
        #[serde(
            default,
            skip_serializing_if = "Option::is_none",
            deserialize_with = "present"
        )]
        value: Option<Value>,
    },
    Threw {
        /// Ours are always a text: the message.
        error: Value,
    },
}

impl Outcome {
    pub fn threw(message: impl Into<String>) -> Self {
        Outcome::Threw {
            error: Value::String(message.into()),
        }
    }
}

/// Which function of which provider is called, for whom. Common to both events of a call.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FunctionCall {
    pub function_call_id: Arc<str>,
    /// Below the provider's path; empty, if the provider is itself a function.
    pub function_path: Path,
    pub invocation_kind: InvocationKind,
    /// `provider_path`, then `function_path`.
    pub path: FullPath,
    pub provider_path: FullPath,
    /// Absent when it was not a script that called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub script_execution_id: Option<Arc<str>>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FunctionCallRequested {
    /// The list of the call's arguments, made fit for JSON.
    pub args: Arc<Value>,
    #[serde(flatten)]
    pub call: FunctionCall,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FunctionCallCompleted {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration_ms: Option<u64>,
    pub outcome: Outcome,
    #[serde(flatten)]
    pub call: FunctionCall,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LogEmitted {
    pub level: LogLevel,
    pub message: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub script_execution_id: Option<Arc<str>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogLevel {
    Log,
    Warn,
    Error,
}

/// Names, none of them empty; the list may be.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct Path(Arc<[Arc<str>]>);

impl Path {
    pub fn names(&self) -> &[Arc<str>] {
        &self.0
    }
}

impl<'de> Deserialize<'de> for Path {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let names = Vec::<Arc<str>>::deserialize(deserializer)?;
        match names.iter().any(|name| name.is_empty()) {
            true => Err(D::Error::custom("a name of a path must not be empty")),
            false => Ok(Path(names.into())),
        }
    }
}

/// At least one name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct FullPath(Path);

impl FullPath {
    /// None if there is no name, or an empty one.
    pub fn of<N: Into<Arc<str>>>(names: impl IntoIterator<Item = N>) -> Option<Self> {
        let names: Arc<[Arc<str>]> = names.into_iter().map(Into::into).collect();
        let is_fit = !names.is_empty() && names.iter().all(|name| !name.is_empty());
        is_fit.then_some(FullPath(Path(names)))
    }

    pub fn names(&self) -> &[Arc<str>] {
        self.0.names()
    }

    /// What follows `prefix`, if this begins with it.
    pub fn below(&self, prefix: &FullPath) -> Option<Path> {
        let rest = self.names().strip_prefix(prefix.names())?;
        Some(Path(rest.into()))
    }
}

impl<'de> Deserialize<'de> for FullPath {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let path = Path::deserialize(deserializer)?;
        match path.names().is_empty() {
            true => Err(D::Error::custom("a path must have a name")),
            false => Ok(FullPath(path)),
        }
    }
}

/// As a script writes it: `a.b.c`.
impl fmt::Display for FullPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.names().join("."))
    }
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct State {
    pub session_started: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session_capability_callable: Option<Rc<Callable>>,
    pub vars: Rc<BTreeMap<String, String>>,
    /// By the JSON of their paths.
    pub tool_providers: Rc<BTreeMap<String, ToolProvider>>,
    /// The executions that have not ended, by their id.
    pub script_executions: Rc<BTreeMap<Arc<str>, ScriptExecution>>,
    /// The calls that have not ended, by their id.
    pub function_calls: Rc<BTreeMap<Arc<str>, OpenCall>>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(
    tag = "status",
    rename_all = "lowercase",
    rename_all_fields = "camelCase"
)]
pub enum ScriptExecution {
    Requested {
        #[serde(flatten)]
        request: ScriptExecutionRequested,
        /// 0 in checkpoints of V1.
        #[serde(default)]
        requested_offset: Offset,
    },
    /// Only in checkpoints of V1; here an execution that ended leaves the state.
    Completed {},
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(
    tag = "status",
    rename_all = "lowercase",
    rename_all_fields = "camelCase"
)]
pub enum OpenCall {
    Requested {
        #[serde(flatten)]
        call: FunctionCall,
        /// 0 in checkpoints of V1.
        #[serde(default)]
        requested_offset: Offset,
    },
    /// Only in checkpoints of V1; here a call that ended leaves the state.
    Completed {},
}

/// A consumed event, parsed.
#[derive(Clone, Debug, PartialEq)]
pub enum Consumed {
    SessionStarted(SessionStarted),
    ToolProviderRegistered(ToolProvider),
    VarsUpdated(VarsUpdated),
    ScriptExecutionRequested(ScriptExecutionRequested),
    ScriptExecutionCompleted(ScriptExecutionCompleted),
    FunctionCallRequested(FunctionCallRequested),
    FunctionCallCompleted(FunctionCallCompleted),
    LogEmitted(LogEmitted),
}

impl Consumed {
    /// Parses an event; `None` for a type that this processor does not consume.
    ///
    /// # Errors
    /// The payload does not fit the type.
    pub fn parse(event: &Event) -> Result<Option<Self>, PayloadError> {
        Ok(Some(match &event.kind {
            kind if *kind == SESSION_STARTED => Consumed::SessionStarted(event.payload()?),
            kind if *kind == TOOL_PROVIDER_REGISTERED => {
                Consumed::ToolProviderRegistered(event.payload()?)
            }
            kind if *kind == VARS_UPDATED => Consumed::VarsUpdated(event.payload()?),
            kind if *kind == SCRIPT_EXECUTION_REQUESTED => {
                Consumed::ScriptExecutionRequested(event.payload()?)
            }
            kind if *kind == SCRIPT_EXECUTION_COMPLETED => {
                Consumed::ScriptExecutionCompleted(event.payload()?)
            }
            kind if *kind == FUNCTION_CALL_REQUESTED => {
                Consumed::FunctionCallRequested(event.payload()?)
            }
            kind if *kind == FUNCTION_CALL_COMPLETED => {
                Consumed::FunctionCallCompleted(event.payload()?)
            }
            kind if *kind == LOG_EMITTED => Consumed::LogEmitted(event.payload()?),
            _ => return Ok(None),
        }))
    }
}

/// `str+`: trimmed, and never blank.
fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Arc<str>, D::Error> {
    let text = Arc::<str>::deserialize(deserializer)?;
    match text.trim() {
        "" => Err(D::Error::custom("must not be blank")),
        trimmed => Ok(trimmed.into()),
    }
}

/// An optional field of which `null` is a value.
pub(super) fn present<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}
