//! Faults of what Slack sends (peers §5.3, S1 to S17).

use super::*;

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
