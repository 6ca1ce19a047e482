//! A provider over rpc: an object with one method, which makes something each time it is called, and
//! writes that down in a stream of its own. What stands there twice was made twice.
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
use serde_json::{json, Value};
use std::rc::Rc;

pub const BINDING: &str = "WORKSHOP";

/// Takes what codemode dispatches; its first argument names the item, its second may be a function.
pub const MAKE: &str = "makeItem";

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
            match method == MAKE {
                true => self.make(arguments).await,
                false => Err(unknown_method(BINDING, &method)),
            }
        })
    }
}

impl Workshop {
    async fn make(&self, arguments: Arguments) -> Result<Argument, CallError> {
        let (item, listener) = match arguments.require("args")? {
            Argument::List(args) => (args[0].parse()?, args.get(1).cloned()),
            args => (args.parse::<Vec<Value>>()?.remove(0).to_string(), None),
        };
        let made = Made {
            item,
            function_call_id: arguments.parse("functionCallId")?,
            script_execution_id: arguments.parse_optional("scriptExecutionId")?,
        };
        self.0.sleep("work", WORK_MS).await;
        self.write_down(&made).await?;
        if let Some(Argument::Capability(listener)) = listener {
            let listener = self.0.stub_to(Target::Capability(listener));
            let told = Arguments::new().json("0", &made.item);
            // Whoever listened may have ended.
            let _ = listener.call("call", told).await;
        }
        Ok(Argument::Json(json!({ "made": made.item })))
    }

    /// Once for this call, whatever gets lost.
    async fn write_down(&self, made: &Made) -> Result<(), CallError> {
        let event = EventInput::new(MADE, made).keyed(self.0.draw_id().to_string());
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
