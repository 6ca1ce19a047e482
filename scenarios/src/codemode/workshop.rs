//! Providers over rpc: an object that makes something each time it is called, and writes that down in a
//! stream of its own. What stands there twice was made twice. As a registry it knows its calls by their
//! ids, and writes each down once, however often it is dispatched.
//!
//! It tells a function that it is given what it makes, if that still listens.

use processors::hosting;
use runtime::{
    call::{Argument, Arguments, CallError},
    event::{EventInput, EventType, StreamName, StreamPath},
    object::{unknown_method, Class, Context, Object, Reply},
    platform::Target,
};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::rc::Rc;

pub const BINDING: &str = "WORKSHOP";

/// Both take what codemode dispatches; the first argument names the item, the second may be a function.
pub const MAKE: &str = "makeItem";
pub const REGISTER: &str = "registerItem";

pub const MADE: EventType = EventType::of("events.iterate.com/workshop/made");

pub const CLASS: Class = Class {
    binding: BINDING,
    construct,
};

/// How long it takes to make something.
const WORK_MS: u64 = 20;

/// How often it tries to write something down, and how far apart.
const ATTEMPTS_MAX: u32 = 5;
const RETRY_MS: u64 = 500;

/// The payload of `made`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Made {
    pub item: String,
    pub function_call_id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub script_execution_id: Option<String>,
}

/// The one workshop, and the stream in which it writes down what it made.
pub fn name() -> StreamName {
    let path = StreamPath::parse("/workshop").expect("a path");
    StreamName::new("p1", path)
}

fn construct(context: Context) -> Rc<dyn Object> {
    Rc::new(Workshop(context))
}

struct Workshop(Context);

impl Object for Workshop {
    fn call(self: Rc<Self>, method: String, arguments: Arguments) -> Reply {
        Box::pin(async move {
            match method.as_str() {
                MAKE => self.make(arguments, self.0.draw_id().to_string()).await,
                REGISTER => {
                    let key = arguments.parse("functionCallId")?;
                    self.make(arguments, key).await
                }
                method => Err(unknown_method(BINDING, method)),
            }
        })
    }
}

impl Workshop {
    /// Makes something, once under that key.
    async fn make(&self, arguments: Arguments, key: String) -> Result<Argument, CallError> {
        let (item, listener) = match arguments.require("args")? {
            Argument::List(args) => (args[0].parse()?, args.get(1).cloned()),
            args => (args.parse::<Vec<String>>()?.remove(0), None),
        };
        let made = Made {
            item,
            function_call_id: arguments.parse("functionCallId")?,
            script_execution_id: arguments.parse_optional("scriptExecutionId")?,
        };
        self.0.sleep("work", WORK_MS).await;
        self.write_down(&made, key).await?;
        if let Some(Argument::Capability(listener)) = listener {
            let listener = self.0.stub_to(Target::Capability(listener));
            let told = Arguments::new().json("0", &made.item);
            // Whoever listened may have ended.
            let _ = listener.call("call", told).await;
        }
        Ok(Argument::Json(json!({ "made": made.item })))
    }

    /// Once for this call, whatever gets lost.
    async fn write_down(&self, made: &Made, key: String) -> Result<(), CallError> {
        let event = EventInput::new(MADE, made).keyed(key);
        let mut attempts = 1;
        loop {
            match hosting::ensure(&self.0, &name(), vec![event.clone()]).await {
                Err(error) if error.is_transient() && attempts < ATTEMPTS_MAX => {
                    attempts += 1;
                    self.0.sleep("write down again", RETRY_MS).await;
                }
                outcome => return outcome,
            }
        }
    }
}
