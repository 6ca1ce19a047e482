//! A bell: an object with an alarm that may fail, or with writes that may be lost; and a worker that
//! asks Slack something before it acknowledges an event.

use futures_util::future::{BoxFuture, LocalBoxFuture};
use runtime::{
    call::{Arguments, CallError},
    event::{EventInput, StreamName},
    object::{unknown_method, Class, Context, Object, Reply},
    platform::{ByteStream, NoteKind},
    stream::{self, contract::SUBSCRIPTION_CONFIGURED},
};
use serde_json::json;
use sim::{
    oracles::{Oracle, Quiesces},
    scenario::{Scenario, Services},
    world::World,
};
use std::{rc::Rc, sync::Arc};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// How many transactions `write` makes.
pub const WRITES: u64 = 6;
/// When the alarm of `arm` is due, after it was set.
pub const ALARM_MS: u64 = 1_000;
const WRITE_ALARM_MS: u64 = 5_000;

struct Bell(Context);

impl Bell {
    fn number(&self, key: &str) -> u64 {
        let stored = self.0.storage().get(key).expect("a number");
        stored.unwrap_or_default()
    }

    fn arm(&self, failures: u64) {
        self.0.storage().put("failures", &failures).unwrap();
        self.0.ensure_alarm(ALARM_MS);
    }

    /// One turn after the other, each a transaction.
    fn write(&self) {
        let context = self.0.clone();
        context.ensure_alarm(WRITE_ALARM_MS);
        self.0.wait_until("writing", async move {
            for number in 0..WRITES {
                context.storage().put(&number.to_string(), &number).unwrap();
                context.sleep("the next turn", 2).await;
            }
        });
    }
}

impl Object for Bell {
    fn call(self: Rc<Self>, method: String, arguments: Arguments) -> Reply {
        let is_first = self.number("called") == 0;
        if is_first {
            self.0.storage().put("called", &1).unwrap();
            match method.as_str() {
                "arm" => self.arm(arguments.parse("failures").expect("a number")),
                "write" => self.write(),
                method => panic!("a bell has no method {method}"),
            }
        }
        // It is no subscriber, and not to be dialed again.
        Box::pin(async { Err(unknown_method("BELL", "subscribe")) })
    }

    fn alarm(self: Rc<Self>) -> LocalBoxFuture<'static, Result<(), CallError>> {
        let rings = self.number("rings") + 1;
        self.0.storage().put("rings", &rings).unwrap();
        self.0.note(NoteKind::Info, format_args!("ring {rings}"));
        let stream = self.0.object(stream::BINDING, &self.0.name().name);
        drop(stream.call("runtimeState", Arguments::new()));
        let is_failure = rings <= self.number("failures");
        Box::pin(async move {
            match is_failure {
                true => Err(CallError::remote("cracked", "the bell is cracked")),
                false => Ok(()),
            }
        })
    }
}

fn construct(context: Context) -> Rc<dyn Object> {
    let storage = context.storage();
    let found = (0..WRITES).filter(|number| storage.get_json(&number.to_string()).is_some());
    let found: Vec<u64> = found.collect();
    context.note(NoteKind::Info, format_args!("found {found:?}"));
    Rc::new(Bell(context))
}

static CLASSES: [Class; 2] = [
    stream::CLASS,
    Class {
        binding: "BELL",
        construct,
    },
];

/// A stream dials the bell with a method, and Slack sends the worker an event.
pub struct Bells {
    pub method: &'static str,
    pub failures: u64,
}

impl Scenario for Bells {
    fn name(&self) -> &'static str {
        "bells"
    }

    fn about(&self) -> &'static str {
        "a bell is armed or written to, and a worker acknowledges a message"
    }

    fn classes(&self) -> &'static [Class] {
        &CLASSES
    }

    fn services(&self) -> Services {
        Services {
            worker: |context, stream| Box::pin(acknowledge(context, stream)),
            ..Services::default()
        }
    }

    fn workload(&self, world: Arc<World>) -> BoxFuture<'static, ()> {
        let callable = json!({
            "type": "workers-rpc",
            "via": {
                "type": "env-binding",
                "bindingType": "durable-object-namespace",
                "bindingName": "BELL",
                "durableObject": { "name": "p1:/bell" },
            },
            "rpcMethod": self.method,
            "transformInput": { "shallowMerge": { "failures": self.failures } },
        });
        let subscription = json!({
            "subscriptionKey": "bell",
            "subscriber": { "type": "callable", "callable": callable },
        });
        Box::pin(async move {
            let stream = StreamName::parse("p1:/bell").expect("a name");
            let configured = EventInput::new(SUBSCRIPTION_CONFIGURED, subscription).keyed("bell");
            drop(world.append(stream, vec![configured]));
            world.slack.post("C123", "U123", "hello", None);
            world.sleep(100).await;
        })
    }

    fn oracles(&self) -> &'static [&'static dyn Oracle] {
        &[&Quiesces]
    }
}

/// A crash closes both connections; Slack then sends its event again.
async fn acknowledge(context: Context, mut event: Box<dyn ByteStream>) {
    let mut bytes = [0; 4096];
    let Ok(1..) = event.read(&mut bytes).await else {
        return;
    };
    let Ok(mut slack) = context.connect("slack.com", 443).await else {
        return;
    };
    let question = b"POST /api/auth.test HTTP/1.1\r\nhost: slack.com\r\ncontent-length: 0\r\n\r\n";
    let asked = slack.write_all(question).await.and(slack.flush().await);
    if asked.is_ok() && slack.read(&mut bytes).await.is_ok() {
        let acknowledgement = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
        // Who has gone misses nothing.
        let _ = event.write_all(acknowledgement).await;
        let _ = event.flush().await;
    }
}
