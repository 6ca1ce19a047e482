//! The Agent object (spec §5.11; bugs B-04, B-06, B-14): what it sees to when it wakes, and what it answers.

mod support;

use processors::agent::{object::CLASS, selection::LLM_PROVIDER_SELECTED, setup};
use runtime::{
    call::{Argument, Arguments, CallError, ObjectName},
    event::{Event, EventInput, Offset},
    object::{Incarnation, Receiver},
    platform::OutboundCall,
    quirk::{Quirk, Quirks},
    stream::{
        contract::{SubscriptionConfigured, CREATED, ERROR_OCCURRED, SUBSCRIPTION_CONFIGURED},
        AppendError,
    },
};
use serde_json::{json, Value};
use std::{
    cell::{Cell, RefCell},
    rc::Rc,
    sync::Arc,
};
use support::{
    key,
    platform::{Callee, FakePlatform},
    run,
    stream::FakeStream,
};

const AGENT: &str = "p1:/agents/a";

/// The root stream and the agent's own, as the object sees them.
#[derive(Default)]
struct Streams {
    root: FakeStream,
    own: FakeStream,
    reads_of_own: Cell<u32>,
    appends: RefCell<Vec<String>>,
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
        let stream = call.target.object().to_string();
        let is_root = stream == "stream p1:/agents";
        match &*call.method {
            "getEvents" => {
                let log = if is_root { &self.root } else { &self.own };
                self.reads_of_own
                    .set(self.reads_of_own.get() + u32::from(!is_root));
                Ok(Argument::shared(Arc::new(log.all())))
            }
            "appendBatch" => {
                let events = call.arguments.shared::<Vec<Arc<EventInput>>>("events")?;
                self.appends.borrow_mut().push(stream);
                self.append(events.iter().map(|event| EventInput::clone(event)))
            }
            method => panic!("unexpected call of {method}"),
        }
    }

    fn append(&self, events: impl Iterator<Item = EventInput>) -> Result<Argument, CallError> {
        let events: Vec<EventInput> = events.collect();
        if events.iter().any(|event| event.kind == CREATED) {
            let error = CallError::remote(AppendError::INVALID, "created twice");
            return Err(error);
        }
        let appended = self.own.append(events).map_err(CallError::from)?;
        Ok(Argument::shared(Arc::new(appended)))
    }

    fn preset(&self, base_path: &str, events: Value) {
        self.root.push(EventInput::new(
            setup::PATH_PREFIX_PRESET_CONFIGURED,
            json!({ "basePath": base_path, "events": events }),
        ));
    }

    fn keys(&self) -> Vec<String> {
        let all = self.own.all();
        all.iter().map(|event| key(event).to_owned()).collect()
    }

    /// The processors that are dialed.
    fn subscribed(&self) -> Vec<String> {
        let all = self.own.all();
        let configured = all.iter().filter(|it| it.kind == SUBSCRIPTION_CONFIGURED);
        let keys = configured.filter_map(|event| {
            let configured: SubscriptionConfigured = event.payload().unwrap();
            let key = configured.subscription_key;
            let is_dialed = event.payload.as_ref()?["subscriber"]["type"] == "callable";
            is_dialed.then(|| key.rsplit(':').next().unwrap().to_owned())
        });
        keys.collect()
    }
}

async fn wake(streams: &Rc<Streams>, name: &str) -> Incarnation {
    wake_with(streams, name, Quirks::NONE).await
}

async fn wake_with(streams: &Rc<Streams>, name: &str, quirks: Quirks) -> Incarnation {
    let platform = FakePlatform::new(1, quirks, None).calling(Some(streams.callee()));
    let name = ObjectName::new(CLASS.binding, name);
    let incarnation = Incarnation::start(CLASS, name, Rc::new(platform));
    assert!(!incarnation.is_ready(), "deliveries wait for the wake hook");
    incarnation.ready().await;
    incarnation
}

async fn call(
    agent: &Incarnation,
    method: &str,
    arguments: Arguments,
) -> Result<Argument, CallError> {
    agent
        .deliver(Receiver::Object, method.to_owned(), arguments)
        .await
}

#[test]
fn a_waking_agent_sees_to_its_setup_and_subscriptions_in_one_batch() {
    run(|| async {
        let streams = Rc::new(Streams::default());
        streams.failures.set(1);
        let agent = wake(&streams, AGENT).await;
        assert_eq!(*streams.appends.borrow(), ["stream p1:/agents/a"]);
        assert_eq!(
            streams.keys(),
            [
                "os-agent-setup:default:0:events.iterate.com/os-agent/llm-provider-selected",
                "os-agent-setup:default:1:events.iterate.com/openai-ws/config-updated",
                "os-agent-setup:default:2:events.iterate.com/agent/llm-config-updated",
                "os-agent-setup:default:3:events.iterate.com/agent/system-prompt-updated",
                "agent-processor-subscription:p1:/agents/a:agent-chat:callable",
                "agent-processor-subscription:p1:/agents/a:agent:callable",
                "agent-processor-subscription:p1:/agents/a:openai-ws:callable",
                "agent-processor-subscription:p1:/agents/a:agent-host:callable",
            ]
        );
        let subscription = &streams.own.all()[5];
        let payload = subscription.payload.as_ref().unwrap();
        assert_eq!(payload["subscriptionKey"], "agent:p1:/agents/a:agent");
        let initialized = call(&agent, "initialize", Arguments::new()).await;
        assert_eq!(initialized.unwrap().to_json(), Some(json!(null)));
    });
}

#[test]
fn a_later_incarnation_adds_nothing() {
    run(|| async {
        let streams = Rc::new(Streams::default());
        wake(&streams, AGENT).await;
        let before = streams.keys();
        wake(&streams, AGENT).await;
        assert_eq!(streams.keys(), before);
    });
}

#[test]
fn a_preset_of_the_root_replaces_the_defaults() {
    run(|| async {
        let streams = Rc::new(Streams::default());
        let prompt = json!({
            "type": "events.iterate.com/agent/system-prompt-updated",
            "payload": { "systemPrompt": "Be brief." },
            "idempotencyKey": "its own",
            "offset": 17,
        });
        streams.preset("/agents/a", json!([prompt]));
        wake(&streams, "p1:/agents/a/b").await;
        let keys = streams.keys();
        assert_eq!(keys.len(), 5);
        assert_eq!(
            keys[0],
            "os-agent-setup:/agents/a:0:events.iterate.com/agent/system-prompt-updated"
        );
        assert_eq!(streams.own.all()[0].offset, Offset(1));
    });
}

#[test]
fn the_provider_that_a_preset_selects_is_the_one_that_is_subscribed() {
    run(|| async {
        let streams = Rc::new(Streams::default());
        let selects = |provider: &str| {
            let kind = LLM_PROVIDER_SELECTED;
            json!({ "type": kind, "payload": { "provider": provider } })
        };
        let both = json!([selects("openai-ws"), selects("cloudflare-ai")]);
        streams.preset("/agents", both);
        wake(&streams, AGENT).await;
        assert_eq!(
            streams.subscribed(),
            ["agent-chat", "agent", "cloudflare-ai", "agent-host"]
        );
    });
}

/// It would end every incarnation before it takes a call.
#[test]
fn a_preset_that_no_stream_takes_is_told_of_and_left_out() {
    run(|| async {
        let streams = Rc::new(Streams::default());
        let created = json!({ "type": CREATED.as_str(), "payload": {} });
        streams.preset("/agents/a", json!([created]));
        wake(&streams, AGENT).await;
        assert_eq!(streams.own.all()[0].kind, ERROR_OCCURRED);
        assert_eq!(streams.subscribed().len(), 4);
        let before = streams.keys();
        wake(&streams, AGENT).await;
        assert_eq!(streams.keys(), before);
    });
}

#[test]
fn the_root_is_no_agent() {
    run(|| async {
        let streams = Rc::new(Streams::default());
        let root = wake(&streams, "p1:/agents").await;
        assert_eq!(
            streams.keys(),
            ["agent-processor-subscription:p1:/agents:agent-host:callable"]
        );
        let message = Arguments::new().json("content", "hello");
        let refused = call(&root, "sendMessage", message).await;
        assert!(matches!(refused, Err(CallError::Unresolved(_))));
        let asked = Arguments::new().json("processorName", "agent");
        let refused = call(&root, "runtimeState", asked).await.unwrap_err();
        assert!(refused.to_string().ends_with("registered: agent-host"));
    });
}

// A stream of an older revision (B-04).

fn legacy(slug: &str) -> EventInput {
    let subscriber = json!({
        "type": "built-in", "transport": "workers-rpc", "processorSlug": slug,
    });
    EventInput::new(
        SUBSCRIPTION_CONFIGURED,
        json!({ "subscriptionKey": format!("agent:{AGENT}:{slug}"), "subscriber": subscriber }),
    )
    .keyed(format!(
        "agent-processor-subscription:{AGENT}:{slug}:workers-rpc"
    ))
}

#[test]
fn b04_legacy_subscriptions_are_configured_anew_on_access() {
    let slugs = ["agent-chat", "agent", "openai-ws", "agent-host"];
    for (quirk, dialed) in [(None, &slugs[..]), (Some(Quirk::B04), &[])] {
        run(|| async {
            let streams = Rc::new(Streams::default());
            for slug in slugs {
                streams.own.push(legacy(slug));
            }
            wake_with(&streams, AGENT, quirk.into_iter().collect()).await;
            assert_eq!(streams.subscribed(), dialed);
        });
    }
}

#[test]
fn quirk_b14_registers_no_model_on_a_routed_stream() {
    let quirks: Quirks = [Quirk::B14].into_iter().collect();
    for (name, subscribed) in [("p1:/agents/slack/c1/ts-1", 2), (AGENT, 4)] {
        run(|| async {
            let streams = Rc::new(Streams::default());
            wake_with(&streams, name, quirks).await;
            assert_eq!(streams.subscribed().len(), subscribed);
        });
    }
}

// What it answers.

fn messages(streams: &Streams) -> Vec<Arc<Event>> {
    let all = streams.own.all();
    let kind = processors::agent_chat::contract::USER_MESSAGE_ADDED;
    all.into_iter().filter(|it| it.kind == kind).collect()
}

#[test]
fn a_message_is_appended_to_the_chat() {
    run(|| async {
        let streams = Rc::new(Streams::default());
        let agent = wake(&streams, AGENT).await;
        let message = Arguments::new().json("content", "hello");
        let sent = call(&agent, "sendMessage", message.clone()).await.unwrap();
        let sent: Arc<Vec<Arc<Event>>> = sent.to_shared().unwrap();
        assert_eq!(sent[0], messages(&streams)[0]);
        let payload = sent[0].payload.as_ref().unwrap();
        assert_eq!(**payload, json!({ "channel": "web", "content": "hello" }));
        let in_terminal = message.json("channel", "tui");
        call(&agent, "sendMessage", in_terminal).await.unwrap();
        let payload = messages(&streams)[1].payload.clone().unwrap();
        assert_eq!(payload["channel"], "tui");
    });
}

#[test]
fn a_message_that_is_sent_again_under_its_key_is_one_message() {
    run(|| async {
        let streams = Rc::new(Streams::default());
        let agent = wake(&streams, AGENT).await;
        let message = Arguments::new()
            .json("content", "hello")
            .json("idempotencyKey", "m1");
        for _ in 0..2 {
            call(&agent, "sendMessage", message.clone()).await.unwrap();
        }
        assert_eq!(messages(&streams).len(), 1);
    });
}

#[test]
fn a_message_without_a_content_is_refused() {
    run(|| async {
        let streams = Rc::new(Streams::default());
        let agent = wake(&streams, AGENT).await;
        let refused = call(&agent, "sendMessage", Arguments::new()).await;
        assert_eq!(refused.unwrap_err().code(), Some(CallError::INVALID));
        assert_eq!(messages(&streams).len(), 0);
    });
}

/// B-06 and I5: not before the gate is open; and though the processor never comes, the message goes in.
#[test]
fn who_calls_first_waits_for_the_agent_to_catch_up_outside_the_gate() {
    run(|| async {
        let streams = Rc::new(Streams::default());
        let agent = wake(&streams, AGENT).await;
        assert_eq!(streams.reads_of_own.get(), 0);
        for _ in 0..2 {
            let message = Arguments::new().json("content", "hello");
            call(&agent, "sendMessage", message).await.unwrap();
        }
        assert_eq!(streams.reads_of_own.get(), 1, "once in an incarnation");
        assert_eq!(messages(&streams).len(), 2);
    });
}

#[test]
#[should_panic(expected = "aborted: kill")]
fn who_is_killed_ends() {
    run(|| async {
        let agent = wake(&Rc::default(), AGENT).await;
        drop(call(&agent, "kill", Arguments::new()).await);
    });
}
