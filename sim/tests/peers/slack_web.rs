//! The Web API: methods, their own errors, and the workspace behind them.

use crate::{
    raw_http::exchange,
    reference::check_slack_keys,
    slack_app::{call, called, App},
    world::{run, slack_address, Setup, World},
};
use serde_json::{json, Value};
use sim::{peers::slack::SlackFact, time};

/// A call without any token or body of its own making.
async fn raw(request_line: &str, headers: &str, body: &str) -> Value {
    let length = body.len();
    let request = format!(
        "{request_line} HTTP/1.1\r\nhost: slack\r\nconnection: close\r\n{headers}\
         content-length: {length}\r\n\r\n{body}"
    );
    let reply = exchange(slack_address(), request.as_bytes(), None).await;
    reply.unwrap().json()
}

#[test]
fn the_token_is_checked_and_may_come_in_a_form() {
    run(Setup::default(), |_: World| async {
        let form = "content-type: application/x-www-form-urlencoded\r\n";
        let json = "content-type: application/json\r\n";
        let token = "token=xoxb-test-000";
        let in_json = r#"{"token":"xoxb-test-000"}"#;
        for (line, headers, body, error) in [
            ("POST /api/auth.test", "", "", Some("not_authed")),
            (
                "POST /api/auth.test",
                form,
                "token=xoxb-no",
                Some("invalid_auth"),
            ),
            ("POST /api/auth.test", json, in_json, Some("not_authed")),
            ("POST /api/auth.test", form, token, None),
            ("GET /api/auth.test?token=xoxb-test-000", "", "", None),
            ("POST /api/no.such", form, token, Some("unknown_method")),
        ] {
            let reply = raw(line, headers, body).await;
            assert_eq!(reply["error"].as_str(), error, "{line} {body}");
            assert_eq!(reply["ok"], error.is_none());
        }
    });
}

#[test]
fn replies_have_no_key_that_slack_does_not_have() {
    run(Setup::default(), |world: World| async move {
        let _app = App::start(&[]).await;
        let parent = world.slack.post("C123", "U123", "question", None);
        let body = called("auth.test", json!({})).await;
        check_slack_keys("auth.test", "", &body);
        let arguments = json!({"channel": "C123", "text": "answer", "thread_ts": parent});
        let posted = called("chat.postMessage", arguments).await;
        check_slack_keys("chat.postMessage", "", &posted);
        check_slack_keys("chat.postMessage", "/message", &posted["message"]);
        let arguments = json!({"channel": "C123", "ts": posted["ts"], "text": "better"});
        let updated = called("chat.update", arguments).await;
        check_slack_keys("chat.update", "", &updated);
        check_slack_keys("chat.update", "/message", &updated["message"]);
        assert_eq!(updated["ts"], posted["ts"]);
        let arguments = json!({"channel": "C123", "timestamp": parent, "name": "eyes"});
        let added = called("reactions.add", arguments).await;
        check_slack_keys("reactions.add", "", &added);
        let arguments = json!({"channel": "C123", "ts": posted["ts"]});
        let thread = called("conversations.replies", arguments).await;
        check_slack_keys("conversations.replies", "", &thread);
        let messages = thread["messages"].as_array().unwrap();
        for message in messages {
            check_slack_keys("conversations.replies", "/messages/0", message);
        }
        let texts: Vec<_> = messages.iter().map(|message| &message["text"]).collect();
        assert_eq!(texts, ["question", "better"]);
        assert_eq!(messages[0]["reactions"][0]["name"], "eyes");
        assert_eq!(messages[0]["reply_count"], 1);
        assert!(messages[1]["edited"]["ts"].is_string());
        let arguments = json!({"channel_id": "C123", "thread_ts": parent, "status": "thinks"});
        let set = called("assistant.threads.setStatus", arguments).await;
        check_slack_keys("assistant.threads.setStatus", "", &set);
    });
}

#[test]
fn each_method_names_its_own_errors() {
    run(Setup::default(), |world: World| async move {
        let _app = App::start(&[]).await;
        let ts = world.slack.post("C123", "U123", "mine", None);
        let gone = "1.000001";
        for (method, arguments, error) in [
            (
                "chat.postMessage",
                json!({"channel": "C9", "text": "x"}),
                "channel_not_found",
            ),
            ("chat.postMessage", json!({"channel": "C123"}), "no_text"),
            (
                "chat.update",
                json!({"channel": "C123", "ts": gone, "text": "x"}),
                "message_not_found",
            ),
            (
                "chat.update",
                json!({"channel": "C123", "ts": ts, "text": "x"}),
                "cant_update_message",
            ),
            (
                "chat.delete",
                json!({"channel": "C123", "ts": gone}),
                "message_not_found",
            ),
            (
                "chat.delete",
                json!({"channel": "C123", "ts": ts}),
                "cant_delete_message",
            ),
            (
                "reactions.add",
                json!({"channel": "C123", "name": "eyes"}),
                "no_item_specified",
            ),
            (
                "reactions.add",
                json!({"channel": "C123", "name": "eyes", "timestamp": gone}),
                "message_not_found",
            ),
            (
                "reactions.add",
                json!({"channel": "C123", "name": ":eyes:", "timestamp": ts}),
                "invalid_name",
            ),
            (
                "reactions.remove",
                json!({"channel": "C123", "name": "eyes", "timestamp": ts}),
                "no_reaction",
            ),
            (
                "conversations.replies",
                json!({"channel": "C123", "ts": gone}),
                "thread_not_found",
            ),
            (
                "conversations.history",
                json!({"channel": "C123", "cursor": "no"}),
                "invalid_cursor",
            ),
            (
                "conversations.history",
                json!({"channel": "C9"}),
                "channel_not_found",
            ),
            (
                "conversations.info",
                json!({"channel": "C9"}),
                "channel_not_found",
            ),
            ("users.info", json!({"user": "U9"}), "user_not_found"),
            (
                "assistant.threads.setStatus",
                json!({"channel_id": "C9", "thread_ts": ts}),
                "channel_not_found",
            ),
        ] {
            let reply = call(method, arguments).await.unwrap();
            assert_eq!(reply.status(), 200);
            assert_eq!(
                reply.json(),
                json!({"ok": false, "error": error}),
                "{method}"
            );
        }
        let ledger = world.slack.ledger();
        let applied = ledger
            .iter()
            .filter(|entry| matches!(entry.what, SlackFact::Applied { .. }));
        assert_eq!(applied.count(), 0);
    });
}

#[test]
fn history_is_newest_first_and_comes_in_pages() {
    run(Setup::default(), |world: World| async move {
        let _app = App::start(&[]).await;
        let all: Vec<String> = ["a", "b", "c", "d", "e"]
            .iter()
            .map(|text| world.slack.post("C123", "U123", text, None))
            .collect();
        world
            .slack
            .post("C123", "U123", "in a thread", Some(&all[0]));
        let mut texts = Vec::new();
        let mut cursor = json!("");
        let mut pages = 0;
        loop {
            let arguments = json!({"channel": "C123", "limit": 2, "cursor": cursor});
            let page = called("conversations.history", arguments).await;
            let messages = page["messages"].as_array().unwrap();
            texts.extend(messages.iter().map(|message| message["text"].clone()));
            pages += 1;
            cursor = page["response_metadata"]["next_cursor"].clone();
            if page["has_more"] == false {
                break;
            }
        }
        assert_eq!(texts, ["e", "d", "c", "b", "a"]);
        assert_eq!(pages, 3);
        let arguments = json!({"channel": "C123", "oldest": all[1], "latest": all[3]});
        let page = called("conversations.history", arguments).await;
        assert_eq!(page["messages"].as_array().unwrap().len(), 1);
    });
}

/// P12: what is written between two pages is neither lost nor shown twice.
#[test]
fn replies_are_oldest_first_and_come_in_pages_between_which_people_write() {
    run(Setup::default(), |world: World| async move {
        let _app = App::start(&[]).await;
        let root = world.slack.post("C123", "U123", "root", None);
        let reply = |text: &str| world.slack.post("C123", "U456", text, Some(&root));
        let any_of_the_thread = ["a", "b", "c"].map(reply)[1].clone();
        world.slack.post("C123", "U123", "elsewhere", None);
        let mut pages = Vec::new();
        let mut cursor = String::new();
        loop {
            let look =
                json!({"channel": "C123", "ts": any_of_the_thread, "limit": 2, "cursor": cursor});
            let page = called("conversations.replies", look).await;
            let messages = page["messages"].as_array().unwrap();
            pages.push(
                messages
                    .iter()
                    .map(|it| it["text"].clone())
                    .collect::<Vec<_>>(),
            );
            if pages.len() == 1 {
                reply("meanwhile");
            }
            if page["has_more"] == false {
                assert_eq!(page.get("response_metadata"), None);
                break;
            }
            let next = page["response_metadata"]["next_cursor"].as_str().unwrap();
            assert!(next.ends_with('='), "it needs escaping, as real ones do");
            cursor = next.to_owned();
        }
        assert_eq!(
            pages,
            [vec!["root", "a"], vec!["b", "c"], vec!["meanwhile"]]
        );
    });
}

#[test]
fn a_long_text_is_cut_in_a_post_and_refused_in_an_update() {
    run(Setup::default(), |world: World| async move {
        let _app = App::start(&[]).await;
        let text = |chars| "\u{e9}".repeat(chars);
        let post = json!({"channel": "C123", "text": text(40_001)});
        let ts = called("chat.postMessage", post).await["ts"].clone();
        assert_eq!(world.slack.messages()[0].text, text(40_000));
        let update = |chars| json!({"channel": "C123", "ts": ts, "text": text(chars)});
        let refused = called("chat.update", update(4_001)).await;
        assert_eq!(refused, json!({"ok": false, "error": "msg_too_long"}));
        assert_eq!(called("chat.update", update(4_000)).await["ok"], true);
        assert_eq!(world.slack.messages()[0].text, text(4_000));
    });
}

#[test]
fn a_ts_is_unique_and_grows_within_its_channel() {
    run(Setup::default(), |world: World| async move {
        let _app = App::start(&[]).await;
        let all: Vec<String> = (0..100)
            .map(|_| world.slack.post("C123", "U123", "same moment", None))
            .collect();
        assert!(all.windows(2).all(|pair| pair[0] < pair[1]));
        assert!(all[0].starts_with("1772136000."));
        assert!(all.iter().all(|ts| ts.len() == 17));
    });
}

#[test]
fn a_status_disappears_with_a_post_or_after_two_minutes() {
    run(Setup::default(), |world: World| async move {
        let _app = App::start(&[]).await;
        let ts = world.slack.post("C123", "U123", "question", None);
        let set = json!({"channel_id": "C123", "thread_ts": ts, "status": "thinks"});
        let status_at = |now_ms: u64| {
            let workspace = world.slack.workspace();
            let channel = workspace.channel("C123").unwrap();
            channel.status(&ts, now_ms).map(str::to_owned)
        };
        called("assistant.threads.setStatus", set.clone()).await;
        let now_ms = time::since_start_ms();
        assert_eq!(status_at(now_ms).as_deref(), Some("thinks"));
        assert_eq!(status_at(now_ms + 120_001), None);
        let post = json!({"channel": "C123", "thread_ts": ts, "text": "answer"});
        called("chat.postMessage", post).await;
        assert_eq!(status_at(now_ms), None);
    });
}

#[test]
fn client_msg_ids_tell_posts_apart_only_where_that_is_on() {
    for (is_on, messages) in [(false, 2), (true, 1)] {
        let mut setup = Setup::default();
        setup.slack.dedup_client_msg_ids = is_on;
        run(setup, move |world: World| async move {
            let post = json!({"channel": "C123", "text": "hello", "client_msg_id": "m1"});
            let first = called("chat.postMessage", post.clone()).await;
            let second = called("chat.postMessage", post).await;
            assert_eq!(first["ts"] == second["ts"], is_on);
            assert_eq!(world.slack.messages().len(), messages);
        });
    }
}
