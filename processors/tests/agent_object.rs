//! The Agent object's wake hook (spec §5.11), and agent-host, which boots others (§5.3).

mod support;

use processors::{
    agent::{object::CLASS, setup},
    agent_host::AgentHostProcessor,
};
use runtime::{
    call::{Argument, Arguments, CallError, ObjectName},
    event::{Event, EventInput, Offset, StreamName, Timestamp},
    object::{Incarnation, Receiver},
    platform::OutboundCall,
    quirk::Quirks,
    stream::contract::CHILD_STREAM_CREATED,
};
use serde_json::json;
use std::{
    cell::{Cell, RefCell},
    rc::Rc,
    sync::Arc,
};
use support::{
    platform::{Callee, FakePlatform},
    run, Bench, Setting,
};

/// The streams, as a waking object sees them.
#[derive(Default)]
struct Streams {
    root: Vec<Arc<Event>>,
    appended: RefCell<Vec<(String, Vec<Arc<EventInput>>)>>,
    failures: Cell<u32>,
}

impl Streams {
    fn callee(self: &Rc<Self>) -> Callee {
        let streams = self.clone();
        Rc::new(move |call| streams.answer(call))
    }

    fn answer(&self, call: OutboundCall) -> Result<Argument, CallError> {
        if self.failures.get() > 0 {
            self.failures.set(self.failures.get() - 1);
            return Err(CallError::Disconnected("the test says so".to_owned()));
        }
        let object = call.target.object().to_string();
        match &*call.method {
            "getEvents" => {
                assert_eq!(object, "stream p1:/agents", "only the root is read");
                Ok(Argument::shared(Arc::new(self.root.clone())))
            }
            "appendBatch" => {
                let events = call.arguments.shared::<Vec<Arc<EventInput>>>("events")?;
                self.appended.borrow_mut().push((object, events.to_vec()));
                Ok(Argument::shared(Arc::new(Vec::<Arc<Event>>::new())))
            }
            method => panic!("unexpected call of {method}"),
        }
    }

    fn keys(&self) -> Vec<String> {
        let appended = self.appended.borrow();
        let events = appended.iter().flat_map(|(_, events)| events);
        events
            .map(|event| event.idempotency_key.as_ref().unwrap().as_str().to_owned())
            .collect()
    }
}

async fn wake(streams: &Rc<Streams>, name: &str) -> Incarnation {
    let platform = FakePlatform::new(1, Quirks::NONE, None).calling(Some(streams.callee()));
    let name = ObjectName::new(CLASS.binding, name);
    let incarnation = Incarnation::start(CLASS, name, Rc::new(platform));
    assert!(!incarnation.is_ready(), "deliveries wait for the wake hook");
    incarnation.ready().await;
    incarnation
}

#[test]
fn a_waking_agent_sees_to_its_setup_and_subscriptions_in_one_batch() {
    run(|| async {
        let streams = Rc::new(Streams::default());
        streams.failures.set(1);
        let agent = wake(&streams, "p1:/agents/a").await;
        assert_eq!(streams.appended.borrow().len(), 1);
        assert_eq!(streams.appended.borrow()[0].0, "stream p1:/agents/a");
        assert_eq!(
            streams.keys(),
            [
                "os-agent-setup:default:0:events.iterate.com/os-agent/llm-provider-selected",
                "os-agent-setup:default:1:events.iterate.com/openai-ws/config-updated",
                "os-agent-setup:default:2:events.iterate.com/agent/llm-config-updated",
                "os-agent-setup:default:3:events.iterate.com/agent/system-prompt-updated",
                "agent-processor-subscription:p1:/agents/a:agent:callable",
                "agent-processor-subscription:p1:/agents/a:openai-ws:callable",
                "agent-processor-subscription:p1:/agents/a:agent-host:callable",
            ]
        );
        let subscription = streams.appended.borrow()[0].1[4].clone();
        let payload = subscription.payload.clone().unwrap();
        assert_eq!(payload["subscriptionKey"], "agent:p1:/agents/a:agent");
        let initialized = agent.deliver(Receiver::Object, "initialize".into(), Arguments::new());
        assert_eq!(initialized.await.unwrap().to_json(), Some(json!(null)));
    });
}

#[test]
fn a_preset_of_the_root_replaces_the_defaults() {
    run(|| async {
        let prompt = json!({
            "type": "events.iterate.com/agent/system-prompt-updated",
            "payload": { "systemPrompt": "Be brief." },
        });
        let preset = Event {
            kind: setup::PATH_PREFIX_PRESET_CONFIGURED,
            payload: Some(json!({ "basePath": "/agents/a", "events": [prompt] }).into()),
            metadata: None,
            source: None,
            idempotency_key: None,
            offset: Offset(3),
            created_at: Timestamp::from_unix_ms(0),
        };
        let streams = Rc::new(Streams {
            root: vec![Arc::new(preset)],
            ..Streams::default()
        });
        wake(&streams, "p1:/agents/a/b").await;
        let keys = streams.keys();
        assert_eq!(keys.len(), 4);
        assert_eq!(
            keys[0],
            "os-agent-setup:/agents/a:0:events.iterate.com/agent/system-prompt-updated"
        );
    });
}

#[test]
fn the_root_is_no_agent() {
    run(|| async {
        let streams = Rc::new(Streams::default());
        wake(&streams, "p1:/agents").await;
        assert_eq!(
            streams.keys(),
            ["agent-processor-subscription:p1:/agents:agent-host:callable"]
        );
    });
}

#[test]
fn agent_host_boots_the_agents_of_new_streams_except_infrastructure() {
    run(|| async {
        let booted: Rc<RefCell<Vec<String>>> = Rc::default();
        let loses = Rc::new(Cell::new(true));
        let callee: Callee = {
            let (booted, loses) = (booted.clone(), loses.clone());
            Rc::new(move |call| {
                assert_eq!(call.method, "initialize");
                booted.borrow_mut().push(call.target.object().to_string());
                match loses.take() {
                    true => Err(CallError::Disconnected("the test says so".to_owned())),
                    false => Ok(Argument::NULL),
                }
            })
        };
        let setting = Setting {
            anchor: 1,
            callee: Some(callee),
            ..Setting::default()
        };
        let own = StreamName::parse("p1:/agents/a").unwrap();
        let bench = Bench::with(
            move |dependencies| AgentHostProcessor::new(dependencies, &own),
            setting,
        );
        for child in ["/agents/a/old", "/agents/a/b", "/agents/a/itx/c"] {
            let created = json!({ "childPath": child });
            bench
                .stream
                .push(EventInput::new(CHILD_STREAM_CREATED, created));
        }
        assert!(
            bench.try_deliver().await.is_err(),
            "a lost boot holds the batch"
        );
        bench.deliver().await;
        assert_eq!(*booted.borrow(), ["agent p1:/agents/a/b"; 2]);
    });
}
