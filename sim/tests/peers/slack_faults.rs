//! Each fault of Slack, shown to happen.

use crate::{
    raw_http::{BodyEnd, Wire},
    slack_app::{call, called, request, App, Delivery},
    world::{run, slack_address, Setup, World},
};
use serde_json::{json, Value};
use sim::{
    peers::slack::{
        faults::{
            CHANGED_AFTER, CHANGED_MIND, CLOCK, CLOSED, DUPLICATE, ECHO, ERROR_AFTER, EVENT_LOST,
            FORGED, GARBLED, LAG, LATE, MENTION, NOT_SHOWN, OTHER_BOT, OUTAGE, PAGE, PARENT_UPDATE,
            RATE_LIMIT, RATE_LIMITED_NOTICE, REACTION_MET, REDELIVER, REORDER, REPLY_LOST,
            REQUEST_LOST, SLOW, SLOW_BODY, SLOW_CALL, SLOW_HEAD, UNREACHABLE, UPDATE_REFUSED,
            VERIFICATION,
        },
        signature::sign,
        SlackConfig, SlackFact,
    },
    time,
};

#[test]
fn an_event_is_delivered_twice() {
    run(
        Setup::with_faults(&[(&DUPLICATE, 1)]),
        |world: World| async move {
            let app = App::start(&[]).await;
            world.slack.post("C123", "U123", "question", None);
            world.settle().await;
            let [first, second] = &app.deliveries()[..] else {
                panic!("two deliveries");
            };
            assert_eq!(first.event_id(), second.event_id());
            assert!(second.at_ms - first.at_ms < 100);
            assert_eq!(second.request.header("x-slack-retry-num"), None);
        },
    );
}

#[test]
fn an_event_is_late_or_overtaken() {
    for (site, delay_ms) in [(&LATE, 20_000), (&REORDER, 1_000)] {
        run(
            Setup::with_faults(&[(site, delay_ms)]),
            move |world: World| async move {
                let app = App::start(&[]).await;
                world.slack.post("C123", "U123", "first", None);
                world.slack.post("C123", "U123", "second", None);
                world.settle().await;
                let deliveries = app.deliveries();
                let texts: Vec<_> = deliveries.iter().map(|delivery| delivery.text()).collect();
                assert_eq!(texts, ["second", "first"]);
                assert!(deliveries[1].at_ms - deliveries[0].at_ms >= delay_ms - 10);
            },
        );
    }
}

/// S7: a reply before its parent, an edit before what it edits, a deletion before what it deletes.
#[test]
fn what_follows_a_message_may_come_before_it() {
    for mind in [0, 1, 2] {
        let late = (&REORDER, 0, 3_000);
        let changed = [(&CHANGED_MIND, 0, mind), (&CHANGED_AFTER, 0, 500)];
        let faults = [&[late][..], &changed].concat();
        run(
            Setup::with_occurrences(&faults),
            move |world: World| async move {
                let app = App::start(&[]).await;
                let ts = world.slack.post("C123", "U123", "question", None);
                if mind == 0 {
                    world.slack.post("C123", "U456", "more", Some(&ts));
                }
                world.settle().await;
                let events = app.deliveries();
                let events = events.iter().map(|one| one.request.json()["event"].clone());
                let [first, second] = &events.collect::<Vec<_>>()[..] else {
                    panic!("two deliveries");
                };
                let (follows, subtype) = match mind {
                    0 => (&first["thread_ts"], Value::Null),
                    1 => (&first["message"]["ts"], json!("message_changed")),
                    _ => (&first["deleted_ts"], json!("message_deleted")),
                };
                assert_eq!(first["subtype"], subtype);
                assert_eq!((follows, &second["ts"]), (&json!(ts), &json!(ts)));
                assert_eq!(second["text"], "question");
            },
        );
    }
}

#[test]
fn a_lost_acknowledgement_brings_the_event_again() {
    run(
        Setup::with_faults(&[(&REDELIVER, 1)]),
        |world: World| async move {
            let app = App::start(&[]).await;
            world.slack.post("C123", "U123", "question", None);
            world.settle().await;
            let [first, second] = &app.deliveries()[..] else {
                panic!("two deliveries");
            };
            assert_eq!(first.event_id(), second.event_id());
            assert_eq!(second.request.header("x-slack-retry-num"), Some("1"));
            let reason = second.request.header("x-slack-retry-reason");
            assert_eq!(reason, Some("http_timeout"));
            let waited_ms = second.at_ms - first.at_ms;
            assert!((2_990..3_200).contains(&waited_ms), "{waited_ms}");
        },
    );
}

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

fn facts(world: &World) -> Vec<SlackFact> {
    let ledger = world.slack.ledger();
    ledger.into_iter().map(|entry| entry.what).collect()
}

fn count(world: &World, what: fn(&SlackFact) -> bool) -> usize {
    facts(world).iter().filter(|fact| what(fact)).count()
}

fn post() -> Value {
    json!({"channel": "C123", "text": "hello"})
}

/// S3: at once, after a minute, after five; each a time-out later.
#[test]
fn several_or_all_acknowledgements_may_be_lost() {
    for (lost, given_up) in [(2, 0), (3, 0), (4, 1)] {
        run(
            Setup::with_faults(&[(&REDELIVER, lost)]),
            move |world: World| async move {
                let app = App::start(&[]).await;
                world.slack.post("C123", "U123", "question", None);
                world.settle().await;
                let deliveries = app.deliveries();
                assert_eq!(deliveries.len() as u64, (lost + 1).min(4));
                let gaps = [3_010, 63_000, 303_000];
                for (number, pair) in deliveries.windows(2).enumerate() {
                    let waited_ms = pair[1].at_ms - pair[0].at_ms;
                    assert!(waited_ms.abs_diff(gaps[number]) < 100, "{waited_ms}");
                    assert_eq!(pair[0].event_id(), pair[1].event_id());
                    let header = pair[1].request.header("x-slack-retry-num").unwrap();
                    assert_eq!(header, (number + 1).to_string());
                }
                let gave_up = |what: &SlackFact| matches!(what, SlackFact::GaveUp { .. });
                assert_eq!(count(&world, gave_up), given_up);
            },
        );
    }
}

#[test]
fn the_first_tries_or_all_of_them_do_not_reach_the_app() {
    for (site, value, arrived) in [
        (&UNREACHABLE, 2, 1),
        (&UNREACHABLE, 3, 1),
        (&EVENT_LOST, 1, 0),
    ] {
        run(
            Setup::with_faults(&[(site, value)]),
            move |world: World| async move {
                let app = App::start(&[]).await;
                world.slack.post("C123", "U123", "question", None);
                world.settle().await;
                let deliveries = app.deliveries();
                assert_eq!(deliveries.len(), arrived);
                for delivery in deliveries {
                    let number = delivery.request.header("x-slack-retry-num").unwrap();
                    assert_eq!(number, value.to_string());
                    let reason = delivery.request.header("x-slack-retry-reason");
                    assert_eq!(reason, Some("connection_failed"));
                }
                let refused = |what: &SlackFact| matches!(what, SlackFact::Refused { .. });
                let failed = if arrived == 0 { 4 } else { value as usize };
                assert_eq!(count(&world, refused), failed);
                let gave_up = |what: &SlackFact| matches!(what, SlackFact::GaveUp { .. });
                assert_eq!(count(&world, gave_up), 1 - arrived);
            },
        );
    }
}

#[test]
fn the_second_half_of_a_head_or_of_a_body_comes_late() {
    for site in [&SLOW_HEAD, &SLOW_BODY] {
        run(
            Setup::with_faults(&[(site, 2_000)]),
            |world: World| async move {
                let app = App::start(&[]).await;
                let started_ms = time::since_start_ms();
                world.slack.post("C123", "U123", "question", None);
                world.settle().await;
                assert_eq!(app.deliveries()[0].text(), "question");
                let acknowledged = world
                    .slack
                    .ledger()
                    .into_iter()
                    .find(|entry| matches!(entry.what, SlackFact::Acknowledged { .. }));
                let waited_ms = acknowledged.unwrap().at_ms - started_ms;
                assert!((2_000..2_100).contains(&waited_ms), "{waited_ms}");
                let is_slow =
                    |what: &SlackFact| matches!(what, SlackFact::Delivered { slow_ms: 2_000, .. });
                assert_eq!(count(&world, is_slow), 1);
            },
        );
    }
}

#[test]
fn what_the_app_did_comes_back_well_before_or_long_after_the_reply() {
    for (value, is_before) in [(1, true), (2, false)] {
        run(
            Setup::with_faults(&[(&ECHO, value)]),
            move |world: World| async move {
                let app = App::start(&[]).await;
                let reply = called("chat.postMessage", post()).await;
                let replied_ms = time::since_start_ms();
                world.settle().await;
                let echo = &app.deliveries()[0];
                assert_eq!(echo.request.json()["event"]["ts"], reply["ts"]);
                assert!(echo.at_ms.abs_diff(replied_ms) > 1_900);
                assert_eq!(echo.at_ms < replied_ms, is_before);
            },
        );
    }
}

#[test]
fn a_reply_comes_with_an_update_of_its_parent() {
    for (value, subtype) in [(1, json!("message_replied")), (2, Value::Null)] {
        run(
            Setup::with_faults(&[(&PARENT_UPDATE, value)]),
            move |world: World| async move {
                let app = App::start(&[]).await;
                let parent = world.slack.post("C123", "U123", "question", None);
                world.slack.post("C123", "U456", "more", Some(&parent));
                world.settle().await;
                let events = app.deliveries();
                let events = events.iter().map(|one| one.request.json()["event"].clone());
                let mut updates = events.filter(|event| event["hidden"] == true);
                let update = updates.next().unwrap();
                assert_eq!(update["subtype"], subtype);
                assert_eq!(update["message"]["ts"], parent);
                assert_eq!(update["message"]["thread_ts"], parent);
                assert_eq!(update["message"]["reply_count"], 1);
                assert_eq!(updates.next(), None);
            },
        );
    }
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

/// The signature that a delivery should have.
fn right_signature(delivery: &Delivery) -> String {
    let timestamp = delivery
        .request
        .header("x-slack-request-timestamp")
        .unwrap();
    let secret = SlackConfig::default().signing_secret;
    sign(&secret, timestamp.parse().unwrap(), &delivery.request.body)
}

#[test]
fn forged_deliveries_come_beside_the_true_one() {
    for value in 1..=8 {
        run(
            Setup::with_faults(&[(&FORGED, value)]),
            move |world: World| async move {
                let app = App::start(&[]).await;
                world.slack.post("C123", "U123", "question", None);
                world.settle().await;
                let deliveries = app.deliveries();
                assert_eq!(deliveries.len(), 2, "{value}");
                let arrived_s =
                    |delivery: &Delivery| (time::EPOCH.unix_ms + delivery.at_ms as i64) / 1_000;
                let is_right = |delivery: &Delivery| {
                    let stated = delivery.request.header("x-slack-request-timestamp");
                    let stated: i64 = stated.unwrap().parse().unwrap();
                    let signature = delivery.request.header("x-slack-signature");
                    signature == Some(&*right_signature(delivery))
                        && (arrived_s(delivery) - stated).abs() <= 300
                };
                let right: Vec<_> = deliveries.iter().filter(|one| is_right(one)).collect();
                assert_eq!(right.len(), 1, "{value}");
                assert!(!right[0].event_id().starts_with("forged"));
                let forged = |what: &SlackFact| {
                    matches!(
                        what,
                        SlackFact::Forged {
                            status: Some(200),
                            ..
                        }
                    )
                };
                assert_eq!(count(&world, forged), 1);
            },
        );
    }
}

#[test]
fn a_first_try_is_signed_at_another_time() {
    for (value, away_s) in [(1, -299), (2, 299), (3, -301), (4, 301)] {
        run(
            Setup::with_faults(&[(&CLOCK, value)]),
            move |world: World| async move {
                let app = App::start(&[]).await;
                let now_s = time::now().unix_ms / 1_000;
                world.slack.post("C123", "U123", "question", None);
                world.settle().await;
                let delivery = &app.deliveries()[0];
                let stated = delivery.request.header("x-slack-request-timestamp");
                assert_eq!(stated.unwrap(), (now_s + away_s).to_string());
                let signature = delivery.request.header("x-slack-signature");
                assert_eq!(signature, Some(&*right_signature(delivery)));
            },
        );
    }
}

#[test]
fn an_outage_holds_everything_back_and_then_lets_it_go_at_once() {
    run(
        Setup::with_faults(&[(&OUTAGE, 20_000)]),
        |world: World| async move {
            let app = App::start(&[]).await;
            for _ in 0..5 {
                world.slack.post("C123", "U123", "question", None);
                crate::world::pass_ms(1_000).await;
            }
            assert!(app.deliveries().is_empty());
            world.settle().await;
            let at_ms: Vec<u64> = app.deliveries().iter().map(|one| one.at_ms).collect();
            assert_eq!(at_ms.len(), 5);
            assert!(at_ms[4] - at_ms[0] < 10 && at_ms[0] >= 20_000, "{at_ms:?}");
        },
    );
}

#[test]
fn a_notice_or_a_verification_comes_with_an_event() {
    for (site, kind) in [
        (&RATE_LIMITED_NOTICE, "app_rate_limited"),
        (&VERIFICATION, "url_verification"),
    ] {
        run(
            Setup::with_faults(&[(site, 1)]),
            move |world: World| async move {
                let app = App::start(&[]).await;
                world.slack.post("C123", "U123", "question", None);
                world.settle().await;
                let kinds: Vec<Value> = (app.deliveries().iter())
                    .map(|delivery| delivery.request.json()["type"].clone())
                    .collect();
                assert_eq!(kinds.len(), 2);
                assert!(kinds.contains(&json!(kind)), "{kinds:?}");
                let answered = |what: &SlackFact| {
                    matches!(
                        what,
                        SlackFact::RateLimitedNotice { status: Some(200) }
                            | SlackFact::UrlVerified { correct: false, .. }
                    )
                };
                assert_eq!(count(&world, answered), 1);
            },
        );
    }
}

#[test]
fn the_two_events_of_a_mention_come_in_either_order_or_one_alone() {
    for (value, kinds) in [
        (0, &["message", "app_mention"][..]),
        (1, &["app_mention", "message"]),
        (2, &["message", "app_mention"]),
        (3, &["app_mention"]),
        (4, &["message"]),
    ] {
        let setup = Setup::with_faults(&[(&MENTION, value)]);
        let slack = SlackConfig {
            app_mentions: true,
            ..setup.slack
        };
        run(Setup { slack, ..setup }, move |world: World| async move {
            let app = App::start(&[]).await;
            world
                .slack
                .post("C123", "U123", "<@U0000BOT> question", None);
            world.settle().await;
            let deliveries = app.deliveries();
            let events = deliveries
                .iter()
                .map(|one| one.request.json()["event"].clone());
            let events: Vec<Value> = events.collect();
            let found: Vec<_> = events.iter().map(|event| &event["type"]).collect();
            match value {
                // They set out at once, in no promised order.
                0 => assert_eq!(found.len(), kinds.len()),
                _ => assert_eq!(found, kinds),
            }
            assert!(events.iter().all(|event| event["ts"] == events[0]["ts"]));
            if let (1 | 2, [first, second]) = (value, &deliveries[..]) {
                assert!(second.at_ms - first.at_ms >= 2_000);
            }
        });
    }
}

#[test]
fn a_person_edits_or_deletes_what_they_wrote() {
    for (value, subtype) in [(1, "message_changed"), (2, "message_deleted")] {
        let faults = [(&CHANGED_MIND, value), (&CHANGED_AFTER, 500)];
        run(
            Setup::with_faults(&faults),
            move |world: World| async move {
                let app = App::start(&[]).await;
                let ts = world.slack.post("C123", "U123", "question", None);
                world.settle().await;
                let deliveries = app.deliveries();
                let event = deliveries[1].request.json()["event"].clone();
                assert_eq!(event["subtype"], subtype);
                assert_eq!(event["previous_message"]["ts"], ts);
                assert!(deliveries[1].at_ms - deliveries[0].at_ms >= 500);
                let left = world.slack.messages();
                assert_eq!(left.len(), usize::from(subtype == "message_changed"));
            },
        );
    }
}

#[test]
fn another_bot_replies_to_a_post_in_a_thread() {
    run(
        Setup::with_faults(&[(&OTHER_BOT, 1)]),
        |world: World| async move {
            let app = App::start(&[]).await;
            let ts = world.slack.post("C123", "U123", "question", None);
            let reply = json!({"channel": "C123", "text": "answer", "thread_ts": ts});
            called("chat.postMessage", reply).await;
            world.settle().await;
            let events = app.deliveries();
            let events = events.iter().map(|one| one.request.json()["event"].clone());
            let bots: Vec<_> = events
                .filter(|event| event["bot_id"] == "B0000002")
                .collect();
            assert_eq!(bots.len(), 1);
            assert_eq!(bots[0]["thread_ts"], ts);
            assert_ne!(bots[0]["bot_profile"]["app_id"], "A0000001");
        },
    );
}

fn applied(world: &World) -> usize {
    count(world, |what| matches!(what, SlackFact::Applied { .. }))
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
