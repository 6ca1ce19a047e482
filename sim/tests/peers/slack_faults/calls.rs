//! Faults of what Slack is asked (peers §5.4, P1 to P15).

use super::*;

#[test]
fn a_lost_reply_and_a_lost_request_look_alike_and_are_not() {
    for (site, messages) in [(&REPLY_LOST, 1), (&REQUEST_LOST, 0)] {
        run(
            Setup::with_faults(&[(site, 1)]),
            move |world: World| async move {
                let _app = App::start(&[]).await;
                let post = json!({"channel": "C123", "text": "hello"});
                assert!(call("chat.postMessage", post.clone()).await.is_none());
                assert_eq!(world.slack.messages().len(), messages);
                let ledger = world.slack.ledger();
                let applied = ledger
                    .iter()
                    .filter(|entry| matches!(entry.what, SlackFact::Applied { .. }));
                assert_eq!(applied.count(), messages);
                assert!(!ledger
                    .iter()
                    .any(|entry| matches!(entry.what, SlackFact::Answered { .. })));
                assert_eq!(called("chat.postMessage", post).await["ok"], true);
                assert_eq!(world.slack.messages().len(), messages + 1);
            },
        );
    }
}

#[test]
fn a_reply_comes_late_after_its_effect() {
    run(
        Setup::with_faults(&[(&SLOW, 5_000)]),
        |world: World| async move {
            let _app = App::start(&[]).await;
            let started_ms = time::since_start_ms();
            called("chat.postMessage", json!({"channel": "C123", "text": "x"})).await;
            assert!(time::since_start_ms() - started_ms >= 5_000);
            let at_ms = |wanted: fn(&SlackFact) -> bool| {
                let ledger = world.slack.ledger();
                ledger
                    .iter()
                    .find(|entry| wanted(&entry.what))
                    .unwrap()
                    .at_ms
            };
            let applied_ms = at_ms(|what| matches!(what, SlackFact::Applied { .. }));
            let answered_ms = at_ms(|what| matches!(what, SlackFact::Answered { .. }));
            assert!(answered_ms - applied_ms >= 5_000);
        },
    );
}

#[test]
fn a_call_over_the_limit_is_turned_away_without_effect() {
    run(
        Setup::with_faults(&[(&RATE_LIMIT, 3)]),
        |world: World| async move {
            let post = json!({"channel": "C123", "text": "x"});
            let reply = call("chat.postMessage", post).await.unwrap();
            assert_eq!(reply.status(), 429);
            assert_eq!(reply.header("retry-after"), Some("30"));
            assert_eq!(reply.json(), json!({"ok": false, "error": "ratelimited"}));
            assert!(world.slack.messages().is_empty());
        },
    );
}

#[test]
fn a_reaction_is_as_it_should_be_already() {
    run(
        Setup::with_faults(&[(&REACTION_MET, 1)]),
        |world: World| async move {
            let _app = App::start(&[]).await;
            let ts = world.slack.post("C123", "U123", "question", None);
            let react = json!({"channel": "C123", "timestamp": ts, "name": "eyes"});
            let refused = called("reactions.add", react.clone()).await;
            assert_eq!(refused["error"], "already_reacted");
            assert_eq!(world.slack.messages()[0].reactions.len(), 1);
            let removed = called("reactions.remove", react).await;
            assert_eq!(removed["ok"], true);
        },
    );
    run(
        Setup::with_faults(&[(&REACTION_MET, 1)]),
        |world: World| async move {
            let _app = App::start(&[]).await;
            let ts = world.slack.post("C123", "U123", "question", None);
            let react = json!({"channel": "C123", "timestamp": ts, "name": "eyes"});
            let refused = called("reactions.remove", react).await;
            assert_eq!(refused["error"], "no_reaction");
        },
    );
}

#[test]
fn a_limit_lasts_as_long_as_it_says_and_concerns_one_method() {
    run(
        Setup::with_faults(&[(&RATE_LIMIT, 2)]),
        |world: World| async move {
            let _app = App::start(&[]).await;
            let limited = |reply: Option<crate::raw_http::Parsed>| {
                let reply = reply.unwrap();
                let wait_s = reply.header("retry-after").map(str::to_owned);
                (reply.status() == 429).then_some(wait_s.unwrap())
            };
            let first = limited(call("chat.postMessage", post()).await);
            assert_eq!(first.as_deref(), Some("5"));
            crate::world::pass_ms(2_500).await;
            let later = limited(call("chat.postMessage", post()).await);
            assert_eq!(later.as_deref(), Some("3"));
            assert_eq!(called("auth.test", json!({})).await["ok"], true);
            crate::world::pass_ms(3_000).await;
            assert_eq!(called("chat.postMessage", post()).await["ok"], true);
            assert_eq!(world.slack.messages().len(), 1);
        },
    );
}

#[test]
fn a_call_takes_effect_late() {
    run(
        Setup::with_faults(&[(&SLOW_CALL, 3_000)]),
        |world: World| async move {
            let _app = App::start(&[]).await;
            let (reply, earlier) =
                futures_util::future::join(call("chat.postMessage", post()), async {
                    crate::world::pass_ms(2_000).await;
                    applied(&world)
                })
                .await;
            assert_eq!(earlier, 0);
            assert_eq!(reply.unwrap().json()["ok"], true);
            assert_eq!(applied(&world), 1);
        },
    );
}

/// P7.
#[test]
fn of_two_updates_under_way_the_first_may_win() {
    // The first call, #0, is the post.
    let setup = Setup::with_occurrences(&[(&SLOW_CALL, 1, 3_000)]);
    run(setup, |world: World| async move {
        let _app = App::start(&[]).await;
        let ts = called("chat.postMessage", post()).await["ts"].clone();
        let update = |text: &str| {
            let arguments = json!({"channel": "C123", "ts": ts, "text": text});
            called("chat.update", arguments)
        };
        let (first, second) = futures_util::future::join(update("first"), async {
            crate::world::pass_ms(500).await;
            update("second").await
        })
        .await;
        assert_eq!((&first["ok"], &second["ok"]), (&json!(true), &json!(true)));
        assert_eq!(world.slack.messages()[0].text, "first");
    });
}

/// P5.
#[test]
fn a_run_of_updates_is_turned_away_in_its_midst() {
    let setup = Setup::with_occurrences(&[(&RATE_LIMIT, 2, 2)]);
    run(setup, |world: World| async move {
        let _app = App::start(&[]).await;
        let ts = called("chat.postMessage", post()).await["ts"].clone();
        let mut statuses = Vec::new();
        for step in 1..=4 {
            let update = json!({"channel": "C123", "ts": ts, "text": format!("step {step}")});
            let reply = call("chat.update", update).await.unwrap();
            statuses.push(reply.status());
        }
        assert_eq!(statuses, [200, 429, 429, 429]);
        assert_eq!(world.slack.messages()[0].text, "step 1");
        let post = call("chat.postMessage", post()).await.unwrap();
        assert_eq!(post.status(), 200, "another method");
        crate::world::pass_ms(5_000).await;
        let last = json!({"channel": "C123", "ts": ts, "text": "step 4"});
        assert_eq!(called("chat.update", last).await["ok"], true);
        assert_eq!(world.slack.messages()[0].text, "step 4");
    });
}

#[test]
fn a_call_takes_effect_and_is_answered_with_an_error_or_nonsense() {
    for (site, value, status, body) in [
        (&ERROR_AFTER, 1, 500, ""),
        (
            &ERROR_AFTER,
            2,
            200,
            r#"{"ok":false,"error":"internal_error"}"#,
        ),
        (
            &ERROR_AFTER,
            3,
            200,
            r#"{"ok":false,"error":"fatal_error"}"#,
        ),
        (&GARBLED, 2, 200, "<html>"),
    ] {
        run(
            Setup::with_faults(&[(site, value)]),
            move |world: World| async move {
                let _app = App::start(&[]).await;
                let reply = call("chat.postMessage", post()).await.unwrap();
                assert_eq!(reply.status(), status);
                assert!(reply.body.starts_with(body.as_bytes()));
                if site == &GARBLED {
                    assert!(serde_json::from_slice::<Value>(&reply.body).is_err());
                }
                assert_eq!((applied(&world), world.slack.messages().len()), (1, 1));
            },
        );
    }
}

/// P13.
#[test]
fn a_call_takes_effect_and_half_of_its_reply_arrives() {
    run(
        Setup::with_faults(&[(&GARBLED, 1)]),
        |world: World| async move {
            let _app = App::start(&[]).await;
            let mut wire = Wire::connect(slack_address(), None).await;
            wire.write(&request("chat.postMessage", post())).await;
            let (reply, end) = wire.reply().await.unwrap();
            assert_eq!((reply.status(), end), (200, BodyEnd::Cut));
            let length: usize = reply.header("content-length").unwrap().parse().unwrap();
            assert_eq!(reply.body.len(), length / 2);
            assert!(reply.body.starts_with(br#"{"ok":true,"channel""#));
            assert_eq!(world.slack.messages().len(), 1);
            let facts = facts(&world);
            let of_call = facts.iter().filter_map(|fact| match fact {
                SlackFact::Applied { .. } => Some("applied"),
                SlackFact::ReplyLost { .. } => Some("reply lost"),
                SlackFact::Answered { .. } => Some("answered"),
                _ => None,
            });
            assert_eq!(of_call.collect::<Vec<_>>(), ["applied", "reply lost"]);
        },
    );
}

#[test]
fn a_limit_says_nothing_of_how_long_or_has_no_body() {
    for (value, header, is_empty) in [(4, None, false), (5, Some("1"), true)] {
        run(
            Setup::with_faults(&[(&RATE_LIMIT, value)]),
            move |_: World| async move {
                let reply = call("chat.postMessage", post()).await.unwrap();
                assert_eq!(reply.status(), 429);
                assert_eq!(reply.header("retry-after"), header);
                assert_eq!(reply.body.is_empty(), is_empty);
            },
        );
    }
}

#[test]
fn a_call_is_refused_as_if_the_app_had_no_rights() {
    for (value, error) in [
        (1, "not_in_channel"),
        (2, "is_archived"),
        (3, "channel_not_found"),
        (4, "missing_scope"),
        (5, "token_revoked"),
    ] {
        run(
            Setup::with_faults(&[(&CLOSED, value)]),
            move |world: World| async move {
                let _app = App::start(&[]).await;
                assert_eq!(called("chat.postMessage", post()).await["error"], error);
                assert_eq!(applied(&world), 0);
                assert_eq!(called("chat.postMessage", post()).await["ok"], true);
            },
        );
    }
}

#[test]
fn a_message_that_is_to_be_updated_is_gone_or_too_old() {
    for (value, error, left) in [(1, "message_not_found", 0), (2, "edit_window_closed", 1)] {
        run(
            Setup::with_faults(&[(&UPDATE_REFUSED, value)]),
            move |world: World| async move {
                let _app = App::start(&[]).await;
                let ts = called("chat.postMessage", post()).await["ts"].clone();
                let update = json!({"channel": "C123", "ts": ts, "text": "new"});
                assert_eq!(called("chat.update", update).await["error"], error);
                assert_eq!(world.slack.messages().len(), left);
                assert_eq!(applied(&world), 1);
            },
        );
    }
}

#[test]
fn replies_do_not_know_of_a_post_for_a_while() {
    run(
        Setup::with_faults(&[(&LAG, 5_000)]),
        |world: World| async move {
            let _app = App::start(&[]).await;
            let root = world.slack.post("C123", "U123", "question", None);
            let metadata = json!({"event_type": "mark", "event_payload": {"n": 1}});
            let reply = json!({
                "channel": "C123", "text": "answer", "thread_ts": root, "metadata": metadata,
            });
            called("chat.postMessage", reply).await;
            let look = json!({"channel": "C123", "ts": root, "include_all_metadata": true});
            let replies = || async {
                let reply = called("conversations.replies", look.clone()).await;
                reply["messages"].as_array().unwrap().clone()
            };
            assert_eq!(replies().await.len(), 1);
            crate::world::pass_ms(5_000).await;
            let found = replies().await;
            assert_eq!(found.len(), 2);
            assert_eq!(found[1]["metadata"], metadata);
        },
    );
}

#[test]
fn a_page_is_short_or_empty_and_a_cursor_expires() {
    for (value, shown) in [(1, 1), (2, 0)] {
        run(
            Setup::with_faults(&[(&PAGE, value)]),
            move |world: World| async move {
                let _app = App::start(&[]).await;
                for _ in 0..3 {
                    world.slack.post("C123", "U123", "question", None);
                }
                let look = json!({"channel": "C123"});
                let first = called("conversations.history", look).await;
                assert_eq!(first["messages"].as_array().unwrap().len(), shown);
                assert_eq!(first["has_more"], true);
                let cursor = &first["response_metadata"]["next_cursor"];
                let look = json!({"channel": "C123", "cursor": cursor});
                let rest = called("conversations.history", look).await;
                assert_eq!(rest["messages"].as_array().unwrap().len(), 3 - shown);
            },
        );
    }
    run(
        Setup::with_faults(&[(&PAGE, 3)]),
        |world: World| async move {
            let _app = App::start(&[]).await;
            world.slack.post("C123", "U123", "question", None);
            let look = json!({"channel": "C123", "cursor": "x"});
            let reply = called("conversations.history", look).await;
            assert_eq!(reply["error"], "invalid_cursor");
        },
    );
}

#[test]
fn a_post_is_answered_and_never_appears() {
    run(
        Setup::with_faults(&[(&NOT_SHOWN, 1)]),
        |world: World| async move {
            let app = App::start(&[]).await;
            assert_eq!(called("chat.postMessage", post()).await["ok"], true);
            world.settle().await;
            assert!(world.slack.messages().is_empty() && app.deliveries().is_empty());
            assert_eq!(applied(&world), 0);
            let hidden = |what: &SlackFact| matches!(what, SlackFact::NotShown { .. });
            assert_eq!(count(&world, hidden), 1);
        },
    );
}
