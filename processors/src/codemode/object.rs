//! A session as a durable object, named like its stream (spec §5.10): hosts the processor, and takes
//! calls: of functions, of whoever starts a session, of providers that answer.
//!
//! Whenever it wakes it sees to it that its subscription stands in the stream, so it may as well be the
//! stream that dials it first (I8).

use super::{
    call::CallRequest,
    contract::*,
    ending,
    processor::CodemodeProcessor,
    providers,
    session::{Session, SESSION_CAPABILITY},
};
use crate::hosting::{self, HostedObject};
use runtime::{
    call::{Argument, Arguments, CallError, Capability},
    event::{EventInput, StreamName},
    object::{unknown_method, Class, Context, Object, Reply},
    processor::{ProcessorError, ProcessorHost},
};
use serde_json::{json, Value};
use std::{cell::OnceCell, rc::Rc, sync::Arc};

pub const BINDING: &str = "CODEMODE_SESSION";

pub const CLASS: Class = Class {
    binding: BINDING,
    construct,
};

/// Takes `{path: [str], args?: [any], functionCallId?, scriptExecutionId?}`; gives what the function
/// gives. With an id of the caller's own, a repetition is the same call.
pub const CALL_FUNCTION: &str = "callFunction";

/// Takes `{functionCallId, outcome}` of a call by event, from whoever answers it.
pub const COMPLETE_FUNCTION_CALL: &str = "completeFunctionCall";

/// Takes `{code?, events?, scriptExecutionId?}`: appends the events, one by one, and asks for the script;
/// gives `{scriptExecutionId?}`. With an id of the caller's own, a repetition asks once.
pub const CREATE_SESSION: &str = "createSession";

fn construct(context: Context) -> Rc<dyn Object> {
    let host = ProcessorHost::new(context.clone());
    let session = OnceCell::new();
    host.add(SLUG, |dependencies| {
        let built = session.get_or_init(|| Session::new(dependencies));
        CodemodeProcessor::new(built.clone())
    });
    let session: Rc<Session> = session.into_inner().expect("it was built");
    hosting::wake(&context, {
        let (context, own) = (context.clone(), host.stream_name().clone());
        move || {
            let (context, own) = (context.clone(), own.clone());
            async move { hosting::ensure(&context, &own, bootstrap(&own)).await }
        }
    });
    let surface = Rc::new(Surface {
        context,
        host: host.clone(),
        session,
    });
    HostedObject::new(
        host,
        Box::new(move |method, arguments| surface.answer(method, arguments)),
    )
}

/// What a session's stream starts with; whoever makes a stream an agent's may append it first.
pub fn bootstrap(stream: &StreamName) -> Vec<EventInput> {
    let mut events = vec![subscription(stream)];
    events.extend(providers::defaults());
    events
}

fn subscription(stream: &StreamName) -> EventInput {
    let StreamName { namespace, path } = stream;
    hosting::subscription(
        BINDING,
        stream,
        SLUG,
        format!("codemode-session:{stream}"),
        format!("codemode-session-processor-subscription:{namespace}:{path}:workers-rpc:callable"),
    )
}

/// The object's own methods.
struct Surface {
    context: Context,
    host: Rc<ProcessorHost>,
    session: Rc<Session>,
}

impl Surface {
    fn answer(self: &Rc<Self>, method: &str, arguments: &Arguments) -> Option<Reply> {
        let (surface, arguments) = (self.clone(), arguments.clone());
        match method {
            // Whatever there is to initialize was done in the wake hook, before this call came in.
            "initialize" => Some(Box::pin(async { Ok(Argument::NULL) })),
            "kill" => {
                self.context.abort("kill");
                Some(Box::pin(async { Ok(Argument::NULL) }))
            }
            CREATE_SESSION => Some(Box::pin(async move {
                surface.host.reach_stream(SLUG).await?;
                surface.session.create(&arguments).await
            })),
            SESSION_CAPABILITY => Some(Box::pin(async move {
                surface.host.reach_stream(SLUG).await?;
                Ok(Argument::Capability(surface.session.capability()))
            })),
            CALL_FUNCTION | COMPLETE_FUNCTION_CALL => {
                let method = method.to_owned();
                Some(Box::pin(async move {
                    surface.host.reach_stream(SLUG).await?;
                    surface.session.answer(&method, &arguments).await
                }))
            }
            _ => None,
        }
    }
}

impl Session {
    /// The live capability to a session: its functions can be called, and answered.
    pub(super) fn export(self: &Rc<Self>) -> Capability {
        let session = Rc::downgrade(self);
        self.context.export(Rc::new(move |method, arguments| {
            let session = session.upgrade();
            Box::pin(async move {
                match session {
                    Some(session) => session.answer(&method, &arguments).await,
                    None => Err(CallError::Broken("the session has ended".to_owned())),
                }
            })
        }))
    }

    async fn answer(
        self: &Rc<Self>,
        method: &str,
        arguments: &Arguments,
    ) -> Result<Argument, CallError> {
        match method {
            CALL_FUNCTION => Ok(self.call_function(call_request(arguments)?).await?),
            COMPLETE_FUNCTION_CALL => self.complete(arguments).await,
            method => Err(unknown_method("codemode session", method)),
        }
    }

    /// Somebody answers a call, and does so here instead of in the stream.
    async fn complete(&self, arguments: &Arguments) -> Result<Argument, CallError> {
        let id: Arc<str> = arguments.parse("functionCallId")?;
        let outcome: Outcome = arguments.parse("outcome")?;
        let head = self.transactions.read().await.map_err(failed)?;
        let Some((call, _)) = head.fold.open_call(&id) else {
            // It has ended: in time, or before this answer came.
            return Ok(Argument::NULL);
        };
        let end = ending::of_call(call.clone(), None, outcome);
        self.append(vec![end]).await.map_err(failed)?;
        Ok(Argument::NULL)
    }

    async fn create(self: &Rc<Self>, arguments: &Arguments) -> Result<Argument, CallError> {
        let events: Option<Vec<EventInput>> = arguments.parse_optional("events")?;
        for event in events.into_iter().flatten() {
            self.append(vec![event]).await.map_err(failed)?;
        }
        let Some(code) = arguments.parse_optional("code")? else {
            return Ok(Argument::Json(json!({})));
        };
        let given: Option<Arc<str>> = arguments.parse_optional("scriptExecutionId")?;
        let drawn = || self.context.draw_id().to_string().into();
        let id = given.unwrap_or_else(drawn);
        let request = ScriptExecutionRequested {
            code,
            script_execution_id: id.clone(),
        };
        let request = EventInput::new(SCRIPT_EXECUTION_REQUESTED, request)
            .keyed(CONTRACT.key(&format!("script-execution-requested/{id}")));
        self.append(vec![request]).await.map_err(failed)?;
        Ok(Argument::Json(json!({ "scriptExecutionId": id })))
    }
}

fn call_request(arguments: &Arguments) -> Result<CallRequest, CallError> {
    let args = match arguments.get("args") {
        None | Some(Argument::Json(Value::Null)) => Vec::new(),
        Some(Argument::List(args)) => args.clone(),
        Some(args) => {
            let args: Vec<Value> = args.parse()?;
            args.into_iter().map(Argument::Json).collect()
        }
    };
    Ok(CallRequest {
        path: arguments.parse("path")?,
        args,
        function_call_id: arguments.parse_optional("functionCallId")?,
        script_execution_id: arguments.parse_optional("scriptExecutionId")?,
    })
}

/// What the stream says passes as it is.
fn failed(error: ProcessorError) -> CallError {
    match error {
        ProcessorError::Call(error) => error,
        error => CallError::remote("codemode", error.to_string()),
    }
}
