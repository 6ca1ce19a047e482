//! What the scenarios of codemode share: the classes of objects, the reducers, and how a session comes
//! to be.

use super::{clerk, workshop};
use processors::codemode::{
    self,
    contract::{FullPath, Invocation, ToolProvider},
    providers,
};
use runtime::{
    call::Arguments,
    callable::Callable,
    event::{EventInput, StreamName, StreamPath},
    object::Class,
    processor::Fold,
    stream,
};
use sim::world::World;

pub static CLASSES: [Class; 4] = [
    stream::CLASS,
    codemode::object::CLASS,
    workshop::CLASS,
    clerk::CLASS,
];

pub static FOLDS: [Fold; 2] = [
    Fold::of::<codemode::CodemodeProcessor>(),
    Fold::of::<clerk::Clerk>(),
];

/// The session that its stream dials first (I8), before anybody asks for anything.
pub const DIALED: &str = "ada";
/// The session whose object is asked to be there, while people already ask for scripts.
pub const INITIALIZED: &str = "bob";

pub fn session_stream(name: &str) -> StreamName {
    let path = format!("/sessions/{name}");
    StreamName::new("p1", StreamPath::parse(&path).expect("a path"))
}

/// Begins a session.
pub async fn begin(world: &World, name: &str) {
    let stream = session_stream(name);
    let events = |first: Vec<EventInput>| {
        let mut events = first;
        events.extend(providers());
        events.push(clerk::subscription(&stream));
        events
    };
    match name == DIALED {
        true => {
            let bootstrap = codemode::object::bootstrap(&stream);
            world.append(stream.clone(), events(bootstrap)).await;
        }
        false => {
            drop(call(world, &stream, "initialize", Arguments::new()));
            drop(world.append(stream.clone(), events(Vec::new())));
        }
    }
}

/// What scripts may call: the workshop, the registry, the clerk, and somebody who is never there.
fn providers() -> Vec<EventInput> {
    let workshop = workshop::name().to_string();
    let rpc = |method, is_idempotent| Invocation::Rpc {
        callable: Callable::object_method(workshop::BINDING, &workshop, method),
        is_idempotent,
    };
    let registered = [
        (vec!["workshop"], rpc(workshop::MAKE, false)),
        (vec!["registry"], rpc(workshop::REGISTER, true)),
        (clerk::PATH.to_vec(), Invocation::Event),
        (vec!["office"], Invocation::Event),
    ];
    let registered = registered.into_iter().map(|(path, invocation)| {
        providers::keyed_by_path(ToolProvider {
            instructions: "Ask.".into(),
            invocation,
            path: FullPath::of(path).expect("names"),
        })
    });
    registered.collect()
}

/// Calls a session's object by name, again while the way there fails; whether it was taken.
pub fn call(
    world: &World,
    stream: &StreamName,
    method: &'static str,
    arguments: Arguments,
) -> impl std::future::Future<Output = Result<serde_json::Value, String>> + Send + 'static {
    let name = stream.to_string();
    // A record of arguments is no `Send`: the client makes its own.
    let fields = serde_json::Map::from_iter(
        arguments
            .iter()
            .map(|(name, value)| (name.to_owned(), value.to_json().expect("plain arguments"))),
    );
    world.client(move |context| {
        Box::pin(async move {
            let session = context.object(codemode::object::BINDING, name);
            loop {
                match session.call(method, Arguments::from(fields.clone())).await {
                    Ok(answer) => return Ok(answer.to_json().unwrap_or_default()),
                    Err(error) if error.is_transient() => {
                        context.sleep("call again", 500).await;
                    }
                    Err(error) => return Err(error.to_string()),
                }
            }
        })
    })
}
