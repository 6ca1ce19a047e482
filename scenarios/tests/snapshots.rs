//! The event logs that the platform produces, kept under `/snapshots` and reviewed like code.
//!
//! Each world takes its decisions from a list, and everything else its default way; so a snapshot
//! moves when the product does, and not when a fault's rate or a draw changes. To see a change,
//! run `cargo insta review`; nothing is written where `CI` is set.

use processors::{
    agent::contract::{
        OutputAdded, LLM_REQUEST_COMPLETED, LLM_REQUEST_REQUESTED, LLM_REQUEST_SCHEDULED,
        OUTPUT_ADDED,
    },
    agent_host::script::script,
    codemode::contract::SCRIPT_EXECUTION_REQUESTED,
    openai_ws::contract::{
        LLM_REQUEST_ATTEMPT_FAILED, LLM_REQUEST_STARTED, PROVIDER_LLM_REQUEST_COMPLETED,
    },
    slack::contract::WEBHOOK_RECEIVED,
};
use runtime::{
    event::{Event, EventType, StreamName},
    quirk::{Quirk, Quirks},
    stream::contract::{ERROR_OCCURRED, SUBSCRIBER_CONNECTED},
};
use scenarios::{log_view, registry};
use serde_json::Value;
use sim::world::{run, Answers, FaultLevel, Outcome, Plan, RecordedDecision};
use std::sync::Arc;

/// The stream of the thread; its name comes from the time of the first message.
const THREAD: &str = "p1:/agents/slack/c123/ts-1772136000-005000";

fn decision(site: &str, subject: &str, n: u32, value: u64) -> RecordedDecision {
    RecordedDecision {
        site: site.to_owned(),
        subject: subject.into(),
        n,
        value,
    }
}

/// The second message comes when the first is long answered.
fn second_message_later() -> RecordedDecision {
    decision("workload.second-message-ms", "thread 1", 0, 6_000)
}

/// Runs the first message with these decisions.
fn world(decisions: Vec<RecordedDecision>, quirks: Quirks) -> Outcome {
    world_of("slack-first-message", decisions, quirks)
}

/// Runs a scenario with these decisions, all of which must come up.
fn world_of(scenario: &str, decisions: Vec<RecordedDecision>, quirks: Quirks) -> Outcome {
    let scenarios = registry::scenarios();
    let scenario = scenarios.iter().find(|one| one.name() == scenario);
    // What operations are made of is drawn from the same list, and counts with the operations.
    let of_operations = |one: &&RecordedDecision| one.site.starts_with("workload.");
    let count = decisions.len() - decisions.iter().filter(of_operations).count();
    let outcome = run(&Plan {
        faults: FaultLevel::None,
        quirks,
        answers: Answers::Recorded(decisions),
        keep: true,
        ..Plan::new(*scenario.expect("a scenario"), 1)
    });
    assert_eq!(outcome.decision_count, count, "a decision never came up");
    outcome
}

fn assert_log(name: &str, about: &str, outcome: &Outcome) {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("../../snapshots");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.set_description(about);
    settings.bind(|| insta::assert_snapshot!(name, log_view::render(&outcome.logs)));
}

/// The thread's log.
fn thread(outcome: &Outcome) -> &[Arc<Event>] {
    let thread = StreamName::parse(THREAD).expect("a stream's name");
    let log = outcome.logs.iter().find(|log| log.name == thread);
    &log.expect("the thread has a stream").events
}

/// The events of these types in the thread's log, in order.
fn in_thread(outcome: &Outcome, kinds: &[EventType]) -> Vec<EventType> {
    let kinds = thread(outcome)
        .iter()
        .map(|event| &event.kind)
        .filter(|kind| kinds.contains(kind));
    kinds.cloned().collect()
}

#[test]
fn a_calm_first_message_and_a_second_one_are_answered() {
    let outcome = world(vec![second_message_later()], Quirks::NONE);
    assert_eq!(outcome.failure, None);
    assert_eq!(in_thread(&outcome, &[OUTPUT_ADDED]).len(), 2);
    let turn = [
        LLM_REQUEST_SCHEDULED,
        LLM_REQUEST_REQUESTED,
        LLM_REQUEST_COMPLETED,
    ];
    assert_eq!(in_thread(&outcome, &turn), [&turn[..], &turn].concat());
    let completed = thread(&outcome)
        .iter()
        .filter(|event| event.kind == LLM_REQUEST_COMPLETED);
    let mut payloads = completed.filter_map(|event| event.payload.as_deref());
    assert!(payloads.all(|payload| payload["result"]["status"] == "success"));
    let about = "No faults. The first message finds every object cold; the second comes 6 s later.";
    assert_log("slack_first_message_calm", about, &outcome);
}

#[test]
fn a_request_is_taken_up_again_after_its_object_crashed() {
    // Its outside requests are the upgrade to WebSocket, #0, and then the first model request, #1.
    let crash = decision("crash.after-request", &format!("agent {THREAD}"), 1, 1);
    let outcome = world(vec![second_message_later(), crash], Quirks::NONE);
    assert_eq!(outcome.failure, None);
    let story = [
        LLM_REQUEST_STARTED,
        LLM_REQUEST_ATTEMPT_FAILED,
        OUTPUT_ADDED,
        PROVIDER_LLM_REQUEST_COMPLETED,
        LLM_REQUEST_COMPLETED,
    ];
    let found = in_thread(&outcome, &story);
    assert_eq!(found[..story.len()], story);
    let facts = [story[0].clone(), SUBSCRIBER_CONNECTED, story[1].clone()];
    let facts = in_thread(&outcome, &facts);
    let started = facts.iter().position(|kind| *kind == LLM_REQUEST_STARTED);
    let again = &facts[started.unwrap() + 1..][..4];
    assert!(again.iter().all(|kind| *kind == SUBSCRIBER_CONNECTED));
    assert!(in_thread(&outcome, &[ERROR_OCCURRED]).is_empty());
    let about = "The object of agent and openai-ws crashes when OpenAI begins to answer its first \
                 request: between `llm-request-started` and `llm-request-completed`.";
    assert_log("slack_first_message_openai_ws_crash", about, &outcome);
}

/// The agent's first call to its stream is slow, so both messages become inputs before the agent
/// has a subscription: they are below its anchor.
fn inputs_below_the_anchor(quirks: Quirks) -> Outcome {
    let slow = decision(
        "rpc.delay",
        &format!("agent {THREAD} → stream {THREAD}"),
        0,
        400,
    );
    world(vec![slow], quirks)
}

#[test]
fn with_b28_an_input_below_the_anchor_meets_silence() {
    let outcome = inputs_below_the_anchor(Quirks::NONE.with(Quirk::B28));
    let failure = outcome.failure.as_ref().expect("nobody answers");
    assert_eq!(failure.key, "obligation/input-unanswered");
    assert!(in_thread(&outcome, &[LLM_REQUEST_REQUESTED]).is_empty());
    let about = "Quirk B-28. The agent's first call to its stream takes 400 ms longer: its \
                 subscription comes after both inputs, and nobody asks the model.";
    assert_log("slack_first_message_b28_on", about, &outcome);
}

#[test]
fn without_b28_an_input_below_the_anchor_is_answered() {
    let outcome = inputs_below_the_anchor(Quirks::NONE);
    assert_eq!(outcome.failure, None);
    assert_eq!(in_thread(&outcome, &[OUTPUT_ADDED]).len(), 1);
    let about = "The same decisions as with B-28 switched on: the agent finds the inputs when it \
                 is connected, and one request covers both.";
    assert_log("slack_first_message_b28_off", about, &outcome);
}

/// Runs a scenario of streams in which nothing goes wrong but what the workload does.
fn calm(scenario: &str, workload: &[(&str, &str, u32, u64)]) -> Outcome {
    let decisions = workload.iter().map(|(site, subject, n, value)| {
        decision(&format!("workload.{site}"), subject, *n, *value)
    });
    let outcome = world_of(scenario, decisions.collect(), Quirks::NONE);
    assert_eq!(outcome.failure, None);
    outcome
}

#[test]
fn a_flood_pauses_its_stream_until_somebody_resumes_it() {
    let outcome = calm("streams-flood", &[("flood-events", "writer 0", 0, 6)]);
    let about = "A burst of five is allowed, and one writer appends six events: with those of the \
                 stream itself the fourth is one too many, and the last two are refused. A second \
                 later somebody resumes the stream, and ordinary appends are taken again.";
    assert_log("streams_flood_calm", about, &outcome);
}

#[test]
fn poison_is_said_once_and_the_others_go_on() {
    let orders = [
        ("step", "steps", 0, 3),
        ("failures", "faltering", 0, 2),
        ("step", "steps", 2, 6),
        ("long-wait-ms", "steps", 0, 5_000),
        ("step", "steps", 4, 5),
    ];
    let outcome = calm("streams-poison", &orders);
    let about = "One processor fails twice and recovers without an error. Then comes an example \
                 that the echo cannot read: it gives up after four attempts, and once more with \
                 each event that dials it. In the end the first one fails at every connection.";
    assert_log("streams_poison_calm", about, &outcome);
}

#[test]
fn a_quiet_stream_lets_go_and_dials_again() {
    let workload = [
        ("rounds", "quiet", 0, 1),
        ("margin-ms", "quiet", 0, 79),
        ("racing-appends", "quiet", 0, 1),
    ];
    let outcome = calm("streams-idle", &workload);
    let about = "After five quiet minutes the stream lets go of both subscribers; 39 ms later two \
                 examples come, and dial them again. The next one comes 40 ms before the stream would \
                 have let go once more, and is delivered as usual.";
    assert_log("streams_idle_calm", about, &outcome);
}

#[test]
fn answers_are_posted_in_their_threads_and_counted() {
    let orders = [("next-message-ms", "thread 1", 0, 4_000)];
    let outcome = calm("slack-posts", &orders);
    let about =
        "Two threads of three messages each, of which two mention the app and so come as two \
                 events. Each answer is posted once, the message that counts them once and then \
                 updated; what the app posts comes back to it and is no input.";
    assert_log("slack_posts_calm", about, &outcome);
}

/// What the app said in the thread, as Slack told it: when, and the text.
fn replies(outcome: &Outcome) -> Vec<(i64, String)> {
    let webhooks = thread(outcome)
        .iter()
        .filter(|event| event.kind == WEBHOOK_RECEIVED);
    let own = webhooks.filter_map(|webhook| {
        let event = &webhook.payload.as_deref()?["body"]["event"];
        let is_own = event["type"] == "message" && event["bot_id"].is_string();
        let text = event["text"].as_str().filter(|_| is_own)?;
        Some((webhook.created_at.unix_ms, text.to_owned()))
    });
    own.collect()
}

/// Somebody asks, and four seconds later something else.
fn asked_twice(more: Vec<RecordedDecision>) -> Outcome {
    let later = decision("workload.next-message-ms", "thread 1", 0, 4_000);
    let outcome = world_of("slack-posts", [vec![later], more].concat(), Quirks::NONE);
    assert_eq!(outcome.failure, None);
    outcome
}

/// §7.7.
#[test]
fn the_script_of_an_answer_and_of_a_command_is_a_reply_within_a_second() {
    let debug = decision("workload.aside", "thread 1", 0, 2);
    let outcome = asked_twice(vec![debug]);
    let replies = replies(&outcome);
    let asks_for_a_script = |event: &&Arc<Event>| match event.kind == OUTPUT_ADDED {
        true => {
            let output: OutputAdded = event.payload().expect("an output");
            script(&output.content).is_some()
        }
        false => {
            let payload = event.payload.as_deref().unwrap_or(&Value::Null);
            let id = payload["scriptExecutionId"].as_str().unwrap_or_default();
            event.kind == SCRIPT_EXECUTION_REQUESTED && id.starts_with("slack-bang-command-")
        }
    };
    let asked: Vec<&Arc<Event>> = thread(&outcome).iter().filter(asks_for_a_script).collect();
    assert!(asked.iter().any(|event| event.kind == OUTPUT_ADDED));
    for event in &asked {
        let at_ms = event.created_at.unix_ms;
        let is_soon = |(said_ms, _): &&(i64, String)| (at_ms..at_ms + 1_000).contains(said_ms);
        assert!(replies.iter().any(|reply| is_soon(&reply)), "{replies:?}");
    }
    let told = |(_, text): &(i64, String)| text.contains("\"session\"") && text.contains(THREAD);
    assert_eq!(replies.iter().filter(|reply| told(reply)).count(), 1);
}

/// §7.7.
#[test]
fn a_kill_during_the_debounce_still_leads_to_one_visible_reply() {
    let killed = decision("crash.at-time", &format!("agent {THREAD}"), 0, 100);
    let outcome = asked_twice(vec![killed]);
    let before_more = |outcome: &Outcome| {
        let asked_ms = thread(outcome)[0].created_at.unix_ms;
        let replies = replies(outcome).into_iter();
        let early = replies.filter(move |(said_ms, _)| *said_ms < asked_ms + 3_900);
        early.map(|(_, text)| text).collect::<Vec<_>>()
    };
    assert_eq!(before_more(&outcome), ["I heard you."]);
    assert_eq!(before_more(&asked_twice(Vec::new())), ["I heard you."]);
    let turn = [
        LLM_REQUEST_SCHEDULED,
        SUBSCRIBER_CONNECTED,
        LLM_REQUEST_REQUESTED,
    ];
    let turn = in_thread(&outcome, &turn);
    let scheduled = turn.iter().position(|kind| *kind == LLM_REQUEST_SCHEDULED);
    let requested = turn.iter().position(|kind| *kind == LLM_REQUEST_REQUESTED);
    let between = &turn[scheduled.unwrap() + 1..requested.unwrap()];
    assert!(!between.is_empty(), "it died before the hand-off: {turn:?}");
    assert!(between.iter().all(|kind| *kind == SUBSCRIBER_CONNECTED));
    assert!(in_thread(&outcome, &[ERROR_OCCURRED]).is_empty());
}

/// Both sessions have things made by two scripts each, one after the other.
fn scripts(decisions: Vec<RecordedDecision>, quirks: Quirks) -> Outcome {
    world_of("codemode-scripts", decisions, quirks)
}

#[test]
fn scripts_call_functions_and_end() {
    let outcome = scripts(Vec::new(), Quirks::NONE);
    assert_eq!(outcome.failure, None);
    let about =
        "No faults. Ada's session is dialed by its stream first, bob's object is asked to be \
                 there. Each runs two scripts, side by side.";
    assert_log("codemode_scripts_calm", about, &outcome);
}

/// Ada's session dies when her scripts have begun to call the workshop.
fn a_session_dies() -> RecordedDecision {
    decision(
        "crash.after-call",
        "codemode_session p1:/sessions/ada",
        6,
        1,
    )
}

#[test]
fn a_script_whose_session_crashed_is_settled_and_with_x12_it_is_not() {
    let outcome = scripts(vec![a_session_dies()], Quirks::NONE);
    assert_eq!(outcome.failure, None);
    let about =
        "Ada's session dies in the middle of her scripts. They are settled when it is dialed \
                 again, and none is run twice.";
    assert_log("codemode_scripts_crash", about, &outcome);
    let outcome = scripts(vec![a_session_dies()], Quirks::NONE.with(Quirk::X12));
    let failure = outcome.failure.as_ref().expect("they stay open");
    assert_eq!(failure.key, "script/unfinished");
}
