//! The agent-chat processor (spec §5.2, §7.6).

mod support;

use processors::{
    agent::contract::{Behaviour, InputAdded, INPUT_ADDED},
    agent_chat::{
        contract::{ASSISTANT_RESPONSE_ADDED, USER_MESSAGE_ADDED},
        AgentChatProcessor,
    },
};
use runtime::event::EventInput;
use serde_json::json;
use support::{key, run, stream::Fault, Bench, Setting};

fn bench() -> Bench<AgentChatProcessor> {
    Bench::new(AgentChatProcessor::new)
}

fn message(content: &str) -> EventInput {
    let message = json!({ "channel": "web", "content": content });
    EventInput::new(USER_MESSAGE_ADDED, message)
}

fn response(message: &str) -> EventInput {
    let response = json!({ "channel": "tui", "message": message });
    EventInput::new(ASSISTANT_RESPONSE_ADDED, response)
}

fn inputs(bench: &Bench<AgentChatProcessor>) -> Vec<(String, InputAdded)> {
    let appended = bench.appended(&INPUT_ADDED);
    let keyed = appended.iter().map(|event| {
        let input: InputAdded = event.payload().unwrap();
        (key(event).to_owned(), input)
    });
    keyed.collect()
}

fn keys(bench: &Bench<AgentChatProcessor>) -> Vec<String> {
    inputs(bench).into_iter().map(|(key, _)| key).collect()
}

#[test]
fn a_message_is_explained_once_and_asks_for_an_answer() {
    run(|| async {
        let bench = bench();
        let first = bench.say(message("Hello:\nthere")).await;
        let second = bench.say(message("And?")).await;
        assert_eq!(
            keys(&bench),
            [
                format!("agent-chat/event-type-explainer/{USER_MESSAGE_ADDED}"),
                format!("agent-chat/render-message@{first}"),
                format!("agent-chat/render-message@{second}"),
            ]
        );
        let [(_, explainer), (_, rendered), _] = &inputs(&bench)[..] else {
            panic!("three inputs");
        };
        assert!(!explainer.triggers());
        let asks = rendered.llm_request_policy.behaviour;
        assert_eq!(asks, Behaviour::AfterCurrentRequest);
        let lines = [
            "```yaml".to_owned(),
            "event:".to_owned(),
            format!("  offset: {first}"),
            format!("  type: {USER_MESSAGE_ADDED}"),
            "  channel: web".to_owned(),
            "  content: |-".to_owned(),
            "    Hello:".to_owned(),
            "    there".to_owned(),
            "```".to_owned(),
        ];
        assert_eq!(*rendered.content, *lines.join("\n"));
    });
}

#[test]
fn a_response_is_explained_once_and_asks_for_nothing() {
    run(|| async {
        let bench = bench();
        let at = bench.say(response("Done.")).await;
        bench.say(response("Really.")).await;
        let [(first_key, explainer), (second_key, rendered), _] = &inputs(&bench)[..] else {
            panic!("three inputs");
        };
        let explains = format!("agent-chat/event-type-explainer/{ASSISTANT_RESPONSE_ADDED}");
        assert_eq!(*first_key, explains);
        assert_eq!(*second_key, format!("agent-chat/render-response@{at}"));
        assert!(!explainer.triggers() && !rendered.triggers());
        assert!(rendered
            .content
            .contains("  channel: tui\n  message: |-\n    Done.\n"));
    });
}

#[test]
fn a_batch_is_rendered_in_its_order_and_whole_or_not_at_all() {
    for fault in [Fault::LostCall, Fault::LostReply] {
        run(|| async {
            let bench = bench();
            bench.stream.fail_next(INPUT_ADDED, fault);
            bench.stream.push(message("one"));
            bench.stream.push(response("two"));
            bench.stream.push(message("three"));
            assert!(bench.try_deliver().await.is_err());
            assert!([0, 5].contains(&inputs(&bench).len()));
            bench.restart();
            bench.deliver().await;
            let rendered = inputs(&bench);
            let asked: Vec<bool> = rendered.iter().map(|(_, input)| input.triggers()).collect();
            assert_eq!(asked, [false, true, false, false, true]);
        });
    }
}

#[test]
fn what_lies_below_the_anchor_is_not_rendered() {
    run(|| async {
        let setting = Setting {
            anchor: 1,
            ..Setting::default()
        };
        let bench = Bench::with(AgentChatProcessor::new, setting);
        bench.say(message("old")).await;
        let at = bench.say(message("new")).await;
        assert_eq!(keys(&bench)[1], format!("agent-chat/render-message@{at}"));
        assert_eq!(keys(&bench).len(), 2);
    });
}
