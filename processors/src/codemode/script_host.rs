//! What a script reaches: a clock, chance, the lines that it writes, and the functions of providers.
//! Not the network: a global `fetch` is a call of the provider `fetch`.
//!
//! Functions that a script passes to a provider are live while the script runs: they are exported as
//! capabilities. Capabilities that a provider gives become handles of the script.

use super::{
    call::{Answer, CallRequest, Thrown, CALL_DURATION_MS_MAX},
    contract::*,
    deadline::within,
    live::{self, Place},
    logs::Logs,
    providers::fetch,
    session::Session,
};
use futures_util::future::LocalBoxFuture;
use runtime::{
    call::{Argument, Arguments, CallError, Capability},
    http::{client::HttpError, Request, Response},
    javascript::{self, Entrypoint, Exception, Host, Worker},
    object::Reply,
    platform::Target,
};
use serde::Deserialize;
use serde_json::{json, Value};
use std::{
    cell::RefCell,
    rc::{Rc, Weak},
    sync::Arc,
};
use uuid::Uuid;

pub struct ScriptHost {
    this: Weak<ScriptHost>,
    session: Rc<Session>,
    script_execution_id: Arc<str>,
    logs: Rc<Logs>,
    worker: RefCell<Option<Worker>>,
    /// Given to the script, by their number.
    handles: RefCell<Vec<Capability>>,
    /// Functions of the script that others hold.
    exports: RefCell<Vec<Capability>>,
}

/// What a script asks for, with the places of the functions that it passes along.
#[derive(Deserialize)]
struct Asked {
    #[serde(flatten)]
    what: What,
    args: Value,
    functions: Vec<Passed>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum What {
    Handle { handle: usize, method: String },
    Function { path: Vec<String> },
}

#[derive(Deserialize)]
struct Passed {
    at: Place,
    id: u64,
}

/// What a function of a script gave.
#[derive(Deserialize)]
struct Given {
    #[serde(default)]
    value: Value,
    functions: Vec<Passed>,
}

/// While it lives, the script's functions can be called.
pub struct Serving(Rc<ScriptHost>);

impl Drop for Serving {
    fn drop(&mut self) {
        // The worker holds its host.
        self.0.worker.take();
        for export in self.0.exports.take() {
            self.0.session.context.revoke(&export);
        }
    }
}

impl ScriptHost {
    pub fn new(session: Rc<Session>, script_execution_id: Arc<str>, logs: Rc<Logs>) -> Rc<Self> {
        Rc::new_cyclic(|this| ScriptHost {
            this: this.clone(),
            session,
            script_execution_id,
            logs,
            worker: RefCell::default(),
            handles: RefCell::default(),
            exports: RefCell::default(),
        })
    }

    pub fn serve(self: &Rc<Self>, worker: &Worker) -> Serving {
        *self.worker.borrow_mut() = Some(worker.clone());
        Serving(self.clone())
    }

    async fn answer(self: Rc<Self>, request: Value) -> Result<Value, Exception> {
        let asked: Asked =
            serde_json::from_value(request).map_err(|error| Exception::error(error.to_string()))?;
        let args = listed(self.with_functions(asked.args, asked.functions));
        let answer = match asked.what {
            What::Function { path } => self.call_function(path, args).await,
            What::Handle { handle, method } => self.call_handle(handle, method, args).await,
        };
        let value = answer.map_err(|thrown| Exception::error(thrown.to_string()))?;
        Ok(self.with_handles(&value))
    }

    async fn call_function(&self, path: Vec<String>, args: Vec<Argument>) -> Answer {
        let path = FullPath::of(path).ok_or_else(|| Thrown::new("a call needs a path of names"))?;
        let request = CallRequest {
            path,
            args,
            function_call_id: None,
            script_execution_id: Some(self.script_execution_id.clone()),
        };
        self.session.call_function(request).await
    }

    async fn call_handle(&self, handle: usize, method: String, args: Vec<Argument>) -> Answer {
        let capability = self.handles.borrow().get(handle).cloned();
        let capability = capability.ok_or_else(|| Thrown::new("there is no such handle"))?;
        let context = &self.session.context;
        let stub = context.stub_to(Target::Capability(capability));
        let call = stub.call(method, Arguments::positional(args));
        match within(context, "call of a handle", CALL_DURATION_MS_MAX, call).await {
            Some(answer) => answer.map_err(|error| Thrown::new(error.to_string())),
            None => Err(Thrown::new("the call of a handle took too long")),
        }
    }

    /// The value for the script, and the places of the handles in it.
    fn with_handles(&self, value: &Argument) -> Value {
        let (value, live) = live::split(value);
        let mut handles = self.handles.borrow_mut();
        let places = live.into_iter().map(|(at, capability)| {
            handles.push(capability);
            json!({ "at": at, "id": handles.len() - 1 })
        });
        let places: Vec<Value> = places.collect();
        json!({ "value": value, "handles": places })
    }

    /// A value of the script, with its functions as capabilities.
    fn with_functions(&self, value: Value, functions: Vec<Passed>) -> Argument {
        let exported = functions.into_iter().map(|Passed { at, id }| {
            let host = self.this.clone();
            let capability = self.session.context.export(Rc::new(move |_, arguments| {
                call_back(host.clone(), id, arguments)
            }));
            self.exports.borrow_mut().push(capability.clone());
            (at, capability)
        });
        live::join(value, exported.collect())
    }
}

/// Somebody calls a function of the script.
fn call_back(host: Weak<ScriptHost>, id: u64, arguments: Arguments) -> Reply {
    Box::pin(async move {
        let gone = || CallError::Broken("the script has ended".to_owned());
        let host = host.upgrade().ok_or_else(gone)?;
        let worker = host.worker.borrow().clone().ok_or_else(gone)?;
        let mut call = host.with_handles(&Argument::List(positional(arguments)));
        call["id"] = id.into();
        let given = worker
            .call(&Entrypoint::default(), "callback", &[call])
            .await?;
        let given: Given = serde_json::from_value(given)
            .map_err(|error| CallError::remote("callback", error.to_string()))?;
        Ok(host.with_functions(given.value, given.functions))
    })
}

fn listed(args: Argument) -> Vec<Argument> {
    match args {
        Argument::List(args) => args,
        Argument::Json(Value::Array(args)) => args.into_iter().map(Argument::Json).collect(),
        other => vec![other],
    }
}

/// The arguments of a caller that passes them by position, or one record.
fn positional(arguments: Arguments) -> Vec<Argument> {
    let names = arguments.iter().map(|(name, _)| name.to_owned());
    let is_by_position = names.enumerate().all(|(at, name)| name == at.to_string());
    match is_by_position {
        true => arguments.iter().map(|(_, value)| value.clone()).collect(),
        false => vec![Argument::Record(arguments)],
    }
}

impl Host for ScriptHost {
    fn now_ms(&self) -> i64 {
        self.session.context.now().unix_ms
    }

    fn sleep(&self, duration_ms: u64) -> LocalBoxFuture<'static, ()> {
        self.session.context.sleep("javascript timer", duration_ms)
    }

    fn draw_seed(&self) -> Uuid {
        self.session.context.draw_id()
    }

    fn fetch(&self, request: Request) -> LocalBoxFuture<'static, Result<Response, HttpError>> {
        let host = self.this.upgrade().expect("it is in use");
        Box::pin(async move {
            let args = fetch::arguments(request).await;
            let args = args.map_err(|error| HttpError::Refused(error.to_string()))?;
            let answer = host.call_function(vec![fetch::PATH.to_owned()], args).await;
            let answer = answer.map_err(|thrown| HttpError::Refused(thrown.to_string()))?;
            Ok(fetch::response(&answer))
        })
    }

    fn log(&self, level: javascript::LogLevel, message: &str) {
        let level = match level {
            javascript::LogLevel::Log => LogLevel::Log,
            javascript::LogLevel::Warn => LogLevel::Warn,
            javascript::LogLevel::Error => LogLevel::Error,
        };
        self.logs.emit(level, message);
    }

    fn call(&self, request: Value) -> LocalBoxFuture<'static, Result<Value, Exception>> {
        let host = self.this.upgrade().expect("it is in use");
        Box::pin(host.answer(request))
    }
}
