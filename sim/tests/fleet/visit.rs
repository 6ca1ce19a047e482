//! A visitor: an object that a stream dials by a request. It asks a dynamic worker for a name, opens
//! a WebSocket at another object, greets it, and hears the greeting again.

use futures_util::future::BoxFuture;
use http::{HeaderMap, StatusCode};
use runtime::{
    call::{Arguments, CallError},
    callable::{connect_websocket, dispatch, Callable, CallableError, DispatchContext},
    event::{EventInput, StreamName},
    http::{Request, Response},
    object::{unknown_method, Class, Context, FetchReply, Object, Reply},
    platform::NoteKind,
    stream::{self, contract::SUBSCRIPTION_CONFIGURED},
};
use serde_json::{json, Value};
use sim::{
    oracles::{Oracle, Quiesces},
    scenario::Scenario,
    world::World,
};
use std::{rc::Rc, sync::Arc};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

struct Visitor {
    context: Context,
    reach: DispatchContext,
}

fn object(kind: &str, binding: &str) -> Value {
    json!({
        "type": kind,
        "via": {
            "type": "env-binding",
            "bindingType": "durable-object-namespace",
            "bindingName": binding,
            "durableObject": { "name": "p1:/visit" },
        },
    })
}

fn names() -> Value {
    json!({
        "type": "workers-rpc",
        "via": {
            "type": "env-binding",
            "bindingType": "dynamic-worker",
            "workerCode": {
                "compatibilityDate": "2026-06-01",
                "mainModule": "names.js",
                "modules": {
                    "names.js": "export default { draw() { return 'guest-' + crypto.randomUUID() } }",
                },
            },
            "loader": { "type": "get", "id": "names" },
        },
        "rpcMethod": "draw",
    })
}

fn parse(descriptor: Value) -> Callable {
    Callable::parse(&descriptor).expect("a descriptor")
}

impl Visitor {
    async fn visit(&self) -> Result<(), CallableError> {
        let lost = |error: std::io::Error| CallError::Disconnected(error.to_string());
        let name = dispatch(&self.reach, &parse(names()), json!({})).await?;
        let name: String = name.parse()?;
        let page = parse(object("fetch", "PAGE"));
        let mut socket = connect_websocket(&self.reach, &page, HeaderMap::new()).await?;
        let stream = &mut socket.stream;
        stream.write_all(name.as_bytes()).await.map_err(lost)?;
        stream.flush().await.map_err(lost)?;
        let mut heard = vec![0; name.len()];
        stream.read_exact(&mut heard).await.map_err(lost)?;
        let heard = String::from_utf8(heard).expect("what was said");
        self.context
            .note(NoteKind::Info, format_args!("heard {heard}"));
        Ok(())
    }
}

impl Object for Visitor {
    fn call(self: Rc<Self>, method: String, _: Arguments) -> Reply {
        Box::pin(async move { Err(unknown_method("VISITOR", &method)) })
    }

    /// The visitor subscribes to nothing: after a visit it wants to be left alone.
    fn fetch(self: Rc<Self>, _: Request) -> FetchReply {
        Box::pin(async move {
            Ok(Response::new(match self.visit().await {
                Ok(()) => StatusCode::GONE,
                Err(_) => StatusCode::SERVICE_UNAVAILABLE,
            }))
        })
    }
}

/// Answers a WebSocket with what it hears.
struct Page(Context);

impl Object for Page {
    fn call(self: Rc<Self>, method: String, _: Arguments) -> Reply {
        Box::pin(async move { Err(unknown_method("PAGE", &method)) })
    }

    fn fetch(self: Rc<Self>, request: Request) -> FetchReply {
        assert!(request.is_upgrade());
        let (near, mut far) = tokio::io::duplex(64);
        self.0.spawn("echo", async move {
            let mut bytes = [0; 16];
            while let Ok(length @ 1..) = far.read(&mut bytes).await {
                if far.write_all(&bytes[..length]).await.is_err() {
                    break;
                }
            }
        });
        Box::pin(async { Ok(Response::switching(Box::new(near))) })
    }
}

static CLASSES: [Class; 3] = [
    stream::CLASS,
    Class {
        binding: "VISITOR",
        construct: |context| {
            Rc::new(Visitor {
                reach: DispatchContext::of_platform(&context),
                context,
            })
        },
    },
    Class {
        binding: "PAGE",
        construct: |context| Rc::new(Page(context)),
    },
];

pub struct Visits;

impl Scenario for Visits {
    fn name(&self) -> &'static str {
        "visits"
    }

    fn about(&self) -> &'static str {
        "an object is dialed by a request, and opens a WebSocket at another"
    }

    fn classes(&self) -> &'static [Class] {
        &CLASSES
    }

    fn workload(&self, world: Arc<World>) -> BoxFuture<'static, ()> {
        let mut callable = object("fetch", "VISITOR");
        callable["transformInput"] = json!({ "jsonata": "{ 'key': subscriptionKey }" });
        let subscription = json!({
            "subscriptionKey": "visitor",
            "subscriber": { "type": "callable", "callable": callable },
        });
        Box::pin(async move {
            let stream = StreamName::parse("p1:/visit").expect("a name");
            let configured = EventInput::new(SUBSCRIPTION_CONFIGURED, subscription).keyed("k");
            drop(world.append(stream, vec![configured]));
            world.sleep(100).await;
        })
    }

    fn oracles(&self) -> &'static [&'static dyn Oracle] {
        &[&Quiesces]
    }
}
