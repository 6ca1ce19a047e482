//! Something that may leak: an object is asked for it three times, and tells its stream in events of
//! their own what it found.
//!
//! The times of a world and the types of its events are the same whatever is told: only the payloads
//! differ, as with most leaks of real code.

use crate::{clocks, counters, hash_maps, randomness, selects};
use futures_util::future::{join_all, BoxFuture, LocalBoxFuture};
use runtime::{
    call::{Argument, Arguments},
    event::{EventInput, EventType, StreamName, StreamPath},
    object::{Class, Context, Object, Reply},
    stream::{self, StreamClient},
};
use serde_json::{json, Value};
use sim::{scenario::Scenario, world::World};
use std::{rc::Rc, sync::Arc};

pub struct Leak {
    pub name: &'static str,
    pub about: &'static str,
    /// The kind that `check` must name among what fits; none for what madsim answers.
    pub kind: Option<&'static str>,
    /// Looks where it should not.
    pub look: fn() -> LocalBoxFuture<'static, Vec<String>>,
}

/// Every leak, and what is none.
pub fn all() -> impl Iterator<Item = &'static Leak> {
    let [random, hash, count] = [randomness::LEAKS, hash_maps::LEAKS, counters::LEAKS];
    let [clock, select] = [clocks::LEAKS, selects::LEAKS];
    [random, hash, count, clock, select].into_iter().flatten()
}

/// What was found without waiting.
pub fn found<T: ToString>(
    words: impl IntoIterator<Item = T>,
) -> LocalBoxFuture<'static, Vec<String>> {
    let words: Vec<String> = words.into_iter().map(|word| word.to_string()).collect();
    Box::pin(async { words })
}

const TELLER: &str = "TELLER";
const TOLD: EventType = EventType::of("leaks/told");

/// Is named after a leak.
struct Teller(Context);

static CLASSES: [Class; 2] = [
    stream::CLASS,
    Class {
        binding: TELLER,
        construct: |context| Rc::new(Teller(context)),
    },
];

impl Object for Teller {
    fn call(self: Rc<Self>, _method: String, _arguments: Arguments) -> Reply {
        let name = self.0.name().name.clone();
        let leak = all().find(|leak| *leak.name == *name);
        let leak = leak.expect("a teller has the name of a leak");
        Box::pin(async move {
            let path = StreamPath::parse("/told").expect("a path");
            let stream = StreamClient::named(&self.0, &StreamName::new("p1", path));
            let events = (leak.look)().await.into_iter();
            let events = events.map(|found| EventInput::new(TOLD, json!({ "found": found })));
            // A call that is lost is the world's business, and the same each time.
            join_all(events.map(|event| stream.append_batch(None, vec![event]))).await;
            Ok(Argument::Json(Value::Null))
        })
    }
}

impl Scenario for Leak {
    fn name(&self) -> &'static str {
        self.name
    }

    fn about(&self) -> &'static str {
        self.about
    }

    fn classes(&self) -> &'static [Class] {
        &CLASSES
    }

    fn workload(&self, world: Arc<World>) -> BoxFuture<'static, ()> {
        let name = self.name;
        Box::pin(async move {
            for _ in 0..3 {
                world.sleep(50).await;
                let asked = world.client(move |context| {
                    let teller = context.object(TELLER, name);
                    Box::pin(async move { teller.call("tell", Arguments::new()).await.is_ok() })
                });
                asked.await;
            }
        })
    }
}
