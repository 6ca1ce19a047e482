//! Two subscription keys for one processor, which anybody may configure (spec §1.8). It has one
//! connection; were the other one left open, it would be refused, dialed again, and take its place.
//! This processor hears of every connection, so each round would begin the next.

use crate::support::{configure, run, Fate};
use runtime::{
    call::{Arguments, ObjectName},
    event::{Event, PayloadError},
    object::{Object, Reply},
    processor::{Catalogue, Contract, Processor, ProcessorHost},
    stream::contract::{CATALOGUE as CORE, SUBSCRIBER_CONNECTED},
};
use serde::{Deserialize, Serialize};
use serde_json::{json, Value};
use std::{cell::Cell, rc::Rc};

static CONTRACT: Contract = Contract {
    slug: "porter",
    version: "0.1.0",
    description: "Counts who comes.",
    events: &Catalogue {
        owner: "porter",
        events: &[],
    },
    dependencies: &[&CORE],
    consumes: &[SUBSCRIBER_CONNECTED],
    emits: &[],
};

struct Porter;

#[derive(Clone, Default, Serialize, Deserialize)]
struct Came {
    count: u64,
}

impl Processor for Porter {
    type State = Came;
    type Consumed = ();

    fn contract() -> &'static Contract {
        &CONTRACT
    }

    fn parse(_: &Event) -> Result<(), PayloadError> {
        Ok(())
    }

    fn reduce(state: &mut Came, _: &Event, (): &()) {
        state.count += 1;
    }
}

struct PorterObject(Rc<ProcessorHost>);

impl Object for PorterObject {
    fn call(self: Rc<Self>, method: String, arguments: Arguments) -> Reply {
        self.0.clone().call(&method, arguments)
    }
}

#[test]
fn two_keys_of_one_processor_do_not_displace_each_other_for_ever() {
    run(|world| async move {
        world.add_class("PORTER", |context| {
            let host = ProcessorHost::new(context);
            host.add("porter", |_| Porter);
            Rc::new(PorterObject(host))
        });
        // A round takes no time here, so rounds without end are cut off.
        let opened = Rc::new(Cell::new(0));
        let counted = opened.clone();
        world.on_call(move |call| {
            counted.set(counted.get() + u32::from(call.method == "subscribeOutbound"));
            match counted.get() {
                0..50 => Fate::Arrives,
                _ => Fate::RequestLost,
            }
        });
        let stream = world.stream("p1:/a");
        let both = ["one", "two"].map(|key| configure(key, "PORTER", "p1:/a", "porter"));
        stream.append(json!(both)).await;
        world.pass_ms(60_000).await;
        assert!(
            opened.get() <= 4,
            "{} connections in a minute",
            opened.get()
        );
        let connected = stream.count(&SUBSCRIBER_CONNECTED).await as u64;
        let stored = world.disk(&ObjectName::new("PORTER", "p1:/a"));
        let snapshot = stored
            .kv("stream-processor:porter:snapshot")
            .expect("it heard");
        let snapshot: Value = serde_json::from_str(&snapshot).expect("a snapshot");
        assert_eq!(snapshot["state"]["count"], connected, "and it is served");
    });
}
