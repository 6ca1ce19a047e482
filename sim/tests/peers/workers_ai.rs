//! Workers AI: who is let in, how a model is named, how results and streams look.

use crate::{
    event_stream::{EventStream, SentEvent},
    http_client::request,
    raw_http::{BodyEnd, Wire},
    world::{run, workers_ai_address, Setup, World},
};
use serde_json::{json, Value};
use sim::peers::workers_ai::{WorkersAiConfig, WorkersAiFact};

const LLAMA: &str = "@cf/meta/llama-3.1-8b-instruct";
const KIMI: &str = "@cf/moonshotai/kimi-k2.5";

fn messages(text: &str) -> Value {
    json!({"messages": [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": text},
    ]})
}

#[test]
fn a_result_comes_in_an_envelope_in_the_form_of_its_model() {
    run(Setup::default(), |world: World| async move {
        let reply = world
            .workers_ai(&format!("run/{LLAMA}"), &messages("Hello"))
            .await;
        assert_eq!(reply.status(), 200);
        assert_eq!(reply.header("content-type"), Some("application/json"));
        assert!(reply.header("cf-ray").is_some());
        let body = reply.json();
        let keys: Vec<_> = body.as_object().unwrap().keys().collect();
        assert_eq!(keys, ["result", "success", "errors", "messages"]);
        assert_eq!(
            (&body["success"], &body["errors"]),
            (&json!(true), &json!([]))
        );
        assert_eq!(body["result"]["response"], "You said: Hello");
        let usage = &body["result"]["usage"];
        let sum =
            usage["prompt_tokens"].as_u64().unwrap() + usage["completion_tokens"].as_u64().unwrap();
        assert_eq!(usage["total_tokens"], sum);

        let reply = world
            .workers_ai(&format!("run/{KIMI}"), &messages("Hello"))
            .await;
        let choice = &reply.json()["result"]["choices"][0];
        assert_eq!(
            choice["message"],
            json!({"role": "assistant", "content": "You said: Hello"})
        );
        assert_eq!(choice["finish_reason"], "stop");
    });
}

#[test]
fn a_model_is_named_in_any_of_the_ways_that_clients_have() {
    run(Setup::default(), |world: World| async move {
        let escaped = LLAMA.replace('/', "%2F");
        for (path, body) in [
            (format!("run/{LLAMA}"), json!({"prompt": "Hello"})),
            (format!("run/{escaped}"), json!({"prompt": "Hello"})),
            (
                "run".to_owned(),
                json!({"model": LLAMA, "input": {"prompt": "Hello"}}),
            ),
        ] {
            let reply = world.workers_ai(&path, &body).await;
            assert_eq!(
                reply.json()["result"]["response"],
                "You said: Hello",
                "{path}"
            );
        }
        let mut body = messages("Hello");
        body["model"] = LLAMA.into();
        let reply = world.workers_ai("v1/chat/completions", &body).await.json();
        assert_eq!(reply["object"], "chat.completion");
        assert_eq!(reply["choices"][0]["message"]["content"], "You said: Hello");
    });
}

async fn streamed(world: &World, path: &str, mut body: Value) -> Vec<SentEvent> {
    body["stream"] = true.into();
    let mut wire = world.workers_ai_sent(path, "", &body).await;
    let head = wire.head().await.unwrap();
    assert_eq!(
        head.header("content-type"),
        Some("text/event-stream; charset=utf-8")
    );
    let (events, end) = EventStream::new(wire).rest().await;
    assert_eq!(end, BodyEnd::Whole);
    events
}

#[test]
fn a_stream_has_pieces_usage_and_a_last_line() {
    run(Setup::default(), |world: World| async move {
        let mut events = streamed(&world, &format!("run/{LLAMA}"), messages("Hello")).await;
        assert!(events.iter().all(|event| event.name.is_none()));
        assert_eq!(events.pop().unwrap().data, "[DONE]");
        let usage = events.pop().unwrap().json();
        assert_eq!(usage["response"], "");
        assert_eq!(usage["usage"]["completion_tokens"], 4);
        let pieces: Vec<Value> = events.iter().map(SentEvent::json).collect();
        assert_eq!(pieces.len(), 3);
        assert!(pieces.iter().all(|piece| piece["p"].is_string()));
        let text: String = pieces
            .iter()
            .map(|piece| piece["response"].as_str().unwrap())
            .collect();
        assert_eq!(text, "You said: Hello");

        for path in [format!("run/{KIMI}"), "v1/chat/completions".to_owned()] {
            let mut body = messages("Hello");
            body["model"] = KIMI.into();
            let mut events = streamed(&world, &path, body).await;
            assert_eq!(events.pop().unwrap().data, "[DONE]");
            let chunks: Vec<Value> = events.iter().map(SentEvent::json).collect();
            assert!(chunks
                .iter()
                .all(|chunk| chunk["object"] == "chat.completion.chunk"));
            let content = |chunk: &Value| {
                let content = chunk.pointer("/choices/0/delta/content")?;
                content.as_str().map(str::to_owned)
            };
            let text: String = chunks.iter().filter_map(content).collect();
            assert_eq!(text, "You said: Hello");
            assert_eq!(chunks[3]["choices"][0]["finish_reason"], "stop");
            assert_eq!(chunks[4]["usage"]["completion_tokens"], 4);
        }
    });
}

#[test]
fn who_has_no_right_or_asks_for_nothing_is_refused() {
    run(Setup::default(), |world: World| async move {
        let WorkersAiConfig {
            account_id,
            api_token,
            ..
        } = WorkersAiConfig::default();
        let run = format!("/client/v4/accounts/{account_id}/ai/run/{LLAMA}");
        let other = format!("/client/v4/accounts/other/ai/run/{LLAMA}");
        let unknown = format!("/client/v4/accounts/{account_id}/ai/run/@cf/nobody/nothing");
        let nowhere = format!("/client/v4/accounts/{account_id}/ai/walk");
        let prompt = json!({"prompt": "Hello"});
        for (method, path, token, body, status, code) in [
            ("POST", run.as_str(), "wrong", &prompt, 401, 10000),
            ("POST", &other, &api_token, &prompt, 403, 10000),
            ("POST", &unknown, &api_token, &prompt, 400, 5007),
            ("POST", &run, &api_token, &json!({}), 400, 5004),
            ("POST", &run, &api_token, &json!([]), 400, 3003),
            ("POST", &nowhere, &api_token, &prompt, 404, 7003),
            ("GET", &run, &api_token, &prompt, 404, 7003),
            ("POST", "/client/v4/user", &api_token, &prompt, 404, 7003),
        ] {
            let mut wire = Wire::connect(workers_ai_address(), None).await;
            wire.write(&request(method, path, token, Some(body))).await;
            let (reply, _) = wire.reply().await.unwrap();
            assert_eq!(reply.status(), status, "{path}");
            let error = reply.json();
            assert_eq!(
                (&error["success"], &error["result"]),
                (&json!(false), &Value::Null)
            );
            assert_eq!(error["errors"][0]["code"], code);
            assert!(error["errors"][0]["message"].is_string());
        }
        let ledger = world.workers_ai.ledger();
        let refused = ledger
            .iter()
            .filter(|entry| matches!(entry.what, WorkersAiFact::Refused { .. }));
        assert_eq!((refused.count(), ledger.len()), (8, 8));
    });
}

#[test]
fn a_gateway_adds_its_own_headers() {
    run(Setup::default(), |world: World| async move {
        let body = json!({"model": LLAMA, "input": {"prompt": "Hello"}});
        for gateway in ["", "cf-aig-gateway-id: main\r\n"] {
            let mut wire = world.workers_ai_sent("run", gateway, &body).await;
            let (reply, _) = wire.reply().await.unwrap();
            assert_eq!(reply.header("cf-aig-log-id").is_some(), !gateway.is_empty());
            assert!(reply.header("cf-ai-req-id").is_some());
        }
    });
}

#[test]
fn the_ledger_tells_applied_from_answered_and_knows_the_retry() {
    run(Setup::default(), |world: World| async move {
        let retry = "x-stainless-retry-count: 2\r\n";
        let path = format!("run/{LLAMA}");
        let mut wire = world
            .workers_ai_sent(&path, retry, &json!({"prompt": "Hello"}))
            .await;
        wire.reply().await.unwrap();
        let facts: Vec<_> = world
            .workers_ai
            .ledger()
            .into_iter()
            .map(|entry| entry.what)
            .collect();
        assert_eq!(
            facts,
            [
                WorkersAiFact::Received {
                    run: 1,
                    model: LLAMA.into(),
                    input_text: "Hello".into(),
                    retry: 2,
                },
                WorkersAiFact::Applied { run: 1 },
                WorkersAiFact::Answered {
                    run: 1,
                    text: "You said: Hello".into(),
                },
            ]
        );
    });
}
