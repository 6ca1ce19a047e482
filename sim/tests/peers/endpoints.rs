//! Every endpoint of the services, whether or not there is a recorded request for it: asked in whole
//! requests and in pieces of one byte it answers the same, and as the published shapes have it.

use crate::{
    event_stream::{EventStream, SentEvent},
    http_client::question,
    openai_client::{said, types},
    raw_http::{exchange, BodyEnd},
    reference::{check_slack_keys, Shape},
    slack_app::App,
    world::{run, slack_address, Setup, World},
};
use serde_json::{json, Value};

const PIECES: [Option<usize>; 2] = [None, Some(1)];

fn in_pieces(piece_bytes: Option<usize>) -> Setup {
    Setup {
        piece_bytes,
        ..Setup::default()
    }
}

/// What each endpoint of OpenAI over HTTP answers, in this order.
async fn ask_openai(world: World) -> Vec<Value> {
    let mut answers = vec![world.response(question("Hello", json!({}))).await];
    let id = answers[0]["id"].as_str().unwrap().to_owned();
    let stream = json!({"stream": true, "background": true});
    let events = world.streamed(question("Hello", stream)).await;
    assert_eq!(said(&events), "You said: Hello");
    assert_eq!(types(&events).last(), Some(&"response.completed"));
    let streamed = events[0]["response"]["id"].as_str().unwrap();
    let resumed = format!("/{streamed}?stream=true&starting_after=3");
    let wire = world.openai_sent("GET", &resumed, None).await;
    let (rest, end) = world.stream_of(wire).await.rest().await;
    assert_eq!(
        (world.checked(&rest), end),
        (events[4..].to_vec(), BodyEnd::Whole)
    );
    let input = json!([
        {"type": "message", "role": "user", "content": "one"},
        {"type": "message", "role": "assistant", "content": "two"},
    ]);
    let context = question("", json!({ "input": input }));
    for (method, path, body, status) in [
        ("GET", format!("/{id}"), None, 200),
        ("GET", format!("/{id}/input_items"), None, 200),
        ("POST", format!("/{streamed}/cancel"), None, 200),
        (
            "POST",
            "/input_tokens".to_owned(),
            Some(context.clone()),
            200,
        ),
        ("POST", "/compact".to_owned(), Some(context), 200),
        ("DELETE", format!("/{id}"), None, 200),
        ("GET", format!("/{id}"), None, 404),
        ("POST", format!("/{id}/cancel"), None, 404),
        ("POST", "/no/such".to_owned(), None, 404),
        ("POST", String::new(), Some(json!({"model": 5})), 400),
    ] {
        let reply = world.openai_http(method, &path, body).await;
        assert_eq!(reply.status(), status, "{method} {path}");
        let answer = reply.json();
        match status {
            200 if answer["object"] == "response" && answer.get("deleted").is_none() => {
                world.sent.push(Shape::Response, answer.clone());
            }
            // Of lists, of tokens and of what was compacted or deleted there is no schema.
            200 => {}
            _ => world.sent.push(Shape::Error, answer["error"].clone()),
        }
        answers.push(answer);
    }
    assert_eq!(answers[0], answers[1], "it is fetched as it was sent");
    answers.into_iter().map(timeless).collect()
}

/// Without the time, of which a request in pieces takes more.
fn timeless(mut answer: Value) -> Value {
    match &mut answer {
        Value::Object(fields) => {
            fields.retain(|name, _| {
                !["created", "created_at", "completed_at"].contains(&name.as_str())
            });
            fields
                .values_mut()
                .for_each(|field| *field = timeless(field.take()));
        }
        Value::Array(items) => items
            .iter_mut()
            .for_each(|item| *item = timeless(item.take())),
        _ => {}
    }
    answer
}

#[test]
fn openai_answers_the_same_however_it_is_asked() {
    let [whole, pieces] = PIECES.map(|piece_bytes| run(in_pieces(piece_bytes), ask_openai));
    assert_eq!(whole, pieces);
}

/// What each endpoint of Workers AI answers.
async fn ask_workers_ai(world: World) -> Vec<Value> {
    let llama = "@cf/meta/llama-3.1-8b-instruct";
    let kimi = "@cf/moonshotai/kimi-k2.5";
    let input = json!({"messages": [{"role": "user", "content": "Hello"}]});
    let chat = json!({"model": kimi, "messages": input["messages"]});
    let mut answers = Vec::new();
    for (path, body) in [
        (format!("run/{llama}"), input.clone()),
        (format!("run/{kimi}"), input.clone()),
        ("run".to_owned(), json!({"model": llama, "input": input})),
        ("v1/chat/completions".to_owned(), chat),
        (format!("run/{llama}"), json!({})),
        ("walk".to_owned(), json!({})),
    ] {
        let reply = world.workers_ai(&path, &body).await;
        answers.push(json!([reply.status(), reply.json()]));
        if reply.status() != 200 {
            continue;
        }
        let mut body = body;
        let streams = if path == "run" {
            &mut body["input"]
        } else {
            &mut body
        };
        streams["stream"] = true.into();
        let mut wire = world.workers_ai_sent(&path, "", &body).await;
        assert_eq!(wire.head().await.unwrap().status(), 200);
        let (events, end) = EventStream::new(wire).rest().await;
        assert_eq!(end, BodyEnd::Whole);
        let (last, events) = events.split_last().unwrap();
        assert_eq!(last.data, "[DONE]");
        answers.extend(events.iter().map(SentEvent::json));
    }
    answers.into_iter().map(timeless).collect()
}

#[test]
fn workers_ai_answers_the_same_however_it_is_asked() {
    let [whole, pieces] = PIECES.map(|piece_bytes| run(in_pieces(piece_bytes), ask_workers_ai));
    assert_eq!(whole, pieces);
    let statuses = whole.iter().filter_map(|answer| answer[0].as_u64());
    assert_eq!(statuses.collect::<Vec<_>>(), [200, 200, 200, 200, 400, 404]);
}

/// How a call of Slack says its arguments (spec/peers.md §4.1).
#[derive(Clone, Copy, Debug)]
enum Encoding {
    Json,
    Form,
    Query,
}

fn slack_call(method: &str, arguments: &Value, encoding: Encoding) -> Vec<u8> {
    let form = || {
        let mut form = form_urlencoded::Serializer::new(String::new());
        for (name, value) in arguments.as_object().unwrap() {
            match value {
                Value::String(text) => form.append_pair(name, text),
                Value::Bool(flag) => form.append_pair(name, if *flag { "1" } else { "0" }),
                nested => form.append_pair(name, &nested.to_string()),
            };
        }
        form.finish()
    };
    let (verb, query, label, body) = match encoding {
        Encoding::Json => (
            "POST",
            String::new(),
            "json;charset=utf-8",
            arguments.to_string(),
        ),
        Encoding::Form => ("POST", String::new(), "x-www-form-urlencoded", form()),
        Encoding::Query => (
            "GET",
            format!("?{}", form()),
            "x-www-form-urlencoded",
            String::new(),
        ),
    };
    let length = body.len();
    format!(
        "{verb} /api/{method}{query} HTTP/1.1\r\nhost: slack\r\nauthorization: Bearer xoxb-test-000\r\n\
         content-type: application/{label}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
    )
    .into_bytes()
}

/// Calls every method, and holds what it answers against what Slack is known to answer.
async fn ask_slack(world: World, encoding: Encoding) {
    let _app = App::start(&[]).await;
    let piece_bytes = world.piece_bytes;
    let call = |method: &'static str, arguments: Value| async move {
        let request = slack_call(method, &arguments, encoding);
        let reply = exchange(slack_address(), &request, piece_bytes)
            .await
            .unwrap();
        assert_eq!(reply.status(), 200, "{method}");
        assert_eq!(reply.json()["ok"], true, "{method}: {}", reply.json());
        reply.json()
    };
    let ts = world.slack.post("C123", "U123", "question", None);
    let of_question = json!({"channel": "C123", "name": "eyes", "timestamp": ts});
    check_slack_keys("auth.test", "", &call("auth.test", json!({})).await);
    let user = call("users.info", json!({"user": "U123"})).await["user"].clone();
    assert_eq!(
        (&user["id"], &user["is_bot"]),
        (&json!("U123"), &json!(false))
    );
    let bot = call("users.info", json!({"user": "U0000BOT"})).await;
    assert_eq!(bot["user"]["is_bot"], true);
    let of_channel = json!({"channel": "C123", "include_num_members": true});
    let channel = call("conversations.info", of_channel).await["channel"].clone();
    assert_eq!(
        (&channel["id"], &channel["is_private"]),
        (&json!("C123"), &json!(false))
    );
    assert!(channel["num_members"].is_u64());

    let blocks = json!([{"type": "section", "text": {"type": "mrkdwn", "text": "*h\u{e9}*"}}]);
    let post =
        json!({"channel": "C123", "text": "h\u{e9} & a=b", "thread_ts": ts, "blocks": blocks});
    let posted = call("chat.postMessage", post).await;
    check_slack_keys("chat.postMessage", "", &posted);
    assert_eq!(posted["message"]["text"], "h\u{e9} & a=b");
    assert_eq!(posted["message"]["blocks"], blocks);
    let update = json!({"channel": "C123", "ts": posted["ts"], "text": "better"});
    check_slack_keys("chat.update", "", &call("chat.update", update).await);
    for method in ["reactions.add", "reactions.remove"] {
        // There is no shape of its removal.
        check_slack_keys(
            "reactions.add",
            "",
            &call(method, of_question.clone()).await,
        );
    }
    let status = json!({"channel_id": "C123", "thread_ts": ts, "status": "is thinking..."});
    let set = call("assistant.threads.setStatus", status).await;
    check_slack_keys("assistant.threads.setStatus", "", &set);
    let thread = call(
        "conversations.replies",
        json!({"channel": "C123", "ts": ts}),
    )
    .await;
    check_slack_keys("conversations.replies", "", &thread);
    let texts = |messages: &Value| -> Vec<Value> {
        let messages = messages.as_array().unwrap().iter();
        messages.map(|message| message["text"].clone()).collect()
    };
    assert_eq!(texts(&thread["messages"]), ["question", "better"]);
    let gone = call(
        "chat.delete",
        json!({"channel": "C123", "ts": posted["ts"]}),
    )
    .await;
    assert_eq!(gone["ts"], posted["ts"]);
    let history = call("conversations.history", json!({"channel": "C123"})).await;
    assert_eq!(texts(&history["messages"]), ["question"]);
    world.settle().await;
}

#[test]
fn slack_answers_every_method_however_it_is_called() {
    for piece_bytes in PIECES {
        for encoding in [Encoding::Json, Encoding::Form, Encoding::Query] {
            run(in_pieces(piece_bytes), move |world| {
                ask_slack(world, encoding)
            });
        }
    }
}
