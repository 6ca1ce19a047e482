//! experiment
use futures_util::future::{join_all, BoxFuture, LocalBoxFuture};
use runtime::{
    call::{Argument, Arguments},
    event::{EventInput, EventType, StreamName, StreamPath},
    object::{Class, Context, Object, Reply},
    stream::{self, StreamClient},
};
use serde_json::{json, Value};
use sim::{scenario::Scenario, world::World};
use std::{marker::PhantomData, rc::Rc, sync::Arc};

pub trait Leak: 'static {
    const NAME: &'static str;
    fn words() -> LocalBoxFuture<'static, Vec<String>>;
}

pub struct Telling<L>(PhantomData<fn() -> L>);

impl<L: Leak> Telling<L> {
    pub const NEW: Self = Telling(PhantomData);
    const CLASSES: [Class; 2] = [
        stream::CLASS,
        Class {
            binding: "TELLER",
            construct: |context| Rc::new(Teller::<L>(context, PhantomData)),
        },
    ];
}

impl<L: Leak> Scenario for Telling<L> {
    fn name(&self) -> &'static str {
        L::NAME
    }
    fn about(&self) -> &'static str {
        "x"
    }
    fn classes(&self) -> &'static [Class] {
        &Self::CLASSES
    }
    fn workload(&self, world: Arc<World>) -> BoxFuture<'static, ()> {
        Box::pin(async move {
            for _ in 0..3 {
                world.sleep(50).await;
                world
                    .client(|context| {
                        Box::pin(async move {
                            let _ = context
                                .object("TELLER", "teller")
                                .call("tell", Arguments::new())
                                .await;
                        })
                    })
                    .await;
            }
        })
    }
}

struct Teller<L>(Context, PhantomData<fn() -> L>);
const TOLD: EventType = EventType::of("leaks/told");

impl<L: Leak> Object for Teller<L> {
    fn call(self: Rc<Self>, _: String, _: Arguments) -> Reply {
        Box::pin(async move {
            let name = StreamName::new("p1", StreamPath::parse("/told").expect("a path"));
            let stream = StreamClient::named(&self.0, &name);
            let appends = L::words().await.into_iter().map(|word| {
                stream.append_batch(None, vec![EventInput::new(TOLD, json!({ "word": word }))])
            });
            join_all(appends).await;
            Ok(Argument::Json(Value::Null))
        })
    }
}
