//! A provider that listens to events: a processor that answers the calls which it reads, as the Slack
//! agent does, each under a key of its own.

use processors::{
    codemode::contract::{self as codemode, *},
    hosting::{self, HostedObject},
};
use runtime::{
    event::{Event, EventInput, PayloadError, StreamName},
    object::{Class, Context, Object},
    processor::{
        Catalogue, Contract, Dependencies, Hook, Processor, ProcessorHost, Reduced, StreamPort,
    },
};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::rc::Rc;

pub const SLUG: &str = "clerk";
pub const BINDING: &str = "CLERK";

pub const CLASS: Class = Class {
    binding: BINDING,
    construct,
};

/// The path at which it is registered.
pub const PATH: [&str; 2] = ["office", "clerk"];

/// The function that it answers with an error.
pub const REFUSE: &str = "refuse";

fn construct(context: Context) -> Rc<dyn Object> {
    let host = ProcessorHost::new(context);
    host.add(SLUG, |Dependencies { stream, .. }| Clerk { stream });
    HostedObject::new(host, Box::new(|_, _| None))
}

pub fn subscription(stream: &StreamName) -> EventInput {
    let key = format!("clerk:{stream}");
    hosting::subscription(BINDING, stream, SLUG, key.clone(), key)
}

static CONTRACT: Contract = Contract {
    slug: SLUG,
    version: "0.1.0",
    description: "Answers calls by event.",
    events: &Catalogue {
        owner: SLUG,
        events: &[],
    },
    dependencies: &[&codemode::CATALOGUE],
    consumes: &[FUNCTION_CALL_REQUESTED],
    emits: &[FUNCTION_CALL_COMPLETED],
};

pub struct Clerk {
    stream: Rc<dyn StreamPort>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct State {
    pub heard: u64,
}

impl Processor for Clerk {
    type State = State;
    type Consumed = FunctionCallRequested;

    fn contract() -> &'static Contract {
        &CONTRACT
    }

    fn parse(event: &Event) -> Result<FunctionCallRequested, PayloadError> {
        event.payload()
    }

    fn reduce(state: &mut State, _event: &Event, _requested: &FunctionCallRequested) {
        state.heard += 1;
    }

    fn process_event(self: &Rc<Self>, reduced: &Reduced<Self>, hook: &Hook<Self>) {
        let call = &reduced.consumed.call;
        let own = FullPath::of(PATH).expect("names");
        if call.invocation_kind != InvocationKind::Event || call.provider_path != own {
            return;
        }
        let refuses = call
            .function_path
            .names()
            .first()
            .is_some_and(|name| &**name == REFUSE);
        let outcome = match refuses {
            true => Outcome::threw("the clerk refuses"),
            false => Outcome::Returned {
                value: Some(json!({ "stamped": reduced.state.heard })),
            },
        };
        let answered = FunctionCallCompleted {
            duration_ms: Some(0),
            outcome,
            call: call.clone(),
        };
        let key = CONTRACT.key_at("function-call-completed", reduced.event.offset);
        let answer = EventInput::new(FUNCTION_CALL_COMPLETED, answered).keyed(key);
        let stream = self.stream.clone();
        hook.block(async move {
            stream.append_batch(None, vec![answer]).await?;
            Ok(())
        });
    }
}
