//! Calls that are harmless to repeat, and those of which nobody knows.

use super::*;

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
