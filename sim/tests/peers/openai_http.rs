//! The Responses API over HTTP: whole and streamed responses, what is refused, what the model does with
//! tools, and what every reply has in its head.

use crate::{
    http_client::{question, request},
    openai_client::{response_id, said, types},
    raw_http::Wire,
    world::{openai_address, pass_ms, run, Setup, World},
};
use serde_json::{json, Value};
use sim::{
    activity::PendingKind,
    peers::openai::{
        faults::{MISCALL, SUMMARY},
        OpenAiConfig, OpenAiFact,
    },
};

#[test]
fn a_whole_response_says_what_was_asked_and_what_it_cost() {
    run(Setup::default(), |world: World| async move {
        let more = json!({"instructions": "Be brief.", "metadata": {"a": "b"}, "temperature": 0.5});
        let response = world.response(question("Hello", more)).await;
        assert_eq!(response["object"], "response");
        assert_eq!(response["status"], "completed");
        assert_eq!(response["instructions"], "Be brief.");
        assert_eq!(response["metadata"], json!({"a": "b"}));
        let part = &response["output"][0]["content"][0];
        assert_eq!(part["text"], "You said: Hello");
        let usage = &response["usage"];
        let total = usage["input_tokens"].as_u64().unwrap() + 4;
        assert_eq!(
            (&usage["output_tokens"], &usage["total_tokens"]),
            (&json!(4), &json!(total))
        );
        assert_eq!(
            world.openai_story(),
            ["received", "applied", "answered completed"]
        );
    });
}

#[test]
fn a_stream_has_the_events_of_a_websocket() {
    run(Setup::default(), |world: World| async move {
        let streamed = world
            .streamed(question("Hello", json!({"stream": true})))
            .await;
        let mut session = world.open().await.unwrap();
        session.ask("Hello", json!({})).await;
        let socket = session.response().await;
        assert_eq!(types(&streamed), types(&socket));
        for (number, event) in streamed.iter().enumerate() {
            assert_eq!(event["sequence_number"], number);
        }
        assert_eq!(said(&streamed), "You said: Hello");
        let completed = &streamed.last().unwrap()["response"];
        assert_eq!(completed["id"], response_id(&streamed));
        assert_eq!(
            completed["output"][0]["content"][0]["text"],
            "You said: Hello"
        );
        assert_eq!(
            world.openai_story()[..3],
            ["received", "applied", "answered completed"]
        );
    });
}

#[test]
fn deltas_hide_their_length_unless_told_not_to() {
    run(Setup::default(), |world: World| async move {
        for (options, is_hidden) in [
            (json!({}), true),
            (json!({"include_obfuscation": false}), false),
        ] {
            let more = json!({"stream": true, "stream_options": options});
            let events = world.streamed(question("Hello", more)).await;
            let deltas = events
                .iter()
                .filter(|event| event["type"] == "response.output_text.delta");
            for delta in deltas {
                let filler = delta
                    .get("obfuscation")
                    .map_or(0, |filler| filler.as_str().unwrap().len());
                let length = delta["delta"].as_str().unwrap().len() + filler;
                assert_eq!((filler > 0, length % 16 == 0), (is_hidden, is_hidden));
            }
        }
    });
}

#[test]
fn every_reply_has_its_number_and_the_limits_of_the_account() {
    run(Setup::default(), |world: World| async move {
        let mut wire = Wire::connect(openai_address(), None).await;
        for number in 1..=3 {
            // The same connection, again and again.
            let body = question("Hello", json!({}));
            wire.write(&request(
                "POST",
                "/v1/responses",
                "sk-test-000",
                Some(&body),
            ))
            .await;
            let (reply, _) = wire.reply().await.unwrap();
            assert_eq!(
                reply.header("x-request-id"),
                Some(&*format!("req_{number:08}"))
            );
            assert_eq!(reply.header("openai-version"), Some("2020-10-01"));
            assert!(reply.header("openai-organization").is_some());
            let took_ms: u64 = reply
                .header("openai-processing-ms")
                .unwrap()
                .parse()
                .unwrap();
            assert!((20..40).contains(&took_ms), "{took_ms}");
            let limit = reply.header("x-ratelimit-limit-requests").unwrap();
            assert!(limit.parse::<u64>().is_ok());
            assert!(reply
                .header("x-ratelimit-reset-tokens")
                .unwrap()
                .ends_with("ms"));
        }
        assert!(world
            .openai
            .ledger()
            .iter()
            .all(|entry| entry.connection == 1));
    });
}

#[test]
fn the_ledger_knows_which_retry_a_request_is() {
    run(Setup::default(), |world: World| async move {
        for retry in 0..3 {
            let body = question("Hello", json!({}));
            let bytes = request("POST", "/v1/responses", "sk-test-000", Some(&body));
            let text = String::from_utf8(bytes).unwrap();
            let header = format!("host: x\r\nx-stainless-retry-count: {retry}\r\n");
            let mut wire = Wire::connect(openai_address(), None).await;
            wire.write(text.replacen("host: x\r\n", &header, 1).as_bytes())
                .await;
            wire.reply().await.unwrap();
        }
        let ledger = world.openai.ledger();
        let retries = ledger.iter().filter_map(|entry| match entry.what {
            OpenAiFact::Called {
                endpoint: "create",
                retry,
            } => Some(retry),
            _ => None,
        });
        assert_eq!(retries.collect::<Vec<_>>(), [0, 1, 2]);
    });
}

#[test]
fn what_can_not_be_done_is_refused_with_all_four_keys() {
    run(Setup::default(), |world: World| async move {
        let output = json!([{"type": "function_call_output", "call_id": "c1", "output": ""}]);
        let call =
            json!([{"type": "function_call", "call_id": "c1", "name": "f", "arguments": "{}"}]);
        for (more, code, param) in [
            (json!({"input": 5}), Some("invalid_type"), Some("input")),
            (
                json!({"mood": "good"}),
                Some("unknown_parameter"),
                Some("mood"),
            ),
            (
                json!({"max_output_tokens": 1}),
                Some("integer_below_min_value"),
                Some("max_output_tokens"),
            ),
            (json!({"input": output}), None, Some("input")),
            (json!({"input": call}), None, Some("input")),
            (
                json!({"background": true, "store": false}),
                None,
                Some("background"),
            ),
            (
                json!({"previous_response_id": "resp_0"}),
                Some("previous_response_not_found"),
                Some("previous_response_id"),
            ),
        ] {
            let reply = world
                .openai_http("POST", "", Some(question("Hello", more)))
                .await;
            assert_eq!(reply.status(), 400);
            let error = &reply.json()["error"];
            let keys: Vec<_> = error.as_object().unwrap().keys().collect();
            assert_eq!(keys, ["type", "code", "message", "param"]);
            assert_eq!(error["type"], "invalid_request_error");
            assert_eq!(
                (error["code"].as_str(), error["param"].as_str()),
                (code, param)
            );
        }
        let mut wire = Wire::connect(openai_address(), None).await;
        wire.write(&request("POST", "/v1/responses", "sk-wrong", None))
            .await;
        let (reply, _) = wire.reply().await.unwrap();
        assert_eq!(reply.status(), 401);
        assert_eq!(reply.json()["error"]["code"], "invalid_api_key");
        let reply = world.openai_http("PUT", "/resp_0", None).await;
        assert_eq!(reply.status(), 404);
        assert_eq!(world.openai_story().len(), 9, "nothing was received");
    });
}

#[test]
fn an_unknown_field_is_taken_by_a_service_that_takes_them() {
    let setup = Setup {
        openai: OpenAiConfig {
            takes_unknown_fields: true,
            ..OpenAiConfig::default()
        },
        ..Setup::default()
    };
    run(setup, |world: World| async move {
        world
            .response(question("Hello", json!({"mood": "good"})))
            .await;
    });
}

#[test]
fn an_answer_ends_where_no_more_tokens_are_allowed() {
    run(Setup::default(), |world: World| async move {
        let long = "word ".repeat(20);
        let response = world
            .response(question(&long, json!({"max_output_tokens": 16})))
            .await;
        assert_eq!(response["status"], "incomplete");
        assert_eq!(
            response["incomplete_details"]["reason"],
            "max_output_tokens"
        );
        let text = response["output"][0]["content"][0]["text"]
            .as_str()
            .unwrap();
        assert_eq!(text.len(), 64);
        assert_eq!(response["usage"]["output_tokens"], 16);
    });
}

#[test]
fn a_summary_of_the_reasoning_comes_before_the_answer() {
    run(
        Setup::with_faults(&[(&SUMMARY, 2)]),
        |world: World| async move {
            let more = json!({"stream": true, "reasoning": {"summary": "auto"}});
            let events = world.streamed(question("Hello", more.clone())).await;
            assert_eq!(
                types(&events)[2..12],
                [
                    "response.output_item.added",
                    "response.reasoning_summary_part.added",
                    "response.reasoning_summary_text.delta",
                    "response.reasoning_summary_text.done",
                    "response.reasoning_summary_part.done",
                    "response.reasoning_summary_part.added",
                    "response.reasoning_summary_text.delta",
                    "response.reasoning_summary_text.done",
                    "response.reasoning_summary_part.done",
                    "response.output_item.done",
                ]
            );
            let output = &events.last().unwrap()["response"]["output"];
            assert_eq!(output[0]["type"], "reasoning");
            assert_eq!(output[0]["summary"].as_array().unwrap().len(), 2);
            assert_eq!(output[1]["type"], "message");
            let deltas = events
                .iter()
                .filter(|event| event["type"] == "response.output_text.delta");
            assert!(deltas.clone().all(|delta| delta["output_index"] == 1));
            // Nothing is told unasked, nor every time.
            assert_eq!(world.streamed(question("Hello", more)).await.len(), 11);
        },
    );
}

fn tools(more: Value) -> Value {
    let tool = |name: &str| {
        json!({
            "type": "function",
            "name": name,
            "strict": null,
            "parameters": {"type": "object", "properties": {}},
        })
    };
    let mut body = question(
        "Weather?",
        json!({"tools": [tool("get_weather"), tool("get_time")]}),
    );
    for (name, value) in more.as_object().unwrap() {
        body[name] = value.clone();
    }
    body
}

/// The calls of a response: name, arguments, call id.
fn calls(response: &Value) -> Vec<(String, String, String)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let items = response["output"].as_array().unwrap().iter();
    items
        .filter(|item| item["type"] == "function_call")
        .map(|item| {
            (
                text(&item["name"]),
                text(&item["arguments"]),
                text(&item["call_id"]),
            )
        })
        .collect()
}

#[test]
fn a_tool_that_has_to_be_called_is_and_its_output_continues_the_response() {
    run(Setup::default(), |world: World| async move {
        let asked = world
            .response(tools(json!({"tool_choice": "required"})))
            .await;
        let called = calls(&asked);
        assert_eq!(called.len(), 1);
        assert_eq!(
            (called[0].0.as_str(), called[0].1.as_str()),
            ("get_weather", "{}")
        );
        let previous = &asked["id"];
        let unanswered = question("And?", json!({"previous_response_id": previous}));
        let reply = world.openai_http("POST", "", Some(unanswered)).await;
        let message = reply.json()["error"]["message"]
            .as_str()
            .unwrap()
            .to_owned();
        assert_eq!(
            message,
            format!("No tool output found for function call {}.", called[0].2)
        );
        let output =
            json!({"type": "function_call_output", "call_id": called[0].2, "output": "sun"});
        let more = json!({"previous_response_id": previous, "input": [output]});
        let answered = world.response(tools(more)).await;
        assert!(calls(&answered).is_empty());
        assert_eq!(answered["previous_response_id"], *previous);
    });
}

#[test]
fn a_model_miscalls_the_tools_that_it_is_offered() {
    for (value, expected) in [
        (1, vec![("get_weather", false)]),
        (2, vec![("launch_rocket", true)]),
        (3, vec![("get_weather", true), ("get_time", true)]),
    ] {
        run(
            Setup::with_faults(&[(&MISCALL, value)]),
            |world: World| async move {
                let events = world.streamed(tools(json!({"stream": true}))).await;
                let response = &events.last().unwrap()["response"];
                let called = calls(response);
                let seen: Vec<_> = called
                    .iter()
                    .map(|(name, arguments, _)| {
                        (
                            name.as_str(),
                            serde_json::from_str::<Value>(arguments).is_ok(),
                        )
                    })
                    .collect();
                assert_eq!(seen, expected);
                assert_eq!(
                    world.openai_story(),
                    ["received", "applied", "answered completed"]
                );
            },
        );
    }
}

#[test]
fn a_model_in_a_loop_calls_again_whatever_it_is_given() {
    run(
        Setup::with_faults(&[(&MISCALL, 4)]),
        |world: World| async move {
            let mut response = world.response(tools(json!({}))).await;
            let mut turns = 0;
            while let [(_, _, call_id)] = &calls(&response)[..] {
                turns += 1;
                let output =
                    json!({"type": "function_call_output", "call_id": call_id, "output": ""});
                let more = json!({"previous_response_id": response["id"], "input": [output]});
                response = world.response(tools(more)).await;
            }
            assert_eq!(turns, 4);
        },
    );
}

#[test]
fn a_request_is_pending_work_until_its_reply_is_out() {
    run(Setup::default(), |world: World| async move {
        for stream in [false, true] {
            let body = question("Hello", json!({"stream": stream}));
            let mut wire = world.openai_sent("POST", "", Some(body)).await;
            pass_ms(5).await;
            assert!(world.ports.activity.pending(PendingKind::Message) > 0);
            wire.reply().await.unwrap();
            pass_ms(5).await;
            assert!(world.ports.activity.is_quiet());
        }
    });
}

#[test]
fn a_client_that_leaves_a_stream_ends_its_response() {
    run(Setup::default(), |world: World| async move {
        let mut stream = world
            .stream(question("Hello", json!({"stream": true})))
            .await;
        stream.next().await.unwrap();
        drop(stream);
        world.settle().await;
        assert_eq!(world.openai_story(), ["received", "abandoned"]);
    });
}

#[test]
fn a_whole_response_is_finished_for_a_client_that_left_or_is_not() {
    for (finishes_unread, story) in [
        (true, &["received", "applied", "abandoned"][..]),
        (false, &["received", "abandoned"]),
    ] {
        let setup = Setup {
            openai: OpenAiConfig {
                finishes_unread,
                ..OpenAiConfig::default()
            },
            ..Setup::default()
        };
        run(setup, move |world: World| async move {
            let wire = world
                .openai_sent("POST", "", Some(question("Hello", json!({}))))
                .await;
            pass_ms(5).await;
            drop(wire);
            world.settle().await;
            assert_eq!(world.openai_story(), story);
        });
    }
}
