//! The agent-host processor, rule by rule (spec §5.3, §7.6; bugs B-37, B-41, B-42, X-5).

mod support;

use processors::{
    agent::{
        contract::{InputAdded, INPUT_ADDED, OUTPUT_ADDED},
        selection::LLM_PROVIDER_SELECTED,
    },
    agent_host::AgentHostProcessor,
    codemode::contract::{SCRIPT_EXECUTION_COMPLETED, SCRIPT_EXECUTION_REQUESTED},
};
use runtime::{
    call::{Argument, CallError},
    event::{EventInput, EventType, StreamName},
    quirk::Quirk,
    stream::contract::{CHILD_STREAM_CREATED, SUBSCRIPTION_CONFIGURED},
};
use serde_json::{json, Value};
use std::{
    cell::{Cell, RefCell},
    rc::Rc,
};
use support::{key, payload, platform::Callee, run, stream::Fault, Bench, Setting};

const CODE: &str = "async (ctx) => {\n  return await ctx.slack.agent.threadInfo();\n}";

/// The other agents.
#[derive(Default)]
struct Agents {
    booted: RefCell<Vec<String>>,
    losses: Cell<u32>,
}

impl Agents {
    fn callee(self: &Rc<Self>) -> Callee {
        let agents = self.clone();
        Rc::new(move |call| {
            assert_eq!(call.method, "initialize");
            agents
                .booted
                .borrow_mut()
                .push(call.target.object().to_string());
            match agents.losses.get() {
                0 => Ok(Argument::NULL),
                losses => {
                    agents.losses.set(losses - 1);
                    Err(CallError::Disconnected("the test says so".to_owned()))
                }
            }
        })
    }
}

fn bench_with(agents: &Rc<Agents>, setting: Setting) -> Bench<AgentHostProcessor> {
    bench_on("p1:/agents/a", agents, setting)
}

fn bench_on(own: &str, agents: &Rc<Agents>, setting: Setting) -> Bench<AgentHostProcessor> {
    let own = StreamName::parse(own).unwrap();
    let setting = Setting {
        callee: Some(agents.callee()),
        ..setting
    };
    Bench::with(
        move |dependencies| AgentHostProcessor::new(dependencies, &own),
        setting,
    )
}

fn bench() -> Bench<AgentHostProcessor> {
    bench_with(&Rc::default(), Setting::default())
}

fn bench_of(agents: &Rc<Agents>, quirk: Quirk) -> Bench<AgentHostProcessor> {
    let setting = Setting {
        quirk: Some(quirk),
        ..Setting::default()
    };
    bench_with(agents, setting)
}

fn child(path: &str) -> EventInput {
    EventInput::new(CHILD_STREAM_CREATED, json!({ "childPath": path }))
}

fn output(content: &str) -> EventInput {
    EventInput::new(OUTPUT_ADDED, json!({ "content": content }))
}

fn completed(id: &str, outcome: Value) -> EventInput {
    EventInput::new(
        SCRIPT_EXECUTION_COMPLETED,
        json!({ "scriptExecutionId": id, "durationMs": 5, "outcome": outcome }),
    )
}

fn selected(provider: &str) -> EventInput {
    EventInput::new(LLM_PROVIDER_SELECTED, json!({ "provider": provider }))
}

fn keys(bench: &Bench<AgentHostProcessor>, kind: &EventType) -> Vec<String> {
    let appended = bench.appended(kind);
    appended.iter().map(|event| key(event).to_owned()).collect()
}

// Rule 2: children.

#[test]
fn a_stream_below_becomes_an_agent_and_a_boot_that_is_lost_is_repeated() {
    run(|| async {
        let agents = Rc::new(Agents::default());
        agents.losses.set(1);
        let setting = Setting {
            anchor: 1,
            ..Setting::default()
        };
        let bench = bench_with(&agents, setting);
        bench.stream.push(child("/agents/a/old"));
        bench.stream.push(child("/agents/a/b"));
        let lost = bench.try_deliver().await;
        assert!(lost.is_err(), "a lost boot holds the batch");
        bench.deliver().await;
        assert_eq!(*agents.booted.borrow(), ["agent p1:/agents/a/b"; 2]);
    });
}

#[test]
fn infrastructure_becomes_no_agent() {
    for (quirk, boots) in [(None, 1), (Some(Quirk::B37), 4)] {
        run(|| async {
            let agents = Rc::new(Agents::default());
            let setting = Setting {
                quirk,
                ..Setting::default()
            };
            let bench = bench_with(&agents, setting);
            for path in ["itx", "itx/c", "b/itx/c", "litx"] {
                bench.stream.push(child(&format!("/agents/a/{path}")));
            }
            bench.deliver().await;
            let booted = agents.booted.borrow();
            assert_eq!(booted.len(), boots);
            assert!(booted.contains(&"agent p1:/agents/a/litx".to_owned()));
        });
    }
}

#[test]
fn quirk_b41_boots_no_child() {
    run(|| async {
        let agents = Rc::new(Agents::default());
        let bench = bench_of(&agents, Quirk::B41);
        bench.say(child("/agents/a/b")).await;
        assert_eq!(*agents.booted.borrow(), [""; 0]);
    });
}

// Rule 3: scripts.

#[test]
fn an_answer_that_is_a_script_is_run_under_an_id_of_its_own() {
    run(|| async {
        let bench = bench();
        bench.say(output("Hello.")).await;
        let at = bench.say(output(&format!("```js\n{CODE}\n```"))).await;
        let requested = bench.appended(&SCRIPT_EXECUTION_REQUESTED);
        assert_eq!(requested.len(), 1);
        let id = format!("agent-output-{at}");
        assert_eq!(
            payload(&requested[0]),
            json!({ "code": CODE, "scriptExecutionId": id })
        );
        let keyed = format!("agent-host/agent-output-to-codemode-script@{at}");
        assert_eq!(key(&requested[0]), keyed);
        let session = bench.appended(&SUBSCRIPTION_CONFIGURED);
        assert_eq!(
            payload(&session[0])["subscriptionKey"],
            "codemode-session:p1:/agents/a"
        );
        assert!(session[0].offset < requested[0].offset, "it is live for it");
        bench.say(output(CODE)).await;
        assert_eq!(bench.count(&SUBSCRIPTION_CONFIGURED), 1);
        assert_eq!(bench.count(&SCRIPT_EXECUTION_REQUESTED), 2);
    });
}

/// A boot fails, and with it the batch; the script that it holds is asked for already.
#[test]
fn x5_a_script_runs_once_though_its_batch_is_delivered_again() {
    for (quirk, runs) in [(None, 1), (Some(Quirk::X5), 3)] {
        run(|| async {
            let agents = Rc::new(Agents::default());
            agents.losses.set(2);
            let setting = Setting {
                quirk,
                ..Setting::default()
            };
            let bench = bench_with(&agents, setting);
            bench.stream.push(output(CODE));
            bench.stream.push(child("/agents/a/b"));
            assert!(bench.try_deliver().await.is_err());
            assert!(bench.try_deliver().await.is_err());
            bench.restart();
            bench.deliver().await;
            assert_eq!(bench.count(&SCRIPT_EXECUTION_REQUESTED), runs);
        });
    }
}

#[test]
fn an_old_answer_is_not_run() {
    run(|| async {
        let setting = Setting {
            anchor: 1,
            ..Setting::default()
        };
        let bench = bench_with(&Rc::default(), setting);
        bench.say(output(CODE)).await;
        assert_eq!(bench.count(&SCRIPT_EXECUTION_REQUESTED), 0);
    });
}

// Rule 4: what scripts come to.

#[test]
fn what_a_script_returns_is_told_to_the_model() {
    run(|| async {
        let bench = bench();
        let returned = json!({ "status": "returned", "value": { "a": [1] } });
        let at = bench.say(completed("agent-output-7", returned)).await;
        let inputs = bench.appended(&INPUT_ADDED);
        let keyed = "agent-codemode-script-result:agent-output-7";
        assert_eq!(key(&inputs[0]), keyed);
        let input: InputAdded = inputs[0].payload().unwrap();
        assert!(input.triggers());
        let lines = [
            "```yaml".to_owned(),
            "event:".to_owned(),
            format!("  offset: {at}"),
            format!("  type: {SCRIPT_EXECUTION_COMPLETED}"),
            "  scriptExecutionId: agent-output-7".to_owned(),
            "  status: returned".to_owned(),
            "  value: |-".to_owned(),
            "    {".to_owned(),
            "      \"a\": [".to_owned(),
            "        1".to_owned(),
            "      ]".to_owned(),
            "    }".to_owned(),
            "```".to_owned(),
        ];
        assert_eq!(*input.content, *lines.join("\n"));
    });
}

#[test]
fn what_a_script_throws_is_told_to_the_model() {
    run(|| async {
        let bench = bench();
        let threw = json!({ "status": "threw", "error": "no such tool" });
        bench.say(completed("s1", threw)).await;
        let inputs = bench.appended(&INPUT_ADDED);
        assert_eq!(key(&inputs[0]), "agent-codemode-script-error:s1");
        let content = payload(&inputs[0])["content"].to_string();
        assert!(content.contains("status: threw"));
        assert!(content.contains("no such tool"));
    });
}

#[test]
fn null_is_a_value_and_undefined_is_none() {
    run(|| async {
        let bench = bench();
        bench
            .say(completed("s1", json!({ "status": "returned" })))
            .await;
        assert_eq!(bench.count(&INPUT_ADDED), 0);
        let null = json!({ "status": "returned", "value": null });
        bench.say(completed("s2", null)).await;
        assert_eq!(
            keys(&bench, &INPUT_ADDED),
            ["agent-codemode-script-result:s2"]
        );
    });
}

#[test]
fn an_end_without_a_usable_id_is_ignored() {
    run(|| async {
        let bench = bench();
        let returned = json!({ "status": "returned", "value": 1 });
        bench.say(completed(" ", returned)).await;
        assert_eq!(bench.count(&INPUT_ADDED), 0);
    });
}

#[test]
fn a_result_whose_append_is_lost_is_told_once() {
    for fault in [Fault::LostCall, Fault::LostReply] {
        run(|| async {
            let bench = bench();
            bench.stream.fail_next(INPUT_ADDED, fault);
            let returned = json!({ "status": "returned", "value": 1 });
            bench.stream.push(completed("s1", returned));
            assert!(bench.try_deliver().await.is_err());
            bench.restart();
            bench.deliver().await;
            assert_eq!(bench.count(&INPUT_ADDED), 1);
        });
    }
}

#[test]
fn the_root_boots_and_renders_and_enqueues_nothing() {
    run(|| async {
        let agents = Rc::new(Agents::default());
        let bench = bench_on("p1:/agents", &agents, Setting::default());
        bench.stream.push(output(CODE));
        let returned = json!({ "status": "returned", "value": 1 });
        bench.stream.push(completed("s1", returned));
        bench.stream.push(selected("cloudflare-ai"));
        bench.stream.push(child("/agents/a"));
        bench.deliver().await;
        assert_eq!(*agents.booted.borrow(), ["agent p1:/agents/a"]);
        assert_eq!(bench.stream.all().len(), 4);
    });
}

// The provider that is selected.

fn subscription(slug: &str, subscriber: Value) -> EventInput {
    EventInput::new(
        SUBSCRIPTION_CONFIGURED,
        json!({ "subscriptionKey": format!("agent:p1:/agents/a:{slug}"), "subscriber": subscriber }),
    )
}

fn dialed(slug: &str) -> EventInput {
    let name = StreamName::parse("p1:/agents/a").unwrap();
    processors::agent::object::subscription(&name, slug)
}

#[test]
fn b42_a_provider_that_is_selected_is_subscribed_if_nobody_did() {
    run(|| async {
        let bench = bench();
        bench.stream.push(selected("openai-ws"));
        bench.stream.push(dialed("openai-ws"));
        bench.deliver().await;
        assert_eq!(bench.count(&SUBSCRIPTION_CONFIGURED), 1);
        bench.say(selected("cloudflare-ai")).await;
        let keyed = "agent-processor-subscription:p1:/agents/a:cloudflare-ai:callable";
        assert_eq!(keys(&bench, &SUBSCRIPTION_CONFIGURED)[1], keyed);
        bench.say(selected("somebody-else")).await;
        bench.say(selected("openai-ws")).await;
        assert_eq!(bench.count(&SUBSCRIPTION_CONFIGURED), 2);
    });
}

/// Between the two selections a request may have been made.
#[test]
fn b42_a_provider_that_is_selected_no_longer_is_subscribed_as_well() {
    run(|| async {
        let bench = bench();
        for provider in ["cloudflare-ai", "openai-ws"] {
            bench.stream.push(selected(provider));
        }
        bench.deliver().await;
        let keyed = ["cloudflare-ai", "openai-ws"]
            .map(|slug| format!("agent-processor-subscription:p1:/agents/a:{slug}:callable"));
        assert_eq!(keys(&bench, &SUBSCRIPTION_CONFIGURED), keyed);
    });
}

/// It was selected before this processor came; a subscriber of V0 is none.
#[test]
fn b42_a_selection_below_the_anchor_counts() {
    run(|| async {
        let setting = Setting {
            anchor: 2,
            ..Setting::default()
        };
        let bench = bench_with(&Rc::default(), setting);
        let legacy = json!({
            "type": "built-in", "transport": "workers-rpc", "processorSlug": "openai-ws",
        });
        bench.stream.push(subscription("openai-ws", legacy));
        bench.stream.push(selected("openai-ws"));
        bench.deliver().await;
        let keyed = "agent-processor-subscription:p1:/agents/a:openai-ws:callable";
        assert_eq!(keys(&bench, &SUBSCRIPTION_CONFIGURED)[1], keyed);
    });
}
