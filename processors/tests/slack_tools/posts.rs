//! A post is made once, and looked for when its outcome is unknown.

use super::*;

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
