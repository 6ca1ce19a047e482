//! The Slack agent (spec §7.5): what becomes input, in which order things show, and what calls that
//! get lost do to both.

mod slack_world;

use processors::{
    agent::contract::{INPUT_ADDED, STATUS_UPDATED},
    codemode::contract::{
        FUNCTION_CALL_COMPLETED, FUNCTION_CALL_REQUESTED, SCRIPT_EXECUTION_COMPLETED,
        SCRIPT_EXECUTION_REQUESTED, TOOL_PROVIDER_REGISTERED,
    },
    slack::contract::{THREAD_ROUTE_CONFIGURED, WEBHOOK_RECEIVED},
    slack_agent::{contract::*, processor::SlackAgent, signal::Signals},
};
use runtime::{
    event::{Event, Offset},
    processor::{Engine, MemoryCheckpoints},
};
use serde_json::{json, Value};
use slack_world::{
    checkpoint, context, event, ingest,
    platform::FakePlatform,
    slack_service::{Answer, SlackService},
    streams::{Fate, Port, Streams},
    World,
};
use std::{rc::Rc, sync::Arc};

const OWN: &str = "/agents/slack/c123/ts-1772136258-963519";
const THREAD_TS: &str = "1772136258.963519";
const TOOLS: &str = "append events.iterate.com/codemode/tool-provider-registered";
const TOOLS_KEY: &str = "slack-agent/register-slack-agent-tool-provider@3";
const INPUT: &str = "append events.iterate.com/agent/input-added";
const EYES: &str = "reactions.add channel=C123&name=eyes&timestamp=1772136258.963519";
const NO_EYES: &str = "reactions.remove channel=C123&name=eyes&timestamp=1772136258.963519";

struct Agent {
    world: Rc<World>,
    streams: Rc<Streams>,
    platform: Rc<FakePlatform>,
    engine: Rc<Engine<SlackAgent>>,
}

impl Agent {
    fn new() -> Self {
        Agent::anchored(0)
    }

    fn anchored(anchor: u64) -> Self {
        let world = World::new();
        let streams = Streams::new(&world, OWN);
        let platform = FakePlatform::new(&world, None);
        Agent::over(world, streams, platform, anchor)
    }

    fn over(
        world: Rc<World>,
        streams: Rc<Streams>,
        platform: Rc<FakePlatform>,
        anchor: u64,
    ) -> Self {
        let signals = Signals::new(context(&platform));
        let agent = SlackAgent::new(Rc::new(Port(streams.clone())), signals);
        let checkpoints = Rc::new(MemoryCheckpoints::anchored(Offset(anchor)));
        Agent {
            engine: Engine::new(agent, checkpoints),
            world,
            streams,
            platform,
        }
    }

    /// The next incarnation, whose last checkpoint was not durable.
    fn after_a_crash(self) -> Self {
        Agent::over(self.world, self.streams, self.platform, 0)
    }

    fn ingest(&self, events: impl IntoIterator<Item = Arc<Event>>) -> bool {
        ingest(&self.world, &self.engine, events).is_ok()
    }

    /// What a batch did, in order.
    fn after(&self, events: impl IntoIterator<Item = Arc<Event>>) -> Vec<String> {
        assert!(self.ingest(events));
        self.world.take_journal()
    }

    fn state(&self) -> Rc<State> {
        self.engine.snapshot().unwrap().state
    }

    fn slack(&self) -> &SlackService {
        &self.platform.slack
    }
}

fn webhook(offset: u64, event_body: Value) -> Arc<Event> {
    let body = json!({
        "type": "event_callback", "event_id": "Ev1", "api_app_id": "A1", "event": event_body,
        "authorizations": [
            {"team_id": "T1", "user_id": "UPERSON", "is_bot": false},
            {"team_id": "T1", "user_id": "UBOT", "is_bot": true},
        ],
    });
    event(offset, WEBHOOK_RECEIVED, json!({ "body": body }))
}

/// A message of `extra` fields in the thread.
fn message(offset: u64, ts: &str, extra: Value) -> Arc<Event> {
    let mut fields =
        json!({"type": "message", "channel": "C123", "ts": ts, "thread_ts": THREAD_TS});
    fields
        .as_object_mut()
        .unwrap()
        .extend(extra.as_object().unwrap().clone());
    webhook(offset, fields)
}

fn plain(offset: u64) -> Arc<Event> {
    message(offset, THREAD_TS, json!({"user": "U1", "text": "hello"}))
}

fn said(offset: u64, text: &str) -> Arc<Event> {
    message(offset, THREAD_TS, json!({"user": "U1", "text": text}))
}

fn route(offset: u64) -> Arc<Event> {
    let payload = json!({"channel": "C123", "threadTs": THREAD_TS, "streamPath": OWN});
    event(offset, THREAD_ROUTE_CONFIGURED, payload)
}

fn status(offset: u64, status: &str) -> Arc<Event> {
    event(
        offset,
        STATUS_UPDATED,
        json!({"status": status, "reason": "r", "llmRequestId": 9}),
    )
}

fn shown(status: &str, loading: &str) -> String {
    format!(
        "assistant.threads.setStatus {{\"channel_id\":\"C123\",\"thread_ts\":\"{THREAD_TS}\",\
         \"status\":\"{status}\"{loading}}}"
    )
}

fn thinking() -> String {
    shown("is thinking...", ",\"loading_messages\":[\"Thinking...\"]")
}

#[test]
fn a_route_sets_the_thread() {
    let agent = Agent::new();
    assert_eq!(agent.after([route(3)]), [TOOLS]);
    let state = serde_json::to_value(&*agent.state()).unwrap();
    assert_eq!(
        state,
        json!({"channel": "C123", "threadTs": THREAD_TS, "streamPath": OWN, "routeOffset": 3,
            "taken": [], "eyesOn": []})
    );
}

#[test]
fn a_route_registers_the_agents_tools() {
    let agent = Agent::new();
    agent.streams.fates.borrow_mut().push_back(Fate::CallLost);
    assert!(!agent.ingest([route(3)]), "a registration is an obligation");
    agent.after([route(3)]);
    assert_eq!(agent.streams.keys(OWN), [TOOLS_KEY]);
    let registered = agent.streams.at(OWN).remove(0);
    assert_eq!(registered.kind, TOOL_PROVIDER_REGISTERED);
    let payload = registered.payload.as_ref().unwrap();
    assert_eq!(payload["path"], json!(["slack", "agent"]));
    assert_eq!(payload["invocation"], json!({"kind": "event"}));
    assert!(payload["instructions"]
        .as_str()
        .unwrap()
        .contains("threadInfo"));
}

#[test]
fn a_route_below_the_anchor_registers_with_the_next_webhook() {
    let agent = Agent::anchored(4);
    assert!(agent.after([route(3), plain(4)]).is_empty());
    let next = message(5, "1772136300.000100", json!({"user": "U1", "text": "and"}));
    let journal = agent.after([next]);
    assert_eq!(journal[..2], [TOOLS, INPUT]);
    let keys = agent.streams.keys(OWN);
    assert!(keys.contains(&TOOLS_KEY.to_owned()), "{keys:?}");
}

fn called(offset: u64, provider: [&str; 2], function: &str, kind: &str) -> Arc<Event> {
    let path = [provider[0], provider[1], function];
    let payload = json!({
        "args": [], "functionCallId": "f1", "functionPath": [function], "invocationKind": kind,
        "path": path, "providerPath": provider, "scriptExecutionId": "s1",
    });
    event(offset, FUNCTION_CALL_REQUESTED, payload)
}

/// The answer to a call of the agent's own provider, with its key.
fn answer_to(agent: &Agent, function: &str) -> (String, Value) {
    agent.after([called(9, ["slack", "agent"], function, "event")]);
    let answer = agent.streams.at(OWN).pop().unwrap();
    assert_eq!(answer.kind, FUNCTION_CALL_COMPLETED);
    let key = answer.idempotency_key.clone().unwrap();
    let payload = answer.payload.as_ref().unwrap();
    (key.as_str().to_owned(), (**payload).clone())
}

#[test]
fn thread_info_is_answered_from_the_state() {
    let agent = Agent::new();
    agent.after([route(3)]);
    let (key, answer) = answer_to(&agent, "threadInfo");
    assert_eq!(
        key,
        "slack-agent/slack-agent-thread-info-function-call-completed@9"
    );
    let info = json!({"channel": "C123", "thread_ts": THREAD_TS, "streamPath": OWN});
    let expected = json!({
        "durationMs": 0, "outcome": {"status": "returned", "value": info},
        "functionCallId": "f1", "functionPath": ["threadInfo"], "invocationKind": "event",
        "path": ["slack", "agent", "threadInfo"], "providerPath": ["slack", "agent"],
        "scriptExecutionId": "s1",
    });
    assert_eq!(answer, expected);
}

#[test]
fn an_answer_that_got_lost_is_given_when_the_call_comes_again() {
    for fate in [Fate::CallLost, Fate::ReplyLost, Fate::Refused] {
        let agent = Agent::new();
        agent.after([route(3)]);
        agent.streams.fates.borrow_mut().push_back(fate);
        let call = || called(9, ["slack", "agent"], "threadInfo", "event");
        assert!(!agent.ingest([call()]), "somebody waits for it");
        agent.after([call()]);
        let log = agent.streams.at(OWN);
        let answers = log.iter().filter(|it| it.kind == FUNCTION_CALL_COMPLETED);
        assert_eq!(answers.count(), 1, "{fate:?}");
    }
}

#[test]
fn without_a_thread_thread_info_throws() {
    let (_, answer) = answer_to(&Agent::new(), "threadInfo");
    assert_eq!(answer["outcome"]["status"], "threw");
}

#[test]
fn a_function_that_there_is_not_throws_too() {
    let agent = Agent::new();
    agent.after([route(3)]);
    let (_, answer) = answer_to(&agent, "nothing");
    let error = json!({"status": "threw", "error": "slack.agent.nothing is no function"});
    assert_eq!(answer["outcome"], error);
}

#[test]
fn calls_of_others_and_calls_below_the_anchor_are_not_answered() {
    let agent = Agent::anchored(8);
    agent.after([called(8, ["slack", "agent"], "threadInfo", "event")]);
    agent.after([called(9, ["slack", "other"], "threadInfo", "event")]);
    agent.after([called(10, ["slack", "agent"], "threadInfo", "rpc")]);
    assert!(agent.streams.at(OWN).is_empty());
}

#[test]
fn the_bots_user_is_learned_from_the_authorizations_once() {
    let agent = Agent::new();
    agent.after([plain(4)]);
    assert_eq!(agent.state().bot_user_id.as_deref(), Some("UBOT"));
    assert_eq!(agent.state().latest_message_ts.as_deref(), Some(THREAD_TS));
    let body = json!({
        "type": "event_callback", "event_id": "Ev2",
        "event": { "type": "message", "channel": "C123", "ts": "1772136300.000100", "user": "U1" },
        "authorizations": [{ "user_id": "UOTHER", "is_bot": true }],
    });
    agent.after([event(5, WEBHOOK_RECEIVED, json!({ "body": body }))]);
    assert_eq!(agent.state().bot_user_id.as_deref(), Some("UBOT"));
}

#[test]
fn a_message_becomes_input_strictly_before_the_reaction() {
    let agent = Agent::new();
    assert_eq!(agent.after([route(3), plain(4)]), [TOOLS, INPUT, EYES]);
    assert_eq!(
        agent.streams.keys(OWN),
        [TOOLS_KEY, "slack-agent/slack-webhook-to-agent-input@4"]
    );
    let input = &agent.streams.at(OWN)[1];
    assert_eq!(input.kind, INPUT_ADDED);
    let payload = input.payload.as_ref().unwrap();
    assert_eq!(
        payload["llmRequestPolicy"]["behaviour"],
        "after-current-request"
    );
    let content = payload["content"].as_str().unwrap();
    let lines: Vec<&str> = content.lines().collect();
    assert_eq!(
        lines[..4],
        [
            "A `events.iterate.com/slack/webhook-received` event arrived:",
            "",
            "```yaml",
            "body:"
        ]
    );
    assert!(content.contains("thread_ts: \"1772136258.963519\""));
    assert!(content.contains("text: hello"));
}

#[test]
fn no_reaction_shows_for_an_input_that_was_not_kept() {
    for fate in [Fate::CallLost, Fate::ReplyLost, Fate::Refused] {
        let agent = Agent::new();
        agent.streams.fates.borrow_mut().push_back(fate);
        assert!(!agent.ingest([plain(4)]));
        assert_eq!(checkpoint(&agent.engine), 0);
        let journal = agent.world.take_journal();
        assert!(!journal.contains(&EYES.to_owned()), "{fate:?}: {journal:?}");
        assert_eq!(agent.after([plain(4)]).last().unwrap(), EYES);
        assert_eq!(agent.streams.at(OWN).len(), 1, "{fate:?}");
        assert_eq!(checkpoint(&agent.engine), 4);
    }
}

#[test]
fn a_repeated_batch_repeats_nothing_that_counts() {
    let agent = Agent::new();
    agent.after([plain(4)]);
    let agent = agent.after_a_crash();
    let answer = Answer::json("{\"ok\":false,\"error\":\"already_reacted\"}");
    agent.slack().answers.borrow_mut().push_back(answer);
    assert_eq!(agent.after([plain(4)]), [EYES]);
    assert_eq!(agent.streams.at(OWN).len(), 1);
}

#[test]
fn a_message_that_mentions_the_app_is_input_once() {
    let mention = |offset| {
        webhook(
            offset,
            json!({"type": "app_mention", "channel": "C123", "ts": THREAD_TS, "user": "U1", "text": "hello"}),
        )
    };
    for events in [[mention(4), plain(5)], [plain(4), mention(5)]] {
        let together = Agent::new();
        assert_eq!(together.after(events.clone()), [INPUT, EYES]);
        let apart = Agent::new();
        for event in events {
            apart.after([event]);
        }
        assert_eq!(
            apart.streams.keys(OWN),
            ["slack-agent/slack-webhook-to-agent-input@4"]
        );
    }
}

#[test]
fn below_the_anchor_nothing_happens() {
    let agent = Agent::anchored(5);
    assert!(agent
        .after([route(3), plain(4), status(5, "working")])
        .is_empty());
    assert_eq!(agent.state().channel.as_deref(), Some("C123"));
}

#[test]
fn a_bang_command_becomes_a_script() {
    let agent = Agent::new();
    agent.after([route(3)]);
    let journal = agent.after([said(7, "<@UBOT> !slack.agent.threadInfo")]);
    let request = "append events.iterate.com/codemode/script-execution-requested";
    assert_eq!(journal, [request, EYES]);
    let expected = "slack-agent/slack-bang-command-to-codemode-script@7";
    assert_eq!(agent.streams.keys(OWN), [TOOLS_KEY, expected]);
    assert_eq!(
        agent.streams.at(OWN)[1].payload.as_deref(),
        Some(&json!({
            "code": "async (ctx) => {\n  return await ctx.slack.agent.threadInfo();\n}",
            "scriptExecutionId": "slack-bang-command-7",
        }))
    );
}

#[test]
fn debug_becomes_a_script_that_posts_to_the_thread() {
    let agent = Agent::new();
    agent.after([route(3), said(8, "!debug")]);
    let expected = "slack-agent/slack-bang-command-to-codemode-script@8";
    assert_eq!(agent.streams.keys(OWN), [TOOLS_KEY, expected]);
    let payload = agent.streams.at(OWN)[1].payload.clone().unwrap();
    assert_eq!(payload["scriptExecutionId"], "slack-bang-command-8");
    let code = payload["code"].as_str().unwrap();
    assert!(code.contains("ctx.codemode.debugInfo()"));
    assert!(code.contains("channel: \"C123\"") && code.contains(THREAD_TS));
}

#[test]
fn an_interaction_becomes_input_without_a_reaction() {
    let agent = Agent::new();
    let body =
        json!({"type": "block_actions", "channel": {"id": "C123"}, "message": {"ts": THREAD_TS}});
    let interaction = event(4, WEBHOOK_RECEIVED, json!({ "body": body }));
    agent.streams.fates.borrow_mut().push_back(Fate::CallLost);
    assert!(
        !agent.ingest([interaction.clone()]),
        "an interaction is an obligation"
    );
    assert_eq!(agent.after([interaction]), [INPUT]);
    assert_eq!(
        agent.streams.keys(OWN),
        ["slack-agent/slack-webhook-to-agent-input@4"]
    );
}

#[test]
fn our_own_messages_are_dropped_and_other_bots_pass() {
    let agent = Agent::new();
    let ours = [
        json!({"user": "UBOT", "bot_id": "BOURS"}),
        json!({"bot_id": "BOURS", "subtype": "bot_message"}),
        json!({"app_id": "A1", "bot_id": "BELSE"}),
        json!({"subtype": "message_changed", "message": {"user": "UBOT", "text": "b"},
            "previous_message": {"user": "UBOT", "text": "a"}}),
    ];
    for (offset, fields) in (4..).zip(ours) {
        assert!(
            agent.after([message(offset, "1.1", fields)]).is_empty(),
            "at {offset}"
        );
    }
    assert_eq!(agent.state().bot_bot_id.as_deref(), Some("BOURS"));
    let theirs =
        json!({"bot_id": "BOTHER", "app_id": "A2", "subtype": "bot_message", "text": "hi"});
    assert_eq!(agent.after([message(20, THREAD_TS, theirs)]), [INPUT, EYES]);
}

#[test]
fn reactions_never_become_input_not_even_our_own() {
    let agent = Agent::new();
    let reaction = |offset, user: &str, kind: &str| {
        let item = json!({"type": "message", "channel": "C123", "ts": THREAD_TS});
        webhook(
            offset,
            json!({"type": kind, "user": user, "reaction": "eyes", "item": item}),
        )
    };
    let reactions = [
        reaction(4, "UBOT", "reaction_added"),
        reaction(5, "U1", "reaction_added"),
        reaction(6, "UBOT", "reaction_removed"),
        reaction(7, "U1", "reaction_removed"),
    ];
    assert!(agent.after(reactions).is_empty());
    assert_eq!(checkpoint(&agent.engine), 7);
}

#[test]
fn working_shows_a_status_and_idle_clears_it_and_the_eyes() {
    let agent = Agent::new();
    agent.after([route(3), plain(4)]);
    assert_eq!(agent.after([status(6, "working")]), [thinking()]);
    assert_eq!(
        agent.after([status(8, "idle")]),
        [shown("", ""), NO_EYES.to_owned()]
    );
}

#[test]
fn scripts_show_too() {
    let agent = Agent::new();
    agent.after([route(3), plain(4)]);
    let requested = event(
        5,
        SCRIPT_EXECUTION_REQUESTED,
        json!({"code": "c", "scriptExecutionId": "s"}),
    );
    assert_eq!(agent.after([requested]), [shown("is using tools...", "")]);
    let completed = event(
        6,
        SCRIPT_EXECUTION_COMPLETED,
        json!({"scriptExecutionId": "s", "outcome": {"status": "returned"}}),
    );
    assert_eq!(
        agent.after([completed]),
        [shown("", ""), NO_EYES.to_owned()]
    );
}

#[test]
fn without_a_thread_no_status_shows() {
    assert!(Agent::new()
        .after([status(3, "working"), status(4, "idle")])
        .is_empty());
}

#[test]
fn the_eyes_leave_every_message_that_got_them() {
    let agent = Agent::new();
    let second = message(5, "1772136300.000100", json!({"user": "U1", "text": "and"}));
    agent.after([plain(4), second]);
    let journal = agent.after([status(8, "idle")]);
    let other = NO_EYES.replace(THREAD_TS, "1772136300.000100");
    assert_eq!(journal, [shown("", ""), NO_EYES.to_owned(), other]);
    assert!(agent.state().eyes_on.is_empty());
}

#[test]
fn a_replay_of_a_whole_turn_leaves_the_thread_at_rest() {
    let agent = Agent::new();
    let journal = agent.after([route(3), plain(4), status(6, "working"), status(8, "idle")]);
    assert_eq!(
        journal,
        [
            TOOLS.to_owned(),
            INPUT.to_owned(),
            shown("", ""),
            NO_EYES.to_owned()
        ]
    );
}

#[test]
fn a_status_that_holds_is_shown_again_before_it_disappears() {
    let agent = Agent::new();
    agent.after([route(3), plain(4)]);
    agent.after([status(6, "working")]);
    agent.world.run(agent.world.sleep(210_000));
    assert_eq!(agent.world.take_journal(), [thinking(), thinking()]);
    agent.after([status(8, "idle")]);
    agent.world.run(agent.world.sleep(210_000));
    assert!(agent.world.take_journal().is_empty());
}

#[test]
fn a_payload_that_does_not_fit_fails_its_batch() {
    for kind in [
        SCRIPT_EXECUTION_REQUESTED,
        SCRIPT_EXECUTION_COMPLETED,
        FUNCTION_CALL_REQUESTED,
        STATUS_UPDATED,
        THREAD_ROUTE_CONFIGURED,
        WEBHOOK_RECEIVED,
    ] {
        let agent = Agent::new();
        assert!(!agent.ingest([event(4, kind.clone(), json!({}))]), "{kind}");
        assert_eq!(checkpoint(&agent.engine), 0);
    }
}

#[test]
fn slacks_failures_are_noted_and_hold_nothing() {
    let refused = |error: &str| Answer::json(&format!("{{\"ok\":false,\"error\":\"{error}\"}}"));
    for (answer, noted) in [
        (refused("already_reacted"), 0),
        (refused("no_reaction"), 0),
        (refused("not_reactable"), 0),
        (refused("channel_not_found"), 1),
        (
            Answer::status("429 Too Many Requests", "retry-after: 30\r\n", ""),
            1,
        ),
        (Answer::Cut, 1),
        (Answer::Silence, 1),
    ] {
        let agent = Agent::new();
        agent.slack().answers.borrow_mut().push_back(answer.clone());
        let journal = agent.after([plain(4)]);
        let failures = journal.iter().filter(|line| line.starts_with("failure"));
        assert_eq!(failures.count(), noted, "{answer:?}: {journal:?}");
        assert_eq!(checkpoint(&agent.engine), 4);
        assert!(agent.world.elapsed_ms() <= 10_000);
    }
}

#[test]
fn a_silent_slack_holds_a_batch_for_one_deadline() {
    let agent = Agent::new();
    agent
        .slack()
        .answers
        .borrow_mut()
        .extend([Answer::Silence, Answer::Silence]);
    let second = message(5, "1772136300.000100", json!({"user": "U1", "text": "and"}));
    agent.after([plain(4), second]);
    assert_eq!(agent.world.elapsed_ms(), 10_000);
    assert_eq!(checkpoint(&agent.engine), 5);
}

#[test]
fn the_contract_is_whole() {
    assert_eq!(CONTRACT.check(), Ok(()));
}
