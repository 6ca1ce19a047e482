//! The session as a durable object: dialed by its stream, called by others, crashed.

use super::{payload, returned};
use crate::small_world::{run, Stream, World};
use processors::codemode::{contract::*, object};
use runtime::{
    call::{Argument, Arguments, CallError, ObjectName},
    callable::{dispatch, Callable, DispatchContext},
    event::{EventInput, StreamName},
    object::{Object, Reply},
    platform::Target,
    stream::contract::SUBSCRIPTION_CONFIGURED,
};
use serde_json::{json, Value};
use std::{cell::RefCell, rc::Rc};

const NAME: &str = "p1:/agents/a";

fn session() -> ObjectName {
    ObjectName::new(object::BINDING, NAME)
}

/// A stream, and sessions for whoever asks.
pub fn stream(world: &World) -> Stream {
    world.add_class(object::BINDING, object::CLASS.construct);
    world.stream(NAME)
}

/// Calls the session by name.
async fn ask(world: &World, method: &str, arguments: Arguments) -> Result<Argument, CallError> {
    let stub = world.client("client").object(object::BINDING, NAME);
    stub.call(method.to_owned(), arguments).await
}

fn script(id: &str, code: &str) -> Value {
    json!({
        "type": SCRIPT_EXECUTION_REQUESTED,
        "payload": { "scriptExecutionId": id, "code": code },
        "idempotencyKey": format!("ask/{id}"),
    })
}

fn provider(path: &[&str], callable: &Callable) -> Value {
    let invocation = json!({ "kind": "rpc", "callable": callable });
    let payload = json!({ "path": path, "instructions": "Ask.", "invocation": invocation });
    json!({ "type": TOOL_PROVIDER_REGISTERED, "payload": payload })
}

/// How a script ended.
async fn end(stream: &Stream, id: &str) -> Value {
    let ends = stream.events_of(&SCRIPT_EXECUTION_COMPLETED).await;
    let of_it = ends.iter().map(payload);
    let mut of_it = of_it.filter(|end| end["scriptExecutionId"] == id);
    let mut end = of_it.next().expect("the script has ended");
    assert_eq!(of_it.next(), None, "it ends once");
    end["outcome"].take()
}

/// Starts a session, asks for a script, and waits.
pub async fn run_script(world: &World, stream: &Stream, code: &str) -> Value {
    ask(world, "initialize", Arguments::new()).await.unwrap();
    stream.append(json!([script("s", code)])).await;
    world.pass_ms(2_000).await;
    end(stream, "s").await
}

/// An object whose method is given by the test.
struct Tools<F>(F);

impl<F: Fn(Arguments) -> Reply + 'static> Object for Tools<F> {
    fn call(self: Rc<Self>, method: String, arguments: Arguments) -> Reply {
        assert_eq!(method, "callTool");
        (self.0)(arguments)
    }
}

/// An object with one tool, and the callable of it.
fn tools(world: &World, tool: impl Fn(Arguments) -> Reply + Clone + 'static) -> Callable {
    world.add_class("TOOLS", move |_| Rc::new(Tools(tool.clone())));
    Callable::object_method("TOOLS", "p1:/tools", "callTool")
}

#[test]
fn scripts_run_on_a_session_first_dialed_by_a_bootstrap_subscription() {
    run(|world| async move {
        let stream = stream(&world);
        let bootstrap = object::bootstrap(&StreamName::parse(NAME).unwrap());
        let mut events: Vec<Value> = bootstrap.iter().map(|event| json!(event)).collect();
        events.push(script("s", "() => 1"));
        stream.append(json!(events)).await;
        world.pass_ms(1_000).await;
        assert_eq!(end(&stream, "s").await, returned(json!(1)));
        assert_eq!(stream.count(&SESSION_STARTED).await, 1);
        // What the session sees to when it wakes stood there already.
        assert_eq!(stream.count(&SUBSCRIPTION_CONFIGURED).await, 1);
        assert_eq!(stream.count(&TOOL_PROVIDER_REGISTERED).await, 1);
    });
}

#[test]
fn a_session_is_started_with_events_and_a_script() {
    run(|world| async move {
        let stream = stream(&world);
        let vars = EventInput::new(VARS_UPDATED, json!({ "vars": { "a": "1" } }));
        let arguments = Arguments::new()
            .json("events", [vars])
            .json("code", "(ctx) => ctx.codemode.vars.a")
            .json("scriptExecutionId", "mine");
        for _ in 0..2 {
            let created = ask(&world, "createSession", arguments.clone())
                .await
                .unwrap();
            assert_eq!(created.to_json().unwrap()["scriptExecutionId"], "mine");
        }
        world.pass_ms(1_000).await;
        assert_eq!(end(&stream, "mine").await, returned(json!("1")));
        assert_eq!(stream.count(&SCRIPT_EXECUTION_REQUESTED).await, 1);
        let unnamed = Arguments::new().json("code", "() => 2");
        let created = ask(&world, "createSession", unnamed).await.unwrap();
        let id = created.to_json().unwrap()["scriptExecutionId"].take();
        world.pass_ms(1_000).await;
        assert_eq!(end(&stream, id.as_str().unwrap()).await, returned(json!(2)));
        let nothing = ask(&world, "createSession", Arguments::new())
            .await
            .unwrap();
        assert_eq!(nothing.to_json().unwrap(), json!({}));
    });
}

#[test]
fn a_provider_gets_a_live_session_and_calls_back() {
    run(|world| async move {
        let stream = stream(&world);
        let client = world.client("tools");
        let callable = tools(&world, move |arguments| {
            let client = client.clone();
            Box::pin(async move {
                let session = arguments.capability("codemodeSessionCapability")?;
                let session = client.stub_to(Target::Capability(session));
                let ping = Arguments::new().json("path", ["codemode", "ping"]);
                session.call("callFunction", ping).await
            })
        });
        ask(&world, "initialize", Arguments::new()).await.unwrap();
        stream
            .append(json!([provider(&["tools"], &callable)]))
            .await;
        let outcome = run_script(&world, &stream, "(ctx) => ctx.tools.ping()").await;
        assert_eq!(outcome, returned(json!("pong")));
    });
}

#[test]
fn the_sessions_callable_gives_a_live_session() {
    run(|world| async move {
        let stream = stream(&world);
        run_script(&world, &stream, "() => 1").await;
        let started = payload(&stream.events_of(&SESSION_STARTED).await[0]);
        let callable = Callable::parse(&started["sessionCapabilityCallable"]).unwrap();
        let client = world.client("client");
        let reach = DispatchContext::of_platform(&client);
        let given = dispatch(&reach, &callable, Arguments::new()).await.unwrap();
        let Argument::Capability(live) = given else {
            panic!("not live: {given:?}");
        };
        let stub = client.stub_to(Target::Capability(live));
        let ping = Arguments::new().json("path", ["codemode", "ping"]);
        let pong = stub.call("callFunction", ping.clone()).await.unwrap();
        assert_eq!(pong.to_json(), Some(json!("pong")));
        world.crash(&session());
        let gone = stub.call("callFunction", ping).await;
        assert!(matches!(gone, Err(CallError::Broken(_))), "{gone:?}");
    });
}

#[test]
fn functions_and_handles_pass_live_between_a_script_and_a_provider() {
    run(|world| async move {
        let stream = stream(&world);
        let client = world.client("tools");
        // Calls the function that it is given, and gives a counter that lives.
        let callable = tools(&world, move |arguments| {
            let client = client.clone();
            Box::pin(async move {
                let args = arguments.require("args")?;
                let Argument::List(args) = args else {
                    panic!("live arguments come as a list");
                };
                let options = args[0].record()?.into_owned();
                let heard = client.stub_to(Target::Capability(options.capability("heard")?));
                let twice = heard.call("call", Arguments::new().json("0", 21)).await?;
                let count = RefCell::new(0);
                let counter = client.export(Rc::new(move |method, arguments: Arguments| {
                    assert_eq!(method, "add");
                    *count.borrow_mut() += arguments.parse::<i64>("0").unwrap();
                    let sum = *count.borrow();
                    Box::pin(async move { Ok(Argument::json(sum)) })
                }));
                let given = Arguments::new()
                    .with("twice", twice)
                    .with("counter", Argument::Capability(counter));
                Ok(Argument::Record(given))
            })
        });
        ask(&world, "initialize", Arguments::new()).await.unwrap();
        stream
            .append(json!([provider(&["tools"], &callable)]))
            .await;
        let code = "async (ctx) => {
            const { twice, counter } = await ctx.tools.use({ name: 'n', heard: (n) => 2 * n });
            await counter.add(1);
            return [twice, await counter.add(2)];
        }";
        let outcome = run_script(&world, &stream, code).await;
        assert_eq!(outcome, returned(json!([42, 3])));
        let requested = payload(&stream.events_of(&FUNCTION_CALL_REQUESTED).await[0]);
        let marked = json!([{ "name": "n", "heard": "[live capability]" }]);
        assert_eq!(requested["args"], marked);
        let completed = payload(&stream.events_of(&FUNCTION_CALL_COMPLETED).await[0]);
        let marked = json!({ "twice": 42, "counter": "[live capability]" });
        assert_eq!(completed["outcome"]["value"], marked);
    });
}

#[test]
fn a_script_waits_for_a_provider_that_calls_back_later() {
    run(|world| async move {
        let stream = stream(&world);
        let client = world.client("tools");
        let callable = tools(&world, move |arguments| {
            let client = client.clone();
            Box::pin(async move {
                let Some(Argument::List(args)) = arguments.get("args") else {
                    panic!("live arguments come as a list");
                };
                let Argument::Capability(heard) = args[0].clone() else {
                    panic!("a function is live");
                };
                let later = client.clone();
                client.spawn("later", async move {
                    later.sleep("later", 500).await;
                    let heard = later.stub_to(Target::Capability(heard));
                    let told = heard.call("call", Arguments::new().json("0", "late")).await;
                    told.expect("the script waits");
                });
                Ok(Argument::NULL)
            })
        });
        ask(&world, "initialize", Arguments::new()).await.unwrap();
        stream
            .append(json!([provider(&["tools"], &callable)]))
            .await;
        let code = "(ctx) => new Promise((resolve) => ctx.tools.subscribe(resolve))";
        assert_eq!(
            run_script(&world, &stream, code).await,
            returned(json!("late"))
        );
    });
}

#[test]
fn somebody_outside_calls_a_function_and_its_answer_comes_by_rpc() {
    run(|world| async move {
        let stream = stream(&world);
        ask(&world, "initialize", Arguments::new()).await.unwrap();
        let payload =
            json!({ "path": ["a"], "instructions": "Ask.", "invocation": { "kind": "event" } });
        stream
            .append(json!([{ "type": TOOL_PROVIDER_REGISTERED, "payload": payload }]))
            .await;
        let call = Arguments::new()
            .json("path", ["a", "b"])
            .json("args", [1])
            .json("functionCallId", "c1");
        let (asking, world_too) = (call.clone(), world.clone());
        let called =
            tokio::task::spawn_local(async move { ask(&world_too, "callFunction", asking).await });
        world.pass_ms(500).await;
        let outcome = json!({ "status": "returned", "value": "by rpc" });
        let completed = Arguments::new()
            .json("functionCallId", "c1")
            .json("outcome", outcome);
        for _ in 0..2 {
            ask(&world, "completeFunctionCall", completed.clone())
                .await
                .unwrap();
        }
        let answer = called.await.unwrap().unwrap();
        assert_eq!(answer.to_json(), Some(json!("by rpc")));
        assert_eq!(stream.count(&FUNCTION_CALL_COMPLETED).await, 1);
        // The reply got lost, and it asks again: of another incarnation, too.
        world.crash(&session());
        let again = ask(&world, "callFunction", call).await.unwrap();
        assert_eq!(again.to_json(), Some(json!("by rpc")));
        assert_eq!(stream.count(&FUNCTION_CALL_REQUESTED).await, 1);
    });
}

#[test]
fn what_a_function_throws_is_an_error_of_the_caller() {
    run(|world| async move {
        let _stream = stream(&world);
        let call = Arguments::new().json("path", ["a", "b"]);
        let error = ask(&world, "callFunction", call).await.unwrap_err();
        assert_eq!(error.code(), Some("function-threw"));
        assert_eq!(
            error.to_string(),
            "No codemode provider registered for a.b."
        );
        let nameless = Arguments::new().json("path", json!([]));
        let error = ask(&world, "callFunction", nameless).await.unwrap_err();
        assert_eq!(error.code(), Some(CallError::INVALID));
    });
}

#[test]
fn a_session_that_crashes_in_the_middle_is_woken_by_its_alarm_and_settles() {
    run(|world| async move {
        let stream = stream(&world);
        let calls: Rc<RefCell<u32>> = Rc::default();
        let counted = calls.clone();
        let callable = tools(&world, move |_| {
            *counted.borrow_mut() += 1;
            // It never answers.
            Box::pin(std::future::pending())
        });
        ask(&world, "initialize", Arguments::new()).await.unwrap();
        stream
            .append(json!([provider(&["tools"], &callable)]))
            .await;
        stream
            .append(json!([script("s", "(ctx) => ctx.tools.hang()")]))
            .await;
        world.pass_ms(1_000).await;
        assert_eq!(*calls.borrow(), 1);
        world.crash(&session());
        world.pass_ms(30_000).await;
        let outcome = end(&stream, "s").await;
        assert_eq!(outcome["status"], "threw");
        let completed = stream.events_of(&FUNCTION_CALL_COMPLETED).await;
        assert_eq!(completed.len(), 1);
        assert_eq!(payload(&completed[0])["outcome"]["status"], "threw");
        world.pass_ms(300_000).await;
        assert_eq!(*calls.borrow(), 1);
        assert_eq!(stream.count(&SCRIPT_EXECUTION_COMPLETED).await, 1);
        assert_eq!(world.disk(&session()).alarm(), None, "nothing is owed");
    });
}

#[test]
fn a_provider_that_never_answers_holds_its_script_for_a_minute() {
    run(|world| async move {
        let stream = stream(&world);
        let callable = tools(&world, |_| Box::pin(std::future::pending()));
        ask(&world, "initialize", Arguments::new()).await.unwrap();
        stream
            .append(json!([provider(&["tools"], &callable)]))
            .await;
        stream
            .append(json!([script("s", "(ctx) => ctx.tools.hang()")]))
            .await;
        world.pass_ms(70_000).await;
        let error = "tools.hang took longer than 60 s; whether it has its effect is unknown";
        let outcome = end(&stream, "s").await;
        assert_eq!(outcome, json!({ "status": "threw", "error": error }));
        assert_eq!(stream.count(&FUNCTION_CALL_COMPLETED).await, 1);
    });
}

#[test]
fn a_live_part_that_a_script_never_had_is_refused() {
    run(|world| async move {
        let stream = stream(&world);
        let code = "async () => {
            const { call } = await import('host:calls');
            return await call({ handle: 7, method: 'x', args: [], functions: [] }).catch(String);
        }";
        let outcome = run_script(&world, &stream, code).await;
        assert_eq!(outcome, returned(json!("Error: there is no such handle")));
    });
}
