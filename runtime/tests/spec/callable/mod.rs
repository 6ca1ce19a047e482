//! Callables (spec §4): the descriptor, and what a dispatch makes of it.

mod descriptor;
mod dynamic_worker;

mod fetch;
mod path;
mod proxy;
mod resolution;
mod round_trip;
mod rpc;
mod transform;
mod websocket;

use crate::support::{run, World};
use http::StatusCode;
use runtime::{
    call::{Argument, Arguments, CallError},
    callable::{
        dispatch, Binding, Bindings, Callable, CallableError, DispatchContext, ErrorCode, Failure,
        Payload, Service,
    },
    http::{Request, Response},
    object::{unknown_method, Context, FetchReply, Object, Reply},
};
use serde_json::{json, Value};
use std::{cell::RefCell, future::Future, rc::Rc};

/// What a target was called with, and what it answers requests with.
#[derive(Default)]
struct Record {
    calls: RefCell<Vec<(String, Arguments)>>,
    requests: RefCell<Vec<Request>>,
    response: RefCell<Option<Response>>,
    props: RefCell<Option<Value>>,
    names: RefCell<Vec<String>>,
}

impl Record {
    fn answers(&self, response: Response) {
        *self.response.borrow_mut() = Some(response);
    }

    /// The arguments of the last call.
    fn arguments(&self) -> Arguments {
        self.calls.borrow().last().expect("a call").1.clone()
    }

    /// The arguments of the last call, as JSON.
    fn json(&self) -> Value {
        let arguments = Argument::Record(self.arguments());
        arguments.to_json().expect("no live capability")
    }

    fn request(&self) -> Request {
        self.requests.borrow_mut().pop().expect("a request")
    }

    fn call(&self, method: &str, arguments: Arguments) -> Reply {
        let name = method.to_owned();
        self.calls.borrow_mut().push((name, arguments));
        let answer = match method {
            "go" => Ok(Argument::json("gone")),
            "fail" => Err(CallError::remote("own-code", "its own words")),
            "lost" => Err(CallError::Unresolved("I know no such name".to_owned())),
            method => Err(unknown_method("TARGET", method)),
        };
        Box::pin(async { answer })
    }

    fn fetch(&self, request: Request) -> FetchReply {
        self.requests.borrow_mut().push(request);
        let response = self.response.take();
        let response = response.unwrap_or_else(|| Response::new(StatusCode::NO_CONTENT));
        Box::pin(async { Ok(response) })
    }
}

/// The durable object `TARGET`.
struct Target(Rc<Record>);

impl Object for Target {
    fn call(self: Rc<Self>, method: String, arguments: Arguments) -> Reply {
        self.0.call(&method, arguments)
    }

    fn fetch(self: Rc<Self>, request: Request) -> FetchReply {
        self.0.fetch(request)
    }
}

/// A durable object that answers no requests.
struct Mute;

impl Object for Mute {
    fn call(self: Rc<Self>, _: String, _: Arguments) -> Reply {
        Box::pin(async { Ok(Argument::NULL) })
    }
}

/// A service in the dispatcher's own process.
struct Worker {
    record: Rc<Record>,
    takes_props: bool,
}

impl Service for Worker {
    fn has_method(&self, method: &str) -> bool {
        method != "nothing"
    }

    fn call(self: Rc<Self>, method: String, arguments: Vec<Argument>) -> Reply {
        self.record.call(&method, Arguments::positional(arguments))
    }

    fn is_fetchable(&self) -> bool {
        true
    }

    fn fetch(self: Rc<Self>, request: Request) -> FetchReply {
        self.record.fetch(request)
    }

    fn with_props(self: Rc<Self>, props: &Value) -> Option<Rc<dyn Service>> {
        *self.record.props.borrow_mut() = Some(props.clone());
        self.takes_props.then_some(self as Rc<dyn Service>)
    }
}

/// A service with rpc methods only.
struct MethodsOnly(Rc<Record>);

impl Service for MethodsOnly {
    fn call(self: Rc<Self>, method: String, arguments: Vec<Argument>) -> Reply {
        self.0.call(&method, Arguments::positional(arguments))
    }
}

/// A world with a target in every place where a callable may look for one.
struct Stage {
    world: World,
    client: Context,
    record: Rc<Record>,
    dispatch: DispatchContext,
}

impl Stage {
    async fn dispatch(
        &self,
        descriptor: Value,
        payload: impl Into<Payload>,
    ) -> Result<Value, CallableError> {
        let callable = Callable::parse(&descriptor)?;
        let answer = dispatch(&self.dispatch, &callable, payload).await?;
        Ok(answer.to_json().expect("a JSON answer"))
    }

    async fn failure(&self, descriptor: Value, payload: impl Into<Payload>) -> Failure {
        failure(self.dispatch(descriptor, payload).await)
    }
}

fn failure<T: std::fmt::Debug>(outcome: Result<T, CallableError>) -> Failure {
    let error = outcome.expect_err("it fails");
    let failure = error.failure().cloned();
    failure.unwrap_or_else(|| panic!("an error of the callee: {error}"))
}

fn code<T: std::fmt::Debug>(outcome: Result<T, CallableError>) -> ErrorCode {
    failure(outcome).code
}

fn on_stage<F: Future<Output = ()>>(test: impl FnOnce(Stage) -> F) {
    run(|world| {
        let record: Rc<Record> = Rc::default();
        let given = record.clone();
        world.add_class("TARGET", move |context| {
            let name = context.name().name.to_string();
            given.names.borrow_mut().push(name);
            Rc::new(Target(given.clone()))
        });
        world.add_class("MUTE", |_| Rc::new(Mute));
        let worker = |takes_props| {
            Binding::Service(Rc::new(Worker {
                record: record.clone(),
                takes_props,
            }))
        };
        let namespace = |class: &'static str| Binding::DurableObjectNamespace(class.into());
        let client = world.client("client");
        let mut dispatch = DispatchContext::of_platform(&client);
        dispatch.env = Bindings::default()
            .with("OBJECTS", namespace("TARGET"))
            .with("MUTES", namespace("MUTE"))
            .with("SERVICE", worker(false))
            .with(
                "METHODS",
                Binding::Service(Rc::new(MethodsOnly(record.clone()))),
            )
            .with("TEXT", Binding::Value(json!("a secret")));
        dispatch.exports = Bindings::default()
            .with("Plain", worker(false))
            .with("Parameterizable", worker(true))
            .with("Objects", namespace("TARGET"))
            .with("TEXT", Binding::Value(json!("a constant")));
        test(Stage {
            world,
            client,
            record,
            dispatch,
        })
    });
}

fn rpc(via: Value) -> Value {
    json!({ "type": "workers-rpc", "via": via, "rpcMethod": "go" })
}

fn fetch(via: Value) -> Value {
    json!({ "type": "fetch", "via": via })
}

fn url(url: &str) -> Value {
    json!({ "type": "url", "url": url })
}

fn service() -> Value {
    json!({ "type": "env-binding", "bindingType": "service", "bindingName": "SERVICE" })
}

fn object(address: Value) -> Value {
    json!({
        "type": "env-binding",
        "bindingType": "durable-object-namespace",
        "bindingName": "OBJECTS",
        "durableObject": address,
    })
}

fn loopback(export: &str) -> Value {
    json!({ "type": "loopback-binding", "bindingType": "service", "exportName": export })
}

fn loopback_object(address: Value) -> Value {
    json!({
        "type": "loopback-binding",
        "bindingType": "durable-object-namespace",
        "exportName": "Objects",
        "durableObject": address,
    })
}

/// A value with one more field, or another value in it.
fn with(mut value: Value, field: &str, changed: Value) -> Value {
    value[field] = changed;
    value
}

/// A value with the one at a pointer replaced, or taken out.
fn changed(mut value: Value, pointer: &str, changed: Option<Value>) -> Value {
    let (parent, field) = pointer.rsplit_once('/').expect("a pointer");
    let parent = value.pointer_mut(parent).and_then(Value::as_object_mut);
    let parent = parent.expect("an object");
    match changed {
        Some(value) => parent.insert(field.to_owned(), value),
        None => parent.remove(field),
    };
    value
}
