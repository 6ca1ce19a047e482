//! The tool provider `["slack"]` (peers §5.4): what a script calls reaches Slack once, whatever
//! becomes of requests, replies and the object itself.

mod slack_world;

use futures_util::future::join_all;
use processors::slack_tools::{provider::FAILED, SlackTools};
use runtime::call::{Argument, Arguments, CallError};
use serde_json::{json, Value};
use slack_world::{
    context,
    platform::FakePlatform,
    slack_service::Answer,
    workspace::{ok, refused, Fate, Workspace},
    World,
};
use std::{cell::RefCell, rc::Rc};

const THREAD: &str = "1772136258.963519";
const POST: &str = "chat.postMessage";
const UPDATE: &str = "chat.update";
const REPLIES: &str = "conversations.replies";

/// The object that serves the tools, over incarnations.
struct Bench {
    world: Rc<World>,
    platform: Rc<FakePlatform>,
    workspace: Rc<Workspace>,
    tools: RefCell<Rc<SlackTools>>,
}

impl Bench {
    fn new() -> Self {
        let world = World::new();
        let platform = FakePlatform::new(&world, None);
        let workspace = Workspace::new(&world, THREAD);
        *platform.slack.workspace.borrow_mut() = Some(workspace.clone());
        let tools = RefCell::new(SlackTools::new(context(&platform)));
        Bench {
            world,
            platform,
            workspace,
            tools,
        }
    }

    fn fate(self, method: &'static str, fate: Fate) -> Self {
        self.workspace.fate(method, fate);
        self
    }

    /// The object dies with all that it was doing, and lives again.
    fn crash(&self) {
        self.world.crash();
        let tools = SlackTools::new(context(&self.platform));
        tools.take_up();
        *self.tools.borrow_mut() = tools;
    }

    fn start(&self, id: &str, method: &str, arguments: Value) -> runtime::object::Reply {
        let path: Vec<&str> = method.split('.').collect();
        let call = Arguments::new()
            .json("args", [arguments])
            .json("functionCallId", id)
            .json("functionPath", path)
            .json("invocationKind", "rpc");
        self.tools.borrow().call(&call)
    }

    fn call(&self, id: &str, method: &str, arguments: Value) -> Result<Value, String> {
        let reply = self.world.run(self.start(id, method, arguments));
        reply.map(value).map_err(message)
    }

    fn post(&self, id: &str) -> Result<Value, String> {
        self.call(id, POST, answer("Tea."))
    }

    /// Starts calls at once; what came of each.
    fn together(&self, calls: &[(&str, &str, Value)]) -> Vec<Result<Value, String>> {
        let calls = calls
            .iter()
            .map(|(id, method, arguments)| self.start(id, method, arguments.clone()));
        let ended = self.world.run(join_all(calls));
        let ended = ended.into_iter();
        ended.map(|end| end.map(value).map_err(message)).collect()
    }

    fn pass_ms(&self, duration_ms: u64) {
        self.world.run(self.world.sleep(duration_ms));
    }

    /// The methods that Slack was called for.
    fn called(&self) -> Vec<String> {
        let journal = self.world.take_journal();
        let calls = journal.iter().filter(|line| !line.starts_with("failure"));
        calls
            .filter_map(|line| line.split(' ').next().map(str::to_owned))
            .collect()
    }

    fn elapsed_ms(&self) -> u64 {
        self.world.elapsed_ms()
    }
}

fn answer(text: &str) -> Value {
    json!({ "channel": "C123", "thread_ts": THREAD, "text": text })
}

fn update(ts: &str, text: &str) -> Value {
    json!({ "channel": "C123", "ts": ts, "text": text })
}

fn value(argument: Argument) -> Value {
    argument.to_json().unwrap()
}

fn message(error: CallError) -> String {
    assert_eq!(error.code(), Some(FAILED), "{error}");
    error.to_string()
}

fn limit(headers: &str, body: &str) -> Answer {
    Answer::status("429 Too Many Requests", headers, body)
}

/// Ways in which a call that took effect fails without a word about that.
fn doubts() -> Vec<Answer> {
    vec![
        // P1.
        Answer::Cut,
        // P2.
        Answer::status("500 Internal Server Error", "", ""),
        refused("internal_error"),
        refused("fatal_error"),
        // P3.
        Answer::Silence,
        // P13.
        Answer::json("{\"ok\":tr"),
        Answer::json("<html>One moment, please.</html>"),
    ]
}

#[test]
fn a_post_is_made_once_its_thread_was_seen() {
    let bench = Bench::new();
    let reply = bench.post("f1").unwrap();
    assert_eq!(reply["ok"], true);
    assert_eq!(reply["ts"], "1772136300.000001");
    assert_eq!(bench.called(), [REPLIES, POST]);
    assert_eq!(bench.workspace.texts(), ["Tea."]);
    let request = bench.platform.slack.requests.borrow()[1].clone();
    assert!(request.contains("\"codemode_function_call\":\"f1/0\""));
}

#[test]
fn p1_p2_p3_p13_a_post_that_stands_is_found_and_not_made_again() {
    for doubt in doubts() {
        let bench = Bench::new().fate(POST, Fate::After(doubt.clone()));
        let reply = bench.post("f1").unwrap();
        assert_eq!(reply["ts"], "1772136300.000001", "{doubt:?}");
        assert_eq!(reply["channel"], "C123");
        assert_eq!(bench.workspace.texts(), ["Tea."], "{doubt:?}");
    }
}

#[test]
fn p4_a_post_that_does_not_stand_is_made_again_when_it_would_show() {
    for doubt in doubts() {
        let bench = Bench::new().fate(POST, Fate::Instead(doubt.clone()));
        assert_eq!(bench.post("f1").unwrap()["ok"], true);
        assert_eq!(bench.workspace.texts(), ["Tea."], "{doubt:?}");
        assert!(bench.elapsed_ms() >= 15_000, "{doubt:?}");
    }
}

#[test]
fn p11_a_post_that_shows_late_is_not_made_again() {
    let bench = Bench::new().fate(POST, Fate::Hidden(10_000, Answer::Cut));
    bench.post("f1").unwrap();
    assert_eq!(bench.workspace.texts(), ["Tea."]);
    let called = bench.called();
    let posts = called.iter().filter(|method| *method == POST);
    assert_eq!(posts.count(), 1, "{called:?}");
}

#[test]
fn p12_a_post_is_found_on_whatever_page_it_is() {
    for page in [1, 0] {
        let bench = Bench::new().fate(POST, Fate::After(Answer::Cut));
        for id in ["a", "b", "c"] {
            bench.post(id).unwrap();
        }
        bench.workspace.page.set(page);
        bench.workspace.fate(POST, Fate::After(Answer::Cut));
        bench.post("f1").unwrap();
        assert_eq!(bench.workspace.texts().len(), 4);
    }
}

#[test]
fn p12_an_expired_cursor_begins_the_look_anew() {
    let bench = Bench::new();
    bench.post("a").unwrap();
    bench.workspace.page.set(1);
    let bench = bench.fate(POST, Fate::After(Answer::Cut));
    // The thread is seen on its first page; of the look for the post this is the second.
    let first = json!({ "messages": [], "response_metadata": { "next_cursor": "1" } });
    let bench = bench
        .fate(
            REPLIES,
            Fate::After(ok(json!({ "messages": [{ "ts": THREAD }] }))),
        )
        .fate(REPLIES, Fate::Instead(ok(first)))
        .fate(REPLIES, Fate::Instead(refused("invalid_cursor")));
    bench.post("f1").unwrap();
    assert_eq!(bench.workspace.texts().len(), 2);
}

#[test]
fn p5_p6_a_limit_is_waited_for() {
    for (answer, wait_ms) in [
        (limit("retry-after: 30\r\n", "{\"ok\":false}"), 30_000),
        (limit("retry-after: 1\r\n", ""), 1_000),
        (
            limit("", "{\"ok\":false,\"error\":\"ratelimited\"}"),
            10_000,
        ),
    ] {
        let bench = Bench::new().fate(POST, Fate::Instead(answer.clone()));
        bench.post("f1").unwrap();
        assert_eq!(bench.workspace.texts(), ["Tea."]);
        assert_eq!(bench.elapsed_ms(), wait_ms, "{answer:?}");
    }
}

#[test]
fn a_limit_holds_for_its_method_only() {
    let bench = Bench::new().fate(POST, Fate::Instead(limit("retry-after: 30\r\n", "")));
    let ended = bench.together(&[
        ("f1", POST, answer("Tea.")),
        ("f2", POST, json!({ "channel": "C2", "text": "Tea." })),
        ("f3", "users.info", json!({ "user": "U1" })),
    ]);
    assert!(ended.iter().all(Result::is_ok), "{ended:?}");
    let called = bench.called();
    let users = called.iter().position(|method| method == "users.info");
    assert!(users.unwrap() < called.len() - 1, "{called:?}");
    assert_eq!(bench.elapsed_ms(), 30_000);
}

#[test]
fn p15_posts_in_a_channel_keep_a_pace() {
    let bench = Bench::new();
    let calls = ["f1", "f2", "f3"].map(|id| (id, POST, answer(id)));
    bench.together(&calls);
    assert_eq!(bench.workspace.texts(), ["f1", "f2", "f3"]);
    assert_eq!(bench.elapsed_ms(), 2_000);
}

#[test]
fn p10_a_refusal_is_final_and_said() {
    for error in [
        "not_in_channel",
        "is_archived",
        "channel_not_found",
        "token_revoked",
        "missing_scope",
    ] {
        let bench = Bench::new().fate(POST, Fate::Instead(refused(error)));
        assert_eq!(bench.post("f1"), Err(format!("slack refused: {error}")));
        assert_eq!(bench.called(), [REPLIES, POST]);
        let bench = Bench::new().fate(REPLIES, Fate::Instead(refused(error)));
        assert_eq!(bench.post("f1"), Err(format!("slack refused: {error}")));
        assert_eq!(bench.called(), [REPLIES]);
    }
}

#[test]
fn nothing_is_posted_into_a_thread_that_is_gone() {
    let bench = Bench::new();
    bench.workspace.messages.borrow_mut()[0].ts = "1772136200.000000".to_owned();
    assert_eq!(
        bench.post("f1"),
        Err("slack: the thread is gone".to_owned())
    );
    assert!(bench.workspace.texts().is_empty());
}

#[test]
fn a_look_that_fails_is_repeated() {
    let failures = [
        Answer::Cut,
        limit("retry-after: 5\r\n", ""),
        refused("fatal_error"),
    ];
    let bench = failures.into_iter().fold(Bench::new(), |bench, failure| {
        bench.fate(REPLIES, Fate::Instead(failure))
    });
    bench.post("f1").unwrap();
    assert_eq!(bench.workspace.texts(), ["Tea."]);
}

#[test]
fn what_cannot_be_found_out_is_not_posted_again() {
    let mut bench = Bench::new().fate(POST, Fate::After(Answer::Cut));
    let root = ok(json!({ "messages": [{ "ts": THREAD }] }));
    bench = bench.fate(REPLIES, Fate::Instead(root));
    for _ in 0..11 {
        bench = bench.fate(REPLIES, Fate::Instead(refused("missing_scope")));
    }
    let error = bench.post("f1").unwrap_err();
    assert!(error.contains("missing_scope"), "{error}");
    assert!(error.ends_with("whether the message was posted is not known"));
    assert_eq!(bench.workspace.texts(), ["Tea."]);
}

#[test]
fn a_post_is_given_up_when_its_time_is_up() {
    let bench = (0..8).fold(Bench::new(), |bench, _| {
        bench.fate(POST, Fate::Instead(Answer::Silence))
    });
    let given_up = Err("slack: not posted, and its time is up".to_owned());
    assert_eq!(bench.post("f1"), given_up);
    assert!(bench.workspace.texts().is_empty());
    assert!((50_000..60_000).contains(&bench.elapsed_ms()));
    bench.pass_ms(300_000);
    bench.crash();
    assert_eq!(bench.post("f1"), given_up, "and nothing comes later");
    assert!(bench.workspace.texts().is_empty());
}

#[test]
fn what_was_left_open_for_too_long_is_looked_for_and_not_made() {
    for (fate, outcome) in [
        (Fate::After(Answer::Silence), Ok(true.into())),
        (
            Fate::Instead(Answer::Silence),
            Err("slack: not posted, and its time is up".to_owned()),
        ),
    ] {
        let bench = Bench::new().fate(POST, fate);
        crashed_after(2, &bench);
        bench.world.crash();
        bench.pass_ms(60_000);
        bench.crash();
        let posted = bench.post("f1").map(|reply| reply["ok"].clone());
        assert_eq!(posted, outcome);
    }
}

#[test]
fn a_message_of_its_own_is_looked_for_in_the_channel() {
    for (fate, posts) in [
        (Fate::After(Answer::Cut), 1),
        (Fate::Instead(Answer::Cut), 2),
    ] {
        let bench = Bench::new().fate(POST, fate);
        let reply = bench.call("f1", POST, json!({ "channel": "C123", "text": "Tea." }));
        assert_eq!(reply.unwrap()["ok"], true);
        assert_eq!(bench.workspace.texts(), ["Tea."]);
        let called = bench.called();
        assert!(called.contains(&"conversations.history".to_owned()));
        let of_posts = called.iter().filter(|method| *method == POST);
        assert_eq!(of_posts.count(), posts);
    }
}

#[test]
fn a_call_that_is_made_again_is_the_same_call() {
    let bench = Bench::new();
    let at_once = bench.together(&[("f1", POST, answer("Tea.")), ("f1", POST, answer("Tea."))]);
    assert_eq!(at_once[0], at_once[1]);
    assert_eq!(bench.post("f1"), at_once[0]);
    bench.crash();
    assert_eq!(bench.post("f1"), at_once[0]);
    assert_eq!(bench.workspace.texts(), ["Tea."]);
    let refusal = Bench::new().fate(POST, Fate::Instead(refused("is_archived")));
    assert_eq!(refusal.post("f1"), refusal.post("f1"));
    assert_eq!(refusal.called().len(), 2);
}

#[test]
fn an_outcome_is_remembered_for_a_day() {
    let bench = Bench::new();
    bench.post("f1").unwrap();
    bench.pass_ms(23 * 60 * 60 * 1_000);
    bench.post("f2").unwrap();
    bench.post("f1").unwrap();
    assert_eq!(bench.workspace.texts().len(), 2);
    bench.pass_ms(2 * 60 * 60 * 1_000);
    bench.post("f3").unwrap();
    let remembered = SlackTools::new(context(&bench.platform));
    *bench.tools.borrow_mut() = remembered;
    bench.post("f1").unwrap();
    assert_eq!(bench.workspace.texts().len(), 4, "f1 is forgotten by then");
}

/// Lets a call run until Slack was called so often, and then the object dies.
fn crashed_after(calls: usize, bench: &Bench) {
    let reply = bench.start("f1", POST, answer("Tea."));
    bench.world.spawn(Box::pin(async move {
        let _ = reply.await;
    }));
    while bench.platform.slack.requests.borrow().len() < calls {
        bench.pass_ms(1);
    }
    bench.crash();
}

#[test]
fn a_post_that_was_under_way_when_the_object_died_is_found() {
    let bench = Bench::new().fate(POST, Fate::Hidden(8_000, Answer::Silence));
    crashed_after(2, &bench);
    bench.pass_ms(60_000);
    assert_eq!(bench.workspace.texts(), ["Tea."]);
    assert_eq!(bench.post("f1").unwrap()["ts"], "1772136300.000001");
    assert_eq!(bench.workspace.texts(), ["Tea."]);
}

#[test]
fn a_post_that_had_not_begun_when_the_object_died_is_made() {
    let bench = Bench::new().fate(REPLIES, Fate::Instead(Answer::Silence));
    crashed_after(1, &bench);
    bench.pass_ms(5_000);
    assert_eq!(bench.workspace.texts(), ["Tea."], "nobody called again");
    bench.post("f1").unwrap();
    assert_eq!(bench.workspace.texts(), ["Tea."]);
}

#[test]
fn what_was_begun_keeps_an_alarm() {
    use runtime::platform::Store;
    let bench = Bench::new().fate(POST, Fate::Instead(Answer::Silence));
    crashed_after(2, &bench);
    assert!(bench.platform.rows.alarm().is_some());
}

#[test]
fn what_the_storage_refuses_has_not_begun() {
    let bench = Bench::new();
    bench.platform.rows.refuses.set(1);
    let refused = bench.world.run(bench.start("f1", POST, answer("Tea.")));
    assert!(refused.unwrap_err().is_transient());
    assert!(bench.called().is_empty());
    bench.post("f1").unwrap();
    assert_eq!(bench.workspace.texts(), ["Tea."]);
}

#[test]
fn a_write_that_is_refused_meanwhile_is_tried_again() {
    for taken in 1..4 {
        let bench = Bench::new();
        let reply = bench.start("f1", POST, answer("Tea."));
        let rows = bench.platform.rows.clone();
        let world = bench.world.clone();
        let outcome = bench.world.run(async move {
            let refusals = async {
                for _ in 0..taken {
                    world.sleep(0).await;
                }
                rows.refuses.set(2);
            };
            futures_util::future::join(reply, refusals).await.0
        });
        assert_eq!(value(outcome.unwrap())["ok"], true);
        assert_eq!(bench.workspace.texts(), ["Tea."]);
        bench.crash();
        bench.platform.rows.refuses.set(0);
        bench.post("f1").unwrap();
        assert_eq!(bench.workspace.texts(), ["Tea."]);
    }
}

#[test]
fn p5_updates_that_wait_are_made_as_one() {
    let bench = Bench::new();
    let ts = bench.post("f0").unwrap()["ts"].as_str().unwrap().to_owned();
    bench.called();
    bench
        .workspace
        .fate(UPDATE, Fate::Instead(limit("retry-after: 5\r\n", "")));
    let calls = ["one", "two", "three"].map(|text| (text, UPDATE, update(&ts, text)));
    let ended = bench.together(&calls);
    assert_eq!(ended[0].as_ref().unwrap()["superseded"], true);
    assert_eq!(ended[1].as_ref().unwrap()["superseded"], true);
    assert_eq!(
        ended[2],
        Ok(json!({ "ok": true, "channel": "C123", "ts": ts }))
    );
    assert_eq!(bench.workspace.texts(), ["three"]);
    assert!(bench.called().len() <= 2);
}

#[test]
fn p7_no_update_overtakes_one_that_may_be_under_way() {
    let bench = Bench::new();
    let ts = bench.post("f0").unwrap()["ts"].as_str().unwrap().to_owned();
    let before_ms = bench.elapsed_ms();
    bench.workspace.fate(UPDATE, Fate::Instead(Answer::Silence));
    bench.together(&[("f1", UPDATE, update(&ts, "one"))]);
    assert_eq!(bench.workspace.texts(), ["one"]);
    assert_eq!(bench.elapsed_ms() - before_ms, 10_000 + 15_000);
    // The same, and the object dies while the first is under way.
    bench.workspace.fate(UPDATE, Fate::Instead(Answer::Silence));
    let reply = bench.start("f2", UPDATE, update(&ts, "two"));
    bench
        .world
        .spawn(Box::pin(async move { drop(reply.await) }));
    bench.pass_ms(10);
    bench.crash();
    let died_ms = bench.elapsed_ms();
    let newer = bench.call("f3", UPDATE, update(&ts, "three"));
    assert_eq!(newer.unwrap()["ok"], true);
    assert_eq!(bench.elapsed_ms() - died_ms, 15_000);
    assert_eq!(
        bench.call("f2", UPDATE, update(&ts, "two")).unwrap()["superseded"],
        true
    );
    assert_eq!(bench.workspace.texts(), ["three"]);
}

#[test]
fn p8_a_message_that_is_gone_or_too_old_is_posted_anew_and_updated_there() {
    for error in ["message_not_found", "edit_window_closed"] {
        let bench = Bench::new();
        let ts = bench.post("f0").unwrap()["ts"].as_str().unwrap().to_owned();
        bench.workspace.fate(UPDATE, Fate::Instead(refused(error)));
        bench.workspace.fate(POST, Fate::After(Answer::Cut));
        let anew = bench.call("f1", UPDATE, update(&ts, "one")).unwrap();
        assert_eq!(anew["ts"], "1772136300.000002");
        assert_eq!(bench.workspace.texts(), ["Tea.", "one"]);
        let thread_ts = bench.workspace.messages.borrow()[2].thread_ts.clone();
        assert_eq!(thread_ts.as_deref(), Some(THREAD));
        for at in [ts.as_str(), "1772136300.000002"] {
            bench.crash();
            let later = bench.call(&format!("f2 {at}"), UPDATE, update(at, "two"));
            assert_eq!(later.unwrap()["ts"], "1772136300.000002");
            assert_eq!(bench.workspace.texts(), ["Tea.", "two"]);
        }
    }
}

#[test]
fn p8_a_message_that_nobody_knows_cannot_be_posted_anew() {
    let bench = Bench::new();
    let refused = bench.call("f1", UPDATE, update("1772136299.000001", "one"));
    assert_eq!(refused, Err("slack refused: message_not_found".to_owned()));
    assert!(bench.workspace.texts().is_empty());
}

#[test]
fn p8_long_texts_are_posted_in_pieces() {
    let bench = Bench::new().fate(POST, Fate::After(Answer::Cut));
    let long = "a".repeat(40_001);
    let reply = bench.call("f1", POST, answer(&long)).unwrap();
    let pieces = json!(["1772136300.000001", "1772136300.000002"]);
    assert_eq!(reply["pieces"], pieces);
    assert_eq!(bench.workspace.texts().concat(), long);
    let ts = reply["ts"].as_str().unwrap();
    let long = "b".repeat(4_001);
    let reply = bench.call("f2", UPDATE, update(ts, &long)).unwrap();
    assert_eq!(reply["pieces"], json!([ts, "1772136300.000003"]));
    assert_eq!(bench.workspace.texts()[0].len(), 4_000);
    let last = bench.workspace.messages.borrow()[3].clone();
    assert_eq!(
        (last.text.as_str(), last.thread_ts.as_deref()),
        ("b", Some(THREAD))
    );
}

#[test]
fn p9_what_is_so_already_is_a_success() {
    let reaction = json!({ "channel": "C123", "name": "eyes", "timestamp": THREAD });
    for (method, error) in [
        ("reactions.add", "already_reacted"),
        ("reactions.remove", "no_reaction"),
        ("chat.delete", "message_not_found"),
    ] {
        let bench = Bench::new()
            .fate(method, Fate::After(Answer::Cut))
            .fate(method, Fate::Instead(refused(error)));
        assert_eq!(
            bench.call("f1", method, reaction.clone()),
            Ok(json!({ "ok": true }))
        );
    }
    let bench = Bench::new().fate("reactions.add", Fate::Instead(refused("invalid_name")));
    let refused = bench.call("f1", "reactions.add", reaction);
    assert_eq!(refused, Err("slack refused: invalid_name".to_owned()));
}

#[test]
fn p14_a_status_that_fails_is_set_again() {
    let method = "assistant.threads.setStatus";
    let bench = Bench::new()
        .fate(method, Fate::Instead(Answer::Silence))
        .fate(method, Fate::Instead(limit("retry-after: 3\r\n", "")));
    let status = json!({ "channel_id": "C123", "thread_ts": THREAD, "status": "" });
    bench.call("f1", method, status).unwrap();
    assert_eq!(bench.called(), [method, method, method]);
}

#[test]
fn what_nobody_knows_to_be_harmless_is_called_once() {
    let method = "chat.postEphemeral";
    for doubt in doubts() {
        let bench = Bench::new().fate(method, Fate::After(doubt));
        let error = bench.call("f1", method, json!({})).unwrap_err();
        assert!(error.ends_with("whether the call took effect is not known"));
        assert_eq!(bench.call("f1", method, json!({})), Err(error));
        assert_eq!(bench.called(), [method]);
    }
    let limited = limit("retry-after: 3\r\n", "");
    let bench = Bench::new().fate(method, Fate::Instead(limited));
    assert_eq!(
        bench.call("f1", method, json!({})),
        Ok(json!({ "ok": true }))
    );
}

#[test]
fn what_was_called_once_when_the_object_died_is_not_called_again() {
    let bench = Bench::new().fate("chat.postEphemeral", Fate::After(Answer::Silence));
    let reply = bench.start("f1", "chat.postEphemeral", json!({}));
    bench
        .world
        .spawn(Box::pin(async move { drop(reply.await) }));
    bench.pass_ms(10);
    bench.crash();
    let error = bench
        .call("f1", "chat.postEphemeral", json!({}))
        .unwrap_err();
    assert!(error.contains("interrupted"), "{error}");
    assert_eq!(bench.called(), ["chat.postEphemeral"]);
}

#[test]
fn a_call_without_an_object_of_arguments_is_refused() {
    let bench = Bench::new();
    let call = Arguments::new()
        .json("args", ["C123", "Tea."])
        .json("functionCallId", "f1")
        .json("functionPath", ["chat", "postMessage"]);
    let refused = bench.world.run(bench.tools.borrow().call(&call));
    let error = refused.unwrap_err().to_string();
    assert_eq!(
        error,
        "slack.chat.postMessage takes one object of arguments"
    );
    let error = bench
        .call("f2", UPDATE, json!({ "channel": "C123" }))
        .unwrap_err();
    assert_eq!(error, "slack.chat.update needs a channel and a ts");
    assert!(bench.called().is_empty());
}
