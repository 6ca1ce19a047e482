//! The tool provider `["slack"]` (peers §5.4): what a script calls reaches Slack once, whatever
//! becomes of requests, replies and the object itself. One file per subject.

mod other_calls;
mod posts;
mod recovery;
#[path = "../slack_world/mod.rs"]
mod slack_world;
mod updates;

use futures_util::future::join_all;
use processors::slack_tools::{provider::FAILED, SlackTools};
use runtime::call::{Argument, Arguments, CallError};
use serde_json::{json, Value};
use slack_world::{
    context,
    platform::FakePlatform,
    slack_service::Answer,
    workspace::{ok, refused, Fate, Workspace},
    World,
};
use std::{cell::RefCell, rc::Rc};

const THREAD: &str = "1772136258.963519";

const POST: &str = "chat.postMessage";

const UPDATE: &str = "chat.update";

const REPLIES: &str = "conversations.replies";

/// The object that serves the tools, over incarnations.
struct Bench {
    world: Rc<World>,
    platform: Rc<FakePlatform>,
    workspace: Rc<Workspace>,
    tools: RefCell<Rc<SlackTools>>,
}

impl Bench {
    fn new() -> Self {
        let world = World::new();
        let platform = FakePlatform::new(&world, None);
        let workspace = Workspace::new(&world, THREAD);
        *platform.slack.workspace.borrow_mut() = Some(workspace.clone());
        let tools = RefCell::new(SlackTools::new(context(&platform)));
        Bench {
            world,
            platform,
            workspace,
            tools,
        }
    }

    fn fate(self, method: &'static str, fate: Fate) -> Self {
        self.workspace.fate(method, fate);
        self
    }

    /// The object dies with all that it was doing, and lives again.
    fn crash(&self) {
        self.world.crash();
        let tools = SlackTools::new(context(&self.platform));
        tools.take_up();
        *self.tools.borrow_mut() = tools;
    }

    fn start(&self, id: &str, method: &str, arguments: Value) -> runtime::object::Reply {
        let path: Vec<&str> = method.split('.').collect();
        let call = Arguments::new()
            .json("args", [arguments])
            .json("functionCallId", id)
            .json("functionPath", path)
            .json("invocationKind", "rpc");
        self.tools.borrow().call(&call)
    }

    fn call(&self, id: &str, method: &str, arguments: Value) -> Result<Value, String> {
        let reply = self.world.run(self.start(id, method, arguments));
        reply.map(value).map_err(message)
    }

    fn post(&self, id: &str) -> Result<Value, String> {
        self.call(id, POST, answer("Tea."))
    }

    /// Starts calls at once; what came of each.
    fn together(&self, calls: &[(&str, &str, Value)]) -> Vec<Result<Value, String>> {
        let calls = calls
            .iter()
            .map(|(id, method, arguments)| self.start(id, method, arguments.clone()));
        let ended = self.world.run(join_all(calls));
        let ended = ended.into_iter();
        ended.map(|end| end.map(value).map_err(message)).collect()
    }

    fn pass_ms(&self, duration_ms: u64) {
        self.world.run(self.world.sleep(duration_ms));
    }

    /// The methods that Slack was called for.
    fn called(&self) -> Vec<String> {
        let journal = self.world.take_journal();
        let calls = journal.iter().filter(|line| !line.starts_with("failure"));
        calls
            .filter_map(|line| line.split(' ').next().map(str::to_owned))
            .collect()
    }

    fn elapsed_ms(&self) -> u64 {
        self.world.elapsed_ms()
    }
}

fn answer(text: &str) -> Value {
    json!({ "channel": "C123", "thread_ts": THREAD, "text": text })
}

fn update(ts: &str, text: &str) -> Value {
    json!({ "channel": "C123", "ts": ts, "text": text })
}

fn value(argument: Argument) -> Value {
    argument.to_json().unwrap()
}

fn message(error: CallError) -> String {
    assert_eq!(error.code(), Some(FAILED), "{error}");
    error.to_string()
}

fn limit(headers: &str, body: &str) -> Answer {
    Answer::status("429 Too Many Requests", headers, body)
}

/// Ways in which a call that took effect fails without a word about that.
fn doubts() -> Vec<Answer> {
    vec![
        // P1.
        Answer::Cut,
        // P2.
        Answer::status("500 Internal Server Error", "", ""),
        refused("internal_error"),
        refused("fatal_error"),
        // P3.
        Answer::Silence,
        // P13.
        Answer::json("{\"ok\":tr"),
        Answer::json("<html>One moment, please.</html>"),
    ]
}

/// Lets a call run until Slack was called so often, and then the object dies.
fn crashed_after(calls: usize, bench: &Bench) {
    let reply = bench.start("f1", POST, answer("Tea."));
    bench.world.spawn(Box::pin(async move {
        let _ = reply.await;
    }));
    while bench.platform.slack.requests.borrow().len() < calls {
        bench.pass_ms(1);
    }
    bench.crash();
}
